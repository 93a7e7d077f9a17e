"""course.py: the lessons' copies, the environment, and one sentence for each thing that fails."""

import ast
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import course

ROOT = Path(__file__).parents[1]


def notebook(text: str, output: str = "") -> str:
    ran = {"outputs": [output], "execution_count": 7} if output else {}
    cell = {"cell_type": "code", "source": [text], "outputs": [], "execution_count": None}
    words = {"cell_type": "markdown", "source": ["A word → a picture"], "metadata": {}}
    cells = [{**cell, **ran, "metadata": {"tags": ["check"]}}, words]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with course.py, what describes the package, and two small lessons."""
    for name in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start_here", "03_backbone"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(notebook("first"), "utf-8")
    return tmp_path


def run(clone: Path, *arguments: str, python: str = sys.executable, **variables: str):
    command = [python, str(clone / "course.py"), *arguments]
    environment = os.environ | variables
    return subprocess.run(
        command, cwd=clone.parent, env=environment, capture_output=True, text=True, check=False
    )


def one_sentence(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("course.py: ")
    return lines[0]


def pretend_installed(clone: Path, extras: list[str], program: str = "") -> None:
    """A .venv whose Python is a script, with the stamp of a finished installation."""
    python = course.venv_python(clone)
    python.parent.mkdir(parents=True)
    python.write_text(f"#!{sys.executable}\n{program}\n", "utf-8")
    python.chmod(0o755)
    stamp = {"key": course.fingerprint(clone), "extras": extras}
    (clone / ".venv" / "course.json").write_text(json.dumps(stamp), "utf-8")


# ------------------------------------------------------------------------------------ the copies


def test_copies_are_made_once_and_never_overwritten(clone: Path) -> None:
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    assert mine.read_text("utf-8") == notebook("first")
    mine.write_text(notebook("my own work"), "utf-8")
    course.Copies(clone).update()
    assert mine.read_text("utf-8") == notebook("my own work")


def test_a_newer_lesson_renews_a_copy_in_which_nothing_was_written(clone: Path, capsys) -> None:
    course.Copies(clone).update()
    (clone / "notebooks" / "03_backbone.ipynb").write_text(notebook("second"), "utf-8")
    course.Copies(clone).update()
    assert (clone / "my_notebooks" / "03_backbone.ipynb").read_text("utf-8") == notebook("second")
    assert (
        "03_backbone has a newer version: your copy, unedited, was renewed"
        in capsys.readouterr().out
    )
    course.Copies(clone).update()
    assert capsys.readouterr().out == ""


def test_a_copy_has_no_outputs_which_would_spoil_the_predictions(clone: Path) -> None:
    lesson = clone / "notebooks" / "03_backbone.ipynb"
    lesson.write_text(notebook("first", "the answer"), "utf-8")
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    assert mine.read_text("utf-8") == notebook("first")
    assert lesson.read_text("utf-8") == notebook("first", "the answer")
    mine.write_text(notebook("my own work", "my output"), "utf-8")
    assert run(clone, "reset", "03").returncode == 0
    assert mine.read_text("utf-8") == notebook("first")


def test_a_lesson_whose_outputs_alone_are_newer_leaves_a_copy_that_was_run(clone, capsys) -> None:
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    mine.write_text(notebook("first", "my output"), "utf-8")
    lesson = clone / "notebooks" / "03_backbone.ipynb"
    lesson.write_text(notebook("first", "another computer's output"), "utf-8")
    course.Copies(clone).update()
    assert mine.read_text("utf-8") == notebook("first", "my output")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("edited", [False, True])
def test_a_copy_from_when_copies_had_outputs(clone: Path, edited: bool) -> None:
    shown = notebook("first", "the answer")
    (clone / "notebooks" / "03_backbone.ipynb").write_text(shown, "utf-8")
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    course.Copies(clone).update()
    mine.write_text(notebook("my own work", "my output") if edited else shown, "utf-8")
    content = shown.encode()
    record = {"file": course.digest(content), "cells": course.cells_digest(content)}
    record_path = mine.with_name(".originals.json")
    record_path.write_text(json.dumps({mine.name: record}), "utf-8")
    course.Copies(clone).update()
    kept = notebook("my own work", "my output") if edited else notebook("first")
    assert mine.read_text("utf-8") == kept
    assert not list(mine.parent.glob("03_backbone.*-*.ipynb"))


@pytest.mark.parametrize("damage", ["not JSON", '{"cells": 3}', "[]", '{"cells": [3]}'])
def test_a_lesson_that_is_no_notebook_is_copied_as_it_is(clone: Path, damage: str) -> None:
    (clone / "notebooks" / "03_backbone.ipynb").write_text(damage, "utf-8")
    course.Copies(clone).update()
    assert (clone / "my_notebooks" / "03_backbone.ipynb").read_text("utf-8") == damage


def test_every_lesson_keeps_all_but_its_outputs(tmp_path: Path) -> None:
    copies = course.Copies(ROOT)
    copies.folder = tmp_path
    copies.record_path, copies.record = tmp_path / ".originals.json", {}
    for lesson in copies.lessons():
        copies.copy(lesson)
        old, new = (
            json.loads((at / lesson.name).read_text("utf-8")) for at in (lesson.parent, tmp_path)
        )
        for was, cell in zip(old["cells"], new["cells"], strict=True):
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None
            for key in {"outputs", "execution_count"} & set(was):
                del was[key], cell[key]
        assert new == old


def test_a_newer_lesson_leaves_an_edited_copy_and_says_so(clone: Path, capsys) -> None:
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    mine.write_text(notebook("my own work"), "utf-8")
    (clone / "notebooks" / "03_backbone.ipynb").write_text(notebook("second"), "utf-8")
    course.Copies(clone).update()
    assert mine.read_text("utf-8") == notebook("my own work")
    said = capsys.readouterr().out
    assert "it is kept" in said
    assert "python3 course.py reset 03" in said


def test_a_copy_that_was_only_run_is_renewed_and_its_outputs_kept(clone: Path) -> None:
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    mine.write_text(notebook("first", "an output"), "utf-8")
    (clone / "notebooks" / "03_backbone.ipynb").write_text(notebook("second"), "utf-8")
    course.Copies(clone).update()
    assert mine.read_text("utf-8") == notebook("second")
    (kept,) = mine.parent.glob("03_backbone.*-*.ipynb")
    assert kept.read_text("utf-8") == notebook("first", "an output")


@pytest.mark.parametrize("damage", ["not JSON", '{"cells": 3}', "[]"])
def test_a_copy_that_is_no_notebook_any_more_is_kept(clone: Path, damage: str) -> None:
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    mine.write_text(damage, "utf-8")
    (clone / "notebooks" / "03_backbone.ipynb").write_text(notebook("second"), "utf-8")
    course.Copies(clone).update()
    assert mine.read_text("utf-8") == damage


@pytest.mark.parametrize("record", [None, "damaged"])
def test_without_its_record_every_changed_copy_counts_as_edited(clone: Path, record) -> None:
    course.Copies(clone).update()
    path = clone / "my_notebooks" / ".originals.json"
    path.write_text(record, "utf-8") if record else path.unlink()
    (clone / "notebooks" / "03_backbone.ipynb").write_text(notebook("second"), "utf-8")
    course.Copies(clone).update()
    assert (clone / "my_notebooks" / "03_backbone.ipynb").read_text("utf-8") == notebook("first")


@pytest.mark.parametrize("name", ["3", "03", "03_backbone", "03_backbone.ipynb"])
def test_reset_gives_a_fresh_copy_and_keeps_the_old(clone: Path, name: str) -> None:
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    for number in (1, 2, 3):  # within one minute: each kept under a name of its own
        mine.write_text(notebook(f"work {number}"), "utf-8")
        done = run(clone, "reset", name)
        assert done.returncode == 0, done.stderr
        assert "What you had is kept as my_notebooks/03_backbone." in done.stdout
        assert mine.read_text("utf-8") == notebook("first")
    kept = {path.read_text("utf-8") for path in mine.parent.glob("03_backbone.*-*.ipynb")}
    assert kept == {notebook(f"work {number}") for number in (1, 2, 3)}


def test_reset_of_an_untouched_copy_keeps_nothing(clone: Path) -> None:
    assert "is fresh" in run(clone, "reset", "0").stdout
    assert "kept" not in run(clone, "reset", "0").stdout
    assert len(list((clone / "my_notebooks").glob("*.ipynb"))) == 1


def test_reset_of_no_lesson_or_an_unknown_one(clone: Path) -> None:
    assert "there are: 00, 03" in one_sentence(run(clone, "reset", "44"))
    assert "Say which lesson" in one_sentence(run(clone, "reset"))


def test_a_stop_in_the_middle_of_copying_leaves_the_old_copy(clone: Path, monkeypatch) -> None:
    course.Copies(clone).update()
    mine = clone / "my_notebooks" / "03_backbone.ipynb"
    (clone / "notebooks" / "03_backbone.ipynb").write_text(notebook("second"), "utf-8")

    def full(self: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        course.Copies(clone).update()
    assert mine.read_text("utf-8") == notebook("first")


def test_copies_lie_as_deep_as_the_lessons_so_that_links_hold() -> None:
    link = re.compile(
        r"""(?:\]\(|src=\\?["'])(?!https?:|#|data:|attachment:|mailto:)([^)"'\\#\s]+)"""
    )
    for lesson in course.Copies(ROOT).lessons():
        for cell in json.loads(lesson.read_text("utf-8"))["cells"]:
            if cell["cell_type"] != "markdown":
                continue
            for target in link.findall("".join(cell["source"])):
                assert (lesson.parent / target).exists(), f"{lesson.name}: {target}"
                # from the copy: another lesson's copy, or a file outside the folder of the lessons
                assert target.startswith("../") or re.fullmatch(r"\d\d_\w+\.ipynb", target), target


# ------------------------------------------------------------------------------- the environment


def test_a_finished_installation_is_used_again_at_once(clone: Path) -> None:
    pretend_installed(clone, ["test"], "import sys; print(sys.argv[1:])")
    began = time.monotonic()
    done = run(clone, "upscale", "my photo.jpg", "--scale", "2", PIP_NO_INDEX="1")
    assert done.returncode == 0
    assert "['-m', 'mtsr_lib', 'upscale', 'my photo.jpg', '--scale', '2']" in done.stdout
    assert time.monotonic() - began < 5


def test_the_status_of_what_was_run_is_handed_on(clone: Path) -> None:
    pretend_installed(clone, [], "raise SystemExit(7)")
    assert run(clone, "doctor").returncode == 7


@pytest.mark.parametrize("change", ["constraints", "requirement", "extra", "folder"])
def test_an_installation_is_renewed_when_it_no_longer_fits(clone: Path, change: str, monkeypatch):
    pretend_installed(clone, [])
    installed = []
    monkeypatch.setattr(course, "install", lambda root, python, extras: installed.append(extras))
    monkeypatch.setattr(course, "works", lambda python: True)
    course.set_up(clone)
    assert installed == []
    if change == "constraints":
        (clone / "constraints.txt").write_text("torch==2.12.0\n", "utf-8")
    if change == "requirement":
        text = (clone / "pyproject.toml").read_text("utf-8")
        (clone / "pyproject.toml").write_text(text.replace("tqdm>=", "tqdm>"), "utf-8")
    if change == "folder":
        clone = clone.rename(clone.with_name("moved"))
    course.set_up(clone, ("test",) if change == "extra" else ())
    assert installed == [["test"] if change == "extra" else []]
    course.set_up(clone)  # what was installed once stays installed
    assert len(installed) == 1


def test_a_renewed_installation_keeps_its_extras(clone: Path, monkeypatch) -> None:
    pretend_installed(clone, ["teach"])
    installed = []
    monkeypatch.setattr(course, "install", lambda root, python, extras: installed.append(extras))
    monkeypatch.setattr(course, "works", lambda python: True)
    course.set_up(clone, ("test",))
    assert installed == [["teach", "test"]]


def test_the_linters_settings_do_not_ask_for_an_installation(clone: Path) -> None:
    before = course.fingerprint(clone)
    with (clone / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.other]\nsetting = 1\n")
    assert course.fingerprint(clone) == before


def test_an_interrupted_installation_is_done_again(clone: Path, monkeypatch) -> None:
    pretend_installed(clone, [])
    (clone / "constraints.txt").write_text("torch==2.12.0\n", "utf-8")
    monkeypatch.setattr(course, "works", lambda python: True)

    def interrupted(*_) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        course.set_up(clone)
    done = []
    monkeypatch.setattr(course, "install", lambda root, python, extras: done.append(extras))
    course.set_up(clone)
    assert done == [[]]


def test_an_environment_that_does_not_start_does_not_count() -> None:
    assert course.works(Path(sys.executable))
    assert not course.works(Path("/no/such/python"))


REPORT = {"install": [{"metadata": {"requires_dist": ["filelock", "jinja2"]}}]}
CUDA = {"install": [{"metadata": {"requires_dist": ["filelock", "nvidia-cublas==13; x"]}}]}


@pytest.mark.parametrize(
    ("system", "gpu", "report", "choice", "wants"),
    [
        ("Linux", "", CUDA, "", True),
        ("Linux", "", REPORT, "", False),
        ("Linux", "GPU 0: NVIDIA", CUDA, "", False),
        ("Windows", "", CUDA, "", False),
        ("Darwin", "", CUDA, "", False),
        ("Darwin", "", CUDA, "cpu", True),
        ("Linux", "", CUDA, "default", False),
    ],
)
def test_when_the_cpu_build_is_asked_for(clone, monkeypatch, system, gpu, report, choice, wants):
    monkeypatch.setattr(course.platform, "system", lambda: system)
    monkeypatch.setattr(course, "output_of", lambda command: gpu)
    noise = "WARNING: a line before\n", "\nWARNING: a line after"
    monkeypatch.setattr(course, "run_step", lambda *_: noise[0] + json.dumps(report) + noise[1])
    monkeypatch.setenv("COURSE_TORCH", choice)
    assert course.wants_cpu_build(clone, Path("python")) is wants


def test_where_the_cpu_build_is_not_to_be_had_the_default_is_taken(clone, monkeypatch, capsys):
    steps = []

    def step(command: list, root: Path) -> str:
        steps.append(" ".join(str(part) for part in command))
        if "--torch-backend" in command:
            raise course.Stop("no such index")
        return ""

    monkeypatch.setattr(course, "run_step", step)
    versions = iter(["", "2.13.0"])  # before and after
    monkeypatch.setattr(course, "torch_version", lambda python: next(versions))
    monkeypatch.setenv("COURSE_TORCH", "cpu")
    course.install(clone, Path("python"), ["test"])
    assert "CPU build could not be had" in capsys.readouterr().out
    wanted = ["pip", "uv", "torch==2.13.0", "torch==2.13.0", "torch==2.13.0 -e .[test]"]
    assert all(step.endswith(end) for step, end in zip(steps, wanted, strict=True)), steps
    assert all("-c constraints.txt" in step for step in steps)


# ---------------------------------------------------------------------------------- what can fail


@pytest.mark.parametrize(("version", "age"), [((3, 8), "old"), ((3, 10), "old"), ((3, 15), "new")])
def test_a_python_that_does_not_fit(version, age, monkeypatch, capsys) -> None:
    monkeypatch.setattr(course.sys, "version_info", version)
    assert course.main(["lab"]) == 2
    said = capsys.readouterr().err
    assert f"Python 3.{version[1]} is too {age} for this course, which needs Python 3.11 to" in said
    assert said.count("\n") == 1


def test_old_pythons_can_read_the_file_and_so_print_the_sentence() -> None:
    tree = ast.parse((ROOT / "course.py").read_text("utf-8"), feature_version=(3, 6))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "__future__" not in imported  # 3.6 knows no `annotations` there
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):  # and no list[str], str | None, which 3.8 evaluates
            annotations = [node.returns, *(argument.annotation for argument in node.args.args)]
            assert not any(isinstance(a, ast.Subscript | ast.BinOp) for a in annotations), node.name


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv(clone: Path, monkeypatch, module: str) -> None:
    find = course.importlib.util.find_spec
    absent = lambda name: None if name == module else find(name)  # noqa: E731
    monkeypatch.setattr(course.importlib.util, "find_spec", absent)
    with pytest.raises(course.Stop, match="sudo apt install python3-venv"):
        course.set_up(clone)


def test_too_little_room_is_said_before_anything_is_done(clone: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        course.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 8, 1e9)
    )
    with pytest.raises(course.Stop, match=r"needs 3\.0 GB and 1\.0 GB are free"):
        course.set_up(clone)
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying (Retry(total=1)) after ...\nERROR: No matching", "index could not be"),
        (
            "ERROR: Could not find a version that satisfies x (from versions: none)",
            "index could not",
        ),
        ("Collecting x\nERROR: Failed building wheel for x.\n", "Failed building wheel for x"),
        ("", "it printed nothing"),
    ],
)
def test_a_step_that_fails_becomes_a_sentence(clone: Path, printed: str, sentence: str) -> None:
    (clone / ".venv").mkdir()
    failing = f"import sys; print({printed!r}); sys.exit(1)"
    with pytest.raises(course.Stop, match=sentence) as stop:
        course.run_step([sys.executable, "-c", failing], clone)
    assert "\n" not in str(stop.value)
    assert printed in (clone / ".venv" / "setup.log").read_text("utf-8")


@pytest.mark.slow
def test_an_index_out_of_reach(clone: Path) -> None:
    """For real: an environment is made, and pip asks a proxy that nobody listens at."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_EXTRA_INDEX_URL": ""}
    nowhere |= {"PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_CONSTRAINT": ""}
    done = run(clone, "setup", **nowhere)
    assert "The package index could not be reached" in one_sentence(done)
    assert not (clone / ".venv" / "course.json").exists()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EROFS, "cannot be written: move the course"),
        (errno.EACCES, "cannot be written: move the course"),
        (errno.ENOSPC, "The disk is full"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_folder_that_refuses(monkeypatch, capsys, number: int, sentence: str) -> None:
    def refuse(*_) -> None:
        raise OSError(number, os.strerror(number), "/the/folder")

    monkeypatch.setitem(course.COMMANDS, "lab", refuse)
    assert course.main(["lab"]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_ctrl_c_is_quiet(clone: Path) -> None:
    pretend_installed(clone, ["test"], "import time; print('started', flush=True); time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, str(clone / "course.py"), "test"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job's may be ignored
    )
    while process.stdout.readline() != "started\n":
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "course.py" not in errors.split("KeyboardInterrupt")[-1]
    assert "Stopped; the same command goes on from here." in errors
    assert "lessons" not in printed  # the groups that were still to come are not begun


# ---------------------------------------------------------------------------------- the commands


def test_test_runs_the_library_and_every_lesson_and_source_of_an_assignment(clone: Path) -> None:
    source = clone / "notebooks" / "assignments" / "source" / "a1_pixels"
    source.mkdir(parents=True)
    (source / "a1_pixels.ipynb").write_text(notebook("first"), "utf-8")
    pretend_installed(clone, ["test"], "import sys; print('RUN', *sys.argv[1:])")
    done = run(clone, "test", MTSR_BENCHMARKS="")
    runs = [line.split()[3:] for line in done.stdout.splitlines() if line.startswith("RUN")]
    nbval = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600"]
    lessons = ["notebooks/00_start_here.ipynb", "notebooks/03_backbone.ipynb"]
    assignment = "notebooks/assignments/source/a1_pixels/a1_pixels.ipynb"
    assert runs == [["tests"], nbval + lessons, [*nbval, assignment]]
    assert done.returncode == 0
    assert "Not run: benchmarks" in done.stdout
    assert "all of it passed" in done.stdout


def test_test_fails_when_one_part_fails_and_runs_the_others(clone: Path) -> None:
    pretend_installed(clone, ["test"], "import sys; print('RUN'); sys.exit('tests' in sys.argv)")
    done = run(clone, "test")
    assert done.returncode == 1
    assert done.stdout.count("RUN\n") == 2
    assert "FAILED in library" in done.stdout


def test_test_without_lessons_does_not_pass(clone: Path) -> None:
    shutil.rmtree(clone / "notebooks")
    assert "There is no lesson" in one_sentence(run(clone, "test"))


def test_lab_opens_the_copy_and_passes_options_on(clone: Path) -> None:
    pretend_installed(clone, [], "import sys; print('RUN', *sys.argv[1:])")
    done = run(clone, "lab", "3", "--port", "8890", DISPLAY="", WAYLAND_DISPLAY="")
    command = next(line for line in done.stdout.splitlines() if line.startswith("RUN"))
    assert f"-m jupyterlab --ServerApp.root_dir={clone} --LabApp" in command
    assert "--LabApp.default_url=/lab/tree/my_notebooks/03_backbone.ipynb" in command
    assert command.endswith("--port 8890")
    if sys.platform == "linux":
        assert "--no-browser" in command
        assert "There is no screen here" in done.stdout
    assert (clone / "my_notebooks" / "03_backbone.ipynb").exists()
    assert "00_start_here" in run(clone, "lab").stdout


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_names_every_command(clone: Path, arguments: list[str]) -> None:
    done = run(clone, *arguments)
    assert done.returncode == (0 if arguments else 2)
    for name in course.COMMANDS if arguments else ():
        assert name in done.stdout


def test_an_unknown_extra(clone: Path) -> None:
    assert "there are: test, teach, parallel" in one_sentence(run(clone, "setup", "teech"))


def test_the_steps_of_a_class_are_listed_before_anything_is_installed(monkeypatch, capsys) -> None:
    monkeypatch.setattr(course, "set_up", lambda *_: pytest.fail("an environment was made"))
    for arguments in (["class"], ["class", "--help"], ["class", "-h", "grade"]):
        assert course.main(arguments) == 0
        assert "rehearse [A ...]" in capsys.readouterr().out
