"""One backbone, a head for each task: the network of the course."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .blocks import ConvStack, ResidualBlock, Upsampler
from .datasets import thumbnail
from .degrade import enlarge
from .tasks import Task

__all__ = ["Backbone", "ColorTransform", "Head", "MultiTaskNet", "StackNet", "luma_alone"]


class Backbone(nn.Module):
    """The shared features f(x; θ): convolution, residual blocks, convolution, a skip over all."""

    def __init__(self, channels: int = 32, blocks: int = 4, expansion: int = 1):
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.Sequential(*[ResidualBlock(channels, expansion) for _ in range(blocks)])
        self.last = nn.Conv2d(channels, channels, 3, padding=1)
        self.reach = 2 * blocks + 2  # pixels on each side that a feature can see

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """x in [0, 1]; features at the same size."""
        features = self.first(x - 0.5)
        return features + self.last(self.blocks(features))


class ColorTransform(nn.Module):
    """Reads the whole picture's thumbnail and predicts one affine colour transform (3×4) for it.

    A small convolutional network, then mean, least and greatest of its features over the picture
    (faded blacks are lifted, faded whites are dull). It starts as the identity. Compare HDRNet
    (Gharbi et al. 2017).
    """

    def __init__(self, channels: int = 16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
        )
        self.predict = nn.Sequential(
            nn.Linear(3 * (channels + 3), 32), nn.ReLU(inplace=True), nn.Linear(32, 12)
        )
        nn.init.zeros_(self.predict[-1].weight)
        nn.init.zeros_(self.predict[-1].bias)

    def matrix(self, context: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 3 4"]:
        """The transform for each picture; its last column is added, the others multiply R, G, B."""
        maps = [context - 0.5, self.features(context - 0.5)]
        values = [f(m) for m in (m.flatten(2) for m in maps) for f in (_mean, _least, _greatest)]
        change = self.predict(torch.cat(values, dim=1)).view(-1, 3, 4)
        return torch.eye(3, 4).to(change) + change

    def forward(
        self, image: Float[Tensor, "b 3 h w"], context: Float[Tensor, "b 3 32 32"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Every pixel's colour through its picture's transform."""
        matrix = self.matrix(context)
        mixed = torch.einsum("brc,bchw->brhw", matrix[:, :, :3], image)
        return mixed + matrix[:, :, 3, None, None]


def _mean(values: Tensor) -> Tensor:
    return values.mean(-1)


def _least(values: Tensor) -> Tensor:
    return values.min(-1).values


def _greatest(values: Tensor) -> Tensor:
    return values.max(-1).values


class Head(nn.Module):
    """A task's own layers: a hidden convolution and an upsampler give what bicubic misses.

    With `context`, the sum then goes through a colour transform predicted from the whole picture.
    """

    def __init__(self, channels: int, scale: int, hidden: int = 16, context: bool = False):
        super().__init__()
        self.hidden = nn.Conv2d(channels, hidden, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.upsampler = Upsampler(hidden, 3, scale)
        self.transform = ColorTransform() if context else None

    def forward(
        self,
        features: Float[Tensor, "b c h w"],
        bicubic: Float[Tensor, "b 3 h2 w2"],
        context: Float[Tensor, "b 3 32 32"] | None = None,
    ) -> Float[Tensor, "b 3 h2 w2"]:
        """The restored picture, h2 = h · scale; not clipped."""
        image = bicubic + self.upsampler(self.relu(self.hidden(features)))
        return image if self.transform is None else self.transform(image, context)


class MultiTaskNet(nn.Module):
    """n tasks, one backbone: model(x) gives {task name: restored picture}.

    `model(x, ["sr"])` runs only the heads that are asked for. Heads may differ in scale.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        channels: int = 32,
        blocks: int = 4,
        hidden: int = 16,
        expansion: int = 1,
    ):
        super().__init__()
        self.tasks = {task.name: task for task in tasks}
        self.config = {"channels": channels, "blocks": blocks, "hidden": hidden}
        self.config["expansion"] = expansion
        self.backbone = Backbone(channels, blocks, expansion)
        self.reach = self.backbone.reach + 2  # LR pixels on each side that an output pixel can see
        self.heads = nn.ModuleDict(
            {task.name: Head(channels, task.scale, hidden, task.context) for task in tasks}
        )

    def forward(
        self,
        x: Float[Tensor, "b 3 h w"],
        tasks: Iterable[str] | None = None,
        context: Float[Tensor, "b 3 32 32"] | None = None,
    ) -> dict[str, Float[Tensor, "b 3 _ _"]]:
        """x in [0, 1]. Where x is not the whole picture, give the whole picture's `context(x)`."""
        names = list(self.tasks) if tasks is None else list(tasks)
        context = self.context(x) if context is None else context
        features = self.backbone(x)
        bicubic = {scale: enlarge(x, scale) for scale in {self.tasks[n].scale for n in names}}
        return {n: self.heads[n](features, bicubic[self.tasks[n].scale], context) for n in names}

    def context(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 32 32"]:
        """What heads may need to know of the whole picture: its thumbnail."""
        return thumbnail(x)


class StackNet(MultiTaskNet):
    """MultiTaskNet on a ConvStack of 1 + `blocks` convolutions; `expansion` must be 1."""

    def __init__(
        self,
        tasks: Sequence[Task],
        channels: int = 16,
        blocks: int = 5,
        hidden: int = 16,
        expansion: int = 1,
    ):
        if expansion != 1:
            raise ValueError(f"a StackNet has no blocks that expand: {expansion} must be 1")
        super().__init__(tasks, channels, 0, hidden)
        self.config.update(kind="stack", blocks=blocks)
        self.backbone = ConvStack(channels, blocks)
        self.reach = self.backbone.reach + 2


def luma_alone(network: MultiTaskNet) -> MultiTaskNet:
    """The network with heads that add one picture to R, G and B alike: brightness, no colour.

    In place, and noted in its `config`. What it leaves as bicubic makes it is what eyes, and
    PSNR-Y, see least; a small network has more to spend on the rest.
    """
    for head in network.heads.values():
        head.upsampler = Upsampler(head.hidden.out_channels, 1, head.upsampler.scale)
    network.config["luma"] = True
    return network
