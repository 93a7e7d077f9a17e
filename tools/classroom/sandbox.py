"""Where a student's code runs: a kernel that sees an empty folder, the library and the data."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import psutil

import mtsr_lib
from mtsr_lib.images import data_folder

LINUX = sys.platform == "linux"
ROOT = Path(__file__).resolve().parents[2]
STUDENT = 59999  # a user's number that no account has
SYSTEM = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix", "/gnu", "/opt/conda"]
SYSTEM += ["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"]
SYSTEM += ["/etc/fonts", "/etc/localtime"]
SEEN = "import ipykernel, importlib.util as u; assert all(map(u.find_spec, ['torch', 'mtsr_lib']))"
TRIAL = [sys.executable, "-c", SEEN]
KINDS = ("bwrap", "user", "none")
SAID = {
    "bwrap": "isolated by bubblewrap: no file but the library and its data, no network",
    "user": "isolated by a user of its own: no private file; the network is open",
    "none": "NOT isolated: a submission can read whatever you can read, the gradebook included",
}


class SandboxError(RuntimeError):
    """The kernel of a submission cannot be started; the message says why and what to do."""


@dataclass(frozen=True)
class Limits:
    """Seconds of the processor for a cell, of the clock for a notebook; gigabytes of memory."""

    seconds: float = 60
    total: float = 1800
    memory: float = 4


def readable() -> list[Path]:
    """What the kernel needs: the system's programs, Python, the library and its data."""
    library = Path(mtsr_lib.__file__).resolve().parent
    wanted = [*map(Path, SYSTEM), Path(sys.base_prefix), Path(sys.prefix), library, data_folder()]
    wanted += [Path(sys.base_exec_prefix), Path(os.path.realpath(sys.executable)).parents[1]]
    wanted += [Path(path) for path in sys.path if Path(path).name.endswith("-packages")]
    return [path for path in dict.fromkeys(wanted) if path.exists() and path != Path("/")]


def kind(wanted: str = "auto") -> str:
    """The best isolation that this computer has, or the one that was asked for if it works."""
    works = {"bwrap": _bwrap_works, "user": _user_works, "none": lambda: True}
    if wanted == "auto":
        return next(name for name in KINDS if works[name]())
    if wanted not in KINDS or not works[wanted]():
        raise SandboxError(f"The isolation {wanted} does not work here; there is {kind()}.")
    return wanted


def _bwrap_works() -> bool:
    if not LINUX or not shutil.which("bwrap"):
        return False
    with tempfile.TemporaryDirectory(prefix="mtsr-") as folder:
        return _succeeds([*_bwrap(Path(folder)), *TRIAL])


def _user_works() -> bool:
    as_student = {"user": STUDENT, "group": STUDENT, "extra_groups": [], "cwd": "/"}
    return LINUX and os.geteuid() == 0 and _succeeds(TRIAL, **as_student)


def _succeeds(command: list[str], **options: object) -> bool:
    try:
        return subprocess.run(command, capture_output=True, **options).returncode == 0
    except OSError:  # such as a Python in a folder that the user may not enter
        return False


def _bwrap(run: Path) -> list[str]:
    command = "bwrap --unshare-all --unshare-user --uid 65534 --gid 65534 --cap-drop ALL"
    command += " --die-with-parent --new-session --proc /proc --dev /dev --tmpfs /tmp"
    parts = command.split()
    for path in readable():
        parts += ["--ro-bind", str(path), str(path)]
    return [*parts, "--bind", str(run), str(run), "--chdir", str(run)]


def close(private: list[Path]) -> None:
    """Take others' rights from what is private: a user of its own is held by nothing else."""
    for path in private:
        if path.exists():
            path.chmod(path.stat().st_mode & 0o700)


def make_folder(files: list[Path] = ()) -> Path:
    """A fresh folder for one kernel: its connection, its start, and the assignment's files."""
    run = Path(tempfile.mkdtemp(prefix="mtsr-"))
    (run / "work").mkdir()
    shutil.copy(Path(__file__).with_name("inside.py"), run)
    for path in files:
        shutil.copy(path, run / "work")
    fonts = Path(matplotlib.get_cachedir()).glob("fontlist*.json")
    for path in fonts:  # else the first picture waits for the list to be made
        shutil.copy(path, run)
    return run


def environment(run: Path) -> dict[str, str]:
    keep = {name: os.environ[name] for name in ("LANG", "SYSTEMROOT") if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    own = {"HOME": str(run), "TMPDIR": str(run / "work"), "MPLCONFIGDIR": str(run)}
    own |= {"IPYTHONDIR": str(run), "JUPYTER_RUNTIME_DIR": str(run), "MPLBACKEND": "agg"}
    own |= {"OMP_NUM_THREADS": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**keep, **own, "PATH": path, "NBGRADER_EXECUTION": "autograde"}


def start(kind: str, run: Path, limits: Limits) -> subprocess.Popen:
    """Start a kernel in its folder; what it prints goes to kernel.log there."""
    command = [sys.executable, str(run / "inside.py"), str(limits.memory)]
    command += ["-f", str(run / "kernel.json"), "--HistoryManager.enabled=False"]
    options = {"cwd": run / "work", "env": environment(run), "stdin": subprocess.DEVNULL}
    if kind == "bwrap":
        command = [*_bwrap(run), "--chdir", str(run / "work"), *command]
    if kind == "user":
        for path in [run, *run.rglob("*")]:
            os.chown(path, STUDENT, STUDENT)
        options |= {"user": STUDENT, "group": STUDENT, "extra_groups": []}
    if os.name == "posix":
        options["start_new_session"] = True
    with open(run.with_name(run.name + ".log"), "wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)


def worked(process: subprocess.Popen) -> float:
    """Seconds of the processor that a kernel, and whatever it has started, has used."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        whole = psutil.Process(process.pid)
        for part in [whole, *whole.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += sum(part.cpu_times()[:2])
    return total


def stop(kind: str, process: subprocess.Popen) -> None:
    """End a kernel and whatever it has started."""
    if os.name == "posix" and process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    if kind == "user":
        for pid in _of_the_student():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _of_the_student() -> list[int]:
    """Processes of the user that only a submission's kernel has."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == STUDENT:
                found.append(int(entry.name))
    return found
