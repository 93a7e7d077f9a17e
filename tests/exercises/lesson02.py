"""Lesson 02, first_network."""

import torch
from torch import nn

from tests.exercises import Exercise

RANDOM = torch.Generator().manual_seed(0)
P, T = (torch.rand(2, 3, 5, 7, generator=RANDOM) for _ in range(2))


def side(body: str) -> str:
    return "def my_side(n, kernel, stride, padding):\n    " + body


def loss(*body: str) -> str:
    return "def my_loss(prediction, target):\n" + "\n".join("    " + line for line in body)


REFUSE = (
    "if prediction.shape != target.shape: raise ValueError(f'{prediction.shape} {target.shape}')"
)
MSE = "return (prediction - target).square().mean()"


def refusal_or_value(answer, prediction, target):
    """The loss, or that it refuses; an error of another kind is let through."""
    try:
        return answer(prediction, target)
    except ValueError:
        return "refused"


def features(*layers: str) -> str:
    return f"def my_features(channels):\n    return nn.Sequential({', '.join(layers)})"


def conv(dilation: int, padding: object = None, more: str = "") -> str:
    padding = dilation if padding is None else padding
    return f"nn.Conv2d(channels, channels, 3, padding={padding}, dilation={dilation}{more})"


RELU = "nn.ReLU()"


def seen(answer, channels, h, w):
    """What a network with all weights 1 and one with random weights makes of one bright pixel."""
    torch.manual_seed(0)
    network = answer(channels)
    x = torch.zeros(1, channels, h, w)
    x[..., h // 2, w // 2] = 1
    random = network(x).detach()
    for p in network.parameters():
        nn.init.constant_(p, float(p.ndim == 4))
    return random, network(x).detach()


def step(*body: str) -> str:
    return "def my_step(model, optimizer, x, y):\n" + "\n".join("    " + line for line in body)


LOSS = "loss = (model(x) - y).square().mean()"
ZERO, BACK, STEP = "optimizer.zero_grad()", "loss.backward()", "optimizer.step()"


def stepped(answer, x, y):
    """The losses of two steps, and the weights after them."""
    model = nn.Conv2d(3, 3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = [answer(model, optimizer, x, y) for _ in range(2)]
    return losses, model.weight.detach().clone(), model.bias.detach().clone()


EXERCISES = {
    "side": Exercise(
        inputs=[(5, 3, 2, 0), (48, 3, 1, 1), (45, 2, 2, 0), (31, 7, 3, 2), (9, 9, 1, 0)],
        others=[
            side(
                "return F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, kernel), "
                "stride=stride, padding=padding).shape[-1]"
            ),
            side("return int((n + 2 * padding - kernel) / stride + 1)"),
        ],
        wrong=[
            (
                "the first place counts too",
                side("return (n + 2 * padding - kernel) // stride"),
            ),
            (
                "or inside the division",
                side("return (n + 2 * padding - kernel + 1) // stride"),
            ),
            (
                "after the division",
                side("return (n + 2 * padding - kernel + 1) / stride"),
            ),
            (
                "expected 22 but got 22.5",
                side("return (n + 2 * padding - kernel) / stride + 1"),
            ),
            (
                "adds on both sides",
                side("return (n + padding - kernel) // stride + 1"),
            ),
            (
                "divide by the stride",
                side("return n + 2 * padding - kernel + 1"),
            ),
            (
                "expected 48 but got 46",
                side("return (n - kernel) // stride + 1"),
            ),
            (
                "not rounded up",
                side("return -(-(n + 2 * padding - kernel) // stride) + 1"),
            ),
            (
                "that it is an int",
                side("return float((n + 2 * padding - kernel) // stride + 1)"),
            ),
            (
                "n 20, kernel 5",
                side("return (n + 2 * min(padding, 1) - kernel) // stride + 1"),
            ),
        ],
        setup="import torch\nimport torch.nn.functional as F",
    ),
    "careful_loss": Exercise(
        inputs=[(P, T), (P, T[:1]), (P[:, :1], T), (P[..., :1], T), (P, T[..., :6])],
        others=[
            loss(
                "assert_equal = prediction.shape == target.shape",
                "if not assert_equal:",
                "    raise ValueError(str(prediction.shape) + ' is not ' + str(target.shape))",
                "return torch.nn.functional.mse_loss(prediction, target)",
            ),
            loss(
                "if prediction.shape != target.shape:",
                "    raise ValueError(f'{list(prediction.shape)} and {list(target.shape)}')",
                "return ((prediction - target) ** 2).sum() / target.numel()",
            ),
        ],
        wrong=[
            ("no ValueError came", loss(MSE)),
            ("square it", loss(REFUSE, "return (prediction - target).abs().mean()")),
            ("the sum: take the mean", loss(REFUSE, "return (prediction - target).square().sum()")),
            (
                "not one per picture",
                loss(REFUSE, "return (prediction - target).square().mean(dim=(1, 2, 3))"),
            ),
            ("square of the mean error", loss(REFUSE, "return (prediction - target).mean() ** 2")),
            (
                "no gradient",
                loss(REFUSE, "return (prediction - target).square().mean().detach()"),
            ),
            (
                "without both shapes",
                loss(
                    "if prediction.shape != target.shape:",
                    "    raise ValueError('shapes differ')",
                    MSE,
                ),
            ),
            (
                "Raise a ValueError instead",
                loss("assert prediction.shape == target.shape", MSE),
            ),
            (
                "1 channel and a target with 3",
                loss(
                    "if prediction.shape[2:] != target.shape[2:]:",
                    "    raise ValueError(f'{prediction.shape} {target.shape}')",
                    MSE,
                ),
            ),
            (
                "one picture and a target of two",
                loss(
                    "if prediction.shape[1:] != target.shape[1:]:",
                    "    raise ValueError(f'{prediction.shape} {target.shape}')",
                    MSE,
                ),
            ),
            (
                "changed its input",
                loss(REFUSE, "prediction -= target", "return prediction.square().mean()"),
            ),
            ("float64", loss(REFUSE, "return (prediction - target).float().square().mean()")),
        ],
        observe=refusal_or_value,
    ),
    "dilated": Exercise(
        inputs=[(2, 31, 25), (3, 9, 8)],
        others=[
            features(conv(1), "nn.LeakyReLU(0)", conv(2), RELU, conv(4), RELU),
            "class my_features(nn.Sequential):\n"
            "    def __init__(self, channels):\n"
            "        parts = [nn.Conv2d(channels, channels, 3, 1, d, d) for d in (1, 2, 4)]\n"
            "        super().__init__(*[m for p in parts for m in (p, nn.ReLU(inplace=True))])",
        ],
        wrong=[
            (
                "without padding",
                features(conv(1, 0), RELU, conv(2, 0), RELU, conv(4, 0), RELU),
            ),
            (
                "padding 1 suits dilation 1",
                features(conv(1), RELU, conv(2, 1), RELU, conv(4, 1), RELU),
            ),
            ("without dilation", features(conv(1), RELU, conv(1), RELU, conv(1), RELU)),
            ("dilations 1, 2, 3", features(conv(1), RELU, conv(2), RELU, conv(3), RELU)),
            ("ReLU is missing", features(conv(1), conv(2), conv(4))),
            ("in the last convolution", features(conv(1), RELU, conv(2), RELU, conv(4))),
            (
                "biases are missing",
                features(*(conv(d, more=", bias=False") + f", {RELU}" for d in (1, 2, 4))),
            ),
            (
                "something still pools",
                features("nn.MaxPool2d(2)", "nn.MaxPool2d(2)", "nn.MaxPool2d(2)"),
            ),
            (
                "not a list",
                "def my_features(channels):\n"
                "    return [m for d in (1, 2, 4) for m in "
                "(nn.Conv2d(channels, channels, 3, padding=d, dilation=d), nn.ReLU())]",
            ),
            (
                "3 channels",
                "def my_features(channels):\n"
                "    return nn.Sequential(*[m for d in (1, 2, 4) for m in "
                "(nn.Conv2d(2, 2, 3, padding=d, dilation=d), nn.ReLU())])",
            ),
        ],
        setup="import torch\nfrom torch import nn",
        observe=seen,
    ),
    "four_faults": Exercise(
        inputs=[(P, T), (P[:1], T[:1])],
        others=[
            step(ZERO, LOSS, BACK, STEP, "return float(loss.detach())"),
            step(
                "loss = torch.nn.functional.mse_loss(model(x), y)",
                "for p in model.parameters():",
                "    p.grad = None",
                BACK,
                STEP,
                "return loss.detach().item()",
            ),
        ],
        wrong=[
            ("rounding has no gradient", step(LOSS, BACK, ZERO, STEP, "return loss.item()")),
            ("gradients add up", step(LOSS, BACK, STEP, "return loss.item()")),
            ("return a number", step(LOSS, ZERO, BACK, STEP, "return loss")),
            (
                "still clipped",
                step(
                    "loss = (model(x).clamp(0, 1) - y).square().mean()",
                    ZERO,
                    BACK,
                    STEP,
                    "return loss.item()",
                ),
            ),
            (
                "one grey of the whole target",
                step(
                    "loss = (model(x) - y.mean()).square().mean()",
                    ZERO,
                    BACK,
                    STEP,
                    "return loss.item()",
                ),
            ),
            (
                "the sum, not the mean",
                step(
                    "loss = (model(x) - y).square().sum()", ZERO, BACK, STEP, "return loss.item()"
                ),
            ),
            (
                "and a tensor comes back",
                step(LOSS, BACK, ZERO, STEP, "return loss"),
            ),
            (
                "the loss after the step",
                step(LOSS, ZERO, BACK, STEP, LOSS, "return loss.item()"),
            ),
            (
                "square the difference",
                step("loss = (model(x) - y).abs().mean()", ZERO, BACK, STEP, "return loss.item()"),
            ),
            ("is a `return` missing", step(LOSS, ZERO, BACK, STEP)),
        ],
        observe=stepped,
    ),
}
