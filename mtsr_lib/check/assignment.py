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
        raise NotYet(str(verdict))
    print(f"Passed: {', '.join(case.title for case in cases)}.")


def partly(answer: Any, *cases: Case, points: float) -> float:
    """The share of the points that goes with the cases that agree; says what is wrong with others.

    As the last line of a test it is the points that nbgrader gives.
    """
    verdicts = [grade(answer, case) for case in cases]
    for verdict in _distinct(verdicts):
        print(verdict)
    return round(points * sum(v.passed for v in verdicts) / len(verdicts), 2)


def _distinct(verdicts: list[Verdict]) -> list[Verdict]:
    return list({str(verdict): verdict for verdict in verdicts}.values())


def chance(*words: object) -> torch.Generator:
    """A generator whose seed follows from words: equal words draw equal numbers."""
    text = "/".join(str(word) for word in words)
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    return torch.Generator().manual_seed(seed)
