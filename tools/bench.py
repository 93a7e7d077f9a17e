"""Speed goals of the course, each a ratio of medians measured in one run on one thread.

python tools/bench.py ssim
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib import metrics

SIZES = [(16, 3, 48, 48), (4, 3, 192, 192), (1, 3, 512, 512)]


def medians(runs: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """Median CPU milliseconds of each; they take turns, so that a busy machine slows all alike."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 2):
        for name, run in runs.items():
            began = time.process_time()
            run()
            times[name].append(1000 * (time.process_time() - began))
    return {name: statistics.median(values[2:]) for name, values in times.items()}


def ssim_step(
    ssim: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], size: tuple[int, ...]
) -> Callable[[], None]:
    """Forward and backward of 1 − SSIM between a noisy batch and its clean target."""
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(size, generator=generator)
    noisy = (target + 0.1 * torch.randn(size, generator=generator)).requires_grad_()

    def step() -> None:
        noisy.grad = None
        (1 - ssim(noisy, target)).mean().backward()

    return step


def ssim_ratios(rounds: int = 15) -> dict[tuple[int, ...], tuple[float, float]]:
    """For each size the medians of this library and of pytorch-msssim with the same settings."""
    from pytorch_msssim import ssim as reference

    def theirs(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return reference(x, y, data_range=1.0, size_average=False)

    found = {}
    for size in SIZES:
        runs = {"ours": ssim_step(metrics.ssim, size), "theirs": ssim_step(theirs, size)}
        found[size] = tuple(medians(runs, rounds).values())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ssim"])
    parser.parse_args()
    torch.set_num_threads(1)
    for size, (ours, theirs) in ssim_ratios().items():
        name = "×".join(map(str, size))
        ratio = ours / theirs
        print(f"{name}: {ours:.1f} ms, pytorch-msssim {theirs:.1f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
