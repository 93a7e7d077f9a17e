"""One network for several tasks against one for each: who is ahead, by what rule, and how sure."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from .. import plots
from ..evaluation import t_interval
from ..experiments import Arm, network_of
from .experiment import Experiment, choice, experiment, slider

TOGETHER = ("sr+detail+color", "sr+detail+color, chained", "sr+detail", "sr+color", "detail+color")
RULES = {  # what each network alone has
    "the same steps": "",
    "a third of the steps": ", a third of the steps",
    "a third of the parameters": ", a third of the parameters",
}
CASCADE = "detail against\nthe cascade"
REACH = 2.5  # dB; what lies beyond is cut off, its numbers stand beside it


def race(rows: Sequence[Mapping[str, str]]) -> Experiment:
    """Choose a network with several heads, what its rivals get, and how many seeds are looked at.

    `rows` are those of data/results/subsets.csv. Each dot is a seed: PSNR of the task's head minus
    that of the network for this task alone; the bar is Student's 95 % interval for their mean. The
    cascade enhances the output of the network for sr alone that the rule allows.
    """
    found = {(row["arm"], int(row["seed"])): row for row in rows}
    seeds = sorted({seed for _, seed in found})
    offered = [arm for arm in TOGETHER if (arm, seeds[0]) in found]

    def compute(network: str, rule: str, count: float) -> tuple[Figure, str]:
        chosen = seeds[: int(count)]
        tasks = network.split(",")[0].split("+")
        rivals = {task: task + RULES[rule] for task in tasks}
        lines = {task: (task, rivals[task], task) for task in tasks}
        if {"sr", "detail"} <= set(tasks):
            lines[CASCADE] = ("detail", rivals["sr"], "cascade")
        gains = {label: differences(found, chosen, network, *line) for label, line in lines.items()}
        alone = [found[rival, seeds[0]] for rival in rivals.values()]
        return drawn(gains), cost(found[network, seeds[0]], alone)

    return experiment(
        compute,
        title="a race",
        network=choice("together", offered),
        rule=choice("each alone has", list(RULES)),
        count=slider("seeds looked at", 1, len(seeds), len(seeds), unit=f"of {len(seeds)}"),
    )


def differences(
    found: Mapping, seeds: Sequence[int], network: str, metric: str, rival: str, theirs: str
) -> list[float]:
    """The network's metric minus the rival's (its own name for it), for seeds that both have."""
    both = [s for s in seeds if (network, s) in found and (rival, s) in found]
    mine = [float(found[network, s][f"test_{metric}"]) for s in both]
    other = [float(found[rival, s][f"test_{theirs}"]) for s in both]
    return [a - b for a, b in zip(mine, other, strict=True)]


def verdict(mean: float, half: float) -> str:
    """What an interval lets one say."""
    return "ahead" if mean > half else "behind" if mean < -half else "not told apart"


def drawn(gains: Mapping[str, Sequence[float]]) -> Figure:
    """A line for each comparison: its seeds, its interval, its numbers."""
    made, (axes,) = plots.figure(8.6, 0.7 + 0.42 * len(gains))
    for place, values in enumerate(gains.values()):
        _line(axes, -place, values)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks([-n for n in range(len(gains))], list(gains))
    axes.set(xlim=(-REACH, 2.4 * REACH), ylim=(0.6 - len(gains), 0.6))
    axes.set_xticks([-2, -1, 0, 1, 2])
    axes.set_xlabel("dB, together minus alone", x=1 / 3.4)
    axes.grid(False, axis="y")
    return made


def _line(axes: Axes, place: float, values: Sequence[float]) -> None:
    """Dots, and from two seeds on mean and interval; what lies beyond the axis is cut off."""
    mean, half = t_interval(values) if len(values) > 1 else (sum(values), float("inf"))
    said = verdict(mean, half)
    colour = plots.COLOURS[{"ahead": 2, "behind": 1}.get(said, 0)]
    dots = [min(REACH, max(-REACH, value)) for value in values]
    axes.plot(dots, [place] * len(dots), "o", color=colour, markersize=4)
    text = f"{mean:+.2f}  one seed, no interval" if len(values) else "no seed"
    if len(values) > 1:
        low, high = (min(REACH, max(-REACH, end)) for end in (mean - half, mean + half))
        axes.plot([low, high], [place, place], "-", color=colour, linewidth=5, alpha=0.35)
        axes.plot([mean], [place], "|", color=colour, markersize=14, markeredgewidth=2)
        text = f"{mean:+.2f}  [{mean - half:+.2f}, {mean + half:+.2f}]  {said}"
    axes.text(1.05 * REACH, place, text.replace("-", "−"), va="center")


def cost(together: Mapping[str, str], alone: Sequence[Mapping[str, str]]) -> str:
    """Parameters and training work of both sides, in words."""
    work = [work_of(row["settings"]) for row in (together, *alone)]
    many = sum(int(row["parameters"]) for row in alone)
    return (
        f"{int(together['parameters']):,} parameters together, {many:,} alone; "
        f"work 1 : {sum(work[1:]) / work[0]:.2f}"
    )


@lru_cache
def work_of(settings: str) -> int:
    """Multiplications for an LR pixel in a pass, times steps; the colour transform left out."""
    arm = Arm(**json.loads(settings))
    net = network_of(arm)
    heads = [part for head in net.heads.values() for part in (head.hidden, head.upsampler)]
    layers = [m for part in (net.backbone, *heads) for m in part.modules()]
    return arm.steps * sum(m.weight.numel() for m in layers if isinstance(m, nn.Conv2d))
