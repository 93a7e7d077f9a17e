"""Where does it fail? A photograph's error as a map, and its worst tiles one after the other."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..checkpoints import load_model
from ..degrade import downscale, enlarge
from ..images import load_sample, photographs, quantize, rgb_to_y
from ..metrics import ssim_map
from ..model import MultiTaskNet
from .experiment import Experiment, choice, experiment, slider

HEIGHT, WIDTH, MARGIN = 320, 480, 16  # pixels that are judged, and a border that is not
TILE, LESS = (32, 48), 5  # 10×10 tiles; a pixel of the map stands for 5×5
PHOTOS = ("anhinga", "nuthatch", "astronaut", "coffee", "rocket")  # the network has seen none
FULL = {"squared error": 3000.0, "1 − SSIM": 0.6, "ΔE00": 12.0}  # what is drawn white in a tile


def error_explorer(model: MultiTaskNet | None = None) -> Experiment:
    """Choose a photograph, an answer and a measure; look at the tiles from the worst to the best.

    The measures are the squared error of Y, 1 − SSIM of Y, and ΔE00. The map shows the mean of
    each 5×5 pixels, brightest where the error is largest; a frame marks the tile of 32×48 pixels.
    """
    model = load_model() if model is None else model
    answers = {"bicubic": lambda x: enlarge(x, 2), "network": lambda x: model(x, ["sr"])["sr"]}

    @lru_cache(maxsize=32)
    @torch.inference_mode()
    def pair(photo: str, answer: str) -> tuple[Tensor, Tensor]:
        truth = part_of(photo)
        return truth, quantize(answers[answer](quantize(downscale(truth, 2))))

    @lru_cache(maxsize=64)
    def judged(photo: str, answer: str, measure: str) -> Tensor:
        return error_of(measure, *pair(photo, answer))

    @torch.inference_mode()
    def compute(photo, answer, measure, rank):
        truth, made = (image[..., MARGIN:-MARGIN, MARGIN:-MARGIN] for image in pair(photo, answer))
        error = judged(photo, answer, measure)
        tiles = F.avg_pool2d(error, TILE).flatten()
        order = tiles.argsort(descending=True, stable=True)
        place = int(order[int(rank) - 1])
        cut = tile_slices(place)
        shown = {
            "error of the photograph": framed(error, place),
            "truth": truth[cut],
            answer: made[cut],
            "error": (error[cut] / FULL[measure]).clamp(0, 1).sqrt(),
        }
        return shown, told(measure, tiles, order, int(rank))

    return experiment(
        compute,
        title="where it fails",
        photo=choice("photograph", list(PHOTOS)),
        answer=choice("answer", list(answers), "network"),
        measure=choice("measure", list(FULL)),
        rank=slider("worst tile, number", 1, 100, 1, unit="of 100"),
    )


def part_of(photo: str) -> Float[Tensor, "1 3 h w"]:
    """The middle of a photograph with its margin; large ones are first reduced by 2."""
    picture = load_sample(photo)
    if photo in {path.stem for path in photographs("test")}:
        picture = quantize(downscale(picture, 2))
    sides = HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN
    top, left = ((n - side) // 2 for n, side in zip(picture.shape[-2:], sides, strict=True))
    return picture[..., top : top + sides[0], left : left + sides[1]]


def error_of(measure: str, truth: Tensor, made: Tensor) -> Float[Tensor, "1 1 320 480"]:
    """The error at every pixel that is judged; for SSIM that of the window around it."""
    if measure == "ΔE00":
        return colour_difference(*(i[..., MARGIN:-MARGIN, MARGIN:-MARGIN] for i in (made, truth)))
    y = [rgb_to_y(image.double()) for image in (made, truth)]
    if measure == "squared error":
        return (y[0] - y[1]).square()[..., MARGIN:-MARGIN, MARGIN:-MARGIN].float()
    rest = MARGIN - 5  # the window has taken 5 pixels off each side
    return (1 - ssim_map(*y, peak=255.0))[..., rest:-rest, rest:-rest].float()


def colour_difference(made: Tensor, truth: Tensor) -> Float[Tensor, "1 1 h w"]:
    """ΔE00 of every pixel."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    lab = [rgb2lab(image[0].permute(1, 2, 0).double().numpy()) for image in (made, truth)]
    return torch.from_numpy(np.asarray(deltaE_ciede2000(*lab), dtype=np.float32))[None, None]


def tile_slices(place: int) -> tuple:
    """Where tile number `place`, counted in rows, lies in the photograph."""
    row, column = divmod(place, WIDTH // TILE[1])
    rows = slice(row * TILE[0], (row + 1) * TILE[0])
    return ..., rows, slice(column * TILE[1], (column + 1) * TILE[1])


def framed(error: Tensor, place: int) -> Float[Tensor, "1 3 64 96"]:
    """The map, its square root so that small errors show too, and an orange frame."""
    small = F.avg_pool2d(error, LESS).sqrt()
    brightest = small.flatten().quantile(0.998).clamp(min=1e-6)
    shown = (small / brightest).clamp(0, 1).expand(1, 3, -1, -1).clone()
    _, rows, columns = tile_slices(place)
    top, bottom = rows.start // LESS, -(-rows.stop // LESS) - 1
    left, right = columns.start // LESS, -(-columns.stop // LESS) - 1
    orange = torch.tensor([0.9, 0.62, 0.0]).view(3, 1)
    for line in (top, bottom):
        shown[0, :, line, left : right + 1] = orange
    for line in (left, right):
        shown[0, :, top : bottom + 1, line] = orange
    return shown


SAID: dict[str, Callable[[float], str]] = {
    "squared error": lambda e: f"{10 * np.log10(255**2 / max(e, 1e-9)):.1f} dB",
    "1 − SSIM": lambda e: f"SSIM {1 - e:.3f}",
    "ΔE00": lambda e: f"ΔE00 {e:.1f}",
}


def told(measure: str, tiles: Tensor, order: Tensor, rank: int) -> str:
    """The tile beside the whole, and what share of the error the ten worst tiles hold."""
    say = SAID[measure]
    share = (tiles[order[:10]].sum() / tiles.sum().clamp(min=1e-9)).item()
    return (
        f"{say(tiles[order[rank - 1]].item())} in this tile, {say(tiles.mean().item())} in all; "
        f"the ten worst tiles hold {share:.0%} of the error"
    )
