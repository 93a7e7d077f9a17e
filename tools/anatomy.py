"""What every lesson has (CONTRIBUTING.md, A lesson): vital signs, minutes, and the rules it breaks.

Usage: python tools/anatomy.py [NOTEBOOK ...]        exit status 1 when a rule marked ! is broken
"""

from __future__ import annotations

import json
import math
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import lessons
from tools.lessons import Lesson, is_code, prose, source, tags

FACTS = re.compile(r"^\d+ min · \d+ s of CPU · [\d.]+ GB · offline$", re.MULTILINE)
PREDICT = "**Predict before you run.**"
MACHINE_PATH = re.compile(r"/(?:home|root|tmp|work|Users|private|var/folders)/|[A-Z]:\\\\?Users")
PIPELINE = ("photo", "pair", "backbone", "heads", "losses", "loop", "measure")
ITEM = r"\s*(?:[-*]|\d+\.) .*\n?(?:  +.*\n?)*"
GOALS = re.compile(rf"(?i)by the end you can[^\n]*\n((?:{ITEM})+)")
SECTION = re.compile(r"^## \d+\. ", re.MULTILINE)
KNOWN_TAGS = {"draft", "exercise", "check", "widget", "storyboard", "varies", "raises-exception"}
WORDS_A_MINUTE, CODE_LINES_A_MINUTE = 180, 20
MINUTES_A_PREDICTION, MINUTES_A_WIDGET, MINUTES_FOR_THE_QUIZ = 1, 4, 3
MEGABYTE = 1_000_000


def code_lines(text: str) -> list[str]:
    lines = map(str.strip, text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def checked(cell: dict) -> bool:
    """Whether nbval compares a cell's output."""
    marked = re.search(r"(?m)^[ \t]*#[ \t]*NBVAL_CHECK_OUTPUT[ \t]*$", source(cell))
    return is_code(cell) and (bool(marked) or "nbval-check-output" in tags(cell))


def widgets(lesson: Lesson) -> list[int]:
    return [
        n
        for n, c in enumerate(lesson.cells)
        if is_code(c) and re.search(r"\bwidgets\.(?!storyboard)\w+\(|\binteract(ive)?\(", source(c))
    ]


def printed(cell: dict) -> str:
    """What a cell's outputs show as text, pictures apart."""
    parts = []
    for output in cell.get("outputs", []):
        parts += [*output.get("text", []), *output.get("traceback", [])]
        for kind in ("text/plain", "text/html", "text/markdown"):
            parts += output.get("data", {}).get(kind, [])
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", "".join(parts))


def pictures(lesson: Lesson) -> list[str]:
    """The alternative text of every picture, "" where it has none."""
    text = prose(lesson)
    html = "".join(printed(c) for c in lesson.cells if is_code(c))
    found = re.findall(r"!\[([^\]]*)\]\(", text)
    found += [
        "".join(re.findall(r"""\balt=["']([^"']+)["']""", tag))
        for tag in re.findall(r"<img\b([^>]*)>", text + html)
    ]
    for output in (o for c in lesson.cells if is_code(c) for o in c.get("outputs", [])):
        for kind in ("image/png", "image/jpeg", "image/svg+xml"):
            if kind in output.get("data", {}):
                found.append(output.get("metadata", {}).get(kind, {}).get("alt", ""))
    return [alt.strip() for alt in found]


def without_further(lesson: Lesson) -> list[dict]:
    """The cells outside sections headed Further, which are skipped without loss."""
    kept, depth = [], 0
    for cell in lesson.cells:
        text = source(cell) if cell["cell_type"] == "markdown" else ""
        heading = re.match(r"(#+) (Further)?", text)
        if heading and (not depth or len(heading[1]) <= depth):
            depth = len(heading[1]) if heading[2] else 0
        if not depth:
            kept.append(cell)
    return kept


def minutes(lesson: Lesson) -> int:
    """A student's time: reading, predicting, widgets, exercises, quiz, waiting; in fives."""
    core = Lesson(lesson.path, {**lesson.notebook, "cells": without_further(lesson)})
    text = lessons.FOLD.sub("", prose(core))
    lines = sum(len(code_lines(source(c))) for c in core.cells if is_code(c, "exercise", "check"))
    total = (
        len(text.split()) / WORDS_A_MINUTE
        + lines / CODE_LINES_A_MINUTE
        + text.count(PREDICT) * MINUTES_A_PREDICTION
        + len(widgets(core)) * MINUTES_A_WIDGET
        + sum(e.minutes or 0 for e in lessons.exercises(core))
        + (MINUTES_FOR_THE_QUIZ if re.search(r"(?im)^#+.*quiz", text) else 0)
        + lesson.facts.get("cpu_seconds", 0) / 60
    )
    return 5 * math.ceil(total / 5)


def facts_line(lesson: Lesson) -> str:
    facts = lesson.facts
    gigabytes = facts.get("memory_mb", 0) / 1000
    return (
        f"{facts.get('minutes', 0)} min · {facts.get('cpu_seconds', 0)} s of CPU · "
        f"{gigabytes:.1f} GB · offline"
    )


def links_line(lesson: Lesson, folder: Path) -> str:
    """The lesson's last line: the lessons before and after it, with links."""
    others = {int(p.name[:2]): p for p in lessons.paths(folder)}

    def link(word: str, number: int) -> list[str]:
        path = others.get(number)
        return [f"{word}: [{lessons.read(path).title}]({path.name})"] if path else []

    before = link("Previous", lesson.number - 1) or ["Previous: none"]
    return " · ".join([*before, *link("Next", lesson.number + 1)])


def faults(lesson: Lesson) -> list[str]:
    """The rules that a lesson breaks, and after them, without a "!", what it should aim at."""
    rules = [_size, _opening, _sections, _exercises, _ending, _exact, _pictures, _links]
    found = [fault for rule in rules for fault in rule(lesson)] + _together(lesson)
    return sorted(found, key=lambda fault: not fault.startswith("!"))


def broken(lesson: Lesson) -> list[str]:
    return [fault for fault in faults(lesson) if fault.startswith("!")]


def _size(lesson: Lesson) -> Iterator[str]:
    cells, words = len(lesson.cells), len(prose(lesson).split())
    lengths = [len(code_lines(source(c))) for c in lesson.cells if is_code(c)] or [0]
    median, minute = statistics.median(lengths), minutes(lesson)
    yield from _range("cells", cells, (30, 90), (40, 70))
    yield from _range("words of prose", words, (1000, 3500), (1500, 2500))
    yield from _range("lines in the median code cell", median, (0, 8), (0, 6))
    if lesson.number:
        yield from _range("minutes", minute, (40, 65), (45, 60))
    if len(widgets(lesson)) < 1:
        yield "! no widget"
    if lesson.facts.get("cpu_seconds", 0) > 120:
        yield f"! {lesson.facts['cpu_seconds']} s of CPU (120 at most)"
    size = len(json.dumps(lesson.notebook, indent=1, ensure_ascii=False).encode())
    if size > MEGABYTE:
        yield f"! the file holds {size / MEGABYTE:.1f} MB (1 at most)"


def _range(what: str, value: float, limits: tuple, aims: tuple) -> Iterator[str]:
    if not aims[0] <= value <= aims[1]:
        mark = " " if limits[0] <= value <= limits[1] else "!"
        yield f"{mark} {value:g} {what} ({aims[0]} to {aims[1]} aimed at)"


def _opening(lesson: Lesson) -> Iterator[str]:
    first = source(lesson.cells[0]) if lesson.cells else ""
    text, budget = prose(lesson), {"minutes", "cpu_seconds", "memory_mb", "builds"}
    if not re.match(rf"# {lesson.number:02} \S", first):
        yield f"! the first line is not `# {lesson.number:02} The lesson's question`"
    if not FACTS.search(first):
        yield "! the first cell has no line `0 min · 0 s of CPU · 0.0 GB · offline`"
    elif facts_line(lesson) not in first.splitlines():
        yield "! the line of facts is not the metadata's: run tools/build_lessons.py"
    if not budget <= set(lesson.facts):
        yield "! no budget or list of names built in the metadata"
    elif lesson.facts["minutes"] != minutes(lesson):
        yield "! the minutes have changed: run tools/build_lessons.py --stamp"
    goals = GOALS.search(text)
    if not goals:
        yield "! no 'By the end you can' with a list"
    elif not 3 <= len(re.findall(r"(?m)^\s*(?:[-*]|\d+\.) ", goals[1])) <= 5:
        yield "! 'By the end you can' has not 3 to 5 list items"
    if not re.search(r"(?i)prerequisites", text):
        yield "! no prerequisites"
    here = re.search(r"(?is)you are here.{0,400}", text)
    if lesson.number and not (here and all(part in here[0].lower() for part in PIPELINE)):
        yield f"! no 'You are here' in {' → '.join(PIPELINE)}"


def _sections(lesson: Lesson) -> Iterator[str]:
    if not lesson.number:
        return
    starts = [n for n, c in enumerate(lesson.cells) if not is_code(c) and SECTION.search(source(c))]
    if not 3 <= len(starts) <= 5:
        yield f"! {len(starts)} sections headed `## 1. A question?` (3 to 5)"
    for number, (start, end) in enumerate(zip(starts, _ends(lesson, starts), strict=True), 1):
        cells = lesson.cells[start:end]
        if not any(PREDICT in source(c) for c in cells if not is_code(c)):
            yield f"! section {number} has no {PREDICT}"
        if not any(checked(c) or re.search(r"(?m)^\s*assert ", source(c)) for c in cells):
            yield f"! section {number} has no checkpoint (an assert, or an output nbval checks)"
    if not re.search(r"(?i)storyboard", prose(lesson) + _code(lesson)):
        yield "! no storyboard"


def _ends(lesson: Lesson, starts: list[int]) -> list[int]:
    headed = [
        n
        for n, c in enumerate(lesson.cells)
        if not is_code(c) and re.search(r"(?m)^##? ", source(c))
    ]
    return [min([h for h in headed if h > s], default=len(lesson.cells)) for s in starts]


def _code(lesson: Lesson) -> str:
    return "\n".join(source(c) for c in lesson.cells if is_code(c))


def _exercises(lesson: Lesson) -> Iterator[str]:
    found = lessons.exercises(lesson)
    headed = len(re.findall(r"(?im)^#{2,4}\s*(?:your turn|exercise)", prose(lesson)))
    if lesson.number and not 3 <= headed <= 5:
        yield f"! {headed} exercises (3 to 5)"
    if headed != len(found):
        yield f"! {headed} headings `Your turn`, but {len(found)} cells tagged exercise"
    for e in found:
        if not e.heading or not e.minutes:
            yield f"! exercise {e.name}: heading or line of facts not as in CONTRIBUTING.md"
        if not e.check:
            yield f"! exercise {e.name}: no check"
        if not e.solution or not e.hints:
            yield f"! exercise {e.name}: no folded hint or no folded solution"


def _ending(lesson: Lesson) -> Iterator[str]:
    if not lesson.number:
        return
    text = prose(lesson)
    for heading in ("Common mistakes", "What moved into", "Take-away", "Quiz", "Sources"):
        if not re.search(rf"(?im)^## .*{heading}", text):
            yield f"! no section '## {heading}'"
    quiz = re.search(r"(?ims)^## .*quiz.*?$(.*?)(?=^## |\Z)", text)
    if quiz and len(re.findall(r"(?m)^(?:\*\*)?\d+\. ?", quiz[1])) < 3:
        yield "! the quiz has less than three numbered questions"


def _exact(lesson: Lesson) -> Iterator[str]:
    exact = sum(map(checked, lesson.cells))
    if lesson.number and exact < 5:
        yield f"! {exact} cells with checked output (5 at least)"
    for n, cell in enumerate(lesson.cells):
        if "NBVAL_CHECK_OUTPUT" in source(cell) and is_code(cell) and not checked(cell):
            yield f"! cell {n}: `# NBVAL_CHECK_OUTPUT` must stand alone on its line"
        if checked(cell) and cell.get("execution_count") and not cell.get("outputs"):
            yield f"! cell {n}: a checked cell without an output checks nothing"
        if checked(cell) and "varies" in tags(cell):
            yield f"! cell {n}: its output is checked, and yet it varies"


def _together(lesson: Lesson) -> list[str]:
    """Faults of single cells; the same fault of several cells is told once."""
    where: dict[str, list[str]] = {}
    for n, cell in enumerate(lesson.cells):
        for fault in _of_cell(cell):
            where.setdefault(fault, []).append(str(n))
    return [
        f"! cell{'s' * (len(cells) > 1)} {', '.join(cells)}: {fault}"
        for fault, cells in where.items()
    ]


def _of_cell(cell: dict) -> Iterator[str]:
    text = source(cell)
    if unknown := set(tags(cell)) - KNOWN_TAGS:
        yield f"unknown tag {', '.join(sorted(unknown))}"
    if MACHINE_PATH.search(text + (printed(cell) if is_code(cell) else "")):
        yield "a path of one machine"
    if not is_code(cell):
        return
    if len(code_lines(text)) > 25:
        yield f"{len(code_lines(text))} lines of code (25 at most)"
    if any(len(line) > 88 for line in text.splitlines()):
        yield "a line is longer than 88 characters"
    if text.strip() and cell.get("execution_count") is None:
        yield "stored without having been executed"
    for output in cell.get("outputs", []):
        if output["output_type"] == "error" and "raises-exception" not in tags(cell):
            yield f"a stored error: {output.get('ename')}"
        if output["output_type"] == "stream" and output.get("name") == "stderr":
            yield f"stored stderr: {''.join(output['text'])[:70]!r}"


def _pictures(lesson: Lesson) -> Iterator[str]:
    alts = pictures(lesson)
    if missing := len([alt for alt in alts if not alt]):
        yield f"! {missing} pictures without alternative text"
    opening = Lesson(lesson.path, {**lesson.notebook, "cells": lesson.cells[:8]})
    if not pictures(opening):
        yield "! no picture of where we are going among the first eight cells"


def _links(lesson: Lesson) -> Iterator[str]:
    folder = lesson.path.parent
    text = re.sub(r"(?ms)^```.*?^```|`[^`\n]+`", "", prose(lesson))
    for target in re.findall(r"\]\((?!https?:|mailto:|#|attachment:|data:)([^)#\s]+)", text):
        if not (folder / target).exists():
            yield f"! a link to {target}, which does not exist"
    if links_line(lesson, folder) not in source(lesson.cells[-1]).splitlines():
        yield "! the last line of links has changed: run tools/build_lessons.py --stamp"


def signs(lesson: Lesson) -> str:
    code = [c for c in lesson.cells if is_code(c)]
    lengths = [len(code_lines(source(c))) for c in code] or [0]
    alts, facts = pictures(lesson), lesson.facts
    return (
        f"{lesson.path.name[:30]:30} {len(lesson.cells):5} {len(code):4} {max(lengths):3} "
        f"{len(prose(lesson).split()):5} "
        f"{len(lessons.exercises(lesson)):3} {len(widgets(lesson)):3} "
        f"{sum(map(bool, alts)):3}/{len(alts):<3} {sum(map(checked, code)):5} "
        + "".join(f"{facts.get(k, '-'):>6}" for k in ("minutes", "cpu_seconds", "memory_mb"))
    )


def main(arguments: list[str]) -> int:
    found = [Path(a) for a in arguments] or lessons.paths()
    print(f"{'notebook':30} cells code max words  ex wid  alt    exact   min cpu_s    MB")
    status = 0
    for lesson in map(lessons.read, found):
        print(signs(lesson))
        for fault in faults(lesson):
            print("    " + fault)
        status |= bool(broken(lesson))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
