"""The parts that networks are built from."""

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["ResidualBlock", "Upsampler", "leaky"]


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


def leaky(network: nn.Module, slope: float) -> nn.Module:
    """The network with every ReLU as max(x, slope · x): no unit can fall silent for good.

    In place, and noted in its `config`. In long trainings at high rates the units of small
    networks die one after the other. Maas et al. 2013.
    """
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.LeakyReLU(slope, inplace=True))
    network.config["slope"] = slope
    return network
