"""The shape tracer: choose layers, see the size of what comes out, its weights and its work."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..plots import COLOURS, DPI, WIDTH
from .experiment import Experiment, choice, experiment, slider

CONV, POOL, STRIDE, BARE = "conv", "conv + max pool", "conv, stride 2", "conv, no padding"
BICUBIC, SHUFFLE, NONE = "bicubic ×2", "conv + pixel shuffle ×2", "nothing"
LAYERS = [CONV, POOL, STRIDE, BARE, SHUFFLE, BICUBIC, NONE]
STARTING = [POOL, POOL, POOL, CONV, CONV, CONV]
HEIGHT, SQUARE, MIDDLE = 210, 104, 104  # pixels of the drawing


class Traced(NamedTuple):
    """What stands after one layer: channels, side in pixels, and what the layer costs."""

    layer: str
    channels: int
    side: int
    weights: int = 0
    multiplications: int = 0


def traced(layers: Sequence[str], side: int, width: int) -> list[Traced]:
    """Follow a picture of 3 × side × side through 3×3 convolutions.

    They give width, 2, 4, 2 times width, width and width channels, the last of them always 3.
    Biases are counted.
    """
    plan = [width, 2 * width, 4 * width, 2 * width, width, width]
    kept = [(layer, out) for layer, out in zip(layers, plan, strict=False) if layer != NONE]
    last = max((n for n, (layer, _) in enumerate(kept) if layer != BICUBIC), default=-1)
    rows = [Traced("input", 3, side)]
    for number, (layer, out) in enumerate(kept):
        rows.append(_after(rows[-1], layer, 3 if number == last else out))
    return rows


def _after(before: Traced, layer: str, out: int) -> Traced:
    """One layer: the convolution first, then what follows it."""
    if layer == BICUBIC:
        return Traced(layer, before.channels, 2 * before.side)
    made = 4 * out if layer == SHUFFLE else out
    side = {STRIDE: (before.side + 1) // 2, BARE: max(0, before.side - 2)}.get(layer, before.side)
    weights = made * (9 * before.channels + 1)
    work = made * 9 * before.channels * side**2
    side = {POOL: side // 2, SHUFFLE: 2 * side}.get(layer, side)
    return Traced(layer, out, side, weights, work)


def shape_tracer(layers: Sequence[str] = STARTING, side: int = 48, width: int = 64) -> Experiment:
    """Build a network of up to six layers; every 3×3 convolution but the last is meant with a ReLU.

    The dashed frame is the target of a ×2 network, twice the input's side.
    """
    start = [*layers, *[NONE] * (6 - len(layers))]

    def compute(side, width, **chosen):
        rows = traced(list(chosen.values()), int(side), int(width))
        return _drawing(rows, 2 * int(side)), _told(rows)

    return experiment(
        compute,
        title="shape tracer",
        side=slider("input side", 8, 96, side, 4, "px"),
        width=slider("width", 8, 64, width, 8, "channels"),
        **{f"layer{n}": choice(f"layer {n}", LAYERS, start[n - 1]) for n in range(1, 7)},
    )


def _told(rows: list[Traced]) -> str:
    """The outcome in a sentence."""
    first, last = rows[0], rows[-1]
    target = 2 * first.side
    match = "the target's size" if last.side == target else f"the target is {target}×{target}"
    weights = sum(row.weights for row in rows)
    work = sum(row.multiplications for row in rows) / first.side**2
    return (
        f"{first.side}×{first.side} in, {last.side}×{last.side} out, {match}; {weights:,} "
        f"parameters, {work:,.0f} multiplications for each pixel of the input."
    )


def _drawing(rows: list[Traced], target: int) -> Figure:
    """A square for the picture after each layer, on one scale with the dashed target."""
    with mpl.rc_context({"font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.set_axis_off()
        scale = SQUARE / max(target, *(row.side for row in rows))
        for number, row in enumerate(rows):
            middle = WIDTH * (2 * number + 1) / 14
            shown = [("-", row.side)] + [("--", target)] * (number == len(rows) - 1)
            for line, side in shown:
                _square(axes, middle, max(2, scale * side), line)
            axes.text(middle, 184, row.layer.replace(" + ", " +\n"), ha="center", va="center")
            axes.text(
                middle, 36, f"{row.channels} × {row.side}×{row.side}", ha="center", weight="bold"
            )
            weights = f"{row.weights:,}" if row.weights else ""
            axes.text(middle, 18, weights, ha="center", color="#444444")
        axes.text(WIDTH / 14, 18, "parameters:", ha="center", color="#444444")
    return figure


def _square(axes, middle: float, side: float, line: str) -> None:
    dashed = line == "--"
    axes.add_patch(
        Rectangle(
            (middle - side / 2, MIDDLE - side / 2),
            side,
            side,
            facecolor="none" if dashed else COLOURS[0],
            edgecolor=COLOURS[1] if dashed else COLOURS[0],
            linestyle=line,
            linewidth=1.6,
        )
    )
