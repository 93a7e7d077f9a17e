"""A class from the first step to the last: what an invented class hands in gets what it deserves.

Needs the `teach` extra: python -m pytest -s -m classroom tests/test_classroom.py
"""

# ruff: noqa: E402 (without nbgrader there is nothing to import)

import ast
import csv
import html
import math
import os
import re
import shutil

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.classroom
pytest.importorskip("nbgrader", reason="needs the teach extra")

from tests.assignments import deserved, is_answer, is_test, is_written, name_of, solved
from tools.classroom import inside, intake, sandbox
from tools.classroom.__main__ import main
from tools.classroom.course import (
    ASSIGNMENTS,
    ClassError,
    Course,
    Written,
    _with_unread,
    varied,
)
from tools.classroom.examiner import evaluate
from tools.classroom.rehearsal import LIMITS, Row, graded, submissions
from tools.classroom.sandbox import ROOT, Limits, SandboxError
from tools.classroom.student import Answer, Ended, Student, bind

NAMES = sorted(path.name for path in ASSIGNMENTS.iterdir() if path.is_dir())


def source_of(assignment: str) -> nbformat.NotebookNode:
    return nbformat.read(ASSIGNMENTS / assignment / f"{assignment}.ipynb", 4)


def hidden_lines(notebook: nbformat.NotebookNode, of: str) -> list[str]:
    """The lines between BEGIN and END of hidden tests or solutions that stand only there."""
    inside_it, outside, inner = False, set(), []
    for line in "\n".join(cell.source for cell in notebook.cells).splitlines():
        if re.search(f"(BEGIN|END) {of}", line):
            inside_it = "BEGIN" in line
        elif inside_it:
            inner.append(line.strip())
        else:
            outside.add(line.strip())
    text = "\n".join(outside)
    return [line for line in inner if len(line) > 20 and line not in text]


# ------------------------------------------------------------------------------ the whole cycle


@pytest.fixture(scope="module", params=NAMES)
def cycle(request) -> tuple[str, Course, list[Row]]:
    """A graded class, and its table on the screen."""
    with graded(request.param, "proof", "auto") as (course, rows):
        print(f"\n{request.param}, {sandbox.SAID[sandbox.kind()]}")
        print(f"{'student':24}{'expected':>8} {'given':>8}", *rows, sep="\n")
        yield request.param, course, rows


def test_each_student_gets_the_points_and_the_feedback_deserved(cycle) -> None:
    wrong = [str(row) for row in cycle[2] if not row.right]
    assert not wrong, "\n".join(wrong)
    assert len(cycle[2]) >= 15


def test_every_row_of_the_table_would_show_an_error(cycle) -> None:
    row = cycle[2][0]
    one = next(iter(row.deserved))
    assert not Row(row.submission, row.deserved, {**row.given, one: 0.5}, 1, "", ()).right
    assert not Row(row.submission, row.deserved, {}, 1, "", ()).right
    assert "WRONG" in str(Row(row.submission, row.deserved, row.given, 1, "", ("a hint",)))


def test_the_released_version_has_no_solution_and_no_hidden_test(cycle) -> None:
    assignment, course, _ = cycle
    released = nbformat.read(course.release(assignment), 4)
    text = course.release(assignment).read_text("utf-8")
    assert not re.search(r"(BEGIN|END) (HIDDEN|SOLUTION)", text)
    cells = "\n".join(cell.source for cell in released.cells)
    for of in ("HIDDEN TESTS", "SOLUTION"):
        secret = hidden_lines(source_of(assignment), of)
        assert len(secret) > 10
        assert [line for line in secret if line in cells] == []
    files = {path.name for path in course.release(assignment).parent.iterdir()}
    assert files == {path.name for path in (ASSIGNMENTS / assignment).iterdir()}
    assert all(not cell.get("outputs") for cell in released.cells)


def test_feedback_shows_verdicts_and_no_hidden_test(cycle) -> None:
    assignment, course, rows = cycle
    secret = hidden_lines(source_of(assignment), "HIDDEN TESTS")
    pages = sorted((course.folder / "feedback").glob(f"*/{assignment}/*.html"))
    assert len(pages) == len(rows)
    for page in pages:
        text = html.unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))
        path = course.folder / "submitted" / page.parts[-3] / assignment / f"{assignment}.ipynb"
        own = "\n".join(cell.source for cell in nbformat.read(path, 4).cells)
        assert [line for line in secret if line in text and line not in own] == [], page
        assert page.stat().st_size < 3_000_000, page


def test_the_grades_are_exported_for_every_student(cycle, tmp_path) -> None:
    _, course, rows = cycle
    with open(course.export(tmp_path / "grades.csv"), encoding="utf-8") as file:
        grades = {line["student_id"]: float(line["score"]) for line in csv.DictReader(file)}
    expected = {row.submission.name: sum(row.deserved.values()) for row in rows}
    assert grades == pytest.approx(expected)


def table_of(path, rows: list[dict[str, str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["student", "question", "most", "points", "comment"])
        table.writeheader()
        table.writerows(rows)


def test_points_that_a_person_gives_are_entered_all_or_none(cycle, tmp_path) -> None:
    assignment, course, rows = cycle
    if not course.written(assignment):
        pytest.skip(f"{assignment} has no written answers")
    course.write_table(assignment, tmp_path / "all.csv")
    with open(tmp_path / "all.csv", newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    questions = {answer.question for answer in course.written(assignment)}
    assert len(lines) == len(rows) * len(questions)
    blank = [line for line in lines if line["student"] == "blank"]
    assert {(line["points"], line["comment"]) for line in blank} == {("0.0", "No response.")}

    mine = next(line for line in lines if line["student"] == "perfect")
    wrong = {
        "from 0 to": {"points": "1000"},
        "no number": {"points": "many"},
        "has no answer": {"student": "nobody"},
    }
    before = course.points(assignment, "perfect")
    for message, change in wrong.items():
        table_of(tmp_path / "wrong.csv", [{**mine, "points": "1"}, {**mine, **change}])
        with pytest.raises(ClassError, match=f"Line 3: .*{message}"):
            course.enter_points(assignment, tmp_path / "wrong.csv")
        assert course.points(assignment, "perfect") == before
    (tmp_path / "odd.csv").write_text("name;mark\nann;3\n")
    with pytest.raises(ClassError, match="needs the columns"):
        course.enter_points(assignment, tmp_path / "odd.csv")

    text = f"student;question;points;comment\nperfect;{mine['question']};0,5;Größe fehlt\n"
    (tmp_path / "sheet.csv").write_bytes(text.encode("cp1252"))
    assert course.enter_points(assignment, tmp_path / "sheet.csv") == 1
    assert course.points(assignment, "perfect")[mine["question"]] == 0.5
    entered = course.written(assignment, "perfect")
    assert "Größe fehlt" in {answer.comment for answer in entered}

    table_of(tmp_path / "open.csv", [{**mine, "points": ""}])
    assert course.enter_points(assignment, tmp_path / "open.csv") == 0
    left = [answer for answer in course.written(assignment, "perfect") if answer.points is None]
    assert [answer.question for answer in left] == [mine["question"]]
    course.enter_points(assignment, tmp_path / "all.csv")
    assert course.points(assignment, "perfect") == before


def test_what_was_handed_in_stays_as_it_was_given(cycle) -> None:
    """A test or a setup that a student edited is the assignment's own in what is graded."""
    assignment, course, rows = cycle
    released = nbformat.read(course.release(assignment), 4)
    locked = {name_of(c): c.source for c in released.cells if name_of(c) and not is_answer(c)}
    for row in rows:
        path = course.folder / "submitted" / row.submission.name / assignment
        notebook = nbformat.read(path / f"{assignment}.ipynb", 4)
        nbformat.validate(notebook)
        named = {name_of(c): c.source for c in notebook.cells if name_of(c)}
        assert {name: named[name] for name in locked} == locked, row.submission.name


# -------------------------------------------------------------------------------- the assignments


@pytest.mark.parametrize("assignment", NAMES)
def test_points_add_up_and_every_answer_has_tests(assignment: str) -> None:
    cells = source_of(assignment).cells
    names = [name_of(cell) for cell in cells if name_of(cell)]
    assert len(set(names)) == len(names)
    graded = [cell for cell in cells if is_test(cell) or is_written(cell)]
    assert sum(cell.metadata.nbgrader.points for cell in graded) == 100
    before = None
    for cell in cells:
        if is_answer(cell) and not is_written(cell):
            unread = before is not None and is_answer(before) and not is_written(before)
            assert not unread, name_of(cell)
            assert cell.source.count("### BEGIN SOLUTION") == 1, name_of(cell)
        before = cell if name_of(cell) else before
    answers = [cell for cell in cells if is_answer(cell) and not is_written(cell)]
    hidden = [cell for cell in cells if "BEGIN HIDDEN TESTS" in cell.source]
    assert len(hidden) > 0.75 * len(answers)


def names_given(source: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    names = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("assignment", NAMES)
def test_no_test_takes_the_name_of_an_answer(assignment: str) -> None:
    """In a student's notebook that would replace what the student wrote: helpers too."""
    cells = source_of(assignment).cells
    answers = {name_of(cell) for cell in cells if is_answer(cell)}
    for cell in cells:
        if is_test(cell):
            shown = re.sub("### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.S)
            assert not names_given(shown) & answers, name_of(cell)
            private = {name for name in names_given(shown) if name.startswith("_")} - {"_"}
            assert not private, name_of(cell)  # those are for students' helpers


@pytest.mark.parametrize("assignment", NAMES)
@pytest.mark.parametrize("word", ["demo", "autumn 27"])
def test_the_solution_passes_with_any_word(assignment: str, word: str, capsys) -> None:
    names = {}
    for cell in varied(source_of(assignment), word).cells:
        if cell.cell_type == "code" and name_of(cell):
            value = evaluate(cell.source, names)
            assert value in (None, cell.metadata.nbgrader.get("points")), name_of(cell)
    assert capsys.readouterr().out.count("Passed") > 20


@pytest.mark.parametrize("assignment", NAMES)
def test_another_word_gives_other_values_and_pictures(assignment: str) -> None:
    def begin(word: str) -> dict:
        names = {}
        for cell in varied(source_of(assignment), word).cells:
            if name_of(cell) in ("setup", "variant"):
                evaluate(cell.source, names)
        return names

    one, same, other = begin("red"), begin("red"), begin("blue")
    values = [torch.rand(3, generator=names["chance"](names["VARIANT"])) for names in (one, other)]
    assert not torch.equal(*values)
    if "picture" in one:
        pictures = [names["picture"]("a part", 8, 9) for names in (one, same, other)]
        assert torch.equal(pictures[0], pictures[1])
        assert not torch.equal(pictures[0], pictures[2])


def test_what_nobody_has_read_yet_is_no_score() -> None:
    lines = [
        "<h4>a4 (Score: 70.0 / 100.0)</h4>",
        '<li><a href="#plan">Written response</a> (Score: 0.0 / 8.0)</li>',
        '<li><a href="#limits">Written response</a> (Score: 8.0 / 8.0)</li>',
        '<a name="plan"></a><span>Score: 0.0 / 8.0 <a href="#top">',
    ]
    page = "\n".join(lines)
    told = _with_unread(page, [Written("ann", "plan", 8.0, None)])
    assert "Score: 70.0 / 100.0, 8 of them not read yet)" in told
    assert told.count("not read yet, of 8.0") == 2
    assert "Score: 0.0" not in told
    assert "(Score: 8.0 / 8.0)" in told
    assert _with_unread(page, []) == page


def test_a_class_keeps_its_word(tmp_path) -> None:
    course = Course(tmp_path / "class")
    course.generate(NAMES[0], "first")
    course.generate(NAMES[0], "second")  # nothing was handed in yet
    shutil.copytree(course.release(NAMES[0]).parent, tmp_path / "in" / "ann")
    course.collect(NAMES[0], tmp_path / "in")
    with pytest.raises(ClassError, match="Nothing is graded yet"):
        course.feedback(NAMES[0])
    with pytest.raises(ClassError, match="given out with the variant 'second'"):
        course.generate(NAMES[0], "third")
    course.generate(NAMES[0])
    assert course.variant(NAMES[0]) == "second"
    with pytest.raises(ClassError, match="word of letters"):
        course.generate(NAMES[0], 'x"; import os')


# ---------------------------------------------------------------------------------- the isolation


def test_without_isolation_the_spy_finds_the_gradebook() -> None:
    """So that its finding nothing means something."""
    with graded(NAMES[0], "proof", "none", ("spy",)) as (_, rows):
        assert rows[0].untold == ("A look around found: nothing",)
        assert rows[0].given == rows[0].deserved


def kinds() -> list[str]:
    return [kind for kind in ("bwrap", "user") if _has(kind)]


def _has(kind: str) -> bool:
    try:
        return bool(sandbox.kind(kind))
    except SandboxError:
        return False


def test_this_computer_can_isolate() -> None:
    if not sandbox.LINUX:
        pytest.skip("only Linux isolates")
    assert kinds(), "install bubblewrap, or run as root with a Python that other users may start"


@pytest.mark.parametrize("kind", ["bwrap", "user", "none"])
def test_a_kernel_answers_and_is_held_to_its_limits(kind: str, tmp_path) -> None:
    if kind != "none" and not _has(kind):
        pytest.skip(f"no {kind} here")
    secret = tmp_path / "gradebook.db"
    secret.write_text("secret")
    secret.chmod(0o600)
    with Student(kind, Limits(seconds=5, total=600, memory=2)) as student:
        source = (
            f"def f(x):\n    return 2 * x\n\n\ndef g():\n    return open({str(secret)!r}).read()"
        )
        assert student.run(source) == []
        assert bind(student, "f")(21) == 42
        if kind == "none":
            assert bind(student, "g")() == "secret"
        else:
            with pytest.raises(OSError, match=r"Permission denied|No such file"):
                bind(student, "g")()
        hoard = student.run("kept = bytearray(3 * 2**30)")
        assert hoard[0].ename == "MemoryError"
        assert student.run("while True:\n    pass")[0].evalue.startswith("the code ran for more")
        assert bind(student, "f")(2) == 4  # started afresh, with the cells that ran
        folder = student.folder
    assert not folder.exists()
    assert not sandbox._of_the_student()


@pytest.mark.skipif(not shutil.which("bwrap"), reason="no bubblewrap here")
def test_in_the_sandbox_there_is_no_network_and_no_other_file() -> None:
    look = (
        "import os, socket\n"
        "def net():\n    return [name for _, name in socket.if_nameindex()]\n"
        f"def course():\n    return sorted(os.listdir({str(ROOT)!r}))\n"
        "def processes():\n    return [p for p in os.listdir('/proc') if p.isdigit()]\n"
        "def write():\n    open(os.path.join(os.__file__), 'a')"
    )
    with Student("bwrap", LIMITS) as student:
        student.run(look)
        assert bind(student, "net")() == ["lo"]
        assert set(bind(student, "course")()) <= {"mtsr_lib", "data", ".venv"}
        assert len(bind(student, "processes")()) < 5
        with pytest.raises(OSError, match=r"Read-only|Permission denied"):
            bind(student, "write")()


def test_an_isolation_that_does_not_work_is_refused() -> None:
    if not (sandbox.LINUX and os.geteuid() == 0):
        with pytest.raises(SandboxError, match="does not work here"):
            sandbox.kind("user")
    with pytest.raises(SandboxError, match="does not work here"):
        sandbox.kind("a good word")


# ------------------------------------------------------------------------------------- the parts


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 2.5, -math.inf, "text", ..., (1, [2.0, "x"])),
        *({"a": (1,), 2: None}, {1, 2}),
        *(torch.rand(2, 3), torch.tensor(True), torch.zeros(0, 3), torch.arange(3).half()),
    ],
    ids=str,
)
def test_values_come_back_as_they_went(value) -> None:
    back = inside.decode(inside.encode(value))
    assert type(back) is type(value)
    if isinstance(value, torch.Tensor):
        assert back.dtype == value.dtype
        assert torch.equal(back, value)
    else:
        assert back == value


def test_only_data_is_sent() -> None:
    with pytest.raises(TypeError, match="a Generator cannot be sent"):
        inside.encode([torch.Generator()])
    with pytest.raises(TypeError, match="a builtin_function_or_method"):
        inside.encode(print)


def test_a_call_tells_of_errors_changed_inputs_and_missing_names() -> None:
    with Student("none", LIMITS) as student:
        student.run("def bad(x):\n    x += 1\n    return x\n\ndef wrong(x):\n    return x.nothing")
        given = torch.zeros(2)
        assert bind(student, "bad")(given).tolist() == [1, 1]
        assert given.tolist() == [1, 1]
        student.run("def worse(d, more):\n    d['w'] = d['w'] + 1\n    more[0]['w'] += 1")
        given, more = {"w": torch.zeros(2)}, ({"w": torch.ones(1)},)
        bind(student, "worse")(given, more)
        assert given["w"].tolist() == [1, 1]
        assert more[0]["w"].tolist() == [2]
        student.run("def keeps(d):\n    d['o'] = object()\n    d['l'].append(1)\n    return len(d)")
        given = {"l": [math.nan]}
        assert bind(student, "keeps")(given) == 2
        assert given["o"] == "object"
        assert given["l"][1:] == [1]
        given = torch.ones(2)
        with pytest.raises(AttributeError, match=r"nothing.*\(at `return x.nothing`\)"):
            bind(student, "wrong")(given)
        with pytest.raises(NameError, match="name 'absent' is not defined"):
            bind(student, "absent")()
        student.run("number, odd = 7, object()")
        assert bind(student, "number") == 7
        assert isinstance(bind(student, "odd"), Answer)


def test_a_function_that_ends_the_kernel_is_not_called_for_ever() -> None:
    with Student("none", LIMITS) as student:
        student.run("import os\n\ndef f():\n    os._exit(1)\n\ndef g():\n    return 1")
        for _ in range(4):
            with pytest.raises(Ended, match="ended the kernel"):
                bind(student, "f")()
        assert len(student.ends["f"]) == 2
        assert bind(student, "g")() == 1


@pytest.mark.parametrize(
    ("file", "student"),
    [
        ("ann.ipynb", "ann"),
        ("ann_a1_pixels_and_metrics.ipynb", "ann"),
        ("Ann Lee_31415_assignsubmission_file_/x.ipynb", "Ann_Lee"),
        ("s1234567/a1_pixels_and_metrics.ipynb", "s1234567"),
        ("Zoë/deep/down.ipynb", "Zoë"),
    ],
)
def test_students_are_known_by_folder_or_file(file: str, student: str, tmp_path) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    (tmp_path / "notes.txt").write_text("no notebook")
    found = intake.find(tmp_path, "a1_pixels_and_metrics")
    assert [(one.student, one.path) for one in found] == [(student, path)]


def test_of_several_notebooks_the_one_of_the_right_name_counts(tmp_path) -> None:
    for name in ("a1_pixels_and_metrics", "zz_newer"):
        (tmp_path / "ann").mkdir(exist_ok=True)
        (tmp_path / "ann" / f"{name}.ipynb").write_text("{}")
    found = intake.find(tmp_path, "a1_pixels_and_metrics")
    assert found[0].path.stem == "a1_pixels_and_metrics"
    (tmp_path / "away.ipynb").symlink_to("/etc/passwd")
    assert len(intake.find(tmp_path, "a1")) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"cells": 3}', '{"nbformat": 4}', "null"])
def test_what_is_no_notebook_is_said_in_one_sentence(text: str, tmp_path) -> None:
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(intake.UnreadableError, match=r"^The file is no notebook: [^\n]+\.$"):
        intake.read(tmp_path / "x.ipynb")


def test_missing_cells_come_back_where_they_were() -> None:
    def cell(name, source, **kind) -> nbformat.NotebookNode:
        own = {"grade_id": name, "grade": False, "solution": False, "locked": False, **kind}
        return new_code_cell(source, metadata={"nbgrader": own})

    test = {"grade": True, "locked": True, "points": 1}
    release = new_notebook(
        cells=[
            cell("setup", "setup", locked=True),
            *(cell("one", "...", solution=True), cell("t1", "test 1", **test)),
            *(cell("two", "...", solution=True), cell("t2", "test 2", **test)),
        ]
    )

    def restored(*cells) -> list[str]:
        handed_in = new_notebook(cells=list(cells))
        return [c.source for c in intake.restore(handed_in, release).cells]

    one, two = cell("one", "mine"), cell("two", "mine too")
    whole = ["setup", "mine", "test 1", "mine too", "test 2"]
    assert restored(one, two) == whole
    assert restored(cell("setup", "x"), one, cell("t1", "pass"), two, cell("t2", "pass")) == whole
    assert restored(new_code_cell("all of it")) == ["setup", "all of it", "test 1", "test 2"]
    assert restored(one) == ["setup", "mine", "test 1", "test 2"]
    assert restored(two) == ["setup", "mine too", "test 1", "test 2"]


def test_the_table_is_made_of_what_the_assignment_has() -> None:
    released = source_of(NAMES[0])
    class_of = submissions(NAMES[0], released)
    assert len({s.name for s in class_of}) == len(class_of)
    for submission in class_of:
        assert sum(deserved(submission, released).values()) <= 100
    assert solved("def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION") == (
        "def f():\n    return 1"
    )


def test_a_step_tells_its_options(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["grade", "--help"])
    said = capsys.readouterr().out
    assert "usage: python3 course.py class grade " in said
    assert all(option in said for option in ("--new", "--seconds", "--memory", "--isolation"))
