"""The README's picture: python tools/result_picture.py writes data/figures/result.png.

A test photograph, faded (s = 0.5) and reduced by half, and what the shipped network makes of it.
"""

from pathlib import Path

import mtsr_lib as mtsr
from mtsr_lib.degrade import downscale, enlarge, fade
from mtsr_lib.images import quantize
from mtsr_lib.plots import picture_grid, png

TARGET = Path(__file__).parents[1] / "data" / "figures" / "result.png"


def main() -> None:
    """Restore, lay out, write."""
    clean = mtsr.load_sample("anhinga")
    x = quantize(downscale(fade(clean, 0.5), 2))
    restored = mtsr.upscale(mtsr.load_model(), x)
    shown = {"faded and small": x, "bicubic": enlarge(x, 2), **restored, "the truth": clean}
    figure = picture_grid(shown, crop=(380, 600, 140, 140), zoom=2, columns=3)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(png(figure))


if __name__ == "__main__":
    main()
