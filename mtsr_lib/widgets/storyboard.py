"""Some settings of a widget as one static picture, for pages without a kernel."""

from collections.abc import Callable

from matplotlib.figure import Figure

from ..plots import GAP, WIDTH, alike, grid, magnified, show, strips
from .pictures import Frame


def storyboard(
    widget: object | Callable[[], object],
    settings: list[dict],
    *,
    alt: str | None = None,
    panels: list[str] | None = None,
) -> None:
    """Render a widget, or what a function without arguments makes, at three or four settings.

    `settings` are what the widget's `frames` takes: for `compare` position, left, right; for
    `magnifier` x, y, zoom; for experiments the controls by name. `panels` keeps the pictures whose
    label starts with one of these words. Without `alt` the settings and results are told.

    >>> storyboard(lab, [{"scale": 2}, {"scale": 4}, {"scale": 4, "antialias": False}])
    """
    if not settings:
        raise ValueError("give the settings to show, a list of dictionaries.")
    made = widget if hasattr(widget, "frames") else widget()
    states = [_state(made, changes, panels) for changes in settings]
    told = "; ".join(heading for heading, _ in states)
    show(_drawn(states), alt or f"The widget in {len(states)} settings. {told}.")


def _state(widget: object, changes: dict, panels: list[str] | None) -> tuple[str, Frame]:
    """Heading and pictures of one setting."""
    frames, text = widget.frames(**changes)
    kept = {k: v for k, v in frames.items() if panels is None or k.startswith(tuple(panels))}
    if not kept:
        raise ValueError(f"no panel starts with {panels}; there are {list(frames)}.")
    words = widget.words(**changes) if hasattr(widget, "words") else ""
    return ": ".join(filter(None, [words, text])), kept


def _drawn(states: list[tuple[str, Frame]]) -> Figure:
    """A row for each setting; settings of one picture each stand side by side."""
    if all(len(frames) == 1 for _, frames in states):
        arrays = [array for _, frames in states for array in frames.values()]
        plots = "" in states[0][1]  # figures keep their size, so that their text can be read
        columns = 1 if plots else min(len(arrays), 4)
        room = (WIDTH - GAP) // columns - GAP
        titles = [", ".join(filter(None, [*frames, heading])) for heading, frames in states]
        return grid(titles, arrays if plots else [magnified(a, room) for a in arrays], columns)
    rows = []
    for heading, frames in states:
        room = (WIDTH - GAP) // len(frames) - GAP
        arrays = [magnified(array, room) for array in alike(list(frames.values()))]
        rows.append((heading, list(zip(frames, arrays, strict=True))))
    return strips(rows)
