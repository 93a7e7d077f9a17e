"""Checks of lesson 09, balancing losses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mtsr_lib.check.compare import describe
from mtsr_lib.check.kit import Case, Verdict, grade, is_blank, not_attempted, not_yet, passed


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
                "you asked whom row i dominates; ask who dominates it (higher is better)": (
                    torch.tensor([False, False, False, True])
                ),
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


def gradnorm(answer: Any) -> Verdict:
    """Check my_gradnorm(w, lengths, r, rho, alpha): the weights after one step, (n,)."""
    one, two, three = torch.ones(2), torch.tensor([1.0, 3.0]), torch.tensor([0.5, 1.5, 1.0])
    four = torch.tensor([1.3, 0.4, 0.9, 1.4], dtype=torch.float64)
    long, lags = four.flip(0) * 2, torch.tensor([0.7, 1.6, 1.2, 0.5], dtype=torch.float64)
    return grade(
        answer,
        Case(
            "weights (1, 1), lengths (1, 3), the step of the text",
            (one, two, one, 0.1, 1.5),
            torch.tensor([1.1, 0.7]) / 0.9,
            known={
                "what is too long goes down, what is too short goes up": torch.tensor([0.9, 1.3])
                / 1.1,
                "then scale the weights to sum to n": torch.tensor([1.1, 0.7]),
                "they sum to 1; they shall sum to n": torch.tensor([1.1, 0.7]) / 1.8,
                "α is a power, not a factor": torch.tensor([1.1, 1.0]) / 1.05,
                "a step has the size ρ‖gᵢ‖, not ρ": torch.tensor([1.1, 0.9]),
            },
        ),
        Case(
            "weights (0.5, 1.5, 1), lengths (4, 1, 2): wᵢ‖gᵢ‖ is (2, 1.5, 2)",
            (three, torch.tensor([4.0, 1.0, 2.0]), torch.ones(3), 0.1, 1.5),
            torch.tensor([0.1, 1.6, 0.8]) * 1.2,
            known={
                "compare wᵢ‖gᵢ‖, not ‖gᵢ‖": torch.tensor([0.1, 1.6, 1.2]) * 3 / 2.9,
                "the slope on wᵢ is ‖gᵢ‖, without wᵢ": torch.tensor([0.3, 1.65, 0.8]) * 3 / 2.75,
                "here are three tasks: the weights sum to 3": torch.tensor([0.1, 1.6, 0.8]) * 0.8,
            },
        ),
        Case(
            "lengths (1, 2), r = (0.8, 1.2), α = 2: the wanted lengths are (0.96, 2.16)",
            (one, torch.tensor([1.0, 2.0]), torch.tensor([0.8, 1.2]), 0.1, 2.0),
            torch.tensor([0.9, 1.2]) / 1.05,
            known={
                "each task has its own wanted length, Ḡ times rᵢ to the power α": torch.tensor(
                    [1.1, 0.8]
                )
                / 0.95,
            },
        ),
        Case(
            "lengths (1, 19): the second weight would be −0.9, and is held at 0.001",
            (one, torch.tensor([1.0, 19.0]), one, 0.1, 1.5),
            torch.tensor([1.1, 0.001]) * 2 / 1.101,
            known={
                "no weight falls below 0.001": torch.tensor([11.0, -9.0]),
                "the floor of 0.001 comes before the scaling": torch.tensor([11.0, 0.001]),
            },
        ),
        Case("four tasks, float64", (four, long, lags, 0.03, 0.5), _step(four, long, lags)),
    )


def _step(w: Tensor, lengths: Tensor, r: Tensor, rho: float = 0.03, alpha: float = 0.5) -> Tensor:
    """GradNorm's step by the words of the text, task after task."""
    n = len(w)
    mean = sum(float(w[i]) * float(lengths[i]) for i in range(n)) / n
    moved = []
    for i in range(n):
        down = float(w[i]) * float(lengths[i]) > mean * float(r[i]) ** alpha
        step = rho * float(lengths[i])
        moved.append(max(0.001, float(w[i]) + (-step if down else step)))
    return torch.tensor([n * value / sum(moved) for value in moved], dtype=w.dtype)


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
