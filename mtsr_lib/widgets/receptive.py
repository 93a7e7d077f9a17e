"""The receptive-field explorer: how far convolutions reach, and what they really see."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..images import load_sample
from .experiment import Experiment, choice, experiment, slider

SIDE = 65  # pixels of a side: the widest field that can be chosen
PATTERNS = {"1": (1,), "2": (2,), "1, 2, 3, 1, 2, 3, …": (1, 2, 3)}


def weights_seen(kernel: int, dilations: Sequence[int]) -> Float[Tensor, " side"]:
    """In one dimension, how much each pixel counts in a stack of convolutions with equal weights.

    The number of ways from a pixel to the output, over the number of all ways. The field of a
    stack in two dimensions is the product of this along the rows and along the columns.
    """
    seen = torch.ones(1)
    for dilation in dilations:
        gap = dilation * (kernel - 1)
        spread = torch.zeros(len(seen) + gap)
        for tap in range(0, gap + 1, dilation):
            spread[tap : tap + len(seen)] += seen
        seen = spread / kernel
    return seen


def receptive_field(photo: Float[Tensor, "1 3 h w"] | None = None) -> Experiment:
    """Choose depth, kernel and dilation; see what the value in the middle sees of a photograph.

    Every layer is a convolution with equal weights, so a pixel counts by the number of ways that
    lead from it to the output. Middle panel: the pixels that count at all. Right panel: how much,
    from black, not at all, to white, most.
    """
    picture = _middle(load_sample("cat")[..., 100:165, 185:250] if photo is None else photo)

    def compute(depth, kernel, dilation):
        pattern = PATTERNS[dilation]
        seen = weights_seen(kernel, [pattern[n % len(pattern)] for n in range(int(depth))])
        share = _placed(seen[:, None] * seen)
        shown = {
            "photograph": picture,
            "pixels that it sees": torch.where(share > 0, picture, 0.25 * picture),
            "how much each counts": (share / share.max()).sqrt(),
        }
        return shown, _told(seen)

    return experiment(
        compute,
        title="receptive field",
        depth=slider("depth", 1, 8, 6, 1, "layers"),
        kernel=choice("kernel", [3, 5]),
        dilation=choice("dilation", list(PATTERNS)),
    )


def _told(seen: Tensor) -> str:
    """Field, holes, and the square that holds 90 % of the weight."""
    side, reach = len(seen), len(seen) // 2
    holes = side**2 - int((seen > 0).sum()) ** 2
    inner = next(n for n in range(reach + 1) if seen[reach - n : reach + n + 1].sum() ** 2 >= 0.9)
    missed = f", {holes:,} of its {side**2:,} pixels unseen" if holes else ", all of it seen"
    half = 2 * inner + 1
    return f"field {side}×{side}{missed}; 90 % of the weight within {half}×{half}"


def _placed(share: Tensor) -> Float[Tensor, "1 65 65"]:
    """The field in the middle of the picture."""
    border = (SIDE - len(share)) // 2
    return torch.nn.functional.pad(share, [border] * 4)[None]


def _middle(photo: Tensor) -> Float[Tensor, "3 65 65"]:
    if photo.ndim != 4 or min(photo.shape[-2:]) < SIDE:
        raise ValueError(f"give a photograph (1, 3, h, w) of {SIDE}×{SIDE} pixels at least.")
    top, left = ((size - SIDE) // 2 for size in photo.shape[-2:])
    return photo[0, :, top : top + SIDE, left : left + SIDE]
