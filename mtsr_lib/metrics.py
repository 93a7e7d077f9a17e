"""How good is a restored picture? MSE, PSNR, SSIM, CIEDE2000, and the protocol papers follow.

Every metric takes (b, 3, h, w) images in [0, 1] and gives one number per picture, shape (b,).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from .images import quantize, rgb_to_y

__all__ = [
    "ciede2000",
    "gaussian_window",
    "mse",
    "psnr",
    "psnr_rgb",
    "psnr_y",
    "shave",
    "ssim",
    "ssim_map",
    "ssim_y",
]


def mse(
    prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b"]:
    """Mean squared error of each picture."""
    if prediction.shape != target.shape:
        raise ValueError(f"shapes differ: {tuple(prediction.shape)} and {tuple(target.shape)}")
    return (prediction - target).square().mean(dim=(1, 2, 3))


def psnr(
    prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], peak: float = 1.0
) -> Float[Tensor, "b"]:
    """Peak signal-to-noise ratio 10 log10(peak² / MSE) of each picture, dB; higher is better."""
    return 10 * torch.log10(peak**2 / mse(prediction, target))


def gaussian_window(size: int = 11, sigma: float = 1.5) -> Float[Tensor, "size"]:
    """Gaussian weights w_i ∝ exp(−i² / 2σ²), i = −(size−1)/2 … (size−1)/2; they sum to 1."""
    i = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    window = torch.exp(-(i**2) / (2 * sigma**2))
    return window / window.sum()


def _local_mean(image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """The Gaussian-weighted mean around every pixel where the 11×11 window fits (h2 = h − 10).

    The window is a product, so 11 weights down and then 11 across do the work of 121.
    """
    c, window = image.shape[1], gaussian_window().to(image)
    down = window.view(1, 1, -1, 1).expand(c, 1, -1, 1)
    return F.conv2d(F.conv2d(image, down, groups=c), down.transpose(2, 3), groups=c)


def ssim_map(
    x: Float[Tensor, "b c h w"], y: Float[Tensor, "b c h w"], peak: float = 1.0
) -> Float[Tensor, "b c h2 w2"]:
    """Structural similarity at every position where the 11×11 Gaussian window fits (h2 = h − 10).

    (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)), C1 = (0.01 peak)²,
    C2 = (0.03 peak)², population covariance (Wang et al. 2004). Differentiable.
    """
    if x.shape != y.shape or min(x.shape[-2:]) < 11:
        shapes = f"{tuple(x.shape)} and {tuple(y.shape)}"
        raise ValueError(f"SSIM needs equal shapes of 11×11 or more, not {shapes}")
    x, y = (i.contiguous(memory_format=torch.channels_last) for i in (x, y))  # faster
    mean_y = _local_mean(y)  # apart, since no gradient goes back to a target
    stack = torch.cat([x, x * x + y * y, x * y], dim=1)  # (b, 3c, h, w)
    mean_x, squares, product = _local_mean(stack).chunk(3, dim=1)
    means_xy, means_squared = mean_x * mean_y, mean_x.square() + mean_y.square()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    luminance = (2 * means_xy + c1) / (means_squared + c1)
    return luminance * (2 * (product - means_xy) + c2) / (squares - means_squared + c2)


def ssim(
    x: Float[Tensor, "b c h w"], y: Float[Tensor, "b c h w"], peak: float = 1.0
) -> Float[Tensor, "b"]:
    """Mean structural similarity of each picture, −1 to 1, 1 if equal (Wang et al. 2004)."""
    return ssim_map(x, y, peak).mean(dim=(1, 2, 3))


def shave(image: Float[Tensor, "b c h w"], border: int) -> Float[Tensor, "b c h2 w2"]:
    """Cut `border` pixels off each of the four sides (h2 = h − 2 border)."""
    return image[..., border : image.shape[-2] - border, border : image.shape[-1] - border]


def psnr_y(
    prediction: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b 3 h w"], scale: int
) -> Float[Tensor, "b"]:
    """PSNR-Y in dB by the protocol: 8-bit prediction, float Y, `scale` pixels shaved, peak 255."""
    pair = (shave(rgb_to_y(quantize(image).double()), scale) for image in (prediction, target))
    return psnr(*pair, peak=255.0)


def psnr_rgb(
    prediction: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b 3 h w"], scale: int
) -> Float[Tensor, "b"]:
    """PSNR over the three colour channels in dB: 8-bit prediction, `scale` pixels shaved."""
    return psnr(*(shave(quantize(image).double(), scale) for image in (prediction, target)))


def ssim_y(
    prediction: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b 3 h w"], scale: int
) -> Float[Tensor, "b"]:
    """SSIM of Y by the protocol: as `psnr_y`, valid 11×11 Gaussian window, σ = 1.5, peak 255."""
    pair = (shave(rgb_to_y(quantize(image).double()), scale) for image in (prediction, target))
    return ssim(*pair, peak=255.0)


def ciede2000(
    prediction: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, "b"]:
    """Mean colour difference ΔE00 of each picture; 0 is equal, about 1 is just visible.

    sRGB in [0, 1]; Sharma et al. 2005, computed by scikit-image.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    lab = [rgb2lab(i.permute(0, 2, 3, 1).double().numpy()) for i in (prediction, target)]
    return torch.from_numpy(deltaE_ciede2000(*lab)).mean(dim=(1, 2))
