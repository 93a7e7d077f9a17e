"""Which block, width, loss and recipe for the shipped networks: candidates at equal CPU time.

python tools/flagship.py --photographs FOLDER --seconds 180      all candidates
python tools/flagship.py --photographs FOLDER --only "24 x 8"    those whose name holds this

mtsr-five: five tasks on one trunk (sr at ×2, ×3, ×4, detail, color), trunk and any one head at most
105K parameters. mtsr-live ("live"): sr at ×2, at most 15K. Each candidate trains for the steps
that its budget holds, by its own time for a step in this process, and is measured on the course's
validation photographs: never on a benchmark.
A row for each run in data/results/flagship.csv; rows that exist are skipped.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib import losses
from mtsr_lib.balance import FixedWeights
from mtsr_lib.blocks import WideKernel
from mtsr_lib.checkpoints import NETWORKS
from mtsr_lib.datasets import Patches, whole_pair
from mtsr_lib.experiments import append_row, middle, read_rows
from mtsr_lib.images import data_folder, from_uint8, load_uint8, luma, photographs, quantize
from mtsr_lib.metrics import psnr_rgb, psnr_y
from mtsr_lib.model import MultiTaskNet, luma_alone
from mtsr_lib.recipes import luma_l1, make_optimizer, pictures_in
from mtsr_lib.tasks import select
from mtsr_lib.training import cosine, fit

TASKS = ("sr", "sr_x3", "sr_x4", "detail", "color")


@dataclass(frozen=True)
class Candidate:
    """One way to build and train the flagship."""

    name: str
    channels: int = 28
    blocks: int = 6
    activation: str = "relu"
    block: str = "plain"  # "wide": twice the channels inside; "large"; "folded": WideKernel
    loss: str = "rgb"  # "rgb and y": the luma's L1 beside it, for sr
    weights: tuple[float, ...] = (1.0, 1.0, 1.0, 0.3, 0.01)
    batch_size: int = 8
    patch: int = 32
    learning_rate: float = 1e-3
    decay: float = 0.998  # of the running mean of the weights
    tasks: tuple[str, ...] = TASKS
    hidden: int = 16
    unfaded: float = 0.4
    kind: str = "hard"
    luma: bool = False  # heads add one picture to all three colours
    slope: float = 0.0  # of all ReLUs, those of the heads too
    optimizer: str = "Adam"
    schedule: str = "cosine"  # "linear": a straight fall instead
    sampling: str = "random"  # "detail": of two cuts the one whose neighbours differ more
    limit: int = 105_000  # parameters of the trunk and any one head


def candidates() -> list[Candidate]:
    """One change at a time from a reference."""
    reference = Candidate("28 x 6")
    wide = replace(reference, name="wide 16 x 10", block="wide", channels=16, blocks=10)
    five = replace(
        wide,
        name="mtsr-five",
        kind="chained",
        batch_size=4,
        weights=(1.0, 1.0, 1.0, 0.3, 0.02),
        unfaded=0.5,
    )
    live = Candidate(
        "live 16 x 2",
        channels=16,
        blocks=2,
        hidden=11,
        tasks=("sr",),
        weights=(1.0,),
        unfaded=1.0,
        limit=15_000,
    )
    light = replace(live, name="live luma", hidden=16, learning_rate=2e-3, luma=True, loss="y")
    stack = replace(light, name="live stack", kind="stack", blocks=5)
    sizes = [(32, 4), (24, 8), (20, 12)]
    return [
        reference,
        *[replace(reference, name=f"{c} x {b}", channels=c, blocks=b) for c, b in sizes],
        *[
            replace(reference, name=f"28 x 6, {name}", activation=name)
            for name in ("leaky", "prelu", "silu", "gelu")
        ],
        wide,
        replace(wide, name="wide 16 x 9", blocks=9),
        replace(wide, name="wide 24 x 4", channels=24, blocks=4),
        replace(wide, name="wide 16 x 10, batch 4", batch_size=4),
        replace(wide, name="wide 16 x 10, rate 2e-3", learning_rate=2e-3),
        replace(wide, name="wide 16 x 10, batch 4, by detail", batch_size=4, sampling="detail"),
        replace(wide, name="wide 16 x 10, batch 4, linear", batch_size=4, schedule="linear"),
        replace(wide, name="wide 16 x 10, batch 4, NAdam", batch_size=4, optimizer="NAdam"),
        replace(reference, name="large 40 x 8", block="large", channels=40, blocks=8),
        replace(reference, name="28 x 6, folded", block="folded"),
        replace(reference, name="28 x 6, rgb and y", loss="rgb and y"),
        replace(reference, name="28 x 6, rate 2e-3", learning_rate=2e-3),
        replace(reference, name="28 x 6, rate 5e-4", learning_rate=5e-4),
        replace(reference, name="28 x 6, batch 16", batch_size=16),
        replace(reference, name="28 x 6, batch 4", batch_size=4),
        replace(reference, name="28 x 6, patch 24", patch=24, batch_size=14),
        replace(reference, name="28 x 6, patch 48", patch=48, batch_size=4),
        replace(reference, name="28 x 6, equal weights", weights=(1.0,) * 5),
        five,
        *[replace(five, name=f"alone: {t}", tasks=(t,), weights=(1.0,)) for t in TASKS],
        live,
        replace(live, name="live 14 x 2", channels=14, hidden=14),
        replace(live, name="live 12 x 3", channels=12, blocks=3, hidden=12),
        replace(live, name="live wide 8 x 4", block="wide", channels=8, blocks=4, hidden=8),
        replace(live, name="live 16 x 2, folded", block="folded"),
        replace(live, name="live 16 x 2, prelu", activation="prelu"),
        replace(live, name="live 16 x 2, batch 16", batch_size=16),
        replace(live, name="live 16 x 2, batch 4", batch_size=4),
        replace(live, name="live 16 x 2, rate 2e-3", learning_rate=2e-3),
        replace(live, name="live 16 x 2, slope", learning_rate=2e-3, slope=0.1),
        light,
        replace(light, name="live luma, slope", slope=0.1),
        replace(light, name="live luma, loss of colours", loss="rgb"),
        replace(light, name="live luma, folded", block="folded"),
        replace(light, name="live luma 12 x 4", channels=12, blocks=4, hidden=12),
        replace(light, name="live luma, rate 3e-3", learning_rate=3e-3),
        replace(light, name="live luma, SOAP", optimizer="SOAP", learning_rate=3e-3),
        stack,
        replace(stack, name="live stack, SOAP", optimizer="SOAP", learning_rate=3e-3),
        replace(live, name="live 16 x 2, rate 4e-3", learning_rate=4e-3),
        replace(live, name="live 16 x 2, folded, rate 2e-3", block="folded", learning_rate=2e-3),
    ]


ACTIVATIONS = {
    "relu": lambda channels: nn.ReLU(inplace=True),
    "leaky": lambda channels: nn.LeakyReLU(0.1, inplace=True),
    "prelu": lambda channels: nn.PReLU(channels, 0.1),
    "silu": lambda channels: nn.SiLU(inplace=True),
    "gelu": lambda channels: nn.GELU(),
}


class Block(nn.Module):
    """x + conv(activation(conv(x))), `inner` channels between."""

    def __init__(self, channels: int, inner: int, activation: str):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, 3, padding=1)
        self.activation = ACTIVATIONS[activation](inner)
        self.conv2 = nn.Conv2d(inner, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.bias)
        self.conv2.weight.data.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.activation(self.conv1(x)))


class LargeKernel(nn.Module):
    """A 7×7 convolution of each channel, added; then two 1×1, twice the channels between."""

    def __init__(self, channels: int):
        super().__init__()
        self.near = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.back = nn.Conv2d(2 * channels, channels, 1)
        nn.init.zeros_(self.back.bias)
        self.back.weight.data.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.back(nn.functional.gelu(self.widen(x + self.near(x))))


class DetailedPatches(Patches):
    """Of two cuts at random the one with more detail: the mean step between its columns."""

    def _cut(self, rng: np.random.Generator, scale: int) -> tuple[Tensor, Tensor]:
        cuts = [super(DetailedPatches, self)._cut(rng, scale) for _ in range(2)]
        return max(cuts, key=lambda cut: cut[0].float().diff(dim=-1).abs().mean().item())


def luma_too(prediction: Tensor, target: Tensor) -> Tensor:
    """L1 of the colours and L1 of the luma."""
    return losses.l1(prediction, target) + losses.l1(luma(prediction), luma(target))


def network_of(candidate: Candidate) -> MultiTaskNet:
    """The candidate's network, not trained."""
    c = candidate
    tasks = select(c.tasks)
    if c.loss == "y":
        tasks = [replace(t, loss=luma_l1) for t in tasks]
    if c.loss == "rgb and y":
        tasks = [replace(t, loss=luma_too) if t.name.startswith("sr") else t for t in tasks]
    model = NETWORKS[c.kind](tasks, c.channels, c.blocks, c.hidden)
    inner = (2 if c.block == "wide" else 1) * c.channels
    blocks = [Block(c.channels, inner, c.activation) for _ in range(c.blocks)]
    if c.block == "large":
        blocks = [LargeKernel(c.channels) for _ in range(c.blocks)]
    if c.kind != "stack":
        model.backbone.blocks = nn.Sequential(*blocks)
    if c.luma:
        luma_alone(model)
    largest = max(_count(head) for head in model.heads.values())
    if (size := _count(model.backbone) + largest) > c.limit:
        raise ValueError(f"{c.name}: {size:,} parameters are more than {c.limit:,}")
    if c.slope:
        for module in list(model.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.ReLU):
                    setattr(module, name, nn.LeakyReLU(c.slope, inplace=True))
    if c.block == "folded":
        for block in blocks:
            for conv in (block.conv1, block.conv2):
                parametrize.register_parametrization(conv, "weight", WideKernel(conv.weight))
    return model


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def run(candidate: Candidate, photos: list[Path], seconds: float, seed: int) -> dict:
    """Train one candidate for its budget and measure it; gives its row."""
    torch.manual_seed(seed)
    c, model = candidate, network_of(candidate).to(memory_format=torch.channels_last)
    tasks, pictures = select(c.tasks), map(load_uint8, photos)
    made = DetailedPatches if c.sampling == "detail" else Patches
    data = made(pictures, tasks, c.batch_size, c.patch, seed, c.unfaded)
    balancer = FixedWeights(dict(zip(c.tasks, c.weights, strict=True)))
    if c.optimizer == "SOAP":
        optimizer = make_optimizer("soap", [*model.parameters()], c.learning_rate)
    else:
        optimizer = getattr(torch.optim, c.optimizer)(model.parameters(), lr=c.learning_rate)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(c.decay))
    optimizer.register_step_post_hook(lambda *_: averaged.update_parameters(model))
    first = 30
    fit(model, data, 6, optimizer, lambda step: 1e-5, balancer, progress=False)
    start = time.process_time()
    fit(model, data, first, optimizer, lambda step: 1e-5, balancer, progress=False)
    each = (time.process_time() - start) / first
    steps, start = round(seconds / each), time.process_time()
    schedule = cosine(steps, c.learning_rate)
    if c.schedule == "linear":
        schedule = lambda step: c.learning_rate * min((step + 1) / 100, 1 - 0.99 * step / steps)  # noqa: E731
    fit(model, data, steps, optimizer, schedule, balancer, progress=False)
    spent = time.process_time() - start
    with torch.inference_mode():
        live, mean = score(model), score(averaged.module)
    return {
        "candidate": c.name,
        "seed": seed,
        "budget": seconds,
        "steps": steps,
        "milliseconds": round(1000 * spent / steps, 1),
        "trunk": _count(network_of(replace(c, block=c.block.replace("folded", "plain"))).backbone),
        **{name: live.get(name, "") for name in TASKS},
        **{f"{name} of the mean": mean.get(name, "") for name in TASKS},
        "settings": json.dumps(asdict(c), sort_keys=True),
    }


def score(model: MultiTaskNet) -> dict[str, float]:
    """PSNR-Y of sr at each scale (8 bits, not faded); PSNR-RGB of the others, faded by half."""
    model.eval()
    values: dict[str, list[float]] = {}
    for path in photographs("val"):
        picture = middle(from_uint8(load_uint8(path)))
        for s, scale in ((0.0, 2), (0.0, 3), (0.0, 4), (0.5, 2)):
            tasks = [t for t in model.tasks.values() if t.scale == scale]
            tasks = [t for t in tasks if t.name.startswith("sr") == (s == 0.0)]
            if not tasks:
                continue
            x, targets = whole_pair(picture, s, tasks)
            outputs = model(x.contiguous(memory_format=torch.channels_last), list(targets))
            for name, y in outputs.items():
                metric = psnr_y if s == 0.0 else psnr_rgb
                dB = metric(quantize(y.clamp(0, 1)), targets[name], scale).item()
                values.setdefault(name, []).append(dB)
    return {name: round(sum(v) / len(v), 4) for name, v in values.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", default="train", help="a split or a folder")
    parser.add_argument("--seconds", type=float, default=180, help="CPU time of one training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="candidates whose name holds this")
    parser.add_argument("--out", type=Path, help="the CSV (default: data/results/flagship.csv)")
    o = parser.parse_args()
    torch.set_num_threads(1)
    path = o.out or data_folder() / "results" / "flagship.csv"
    for candidate in candidates():
        key = (candidate.name, str(o.seed), str(o.seconds))
        have = {(row["candidate"], row["seed"], row["budget"]) for row in read_rows(path)}
        if o.only in candidate.name and key not in have:
            row = run(candidate, pictures_in(o.photographs), o.seconds, o.seed)
            append_row(path, row)
            print({k: v for k, v in row.items() if k != "settings"}, flush=True)


if __name__ == "__main__":
    main()
