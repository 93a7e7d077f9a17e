"""Self-checks of the exercises: `from mtsr_lib import check`, then `check.psnr(my_psnr)`.

Each check answers with one line: passed, not attempted yet, or what is wrong.
"""

from mtsr_lib.check.lesson00 import gain, thrown_away, training_loop
from mtsr_lib.check.lesson01 import alias, crop, psnr
from mtsr_lib.check.lesson02 import careful_loss, dilated, four_faults, side
from mtsr_lib.check.lesson03 import blind, cost, field, identity_block, shuffle
from mtsr_lib.check.lesson04 import color_matrix, compromise, grey_task, tile
from mtsr_lib.check.lesson05 import best, blind_mse, flat_ssim, ssim_1d
from mtsr_lib.check.lesson06 import adam, diagnosis, silent
from mtsr_lib.check.lesson07 import faults, paired, undo, worst
from mtsr_lib.check.lesson08 import budget, controls, interval
from mtsr_lib.check.lesson09 import front, gradnorm, suspects
from mtsr_lib.check.lesson10 import again, half_space, harmed, upgrad
from mtsr_lib.check.lesson11 import grouping, stitch, width

__all__ = [
    "adam",
    "again",
    "alias",
    "best",
    "blind",
    "blind_mse",
    "budget",
    "careful_loss",
    "color_matrix",
    "compromise",
    "controls",
    "cost",
    "crop",
    "diagnosis",
    "dilated",
    "faults",
    "field",
    "flat_ssim",
    "four_faults",
    "front",
    "gain",
    "gradnorm",
    "grey_task",
    "grouping",
    "half_space",
    "harmed",
    "identity_block",
    "interval",
    "paired",
    "psnr",
    "shuffle",
    "side",
    "silent",
    "ssim_1d",
    "stitch",
    "suspects",
    "thrown_away",
    "tile",
    "training_loop",
    "undo",
    "upgrad",
    "width",
    "worst",
]
