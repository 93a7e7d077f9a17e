"""The long comparisons of lessons 08 to 11: python -m mtsr_lib.experiments NAME --seeds N.

Every run is one row of data/results/NAME.csv; rows that exist are skipped, so a comparison can be
stopped, gone on with, and extended by seeds. Trained on the course's photographs with the
committed split; one thread a run, several runs at once through joblib (whose backend may be dask
or Ray over many machines).
"""

import argparse
import csv
import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from . import __version__, losses, sharing
from .checkpoints import save_checkpoint
from .datasets import Patches, whole_pair
from .images import data_folder, from_uint8, load_uint8, photographs
from .metrics import psnr_rgb
from .model import MultiTaskNet
from .recipes import make_balancer
from .tasks import COLOR, DETAIL, SR, Task, enhance
from .training import cosine, fit

__all__ = ["EXPERIMENTS", "Arm", "run_arm", "run_experiment"]

STRENGTHS = (0.25, 0.75)  # of fading, for measuring
EVERYTHING = ("sr", "detail", "color")
CHOSEN = "detail 0.3, color 0.01, 30 channels, 6 blocks"  # of `chained`, see REPORT.md
SIDE = 768  # measured on the middle of each photograph, HR pixels


@dataclass(frozen=True)
class Arm:
    """One way to train; everything that distinguishes it is here and goes into its hash.

    `tasks` names heads: sr, detail, color, and sr_again, an sr head more. `loss` "plain" is L1 for
    every task; "with enhanced" adds to sr's the L1 between the enhanced pictures. `sharing` is one
    of hard, chained, cross-stitch, attention, conditioning, and groups (color has its own trunk).
    """

    name: str
    tasks: tuple[str, ...]
    steps: int = 1500
    channels: int = 32
    blocks: int = 4
    hidden: int = 16
    loss: str = "plain"
    sharing: str = "hard"
    balancer: str = "fixed"
    weights: tuple[float, ...] = ()
    photographs: int = 0  # how many of the training split; 0 takes all
    batch_size: int = 16
    patch: int = 24
    learning_rate: float = 2e-3

    @property
    def hash(self) -> str:
        """Eight digits that change with every setting."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:8]


def subsets() -> list[Arm]:
    """Stage (i): the seven subsets of the three tasks, and the controls."""
    names = [("sr",), ("detail",), ("color",), ("sr", "detail"), ("sr", "color")]
    names += [("detail", "color"), ("sr", "detail", "color")]
    arms = [Arm("+".join(tasks), tasks) for tasks in names]
    single = arms[:3]
    arms += [replace(arm, name=f"{arm.name}, a third of the steps", steps=500) for arm in single]
    arms += [
        replace(arm, name=f"{arm.name}, a third of the parameters", channels=18) for arm in single
    ]
    arms.append(Arm("sr, enhanced loss added", ("sr",), loss="with enhanced"))
    arms.append(Arm("sr+sr", ("sr", "sr_again")))
    arms += [
        Arm(f"{'+'.join(tasks)}, chained", tasks, sharing="chained")
        for tasks in (*names[1:3], names[-1])
    ]
    return arms


def balancers() -> list[Arm]:
    """Stage (ii): every balancer on all three tasks; for fixed weights see `weights`."""
    names = ("fixed", "random", "dwa", "uncertainty", "gradnorm", "pcgrad", "mgda", "upgrad")
    return [Arm(name, EVERYTHING, balancer=name) for name in names]


def weights() -> list[Arm]:
    """Stage (ii): fixed weights to tune from: sr has 1, detail and color have these."""
    grid = [(d, c) for d in (0.1, 0.3, 1, 3) for c in (0.03, 0.1, 0.3, 1)]
    return [Arm(f"detail {d}, color {c}", EVERYTHING, weights=(1, d, c)) for d, c in grid]


def chained() -> list[Arm]:
    """Stage (ii): the chained network with tuned weights, as large as hard sharing and larger.

    The larger are still below half of the operations and parameters of three networks of 32
    channels and 4 blocks.
    """
    grid = [(1, 0.1), (0.3, 0.1), (1, 0.03), (0.3, 0.03), (1, 0.01), (3, 0.1), (3, 0.03)]
    shapes = [(32, 4, w) for w in grid] + [(36, 4, (1, 0.03)), (36, 4, (0.3, 0.03))]
    shapes += [(*size, w) for w in [(1, 0.03), (0.3, 0.01)] for size in [(32, 5), (30, 6)]]
    shapes.append((32, 4, (0.3, 0.01)))
    return [
        Arm(
            f"detail {d}, color {c}, {width} channels" + f", {blocks} blocks" * (blocks != 4),
            EVERYTHING,
            sharing="chained",
            weights=(1, d, c),
            channels=width,
            blocks=blocks,
        )
        for width, blocks, (d, c) in shapes
    ]


def architectures() -> list[Arm]:
    """Stage (ii): other ways of sharing, as wide as gives them hard sharing's parameters."""
    widths = {"cross-stitch": 19, "attention": 27, "conditioning": 32, "groups": 23}
    return [Arm(name, EVERYTHING, sharing=name, channels=c) for name, c in widths.items()]


def confirm() -> list[Arm]:
    """Stage (iii): what won on the validation photographs, beside single-task networks.

    And, since it is larger than each of them, beside sr alone in a network of its size. To be run
    with seeds that no choice has seen: --first 100 --seeds 10.
    """
    single = [Arm(task, (task,)) for task in EVERYTHING]
    chosen = next(arm for arm in chained() if arm.name == CHOSEN)
    larger = replace(single[0], channels=chosen.channels, blocks=chosen.blocks)
    return [
        *single,
        replace(chosen, name="one for three"),
        replace(larger, name="sr, channels and blocks of the one"),
    ]


def confirm_long() -> list[Arm]:
    """Stage (iii) at five times the steps."""
    return [replace(arm, steps=5 * arm.steps) for arm in confirm()]


def few_photographs() -> list[Arm]:
    """Stage (ii): one photograph, and five; each task alone, and all three on one trunk."""
    sets = [("sr",), ("detail",), ("color",), ("sr", "detail", "color")]
    return [
        Arm(f"{'+'.join(tasks)}, {count} of the photographs", tasks, photographs=count)
        for count in (1, 5)
        for tasks in sets
    ]


EXPERIMENTS: dict[str, Callable[[], list[Arm]]] = {
    "subsets": subsets,
    "weights": weights,
    "balancers": balancers,
    "architectures": architectures,
    "chained": chained,
    "few_photographs": few_photographs,
    "confirm": confirm,
    "confirm_long": confirm_long,
}


def l1_with_enhanced(prediction: Tensor, target: Tensor) -> Tensor:
    """L1(y) + L1(enhance(y)): a second loss for sr instead of a second task."""
    return losses.l1(prediction, target) + losses.l1(enhance(prediction), enhance(target))


def tasks_of(arm: Arm) -> list[Task]:
    """The arm's tasks, with its losses."""
    sr = replace(SR, loss=l1_with_enhanced) if arm.loss == "with enhanced" else SR
    known = {"sr": sr, "sr_again": replace(sr, name="sr_again"), "detail": DETAIL, "color": COLOR}
    return [known[name] for name in arm.tasks]


def network_of(arm: Arm) -> MultiTaskNet:
    """The arm's network, not trained."""
    tasks, size = tasks_of(arm), (arm.channels, arm.blocks)
    trunks = {
        "cross-stitch": lambda: sharing.CrossStitch(arm.tasks, *size),
        "attention": lambda: sharing.Attention(arm.tasks, *size),
        "conditioning": lambda: sharing.Conditioning(arm.tasks, *size),
        "groups": lambda: sharing.Groups([("sr", "detail"), ("color",)], *size),
    }
    if arm.sharing in trunks:
        return sharing.SharingNet(tasks, trunks[arm.sharing](), arm.channels, arm.hidden)
    kinds = {"hard": MultiTaskNet, "chained": sharing.ChainedNet}
    return kinds[arm.sharing](tasks, *size, arm.hidden)


def prepared(arm: Arm, seed: int) -> tuple[MultiTaskNet, Patches]:
    """The arm's network, not trained, and its batches, as the seed throws the dice."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    files = photographs("train")[: arm.photographs or None]
    data = Patches(map(load_uint8, files), tasks_of(arm), arm.batch_size, arm.patch, seed)
    return network_of(arm).to(memory_format=torch.channels_last), data


def run_arm(arm: Arm, seed: int, experiment: str = "", keep: Path | None = None) -> dict:
    """Train one arm with one seed, measure it, and give its row; its weights go to `keep`."""
    model, data = prepared(arm, seed)
    weights = dict(zip(arm.tasks, arm.weights, strict=False))
    balancer = make_balancer(arm.balancer, arm.tasks, weights, seed)
    parameters = [*model.parameters(), *balancer.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=arm.learning_rate)
    start = time.process_time()
    schedule = cosine(arm.steps, arm.learning_rate)
    history = fit(model, data, arm.steps, optimizer, schedule, balancer, progress=False)
    seconds = time.process_time() - start
    if keep:
        save_checkpoint(model, keep / f"{arm.hash}-{seed}.safetensors", asdict(arm))
    scores = {
        f"{split}_{k}": v for split in ("val", "test") for k, v in score(model, split).items()
    }
    return {
        "experiment": experiment,
        "arm": arm.name,
        "seed": seed,
        "hash": arm.hash,
        "steps": history.steps,
        "parameters": sum(p.numel() for p in model.parameters()),
        "cpu_seconds": round(seconds, 1),
        **{f"{s}_{m}": scores.get(f"{s}_{m}", "") for s in ("val", "test") for m in METRICS},
        "settings": json.dumps(asdict(arm), sort_keys=True),
        "versions": f"mtsr_lib {__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}",
    }


METRICS = ("sr", "detail", "color", "cascade")


@torch.inference_mode()
def score(model: MultiTaskNet, split: str) -> dict[str, float]:
    """PSNR-RGB of each task over a split; `cascade`: the enhanced sr output, for detail."""
    model.eval()
    values: dict[str, list[float]] = {}
    for path in photographs(split):
        picture = middle(from_uint8(load_uint8(path)))
        for s in STRENGTHS:
            x, targets = whole_pair(picture, s, [SR, DETAIL, COLOR])
            outputs = model(x.contiguous(memory_format=torch.channels_last))
            if "sr" in outputs:
                outputs["cascade"], targets["cascade"] = enhance(outputs["sr"]), targets["detail"]
            for name in METRICS:
                if name in outputs:
                    dB = psnr_rgb(outputs[name], targets[name], 2).item()
                    values.setdefault(name, []).append(dB)
    return {name: round(sum(v) / len(v), 4) for name, v in values.items()}


def middle(picture: Tensor) -> Tensor:
    """The middle SIDE×SIDE pixels, or what there is of them."""
    h, w = picture.shape[-2:]
    top, left = max(0, h - SIDE) // 2, max(0, w - SIDE) // 2
    return picture[..., top : top + SIDE, left : left + SIDE]


def run_experiment(
    name: str,
    seeds: Sequence[int],
    jobs: int = 1,
    folder: Path | None = None,
    only: str = "",
    keep: Path | None = None,
) -> Path:
    """All arms with all seeds whose rows are missing; gives the CSV's path."""
    path = (folder or data_folder() / "results") / f"{name}.csv"
    have = {(row["hash"], int(row["seed"])) for row in read_rows(path)}
    arms = [arm for arm in EXPERIMENTS[name]() if only in arm.name]
    wanted = [(arm, seed) for seed in seeds for arm in arms if (arm.hash, seed) not in have]
    for row in tqdm(_results(wanted, jobs, name, keep), total=len(wanted), desc=name):
        append_row(path, row)
    return path


def _results(wanted: list[tuple[Arm, int]], jobs: int, name: str, keep: Path | None):
    """Rows as they come, in order of finishing."""
    if jobs == 1:
        return (run_arm(arm, seed, name, keep) for arm, seed in wanted)
    from joblib import Parallel, delayed

    work = (delayed(run_arm)(arm, seed, name, keep) for arm, seed in wanted)
    return Parallel(n_jobs=jobs, return_as="generator_unordered")(work)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV; none if there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append_row(path: Path, row: dict) -> None:
    """Add one row, with the header first in a new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row.keys(), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def main(arguments: list[str] | None = None) -> int:
    """The command line of the experiments."""
    parser = argparse.ArgumentParser(prog="python -m mtsr_lib.experiments", description=__doc__)
    parser.add_argument("name", choices=sorted(EXPERIMENTS))
    parser.add_argument("--seeds", type=int, default=5, help="how many (default 5)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs at once (default 1; needs joblib)"
    )
    parser.add_argument("--only", default="", help="only arms whose name holds this")
    parser.add_argument("--out", type=Path, help="folder for the CSV (default: data/results)")
    parser.add_argument("--keep", type=Path, help="folder for the trained networks")
    o = parser.parse_args(arguments)
    seeds = range(o.first, o.first + o.seeds)
    print(run_experiment(o.name, seeds, o.jobs, o.out, o.only, o.keep))
    return 0


if __name__ == "__main__":
    sys.exit(main())
