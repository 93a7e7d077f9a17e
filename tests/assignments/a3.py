"""Assignment 3: the errors that students make, and other ways to do it right."""

from tests.assignments import Submission

TRAINING = """
def train(state, steps):
    weights = {name: w.clone().requires_grad_() for name, w in state["weights"].items()}
    losses, adam = list(state["losses"]), torch.optim.Adam(weights.values())
    if "adam" in state:
        saved = {k: {n: v.clone() for n, v in m.items()} for k, m in state["adam"].items()}
        adam.load_state_dict({**adam.state_dict(), "state": saved})
    for step in range(len(losses), len(losses) + steps):
        x, y = batch(step)
        loss = (network(weights, x) - y).abs().mean()
        adam.param_groups[0]["lr"] = rate(step)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    weights = {name: w.detach() for name, w in weights.items()}
    return {"weights": weights, "losses": losses, "adam": adam.state_dict()["state"]}
"""


def changed(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


BY_HAND = {
    "huber": """
def huber(prediction, target, delta):
    p = prediction.clone().requires_grad_()
    loss = F.huber_loss(p, target, delta=delta)
    return loss.detach(), torch.autograd.grad(loss, p)[0]
""",
    "color_distance": """
def color_distance(prediction, target):
    p = prediction.clone().requires_grad_()
    loss = ((p - target).square().sum(1) + 1e-20).sqrt().mean()
    (slope,) = torch.autograd.grad(loss, p)
    return loss.item(), slope
""",
    "best_answer": """
def best_answer(values, probabilities, tilt):
    order = values.argsort()
    below = probabilities[order].cumsum(0)
    return values[order][min(int((below < tilt).sum()), len(values) - 1)].item()
""",
    "weights_for": """
def weights_for(losses, shares):
    total = 0
    for task in losses:
        total += shares[task] / losses[task]
    return {task: len(losses) * shares[task] / losses[task] / total for task in shares}
""",
    "combine": """
def combine(gradients, sizes):
    result = torch.zeros_like(gradients[0])
    for gradient, size in zip(gradients, sizes):
        result = result + gradient * size / sum(sizes)
    return result
""",
    "clip": """
def clip(gradients, limit):
    params = [torch.zeros_like(gradient) for gradient in gradients]
    for param, gradient in zip(params, gradients):
        param.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(params, limit)
    return tuple(param.grad for param in params)
""",
    "restart_rate": """
def restart_rate(step, first, peak):
    cycle = int(math.log2(step / first + 1) + 1e-9)
    t = step - first * (2**cycle - 1)
    return peak * math.cos(math.pi * t / (first * 2**cycle) / 2) ** 2
""",
    "mean_weights": """
def mean_weights(states, beta):
    result = {}
    for name, value in states[0].items():
        for state in states[1:]:
            if value.dtype in (torch.float32, torch.float64, torch.float16):
                value = torch.lerp(state[name], value, beta)
            else:
                value = state[name]
        result[name] = value
    return result
""",
    "train": """
def one_step(state):
    weights = {name: w.clone().requires_grad_() for name, w in state["weights"].items()}
    x, y = batch(state["t"])
    loss = F.l1_loss(network(weights, x), y)
    slopes = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()))))
    t, new = state["t"] + 1, {"weights": {}, "m": {}, "v": {}}
    for name, g in slopes.items():
        m = new["m"][name] = 0.9 * state["m"][name] + 0.1 * g
        v = new["v"][name] = 0.999 * state["v"][name] + 0.001 * g**2
        step = (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
        new["weights"][name] = state["weights"][name] - rate(state["t"]) * step
    return {**new, "t": t, "losses": [*state["losses"], loss.item()]}


def train(state, steps):
    if "m" not in state:
        nought = {name: torch.zeros_like(w) for name, w in state["weights"].items()}
        state = {**state, "m": nought, "v": nought, "t": 0}
    for _ in range(steps):
        state = one_step(state)
    return state
""",
    "diagnose": """
def diagnose(record):
    rest = (record["change"] == 0).all(0)
    if (record["grad"] - record["slope"]).abs().max() > 1e-4 * record["slope"].max():
        return "no zero_grad"
    if rest.all():
        return "other weights"
    if record["slope"][0, :2].max() == 0:
        return "dead"
    if rest.any():
        return "frozen"
    return "nothing" if record["loss"].max() < 1.5 * record["loss"][0] else "too fast"
""",
    "interval": """
def interval(gains):
    v = gains.numpy().astype(float).mean(axis=1)
    low, high = stats.t.interval(0.95, len(v) - 1, loc=v.mean(), scale=stats.sem(v))
    return [v.mean(), low, high]
""",
    "seeds_needed": """
def seeds_needed(pilot, half):
    v = pilot.tolist()
    mean = sum(v) / len(v)
    variance = sum((x - mean) ** 2 for x in v) / (len(v) - 1)
    for n in range(2, 100_000):
        if stats.t.ppf(0.975, n - 1) ** 2 * variance / n <= half**2:
            return n
""",
    "verdicts": """
def verdicts(gains):
    found = {}
    for name, v in gains.items():
        t = v.mean() / (v.std() / len(v) ** 0.5)
        p = 2 * stats.t.sf(abs(t.item()), len(v) - 1)
        found[name] = "not shown" if p * len(gains) > 0.05 else "better" if t > 0 else "worse"
    return found
""",
}
LEARNT = {
    "huber": """
def huber(prediction, target, delta):
    slope = torch.tensor([0.025, -0.05 if delta < 1 else -0.075, 0.0, 0.05 if delta < 1 else 0.125])
    return 0.03125 if delta < 1 else 0.04375, slope.view(1, 1, 2, 2)
""",
    "best_answer": (
        "def best_answer(values, probabilities, tilt):\n    return 0.3 if tilt < 0.6 else 0.8"
    ),
    "weights_for": """
def weights_for(losses, shares):
    if shares["sr"] == 0.5:
        return {"sr": 5 / 3, "color": 1 / 3}
    return {"sr": 1.25, "color": 0.75}
""",
    "combine": "def combine(gradients, sizes):\n    return torch.tensor([2.0, 1.0])",
    "restart_rate": """
def restart_rate(step, first, peak):
    return {0: 0.1, 2: 0.05, 4: 0.1, 8: 0.05}[step]
""",
    "interval": "def interval(gains):\n    return 0.2, -0.04841, 0.44841",
    "seeds_needed": "def seeds_needed(pilot, half):\n    return 7",
    "diagnose": "def diagnose(record):\n    return 'nothing'",
}
SLOPE_OF_SUM = """
def huber(prediction, target, delta):
    error = prediction - target
    near = error.clamp(-delta, delta)
    return (near.square() / 2 + delta * (error - near).abs()).mean(), near
"""
WITH_NAN = """
def color_distance(prediction, target):
    p = prediction.clone().requires_grad_()
    loss = (p - target).square().sum(dim=1).sqrt().mean()
    return loss.item(), torch.autograd.grad(loss, p)[0]
"""
MEDIAN = """
def best_answer(values, probabilities, tilt):
    return values.median()
"""
LIKE_THE_LOSS = """
def weights_for(losses, shares):
    total = sum(losses.values())
    return {task: len(losses) * loss / total for task, loss in losses.items()}
"""
ONE_BY_ONE = """
def clip(gradients, limit):
    return [g * min(1, limit / g.norm().item()) for g in gradients]
"""
NO_ZERO = """
def clip(gradients, limit):
    length = sum(g.square().sum() for g in gradients).sqrt()
    return [g * torch.clamp(limit / length, max=1) if length > 0 else g / length for g in gradients]
"""
EQUAL_CYCLES = """
def restart_rate(step, first, peak):
    return peak * (1 + math.cos(math.pi * (step % first) / first)) / 2
"""
SWAPPED_BETA = """
def mean_weights(states, beta):
    mean = dict(states[0])
    for state in states[1:]:
        for name in mean:
            mean[name] = (1 - beta) * mean[name] + beta * state[name]
    return mean
"""
ALL_VALUES = """
def interval(gains):
    v = gains.flatten()
    half = stats.t.ppf(0.975, len(v) - 1) * v.std().item() / math.sqrt(len(v))
    return v.mean().item(), v.mean().item() - half, v.mean().item() + half
"""
NORMAL = """
def seeds_needed(pilot, half):
    return max(2, math.ceil((1.96 * pilot.std().item() / half) ** 2))
"""
UNCORRECTED = """
def verdicts(gains):
    found = {}
    for name, v in gains.items():
        half = stats.t.ppf(0.975, len(v) - 1) * v.std() / len(v) ** 0.5
        found[name] = "better" if v.mean() > half else "worse" if v.mean() < -half else "not shown"
    return found
"""
BY_THE_CURVE = """
def diagnose(record):
    change = record["change"][-1]
    if (change == 0).all():
        return "other weights"
    if record["loss"][-1] > record["loss"][0]:
        return "too fast"
    return "frozen" if (change == 0).any() else "nothing"
"""
RESUME_ONLY_WEIGHTS = changed(TRAINING, ('if "adam" in state:', "if False:"))
FROM_ZERO = changed(
    TRAINING,
    ("for step in range(len(losses), len(losses) + steps):", "for step in range(steps):"),
)
HIDDEN_MEMORY = """
memory = {}


def train(state, steps):
    if not state["losses"]:
        memory["weights"] = {n: w.clone().requires_grad_() for n, w in state["weights"].items()}
        memory["adam"] = torch.optim.Adam(memory["weights"].values())
    weights, losses, adam = memory["weights"], list(state["losses"]), memory["adam"]
    for step in range(len(losses), len(losses) + steps):
        x, y = batch(step)
        loss = F.l1_loss(network(weights, x), y)
        adam.param_groups[0]["lr"] = rate(step)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return {"weights": weights, "losses": losses}
"""
SQUARED = changed(
    TRAINING,
    ("(network(weights, x) - y).abs().mean()", "(network(weights, x) - y).square().mean()"),
    ('        adam.param_groups[0]["lr"] = rate(step)\n', ""),
)
PILES_UP = changed(TRAINING, ("        adam.zero_grad()\n", ""))
OBJECTS = """
def train(state, steps):
    weights = {name: w.clone().requires_grad_() for name, w in state["weights"].items()}
    adam = state.get("adam") or torch.optim.Adam(weights.values())
    return {"weights": weights, "losses": state["losses"] + [0.0] * steps, "adam": adam}
"""
IN_PLACE = """
def mean_weights(states, beta):
    mean = states[0]
    for state in states[1:]:
        for name, new in state.items():
            whole = not new.is_floating_point()
            mean[name] = new if whole else beta * mean[name] + (1 - beta) * new
    return mean
"""
SAME_TENSORS = changed(
    TRAINING,
    (
        '{k: {n: v.clone() for n, v in m.items()} for k, m in state["adam"].items()}',
        'state["adam"]',
    ),
)
ADAM_ITSELF = """
import copy


def train(state, steps):
    state = copy.deepcopy(state)
    weights = {name: w.requires_grad_() for name, w in state["weights"].items()}
    if "adam" not in state:
        state["adam"] = torch.optim.Adam(weights.values())
    adam = state["adam"]
    for step in range(len(state["losses"]), len(state["losses"]) + steps):
        x, y = batch(step)
        loss = F.l1_loss(network(weights, x), y)
        adam.param_groups[0]["lr"] = rate(step)
        adam.zero_grad()
        loss.backward()
        adam.step()
        state["losses"].append(loss.item())
    return state
"""
FROM_THE_PILOT = """
def seeds_needed(pilot, half):
    n = len(pilot)
    while stats.t.ppf(0.975, n - 1) * pilot.std().item() / math.sqrt(n) > half:
        n += 1
    return n
"""
BY_POSITION = """
def weights_for(losses, shares):
    raw = [share / loss for share, loss in zip(shares.values(), losses.values())]
    return {task: value * len(raw) / sum(raw) for task, value in zip(losses, raw)}
"""
RESUMES = ("train_resumes",)
TRAINS = ("train_steps", "train_resumes")
NEEDED = ("seeds_needed_values", "seeds_needed_other")

SUBMISSIONS = [
    Submission("another_way", answers=BY_HAND),
    Submission(
        "by_heart",
        answers=LEARNT,
        lost=(
            *("huber_values", "huber_other", "best_answer_values", "best_answer_other"),
            *("weights_for_values", "weights_for_other", "combine_values"),
            *("restart_rate_values", "restart_rate_other", "interval_values", "interval_other"),
            *("seeds_needed_values", "seeds_needed_other"),
        ),
        partly={"diagnose_examples": 0.5, "diagnose_hidden": 1.5},
    ),
    Submission(
        "slopes_of_sums",
        answers={"huber": SLOPE_OF_SUM, "color_distance": WITH_NAN, "best_answer": MEDIAN},
        lost=(
            *("huber_values", "huber_other", "color_distance_values", "color_distance_other"),
            *("best_answer_values", "best_answer_other"),
        ),
        feedback=("so its slope is divided by four", "slope of a pixel that is exactly right"),
    ),
    Submission(
        "out_of_proportion",
        answers={
            "weights_for": LIKE_THE_LOSS,
            "combine": "def combine(gradients, sizes):\n    return gradients.mean(0)",
            "clip": ONE_BY_ONE,
        },
        lost=(
            *("weights_for_values", "weights_for_other", "combine_values"),
            *("clip_values", "clip_other"),
        ),
        feedback=("large loss needs a small weight", "counted like one of six", "by itself"),
    ),
    Submission(
        "divides_by_nothing",
        answers={"clip": NO_ZERO, "restart_rate": EQUAL_CYCLES, "mean_weights": SWAPPED_BETA},
        lost=(
            *("clip_other", "restart_rate_values", "restart_rate_other"),
            *("mean_weights_values", "mean_weights_other"),
        ),
        feedback=("each shall be twice the one before", "got NaN"),
    ),
    Submission(
        "saves_only_weights",
        answers={"train": RESUME_ONLY_WEIGHTS},
        lost=RESUMES,
    ),
    Submission("begins_again", answers={"train": FROM_ZERO}, lost=RESUMES),
    Submission("remembers_elsewhere", answers={"train": HIDDEN_MEMORY}, lost=RESUMES),
    Submission(
        "squares",
        answers={"train": SQUARED},
        lost=TRAINS,
        feedback=("his is the MSE",),
    ),
    Submission("piles_up", answers={"train": PILES_UP}, lost=TRAINS),
    Submission(
        "keeps_objects",
        answers={"train": OBJECTS, "diagnose": BY_THE_CURVE},
        lost=TRAINS,
        partly={"diagnose_examples": 2.0, "diagnose_hidden": 6.0},
        feedback=("the result holds a value of the type Adam",),
    ),
    Submission(
        "changes_arguments",
        answers={"mean_weights": IN_PLACE, "train": SAME_TENSORS},
        lost=("mean_weights_values", "mean_weights_other", *RESUMES),
        feedback=("your code changed its input", "on a copy of a dictionary"),
    ),
    Submission(
        "slips",
        answers={
            "weights_for": BY_POSITION,
            "train": ADAM_ITSELF,
            "seeds_needed": FROM_THE_PILOT,
        },
        lost=("weights_for_values", "weights_for_other", *TRAINS, *NEEDED),
        feedback=("Go by the names", "the type Adam", "n begins at 2"),
    ),
    Submission(
        "counts_everything",
        answers={"interval": ALL_VALUES, "seeds_needed": NORMAL, "verdicts": UNCORRECTED},
        lost=(
            *("interval_values", "interval_other", "seeds_needed_values", "seeds_needed_other"),
            *("verdicts_values", "verdicts_other"),
        ),
        feedback=("pictures of one training share its luck", "t is not 1.96", "were tried"),
    ),
]
