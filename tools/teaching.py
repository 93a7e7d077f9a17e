"""The table of lessons in the teacher's guide, from the lessons themselves.

python tools/teaching.py            writes it into notebooks/assignments/TEACHING.md
python tools/teaching.py --check    fails if that would change the guide
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import lessons

GUIDE = lessons.NOTEBOOKS / "assignments" / "TEACHING.md"
BEGIN, END = "<!-- lessons: python tools/teaching.py -->", "<!-- end of lessons -->"
STUDENTS = 30
GOALS = re.compile(r"\*\*By the end you can\*\*\s*((?:- .*\n?)+)")


def all_lessons() -> list[lessons.Lesson]:
    paths = sorted(lessons.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    return [lesson for lesson in map(lessons.read, paths) if lesson.facts.get("minutes")]


def goals(lesson: lessons.Lesson) -> list[str]:
    """What the lesson says one can do after it."""
    found = GOALS.search(lessons.prose(lesson).replace("\n  ", " "))
    return [line.strip("- ;.") for line in found[1].splitlines()] if found else []


def row(lesson: lessons.Lesson) -> str:
    facts = lesson.facts
    needs = (
        f"{facts['minutes']} min | {facts['cpu_seconds']} s | {facts['memory_mb'] / 1000:.1f} GB"
    )
    return f"| {lesson.title} | {needs} | {'; '.join(goals(lesson))} |"


def table() -> str:
    there = all_lessons()
    cpu, memory = (max(one.facts[k] for one in there) for k in ("cpu_seconds", "memory_mb"))
    hours = sum(one.facts["minutes"] for one in there) / 60
    lines = [
        BEGIN,
        "| lesson | a student's time | CPU | memory | after it a student can |",
        "|---|---|---|---|---|",
        *map(row, there),
        "",
        f"Together {hours:.0f} hours. {STUDENTS} students in the same hour need, in the lesson "
        f"that needs most of it, {STUDENTS * memory / 1000:.0f} GB of memory for their kernels, "
        f"and {STUDENTS * cpu / 60:.0f} min of one core to run every cell once.",
        END,
    ]
    return "\n".join(lines)


def renewed(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return before + table() + rest.partition(END)[2]


def main(arguments: list[str]) -> int:
    text = GUIDE.read_text("utf-8")
    if arguments == ["--check"]:
        return int(renewed(text) != text)
    GUIDE.write_text(renewed(text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
