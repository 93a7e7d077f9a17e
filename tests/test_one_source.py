"""Lessons show the library's own code (CONTRIBUTING.md, One source)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import lessons, one_source

LESSONS = [lessons.read(path) for path in lessons.paths()]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)
def test_lesson_shows_the_library(lesson: lessons.Lesson) -> None:
    faults = one_source.lesson_faults(lesson, one_source.modules(), one_source.table(), LESSONS)
    assert not faults, f"\n{lesson.path.name}:\n- " + "\n- ".join(faults)


def test_table_of_builds_is_complete() -> None:
    faults = one_source.table_faults(
        one_source.modules(),
        one_source.table(),
        *one_source.lists(),
        {lesson.number for lesson in LESSONS},
    )
    assert not faults, "\n- " + "\n- ".join(faults)


def test_each_name_is_built_once() -> None:
    built = [name for lesson in LESSONS for name in lesson.facts.get("builds", [])]
    assert sorted(built) == sorted(set(built))
    for number in {n for names in one_source.table().values() for n in names.values()}:
        assert 1 <= number <= 17


def test_lessons_have_different_numbers() -> None:
    numbers = [lesson.number for lesson in LESSONS]
    assert numbers == sorted(set(numbers)), [Path(x.path).name for x in LESSONS]
