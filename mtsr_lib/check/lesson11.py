"""Checks of lesson 11, how much is shared."""

from __future__ import annotations

from typing import Any

import torch

from mtsr_lib.check.kit import Case, Verdict, grade


def stitch(answer: Any) -> Verdict:
    """Check my_stitch(features, mix): features (k, b, c, h, w), mix (k, k) -> like features."""
    mix = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    generator = torch.Generator().manual_seed(3)
    three = torch.randn(3, 2, 3, 2, 4, generator=generator, dtype=torch.float64)
    turn = torch.tensor([[0.0, 1, 0], [0, 0, 1], [2, 0, 0]], dtype=torch.float64)

    def column(*values: float) -> torch.Tensor:
        """Two tasks with two pixels each, one below the other."""
        return torch.tensor(values).view(2, 1, 1, 2, 1)

    two, mixed = column(10.0, 0.0, 20.0, 40.0), column(11.0, 4.0, 18.0, 32.0)
    return grade(
        answer,
        Case(
            "two tasks, pixels 10 and 0 below it, 20 and 40 below it, "
            "mix = [[0.9, 0.1], [0.2, 0.8]]",
            (two, mix),
            mixed,
            known={
                "row i of mix belongs to the result's slice i: the matrix is transposed": (
                    column(13.0, 8.0, 17.0, 32.0)
                ),
                "each task takes from the others, too, not only its own share": (
                    column(9.0, 0.0, 16.0, 32.0)
                ),
                "the second task must take the first one's features from before the exchange": (
                    column(11.0, 4.0, 18.2, 32.8)
                ),
                "sum, not mean": column(5.5, 2.0, 9.0, 16.0),
                "`@` mixes the pixels of a column, along h, not the tasks: "
                "flatten all axes but the first before it": column(9.0, 2.0, 22.0, 36.0),
                "the values are right: give them the shape of features again": mixed.flatten(1),
            },
        ),
        Case(
            "one task alone, mix = [[2]]",
            (torch.full((1, 2, 1, 2, 2), 3.0), torch.tensor([[2.0]])),
            torch.full((1, 2, 1, 2, 2), 6.0),
        ),
        Case(
            "three tasks, each takes the next one's features, the last twice the first's; float64",
            (three, turn),
            torch.stack([three[1], three[2], 2 * three[0]]),
            known={"the matrix is transposed": torch.stack([2 * three[2], three[0], three[1]])},
        ),
        Case(
            "two tasks again: does a gradient come back?",
            (two, mix),
            mixed,
            differentiable=True,
        ),
    )


def width(answer: Any) -> Verdict:
    """Check my_width(count, wanted): the width whose count(width) is nearest to wanted."""
    return grade(
        answer,
        Case(
            "count(c) = c², wanted 30: 5² = 25 is 5 off, 6² = 36 is 6 off",
            (_square, 30),
            5,
            known={
                "those are the parameters; the width is asked for": 25,
                "36 is farther away than 25": 6,
                "that is how far off it is": 5.0,
            },
        ),
        Case(
            "count(c) = c², wanted 35: 6² = 36 is nearer than 5² = 25",
            (_square, 35),
            6,
            known={"nearest, not the greatest that does not exceed it": 5},
        ),
        Case(
            "count(c) = 9 c² + 40 c, wanted 9,000: a width beyond 20",
            (_network, 9000),
            29,
            known=_last_tried(29),
        ),
        Case(
            "count(c) = c², wanted 1: the smallest width is 1",
            (_square, 1),
            1,
            known={"a network has at least one channel": 0},
        ),
        Case(
            "count(c) = 9 c² + 40 c, wanted 20: the smallest network has one channel and 49",
            (_network, 20),
            1,
            known={"a network has at least one channel: begin with 1": 0},
        ),
        Case(
            "count(c) = 9 c² + 40 c, wanted 36,000: 61 channels",
            (_network, 36_000),
            61,
            known=_last_tried(61),
        ),
        Case(
            "count(c) = 9 c² + 40 c, wanted 360,000: 198 channels",
            (_network, 360_000),
            198,
            known=_last_tried(198),
        ),
    )


def _last_tried(wanted: int) -> dict[str, int]:
    """What a range of widths gives that ends too early: its last one."""
    return {f"is {c} the last width tried? The range is too small": c for c in range(1, wanted)}


def _square(c: int) -> int:
    return c * c


def _network(c: int) -> int:
    return 9 * c * c + 40 * c


def grouping(answer: Any) -> Verdict:
    """Check my_grouping(harm, partitions): the partition with the least predicted total harm."""
    friends = {
        "a": {"b": 0.1, "c": 0.8},
        "b": {"a": 0.3, "c": 0.9},
        "c": {"a": 0.0, "b": -0.1},
    }
    two = [[["a", "b"], ["c"]], [["a", "c"], ["b"]], [["b", "c"], ["a"]]]
    mean = {
        "a": {"b": 0.4, "c": 0.4, "d": 0.5},
        "b": {"a": 0.4, "c": 0.4, "d": 0.5},
        "c": {"a": 0.4, "b": 0.4, "d": 0.5},
        "d": {"a": 0.5, "b": 0.5, "c": 0.5},
    }
    trio, pairs = [["a", "b", "c"], ["d"]], [["a", "b"], ["c", "d"]]
    gain = {"a": {"b": -0.2, "c": 0.0}, "b": {"a": -0.1, "c": 0.0}, "c": {"a": 0.5, "b": 0.5}}
    apart = [["a"], ["b"], ["c"]]
    one = [["a", "b"], ["c"], ["d"]]
    crossed = [["a", "c"], ["b", "d"]]
    few = _harms({"ab": 0.3, "ac": 0.2, "bd": 0.2})
    near = _harms({"ab": 0.1, "cd": 0.1, "ac": 0.125, "bc": 0.125})
    far = _harms({"ab": 0.1, "cd": 0.1, "ac": 0.2, "bc": 0.2})
    return grade(
        answer,
        Case(
            "three tasks, two trunks: a+b cost 0.1 + 0.3, a+c 0.8 + 0.0, b+c 0.9 − 0.1",
            (friends, two),
            two[0],
            known={
                "the least harm is wanted, not the greatest": two[1],
                "least, not greatest": two[2],
                "give the partition, not its harm": 0.4,
            },
        ),
        Case(
            "helping counts: a and b gain 0.2 and 0.1 from each other, alone all have 0",
            (gain, [apart, two[0], [["a", "b", "c"]]]),
            two[0],
            known={"a negative harm is a gain; a task alone has 0": apart},
        ),
        Case(
            "four tasks; in a group of three a task's harm is the mean over its two partners: "
            "3 · 0.4 against 0.4 + 0.4 + 0.5 + 0.5",
            (mean, [pairs, trio]),
            trio,
            known={"a task's harm is the mean over its partners, not their sum": pairs},
        ),
        Case(
            "harm goes one way: b is hurt by a, a not by b; both directions count",
            (
                {
                    "a": {"b": 0.0, "c": 0.2},
                    "b": {"a": 0.9, "c": 0.2},
                    "c": {"a": 0.2, "b": 0.2},
                },
                two,
            ),
            two[1],
            known={
                "the harm of every task of a group counts, not only of the first": two[0],
            },
        ),
        Case(
            "one pair, 0.3 + 0.3, against two pairs, 4 · 0.2",
            (few, [crossed, one]),
            one,
            known={"the sum over all tasks, not the mean over those with partners": crossed},
        ),
        Case(
            "a group of three: a and b (0.1 + 0.125) / 2 each, c 0.125; against 4 · 0.1",
            (near, [pairs, trio]),
            trio,
            known={"divide by the number of partners, not by the size of the group": pairs},
        ),
        Case(
            "a group of three: a and b (0.1 + 0.2) / 2 each, c 0.2; against 4 · 0.1",
            (far, [trio, pairs]),
            pairs,
            known={"a mean for each task, then the sum; not a mean over the group": trio},
        ),
    )


def _harms(pairs: dict[str, float]) -> dict[str, dict[str, float]]:
    """Harms among a, b, c and d, the same both ways; 0.5 where none is given."""
    return {i: {j: pairs.get(min(i, j) + max(i, j), 0.5) for j in "abcd" if j != i} for i in "abcd"}
