"""The same region of several pictures, side by side, with its pixels and their values."""

import numpy as np
import traitlets
from anywidget import AnyWidget
from torch import Tensor

from .pictures import LARGEST, STYLE, Frame, named, packed, resized, script


class Magnifier(AnyWidget):
    """The widget that `magnifier` makes."""

    _esm = script("magnifier.js")
    _css = STYLE
    pictures = traitlets.List().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    zoom = traitlets.Int().tag(sync=True)

    def __init__(self, shown: list[tuple[str, np.ndarray]], **traits):
        self._shown = shown
        super().__init__(pictures=[packed(*picture) for picture in shown], **traits)

    def __repr__(self) -> str:
        names = ", ".join(label for label, _ in self._shown)
        return (
            f"Interactive magnifier over {names}: run this cell to move it; "
            "the storyboard beside it shows the same."
        )

    def frames(self, x: int = 0, y: int = 0, zoom: int = 8, side: int = 192) -> tuple[Frame, str]:
        """The region of side / zoom pixels whose top left pixel is column x, row y."""
        height, width = (max(p.shape[axis] for _, p in self._shown) for axis in (0, 1))
        span = max(1, side // zoom)
        if not (0 <= x <= width - span and 0 <= y <= height - span):
            raise ValueError(f"{span} pixels from ({x}, {y}) do not lie inside {width}×{height}.")
        whole = {label: resized(pixels, height, width) for label, pixels in self._shown}
        cut = {label: pixels[y : y + span, x : x + span] for label, pixels in whole.items()}
        return cut, f"{zoom}×, columns from {x}, rows from {y}"


def magnifier(*pictures: Tensor, labels: list[str] | None = None, zoom: int = 8) -> Magnifier:
    """Show the same region of two or more pictures side by side; it works in the browser alone.

    Pictures are (1, 3, h, w) or (3, h, w), float in [0, 1] or uint8; the pixels of a smaller one
    are shown larger. `zoom` is 2, 4, 8, 16 or 32 screen pixels for a pixel of the largest. Values
    are the 8-bit ones. Of pictures over 2 million pixels the middle is shown.

    >>> magnifier(hr, bicubic, labels=["HR", "bicubic"])
    """
    if zoom not in (2, 4, 8, 16, 32):
        raise ValueError(f"zoom is 2, 4, 8, 16 or 32, not {zoom}.")
    given = named(pictures, labels)
    shown = _middles(given)
    note = "" if shown is given else "The middle of the pictures is shown, 2 million pixels."
    return Magnifier(shown, note=note, zoom=zoom)


def _middles(given: list[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
    """The same middle part of every picture, at most LARGEST pixels, cut between pixels."""
    most = max(pixels.shape[0] * pixels.shape[1] for _, pixels in given)
    if most <= LARGEST:
        return given
    h, w = min((pixels.shape[:2] for _, pixels in given), key=lambda size: size[0])
    part = (LARGEST / most) ** 0.5
    down, across = max(1, int(h * part)), max(1, int(w * part))
    top, left = (h - down) // 2, (w - across) // 2

    def middle(pixels: np.ndarray) -> np.ndarray:
        rows = [round(i * pixels.shape[0] / h) for i in (top, top + down)]
        columns = [round(i * pixels.shape[1] / w) for i in (left, left + across)]
        return pixels[slice(*rows), slice(*columns)]

    return [(label, middle(pixels)) for label, pixels in given]
