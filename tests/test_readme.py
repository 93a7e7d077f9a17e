"""README.md: its links lead somewhere, and its map says of each lesson whether it is there."""

import re
from pathlib import Path

import pytest

import course

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (\d\d) \| (.*)\|$", README, re.MULTILINE))


def test_the_map_has_every_lesson_of_the_plan() -> None:
    assert list(ROWS) == [f"{number:02d}" for number in range(18)]


@pytest.mark.parametrize("number", sorted(ROWS))
def test_the_map_says_which_lessons_are_there(number: str) -> None:
    lessons = list((ROOT / "notebooks").glob(f"{number}_*.ipynb"))
    if lessons:
        assert f"](notebooks/{lessons[0].name})" in ROWS[number]
        assert "planned" not in ROWS[number]
    else:
        assert ROWS[number].endswith("| planned ")
        assert "](" not in ROWS[number]


def test_links_and_pictures_lead_somewhere() -> None:
    visible = re.sub(r"<!--.*?-->", "", README, flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", visible)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_commands_are_commands_of_course_py() -> None:
    named = set(re.findall(r"python3 course\.py (\w+)", README))
    assert named <= set(course.COMMANDS)
    assert {"lab", "test"} <= named
