"""The gradient playground: two or three tasks' gradients in the plane, and each method's step."""

import math
import re

import numpy as np
import torch
import traitlets
from jaxtyping import Float, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from ..balance import mgda, pcgrad, upgrad
from ..plots import COLOURS, DPI
from .experiment import Control, Experiment, slider, switch
from .pictures import HERE, script

TASKS = ("sr", "detail", "color")
WIDTH, HEIGHT = 860, 350  # pixels of the drawing
LEFT, TOP, UNIT = 216, 176, 84  # pixels: the origin of the plane, and its unit
MARK = {"mean": "o", "PCGrad": "s", "MGDA": "^", "UPGrad": "D"}


class Playground(Experiment):
    """The widget that `gradient_playground` makes: an experiment whose drawing can be dragged."""

    _esm = script("experiment.js").replace("export default { render };", "") + (
        HERE / "playground.js"
    ).read_text(encoding="utf-8")
    plane = traitlets.Dict().tag(sync=True)

    def words(self, **changes: object) -> str:
        """Settings in words, without the spaces before ° and after numbers without a unit."""
        return re.sub(r" (?=[°,]|$)", "", super().words(**changes))


def gradient_playground() -> Playground:
    """Drag the gradients of detail and color; sr's stays (1, 0), for only what is between counts.

    Drawn are the directions that the mean, PCGrad (divided by the number of tasks, as it sums),
    MGDA and UPGrad give; grey is where no task is harmed. The bars are gᵢ·d, how fast the loss of
    task i falls along direction d.
    """
    controls: dict[str, Control] = {
        "detail_angle": slider("detail: angle", -180, 180, 120, 5, "°"),
        "detail_length": slider("detail: length", 0, 2, 1, 0.1),
        "color": switch("color too", False),
        "color_angle": slider("color: angle", -180, 180, -30, 5, "°"),
        "color_length": slider("color: length", 0, 2, 1.5, 0.1),
        "dice": slider("PCGrad's dice", 1, 6, 1),
    }
    made = Playground(computed, controls, "gradient playground")
    tips = [{"name": "detail"}, {"name": "color", "needs": "color"}]
    made.plane = {
        "left": LEFT, "top": TOP, "unit": UNIT, "width": WIDTH, "height": HEIGHT, "tips": tips,
    }  # fmt: skip
    return made


def computed(
    detail_angle: float,
    detail_length: float,
    color: bool,
    color_angle: float,
    color_length: float,
    dice: int,
) -> tuple[dict[str, Tensor], str]:
    """The drawing, and what it shows in a sentence."""
    polar = [(0, 1.0), (detail_angle, detail_length), (color_angle, color_length)][: 2 + color]
    rows = [(r * math.cos(a), r * math.sin(a)) for a, r in ((math.radians(a), r) for a, r in polar)]
    g = torch.tensor(rows, dtype=torch.float64)
    steps = directions(g, int(dice))
    return {"": pixels(drawn(g, steps))}, told(g, steps)


def pixels(figure: Figure) -> UInt8[Tensor, "3 h w"]:
    """The figure's pixels; sooner than through a PNG file."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return torch.from_numpy(np.array(canvas.buffer_rgba())[..., :3]).permute(2, 0, 1)


def directions(g: Float[Tensor, "k 2"], dice: int = 1) -> dict[str, Float[Tensor, "2"]]:
    """The direction of each method for these gradients."""
    gramian, order = g @ g.T, torch.Generator().manual_seed(dice)
    return {
        "mean": g.mean(0),
        "PCGrad": pcgrad(gramian, order) @ g / len(g),
        "MGDA": mgda(gramian) @ g,
        "UPGrad": upgrad(gramian) @ g,
    }


def harmed(g: Tensor, direction: Tensor) -> list[str]:
    """The tasks whose loss rises along a direction."""
    falls = g @ direction
    return [name for name, fall in zip(TASKS, falls.tolist(), strict=False) if fall < -1e-6]


def told(g: Tensor, steps: dict[str, Tensor]) -> str:
    """The angles between the tasks, and whom each method harms."""
    pairs = [(i, j) for i in range(len(g)) for j in range(i + 1, len(g))]
    angles = ", ".join(f"{TASKS[i]}–{TASKS[j]} {angle(g[i], g[j])}" for i, j in pairs)
    called = {"mean": "the mean"}
    hurt = [
        f"{called.get(name, name)} harms {' and '.join(names)}"
        for name, direction in steps.items()
        if (names := harmed(g, direction))
    ]
    end = "; ".join(hurt) or "no method harms a task"
    return f"Angles: {angles}. {end[0].upper()}{end[1:]}."


def angle(a: Tensor, b: Tensor) -> str:
    """The angle between two vectors in whole degrees."""
    if not (a.any() and b.any()):
        return "none"
    cosine = (a @ b / a.norm() / b.norm()).clamp(-1, 1)
    return f"{math.degrees(cosine.acos().item()):.0f}°"


def drawn(g: Tensor, steps: dict[str, Tensor]) -> Figure:
    """Left the plane with all arrows, right how fast each loss falls."""
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
    reach = LEFT / UNIT, TOP / UNIT
    box = (0, 1 - 2 * TOP / HEIGHT, 2 * LEFT / WIDTH, 2 * TOP / HEIGHT)
    plane = figure.add_axes(box, xlim=(-reach[0], reach[0]), ylim=(-reach[1], reach[1]))
    plane.set_axis_off()
    if len(corners := harmless(g)):
        plane.add_patch(Polygon(corners, facecolor="#dddddd", edgecolor="none", zorder=0))
    for name, row, colour in zip(TASKS, g.tolist(), COLOURS, strict=False):
        arrow(plane, row, colour, 2.4)
        x, y = (v + 0.14 * v / (math.hypot(*row) or 1) for v in row)
        plane.text(x, y, name, color=colour, ha="center", va="center", weight="bold", fontsize=10)
    for name, direction in steps.items():
        x, y = direction.tolist()
        plane.plot([0, x], [0, y], "-", color="black", linewidth=1, zorder=3)
        plane.plot(x, y, MARK[name], color="black", markerfacecolor="white", zorder=4, label=name)
    plane.legend(loc="lower left", frameon=False, fontsize=9, borderpad=0, handletextpad=0.2)
    bars(figure, g, steps)
    return figure


def arrow(axes, tip: list[float], colour: str, width: float) -> None:
    """An arrow from the origin."""
    style = {"arrowstyle": "-|>,head_width=0.3,head_length=0.6", "shrinkA": 0, "shrinkB": 0}
    style |= {"color": colour, "linewidth": width}
    axes.annotate("", tip, (0, 0), arrowprops=style, zorder=2)


def bars(figure: Figure, g: Tensor, steps: dict[str, Tensor]) -> None:
    """gᵢ·d of every task for every method."""
    axes = figure.add_axes((0.58, 0.12, 0.41, 0.78))
    wide = 0.8 / len(g)
    falls = g @ torch.stack(list(steps.values())).T  # (tasks, methods)
    for i, row in enumerate(falls.tolist()):
        places = [n + wide * (i - (len(g) - 1) / 2) for n in range(len(steps))]
        axes.bar(places, row, 0.9 * wide, color=COLOURS[i])
    axes.axhline(0, color="black", linewidth=1)
    axes.set_xticks(range(len(steps)), list(steps))
    axes.tick_params(bottom=False)
    axes.set_title("g·d of each task: how fast its loss falls; below 0 it rises", fontsize=10)
    axes.spines[["right", "top", "bottom"]].set_visible(False)
    ends = -limit(-falls.min().item()), limit(falls.max().item())
    axes.set_yticks([*ends[: ends[0] < -0.25], 0, ends[1] / 2, ends[1]])
    axes.set_ylim(ends)


def limit(value: float) -> float:
    """The end of the axis: one of a few, so that bars of two settings can be compared."""
    return next((end for end in (0.25, 0.5, 1.0, 2.0) if value <= end), 4.0)


def harmless(g: Tensor, far: float = 9.0) -> list[tuple[float, float]]:
    """The corners of the cone of directions d with gᵢ·d ≥ 0 for all i; none if it has no inside."""
    angles = torch.arange(0, 2 * math.pi, math.pi / 360, dtype=g.dtype)
    rays = torch.stack([angles.cos(), angles.sin()], dim=1)
    inside = (rays @ g.T >= -1e-9).all(1)
    starts = (inside & ~inside.roll(1)).nonzero()
    if not len(starts):  # no ray is inside, or all are
        return []
    fan = rays.roll(-int(starts[0]), 0)[inside.roll(-int(starts[0]))]
    return [(0.0, 0.0), *map(tuple, (far * fan).tolist())]
