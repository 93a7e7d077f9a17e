"""Checks of lesson 10, gradients that conflict."""

from __future__ import annotations

from typing import Any

import torch

from mtsr_lib.check.kit import Case, Verdict, grade

ONE, TWO = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])  # worked by hand in the lesson


def harmed(answer: Any) -> Verdict:
    """Check my_harmed(gradients, weights): whose loss rises, (tasks,) bool."""
    three = torch.tensor([[2.0, 0, 0], [-1.0, 1, 0], [0, -3.0, 1]], dtype=torch.float64)
    return grade(
        answer,
        Case(
            "g₁ = (1, 0), g₂ = (−1, 1) with the weights 1 and 2: d = (−1, 2)",
            (torch.stack([ONE, TWO]), torch.tensor([1.0, 2.0])),
            torch.tensor([True, False]),
            known={
                "those are the slopes gᵢ·d: say which are below 0": torch.tensor([-1.0, 3.0]),
                "a loss rises where gᵢ·d is negative: the step is −η d": torch.tensor(
                    [False, True]
                ),
                "that asks who is in conflict; a task in conflict is harmed only if the others "
                "outweigh it": torch.tensor([True, True]),
                "the weights are missing in d": torch.tensor([False, False]),
            },
        ),
        Case(
            "the same with the weights 1 and 0.75: in conflict, and nobody is harmed",
            (torch.stack([ONE, TWO]), torch.tensor([1.0, 0.75])),
            torch.tensor([False, False]),
            known={"those are in conflict, but gᵢ·d is not negative": torch.tensor([True, True])},
        ),
        Case(
            "three tasks with three numbers each, float64; the first has weight 0",
            (three, torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)),
            torch.tensor([True, True, False]),
            known={
                "wᵢ gᵢ·d is 0 for a task without a weight, and its loss rises all the same": (
                    torch.tensor([False, True, False])
                )
            },
        ),
        Case(
            "two tasks at right angles: gᵢ·d = 0 for the one without a weight",
            (torch.eye(2), torch.tensor([0.0, 1.0])),
            torch.tensor([False, False]),
            known={"where gᵢ·d is 0 the loss stays": torch.tensor([True, False])},
        ),
    )


def again(answer: Any) -> Verdict:
    """Check my_again(rows): rows (2n, tasks, size) -> (tasks,)."""
    turned = torch.tensor([[[1.0, 1]], [[1, -1]], [[1, -1]], [[1, 1]]])
    rows = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    means = rows[:3].mean(0), rows[3:].mean(0)
    expected = (means[0] * means[1]).sum(1) / (means[0].norm(dim=1) * means[1].norm(dim=1))
    lengths = torch.tensor([[[3.0, 0], [0, 2]], [[0, 4.0], [0, -5]]])
    uneven = torch.tensor([[[4.0, 0]], [[0, 2.0]], [[1.0, 0]], [[1.0, 0]]])
    return grade(
        answer,
        Case(
            "4 batches, a task with the gradients (1, 1), (1, −1), (1, −1), (1, 1): both means "
            "are (1, 0)",
            (turned,),
            torch.tensor([1.0]),
            known={
                "average the gradients first; then one cosine of the two means": torch.tensor(
                    [0.5]
                ),
                "average the gradients of a half first; then one cosine": torch.tensor([0.0]),
                "one cosine for each task: a tensor of shape (tasks,)": torch.tensor(1.0),
            },
        ),
        Case(
            "2 batches: the first task's gradients (3, 0) and (0, 4), the second's (0, 2), (0, −5)",
            (lengths,),
            torch.tensor([0.0, -1.0]),
            known={
                "divide by both lengths: a cosine is between −1 and 1": torch.tensor([0.0, -10.0]),
                "compare a task with itself, not the tasks with each other": torch.tensor(
                    [0.0, 1.0]
                ),
            },
        ),
        Case(
            "4 batches, (4, 0), (0, 2), (1, 0), (1, 0): the means are (2, 1) and (1, 0)",
            (uneven,),
            torch.tensor([2 / 5**0.5]),
            known={
                "first half against second half, not every other batch": torch.tensor([0.2**0.5]),
                "means of the gradients as they are, not of their directions": torch.tensor(
                    [0.5**0.5]
                ),
            },
        ),
        Case("6 batches, 3 tasks, 4 numbers each, float64", (rows,), expected),
    )


def half_space(answer: Any) -> Verdict:
    """Check my_half_space(g, other): the nearest v with v·other ≥ 0, (size,)."""
    long = torch.tensor([-3.0, 4, 0, 0], dtype=torch.float64)
    return grade(
        answer,
        Case(
            "g = (1, 0), other = (−1, 1)",
            (ONE, TWO),
            torch.tensor([0.5, 0.5]),
            known={
                "divide by other·other, the squared length": ONE + TWO / 2**0.5,
                "divide by other·other": torch.tensor([0.0, 1.0]),
                "subtract: with a plus sign the conflict grows": torch.tensor([1.5, -0.5]),
                "that is the part that must go: take it from g": torch.tensor([0.5, -0.5]),
                "divide by the squared length of other, not of g": torch.tensor([0.0, 1.0]),
                "g is to be changed, not other": torch.tensor([0.0, 1.0]),
                "only where they conflict; here they do": ONE,
            },
        ),
        Case(
            "g = (−1, 1), other = (2, 0): longer than 1",
            (TWO, 2 * ONE),
            torch.tensor([0.0, 1.0]),
            known={"divide by the squared length": torch.tensor([3.0, 1.0])},
        ),
        Case(
            "g = (1, 0), other = (1, 1): no conflict, g stays",
            (ONE, ONE - TWO + torch.tensor([-1.0, 2.0])),
            ONE,
            known={"where g·other is positive there is nothing to mend": torch.tensor([0.5, -0.5])},
        ),
        Case("other = 0: g stays", (ONE, torch.zeros(2)), ONE),
        Case(
            "four numbers, float64",
            (long, torch.tensor([1.0, 0, 2, 0], dtype=torch.float64)),
            torch.tensor([-2.4, 4, 1.2, 0], dtype=torch.float64),
        ),
    )


def upgrad(answer: Any) -> Verdict:
    """Check my_upgrad(g1, g2): the mean of both, each moved to where it harms neither, (size,)."""
    a = torch.tensor([1.0, 2, 2], dtype=torch.float64)
    return grade(
        answer,
        Case(
            "g₁ = (1, 0), g₂ = (−1, 1)",
            (ONE, TWO),
            torch.tensor([0.25, 0.75]),
            known={
                "the sum is PCGrad's; UPGrad takes the mean": torch.tensor([0.5, 1.5]),
                "both are moved away from the original other one, not from the moved one": (
                    torch.tensor([-0.25, 0.75])
                ),
                "move each gradient before you take the mean": torch.tensor([0.0, 0.5]),
                "that is g₁ moved, or the mean after g₂ was moved first: move both, each away from "
                "the original other one, then take the mean": torch.tensor([0.5, 0.5]),
                "that is g₂ moved; the mean with g₁ moved is wanted": torch.tensor([0.0, 1.0]),
                "that is MGDA's": torch.tensor([0.2, 0.4]),
            },
        ),
        Case(
            "g₁ = (1, 0), g₂ = (1, 1): no conflict, d is the mean",
            (ONE, torch.tensor([1.0, 1.0])),
            torch.tensor([1.0, 0.5]),
            known={"only gradients that conflict are moved": torch.tensor([0.25, 0.25])},
        ),
        Case("g₁ = (−1, 1), g₂ = (4, 0): longer", (TWO, 4 * ONE), torch.tensor([1.0, 1.5])),
        Case("g₂ = 0: half of g₁ is left", (ONE, torch.zeros(2)), ONE / 2),
        Case(
            "three numbers, float64: g₁ = (1, 2, 2), g₂ = −2 g₁",
            (a, -2 * a),
            torch.zeros(3, dtype=torch.float64),
        ),
    )
