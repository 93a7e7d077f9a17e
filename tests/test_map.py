"""Lesson 00's map of the course says of each lesson whether it is there."""

import re

import pytest

from tools import lessons

START = lessons.read(lessons.NOTEBOOKS / "00_start_here.ipynb")
RENEW = "run tools/build_lessons.py --stamp 00"
ROWS = dict(re.findall(r"(?m)^\| (\d\d) \| (.*?) \|", lessons.prose(START)))


def test_the_map_has_every_lesson_of_the_plan() -> None:
    assert list(ROWS) == [f"{number:02d}" for number in range(18)]


@pytest.mark.parametrize("number", sorted(ROWS)[1:])
def test_the_map_says_which_lessons_are_there(number: str) -> None:
    found = list(lessons.NOTEBOOKS.glob(f"{number}_*.ipynb"))
    if found:
        assert f"]({found[0].name})" in ROWS[number], RENEW
    else:
        assert ROWS[number].endswith(" · planned"), RENEW
