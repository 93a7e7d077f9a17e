"""The lesson kit itself: each of its alarms is heard once, on lessons made here."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import nbformat
import pytest
import torch

from mtsr_lib import check
from mtsr_lib.check.kit import Case, Verdict, grade
from tests.exercises import Exercise
from tests.harness import exercise_faults
from tests.mutants import mutants
from tests.tiny_lesson import SOLUTION, code, exercise, tiny_lesson, write
from tools import anatomy, build_lessons, lessons, one_source, outputs

LIBRARY = '''
from torch import Tensor

__all__ = ["psnr", "Net"]
PEAK = 1.0

def _mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean."""
    return (a - b).square().mean()

def psnr(prediction: Tensor, target: Tensor) -> Tensor:
    """In dB."""
    return 10 * (PEAK**2 / _mse(prediction, target)).log10()

class Net(Module):
    """A network."""
    def __init__(self, channels: int = 3):
        """Make."""
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return x * self.channels
'''
SHOWN = (
    "PEAK = 1.0\n\ndef _mse(a, b):\n    return (a - b).square().mean()",
    "def psnr(prediction, target):\n    'In dB'\n"
    "    return 10 * (PEAK**2 / _mse(prediction, target)).log10()",
    "class Net(Module):\n    def __init__(self, channels=3):\n        self.channels = channels",
    "class Net(Net):\n    def forward(self, x):\n        return x * self.channels",
)
TABLE = {"metrics": {"psnr": 1, "Net": 1}}


def lesson_of(notebook: dict, number: int = 1) -> lessons.Lesson:
    return lessons.Lesson(Path(f"{number:02}_tiny.ipynb"), notebook)


def one_source_faults(folder: Path, *cells: dict, table: dict = TABLE) -> str:
    (folder / "metrics.py").write_text(LIBRARY)
    library = {"metrics": one_source.module("metrics", folder)}
    builds = tuple(f"metrics.{name}" for name in TABLE["metrics"])
    notebook = tiny_lesson(*cells, builds=builds)
    return "\n".join(one_source.lesson_faults(lesson_of(notebook), library, table, []))


# ---- one source


def test_lesson_that_shows_the_library(tmp_path: Path) -> None:
    assert one_source_faults(tmp_path, *map(code, SHOWN)) == ""


def test_renamed_variable_gives_a_readable_difference(tmp_path: Path) -> None:
    cells = [code(text.replace("target", "truth")) for text in SHOWN]
    said = one_source_faults(tmp_path, *cells)
    assert "psnr is not the library's" in said
    assert "--- mtsr_lib/metrics.py" in said
    assert "+++ 01_tiny.ipynb cell" in said
    assert "-def psnr(prediction, target):" in said
    assert "+def psnr(prediction, truth):" in said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("PEAK = 1.0", "PEAK = 255", "PEAK is not the library's"),
        ("PEAK = 1.0", "", "it uses metrics.PEAK, which neither"),
        (".square()", ".abs()", "_mse is not the library's"),
        ("return x * self", "return x + self", "Net is not the library's"),
        ("channels=3", "channels=4", "Net is not the library's"),
        ("def psnr", "def my_psnr", "no cell defines psnr"),
    ],
)
def test_other_differences(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in one_source_faults(tmp_path, *[code(t.replace(old, new)) for t in SHOWN])


def test_drafts_are_not_compared_but_need_the_real_one(tmp_path: Path) -> None:
    draft = code("def psnr(a, b):\n    return 0", "draft")
    assert one_source_faults(tmp_path, draft, *map(code, SHOWN)) == ""
    assert "drafts psnr" in one_source_faults(tmp_path, draft)


def test_a_later_method_replaces_the_earlier(tmp_path: Path) -> None:
    first = "class Net(Module):\n    def forward(self, x):\n        return x\n    pass"
    again = "class Net(Net):\n    def __init__(self, channels=3):\n        self.channels = channels"
    said = one_source_faults(tmp_path, *map(code, [*SHOWN[:2], first, again, SHOWN[3]]))
    assert "Net is not the library's" in said  # the order of methods is the library's
    assert "forward" in said


def test_list_of_builds_and_table_must_agree(tmp_path: Path) -> None:
    table = {"metrics": {"psnr": 1, "Net": 2, "shave": 1}}
    said = one_source_faults(tmp_path, *map(code, SHOWN), table=table)
    assert "gives metrics.shave to this lesson" in said
    assert "lists metrics.Net, which" in said


def test_public_name_built_elsewhere_may_not_be_defined(tmp_path: Path) -> None:
    (tmp_path / "metrics.py").write_text(LIBRARY)
    library = {"metrics": one_source.module("metrics", tmp_path)}
    lesson = lesson_of(tiny_lesson(code("def psnr(a, b):\n    return 0"), code("Net = 3")))
    said = one_source.lesson_faults(lesson, library, {}, [])
    assert len(said) == 1
    assert "defines psnr, a public name" in said[0]


def test_table_lacks_a_public_name(tmp_path: Path) -> None:
    (tmp_path / "metrics.py").write_text(LIBRARY)
    library = {"metrics": one_source.module("metrics", tmp_path)}
    said = one_source.table_faults(library, {"metrics": {"psnr": 1}}, ["metrics"], set(), {1})
    assert said == ["tools/builds.toml lacks metrics.Net"]


# ---- checks

WRONG = [
    ("minus sign", SOLUTION.replace("-10", "10")),
    ("one value per picture", SOLUTION.replace("dim=(1, 2, 3)", "")),
    ("no gradient comes back", SOLUTION.replace(".log10(error)", ".log10(error.detach())")),
    ("peak 255", SOLUTION.replace("(error)", "(error / 255**2)")),
    (
        "for one pixel value",
        SOLUTION.replace(".square().mean(dim=(1, 2, 3))", ".amax((1, 2, 3))**2"),
    ),
    ("natural logarithm", SOLUTION.replace("log10", "log")),
    ("NameError in line 2", SOLUTION.replace("target).square", "truth).square")),
]
OTHER = """def my_psnr(prediction, target):
    import torch.nn.functional as F
    errors = [F.mse_loss(a, b) for a, b in zip(prediction, target)]
    return 20 * torch.log10(1 / torch.stack(errors).sqrt())
"""
GIVEN = Exercise(
    inputs=[(torch.full((2, 3, 4, 5), 0.3), torch.full((2, 3, 4, 5), 0.7))],
    others=[OTHER],
    wrong=WRONG,
)


def harness_faults(given: Exercise | None = GIVEN, cells: list[dict] | None = None) -> str:
    notebook = tiny_lesson()
    if cells:
        notebook["cells"] = [notebook["cells"][1], *cells]
    lesson = lesson_of(notebook)
    return "\n".join(exercise_faults(lesson, lessons.exercises(lesson)[0], given))


def test_a_good_check_passes_the_harness() -> None:
    assert harness_faults() == ""


def test_a_weakened_check_turns_the_harness_red(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = torch.full((1, 3, 4, 4), 0.5)

    def weak(answer: object) -> Verdict:
        return grade(answer, Case("grey", (grey + 0.1, grey), torch.tensor([20.0]), tolerance=0.9))

    monkeypatch.setattr(check, "psnr", weak)
    said = harness_faults()
    assert "wrong[4] is wrong, but the check says\n    Passed" in said
    assert "wrong[0] is rejected with other words than 'minus sign'" in said
    assert "mutants of the solution give another output, and the check accepts them" in said


def test_a_check_that_is_too_strict_turns_the_harness_red(monkeypatch: pytest.MonkeyPatch) -> None:
    never = Verdict("Not yet", "no")
    monkeypatch.setattr(check, "psnr", lambda answer: never)
    said = harness_faults()
    assert "the folded solution is correct, but" in said
    assert "others[0] is correct, but" in said
    assert "the stub must be `Not attempted yet`" in said


def test_an_exercise_without_its_parts_turns_the_harness_red() -> None:
    bare = [code("def my_psnr(a, b):\n    return ...", "exercise", exercise="psnr")]
    said = harness_faults(None, bare)
    for told in ("no heading", "no cell `check", "Hint", "Solution", "no entry in EXERCISES"):
        assert told in said
    few = Exercise(others=[], wrong=WRONG[:3])
    assert "less than four wrong answers" in harness_faults(few)
    assert "no other answer" in harness_faults(few)


def test_a_stub_that_raises_turns_the_harness_red() -> None:
    cells = exercise(1)
    cells[1]["source"] = "def my_psnr(a, b):\n    return a.nothing"
    assert "the stub must be `Not attempted yet`" in harness_faults(cells=cells)


def test_mutants_change_one_thing() -> None:
    said = [text for _, text in mutants("def f(x):\n    return min(x[1:], key=2) - 3")]
    for expected in ("x[2:]", "x[:]", "max(x[1:], key=2) - 3", "key=1", "+ 3", "- 4", "x[1:] - 3"):
        assert any(expected in text for text in said), expected
    assert len(said) == len(set(said))


def test_verdicts_say_it_in_words() -> None:
    verdict = check.psnr(lambda a, b: ...)
    assert str(verdict).startswith("Not attempted yet: ")
    assert "Not attempted yet</b>" in verdict._repr_html_()
    assert str(check.psnr(lambda a, b: None)).startswith("Not yet: ")
    assert not verdict
    assert "<code>&lt;x&gt;</code>" in Verdict("Not yet", "see `<x>`")._repr_html_()


@pytest.mark.parametrize(
    ("actual", "expected", "told"),
    [
        (torch.zeros(2, 3), torch.zeros(3, 2), "the shape (3, 2) but got (2, 3)"),
        (torch.zeros(2).double(), torch.zeros(2), "torch.float32 but got torch.float64"),
        (torch.tensor([1.0, float("nan")]), torch.zeros(2), "got NaN"),
        (torch.arange(9.0), torch.zeros(9), "expected 0 at [1] but got 1 (8 of 9 values differ)"),
        (3.0, torch.zeros(2), "a tensor of shape (2,) but got 3"),
        (torch.tensor(2.5), 2, "expected 2 but got 2.5"),
        (True, 1, "expected 1 but got True"),
        ((1, 2), (1, 3), "value 2 of 2: expected 3 but got 2"),
        ({"sr": 1}, {"sr": 2}, "under 'sr': expected 2 but got 1"),
        ("a", "b", "expected 'b' but got 'a'"),
    ],
)
def test_expected_against_actual(actual: object, expected: object, told: str) -> None:
    assert told in str(grade(actual, Case("it", (), expected)))
    assert grade(expected, Case("it", (), expected)).passed


def test_a_changed_input_is_told() -> None:
    def double(x: torch.Tensor) -> torch.Tensor:
        x *= 2
        return x

    said = str(grade(double, Case("ones", (torch.ones(2),), torch.full((2,), 2.0))))
    assert "changed its input" in said


# ---- anatomy and build


def build(folder: Path, *options: str) -> int:
    return build_lessons.main(["--folder", str(folder), *options])


@pytest.mark.slow
def test_build_twice_gives_identical_bytes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    varying = code("import time\ntime.time()", "varies")
    address = code("print(object(), torch.__file__)")
    path = write(tmp_path, tiny_lesson(varying, address))
    assert build(tmp_path) == 0, capsys.readouterr().out
    first = path.read_text()
    assert build(tmp_path) == 0
    assert path.read_text() == first
    lesson = lessons.read(path)
    assert anatomy.broken(lesson) == []
    facts = lesson.facts
    assert facts["cpu_seconds"] in (5, 10)
    resource = pytest.importorskip("resource", reason="Windows does not tell the peak of memory")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000  # Linux: children begin with it
    assert 200 <= facts["memory_mb"] <= max(1500, own + 200)
    assert anatomy.facts_line(lesson) in lessons.source(lesson.cells[0])
    assert "widget-view" not in first
    assert outputs.INSTEAD in first
    assert "0x7" not in first
    path.write_text(first.replace('"9"', '"8"'))  # a stored output that is no longer true
    assert build(tmp_path, "--check") == 1
    assert path.read_text() != first


HIDDEN = [  # what no cell shows as an error
    (
        "def broken(change):\n    raise ValueError('planted')\nslider.observe(broken, 'value')",
        "IntSlider '' at 0: ValueError: planted",
    ),
    (
        "_ = widgets.interactive(lambda k: 1 / (5 - k), k=(0, 5))",
        "IntSlider 'k' at 5: ZeroDivisionError: division by zero",
    ),
    (
        "out = widgets.Output()\nwith out:\n    raise ValueError('caught')",
        "an Output widget holds ValueError: caught",
    ),
    (
        "from mtsr_lib.widgets.experiment import experiment, slider as control\n"
        "import torch\n"
        "def grey(k):\n"
        "    assert k < 9, 'too bright'\n"
        "    return {'grey': torch.zeros(1, 3, 4, 4)}\n"
        "experiment(grey, k=control('k', 0, 9, 3))",
        "AssertionError: too bright",
    ),
    ("import sys\nprint('careful', file=sys.stderr)", "stored stderr: 'careful"),
    ("print('/home/somebody/photo.png')", "a path of one machine"),
]
SLIDER = code("import ipywidgets as widgets\nslider = widgets.IntSlider(3, 0, 5)")


def build_few_cells(folder: Path, *cells: dict) -> int:
    cells = tuple({**cell, "id": f"few-{number}"} for number, cell in enumerate(cells))
    write(folder, {**tiny_lesson(), "cells": [*cells, *tiny_lesson()["cells"][-1:]]})
    return build(folder)


@pytest.mark.slow
def test_build_refuses_errors_that_no_cell_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert build_few_cells(tmp_path, SLIDER, *[code(cell) for cell, _ in HIDDEN]) == 1
    said = capsys.readouterr().out
    for _, told in HIDDEN:
        assert told in said
    assert "not written" in said


def test_build_refuses_an_error_and_the_network(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    reach = code("import socket\nsocket.create_connection(('192.0.2.1', 80))")
    assert build_few_cells(tmp_path, reach) == 1
    said = capsys.readouterr().out
    assert "cell 0 fails" in said
    assert "lessons are built offline: no connection to 192.0.2.1" in said


def test_anatomy_hears_what_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path, {**tiny_lesson(), "cells": tiny_lesson()["cells"][3:9]})
    said = "\n".join(anatomy.broken(lessons.read(path)))
    for told in (
        "the first line is not",
        "no 'By the end you can'",
        "sections headed",
        "no widget",
        "0 exercises",
        "no section '## Quiz'",
        "cells with checked output",
        "stored without having been executed",
        "last line of links",
    ):
        assert told in said


def test_stamps_move_only_by_more_than_a_quarter() -> None:
    assert build_lessons.stamped(60, 71, 5) == 60
    assert build_lessons.stamped(60, 79, 5) == 80
    assert build_lessons.stamped(60, 41, 5) == 45 or build_lessons.stamped(60, 41, 5) == 60
    assert build_lessons.stamped(60, 20, 5) == 20
    assert build_lessons.stamped(0, 0.3, 5) == 5


def test_numbers_within_tolerance_are_kept() -> None:
    assert outputs.same_text("PSNR 33.68 dB", "PSNR 33.69 dB")
    assert not outputs.same_text("PSNR 33.68 dB", "PSNR 33.88 dB")
    assert not outputs.same_text("3 pictures", "4 pictures")


def executed(source: str, printed: str, *tags: str) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(
        source, id=f"id-{ord(source[0])}", metadata={"tags": list(tags)}
    )
    cell.outputs = [nbformat.v4.new_output("stream", text=printed)]
    return cell


def kept(new: list, old: list) -> list[str]:
    notebooks = [nbformat.v4.new_notebook(cells=cells) for cells in (new, old)]
    outputs.keep_stored(*notebooks)
    return [cell.outputs[0].text for cell in notebooks[0].cells]


def test_stored_outputs_are_kept_while_they_are_true() -> None:
    first = [executed("a = 1", "33.68"), executed("time()", "1.25", "varies")]
    assert kept(first, []) == ["33.68", "1.25"]
    again = [executed("a = 1", "33.69"), executed("time()", "9.75", "varies")]
    assert kept(again, first) == ["33.68", "1.25"]
    other = [executed("a = 2", "33.69"), executed("time()", "9.75", "varies")]
    assert kept(other, first) == ["33.69", "9.75"]
    exact = [executed("# NBVAL_CHECK_OUTPUT\na = 1", text) for text in ("33.69", "33.68")]
    assert kept(exact[:1], exact[1:]) == ["33.69"]


def test_outputs_name_no_machine() -> None:
    home = Path.home()
    assert outputs.anonymous(f"<x at 0x7f00aa11bb22> in {home}/me.jpg") == "<x at 0x…> in ~/me.jpg"
    assert outputs.anonymous(f"File {torch.__file__}").startswith("File site-packages/torch")
    assert outputs.anonymous("/tmp/ipykernel_12/34.py:1") == "<cell>:1"


def test_the_kit_reads_its_own_example() -> None:
    lesson = lesson_of(json.loads(json.dumps(tiny_lesson())))
    found = lessons.exercises(lesson)[0]
    assert (found.difficulty, found.minutes, found.check) == (1, 10, "check.psnr(my_psnr)")
    ast.parse(found.solution)
