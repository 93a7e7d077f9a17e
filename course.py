#!/usr/bin/env python3
"""The course's one command: python3 course.py lab | test | reset NN | doctor | ...

On first use it makes an environment in the folder .venv and installs the course into it with the
versions of constraints.txt; later runs are instant and need no network. Standard library only, and
no syntax newer than Python 3.6, so that an old Python gets a sentence and not a SyntaxError.
"""

import argparse
import errno
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 14)
ROOM_GB = 3.0  # free disk that an installation without a GPU needs while it unpacks
UNREACHABLE = re.compile(
    r"Retrying \(Retry|NewConnectionError|ConnectTimeout|ConnectionError|ProxyError|SSLError"
    r"|ReadTimeoutError|name resolution|getaddrinfo|Network is unreachable|from versions: none",
    re.IGNORECASE,
)
FULL = re.compile(r"No space left|Errno 28\b|WinError 112\b|quota exceeded", re.IGNORECASE)


class Stop(Exception):  # noqa: N818 (a message to the reader, not a fault of the program)
    """One sentence for the person at the keyboard: what is wrong and what to do."""


def say(text: str) -> None:
    print(text, flush=True)


# ------------------------------------------------------------------------------- the environment


def check_python(version: tuple) -> None:
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = next((name for name in names if shutil.which(name)), None)
    remedy = f"run {found} course.py" if found else "install one of these and run course.py with it"
    age = "old" if tuple(version[:2]) < OLDEST else "new"
    raise Stop(
        f"Python {version[0]}.{version[1]} is too {age} for this course, which needs Python "
        f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}: {remedy}."
    )


def check_venv_module() -> None:
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Stop(
            "This Python comes without venv, which course.py needs: on Debian and Ubuntu install "
            "it with `sudo apt install python3-venv`, elsewhere install Python from python.org."
        )


def check_room(folder: Path) -> None:
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < ROOM_GB:
        raise Stop(
            f"The disk is too full: the installation needs {ROOM_GB:.1f} GB and {free:.1f} GB are "
            f"free in {folder}; make room and run the same command again."
        )


def venv_python(root: Path) -> Path:
    return root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def output_of(command: list) -> str:
    """What a command prints, or nothing where it fails or does not exist."""
    command = [str(part) for part in command]
    try:
        return subprocess.check_output(
            command, stderr=subprocess.DEVNULL, universal_newlines=True
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def works(python: Path) -> bool:
    """Whether the environment's Python starts, has pip, and is of the same version as this one."""
    seen = output_of([python, "-c", "import pip, platform; print(platform.python_version())"])
    return seen.split(".")[:2] == platform.python_version().split(".")[:2]


def fingerprint(root: Path) -> str:
    """What an installation depends on: the requirements, the versions, the folder, the Python."""
    import tomllib

    tables = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [tables["project"], tables["build-system"], str(root), sys.version_info[:2]]
    parts.append((root / "constraints.txt").read_text(encoding="utf-8"))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_beside(path: Path, content: bytes) -> None:
    """Write beside, then rename: an interruption leaves the old file."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    beside.replace(path)


def set_up(root: Path, extras: tuple = ()) -> Path:
    """Make .venv and install the course with these extras, unless done; return its Python."""
    python, stamp = venv_python(root), root / ".venv" / "course.json"
    done, key = read_json(stamp), fingerprint(root)
    had = set(done.get("extras", []))
    if done.get("key") == key and had.issuperset(extras) and python.exists():
        return python
    began = time.monotonic()
    check_venv_module()
    check_room(root)
    if not works(python):
        say(f"Making an environment for the course in {stamp.parent}")
        if stamp.parent.exists():
            shutil.rmtree(str(stamp.parent))
        stamp.parent.mkdir()
        run_step([sys.executable, "-m", "venv", stamp.parent], root)
    extras = sorted(had.union(extras))
    install(root, python, extras)
    keep_jupyterlab_quiet(root)
    write_beside(stamp, json.dumps({"key": key, "extras": extras}).encode())
    say(f"Installed in {time.monotonic() - began:.0f} s; from now on no network is needed.")
    return python


def pip_install(python: Path) -> list:
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install"]
    return [*pip, "--retries", "2", "-c", "constraints.txt"]


def install(root: Path, python: Path, extras: list) -> None:
    pip, torch = pip_install(python), pinned_torch(root)
    run_step([*pip, "--upgrade", "pip"], root)  # the one that Python brings may be too old for this
    if torch_version(python).split("+")[0] != torch.split("==")[1]:
        say("Step 1 of 2: PyTorch")
        if not (wants_cpu_build(root, python) and install_cpu_build(root, python)):
            run_step([*pip, torch], root)
    say("Step 2 of 2: JupyterLab and the other packages" + "".join(f" + {e}" for e in extras))
    course = "." + (f"[{','.join(extras)}]" if extras else "")
    run_step([*pip, f"torch=={torch_version(python)}", "-e", course], root)


def torch_version(python: Path) -> str:
    """The version of PyTorch that is installed, local part included (2.13.0+cpu), or nothing."""
    asking = "from importlib.metadata import version; print(version('torch'))"
    return output_of([python, "-c", asking])


def pinned_torch(root: Path) -> str:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line.strip() for line in lines if line.startswith("torch=="))


def wants_cpu_build(root: Path, python: Path) -> bool:
    """Whether pip alone would fetch the CUDA build for a computer without an NVIDIA GPU.

    COURSE_TORCH=cpu and COURSE_TORCH=default decide by hand.
    """
    choice = os.environ.get("COURSE_TORCH")
    if choice:
        return choice == "cpu"
    if platform.system() != "Linux" or output_of(["nvidia-smi", "-L"]):
        return False  # elsewhere the default build is without CUDA; with a GPU it is wanted
    asking = ["--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", "-"]
    report = run_step([*pip_install(python), *asking, pinned_torch(root)], root)
    found, _ = json.JSONDecoder().raw_decode(report, report.index("{"))  # warnings may stand around
    metadata = found["install"][0]["metadata"]
    return any(re.match("nvidia|cuda|triton", need) for need in metadata.get("requires_dist", []))


def install_cpu_build(root: Path, python: Path) -> bool:
    """PyTorch's CPU build, a tenth of the download, through uv; False where it is not to be had."""
    uv = [python, "-m", "uv", "pip", "install", "--python", python, "--torch-backend", "cpu"]
    try:
        run_step([*pip_install(python), "uv"], root)
        run_step([*uv, "-c", "constraints.txt", pinned_torch(root)], root)
    except Stop:
        say("  The CPU build could not be had; taking the default build, a larger download.")
        return False
    return True


def keep_jupyterlab_quiet(root: Path) -> None:
    """No question about news on the first start, and no look for updates on every start."""
    folder = root / ".venv" / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    settings = {"@jupyterlab/apputils-extension:notification": news}
    (folder / "overrides.json").write_text(json.dumps(settings), encoding="utf-8")


def run_step(command: list, root: Path) -> str:
    """Run a step of the installation with progress on the screen; return what it printed."""
    command, lines = [str(part) for part in command], []
    with open(str(root / ".venv" / "setup.log"), "a", encoding="utf-8") as log, Progress() as shown:
        log.write("$ " + " ".join(command) + "\n")
        process = subprocess.Popen(
            command,
            cwd=str(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        try:
            for line in process.stdout:
                lines.append(line)
                log.write(line)
                shown.line(line.strip())
        except BaseException:
            process.terminate()  # nothing goes on behind the back of who pressed Ctrl-C
            raise
        finally:
            process.wait()
    if process.returncode != 0:
        raise Stop(explain("".join(lines)))
    return "".join(lines)


def explain(output: str) -> str:
    """The one sentence that the output of a failed step comes down to."""
    if FULL.search(output):
        return full_disk()
    if UNREACHABLE.search(output):
        return (
            "The package index could not be reached: check the network connection (or the proxy) "
            "and run the same command again; what has been downloaded is kept."
        )
    lines = output.strip().splitlines() or ["it printed nothing"]
    errors = [line for line in lines if re.match(r"\s*error\b", line, re.IGNORECASE)]
    reason = (errors or lines)[-1].strip().rstrip(".")
    return f"The installation failed ({reason}); everything it printed is in .venv/setup.log."


def full_disk() -> str:
    return f"The disk is full: make room (about {ROOM_GB:.0f} GB) and run the same command again."


class Progress:
    """On a terminal one line that says what goes on and for how long; else a line per big step."""

    def __init__(self):
        self.live, self.text, self.began = sys.stdout.isatty(), "starting", time.monotonic()
        self.stopped = threading.Event()
        self.clock = threading.Thread(target=self.tick, daemon=True)

    def __enter__(self):
        if self.live:
            self.clock.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        if self.live:
            self.clock.join()
            print("\r" + " " * 78 + "\r", end="", flush=True)

    def tick(self) -> None:
        while not self.stopped.wait(0.5):
            text = f"  {time.monotonic() - self.began:4.0f} s  {self.text}"
            print("\r" + text[:78].ljust(78), end="", flush=True)

    def line(self, line: str) -> None:
        unpacking = re.match(r"Installing collected packages: (.*)", line)
        big = re.match(r"Downloading (\S*/)?(\S+) \(([\d.]+ [MG]B)\)", line)
        if unpacking:
            self.text = f"unpacking {unpacking.group(1).count(',') + 1} packages"
        elif big:
            self.text = f"downloading {big.group(2)}, {big.group(3)}"
        elif re.match(r"(Collecting|Downloading|Processing|Building|Preparing) ", line):
            self.text = line
        if (unpacking or big) and not self.live:
            say("  " + self.text)


# ------------------------------------------------------------------------------------ the copies


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def cells_digest(content: bytes) -> str:
    """A hash of what is written in a notebook's cells; outputs, which running changes, left out."""
    try:
        cells = json.loads(content.decode())["cells"]
        written = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return digest(content)
    return digest(json.dumps(written).encode())


def without_outputs(content: bytes) -> bytes:
    """A notebook as it was before it was run; what is no notebook stays as it is."""
    try:
        notebook = json.loads(content.decode("utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
    except (ValueError, KeyError, TypeError):
        return content
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


class Copies:
    """The student's own copies of the lessons, in a folder that git ignores.

    They come without outputs, which would give away what the student is to predict.
    .originals.json beside them remembers what each was copied from.
    """

    def __init__(self, root: Path):
        self.root, self.folder = root, root / "my_notebooks"
        self.record_path = self.folder / ".originals.json"
        self.record = read_json(self.record_path)

    def lessons(self) -> list:
        return sorted((self.root / "notebooks").glob("[0-9][0-9]_*.ipynb"))

    def find(self, name: str) -> Path:
        """The lesson that is meant by 3, 03, 03_backbone or 03_backbone.ipynb."""
        for lesson in self.lessons():
            if name in (lesson.stem, lesson.name) or name.zfill(2) == lesson.name[:2]:
                return lesson
        have = ", ".join(lesson.name[:2] for lesson in self.lessons()) or "none"
        raise Stop(f"There is no lesson {name}; there are: {have}.")

    def copy(self, lesson: Path) -> None:
        content = without_outputs(lesson.read_bytes())
        self.folder.mkdir(exist_ok=True)
        write_beside(self.folder / lesson.name, content)
        self.record[lesson.name] = {"file": digest(content), "cells": cells_digest(content)}
        write_beside(self.record_path, json.dumps(self.record, indent=1).encode())

    def set_aside(self, mine: Path) -> Path:
        """Keep a copy under another name, which says when it was put there."""
        stem, number = f"{mine.stem}.{time.strftime('%Y-%m-%d-%H%M')}", 1
        kept = mine.with_name(f"{stem}.ipynb")
        while kept.exists():
            number += 1
            kept = mine.with_name(f"{stem}-{number}.ipynb")
        mine.rename(kept)
        return kept

    def update(self) -> None:
        """Copy the lessons that are missing; renew those in which the student wrote nothing."""
        for lesson in self.lessons():
            if (self.folder / lesson.name).exists():
                self.renew(lesson)
            else:
                self.copy(lesson)

    def renew(self, lesson: Path) -> None:
        mine, was = self.folder / lesson.name, self.record.get(lesson.name, {})
        old, new = mine.read_bytes(), without_outputs(lesson.read_bytes())
        if digest(new) in (was.get("file"), digest(old)):
            return
        if cells_digest(old) != was.get("cells"):
            say(f"Lesson {mine.stem} has a newer version. You wrote in your copy, so it is kept;")
            say(f"  python3 course.py reset {mine.name[:2]} gives the new one beside yours.")
            return
        if digest(old) != was.get("file"):
            self.set_aside(mine)  # it was run: keep its outputs
        self.copy(lesson)
        say(f"Lesson {mine.stem} has a newer version: your copy, unedited, was renewed.")

    def reset(self, name: str) -> None:
        lesson = self.find(name)
        mine = self.folder / lesson.name
        changed = mine.exists() and mine.read_bytes() != without_outputs(lesson.read_bytes())
        kept = self.set_aside(mine) if changed else None
        self.copy(lesson)
        say(f"my_notebooks/{mine.name} is fresh.")
        if kept:
            say(f"What you had is kept as my_notebooks/{kept.name}")


# ---------------------------------------------------------------------------------- the commands


def lab(root: Path, rest: list) -> int:
    copies = Copies(root)
    lesson = copies.find(rest.pop(0) if rest and rest[0][:1].isdigit() else "00")
    python = set_up(root)
    copies.update()
    say(
        f"Opening my_notebooks/{lesson.name}: your own copy. To stop JupyterLab, press Ctrl-C here."
    )
    status = run_child(lab_command(root, python, lesson.name, rest), root)
    return 0 if status == 130 else status


def lab_command(root: Path, python: Path, name: str, rest: list) -> list:
    command = [python, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    command.append(f"--LabApp.default_url=/lab/tree/my_notebooks/{name}")
    command.append("--log-level=WARN")  # leaves the address, which it prints at any level
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if platform.system() == "Linux" and not screen and "--no-browser" not in rest:
        say("There is no screen here: open the address that appears below in a browser.")
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in rest:
        command.append(
            "--allow-root"
        )  # as in a container; the server asks for its token all the same
    return command + rest


def run_child(command: list, root: Path) -> int:
    environment = dict(os.environ, JUPYTER_PREFER_ENV_PATH="1", PYTHONNOUSERSITE="1")
    process = subprocess.Popen([str(part) for part in command], cwd=str(root), env=environment)
    interrupted = False
    while process.poll() is None:
        try:
            process.wait()
        except KeyboardInterrupt:
            interrupted = True  # the child hears Ctrl-C too, and ends, or asks whether it was meant
    return 130 if interrupted else process.returncode


def test(root: Path, rest: list) -> int:
    if rest:
        raise Stop("`course.py test` runs everything; for a part, run pytest with .venv's Python.")
    groups = test_groups(root)
    python = set_up(root, ("test",))
    failed = []
    for title, arguments in groups:
        say(f"\n== {title}\n   python -m pytest {' '.join(arguments)}")
        status = run_child([python, "-m", "pytest", *arguments], root)
        if status == 130:
            raise KeyboardInterrupt
        if status != 0:
            failed.append(title)
    say("")
    for group in absent_groups(root):
        say(f"Not run: {group}")
    say("course.py test: " + (f"FAILED in {'; '.join(failed)}" if failed else "all of it passed"))
    return 1 if failed else 0


def test_groups(root: Path) -> list:
    """What is run: a title, and pytest's arguments with paths from the project's folder."""
    nbval = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600"]
    lessons = sorted((root / "notebooks").glob("[0-9]*.ipynb"))
    assignments = sorted((root / "notebooks" / "assignments" / "source").glob("**/*.ipynb"))
    assignments = [path for path in assignments if ".ipynb_checkpoints" not in path.parts]
    if not lessons:
        raise Stop(f"There is no lesson in {root / 'notebooks'}: is the clone complete?")
    groups = [("library, one source, exercises, environment", ["tests"])]
    for title, paths in (("lessons", lessons), ("assignments' sources", assignments)):
        if paths:
            named = [path.relative_to(root).as_posix() for path in paths]
            groups.append((f"{title}, each from top to bottom: {len(named)}", nbval + named))
    return groups


def absent_groups(root: Path) -> list:
    absent = []
    if not os.environ.get("MTSR_BENCHMARKS"):
        absent.append("benchmarks (set MTSR_BENCHMARKS to the folder that holds Set5 and Set14)")
    if (root / "tests" / "browser").is_dir():
        absent.append("browser (needs Chromium: pytest -m browser tests/browser, as .ci/run does)")
    return absent


def reset(root: Path, rest: list) -> int:
    if not rest:
        raise Stop("Say which lesson to reset: python3 course.py reset 03")
    for name in rest:
        Copies(root).reset(name)
    return 0


def setup(root: Path, rest: list) -> int:
    unknown = sorted(set(rest) - {"test", "teach", "parallel", "onnx", "soap"})
    if unknown:
        raise Stop(
            f"There is no extra {', '.join(unknown)}; there are: test, teach, parallel, onnx, soap."
        )
    say(f"The course is installed; its Python is {set_up(root, tuple(rest))}")
    return 0


def library_command(name: str):
    return lambda root, rest: run_child([set_up(root), "-m", "mtsr_lib", name, *rest], root)


def classroom(root: Path, rest: list) -> int:
    if not rest or rest[0] in ("-h", "--help"):  # nothing is installed for that
        from tools.classroom.steps import HELP

        say("usage: python3 course.py class STEP ...\n\n" + HELP.rstrip())
        return 0
    return run_child([set_up(root, ("teach",)), "-m", "tools.classroom", *rest], root)


COMMANDS = {"lab": lab, "test": test, "reset": reset, "setup": setup, "class": classroom}
for _name in ("doctor", "upscale", "train", "evaluate", "export"):
    COMMANDS[_name] = library_command(_name)

HELP = """\
commands:
  lab [NN] [OPTION ...]  open JupyterLab at your copy of lesson 00, or NN; options are JupyterLab's,
                         for instance --no-browser --port 8890
  test                   run every test and every lesson
  reset NN [NN ...]      give a fresh copy of lesson NN and keep yours under another name
  setup [EXTRA ...]      only install; extras: test, teach (nbgrader), parallel, soap,
                         onnx (for export)
  doctor                 look at this computer and say what to do about each problem
  class STEP ...         for a teacher: make, collect and grade assignments; see class --help
  upscale PHOTO ...      restore photographs; train, evaluate, export likewise: see upscale --help
"""


def describe(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return full_disk()
    where = error.filename or ROOT
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{where} cannot be written: move the course to a folder of your own and run it there."
        )
    return f"{error.strerror or error}: {where}"


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(
        prog="course.py",
        usage="python3 course.py COMMAND ...",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND")
    try:
        check_python(sys.version_info)
        command = parser.parse_args(arguments[:1]).command
        return COMMANDS[command](ROOT, arguments[1:])
    except Stop as stop:
        print(f"course.py: {stop}", file=sys.stderr)
    except OSError as error:
        print(f"course.py: {describe(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
