"""What the tests in assignments are made of."""

import math

import pytest
import torch

from mtsr_lib.check import compare
from mtsr_lib.check.assignment import Case, NotYet, chance, partly, require

ONE = Case("one", (1,), 2, {"you added nothing": 1})
TWO = Case("two", (2,), 3)


def test_a_right_answer_says_so(capsys) -> None:
    require(lambda n: n + 1, ONE, TWO)
    assert capsys.readouterr().out == "Passed: one, two.\n"


def test_a_wrong_answer_is_an_error_of_one_line() -> None:
    with pytest.raises(NotYet, match="expected 2 but got 1") as wrong:
        require(lambda n: n, ONE, TWO)
    assert str(wrong.value).endswith("You added nothing.")
    assert wrong.value._render_traceback_() == [str(wrong.value)]
    assert isinstance(wrong.value, AssertionError)


def test_a_stub_is_not_yet_attempted() -> None:
    with pytest.raises(NotYet, match="Not attempted yet: "):
        require(lambda n: ..., ONE)


def test_a_share_of_the_cases_gives_a_share_of_the_points(capsys) -> None:
    assert partly(lambda n: 2, ONE, TWO, points=5) == 2.5
    assert "for two, expected 3 but got 2" in capsys.readouterr().out
    assert partly(lambda n: n + 1, ONE, TWO, points=5) == 5
    assert partly(lambda n: ..., ONE, TWO, points=5) == 0
    assert partly(lambda n: n + 1 if n == 1 else 0, ONE, TWO, TWO, points=2) == 0.67


def test_a_share_is_said_in_words(capsys) -> None:
    partly(lambda n: n + 1, ONE, TWO, points=5, what="sums")
    assert capsys.readouterr().out == "Passed: 2 of 2 sums, 5 of 5 points.\n"


def test_an_answer_that_is_missing_is_named(capsys) -> None:
    def plan(n: int) -> int:
        return ...

    with pytest.raises(NotYet, match=r"the `\.\.\.` in `plan`, run its cell, then this one"):
        require(plan, ONE)
    partly(plan, ONE, TWO, points=5)
    assert capsys.readouterr().out.count("in `plan`") == 1


def test_equal_words_draw_equal_numbers() -> None:
    def draw(*words: str) -> list[float]:
        return torch.rand(3, generator=chance(*words)).tolist()

    assert draw("autumn", "a part") == draw("autumn", "a part")
    assert len({tuple(draw(*words)) for words in (("a", "b"), ("b", "a"), ("a",), ("ab",))}) == 4


def test_nothing_but_infinity_is_infinite():
    assert compare.difference(math.inf, math.inf) == ""
    for wrong in (0.0, 1e30, -math.inf, math.nan):
        assert compare.difference(wrong, math.inf).startswith("expected inf")
        assert compare.difference(math.inf, wrong)
