"""Tests of the assignments: the checks' verdicts, as errors that cost points."""

import hashlib
from collections.abc import Callable
from typing import Any

import torch

from mtsr_lib.check.kit import Case, Verdict, grade

__all__ = ["Case", "NotYet", "chance", "partly", "require"]


class NotYet(AssertionError):  # noqa: N818 (the word of the verdict)
    """A test that is not passed; a notebook shows the one line and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def require(answer: Any, *cases: Case, call: Callable[..., Any] | None = None) -> None:
    """Say which cases agree, or raise NotYet with what is wrong with the first that does not."""
    verdict = grade(answer, *cases, call=call)
    if not verdict.passed:
        raise NotYet(_told(verdict, answer))
    print(f"Passed: {', '.join(case.title for case in cases)}.")


def partly(answer: Any, *cases: Case, points: float, what: str = "cases") -> float:
    """The share of the points that goes with the cases that agree; says what is wrong with others.

    As the last line of a test it is the points that nbgrader gives.
    """
    verdicts = [grade(answer, case) for case in cases]
    right = sum(verdict.passed for verdict in verdicts)
    share = round(points * right / len(verdicts), 2)
    for line in dict.fromkeys(_told(v, answer) for v in verdicts if not v.passed):
        print(line)
    print(f"Passed: {right} of {len(verdicts)} {what}, {share:g} of {points:g} points.")
    return share


def _told(verdict: Verdict, answer: Any) -> str:
    """The verdict; of an answer that is not there yet, with its name, as it may stand far above."""
    name = getattr(answer, "__name__", "")
    place = f"in `{name}`, run its cell" if name else "in the cell above, run it"
    return str(verdict).replace("in the cell above, run it", place)


def chance(*words: object) -> torch.Generator:
    """A generator whose seed follows from words: equal words draw equal numbers."""
    text = "/".join(str(word) for word in words)
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    return torch.Generator().manual_seed(seed)
