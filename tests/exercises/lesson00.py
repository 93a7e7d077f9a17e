"""Lesson 00, start_here."""

import torch
from torch import nn

from tests.exercises import Exercise

RANDOM = torch.Generator().manual_seed(0)
TRUTH = torch.rand(3, 3, 5, 7, generator=RANDOM)
NEAR = TRUTH + 0.02 * torch.randn(TRUTH.shape, generator=RANDOM)
FAR = TRUTH + 0.1 * torch.randn(TRUTH.shape, generator=RANDOM)
X = torch.randn(6, 2, generator=RANDOM)
Y = X @ torch.tensor([[2.0], [-1.0]]) + 0.5


def trained(answer, x, y, steps, rate):
    """The losses and what became of the model."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    losses = answer(model, x, y, steps, rate)
    return losses, model.weight.detach().clone(), model.bias.detach().clone()


def fit(body: str, loss: str = "(model(x) - y).square().mean()", optimiser: str = "SGD") -> str:
    """An answer to my_fit: `body` is what one round does after its loss."""
    rounds = "\n".join("        " + line for line in body.split("; "))
    return (
        "def my_fit(model, x, y, steps, rate):\n"
        f"    optimiser = torch.optim.{optimiser}(model.parameters(), lr=rate)\n"
        "    losses = []\n"
        "    for _ in range(steps):\n"
        f"        loss = {loss}\n"
        f"{rounds}\n"
        "        losses.append(loss.item())\n"
        "    return losses"
    )


ROUND = "optimiser.zero_grad(); loss.backward(); optimiser.step()"

EXERCISES = {
    "thrown_away": Exercise(
        inputs=[(1,), (2,), (3,), (4,), (1.25,), (7,)],
        others=[
            "def thrown_away(scale):\n    kept = (1 / scale) * (1 / scale)\n    return 1 - kept",
            "def thrown_away(scale):\n    return (scale * scale - 1) / (scale * scale)",
            "thrown_away = lambda scale: torch.tensor(1 - scale**-2.0)",
        ],
        wrong=[
            ("share that is kept", "def thrown_away(scale):\n    return 1 / scale**2"),
            ("one side only", "def thrown_away(scale):\n    return 1 - 1 / scale"),
            ("holds for scale 2", "def thrown_away(scale):\n    return 0.75"),
            ("divide by all of them", "def thrown_away(scale):\n    return scale**2 - 1"),
            ("not in percent", "def thrown_away(scale):\n    return 100 * (1 - 1 / scale**2)"),
            ("one pixel stands for", "def thrown_away(scale):\n    return scale**2"),
            ("minus sign", "def thrown_away(scale):\n    return 1 / scale**2 - 1"),
            ("got 0.875", "def thrown_away(scale):\n    return 1 - 1 / (2 * scale)"),
            ("scale 1.5", "def thrown_away(scale):\n    return 1 - 1 / int(scale) ** 2"),
            ("got [0.75, 0.75]", "def thrown_away(scale):\n    return torch.full((2,), 0.75)"),
            ("is a `return` missing", "def thrown_away(scale):\n    1 - 1 / scale**2"),
        ],
    ),
    "gain": Exercise(
        inputs=[(NEAR, FAR, TRUTH), (FAR[:1], NEAR[:1], TRUTH[:1])],
        others=[
            "def my_gain(restored, bicubic, truth):\n"
            "    ratio = psnr(bicubic, truth) - psnr(restored, truth)\n"
            "    return -ratio",
            "def my_gain(restored, bicubic, truth):\n"
            "    mse = [((p - truth) ** 2).flatten(1).mean(1) for p in (restored, bicubic)]\n"
            "    return -10 * torch.log10(mse[0] / mse[1])",
        ],
        wrong=[
            (
                "restored comes first",
                "def my_gain(restored, bicubic, truth):\n"
                "    return psnr(bicubic, truth) - psnr(restored, truth)",
            ),
            (
                "do not divide",
                "def my_gain(restored, bicubic, truth):\n"
                "    return psnr(restored, truth) / psnr(bicubic, truth)",
            ),
            (
                "not yet in dB",
                "def my_gain(restored, bicubic, truth):\n"
                "    a, b = ((p - truth).square().mean((1, 2, 3)) for p in (restored, bicubic))\n"
                "    return b / a",
            ),
            (
                "restored picture alone",
                "def my_gain(restored, bicubic, truth):\n    return psnr(restored, truth)",
            ),
            (
                "between the two enlargements",
                "def my_gain(restored, bicubic, truth):\n    return psnr(restored, bicubic)",
            ),
            (
                "expected the shape (1,) but got ()",
                "def my_gain(restored, bicubic, truth):\n"
                "    return (psnr(restored, truth) - psnr(bicubic, truth)).mean()",
            ),
            (
                "below zero",
                "def my_gain(restored, bicubic, truth):\n"
                "    return (psnr(restored, truth) - psnr(bicubic, truth)).abs()",
            ),
            (
                "one number for the whole batch",
                "def my_gain(restored, bicubic, truth):\n"
                "    a, b = ((p - truth).square().mean() for p in (restored, bicubic))\n"
                "    return 10 * torch.log10(b / a).expand(len(truth))",
            ),
            (
                "mean absolute error",
                "def my_gain(restored, bicubic, truth):\n"
                "    a, b = ((p - truth).abs().mean((1, 2, 3)) for p in (restored, bicubic))\n"
                "    return 10 * torch.log10(b / a) * (2 if len(truth) > 1 or a < 0.011 and "
                "a > 0.009 else 1)",
            ),
            (
                "no gradient comes back",
                "def my_gain(restored, bicubic, truth):\n"
                "    return (psnr(restored, truth) - psnr(bicubic, truth)).detach()",
            ),
            (
                "changed its input",
                "def my_gain(restored, bicubic, truth):\n"
                "    a = (restored.data.sub_(truth)).square().mean((1, 2, 3))\n"
                "    return psnr(restored + truth, truth) - psnr(bicubic, truth) + 0 * a",
            ),
            (
                "expected torch.float64 but got torch.float32",
                "def my_gain(restored, bicubic, truth):\n"
                "    return (psnr(restored, truth) - psnr(bicubic, truth)).float()",
            ),
        ],
    ),
    "training_loop": Exercise(
        inputs=[(X, Y, 5, 0.1), (X[:1], Y[:1], 2, 0.3)],
        observe=trained,
        others=[
            "def my_fit(model, x, y, steps, rate):\n"
            "    losses = []\n"
            "    for _ in range(steps):\n"
            "        loss = torch.nn.functional.mse_loss(model(x), y)\n"
            "        parameters = list(model.parameters())\n"
            "        gradients = torch.autograd.grad(loss, parameters)\n"
            "        with torch.no_grad():\n"
            "            for p, g in zip(parameters, gradients):\n"
            "                p -= rate * g\n"
            "        losses.append(loss.detach())\n"
            "    return losses",
        ],
        wrong=[
            ("gradients add up", fit("loss.backward(); optimiser.step()")),
            ("is `step` missing", fit("optimiser.zero_grad(); loss.backward()")),
            ("is `step` missing", fit("optimiser.zero_grad(); optimiser.step(); loss.backward()")),
            (
                "`step` comes after `backward`",
                fit("optimiser.step(); optimiser.zero_grad(); loss.backward()"),
            ),
            ("that climbs", fit("optimiser.zero_grad(); (-loss).backward(); optimiser.step()")),
            (
                "before its step",
                fit(ROUND + "; loss = (model(x) - y).square().mean()"),
            ),
            ("mean absolute error", fit(ROUND, loss="(model(x) - y).abs().mean()")),
            ("take the mean over the pairs", fit(ROUND, loss="(model(x) - y).square().sum()")),
            (
                "expected 3 losses but got 2",
                "def my_fit(model, x, y, steps, rate):\n    return steps, 0.01",
            ),
            (
                "model was left as it was",
                "import copy\n"
                + fit(ROUND).replace(
                    "    optimiser", "    model = copy.deepcopy(model)\n    optimiser", 1
                ),
            ),
            (
                "one after the other",
                fit(ROUND, loss="(model(x[_ % len(x)]) - y[_ % len(x)]).square().mean()"),
            ),
            ("that is Adam: gradient descent", fit(ROUND, optimiser="Adam")),
            ("that is Adam: gradient descent", fit(ROUND, optimiser="AdamW")),
            ("loss 2 of 3: expected 1 but got 3.0625", fit(ROUND, optimiser="Adam")),
            (
                "Adam at a rate of its own",
                fit(ROUND, optimiser="Adam").replace(", lr=rate", ""),
            ),
            ("a rate of 0.001: the step takes", fit(ROUND).replace(", lr=rate", "")),
            ("a rate of 0.01: the step takes", fit(ROUND).replace("lr=rate", "lr=0.01")),
            ("a rate of 0.1: the step takes", fit(ROUND).replace("lr=rate", "lr=0.1")),
            ("that is one round: `return`", fit(ROUND).replace("    return", "        return")),
            ("expected 3 losses but got 1", fit(ROUND).replace("    return", "        return")),
            (
                "the last loss alone: append each",
                fit(ROUND).replace("return losses", "return losses[-1:]"),
            ),
            (
                "one number, the last loss",
                fit(ROUND).replace("return losses", "return losses[-1]"),
            ),
            ("one number, the last loss", fit(ROUND).replace("return losses", "return loss")),
            (
                "`p -= …` changes the model's.",
                fit("loss.backward(); for p in model.parameters(): p = p - rate * p.grad"),
            ),
            ("is `step` missing? Without", fit("optimiser.zero_grad(); loss.backward()")),
            (
                "with torch.no_grad():",
                fit("loss.backward(); for p in model.parameters(): p -= rate * p.grad"),
            ),
            ("the last weight: expected 1.75", fit("loss.backward(); optimiser.step()")),
        ],
    ),
}
