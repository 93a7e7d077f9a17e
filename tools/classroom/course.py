"""The teacher's steps, each through nbgrader: generate, collect, grade, points, feedback, export.

A class is a folder (my_class unless said otherwise) that git ignores: nbgrader's source, release,
submitted, autograded and feedback, and the gradebook. nbgrader's own commands work in it too.
"""

import csv
import io
import logging
import multiprocessing
import os
import re
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import torch
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import ClearHiddenTests, Execute
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from mtsr_lib.training import available_cores
from tools.classroom import intake, sandbox
from tools.classroom.examiner import Examine
from tools.classroom.sandbox import ROOT, Limits

ASSIGNMENTS = ROOT / "notebooks" / "assignments" / "source"
USUAL = Limits()
PRELOAD = ["mtsr_lib.check.assignment", "mtsr_lib.plots"]  # what an assignment imports
COURSE = "multi-task-super-resolution"
STUB = "return ...  # replace this line by your code"
CONFIG = """\
# nbgrader's own commands, for instance `nbgrader formgrader` for what a person grades, work here.
import sys

sys.path.insert(0, {root!r})
from tools.classroom.course import settings

c = get_config()
c.merge(settings({folder!r}))
"""


class ClassError(RuntimeError):
    """A step cannot be done; the message says why and what to do."""


def settings(folder: str, isolation: str = "auto", limits: Limits = USUAL) -> Config:
    """nbgrader's configuration: the examiner in place of its own execution of notebooks."""
    c = Config()
    c.CourseDirectory.root = str(folder)
    c.CourseDirectory.course_id = COURSE
    c.ClearSolutions.code_stub = {"python": STUB}
    steps = Autograde.class_traits()["autograde_preprocessors"].default()
    c.Autograde.autograde_preprocessors = [Examine if s is Execute else s for s in steps]
    steps = GenerateFeedback.class_traits()["preprocessors"].default()
    c.GenerateFeedback.preprocessors = [ClearHiddenTests, *steps]
    c.Examine.isolation, c.Examine.seconds = isolation, float(limits.seconds)
    c.Examine.total, c.Examine.memory = float(limits.total), float(limits.memory)
    return c


@dataclass(frozen=True)
class Grade:
    """What one submission got: points, seconds, and what went wrong, if anything."""

    student: str
    points: float
    out_of: float
    seconds: float = 0.0
    problem: str = ""
    unread: int = 0  # written answers that nobody has given points yet


@dataclass(frozen=True)
class Written:
    """A written answer, which a person reads; its points are None until they are given."""

    student: str
    question: str
    most: float
    points: float | None
    comment: str = ""


class Course:
    """A class in a folder."""

    def __init__(self, folder: Path, isolation: str = "auto", limits: Limits = USUAL) -> None:
        self.folder, self.limits, self.wanted = folder.resolve(), limits, isolation
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self.folder / "nbgrader_config.py"
        if not config.exists():
            config.write_text(CONFIG.format(root=str(ROOT), folder=str(self.folder)), "utf-8")

    @property
    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}", COURSE)

    def nbgrader(self, isolation: str = "none") -> NbGraderAPI:
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", category=SAWarning)  # of nbgrader's own doing
        programs = str(Path(sys.executable).parent)  # nbgrader starts alembic by its name
        if programs not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([programs, os.environ["PATH"]])
        return NbGraderAPI(config=settings(self.folder, isolation, self.limits))

    # -------------------------------------------------------------------------------- the steps

    def generate(self, assignment: str, variant: str | None = None) -> Path:
        """Make the students' version, with the class's variant, and enter it into the gradebook."""
        source = ASSIGNMENTS / assignment
        if variant and not WORD.fullmatch(variant):
            raise ClassError("A variant is a word of letters, digits, blanks, dots and hyphens.")
        here, word = self.folder / "source" / assignment, variant or self.variant(assignment)
        if variant and variant != self.variant(assignment) and self.submitted(assignment):
            raise ClassError(
                f"{assignment} was given out with the variant {self.variant(assignment)!r} and "
                "there are submissions: take another folder for another class (--folder)."
            )
        shutil.copytree(source, here, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        notebook = here / f"{assignment}.ipynb"
        if word:
            nbformat.write(varied(nbformat.read(notebook, 4), word), notebook)
        _require(self.nbgrader().generate_assignment(assignment), f"{assignment} cannot be made")
        return self.release(assignment)

    def release(self, assignment: str) -> Path:
        return self.folder / "release" / assignment / f"{assignment}.ipynb"

    def variant(self, assignment: str) -> str | None:
        """The word with which an assignment was given out to this class."""
        notebook = self.folder / "source" / assignment / f"{assignment}.ipynb"
        if not notebook.exists():
            return None
        words = [VARIANT.match(cell.source) for cell in nbformat.read(notebook, 4).cells]
        return next((found["word"] for found in words if found), None)

    def submitted(self, assignment: str) -> list[str]:
        return sorted(
            path.parent.name for path in (self.folder / "submitted").glob(f"*/{assignment}")
        )

    def collect(self, assignment: str, handed_in: Path) -> dict[str, str]:
        """Take over the files of a folder: each student, and what was odd about the file."""
        if not self.release(assignment).exists():
            raise ClassError(f"First: python3 course.py class generate {assignment}")
        release, odd = nbformat.read(self.release(assignment), 4), {}
        for file in intake.find(handed_in, assignment):
            odd[file.student] = ""
            try:
                notebook = intake.read(file.path)
            except intake.UnreadableError as error:
                odd[file.student], notebook = str(error), intake.unreadable(str(error))
            self._submit(assignment, file, intake.restore(notebook, release))
        return odd

    def _submit(self, assignment: str, file: intake.HandedIn, notebook: NotebookNode) -> None:
        folder = self.folder / "submitted" / file.student / assignment
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / f"{assignment}.ipynb")
        handed_in = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
        (folder / "timestamp.txt").write_text(f"{handed_in:%Y-%m-%d %H:%M:%S} UTC\n", "utf-8")

    def grade(
        self, assignment: str, students: list[str] = (), again: bool = True
    ) -> Iterator[Grade]:
        """Grade submissions, each in a process of its own: none stops the others."""
        isolation = sandbox.kind(self.wanted)
        if isolation == "user":
            sandbox.close([self.folder, ROOT / ".git", ASSIGNMENTS])
        missing = set(students) - set(self.submitted(assignment))
        if missing:
            raise ClassError(f"There is no submission of {', '.join(sorted(missing))}.")
        todo = students or self.submitted(assignment)
        todo = [s for s in todo if again or self.grade_of(assignment, s) is None]
        context = _processes()
        with ThreadPoolExecutor(1 if isolation == "user" else available_cores()) as pool:
            yield from pool.map(lambda s: self._grade_one(assignment, s, isolation, context), todo)

    def _grade_one(self, assignment: str, student: str, isolation: str, context) -> Grade:
        began = time.monotonic()
        problem = self._apart("autograde", assignment, student, isolation, context)
        seconds, found = time.monotonic() - began, self.grade_of(assignment, student)
        if found is None or problem:
            return Grade(student, 0, 0, seconds, problem or "no grade was written")
        unread = sum(w.points is None for w in self.written(assignment, student))
        return Grade(student, *found, seconds, unread=unread)

    def _apart(self, step: str, assignment: str, student: str, isolation: str, context) -> str:
        """One of nbgrader's steps for one student, in a process of its own; what went wrong."""
        ours, theirs = context.Pipe(duplex=False)
        job = (self.folder, self.limits, step, assignment, student, isolation, theirs)
        process = context.Process(target=_one_step, args=job)
        process.start()
        theirs.close()
        try:
            answered = ours.poll(2 * self.limits.total + 300)
            problem = ours.recv() if answered else "it took too long"
        except EOFError:
            problem = "its process ended early: is there too little memory?"
        process.join(10)
        process.kill()
        process.join()
        return problem

    def grade_of(self, assignment: str, student: str) -> tuple[float, float] | None:
        with self.gradebook as gradebook:
            try:
                submission = gradebook.find_submission(assignment, student)
            except MissingEntry:
                return None
            return submission.score, submission.max_score

    def points(self, assignment: str, student: str) -> dict[str, float]:
        """The points of each test."""
        with self.gradebook as gradebook:
            notebooks = gradebook.find_submission(assignment, student).notebooks
            return {grade.name: grade.score for n in notebooks for grade in n.grades}

    def written(self, assignment: str, student: str = "") -> list[Written]:
        """The written answers in graded submissions, question by question."""
        with self.gradebook as gradebook:
            cells = gradebook.find_notebook(assignment, assignment)
            answers = {cell.name for cell in cells.solution_cells}
            questions = [cell.name for cell in cells.grade_cells if cell.name in answers]
            handed_in = gradebook.assignment_submissions(assignment)
            students = sorted(s.student_id for s in handed_in if student in ("", s.student_id))
            return [_written(gradebook, assignment, s, q) for q in questions for s in students]

    def write_table(self, assignment: str, to: Path) -> None:
        """The written answers as a table for a teacher to fill in."""
        with open(to, "w", newline="", encoding="utf-8-sig") as file:  # the mark is for Excel
            table = csv.writer(file)
            table.writerow(field.name for field in fields(Written))
            for answer in self.written(assignment):
                table.writerow("" if value is None else value for value in astuple(answer))

    def enter_points(self, assignment: str, path: Path) -> int:
        """Enter a table's points and comments, all or none; says how many are given."""
        known = {(w.student, w.question): w for w in self.written(assignment)}
        rows = [_row(line, row, known) for line, row in enumerate(_table(path), 2)]
        with self.gradebook as gradebook:
            for row in rows:
                where = row.question, assignment, assignment, row.student
                grade, comment = gradebook.find_grade(*where), gradebook.find_comment(*where)
                grade.manual_score, comment.manual_comment = row.points, row.comment or None
                grade.needs_manual_grade = row.points is None and grade.auto_score is None
            gradebook.db.commit()
        return sum(row.points is not None for row in rows)

    def feedback(self, assignment: str) -> list[Path]:
        """A page for each student: cells, outputs, points; hidden tests by their verdict only."""
        done = sorted(p.parent.name for p in (self.folder / "autograded").glob(f"*/{assignment}"))
        if not done:
            raise ClassError(f"Nothing is graded yet: python3 course.py class grade {assignment}")
        step, context = ("generate_feedback", assignment), _processes()
        with ThreadPoolExecutor(available_cores()) as pool:
            for problem in pool.map(lambda s: self._apart(*step, s, "none", context), done):
                if problem:
                    raise ClassError(f"the feedback cannot be made: {problem}")
        pages = sorted((self.folder / "feedback").glob(f"*/{assignment}/*.html"))
        for page in pages:  # nbgrader calls each of them "Test cell"
            text = page.read_text("utf-8")
            text = TEST.sub(r'<a href="#\1">Test \1</a>', text)
            student = page.relative_to(self.folder / "feedback").parts[0]
            unread = [w for w in self.written(assignment, student) if w.points is None]
            page.write_text(_with_unread(text, unread), "utf-8")
        return pages

    def export(self, to: Path) -> Path:
        plugin = CsvExportPlugin()
        plugin.to = str(to)
        with self.gradebook as gradebook:
            plugin.export(gradebook)
        return to


WORD = re.compile(r"[\w .-]{1,40}")
VARIANT = re.compile(r'VARIANT = "(?P<word>[^"]*)"')
TEST = re.compile(r'<a href="#([\w-]+)">Test cell</a>')


def varied(notebook: NotebookNode, word: str) -> NotebookNode:
    """The notebook with another word, from which the tests draw values and pictures."""
    cells = [cell for cell in notebook.cells if VARIANT.match(cell.source)]
    if len(cells) != 1:
        raise ClassError("The assignment has no cell, or several, that begins with VARIANT =")
    cells[0].source = VARIANT.sub(f'VARIANT = "{word}"', cells[0].source)
    return notebook


def _with_unread(page: str, unread: list[Written]) -> str:
    """A page on which what nobody has read yet is not a score of 0."""
    for answer in unread:
        for link in ("href", "name"):  # in the list above, and beside the answer
            place = rf'(<a {link}="#?{answer.question}">.*?)Score: [\d.]+ / '
            page = re.sub(place, r"\1not read yet, of ", page, count=1, flags=re.DOTALL)
    most = sum(answer.most for answer in unread)
    rest = rf"\1, {most:g} of them not read yet)"
    return re.sub(r"(<h4>[^<]*Score: [\d.]+ / [\d.]+)\)", rest, page, count=1) if unread else page


def _written(gradebook: Gradebook, assignment: str, student: str, question: str) -> Written:
    where = question, assignment, assignment, student
    grade, comment = gradebook.find_grade(*where), gradebook.find_comment(*where)
    given = (grade.manual_score, grade.auto_score)  # nbgrader's 0 for what was left as it was
    points = next((points for points in given if points is not None), None)
    return Written(student, question, grade.max_score, points, comment.comment or "")


def _table(path: Path) -> list[dict[str, str]]:
    """The rows of a table, as a spreadsheet may have changed it: semicolons, a mark."""
    try:
        text = intake.decoded(path.read_bytes())
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        wanted = {"student", "question", "points"}
        if wanted <= set(rows.fieldnames or ()):
            return [row for row in rows if any(row.values())]
    except csv.Error:
        pass
    raise ClassError(f"{path.name} needs the columns student, question and points.")


def _delimiter(text: str) -> str:
    return ";" if ";" in text.partition("\n")[0] else ","


def _row(line: int, row: dict[str, str], known: dict[tuple[str, str], Written]) -> Written:
    """A line of the table, if it can be entered."""
    answer = known.get((row["student"], row["question"]))
    if answer is None:
        raise ClassError(f"Line {line}: {row['student']} has no answer {row['question']!r}.")
    given = (row["points"] or "").strip().replace(",", ".")
    try:
        points = float(given) if given else None
    except ValueError:
        raise ClassError(f"Line {line}: {row['points']!r} is no number.") from None
    if points is not None and not 0 <= points <= answer.most:
        raise ClassError(f"Line {line}: points are from 0 to {answer.most:g}, not {points:g}.")
    comment = (row.get("comment") or "").strip()
    return Written(answer.student, answer.question, answer.most, points, comment)


def _require(result: dict, what: str) -> None:
    if not result["success"]:
        raise ClassError(f"{what}: {_reason(result)}")


def _reason(result: dict) -> str:
    """The first error that nbgrader tells of; those after it follow from it."""
    text = f"{result.get('log') or ''}\n{result.get('error') or ''}"
    errors = re.findall(r"^\s*((?:\w+\.)*\w*(?:Error|Exception)\b.*)$", text, re.MULTILINE)
    return errors[0] if errors else "nbgrader did not say why"


def _processes() -> multiprocessing.context.BaseContext:
    """Where the system can, processes come from one that has done the slow imports, once."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tools.classroom.course", *PRELOAD])
    return context


def _one_step(folder, limits, step, assignment, student, isolation, answer) -> None:
    """In a process of its own: nbgrader's autograde, or its feedback, for one student."""
    try:
        torch.set_num_threads(1)  # as many submissions are graded at once as there are cores
        course = Course(folder, isolation, limits)
        result = getattr(course.nbgrader(isolation), step)(assignment, student)
        problem = "" if result["success"] else _reason(result)
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"
    answer.send(problem)
    answer.close()
