"""Is it really better? Measured on whole pictures, by the protocol of the published results."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from .datasets import augment, whole_pair
from .degrade import crop_to_multiple, downscale, enlarge, unfade
from .images import load_uint8, photographs, quantize
from .metrics import ciede2000, psnr_rgb, psnr_y, ssim_y
from .model import MultiTaskNet
from .tasks import COLOR, SR, enhance

__all__ = [
    "BenchmarkError",
    "benchmark",
    "compare_tasks",
    "confidence_interval",
    "cost",
    "find_benchmark",
    "measure",
    "network_rows",
    "self_ensemble",
]

PIXELS = {  # the first 16 digits of SHA-256 over shape and decoded RGB -> the picture's usual name
    "Set5": {
        "ae793a5a365b92ac": "baby",
        "3e70746eea4bc931": "bird",
        "fc21d3138b4ac37e": "butterfly",
        "0241d09e606b14bc": "head",
        "c4327fda42649bac": "woman",
    },
    "Set14": {
        "d9893f0fd7841773": "baboon",
        "ad60bfa9481060e0": "barbara",
        "f16a506286fda77e": "bridge",
        "548e5e42a8f865ca": "coastguard",
        "92498fea556d3c46": "comic",
        "4e7d455043f7815e": "face",
        "94c3f3dfd8165180": "flowers",
        "1c2ec76a36abdd45": "foreman",
        "96e34308ef3ccb1c": "lenna",
        "5269b00c34951b6e": "man",
        "4a7b9dc3aa9f3ec1": "monarch",
        "811986891addd496": "pepper",
        "962e2ce53f18bbaf": "ppt3",
        "ac7238fe387073fb": "zebra",
    },
}
COUNT = {"Set5": 5, "Set14": 14, "B100": 100, "Urban100": 100}


class BenchmarkError(ValueError):
    """A benchmark cannot be measured; the message says what is missing and where to put it."""


def find_benchmark(name: str, root: str | os.PathLike | None = None) -> tuple[list[Path], str]:
    """The pictures of a benchmark, and a remark on whether they are the published ones.

    `name` is "val" or "test" (the course's own photographs) or a folder's name such as Set5 below
    `root`, by default the folder that the variable MTSR_BENCHMARKS names. Set5 and Set14 are
    checked by their decoded pixels; of B100 and Urban100 only the number of pictures is known.
    """
    if name in {"val", "test"}:
        return photographs(name), "the course's own photographs"
    root = root or os.environ.get("MTSR_BENCHMARKS")
    if not root:
        raise BenchmarkError(
            f"{name}: name the folder that holds it with --root or the variable MTSR_BENCHMARKS; "
            "the sets are not shipped, they come with the data of papers and of their projects."
        )
    folder = Path(root) / name
    endings = {".png", ".bmp", ".jpg", ".tif"}
    found = sorted(p for p in folder.glob("**/*") if p.suffix.lower() in endings)
    if not found:
        raise BenchmarkError(f"{folder} holds no HR pictures; put those of {name} there.")
    return found, _remark(name, found)


def _remark(name: str, files: Sequence[Path]) -> str:
    """How far these are the pictures that papers mean by this name."""
    if name not in COUNT:
        return f"{len(files)} pictures of your own"
    wanted = set(PIXELS.get(name, {}).values())
    known = {PIXELS[name].get(pixel_hash(load_uint8(file))) for file in files} if wanted else set()
    if wanted and wanted == known and len(files) == COUNT[name]:
        return "the published pictures, pixel by pixel"
    if wanted:
        missing = ", ".join(sorted(wanted - known)) or "none"
        count = f"{len(files)} of {COUNT[name]} pictures"
        return f"NOT the published set: {count}, missing or other: {missing}"
    short = "" if len(files) == COUNT[name] else f"; it should hold {COUNT[name]}"
    return f"{len(files)} pictures, not checked by their pixels{short}"


def pixel_hash(picture: Tensor) -> str:
    """The first 16 digits of SHA-256 over shape and 8-bit RGB values of a (1, 3, h, w) picture."""
    array = picture[0].permute(1, 2, 0).contiguous().numpy()
    return hashlib.sha256(str(array.shape).encode() + array.tobytes()).hexdigest()[:16]


@torch.inference_mode()
def benchmark(
    restore, pictures: Iterable[tuple[str, Tensor]], scale: int
) -> list[dict[str, float | str]]:
    """One row a picture: PSNR-Y, SSIM-Y and PSNR-RGB of restore(x) by the protocol.

    `restore` maps the LR picture (1, 3, h, w), 8-bit steps, to (1, 3, h·scale, w·scale): for
    instance `lambda x: enlarge(x, 2)`. `pictures` are (name, HR picture in [0, 1]).
    """
    rows = []
    for name, picture in pictures:
        hr = crop_to_multiple(picture, scale)
        y = restore(quantize(downscale(hr, scale)))
        values = {m.__name__: m(y, hr, scale).item() for m in (psnr_y, ssim_y, psnr_rgb)}
        rows.append({"picture": name, **values})
    return rows


def self_ensemble(restore: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """restore(x) averaged over the square's 8 symmetries: eight times the work, a little better.

    x is turned and flipped, restored, and turned back: ŷ = 1/8 Σ T⁻¹(restore(T(x))). Its MSE is the
    mean MSE of the eight answers less their variance, so never above that mean. "Geometric
    self-ensemble", Lim et al. 2017 (arXiv 1707.02921), after Timofte et al. 2016.
    """

    def averaged(x: Tensor) -> Tensor:
        answers = []
        for n in range(8):
            back = -n % 4 if n < 4 else n  # a turn is undone by turning on, a reflection by itself
            answers.append(augment(restore(augment(x, n)), back))
        return sum(answers) / 8

    return averaged


@torch.inference_mode()
def compare_tasks(
    model: MultiTaskNet, pictures: Iterable[Tensor], strengths: Sequence[float]
) -> dict[str, float]:
    """The three ×2 tasks beside what one could do without a head for them, averaged over pictures.

    Keys "task: method, unit". Each clean picture (1, 3, h, w) is faded by each strength s. For
    detail: the enhancement applied to bicubic and to the sr output (the cascade). For color: doing
    nothing, and oracles that know s and undo the fading of bicubic and of the sr output.
    """
    sums, count = {}, 0
    names = ("sr", "detail", "color")
    for picture in pictures:
        for s in strengths:
            x, targets = whole_pair(picture, s, [model.tasks[name] for name in names])
            y, bicubic = model(x, names), enlarge(x, 2)
            trials = {
                "sr": {"bicubic": bicubic, "network": y["sr"]},
                "detail": {
                    "enhanced bicubic": enhance(bicubic),
                    "enhanced sr output": enhance(y["sr"]),
                    "network": y["detail"],
                },
                "color": {
                    "doing nothing": bicubic,
                    "network": y["color"],
                    "bicubic, s known": unfade(bicubic, s),
                    "sr output, s known": unfade(y["sr"], s),
                },
            }
            for task, methods in trials.items():
                for method, picture_out in methods.items():
                    target = targets[task]
                    row = {"dB": psnr_rgb(picture_out, target, 2)}
                    if task == COLOR.name:
                        row["ΔE00"] = ciede2000(quantize(picture_out), target)
                    for unit, value in row.items():
                        key = f"{task}: {method}, {unit}"
                        sums[key] = sums.get(key, 0.0) + value.item()
            count += 1
    return {key: total / count for key, total in sums.items()}


def cost(model: MultiTaskNet, task: str) -> dict[str, float]:
    """Parameters of all that runs for a task; MACs of one pass that makes 1280×720 pixels.

    PyTorch's counter gives two operations for each multiplication and addition.
    """
    scale = model.tasks[task].scale
    x = torch.zeros(1, 3, 90, 80)  # a part that divides 1280×720 at each scale
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(x, [task])
    share = 1280 * 720 / (90 * 80 * scale**2)
    chain = {task, SR.at_scale(scale).name} if model.config.get("kind") == "chained" else {task}
    parts = [model.backbone, *(model.heads[name] for name in sorted(chain))]
    return {
        "parameters": sum(p.numel() for part in parts for p in part.parameters()),
        "macs": counter.get_total_flops() / 2 * share,
    }


@torch.inference_mode()
def network_rows(
    models: Mapping[str, MultiTaskNet],
    sets: Mapping[str, Sequence[tuple[str, Tensor]]],
    rounds: int = 5,
    progress: Callable = iter,
) -> list[dict[str, float | str]]:
    """All networks at all their scales beside bicubic: cost, quality on the sets, time.

    A row for each scale and method: parameters, macs (of the sr output, 1280×720), milliseconds
    of CPU time for it on one thread (medians of rounds taken in turn), and for each set the means
    "Set5 psnr_y", "Set5 ssim_y" by the protocol.
    """
    rows, restore = [], {}
    for scale in (2, 3, 4):
        task = SR.at_scale(scale).name
        having = {name: model for name, model in models.items() if task in model.tasks}
        rows.append({"network": "bicubic", "scale": scale, "parameters": 0, "macs": 0.0})
        restore["bicubic", scale] = lambda x, scale=scale: enlarge(x, scale)
        for name, model in having.items():
            rows.append({"network": name, "scale": scale, **cost(model, task)})
            restore[name, scale] = lambda x, model=model, task=task: model(x, [task])[task]
    times = _milliseconds(restore, rounds)
    for row in progress(rows):
        method = row["network"], row["scale"]
        row["milliseconds"] = times[method]
        for name, pictures in sets.items():
            measured = benchmark(restore[method], pictures, row["scale"])
            for metric in ("psnr_y", "ssim_y"):
                values = [one[metric] for one in measured]
                row[f"{name} {metric}"] = sum(values) / len(values)
    return rows


def _milliseconds(restore: Mapping[tuple[str, int], Callable], rounds: int) -> dict:
    """The median CPU time of each for 1280×720 pixels, one thread, in turn."""
    threads, times = torch.get_num_threads(), {method: [] for method in restore}
    torch.set_num_threads(1)
    for _ in range(rounds + 1):
        for (name, scale), make in restore.items():
            x = torch.rand(1, 3, 720 // scale, -(-1280 // scale))
            x = x.contiguous(memory_format=torch.channels_last)
            began = time.process_time()
            make(x)
            times[name, scale].append(1000 * (time.process_time() - began))
    torch.set_num_threads(threads)
    return {method: float(np.median(values[1:])) for method, values in times.items()}


def confidence_interval(
    values: Sequence[float], level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """A bootstrap interval (BCa, 10,000 resamples) for the mean of these values; at least three.

    Efron 1987; computed by SciPy.
    """
    from scipy.stats import bootstrap

    if len(values) < 3:
        raise ValueError("an interval needs at least three values")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    result = bootstrap((np.asarray(values),), np.mean, confidence_level=level, rng=seed)
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half width of Student's t interval for the mean; at least two values.

    mean ± t · s / √n with s the standard deviation of the n values and t the quantile of Student's
    distribution with n − 1 degrees of freedom. For few runs over seeds, and for paired differences.
    """
    from scipy.stats import t

    n = len(values)
    if n < 2:
        raise ValueError("an interval needs at least two values")
    half = t.ppf((1 + level) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n)
    return float(np.mean(values)), float(half)


@torch.inference_mode()
def measure(
    model: MultiTaskNet, pictures: Iterable[Tensor], strengths: Sequence[float] = (0.0, 0.5, 1.0)
) -> dict[str, float]:
    """Each task's metric, averaged over clean pictures (1, 3, h, w) faded by each strength s."""
    model.eval()
    values = {name: [] for name in model.tasks}
    device = next(model.parameters()).device
    for scale in sorted({task.scale for task in model.tasks.values()}):
        tasks = [task for task in model.tasks.values() if task.scale == scale]
        for picture in pictures:
            for s in strengths:
                x, targets = whole_pair(picture, s, tasks)
                x = x.to(device, memory_format=torch.channels_last)
                outputs = model(x, [task.name for task in tasks])
                for task in tasks:
                    score = task.metric(outputs[task.name].cpu(), targets[task.name], scale)
                    values[task.name].append(score.item())
    return {name: sum(v) / len(v) for name, v in values.items()}
