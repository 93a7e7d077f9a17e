"""From photographs to batches: cut with a margin, degrade, trim; x and a target for every task."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from .degrade import crop_to_multiple, downscale, fade, pad_symmetric
from .images import from_uint8, quantize
from .tasks import Task, common_scale

__all__ = [
    "MARGIN",
    "Batch",
    "Patches",
    "augment",
    "make_pair",
    "margin_of",
    "thumbnail",
    "whole_pair",
]

MARGIN = 12  # HR pixels that each picture is continued by: a crop's margin at every scale


def margin_of(scale: int) -> int:
    """HR pixels to cut around a crop: the kernels reach 8 pixels, rounded up to the LR grid."""
    return 8 + -8 % scale


class Batch(NamedTuple):
    """What one training step sees: input, targets, and the whole photographs' thumbnails."""

    x: Float[Tensor, "b 3 h w"]
    targets: dict[str, Tensor]
    context: Float[Tensor, "b 3 32 32"]

    def part(self, index: int, parts: int) -> "Batch":
        """One of several equal slices, for one of several processes."""
        n = len(self.x) // parts
        cut = slice(index * n, (index + 1) * n)
        targets = {name: target[cut] for name, target in self.targets.items()}
        return Batch(self.x[cut], targets, self.context[cut])

    def to(self, device: torch.device) -> "Batch":
        """On the device where the network is, x channels last in memory, which is faster."""
        targets = {name: target.to(device) for name, target in self.targets.items()}
        x = self.x.to(device, memory_format=torch.channels_last)
        return Batch(x, targets, self.context.to(device))


def thumbnail(x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 32 32"]:
    """The whole picture in 32×32 averages: what a head with context sees of it."""
    return F.adaptive_avg_pool2d(x, 32)


def make_pair(
    clean: Float[Tensor, "b 3 h w"], s: Tensor | float, tasks: Sequence[Task], margin: int = 0
) -> tuple[Tensor, dict[str, Tensor]]:
    """One photograph flows: clean → as shot → the LR input x (8-bit steps) and a target per task.

    `margin` HR pixels on each side are trimmed at the end (a multiple of the scale), so that a crop
    taken with `margin_of(scale)` gives exactly the crop of the whole picture's pair.
    """
    scale = common_scale(tasks)
    shot = fade(clean, s)
    x = quantize(downscale(shot, scale))
    hr = slice(margin, clean.shape[-2] - margin), slice(margin, clean.shape[-1] - margin)
    lr = tuple(slice(cut.start // scale, cut.stop // scale) for cut in hr)
    return x[..., *lr], {task.name: task.target(clean, shot)[..., *hr] for task in tasks}


def whole_pair(
    picture: Float[Tensor, "1 3 h w"], s: float, tasks: Sequence[Task]
) -> tuple[Tensor, dict[str, Tensor]]:
    """A whole picture's LR input and targets, cropped to a multiple of the scale: for measuring."""
    return make_pair(crop_to_multiple(picture, common_scale(tasks)), s, tasks)


def augment(image: Tensor, symmetry: int) -> Tensor:
    """One of the square's 8 symmetries of (…, h, w): quarter turns 0 to 3, flipped from 4 on."""
    turned = torch.rot90(image, symmetry % 4, dims=(-2, -1))
    return turned.flip(-1) if symmetry >= 4 else turned


class Patches:
    """Batches of patches cut at random from photographs held in memory as 8-bit pictures.

    `batch(step)` depends on the step and the seed alone, so that a training resumed at step n
    sees what it would have seen. Tasks at several scales take turns: a batch holds one scale.
    Each patch is faded by an s drawn from [0, 1], or, for a share `unfaded` of them, not at all.
    """

    def __init__(
        self,
        pictures: Iterable[UInt8[Tensor, "1 3 h w"]],
        tasks: Sequence[Task],
        batch_size: int = 16,
        patch: int = 24,
        seed: int = 0,
        unfaded: float = 0.0,
    ):
        scales = sorted({task.scale for task in tasks})
        if not scales:
            raise ValueError("there are no tasks to make batches for")
        self.groups = [[task for task in tasks if task.scale == scale] for scale in scales]
        self.batch_size, self.patch, self.seed = batch_size, patch, seed
        self.unfaded = unfaded
        whole = [crop_to_multiple(picture, MARGIN)[0] for picture in pictures]
        if not whole:
            raise ValueError("there are no photographs to cut patches from")
        self.overviews = [F.adaptive_avg_pool2d(from_uint8(picture), 96) for picture in whole]
        self.padded = [pad_symmetric(picture, MARGIN) for picture in whole]
        smallest = min(min(picture.shape[1:]) for picture in whole)
        if smallest < patch * scales[-1]:
            raise ValueError(
                f"a photograph has a side of {smallest} pixels, too small for the patch"
            )

    def batch(self, step: int) -> Batch:
        """The batch of this step: `batch_size` patches, patch×patch LR pixels, all of one scale."""
        rng = np.random.default_rng([self.seed, step])
        tasks = self.groups[step % len(self.groups)]
        cuts = [self._cut(rng, common_scale(tasks)) for _ in range(self.batch_size)]
        clean, thumbnails = (torch.stack(parts) for parts in zip(*cuts, strict=True))
        s = rng.random((self.batch_size, 1, 1, 1), dtype=np.float32)
        s = torch.from_numpy(s * (rng.random(s.shape) >= self.unfaded))
        x, targets = make_pair(from_uint8(clean), s, tasks, margin_of(common_scale(tasks)))
        return Batch(x, targets, fade(thumbnails, s))

    def _cut(self, rng: np.random.Generator, scale: int) -> tuple[Tensor, Tensor]:
        """A random crop with its margin, on the LR grid, and a thumbnail of its photograph.

        The thumbnail shows a random part of the photograph, 40 to 96 of 96 of each side: as good a
        picture as the whole, and so a few photographs make many.
        """
        chosen = rng.integers(len(self.padded))
        spare, picture = MARGIN - margin_of(scale), self.padded[chosen]
        side = self.patch * scale + 2 * margin_of(scale)
        places = ((n - 2 * spare - side) // scale + 1 for n in picture.shape[1:])
        top, left = (spare + scale * int(rng.integers(n)) for n in places)
        crop = picture[:, top : top + side, left : left + side]
        part = int(rng.integers(40, 97))
        y, x = (int(n) for n in rng.integers(96 - part + 1, size=2))
        view = self.overviews[chosen][None, :, y : y + part, x : x + part]
        symmetry = int(rng.integers(8))
        return augment(crop, symmetry), augment(thumbnail(view)[0], symmetry)
