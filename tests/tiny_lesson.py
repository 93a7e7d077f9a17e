"""A small lesson that has every part a lesson needs, made for the tests of the lesson kit."""

from __future__ import annotations

import json
from pathlib import Path

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="

SOLUTION = """def my_psnr(prediction, target):
    error = (prediction - target).square().mean(dim=(1, 2, 3))
    return -10 * torch.log10(error)
"""


def markdown(text: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(text: str, *tags: str, **mtsr: str) -> dict:
    metadata: dict = {"tags": list(tags)} if tags else {}
    if mtsr:
        metadata["mtsr"] = mtsr
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": text,
        "outputs": [],
        "execution_count": None,
    }


def section(number: int) -> list[dict]:
    return [
        markdown(f"## {number}. What is {number} squared?\n\n" + "A word more to read. " * 60),
        markdown("**Predict before you run.** More than it was?"),
        code(f"# NBVAL_CHECK_OUTPUT\n{number}**2"),
        code(f"assert {number}**2 == {number**2}"),
        markdown("That is what it means. " * 10),
    ]


def exercise(number: int, name: str = "psnr") -> list[dict]:
    facts = "**Difficulty** 1 of 3 · **Time** 10 min · **Why** every number here is a PSNR."
    folds = (
        "<details><summary>Hint 1</summary>\n\nThe mean first.\n\n</details>\n"
        f"<details><summary>Solution</summary>\n\n```python\n{SOLUTION}```\n\n</details>\n"
    )
    return [
        markdown(f"### Your turn {number}: PSNR\n\n{facts}\n\nWrite `my_psnr`."),
        code(
            "def my_psnr(prediction, target):\n    return ...  # your code",
            "exercise",
            exercise=name,
        ),
        code("check.psnr(my_psnr)", "check"),
        markdown(folds),
    ]


def tiny_lesson(*more: dict, builds: tuple[str, ...] = ()) -> dict:
    """A lesson 01 with three sections, three exercises, a widget, and `more` before its end."""
    opening = (
        "# 01 What is lost?\n\n0 min · 0 s of CPU · 0.0 GB · offline\n\n"
        f"![one grey pixel]({PIXEL})\n\nBy the end you can\n\n- count;\n- square;\n- measure.\n\n"
        "Prerequisites: none. You are here: "
        "photo → pair → backbone → heads → losses → loop → measure."
    )
    ending = (
        "## Common mistakes\n\n**Small.** Larger.\n\n## What moved into mtsr_lib\n\nNothing.\n\n"
        "## Take-away\n\n- One.\n\n## Quiz\n\n1. One?\n2. Two?\n3. Three?\n\n## Sources\n\nNone.\n"
    )
    cells = [
        markdown(opening),
        code("import ipywidgets as widgets\nimport torch\n\nfrom mtsr_lib import check"),
        code("_ = torch.manual_seed(0)"),
        *(cell for number in (1, 2, 3) for cell in section(number)),
        code("# NBVAL_CHECK_OUTPUT\n2 + 2"),
        code("# NBVAL_CHECK_OUTPUT\n(3, 4)"),
        code("slider = widgets.IntSlider(3, 0, 5)\nslider", "widget"),
        markdown("The storyboard of three settings. " + "Read on. " * 200),
        *(cell for n, name in enumerate(["psnr", "b", "c"], 1) for cell in exercise(n, name)),
        *more,
        markdown(ending),
        markdown("Previous: none"),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {"mtsr": {"minutes": 0, "cpu_seconds": 0, "memory_mb": 0, "builds": list(builds)}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def write(folder: Path, notebook: dict) -> Path:
    path = folder / "01_tiny.ipynb"
    path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    return path
