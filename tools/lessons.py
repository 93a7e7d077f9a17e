"""Read a lesson: its cells, its tags, its exercises with their folded solutions."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"

FOLD = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
FACTS = re.compile(
    r"\*\*Difficulty\*\* ([123]) of 3 · \*\*Time\*\* (\d+) min · \*\*Why\*\* (\S.+)", re.MULTILINE
)
YOUR_TURN = re.compile(r"^#{2,4} Your turn \d+: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Lesson:
    path: Path
    notebook: dict

    @property
    def number(self) -> int:
        return int(self.path.name[:2])

    @property
    def cells(self) -> list[dict]:
        return self.notebook["cells"]

    @property
    def facts(self) -> dict:
        return self.notebook["metadata"].get("mtsr", {})

    @property
    def title(self) -> str:
        lines = "".join(self.cells[0]["source"]).splitlines() if self.cells else []
        return lines[0].removeprefix("# ").strip() if lines else ""


@dataclass(frozen=True)
class Exercise:
    """An exercise as the lesson has it; what is missing is None or empty."""

    name: str
    cell: int
    heading: str | None
    difficulty: int | None
    minutes: int | None
    stub: str
    check: str | None
    hints: tuple[str, ...]
    solution: str | None
    other_ways: tuple[str, ...]


def read(path: Path) -> Lesson:
    try:
        return Lesson(path, json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name} is not a notebook: {error}") from None


def paths(folder: Path = NOTEBOOKS) -> list[Path]:
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def is_code(cell: dict, *without: str) -> bool:
    return cell["cell_type"] == "code" and not set(without) & set(tags(cell))


def python(text: str) -> str:
    """A cell's code without the lines that only IPython reads."""
    lines = text.splitlines()
    return "\n".join("pass" if re.match(r"\s*[%!?]", line) else line for line in lines) + "\n"


def prose(lesson: Lesson) -> str:
    return "\n".join(source(c) for c in lesson.cells if c["cell_type"] == "markdown")


def exercises(lesson: Lesson) -> list[Exercise]:
    at = [n for n, c in enumerate(lesson.cells) if is_code(c) and "exercise" in tags(c)]
    ends = [*at, len(lesson.cells)][1:]
    return [_exercise(lesson.cells, n, end) for n, end in zip(at, ends, strict=True)]


def _exercise(cells: list[dict], at: int, end: int) -> Exercise:
    before = source(cells[at - 1]) if at and cells[at - 1]["cell_type"] == "markdown" else ""
    heading, facts = YOUR_TURN.search(before), FACTS.search(before)
    following = cells[at + 1 : end]
    folds = _folds("\n".join(source(c) for c in following if c["cell_type"] == "markdown"))
    solutions = [code for title, code in folds if title.startswith("Solution")]
    calls = [check for c in following if is_code(c) for check in [_check_call(source(c))] if check]
    return Exercise(
        name=cells[at]["metadata"].get("mtsr", {}).get("exercise", f"(cell {at} has no name)"),
        cell=at,
        heading=heading and heading[1],
        difficulty=facts and int(facts[1]),
        minutes=facts and int(facts[2]),
        stub=source(cells[at]),
        check=calls[0] if calls else None,
        hints=tuple(title for title, _ in folds if title.startswith("Hint")),
        solution=solutions[0] if solutions else None,
        other_ways=tuple(code for title, code in folds if title.startswith("Another way")),
    )


def _folds(text: str) -> list[tuple[str, str]]:
    return [
        (re.sub(r"<.*?>", "", title).strip(), "\n".join(PYTHON.findall(body)))
        for title, body in FOLD.findall(text)
    ]


def _check_call(text: str) -> str | None:
    """The last line of a cell, where it is `check.name(…)`."""
    body = ast.parse(python(text)).body
    call = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    named = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    if named and isinstance(call.func.value, ast.Name) and call.func.value.id == "check":
        return ast.unparse(call)
    return None


def imports(lesson: Lesson, before: int) -> str:
    """Every import that the lesson makes before a cell, drafts apart."""
    trees = [
        ast.parse(python(source(c)))
        for c in lesson.cells[:before]
        if is_code(c, "draft", "exercise", "raises-exception")
    ]
    lines = [n for tree in trees for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    return "\n".join(dict.fromkeys(ast.unparse(line) for line in lines)) + "\n"
