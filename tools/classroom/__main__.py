"""`python3 course.py class …`: one command for each of a teacher's steps."""

import argparse
import sys
from pathlib import Path

from tools.classroom import intake, sandbox
from tools.classroom.course import ASSIGNMENTS, ClassError, Course
from tools.classroom.sandbox import ROOT, Limits, SandboxError
from tools.classroom.steps import HELP


def say(text: str) -> None:
    print(text, flush=True)


def full_name(name: str) -> str:
    """The assignment that is meant by a1 or by its whole name."""
    have = sorted(path.name for path in ASSIGNMENTS.iterdir() if path.is_dir())
    for assignment in have:
        if name == assignment or assignment.startswith(name + "_"):
            return assignment
    raise ClassError(f"There is no assignment {name}; there are: {', '.join(have)}.")


def shown(path: Path) -> Path:
    """A path as short as it can be from where the teacher is."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def generate(a: argparse.Namespace, room: Course) -> int:
    assignment = full_name(a.assignment)
    released = room.generate(assignment, a.variant)
    say(f"For the students, variant {room.variant(assignment)!r}: {shown(released.parent)}")
    return 0


def validate(a: argparse.Namespace, _: None) -> int:
    from tools.classroom.rehearsal import validate

    return validate(full_name(a.assignment), a.variant, a.isolation)


def collect(a: argparse.Namespace, room: Course) -> int:
    odd = room.collect(full_name(a.assignment), Path(a.handed_in))
    for student, problem in odd.items():
        if problem:
            say(f"{student}: {problem}")
    say(f"{len(odd)} collected. The files in {a.handed_in} are untouched.")
    return 0


def grade(a: argparse.Namespace, room: Course) -> int:
    assignment, failed = full_name(a.assignment), 0
    say(f"Grading is {sandbox.SAID[sandbox.kind(room.wanted)]}.")
    for result in room.grade(assignment, a.students, again=not a.new):
        what = result.problem or f"{result.points:5.1f} of {result.out_of:g}"
        what += f", {result.unread} answers to read" if result.unread else ""
        say(f"{result.student:24} {what}   ({result.seconds:.0f} s)")
        failed += bool(result.problem)
    if failed:
        say(f"{failed} could not be graded; the others are.")
    return 1 if failed else 0


def points(a: argparse.Namespace, room: Course) -> int:
    assignment, path = full_name(a.assignment), Path(a.file)
    answers = room.written(assignment)
    if not answers:
        raise ClassError(f"{assignment} has no written answers, or nothing of it is graded yet.")
    if path.exists():
        say(f"{room.enter_points(assignment, path)} points entered from {path}.")
    else:
        room.write_table(assignment, path)
        say(f"{path}: {len(answers)} answers. Fill in points and comments, then the same command.")
    say(f"Without points: {sum(w.points is None for w in room.written(assignment))}.")
    return 0


def feedback(a: argparse.Namespace, room: Course) -> int:
    pages = room.feedback(full_name(a.assignment))
    say(f"{len(pages)} pages in {shown(room.folder / 'feedback')}, a folder for each student")
    return 0


def export(a: argparse.Namespace, room: Course) -> int:
    say(f"Grades: {room.export(Path(a.file).resolve())}")
    return 0


def rehearse(a: argparse.Namespace, _: None) -> int:
    from tools.classroom.rehearsal import rehearse

    names = a.assignments or [path.name for path in sorted(ASSIGNMENTS.iterdir()) if path.is_dir()]
    return max(rehearse(full_name(name), a.variant, a.isolation, a.only) for name in names)


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="course.py class",
        usage="python3 course.py class STEP …",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--folder", default=str(ROOT / "my_class"), help="the class's folder")
    common.add_argument("--isolation", default="auto", choices=("auto", *sandbox.KINDS))
    default = Limits()
    common.add_argument("--seconds", type=float, default=default.seconds, help="for a cell")
    common.add_argument("--memory", type=float, default=default.memory, help="gigabytes")
    variant = argparse.ArgumentParser(add_help=False)
    variant.add_argument("--variant", metavar="WORD", help="the class's word")
    steps = whole.add_subparsers(dest="step", required=True, metavar="STEP", help=argparse.SUPPRESS)
    for step, arguments, parents in (
        (validate, ["assignment"], [variant]),
        (generate, ["assignment"], [variant]),
        (collect, ["assignment", "handed_in"], []),
        (grade, ["assignment"], []),
        (points, ["assignment", "file"], []),
        (feedback, ["assignment"], []),
        (export, ["file"], []),
        (rehearse, [], [variant]),
    ):
        name = step.__name__
        sub = steps.add_parser(
            name, parents=[common, *parents], prog=f"python3 course.py class {name}"
        )
        for argument in arguments:
            sub.add_argument(argument)
        sub.set_defaults(do=step)
        if step is grade:
            sub.add_argument("students", nargs="*")
            sub.add_argument("--new", action="store_true", help="only those without a grade")
        if step is rehearse:
            sub.add_argument("assignments", nargs="*")
            sub.add_argument("--only", action="append", default=[], metavar="STUDENT")
    return whole


def main(arguments: list[str]) -> int:
    a = parser().parse_args(arguments)
    try:
        limits = Limits(seconds=a.seconds, total=30 * a.seconds, memory=a.memory)
        alone = a.step in ("validate", "rehearse")  # these make a class of their own
        return a.do(a, None if alone else Course(Path(a.folder), a.isolation, limits))
    except (ClassError, SandboxError, intake.UnreadableError) as error:
        print(f"course.py class: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
