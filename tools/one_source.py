"""Does a lesson show the library's own code? Both are compared as syntax trees."""

from __future__ import annotations

import ast
import copy
import difflib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import lessons
from tools.lessons import Lesson

LIBRARY = lessons.ROOT / "mtsr_lib"
TABLE = Path(__file__).with_name("builds.toml")


@dataclass(frozen=True)
class Module:
    """A module's definitions by name, as syntax trees, and the names it makes public."""

    name: str
    definitions: dict[str, ast.stmt]
    public: tuple[str, ...]


def table(path: Path = TABLE) -> dict[str, dict[str, int]]:
    """Module -> public name -> number of the lesson that builds it."""
    return {k: v for k, v in tomllib.loads(path.read_text()).items() if isinstance(v, dict)}


def lists(path: Path = TABLE) -> tuple[list[str], set[str]]:
    """The teaching modules, and the public names in them that no lesson builds."""
    read = tomllib.loads(path.read_text())
    return read["teaching"], set(read["plumbing"])


def module(name: str, library: Path = LIBRARY) -> Module | None:
    path = library / f"{name}.py"
    if not path.exists():
        return None
    defined = definitions([(None, ast.parse(path.read_text(encoding="utf-8")))])
    named = defined.get("__all__")
    public = ast.literal_eval(named.value) if isinstance(named, ast.Assign) else []
    return Module(name, defined, tuple(public))


def modules(folder: Path = LIBRARY, builds: Path = TABLE) -> dict[str, Module]:
    found = (module(name, folder) for name in table(builds))
    return {m.name: m for m in found if m}


def definitions(trees: Sequence[tuple[int | None, ast.Module]]) -> dict[str, ast.stmt]:
    """Functions, classes and constants; `class Net(Net)` is merged into the Net before it.

    Each has the number of its cell as `cell`.
    """
    found: dict[str, ast.stmt] = {}
    for number, tree in trees:
        for node in map(normal, tree.body):
            for name in _names(node):
                before = found.get(name)
                found[name] = _merged(before, node) if _grows(before, node) else node
                found[name].cell = number
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    return []


def _grows(before: ast.stmt | None, node: ast.stmt) -> bool:
    both = isinstance(before, ast.ClassDef) and isinstance(node, ast.ClassDef)
    return both and [ast.unparse(b) for b in node.bases] == [node.name]


def _merged(before: ast.ClassDef, node: ast.ClassDef) -> ast.ClassDef:
    """The class with the later cell's methods added, or in the place of their namesakes."""
    body = [line for line in before.body if not isinstance(line, ast.Pass)]
    for line in node.body:
        places = [i for i, old in enumerate(body) if set(_names(old)) & set(_names(line))]
        if places:
            body[places[0]] = line
        elif not isinstance(line, ast.Pass):
            body.append(line)
    whole = copy.copy(before)
    whole.body = body
    return whole


def normal(node: ast.stmt) -> ast.stmt:
    """Without docstrings, without annotations of arguments and results, imports absolute."""
    if isinstance(node, ast.AnnAssign) and node.value:  # X: int = 3 at the top is X = 3
        node = ast.Assign([node.target], node.value)
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(inner):
            inner.body = inner.body[1:] or [ast.Pass()]
        if isinstance(inner, ast.FunctionDef):
            inner.returns = None
        if isinstance(inner, ast.arg):
            inner.annotation = None
        if isinstance(inner, ast.ImportFrom) and inner.level == 1:
            inner.module, inner.level = f"mtsr_lib.{inner.module or ''}".rstrip("."), 0
    return ast.fix_missing_locations(node)


def shown(lesson: Lesson, module_name: str | None = None) -> dict[str, ast.stmt]:
    """What a lesson defines outside drafts and stubs; of cells given to another module, nothing."""
    trees = []
    for number, cell in enumerate(lesson.cells):
        owner = cell["metadata"].get("mtsr", {}).get("module")
        if lessons.is_code(cell, "draft", "exercise") and owner in (None, module_name or owner):
            trees.append((number, ast.parse(lessons.python(lessons.source(cell)))))
    return definitions(trees)


def imported(lesson: Lesson) -> set[str]:
    tree = ast.parse(lessons.imports(lesson, len(lesson.cells)))
    lines = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name for line in lines for alias in line.names}


def lesson_faults(
    lesson: Lesson,
    library: dict[str, Module],
    built: dict[str, dict[str, int]],
    others: Sequence[Lesson],
) -> list[str]:
    """Everything in which a lesson and the library disagree, each in one paragraph."""
    return [
        *_list_faults(lesson, built),
        *_differences(lesson, library, others),
        *_strangers(lesson, library),
    ]


def planned(number: int, built: dict[str, dict[str, int]]) -> set[str]:
    """The names that the table gives to one lesson, as "module.name"."""
    return {f"{m}.{n}" for m, names in built.items() for n, at in names.items() if at == number}


def _list_faults(lesson: Lesson, built: dict[str, dict[str, int]]) -> Iterator[str]:
    wanted, listed = planned(lesson.number, built), set(lesson.facts.get("builds", []))
    for name in sorted(wanted - listed):
        yield f"tools/builds.toml gives {name} to this lesson; its metadata does not list it"
    for name in sorted(listed - wanted):
        yield f"its metadata lists {name}, which tools/builds.toml does not give to this lesson"


def _differences(
    lesson: Lesson, library: dict[str, Module], others: Sequence[Lesson]
) -> Iterator[str]:
    for listed in lesson.facts.get("builds", []):
        owner, _, name = listed.rpartition(".")
        if owner not in library or name not in library[owner].definitions:
            yield f"it builds {listed}, which the library does not have"
            continue
        here = shown(lesson, owner)
        if name not in here:
            yield f"it builds {listed}, but no cell defines {name}, drafts and stubs apart"
            continue
        for needed in [name, *_needs(library[owner], name)]:
            yield from _compare(lesson, library[owner], needed, here, others)


def _needs(owner: Module, name: str) -> list[str]:
    """Private helpers and constants of the module that a definition uses, and theirs in turn."""
    needed: dict[str, None] = {}
    waiting = [name]
    while waiting:
        used = [n.id for n in ast.walk(owner.definitions[waiting.pop()]) if isinstance(n, ast.Name)]
        new = [
            u for u in used if u in owner.definitions and u not in {*owner.public, *needed, name}
        ]
        needed.update(dict.fromkeys(new))
        waiting += new
    return list(needed)


def _compare(
    lesson: Lesson, owner: Module, name: str, here: dict[str, ast.stmt], others: Sequence[Lesson]
) -> Iterator[str]:
    if name not in here:
        before = [o for o in others if o.number < lesson.number and name in shown(o)]
        if not (before and name in imported(lesson)):
            yield f"it uses {owner.name}.{name}, which neither this lesson shows nor an earlier one"
        return
    ours, theirs = ast.unparse(owner.definitions[name]), ast.unparse(here[name])
    if ours != theirs:
        yield difference(
            ours,
            theirs,
            f"mtsr_lib/{owner.name}.py",
            f"{lesson.path.name} cell {here[name].cell}",
            name,
        )


def difference(ours: str, theirs: str, library: str, lesson: str, name: str) -> str:
    lines = difflib.unified_diff(
        ours.splitlines(), theirs.splitlines(), library, lesson, lineterm="", n=2
    )
    return f"{name} is not the library's:\n" + "\n".join("    " + line for line in lines)


def _strangers(lesson: Lesson, library: dict[str, Module]) -> Iterator[str]:
    """Public names that are defined where they are not built, or only in drafts."""
    public = {(name, _kind(m.definitions[name])) for m in library.values() for name in m.public}
    built = {name.rpartition(".")[2] for name in lesson.facts.get("builds", [])}
    here = shown(lesson)
    for name, node in here.items():
        if (name, _kind(node)) in public and name not in built:
            yield (
                f"cell {node.cell} defines {name}, a public name of the library that this lesson "
                "does not build: import it, give it another name, or tag the cell draft"
            )
    for number, cell in enumerate(lesson.cells):
        if lessons.is_code(cell) and {"draft", "exercise"} & set(lessons.tags(cell)):
            drafted = definitions([(number, ast.parse(lessons.python(lessons.source(cell))))])
            for name, node in drafted.items():
                if (name, _kind(node)) in public and name not in {*here, *imported(lesson)}:
                    yield f"cell {number} drafts {name}, and the lesson never has the library's"


def _kind(node: ast.stmt) -> str:
    """A variable may be called like a function of the library; a function or constant may not."""
    return "constant" if isinstance(node, ast.Assign) else "code"


def table_faults(
    library: dict[str, Module],
    built: dict[str, dict[str, int]],
    teaching: Sequence[str],
    plumbing: set[str],
    numbers: set[int],
) -> list[str]:
    """Public names without a lesson, and names of a written lesson that the library lacks."""
    public = {f"{m}.{name}" for m in teaching if m in library for name in library[m].public}
    listed = {f"{m}.{name}" for m, names in built.items() for name in names}
    faults = [f"tools/builds.toml lacks {name}" for name in sorted(public - listed - plumbing)]
    faults += [f"tools/builds.toml has {name} twice" for name in sorted(listed & plumbing)]
    faults += [f"no such public name: {name} in plumbing" for name in sorted(plumbing - public)]
    for owner, names in built.items():
        have = library[owner].definitions if owner in library else {}
        faults += [
            f"tools/builds.toml has {owner}.{name} in lesson {number:02}; the library lacks it"
            for name, number in names.items()
            if name not in have and number in numbers
        ]
    return faults
