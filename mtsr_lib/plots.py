"""Figures for the lessons: rows of pictures with exact pixels, spectra, curves; each with alt text.

White paper, so that they read well on light and dark pages; colours that everybody tells apart.
"""

import io
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from .images import luma, to_uint8

__all__ = ["COLOURS", "curves", "figure", "picture_grid", "pictures", "show", "spectrum"]

# Okabe and Ito's colours without yellow: told apart with every kind of colour vision
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
DPI = 90
WIDTH, GAP, LINE = 880, 10, 16  # pixels: a full row, between pictures, a line of a title
STYLE = {
    "axes.prop_cycle": mpl.cycler(color=COLOURS, marker=MARKERS),
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "lines.markersize": 4,
}


def figure(width: float = 7, height: float = 3.2, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure in the style of the course, in inches, and its axes; end it with `show`."""
    with mpl.rc_context(STYLE):
        made = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        return made, list(made.subplots(1, columns, squeeze=False)[0])


def show(figure: Figure | Axes, alt: str) -> None:
    """Put a figure into the notebook as PNG with its alternative text, and close it."""
    import matplotlib.pyplot as plt
    from IPython.display import display

    if not alt.strip():
        raise ValueError("say in alt what the figure shows, for those who cannot see it.")
    made = figure.figure if isinstance(figure, Axes) else figure
    data = {"image/png": png(made), "text/plain": f"Figure: {alt}"}
    plt.close(made)
    display(data, raw=True, metadata={"image/png": {"alt": alt}})


def png(figure: Figure) -> bytes:
    """The figure as a small PNG file, grey where it has no colour; always the same bytes."""
    figure.set_facecolor("white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    grey = (pixels == pixels[..., :1]).all()
    with io.BytesIO() as file:
        Image.fromarray(pixels[..., 0] if grey else pixels).save(file, "PNG", optimize=True)
        return file.getvalue()


def curves(
    series: Mapping[str, Sequence[float] | tuple[Sequence[float], Sequence[float]]],
    *,
    alt: str,
    x: str = "step",
    y: str = "loss",
    log: bool = False,
) -> None:
    """Lines by name: values, or a pair (positions, values); `log` for a logarithmic y axis."""
    made, (axes,) = figure()
    for number, (name, values) in enumerate(series.items()):
        places, heights = values if isinstance(values, tuple) else (range(len(values)), values)
        every = max(1, len(heights) // 12)  # not a marker on every point of a long line
        axes.plot(places, heights, label=name, markevery=(number % every, every))
    axes.set(xlabel=x, ylabel=y, yscale="log" if log else "linear")
    axes.legend()
    show(made, alt)


def spectrum(image: Tensor) -> Float[Tensor, "1 1 h w"]:
    """The log power spectrum of a picture's luma: coarse patterns in the middle, fine ones outside.

    20 log10 |F(window · (luma − mean))| / Σ window in dB, from −110 dB (0, black) to −20 dB
    (1, white). The Hann window keeps the picture's borders out of it.
    """
    grey = luma(image.detach().reshape(1, 3, *image.shape[-2:]))
    h, w = grey.shape[-2:]
    window = torch.hann_window(h, periodic=False)[:, None] * torch.hann_window(w, periodic=False)
    window = window + 1e-12  # a picture of one or two pixels has an empty window
    power = torch.fft.fftshift(torch.fft.fft2(window * (grey - grey.mean())).abs(), dim=(-2, -1))
    decibel = 20 * torch.log10(power / window.sum() + 1e-12)
    return ((decibel + 110) / 90).clamp(0, 1)


# ---------------------------------------------------------------------------- pictures


def pictures(
    images: Mapping[str, Tensor],
    *,
    alt: str,
    zoom: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    columns: int | None = None,
) -> None:
    """A row or grid of pictures with titles, each pixel `zoom` pixels wide (default: what fits).

    Pictures are (1, 3, h, w), (3, h, w) or one channel, float in [0, 1] or uint8. Smaller ones are
    enlarged with crisp pixels to the size of the largest. `crop` is (top, left, height, width) in
    pixels of the largest. What is too wide is averaged down by a whole number.
    """
    show(picture_grid(images, zoom=zoom, crop=crop, columns=columns), alt)


def picture_grid(
    images: Mapping[str, Tensor | np.ndarray],
    *,
    zoom: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    columns: int | None = None,
) -> Figure:
    """The figure that `pictures` shows."""
    arrays = alike([_cut(_pixels(image), images, crop) for image in images.values()])
    columns = columns or _columns(len(arrays), arrays[0].shape[1] * (zoom or 0))
    room = min(512 if zoom is None else WIDTH, (WIDTH - GAP) // columns - GAP)
    return grid(list(images), [magnified(array, room, zoom) for array in arrays], columns)


def _columns(count: int, width: int) -> int:
    """Four in a row at most, and no more than fit."""
    fair = count if count <= 4 else min(4, -(-count // 2))
    return max(1, min(fair, (WIDTH - GAP) // (width + GAP)))


def _pixels(image: Tensor | np.ndarray) -> np.ndarray:
    """Any picture to (h, w, 3) uint8."""
    if isinstance(image, np.ndarray):
        return image
    image = image.detach().reshape(image.shape[-3:])
    image = to_uint8(image.float()) if image.is_floating_point() else image
    return image.expand(3, -1, -1).permute(1, 2, 0).numpy()


def _cut(array: np.ndarray, images: Mapping, crop: tuple[int, int, int, int] | None) -> np.ndarray:
    """The region `crop`, given in pixels of the largest of the images."""
    if crop is None:
        return array
    largest = max(_pixels(image).shape[0] for image in images.values())
    top, left, height, width = (round(side * array.shape[0] / largest) for side in crop)
    if top + height > array.shape[0] or left + width > array.shape[1]:
        raise ValueError(f"the crop {crop} does not lie inside the picture")
    return array[top : top + height, left : left + width]


def alike(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Smaller pictures enlarged with crisp pixels to the size of the largest."""
    h, w = (max(array.shape[axis] for array in arrays) for axis in (0, 1))
    rows, columns = np.arange(h)[:, None], np.arange(w)
    return [a[rows * a.shape[0] // h, columns * a.shape[1] // w] for a in arrays]


def magnified(array: np.ndarray, room: int, zoom: int | None = None) -> np.ndarray:
    """Whole-number magnification that fits the room; else whole-number averaging."""
    zoom = zoom or max(1, min(room // array.shape[1], 480 // array.shape[0]))
    less = -(-array.shape[1] * zoom // room)
    if less == 1:
        return array.repeat(zoom, 0).repeat(zoom, 1)
    h, w = (side - side % less for side in array.shape[:2])
    blocks = array[:h, :w].reshape(h // less, less, w // less, less, 3)
    return (blocks.mean(axis=(1, 3)) + 0.5).astype(np.uint8)


def grid(titles: Sequence[str], arrays: Sequence[np.ndarray], columns: int) -> Figure:
    """Titles above pictures of one size (h, w, 3) uint8, in rows of so many columns."""
    cells = list(zip(titles, arrays, strict=True))
    return strips([("", cells[i : i + columns]) for i in range(0, len(cells), columns)])


def strips(rows: Sequence[tuple[str, Sequence[tuple[str, np.ndarray]]]]) -> Figure:
    """Rows of (heading, [(title, picture)]), one picture pixel on one pixel of the figure."""
    width = max(sum(_wide(a) + GAP for _, a in cells) for _, cells in rows) + GAP
    texts = [_wrapped(heading, cells, width) for heading, cells in rows]
    heights = [cells[0][1].shape[0] for _, cells in rows]
    lines = [[LINE * (text.count("\n") + 1) if text else 0 for text in row] for row in texts]
    heads = [(heading, max(titles)) for heading, *titles in lines]
    down = sum(map(sum, heads)) + sum(heights) + 12 * len(rows) + GAP // 2
    made, top = Figure(figsize=(width / DPI, down / DPI), dpi=DPI), 0
    for (_, cells), (heading, *titles), head, h in zip(rows, texts, heads, heights, strict=True):
        write = {"va": "top", "fontsize": 9.5, "linespacing": 1.2}
        made.text(GAP / width, 1 - (top + 5) / down, heading, weight="bold", **write)
        top, left = top + sum(head) + 8, GAP
        for title, (_, array) in zip(titles, cells, strict=True):
            w, bottom = array.shape[1], down - top - h
            axes = made.add_axes((left / width, bottom / down, w / width, h / down))
            axes.imshow(array, interpolation="nearest", aspect="auto")
            axes.set_axis_off()
            write = {"va": "bottom", "fontsize": 9.5, "linespacing": 1.2}
            made.text(left / width, 1 - (top - 4) / down, title, **write)
            left += _wide(array) + GAP
        top += h + 4
    return made


def _wide(array: np.ndarray) -> int:
    """Room for the picture and a few words above it."""
    return max(array.shape[1], 110)


def _wrapped(heading: str, cells: Sequence[tuple[str, np.ndarray]], width: int) -> list[str]:
    """Heading and titles broken into lines that fit."""
    titles = ["\n".join(textwrap.wrap(title, max(8, _wide(a) // 7))) for title, a in cells]
    return ["\n".join(textwrap.wrap(heading, max(8, width // 7))), *titles]
