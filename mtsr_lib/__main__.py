"""The command line: python -m mtsr_lib upscale | train | evaluate | export | doctor."""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from . import __version__
from .checkpoints import DEFAULT, CheckpointError, load_model, model_names
from .degrade import enlarge
from .doctor import examine
from .evaluation import (
    BenchmarkError,
    benchmark,
    compare_tasks,
    confidence_interval,
    find_benchmark,
    network_rows,
)
from .export import ExportError, export_onnx
from .images import ImageError, load_image, load_uint8, save_image
from .model import MultiTaskNet
from .recipes import ConfigError, read_config, train
from .tasks import Task
from .training import usable_cores
from .upscaling import upscale

ERRORS = (ImageError, CheckpointError, ConfigError, BenchmarkError, ExportError)
GOOD, SOME_FAILED, BAD_REQUEST = 0, 1, 2


def parser() -> argparse.ArgumentParser:
    """The commands and their options, with examples."""
    main = argparse.ArgumentParser(
        prog="python -m mtsr_lib",
        description="Restore photographs with one network that does several tasks.",
        epilog="Try: python -m mtsr_lib doctor      Then: python -m mtsr_lib upscale photo.jpg",
    )
    main.add_argument("--version", action="version", version=f"mtsr_lib {__version__}")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    formatter = argparse.RawDescriptionHelpFormatter

    up = commands.add_parser(
        "upscale",
        help="restore photographs: larger, with detail enhanced, with colours put right",
        description="Write PHOTO_sr_x2.png and so on for each photograph and task.",
        epilog="examples:\n  python -m mtsr_lib upscale holiday.jpg\n"
        "  python -m mtsr_lib upscale *.jpg --tasks sr,color --out restored",
        formatter_class=formatter,
    )
    up.add_argument("photos", nargs="+", metavar="PHOTO", help="picture files")
    up.add_argument("--model", default=DEFAULT, help="a shipped network or a .safetensors file")
    up.add_argument("--tasks", help="comma-separated, such as sr,detail,color (default: all)")
    up.add_argument("--scale", type=int, default=2, help="how many times larger (default 2)")
    up.add_argument(
        "--out", metavar="DIR", help="folder for the results (default: beside each photo)"
    )
    up.set_defaults(run=run_upscale)

    tr = commands.add_parser(
        "train",
        help="train a network as a TOML file says",
        description="Leaves NAME.safetensors, NAME.csv, NAME.state.pt (to go on) in DIR.\n"
        "Ctrl-C stops after the step in hand; the same command goes on where it stopped.",
        epilog="examples:\n"
        "  python -m mtsr_lib train data/configs/mtsr-base.toml --photographs my/photos\n"
        "  torchrun --nproc-per-node 2 -m mtsr_lib train my.toml    (needs accelerate)",
        formatter_class=formatter,
    )
    tr.add_argument("config", metavar="CONFIG", help="a TOML file; see data/configs")
    tr.add_argument("--photographs", help="a folder of training photographs, instead of CONFIG's")
    tr.add_argument("--steps", type=int, help="instead of CONFIG's")
    tr.add_argument("--seed", type=int, help="instead of CONFIG's")
    tr.add_argument("--threads", type=int, help="instead of CONFIG's; 0 takes the cores there are")
    tr.add_argument(
        "--out", default="runs", metavar="DIR", help="folder for the results (default: runs)"
    )
    tr.add_argument(
        "--restart", action="store_true", help="start again, an earlier run's state aside"
    )
    tr.set_defaults(run=run_train)

    ev = commands.add_parser(
        "evaluate",
        help="measure a network by the protocol of the published results",
        description="PSNR-Y, SSIM-Y and PSNR-RGB of sr, beside bicubic. For the course's own\n"
        "photographs (val, test) also detail and color, beside what one could do without a head.",
        epilog="examples:\n  python -m mtsr_lib evaluate --benchmark Set5 --root ~/benchmarks\n"
        "  python -m mtsr_lib evaluate --benchmark test --json",
        formatter_class=formatter,
    )
    ev.add_argument("--benchmark", default="test", metavar="NAME", help="test, val, Set5, Set14, …")
    ev.add_argument(
        "--root", metavar="DIR", help="folder that holds NAME (default: $MTSR_BENCHMARKS)"
    )
    ev.add_argument("--model", default=DEFAULT, help="a shipped network or a .safetensors file")
    ev.add_argument(
        "--networks", action="store_true", help="all shipped ones on Set5 and Set14: the README's"
    )
    ev.add_argument("--scale", type=int, choices=(2, 3, 4), default=2, help="2 (default), 3 or 4")
    ev.add_argument("--json", action="store_true", help="print JSON, with a row for each picture")
    ev.set_defaults(run=run_evaluate)

    ex = commands.add_parser(
        "export",
        help="one head of a network as ONNX, for programs without PyTorch (needs the extra onnx)",
        description="Input x: (1, 3, h, w) in [0, 1]; output y: (1, 3, h·scale, w·scale), not\n"
        "clipped. color has a second input, context: the picture's 32×32 thumbnail.",
        epilog="example:\n  python -m mtsr_lib export sr.onnx --task sr",
        formatter_class=formatter,
    )
    ex.add_argument("out", metavar="FILE", help="the ONNX file to write")
    ex.add_argument("--model", default=DEFAULT, help="a shipped network or a .safetensors file")
    ex.add_argument("--task", default="sr", help="the head to export (default sr)")
    ex.set_defaults(run=run_export)

    dr = commands.add_parser(
        "doctor", help="is this installation well? versions, cores, a self-test"
    )
    dr.set_defaults(run=run_doctor)
    return main


# ---------------------------------------------------------------------------- upscale


def run_upscale(options: argparse.Namespace) -> int:
    """Restore each photograph; a bad one does not stop the others."""
    model = load_model(options.model)
    names = wanted_tasks(model, options.tasks, options.scale)
    failed, written = 0, set()
    for photo in options.photos:
        try:
            for name in names:
                target = target_of(Path(photo), model.tasks[name], options.out)
                if target in written:
                    raise ImageError(f"{photo}: {target} is another photograph's; rename one.")
                restore_to_file(model, Path(photo), name, target)
                written.add(target)
                print(target, flush=True)
        except ImageError as error:
            failed += 1
            print(f"mtsr_lib: {error}", file=sys.stderr)
    if failed:
        print(f"mtsr_lib: {failed} of {len(options.photos)} could not be done.", file=sys.stderr)
    return SOME_FAILED if failed else GOOD


def wanted_tasks(model: MultiTaskNet, asked: str | None, scale: int) -> list[str]:
    """The names of the model's heads for what was asked at this scale; ConfigError if none."""
    heads = {kind_of(task): name for name, task in model.tasks.items() if task.scale == scale}
    if not heads:
        scales = sorted({task.scale for task in model.tasks.values()})
        raise ConfigError(f"this network has no head for scale {scale}; it has {scales}.")
    kinds = [kind.strip() for kind in asked.split(",")] if asked else list(heads)
    for kind in kinds:
        if kind not in heads:
            raise ConfigError(
                f"this network has no task {kind!r} at ×{scale}; it has {', '.join(heads)}."
            )
    return [heads[kind] for kind in kinds]


def kind_of(task: Task) -> str:
    """A task's name without its scale: sr for sr_x3."""
    return task.name.removesuffix(f"_x{task.scale}")


def target_of(photo: Path, task: Task, out: str | None) -> Path:
    """Where a restoration goes: PHOTO_sr_x2.png, in `out` or beside the photograph."""
    return Path(out or photo.parent) / f"{photo.stem}_{kind_of(task)}_x{task.scale}.png"


def restore_to_file(model: MultiTaskNet, photo: Path, name: str, target: Path) -> None:
    """One photograph, one task, in 8 bits from file to file."""
    picture = load_uint8(photo)
    with tqdm(desc=target.name, unit="tile", leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            if done == total:
                bar.refresh()

        try:
            result = upscale(model, picture, [name], progress=progress)[name]
        except (MemoryError, RuntimeError) as error:
            raise ImageError(
                f"{photo} could not be restored ({error}); try a smaller picture."
            ) from None
    save_image(result, target)


# ---------------------------------------------------------------------------- train


def run_train(options: argparse.Namespace) -> int:
    """Train, or go on with a training that was stopped."""
    names = ("photographs", "steps", "seed", "threads")
    changes = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    config = read_config(options.config, **changes)
    history = train(config, options.out, own_command(options), options.restart)
    rank = int(os.environ.get("RANK", "0"))
    if rank == 0:
        done = "done" if history.steps >= config.steps else "stopped; the same command goes on"
        print(f"{Path(options.out) / config.name}.safetensors: {history.steps} steps, {done}")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        # Gloo's threads may still hold tensors, which aborts a Python that is ending
        # (pytorch/pytorch#179291); everything is on disk, so end without ending Python.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(GOOD)
    return GOOD


def own_command(options: argparse.Namespace) -> str:
    """The command as a model card should give it: folders by their last name only."""
    words = ["python -m mtsr_lib train", f"data/configs/{Path(options.config).name}"]
    if options.photographs:
        words += ["--photographs", shlex.quote(Path(options.photographs).name)]
    for name in ("steps", "seed", "threads"):
        if getattr(options, name) is not None:
            words += [f"--{name}", str(getattr(options, name))]
    return " ".join(words)


# ---------------------------------------------------------------------------- evaluate


def run_evaluate(options: argparse.Namespace) -> int:
    """Measure and print a table, or JSON."""
    if options.networks:
        return run_networks(options)
    model = load_model(options.model)
    files, remark = find_benchmark(options.benchmark, options.root)
    pictures = [(file.stem, load_image(file)) for file in tqdm(files, "reading", leave=False)]
    methods = {"bicubic": lambda x: enlarge(x, options.scale)}
    try:
        (name,) = wanted_tasks(model, "sr", options.scale)
        methods[str(options.model)] = lambda x: model(x, [name])[name]
    except ConfigError as error:
        print(f"mtsr_lib: bicubic alone: {error}", file=sys.stderr)
    rows = {
        method: benchmark(restore, tqdm(pictures, method, leave=False), options.scale)
        for method, restore in methods.items()
    }
    report = {
        "benchmark": options.benchmark,
        "remark": remark,
        "scale": options.scale,
        "mean": {method: means(table) for method, table in rows.items()},
        "pictures": rows,
    }
    all_three = {"sr", "detail", "color"} <= set(model.tasks)
    if options.benchmark in {"val", "test"} and options.scale == 2 and all_three:
        strengths = (0.0, 0.25, 0.5, 0.75, 1.0)
        photos = tqdm([picture for _, picture in pictures], "tasks", leave=False)
        report["tasks"] = compare_tasks(model, photos, strengths)
    print(json.dumps(report, indent=2, ensure_ascii=False) if options.json else as_text(report))
    return GOOD


def run_networks(options: argparse.Namespace) -> int:
    """All shipped networks at all their scales, as a Markdown table, or JSON."""
    sets = {}
    for name in ("Set5", "Set14"):
        files, remark = find_benchmark(name, options.root)
        sets[name] = [(file.stem, load_image(file)) for file in files]
        print(f"{name}: {remark}", file=sys.stderr)
    models = {name: load_model(name) for name in model_names()}
    rows = network_rows(models, sets, progress=lambda rows: tqdm(rows, "networks", leave=False))
    print(json.dumps(rows, indent=2) if options.json else network_table(rows))
    return GOOD


def network_table(rows: list[dict]) -> str:
    """The README's table: parameters and MACs for 1280×720 pixels, PSNR-Y and SSIM-Y, time."""
    sets = [key.removesuffix(" psnr_y") for key in rows[0] if key.endswith(" psnr_y")]
    head = ["sr", "network", "parameters", "MACs", *sets, "ms"]
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "---:|" * (len(head) - 2)]
    for row in rows:
        size = f"{row['parameters'] / 1000:.1f}K" if row["parameters"] else ""
        macs = f"{row['macs'] / 1e9:.1f}G" if row["macs"] else ""
        quality = [f"{row[f'{s} psnr_y']:.2f}, {row[f'{s} ssim_y']:.4f}" for s in sets]
        cells = [f"×{row['scale']}", row["network"], size, macs, *quality]
        lines.append(f"| {' | '.join(cells)} | {row['milliseconds']:.0f} |")
    return "\n".join(lines)


def means(rows: list[dict]) -> dict[str, float]:
    """The mean of each column over the pictures."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0] if key != "picture"}


def as_text(report: dict) -> str:
    """The report as a table to read."""
    lines = [f"{report['benchmark']} ×{report['scale']}: {report['remark']}"]
    lines.append(f"{'':24} {'PSNR-Y':>8} {'SSIM-Y':>8} {'PSNR-RGB':>9}")
    for method, row in report["mean"].items():
        values = f"{row['psnr_y']:8.2f} {row['ssim_y']:8.4f} {row['psnr_rgb']:9.2f}"
        lines.append(f"{method[-24:]:24} {values}")
    bicubic, *others = report["pictures"].values()
    pairs = zip(bicubic, others[0], strict=True) if others else ()
    gains = [new["psnr_y"] - old["psnr_y"] for old, new in pairs]
    if len(gains) >= 3:
        low, high = confidence_interval(gains)
        mean = sum(gains) / len(gains)
        lines.append(
            f"gain over bicubic {mean:.2f} dB PSNR-Y, 95 % interval over pictures "
            f"[{low:.2f}, {high:.2f}]"
        )
    if "tasks" in report:
        lines.append(
            "\nall tasks, fading s = 0, 0.25, 0.5, 0.75, 1 (PSNR-RGB in dB; ΔE00, lower is better)"
        )
        lines += [f"{key:36} {value:8.2f}" for key, value in report["tasks"].items()]
    return "\n".join(lines)


# ---------------------------------------------------------------------------- export


def run_export(options: argparse.Namespace) -> int:
    """Write one head's ONNX file."""
    export_onnx(load_model(options.model), options.out, options.task)
    print(options.out)
    return GOOD


# ---------------------------------------------------------------------------- doctor


def run_doctor(options: argparse.Namespace) -> int:
    """Look at this installation and say what to do about each problem."""
    print(f"mtsr_lib {__version__}")
    report = examine()
    print(report)
    return SOME_FAILED if report.problems else GOOD


def main(arguments: list[str] | None = None) -> int:
    """Run one command; errors are one sentence, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may not know ×, Δ or …
            stream.reconfigure(errors="replace")
    options = parser().parse_args(arguments)
    torch.set_num_threads(usable_cores())
    try:
        return options.run(options)
    except ERRORS as error:
        print(f"mtsr_lib: {error}", file=sys.stderr)
    except (ValueError, OSError, MemoryError) as error:
        print(f"mtsr_lib: {error or 'out of memory'}", file=sys.stderr)
    except KeyboardInterrupt:
        print("mtsr_lib: stopped.", file=sys.stderr)
        return 130
    return BAD_REQUEST


if __name__ == "__main__":
    sys.exit(main())
