"""Pictures of equal MSE: mix what was done to a photograph; the MSE stays, all else changes."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from .. import losses
from ..images import load_sample
from ..metrics import ssim_map
from .experiment import Experiment, experiment, slider

MARGIN = 16  # pixels that the blur and the shift may use beyond what is shown
UNIT = {"shift": 1.0, "blur": 1.0, "contrast": 0.2, "brightness": 0.05, "noise": 0.05}


def equal_mse(
    photo: Float[Tensor, "1 3 h w"] | None = None, mse: float = 0.004, side: int = 256
) -> Experiment:
    """Mix shift, blur, contrast, brightness and noise; the strength of the mixture follows.

    The controls say how much of each, from −10 or 0 to 10; the whole is made as strong as gives
    this MSE, 0.004 (24 dB), over the middle side×side pixels. The photograph's range is reduced
    to 0.2 … 0.8, so that nothing clips.
    """
    face = load_sample("astronaut")[..., :288, 84:372] if photo is None else photo
    clean = _prepared(face, side + 2 * MARGIN)
    make = mixer(clean)
    inner = _inner(clean)

    def compute(**parts):
        if not any(parts.values()):
            return {"photograph": inner}, "Nothing is mixed in yet: move one of the sliders."
        made = make(parts, strength(make, parts, inner, mse))
        local = ssim_map(made, inner)
        shown = {"photograph": inner, "equal MSE": made, "SSIM map, black 0, white 1": _grey(local)}
        return shown, told(made, inner, local)

    return experiment(
        compute,
        title="pictures of equal MSE",
        brightness=slider("brightness", -10, 10, 0, unit="parts"),
        contrast=slider("contrast", -10, 10, 0, unit="parts"),
        blur=slider("blur", 0, 10, 0, unit="parts"),
        noise=slider("noise", 0, 10, 10, unit="parts"),
        shift=slider("shift to the right", 0, 10, 0, unit="parts"),
    )


def mixer(clean: Float[Tensor, "1 3 h w"]):
    """make(parts, t) applies every part, t times as strong as its slider says, to the middle.

    Blur and shift are products in the frequency domain, so any fraction of a pixel is possible.
    """
    spectrum, middle = torch.fft.rfft2(clean), clean.mean(dim=(2, 3), keepdim=True)
    across = torch.fft.rfftfreq(clean.shape[-1])
    squared = torch.fft.fftfreq(clean.shape[-2])[:, None] ** 2 + across**2
    grain = _inner(torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)))

    def make(parts: dict[str, float], t: float) -> Float[Tensor, "1 3 side side"]:
        amount = {name: t * UNIT[name] * value for name, value in parts.items()}
        image = clean
        if amount["blur"] or amount["shift"]:
            damped = torch.exp(-2 * math.pi**2 * amount["blur"] ** 2 * squared)
            turned = torch.polar(torch.ones_like(across), -2 * math.pi * amount["shift"] * across)
            image = torch.fft.irfft2(spectrum * damped * turned, s=clean.shape[-2:])
        image = middle + math.exp(amount["contrast"]) * (_inner(image) - middle)
        return image + amount["brightness"] + amount["noise"] * grain

    return make


def strength(make, parts: dict[str, float], clean: Tensor, mse: float) -> float:
    """The t at which the mixture has this MSE: secant steps in log MSE over log t."""
    before, slope, t = None, 2.0, 0.0
    for _ in range(8):
        error = math.log(F.mse_loss(make(parts, math.exp(t)), clean).item() / mse)
        if abs(error) < 2e-3:
            break
        if before and t != before[0]:
            slope = min(3.0, max(0.3, (error - before[1]) / (t - before[0])))
        before, t = (t, error), max(-7.0, min(2.5, t - error / slope))
    return math.exp(t)


def told(made: Tensor, clean: Tensor, local: Tensor) -> str:
    """What the losses say of it, in one line."""
    error = losses.mse(made, clean).item()
    return (
        f"MSE {error:.4f} ({-10 * math.log10(error):.1f} dB) · L1 {losses.l1(made, clean):.3f} · "
        f"gradient loss {losses.gradient(made, clean):.3f} · SSIM {local.mean():.2f}"
    )


def _prepared(photo: Tensor, side: int) -> Float[Tensor, "1 3 side side"]:
    """The middle side×side pixels, in the range 0.2 … 0.8."""
    if photo.ndim != 4 or min(photo.shape[-2:]) < side:
        raise ValueError(f"give a photograph (1, 3, h, w) of {side}×{side} pixels at least.")
    top, left = ((size - side) // 2 for size in photo.shape[-2:])
    return 0.2 + 0.6 * photo[..., top : top + side, left : left + side]


def _inner(image: Tensor) -> Tensor:
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def _grey(local: Tensor) -> Float[Tensor, "1 1 side side"]:
    """The map's mean over the channels, continued by the 5 pixels that the window needs."""
    return F.pad(local.mean(1, keepdim=True), (5, 5, 5, 5), mode="replicate").clamp(0, 1)
