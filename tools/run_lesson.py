"""Execute one lesson in a fresh kernel: offline, repeatable, measured."""

from __future__ import annotations

import ast
import copy
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools.lessons import ROOT

THREADS = "1"
CELL_SECONDS = 600

START = """
def _start():
    import matplotlib, socket
    connect, allowed = socket.socket.connect, ("127.0.0.1", "localhost", "::1")
    def local_only(self, address):
        if self.family != socket.AF_UNIX and address[0] not in allowed:
            raise OSError(f"lessons are built offline: no connection to {address[0]}")
        return connect(self, address)
    socket.socket.connect = local_only
    matplotlib.rcParams["svg.hashsalt"] = "lesson"
_start()
del _start
"""

MEASURE = """
def _measure():
    import json, os, psutil, resource, sys
    own = resource.getrusage(resource.RUSAGE_SELF)
    done = resource.getrusage(resource.RUSAGE_CHILDREN)
    live = [c.cpu_times() for c in psutil.Process().children(recursive=True)]
    seconds = own.ru_utime + own.ru_stime + done.ru_utime + done.ru_stime
    seconds += sum(t.user + t.system for t in live)
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps([seconds, (own.ru_maxrss + done.ru_maxrss) * unit / 1e6]))
_measure()
"""

# Every control of every widget goes to both ends and back; what its callbacks raise is told.
SWEEP = """
def _moves(widget):
    if callable(getattr(widget, "sweep", None)):
        yield from widget.sweep()  # experiments of mtsr_lib.widgets know their controls
    elif hasattr(widget, "value") and not getattr(widget, "disabled", False):
        before, ends = widget.value, [option[1] for option in getattr(widget, "_options_full", ())]
        if hasattr(widget, "min") and hasattr(widget, "max"):
            ends = [widget.min, widget.max]
        if isinstance(before, bool):
            ends = [not before]
        if isinstance(before, tuple) or not ends or None in ends:
            return
        for value in [ends[0], ends[-1], before]:
            told = f"{getattr(widget, 'description', '')!r} at {value!r}"
            try:
                widget.value = value
            except Exception as error:
                yield told, error
            yield told, None

def _sweep():
    import json, sys
    errors, caught = [], []
    if "ipywidgets" in sys.modules:
        shell = get_ipython()
        shown = shell.showtraceback
        shell.showtraceback = lambda *a, **k: caught.append(sys.exc_info()[1])
        for widget in list(sys.modules["ipywidgets"].widgets.widget._instances.values()):
            name, told = type(widget).__name__, ""
            try:
                for told, error in _moves(widget):
                    caught += [error] if isinstance(error, Exception) else []
                    errors += [f"{name} {told}: {type(e).__name__}: {e}" for e in caught]
                    caught.clear()
            except Exception as error:
                errors.append(f"{name}, after {told!r}: {type(error).__name__}: {error}")
        shell.showtraceback = shown
    print(json.dumps(errors))
_sweep()
"""


class LessonError(Exception):
    """A lesson that cannot be built; the message says where and why."""


@dataclass
class Run:
    """What came of it: the executed notebook, its cost, and errors that no cell shows."""

    notebook: nbformat.NotebookNode
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    hidden_errors: list[str] = field(default_factory=list)


def execute(notebook: nbformat.NotebookNode, folder: Path) -> Run:
    """Run every cell in order; LessonError at the first that fails."""
    run = Run(notebook)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    with _kernel(client) as log:
        _ask(client, START)
        for number, cell in enumerate(notebook.cells):
            _execute_cell(client, cell, number)
        run.cpu_seconds, run.memory_mb = json.loads(_ask(client, MEASURE))
        run.hidden_errors += _captured(client)
        cells = copy.deepcopy(notebook.cells)  # what the controls show at their ends is not kept
        run.hidden_errors += json.loads(_ask(client, SWEEP))
        notebook.cells = cells
        run.hidden_errors += _logged(log)
    return run


@contextmanager
def _kernel(client: NotebookClient) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "kernel.log")
        environment = _environment(scratch)
        with log.open("wb") as stderr, client.setup_kernel(env=environment, stderr=stderr):
            yield log


def _environment(scratch: str) -> dict[str, str]:
    """This process's environment, with everything fixed on which an output may depend."""
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("MTSR_")},
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), THREADS),
        **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9"),
        "CUDA_VISIBLE_DEVICES": "",
        "COLUMNS": "80",
        "IPYTHONDIR": scratch,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
        "SKIMAGE_DATADIR": scratch,  # only what is in scikit-image's wheel
        "SOURCE_DATE_EPOCH": "0",
        "TQDM_DISABLE": "1",  # a bar shows times; lessons print what matters
        "TZ": "UTC",
    }


def _execute_cell(client: NotebookClient, cell: nbformat.NotebookNode, number: int) -> None:
    try:
        client.execute_cell(cell, number)
    except CellExecutionError as error:
        raise LessonError(f"cell {number} fails:\n{plain(error.traceback)}") from None
    except CellTimeoutError:
        raise LessonError(f"cell {number} takes longer than {CELL_SECONDS} s") from None
    except DeadKernelError:
        raise LessonError(f"the kernel died in cell {number}; was the memory enough?") from None


def _ask(client: NotebookClient, code: str) -> str:
    """What some code prints in the kernel; it leaves no trace in the notebook."""
    cell = nbformat.v4.new_code_cell(code)
    client.nb.cells.append(cell)
    try:
        client.execute_cell(cell, len(client.nb.cells) - 1, store_history=False)
    finally:
        client.nb.cells.pop()
    return "".join(o.text for o in cell.outputs if o.get("name") == "stdout")


def _captured(client: NotebookClient) -> list[str]:
    """Errors and warnings that an Output widget caught and keeps."""
    errors = []
    for state in client.widget_state.values():
        for output in state.get("outputs", []):
            if output["output_type"] == "error":
                errors.append(f"an Output widget holds {output['ename']}: {output['evalue']}")
            if output.get("name") == "stderr":
                errors.append(f"an Output widget holds stderr: {''.join(output['text'])[:200]}")
    return errors


def _logged(log: Path) -> list[str]:
    """Tracebacks in the kernel's own log: callbacks of messages end there."""
    text = log.read_text(errors="replace")
    if "Traceback (most recent call last)" not in text:
        return []
    last = text[text.rindex("Traceback (most recent call last)") :]
    return [f"the kernel's log holds a traceback:\n{plain(last)[:2000]}"]


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def syntax(notebook: nbformat.NotebookNode) -> None:
    """LessonError for a cell that is not Python, before a kernel is started for it."""
    for number, cell in enumerate(notebook.cells):
        lines = [line for line in cell.source.splitlines() if not re.match(r"\s*[%!?]", line)]
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            try:
                ast.parse("\n".join(lines))
            except SyntaxError as error:
                raise LessonError(f"cell {number}, line {error.lineno}: {error.msg}") from None
