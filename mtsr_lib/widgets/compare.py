"""Two or more pictures behind one slider."""

import numpy as np
import traitlets
from anywidget import AnyWidget
from torch import Tensor

from .pictures import STYLE, Frame, named, packed, reduced, resized, script


class Compare(AnyWidget):
    """The widget that `compare` makes."""

    _esm = script("compare.js")
    _css = STYLE
    pictures = traitlets.List().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int().tag(sync=True)

    def __init__(self, shown: list[tuple[str, np.ndarray]], **traits):
        self._shown = shown
        super().__init__(pictures=[packed(*picture) for picture in shown], **traits)

    def __repr__(self) -> str:
        names = " | ".join(label for label, _ in self._shown)
        return (
            f"Interactive picture, {names}: run this cell to move the slider; "
            "the storyboard beside it shows the same."
        )

    def frames(self, position: float = 50, left: int = 0, right: int = 1) -> tuple[Frame, str]:
        """What stands on the screen at one position of the slider, in percent, and a sentence."""
        (name, first), (other, second) = self._shown[left], self._shown[right]
        height = max(pixels.shape[0] for _, pixels in self._shown)
        width = max(pixels.shape[1] for _, pixels in self._shown)
        whole = resized(second, height, width).copy()
        cut = round(width * position / 100)
        whole[:, :cut] = resized(first, height, width)[:, :cut]
        whole[:, max(0, cut - 1) : cut + 1] = 255
        return {f"{name} | {other}": whole}, f"slider at {position:g} %"


def compare(*pictures: Tensor, labels: list[str] | None = None, height: int = 480) -> Compare:
    """Show two or more pictures behind one slider; it works in the browser alone.

    Pictures are (1, 3, h, w) or (3, h, w), float in [0, 1] or uint8. Different sizes are shown at
    one size, the smaller enlarged with crisp pixels. With more than two, choose the pair above.
    `height` is the largest height on the screen, in CSS pixels. Over 2 million pixels are reduced.

    >>> compare(bicubic, restored, labels=["bicubic", "restored"])
    """
    given = named(pictures, labels)
    shown = [(label, reduced(pixels)) for label, pixels in given]
    smaller = [label for (label, p), (_, q) in zip(given, shown, strict=True) if p.shape != q.shape]
    note = f"Reduced to 2 million pixels to be shown: {', '.join(smaller)}." if smaller else ""
    return Compare(shown, note=note, height=height)
