"""Checks of lesson 05, losses."""

from __future__ import annotations

from typing import Any

import torch

from mtsr_lib.check.kit import Case, Verdict, grade


def flat_ssim(answer: Any) -> Verdict:
    """Check my_flat_ssim(a, b): SSIM of two constant windows, peak 1."""
    return grade(
        answer,
        Case(
            "0.8 beside 0.9",
            (0.8, 0.9),
            1.4401 / 1.4501,
            known={
                "that is 1 − SSIM: return the SSIM itself": 0.01 / 1.4501,
                "the product counts twice: 2ab": 0.7201 / 1.4501,
                "C1 is (0.01)², not 0.01": 1.45 / 1.46,
                "that is C2 in the place of C1": 1.4409 / 1.4509,
            },
            tolerance=1e-6,
        ),
        Case(
            "black beside 0.1",
            (0.0, 0.1),
            1e-4 / 0.0101,
            known={"C1 is missing: 0.0001 above and below": 0.0},
            tolerance=1e-6,
        ),
        Case("0.9 beside 0.2", (0.9, 0.2), 0.3601 / 0.8501, tolerance=1e-6),
        Case("black beside black", (0.0, 0.0), 1.0, tolerance=1e-6),
    )


def ssim_1d(answer: Any) -> Verdict:
    """Check my_ssim_1d(x, y) for signals of shape (n,): one window with equal weights, peak 1."""
    luminance = 0.4001 / 0.4101
    x, y = torch.tensor([0.2, 0.4, 0.6]), torch.tensor([0.4, 0.5, 0.6])
    ones, tail = torch.tensor([0.0, 0, 0, 0, 1]), torch.tensor([0.5, 0, 0, 0, 0.5])
    return grade(
        answer,
        Case(
            "the signals of the text",
            (x, y),
            torch.tensor(luminance * (0.08 / 3 + 9e-4) / (0.1 / 3 + 9e-4)),
            known={
                "the variance divides by n, not by n − 1 (`correction=0`)": torch.tensor(
                    luminance * 0.0409 / 0.0509
                ),
                "`var()` divides by n − 1, your covariance by n: take `correction=0`": torch.tensor(
                    luminance * (0.08 / 3 + 9e-4) / 0.0509
                ),
                "that is the standard deviation: the variance is its square": torch.tensor(
                    luminance * (0.08 / 3 + 9e-4) / ((0.08 / 3) ** 0.5 + (0.02 / 3) ** 0.5 + 9e-4)
                ),
                "the variance is the square of `x.std(correction=0)`": torch.tensor(
                    luminance * (0.08 / 3 + 9e-4) / 0.3009
                ),
                "the means must be taken off before multiplying": torch.tensor(
                    luminance * (1.28 / 3 + 9e-4) / (1.33 / 3 + 9e-4)
                ),
                "the covariance lacks its means: − μx μy": torch.tensor(
                    luminance * (1.28 / 3 + 9e-4) / (0.1 / 3 + 9e-4)
                ),
                "those are sums: variance and covariance are means": torch.tensor(
                    luminance * 0.0809 / 0.1009
                ),
                "take the mean of the products of deviations: `.mean()`": luminance
                * torch.tensor([0.0409 / 0.0509, 1.0, 0.0409 / 0.0509]),
                "that is 1 − SSIM: return the SSIM itself": torch.tensor(
                    1 - luminance * (0.08 / 3 + 9e-4) / (0.1 / 3 + 9e-4)
                ),
                "the covariance counts twice": torch.tensor(
                    luminance * (0.04 / 3 + 9e-4) / (0.1 / 3 + 9e-4)
                ),
                "the luminance is missing": torch.tensor((0.08 / 3 + 9e-4) / (0.1 / 3 + 9e-4)),
                "that is the luminance alone": torch.tensor(luminance),
                "the constants C1 and C2 are missing": torch.tensor(0.8 * 0.4 / 0.41),
                "C1 and C2 are exchanged": torch.tensor(
                    0.4009 / 0.4109 * (0.08 / 3 + 1e-4) / (0.1 / 3 + 1e-4)
                ),
            },
            tolerance=1e-5,
            differentiable=True,
        ),
        Case(
            "a signal of two values and the same upside down",
            (torch.tensor([0.2, 0.8]), torch.tensor([0.8, 0.2])),
            torch.tensor(-0.1791 / 0.1809),
            known={"the covariance may be negative: no `abs`": torch.tensor(1.0)},
            tolerance=1e-5,
        ),
        Case(
            "signals of five values in float64",
            (ones.double(), tail.double()),
            torch.tensor(0.1209 / 0.2209, dtype=torch.float64),
            tolerance=1e-5,
        ),
        Case(
            "two dark signals, one of them constant",
            (torch.tensor([0.0, 0.2]), torch.tensor([0.05, 0.05])),
            torch.tensor(0.0101 / 0.0126 * 9e-4 / 0.0109),
            tolerance=1e-5,
        ),
    )


def best(answer: Any) -> Verdict:
    """Check my_best(values) -> (best under MSE, best under L1)."""
    return grade(
        answer,
        Case(
            "0.9, 0.1, 0.1, 0.9, 0.1",
            (torch.tensor([0.9, 0.1, 0.1, 0.9, 0.1]),),
            (0.42, 0.1),
            known={
                "they are exchanged: MSE comes first": (0.1, 0.42),
                "L1 counts sides, not distances: its best answer is the median": (0.42, 0.42),
                "MSE weighs distances: its best answer is the mean": (0.1, 0.1),
                "the middle between the extremes ignores how often each occurs": (0.5, 0.1),
                "the middle between the extremes is neither mean nor median": (0.5, 0.5),
                "for L1, take the median, not the middle between the extremes": (0.42, 0.5),
                "those are the least losses: return the answers that reach them": (0.1536, 0.32),
                "those are losses: return the answers that make them least": (0.1536, 0.384),
            },
        ),
        Case(
            "5, 5, 0, 1, 3",
            (torch.tensor([5.0, 5.0, 0.0, 1.0, 3.0]),),
            (2.8, 3.0),
            known={
                "sort the values before you take the middle one": (2.8, 0.0),
                "that is the commonest value: L1 wants as many above as below": (2.8, 5.0),
            },
        ),
        Case(
            "seven values in float64",
            (torch.tensor([3.0, 1, 2, 30, 2, 4, 7], dtype=torch.float64),),
            (7.0, 3.0),
        ),
    )


def blind_mse(answer: Any) -> Verdict:
    """Check my_blind_mse(prediction, target): MSE without each channel's mean error, a scalar."""
    grey = torch.full((1, 3, 2, 2), 0.5)
    corner = grey.clone()
    corner[0, 0] += torch.tensor([[0.4, 0.2], [0.0, 0.0]])
    tinted = grey + torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)
    two = torch.stack([torch.full((3, 2, 4), 0.6), torch.full((3, 2, 4), 0.8)])
    stripes = torch.tensor([0.3, 0.1], dtype=torch.float64).expand(2, 3, 1, 2)
    wrong = stripes.clone()
    wrong[1, 1, 0, 0] += 0.4
    return grade(
        answer,
        Case(
            "two values of twelve wrong by 0.4 and 0.2 (their channel's mean error is 0.15)",
            (corner, grey),
            torch.tensor(0.11 / 12),
            known={
                "that is the plain MSE: the mean error is still in it": torch.tensor(0.2 / 12),
                "that is the sum, not the mean": torch.tensor(0.11),
                "the mean error of each channel, not of the whole picture": torch.tensor(
                    0.2 / 12 - (0.6 / 12) ** 2
                ),
                "that is the mean absolute error: square it": torch.tensor(0.05),
                "that is divided by n − 1: take `correction=0`": torch.tensor(0.11 / 9),
                "a loss is one number: take the mean over the batch too": torch.tensor([0.11 / 12]),
            },
            tolerance=1e-6,
            differentiable=True,
        ),
        Case(
            "channels that are 0.1, 0.2 and 0.3 too bright",
            (tinted, grey),
            torch.tensor(0.0),
            known={
                "one mean error for each channel, not one for all": torch.tensor(0.02 / 3),
            },
            tolerance=1e-6,
        ),
        Case(
            "a batch of two, 0.1 and 0.3 too bright",
            (two, torch.full((2, 3, 2, 4), 0.5)),
            torch.tensor(0.0),
            known={"one mean error for each picture, not one for the batch": torch.tensor(0.01)},
            tolerance=1e-6,
        ),
        Case(
            "a batch of two in float64, pictures of 1×2 pixels",
            (wrong, stripes),
            torch.tensor(0.08 / 12, dtype=torch.float64),
            tolerance=1e-6,
        ),
    )
