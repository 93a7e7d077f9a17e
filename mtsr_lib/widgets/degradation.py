"""The degradation lab: from a photograph to the LR picture, step by step, and back by bicubic."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..degrade import blur, crop_to_multiple, downscale, enlarge, fade, jpeg, noise
from ..images import load_sample, quantize
from ..metrics import psnr
from ..plots import spectrum
from .experiment import Experiment, choice, experiment, slider, switch

USED, SHOWN = 516, 240  # pixels of a side: multiples of 12, so of every scale


def degradation_lab(
    photo: Float[Tensor, "1 3 h w"] | None = None, corner: tuple[int, int] | None = None
) -> Experiment:
    """Steer what makes an LR picture; see it, its spectrum, and what bicubic brings back.

    Scale, antialiasing, blur σ in pixels, noise σ in grey levels of 255, JPEG quality, fading s.
    The PSNR is that of bicubic against the photograph, in dB, over its middle 516×516 pixels;
    `corner` (top, left) chooses which 240×240 of them are on the screen (the middle).
    """
    if photo is None:
        photo, corner = load_sample("astronaut"), corner or (0, 96)
    clean = _middle(crop_to_multiple(photo, 12), USED)
    middle = [(side - min(side, SHOWN)) // 2 for side in clean.shape[-2:]]
    top, left = (c - c % 12 for c in corner or middle)

    def part(image: Tensor, scale: int = 1) -> Tensor:
        rows, columns = (slice(c // scale, (c + SHOWN) // scale) for c in (top, left))
        return image[..., rows, columns]

    def compute(scale, antialias, sigma, noise_sigma, quality, s):
        lr = degraded(clean, scale, antialias, sigma, noise_sigma, quality, s)
        back = enlarge(lr, scale).clamp(0, 1)
        shown = {
            "photograph": part(clean),
            "LR, its pixels enlarged": part(lr, scale),
            f"bicubic ×{scale}": part(back),
            "spectrum of this LR part": spectrum(part(lr, scale)),
        }
        return shown, f"PSNR of bicubic against the photograph: {psnr(back, clean).item():.2f} dB"

    return experiment(
        compute,
        title="degradation lab",
        scale=choice("scale", [2, 3, 4]),
        antialias=switch("antialiasing"),
        sigma=slider("blur σ", 0, 4, 0, 0.1, "px"),
        noise_sigma=slider("noise σ", 0, 50, 0, 1, "levels"),
        quality=slider("JPEG quality (100: none)", 5, 100, 100, 5),
        s=slider("fading s", 0, 1, 0, 0.05),
    )


def degraded(
    clean: Float[Tensor, "1 3 h w"],
    scale: int,
    antialias: bool = True,
    sigma: float = 0,
    noise_sigma: float = 0,
    quality: int = 100,
    s: float = 0,
) -> Float[Tensor, "1 3 h2 w2"]:
    """Fade, blur, reduce, add noise, round to 8 bits, JPEG: in the order in which a camera does."""
    blurred = blur(fade(clean, float(s)), float(sigma))
    if antialias:
        lr = downscale(blurred, scale)
    else:  # the same bicubic kernel as for enlarging: it looks at 4×4 pixels and skips the others
        lr = F.interpolate(blurred, scale_factor=1 / scale, mode="bicubic")
    lr = quantize(noise(lr, float(noise_sigma), torch.Generator().manual_seed(0)))
    return lr if quality == 100 else jpeg(lr, quality)


def _middle(image: Tensor, side: int) -> Tensor:
    """The middle of the picture, at most side × side; starts on a multiple of 12."""
    starts = [max(0, size - side) // 24 * 12 for size in image.shape[-2:]]
    rows, columns = (slice(start, start + side) for start in starts)
    return image[..., rows, columns]
