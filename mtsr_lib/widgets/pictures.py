"""Pictures on their way to the browser: tensors to pixels, pixels to small lossless files."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ..images import to_uint8

HERE = Path(__file__).parent
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
Frame = dict[str, np.ndarray]  # what a storyboard draws: titles and (h, w, 3) pixels
LARGEST = 2_000_000  # pixels shown of one picture; a browser page has to stay quick


def script(name: str) -> str:
    """The JavaScript module of one widget, after the few functions that all of them use."""
    return "\n".join((HERE / part).read_text(encoding="utf-8") for part in ("common.js", name))


def pixels_of(picture: Tensor) -> np.ndarray:
    """(3, h, w) or (1, 3, h, w), float in [0, 1] or uint8, one channel too: to (h, w, 3) uint8."""
    if not isinstance(picture, Tensor):
        raise TypeError(f"a picture is a tensor (1, 3, h, w), not {type(picture).__name__}.")
    shape = tuple(picture.shape)
    if picture.ndim == 4 and len(picture) == 1:
        picture = picture[0]
    if picture.ndim != 3 or picture.shape[0] not in (1, 3) or 0 in shape:
        raise ValueError(f"a picture has shape (1, 3, h, w) or (3, h, w), not {shape}.")
    picture = picture.detach().cpu()
    if picture.is_floating_point():
        if not picture.isfinite().all():
            raise ValueError("the picture holds values that are not finite (NaN or infinity).")
        if picture.max() > 16:
            raise ValueError("the picture seems to hold 0 to 255; divide it by 255.")
        picture = to_uint8(picture.float())
    return picture.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()


def named(pictures: tuple[Tensor, ...], labels: list[str] | None) -> list[tuple[str, np.ndarray]]:
    """Labels and pixels of the pictures; without labels they are A, B, C, …"""
    if len(pictures) < 2:
        raise ValueError("give two or more pictures.")
    labels = labels or [chr(ord("A") + i) for i in range(len(pictures))]
    if len(labels) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures need as many labels, not {len(labels)}.")
    return list(zip(labels, map(pixels_of, pictures), strict=True))


def reduced(pixels: np.ndarray) -> np.ndarray:
    """The whole picture in at most LARGEST pixels, averaged."""
    h, w = pixels.shape[:2]
    factor = (LARGEST / (h * w)) ** 0.5
    if factor >= 1:
        return pixels
    size = (max(1, int(w * factor)), max(1, int(h * factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Crisp pixels when it grows, averaged when it shrinks."""
    kind = Image.Resampling.NEAREST if width >= pixels.shape[1] else Image.Resampling.BOX
    return np.asarray(Image.fromarray(pixels).resize((width, height), kind))


def encoded(pixels: np.ndarray) -> bytes:
    """A lossless file: WebP, smaller and sooner written than PNG, which takes sides over 16383."""
    kind = {"format": "WEBP", "lossless": True, "method": 0, "quality": 0}
    if max(pixels.shape) > 16383:
        kind = {"format": "PNG", "compress_level": 3}
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, **kind)
        return file.getvalue()


def packed(label: str, pixels: np.ndarray) -> dict:
    """What the browser gets of one picture."""
    h, w = pixels.shape[:2]
    return {"label": label, "data": encoded(pixels), "width": w, "height": h}
