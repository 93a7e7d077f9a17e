"""The whole cycle with an invented class: points expected against points given."""

import contextlib
import csv
import importlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tests.assignments import Submission, content, deserved, fill, first_tests
from tests.assignments.odd import ONCE, odd
from tools.classroom.course import ASSIGNMENTS, Course, varied
from tools.classroom.sandbox import SAID, Limits, kind

LIMITS = Limits(seconds=8, total=900, memory=3)


@dataclass(frozen=True)
class Row:
    """One student: points of each test that are deserved, and those that were given."""

    submission: Submission
    deserved: dict[str, float]
    given: dict[str, float]
    seconds: float
    problem: str
    untold: tuple[str, ...]  # what the feedback should say, and does not

    @property
    def right(self) -> bool:
        return self.deserved == self.given and not self.problem and not self.untold

    def __str__(self) -> str:
        wrong = {test for test, points in self.deserved.items() if self.given.get(test) != points}
        notes = [self.problem, ", ".join(sorted(wrong)), *(f"not told: {t}" for t in self.untold)]
        end = "" if self.right else "  WRONG " + "; ".join(filter(None, notes))
        points = f"{sum(self.deserved.values()):8.1f} {sum(self.given.values()):8.1f}"
        return f"{self.submission.name:24}{points} {self.seconds:7.0f} s{end}"


def submissions(assignment: str, release: NotebookNode) -> list[Submission]:
    """An invented class: what is handed in strangely, and the assignment's typical errors."""
    short = assignment.split("_")[0]
    own = importlib.import_module(f"tests.assignments.{short}")
    strange = [s for s in odd(first_tests(release)) if short == "a1" or s.name not in ONCE]
    return strange + own.SUBMISSIONS


@contextlib.contextmanager
def graded(
    assignment: str, variant: str, isolation: str, only: Sequence[str] = ()
) -> Iterator[tuple[Course, list[Row]]]:
    """A class in a temporary folder that has gone through every step."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        course = Course(Path(folder, "class"), isolation, LIMITS)
        release = nbformat.read(course.generate(assignment, variant), 4)
        source = nbformat.read(ASSIGNMENTS / assignment / f"{assignment}.ipynb", 4)
        class_of = [s for s in submissions(assignment, release) if not only or s.name in only]
        handed_in = Path(folder, "handed_in")
        for submission in class_of:
            path = handed_in / submission.file.format(name=submission.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                content(submission, fill(submission, release, varied(source, variant)))
            )
        course.collect(assignment, handed_in)
        grades = {}
        for grade in course.grade(assignment):
            grades[grade.student] = grade
            print(".", end="", flush=True)
        print()
        read(course, assignment, {s.name: deserved(s, release) for s in class_of})
        pages = {page.parts[-3]: page.read_text("utf-8") for page in course.feedback(assignment)}
        yield (
            course,
            [
                row(course, assignment, submission, release, grades, pages)
                for submission in class_of
            ],
        )


def read(course: Course, assignment: str, wanted: dict[str, dict[str, float]]) -> None:
    """The invented teacher gives each written answer its points, through the table."""
    path = course.folder / "points.csv"
    course.write_table(assignment, path)
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for line in rows:
        line["points"] = line["points"] or wanted[line["student"]][line["question"]]
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0] if rows else ["student", "question", "points"])
        table.writeheader()
        table.writerows(rows)
    course.enter_points(assignment, path)


def row(course, assignment, submission, release, grades, pages) -> Row:
    grade, page = grades[submission.name], pages.get(submission.name, "")
    given = course.points(assignment, submission.name)
    untold = tuple(text for text in submission.feedback if text not in _plain(page))
    wanted = deserved(submission, release)
    return Row(submission, wanted, given, grade.seconds, grade.problem, untold)


def _plain(page: str) -> str:
    import html

    return html.unescape(page)


def rehearse(assignment: str, variant: str | None, isolation: str, only: Sequence[str] = ()) -> int:
    """Print the table; 0 where every student got what was deserved."""
    began = time.monotonic()
    word = variant or "rehearsal"
    print(f"{assignment}, variant {word!r}, {SAID[kind(isolation)]}", flush=True)
    with graded(assignment, word, isolation, only) as (_, rows):
        print(f"{'student':24}{'expected':>8} {'given':>8}")
        print(*rows, sep="\n")
    wrong = sum(not row.right for row in rows)
    whole = time.monotonic() - began
    print(f"{len(rows)} students, {wrong} of them with other points; {whole:.0f} s in all")
    return 1 if wrong else 0


def validate(assignment: str, variant: str | None, isolation: str) -> int:
    """Print what the solution and the untouched assignment get."""
    print("The solution should get all points, the students' version none.", flush=True)
    with graded(assignment, variant or "demo", isolation, ("perfect", "blank")) as (_, rows):
        for result in rows:
            points, most = sum(result.given.values()), sum(rows[0].deserved.values())
            print(f"{result.submission.name:8} {points:5.1f} of {most:g}")
    return 0 if all(result.right for result in rows) else 1
