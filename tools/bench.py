"""Speed goals of the course, each a ratio of medians measured in one run on one thread.

python tools/bench.py ssim
python tools/bench.py heads
python tools/bench.py memory
python tools/bench.py kernels    eight kernels at once, with the limits of a hub and without
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from torch.utils.flop_counter import FlopCounterMode

from mtsr_lib import metrics
from mtsr_lib.balance import FixedWeights
from mtsr_lib.datasets import Batch
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.tasks import COLOR, DETAIL, SR
from mtsr_lib.training import train_step, usable_cores

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


def operations(model: MultiTaskNet, x: torch.Tensor) -> int:
    """Floating-point operations of one pass, counted by PyTorch."""
    with FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops()


def heads_ratios(side: int = 24, rounds: int = 25) -> list[tuple[str, float, float, float, float]]:
    """Three heads over one: name, milliseconds of one and of three, their ratio of operations,
    and the ratio of times divided by it; for a training step and for one pass over a picture.

    One is the mean of the networks with one head each: color's does more than the others'.
    """
    torch.manual_seed(0)
    tasks = [SR, DETAIL, COLOR]
    nets = {task.name: MultiTaskNet([task], 32, 6) for task in tasks}
    nets["three"] = MultiTaskNet(tasks, 32, 6)
    adams, batches = {}, {}
    x, y = torch.rand(16, 3, side, side), torch.rand(16, 3, 2 * side, 2 * side)
    for name, net in nets.items():
        net.to(memory_format=torch.channels_last)
        adams[name] = torch.optim.Adam(net.parameters(), fused=True)
        batches[name] = Batch(x, dict.fromkeys(net.tasks, y), torch.rand(16, 3, 32, 32))
    picture = torch.rand(1, 3, 256, 256).contiguous(memory_format=torch.channels_last)

    def step(name: str) -> Callable[[], object]:
        return lambda: train_step(nets[name], batches[name], adams[name], FixedWeights())

    def restore(name: str) -> Callable[[], object]:
        return lambda: torch.inference_mode()(nets[name])(picture)

    found = []
    for what, run, seen in (("training step", step, x), ("one pass", restore, picture)):
        *each, three = medians({name: run(name) for name in nets}, rounds).values()
        *parts, whole = (operations(net, seen) for net in nets.values())
        one, work = statistics.mean(each), whole / statistics.mean(parts)
        found.append((what, one, three, work, three / one / work))
    return found


CHILD = """
import sys
import torch
if sys.argv[2] == "without":
    real, torch.empty = torch.empty, lambda *size, **kind: None
    import mtsr_lib
    torch.empty = real
sys.path.insert(0, sys.argv[1])
import bench
torch.set_num_threads(1)
print(*bench.step_and_pass())
"""


def step_and_pass(rounds: int = 40) -> list[float]:
    """Milliseconds of a training step of 16 patches 24×24 and of a pass over 256×256 pixels."""
    net = MultiTaskNet([SR, DETAIL, COLOR], 32, 6).to(memory_format=torch.channels_last)
    adam, y = torch.optim.Adam(net.parameters()), torch.rand(16, 3, 48, 48)
    batch = Batch(torch.rand(16, 3, 24, 24), dict.fromkeys(net.tasks, y), torch.rand(16, 3, 32, 32))
    picture = torch.rand(1, 3, 256, 256).contiguous(memory_format=torch.channels_last)
    step = medians({"step": lambda: train_step(net, batch, adam, FixedWeights())}, rounds)
    one = medians({"pass": lambda: torch.inference_mode()(net)(picture)}, rounds)
    return [*step.values(), *one.values()]


def memory_ratios(repeats: int = 3) -> list[float]:
    """Time with the block that mtsr_lib frees at import over time without: step, pass."""
    times: dict[str, list[list[float]]] = {"with": [], "without": []}
    for _ in range(repeats):
        for kind, rows in times.items():
            command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), kind]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append([float(value) for value in printed.split()])
    ours, bare = (zip(*rows, strict=True) for rows in times.values())
    return [statistics.median(a) / statistics.median(b) for a, b in zip(ours, bare, strict=True)]


PREPARE = """
import torch
import mtsr_lib as mtsr
from mtsr_lib.datasets import Patches
from mtsr_lib.balance import FixedWeights
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.tasks import COLOR, DETAIL, SR
from mtsr_lib.training import train_step, usable_cores

torch.set_num_threads({threads})
tasks = [SR, DETAIL, COLOR]
net = MultiTaskNet(tasks).to(memory_format=torch.channels_last)
adam = torch.optim.Adam(net.parameters())
data = Patches(map(mtsr.load_uint8, mtsr.photographs("train")[:2]), tasks)
train_step(net, data.batch(0), adam, FixedWeights())
"""
TRAIN = "for step in range({steps}): train_step(net, data.batch(step), adam, FixedWeights())"
LIMITS = {  # threads of a kernel, and what its environment says
    "limited: `OMP_NUM_THREADS=1`": ("usable_cores()", {"OMP_NUM_THREADS": "1"}),
    "the lessons alone": ("usable_cores()", {}),
    "PyTorch's own choice": ("torch.get_num_threads()", {}),
    "PyTorch's choice on a host of 16 cores": ("16", {}),
}


def kernels_seconds(threads: str, variables: dict[str, str], count: int, steps: int) -> float:
    """Seconds until `count` Jupyter kernels have all done their training steps, begun at once."""
    from jupyter_client.manager import start_new_kernel

    own = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")} | variables
    own["PYTHONPATH"], quiet = str(Path(__file__).resolve().parents[1]), subprocess.DEVNULL
    room = [start_new_kernel(kernel_name="python3", env=own, stderr=quiet) for _ in range(count)]
    try:
        for source in (PREPARE.format(threads=threads), TRAIN.format(steps=steps)):
            began = time.monotonic()
            asked = [client.execute(source) for _, client in room]
            for (_, client), message in zip(room, asked, strict=True):
                reply = client.get_shell_msg(timeout=1200)
                while reply["parent_header"].get("msg_id") != message:
                    reply = client.get_shell_msg(timeout=1200)
                if (reply := reply["content"])["status"] != "ok":
                    raise RuntimeError(f"{reply['ename']}: {reply['evalue']}")
        return time.monotonic() - began
    finally:
        for manager, client in room:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def kernels_table(count: int, steps: int) -> None:
    """The time of a class's kernels with our limits, and without, over it."""
    print(f"{count} kernels at once, {steps} training steps each, {usable_cores()} cores")
    print("| | until all are done | over the limited |\n|---|---|---|")
    ours = None
    for name, (threads, variables) in LIMITS.items():
        seconds = kernels_seconds(threads, variables, count, steps)
        ours = ours or seconds
        print(f"| {name} | {seconds:.1f} s | {seconds / ours:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ssim", "heads", "memory", "kernels"])
    parser.add_argument("--count", type=int, default=8, help="kernels at once (default 8)")
    parser.add_argument("--steps", type=int, default=60, help="training steps of each (default 60)")
    options = parser.parse_args()
    if options.what == "kernels":
        kernels_table(options.count, options.steps)
        return
    torch.set_num_threads(1)
    if options.what == "memory":
        print(
            "with the freed block over without: step {:.2f}, pass {:.2f}".format(*memory_ratios())
        )
        return
    if options.what == "heads":
        for side in (24, 32, 48):
            for name, one, three, work, ratio in heads_ratios(side):
                print(
                    f"{name}, patches {side}×{side}: one head {one:.1f} ms, three {three:.1f} ms,"
                )
                print(f"  {three / one:.3f} as long, {work:.3f} the operations: ratio {ratio:.3f}")
        return
    for size, (ours, theirs) in ssim_ratios().items():
        name = "×".join(map(str, size))
        ratio = ours / theirs
        print(f"{name}: {ours:.1f} ms, pytorch-msssim {theirs:.1f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
