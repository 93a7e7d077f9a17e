"""The invented class: what is handed in for each assignment, and the points that it deserves.

`odd.py` holds what every assignment has to survive; `aN.py` the typical errors in assignment N, and
other ways to do it right. `python3 course.py class rehearse` grades them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

EVERYTHING = ("*",)


@dataclass(frozen=True)
class Submission:
    """One student: answers in place of the solution's, and the tests that are lost by them."""

    name: str
    answers: Mapping[str, str] = field(default_factory=dict)  # name of the answer's cell: its code
    lost: tuple[str, ...] = ()  # tests that give no points
    partly: Mapping[str, float] = field(default_factory=dict)  # tests that give some of them
    feedback: tuple[str, ...] = ()  # what the student must be told
    blank: bool = False  # the other answers are left as they were given out
    change: Callable[[Sheet], bytes] | None = None  # what else became of the file
    file: str = "{name}.ipynb"


@dataclass(frozen=True)
class Sheet:
    """An assignment filled in: the notebook, and its first question's answer and tests."""

    notebook: NotebookNode
    first: str
    first_tests: tuple[str, ...]

    def cell(self, name: str) -> NotebookNode:
        return next(cell for cell in self.notebook.cells if name_of(cell) == name)


def name_of(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def is_test(cell: NotebookNode) -> bool:
    own = cell.metadata.get("nbgrader", {})
    return bool(own.get("grade")) and not own.get("solution")


def is_written(cell: NotebookNode) -> bool:
    """An answer that a person reads and gives points."""
    own = cell.metadata.get("nbgrader", {})
    return bool(own.get("grade")) and bool(own.get("solution"))


def is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def solved(text: str) -> str:
    """A cell of the source as the student who wrote the solution would have left it."""
    return "\n".join(line for line in text.splitlines() if "### " not in line)


def first_tests(release: NotebookNode) -> tuple[str, ...]:
    """The tests of the first question."""
    cells = release.cells
    answers = [place for place, cell in enumerate(cells) if is_answer(cell)]
    until = answers[1] if len(answers) > 1 else len(cells)
    return tuple(name_of(cell) for cell in cells[answers[0] : until] if is_test(cell))


def fill(submission: Submission, release: NotebookNode, source: NotebookNode) -> Sheet:
    """The released notebook with a student's answers."""
    notebook = nbformat.from_dict(release)
    solutions = {name_of(cell): solved(cell.source) for cell in source.cells if is_answer(cell)}
    for cell in notebook.cells:
        if is_answer(cell) and (name_of(cell) in submission.answers or not submission.blank):
            cell.source = submission.answers.get(name_of(cell), solutions[name_of(cell)])
    first = next(name_of(cell) for cell in notebook.cells if is_answer(cell))
    return Sheet(notebook, first, first_tests(release))


def content(submission: Submission, sheet: Sheet) -> bytes:
    if submission.change:
        return submission.change(sheet)
    return nbformat.writes(sheet.notebook).encode()


def deserved(submission: Submission, release: NotebookNode) -> dict[str, float]:
    """The points of each test, and of each written answer."""
    graded = [cell for cell in release.cells if is_test(cell) or is_written(cell)]
    full = {name_of(cell): cell.metadata.nbgrader.points for cell in graded}
    lost = full if submission.lost == EVERYTHING else submission.lost
    unknown = {*lost, *submission.partly} - set(full)
    assert not unknown, f"{submission.name}: there is no test {unknown}"
    return {**full, **dict.fromkeys(lost, 0.0), **submission.partly}
