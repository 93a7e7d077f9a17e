"""Is this installation well? Versions, cores, memory, disk, and five seconds of the real thing."""

import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from .checkpoints import load_model, model_names
from .degrade import crop_to_multiple, downscale, enlarge
from .images import data_folder, load_sample, quantize, sample_names
from .metrics import psnr
from .training import usable_cores
from .upscaling import upscale

__all__ = ["Report", "examine"]

PACKAGES = ("torch", "numpy", "pillow", "scikit-image", "jupyterlab", "ipywidgets", "anywidget")


@dataclass(frozen=True)
class Report:
    """What was found: facts, and problems with their remedies."""

    facts: list[str]
    problems: list[str]

    def __str__(self) -> str:
        told = [f"PROBLEM: {problem}." for problem in self.problems]
        verdict = f"{len(told)} to mend." if told else "All is well."
        return "\n".join([*self.facts, *told, verdict])


def examine() -> Report:
    """Look at this computer and this installation; restore a photograph to see that it works."""
    found = [*_software(), *_machine(), *_network()]
    facts = [fact for fact, _ in found if fact]
    return Report(facts, [problem for _, problem in found if problem])


Finding = tuple[str, str]  # a fact and a problem with its remedy; either may be empty


def _software() -> Iterator[Finding]:
    yield f"Python {platform.python_version()} on {platform.system()}, {platform.machine()}", ""
    for package in PACKAGES:
        try:
            yield f"  {package} {metadata.version(package)}", ""
        except metadata.PackageNotFoundError:
            yield "", f"{package} is missing: pip install {package}"


def _machine() -> Iterator[Finding]:
    yield f"cores this process may use: {usable_cores()} of {os.cpu_count()}", ""
    if (free := free_memory()) is not None:
        less = "less than 1.5 GB of memory is free: close other programs"
        yield f"memory that is free: {free:.1f} GB", less if free < 1.5 else ""
    disk = shutil.disk_usage(Path.cwd()).free / 1e9
    less = "less than 1 GB of disk is free here: remove what is not needed"
    yield f"disk that is free here: {disk:.1f} GB", less if disk < 1 else ""
    if torch.cuda.is_available():
        yield f"GPU: {torch.cuda.get_device_name()}", ""


def free_memory() -> float | None:
    """Gigabytes that a new process could take, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None


def _network() -> Iterator[Finding]:
    names = ", ".join(model_names())
    yield f"data: {len(sample_names())} photographs, networks: {names or 'none'}", ""
    if not names:
        yield "", f"no network in {data_folder() / 'checkpoints'}: install the course again"
        return
    gain, speed = self_test()
    fact = f"self-test: {gain:+.2f} dB over bicubic, {speed:.2f} megapixels a second"
    yield fact, "the network does not beat bicubic by 1 dB: install it again" if gain < 1 else ""
    if speed < 0.02:
        yield "note: that is slow; if other programs are busy, close them and try again", ""


def self_test(seconds: float = 4) -> tuple[float, float]:
    """Restore a photograph reduced by half: dB over bicubic, input megapixels a second."""
    torch.set_num_threads(usable_cores())
    model, clean = load_model(), crop_to_multiple(load_sample("astronaut"), 2)
    x = quantize(downscale(clean, 2))
    start, rounds = time.perf_counter(), 0
    while rounds < 3 or time.perf_counter() - start < seconds:
        restored = upscale(model, x, ["sr"])["sr"]
        rounds += 1
    speed = rounds * x.shape[-1] * x.shape[-2] / 1e6 / (time.perf_counter() - start)
    gain = psnr(restored, clean) - psnr(enlarge(x, 2).clamp(0, 1), clean)
    return gain.item(), speed
