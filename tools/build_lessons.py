"""Execute the lessons, measure them, stamp what was measured, and write them back.

Nothing is written where nothing changed, and nothing that breaks a rule of tools/anatomy.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import nbformat

from tools import anatomy, lessons, outputs
from tools.run_lesson import LessonError, execute, plain, syntax

LINT = ["--isolated", "--select", "E9,F401,F632", "--output-format", "concise", "--quiet"]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build_lessons.py", description=__doc__)
    parser.add_argument(
        "lessons", nargs="*", metavar="NN", help="numbers; without any, all lessons"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail on any change")
    parser.add_argument("--draft", action="store_true", help="write a lesson that breaks rules too")
    parser.add_argument("--stamp", action="store_true", help="execute nothing; renew the stamps")
    parser.add_argument("--folder", type=Path, default=lessons.NOTEBOOKS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def chosen(folder: Path, numbers: list[str]) -> list[Path]:
    found = lessons.paths(folder)
    wanted = {int(n) for n in numbers} or {int(p.name[:2]) for p in found}
    missing = wanted - {int(p.name[:2]) for p in found}
    if missing:
        raise LessonError(f"no lesson {', '.join(f'{n:02}' for n in sorted(missing))} in {folder}")
    return [p for p in found if int(p.name[:2]) in wanted]


def build(path: Path, options: argparse.Namespace) -> bool:
    """Build one lesson; say what happened; True when it is as it should be."""
    began, before = time.monotonic(), path.read_text(encoding="utf-8")
    try:
        text, wrong = rebuilt(path, before, options.stamp)
    except LessonError as error:
        print(f"{path.name}: {error}")
        return False
    for fault in wrong:
        print(f"{path.name}: {fault}")
    state = "unchanged" if text == before else "would change" if options.check else "written"
    if wrong and not options.draft:
        state = "not written"
    if state == "written":
        beside = path.with_suffix(".tmp")  # so that nobody ever reads half a lesson
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    print(
        f"{path.name}: {state} ({time.monotonic() - began:.0f} s)", *_changes(before, text, state)
    )
    return not wrong and state in ("unchanged", "written")


def rebuilt(path: Path, before: str, only_stamp: bool) -> tuple[str, list[str]]:
    """The lesson's new text, and everything that is wrong with it."""
    old = nbformat.reads(before, as_version=4)
    new = nbformat.reads(before, as_version=4)
    wrong: list[str] = []
    _identify(new)
    if not only_stamp:
        syntax(new)
        for cell in new.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        run = execute(new, path.parent)
        outputs.clean(new)
        outputs.keep_stored(new, old)
        wrong += [f"! {error}" for error in run.hidden_errors]
        _stamp_cost(new, run.cpu_seconds, run.memory_mb)
    _stamp_text(new, path)
    text = nbformat.writes(new) + "\n"
    lesson = lessons.Lesson(path, json.loads(text))
    return text, wrong + anatomy.broken(lesson) + _lint(text, path)


def _identify(notebook: nbformat.NotebookNode) -> None:
    """Give each cell an id that stays; ids made at random would differ at each writing."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        name = cell.get("id", "")
        if not name or name in seen:
            name = hashlib.sha256(f"{number} {cell.source}".encode()).hexdigest()[:8]
        cell["id"] = name
        seen.add(name)


def _stamp_cost(notebook: nbformat.NotebookNode, cpu_seconds: float, memory_mb: float) -> None:
    facts = notebook.metadata.setdefault("mtsr", {})
    facts.setdefault("builds", [])
    facts["cpu_seconds"] = stamped(facts.get("cpu_seconds", 0), cpu_seconds, 5)
    facts["memory_mb"] = stamped(facts.get("memory_mb", 0), memory_mb, 100)


def stamped(stored: int, measured: float, step: int) -> int:
    """The measured value rounded up; the stored one unless it is off by more than a quarter."""
    new = step * math.ceil(measured / step)
    off = min(abs(new - stored), abs(measured - stored))
    return stored if off <= stored / 4 else new


def _stamp_text(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Minutes, the line of facts, and the line of links."""
    facts = notebook.metadata.setdefault("mtsr", {})
    lesson = lessons.Lesson(path, json.loads(nbformat.writes(notebook)))
    facts["minutes"] = anatomy.minutes(lesson)
    line = anatomy.facts_line(lessons.Lesson(path, {"metadata": {"mtsr": facts}, "cells": []}))
    first, last = notebook.cells[0], notebook.cells[-1]
    first.source = anatomy.FACTS.sub(line, first.source, count=1)
    links = anatomy.links_line(lesson, path.parent)
    last.source = re.sub(r"(?m)^Previous:.*$", lambda _: links, last.source, count=1)
    if lesson.number == 0:
        for cell in notebook.cells:
            cell.source = with_map(cell.source, path.parent)


def with_map(text: str, folder: Path) -> str:
    """Lesson 00's map: a link to each lesson that is there, "planned" beside the others."""
    files = {f"{int(path.name[:2]):02}": path.name for path in lessons.paths(folder)}

    def row(match: re.Match) -> str:
        number, name = match[1], match[2] or match[3]
        named = f"[{name}]({files[number]})" if number in files else f"{name} · planned"
        return f"| {number} | {named} |"

    return re.sub(r"(?m)^\| (\d\d) \| (?:\[(.+?)\]\(.+?\)|(.+?) · planned) \|", row, text)


def _lint(text: str, path: Path) -> list[str]:
    command = [sys.executable, "-m", "ruff", "check", *LINT, "--stdin-filename", path.name, "-"]
    said = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if "No module named ruff" in said.stderr:
        return []
    lines = [line for line in said.stdout.splitlines() if line.startswith(path.name)]
    return ["! " + plain(line).removeprefix(path.name + ":") for line in lines]


def _changes(before: str, text: str, state: str) -> list[str]:
    """Which cells differ, for `--check`."""
    if state != "would change":
        return []
    old, new = json.loads(before), json.loads(text)
    pairs = zip(old["cells"], new["cells"], strict=True)
    cells = [str(n) for n, (a, b) in enumerate(pairs) if a != b]
    return [f"cells {', '.join(cells) or 'none'}"] + ["metadata"] * (
        old["metadata"] != new["metadata"]
    )


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    try:
        paths = chosen(options.folder, options.lessons)
    except LessonError as error:
        print(error)
        return 2
    built = [build(path, options) for path in paths]
    return int(not all(built))


if __name__ == "__main__":
    sys.exit(main())
