"""The shape tracer says what PyTorch does."""

import itertools

import pytest
import torch
from torch import nn

from mtsr_lib import widgets
from mtsr_lib.widgets import shapes

NAMES = [shapes.CONV, shapes.POOL, shapes.STRIDE, shapes.BARE, shapes.SHUFFLE, shapes.BICUBIC]


def built(rows: list[shapes.Traced]) -> nn.Sequential:
    """The network that a trace describes."""
    layers = []
    for before, row in itertools.pairwise(rows):
        if row.layer == shapes.BICUBIC:
            layers.append(nn.Upsample(scale_factor=2, mode="bicubic"))
            continue
        out = row.channels * (4 if row.layer == shapes.SHUFFLE else 1)
        stride, padding = 1 + (row.layer == shapes.STRIDE), int(row.layer != shapes.BARE)
        layers.append(nn.Conv2d(before.channels, out, 3, stride, padding))
        if row.layer == shapes.POOL:
            layers.append(nn.MaxPool2d(2))
        if row.layer == shapes.SHUFFLE:
            layers.append(nn.PixelShuffle(2))
    return nn.Sequential(*layers)


def counted(network: nn.Module, x: torch.Tensor) -> int:
    """Multiplications of all convolutions, from the shapes that they really make."""
    work = []

    def count(layer: nn.Conv2d, _, out: torch.Tensor) -> None:
        work.append(layer.weight.numel() * out[0, 0].numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    network(x)
    return sum(work)


@pytest.mark.parametrize("side", [17, 24])
@pytest.mark.parametrize(
    "layers",
    [shapes.STARTING, NAMES, [shapes.SHUFFLE, shapes.NONE, shapes.BARE], [shapes.BICUBIC] * 2],
)
def test_sizes_weights_and_work_are_those_of_pytorch(layers: list[str], side: int) -> None:
    rows = shapes.traced(layers, side, 8)
    network, x = built(rows), torch.zeros(1, 3, side, side)
    assert network(x).shape == (1, rows[-1].channels, rows[-1].side, rows[-1].side)
    assert sum(row.weights for row in rows) == sum(p.numel() for p in network.parameters())
    assert sum(row.multiplications for row in rows) == counted(network, x)


def test_the_starting_network_is_eight_times_too_small() -> None:
    rows = shapes.traced(shapes.STARTING, 48, 64)
    assert [(row.channels, row.side) for row in rows] == [
        *[(3, 48), (64, 24), (128, 12), (256, 6)],
        *[(128, 6), (64, 6), (3, 6)],
    ]
    assert sum(row.weights for row in rows) == 741_379


def test_every_control_can_go_to_both_ends() -> None:
    tracer = widgets.shape_tracer()
    assert len(list(tracer.sweep())) > 40
    assert "6×6 out, the target is 96×96" in tracer.answer["text"]


def test_nothing_is_left_of_a_small_picture_without_an_error() -> None:
    tracer = widgets.shape_tracer([shapes.POOL] * 6, side=8)
    assert "0×0 out" in tracer.answer["text"]
    tracer.set(**{f"layer{n}": shapes.NONE for n in range(1, 7)})
    assert "0 parameters" in tracer.answer["text"]
