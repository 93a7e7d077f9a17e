"""A notebook with every widget, for the browser tests to drive."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

CELLS = [
    """import time
import torch
from mtsr_lib import load_sample, widgets
photo = load_sample("astronaut")[..., :192, 96:336]""",
    'widgets.compare(photo, photo[..., ::4, ::4], 1 - photo, labels=["HR", "LR", "negative"])',
    'widgets.magnifier(photo, photo[..., ::4, ::4], labels=["HR", "LR"])',
    "widgets.degradation_lab(photo)",
    """calls = []
def slow(level, fail):
    calls.append(level)
    time.sleep(0.3)
    if fail:
        raise ZeroDivisionError("planted")
    return {"grey": torch.full((3, 8, 8), level / 100)}, f"level {level}, call {len(calls)}"
widgets.experiment(slow, title="slow", level=widgets.slider("level", 0, 100, 50, unit="%"),
                   fail=widgets.switch("fail", False))""",
    "picker = widgets.photo_picker()\npicker",
    """import ipywidgets
ipywidgets.interactive(lambda n: print(n), n=(0, 10))""",
]


def tiny_notebook(path: Path, cells: list[str] = CELLS) -> None:
    """Write a notebook of these code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = new_notebook(cells=[new_code_cell(c) for c in cells], metadata={"kernelspec": kernel})
    nbformat.write(made, path)
