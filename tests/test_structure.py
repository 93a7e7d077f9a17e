"""The library's modules build on one another in one order, and the core is light to import."""

import ast
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "mtsr_lib"
CORE = ["images", "metrics", "losses", "degrade", "tasks", "datasets", "blocks", "model", "sharing"]
CORE += ["balance", "checkpoints", "evaluation", "training", "recipes", "upscaling", "experiments"]
CORE += ["export", "doctor"]
ORDER = [*CORE, "plots", "widgets", "check", "__init__", "__main__"]
SCREEN = {f"mtsr_lib.{name}" for name in ("plots", "widgets", "check")}
SCREEN |= {"matplotlib", "ipywidgets", "anywidget", "IPython", "jupyterlab"}


def modules() -> dict[str, list[Path]]:
    """Each module of the library with its files."""
    found = {}
    for path in LIBRARY.glob("**/*.py"):
        parts = path.relative_to(LIBRARY).with_suffix("").parts
        found.setdefault(parts[0], []).append(path)
    return found


def imported_by(path: Path) -> set[str]:
    """The library's modules that a file imports, at its top or inside functions."""
    depth = len(path.relative_to(LIBRARY).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level == depth or _absolute(node.module)):
            inside = (node.module or "").removeprefix("mtsr_lib").lstrip(".")
            found |= {inside.split(".")[0]} if inside else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if _absolute(alias.name)]
            found |= {name.split(".")[1] for name in names if "." in name}
    return found


def _absolute(name: str | None) -> bool:
    return (name or "").split(".")[0] == "mtsr_lib"


def faults(order: list[str]) -> list[str]:
    found = []
    for name, paths in modules().items():
        for used in {used for path in paths for used in imported_by(path)} & set(order) - {name}:
            if name not in order or order.index(used) >= order.index(name):
                found.append(f"{name} imports {used}")
    return found


def test_each_module_imports_only_from_those_above_it():
    assert set(modules()) <= set(ORDER), "a module without a place in the order"
    assert faults(ORDER) == []


def test_an_import_from_below_is_found():
    swapped = ["metrics", "images", *ORDER[2:]]
    assert "metrics imports images" in faults(swapped)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=LIBRARY.parent, check=True
    )
    return done.stdout.strip()


def test_the_core_loads_nothing_of_the_screen():
    core = [name for name in CORE if name in modules()]
    imports = "\n".join(f"import mtsr_lib.{name}" for name in [*core, "__main__"])
    loaded = set(run(f"{imports}\nimport sys\nprint(*sys.modules)").split())
    assert loaded & SCREEN == set()


def test_the_public_face_alone_loads_no_science_package():
    loaded = set(run("import mtsr_lib, sys\nprint(*sys.modules)").split())
    assert loaded & {"scipy", "skimage", *SCREEN} == set()


def test_the_screen_loads_when_touched():
    touched = "import mtsr_lib, sys; mtsr_lib.plots; mtsr_lib.widgets; mtsr_lib.check"
    assert "mtsr_lib.plots" in run(f"{touched}; print(*sys.modules)").split()


def test_an_unknown_part_is_an_attribute_error():
    import mtsr_lib

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mtsr_lib.nothing


def seconds(code: str) -> float:
    """CPU seconds of a fresh interpreter that runs this code: a busy machine counts less."""
    before = os.times()
    run(code)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


@pytest.mark.slow
def test_importing_the_library_costs_little_beside_torch(capsys):
    run("import mtsr_lib")  # compiled, in the disk's cache
    pairs = [(seconds("import torch"), seconds("import mtsr_lib")) for _ in range(5)]
    torch, library = (statistics.median(times) for times in zip(*pairs, strict=True))
    with capsys.disabled():
        print(f"\nimport mtsr_lib / import torch = {library / torch:.2f} ({library:.2f} s of CPU)")
    assert library / torch < 1.35  # the goal is 1.2; a busy machine is unsteady


def test_the_import_hook_of_the_tests_checks_shapes():
    import torch
    from jaxtyping import TypeCheckError

    from mtsr_lib.metrics import psnr_y

    with pytest.raises(TypeCheckError):
        psnr_y(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), 2)
