"""A minute of training from nothing: the curve of lesson 06, over seeds.

python tools/one_minute.py --seeds 3
python tools/one_minute.py --seeds 1 --set batch_size=8 steps=4600 --out try.csv

Trains as data/configs/one-minute.toml says, on the course's photographs, and writes
data/results/one_minute.csv: steps, seconds of training (measuring not counted), PSNR-Y on the
validation photographs and, where MTSR_BENCHMARKS names their folder, on Set5 and Set14. The recipe
was chosen on the validation photographs; Set5 and Set14 are only reported.
"""

import argparse
import csv
import os
import platform
import statistics
import sys
import time
import tomllib
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib.datasets import Patches
from mtsr_lib.evaluation import BenchmarkError, benchmark, find_benchmark
from mtsr_lib.images import load_image, load_uint8, photographs
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.recipes import TrainConfig, read_config
from mtsr_lib.tasks import select
from mtsr_lib.training import History, cosine, fit, usable_cores

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "data/configs/one-minute.toml"
TABLE = ROOT / "data/results/one_minute.csv"
SETTINGS = ("channels", "blocks", "hidden", "expansion", "batch_size", "patch", "steps")
SETTINGS += ("learning_rate", "every")


def pictures() -> dict[str, list[tuple[str, torch.Tensor]]]:
    """Those to measure on, by the name of their set; benchmarks only where they are."""
    sets = {"val": photographs("val")}
    for name in ("Set5", "Set14"):
        try:
            sets[name], _ = find_benchmark(name)
        except BenchmarkError as error:
            print(error, file=sys.stderr)
    return {name: [(p.stem, load_image(p)) for p in paths] for name, paths in sets.items()}


def train(config: TrainConfig, sets: dict) -> list[dict]:
    """One training; a row at every measurement."""
    torch.manual_seed(config.seed)
    tasks = select(config.tasks)
    files = map(load_uint8, photographs(config.photographs))
    data = Patches(files, tasks, config.batch_size, config.patch, config.seed, config.unfaded)
    sizes = (config.channels, config.blocks, config.hidden, config.expansion)
    network = MultiTaskNet(tasks, *sizes)
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    rows, began, measuring = [], time.monotonic(), 0.0

    def after(history: History) -> None:
        nonlocal measuring
        now = time.monotonic()
        seconds = now - began - measuring
        row = {"seed": config.seed, "step": history.steps, "seconds": round(seconds, 1)}
        for name, named in sets.items():
            scores = [r["psnr_y"] for r in benchmark(lambda x: network(x)["sr"], named, 2)]
            row[f"{name.lower()}_psnr"] = round(sum(scores) / len(scores), 3)
        rows.append(row)
        print(row, flush=True)
        measuring += time.monotonic() - now

    schedule = cosine(config.steps, config.learning_rate)
    fit(network, data, config.steps, optimizer, schedule, None, None, config.every, after)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many (default 3)")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="try another recipe"
    )
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    if (changes := tomllib.loads("\n".join(options.set))) and options.out == TABLE:
        parser.error("another recipe needs a table of its own: --out FILE")
    if unknown := changes.keys() - SETTINGS:
        parser.error(f"{', '.join(unknown)} cannot be set here, only {', '.join(SETTINGS)}")
    cores = usable_cores()
    torch.set_num_threads(cores)
    sets, rows = pictures(), []
    for seed in range(options.seeds):
        rows += train(read_config(CONFIG, seed=seed, **changes), sets)
    made = (
        f"torch {torch.__version__}, {platform.machine()}, {cores} threads, {os.cpu_count()} cores"
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with open(options.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], "made_with"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "made_with": made} for row in rows)
    last = [row for row in rows if row["step"] == max(r["step"] for r in rows)]
    for key in [key for key in rows[0] if key.endswith("_psnr") or key == "seconds"]:
        values = [row[key] for row in last]
        print(f"{key}: median {statistics.median(values):.2f} of {values}")


if __name__ == "__main__":
    main()
