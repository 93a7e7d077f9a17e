"""How fast the course is: ratios of medians, each pair measured side by side in one run.

python tools/bench.py                 all of the following but kernels, as one table
python tools/bench.py step ssim       some of them: step, heads, ssim, aggregators, upscale, frames,
                                      profile, memory, threads, start, freed, minute, lessons,
                                      install
python tools/bench.py --write         all of them, into data/results/SPEED.md
python tools/bench.py kernels         eight kernels at once, with the limits of a hub and without

One thread, CPU time, but for frames, threads, start, minute and install, which take the time by the
clock. Peers that are not installed (torchmetrics, piq, torchjd, onnxruntime) are left out, and
named; minute needs Set5 (MTSR_BENCHMARKS), lessons takes ten minutes and more, install a network.
No test waits for these figures: they depend on the machine. Goals: the project's own.
"""

import argparse
import contextlib
import importlib
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from torch.utils.flop_counter import FlopCounterMode

from mtsr_lib import images, metrics
from mtsr_lib.balance import MGDA, FixedWeights, PCGrad, UPGrad
from mtsr_lib.checkpoints import load_model
from mtsr_lib.datasets import Batch, Patches
from mtsr_lib.degrade import downscale, enlarge, fade
from mtsr_lib.evaluation import BenchmarkError, find_benchmark
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.recipes import read_config
from mtsr_lib.tasks import COLOR, DETAIL, SR
from mtsr_lib.training import train_step, usable_cores
from mtsr_lib.upscaling import upscale

ROOT = Path(__file__).resolve().parents[1]
SPEED = images.data_folder() / "results" / "SPEED.md"
BLOCK = re.compile(r"(<!-- bench -->).*?(<!-- end -->)", re.DOTALL)
SIZES = [(16, 3, 48, 48), (4, 3, 192, 192), (1, 3, 512, 512)]
SIDES = (24, 32, 48)  # of patches, in LR pixels
TASKS = [SR, DETAIL, COLOR]


class Row(NamedTuple):
    """One comparison: ours over its peer, and the goal for that ratio, if there is one."""

    what: str
    ours: float
    beside: str
    theirs: float
    goal: float | None = None
    unit: str = "ms"

    def __str__(self) -> str:
        ratio = self.ours / self.theirs
        verdict = "" if self.goal is None else f"≤ {self.goal:.3g}"
        verdict += "" if self.goal is None or ratio <= self.goal else ", missed"
        values = f"{self.ours:.4g} {self.unit} | {self.beside} | {self.theirs:.4g} {self.unit}"
        return f"| {self.what} | {values} | {ratio:.2f} | {verdict} |"


def medians(
    runs: dict[str, Callable[[], object]],
    rounds: int = 15,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Median milliseconds of each; they take turns, so that a busy machine slows all alike."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 2):
        for name, run in runs.items():
            began = clock()
            run()
            times[name].append(1000 * (clock() - began))
    return {name: statistics.median(values[2:]) for name, values in times.items()}


def peer(name: str):
    """A module to compare with, or None where it is not installed, with a word about it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"(left out: {name} is not installed)", file=sys.stderr)
        return None


# ---------------------------------------------------------------------------- training


def network(blocks: int = 6) -> MultiTaskNet:
    """Three heads on a trunk of 32 channels, not trained."""
    torch.manual_seed(0)
    return MultiTaskNet(TASKS, 32, blocks).to(memory_format=torch.channels_last)


def step_rows(rounds: int = 25) -> Iterator[Row]:
    """A whole training step, with its data, over forward and backward of the bare network."""
    net = network()
    adam = torch.optim.Adam(net.parameters())
    pictures = map(images.load_uint8, images.photographs("train"))
    data, balancer = Patches(pictures, TASKS), FixedWeights()
    batch = data.batch(0)
    outputs = net(batch.x, None, batch.context)
    pushes = {name: torch.randn_like(y) for name, y in outputs.items()}
    steps = iter(range(10**9))

    def bare() -> None:
        adam.zero_grad()
        outputs = net(batch.x, None, batch.context)
        torch.autograd.backward(list(outputs.values()), [pushes[name] for name in outputs])
        adam.step()

    runs = {
        "whole": lambda: train_step(net, data.batch(next(steps)), adam, balancer),
        "bare": bare,
        "data": lambda: data.batch(next(steps)),
    }
    whole, plain, data_alone = medians(runs, rounds).values()
    everything_else = 100 * (1 - plain / whole)
    yield Row(
        "training step, 3 heads, 16 patches 24×24", whole, "network and Adam", plain, 1 / 0.85
    )
    yield Row("  its data", data_alone, "the whole step", whole)
    print(f"all but the network: {everything_else:.0f} % of the step (goal 15 %)", file=sys.stderr)


def profile_rows(rounds: int = 25) -> Iterator[Row]:
    """Where a training step's time goes, part by part: `train_step` and `Patches.batch` by hand."""
    net = network()
    adam = torch.optim.Adam(net.parameters())
    data = Patches(map(images.load_uint8, images.photographs("train")), TASKS)
    rng, count = np.random.default_rng(0), data.batch_size
    times: dict[str, list[float]] = {}

    def step() -> None:
        began = time.process_time()

        def lap(part: str) -> None:
            nonlocal began
            now = time.process_time()
            times.setdefault(part, []).append(1000 * (now - began))
            began = now

        cuts = [data._cut(rng, 2) for _ in range(count)]
        clean, thumbnails = (torch.stack(parts) for parts in zip(*cuts, strict=True))
        clean, s = images.from_uint8(clean), torch.rand(count, 1, 1, 1)
        lap("data: patches cut, turned, stacked")
        shot, context = fade(clean, s), fade(thumbnails, s)
        x = images.quantize(downscale(shot, 2))[..., 4:-4, 4:-4]
        lap("data: faded, reduced, rounded")
        targets = {task.name: task.target(clean, shot)[..., 8:-8, 8:-8] for task in TASKS}
        batch = Batch(x, targets, context).to("cpu")
        lap("data: targets (detail's filter)")
        features = net.backbone(batch.x)
        lap("trunk, forward")
        bicubic = enlarge(batch.x, 2)
        outputs = {n: head(features, bicubic, batch.context) for n, head in net.heads.items()}
        lap("heads and bicubic, forward")
        losses = [net.tasks[n].loss(y, targets[n]) for n, y in outputs.items()]
        total = torch.stack(losses).sum()
        lap("losses")
        adam.zero_grad()
        total.backward()
        lap("backward")
        adam.step()
        lap("Adam")

    whole, balancer = [], FixedWeights()
    for i in range(rounds + 2):
        step()
        began = time.process_time()
        train_step(net, data.batch(i), adam, balancer)
        whole.append(1000 * (time.process_time() - began))
    parts = {part: statistics.median(values[2:]) for part, values in times.items()}
    for part, value in parts.items():
        yield Row(f"  step: {part}", value, "all parts", sum(parts.values()))
    yield Row("  all parts", sum(parts.values()), "the whole step", statistics.median(whole[2:]))
    yield from operators_rows()


def operators_rows(rounds: int = 5, most: int = 4) -> Iterator[Row]:
    """Which of PyTorch's operators take the time of what has a goal, by PyTorch's profiler."""
    net, live = network(), load_model("mtsr-live")
    adam = torch.optim.Adam(net.parameters(), fused=True)
    x, y = torch.rand(16, 3, 24, 24), torch.rand(16, 3, 48, 48)
    batch = Batch(x, dict.fromkeys(net.tasks, y), torch.rand(16, 3, 32, 32))
    frame = torch.rand(1, 3, 270, 480).contiguous(memory_format=torch.channels_last)
    runs = {
        "3 heads' step": lambda: train_step(net, batch, adam, FixedWeights()),
        "SSIM 4×3×192×192": ssim_step(metrics.ssim, SIZES[1]),
        "mtsr-live 480×270": lambda: torch.inference_mode()(live)(frame, ["sr"]),
    }
    for what, run in runs.items():
        run()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
            for _ in range(rounds):
                run()
        times = {e.key: e.self_cpu_time_total / 1000 / rounds for e in seen.key_averages()}
        for name in sorted(times, key=times.get, reverse=True)[:most]:
            short = name.removeprefix("aten::")
            yield Row(f"  {what}: {short}", times[name], "all operators", sum(times.values()))


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

    found, measured = [], [(f"training step, 3 heads, {side}×{side}", step, x)]
    if side == SIDES[0]:  # a pass over a picture has nothing to do with the patches
        measured.append(("one pass, 3 heads, 256×256", restore, picture))
    for what, run, seen in measured:
        *each, three = medians({name: run(name) for name in nets}, rounds).values()
        *parts, whole = (operations(net, seen) for net in nets.values())
        one, work = statistics.mean(each), whole / statistics.mean(parts)
        found.append((what, one, three, work, three / one / work))
    return found


def heads_rows() -> Iterator[Row]:
    """Three heads over one, by the operations' ratio."""
    for side in SIDES:
        for what, one, three, work, _ in heads_ratios(side):
            yield Row(what, three, f"1 head × {work:.3f}", one * work, 1.05)


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


def ssim_rows(rounds: int = 15) -> Iterator[Row]:
    """Forward and backward, over pytorch-msssim (the goal), torchmetrics and piq."""
    for size, (ours, theirs) in ssim_ratios(rounds).items():
        yield Row(f"SSIM, {'×'.join(map(str, size))}", ours, "pytorch-msssim", theirs, 0.67)
    others = {}
    if torchmetrics := peer("torchmetrics.functional.image"):
        others["torchmetrics"] = lambda x, y: torchmetrics.structural_similarity_index_measure(
            x, y, data_range=1.0
        )
    if piq := peer("piq"):
        others["piq"] = lambda x, y: piq.ssim(x.clamp(0, 1), y, downsample=False)
    for name, ssim in others.items():
        runs = {"ours": ssim_step(metrics.ssim, SIZES[1]), "theirs": ssim_step(ssim, SIZES[1])}
        ours, theirs = medians(runs, rounds).values()
        yield Row(f"SSIM, {'×'.join(map(str, SIZES[1]))}", ours, name, theirs)


def aggregators_rows(rounds: int = 15) -> Iterator[Row]:
    """Forward, backward of each task and the aggregation, over TorchJD's at the same direction."""
    if not (aggregation := peer("torchjd.aggregation")):
        return
    from torchjd.autojac import jac_to_grad, mtl_backward

    net, y = network(), torch.rand(16, 3, 48, 48)
    x, context = torch.rand(16, 3, 24, 24), torch.rand(16, 3, 32, 32)
    bicubic = enlarge(x, 2)
    shared = list(net.backbone.parameters())
    heads = [list(head.parameters()) for head in net.heads.values()]

    def forward() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        net.zero_grad()
        features = net.backbone(x)
        outputs = {n: net.heads[n](features, bicubic, context) for n in net.tasks}
        return features, {n: net.tasks[n].loss(out, y) for n, out in outputs.items()}

    def ours(balancer: torch.nn.Module) -> Callable[[], object]:
        return lambda: balancer.backward(forward()[1], shared)

    def theirs(aggregator: torch.nn.Module) -> Callable[[], object]:
        def run() -> None:
            features, losses = forward()
            mtl_backward(list(losses.values()), features, tasks_params=heads, shared_params=shared)
            jac_to_grad(shared, aggregator)

        return run

    pairs = {
        "PCGrad": (PCGrad(), aggregation.PCGrad()),
        "MGDA": (MGDA(), aggregation.MGDA()),
        "UPGrad": (UPGrad(), aggregation.UPGrad()),
    }
    for name, (mine, its) in pairs.items():
        a, b = medians({"ours": ours(mine), "theirs": theirs(its)}, rounds).values()
        yield Row(f"{name}, 3 tasks, 16 patches 24×24", a, "TorchJD", b, 1.0)


# ---------------------------------------------------------------------------- restoring


def upscale_rows(rounds: int = 5, side: int = 768) -> Iterator[Row]:
    """A photograph in tiles, over the same weights in one piece and in onnxruntime."""
    model, photo = load_model(), torch.rand(1, 3, side, side)
    plain = photo.contiguous(memory_format=torch.channels_last)
    runs = {
        "ours": lambda: upscale(model, photo, ["sr"]),
        "plain PyTorch": lambda: torch.inference_mode()(model)(plain, ["sr"]),
    }
    runtime = peer("onnxruntime")
    if runtime and peer("onnxscript"):
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnx_session(runtime, model, options)
        array = photo.numpy()
        runs["onnxruntime"] = lambda: session.run(None, {"x": array})
    ours, *others = (found := medians(runs, rounds)).values()
    for name, theirs in zip(list(found)[1:], others, strict=True):
        yield Row(f"upscale {side}×{side}, head sr", ours, name, theirs)


def frames_rows(rounds: int = 25) -> Iterator[Row]:
    """By the clock, on all cores: mtsr-live at 480×270 → 960×540, over 40 ms; and its rivals."""
    torch.set_num_threads(cores := usable_cores())
    model, x = load_model("mtsr-live"), torch.rand(1, 3, 270, 480)
    plain = x.contiguous(memory_format=torch.channels_last)
    runs = {
        "ours": lambda: torch.inference_mode()(model)(plain, ["sr"]),
        "bicubic": lambda: enlarge(x, 2),
    }
    found = medians(runs, rounds, time.perf_counter)
    if runtime := peer("onnxruntime"):  # after them: two sets of threads are in each other's way
        options = runtime.SessionOptions()
        options.intra_op_num_threads = cores
        session, array = onnx_session(runtime, model, options), x.numpy()
        run = {"onnxruntime": lambda: session.run(None, {"x": array})}
        found |= medians(run, rounds, time.perf_counter)
    what, ours = f"mtsr-live 480×270 → 960×540, {cores} threads", found.pop("ours")
    yield Row(what, ours, "25 pictures a second", 40.0, 1.0)
    for name, theirs in found.items():
        yield Row(f"  {what}", ours, name, theirs)
    torch.set_num_threads(1)


def onnx_session(runtime, model: MultiTaskNet, options):
    """The network's head sr in onnxruntime."""
    from mtsr_lib.export import export_onnx

    with tempfile.TemporaryDirectory() as folder:
        export_onnx(model, Path(folder, "sr.onnx"))
        return runtime.InferenceSession(str(Path(folder, "sr.onnx")), options)


PEAK = """
import sys
from pathlib import Path
import torch
import mtsr_lib as mtsr

torch.set_num_threads(1)
photo = torch.zeros((1, 3, int(sys.argv[1]), 1000), dtype=torch.uint8)
mtsr.upscale(mtsr.load_model(), photo, ["sr"])
lines = Path("/proc/self/status").read_text().splitlines()  # Linux
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def memory_rows() -> Iterator[Row]:
    """What each further megapixel costs, beside its 3 bytes and the 12 of the 8-bit result."""
    peaks = {height: int(_child(PEAK, str(height))) / 1024 for height in (1000, 4000)}
    each = (peaks[4000] - peaks[1000]) / 3
    yield Row(
        "upscale at ×2, each megapixel", each, "the pictures themselves", 15e6 / 2**20, None, "MiB"
    )
    yield Row("  peak with 4 megapixels", peaks[4000], "with 1", peaks[1000], None, "MiB")


def threads_rows(rounds: int = 5) -> Iterator[Row]:
    """By the clock: one thread over all that this process may use."""
    cores = usable_cores()
    model, photo = load_model(), torch.rand(1, 3, 512, 512)
    times = {1: [], cores: []}
    for _ in range(rounds + 1):
        for threads, values in times.items():
            torch.set_num_threads(threads)
            began = time.monotonic()
            upscale(model, photo, ["sr"])
            values.append(1000 * (time.monotonic() - began))
    torch.set_num_threads(1)
    one, many = (statistics.median(values[1:]) for values in (times[1], times[cores]))
    yield Row(f"upscale 512×512, {cores} threads", many, "1 thread", one)


def start_rows(rounds: int = 7) -> Iterator[Row]:
    """By the clock: importing the library over importing PyTorch, in fresh processes."""
    times: dict[str, list[float]] = {"import mtsr_lib": [], "import torch": []}
    for _ in range(rounds):
        for line, values in times.items():
            began = time.monotonic()
            _child(line)
            values.append(1000 * (time.monotonic() - began))
    ours, theirs = (statistics.median(values) for values in times.values())
    yield Row("import mtsr_lib", ours, "import torch", theirs, 1.2)


def _child(code: str, *arguments: str) -> str:
    """What a fresh Python prints for this code, the project on its path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout


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


def freed_rows() -> Iterator[Row]:
    """What the block that the library frees at import is good for."""
    step, one = memory_ratios()
    yield Row("training step, with the freed block", step, "without", 1.0, None, "")
    yield Row("one pass, with the freed block", one, "without", 1.0, None, "")


# ---------------------------------------------------------------------------- the course


def minute_rows() -> Iterator[Row]:
    """By the clock, on all cores: what a minute of training from nothing reaches."""
    from tools import one_minute

    try:
        paths, _ = find_benchmark("Set5")
    except BenchmarkError as error:
        print(f"(left out: {error})", file=sys.stderr)
        return
    torch.set_num_threads(usable_cores())
    set5 = [(path.stem, images.load_image(path)) for path in paths]
    with contextlib.redirect_stdout(sys.stderr):
        last = one_minute.train(read_config(one_minute.CONFIG), {"Set5": set5})[-1]
    torch.set_num_threads(1)
    yield Row("FSRCNN, Set5 ×2", 37.0, "a minute's training", last["set5_psnr"], 1.0, "dB")
    yield Row(f"  its {last['step']} steps", last["seconds"], "a minute", 60.0, 1.0, "s")


def lessons_rows() -> Iterator[Row]:
    """CPU time of all lessons under nbval, as `course.py test` runs them, and of the longest."""
    times = {}
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        before = sum(os.times()[2:4])
        command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-current-env"]
        command += ["--nbval-cell-timeout=600", str(path)]
        subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
        times[path.stem] = sum(os.times()[2:4]) - before
    slowest = max(times, key=times.get)
    yield Row(f"{len(times)} lessons under nbval", sum(times.values()), "15 min", 900.0, 1.0, "s")
    yield Row(f"  the longest, {slowest}", times[slowest], "2 min", 120.0, 1.0, "s")


def install_rows() -> Iterator[Row]:
    """By the clock: from a fresh clone to the first picture, but for the minute of its student."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", str(ROOT), folder], check=True)
        photo = images.photographs("val")[0]
        began = time.monotonic()
        command = ["python3", "course.py", "upscale", str(photo), "--out", str(Path(folder, "out"))]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - began
    yield Row("from a clone to a picture of one's own", seconds, "4 min", 240.0, 1.0, "s")


# ---------------------------------------------------------------------------- a class


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
    own["PYTHONPATH"], quiet = str(ROOT), subprocess.DEVNULL
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


ROWS = {
    "step": step_rows,
    "heads": heads_rows,
    "ssim": ssim_rows,
    "aggregators": aggregators_rows,
    "upscale": upscale_rows,
    "frames": frames_rows,
    "profile": profile_rows,
    "memory": memory_rows,
    "threads": threads_rows,
    "start": start_rows,
    "freed": freed_rows,
    "minute": minute_rows,
    "lessons": lessons_rows,
    "install": install_rows,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", metavar="WHAT", help="default: all but kernels")
    parser.add_argument("--count", type=int, default=8, help="kernels at once (default 8)")
    parser.add_argument("--steps", type=int, default=60, help="training steps of each (default 60)")
    parser.add_argument("--write", action="store_true", help="keep the table, in SPEED.md")
    options = parser.parse_args()
    if unknown := set(options.what) - {*ROWS, "kernels"}:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(ROWS)}, kernels")
    if "kernels" in options.what:
        kernels_table(options.count, options.steps)
        return
    torch.set_num_threads(1)
    made = f"torch {torch.__version__}, Python {sys.version.split()[0]}, {platform.machine()}, "
    made += f"{torch.backends.cpu.get_cpu_capability()}, {usable_cores()} cores"
    lines = [
        f"{made}\n",
        "| what | ours | beside | theirs | ratio | goal |",
        "|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n")
    for name in options.what or ROWS:
        for row in ROWS[name]():
            print(row, flush=True)
            lines.append(str(row))
    if options.write:
        table = "\n".join(lines)
        text = SPEED.read_text("utf-8")
        SPEED.write_text(BLOCK.sub(lambda found: f"{found[1]}\n{table}\n{found[2]}", text), "utf-8")


if __name__ == "__main__":
    main()
