"""The teacher's guide says what is there: the lessons' stamps, the checks' words, the rubrics."""

import re
import shlex
from pathlib import Path

import nbformat
import pytest

import course
from tools import teaching

ROOT = Path(__file__).parents[1]
GUIDE = teaching.GUIDE.read_text("utf-8")
SOURCES = sorted((ROOT / "notebooks" / "assignments" / "source").glob("*/*.ipynb"))
COMMANDS = re.findall(r"python3 course\.py ([^`|\n]+)", GUIDE)


def cells(path: Path) -> list[nbformat.NotebookNode]:
    return nbformat.read(path, 4).cells


def test_the_table_of_lessons_is_that_of_the_lessons() -> None:
    assert teaching.renewed(GUIDE) == GUIDE, "run: python tools/teaching.py"


def test_tables_have_as_many_cells_in_every_row_as_in_their_head() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", GUIDE, re.MULTILINE):
        widths = {row.count("|") for row in block.splitlines()}
        assert len(widths) == 1, block.splitlines()[0]


def test_a_table_with_other_numbers_would_be_found() -> None:
    other = GUIDE.replace(" min | ", " min |  ", 1)
    assert teaching.renewed(other) != other


def test_every_sentence_of_a_check_is_said_by_a_check() -> None:
    rows = re.findall(r'^\| (\w\w) \| [^|]+ \| "(.+)" \|$', GUIDE, re.MULTILINE)
    assert len(rows) > 12
    for where, sentence in rows:
        if where.isdecimal():
            code = (ROOT / "mtsr_lib" / "check" / f"lesson{where}.py").read_text("utf-8")
        else:
            source = next(path for path in SOURCES if path.name.startswith(where))
            code = "\n".join(cell.source for cell in cells(source))
        assert f'"{sentence}"' in code, (where, sentence)


def test_the_rubrics_are_those_that_students_see() -> None:
    found = 0
    for path in SOURCES:
        for cell in cells(path):
            for row in re.findall(r"^\| \*\*.+\*\* \(\d+\) \|.*$", cell.source, re.MULTILINE):
                assert row in GUIDE, row
                found += 1
    assert found == len(re.findall(r"^\| \*\*.+\*\* \(\d+\) \|", GUIDE, re.MULTILINE)) > 5


def test_the_points_of_a_rubric_are_those_of_its_answer() -> None:
    for path in SOURCES:
        rubric = 0
        for cell in cells(path):
            own = cell.metadata.get("nbgrader", {})
            rows = re.findall(r"^\| \*\*.+\*\* \((\d+)\) \|", cell.source, re.MULTILINE)
            rubric = sum(map(int, rows)) or rubric
            if own.get("grade") and own.get("solution"):
                assert own["points"] == rubric, own["grade_id"]


def test_every_assignment_is_in_the_guide() -> None:
    assert {path.stem for path in SOURCES} == set(
        re.findall(r"^\| `(a\d\w+)`", GUIDE, re.MULTILINE)
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one_of_course_py(command: str) -> None:
    step, *rest = shlex.split(command.replace("…", ""))
    assert step in course.COMMANDS
    if step == "class" and rest and not rest[0].startswith("-"):
        pytest.importorskip("nbgrader", reason="needs the teach extra")
        from tools.classroom.__main__ import parser

        if len(rest) > 1:
            assert parser().parse_args(rest).step == rest[0]


def test_links_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors
