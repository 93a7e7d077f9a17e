"""One submission's kernel: runs its cells, answers for its functions, and survives what they do."""

import builtins
import contextlib
import json
import queue
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import torch
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from tools.classroom import inside, sandbox
from tools.classroom.sandbox import Limits, SandboxError

OUTPUT = 100_000  # characters of a cell's output that are kept
KEPT = ("stream", "display_data", "execute_result", "error")
START = 90  # seconds for a kernel to start on a busy computer
PATIENCE = 10  # seconds on the clock for each of the processor's, which others may use too
TRIES = 2  # calls of one function that may end the kernel before it is called no more


class Ended(RuntimeError):  # noqa: N818 (told to the student as what happened)
    """The kernel did not survive: the code ended it, or ran too long."""


@dataclass
class Student:
    """A kernel that is started when needed, and afresh, cells and all, when it has ended."""

    isolation: str
    limits: Limits
    files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began, self.done, self.ends = time.monotonic(), [], {}
        self.process = self.client = self.folder = None

    def __enter__(self) -> "Student":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------- questions

    def run(self, source: str) -> list[NotebookNode]:
        """Run a cell and return its outputs."""
        kept = Kept()
        try:
            self._wake()
            self._execute(source, kept.add)
            self.done.append(source)
        except Ended as end:
            kept.outputs.append(error("Ended", str(end)))
        return kept.outputs

    def ask(self, name: str, *given: Any) -> dict:
        """What `name` is, or, with (args, kwargs), what it returns."""
        question = {"name": name}
        if given:
            question |= {"args": inside.encode(given[0]), "kwargs": inside.encode(given[1])}
        if len(self.ends.get(name, ())) >= TRIES:
            raise Ended(self.ends[name][-1])
        replies = []

        def listen(output: NotebookNode) -> None:
            if inside.MIME in output.get("data", {}):
                replies[:] = [output.data[inside.MIME]]

        try:
            self._wake()
            call = f"__import__('inside').answer({json.dumps(question)!r}, globals())"
            self._execute(call, listen)
        except Ended as end:
            self.ends.setdefault(name, []).append(str(end))
            raise
        if not replies:
            raise Ended("the kernel gave no answer: was a function of IPython replaced?")
        return json.loads(replies[0])

    # ------------------------------------------------------------------------------ the kernel

    def _wake(self) -> None:
        """Start the kernel and run the cells so far, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        self.close()
        self.folder = sandbox.make_folder(self.files)
        local = self.isolation != "none"  # sockets in the folder, since there is no network
        transport = {"transport": "ipc", "ip": str(self.folder / "socket")} if local else {}
        path = str(self.folder / "kernel.json")
        write_connection_file(path, key=self.folder.name.encode(), **transport)
        self.process = sandbox.start(self.isolation, self.folder, self.limits)
        self.client = BlockingKernelClient(connection_file=path)
        self.client.load_connection_file()
        self.client.start_channels()
        self._wait_for_start()
        again, self.done = self.done, []
        begin = f"import sys; sys.path.append({str(self.folder)!r}); exit = quit = lambda *_: None"
        for source in [begin, *again]:
            self._execute(source, lambda output: None, START + self.limits.seconds)
            self.done += [source] if source in again else []

    def _wait_for_start(self) -> None:
        end = time.monotonic() + START
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(RuntimeError):
                return self.client.wait_for_ready(timeout=2)
        log = self._log().read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        self.close()
        raise SandboxError(f"A kernel cannot be started ({self.isolation}): {log[-1]}")

    def _log(self) -> Path:
        return self.folder.with_name(self.folder.name + ".log")

    def close(self) -> None:
        if self.client is not None:
            self.client.stop_channels()
        if self.process is not None:
            sandbox.stop(self.isolation, self.process)
        if self.folder is not None:
            self._log().unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
        self.process = self.client = self.folder = None

    def _execute(
        self, source: str, hear: Callable[[NotebookNode], None], seconds: float = 0
    ) -> None:
        """Run code and hear its outputs; raise Ended where the kernel does not survive it."""
        asked = self.client.execute(source, allow_stdin=False, store_history=True)
        watch = Watch(self.process, seconds or self.limits.seconds, self.began + self.limits.total)
        while True:
            message = _next(self.client.get_iopub_msg)
            if message is None and _answers(_next(self.client.get_shell_msg), asked):
                return
            if _answers(message, asked):
                if _is_idle(message):
                    return
                if message["msg_type"] in KEPT:
                    hear(output_from_msg(message))
            wrong = watch.wrong()
            if wrong:
                self.close()
                raise Ended(wrong)


class Watch:
    """Whether a kernel lives, and keeps to its share of the processor and of the clock."""

    def __init__(self, process: Popen, seconds: float, end: float) -> None:
        self.process, self.seconds, self.end = process, seconds, end
        self.patience, self.look = time.monotonic() + PATIENCE * seconds, time.monotonic() + 0.5
        self.worked = None

    def wrong(self) -> str:
        now = time.monotonic()
        if self.process.poll() is not None:
            return "the code ended the kernel (as os._exit and a lack of memory do)"
        if now > self.end:
            return "the notebook ran for too long in all, and was stopped"
        if now > self.patience or self._works_too_long(now):
            return (
                f"the code ran for more than {self.seconds:g} s and was stopped: "
                "is there a loop without an end?"
            )
        return ""

    def _works_too_long(self, now: float) -> bool:
        if now < self.look:  # looking takes a while itself
            return False
        self.look, worked = now + 0.5, sandbox.worked(self.process)
        self.worked = worked if self.worked is None else self.worked
        return worked > self.worked + self.seconds


def _next(get: Callable[..., dict]) -> dict | None:
    try:
        return get(timeout=0.2)
    except queue.Empty:
        return None


def _answers(message: dict | None, asked: str) -> bool:
    return message is not None and message["parent_header"].get("msg_id") == asked


def _is_idle(message: dict) -> bool:
    """The kernel's word that it is ready; lost in a flood of output, the reply says it too."""
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


class Kept:
    """A cell's outputs as a notebook holds them, cut to what there is room for."""

    def __init__(self) -> None:
        self.outputs, self.room = [], OUTPUT

    def add(self, output: NotebookNode) -> None:
        size = len(json.dumps(output))
        if self.room <= 0:
            return
        if size > self.room:
            pictured = "image/png" in output.get("data", {})
            what = "a picture and what follows it are" if pictured else "the rest of the output is"
            text = f"… {size:,} characters or more: {what} left out\n"
            start = output.text[: self.room] if output.output_type == "stream" else ""
            output = new_output("stream", name="stdout", text=start + text)
        self.room -= size
        last = self.outputs[-1] if self.outputs else None
        if last and output.output_type == "stream" == last.output_type and last.name == output.name:
            last.text += output.text
        else:
            self.outputs.append(output)


def error(name: str, text: str) -> NotebookNode:
    """An error without a traceback, which would show the code of a hidden test."""
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])


class Answer:
    """A student's function, seen from outside: calling it asks the kernel."""

    def __init__(self, student: Student, name: str) -> None:
        self.student, self.__name__ = student, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        reply = self.student.ask(self.__name__, args, kwargs)
        if "error" in reply:
            raise _raised(reply)
        for place, value in reply["changed"].items():
            _change(args[int(place)], inside.decode(value))
        return inside.decode(reply["value"])


def _change(argument: Any, new: Any) -> None:
    """Make the argument what the student's function has made of its own copy."""
    if isinstance(argument, torch.Tensor):
        argument.data = new
    elif isinstance(argument, dict):
        argument.clear()
        argument.update(new)
    elif isinstance(argument, list):
        argument[:] = new
    elif isinstance(argument, tuple):
        for old, part in zip(argument, new, strict=True):
            _change(old, part)


def _raised(reply: dict) -> Exception:
    """The student's error, of its own kind where that is one of Python's."""
    kind = getattr(builtins, str(reply["error"]), None)
    where = f" (at `{reply['line']}`)" if reply["line"] else ""
    text = (str(reply["text"]).strip().splitlines() or [""])[0]
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not UnicodeDecodeError:
        with contextlib.suppress(TypeError):
            return kind(text + where)
    return RuntimeError(f"{reply['error']}: {text}{where}")


def bind(student: Student, name: str) -> Any:
    """What a test sees under a name that the student was to define."""
    try:
        reply = student.ask(name)
    except Ended:
        return Answer(student, name)
    value = reply.get("value")
    described = isinstance(value, dict) and value.get("kind") in ("function", "other")
    return Answer(student, name) if "error" in reply or described else inside.decode(value)
