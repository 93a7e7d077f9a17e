"""Grades a submission: its cells run in the student's kernel, the tests here, outside of it.

A test's code, hidden part included, and its expected values are never in the student's process.
The names that a test uses and nobody here defines are the student's: functions are called in the
student's kernel, one call at a time, and values are fetched from it.
"""

import ast
import builtins
import contextlib
import io
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked, is_solution
from traitlets import Float, List, Unicode

from tools.classroom import sandbox
from tools.classroom.sandbox import Limits
from tools.classroom.student import Student, bind, error


class Examine(NbGraderPreprocessor):
    """Takes the place of nbgrader's Execute."""

    isolation = Unicode("auto", help="bwrap, user, none or auto").tag(config=True)
    seconds = Float(60, help="of the processor, for a cell or a test's call").tag(config=True)
    total = Float(1800, help="seconds of the clock for the whole notebook").tag(config=True)
    memory = Float(4, help="gigabytes for the student's kernel").tag(config=True)
    files = List([], help="files of the assignment beside the notebook").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        limits = Limits(self.seconds, self.total, self.memory)
        isolation = sandbox.kind() if self.isolation == "auto" else self.isolation
        with Student(isolation, limits, list(self.files)) as student:
            tests = Tests(student)
            for cell in nb.cells:
                if cell.cell_type == "code":
                    cell.outputs = examine(cell, student, tests)
        return nb, resources


def examine(cell: NotebookNode, student: Student, tests: "Tests") -> list[NotebookNode]:
    """Run one cell where it belongs. A locked cell that is no test is known on both sides."""
    if is_grade(cell) and not is_solution(cell):
        return tests.run(cell.source)
    if is_locked(cell):
        tests.learn(cell.source)
    return student.run(cell.source)


class Tests:
    """The namespace in which the tests of one submission run."""

    def __init__(self, student: Student) -> None:
        self.student, self.known = student, {"__name__": "tests"}

    def learn(self, source: str) -> None:
        exec(compile(source, "the assignment", "exec"), self.known)

    def run(self, source: str) -> list[NotebookNode]:
        printed, outputs = io.StringIO(), []
        try:
            names = {**self.known, **{n: bind(self.student, n) for n in self.unknown(source)}}
            with contextlib.redirect_stdout(printed):
                value = evaluate(source, names)
            if value is not None:
                data = {"text/plain": repr(value)}
                outputs.append(new_output("execute_result", data, execution_count=None))
        except Exception as wrong:
            outputs.append(error(type(wrong).__name__, str(wrong)))
        if printed.getvalue():
            outputs.insert(0, new_output("stream", name="stdout", text=printed.getvalue()))
        return outputs

    def unknown(self, source: str) -> list[str]:
        """The names that a test uses and that neither it nor the assignment defines."""
        used, defined = set(), set(self.known) | set(dir(builtins))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined.add(node.name)
            elif isinstance(node, ast.arg):
                defined.add(node.arg)
            elif isinstance(node, ast.alias):
                defined.add(node.asname or node.name.split(".")[0])
        return sorted(used - defined)


def evaluate(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; return the value of its last expression, as a notebook would show it."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "a test", "exec"), names)
    return eval(compile(ast.Expression(last.value), "a test", "eval"), names) if last else None
