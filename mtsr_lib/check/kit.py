"""What every check is made of: cases small enough to work by hand, and one line of verdict."""

from __future__ import annotations

import ast
import html
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from mtsr_lib.check.compare import changed, copy_inputs, describe, difference
from mtsr_lib.check.errors import from_stub, told

Status = Literal["Passed", "Not yet", "Not attempted yet"]

COLOURS = {
    "Passed": "var(--jp-success-color1, #2e7d32)",
    "Not yet": "var(--jp-error-color1, #c62828)",
    "Not attempted yet": "var(--jp-border-color0, #9e9e9e)",
}
TO_DO = "replace the `...` in the cell above, run it, then this one."


@dataclass(frozen=True)
class Verdict:
    """One line: passed, not attempted yet, or what is wrong."""

    status: Status
    message: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "Passed"

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{self.status}: {self.message}" if self.message else f"{self.status}."

    __str__ = __repr__

    def _repr_html_(self) -> str:
        style = f"border-left: 0.4em solid {COLOURS[self.status]}; padding: 0.3em 0.8em"
        text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self.message, quote=False))
        line = f"<b>{self.status}</b>{text and ': '}{text}"
        return f'<div role="status" style="{style}">{line}</div>'


def passed(message: str = "") -> Verdict:
    return Verdict("Passed", message)


def not_yet(message: str) -> Verdict:
    return Verdict("Not yet", " ".join(message.split()))


def not_attempted() -> Verdict:
    return Verdict("Not attempted yet", TO_DO)


@dataclass(frozen=True)
class Case:
    """One question to the answer: these inputs must give this value.

    `known` maps a sentence that names a misconception to the value that it gives here.
    `tolerance` is relative to the larger of 1 and the expected value.
    """

    title: str
    inputs: tuple
    expected: Any
    known: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-4
    differentiable: bool = False


def grade(answer: Any, *cases: Case, call: Callable[..., Any] | None = None) -> Verdict:
    """Put every case to the answer and say what is wrong with the first that fails.

    `call(answer, *inputs)` says how the answer is used when it is not simply called.
    """
    if answer is None or is_blank(answer):
        return not_attempted()
    if call is None and cases[0].inputs and not callable(answer):
        return not_yet(f"expected a function but got {describe(answer)}.")
    for case in cases:
        verdict = _grade_case(answer, case, call or _plain_call)
        if not verdict.passed:
            return verdict
    return passed("it agrees." if len(cases) == 1 else f"all {len(cases)} cases agree.")


def _plain_call(answer: Any, *inputs: Any) -> Any:
    return answer(*inputs) if callable(answer) else answer


def _grade_case(answer: Any, case: Case, call: Callable[..., Any]) -> Verdict:
    inputs = copy_inputs(case.inputs)
    if case.differentiable:
        _require_gradients(inputs)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            actual = call(answer, *inputs)
    except Exception as error:
        return _verdict_on_error(error, answer, case)
    if is_blank(actual) or (actual is None and is_stub(answer)):
        return not_attempted()
    if actual is None and case.expected is not None:
        return not_yet(f"for {case.title}, the result is None: is a `return` missing?")
    wrong = difference(actual, case.expected, case.tolerance)
    if wrong:
        return not_yet(f"for {case.title}, {wrong}.{_misconception(actual, case)}")
    if changed(inputs, case.inputs):
        return not_yet(
            f"for {case.title}, the value is right, but your code changed its input. That is what "
            "`+=`, `x[...] =` and methods with a trailing `_` do: work on new tensors, and on "
            "a copy of a dictionary, `dict(d)`."
        )
    return _gradient_verdict(actual, inputs, case) if case.differentiable else passed()


def is_blank(value: Any) -> bool:
    """Whether a value is what a stub leaves: ... or NotImplemented, alone or in a tuple."""
    if isinstance(value, (tuple, list)):
        return any(is_blank(part) for part in value)
    if isinstance(value, dict):
        return any(is_blank(part) for part in value.values())
    return value is ... or value is NotImplemented


def is_stub(answer: Any) -> bool:
    """Whether a function does nothing yet: only a docstring, `pass`, `...` or `return None`."""
    if answer is None:
        return True
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(answer)))
    except (OSError, TypeError, SyntaxError):
        return False
    functions = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Lambda))]
    bodies = [line for f in functions if isinstance(f, ast.FunctionDef) for line in f.body]
    return bool(bodies) and all(_does_nothing(line) for line in bodies)


def _does_nothing(line: ast.stmt) -> bool:
    if isinstance(line, (ast.Expr, ast.Return)):
        return line.value is None or isinstance(line.value, ast.Constant)
    return isinstance(line, ast.Pass)


def _floating(inputs: tuple) -> list[Tensor]:
    return [x for x in inputs if isinstance(x, Tensor) and x.is_floating_point()]


def _require_gradients(inputs: tuple) -> None:
    for tensor in _floating(inputs):
        tensor.requires_grad_()


def _gradient_verdict(actual: Any, inputs: tuple, case: Case) -> Verdict:
    lost = (
        f"for {case.title}, the value is right, but no gradient comes back through it: `.item()`, "
        "`.detach()`, `float(…)`, `torch.tensor(…)`, NumPy and `no_grad` all cut it off."
    )
    if not isinstance(actual, Tensor) or not actual.requires_grad:
        return not_yet(lost)
    gradients = torch.autograd.grad(actual.sum(), _floating(inputs)[:1], allow_unused=True)
    return not_yet(lost) if gradients[0] is None else passed()


def _misconception(actual: Any, case: Case) -> str:
    for sentence, value in case.known.items():
        if not difference(actual, value, case.tolerance):
            end = "" if sentence.endswith(("?", ".")) else "."
            return f" {sentence[0].upper()}{sentence[1:]}{end}"
    return ""


def _verdict_on_error(error: Exception, answer: Any, case: Case) -> Verdict:
    if from_stub(error):
        return not_attempted()
    return not_yet(f"for {case.title}, {told(error, answer)}")
