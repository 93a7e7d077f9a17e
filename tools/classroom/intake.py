"""Reads what was handed in, whatever became of it, and puts it back into the assignment's form."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

LARGEST = 100 * 2**20  # bytes of a file that is read
NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


@dataclass(frozen=True)
class HandedIn:
    """One student's file."""

    student: str
    path: Path


class UnreadableError(ValueError):
    """The file is no notebook; the message says why in one sentence."""


def find(folder: Path, assignment: str) -> list[HandedIn]:
    """The students' files in a folder: NAME.ipynb, NAME_anything/….ipynb or NAME/….ipynb."""
    if not folder.is_dir():
        raise UnreadableError(f"There is no folder {folder}.")
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            path = _best(path, assignment)
        if path is not None and path.suffix == ".ipynb" and path.is_file():
            name = student_of(path.relative_to(folder), assignment)
            found[name] = HandedIn(name, path)
    return list(found.values())


def _best(folder: Path, assignment: str) -> Path | None:
    """The notebook that is meant: the one of the assignment's name, else the newest."""
    notebooks = [p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts]
    notebooks = [p for p in notebooks if p.is_file() and not p.is_symlink()]
    return max(notebooks, key=lambda p: (p.stem == assignment, p.stat().st_mtime), default=None)


def student_of(path: Path, assignment: str) -> str:
    """The student's name: the folder's or the file's, without what a learning platform adds."""
    name = path.parts[0] if len(path.parts) > 1 else path.stem
    name = re.sub(r"_\d+_assignsubmission_file.*$", "", name)
    name = name.replace(assignment, "").strip("_- .") or name
    return re.sub(r"[^\w.-]+", "_", name)


def read(path: Path) -> NotebookNode:
    """A notebook of any format and common encoding, brought to the present format."""
    size = path.stat().st_size
    if size > LARGEST:
        raise UnreadableError(f"The file has {size / 2**20:.0f} MB; the most is 100.")
    try:
        content = json.loads(decoded(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"The file is no notebook: {error}.") from None
    try:
        notebook = nbformat.reads(json.dumps(content), as_version=4)
        return new_notebook(cells=[cell for cell in map(_clean, notebook.cells) if cell])
    except Exception as error:  # whatever a damaged file makes of the reader
        text = str(error).strip().splitlines() or [type(error).__name__]
        raise UnreadableError(f"The file is no notebook: {text[0]}.") from None


def decoded(content: bytes) -> str:
    """Text of UTF-8, of UTF-16 with its mark, or else of Windows' Latin."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _clean(cell: NotebookNode) -> NotebookNode | None:
    """A cell without outputs, with its text and nbgrader's name of it."""
    source = cell.get("source", "")
    source = "".join(source) if isinstance(source, list) else str(source)
    new = NEW.get(cell.get("cell_type"))
    own = cell.get("metadata", {}).get("nbgrader", {})
    name = own.get("grade_id") if isinstance(own, dict) else None
    metadata = {"nbgrader": {"grade_id": name}} if isinstance(name, str) else {}
    return new(source, metadata=metadata) if new else None


def unreadable(reason: str) -> NotebookNode:
    """What is graded in place of a file that cannot be read."""
    return new_notebook(
        cells=[new_markdown_cell(f"**What was handed in cannot be read.** {reason}")]
    )


def restore(handed_in: NotebookNode, release: NotebookNode) -> NotebookNode:
    """The student's cells, with every cell of the assignment's as it was given out.

    Answers keep the student's text. Tests that were edited, deleted or renamed come back; copies of
    them go. The kernel's name is the assignment's.
    """
    ours = {_name(cell): cell for cell in release.cells if _name(cell)}
    cells, seen = [], set()
    for cell in handed_in.cells:
        name = _name(cell)
        if name in ours and name not in seen:
            seen.add(name)
            cells.append(_ours(ours[name], cell.source))
        elif name not in ours or _is_answer(ours[name]):
            cells.append(NEW[cell.cell_type](cell.source))
    order = list(ours)
    for name in reversed(order):
        if name not in seen and not _is_answer(ours[name]):
            place = _place(cells, order, name, ours)
            cells.insert(place, _ours(ours[name], None))
    return new_notebook(cells=cells, metadata=release.metadata)


def _name(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _is_answer(cell: NotebookNode) -> bool:
    return cell.metadata.nbgrader.solution and not cell.metadata.nbgrader.grade


def _ours(cell: NotebookNode, source: str | None) -> NotebookNode:
    """The assignment's cell; one for the student to write in holds what the student wrote."""
    theirs = cell.metadata.nbgrader.solution
    text = (source or "") if theirs else cell.source
    return NEW[cell.cell_type](text, metadata=cell.metadata)


def _place(cells: list, order: list[str], name: str, ours: dict) -> int:
    """Where a missing cell goes: a test before what follows it, if its answer stands above."""
    here = {_name(cell): place for place, cell in enumerate(cells) if _name(cell)}
    before, after = order[: order.index(name)], order[order.index(name) + 1 :]
    following = min((here[n] for n in after if n in here), default=len(cells))
    if not ours[name].metadata.nbgrader.grade:
        return 0 if not any(n in here for n in before) else following
    answers = [n for n in before if _is_answer(ours[n])]
    return following if answers and answers[-1] in here else _end(cells, ours)


def _end(cells: list, ours: dict) -> int:
    """After all that the student wrote, before the tests that were put there already."""
    place = len(cells)
    while place and _name(cells[place - 1]) and not _is_answer(ours[_name(cells[place - 1])]):
        place -= 1
    return place
