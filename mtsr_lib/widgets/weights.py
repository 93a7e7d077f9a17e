"""The weights of three losses, the networks they give, and what each has to pay."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from .. import plots
from ..experiments import EVERYTHING, EXPERIMENTS
from ..images import data_folder, load_uint8
from .experiment import Experiment, choice, experiment

SIDE = 112  # pixels of a picture in data/results/weights_grid.webp
ZOOM = 2
TINTS = ("#a6cee3", "#56a0d3", "#1f5fa8", "#0b2a5b")  # from light to dark
CROSS = (0xCC, 0x79, 0xA7)
HEAD, PLANES = 24, 280  # pixels above the pictures, and below them for the planes


def weight_map(rows: Sequence[Mapping[str, str]], alone: Sequence[float] = ()) -> Experiment:
    """Choose the weights of detail and color (sr has 1); see three restorations and their scores.

    `rows` are those of data/results/weights.csv: networks trained alike but for the weights, each
    judged by its mean over seeds on the validation photographs. Rings mark the Pareto front: the
    networks that no other dominates. Stars: what networks for one task alone reach (`alone`).
    """
    arms = [arm for arm in EXPERIMENTS["weights"]() if any(r["arm"] == arm.name for r in rows)]
    places = {arm.weights[1:]: place for place, arm in enumerate(arms)}
    scores = torch.tensor([mean_scores(rows, arm.name) for arm in arms])
    details, colors = (sorted({pair[k] for pair in places}) for k in (0, 1))
    sheet = load_uint8(data_folder() / "results/weights_grid.webp")
    empty, spots = background(scores, [arm.weights[2] for arm in arms], alone)

    def compute(detail: float, color: float) -> tuple[dict[str, Tensor], str]:
        place = places[detail, color]
        shown = [pictured(sheet, place, task) for task in range(len(EVERYTHING))]
        return {"": filled(empty, shown, spots[place])}, sentence(scores, place)

    return experiment(
        compute,
        title="whose loss counts how much?",
        detail=choice("weight of detail", details, 1),
        color=choice("weight of color", colors, 1),
    )


def sentence(scores: Tensor, place: int) -> str:
    """The scores of one network, what it lacks of the best, and whether it is on the front."""
    behind = scores.amax(0) - scores[place]
    told = zip(EVERYTHING, scores[place].tolist(), behind.tolist(), strict=True)
    parts = (f"{n} {dB:.2f} dB ({f'−{less:.2f}' if less else 'best'})" for n, dB, less in told)
    front = "on the front" if pareto(scores)[place] else "not on the front"
    return f"{', '.join(parts)}; {front}"


def mean_scores(rows: Sequence[Mapping[str, str]], arm: str, split: str = "val") -> list[float]:
    """PSNR of sr, detail and color over the arm's seeds."""
    mine = [row for row in rows if row["arm"] == arm]
    return [sum(float(row[f"{split}_{task}"]) for row in mine) / len(mine) for task in EVERYTHING]


def pareto(scores: Float[Tensor, "n tasks"]) -> Bool[Tensor, "n"]:
    """Which rows no other row dominates: at least as good everywhere, better somewhere."""
    other, mine = scores[None], scores[:, None]
    dominated = ((other >= mine).all(-1) & (other > mine).any(-1)).any(1)
    return ~dominated


def pictured(sheet: Tensor, place: int, task: int) -> Tensor:
    """One cut of the stored sheet: row `place` (the last is the truth), column `task`."""
    return sheet[..., place * SIDE : (place + 1) * SIDE, task * SIDE : (task + 1) * SIDE]


def planes(
    axes: Sequence[Axes], scores: Tensor, colors: Sequence[float], alone: Sequence[float] = ()
) -> None:
    """The networks as points, sr against detail and against color; rings around the front.

    `colors` are the networks' weights of color: the greater, the darker the point.
    """
    best, levels = pareto(scores), sorted(set(colors))
    for axis, task in zip(axes, (1, 2), strict=True):
        for level, tint in zip(levels, TINTS[-len(levels) :], strict=True):
            mine = scores[[color == level for color in colors]]
            axis.plot(mine[:, 0], mine[:, task], "o", color=tint, ms=6, label=f"color {level:g}")
        ring = {"markerfacecolor": "none", "markeredgecolor": "black", "markersize": 10}
        axis.plot(scores[best, 0], scores[best, task], "o", label="on the front", **ring)
        if len(alone):
            star = {"color": plots.COLOURS[1], "markersize": 12, "label": "each task alone"}
            axis.plot(alone[0], alone[task], "*", **star)
        axis.set(xlabel="sr, dB", ylabel=f"{EVERYTHING[task]}, dB")


Spot = list[tuple[slice, slice]]


def background(
    scores: Tensor, colors: Sequence[float], alone: Sequence[float] = ()
) -> tuple[np.ndarray, list[Spot]]:
    """Names and planes with room for three pictures, (h, w, 3); the lines of each network's cross.

    Drawn once: what changes from choice to choice is painted over it.
    """
    side, gap = SIDE * ZOOM, plots.GAP
    width, height = len(EVERYTHING) * (side + gap) + gap, HEAD + side + PLANES
    with plots.mpl.rc_context(plots.STYLE):
        made = Figure(figsize=(width / plots.DPI, height / plots.DPI), dpi=plots.DPI)
        for n, name in enumerate(EVERYTHING):
            left = gap + n * (side + gap)
            made.text(left / width, 1 - (HEAD - 6) / height, name, va="bottom")
        axes = made.subplots(1, 2, gridspec_kw={"left": 0.11, "right": 0.98, "wspace": 0.3})
        made.subplots_adjust(bottom=70 / height, top=(PLANES - 14) / height)
        planes(axes, scores, colors, alone)
        shown = axes[0].get_legend_handles_labels()
        place = {"loc": "lower center", "ncols": len(shown[0]), "handletextpad": 0.2}
        made.legend(*shown, fontsize=8.5, columnspacing=1.4, **place)
    canvas = FigureCanvasAgg(made)
    canvas.draw()
    spots: list[Spot] = [[] for _ in scores]
    for axis, task in zip(axes, (1, 2), strict=True):
        left, bottom, right, top = axis.get_window_extent().extents.round().astype(int)
        rows, columns = slice(height - top, height - bottom), slice(left, right)
        for spot, pair in zip(spots, scores[:, [0, task]].double().numpy(), strict=True):
            x, y = axis.transData.transform(pair).round().astype(int)
            spot += [(rows, slice(x, x + 2)), (slice(height - y, height - y + 2), columns)]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy(), spots


def filled(empty: np.ndarray, shown: Sequence[Tensor], spot: Spot) -> Tensor:
    """The background with three pictures, and a cross where this network is, (3, h, w) uint8."""
    pixels, side = empty.copy(), SIDE * ZOOM
    for n, picture in enumerate(shown):
        left = plots.GAP + n * (side + plots.GAP)
        large = picture[0].permute(1, 2, 0).numpy().repeat(ZOOM, 0).repeat(ZOOM, 1)
        pixels[HEAD : HEAD + side, left : left + side] = large
    for rows, columns in spot:
        pixels[rows, columns] = np.minimum(pixels[rows, columns], CROSS)  # what is dark stays
    return torch.from_numpy(pixels).permute(2, 0, 1)
