"""Every check accepts what is right and rejects what is wrong, with the words that fit."""

from __future__ import annotations

import importlib.util

import pytest

from tests.exercises import Exercise
from tests.harness import exercise_faults
from tools import lessons

FOUND = [
    (lesson, e) for lesson in map(lessons.read, lessons.paths()) for e in lessons.exercises(lesson)
]


def given(number: int) -> dict[str, Exercise]:
    name = f"tests.exercises.lesson{number:02}"
    return importlib.import_module(name).EXERCISES if importlib.util.find_spec(name) else {}


@pytest.mark.parametrize(
    ("lesson", "found"), [pytest.param(a, b, id=f"{a.number:02}-{b.name}") for a, b in FOUND]
)
def test_check_of_exercise(lesson: lessons.Lesson, found: lessons.Exercise) -> None:
    faults = exercise_faults(lesson, found, given(lesson.number).get(found.name))
    assert not faults, f"\n{lesson.path.name}, exercise {found.name}:\n- " + "\n- ".join(faults)


@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_no_entry_without_exercise(path) -> None:
    lesson = lessons.read(path)
    names = [e.name for e in lessons.exercises(lesson)]
    assert sorted(names) == sorted(set(names)), "two exercises have one name"
    assert set(given(lesson.number)) <= set(names), "tests/exercises tests what the lesson lacks"
