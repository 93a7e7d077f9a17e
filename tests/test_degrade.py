"""Degradations: resampling by the definition of MATLAB's imresize, fading undone, statistics."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from mtsr_lib.degrade import (
    TINT,
    blur,
    crop_to_multiple,
    downscale,
    enlarge,
    fade,
    jpeg,
    noise,
    pad_symmetric,
    unfade,
)
from mtsr_lib.images import luma

SIZES = [(1, 1), (1, 5), (2, 3), (7, 4), (13, 11)]  # in LR pixels: tiny, thin and odd


def cubic(x: float, a: float = -0.5) -> float:
    """Keys 1981."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def imresize_matrix(size: int, out: int) -> np.ndarray:
    """One axis of MATLAB's imresize, written from its definition: (out, size), rows sum to 1.

    Output pixel i sits at u = (i + 0.5) size / out − 0.5; the kernel is widened by size / out when
    reducing; an index beyond the border is mirrored with the edge pixel repeated.
    """
    step = size / out
    wide = max(1.0, step)
    matrix = np.zeros((out, size))
    for i in range(out):
        u = (i + 0.5) * step - 0.5
        for j in range(int(np.floor(u - 2 * wide)), int(np.ceil(u + 2 * wide)) + 1):
            mirrored = j % (2 * size)
            matrix[i, min(mirrored, 2 * size - 1 - mirrored)] += cubic((u - j) / wide)
    return matrix / matrix.sum(1, keepdims=True)


def imresize(image: np.ndarray, h: int, w: int) -> np.ndarray:
    return imresize_matrix(image.shape[-2], h) @ image @ imresize_matrix(image.shape[-1], w).T


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_downscale_is_imresize(size, scale, rng):
    h, w = size
    image = rng.random((1, 3, h * scale, w * scale))
    ours = downscale(torch.from_numpy(image), scale).numpy()
    assert ours.shape == (1, 3, h, w)
    assert np.abs(ours - imresize(image, h, w)).max() < 1e-9
    single = downscale(torch.from_numpy(image).float(), scale).numpy()
    assert 255 * np.abs(single - ours).max() < 1e-3


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_enlarge_is_imresize(size, scale, rng):
    h, w = size
    image = rng.random((1, 3, h, w))
    ours = enlarge(torch.from_numpy(image), scale).numpy()
    assert ours.shape == (1, 3, h * scale, w * scale)
    assert np.abs(ours - imresize(image, h * scale, w * scale)).max() < 1e-9


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_resampling_keeps_constants_and_is_linear(scale, rng):
    a, b = torch.from_numpy(rng.random((2, 1, 3, 24, 36)))
    for resample in (downscale, enlarge):
        flat = resample(torch.full_like(a, 0.3), scale)
        assert (flat - 0.3).abs().max() < 1e-12
        mixed = resample(2 * a - 3 * b, scale)
        assert torch.allclose(mixed, 2 * resample(a, scale) - 3 * resample(b, scale), atol=1e-12)


def test_sides_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="no multiple of 3"):
        downscale(torch.zeros(1, 3, 12, 10), 3)
    assert crop_to_multiple(torch.zeros(1, 3, 13, 11), 3).shape == (1, 3, 12, 9)
    with pytest.raises(ValueError, match="too small"):
        crop_to_multiple(torch.zeros(1, 3, 2, 9), 3)


def test_padding_mirrors_with_the_edge_repeated(rng):
    image = rng.random((1, 3, 2, 5))
    for n in (0, 1, 2, 7):  # 7: mirrored more than once
        theirs = np.pad(image, [(0, 0), (0, 0), (n, n), (n, n)], "symmetric")
        assert np.array_equal(pad_symmetric(torch.from_numpy(image), n).numpy(), theirs)


# ---------------------------------------------------------------------------- fading


def test_fading_by_hand():
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    grey = [0.4 + 0.6 * 0.299, 0.6 * 0.299, 0.6 * 0.299]
    full = [v * 0.55 + 0.9 * t for v, t in zip(grey, (0.32, 0.27, 0.22), strict=True)]
    assert fade(red, 1.0).flatten().tolist() == pytest.approx(full, abs=1e-6)
    assert fade(torch.zeros(1, 3, 1, 1), 0.5).flatten().tolist() == pytest.approx(
        [0.45 * t for t in TINT], abs=1e-6
    )


def test_no_fading_changes_nothing(photo):
    assert torch.equal(fade(photo, 0.0), photo)
    assert torch.equal(fade(photo, torch.zeros(1, 1, 1, 1)), photo)


@settings(max_examples=30, deadline=None)
@given(s=st.floats(0, 1), seed=st.integers(0, 999))
def test_a_known_fading_can_be_undone_and_stays_in_range(s, seed):
    torch.manual_seed(seed)
    clean = torch.rand(2, 3, 5, 4, dtype=torch.float64)
    faded = fade(clean, s)
    assert -1e-12 <= faded.min() <= faded.max() <= 1
    assert (unfade(faded, s) - clean).abs().max() < 1e-12
    assert faded.var() <= clean.var() + 1e-12


def test_each_picture_has_its_own_strength(photo):
    both = fade(torch.cat([photo, photo]), torch.tensor([0.2, 0.9]).view(2, 1, 1, 1))
    assert torch.allclose(both[:1], fade(photo, 0.2))
    assert torch.allclose(both[1:], fade(photo, 0.9))


def test_stronger_is_greyer_and_less_contrasted(photo):
    spread = [(fade(photo, s) - luma(fade(photo, s))).abs().mean() for s in (0, 0.5, 1)]
    contrast = [luma(fade(photo, s)).std() for s in (0, 0.5, 1)]
    assert contrast[0] > contrast[1] > contrast[2]
    assert spread[0] > spread[1] > spread[2]


# ---------------------------------------------------------------------------- blur, noise, JPEG


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_blur_is_scipys(sigma, rng):
    image = rng.random((1, 3, 20, 24))
    theirs = gaussian_filter(image[0, 0], sigma, mode="reflect", radius=round(3 * sigma))
    ours = blur(torch.from_numpy(image), sigma)[0, 0].numpy()
    assert np.abs(ours - theirs).max() < 1e-9
    assert torch.equal(blur(torch.from_numpy(image), 0.0), torch.from_numpy(image))


def test_noise_has_its_standard_deviation_and_is_reproducible():
    grey = torch.full((1, 3, 200, 200), 0.5)
    noisy = [noise(grey, 10.0, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    error = 255 * (noisy[0] - grey)
    assert error.std().item() == pytest.approx(10, rel=0.02)
    assert error.mean().item() == pytest.approx(0, abs=0.2)
    assert torch.equal(noisy[0], noisy[1])
    assert not torch.equal(noisy[0], noisy[2])
    assert torch.equal(noise(grey, 0.0), grey)


def test_jpeg_is_what_a_file_would_hold(photo):
    with io.BytesIO() as file:
        pixels = np.round(photo[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        Image.fromarray(pixels).save(file, "JPEG", quality=30)
        decoded = np.array(Image.open(file))
    ours = jpeg(torch.cat([photo, photo]), 30)
    assert ours.shape == (2, *photo.shape[1:])
    assert np.array_equal((ours[1] * 255).round().permute(1, 2, 0).numpy(), decoded)


def test_jpeg_is_worse_at_lower_quality(photo):
    errors = [(jpeg(photo, quality) - photo).square().mean() for quality in (95, 50, 10)]
    assert 0 < errors[0] < errors[1] < errors[2]
