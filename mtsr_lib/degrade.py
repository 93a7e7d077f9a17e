"""From a good picture to a poor one: resampling, blur, noise, JPEG, fading.

Pictures are resampled exactly as the field does it: bicubic with a = −0.5, widened when reducing
(antialiased), the picture continued beyond its border by reflection (MATLAB's `imresize`).
"""

import io

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from .images import from_uint8, luma, to_uint8

__all__ = [
    "blur",
    "crop_to_multiple",
    "downscale",
    "enlarge",
    "fade",
    "jpeg",
    "noise",
    "pad_symmetric",
    "unfade",
]

TINT = (0.32, 0.27, 0.22)  # the warm veil of an old print, RGB


def pad_symmetric(image: Tensor, n: int) -> Tensor:
    """Continue (…, h, w) by n pixels on each side, mirrored, edge pixel repeated: c b a|a b c."""

    def mirror(size: int) -> Tensor:
        i = torch.arange(-n, size + n) % (2 * size)
        return torch.minimum(i, 2 * size - 1 - i)

    rows = image.index_select(-2, mirror(image.shape[-2]))
    return rows.index_select(-1, mirror(image.shape[-1]))


def crop_to_multiple(image: Tensor, scale: int) -> Tensor:
    """Cut the bottom and right of (…, h, w) so that both sides are multiples of the scale."""
    h, w = image.shape[-2:]
    if min(h, w) < scale:
        raise ValueError(f"a picture of {h}×{w} pixels is too small for scale {scale}")
    return image[..., : h - h % scale, : w - w % scale]


def downscale(image: Float[Tensor, "b c h w"], scale: int) -> Float[Tensor, "b c h2 w2"]:
    """The LR picture: antialiased bicubic to h2 = h / scale, both sides multiples of the scale.

    Equal to MATLAB's `imresize` within 1e-4 grey levels of 255, borders included. Not rounded.
    """
    h, w = image.shape[-2:]
    if h % scale or w % scale:
        raise ValueError(f"{h}×{w} is no multiple of {scale}; use crop_to_multiple first")
    padded = pad_symmetric(image, 4 * scale)
    size = (h // scale + 8, w // scale + 8)
    small = F.interpolate(padded, size, mode="bicubic", antialias=True)
    return small[..., 4:-4, 4:-4]


def enlarge(image: Float[Tensor, "b c h w"], scale: int) -> Float[Tensor, "b c h2 w2"]:
    """Bicubic enlargement (a = −0.5) to h2 = h · scale: the baseline to beat. Not clipped.

    `antialias=True` selects the kernel a = −0.5; without it PyTorch takes a = −0.75.
    """
    size = [scale * (side + 8) for side in image.shape[-2:]]
    large = F.interpolate(pad_symmetric(image, 4), size, mode="bicubic", antialias=True)
    border = 4 * scale
    return large[..., border:-border, border:-border]


def blur(image: Float[Tensor, "b c h w"], sigma: float) -> Float[Tensor, "b c h w"]:
    """Gaussian blur of σ pixels, cut at 3σ, mirrored borders; σ = 0 changes nothing."""
    if sigma <= 0:
        return image
    radius, c = max(1, round(3 * sigma)), image.shape[1]
    i = torch.arange(-radius, radius + 1, dtype=image.dtype)
    window = torch.exp(-(i**2) / (2 * sigma**2))
    window = (window / window.sum()).view(1, 1, -1, 1).expand(c, 1, -1, 1)
    padded = pad_symmetric(image, radius)
    return F.conv2d(F.conv2d(padded, window, groups=c), window.transpose(2, 3), groups=c)


def noise(
    image: Float[Tensor, "b c h w"], sigma: float, generator: torch.Generator | None = None
) -> Float[Tensor, "b c h w"]:
    """Add white Gaussian noise of standard deviation σ, in grey levels of 255. Not clipped."""
    return image + sigma / 255 * torch.randn(image.shape, generator=generator, dtype=image.dtype)


def jpeg(image: Float[Tensor, "b 3 h w"], quality: int) -> Float[Tensor, "b 3 h w"]:
    """Each picture through a JPEG file of this quality, 1 to 95 (libjpeg, chroma halved)."""

    def through_file(pixels: np.ndarray) -> np.ndarray:
        with io.BytesIO() as file:
            Image.fromarray(pixels).save(file, "JPEG", quality=quality)
            return np.array(Image.open(file))

    arrays = to_uint8(image).permute(0, 2, 3, 1).numpy()
    return from_uint8(
        torch.from_numpy(np.stack([through_file(a) for a in arrays])).permute(0, 3, 1, 2)
    )


def fade(clean: Float[Tensor, "b 3 h w"], s: Tensor | float) -> Float[Tensor, "b 3 h w"]:
    """Faded colours of strength s in [0, 1], a number or shape (b, 1, 1, 1); s = 0 changes nothing.

    d = h + 0.6 s (luma(h) − h), saturation lost; then d (1 − 0.45 s) + 0.9 s · TINT, contrast lost
    and blacks lifted. Per pixel and affine in the colour, so it can be undone when s is known.
    """
    tint = clean.new_tensor(TINT).view(1, 3, 1, 1)
    grey = clean + 0.6 * s * (luma(clean) - clean)
    return grey * (1 - 0.45 * s) + 0.9 * s * tint


def unfade(faded: Float[Tensor, "b 3 h w"], s: Tensor | float) -> Float[Tensor, "b 3 h w"]:
    """Undo `fade` exactly for a known s: what an oracle could do. Not clipped."""
    tint = faded.new_tensor(TINT).view(1, 3, 1, 1)
    grey = (faded - 0.9 * s * tint) / (1 - 0.45 * s)
    return (grey - 0.6 * s * luma(grey)) / (1 - 0.6 * s)
