"""Checks of lesson 08, one or many."""

from __future__ import annotations

from typing import Any

from mtsr_lib.check.compare import describe
from mtsr_lib.check.kit import Case, Verdict, grade, is_blank, not_attempted, not_yet, passed

SENTENCES = {  # of the poster: the control that tests it, and what to say where it is missed
    "A": ("seeds", "one training each: would the order be the same in another run?"),
    "B": (
        "cascade",
        "the enhanced picture is compared with none; what does the enhancement make of the "
        "picture that the head `sr` gives anyway?",
    ),
    "C": (
        "added loss",
        "perhaps detail needs no head of its own: ask the sr head for it, by its loss, and see",
    ),
    "D": ("second head", "perhaps any second head would do: give it sr's own task, and see"),
    "E": ("fewer steps", "three networks had three times the work: give each a third of the steps"),
    "F": (
        "thinner",
        "for the same memory each network alone may have a third of the parameters",
    ),
}
CONTROLS = sorted({control for control, _ in SENTENCES.values()})


def budget(answer: Any) -> Verdict:
    """Check my_budget(together, alone, steps) -> the steps of each network alone."""
    return grade(
        answer,
        Case(
            "12 units of work for a step together, 8, 10 and 6 alone, 1,000 steps",
            (12, [8, 10, 6], 1000),
            500,
            known={
                "that is the same number of steps: twice the work here": 1000,
                "each takes a third of the steps only if heads cost nothing": 333,
                "the work of the three is added, not averaged": 1500,
                "that is upside down: the three together cost more, so they get fewer": 2000,
                "alone are three networks; all of them must be paid for": 1200,
            },
        ),
        Case(
            "100 units together, 90 and 90 alone, 1,000 steps",
            (100, [90, 90], 1000),
            555,
            known={
                "a budget must not be overdrawn: round down": 556,
                "steps are whole numbers: round down": 1000 * 100 / 180,
                "here are two networks alone; count them": 333,
            },
        ),
        Case("one network alone, cheaper than the other", (110, [100], 1500), 1650),
        Case("7 units together, 3, 3 and 5 alone, 10 steps", (7, [3, 3, 5], 10), 6),
    )


def controls(answer: Any) -> Verdict:
    """Check my_controls, a dict from the letter of a sentence to the name of its control."""
    if answer is None or is_blank(answer):
        return not_attempted()
    if not isinstance(answer, dict) or set(answer) != set(SENTENCES):
        return not_yet(
            f"expected a dict with the keys {', '.join(SENTENCES)} but got {describe(answer)}."
        )
    unknown = [repr(value) for value in answer.values() if value not in CONTROLS]
    if unknown:
        return not_yet(f"there is no control {unknown[0]}; there are {', '.join(CONTROLS)}.")
    missed = [letter for letter, (control, _) in SENTENCES.items() if answer[letter] != control]
    if not missed:
        return passed("each sentence has met what could refute it.")
    more = f" ({len(missed) - 1} more to find.)" if len(missed) > 1 else ""
    return not_yet(f"sentence {missed[0]}: {SENTENCES[missed[0]][1]}.{more}")


TABLE = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}


def interval(answer: Any) -> Verdict:
    """Check my_interval(together, alone, table) -> (mean, half width) of the paired differences."""
    first = ({0: 30.1, 1: 30.8, 2: 30.6}, {0: 30.0, 1: 30.6, 2: 30.3}, TABLE)
    disorder = ({4: 21.0, 2: 22.0, 0: 20.0, 7: 25.0}, {0: 20.5, 4: 20.0, 2: 21.5, 9: 40.0}, TABLE)
    return grade(
        answer,
        Case(
            "differences of 0.1, 0.2 and 0.3",
            first,
            (0.2, 4.303 * 0.1 / 3**0.5),
            known={
                "a gain is together minus alone": (-0.2, 4.303 * 0.1 / 3**0.5),
                "divide by √n: that is the spread of single seeds": (0.2, 0.4303),
                "s divides by n − 1": (0.2, 4.303 * 0.1 * (2 / 3) ** 0.5 / 3**0.5),
                "that is the standard error; multiply it by the table's factor": (
                    0.2,
                    0.1 / 3**0.5,
                ),
                "1.96 is for many seeds; the table has the factor for n": (
                    0.2,
                    1.96 * 0.1 / 3**0.5,
                ),
                "look up the table at n, the number of seeds": (0.2, 12.706 * 0.1 / 3**0.5),
                "that is the whole width; half of it is wanted": (0.2, 2 * 4.303 * 0.1 / 3**0.5),
                "divide by √n, not by n": (0.2, 4.303 * 0.1 / 3),
                "that is the variance; take its root": (0.2, 4.303 * 0.01 / 3**0.5),
                "s divides by n − 1, and half of the width is wanted, not the whole": (
                    0.2,
                    2 * 4.303 * 0.1 * (2 / 3) ** 0.5 / 3**0.5,
                ),
                "those are the ends of the interval; give its middle and its half width": (
                    0.2 - 4.303 * 0.1 / 3**0.5,
                    0.2 + 4.303 * 0.1 / 3**0.5,
                ),
            },
        ),
        Case(
            "seeds 4, 2, 0, 7 together and 0, 4, 2, 9 alone",
            disorder,
            (1 / 3, 4.303 * (7 / 12) ** 0.5 / 3**0.5),
            known={
                "pair by the seeds, not by their order in the dictionary": (-3.5, 12.4091),
            },
        ),
        Case(
            "five seeds, all differences 0.5",
            ({s: 1.5 + s for s in range(5)}, {s: 1.0 + s for s in range(5)}, TABLE),
            (0.5, 0.0),
        ),
        Case(
            "two seeds, 1 and 3",
            ({0: 1.0, 1: 3.0}, {0: 0.0, 1: 0.0}, TABLE),
            (2.0, 12.706),
        ),
    )
