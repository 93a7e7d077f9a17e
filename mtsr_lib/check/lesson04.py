"""Checks of lesson 04, task_heads."""

from __future__ import annotations

from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from mtsr_lib.check.kit import Case, Verdict, grade, is_blank, not_yet


def grey_task(answer: Any) -> Verdict:
    """Check a Task named "grey" at ×3 whose target is luma(p) in three channels."""
    if answer is not None and not is_blank(answer) and not hasattr(answer, "target"):
        return not_yet('expected a Task, made by `Task("grey", scale=3, target=…)`.')
    if hasattr(answer, "target") and not _takes_two(answer.target):
        return not_yet("the target is a function of two pictures: clean, and as shot.")
    yellow, orange = (
        torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 2, 3)
        for colour in ([1.0, 1.0, 0.0], [1.0, 0.5, 0.0])
    )
    two = torch.zeros(2, 3, 2, 2)
    two[0], two[1, 0] = 0.25, 1.0  # grey, and red

    def use(task: Any, what: str, *pictures: Tensor) -> Any:
        return getattr(task, what)(*pictures) if pictures else getattr(task, what)

    return grade(
        answer,
        Case("the name", ("name",), "grey"),
        Case(
            "the scale",
            ("scale",),
            3,
            known={"give `scale=3`: 2 is the scale of sr, detail and color": 2},
        ),
        Case(
            "a yellow clean picture, as shot orange (1, 0.5, 0)",
            ("target", yellow, orange),
            torch.full((1, 3, 2, 3), 0.5925),
            known={
                "that is the clean picture; the target is made from p, the second argument": (
                    torch.full((1, 3, 2, 3), 0.886)
                ),
                "that is the mean of R, G and B; luma weighs them by 0.299, 0.587 and 0.114": (
                    torch.full((1, 3, 2, 3), 0.5)
                ),
                "three equal channels are wanted; `.expand(-1, 3, -1, -1)` makes them": (
                    torch.full((1, 1, 2, 3), 0.5925)
                ),
                "that is p itself, still in colours": orange,
            },
        ),
        Case(
            "a batch of two, grey and red",
            ("target", 1 - two, two),
            torch.tensor([0.25, 0.299]).view(2, 1, 1, 1).expand(2, 3, 2, 2),
        ),
        Case(
            "a loss between pictures 0.5 apart (the default, L1)",
            ("loss", torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)),
            torch.tensor(0.5),
        ),
        call=use,
    )


def _takes_two(target: Any) -> bool:
    """Whether a target can be called with two pictures."""
    try:
        signature(target).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def compromise(answer: Any) -> Verdict:
    """Check my_compromise(targets, weights) -> the picture that pays least: Σ wᵢ yᵢ / Σ wᵢ."""

    def flat(*values: float) -> Tensor:
        return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)

    pixel = {"sr": flat(0.2), "color": flat(0.6)}
    three = {"sr": flat(0.3, 0.1), "detail": flat(0.4, 0.2), "color": flat(0.8, 0.9)}
    double = {name: picture.double() for name, picture in pixel.items()}
    return grade(
        answer,
        Case(
            "targets 0.2 and 0.6 with the weights 1 and 3",
            (pixel, {"sr": 1.0, "color": 3.0}),
            flat(0.5),
            known={
                "that is the plain average: the weights do not enter": flat(0.4),
                "that is Σ wᵢ yᵢ; divide it by the sum of the weights": flat(2.0),
                "divide by the sum of the weights, not by the number of targets": flat(1.0),
                "the weights enter squared; the loss has them to the first power": flat(0.56),
                "that is the target of the largest weight; the others pull too": flat(0.6),
            },
        ),
        Case(
            "three targets, a batch of two, the weights in another order",
            (three, {"color": 2.0, "detail": 1.0, "sr": 1.0}),
            flat(0.575, 0.525),
            known={
                "go by the names: the two dictionaries need not have one order": flat(0.45, 0.325)
            },
        ),
        Case(
            "weights that sum to less than 1, in float64",
            (double, {"sr": 0.1, "color": 0.1}),
            flat(0.4).double(),
        ),
        Case("one target alone", ({"sr": flat(0.7)}, {"sr": 5.0}), flat(0.7)),
    )


def color_matrix(answer: Any) -> Verdict:
    """Check my_transform(matrix, image) -> (b, 3, h, w): each colour through its 3×4 matrix."""
    swap = torch.tensor([[[0.0, 1, 0, 0.1], [0, 0, 1, 0], [0.5, 0, 0, 0]]])
    pixel = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1)
    numbers = torch.arange(24.0).view(2, 3, 4) / 10
    image = torch.arange(36.0).view(2, 3, 2, 3) / 36
    wanted = torch.zeros(2, 3, 2, 3)
    for b in range(2):
        for r in range(3):
            wanted[b, r] = numbers[b, r, 3]
            for c in range(3):
                wanted[b, r] += numbers[b, r, c] * image[b, c]
    first = torch.einsum("rc,bchw->brhw", numbers[0, :, :3], image) + numbers[0, :, 3, None, None]

    def colour(*values: float) -> Tensor:
        return torch.tensor(values).view(1, 3, 1, 1)

    return grade(
        answer,
        Case(
            "pixel (0.2, 0.4, 0.6), rows (0, 1, 0, 0.1), (0, 0, 1, 0), (0.5, 0, 0, 0)",
            (swap, pixel),
            colour(0.5, 0.6, 0.1),
            known={
                "rows and columns are exchanged: row r of the matrix makes channel r": colour(
                    0.4, 0.2, 0.4
                ),
                "the last column is added too": colour(0.4, 0.6, 0.1),
                "the last column is added once, not for every channel": colour(0.6, 0.7, 0.2),
                "that is the change by the matrix plus the picture; it needs no skip": colour(
                    0.7, 1.0, 0.7
                ),
                "the last column is subtracted": colour(0.3, 0.6, 0.1),
            },
            differentiable=True,
        ),
        Case(
            "two pictures of 2×3 pixels, each with its own matrix",
            (numbers, image),
            wanted,
            known={"each picture has its own matrix; that is the first one's for both": first},
        ),
        Case("the same in float64", (numbers.double(), image.double()), wanted.double()),
    )


class Stand(nn.Module):
    """In the network's place: enlarges, and adds the context's mean colour, so that it shows."""

    def context(self, x: Tensor) -> Tensor:
        return adaptive_avg_pool2d(x, 32)

    def forward(self, x: Tensor, tasks: Any = None, context: Tensor | None = None) -> dict:
        context = self.context(x) if context is None else context
        tasks = tasks if tasks is None else list(tasks)
        return {
            name: interpolate(x, scale_factor=2) + k * context.mean((2, 3), keepdim=True)
            for k, name in enumerate(["sr", "detail", "color"])
            if tasks is None or name in tasks
        }


def tile(answer: Any) -> Verdict:
    """Check my_tile(model, photo, top, left, side) -> the color head's answer for one tile."""
    model = Stand()
    photo = torch.zeros(1, 3, 4, 4)
    photo[..., :2, 2:] = 0.4
    ramp = torch.arange(3 * 6 * 8.0).view(1, 3, 6, 8) / 144

    def answered(x: Tensor, top: int, left: int, side: int, whole: Tensor, task: str = "color"):
        part = x[..., top : top + side, left : left + side]
        return model(part, [task], model.context(whole))[task]

    def part(x: Tensor, top: int, left: int, side: int) -> Tensor:
        return x[..., top : top + side, left : left + side]

    return grade(
        answer,
        Case(
            "a stand-in that doubles the sides and adds twice the context's mean; a black picture "
            "of 4×4 with a light corner (0.4), which is the tile",
            (model, photo, 0, 2, 2),
            answered(photo, 0, 2, 2, photo),
            known={
                "the context is that of the tile; the whole photograph's is right": answered(
                    photo, 0, 2, 2, part(photo, 0, 2, 2)
                ),
                "that is the head `sr`": answered(photo, 0, 2, 2, photo, "sr"),
                "that is the head `detail`": answered(photo, 0, 2, 2, photo, "detail"),
                "rows come before columns": answered(photo, 2, 0, 2, photo),
                "that is the whole photograph's answer; cut the tile": answered(
                    photo, 0, 0, 4, photo
                ),
            },
        ),
        Case(
            "row 1, column 3, side 4 of a picture of 6×8",
            (model, ramp, 1, 3, 4),
            answered(ramp, 1, 3, 4, ramp),
            known={
                "the context is that of the tile; the whole photograph's is right": answered(
                    ramp, 1, 3, 4, part(ramp, 1, 3, 4)
                ),
                "the context comes from the tile; the whole photograph's is right": answered(
                    ramp, 1, 3, 4, part(ramp, 1, 3, 4)
                ),
            },
        ),
        Case("the last corner", (model, ramp, 4, 6, 2), answered(ramp, 4, 6, 2, ramp)),
    )
