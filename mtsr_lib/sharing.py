"""How much should be shared? Other trunks on the same blocks: each gives every task its features.

`trunk(x, names)` is {task name: features (b, c, h, w)}; hard sharing, model.Backbone, gives all
tasks the same ones. A SharingNet puts heads on a trunk.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .degrade import enlarge
from .model import Backbone, Head, MultiTaskNet
from .tasks import SR, Task, enhance

__all__ = [
    "Attention",
    "ChainedNet",
    "Conditioning",
    "CrossStitch",
    "Groups",
    "SharingNet",
]


class CrossStitch(nn.Module):
    """A trunk for each task; after every block, each takes a little of the others' features.

    fₖ ← Σⱼ αₖⱼ fⱼ with a learnt (tasks, tasks) matrix α a block, which starts at `own` for the
    task itself and shares the rest among the others. Misra et al. 2016.
    """

    def __init__(self, tasks: Sequence[str], channels: int, blocks: int, own: float = 0.9):
        super().__init__()
        self.columns = nn.ModuleDict({name: Backbone(channels, blocks) for name in tasks})
        k = len(self.columns)
        rest = (1 - own) / (k - 1) if k > 1 else 0.0
        start = torch.full((k, k), rest).fill_diagonal_(1 - rest * (k - 1))
        self.mix = nn.Parameter(start.repeat(blocks, 1, 1))

    def forward(
        self, x: Float[Tensor, "b 3 h w"], names: Iterable[str]
    ) -> dict[str, Float[Tensor, "b c h w"]]:
        """All columns run, whichever tasks are asked for: each needs the others."""
        columns = list(self.columns.values())
        first = features = [column.first(x - 0.5) for column in columns]
        for i, mix in enumerate(self.mix):
            steps = [column.blocks[i](f) for column, f in zip(columns, features, strict=True)]
            features = [sum(a * f for a, f in zip(row, steps, strict=True)) for row in mix]
        places = {name: k for k, name in enumerate(self.columns)}
        return {n: first[places[n]] + self.columns[n].last(features[places[n]]) for n in names}


class Attention(nn.Module):
    """One trunk; each task sees its features through masks of its own after every block.

    own ← σ(v(relu(u([shared, own])))) · shared with 1×1 convolutions u, v. After MTAN, Liu et al.
    2019, without its batch normalisation and the 3×3 convolution between its masks.
    """

    def __init__(self, tasks: Sequence[str], channels: int, blocks: int):
        super().__init__()
        self.trunk = Backbone(channels, blocks)
        self.masks = nn.ModuleDict(
            {name: nn.ModuleList(_mask(channels) for _ in range(blocks)) for name in tasks}
        )

    def forward(
        self, x: Float[Tensor, "b 3 h w"], names: Iterable[str]
    ) -> dict[str, Float[Tensor, "b c h w"]]:
        """The trunk runs once; masks and its last convolution once for each task asked for."""
        first = shared = self.trunk.first(x - 0.5)
        own = dict.fromkeys(names, first)
        for i, block in enumerate(self.trunk.blocks):
            shared = block(shared)
            seen = {n: torch.cat([shared, own[n]], dim=1) for n in own}
            own = {n: self.masks[n][i](seen[n]) * shared for n in own}
        return {n: first + self.trunk.last(features) for n, features in own.items()}


def _mask(channels: int) -> nn.Sequential:
    """Two feature maps in, one mask in (0, 1) out; it starts near 0.9, almost open."""
    last = nn.Conv2d(channels, channels, 1)
    nn.init.constant_(last.bias, 2.0)
    return nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.ReLU(), last, nn.Sigmoid())


class Conditioning(nn.Module):
    """One trunk that is told its task: after every block, each channel is scaled and shifted.

    f ← γ f + β, with γ and β of shape (blocks, channels) for each task, at first 1 and 0. All
    convolutions are shared, but run once for each task. FiLM, Perez et al. 2018.
    """

    def __init__(self, tasks: Sequence[str], channels: int, blocks: int):
        super().__init__()
        self.trunk = Backbone(channels, blocks)
        size = (blocks, channels, 1, 1)
        self.scale = nn.ParameterDict({name: torch.ones(size) for name in tasks})
        self.shift = nn.ParameterDict({name: torch.zeros(size) for name in tasks})

    def forward(
        self, x: Float[Tensor, "b 3 h w"], names: Iterable[str]
    ) -> dict[str, Float[Tensor, "b c h w"]]:
        """The first convolution runs once, all others once for each task asked for."""
        first = self.trunk.first(x - 0.5)
        return {name: first + self.trunk.last(self._told(first, name)) for name in names}

    def _told(self, features: Tensor, name: str) -> Tensor:
        rows = zip(self.trunk.blocks, self.scale[name], self.shift[name], strict=True)
        for block, scale, shift in rows:
            features = block(features) * scale + shift
        return features


class Groups(nn.Module):
    """A trunk for each group of tasks: hard sharing within, nothing between.

    Which tasks to put together is measured: see the transfer between tasks in the experiments.
    """

    def __init__(self, groups: Sequence[Sequence[str]], channels: int, blocks: int):
        super().__init__()
        self.groups = [tuple(group) for group in groups]
        self.trunks = nn.ModuleList(Backbone(channels, blocks) for _ in groups)

    def forward(
        self, x: Float[Tensor, "b 3 h w"], names: Iterable[str]
    ) -> dict[str, Float[Tensor, "b c h w"]]:
        """Only the trunks of the tasks asked for run."""
        names, features = set(names), {}
        for group, trunk in zip(self.groups, self.trunks, strict=True):
            if names & set(group):
                features.update(dict.fromkeys(names & set(group), trunk(x)))
        return features


class SharingNet(MultiTaskNet):
    """MultiTaskNet on another trunk; `channels` are those that the trunk gives."""

    def __init__(self, tasks: Sequence[Task], trunk: nn.Module, channels: int, hidden: int = 16):
        super().__init__(tasks, channels, 0, hidden)
        self.backbone = trunk

    def forward(
        self,
        x: Float[Tensor, "b 3 h w"],
        tasks: Iterable[str] | None = None,
        context: Float[Tensor, "b 3 32 32"] | None = None,
    ) -> dict[str, Float[Tensor, "b 3 _ _"]]:
        """As MultiTaskNet's."""
        names = list(self.tasks) if tasks is None else list(tasks)
        context = self.context(x) if context is None else context
        features = self.backbone(x, names)
        bicubic = {scale: enlarge(x, scale) for scale in {self.tasks[n].scale for n in names}}
        return {n: self.heads[n](features[n], bicubic[self.tasks[n].scale], context) for n in names}


class ChainedNet(MultiTaskNet):
    """Shares a result too: the heads start from sr's enlarged picture instead of from bicubic.

    detail's head adds to `enhance` of that picture what it lacks, so it contains the cascade;
    color's transforms it. At each scale the head for sr is there even where sr is no task of this
    network: it then learns from the others' losses. Tasks named as `tasks.select` names them.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        channels: int = 32,
        blocks: int = 4,
        hidden: int = 16,
        expansion: int = 1,
    ):
        super().__init__(tasks, channels, blocks, hidden, expansion)
        self.config["kind"] = "chained"
        scales = {task.scale for task in tasks}
        for sr in (SR.at_scale(scale) for scale in sorted(scales)):
            if sr.name not in self.heads:
                self.heads[sr.name] = Head(channels, sr.scale, hidden)
        self.reach += -(-8 // min(scales))  # HR pixels on each side that `enhance` sees

    def forward(
        self,
        x: Float[Tensor, "b 3 h w"],
        tasks: Iterable[str] | None = None,
        context: Float[Tensor, "b 3 32 32"] | None = None,
    ) -> dict[str, Float[Tensor, "b 3 _ _"]]:
        """As MultiTaskNet's."""
        names = list(self.tasks) if tasks is None else list(tasks)
        context = self.context(x) if context is None else context
        features = self.backbone(x)
        sizes = {self.tasks[name].scale: SR.at_scale(self.tasks[name].scale).name for name in names}
        enlarged = {s: self.heads[sr](features, enlarge(x, s)) for s, sr in sizes.items()}

        def picture(name: str) -> Tensor:
            scale = self.tasks[name].scale
            if name == sizes[scale]:
                return enlarged[scale]
            start = enhance(enlarged[scale]) if "detail" in name else enlarged[scale]
            return self.heads[name](features, start, context)

        return {name: picture(name) for name in names}
