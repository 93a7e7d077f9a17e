"""The parts that networks are built from."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["ConvStack", "ResidualBlock", "Upsampler", "WideKernel", "merged", "widen"]


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))): 3×3 convolutions, no normalisation (Lim et al. 2017, EDSR).

    Inside there are `expansion` times the channels (wide activation, Yu et al. 2018, WDSR). The
    last convolution starts at a tenth of PyTorch's default, so that a deep trunk starts near the
    identity.
    """

    def __init__(self, channels: int, expansion: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, expansion * channels, 3, padding=1)
        self.conv2 = nn.Conv2d(expansion * channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        nn.init.zeros_(self.conv2.bias)
        self.conv2.weight.data.mul_(0.1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Same shape out as in."""
        return x + self.conv2(self.relu(self.conv1(x)))


class Upsampler(nn.Module):
    """Sub-pixel convolution: 3×3 to out·scale² channels, then their shuffle (Shi et al. 2016).

    It starts at zero, so that what it is added to is at first left as it is.
    """

    def __init__(self, channels: int, out_channels: int, scale: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels * scale**2, 3, padding=1)
        self.scale = scale
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out_channels h2 w2"]:
        """h2 = h · scale."""
        squares = self.conv(x).unflatten(1, (-1, self.scale, self.scale))
        joined = squares.permute(0, 1, 4, 2, 5, 3)  # b, c, h, row, w, column
        return joined.flatten(4).flatten(2, 3)


class ConvStack(nn.Module):
    """The trunk of a very small network: 3×3 convolutions, a leaky ReLU after each, nothing else.

    All but the first start near the identity: x + conv(x) is a convolution too, with 1 more at the
    centre of its kernel, so the skip of a residual block is in the kernel and costs no time
    (compare RepVGG, Ding et al. 2021). Of the same size it bends the picture twice as often.
    """

    def __init__(self, channels: int, depth: int):
        super().__init__()
        sizes = [3, *[channels] * depth]
        self.convs = nn.ModuleList(nn.Conv2d(n, channels, 3, padding=1) for n in sizes)
        self.activation = nn.LeakyReLU(0.1, inplace=True)
        self.reach = depth + 1  # pixels on each side that a feature can see
        for conv in self.convs[1:]:
            nn.init.zeros_(conv.bias)
            conv.weight.data.mul_(0.3)
            nn.init.dirac_(same := torch.empty_like(conv.weight))
            conv.weight.data.add_(same)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """x in [0, 1]; features at the same size."""
        features = x - 0.5
        for conv in self.convs:
            features = self.activation(conv(features))
        return features


class WideKernel(nn.Module):
    """A 3×3 kernel in training: itself, plus a 3×3 to `factor` times the channels and a 1×1 back.

    Two convolutions without anything between are one, whose kernel this computes at every step:
    more parameters to descend by, none more to run. After Bhardwaj et al. 2022, SESR.
    """

    def __init__(self, kernel: Float[Tensor, "o i 3 3"], factor: int = 4):
        super().__init__()
        out, inside = kernel.shape[:2]
        self.spread = nn.Parameter(torch.empty(factor * out, inside, 3, 3))
        nn.init.kaiming_uniform_(self.spread, a=5**0.5)  # as nn.Conv2d starts
        self.back = nn.Parameter(torch.randn(out, factor * out) / (factor * out) ** 0.5)

    def forward(self, kernel: Float[Tensor, "o i 3 3"]) -> Float[Tensor, "o i 3 3"]:
        """The kernel in use."""
        return kernel + torch.einsum("om,mihw->oihw", self.back, self.spread)


def widen(network: nn.Module) -> nn.Module:
    """The network with a WideKernel for each convolution of its residual blocks, for training."""
    for block in [m for m in network.modules() if isinstance(m, ResidualBlock)]:
        for conv in (block.conv1, block.conv2):
            parametrize.register_parametrization(conv, "weight", WideKernel(conv.weight))
    return network


def merged(network: nn.Module) -> dict[str, Tensor]:
    """The state of the network with plain kernels that is equal to this one in every output."""
    state, inside = {}, ".parametrizations.weight."
    for name, value in network.state_dict().items():
        module, found, rest = name.partition(inside)
        if not found:
            state[name] = value
        elif rest == "original":
            state[f"{module}.weight"] = network.get_submodule(module).weight.detach()
    return state
