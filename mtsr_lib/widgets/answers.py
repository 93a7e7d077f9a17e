"""One small picture, the three answers of the shipped network, and what does without a head."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..checkpoints import load_model
from ..datasets import make_pair, margin_of, thumbnail
from ..degrade import enlarge, fade, unfade
from ..images import load_sample
from ..metrics import psnr_rgb, shave
from ..model import MultiTaskNet
from ..tasks import COLOR, DETAIL, SR, enhance
from .experiment import Experiment, choice, experiment, slider

SIDE, BORDER = 72, 8  # LR pixels: shown, and computed around it, so that borders do not show
PHOTOS = ("coffee", "astronaut", "anhinga", "nuthatch")  # the network has seen none of them
CONTEXTS = ("its own", "of a lively photograph", "of an old print")


def three_answers(model: MultiTaskNet | None = None) -> Experiment:
    """Choose a photograph, a part of it, its fading and the context; see what each head answers.

    The parts are 144×144 pixels. Beside the heads: the cascade, which enhances the sr output, and
    the oracle, which undoes the fading of the sr output with the true s. PSNR over RGB, in dB.
    """
    model = load_model() if model is None else model
    photos = {name: load_sample(name) for name in PHOTOS}
    views = {name: thumbnail(photo) for name, photo in photos.items()}
    lively = views["coffee"]
    others = {"of a lively photograph": lively, "of an old print": fade(lively, 1.0)}

    @torch.inference_mode()
    def compute(photo, down, across, s, context):
        tasks, s = [SR, DETAIL, COLOR], float(s)
        part = _part(photos[photo], down / 100, across / 100)
        x, targets = make_pair(part, s, tasks, margin_of(2))
        y = model(x, list(targets), others.get(context, fade(views[photo], s)))
        plain = {"bicubic": enlarge(x, 2), "enhanced": enhance(enlarge(x, 2))}
        made = {**y, "cascade": enhance(y["sr"]), "s known": unfade(y["sr"], s), **plain}
        shown = {"x": x, **y, "cascade": made["cascade"], "s known": made["s known"]}
        border = {name: 2 * BORDER if name != "x" else BORDER for name in shown}
        parts = {name: shave(image, border[name]) for name, image in shown.items()}
        return parts, told(made, targets)

    return experiment(
        compute,
        title="three answers",
        photo=choice("photograph", list(PHOTOS)),
        down=slider("from the top", 0, 100, 40, 5, "%"),
        across=slider("from the left", 0, 100, 45, 5, "%"),
        s=slider("fading s", 0, 1, 0.6, 0.05),
        context=choice("context", list(CONTEXTS)),
    )


def _part(photo: Tensor, down: float, across: float) -> Float[Tensor, "1 3 h w"]:
    """The HR pixels of one part, with all margins; it starts on an even row and column."""
    side = 2 * (SIDE + 2 * BORDER) + 2 * margin_of(2)
    h, w = photo.shape[-2:]
    top, left = int(down * (h - side)) // 2 * 2, int(across * (w - side)) // 2 * 2
    return photo[..., top : top + side, left : left + side]


def told(made: dict[str, Tensor], targets: dict[str, Tensor]) -> str:
    """The PSNR of every answer on the part shown, in one line."""

    def decibel(answer: str, task: str) -> str:
        pair = (shave(image, 2 * BORDER) for image in (made[answer], targets[task]))
        return f"{psnr_rgb(*pair, 2).item():.1f}"

    return (
        f"PSNR in dB: sr {decibel('sr', 'sr')} (bicubic {decibel('bicubic', 'sr')}) · "
        f"detail {decibel('detail', 'detail')} (bicubic enhanced {decibel('enhanced', 'detail')}, "
        f"cascade {decibel('cascade', 'detail')}) · "
        f"color {decibel('color', 'color')} (bicubic {decibel('bicubic', 'color')}, "
        f"s known {decibel('s known', 'color')})"
    )
