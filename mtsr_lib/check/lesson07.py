"""Checks of lesson 07, evaluation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mtsr_lib.check.compare import describe
from mtsr_lib.check.kit import Case, Verdict, grade, is_blank, not_attempted, not_yet, passed

LINES = {  # of the stranger's function: whether it breaks the protocol, and what to say if missed
    1: (True, "line 1 clips, but a file holds 256 levels: the protocol rounds to them too"),
    2: (True, "line 2: luma · 255 fills 0 to 255, and the protocol's Y only 16 to 235"),
    3: (False, "line 3 is right: the protocol shaves `scale` pixels, after Y or before it"),
    4: (True, "line 4 takes one mean over all pictures of the batch; each needs its own"),
    5: (False, "line 5 is right: the peak is 255, although Y ends at 235"),
}


def faults(answer: Any) -> Verdict:
    """Check my_faults: the set of the numbers of the lines that break the protocol."""
    if answer is None or is_blank(answer):
        return not_attempted()
    if not isinstance(answer, set | frozenset | list | tuple):
        return not_yet(f"expected a set of line numbers, such as {{1, 2}}, not {describe(answer)}.")
    given = set(answer)
    if given - set(LINES):
        unknown = ", ".join(sorted(map(repr, given - set(LINES))))
        return not_yet(f"the lines are the numbers 1 to 5, and {unknown} is none of them.")
    for number, (wrong, sentence) in LINES.items():
        if (number in given) and not wrong:
            return not_yet(f"{sentence}.")
    missed = [number for number, (wrong, _) in LINES.items() if wrong and number not in given]
    if missed:
        count = len(missed)
        return not_yet(f"{count} more to find. A hint: {LINES[missed[0]][1]}.")
    return passed("lines 1, 2 and 4.")


def paired(answer: Any) -> Verdict:
    """Check my_paired(new, old): the mean gain and its standard error, from paired values."""
    old = torch.tensor([30.0, 35.0, 40.0])
    gains = torch.tensor([0.1, 0.2, 0.6])
    alone = (((old + gains).var() + old.var()) / 3).sqrt().item()
    mean, error = 0.3, 0.1527525
    return grade(
        answer,
        Case(
            "three pictures with the gains 0.1, 0.2 and 0.6",
            (old + gains, old),
            (mean, error),
            known={
                "old minus new: a gain is new minus old": (-mean, error),
                "that takes the two lists for unrelated: the pictures' own differences are in it. "
                "Subtract first, picture by picture": (mean, alone),
                "the standard deviation is not divided by √n": (mean, 0.2645751),
                "it is divided by n, not by √n": (mean, 0.0881917),
                "the variance divides by n − 1 here (three gains, one mean): `.std()` does": (
                    mean,
                    0.1247219,
                ),
                "that is the variance over n: take its root": (mean, 0.0233333),
            },
            tolerance=2e-5,
        ),
        Case(
            "four pictures in float64, gains −0.5, 0.5, 1.5 and 0.5",
            (
                torch.tensor([19.5, 30.5, 26.5, 40.5], dtype=torch.float64),
                torch.tensor([20.0, 30.0, 25.0, 40.0], dtype=torch.float64),
            ),
            (0.5, 0.4082483),
            tolerance=2e-5,
        ),
    )


def worst(answer: Any) -> Verdict:
    """Check my_worst(error, side): row and column of the pixel where the worst tile begins."""
    small = torch.zeros(1, 1, 4, 6)
    small[0, 0, 2:4, 4:6] = torch.tensor([[3.0, 3.0], [3.0, 3.0]])
    small[0, 0, 0, 2] = 10.0  # one pixel, worse than any; but its tile's mean is 2.5
    wide = torch.zeros(1, 1, 6, 12, dtype=torch.float64)
    wide[0, 0, 3:6, 3:6] = 1.0
    wide[0, 0, 0, 11] = 5.0
    last = torch.arange(96.0).view(1, 1, 12, 8)
    return grade(
        answer,
        Case(
            "4×6 pixels in tiles of 2×2; the last tile has the mean 3, one other a pixel of 10",
            (small, 2),
            (2, 4),
            known={
                "rows first, then columns": (4, 2),
                "those are the tile's row and column: in pixels, times `side`": (1, 2),
                "that is where the worst single pixel is: take each tile's mean": (0, 2),
                "that tile holds the worst single pixel: take each tile's mean": (0, 1),
            },
        ),
        Case(
            "6×12 pixels in float64, tiles of 3×3; the second of the second row is the worst",
            (wide, 3),
            (3, 3),
            known={"that tile holds the worst single pixel: take each tile's mean": (0, 9)},
        ),
        Case("12×8 pixels that grow row by row, tiles of 4×4", (last, 4), (8, 4)),
        call=_as_ints,
    )


def _as_ints(answer: Any, error: Tensor, side: int) -> Any:
    """A pair of tensors of one value each is as good as a pair of ints."""
    made = answer(error, side)
    if isinstance(made, (tuple, list)):
        return tuple(v.item() if isinstance(v, Tensor) and v.numel() == 1 else v for v in made)
    return made


def undo(answer: Any) -> Verdict:
    """Check my_undo(symmetry): the number of the symmetry that undoes `augment(…, symmetry)`."""
    right = (0, 3, 2, 1, 4, 5, 6, 7)
    first = Case(
        "symmetry 1, one quarter turn",
        (1,),
        3,
        known={
            "another quarter turn makes it a half turn: three more bring it back": 1,
            "a number from 0 to 7 is wanted: −1 quarter turns are 3": -1,
            "a flip does not undo a turn": 5,
        },
    )
    rest = [
        Case(f"symmetry {n}, {words}", (n,), right[n], known=known)
        for n, words, known in [
            (0, "which changes nothing", {"four quarter turns are none: 0": 4}),
            (2, "a half turn", {}),
            (3, "three quarter turns", {}),
            (
                4,
                "a flip",
                {"turned by nothing, but not flipped back": 0, "a flip undoes itself": 8},
            ),
            (
                5,
                "a quarter turn, then a flip: a reflection",
                {
                    "the flip comes last, so it must be undone first; try it on four pixels": 7,
                    "that turns back, but does not flip back": 3,
                },
            ),
            (6, "a half turn, then a flip", {}),
            (7, "three quarter turns, then a flip", {"try it on four pixels": 5}),
        ]
    ]
    return grade(answer, first, *rest)
