"""What do a trunk's features hold? The picture that least squares reads out of a layer."""

from collections.abc import Mapping
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..datasets import whole_pair
from ..degrade import enlarge
from ..images import load_image, load_sample, photographs
from ..model import Backbone
from ..tasks import DETAIL, SR
from .experiment import Experiment, choice, experiment
from .features import stages

TASKS = [SR, DETAIL]
SIDE, FADED = 144, 0.5  # HR pixels of the middle of each training photograph, and their fading
SHOWN = (..., slice(368, 536), slice(592, 768))  # of a test photograph: the head of a bird
RIM = 10  # LR pixels at a border, where features see beyond it
STRONGER = 6  # times, so that what is added can be seen


def readout(trunks: Mapping[str, Backbone]) -> Experiment:
    """Choose a trunk, a layer and a task; see what least squares reads out of the features.

    W = (FᵀF + λI)⁻¹ FᵀR from the features in 3×3 pixels and a 1 to what bicubic misses, fitted on
    the training photographs, then applied to a bird that no trunk has seen.
    """
    pictures = [middle(load_image(path)) for path in photographs("train")]
    train = [whole_pair(picture, FADED, TASKS) for picture in pictures]
    x, targets = whole_pair(load_sample("nuthatch")[SHOWN], FADED, TASKS)
    bicubic = enlarge(x, 2)

    @lru_cache(maxsize=64)
    @torch.inference_mode()
    def read(trunk: str, layer: str) -> dict[str, Tensor]:
        f = torch.cat([around(stages(trunks[trunk], seen)[layer]) for seen, _ in train])
        here = around(stages(trunks[trunk], x)[layer])
        size = [side - 2 * RIM for side in x.shape[-2:]]
        made = {}
        for task in targets:
            w = fitted(f, torch.cat([missed(seen, y[task]) for seen, y in train]))
            made[task] = F.pixel_shuffle((here @ w).T.reshape(1, 12, *size), 2)
        return made

    def compute(trunk: str, layer: str, task: str) -> tuple[dict[str, Tensor], str]:
        found, cut = read(trunk, layer)[task], slice(2 * RIM, -2 * RIM)
        inner = ..., cut, cut
        start, wanted = bicubic[inner], targets[task][inner]
        before, after = (wanted - start).square().mean(), (wanted - start - found).square().mean()
        shown = {
            "bicubic and what is read out": start + found,
            f"what is read out, × {STRONGER}": 0.5 + STRONGER * found,
            f"what bicubic misses, × {STRONGER}": 0.5 + STRONGER * (wanted - start),
        }
        said = f"{10 * (before / after).log10().item():+.2f} dB above bicubic"
        return {name: picture.clamp(0, 1) for name, picture in shown.items()}, said

    layers = list(stages(next(iter(trunks.values())), x))
    return experiment(
        compute,
        title="read-out",
        trunk=choice("trunk", list(trunks)),
        layer=choice("layer", layers, layers[-1]),
        task=choice("read out", list(targets)),
    )


def middle(picture: Float[Tensor, "1 3 h w"], side: int = SIDE) -> Float[Tensor, "1 3 h2 w2"]:
    """The middle side×side pixels."""
    top, left = ((n - side) // 2 for n in picture.shape[-2:])
    return picture[..., top : top + side, left : left + side]


def around(features: Float[Tensor, "1 c h w"], side: int = 3) -> Float[Tensor, "n p"]:
    """The side×side neighbourhood of each inner pixel (side odd), and a 1, as a row."""
    rim = RIM - side // 2
    inner = features[..., rim:-rim, rim:-rim]
    return F.pad(F.unfold(inner, side)[0].T, (0, 1), value=1.0)


def missed(x: Float[Tensor, "1 3 h w"], target: Tensor) -> Float[Tensor, "n 12"]:
    """Target minus bicubic: a row of 4 HR pixels in 3 colours for each inner LR pixel."""
    parts = F.pixel_unshuffle(target - enlarge(x, 2), 2)
    return parts[0, :, RIM:-RIM, RIM:-RIM].flatten(1).T


def fitted(f: Float[Tensor, "n p"], r: Float[Tensor, "n q"]) -> Float[Tensor, "p q"]:
    """(FᵀF + λI)⁻¹ FᵀR with λ a ten-thousandth of the mean of FᵀF's diagonal."""
    gram = (f.T @ f).double()
    damped = gram + 1e-4 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(damped, (f.T @ r).double()).float()
