"""What a network is asked for: a Task has a scale, a target, a loss and a metric.

With h the clean HR picture and p = fade(h, s) the same picture *as shot*, each task makes its own
target y* from (h, p). The input x, the LR picture of p, is the same for all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from . import losses
from .degrade import pad_symmetric
from .metrics import psnr_rgb

__all__ = [
    "COLOR",
    "DETAIL",
    "SR",
    "Task",
    "base",
    "common_scale",
    "enhance",
    "select",
    "window_mean",
]


def window_mean(image: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "b c h2 w2"]:
    """The mean of every side×side window that fits, h2 = h − side + 1: shifted copies, added."""
    for dim in (-2, -1):
        size = image.shape[dim] - side + 1
        total = image.narrow(dim, 0, size).clone()  # += must not write into the picture
        for i in range(1, side):
            total += image.narrow(dim, i, size)
        image = total / side
    return image


def base(
    image: Float[Tensor, "b c h w"], radius: int = 4, epsilon: float = 0.01
) -> Float[Tensor, "b c h w"]:
    """The picture without its fine detail, edges kept: the self-guided filter of each channel.

    In windows of 2·radius+1 pixels: a = var / (var + ε), b = mean (1 − a); the result is
    mean(a) · p + mean(b). He et al. 2013, "Guided Image Filtering". Borders mirrored.
    """

    side, wide = 2 * radius + 1, pad_symmetric(image, 2 * radius)
    average = window_mean(wide, side)
    variance = (window_mean(wide * wide, side) - average * average).clamp(min=0)
    a = variance / (variance + epsilon)
    return window_mean(a, side) * image + window_mean(average * (1 - a), side)


def enhance(image: Float[Tensor, "b c h w"], gain: float = 1.5) -> Float[Tensor, "b c h w"]:
    """Fine detail enhanced without halos at edges: clamp(p + gain · (p − base(p)))."""
    return (image + gain * (image - base(image))).clamp(0, 1)


@dataclass(frozen=True)
class Task:
    """One thing the network is to do; its head gets the same name.

    target(h, p) makes y* from the clean picture h and the picture as shot p, both (b, 3, h, w);
    loss(y, y*) is a scalar to minimise; metric(y, y*, scale) is (b,) and higher is better.
    context says whether the head must see the whole picture, as a thumbnail, beside local features.
    """

    name: str
    scale: int
    target: Callable[[Tensor, Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor] = losses.l1
    metric: Callable[[Tensor, Tensor, int], Tensor] = psnr_rgb
    context: bool = False

    def at_scale(self, scale: int) -> "Task":
        """The same task at another scale, under a name of its own, such as "sr_x3"."""
        kind = self.name.removesuffix(f"_x{self.scale}")
        return replace(self, name=kind if scale == 2 else f"{kind}_x{scale}", scale=scale)


def as_shot(clean: Tensor, shot: Tensor) -> Tensor:
    """Target of SR: the picture as shot."""
    return shot


def enhanced(clean: Tensor, shot: Tensor) -> Tensor:
    """Target of DETAIL: the picture as shot with its fine detail enhanced."""
    return enhance(shot)


def restored(clean: Tensor, shot: Tensor) -> Tensor:
    """Target of COLOR: the clean picture, its colours not faded."""
    return clean


SR = Task("sr", scale=2, target=as_shot)
DETAIL = Task("detail", scale=2, target=enhanced)
COLOR = Task("color", scale=2, target=restored, context=True)


def common_scale(tasks: Iterable[Task]) -> int:
    """The one scale that all these tasks share; ValueError if they differ or there are none."""
    scales = {task.scale for task in tasks}
    if len(scales) != 1:
        raise ValueError(f"one scale is needed for all tasks, not {sorted(scales)}")
    return scales.pop()


def select(names: Iterable[str]) -> list[Task]:
    """The tasks with these names: "sr", "detail", "color", at other scales "sr_x3", "color_x4"."""
    known = {task.name: task for task in (SR, DETAIL, COLOR)}
    chosen = []
    for name in names:
        kind, _, scale = name.partition("_x")
        if kind not in known or scale not in {"", "2", "3", "4"}:
            raise ValueError(
                f"there is no task {name!r}; use {', '.join(known)}, or such as sr_x3."
            )
        chosen.append(known[kind].at_scale(int(scale or 2)))
    return chosen
