"""Checks of lesson 06, training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mtsr_lib.check.kit import Case, Verdict, grade


def adam(answer: Any) -> Verdict:
    """Check my_adam(gradients, rate): the change of a parameter after these slopes, a number."""
    return grade(
        answer,
        Case(
            "one slope of −5 at rate 0.1 (the step of section 1)",
            ([-5.0], 0.1),
            0.1,
            known={
                "down the slope, not up: the step is subtracted": -0.1,
                "that is SGD's step": 0.5,
                "the divisions by 1 − 0.9ᵗ and 1 − 0.999ᵗ are missing": 0.5 * 0.1 / 0.025**0.5,
                "only m is divided by 1 − 0.9ᵗ; v by 1 − 0.999ᵗ too": 0.1 * 5 / 0.025**0.5,
                "only v is divided by 1 − 0.999ᵗ; m by 1 − 0.9ᵗ too": 0.01,
                "the root of v is missing": 0.02,
                "0.9 and 0.1 are exchanged, or 0.999 and 0.001": 0.9,
            },
            tolerance=1e-5,
        ),
        Case(
            "slopes of 2 and −2 at rate 0.1 (−0.1, then + 0.1 · (0.02 / 0.19) / √4 = 0.0053)",
            ([2.0, -2.0], 0.1),
            -0.1 + 0.1 * 0.02 / 0.19 * 0.5,
            known={
                "that is the last step alone: add up all steps": 0.1 * 0.02 / 0.19 * 0.5,
                "divide copies: m and v go to the next step undivided": -0.11882533802619623,
                "each step begins with new m and v; they are carried on": 0.0,
                "0.9 is for m, 0.999 for v": -0.09995,
            },
            tolerance=1e-5,
        ),
        Case("no slopes: nothing changes", ([], 0.1), 0.0),
        Case("a slope of 0", ([0.0], 0.1), 0.0),
        Case("a very small slope of 3e-8 at rate 1", ([3e-8], 1.0), -0.75, tolerance=1e-5),
        Case(
            "slopes of 1, 0, 0 and 4 at rate 0.01",
            ([1.0, 0.0, 0.0, 4.0], 0.01),
            _by_torch([1.0, 0.0, 0.0, 4.0], 0.01),
            tolerance=1e-5,
        ),
    )


def _by_torch(gradients: list[float], rate: float) -> float:
    """What PyTorch's Adam does to a parameter with these slopes."""
    theta = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=rate)
    for gradient in gradients:
        theta.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
    return theta.item()


SEEN = {
    "A": "`sr` swings, thrown up again and again, not in one leap, and never lies flat at 1",
    "B": "training falls while the held-out `sr` and `detail` rise: something else is learnt",
    "C": "one held-out line falls, two stay at 1 from the start, no leap",
    "D": "one leap near the start, then lines flat at 1, and no more swings",
}
ILLNESS = {
    "A": "zero_grad forgotten",
    "B": "pairs not aligned",
    "C": "one task dominates",
    "D": "rate too high",
}


def diagnosis(answer: Any) -> Verdict:
    """Check my_diagnosis: a dict with an illness for each of the patients A to D."""
    return grade(
        answer,
        *(
            Case(f"patient {letter}", (letter,), illness, known=_told(letter))
            for letter, illness in ILLNESS.items()
        ),
        call=_named,
    )


def _told(letter: str) -> dict[str, str]:
    """What one sees of a patient, for each of the illnesses that it is not."""
    others = [illness for illness in ILLNESS.values() if illness != ILLNESS[letter]]
    return {f"not `{illness}`. Look again: {SEEN[letter]}": illness for illness in others}


def _named(answer: Any, letter: str) -> Any:
    """The illness of one patient; what is wrong with the dictionary, in words."""
    if not isinstance(answer, Mapping):
        return f"a {type(answer).__name__}, not a dict"
    illness = answer.get(letter, "no entry")
    known = illness in (*ILLNESS.values(), ..., "no entry")
    return illness if known else f"{illness}, where one should write one of the four"


def silent(answer: Any) -> Verdict:
    """Check my_silent(z): how many units of z (b, c, h, w) are positive nowhere, an int."""
    one = torch.full((1, 5, 2, 2), -1.0)
    one[0, 0, 1, 0] = 0.5
    one[0, 1] = 0.25
    turns = torch.full((2, 3, 1, 2), -1.0)
    turns[0, 0, 0, 0] = turns[1, 1, 0, 1] = 1.0
    zero = torch.zeros(2, 4, 3, 1)
    zero[1, 3] = 2.0
    tall = torch.full((3, 2, 4, 5), -0.1, dtype=torch.float64)
    tall[2, 0, 3, 4] = 3.0
    return grade(
        answer,
        Case(
            "5 units: one fires at one of four pixels, one at all, three nowhere",
            (one,),
            3,
            known={
                "those are the units that fire": 2,
                "that counts pixels, not units": 15,
                "a unit that fires at a single pixel is alive": 4,
                "that is the share; count": 0.6,
                "that is a count for each picture: one for the batch": torch.tensor([3]),
            },
        ),
        Case(
            "2 pictures, 3 units: the first fires in one, the second in the other, one nowhere",
            (turns,),
            1,
            known={
                "a unit lives if it fires in any of the pictures": 2,
                "count over the whole batch, not picture by picture": 4,
            },
        ),
        Case(
            "z = 0 everywhere in 3 of 4 units: a ReLU at 0 has no slope",
            (zero,),
            3,
            known={"at z = 0 nothing fires: `<= 0`, or not `> 0`": 0},
        ),
        Case("3 pictures of 4×5, 2 units, float64", (tall,), 1),
        Case("all alive", (torch.ones(2, 3, 2, 2),), 0),
        Case("that it is an int", (torch.full((1, 5, 1, 1), -1.0), "type"), (5, "int")),
        call=_counted,
    )


def _counted(answer: Any, z: torch.Tensor, kind: str = "") -> Any:
    """The count; for the last case with its type."""
    made = answer(z)
    return (made, type(made).__name__) if kind and made is not ... and made is not None else made
