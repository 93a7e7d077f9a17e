"""Lesson 01, images_and_pairs."""

import torch

from tests.exercises import Exercise

RANDOM = torch.Generator().manual_seed(1)
BATCH = torch.rand(2, 3, 5, 7, generator=RANDOM)
OTHER = torch.rand(2, 3, 5, 7, generator=RANDOM)
LR = torch.arange(2 * 3 * 6 * 8.0).reshape(2, 3, 6, 8)
HR = torch.arange(2 * 3 * 18 * 24.0).reshape(2, 3, 18, 24)

EXERCISES = {
    "alias": Exercise(
        inputs=[(0.45, 2), (0.1, 2), (0.3, 4), (0.37, 3), (0.5, 2), (0.49, 4)],
        others=[
            "def my_alias(f, scale):\n    g = f * scale % 1\n    return min(g, 1 - g)",
            "def my_alias(f, scale):\n"
            "    return math.acos(math.cos(2 * math.pi * f * scale)) / (2 * math.pi)",
        ],
        setup="import math",
        wrong=[
            (
                "nearest whole number",
                "def my_alias(f, scale):\n    return f * scale",
            ),
            ("multiply f by the scale", "def my_alias(f, scale):\n    return f / scale"),
            ("has no sign", "def my_alias(f, scale):\n    return f * scale - round(f * scale)"),
            ("0 is nearer", "def my_alias(f, scale):\n    return 1 - f * scale % 1"),
            ("0 is nearer", "def my_alias(f, scale):\n    return abs(1 - f * scale)"),
            ("distance to 0.5", "def my_alias(f, scale):\n    return abs(f * scale - 0.5)"),
            (
                "f = 0.3 and every 4th pixel",
                "def my_alias(f, scale):\n    return abs(f * 2 - round(f * 2))",
            ),
            (
                "the tuple",
                "def my_alias(f, scale):\n    return f, abs(f * scale - round(f * scale))",
            ),
        ],
    ),
    "psnr": Exercise(
        inputs=[(BATCH, OTHER), (BATCH, 0.9 * BATCH)],
        others=[
            "def my_psnr(prediction, target):\n"
            "    error = (prediction - target).flatten(1)\n"
            "    rmse = error.norm(dim=1) / error.shape[1] ** 0.5\n"
            "    return 20 * torch.log10(1 / rmse)",
        ],
        wrong=[
            (
                "minus sign",
                "def my_psnr(prediction, target):\n"
                "    return 10 * torch.log10((prediction - target).square().mean(dim=(1, 2, 3)))",
            ),
            (
                "not log10",
                "def my_psnr(prediction, target):\n"
                "    return -10 * (prediction - target).square().mean(dim=(1, 2, 3)).log()",
            ),
            (
                "peak 255",
                "def my_psnr(prediction, target):\n"
                "    error = (prediction - target).square().mean(dim=(1, 2, 3))\n"
                "    return 10 * torch.log10(255**2 / error)",
            ),
            (
                "one value per picture",
                "def my_psnr(prediction, target):\n"
                "    return -10 * torch.log10((prediction - target).square().mean())",
            ),
            (
                "one MSE for the whole batch",
                "def my_psnr(prediction, target):\n"
                "    error = (prediction - target).square().mean()\n"
                "    return -10 * torch.log10(error).expand(len(target))",
            ),
            (
                "mean absolute error",
                "def my_psnr(prediction, target):\n"
                "    return -20 * torch.log10((prediction - target).abs().mean(dim=(1, 2, 3)))",
            ),
            (
                "that is the mean absolute error",
                "def my_psnr(prediction, target):\n"
                "    return -10 * torch.log10((prediction - target).abs().mean(dim=(1, 2, 3)))",
            ),
            (
                "take no root",
                "def my_psnr(prediction, target):\n"
                "    error = (prediction - target).square().mean(dim=(1, 2, 3)).sqrt()\n"
                "    return -10 * torch.log10(error)",
            ),
            (
                "the prediction is clipped",
                "def my_psnr(prediction, target):\n"
                "    error = (prediction.clamp(0, 1) - target).square().mean(dim=(1, 2, 3))\n"
                "    return -10 * torch.log10(error)",
            ),
            (
                "nothing is added",
                "def my_psnr(prediction, target):\n"
                "    error = (prediction - target).square().mean(dim=(1, 2, 3))\n"
                "    return -10 * torch.log10(error + 1e-8)",
            ),
            (
                "no gradient comes back",
                "def my_psnr(prediction, target):\n"
                "    error = (prediction - target).square().mean(dim=(1, 2, 3))\n"
                "    return -10 * torch.log10(error.detach())",
            ),
            (
                "expected the shape (1,)",
                "def my_psnr(prediction, target):\n"
                "    return -10 * torch.log10((prediction - target).square().mean(dim=(2, 3)))",
            ),
        ],
    ),
    "crop": Exercise(
        inputs=[(LR, HR, 1, 2, 4, 3), (LR, HR, 0, 3, 2, 3), (LR, LR, 1, 0, 3, 1)],
        others=[
            "def my_crop(lr, hr, top, left, side, scale):\n"
            "    patch = lr.narrow(-2, top, side).narrow(-1, left, side)\n"
            "    wide = hr.narrow(-2, scale * top, scale * side)\n"
            "    return patch, wide.narrow(-1, scale * left, scale * side)",
        ],
        wrong=[
            (
                "top and left must be multiplied",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    big = scale * side\n"
                "    return (lr[..., top : top + side, left : left + side],\n"
                "            hr[..., top : top + big, left : left + big])",
            ),
            (
                "the side must be multiplied",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    up, to = scale * top, scale * left\n"
                "    return (lr[..., top : top + side, left : left + side],\n"
                "            hr[..., up : up + side, to : to + side])",
            ),
            (
                "rows come before columns",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    s = scale\n"
                "    return (lr[..., left : left + side, top : top + side],\n"
                "            hr[..., s * left : s * (left + side), s * top : s * (top + side)])",
            ),
            (
                "here it is not 2",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    return (lr[..., top : top + side, left : left + side],\n"
                "            hr[..., 2 * top : 2 * (top + side), 2 * left : 2 * (left + side)])",
            ),
            (
                "one HR pixel too far",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    up, to, big = scale * top + 1, scale * left + 1, scale * side\n"
                "    return (lr[..., top : top + side, left : left + side],\n"
                "            hr[..., up : up + big, to : to + big])",
            ),
            (
                "expected 2 values but got 1",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    return (lr[..., top : top + side, left : left + side],)",
            ),
            (
                "expected the shape",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    s = scale\n"
                "    return (lr[0, :, top : top + side, left : left + side],\n"
                "            hr[0, :, s * top : s * (top + side), s * left : s * (left + side)])",
            ),
            (
                "begin the index with",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    s = scale\n"
                "    return (lr[top : top + side, left : left + side],\n"
                "            hr[s * top : s * (top + side), s * left : s * (left + side)])",
            ),
            (
                "not at `side`",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    s = scale\n"
                "    return (lr[..., top:side, left:side],\n"
                "            hr[..., s * top : s * side, s * left : s * side])",
            ),
            (
                "`side` rows already",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    s, n = scale, side + 1\n"
                "    return (lr[..., top : top + n, left : left + n],\n"
                "            hr[..., s * top : s * (top + n), s * left : s * (left + n)])",
            ),
            (
                "nor in HR",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    up, to, big = scale * top, scale * left, scale * side + 1\n"
                "    return (lr[..., top : top + side + 1, left : left + side + 1],\n"
                "            hr[..., up : up + big, to : to + big])",
            ),
            (
                "HR comes second",
                "def my_crop(lr, hr, top, left, side, scale):\n"
                "    s = scale\n"
                "    return (hr[..., s * top : s * (top + side), s * left : s * (left + side)],\n"
                "            lr[..., top : top + side, left : left + side])",
            ),
        ],
    ),
}
