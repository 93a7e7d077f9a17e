"""Bicubic and the shipped network on Set5 and Set14, picture by picture, for lesson 07.

    MTSR_BENCHMARKS=FOLDER python tools/benchmarks.py

measures by the protocol at ×2 and writes data/results/benchmarks.csv: a row for each picture and
method, with the first 16 digits of the checkpoint's SHA-256 and the versions it was measured with.
A test compares that hash with the shipped file's: run this again when the network has changed.
"""

import argparse
import csv
import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mtsr_lib
from mtsr_lib.checkpoints import DEFAULT, load_model
from mtsr_lib.degrade import enlarge
from mtsr_lib.evaluation import BenchmarkError, benchmark, find_benchmark, self_ensemble
from mtsr_lib.images import data_folder, load_image, write_beside

RESULTS = data_folder() / "results" / "benchmarks.csv"
SETS, SCALE = ("Set5", "Set14"), 2
METRICS = {"psnr_y": 3, "ssim_y": 5, "psnr_rgb": 3}  # and the decimals that are kept


def checkpoint_hash() -> str:
    """The first 16 digits of SHA-256 over the shipped network's file."""
    file = data_folder() / "checkpoints" / f"{DEFAULT}.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def methods() -> dict[str, Callable[[Tensor], Tensor]]:
    """What is measured, by name."""
    model = load_model()

    def network(x: Tensor) -> Tensor:
        return model(x, ["sr"])["sr"]

    ensemble = self_ensemble(network)
    bicubic = lambda x: enlarge(x, SCALE)  # noqa: E731
    return {"bicubic": bicubic, DEFAULT: network, f"{DEFAULT}, self-ensemble": ensemble}


def rows(name: str, root: str | None = None, only: str | None = None) -> Iterator[dict[str, str]]:
    """A row for each picture and method, all as text; `only` names one picture of the set."""
    files, remark = find_benchmark(name, root)
    if "the published pictures" not in remark:
        raise BenchmarkError(f"{name}: {remark}")
    pictures = [(file.stem, load_image(file)) for file in files if only in (None, file.stem)]
    made_with = f"mtsr_lib {mtsr_lib.__version__}, torch {torch.__version__.split('+')[0]}"
    for method, restore in methods().items():
        for row in benchmark(restore, pictures, SCALE):
            values = {metric: f"{row[metric]:.{digits}f}" for metric, digits in METRICS.items()}
            yield {
                "benchmark": name,
                "scale": str(SCALE),
                "picture": row["picture"],
                "method": method,
                **values,
                "checkpoint": "" if method == "bicubic" else checkpoint_hash(),
                "made_with": made_with,
            }


def main() -> int:
    """Measure and write; a missing benchmark is one sentence."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", help="folder of Set5 and Set14 (default: $MTSR_BENCHMARKS)")
    root = parser.parse_args().root
    torch.set_num_threads(1)  # so that a second run gives the same file
    try:
        table = [row for name in SETS for row in rows(name, root)]
    except BenchmarkError as error:
        print(f"benchmarks.py: {error}", file=sys.stderr)
        return 2
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_beside(RESULTS, lambda part: Path(part).write_text(text.getvalue(), encoding="utf-8"))
    print(f"{RESULTS.relative_to(data_folder().parent)}: {len(table)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
