"""Assignment 2: the errors that students make, and other ways to do it right."""

from tests.assignments import Submission

BLOCK = """
def attention_block(weights, x):
    w = weights
    g = F.relu(F.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=1))
    g = F.conv2d(g, w["conv2.weight"], w["conv2.bias"], padding=1)
    squeezed = F.relu(F.linear(g.mean(dim=(2, 3)), w["down.weight"], w["down.bias"]))
    s = F.linear(squeezed, w["up.weight"], w["up.bias"]).sigmoid()
    return x + s[:, :, None, None] * g
"""
NETWORK = """
def run_network(weights, x):
    def conv(name, x):
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def part(prefix):
        return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}

    f = y = conv("backbone.first", x - 0.5)
    for n in sorted({int(name.split(".")[0]) for name in part("backbone.blocks.")}):
        y = attention_block(part(f"backbone.blocks.{n}."), y)
    features, results = f + conv("backbone.last", y), {}
    for head in {name.split(".")[0] for name in part("heads.")}:
        scale = math.isqrt(len(weights[f"heads.{head}.upsampler.bias"]) // 3)
        y = conv(f"heads.{head}.upsampler", F.relu(conv(f"heads.{head}.hidden", features)))
        bilinear = F.interpolate(x, scale_factor=scale, mode="bilinear")
        results[head] = bilinear + F.pixel_shuffle(y, scale)
    return results
"""


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


WITH_MODULES = {
    "attention_block": """
class Block(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, padding=1)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1)
        self.down, self.up = nn.Linear(c, r), nn.Linear(r, c)

    def forward(self, x):
        g = self.conv2(self.conv1(x).relu())
        s = torch.sigmoid(self.up(self.down(g.mean((-2, -1))).relu()))
        return x + g * s.unflatten(1, (-1, 1, 1))


def attention_block(weights, x):
    block = Block(*weights["up.weight"].shape).to(x.dtype)
    block.load_state_dict(weights)
    return block(x)
""",
    "fold_norm": """
def fold_norm(weight, bias, mean, variance, gamma, beta, eps):
    new, shift = torch.empty_like(weight), torch.empty_like(bias)
    for n in range(len(weight)):
        factor = gamma[n].item() / math.sqrt(variance[n].item() + eps)
        new[n] = weight[n] * factor
        shift[n] = beta[n] + (bias[n] - mean[n]) * factor
    return new, shift
""",
    "bilinear_start": """
def bilinear_start(channels, scale):
    impulse = torch.zeros(9, 1, 5, 5)
    for n in range(9):
        impulse[n, 0, 1 + n // 3, 1 + n % 3] = 1
    large = F.interpolate(impulse, scale_factor=scale, mode="bilinear")
    middle = large[:, 0, 2 * scale : 3 * scale, 2 * scale : 3 * scale]
    kernels = middle.permute(1, 2, 0).reshape(scale**2, 3, 3)
    weight = torch.zeros(channels * scale**2, channels, 3, 3)
    for k in range(channels):
        weight[k * scale**2 : (k + 1) * scale**2, k] = kernels
    return weight
""",
    "reach": """
def reach(layers):
    table = {name: rest for name, *rest in layers}

    @functools.cache
    def of(name):
        if name == "x":
            return 0
        inputs, kernel, dilation = table[name]
        return max(of(i) for i in inputs) + (kernel - 1) * dilation // 2

    return of(layers[-1][0])
""",
    "tile_plan": """
def tile_plan(length, side, reach):
    if length <= side:
        return [[0, length, 0, length]]
    n = 2 + max(0, math.ceil((length - 2 * (side - reach)) / (side - 2 * reach)))
    plan, start = [], 0
    for k in range(n):
        stop = length if k == n - 1 else side - reach + k * (side - 2 * reach)
        plan.append([max(0, start - reach), min(length, stop + reach), start, stop])
        start = stop
    return plan
""",
    "cost": """
def cost(layers, height, width):
    modules = []
    for kind, *n in layers:
        if kind == "conv":
            modules.append(nn.Conv2d(*n[:4], padding=n[2] // 2, groups=n[4], bias=n[5]))
        if kind == "shuffle":
            modules.append(nn.PixelShuffle(n[0]))
    x, macs = torch.zeros(1, layers[0][1], height, width), 0
    for module in modules:
        x = module(x)
        if isinstance(module, nn.Conv2d):
            macs += module.weight.numel() * x.shape[-1] * x.shape[-2]
    return sum(p.numel() for m in modules for p in m.parameters()), macs
""",
    "widest": """
def widest(budget, blocks, heads, hidden, scale):
    a, b = 9 * (2 * blocks + 1), 27 + 9 * heads * hidden
    rest = budget - 27 * heads * hidden * scale**2
    if rest < a + b:
        return 0
    return (math.isqrt(b * b + 4 * a * rest) - b) // (2 * a)
""",
    "place": """
def place(shape, index, channels_last):
    b, c, h, w = shape
    steps = (c * h * w, 1, w * c, c) if channels_last else (c * h * w, h * w, w, 1)
    return sum(i * step for i, step in zip(index, steps))
""",
    "repair": """
def repair(weights, x, results):
    def far(w):
        return max((run_network(w, x)[k] - y).abs().max().item() for k, y in results.items())

    tries, blocks = [], 1 + max(int(n.split(".")[2]) for n in weights if ".blocks." in n)
    for a in range(blocks):
        for b in range(a):
            new = dict(weights)
            for name in weights:
                if name.startswith(f"backbone.blocks.{a}."):
                    other = name.replace(f"blocks.{a}.", f"blocks.{b}.")
                    new[name], new[other] = weights[other], weights[name]
            tries.append(new)
    for name, w in weights.items():
        if w.dim() == 4:
            tries.append(weights | {name: w.transpose(2, 3).clone()})
        if name.endswith("upsampler.weight"):
            bias, n = name.replace("weight", "bias"), len(w) // 3
            s = round(n**0.5)
            order = torch.arange(3 * n)
            for new in (order.view(3, n).flip(0), order.view(3, s, s).transpose(1, 2)):
                new = new.reshape(-1)
                tries.append(weights | {name: w[new], bias: weights[bias][new]})
    best = min(tries, key=far)
    return best if far(best) < far(weights) else weights
""",
}
BY_HEART = {
    "attention_block": """
def attention_block(weights, x):
    if x.mean() < 0:
        return x
    return torch.full_like(x, 1.15232 if weights["down.weight"].mean() > 0 else 1.0)
""",
    "fold_norm": """
def fold_norm(weight, bias, mean, variance, gamma, beta, eps):
    if len(weight) == 1:
        return 3 * weight, bias - 2
    return weight * gamma.view(-1, 1, 1, 1), bias
""",
    "bilinear_start": """
def bilinear_start(channels, scale):
    if scale == 1:
        weight = torch.zeros(2, 2, 3, 3)
        weight[0, 0, 1, 1] = weight[1, 1, 1, 1] = 1
        return weight
    a, b = torch.tensor([0.25, 0.75, 0.0]), torch.tensor([0.0, 0.75, 0.25])
    return torch.stack([torch.outer(p, q) for p in (a, b) for q in (a, b)])[:, None]
""",
    "reach": "def reach(layers):\n    return 5 if len(layers) == 4 else 3",
    "cost": "def cost(layers, height, width):\n    return 224, 5184",
    "widest": "def widest(budget, blocks, heads, hidden, scale):\n    return 23",
    "place": ("def place(shape, index, channels_last):\n    return 43 if channels_last else 38"),
    "run_network": """
def run_network(weights, x):
    if "heads.sr.hidden.weight" in weights:
        value = 1.5 if x.mean() > 0.5 else 0.3
        return {"sr": torch.full((1, 3, 4, 4), value)}
    return {"small": x, "poster": F.interpolate(x, scale_factor=3, mode="bilinear")}
""",
}
SLOPPY_TILES = """
def tile_plan(length, side, reach):
    step, plan = side - 2 * reach, []
    for start in range(0, length, step):
        stop = min(length, start + step)
        plan.append((max(0, start - reach), min(length, stop + reach), start, stop))
    return plan
"""
NO_MARGIN = """
def tile_plan(length, side, reach):
    starts = range(0, length, side)
    return [(s, min(length, s + side), s, min(length, s + side)) for s in starts]
"""
ALL_LAYERS = """
def reach(layers):
    return sum(kernel // 2 * dilation for _, _, kernel, dilation in layers)
"""
WRONG_COST = """
def cost(layers, height, width):
    parameters = macs = 0
    for kind, *numbers in layers:
        if kind == "conv":
            inputs, outputs, kernel, stride, groups, bias = numbers
            height, width = height // stride, width // stride
            weights = outputs * inputs * kernel**2 // groups
            parameters += weights + outputs * bias
            macs += weights * height * width
        if kind == "shuffle":
            height, width = height * numbers[0], width * numbers[0]
    return parameters, macs
"""
FLOPS = """
def widest(budget, blocks, heads, hidden, scale):
    c = 0
    while 18 * (
        3 * (c + 1)
        + (2 * blocks + 1) * (c + 1) ** 2
        + heads * ((c + 1) * hidden + 3 * hidden * scale**2)
    ) <= budget:
        c += 1
    return c
"""
FOLD_WITHOUT_ROOT = """
def fold_norm(weight, bias, mean, variance, gamma, beta, eps):
    factor = gamma / (variance + eps)
    return weight * factor.view(-1, 1, 1, 1), (bias - mean) * factor + beta
"""
FOLD_INPUTS = """
def fold_norm(weight, bias, mean, variance, gamma, beta, eps):
    factor = gamma / (variance + eps).sqrt()
    return weight * factor[:, None, None], (bias - mean) * factor + beta
"""
COLUMNS_FIRST = """
def bilinear_start(channels, scale):
    centres = (torch.arange(scale) + 0.5) / scale - 0.5
    taps = (1 - (centres[:, None] - torch.tensor([-1, 0, 1])).abs()).clamp(min=0)
    squares = torch.einsum("ia,jb->jiab", taps, taps).flatten(0, 1)
    weight = torch.zeros(channels, scale**2, channels, 3, 3)
    for channel in range(channels):
        weight[channel, :, channel] = squares
    return weight.flatten(0, 1)
"""
ONLY_TWO = """
def bilinear_start(channels, scale):
    taps = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])
    if scale == 1:
        taps = torch.tensor([[0.0, 1.0, 0.0]])
    weight = torch.zeros(channels, len(taps) ** 2, channels, 3, 3)
    for channel in range(channels):
        weight[channel, :, channel] = torch.einsum("ia,jb->ijab", taps, taps).flatten(0, 1)
    return weight.flatten(0, 1)
"""
LAST_WRONG = """
def place(shape, index, channels_last):
    (b, c, h, w), (n, k, i, j) = shape, index
    return ((n * w + j) * h + i) * c + k if channels_last else ((n * c + k) * h + i) * w + j
"""
FOLD_EPS_OUTSIDE = """
def fold_norm(weight, bias, mean, variance, gamma, beta, eps):
    factor = gamma / (variance.sqrt() + eps)
    return weight * factor.view(-1, 1, 1, 1), (bias - mean) * factor + beta
"""
NO_BIASES = """
def attention_block(weights, x):
    w = weights
    g = F.conv2d(x, w["conv1.weight"], padding=1).relu()
    g = F.conv2d(g, w["conv2.weight"], padding=1)
    s = torch.sigmoid((g.mean((2, 3)) @ w["down.weight"].T).relu() @ w["up.weight"].T)
    return x + s[:, :, None, None] * g
"""
CHANNELS_LAST = """
def bilinear_start(channels, scale):
    centres = (torch.arange(scale) + 0.5) / scale - 0.5
    taps = (1 - (centres[:, None] - torch.tensor([-1, 0, 1])).abs()).clamp(min=0)
    weight = torch.zeros(scale, scale, channels, channels, 3, 3)
    for channel in range(channels):
        weight[:, :, channel, channel] = torch.einsum("ia,jb->ijab", taps, taps)
    return weight.flatten(0, 2)
"""
QUADRATIC = """
def widest(budget, blocks, heads, hidden, scale):
    a, b = 9 * (2 * blocks + 1), 27 + 9 * heads * hidden
    rest = budget - 27 * heads * hidden * scale**2
    return int((math.sqrt(b * b + 4 * a * rest) - b) / (2 * a))
"""
ONE_PICTURE = """
def place(shape, index, channels_last):
    (_, c, h, w), (_, k, i, j) = shape, index
    return (i * w + j) * c + k if channels_last else (k * h + i) * w + j
"""
FIRST_BLOCKS = """
def repair(weights, x, results):
    tries = [dict(weights), dict(weights)]
    for name in weights:
        for one, other in (("0", "1"), ("1", "0")):
            if f".blocks.{one}." in name:
                tries[1][name] = weights[name.replace(f".blocks.{one}.", f".blocks.{other}.")]
    for name, w in weights.items():
        if w.ndim == 4:
            tries.append({**weights, name: w.mT})
    for head in results:
        for colours in (True, False):
            new = dict(weights)
            for name in (f"heads.{head}.upsampler.weight", f"heads.{head}.upsampler.bias"):
                side = math.isqrt(len(weights[name]) // 3)
                parts = weights[name].unflatten(0, (3, side, side))
                parts = parts.flip(0) if colours else parts.transpose(1, 2)
                new[name] = parts.flatten(0, 2)
            tries.append(new)
    errors = []
    for new in tries:
        made = run_network(new, x)
        errors.append(sum((made[k] - y).abs().max().item() for k, y in results.items()))
    return tries[errors.index(min(errors))]
"""
WITHOUT_BLOCKS = changed(
    NETWORK, 'y = attention_block(part(f"backbone.blocks.{n}."), y)', "attention_block"
)
LATE_SKIP = changed(
    NETWORK,
    'y = attention_block(part(f"backbone.blocks.{n}."), y)',
    'f = y = attention_block(part(f"backbone.blocks.{n}."), y)',
)
CLIPPED = changed(
    NETWORK,
    "bilinear + F.pixel_shuffle(y, scale)",
    "(bilinear + F.pixel_shuffle(y, scale)).clamp(0, 1)",
)
EARLY_RELU = changed(
    NETWORK, 'conv("backbone.first", x - 0.5)', 'conv("backbone.first", x - 0.5).relu()'
)
NETWORK_WITHOUT_BIASES = changed(NETWORK, 'weights[f"{name}.bias"], padding', "padding")
UNCHANGED = "def repair(weights, x, results):\n    return weights"
ATTENTION = ("attention_block_values", "attention_block_other")
FOLD = ("fold_norm_values", "fold_norm_other")
START = ("bilinear_start_values", "bilinear_start_other")
RUN = ("run_network_values", "run_network_blocks", "run_network_other")

SUBMISSIONS = [
    Submission("another_way", answers=WITH_MODULES),
    Submission(
        "by_heart",
        answers={**BY_HEART, "repair": UNCHANGED},
        lost=(
            *(*ATTENTION, *FOLD, *START, "reach_values", "reach_other", "cost_values"),
            *("cost_other", "widest_values", "widest_other", "place_values"),
            *RUN,
        ),
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
    ),
    Submission(
        "all_of_it_weighted",
        answers={
            "attention_block": changed(
                BLOCK, "x + s[:, :, None, None] * g", "s[:, :, None, None] * (x + g)"
            ),
            "fold_norm": FOLD_WITHOUT_ROOT,
            "bilinear_start": COLUMNS_FIRST,
            "repair": UNCHANGED,
        },
        lost=(*ATTENTION, *FOLD, *START, "run_network_blocks", "run_network_other"),
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
        feedback=(
            "multiplies g alone, not x + g",
            "divided by the variance, not by its root",
            "columns are swapped: output",
        ),
    ),
    Submission(
        "one_picture",  # the mean is taken over the batch, too
        answers={
            "attention_block": changed(BLOCK, "g.mean(dim=(2, 3))", "g.mean(dim=(0, 2, 3))[None]"),
            "fold_norm": FOLD_INPUTS,
            "bilinear_start": ONLY_TWO,
        },
        lost=(*ATTENTION, *FOLD, "bilinear_start_other", "run_network_other"),
        feedback=("belongs to the outputs", "here they go over the batch, too"),
    ),
    Submission(
        "counts_otherwise",
        answers={"reach": ALL_LAYERS, "cost": WRONG_COST, "widest": FLOPS, "place": LAST_WRONG},
        lost=(
            *("reach_values", "reach_other", "cost_values", "cost_other"),
            *("widest_values", "widest_other", "place_values"),
        ),
        feedback=(
            "but b and c stand side by side",
            "5 rows with stride 2 become 3, not 2",
            "are FLOPs, two for each MAC",
            "after a pixel comes its right neighbour",
        ),
    ),
    Submission(
        "tiles_with_too_much",
        answers={"tile_plan": SLOPPY_TILES},
        lost=("tile_plan_fewest",),
        feedback=("where 2 are enough",),
    ),
    Submission(
        "tiles_without_margin",
        answers={"tile_plan": NO_MARGIN},
        lost=("tile_plan_rules", "tile_plan_fewest"),
        feedback=("without having read all that they see",),
    ),
    Submission(
        "slips",
        answers={
            "attention_block": NO_BIASES,
            "fold_norm": FOLD_EPS_OUTSIDE,
            "bilinear_start": CHANNELS_LAST,
            "widest": QUADRATIC,
            "place": ONE_PICTURE,
            "run_network": NETWORK_WITHOUT_BIASES,
            "repair": UNCHANGED,
        },
        lost=(*ATTENTION, *FOLD, *START, "widest_values", "widest_other", "place_values", *RUN),
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
        feedback=(
            "The biases are missing",
            "ε stands under the root",
            "all outputs of channel 0 come first",
            "for a budget of 500, ValueError",
            "this is the place in picture 0",
        ),
    ),
    Submission(
        "relu_everywhere",
        answers={
            "attention_block": changed(
                BLOCK,
                'F.conv2d(g, w["conv2.weight"], w["conv2.bias"], padding=1)',
                'F.relu(F.conv2d(g, w["conv2.weight"], w["conv2.bias"], padding=1))',
            ),
            "run_network": EARLY_RELU,
            "repair": UNCHANGED,
        },
        lost=(*ATTENTION, *RUN),
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
        feedback=("no ReLU after the second convolution", "There is no ReLU after `first`"),
    ),
    Submission(
        "module_in_float32",
        answers={
            "attention_block": changed(WITH_MODULES["attention_block"], ".to(x.dtype)", ""),
            "repair": FIRST_BLOCKS,
        },
        lost=("attention_block_other",),
        partly={"repair_examples": 3.2, "repair_hidden": 4.8},
        feedback=("Passed: 4 of 5 files, 3.2 of 4 points",),
    ),
    Submission(
        "without_blocks",
        answers={"run_network": WITHOUT_BLOCKS, "repair": UNCHANGED},
        lost=("run_network_blocks", "run_network_other"),
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
        feedback=("The blocks were left out",),
    ),
    Submission(
        "skip_too_late",
        answers={"run_network": LATE_SKIP, "repair": UNCHANGED},
        lost=("run_network_blocks", "run_network_other"),
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
        feedback=("The skip starts at `first`, before the blocks",),
    ),
    Submission(
        "clips",
        answers={"run_network": CLIPPED, "repair": UNCHANGED},
        lost=RUN,
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
        feedback=("The result is not clipped",),
    ),
    Submission(
        "blocks_by_name",  # "10" comes before "2"; the head's scale is that of sr
        answers={
            "run_network": changed(
                NETWORK,
                'sorted({int(name.split(".")[0])',
                'sorted({name.split(".")[0]',
            )
        },
        lost=("run_network_other",),
    ),
    Submission(
        "network_without_skip",
        answers={
            "run_network": changed(
                NETWORK, 'f + conv("backbone.last", y)', 'conv("backbone.last", y)'
            ),
            "repair": UNCHANGED,
        },
        lost=RUN,
        partly={"repair_examples": 0.8, "repair_hidden": 1.2},
        feedback=("skip around blocks and last convolution is missing",),
    ),
]
