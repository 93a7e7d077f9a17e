"""What sixteen weightings make of one photograph: data/results/weights_grid.webp for lesson 09.

python -m mtsr_lib.experiments weights --seeds 1 --keep FOLDER
python tools/weights_grid.py FOLDER

A row for each arm of the experiment `weights` in its order, then the truth; columns sr, detail,
color. The photograph is a test photograph faded with s = 0.75.
"""

import argparse
import sys
from pathlib import Path

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mtsr_lib as mtsr
from mtsr_lib.datasets import whole_pair
from mtsr_lib.experiments import EVERYTHING, EXPERIMENTS, middle, tasks_of
from mtsr_lib.images import to_uint8
from mtsr_lib.widgets.weights import SIDE

TARGET = Path(__file__).resolve().parents[1] / "data/results/weights_grid.webp"
TOP, LEFT = 390, 330  # of the cut, in the middle of the photograph


@torch.inference_mode()
def main() -> None:
    """Restore with each network, cut, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the experiment kept its networks")
    folder = parser.parse_args().folder
    arms = EXPERIMENTS["weights"]()
    x, truth = whole_pair(middle(mtsr.load_sample("anhinga")), 0.75, tasks_of(arms[0]))
    networks = [mtsr.load_checkpoint(folder / f"{arm.hash}-0.safetensors") for arm in arms]
    rows = [*(network(x) for network in networks), truth]
    cut = ..., slice(TOP, TOP + SIDE), slice(LEFT, LEFT + SIDE)
    lines = [torch.cat([row[task][cut] for task in EVERYTHING], dim=-1) for row in rows]
    sheet = to_uint8(torch.cat(lines, dim=-2))[0].permute(1, 2, 0)
    Image.fromarray(sheet.numpy()).save(TARGET, quality=92, method=6)
    print(TARGET, f"{TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
