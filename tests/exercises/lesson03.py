"""Lesson 03, backbone."""

import torch

from tests.exercises import Exercise

LARGE = torch.arange(2 * 12 * 3 * 2.0).view(2, 12, 3, 2)
NINE = torch.arange(18 * 4.0).view(1, 18, 1, 4)


def starts(answer, channels):
    """What a block holds and does at its start, and whether it can learn."""
    torch.manual_seed(0)
    block = answer(channels)
    x = torch.linspace(-1, 1, channels * 20).view(1, channels, 4, 5)
    out = block(x)
    loss = (out - x.flip(-1)).square().mean()
    gradients = torch.autograd.grad(loss, list(block.parameters()), allow_unused=True)
    sizes = [0.0 if g is None else g.norm().item() for g in gradients]
    return out.detach(), sum(p.numel() for p in block.parameters()), sizes


OWN_BLOCK = """class Own(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.second = torch.nn.Conv2d(channels, channels, 3, padding=1)
        {zero}

    def forward(self, x):
        return {out}


def my_block(channels):
    return Own(channels)
"""
SECOND = "[torch.nn.init.zeros_(p) for p in self.second.parameters()]"
SUM = "x + self.second(self.first(x).relu())"


def own(zero: str = SECOND, out: str = SUM) -> str:
    return OWN_BLOCK.format(zero=zero, out=out)


EXERCISES = {
    "field": Exercise(
        inputs=[
            ([(3, 1, 1), (3, 1, 1)],),
            ([(5, 2, 1), (3, 1, 4), (3, 2, 2)],),
            ([(3, 2, 1), (3, 3, 1), (7, 1, 2)],),
            ([(1, 2, 1), (4, 1, 3)],),
        ],
        others=[
            "def my_field(layers):\n"
            "    side = 1\n"
            "    for kernel, stride, dilation in reversed(layers):\n"
            "        side = (side - 1) * stride + (kernel - 1) * dilation + 1\n"
            "    return side",
        ],
        wrong=[
            (
                "each layer adds kernel − 1",
                "def my_field(layers):\n    return sum(k for k, s, d in layers)",
            ),
            (
                "a field of 1",
                "def my_field(layers):\n    return sum((k - 1) * d for k, s, d in layers)",
            ),
            (
                "the dilation is missing",
                "def my_field(layers):\n    return 1 + sum(k - 1 for k, s, d in layers)",
            ),
            (
                "the stride of earlier layers",
                "def my_field(layers):\n    return 1 + sum((k - 1) * d for k, s, d in layers)",
            ),
            (
                "own stride counts only for the layers after it",
                "def my_field(layers):\n"
                "    side, step = 1, 1\n"
                "    for kernel, stride, dilation in layers:\n"
                "        step *= stride\n"
                "        side += (kernel - 1) * dilation * step\n"
                "    return side",
            ),
            (
                "strides multiply",
                "def my_field(layers):\n"
                "    side, step = 1, 1\n"
                "    for kernel, stride, dilation in layers:\n"
                "        side += (kernel - 1) * dilation * step\n"
                "        step = stride\n"
                "    return side",
            ),
            (
                "what was seen before it stays",
                "def my_field(layers):\n"
                "    side = 1\n"
                "    for kernel, stride, dilation in layers:\n"
                "        side = side * stride + (kernel - 1) * dilation\n"
                "    return side",
            ),
            (
                "behind stride 1 a step stays 1",
                "def my_field(layers):\n"
                "    side, step = 1, 1\n"
                "    for kernel, stride, dilation in layers:\n"
                "        side += (kernel - 1) * dilation * step\n"
                "        step += stride\n"
                "    return side",
            ),
            (
                "the reach to one side",
                "def my_field(layers):\n    return sum((k - 1) // 2 * d for k, s, d in layers)",
            ),
        ],
    ),
    "blind": Exercise(
        inputs=[([2, 2],), ([3],), ([1, 4],), ([2, 4],), ([5, 1],), ([1],)],
        others=[
            "def my_blind(dilations):\n"
            "    reach = sum(dilations)\n"
            "    signal = torch.zeros(1, 1, 2 * reach + 1)\n"
            "    signal[..., reach] = 1\n"
            "    for d in dilations:\n"
            "        taps = torch.ones(1, 1, 3)\n"
            "        signal = torch.nn.functional.conv1d(signal, taps, padding=d, dilation=d)\n"
            "    return [i - reach for i, v in enumerate(signal.flatten().tolist()) if v == 0]",
        ],
        wrong=[
            (
                "that it does see",
                "def my_blind(dilations):\n"
                "    seen = {0}\n"
                "    for d in dilations:\n"
                "        seen = {p + m for p in seen for m in (-d, 0, d)}\n"
                "    return sorted(seen)",
            ),
            (
                "to the left as well",
                "def my_blind(dilations):\n"
                "    seen = {0}\n"
                "    for d in dilations:\n"
                "        seen = {p + m for p in seen for m in (-d, 0, d)}\n"
                "    return [i for i in range(sum(dilations) + 1) if i not in seen]",
            ),
            (
                "the middle tap",
                "def my_blind(dilations):\n"
                "    seen = {0}\n"
                "    for d in dilations:\n"
                "        seen = {p + m for p in seen for m in (-d, d)}\n"
                "    reach = sum(dilations)\n"
                "    return [i for i in range(-reach, reach + 1) if i not in seen]",
            ),
            (
                "add up one tap of each layer",
                "def my_blind(dilations):\n"
                "    reach = sum(dilations)\n"
                "    seen = {m * d for d in dilations for m in (-1, 0, 1)}\n"
                "    return [i for i in range(-reach, reach + 1) if i not in seen]",
            ),
            (
                "how many is not asked",
                "def my_blind(dilations):\n    return 2 * sum(dilations) + 1 - 5",
            ),
            (
                "dilation 3 alone",
                "def my_blind(dilations):\n"
                "    reach = sum(dilations)\n"
                "    return [i for i in range(-reach, reach + 1) if i % 2]",
            ),
        ],
    ),
    "identity_block": Exercise(
        inputs=[(2,), (3,)],
        observe=starts,
        setup="import torch",
        others=[
            own(),
            "def my_block(channels):\n"
            "    block = ResidualBlock(channels)\n"
            "    with torch.no_grad():\n"
            "        block.conv2.weight.mul_(0)\n"
            "    return block",
        ],
        wrong=[
            (
                "mean difference",
                "def my_block(channels):\n    return ResidualBlock(channels)",
            ),
            (
                "no gradient passes",
                "def my_block(channels):\n"
                "    block = ResidualBlock(channels)\n"
                "    for parameter in block.parameters():\n"
                "        torch.nn.init.zeros_(parameter)\n"
                "    return block",
            ),
            (
                "no gradient passes",
                "def my_block(channels):\n"
                "    block = ResidualBlock(channels)\n"
                "    torch.nn.init.zeros_(block.conv1.weight)\n"
                "    torch.nn.init.zeros_(block.conv1.bias)\n"
                "    return block",
            ),
            (
                "for ever",
                "def my_block(channels):\n"
                "    block = ResidualBlock(channels)\n"
                "    torch.nn.init.zeros_(block.conv2.weight)\n"
                "    return block.requires_grad_(False)",
            ),
            (
                "without layers there is nothing to learn",
                "def my_block(channels):\n    return torch.nn.Identity()",
            ),
            ("a ReLU after the sum", own(out=f"({SUM}).relu()")),
            ("the input is not added", own(out="self.second(self.first(x).relu())")),
            ("between the convolutions", own(out="x + self.second(self.first(x))")),
        ],
    ),
    "shuffle": Exercise(
        inputs=[(LARGE, 2), (NINE, 3)],
        setup="import torch",
        others=[
            "def my_shuffle(x, scale):\n"
            "    b, c, h, w = x.shape\n"
            "    made = x.new_zeros(b, c // scale**2, h * scale, w * scale)\n"
            "    for i in range(scale):\n"
            "        for j in range(scale):\n"
            "            made[..., i::scale, j::scale] = x[:, i * scale + j :: scale**2]\n"
            "    return made",
        ],
        wrong=[
            (
                "not put together",
                "def my_shuffle(x, scale):\n"
                "    b, c, h, w = x.shape\n"
                "    return x.reshape(b, c // scale**2, h * scale, w * scale)",
            ),
            (
                "rows and columns of the small squares",
                "def my_shuffle(x, scale):\n"
                "    b, c, h, w = x.shape\n"
                "    x = x.reshape(b, c // scale**2, scale, scale, h, w)\n"
                "    return x.permute(0, 1, 4, 3, 5, 2).reshape(b, -1, h * scale, w * scale)",
            ),
            (
                "stand together",
                "def my_shuffle(x, scale):\n"
                "    b, c, h, w = x.shape\n"
                "    x = x.reshape(b, scale, scale, c // scale**2, h, w)\n"
                "    return x.permute(0, 3, 4, 1, 5, 2).reshape(b, -1, h * scale, w * scale)",
            ),
            (
                "a batch of two",
                "def my_shuffle(x, scale):\n"
                "    b, c, h, w = x.shape\n"
                "    x = x.reshape(b, c // 4, 2, 2, h, w)\n"
                "    return x.permute(0, 1, 4, 2, 5, 3).reshape(b, -1, h * 2, w * 2)",
            ),
            (
                "a batch of two",
                "def my_shuffle(x, scale):\n"
                "    b, c, h, w = x.shape\n"
                "    x = x[0].reshape(c // scale**2, scale, scale, h, w)\n"
                "    return x.permute(0, 3, 1, 4, 2).reshape(1, -1, h * scale, w * scale)",
            ),
            (
                "no gradient",
                "def my_shuffle(x, scale):\n"
                "    return torch.nn.functional.pixel_shuffle(x.detach(), scale)",
            ),
            (
                "expected the shape",
                "def my_shuffle(x, scale):\n"
                "    return torch.nn.functional.pixel_shuffle(x, scale)[0]",
            ),
        ],
    ),
    "cost": Exercise(
        inputs=[(3, 4, 3, 5, 6), (8, 5, 5, 3, 2), (1, 1, 1, 4, 4)],
        others=[
            "def my_cost(inputs, outputs, kernel, height, width):\n"
            "    layer = torch.nn.Conv2d(inputs, outputs, kernel)\n"
            "    weights = layer.weight.numel()\n"
            "    return weights + layer.bias.numel(), weights * height * width",
        ],
        setup="import torch",
        wrong=[
            (
                "the biases are missing",
                "def my_cost(inputs, outputs, kernel, height, width):\n"
                "    weights = outputs * inputs * kernel**2\n"
                "    return weights, weights * height * width",
            ),
            (
                "each output channel, not to each weight",
                "def my_cost(inputs, outputs, kernel, height, width):\n"
                "    weights = outputs * inputs * kernel**2\n"
                "    return 2 * weights, weights * height * width",
            ),
            (
                "do not count both",
                "def my_cost(inputs, outputs, kernel, height, width):\n"
                "    weights = outputs * inputs * kernel**2\n"
                "    return weights + outputs, 2 * weights * height * width",
            ),
            (
                "the kernel is used at every pixel",
                "def my_cost(inputs, outputs, kernel, height, width):\n"
                "    weights = outputs * inputs * kernel**2\n"
                "    return weights + outputs, weights",
            ),
            (
                "not for each input channel",
                "def my_cost(inputs, outputs, kernel, height, width):\n"
                "    weights = outputs * inputs * kernel**2\n"
                "    return weights + inputs, weights * height * width",
            ),
            (
                "they are no MACs",
                "def my_cost(inputs, outputs, kernel, height, width):\n"
                "    parameters = outputs * inputs * kernel**2 + outputs\n"
                "    return parameters, parameters * height * width",
            ),
            (
                "a kernel of 1 on 10×10",
                "def my_cost(inputs, outputs, kernel, height, width):\n"
                "    weights = outputs * inputs * 9\n"
                "    return weights + outputs, weights * height * width",
            ),
        ],
    ),
}
