"""The equations of lessons 03 and 04 against the library, on numbers worked by hand."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mtsr_lib.blocks import ResidualBlock, Upsampler
from mtsr_lib.degrade import unfade
from mtsr_lib.model import ColorTransform, MultiTaskNet
from mtsr_lib.tasks import COLOR, DETAIL, SR, base, enhance

LAYERS = [
    ([(3, 1, 1), (3, 1, 1)], 5),  # 1 + 2 + 2
    ([(3, 2, 1), (3, 1, 1)], 7),  # 1 + 2 + 2 · 2
    ([(3, 2, 1)] * 3, 15),  # 1 + 2 + 4 + 8
    ([(3, 1, 4)], 9),  # 1 + 2 · 4
    ([(5, 1, 1), (1, 1, 1), (3, 1, 3)], 11),  # 1 + 4 + 0 + 6
    ([(5, 3, 1), (3, 2, 2), (3, 1, 2)], 41),  # 1 + 4 + 4 · 3 + 4 · 6
    ([(3, 1, 1), (3, 2, 1), *[(3, 1, 1)] * 4], 21),  # the quiz: 1 + 2 + 2 + 4 · (2 · 2)
]


@pytest.mark.parametrize(("layers", "side"), LAYERS)
def test_the_receptive_field_is_what_the_gradient_reaches(layers, side):
    stack = nn.Sequential(*[nn.Conv1d(1, 1, k, s, dilation=d) for k, s, d in layers])
    for convolution in stack:
        nn.init.ones_(convolution.weight)
    x = torch.ones(1, 1, side, requires_grad=True)
    features = stack(x)
    features.sum().backward()
    assert features.numel() == 1  # one pixel less would be too few
    assert x.grad[0, 0, 0] > 0
    assert x.grad[0, 0, -1] > 0
    with pytest.raises(RuntimeError):
        stack(torch.ones(1, 1, side - 1))


def test_a_residual_block_adds_and_its_derivative_is_one_more():
    """x + 3 relu(2x − 1) + 0.5: 4.5 at x = 1, where it rises by 1 + 6; 0.5 at x = 0, by 1."""
    block = ResidualBlock(1)
    for convolution, tap, bias in ((block.conv1, 2, -1), (block.conv2, 3, 0.5)):
        nn.init.zeros_(convolution.weight)
        convolution.weight.data[0, 0, 1, 1] = tap
        nn.init.constant_(convolution.bias, bias)
    for value, expected, slope in ((1.0, 4.5, 7.0), (0.0, 0.5, 1.0)):
        x = torch.full((1, 1, 1, 1), value, requires_grad=True)
        y = block(x)
        y.backward()
        assert (y.item(), x.grad.item()) == (expected, slope)


def test_sub_pixel_convolution_lays_four_channels_out_as_a_square():
    """Channel c s² + (i mod s) s + j mod s at (⌊i/s⌋, ⌊j/s⌋): [0 1], [2 3], [4 5], [6 7]."""
    upsampler = Upsampler(4, 1, 2)
    for channel in range(4):
        upsampler.conv.weight.data[channel, channel, 1, 1] = 1
    x = torch.arange(8.0).view(1, 4, 1, 2)
    assert upsampler(x).tolist() == [[[[0, 2, 1, 3], [4, 6, 5, 7]]]]


def test_the_guided_filter_and_enhance_on_columns_03_03_06():
    """Every 9×9 window has mean 0.4 and variance 0.02: a = 2/3 and b = 0.4/3, so base keeps
    2/3 of the deviation: 1/3 and 8/15; enhance adds 1.5 times the rest: 0.25 and 0.7."""
    columns = torch.tensor([0.3, 0.3, 0.6], dtype=torch.float64).repeat(13)
    picture = columns.expand(1, 3, 24, 39)
    inner = (..., slice(8, 16), slice(15, 18))  # windows of windows that reach no border
    for made, expected in ((base, [1 / 3, 1 / 3, 8 / 15]), (enhance, [0.25, 0.25, 0.7])):
        for row in made(picture)[inner].reshape(-1, 3).tolist():
            assert row == pytest.approx(expected, abs=1e-12)


def test_unfade_on_one_pixel():
    """Red at s = 1: 0.4 red + 0.6 · 0.299, then 0.55 of it + 0.9 · (0.32, 0.27, 0.22)."""
    faded = torch.tensor([0.60667, 0.34167, 0.29667]).view(1, 3, 1, 1)
    assert unfade(faded, 1.0).flatten().tolist() == pytest.approx([1, 0, 0], abs=1e-4)


def test_the_colour_transform_multiplies_and_adds_the_last_column():
    """M = rows (0, 1, 0, 0.1), (0, 0, 1, 0), (0.5, 0, 0, 0): the identity and this change."""
    transform = ColorTransform()
    change = torch.tensor([[-1, 1, 0, 0.1], [0, -1, 1, 0], [0.5, 0, -1, 0]])
    transform.predict[-1].bias.data.copy_(change.flatten())
    pixel = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1)
    made = transform(pixel, torch.rand(1, 3, 32, 32)).flatten().tolist()
    assert made == pytest.approx([0.5, 0.6, 0.1], abs=1e-6)


def test_the_macs_of_backbone_and_head_and_what_sharing_saves():
    """T = 27 · 32 + 9 · 9 · 32², H = 9 · 32 · 16 + 9 · 16 · 12; (T + 3 H) / (3 (T + H)) = 0.38."""
    net = MultiTaskNet([SR, DETAIL, COLOR])
    x, features = torch.rand(1, 3, 5, 7), torch.rand(1, 32, 5, 7)
    head = net.heads["sr"]

    def macs(run) -> int:
        with FlopCounterMode(display=False) as counter:
            run()
        return counter.get_total_flops() // 2 // (5 * 7)

    trunk = macs(lambda: net.backbone(x))
    each = macs(lambda: head(features, torch.zeros(1, 3, 10, 14)))
    assert (trunk, each) == (83_808, 6_336)
    assert (trunk + 3 * each) / (3 * (trunk + each)) == pytest.approx(102_816 / 270_432)
