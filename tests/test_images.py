"""Pictures of every kind come in as upright 8-bit RGB, and go out without losing an older file."""

import contextlib
import errno
import io
import os
import warnings
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mtsr_lib import images
from mtsr_lib.images import (
    ImageError,
    load_image,
    load_sample,
    load_uint8,
    luma,
    photographs,
    quantize,
    rgb_to_y,
    sample_names,
    save_image,
    to_uint8,
)

RED, GREEN, WHITE = (255, 0, 0), (0, 128, 0), (255, 255, 255)


def pixels(path) -> np.ndarray:
    """(h, w, 3) of a file as the library reads it."""
    return load_uint8(path)[0].permute(1, 2, 0).numpy()


def saved(path, array, mode=None, **options):
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def steps(h=5, w=7) -> np.ndarray:
    """A small picture in which every pixel differs."""
    return (np.arange(h * w * 3) * 2 % 256).reshape(h, w, 3).astype(np.uint8)


# ---------------------------------------------------------------------------- values


def test_to_uint8_rounds_to_the_nearest_level_and_clips():
    given = torch.tensor([-0.1, 0.0, 0.49 / 255, 0.51 / 255, 254.49 / 255, 254.51 / 255, 1.0, 9.0])
    assert to_uint8(given).tolist() == [0, 0, 0, 1, 254, 255, 255, 255]
    assert given[0] < 0  # the input is left alone


def test_all_levels_survive_the_way_to_float_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(images.from_uint8(levels)), levels)


def test_quantize_twice_is_quantize_once(photo):
    once = quantize(photo + 0.001)
    assert torch.equal(quantize(once), once)
    assert (once - photo).abs().max() <= 0.5 / 255 + 0.0011


@pytest.mark.parametrize(
    ("rgb", "y"),
    [  # ITU-R BT.601 in studio swing; MATLAB's rgb2ycbcr gives the same
        ((0, 0, 0), 16.0),
        ((1, 1, 1), 235.0),
        ((1, 0, 0), 81.481),
        ((0, 1, 0), 144.553),
        ((0, 0, 1), 40.966),
    ],
)
def test_y_of_the_primaries(rgb, y):
    colour = torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1)
    assert rgb_to_y(colour).item() == pytest.approx(y, abs=1e-9)


def test_y_is_scikit_images_ycbcr(photo):
    from skimage.color import rgb2ycbcr

    theirs = rgb2ycbcr(photo[0].permute(1, 2, 0).double().numpy())[..., 0]
    assert np.abs(rgb_to_y(photo.double())[0, 0].numpy() - theirs).max() < 1e-3


def test_luma_is_pillows_grey():
    colours = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    grey = np.array(Image.fromarray(colours).convert("L"), dtype=float)
    ours = luma(torch.from_numpy(colours).permute(2, 0, 1)[None].float())[0, 0].numpy()
    assert np.abs(ours - grey).max() <= 0.51


# ---------------------------------------------------------------------------- kinds of files


def test_rgb_png_is_read_exactly(tmp_path):
    assert np.array_equal(pixels(saved(tmp_path / "a.png", steps())), steps())
    assert load_image(tmp_path / "a.png").shape == (1, 3, 5, 7)
    assert load_image(tmp_path / "a.png").dtype == torch.float32


def test_palette(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *GREEN])
    picture.putdata([0, 1])
    picture.save(tmp_path / "a.png")
    assert pixels(tmp_path / "a.png").tolist() == [[list(RED), list(GREEN)]]


def test_palette_with_a_transparent_colour(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *GREEN])
    picture.putdata([0, 1])
    picture.save(tmp_path / "a.png", transparency=0)
    assert pixels(tmp_path / "a.png").tolist() == [[list(WHITE), list(GREEN)]]


def test_grey_and_black_and_white(tmp_path):
    grey = np.array([[0, 100, 255]], dtype=np.uint8)
    saved(tmp_path / "grey.png", grey)
    Image.fromarray(grey > 99).save(tmp_path / "bit.png")
    assert pixels(tmp_path / "grey.png").tolist() == [[[0] * 3, [100] * 3, [255] * 3]]
    assert pixels(tmp_path / "bit.png").tolist() == [[[0] * 3, [255] * 3, [255] * 3]]


def test_transparency_is_laid_on_white(tmp_path):
    rgba = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 128]]], dtype=np.uint8)
    saved(tmp_path / "rgba.png", rgba)
    saved(tmp_path / "la.png", rgba[..., [1, 3]], "LA")
    opaque, clear, half = pixels(tmp_path / "rgba.png")[0].tolist()
    assert (opaque, clear) == (list(RED), list(WHITE))
    assert half == pytest.approx([127] * 3, abs=1)
    assert pixels(tmp_path / "la.png")[0].tolist()[:2] == [[0] * 3, list(WHITE)]


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_grey_of_16_bits(tmp_path, ending):
    deep = np.array([[0, 100, 257 * 100, 65535]], dtype=np.uint16)
    read = pixels(saved(tmp_path / f"a.{ending}", deep))
    assert read[0, :, 0].tolist() == [0, 0, 100, 255]
    assert (read == read[..., :1]).all()


def test_a_dark_picture_of_16_bits_stays_dark(tmp_path):
    dark = np.full((4, 4), 200, dtype=np.uint16)
    assert pixels(saved(tmp_path / "a.png", dark)).max() == 1


def test_grey_of_16_bits_is_turned_upright(tmp_path):
    deep = np.array([[0, 65535]], dtype=np.uint16)
    exif = Image.Exif()
    exif[274] = 6  # a quarter turn clockwise to be upright
    Image.fromarray(deep).save(tmp_path / "a.png", exif=exif)
    assert pixels(tmp_path / "a.png")[:, :, 0].tolist() == [[0], [255]]


def test_float_grey(tmp_path):
    saved(tmp_path / "a.tif", np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert pixels(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 128, 255]


def png_of_16_bits(array: np.ndarray) -> bytes:
    """A PNG of 16-bit RGB, chunk by chunk: Pillow cannot write one."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + crc

    h, w, _ = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    head = w.to_bytes(4, "big") + h.to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_rgb_of_16_bits(tmp_path):
    deep = np.array([[[0, 257 * 10, 257 * 200], [65535, 300, 40000]]], dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png_of_16_bits(deep))
    assert np.abs(pixels(tmp_path / "a.png") - deep / 257).max() <= 1


def test_cmyk(tmp_path):
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert pixels(tmp_path / "a.tif")[0, 0].tolist() == list(RED)
    assert np.abs(pixels(tmp_path / "a.jpg")[8, 8].astype(int) - RED).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    """What a viewer shows: the eight orientations of the EXIF standard, by hand."""
    shown = steps()
    stored = {  # what a camera would have stored for `shown`
        1: shown,
        2: shown[:, ::-1],
        3: shown[::-1, ::-1],
        4: shown[::-1],
        5: shown.transpose(1, 0, 2),
        6: np.rot90(shown, 1),
        7: shown[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(shown, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    saved(tmp_path / "a.png", np.ascontiguousarray(stored), exif=exif)
    assert np.array_equal(pixels(tmp_path / "a.png"), shown)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_the_first_frame_of_an_animation(tmp_path, ending):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN)]
    lossless = {"lossless": True} if ending == "webp" else {}
    frames[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=frames[1:], **lossless)
    assert pixels(tmp_path / f"a.{ending}")[4, 4].tolist() == list(RED)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 3)])
def test_small_and_odd_sizes(tmp_path, size):
    array = steps(*size)
    assert np.array_equal(pixels(saved(tmp_path / "a.png", array)), array)


@pytest.mark.slow
def test_a_hundred_megapixels_load_without_a_warning(tmp_path):
    Image.new("L", (10_000, 10_000), 77).save(tmp_path / "a.png", compress_level=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = load_uint8(tmp_path / "a.png")
    assert picture.shape == (1, 3, 10_000, 10_000)
    assert picture[0, :, -1, -1].tolist() == [77] * 3


# ---------------------------------------------------------------------------- what cannot be read


def sentence(call, *arguments) -> str:
    with pytest.raises(ImageError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_missing_folder_foreign_and_empty(tmp_path):
    (tmp_path / "words.jpg").write_text("no picture")
    (tmp_path / "empty.png").touch()
    assert "no such file" in sentence(load_image, tmp_path / "nothing.png")
    assert "is a folder" in sentence(load_image, tmp_path)
    assert "is not a picture" in sentence(load_image, tmp_path / "words.jpg")
    assert "is not a picture" in sentence(load_image, tmp_path / "empty.png")


def encoded(ending: str) -> bytes:
    with io.BytesIO() as file:
        array = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(array).save(file, ending)
        return file.getvalue()


FORMATS = {kind: encoded(kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture(tmp_path, kind, share):
    whole = FORMATS[kind]
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * share)])
    sentence(load_image, tmp_path / "a")


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(sorted(FORMATS)), place=st.floats(0, 1), noise=st.binary(max_size=20))
def test_damage_gives_a_picture_or_one_sentence(tmp_path_factory, kind, place, noise):
    whole = FORMATS[kind]
    start = int(place * len(whole))
    path = tmp_path_factory.mktemp("damage") / "a"
    path.write_bytes(whole[:start] + noise + whole[start + len(noise) :])
    with warnings.catch_warnings(), contextlib.suppress(ImageError):
        warnings.simplefilter("ignore", UserWarning)  # Pillow's, about broken EXIF
        assert load_uint8(path).shape[:2] == (1, 3)


def test_too_many_pixels_is_a_sentence(tmp_path):
    head = png_of_16_bits(np.zeros((1, 1, 3), np.uint16))
    huge = head[:16] + (20_000).to_bytes(4, "big") * 2 + head[24:29]
    huge += zlib.crc32(huge[12:29]).to_bytes(4, "big") + head[33:]
    (tmp_path / "a.png").write_bytes(huge)
    assert "178 million pixels" in sentence(load_image, tmp_path / "a.png")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", steps())

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(images.Image, "open", refuse)
    assert "may not be read" in sentence(load_image, path)


# ---------------------------------------------------------------------------- writing


@pytest.mark.parametrize("ending", ["png", "tif", "bmp", "webp", "jpg"])
def test_what_is_written_can_be_read(tmp_path, photo, ending):
    save_image(photo, tmp_path / "new" / f"a.{ending}")
    error = (load_image(tmp_path / "new" / f"a.{ending}") - photo).abs().mean()
    assert error < (0.02 if ending in {"jpg", "webp"} else 1e-6)


def test_uint8_and_pictures_without_a_batch_axis(tmp_path):
    tensor = torch.from_numpy(steps()).permute(2, 0, 1)
    save_image(tensor, tmp_path / "a.png")
    save_image(tensor[None].float() / 255, tmp_path / "b.png")
    assert np.array_equal(pixels(tmp_path / "a.png"), steps())
    assert np.array_equal(pixels(tmp_path / "b.png"), steps())


@pytest.mark.parametrize("shape", [(3,), (4, 8, 8), (2, 3, 8, 8), (1, 1, 8, 8), (3, 0, 8)])
def test_only_one_rgb_picture_can_be_written(tmp_path, shape):
    assert "shape" in sentence(save_image, torch.zeros(shape), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_an_ending_without_a_format(tmp_path, photo):
    assert "ending" in sentence(save_image, photo, tmp_path / "a.picture")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_keeps_the_older_file(tmp_path, photo, monkeypatch):
    path = saved(tmp_path / "a.png", steps())

    def fill(picture, file, *_, **__):
        with open(file, "wb") as part:
            part.write(b"half a pic")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(images.Image.Image, "save", fill)
    assert "No space left" in sentence(save_image, photo, path)
    assert np.array_equal(pixels(path), steps())
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_that_cannot_be_written(tmp_path, photo, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(images.tempfile, "mkstemp", refuse)
    assert "cannot be written (Permission denied)" in sentence(
        save_image, photo, tmp_path / "a.png"
    )


def test_a_folder_under_a_file(tmp_path, photo):
    (tmp_path / "a").touch()
    assert "cannot be written" in sentence(save_image, photo, tmp_path / "a" / "b.png")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_written_file_can_be_read_by_others(tmp_path, photo):
    before = os.umask(0o022)
    try:
        save_image(photo, tmp_path / "a.png")
    finally:
        os.umask(before)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o644


# ------------------------------------------------------------------- the course's photographs


def test_every_sample_has_a_name_and_loads():
    names = sample_names()
    assert len(names) == len(set(names)) >= 12
    for name in ("astronaut", "cat", names[-1]):
        sample = load_sample(name)
        assert sample.shape[:2] == (1, 3)
        assert 0 <= sample.min() < 0.2 < 0.8 < sample.max() <= 1


def test_an_unknown_sample_or_split():
    assert "choose one of astronaut" in sentence(load_sample, "dog in space")
    with pytest.raises(ValueError, match="there is no split 'all'"):
        photographs("all")


def test_splits_share_no_picture():
    splits = [set(photographs(split)) for split in ("train", "val", "test")]
    assert all(path.is_file() for split in splits for path in split)
    assert sum(map(len, splits)) == len(set.union(*splits))
