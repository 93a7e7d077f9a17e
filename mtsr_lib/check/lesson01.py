"""Checks of lesson 01, images_and_pairs."""

from __future__ import annotations

from typing import Any

import torch

from mtsr_lib.check.kit import Case, Verdict, grade


def psnr(answer: Any) -> Verdict:
    """Check my_psnr(prediction, target) -> (b,), in dB for pictures in [0, 1]."""
    grey = torch.full((1, 3, 4, 4), 0.5)
    two = torch.stack([torch.full((3, 2, 5), 0.1), torch.full((3, 2, 5), 0.01)])
    corner = torch.zeros(1, 3, 2, 2)
    corner[0, 0, 0, 0] = 1
    return grade(
        answer,
        Case(
            "a grey picture and one that is 0.1 brighter (MSE 0.01)",
            (grey + 0.1, grey),
            torch.tensor([20.0]),
            known={
                "the minus sign before the logarithm is missing": torch.tensor([-20.0]),
                "the factor is 10 for the MSE, and 20 only for its root": torch.tensor([40.0]),
                "the factor is 20 for the root of the MSE, and 10 for the MSE": torch.tensor(
                    [10.0]
                ),
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
    )
