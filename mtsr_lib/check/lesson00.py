"""Checks of lesson 00, start_here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mtsr_lib.check.kit import Case, Verdict, grade


def thrown_away(answer: Any) -> Verdict:
    """Check thrown_away(scale) -> the share of pixels that is gone, 0 to 1."""
    return grade(
        answer,
        Case(
            "scale 2 (of 4×4 = 16 pixels, 2×2 = 4 are kept)",
            (2,),
            0.75,
            known={
                "that is the share that is kept": 0.25,
                "that is one side only; rows and columns both get fewer": 0.5,
                "that is the number of pixels that one pixel stands for": 4,
                "for each pixel that is kept so many are lost; divide by all of them": 3,
                "a share lies between 0 and 1, not in percent": 75,
                "that is the share with a minus sign": -0.75,
            },
        ),
        Case(
            "scale 4 (of 4×4 pixels, 1 is kept)",
            (4,),
            0.9375,
            known={
                "that holds for scale 2, but here the scale is 4": 0.75,
            },
        ),
        Case("scale 3 (of 9 pixels, 1 is kept)", (3,), 8 / 9),
        Case("scale 1, which throws nothing away", (1,), 0.0),
        Case("scale 1.5 (of 9×9 = 81 pixels, 6×6 = 36 are kept)", (1.5,), 5 / 9),
    )


def gain(answer: Any) -> Verdict:
    """Check my_gain(restored, bicubic, truth) -> (b,), in dB."""
    grey = torch.full((1, 3, 4, 4), 0.5)
    truth = torch.full((2, 3, 2, 5), 0.2)
    off = torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    corner = torch.zeros(1, 3, 2, 2)
    corner[0, 0, 0, 0] = 0.4
    return grade(
        answer,
        Case(
            "a grey picture, restored 0.01 off (40 dB), bicubic 0.1 off (20 dB)",
            (grey + 0.01, grey + 0.1, grey),
            torch.tensor([20.0]),
            known={
                "restored comes first: a gain is above zero where it is better": torch.tensor(
                    [-20.0]
                ),
                "decibels are logarithms: subtract them, do not divide": torch.tensor([2.0]),
                "that is the ratio of the squared errors, not yet in dB": torch.tensor([100.0]),
                "that is the PSNR of the restored picture alone": torch.tensor([40.0]),
                "that is the PSNR between the two enlargements; each is compared with the truth": (
                    torch.tensor([20.9151])
                ),
                "one value per picture of the batch, not one for all": torch.tensor(20.0),
            },
            differentiable=True,
        ),
        Case(
            "a batch of two: restored 0.01 and 0.1 off, bicubic 0.1 and 0.01",
            (truth + off.flip(0), truth + off, truth),
            torch.tensor([20.0, -20.0]),
            known={
                "where bicubic is better, the gain is below zero": torch.tensor([20.0, 20.0]),
                "below zero is a gain too: it says that bicubic is better": torch.tensor(
                    [20.0, 0.0]
                ),
                "that is one number for the whole batch": torch.tensor([0.0, 0.0]),
            },
        ),
        Case(
            "a single wrong value of twelve, by 0.4 in one and by 0.2 in the other",
            (corner / 2, corner, torch.zeros(1, 3, 2, 2)),
            torch.tensor([6.0206]),
            known={"that is the mean absolute error, not the squared one": torch.tensor([3.0103])},
        ),
        Case(
            "the batch of two in float64",
            ((truth + off.flip(0)).double(), (truth + off).double(), truth.double()),
            torch.tensor([20.0, -20.0], dtype=torch.float64),
            tolerance=1e-3,
        ),
    )


OTHER_RATES = {  # losses and last w of the case below, with rates that people write by habit
    0.001: ([4.0, 3.984, 3.9681], [0.011976]),
    0.01: ([4.0, 3.8416, 3.6895], [0.117616]),
    0.1: ([4.0, 2.56, 1.6384], [0.976]),
}
IN_WORDS = [  # what `grade` says of a pair (losses, weights), as it is called here
    (r"value 1 of 2: value (\d+ of \d+):", r"loss \1:"),
    (r"value 1 of 2: expected (\d+) values?", r"expected \1 losses"),
    (r"value 1 of 2: expected \(([^)]*)\)", r"expected the losses [\1]"),
    (r"value 2 of 2: value 1 of 1:", r"the last weight:"),
    (r"value 2 of 2: value (\d+ of \d+):", r"last weight \1:"),
    (r"Do not change the input: .*", r"Write `with torch.no_grad():` around the step."),
]


def training_loop(answer: Any) -> Verdict:
    """Check my_fit(model, x, y, steps, rate) -> losses; what becomes of the model counts too."""
    one, two = torch.tensor([[1.0]]), torch.tensor([[2.0]])
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    verdict = grade(
        answer,
        Case(
            "w = 0, x = 1, y = 2, 3 steps with rate 0.25; losses and last w",
            (torch.zeros(1, 1), one, two, 3, 0.25),
            ([4.0, 1.0, 0.25], [1.75]),
            known={
                "gradients add up: set them to zero in each step": ([4.0, 1.0, 0.25], [3.75]),
                "the model has not changed: is `step` missing? Without an optimiser: "
                "`p = p - …` names a new tensor, `p -= …` changes the model's": (
                    [4.0, 4.0, 4.0],
                    [0.0],
                ),
                "that is the last loss alone: append each to a list": ([0.25], [1.75]),
                "that is one number, the last loss: append each to a list": (0.25, [1.75]),
                "that is one round: `return` stands inside the loop": ([4.0], [1.0]),
                "that is Adam: gradient descent is `torch.optim.SGD`": (
                    [4.0, 3.0625, 2.2552],
                    [0.7435],
                ),
                "that is Adam at a rate of its own: take `torch.optim.SGD` and `rate`": (
                    [4.0, 3.996, 3.992],
                    [0.003],
                ),
                **{
                    f"that is a rate of {fixed:g}: the step takes the argument `rate`": value
                    for fixed, value in OTHER_RATES.items()
                },
                "that climbs: the step goes against the gradient": ([4.0, 9.0, 20.25], [-4.75]),
                "each loss is measured before its step, not after it": (
                    [1.0, 0.25, 0.0625],
                    [1.75],
                ),
                "`step` comes after `backward`": ([4.0, 4.0, 1.0], [2.0]),
                "that is the mean absolute error, not the squared one": ([2.0, 1.75, 1.5], [0.75]),
                "the losses are right, but the model was left as it was": ([4.0, 1.0, 0.25], [0.0]),
            },
            tolerance=1e-3,
        ),
        Case(
            "two inputs and two pairs, 2 steps with rate 0.5; losses and last weights",
            (torch.zeros(1, 2), x, torch.tensor([[1.0], [2.0]]), 2, 0.5),
            ([2.5, 0.625], [0.75, 1.5]),
            known={
                "take the mean over the pairs, not the sum": ([5.0, 0.0], [1.0, 2.0]),
                "each step takes all pairs, not one after the other": ([1.0, 4.0], [1.0, 2.0]),
            },
        ),
        Case(
            "the same in float64, one step",
            (torch.zeros(1, 2).double(), x.double(), torch.ones(2, 1).double(), 1, 1.0),
            ([1.0], [1.0, 1.0]),
        ),
        call=_trained,
    )
    message = verdict.message
    for pattern, words in IN_WORDS:
        message = re.sub(pattern, words, message)
    return replace(verdict, message=message)


def _trained(answer: Any, start: Tensor, x: Tensor, y: Tensor, steps: int, rate: float) -> Any:
    """What the answer returns, and the weights of the model it trained."""
    model = nn.Linear(start.shape[1], 1, bias=False).to(start)
    with torch.no_grad():
        model.weight.copy_(start)
    losses = answer(model, x, y, steps, rate)
    if losses is None or losses is ...:
        return losses
    return losses, model.weight.detach().flatten().tolist()
