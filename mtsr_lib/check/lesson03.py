"""Checks of lesson 03, backbone."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mtsr_lib.check.kit import Case, Verdict, grade


def field(answer: Any) -> Verdict:
    """Check my_field(layers of (kernel, stride, dilation)) -> the receptive field's side."""
    return grade(
        answer,
        Case(
            "two 3×3 convolutions (1 + 2 + 2)",
            ([(3, 1, 1), (3, 1, 1)],),
            5,
            known={
                "each layer adds kernel − 1: the pixel in the middle is counted once": 6,
                "a layer adds kernel − 1, not the kernel; behind stride 1 a step stays 1": 7,
                "a field of 1 is there before the first layer: start with it": 4,
                "sides are not multiplied: each layer adds kernel − 1": 9,
                "that is the reach to one side; the field is both sides and the middle": 2,
            },
        ),
        Case(
            "one 3×3 convolution with dilation 4 (taps at −4, 0 and 4)",
            ([(3, 1, 4)],),
            9,
            known={
                "the dilation is missing: the taps lie `dilation` apart": 3,
                "there are kernel − 1 gaps between the taps, not kernel": 13,
                "the gaps are multiplied by the dilation, not added to it": 7,
            },
        ),
        Case(
            "stride 2, then a 3×3 convolution, kernels of 3 (1 + 2 + 2 · 2)",
            ([(3, 2, 1), (3, 1, 1)],),
            7,
            known={
                "the stride of earlier layers is missing: behind stride 2 a step is 2 pixels": 5,
                "a layer's own stride counts only for the layers after it": 9,
                "a stride lengthens later steps; what was seen before it stays": 6,
            },
        ),
        Case(
            "three 3×3 convolutions of stride 2 (1 + 2 + 4 + 8)",
            ([(3, 2, 1)] * 3,),
            15,
            known={
                "strides multiply: behind two layers of stride 2 a step is 4 pixels": 11,
                "only the strides before a layer count for it": 29,
            },
        ),
        Case(
            "kernels 5, 1 and 3 with dilations 1, 1 and 3", ([(5, 1, 1), (1, 1, 1), (3, 1, 3)],), 11
        ),
        Case("strides 3 and 2, then dilation 2", ([(5, 3, 1), (3, 2, 2), (3, 1, 2)],), 41),
        Case("no layer at all: a pixel sees itself", ([],), 1),
    )


def blind(answer: Any) -> Verdict:
    """Check my_blind(dilations) -> the offsets inside the field that are not seen, in order."""
    return grade(
        answer,
        Case(
            "dilations 2 and 2, which see −4, −2, 0, 2 and 4",
            ([2, 2],),
            [-3, -1, 1, 3],
            known={
                "those are the offsets that it does see": [-4, -2, 0, 2, 4],
                "the field reaches to the left as well": [1, 3],
                "those are all offsets of the field": list(range(-4, 5)),
                "add up one tap of each layer; each alone sees less": [-4, -3, -1, 1, 3, 4],
                "the middle tap is missing: a layer sees −d, 0 and d": [-3, -2, -1, 1, 2, 3],
                "how many is not asked: list them": 4,
                "list them in order": [1, 3, -3, -1],
            },
        ),
        Case(
            "dilation 3 alone",
            ([3],),
            [-2, -1, 1, 2],
            known={"the middle tap sees the pixel itself": [-2, -1, 0, 1, 2]},
        ),
        Case("dilations 1 and 2, which together see everything", ([1, 2],), []),
        Case(
            "dilations 1 and 4 (−5 … −3, −1 … 1 and 3 … 5 are seen)",
            ([1, 4],),
            [-2, 2],
        ),
        Case("dilations 2, 1 and 2", ([2, 1, 2],), []),
        Case("dilations 4 and 2", ([4, 2],), [-5, -3, -1, 1, 3, 5]),
        Case("no layer at all: a pixel sees itself", ([],), []),
    )


def identity_block(answer: Any) -> Verdict:
    """Check my_block(channels) -> a residual block that starts as the identity, and can learn."""
    negative = _input(2).clamp(max=0)
    return grade(
        answer,
        Case(
            "2 channels: parameters (two convolutions of 2·2·9 weights and 2 biases)",
            (2, "parameters"),
            76,
            known={
                "the biases are missing": 72,
                "that is one convolution; a block has two": 38,
                "without layers there is nothing to learn": 0,
            },
        ),
        Case(
            "2 channels and any input: mean difference, without its sign, between output and input",
            (2, "start"),
            0.0,
            known={
                "a ReLU after the sum cuts off everything negative": negative.abs().mean().item(),
                "the input is not added": _input(2).abs().mean().item(),
            },
            tolerance=1e-7,
        ),
        Case(
            "2 channels, an input of 0.5, the first convolution made to give −1, and the second "
            "the sum of its taps − 1: the mean of what comes out",
            (2, "negative"),
            -0.5,
            known={
                "the ReLU between the convolutions is missing": -15.3148,
            },
        ),
        Case(
            "2 channels: which convolutions have changed after three steps of training",
            (2, "learn"),
            ["first", "second"],
            known={
                "where the first is zero no gradient passes: zero only the last convolution": [],
                "a frozen block stays the identity for ever": ["nothing can"],
            },
        ),
        Case("5 channels, the same difference", (5, "start"), 0.0, tolerance=1e-7),
        call=_block,
    )


def _input(channels: int) -> torch.Tensor:
    return torch.randn(2, channels, 6, 9, generator=torch.Generator().manual_seed(1))


def _block(answer: Any, channels: int, asked: str) -> Any:
    """What a block is asked: its parameters, its start, its ReLU, or what three steps do to it."""
    block = answer(channels)
    if block is None or block is ... or not isinstance(block, nn.Module):
        return block
    convolutions = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    x = _input(channels)
    if asked == "parameters":
        return sum(p.numel() for p in block.parameters())
    if asked == "start":
        return (block(x) - x).abs().mean().item()
    if asked == "negative":
        for number, layer in enumerate(convolutions):
            nn.init.constant_(layer.weight, number)
            nn.init.constant_(layer.bias, -1)
        with torch.no_grad():
            return block(torch.full_like(x, 0.5)).mean().item()
    return _learnt(block, convolutions, x)


def _learnt(block: nn.Module, convolutions: list[nn.Conv2d], x: torch.Tensor) -> list[str]:
    """The convolutions whose weights three steps of gradient descent change."""
    if not all(p.requires_grad for p in block.parameters()):
        return ["nothing can"]
    before = [layer.weight.detach().clone() for layer in convolutions]
    optimizer = torch.optim.SGD(block.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (block(x) - x.flip(-1)).square().mean().backward()
        optimizer.step()
    changed = [not torch.equal(a, b.weight) for a, b in zip(before, convolutions, strict=True)]
    return [name for name, moved in zip(("first", "second"), changed, strict=False) if moved]


def shuffle(answer: Any) -> Verdict:
    """Check my_shuffle(x, scale) -> (b, c, h·scale, w·scale) of (b, c·scale², h, w)."""
    four = torch.arange(8.0).view(1, 4, 1, 2)
    six = torch.arange(8.0).view(1, 8, 1, 1)
    large = torch.arange(2 * 18 * 2 * 3.0).view(2, 18, 2, 3)
    whole = torch.arange(16)
    interleaved = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]], [[1.0, 3.0], [5.0, 7.0]]]])
    return grade(
        answer,
        Case(
            "4 channels of 1×2 pixels, [0 1], [2 3], [4 5], [6 7], and scale 2",
            (four, 2),
            torch.tensor([[[[0.0, 2.0, 1.0, 3.0], [4.0, 6.0, 5.0, 7.0]]]]),
            known={
                "the small squares are not put together: before the last reshape, permute to "
                "c, h, dy, w, dx": torch.tensor([[[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]]]),
                "rows and columns of the small squares are exchanged": torch.tensor(
                    [[[[0.0, 4.0, 1.0, 5.0], [2.0, 6.0, 3.0, 7.0]]]]
                ),
            },
            differentiable=True,
        ),
        Case(
            "8 channels of one pixel, 0 to 7, and scale 2: channels 0 to 3 make the first picture",
            (six, 2),
            six.view(1, 2, 2, 2),
            known={
                "the channels of one output stand together: split them as (c, scale, scale)": (
                    interleaved
                ),
                "two channels come out, not one": six.view(1, 1, 2, 4),
            },
        ),
        Case(
            "a batch of two, 18 channels of 2×3 pixels, and scale 3",
            (large, 3),
            _shuffled(large, 3),
        ),
        Case(
            "whole numbers",
            (whole.view(1, 16, 1, 1), 4),
            whole.view(1, 1, 4, 4),
        ),
        Case("scale 1, which changes nothing", (four, 1), four),
    )


def _shuffled(x: torch.Tensor, scale: int) -> torch.Tensor:
    """The same, pixel by pixel."""
    b, c, h, w = x.shape
    made = x.new_empty(b, c // scale**2, h * scale, w * scale)
    for k in range(c // scale**2):
        for i in range(h * scale):
            for j in range(w * scale):
                source = k * scale**2 + i % scale * scale + j % scale
                made[:, k, i, j] = x[:, source, i // scale, j // scale]
    return made


def cost(answer: Any) -> Verdict:
    """Check my_cost(inputs, outputs, kernel, height, width) -> (parameters, MACs)."""
    return grade(
        answer,
        Case(
            "3 channels to 4 by a kernel of 3 on 5×6 pixels (4 · 27 weights, 4 biases; 108 · 30)",
            (3, 4, 3, 5, 6),
            (112, 3240),
            known={
                "the biases are missing from the parameters": (108, 3240),
                "a bias belongs to each output channel, not to each weight": (216, 3240),
                "there is a bias for each output channel, not for each input channel": (111, 3240),
                "that is one bias for all: there is one for each output channel": (109, 3240),
                "a MAC is one multiplication and one addition: do not count both": (112, 6480),
                "the MACs of one pixel only: the kernel is used at every pixel": (112, 108),
                "biases are added, not multiplied: they are no MACs": (112, 3360),
                "kernel² is missing: a kernel of 3 has 9 taps": (16, 360),
                "the kernel has kernel² taps, not kernel": (40, 1080),
                "parameters come first": (3240, 112),
            },
        ),
        Case(
            "16 channels to 12 by a kernel of 1 on 10×10 pixels",
            (16, 12, 1, 10, 10),
            (204, 19200),
        ),
        Case("2 channels to 1 by a kernel of 5 on 1×7 pixels", (2, 1, 5, 1, 7), (51, 350)),
    )
