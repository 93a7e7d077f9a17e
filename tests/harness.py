"""Holds a check to its promises: what it accepts, what it rejects and with which words."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import signal
from collections.abc import Iterator
from typing import Any

import torch

from mtsr_lib import check
from mtsr_lib.check.compare import copy_inputs, difference
from mtsr_lib.check.kit import Verdict
from tests.exercises import Exercise
from tests.mutants import mutants
from tools import lessons

# A widget's goal is 100 ms of CPU for 95 of 100 moves; processors differ by a factor of two and
# more, so a test fails only at three times that.
SLOWEST = 3
SHARE_OF_MUTANTS = 0.9


def exercise_faults(
    lesson: lessons.Lesson, found: lessons.Exercise, given: Exercise | None
) -> list:
    """Everything that is wrong with one exercise, each fault in one paragraph."""
    missing = [fault for absent, fault in _parts(found, given) if absent]
    if missing or given is None:
        return missing
    namespace = _preamble(lesson, found, given)
    return [
        *_accepted(found, given, namespace),
        *_stub_faults(found, namespace),
        *_rejected(found, given, namespace),
        *_mutant_faults(found, given, namespace),
    ]


def _parts(found: lessons.Exercise, given: Exercise | None) -> list[tuple[bool, str]]:
    where = f"tests/exercises: {found.name!r} has"
    name = ast.parse(found.check, mode="eval").body.func.attr if found.check else None
    return [
        (found.heading is None, "no heading `### Your turn 1: …` in the cell above the stub"),
        (found.minutes is None, "no line `**Difficulty** 2 of 3 · **Time** 8 min · **Why** …`"),
        (found.check is None, "no cell `check.name(…)` after the stub"),
        (found.check is not None and not _answer_name(found), "the check is not given a name"),
        (name is not None and not hasattr(check, name), f"mtsr_lib.check has no {name}"),
        (not found.hints, "no <details> fold whose summary starts with Hint"),
        (not found.solution, "no <details> fold called Solution with a ```python block"),
        (given is None, f"{where} no entry in EXERCISES"),
        (given is not None and len(given.wrong) < 4, f"{where} less than four wrong answers"),
        (given is not None and not (given.others or found.other_ways), f"{where} no other answer"),
        (given is not None and not given.inputs, f"{where} no inputs to compare mutants on"),
    ]


def _answer_name(found: lessons.Exercise) -> str | None:
    """The first name that the check is given: `my_psnr` in `check.psnr(my_psnr)`."""
    call = ast.parse(found.check or "check.nothing()", mode="eval").body
    given = call.args + [keyword.value for keyword in call.keywords]
    return next((n.id for a in given for n in ast.walk(a) if isinstance(n, ast.Name)), None)


def run(code: str, namespace: dict[str, Any], label: str) -> dict[str, Any]:
    """Execute code in a copy of a namespace; tracebacks and inspect can see its lines."""
    filename = f"<{label}>"
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    namespace = dict(namespace)
    exec(compile(code, filename, "exec"), namespace)
    return namespace


def _preamble(lesson: lessons.Lesson, found: lessons.Exercise, given: Exercise) -> dict[str, Any]:
    built = "".join(
        "from mtsr_lib.{} import {}\n".format(*name.rsplit(".", 1))
        for name in lesson.facts["builds"]
    )
    earlier = [e.solution or "" for e in lessons.exercises(lesson) if e.cell < found.cell]
    code = [lessons.imports(lesson, found.cell), built, *earlier, given.setup]
    return run("\n".join(code), {"__name__": "answer", "check": check}, "what comes before")


def verdict(code: str, found: lessons.Exercise, namespace: dict[str, Any]) -> Verdict:
    """What the lesson's own check cell says of an answer."""
    with contextlib.redirect_stdout(io.StringIO()):
        answered = run(code, namespace, "answer")
        return eval(found.check or "", answered)


def _accepted(found: lessons.Exercise, given: Exercise, namespace: dict) -> Iterator[str]:
    answers = [("the folded solution", found.solution)]
    answers += [("the fold Another way", code) for code in found.other_ways]
    answers += [(f"others[{n}]", code) for n, code in enumerate(given.others)]
    for label, code in answers:
        said = verdict(code, found, namespace)
        if not said.passed:
            yield f"{label} is correct, but the check says\n    {said}\n{indented(code)}"


def _stub_faults(found: lessons.Exercise, namespace: dict) -> Iterator[str]:
    try:
        said = verdict(found.stub, found, namespace)
    except Exception as error:
        yield f"the stub raises {type(error).__name__}: {error}"
    else:
        if said.status != "Not attempted yet":
            yield f"the stub must be `Not attempted yet`, but the check says\n    {said}"


def _rejected(found: lessons.Exercise, given: Exercise, namespace: dict) -> Iterator[str]:
    for number, (fragment, code) in enumerate(given.wrong):
        said = verdict(code, found, namespace)
        if said.status != "Not yet":
            yield f"wrong[{number}] is wrong, but the check says\n    {said}\n{indented(code)}"
        elif fragment.lower() not in said.message.lower():
            yield (
                f"wrong[{number}] is rejected with other words than {fragment!r}:\n    {said}\n"
                f"{indented(code)}"
            )


def _mutant_faults(found: lessons.Exercise, given: Exercise, namespace: dict) -> Iterator[str]:
    wanted = _outputs(found.solution or "", found, given, namespace)
    if not _usable(wanted):
        yield f"the solution gives no output on the inputs of tests/exercises: {wanted}"
        return
    differing, survivors = 0, []
    for description, code in mutants(found.solution or ""):
        outputs = _outputs(code, found, given, namespace)
        if not _usable(outputs) or not _differ(outputs, wanted):
            continue
        differing += 1
        if _passes(code, found, namespace):
            survivors.append(description)
    if not differing and any(True for _ in mutants(found.solution or "")):
        yield "no mutant of the solution gives another output on the inputs of tests/exercises"
    if differing - len(survivors) < SHARE_OF_MUTANTS * differing:
        yield (
            f"{len(survivors)} of {differing} mutants of the solution give another output, and the "
            "check accepts them:\n" + indented("\n".join(survivors))
        )


def _passes(code: str, found: lessons.Exercise, namespace: dict) -> bool:
    try:
        with time_limit():
            return verdict(code, found, namespace).passed
    except Exception:
        return False


def _outputs(code: str, found: lessons.Exercise, given: Exercise, namespace: dict) -> list[Any]:
    """What an answer gives on each input; an exception stands for itself."""
    name = _answer_name(found)
    observe = given.observe or (lambda answer, *x: answer(*x) if callable(answer) else answer)
    outputs: list[Any] = []
    for inputs in given.inputs:
        try:
            with time_limit(), contextlib.redirect_stdout(io.StringIO()):
                torch.manual_seed(0)
                answer = run(code, namespace, "mutant")[name]
                outputs.append(observe(answer, *copy_inputs(tuple(inputs))))
        except TimeoutError as error:
            return [error]
        except Exception as error:
            outputs.append(error)
    return outputs


def _usable(outputs: list[Any]) -> bool:
    """Whether at least one input gives a value: mutants that only raise are no test of a check."""
    return any(not isinstance(output, Exception) for output in outputs)


def _differ(outputs: list[Any], wanted: list[Any]) -> bool:
    return any(
        bool(difference(a, b, 1e-5))
        for a, b in zip(outputs, wanted, strict=True)
        if not isinstance(b, Exception)
    )


@contextlib.contextmanager
def time_limit(seconds: float = 1.0) -> Iterator[None]:
    """Raises TimeoutError after so much CPU time: some mutants never end (not on Windows)."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def indented(text: str) -> str:
    return "\n".join("        " + line for line in text.strip().splitlines())
