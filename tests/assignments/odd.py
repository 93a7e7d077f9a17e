"""What every assignment has to survive, whatever it is about.

The first question's answer is the one that is spoilt; the others hold the solution unless `blank`.
"""

from __future__ import annotations

import json

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.assignments import EVERYTHING, Sheet, Submission, is_test, name_of


def written(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def renamed_kernel(sheet: Sheet) -> bytes:
    notebook = sheet.notebook
    notebook.metadata.kernelspec = {"name": "my-env", "display_name": "Mine", "language": "julia"}
    return written(notebook)


def without_tests(sheet: Sheet) -> bytes:
    sheet.notebook.cells = [cell for cell in sheet.notebook.cells if not is_test(cell)]
    return written(sheet.notebook)


def edited_tests(sheet: Sheet) -> bytes:
    for cell in sheet.notebook.cells:
        if is_test(cell):
            cell.source = "print('all of it passed')"
            cell.metadata.nbgrader |= {"points": 1000, "solution": True, "locked": False}
    return written(sheet.notebook)


def copied(sheet: Sheet) -> bytes:
    """All cells pasted into a new notebook, which keeps none of nbgrader's names."""
    new = {"code": new_code_cell, "markdown": new_markdown_cell}
    cells = [new[cell.cell_type](cell.source) for cell in sheet.notebook.cells]
    return written(new_notebook(cells=cells))


def twice(sheet: Sheet) -> bytes:
    """Every cell is there twice, with the same names."""
    cells = [cell for cell in sheet.notebook.cells for _ in range(2)]
    sheet.notebook.cells = [nbformat.from_dict(cell) for cell in cells]
    for number, cell in enumerate(sheet.notebook.cells):
        cell.id = f"cell-{number}"
    return written(sheet.notebook)


def with_cell(source: str, place: int = 0):
    def change(sheet: Sheet) -> bytes:
        sheet.notebook.cells.insert(place, new_code_cell(source))
        return written(sheet.notebook)

    return change


def stored_output(sheet: Sheet) -> bytes:
    """A file of 20 MB, and cells that print as much again when they run."""
    text = "x" * 20_000_000
    output = {"output_type": "stream", "name": "stdout", "text": text}
    source = "print('x' * 30_000_000)\nfor n in range(200_000):\n    print(n, 'steps done')"
    sheet.notebook.cells.insert(1, new_code_cell(source, outputs=[nbformat.from_dict(output)]))
    return written(sheet.notebook)


def latin(sheet: Sheet) -> bytes:
    sheet.notebook.cells.insert(0, new_code_cell("# Größe, geändert: naïve Lösung"))
    return json.dumps(sheet.notebook, ensure_ascii=False).encode("cp1252", "replace")


def utf16(sheet: Sheet) -> bytes:
    return json.dumps(sheet.notebook, ensure_ascii=False).encode("utf-16")


def version_3(sheet: Sheet) -> bytes:
    return nbformat.writes(nbformat.convert(sheet.notebook, 3), 3).encode()


def old_names(sheet: Sheet) -> bytes:
    """nbformat 4.0, which has no cell ids, with the names that nbgrader gave in its first years."""
    notebook = sheet.notebook
    notebook.nbformat_minor = 0
    for cell in notebook.cells:
        cell.pop("id", None)
        if name_of(cell):
            cell.metadata.nbgrader = {"grade_id": name_of(cell), "schema_version": 1}
    return json.dumps(notebook).encode()


def first_answer(body: str, above: str = ""):
    """The first answer with another body, whatever its arguments are."""

    def change(sheet: Sheet) -> bytes:
        indented = body.replace("\n", "\n    ")
        source = f"{above}def {sheet.first}(*args, **kwargs):\n    {indented}\n"
        sheet.cell(sheet.first).source = source
        return written(sheet.notebook)

    return change


CHEAT = """
import builtins
import torch
import mtsr_lib.check.assignment as assignment
import mtsr_lib.check.compare as compare
import mtsr_lib.check.kit as kit

torch.allclose = torch.equal = lambda *args, **kwargs: True
torch.Tensor.__eq__ = lambda self, other: torch.ones(self.shape, dtype=torch.bool)
kit.grade = lambda *args, **kwargs: kit.passed()
kit.difference = compare.difference = lambda *args, **kwargs: ""
assignment.require = require = lambda *args, **kwargs: print("Passed.")
assignment.partly = partly = lambda *args, points, **kwargs: points
builtins.AssertionError = Exception
get_ipython().run_cell = lambda *args, **kwargs: None
"""

# Looks for whatever a submission must not see, where a curious student would look.
SPY = '''
import glob, os, sys, time

needle, found = "BEGIN HIDDEN" + " TESTS", set()


def look(path):
    """A gradebook, a notebook with hidden tests, or anything of another student."""
    if not path.endswith((".ipynb", ".html", ".csv", ".db")):
        return
    try:
        with open(path, "rb") as file:
            begins = file.read(5_000_000)
    except OSError:
        return
    private = ("gradebook", "submitted", "autograded", "feedback", "handed_in")
    if needle.encode() in begins or any(word in path for word in private):
        found.add(path)


def look_everywhere():
    skipped = ("/proc", "/sys", "/dev", "/usr", "/lib", "/lib64", sys.prefix, sys.base_prefix)
    until = time.process_time() + 3
    for start in ("..", "/tmp", os.path.expanduser("~"), "/home", "/root", "/"):
        for folder, folders, files in os.walk(start):
            folders[:] = [f for f in folders if not os.path.join(folder, f).startswith(skipped)]
            for name in files:
                look(os.path.join(folder, name))
            if time.process_time() > until:
                return


def look_at_processes():
    for folder in glob.glob("/proc/[0-9]*"):
        for name in ("environ", "mem", "root/etc/shadow", "cwd/gradebook.db"):
            try:
                mine = os.stat(folder).st_uid == os.getuid()
                with open(f"{folder}/{name}", "rb") as file:
                    if needle.encode() in file.read(100_000) or not mine:
                        found.add(f"{folder}/{name}")
            except OSError:
                pass


def look_at_the_caller():
    frame = sys._getframe()
    while frame:
        texts = [v for v in list(frame.f_globals.values()) if isinstance(v, (str, list))]
        if any(needle in str(text) for text in texts if text is not needle):
            found.add("the caller")
        frame = frame.f_back


look_everywhere()
look_at_processes()
'''


def spy(sheet: Sheet) -> bytes:
    """The right answers, and a look around while a test asks for the first of them."""
    name = sheet.first
    sheet.notebook.cells.insert(0, new_code_cell(SPY))
    sheet.cell(name).source += (
        f"\n\n_right = {name}\n\n\ndef {name}(*args, **kwargs):\n"
        "    look_at_the_caller()\n    return _right(*args, **kwargs)\n"
    )
    show = 'print("A look around found:", sorted(found) or "nothing")'
    sheet.notebook.cells.append(new_code_cell(show))
    return written(sheet.notebook)


# These concern the file or the kernel, whatever the assignment: one class of them is enough.
ONCE = {
    *("endless_cell", "quits", "syntax_error", "pasted_elsewhere", "every_cell_twice"),
    *("utf_16", "old_names", "cut_off", "empty_file"),
}


def odd(first: tuple[str, ...]) -> list[Submission]:
    """`first` are the tests of the first question."""
    loop = "while True:\n    pass"
    hoard = "kept = []\nwhile True:\n    kept.append(bytearray(2**28))"
    return [
        Submission("perfect"),
        Submission("blank", lost=EVERYTHING, blank=True, feedback=("Not attempted yet",)),
        Submission("renamed_kernel", change=renamed_kernel),
        Submission("deleted_tests", change=without_tests),
        Submission("edited_tests", lost=EVERYTHING, blank=True, change=edited_tests),
        Submission("pasted_elsewhere", change=copied, file="{name}/untitled.ipynb"),
        Submission("every_cell_twice", change=twice),
        Submission(
            "endless_loop",
            lost=first,
            change=first_answer(loop),
            feedback=("is there a loop without an end?",),
        ),
        Submission("endless_cell", change=with_cell("while True:\n    pass", place=4)),
        Submission("memory_bomb", lost=first, change=first_answer(hoard)),
        Submission(
            "os_exit",
            lost=first,
            change=first_answer("import os\nos._exit(0)"),
            feedback=("the code ended the kernel",),
        ),
        Submission("quits", change=with_cell("import sys\nexit()\nsys.exit(1)", place=6)),
        Submission(
            "crash_on_import",
            lost=first,
            change=first_answer("return 0", above="import a_package_that_nobody_has\n\n\n"),
            feedback=("No module named",),
        ),
        Submission("syntax_error", lost=first, change=first_answer("return (1 +")),
        Submission("cheat", lost=EVERYTHING, blank=True, change=with_cell(CHEAT, place=3)),
        Submission("spy", change=spy, feedback=("A look around found: nothing",)),
        Submission("huge_output", change=stored_output, feedback=("is left out",)),
        Submission("latin_letters", change=latin),
        Submission("utf_16", change=utf16, file="{name}_31415_assignsubmission_file_/a.ipynb"),
        Submission("version_3", change=version_3),
        Submission("old_names", change=old_names),
        Submission(
            "cut_off",
            lost=EVERYTHING,
            change=lambda sheet: written(sheet.notebook)[:3000],
            feedback=("cannot be read",),
        ),
        Submission("empty_file", lost=EVERYTHING, change=lambda sheet: b""),
    ]
