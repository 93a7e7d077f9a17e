"""The shipped networks in numbers: python tools/networks.py [--root FOLDER]

Measures all of them on Set5 and Set14 at all their scales, as `python -m mtsr_lib evaluate
--networks` does, and writes data/results/networks.csv, the tables in README.md and in
data/results/NETWORKS.md, and the figure of quality over cost, data/figures/networks.png. `--again`
draws and writes from what is stored.
"""

import argparse
import csv
import hashlib
import re
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib.__main__ import network_table
from mtsr_lib.checkpoints import load_model, model_names
from mtsr_lib.degrade import crop_to_multiple, downscale
from mtsr_lib.evaluation import find_benchmark, network_rows
from mtsr_lib.images import data_folder, load_image, photographs
from mtsr_lib.plots import COLOURS, figure, png
from tools.revive import RARE, activity

ROOT = Path(__file__).resolve().parents[1]
RESULTS = data_folder() / "results" / "networks.csv"
FIGURE = data_folder() / "figures" / "networks.png"
README, REPORT = ROOT / "README.md", data_folder() / "results" / "NETWORKS.md"
BLOCK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
TASKS = ("sr", "sr_x3", "sr_x4", "detail", "color")
# sr at ×2: 10⁹ MACs for 1280×720, Set5 in dB. From the tables of CARN, IMDN, torchSR (NinaSR-B0)
# and of the ECBSR paper (Zhang et al. 2021).
PUBLISHED = {
    "ECBSR-M4C16": (2.3, 37.33),
    "FSRCNN": (6.0, 37.00),
    "NinaSR-B0": (21.7, 37.72),
    "SRCNN": (52.7, 36.66),
    "CARN-M": (91, 37.53),
    "IMDN": (159, 38.00),
    "EDSR-baseline": (316, 37.98),
    "VDSR": (613, 37.53),
}


def file_hash(name: str) -> str:
    """The first 16 digits of SHA-256 over a shipped network's file."""
    file = data_folder() / "checkpoints" / f"{name}.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.exists() else ""


def stored_rows() -> list[dict]:
    """data/results/networks.csv, numbers as numbers."""
    text = {"network", "checkpoint"}
    with open(RESULTS, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{k: v if k in text else float(v) for k, v in row.items()} for row in rows]


def table(rows: list[dict]) -> str:
    """The README's, of stored rows."""
    return network_table([{**row, "scale": int(row["scale"])} for row in rows])


def csv_rows(name: str) -> list[dict[str, str]]:
    """A stored table, as text."""
    with open(data_folder() / "results" / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table, its first column to the left."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def quality(row: dict[str, str]) -> list[str]:
    """The tasks' columns, in two decimals."""
    return [f"{float(row[task]):.2f}" if row.get(task) else "" for task in TASKS]


def candidates() -> str:
    """What was tried at a small budget."""
    rows = csv_rows("flagship.csv")
    cells = [
        [r["candidate"], f"{float(r['budget']):.0f}", r["steps"], r["milliseconds"], *quality(r)]
        for r in rows
    ]
    return markdown(["candidate", "seconds", "steps", "ms a step", *TASKS], cells)


def course(name: str) -> str:
    """A training's validation."""
    cells = [[row["step"], row["seconds"], *quality(row)] for row in csv_rows(f"{name}.csv")]
    return markdown(["steps", "seconds", *TASKS], cells)


def page(path: Path, rows: list[dict]) -> str:
    """The page with its tables renewed."""
    tables = {
        "networks": lambda: table(rows),
        "candidates": candidates,
        "first": lambda: course("mtsr-five-first"),
        "five": lambda: course("mtsr-five"),
        "live": lambda: course("mtsr-live"),
    }
    text = path.read_text("utf-8")
    return BLOCK.sub(lambda found: f"{found[1]}{tables[found[2]]()}\n{found[3]}", text)


def measured_rows(root: str | None) -> list[dict]:
    """What there is to store."""
    sets = {}
    for name in ("Set5", "Set14"):
        files, _ = find_benchmark(name, root)
        sets[name] = [(file.stem, load_image(file)) for file in files]
    rows = network_rows({name: load_model(name) for name in model_names()}, sets)
    for row in rows:
        row["milliseconds"] = round(row["milliseconds"], 1)
        row["checkpoint"] = file_hash(row["network"])
        for key in row:
            if key.endswith(("psnr_y", "ssim_y")):
                row[key] = round(row[key], 8)
    return rows


def silent(name: str) -> dict[str, str]:
    """Of each activation's channels, how many are above 0 in fewer than 1 of 10,000 pixels."""
    pictures = [downscale(crop_to_multiple(load_image(p), 2), 2) for p in photographs("val")]
    shares = activity(load_model(name), pictures)
    return {layer: f"{int((m < RARE).sum())} of {len(m)}" for layer, m in shares.items()}


def draw(rows: list[dict]) -> bytes:
    """Quality over cost at ×2: published networks and ours."""
    made, (axes,) = figure(height=3.6)
    ours = {
        row["network"]: (row["macs"] / 1e9, row["Set5 psnr_y"])
        for row in rows
        if row["scale"] == 2 and row["macs"]
    }
    for points, colour in ((PUBLISHED, COLOURS[0]), (ours, COLOURS[1])):
        for name, (macs, quality) in points.items():
            axes.plot(macs, quality, "o", color=colour)
            axes.annotate(name, (1.08 * macs, quality + 0.02), fontsize=8)
    axes.set(xscale="log", xlim=(1.5, 1500), ylim=(36.5, 38.2))
    axes.set(xlabel="billion MACs for 1280×720", ylabel="Set5 ×2, PSNR-Y in dB")
    return png(made)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", help="folder of Set5 and Set14 (default: $MTSR_BENCHMARKS)")
    parser.add_argument("--again", action="store_true", help="measure nothing")
    parser.add_argument("--silent", metavar="NETWORK", help="only count its silent units")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.silent:
        print(*silent(options.silent).items(), sep="\n")
        return
    if not options.again:
        rows = measured_rows(options.root)
        with open(RESULTS, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    rows = stored_rows()
    FIGURE.write_bytes(draw(rows))
    for path in (README, REPORT):
        path.write_text(page(path, rows), "utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
