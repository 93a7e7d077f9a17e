"""Tasks whose input does not tell the answer: data/results/counterexample.csv for lesson 08.

Gains g for R, G and B, log2 g drawn for each picture with its mean over the channels 0:
- tint: the target is the picture as shot, times g. Nothing in the input tells which g.
- cast: the *input* is the clean picture times g; the target is the clean picture. A patch of the
  input tells g in part, since most patches are nearly grey.
Same recipe, photographs and measure as in mtsr_lib/experiments.py: sr beside tint may be compared
with the rows of sr in subsets.csv.

python tools/counterexample.py --seeds 3        rows that exist are skipped
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib import __version__
from mtsr_lib.balance import FixedWeights
from mtsr_lib.datasets import Batch, Patches, margin_of, whole_pair
from mtsr_lib.degrade import crop_to_multiple, downscale, enlarge
from mtsr_lib.experiments import STRENGTHS, append_row, middle, read_rows
from mtsr_lib.images import data_folder, from_uint8, load_uint8, photographs, quantize
from mtsr_lib.metrics import psnr_rgb
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.tasks import SR, Task
from mtsr_lib.training import cosine, fit

SPREAD = 0.6  # log2 g is drawn from −SPREAD to SPREAD before its mean is taken off
MEASURED = ((0.5, 0.0, -0.5), (-0.5, 0.0, 0.5), (0.25, -0.5, 0.25), (-0.25, 0.5, -0.25))
STEPS = 1500
TINT = replace(SR, name="tint")  # the head is sr's; the target is tinted below
CAST = Task("cast", scale=2, target=lambda clean, shot: clean)
Restore = Callable[[Tensor, Tensor], dict[str, Tensor]]


def times_gains(image: Tensor, log2_gains: Tensor) -> Tensor:
    """Each picture's channels times their gains, (b, 3) in powers of 2; cut off at white."""
    return (image * 2 ** log2_gains[..., None, None]).clamp(0, 1)


def drawn(seed: int, step: int, count: int) -> Tensor:
    """log2 g for each picture of a batch, (count, 3)."""
    rng = np.random.default_rng([seed, step, 8])
    gains = rng.uniform(-SPREAD, SPREAD, (count, 3)).astype(np.float32)
    return torch.from_numpy(gains - gains.mean(axis=1, keepdims=True))


class TintPatches(Patches):
    """The patches of the experiments, faded; the target of tint is tinted at random."""

    def batch(self, step: int) -> Batch:
        batch = super().batch(step)
        if "tint" not in batch.targets:
            return batch
        gains = drawn(self.seed, step, len(batch.x))
        return batch._replace(
            targets=batch.targets | {"tint": times_gains(batch.targets["tint"], gains)}
        )


class CastPatches(Patches):
    """Patches of photographs that were taken with a random cast, and are not faded."""

    def batch(self, step: int) -> Batch:
        rng, margin = np.random.default_rng([self.seed, step]), margin_of(2)
        clean = torch.stack([self._cut(rng, 2)[0] for _ in range(self.batch_size)])
        clean = from_uint8(clean)
        shot = times_gains(clean, drawn(self.seed, step, len(clean)))
        x = quantize(downscale(shot, 2))
        hr, lr = slice(margin, -margin), slice(margin // 2, -margin // 2)
        (tasks,) = self.groups
        targets = {task.name: task.target(clean, shot)[..., hr, hr] for task in tasks}
        return Batch(x[..., lr, lr], targets, torch.zeros(len(x), 3, 32, 32))


def tint_pairs() -> Iterator[tuple[str, Tensor, Tensor, Tensor]]:
    """(task, x, target, log2 gains) of the test photographs, as the experiments measure sr."""
    for path in photographs("test"):
        for s in STRENGTHS:
            x, targets = whole_pair(middle(from_uint8(load_uint8(path))), s, [SR])
            yield "sr", x, targets["sr"], torch.zeros(1, 3)
            for gains in map(torch.tensor, MEASURED):
                yield "tint", x, times_gains(targets["sr"], gains[None]), gains[None]


def cast_pairs() -> Iterator[tuple[str, Tensor, Tensor, Tensor]]:
    """The same for cast, on photographs that were taken with one."""
    for path in photographs("test"):
        clean = crop_to_multiple(middle(from_uint8(load_uint8(path))), 2)
        for gains in map(torch.tensor, MEASURED):
            shot = times_gains(clean, gains[None])
            yield "cast", quantize(downscale(shot, 2)), clean, gains[None]


def nothing(x: Tensor, _gains: Tensor) -> dict[str, Tensor]:
    """Bicubic as the answer to everything."""
    return dict.fromkeys(("sr", "tint", "cast"), enlarge(x, 2))


@dataclass(frozen=True)
class World:
    """What the input is like: its patches, its test pairs, and what an oracle would answer."""

    patches: type[Patches]
    pairs: Callable[[], Iterator]
    oracle: Restore


WORLDS = {
    "tint": World(TintPatches, tint_pairs, lambda x, g: {"tint": times_gains(enlarge(x, 2), g)}),
    "cast": World(CastPatches, cast_pairs, lambda x, g: {"cast": times_gains(enlarge(x, 2), -g)}),
}


@dataclass(frozen=True)
class Arm:
    """One way to train."""

    world: str
    tasks: tuple[Task, ...]
    weight: float = 1.0  # of the last task
    rate: float = 2e-3


ARMS = {
    "sr+tint": Arm("tint", (SR, TINT)),
    "sr+tint, weight 0.1": Arm("tint", (SR, TINT), weight=0.1),
    "tint": Arm("tint", (TINT,)),
    "cast": Arm("cast", (CAST,)),
    "sr+tint, rate 0.0005": Arm("tint", (SR, TINT), rate=5e-4),
    "sr, rate 0.0005": Arm("tint", (SR,), rate=5e-4),
}


def run(name: str, seed: int) -> dict:
    """Train one arm with one seed, and measure it."""
    torch.manual_seed(seed)
    arm, world = ARMS[name], WORLDS[ARMS[name].world]
    data = world.patches(map(load_uint8, photographs("train")), arm.tasks, seed=seed)
    model = MultiTaskNet(arm.tasks).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(model.parameters())
    balancer = FixedWeights({arm.tasks[-1].name: arm.weight})
    start, schedule = time.process_time(), cosine(STEPS, arm.rate)
    fit(model, data, STEPS, adam, schedule, balancer, progress=False)
    seconds = time.process_time() - start
    scores = score(world, once_each(model))
    return row(name, seed, STEPS, seconds, scores, silent(model, data.batch(STEPS).x))


@torch.inference_mode()
def silent(model: MultiTaskNet, x: Tensor) -> dict[str, int]:
    """How many hidden units of each head fire nowhere in these patches."""
    features = model.backbone(x)
    fires = {name: head.hidden(features) > 0 for name, head in model.heads.items()}
    return {name: int((~on.any(dim=(0, 2, 3))).sum()) for name, on in fires.items()}


def once_each(model: MultiTaskNet) -> Restore:
    """The model, run once for pairs in a row that have the same input."""
    last: list = [None, None]

    def restore(x: Tensor, _gains: Tensor) -> dict[str, Tensor]:
        if last[0] is not x:
            last[:] = x, model(x.contiguous(memory_format=torch.channels_last))
        return last[1]

    return restore


@torch.inference_mode()
def score(world: World, restore: Restore) -> dict[str, float]:
    """Mean PSNR-RGB in dB of what restore(x, log2 gains) gives, by task."""
    values: dict[str, list[float]] = {}
    for name, x, target, gains in world.pairs():
        outputs = restore(x, gains)
        if name in outputs:
            values.setdefault(name, []).append(psnr_rgb(outputs[name], target, 2).item())
    return {name: round(sum(v) / len(v), 4) for name, v in values.items()}


def row(
    arm: str, seed: int | str, steps: int, seconds: float, scores: dict, lost: dict | None = None
) -> dict:
    """One line of the CSV; `silent_sr` of the 16 hidden units of the head sr."""
    return {
        "arm": arm,
        "seed": seed,
        "steps": steps,
        "cpu_seconds": round(seconds, 1),
        **{f"test_{name}": scores.get(name, "") for name in ("sr", "tint", "cast")},
        "silent_sr": (lost or {}).get("sr", ""),
        "versions": f"mtsr_lib {__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 (default 3)")
    parser.add_argument("--only", nargs="+", choices=ARMS, default=ARMS, help="these arms only")
    parser.add_argument("--out", type=Path, default=data_folder() / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    path = options.out / "counterexample.csv"
    have = {(r["arm"], r["seed"]) for r in read_rows(path)}
    for name, world in WORLDS.items():
        for arm, restore in {"doing nothing": nothing, "gains known": world.oracle}.items():
            if (f"{name}: {arm}", "") not in have:
                append_row(path, row(f"{name}: {arm}", "", 0, 0.0, score(world, restore)))
    wanted = [(arm, seed) for seed in range(options.seeds) for arm in options.only]
    for arm, seed in tqdm([each for each in wanted if (each[0], str(each[1])) not in have]):
        append_row(path, run(arm, seed))
    print(path)


if __name__ == "__main__":
    main()
