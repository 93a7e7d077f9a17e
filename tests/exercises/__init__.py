"""What each check must accept and reject: one module per lesson, `lessonNN.py`, with EXERCISES.

Answers are code, as a student would type it in the stub's place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Exercise:
    """Correct answers by another method, wrong ones with their messages, inputs for mutants."""

    others: Sequence[str]
    wrong: Sequence[tuple[str, str]]  # (fragment of the message, answer)
    inputs: Sequence[tuple] = ((),)
    setup: str = ""
    observe: Callable[..., Any] | None = None  # observe(answer, *input), else answer(*input)
