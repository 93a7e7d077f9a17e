"""Is it really better? Measured on whole pictures, by the protocol of the published results."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from .datasets import whole_pair
from .model import MultiTaskNet

__all__ = ["measure"]


@torch.inference_mode()
def measure(
    model: MultiTaskNet, pictures: Iterable[Tensor], strengths: Sequence[float] = (0.0, 0.5, 1.0)
) -> dict[str, float]:
    """Each task's metric, averaged over clean pictures (1, 3, h, w) faded by each strength s."""
    model.eval()
    values = {name: [] for name in model.tasks}
    for picture in pictures:
        for s in strengths:
            for task in model.tasks.values():
                x, targets = whole_pair(picture, s, [task])
                y = model(x.contiguous(memory_format=torch.channels_last), [task.name])[task.name]
                values[task.name].append(task.metric(y, targets[task.name], task.scale).item())
    return {name: sum(v) / len(v) for name, v in values.items()}
