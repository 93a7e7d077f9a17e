"""What training minimises: a loss takes two batches of images and gives one number, a scalar."""

import torch
from jaxtyping import Float
from torch import Tensor

from . import metrics

__all__ = ["charbonnier", "gradient", "l1", "mse", "ssim"]


def mse(
    prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """Mean squared error, the mean of (ŷ − y)². Its best answer under doubt is the mean."""
    return (prediction - target).square().mean()


def l1(prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Mean absolute error, the mean of |ŷ − y|. Its best answer under doubt is the median."""
    return (prediction - target).abs().mean()


def charbonnier(
    prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], epsilon: float = 1e-3
) -> Float[Tensor, ""]:
    """A smooth L1, the mean of √((ŷ − y)² + ε²) (Charbonnier et al. 1994; Lai et al. 2017)."""
    return ((prediction - target).square() + epsilon**2).sqrt().mean()


def gradient(
    prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """L1 between finite differences, across plus down: sees edges, is blind to a constant shift."""
    error = prediction - target
    across, down = error.diff(dim=-1), error.diff(dim=-2)
    return across.abs().mean() + down.abs().mean()


def ssim(
    prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """1 − SSIM, the mean over the batch; images in [0, 1], at least 11×11 (Wang et al. 2004).

    In float32 at least, under autocast too: rounded to 16 bits, a variance is lost in its means.
    """
    wide = torch.promote_types(prediction.dtype, torch.float32)
    with torch.autocast(prediction.device.type, enabled=False):
        return 1 - metrics.ssim(prediction.to(wide), target.to(wide)).mean()
