"""How balancers move their weights during a training, and what weights that grow together do.

python tools/balancer_weights.py            writes data/results/balancer_weights.csv
python tools/balancer_weights.py --growing  writes data/results/growing.csv

The first trains the arms fixed, dwa, uncertainty and gradnorm of the experiment `balancers` with
seed 0 again and watches: at step 1 and at every 25th, the weights used, the losses (means since the
last row) and the lengths of the tasks' gradients on the trunk, not weighted.

The second is a control for uncertainty, with three seeds: weights that are equal, and grow as if
each log-variance fell by the learning rate at every step. Lesson 09 draws both.
"""

import argparse
import csv
import math
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib.balance import alone, task_gradients, total_loss
from mtsr_lib.experiments import EVERYTHING, EXPERIMENTS, Arm, prepared, score
from mtsr_lib.recipes import make_balancer
from mtsr_lib.training import cosine, fit

RESULTS = Path(__file__).resolve().parents[1] / "data/results"
WATCHED = ("fixed", "dwa", "uncertainty", "gradnorm")
EVERY = 25
SEEDS = (0, 1, 2)


class Watched(nn.Module):
    """A balancer whose weights are written down; it does what the balancer does."""

    def __init__(self, name: str, balancer: nn.Module):
        super().__init__()
        self.name, self.balancer = name, balancer
        self.rows: list[dict] = []
        self.losses: list[dict[str, float]] = []

    def backward(self, losses: dict[str, Tensor], shared, average=alone) -> dict[str, float]:
        """The balancer's backward; a row at the first step and at every EVERYth."""
        self.losses.append({task: loss.item() for task, loss in losses.items()})
        step = len(self.losses)
        watching = step == 1 or step % EVERY == 0
        lengths = task_gradients(losses, shared).norm(dim=1).tolist() if watching else []
        weights = self.balancer.backward(losses, shared, average)
        if watching:
            last = self.losses[-min(step, EVERY) :]
            self.rows.append(
                {"balancer": self.name, "step": step}
                | {f"weight_{task}": weight for task, weight in weights.items()}
                | {f"loss_{task}": sum(row[task] for row in last) / len(last) for task in losses}
                | {f"length_{t}": length for t, length in zip(losses, lengths, strict=True)}
            )
        return weights


class Growing(nn.Module):
    """One weight for all tasks, exp(Σ η(t)) / 2: uncertainty's, if every s falls by η(t)."""

    def __init__(self, arm: Arm):
        super().__init__()
        self.rates, self.step, self.fallen = cosine(arm.steps, arm.learning_rate), 0, 0.0

    def backward(self, losses: dict[str, Tensor], shared=(), average=alone) -> dict[str, float]:
        """Gradients of the total with this step's weight."""
        weights = dict.fromkeys(losses, 0.5 * math.exp(self.fallen))
        self.fallen += self.rates(self.step)
        self.step += 1
        total_loss(losses, weights).backward()
        return weights


def train(arm: Arm, balancer: nn.Module, seed: int) -> nn.Module:
    """The network that `experiments.run_arm` trains, with this balancer."""
    model, data = prepared(arm, seed)
    parameters = [*model.parameters(), *balancer.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=arm.learning_rate)
    fit(model, data, arm.steps, optimizer, cosine(arm.steps, arm.learning_rate), balancer)
    return model


def watched() -> list[dict]:
    """Rows of all four balancers; their scores on the screen, to be held against balancers.csv."""
    rows = []
    for arm in EXPERIMENTS["balancers"]():
        if arm.name in WATCHED:
            balancer = Watched(arm.name, make_balancer(arm.balancer, EVERYTHING, {}, 0))
            print(arm.name, score(train(arm, balancer, 0), "test"))
            rows += balancer.rows
    return rows


def growing() -> list[dict]:
    """A row for each seed, with the scores' names of the experiments."""
    arm, rows = EXPERIMENTS["balancers"]()[0], []
    for seed in SEEDS:
        model = train(arm, Growing(arm), seed)
        values = {
            f"{split}_{k}": v for split in ("val", "test") for k, v in score(model, split).items()
        }
        rows.append({"arm": "growing together", "seed": seed, "steps": arm.steps, **values})
        print(rows[-1])
    return rows


def main() -> None:
    """The one or the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--growing", action="store_true", help="the control instead")
    control = parser.parse_args().growing
    rows = growing() if control else watched()
    path = RESULTS / ("growing.csv" if control else "balancer_weights.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows
        )


if __name__ == "__main__":
    main()
