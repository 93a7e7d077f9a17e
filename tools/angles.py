"""How the tasks' gradients on the shared trunk lie to each other while a network trains: lesson 10.

python tools/angles.py --seeds 3

Trains arms of the experiments (all three tasks with equal weights, the same with tuned ones, and
the three pairs) as `python -m mtsr_lib.experiments` does, and now and then takes each task's
gradient twice: on fresh batches, 16 patches or (at fewer moments) the mean over 512, and on as many
others. A row of data/results/angles.csv is one group of layers at one moment: the cosine of each
pair of tasks on the first patches, the length of each task's gradient there, and its cosine with
the same task's gradient on the second patches (`again`). A run that is there is skipped.
"""

import argparse
import platform
import sys
from itertools import combinations
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib import __version__
from mtsr_lib.balance import FixedWeights, task_gradients
from mtsr_lib.datasets import Batch, Patches
from mtsr_lib.experiments import Arm, append_row, prepared, read_rows, tasks_of
from mtsr_lib.images import load_uint8, photographs
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.training import History, cosine, fit

TABLE = Path(__file__).resolve().parents[1] / "data/results/angles.csv"
TASKS = ("sr", "detail", "color")
PAIRS = list(combinations(TASKS, 2))
STEPS = [*range(10, 101, 10), *range(150, 1501, 50)]  # measured on one batch,
MANY_STEPS, MANY = (50, 100, 200, 300, 500, 700, 1000, 1500), 32  # and on the mean over many
FRESH = 1000  # added to the seed for the batches that only measure
KINDS = ("length", "again")


def arms() -> list[Arm]:
    """Three tasks on one trunk, with equal weights and with tuned ones, and the three pairs."""
    together = [Arm("equal", TASKS), Arm("tuned", TASKS, weights=(1, 0.3, 0.1))]
    return together + [Arm("+".join(pair), pair) for pair in PAIRS]


def layers_of(model: MultiTaskNet) -> dict[str, list[Tensor]]:
    """The trunk's parameters in groups, from the picture to the heads."""
    trunk = model.backbone
    blocks = {f"block {n}": [*block.parameters()] for n, block in enumerate(trunk.blocks, 1)}
    return {"first": [*trunk.first.parameters()], **blocks, "last": [*trunk.last.parameters()]}


def gradients(model: MultiTaskNet, batch: Batch) -> dict[str, Tensor]:
    """Each task's gradient, one row a task, on the whole trunk and on every group of layers."""
    batch, groups = batch.to(torch.device("cpu")), layers_of(model)
    outputs = model(batch.x, list(batch.targets), batch.context)
    losses = {n: model.tasks[n].loss(outputs[n], y) for n, y in batch.targets.items()}
    rows = task_gradients(losses, [p for group in groups.values() for p in group])
    sizes = [sum(p.numel() for p in group) for group in groups.values()]
    return {"whole": rows, **dict(zip(groups, rows.split(sizes, dim=1), strict=True))}


def measured(model: MultiTaskNet, fresh: Patches, step: int, batches: int = 1) -> list[dict]:
    """The rows of one moment, gradients averaged over so many batches."""

    def mean(first: int) -> dict[str, Tensor]:
        steps = range(first, first + batches)
        made = [gradients(model, fresh.batch(n)) for n in steps]
        return {group: sum(g[group] for g in made) / batches for group in made[0]}

    one, two = mean(2 * batches * step), mean(2 * batches * step + batches)
    about = {"step": step, "patches": batches * fresh.batch_size}
    return [about | {"layers": group} | told(model, one[group], two[group]) for group in one]


def told(model: MultiTaskNet, one: Tensor, two: Tensor) -> dict:
    """Cosines and lengths of the tasks' gradients (tasks, size) on two batches."""
    cosines = F.normalize(one) @ F.normalize(one).T
    again = F.cosine_similarity(one, two)
    place = {name: i for i, name in enumerate(model.tasks)}
    row = dict.fromkeys([*map("·".join, PAIRS), *(f"{n} {w}" for w in KINDS for n in TASKS)], "")
    for a, b in combinations(place, 2):
        row[f"{a}·{b}"] = f"{cosines[place[a], place[b]]:.4f}"
    for name, i in place.items():
        row[f"{name} length"], row[f"{name} again"] = f"{one[i].norm():.4g}", f"{again[i]:.4f}"
    return row


def run(arm: Arm, seed: int) -> list[dict]:
    """Train one arm with one seed as `run_arm` does, and measure on the way."""
    model, data = prepared(arm, seed)
    pictures = map(load_uint8, photographs("train"))
    fresh = Patches(pictures, tasks_of(arm), arm.batch_size, arm.patch, seed + FRESH)
    adam = torch.optim.Adam(model.parameters(), lr=arm.learning_rate)
    rows = []

    def after(history: History) -> None:
        if history.steps in STEPS:
            rows.extend(measured(model, fresh, history.steps))
        if history.steps in MANY_STEPS:
            rows.extend(measured(model, fresh, history.steps, MANY))

    schedule = cosine(arm.steps, arm.learning_rate)
    balancer = FixedWeights(dict(zip(arm.tasks, arm.weights, strict=False)))
    fit(model, data, arm.steps, adam, schedule, balancer, every=10, after=after, progress=False)
    about = {"arm": arm.name, "seed": seed, "hash": arm.hash}
    versions = f"mtsr_lib {__version__}, torch {torch.__version__}, {platform.machine()}"
    return [about | row | {"versions": versions} for row in rows]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 (default 3)")
    parser.add_argument("--only", default="", help="only arms whose name holds this")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    have = {(row["hash"], int(row["seed"])) for row in read_rows(options.out)}
    for seed in range(options.seeds):
        for arm in arms():
            if options.only in arm.name and (arm.hash, seed) not in have:
                print(arm.name, seed, flush=True)
                for row in run(arm, seed):
                    append_row(options.out, row)


if __name__ == "__main__":
    main()
