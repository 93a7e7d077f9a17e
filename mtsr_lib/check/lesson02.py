"""Checks of lesson 02, first_network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mtsr_lib.check.kit import Case, Verdict, grade, is_blank


def side(answer: Any) -> Verdict:
    """Check my_side(n, kernel, stride, padding) -> the side that comes out, an int."""
    floats = "a side is a whole number: divide with `//`"
    return grade(
        answer,
        Case(
            "n 5, kernel 3, stride 2, padding 0 (the kernel fits at 0 and at 2)",
            (5, 3, 2, 0),
            2,
            known={
                "the + 1 is missing, or inside the division: the first place counts too": 1,
                "the + 1 comes after the division, not before it": 1.5,
                "that is stride 1; divide by the stride": 3,
            },
        ),
        Case(
            "n 48, kernel 3, stride 1, padding 1",
            (48, 3, 1, 1),
            48,
            known={
                "padding adds on both sides: twice": 47,
                "the padding is missing": 46,
                "padding makes the picture larger, not smaller": 44,
            },
        ),
        Case(
            "n 45, kernel 2, stride 2, padding 0 (43 / 2 is 21.5; the last column is dropped)",
            (45, 2, 2, 0),
            22,
            known={
                floats: 22.5,
                "the fraction is cut off, not rounded up": 23,
                "an odd side loses its last column": 22.5,
            },
        ),
        Case("n 47, kernel 3, stride 2, padding 1", (47, 3, 2, 1), 24),
        Case("n 20, kernel 5, stride 3, padding 2", (20, 5, 3, 2), 7),
        Case("that it is an int: n 8, kernel 2, stride 2, padding 0", (8, 2, 2, 0), (4, "int")),
        call=_typed,
    )


def _typed(answer: Any, n: int, kernel: int, stride: int, padding: int) -> Any:
    """The side; for the last case with its type, so that 4.0 is not taken for 4."""
    made = answer(n, kernel, stride, padding)
    return (made, type(made).__name__) if n == 8 and made is not ... and made is not None else made


def careful_loss(answer: Any) -> Verdict:
    """Check my_loss(prediction, target) -> scalar tensor, or a ValueError with both shapes."""
    grey = torch.full((1, 3, 2, 2), 0.5)
    mixed = torch.tensor([[0.1, 0.0], [0.0, 0.5]]).expand(2, 3, 2, 2)
    accepted = "two shapes that broadcasting would have made equal, and no ValueError came"
    return grade(
        answer,
        Case(
            "a grey picture and one that is 0.1 brighter (0.1² = 0.01)",
            (grey, grey + 0.1),
            torch.tensor(0.01),
            known={
                "that is the mean absolute error: square it": torch.tensor(0.1),
                "that is the sum: take the mean": torch.tensor(0.12),
                "that is the root of it": torch.tensor(0.1),
                "one number for all, not one per picture": torch.tensor([0.01]),
            },
            tolerance=1e-6,
        ),
        Case(
            "two pictures, in each channel errors of 0.1, 0, 0 and 0.5 (0.26 / 4)",
            (mixed, torch.zeros(2, 3, 2, 2)),
            torch.tensor(0.065),
            known={
                "that is the square of the mean error": torch.tensor(0.0225),
                "that is the mean absolute error: square it": torch.tensor(0.15),
                "one number for all, not one per picture": torch.tensor([0.065, 0.065]),
            },
            tolerance=1e-6,
        ),
        Case(
            "the gradient of one error of 0.5 (2 · 0.5)",
            (torch.full((1, 1, 1, 1), 0.5), torch.zeros(1, 1, 1, 1)),
            torch.tensor(0.25),
            differentiable=True,
        ),
        Case(
            "the same in float64",
            (grey.double(), grey.double() + 0.1),
            torch.tensor(0.01, dtype=torch.float64),
            tolerance=1e-6,
        ),
        Case(
            "a prediction of 1×1 and a target of 4×4",
            (torch.zeros(1, 3, 1, 1), torch.zeros(1, 3, 4, 4)),
            "ValueError with both shapes",
            known={accepted: "no error", "raise a ValueError instead": "an AssertionError"},
        ),
        Case(
            "a prediction of 6×6 and a target of 12×12",
            (torch.zeros(1, 3, 6, 6), torch.zeros(1, 3, 12, 12)),
            "ValueError with both shapes",
        ),
        Case(
            "a prediction with 1 channel and a target with 3",
            (torch.zeros(2, 1, 4, 4), torch.zeros(2, 3, 4, 4)),
            "ValueError with both shapes",
            known={accepted: "no error"},
        ),
        Case(
            "a prediction of one picture and a target of two",
            (torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 4, 4)),
            "ValueError with both shapes",
            known={accepted: "no error"},
        ),
        Case(
            "the same numbers of values in other shapes, (2, 3) and (3, 2)",
            (torch.zeros(2, 3), torch.zeros(3, 2)),
            "ValueError with both shapes",
        ),
        call=_loss_or_refusal,
    )


def _loss_or_refusal(answer: Any, prediction: Tensor, target: Tensor) -> Any:
    """The loss; where the shapes differ, what became of it in words."""
    if prediction.shape == target.shape:
        return answer(prediction, target)
    try:
        made = answer(prediction, target)
    except ValueError as error:
        text = str(error)
    except AssertionError:
        return "an AssertionError"
    else:
        return made if made is ... else "no error"
    shapes = [", ".join(map(str, tensor.shape)) for tensor in (prediction, target)]
    named = all(shape in text for shape in shapes)
    return f"ValueError {'with both shapes' if named else 'without both shapes'}"


def dilated(answer: Any) -> Verdict:
    """Check my_features(channels) -> a Sequential that keeps the size and reaches 7 pixels."""
    return grade(
        answer,
        Case(
            "2 channels and a picture of 20×24: shape",
            (2, 20, 24, "shape"),
            (1, 2, 20, 24),
            known={
                "without padding every convolution loses pixels": (1, 2, 6, 10),
                "padding 1 suits dilation 1 only; each needs its own": (1, 2, 12, 16),
                "something still pools": (1, 2, 2, 3),
                "return an `nn.Sequential`, not a list": "a list",
            },
        ),
        Case(
            "2 channels: pixels that one output pixel sees to the left, right, above and below",
            (2, 31, 31, "reach"),
            (7, 7, 7, 7),
            known={
                "that is three convolutions without dilation": (3, 3, 3, 3),
                "dilations 1, 2, 3 reach 6; it was 1, 2 and 4": (6, 6, 6, 6),
                "that is dilation 4 three times": (12, 12, 12, 12),
                "that is dilation 2 three times": (6, 6, 6, 6),
                "one convolution is missing": (3, 3, 3, 3),
            },
        ),
        Case(
            "3 channels: parameters (3 layers of 3·3·9 weights and 3 biases)",
            (3, 8, 8, "parameters"),
            252,
            known={
                "the biases are missing": 243,
                "that are two convolutions": 168,
                "that are four convolutions": 336,
            },
        ),
        *(
            Case(
                f"1 channel, weights of 1 but −1 in {which}: the ReLU behind it leaves 0",
                (1, 16, 16, signs),
                0.0,
                known={"a ReLU is missing, or stands before its convolution": 729.0},
            )
            for which, signs in [
                ("the first two convolutions", (-1, -1, 1)),
                ("the last two convolutions", (1, -1, -1)),
                ("the last convolution", (1, 1, -1)),
            ]
        ),
        Case("5 channels and a picture of 9×7: shape", (5, 9, 7, "shape"), (1, 5, 9, 7)),
        call=_features,
    )


def _features(answer: Any, channels: int, h: int, w: int, asked: str | tuple) -> Any:
    """One property of the network that the answer makes."""
    network = answer(channels)
    if isinstance(network, list) and not is_blank(network):
        return "a list"
    if not isinstance(network, nn.Module):
        return network
    x = torch.ones(1, channels, h, w)
    if asked == "shape":
        return tuple(network(x).shape)
    if asked == "parameters":
        return sum(p.numel() for p in network.parameters())
    weights = [p for p in network.parameters() if p.ndim == 4]
    signs = (1, 1, 1) if asked == "reach" else asked
    for p in network.parameters():
        nn.init.zeros_(p)
    for p, sign in zip(weights, signs, strict=False):
        nn.init.constant_(p, sign)
    return _reach(network, x) if asked == "reach" else network(x).abs().max().item()


def _reach(network: nn.Module, x: Tensor) -> tuple[int, int, int, int]:
    """Pixels left, right, above and below on which the middle output pixel depends."""
    x = x.requires_grad_()
    middle = network(x)[..., x.shape[-2] // 2, x.shape[-1] // 2].sum()
    seen = torch.autograd.grad(middle, x)[0].abs().sum(dim=(0, 1)) > 0
    rows, columns = (seen.any(dim=d).nonzero().flatten() - x.shape[-1] // 2 for d in (1, 0))
    return (-int(columns[0]), int(columns[-1]), -int(rows[0]), int(rows[-1]))


def four_faults(answer: Any) -> Verdict:
    """Check my_step(model, optimizer, x, y) -> loss; what becomes of the weight counts too."""
    one, two = torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 2.0)
    row, goal = torch.tensor([1.0, 2.0]).view(1, 1, 1, 2), torch.tensor([1.0, 0.0])
    return grade(
        answer,
        Case(
            "the network w·x with w = 0, x = 1, y = 0.5, rate 0.5: the loss, and w after it",
            (0.0, one, one / 2, 0.5, 1),
            (0.25, "float", 0.5),
            known={
                "the loss is right and w has not moved: rounding has no gradient, and "
                "`zero_grad` after `backward` throws it away": (0.25, "float", 0.0),
                "all but `.item()`: return a number": (0.25, "Tensor", 0.5),
                "the loss is right, w has not moved, and a tensor comes back": (
                    0.25,
                    "Tensor",
                    0.0,
                ),
                "that is the loss after the step": (0.0, "float", 0.5),
                "square the difference": (0.5, "float", 0.5),
            },
        ),
        Case(
            "w = 0, x = 1, y = 0.5, rate 0.25, two calls: gradients of the first must be gone",
            (0.0, one, one / 2, 0.25, 2),
            (0.0625, "float", 0.375),
            known={"gradients add up: `zero_grad` is missing": (0.0625, "float", 0.625)},
        ),
        Case(
            "w = 1, x = 2, y = 1: the output 2 lies outside [0, 1]",
            (1.0, two, one, 0.125, 1),
            (1.0, "float", 0.5),
            known={
                "it is still clipped: above 1 it has no gradient": (0.0, "float", 1.0),
            },
        ),
        Case(
            "w = 0 and two pixels, x = (1, 2), y = (1, 0)",
            (0.0, row, goal.view(1, 1, 1, 2), 0.5, 1),
            (0.5, "float", 0.5),
            known={
                "`y.mean()` makes one grey of the whole target": (0.25, "float", 0.75),
                "that is the sum, not the mean": (1.0, "float", 1.0),
            },
        ),
        call=_stepped,
    )


def _stepped(
    answer: Any, start: float, x: Tensor, y: Tensor, rate: float, calls: int
) -> tuple[Any, str, float] | Any:
    """What the last call returns, its type, and the weight after it."""
    model = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(model.weight, start)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(calls):
        loss = answer(model, optimizer, x, y)
    if loss is None or loss is ...:
        return loss
    value = loss.detach().item() if isinstance(loss, Tensor) and loss.numel() == 1 else loss
    return value, type(loss).__name__, model.weight.item()
