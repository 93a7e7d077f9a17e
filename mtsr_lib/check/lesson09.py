"""Checks of lesson 09, balancing losses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mtsr_lib.check.compare import describe
from mtsr_lib.check.kit import Case, Verdict, grade, is_blank, not_attempted, not_yet, passed


def even(answer: Any) -> Verdict:
    """Check my_even(losses): weights, summing to their number, that make all wᵢLᵢ equal."""
    return grade(
        answer,
        Case(
            "losses of 0.02 and 0.06",
            ({"sr": 0.02, "color": 0.06},),
            {"sr": 1.5, "color": 0.5},
            known={
                "the larger loss got the larger weight": {"sr": 0.5, "color": 1.5},
                "make them sum to the number of tasks": {"sr": 50.0, "color": 50 / 3},
                "they sum to 1; they shall sum to the number of tasks": {
                    "sr": 0.75,
                    "color": 0.25,
                },
                "that makes the products equal, not yet the sum 2": {"sr": 1.0, "color": 1 / 3},
                "those are the products wᵢLᵢ": {"sr": 0.03, "color": 0.03},
            },
        ),
        Case(
            "losses of 0.01, 0.02 and 0.05 (100, 50 and 20, times 3/170)",
            ({"sr": 0.01, "detail": 0.02, "color": 0.05},),
            {"sr": 300 / 170, "detail": 150 / 170, "color": 60 / 170},
            known={
                "here are three tasks: the weights sum to 3": {
                    "sr": 200 / 170,
                    "detail": 100 / 170,
                    "color": 40 / 170,
                },
            },
        ),
        Case("a single task", ({"sr": 0.3},), {"sr": 1.0}),
        Case("losses of 4 and 1, b first", ({"b": 4.0, "a": 1.0},), {"b": 0.4, "a": 1.6}),
        call=_plain_numbers,
    )


def _plain_numbers(answer: Any, losses: dict[str, float]) -> Any:
    """The weights, tensors of one value taken as numbers."""
    made = answer(losses)
    if not isinstance(made, dict):
        return made
    return {k: v.item() if isinstance(v, Tensor) and v.numel() == 1 else v for k, v in made.items()}


def front(answer: Any) -> Verdict:
    """Check my_front(scores): which rows of (n, tasks) no other row dominates, (n,) bool."""
    four = torch.tensor([[41.0, 30.0], [40.0, 31.0], [40.0, 30.0], [39.0, 29.0]])
    middle = torch.tensor([[5.0, 1.0], [2.0, 2.0], [1.0, 3.0]])
    same = torch.tensor([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    turns = torch.tensor([[3.0, 1.0, 2.0], [2.0, 3.0, 1.0], [1.0, 2.0, 3.0], [1.0, 2.0, 2.0]])
    many = torch.rand(20, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    return grade(
        answer,
        Case(
            "the four networks of the text",
            (four,),
            torch.tensor([True, True, False, False]),
            known={
                "those are the ones that are dominated": torch.tensor([False, False, True, True]),
                "C is as good as A in color and worse in sr: so A dominates it": torch.tensor(
                    [True, True, True, False]
                ),
                "every row is as good as itself: it must be better somewhere, too": torch.tensor(
                    [False, False, False, False]
                ),
                "scores are PSNR: higher is better": torch.tensor([False, False, False, True]),
            },
        ),
        Case(
            "scores (5, 1), (2, 2), (1, 3): (2, 2) is best at nothing, and nothing dominates it",
            (middle,),
            torch.tensor([True, True, True]),
            known={
                "nobody need be best at a task to be on the front": torch.tensor(
                    [True, False, True]
                ),
                "the highest sum is one point of the front": torch.tensor([True, False, False]),
            },
        ),
        Case(
            "two equal rows and a worse one, three tasks: equals do not dominate each other",
            (same,),
            torch.tensor([True, True, False]),
            known={
                "equal rows do not dominate each other": torch.tensor([False, False, False]),
                "both of the equal rows are on the front": torch.tensor([True, False, False]),
            },
        ),
        Case(
            "three rows of which each beats another somewhere, and one below the third",
            (turns,),
            torch.tensor([True, True, True, False]),
        ),
        Case("20 rows, 3 tasks, float64", (many,), _by_sets(many)),
        Case("one row", (torch.zeros(1, 3),), torch.tensor([True])),
    )


def _by_sets(scores: Tensor) -> Tensor:
    """The front by the definition, row against row."""
    rows = [tuple(row) for row in scores.tolist()]
    beaten = [
        any(
            all(o >= m for o, m in zip(other, mine, strict=True)) and other != mine
            for other in rows
        )
        for mine in rows
    ]
    return ~torch.tensor(beaten)


SUSPECTS = {  # of the lesson's table: who it was, and what gives it away
    "A": ("dwa", "the weights stand at 1, then at another value, for a whole period of 100 steps"),
    "B": ("random", "from one step to the next the weights leap, without memory"),
    "C": (
        "uncertainty",
        "the weights do not sum to 3, and they begin at 0.5, which is 1/(2 exp 0)",
    ),
    "D": ("gradnorm", "the weights sum to 3, creep from step to step, and far from equal"),
    "E": ("fixed", "nothing ever moves"),
}
NAMES = sorted(name for name, _ in SUSPECTS.values())


def suspects(answer: Any) -> Verdict:
    """Check my_suspects: a dict from the letter of a training to the name of its balancer."""
    if answer is None or is_blank(answer):
        return not_attempted()
    if not isinstance(answer, dict) or set(answer) != set(SUSPECTS):
        return not_yet(
            f"expected a dict with the keys {', '.join(SUSPECTS)} but got {describe(answer)}."
        )
    unknown = [repr(value) for value in answer.values() if value not in NAMES]
    if unknown:
        return not_yet(f"there is no balancer {unknown[0]}; there are {', '.join(NAMES)}.")
    missed = [letter for letter, (name, _) in SUSPECTS.items() if answer[letter] != name]
    if not missed:
        return passed("each has left its signature.")
    more = f" ({len(missed) - 1} more to find.)" if len(missed) > 1 else ""
    return not_yet(f"training {missed[0]}: {SUSPECTS[missed[0]][1]}.{more}")
