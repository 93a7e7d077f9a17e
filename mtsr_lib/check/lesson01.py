"""Checks of lesson 01, images_and_pairs."""

from __future__ import annotations

import math
from typing import Any

import torch

from mtsr_lib.check.kit import Case, Verdict, grade


def alias(answer: Any) -> Verdict:
    """Check my_alias(f, scale) -> the frequency seen, in cycles per LR pixel, 0 to 0.5."""
    return grade(
        answer,
        Case(
            "f = 0.45 and every 2nd pixel (2 · 0.45 = 0.9)",
            (0.45, 2),
            0.1,
            known={
                "that is scale · f: take its distance to the nearest whole number": 0.9,
                "an LR pixel is longer, so more cycles fit in it: multiply f by the scale": 0.225,
                "that is the frequency before; an LR pixel is longer": 0.45,
                "a frequency has no sign here: take the distance": -0.1,
                "that is the distance to 0.5, not to the nearest whole number": 0.4,
            },
        ),
        Case(
            "f = 0.1 and every 2nd pixel, which still fits",
            (0.1, 2),
            0.2,
            known={"that is the distance to 1, and 0 is nearer": 0.8},
        ),
        Case("f = 0.3 and every 4th pixel (1.2)", (0.3, 4), 0.2),
        Case("f = 0.44 and every 4th pixel (1.76)", (0.44, 4), 0.24),
        Case("f = 0.5 and every 2nd pixel, which shows no stripes at all", (0.5, 2), 0.0),
        Case("f = 0.5 and every 3rd pixel", (0.5, 3), 0.5),
    )


def psnr(answer: Any) -> Verdict:
    """Check my_psnr(prediction, target) -> (b,), in dB for pictures in [0, 1]."""
    grey = torch.full((1, 3, 4, 4), 0.5)
    two = torch.stack([torch.full((3, 2, 5), 0.1), torch.full((3, 2, 5), 0.01)])
    corner = torch.zeros(1, 3, 2, 2)
    corner[0, 0, 0, 0] = 1
    white, inf = torch.tensor([0.0, 1.0]).expand(1, 3, 4, 2).clone(), torch.tensor([math.inf])
    return grade(
        answer,
        Case(
            "a grey picture and one that is 0.1 brighter (MSE 0.01)",
            (grey + 0.1, grey),
            torch.tensor([20.0]),
            known={
                "the minus sign before the logarithm is missing": torch.tensor([-20.0]),
                "the factor is 10 for the MSE, and 20 only for its root": torch.tensor([40.0]),
                "that is the mean absolute error in the MSE's place: square the differences (and "
                "take no root: for the root of the MSE the factor is 20)": torch.tensor([10.0]),
                "that is the natural logarithm, not log10": torch.tensor([46.0517]),
                "that is log2, not log10": torch.tensor([66.4386]),
                "that is the peak 255, and these pictures lie in [0, 1]": torch.tensor([68.1308]),
                "that is the MSE itself": torch.tensor([0.01]),
                "one value per picture of the batch, not one for all": torch.tensor(20.0),
            },
            differentiable=True,
        ),
        Case(
            "one pixel value of twelve wrong by 1 (MSE 1/12)",
            (corner, torch.zeros(1, 3, 2, 2)),
            torch.tensor([10.7918]),
            known={
                "that is the mean absolute error in the MSE's place": torch.tensor([21.5836]),
                "that is the sum over a channel, not the mean over all": torch.tensor([0.0]),
            },
        ),
        Case(
            "a batch of two, 0.1 and 0.01 away from black",
            (two, torch.zeros(2, 3, 2, 5)),
            torch.tensor([20.0, 40.0]),
            known={
                "that is one MSE for the whole batch: take the mean over (1, 2, 3)": torch.tensor(
                    [22.9671, 22.9671]
                ),
            },
        ),
        Case(
            "the same in float64",
            (two.double(), torch.zeros(2, 3, 2, 5).double()),
            torch.tensor([20.0, 40.0], dtype=torch.float64),
        ),
        Case(
            "a prediction outside [0, 1], 1.1 for white and -0.1 for black (MSE 0.01)",
            (1.2 * white - 0.1, white),
            torch.tensor([20.0]),
            known={"the prediction is clipped, and its values count as they are": inf},
            differentiable=True,
        ),
        Case(
            "two equal pictures (MSE 0, infinitely many dB: nothing is added to the MSE)",
            (grey, grey),
            inf,
        ),
    )


def crop(answer: Any) -> Verdict:
    """Check my_crop(lr, hr, top, left, side, scale) -> (patch of lr, patch of hr)."""
    lr = torch.arange(16.0).reshape(1, 1, 4, 4)
    hr = torch.arange(64.0).reshape(1, 1, 8, 8)
    wide = torch.arange(2 * 3 * 5 * 7.0).reshape(2, 3, 5, 7)
    large = torch.arange(2 * 3 * 15 * 21.0).reshape(2, 3, 15, 21)
    patch = lr[..., 1:3, 2:4]
    return grade(
        answer,
        Case(
            "row 1, column 2, side 2 of a 4×4 picture, and scale 2 (HR row 2, column 4, side 4)",
            (lr, hr, 1, 2, 2, 2),
            (patch, hr[..., 2:6, 4:8]),
            known={
                "top and left must be multiplied by the scale too": (patch, hr[..., 1:5, 2:6]),
                "the side must be multiplied by the scale too": (patch, hr[..., 2:4, 4:6]),
                "rows come before columns": (lr[..., 2:4, 1:3], hr[..., 4:8, 2:6]),
                "HR comes second": (hr[..., 2:6, 4:8], patch),
                "the first two axes are pictures and colours: begin the index with `...`": (
                    lr[1:3, 2:4],
                    hr[2:6, 4:8],
                ),
                "a slice ends at `top + side`, not at `side`": (
                    lr[..., 1:2, 2:2],
                    hr[..., 2:4, 4:4],
                ),
                "a slice leaves its end out: `top : top + side` is `side` rows already": (
                    lr[..., 1:4, 2:5],
                    hr[..., 2:8, 4:10],
                ),
                "a slice leaves its end out: nothing is added to `top + side`, nor in HR": (
                    lr[..., 1:4, 2:5],
                    hr[..., 2:7, 4:9],
                ),
                "that is one HR pixel too far: row 0 of LR covers rows 0 and 1 of HR": (
                    patch,
                    hr[..., 3:7, 5:9],
                ),
            },
        ),
        Case(
            "two pictures of 5×7 pixels, row 2, column 1, side 3, scale 3",
            (wide, large, 2, 1, 3, 3),
            (wide[..., 2:5, 1:4], large[..., 6:15, 3:12]),
            known={
                "the scale is an argument, and here it is not 2": (
                    wide[..., 2:5, 1:4],
                    large[..., 4:10, 2:8],
                ),
            },
        ),
        Case(
            "8-bit pictures, the first corner",
            (lr.to(torch.uint8), hr.to(torch.uint8), 0, 0, 1, 2),
            (lr.to(torch.uint8)[..., :1, :1], hr.to(torch.uint8)[..., :2, :2]),
        ),
    )
