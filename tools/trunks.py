"""Trained trunks for lesson 11 to look into: data/results/trunks.safetensors, first_steps.csv.

python tools/trunks.py            what is there is skipped

Trains again some networks of `subsets` and `weights`, seed 0, and keeps their trunks in half
precision, as "arm/parameter". Also the losses of the first steps of every way of sharing, seed 0,
means of ten steps. About 10 minutes on one core. Each network's scores are printed beside its
stored row: on the machine that made the rows they agree to the digit.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib.experiments import (
    Arm,
    append_row,
    architectures,
    prepared,
    read_rows,
    run_arm,
    subsets,
    weights,
)
from mtsr_lib.images import data_folder
from mtsr_lib.training import cosine, fit

STEPS = 150  # of first_steps.csv
ALL = "sr+detail+color"


def wanted() -> list[Arm]:
    """The networks whose trunks are kept."""
    single = [arm for arm in subsets() if arm.name in ("sr", "detail", "color")]
    return single + [arm for arm in weights() if arm.name.startswith("detail 1, ")]


def trunk_of(arm: Arm, folder: Path) -> dict[str, Tensor]:
    """Train the arm, say how it compares with its stored row, give its trunk by parameter."""
    row = run_arm(arm, 0, keep=folder)
    stored = {
        found["hash"]: found
        for name in ("subsets", "weights")
        for found in read_rows(data_folder() / "results" / f"{name}.csv")
        if found["seed"] == "0"
    }
    for key in (f"test_{task}" for task in arm.tasks):
        print(f"{arm.name}: {key} {row[key]}, stored {stored[arm.hash][key]}")
    with safe_open(folder / f"{arm.hash}-0.safetensors", framework="pt") as file:
        keys = [key for key in file.keys() if key.startswith("backbone.")]  # noqa: SIM118
        return {key.removeprefix("backbone."): file.get_tensor(key).half() for key in keys}


def first_steps(arm: Arm) -> list[dict]:
    """The losses at the beginning of run_arm with seed 0, means of ten steps."""
    model, data = prepared(arm, 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=arm.learning_rate)
    schedule = cosine(arm.steps, arm.learning_rate)
    losses = fit(model, data, STEPS, optimizer, schedule, progress=False).train
    tens = [losses[k : k + 10] for k in range(0, STEPS, 10)]
    mean = {task: [sum(row[task] for row in ten) / 10 for ten in tens] for task in arm.tasks}
    return [
        {"arm": arm.name, "seed": 0, "hash": arm.hash, "step": 10 * (k + 1)}
        | {task: f"{values[k]:.6f}" for task, values in mean.items()}
        for k in range(len(tens))
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=data_folder() / "results")
    out = parser.parse_args(arguments).out
    if not (out / "first_steps.csv").exists():
        sharing = [arm for arm in subsets() if arm.name in (ALL, f"{ALL}, chained")]
        for row in [row for arm in [*sharing, *architectures()] for row in first_steps(arm)]:
            append_row(out / "first_steps.csv", row)
    path = out / "trunks.safetensors"
    kept = load_file(path) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for arm in wanted():
            if not any(key.startswith(f"{arm.name}/") for key in kept):
                found = trunk_of(arm, Path(folder))
                kept |= {f"{arm.name}/{key}": value for key, value in found.items()}
                save_file(kept, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
