"""Whole photographs, in tiles, in constant memory."""

from collections.abc import Callable, Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from .images import from_uint8, to_uint8
from .model import MultiTaskNet

__all__ = ["upscale"]


def upscale(
    model: MultiTaskNet,
    photo: Tensor,
    tasks: Iterable[str] | None = None,
    tile: int = 192,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Tensor]:
    """Restore a whole photograph (1, 3, h, w); {task: (1, 3, h·scale, w·scale)}, clipped to [0, 1].

    Float pictures give float pictures, 8-bit pictures 8-bit ones (a quarter of the memory). The
    work is done in tiles of tile×tile LR pixels that overlap by all that a pixel can see, so the
    result is that of one piece and memory beyond input and outputs does not grow with the
    picture. `progress(done, total)` is called after each tile.
    """
    names = list(model.tasks) if tasks is None else list(tasks)
    _check(model, photo, names)
    if tile < 1:
        raise ValueError(f"a tile has at least one pixel a side, not {tile}.")
    h, w = photo.shape[-2:]
    scales = {name: model.tasks[name].scale for name in names}
    outputs = {n: photo.new_empty((1, 3, h * k, w * k)) for n, k in scales.items()}
    context = _whole_context(photo)
    spots = list(_tiles(h, w, tile))
    model.eval()
    for done, (rows, columns) in enumerate(spots, start=1):
        pieces = _restore(model, photo, names, context, rows, columns)
        for name, piece in pieces.items():
            outputs[name][..., _times(rows, scales[name]), _times(columns, scales[name])] = piece
        if progress:
            progress(done, len(spots))
    return outputs


def _check(model: MultiTaskNet, photo: Tensor, names: list[str]) -> None:
    """One clear sentence for what cannot be restored."""
    unknown = [name for name in names if name not in model.tasks]
    if unknown or not names:
        raise ValueError(f"this network has the tasks {', '.join(model.tasks)}, not {unknown}.")
    if photo.ndim != 4 or photo.shape[:2] != (1, 3) or photo.numel() == 0:
        raise ValueError(f"a photograph has the shape (1, 3, h, w), not {tuple(photo.shape)}.")
    if photo.dtype == torch.uint8:
        return
    if not photo.is_floating_point():
        raise ValueError(f"a photograph is float in [0, 1] or uint8, not {photo.dtype}.")
    if not torch.isfinite(photo).all():
        raise ValueError("the photograph holds NaN or infinite values; mend them first.")
    if photo.max() > 2:
        raise ValueError("the photograph's values are not in [0, 1]; divide by 255?")


def _whole_context(photo: Tensor) -> Float[Tensor, "1 3 32 32"]:
    """`thumbnail(photo)`, computed a row at a time so that a large picture needs no float copy."""
    h = photo.shape[-2]
    rows = [photo[..., i * h // 32 : -(-(i + 1) * h // 32), :] for i in range(32)]
    return torch.cat([F.adaptive_avg_pool2d(_as_float(row), (1, 32)) for row in rows], dim=2)


def _as_float(picture: Tensor) -> Tensor:
    return from_uint8(picture) if picture.dtype == torch.uint8 else picture.float()


def _tiles(h: int, w: int, tile: int) -> Iterator[tuple[slice, slice]]:
    """The picture cut into pieces of at most tile×tile, as slices of rows and columns."""
    for top in range(0, h, tile):
        for left in range(0, w, tile):
            yield slice(top, min(top + tile, h)), slice(left, min(left + tile, w))


def _times(cut: slice, k: int) -> slice:
    return slice(cut.start * k, cut.stop * k)


@torch.inference_mode()
def _restore(model, photo, names, context, rows: slice, columns: slice) -> dict[str, Tensor]:
    """One tile: cut with a border as wide as the network's reach, restored, the border cut off."""
    reach = model.reach
    top, left = max(0, rows.start - reach), max(0, columns.start - reach)
    x = _as_float(photo[..., top : rows.stop + reach, left : columns.stop + reach])
    rows = slice(rows.start - top, rows.stop - top)
    columns = slice(columns.start - left, columns.stop - left)
    pieces = {}
    x = x.contiguous(memory_format=torch.channels_last)
    for name, y in model(x, names, context).items():
        scale = model.tasks[name].scale
        piece = y[..., _times(rows, scale), _times(columns, scale)]
        pieces[name] = to_uint8(piece) if photo.dtype == torch.uint8 else piece.clamp(0, 1)
    return pieces
