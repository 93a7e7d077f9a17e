"""Metrics agree with scikit-image and with published figures, and each known mistake costs what
it is known to cost (the same effects on a network's output: test_shipped_network.py)."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.color import lab2rgb
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from mtsr_lib.degrade import crop_to_multiple, downscale, enlarge
from mtsr_lib.images import from_uint8, load_image, luma, quantize, rgb_to_y, to_uint8
from mtsr_lib.metrics import (
    ciede2000,
    gaussian_window,
    mse,
    psnr,
    psnr_rgb,
    psnr_y,
    shave,
    ssim,
    ssim_y,
)


@pytest.fixture(scope="module")
def pair(photo) -> tuple[Tensor, Tensor]:
    """A photograph and a spoilt copy, in float64."""
    torch.manual_seed(0)
    clean = photo.double()
    return (enlarge(downscale(clean, 2), 2) + 0.02 * torch.randn_like(clean)).clamp(0, 1), clean


def channels_last(image: Tensor) -> np.ndarray:
    return image[0].permute(1, 2, 0).numpy()


# ---------------------------------------------------------------------------- against scikit-image


def test_psnr_by_hand():
    zeros, tenth = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.1)
    assert psnr(zeros, tenth).tolist() == pytest.approx([20.0, 20.0], abs=1e-5)
    assert psnr(255 * zeros, 255 * tenth, peak=255.0).tolist() == pytest.approx([20, 20], abs=1e-5)
    assert psnr(zeros, zeros).isinf().all()


def test_psnr_is_scikit_images(pair):
    theirs = peak_signal_noise_ratio(pair[1].numpy(), pair[0].numpy(), data_range=1)
    assert psnr(*pair).item() == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_ssim_is_scikit_images_with_the_same_settings(pair, peak):
    x, y = (peak * image for image in pair)
    theirs = structural_similarity(
        channels_last(x),
        channels_last(y),
        data_range=peak,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=2,
    )
    assert ssim(x, y, peak).item() == pytest.approx(theirs, abs=1e-6)


def test_ssim_in_float32_is_near(pair):
    exact = ssim(*pair).item()
    assert ssim(*(image.float() for image in pair)).item() == pytest.approx(exact, abs=1e-5)


def test_ssim_is_symmetric_and_one_for_equal_pictures(pair):
    assert ssim(*pair).item() == pytest.approx(ssim(*pair[::-1]).item(), abs=1e-12)
    assert ssim(pair[0], pair[0]).item() == pytest.approx(1, abs=1e-12)
    noise = 0.1 * torch.randn(1, 3, 20, 20)
    assert ssim(0.5 + noise, 0.5 - noise).item() < -0.5  # a negative of it


def test_the_window_is_the_papers():
    window = gaussian_window()
    assert window.sum().item() == pytest.approx(1, abs=1e-12)
    assert window[5].item() == pytest.approx(0.26601, abs=1e-5)  # Wang et al. 2004, ssim_index.m
    assert window[0].item() == pytest.approx(0.00102838, abs=1e-8)


def test_each_picture_of_a_batch_has_its_own_number(pair):
    both = [torch.cat([a, b]) for a, b in zip(pair, (pair[1], pair[1]), strict=True)]
    for metric in (psnr, ssim):
        assert metric(*both)[0].item() == pytest.approx(metric(*pair).item(), abs=1e-9)
    assert ssim(*both)[1].item() == pytest.approx(1)


@pytest.mark.parametrize("metric", [mse, psnr, ssim])
def test_shapes_that_differ_are_refused(metric):
    with pytest.raises((ValueError, TypeError)):
        metric(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 15))
    with pytest.raises((ValueError, TypeError)):
        metric(torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16))


def test_ssim_of_a_tiny_picture_is_a_sentence():
    with pytest.raises(ValueError, match="11×11"):
        ssim(torch.zeros(1, 3, 10, 30), torch.zeros(1, 3, 10, 30))


SHARMA = [  # two colours in L*a*b* and their ΔE00, from Sharma, Wu and Dalal 2005, table 1
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((61.2901, 3.7196, -5.3901), (61.4292, 2.2480, -4.9620), 1.8731),
    ((36.4612, 47.8580, 18.3852), (36.2715, 50.5065, 21.2231), 1.4146),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
]


@pytest.mark.parametrize(("one", "other", "difference"), SHARMA)
def test_ciede2000_of_published_pairs(one, other, difference):
    colours = [torch.from_numpy(lab2rgb(np.array([[lab]]))) for lab in (one, other)]
    assert all(((colour > 0) & (colour < 1)).all() for colour in colours)  # sRGB holds them
    pair = [colour.permute(2, 0, 1)[None].expand(2, 3, 2, 3) for colour in colours]
    assert ciede2000(*pair).tolist() == pytest.approx([difference] * 2, abs=2e-3)


# ---------------------------------------------------------------------------- the protocol


def test_shave_takes_the_same_off_each_side():
    image = torch.arange(48.0).view(1, 1, 6, 8)
    assert torch.equal(shave(image, 2), image[..., 2:4, 2:6])
    assert torch.equal(shave(image, 0), image)


def protocol_by_hand(prediction: Tensor, target: Tensor, scale: int) -> tuple[float, float]:
    """PSNR-Y and SSIM-Y with NumPy and scikit-image alone."""
    weights = np.array([65.481, 128.553, 24.966])
    y = []
    for image in (prediction, target):
        levels = np.floor(np.clip(channels_last(image.double()), 0, 1) * 255 + 0.5)
        y.append((16 + levels @ weights / 255)[scale:-scale, scale:-scale])
    error = np.mean((y[0] - y[1]) ** 2)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return 10 * np.log10(255**2 / error), structural_similarity(*y, data_range=255, **settings)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_protocol_by_hand(pair, scale):
    prediction, target = (image.float() for image in pair)
    dB, similarity = protocol_by_hand(prediction, target, scale)
    assert psnr_y(prediction, target, scale).item() == pytest.approx(dB, abs=1e-4)
    assert ssim_y(prediction, target, scale).item() == pytest.approx(similarity, abs=1e-6)
    rounded = [quantize(shave(image, scale)).double() for image in (prediction, target)]
    theirs = peak_signal_noise_ratio(rounded[1].numpy(), rounded[0].numpy(), data_range=1)
    assert psnr_rgb(prediction, target, scale).item() == pytest.approx(theirs, abs=1e-4)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), size=st.floats(0.001, 0.1))
def test_more_noise_is_worse_by_every_metric(seed, size):
    torch.manual_seed(seed)
    clean = F.interpolate(torch.rand(1, 3, 6, 6), (24, 24), mode="bilinear") * 0.6 + 0.2
    noise = size * torch.randn_like(clean)
    for metric in (psnr_y, psnr_rgb, ssim_y):
        assert metric(clean + noise, clean, 2) > metric(clean + 2 * noise, clean, 2)
    assert ciede2000(clean + noise, clean) < ciede2000(clean + 2 * noise, clean)


# ---------------------------------------------------------------------------- published figures


def mean_over(root: Path, name: str, scale: int, restore, metric=psnr_y, reduce=downscale):
    """The metric, averaged over a benchmark's pictures, of what restores the reduced pictures."""
    values = []
    for path in sorted((root / name).glob("*.png")):
        hr = crop_to_multiple(load_image(path), scale)
        x = quantize(reduce(hr, scale))
        values.append(float(metric(restore(x), hr, scale)))
    return np.mean(values)


def bicubic(scale: int):
    return lambda x: enlarge(x, scale)


PUBLISHED = {  # bicubic's PSNR-Y by the RGB route
    ("Set5", 2): 33.68,
    ("Set5", 3): 30.41,
    ("Set5", 4): 28.43,
    ("Set14", 2): 30.33,
    ("Set14", 3): 27.63,
    ("Set14", 4): 26.09,
}


@pytest.mark.benchmarks
@pytest.mark.parametrize(("name", "scale"), PUBLISHED)
def test_bicubic_scores_what_is_published(benchmarks, name, scale):
    measured = mean_over(benchmarks, name, scale, bicubic(scale))
    assert measured == pytest.approx(PUBLISHED[name, scale], abs=0.02)


def y_rounded_first(root: Path) -> float:
    """Bicubic on Set5 ×2 by the route of the papers: Y in 8 bits, then reduced and enlarged."""
    values = []
    for path in sorted((root / "Set5").glob("*.png")):
        hr = (rgb_to_y(crop_to_multiple(load_image(path), 2).double()) + 0.5).floor() / 255
        y = quantize(enlarge(quantize(downscale(hr, 2)).double(), 2)).double()
        values.append(psnr(shave(y, 2), shave(hr, 2)).item())
    return np.mean(values)


@pytest.mark.benchmarks
def test_bicubic_by_the_route_of_the_papers(benchmarks):
    assert y_rounded_first(benchmarks) == pytest.approx(33.66, abs=0.01)


def full_range(prediction: Tensor, target: Tensor, scale: int) -> Tensor:
    """The mistake of measuring Pillow's YCbCr, whose Y fills 0..255."""
    return psnr(*(shave(luma(quantize(i).double()), scale) for i in (prediction, target)))


def no_shave(prediction: Tensor, target: Tensor, scale: int) -> Tensor:
    return psnr_y(F.pad(prediction, [scale] * 4), F.pad(target, [scale] * 4), scale)


def typo(prediction: Tensor, target: Tensor, scale: int) -> Tensor:
    """Y with 64.738 instead of 65.738 (of 256) for red."""
    weights = torch.tensor([64.738, 129.057, 25.064]).double().view(1, 3, 1, 1) * 255 / 256
    y = [(quantize(i).double() * weights).sum(1, keepdim=True) for i in (prediction, target)]
    return psnr(*(shave(i, scale) for i in y), peak=255.0)


def default_ssim(prediction: Tensor, target: Tensor, scale: int) -> float:
    """scikit-image's structural_similarity as it comes: a 7×7 box."""
    y = [shave(rgb_to_y(quantize(i).double()), scale)[0, 0].numpy() for i in (prediction, target)]
    return structural_similarity(*y, data_range=255)


MISTAKES = {  # metric: what it changes for bicubic on Set5 ×2, in dB
    full_range: (-1.34, -1.30),  # 20 log10(219 / 255) = −1.32
    psnr_rgb: (-2.2, -1.6),
    no_shave: (-0.1, 0.1),  # where to the borders go depends on the method
    typo: (0.02, 0.06),
}


@pytest.mark.benchmarks
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_wrong_metric_costs(benchmarks, mistake):
    change = mean_over(benchmarks, "Set5", 2, bicubic(2), mistake) - 33.68
    low, high = MISTAKES[mistake]
    assert low < change < high
    assert abs(change) > 0.004  # it can be seen


@pytest.mark.benchmarks
def test_what_the_default_ssim_of_scikit_image_flatters(benchmarks):
    right = mean_over(benchmarks, "Set5", 2, bicubic(2), ssim_y)
    assert right == pytest.approx(0.9299, abs=0.001)  # published, by the Y route
    flattered = mean_over(benchmarks, "Set5", 2, bicubic(2), default_ssim)
    assert 0.004 < flattered - right < 0.009  # a network: .9651 for .9605


@pytest.mark.benchmarks
def test_the_other_bicubic_kernel_flatters_the_baseline(benchmarks):
    """PyTorch's bicubic without antialias is a = −0.75; the field's is a = −0.5."""
    measured = mean_over(benchmarks, "Set5", 2, lambda x: F.interpolate(x, None, 2, "bicubic"))
    assert measured == pytest.approx(33.97, abs=0.02)


def through_pillow(kind: Image.Resampling):
    """Reduce an image by Pillow, in 8 bits."""

    def reduce(image: Tensor, scale: int) -> Tensor:
        picture = Image.fromarray(channels_last(to_uint8(image)))
        small = picture.resize((picture.width // scale, picture.height // scale), kind)
        return from_uint8(torch.from_numpy(np.array(small)).permute(2, 0, 1)[None])

    return reduce


REDUCERS = {  # how x was made: bicubic's PSNR-Y on Set5 ×2, right is 33.68
    "Pillow bicubic": (through_pillow(Image.Resampling.BICUBIC), 33.68, 0.02),
    "Pillow bilinear": (through_pillow(Image.Resampling.BILINEAR), 32.25, 0.1),
    "area": (lambda image, scale: F.avg_pool2d(image, scale), 33.86, 0.1),
    "no antialias": (
        lambda image, scale: F.interpolate(image, None, 1 / scale, "bicubic"),
        34.4,
        0.2,
    ),
}


@pytest.mark.benchmarks
@pytest.mark.parametrize("name", REDUCERS)
def test_what_another_way_to_reduce_changes(benchmarks, name):
    """Measured once and kept: a network trained on the right x loses by each but the first, while
    bicubic itself gains by area and aliasing, so the baseline alone does not give it away."""
    reduce, expected, tolerance = REDUCERS[name]
    measured = mean_over(benchmarks, "Set5", 2, bicubic(2), reduce=reduce)
    assert measured == pytest.approx(expected, abs=tolerance)
