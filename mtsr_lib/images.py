"""Pictures in and out: files to tensors, tensors to files, and the photographs of the course.

Everywhere in this library an image is a float32 tensor of shape (b, 3, h, w), RGB in [0, 1].
"""

import csv
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

__all__ = [
    "ImageError",
    "data_folder",
    "from_uint8",
    "load_image",
    "load_sample",
    "load_uint8",
    "luma",
    "photographs",
    "quantize",
    "rgb_to_y",
    "sample_names",
    "save_image",
    "to_uint8",
]

LIBRARY_PHOTOS = {  # scikit-image's photographs: name -> function in skimage.data
    "astronaut": "astronaut",
    "cat": "chelsea",
    "coffee": "coffee",
    "rocket": "rocket",
}


class ImageError(ValueError):
    """A picture cannot be used; the message names the cause and the remedy in one sentence."""


def to_uint8(image: Float[Tensor, "..."]) -> UInt8[Tensor, "..."]:
    """Clip to [0, 1] and round to 8 bits: floor(255 v + 0.5). Any shape."""
    return image.clamp(0, 1).mul(255).add_(0.5).to(torch.uint8)


def from_uint8(image: UInt8[Tensor, "..."]) -> Float[Tensor, "..."]:
    """8-bit values 0..255 to float32 in [0, 1]. Any shape."""
    return image.float().div_(255)


def quantize(image: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Clip to [0, 1] and round to the 256 levels a file can hold; stays float. Any shape."""
    return from_uint8(to_uint8(image))


def luma(image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Full-range brightness 0.299 R + 0.587 G + 0.114 B, in the image's units (ITU-R BT.601)."""
    weights = image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (image * weights).sum(1, keepdim=True)


def rgb_to_y(image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """The Y that papers measure: 16 + 65.481 R + 128.553 G + 24.966 B, in 16..235, not rounded.

    RGB in [0, 1]; studio-swing YCbCr of ITU-R BT.601, as MATLAB's `rgb2ycbcr`.
    """
    weights = image.new_tensor([65.481, 128.553, 24.966]).view(1, 3, 1, 1)
    return 16 + (image * weights).sum(1, keepdim=True)


# ---------------------------------------------------------------------------- files


def load_image(path: str | os.PathLike) -> Float[Tensor, "1 3 h w"]:
    """Read a picture file as float32 RGB in [0, 1].

    Upright as its EXIF says; transparency on white; palette, grey, CMYK and 16-bit pictures are
    converted; of an animation the first frame. Raises ImageError with one sentence otherwise.
    """
    return from_uint8(load_uint8(path))


def load_uint8(path: str | os.PathLike) -> UInt8[Tensor, "1 3 h w"]:
    """Read a picture file as 8-bit RGB: as `load_image`, a quarter of the memory."""
    path = Path(path)
    if not path.exists():
        raise ImageError(f"{path}: there is no such file; check the spelling and the folder.")
    if path.is_dir():
        raise ImageError(f"{path} is a folder; name a picture inside it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                array = np.array(_upright_rgb(picture))
    except UnidentifiedImageError:
        reason = "is not a picture this computer can read; use JPEG, PNG or WebP"
    except Image.DecompressionBombError:
        reason = "has more than 178 million pixels; reduce or crop it first"
    except MemoryError:
        reason = "does not fit in memory; reduce or crop it first"
    except PermissionError:
        reason = "may not be read; change its permissions"
    except Exception as error:  # a damaged file can fail in many ways
        reason = f"is damaged or cut short ({error}); save or copy it again"
    else:
        return torch.from_numpy(array).permute(2, 0, 1)[None].contiguous()
    raise ImageError(f"{path} {reason}.")


def _upright_rgb(picture: Image.Image) -> Image.Image:
    """Any Pillow mode to 8-bit RGB, turned as the EXIF orientation asks."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 or 32 bits of grey
        picture = _eight_bits(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits to 8: whole numbers by 65535, floats by the least of 1, 255, 65535."""
    values = np.asarray(picture, dtype=np.float32)
    peaks = (1, 255, 65535) if picture.mode == "F" else (65535,)
    peak = next((p for p in peaks if values.max() <= p), 65535)
    return Image.fromarray((values.clip(0, peak) / peak * 255 + 0.5).astype(np.uint8))


def save_image(image: Tensor, path: str | os.PathLike) -> None:
    """Write one picture, (3, h, w) or (1, 3, h, w), float in [0, 1] or uint8; the suffix chooses.

    It is written beside and then renamed, so that a full disk never spoils an older file.
    Raises ImageError with one sentence when it cannot be written.
    """
    path, shape = Path(path), tuple(image.shape)
    if shape[-3:-2] != (3,) or set(shape[:-3]) - {1} or not image.numel():
        raise ImageError(f"{path}: one picture has the shape (3, h, w), not {shape}.")
    pixels = to_uint8(image) if image.is_floating_point() else image
    picture = Image.fromarray(pixels.reshape(pixels.shape[-3:]).permute(1, 2, 0).numpy())
    options = {"quality": 95} if path.suffix.lower() in {".jpg", ".jpeg", ".webp"} else {}
    write_beside(path, lambda part: picture.save(part, _format_of(path), **options))


def _format_of(path: Path) -> str:
    formats = Image.registered_extensions()
    if path.suffix.lower() not in formats:
        raise ImageError(f"{path}: give the file a picture's ending, such as .png.")
    return formats[path.suffix.lower()]


def write_beside(path: Path, write) -> None:
    """Call write(temporary path in the same folder), then rename it to `path`: all or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise ImageError(
            f"{path}: the folder cannot be written ({error.strerror}); choose another."
        ) from None
    try:
        write(part)
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(
            f"{path} could not be written ({reason}); free some space or try elsewhere."
        ) from None
    finally:
        Path(part).unlink(missing_ok=True)


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


# ------------------------------------------------------------------- the course's photographs


def data_folder() -> Path:
    """The course's data: inside an installed wheel, else beside the library in the clone."""
    inside = Path(__file__).parent / "data"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "data"


def photographs(split: str) -> list[Path]:
    """The course's photographs of a split, "train", "val" or "test", in the order of the index."""
    chosen = [row["file"] for row in _index() if row["split"] == split]
    if not chosen:
        raise ValueError(f'there is no split {split!r}; it is "train", "val" or "test".')
    return [data_folder() / "photographs" / file for file in chosen]


def _index() -> list[dict[str, str]]:
    with open(data_folder() / "photographs" / "INDEX.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def sample_names() -> list[str]:
    """Names for `load_sample`: scikit-image's colour photographs, then those under data/."""
    return [*LIBRARY_PHOTOS, *(Path(row["file"]).stem for row in _index())]


def load_sample(name: str) -> Float[Tensor, "1 3 h w"]:
    """A photograph that comes with the course, by its name; see `sample_names()`."""
    if name in LIBRARY_PHOTOS:
        from skimage import data

        array = np.ascontiguousarray(getattr(data, LIBRARY_PHOTOS[name])()[..., :3])
        return from_uint8(torch.from_numpy(array).permute(2, 0, 1)[None])
    path = data_folder() / "photographs" / f"{name}.jpg"
    if not path.exists():
        raise ImageError(f"there is no sample {name!r}; choose one of {', '.join(sample_names())}.")
    return load_image(path)
