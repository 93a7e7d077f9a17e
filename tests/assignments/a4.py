"""Assignment 4: the errors that students make, other ways to do it right, and reports to read."""

from tests.assignments import Submission

STUB = "YOUR ANSWER HERE"
TABLE = """
def my_results():
    rows = [
        {"arm": name, "seed": seed, "start": START, "parameters": size, "sr": 33 + seed / 10}
        for name, size in (("alone", 14084), ("together", 16120), ("twice", 16120))
        for seed in range(5)
    ]
    for row in rows[5:10]:
        row["detail"] = 29.0
        row["sr"] += 0.1 + 0.1 * (row["seed"] == 2)
    return rows
"""
CLAIM = """
def my_claim():
    sides = {"first": ["together"], "second": ["alone"], "metric": "sr"}
    return {**sides, "equal": "EQUAL", "mean": MEAN, "half": HALF, "verdict": "VERDICT"}
"""


def claim(equal: str, mean: float, half: float, verdict: str) -> str:
    """A claim on TABLE, whose gains are 0.1, 0.1, 0.2, 0.1, 0.1: 0.12 ± 0.0555 dB."""
    values = {"EQUAL": equal, "MEAN": str(mean), "HALF": str(half), "VERDICT": verdict}
    text = CLAIM
    for name, value in values.items():
        text = text.replace(name, value)
    return text


OTHER_WAYS = {
    "read_scores": """
def read_scores(text, arm, metric):
    head, *lines = csv.reader(text.splitlines())
    place = {name: n for n, name in enumerate(head)}
    found = {}
    for line in lines:
        if line[place["arm"]] == arm and line[place[f"test_{metric}"]] != "":
            found[int(line[place["seed"]])] = float(line[place[f"test_{metric}"]])
    return found
""",
    "run_interval": """
def run_interval(a, b):
    gains = []
    for seed in sorted({seed for seed, _ in a}):
        both = [key for key in a if key[0] == seed and key in b]
        if both:
            gains.append(np.mean([a[key] - b[key] for key in both]))
    error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    return np.mean(gains), stats.t.ppf(0.975, len(gains) - 1) * error
""",
    "seeds_needed": """
def seeds_needed(d, half):
    s = np.std(d, ddof=1)
    return next(n for n in range(2, 10**5) if stats.t.interval(0.95, n - 1)[1] * s / n**0.5 <= half)
""",
    "price": """
def price(trunk, heads, wanted):
    together = alone = 0
    for tasks in wanted:
        costs = [heads[task] for task in tasks]
        together += sum(costs) + (trunk if costs else 0)
        alone += sum(trunk + cost for cost in costs)
    return [together, alone]
""",
    "widest": """
def widest(budget, blocks, hidden):
    def size(c):
        return sum(p.numel() for p in MultiTaskNet([SR], c, blocks, hidden).parameters())

    c = 1
    while size(c + 1) <= budget:
        c = c + 1
    return c
""",
    "tuned_race": """
def tuned_race(rows, first, second):
    chosen = []
    for arm in (first, second):
        best = -math.inf
        for rate in {row["rate"] for row in rows}:
            own = [row for row in rows if row["arm"] == arm and row["rate"] == rate]
            mean = np.mean([row["val"] for row in own]) if own else math.nan
            if mean > best:
                best, its_rate = mean, rate
                tests = {row["seed"]: row["test"] for row in own}
        chosen.append((its_rate, tests))
    (rate_1, a), (rate_2, b) = chosen
    d = np.array([a[seed] - b[seed] for seed in sorted(set(a) & set(b))])
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / len(d) ** 0.5
    return rate_1, rate_2, float(d.mean()), float(half)
""",
    "impartial": """
def impartial(gradients):
    if len(gradients) == 1:
        return gradients[0]
    lengths = gradients.norm(dim=1)
    alpha = torch.linalg.solve(gradients @ gradients.T, lengths)
    return (alpha / alpha.sum()) @ gradients
""",
    "agreement": """
def agreement(gradients, share):
    up, down = (gradients > 0).sum(0), (gradients < 0).sum(0)
    enough = (up - down).abs() >= share * len(gradients) - 1e-6
    return torch.where(enough, gradients.mean(0), 0.0)
""",
    "longest_step": """
def longest_step(gradients, hessians, d):
    limits = [math.inf]
    for g, h in zip(gradients, hessians):
        slope, bend = float(g @ d), float(d @ (h @ d))
        if slope < 0:
            limits.append(0.0)
        elif bend > 0:
            limits.append(2 * slope / bend)
    return min(limits)
""",
}
COMMAS = """
def read_scores(text, arm, metric):
    head, *lines = text.split("\\n")
    place = head.split(",").index("test_" + metric)
    found = [line.split(",") for line in lines if line.startswith(arm)]
    return {int(parts[1]): float(parts[place]) for parts in found if parts[place]}
"""
FIRST_COUNTS = """
def read_scores(text, arm, metric):
    found = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["arm"] == arm and row["test_" + metric]:
            found.setdefault(int(row["seed"]), float(row["test_" + metric]))
    return found
"""
PHOTOGRAPHS_AS_RUNS = """
def run_interval(a, b):
    return t_interval([a[key] - b[key] for key in a.keys() & b.keys()])
"""
MEANS_FIRST = """
def run_interval(a, b):
    def means(x):
        seeds = {seed for seed, _ in x}
        return {s: statistics.mean(v for k, v in x.items() if k[0] == s) for s in seeds}

    a, b = means(a), means(b)
    return t_interval([a[seed] - b[seed] for seed in a.keys() & b.keys()])
"""
MANY_SEEDS = """
def seeds_needed(d, half):
    return max(2, math.ceil((1.96 * statistics.stdev(d) / half) ** 2))
"""
ALL_HEADS = """
def price(trunk, heads, wanted):
    together = sum(trunk + sum(heads.values()) for tasks in wanted if tasks)
    return together, sum(trunk + heads[task] for tasks in wanted for task in tasks)
"""
NO_BIASES = """
def widest(budget, blocks, hidden):
    def count(c):
        return 27 * c + (2 * blocks + 1) * 9 * c * c + 9 * c * hidden + 108 * hidden

    return max(c for c in range(1, 200) if count(c) <= budget)
"""
ON_TEST = """
def tuned_race(rows, first, second):
    def best(arm):
        by_rate = {}
        for row in rows:
            if row["arm"] == arm:
                by_rate.setdefault(row["rate"], {})[row["seed"]] = row["test"]
        rate = max(by_rate, key=lambda r: statistics.mean(by_rate[r].values()))
        return rate, by_rate[rate]

    (rate_1, a), (rate_2, b) = best(first), best(second)
    return rate_1, rate_2, *t_interval([a[s] - b[s] for s in a.keys() & b.keys()])
"""
NAN_WINS = """
def tuned_race(rows, first, second):
    def best(arm):
        own = [row for row in rows if row["arm"] == arm]
        means = {}
        for rate in sorted({row["rate"] for row in own}, reverse=True):
            means[rate] = statistics.mean(row["val"] for row in own if row["rate"] == rate)
        rate = max(means, key=means.get)
        return rate, {row["seed"]: row["test"] for row in own if row["rate"] == rate}

    (rate_1, a), (rate_2, b) = best(first), best(second)
    return rate_1, rate_2, *t_interval([a[s] - b[s] for s in a.keys() & b.keys()])
"""
UNIT_SUM = """
def impartial(gradients):
    return (gradients / gradients.norm(dim=1, keepdim=True)).mean(dim=0)
"""
ONLY_PLUS = """
def agreement(gradients, share):
    return gradients.mean(0) * ((gradients > 0).float().mean(0) >= share)
"""
LOWEST = """
def longest_step(gradients, hessians, d):
    far = [float(g @ d) / float(d @ h @ d) for g, h in zip(gradients, hessians)]
    return max(0.0, min(far))
"""
BY_HEART = {
    "read_scores": "def read_scores(text, arm, metric):\n    return {0: 41.3, 1: 41.4}",
    "run_interval": "def run_interval(a, b):\n    return 0.2, 0.2484",
    "seeds_needed": "def seeds_needed(d, half):\n    return 7 if half < 1 else 2",
    "price": "def price(trunk, heads, wanted):\n    return 210, 290",
    "widest": "def widest(budget, blocks, hidden):\n    return 1 if budget == 300 else 2",
    "impartial": "def impartial(gradients):\n    return torch.full((2,), 2 / 3)",
    "agreement": "def agreement(gradients, share):\n    return torch.tensor([2.0, 0.0, -2.0])",
    "longest_step": (
        "def longest_step(gradients, hessians, d):\n"
        "    if d[0] < 0:\n        return 0.0\n"
        "    return 1.0 if hessians[0, 0, 0] < 0 else 0.25"
    ),
}
TWO_ARMS = """
def my_design():
    return {"alone": {"tasks": ["sr"]}, "together": {"tasks": ["sr", "detail"]}}
"""
NO_SUCH_TASK = """
def my_design():
    return {name: {"tasks": [name]} for name in ("sr", "detail", "style")}
"""

SUBMISSIONS = [
    Submission("another_way", answers=OTHER_WAYS),
    Submission(
        "careless_reading",
        answers={
            "read_scores": COMMAS,
            "run_interval": PHOTOGRAPHS_AS_RUNS,
            "seeds_needed": MANY_SEEDS,
        },
        lost=(
            *("read_scores_values", "read_scores_other", "run_interval_values"),
            *("run_interval_other", "seeds_needed_values"),
        ),
        feedback=("Six photographs are not six runs", "1.96 is for many seeds"),
    ),
    Submission(
        "almost_right",
        answers={
            "read_scores": FIRST_COUNTS,
            "run_interval": MEANS_FIRST,
            "tuned_race": NAN_WINS,
        },
        lost=(
            *("read_scores_values", "read_scores_other", "run_interval_other"),
            "tuned_race_other",
        ),
        feedback=("the later line counts", "b lacks some photographs", "some broke down"),
    ),
    Submission(
        "unfair",
        answers={"price": ALL_HEADS, "widest": NO_BIASES, "tuned_race": ON_TEST},
        lost=("price_values", "widest_values", "tuned_race_values", "tuned_race_other"),
        feedback=(
            "Only the heads that are wanted run",
            "With 2 channels there are 309",
            "Chosen on the test photographs",
        ),
    ),
    Submission(
        "downhill_only",
        answers={"impartial": UNIT_SUM, "agreement": ONLY_PLUS, "longest_step": LOWEST},
        lost=(
            *("impartial_values", "impartial_other", "agreement_values"),
            *("longest_step_values", "longest_step_other"),
        ),
        feedback=("the α do not sum to 1", "agree on a negative sign", "mind the ½"),
    ),
    Submission(
        "by_heart",
        answers=BY_HEART,
        lost=(
            *("read_scores_values", "read_scores_other", "run_interval_other"),
            *("seeds_needed_values", "price_values", "widest_values", "impartial_values"),
            *("impartial_other", "agreement_values", "longest_step_other"),
        ),
    ),
    Submission(
        "made_up_table",
        answers={
            "my_results": TABLE.replace("START", "0.01"),
            "my_claim": claim("steps", 0.12, 0.0555, "ahead"),
        },
        lost=("study_rows",),
        partly={"findings": 7},
        feedback=("is it of this design?",),
    ),
    Submission(
        "no_table",
        answers={"my_results": "def my_results():\n    return ..."},
        lost=("study_table", "study_rows", "claim_numbers", "findings"),
        feedback=("Not attempted yet",),
    ),
    Submission(
        "a_seed_is_missing",
        answers={
            "my_results": TABLE.replace("START", "0.01").replace(
                "    return rows", "    return rows[1:]"
            ),
            "my_claim": claim("work", 0.12, 0.03, "ahead"),
        },
        lost=("study_table", "study_rows", "claim_numbers", "claim_fairness"),
        feedback=(
            "the training of 'alone' with seed 0 is missing",
            "by Student, not 0.030",
            "work: the first side has 1.14 times the second's",
        ),
    ),
    Submission(
        "the_other_way_round",
        answers={
            "my_results": TABLE.replace("START", "0.01"),
            "my_claim": claim("steps", -0.12, 0.0555, "behind"),
        },
        lost=("study_rows", "claim_numbers"),
        partly={"plan": 6.5, "findings": 4, "limits": 2},
        feedback=("the mean difference in your table is +0.120 dB",),
    ),
    Submission(
        "two_arms",
        answers={"my_design": TWO_ARMS},
        lost=("study_table", "study_rows", "claim_numbers", "claim_fairness"),
        feedback=("a design is a dict of three arms or more",),
    ),
    Submission(
        "no_such_task",
        answers={"my_design": NO_SUCH_TASK},
        lost=("study_table", "study_rows", "claim_numbers", "claim_fairness"),
        feedback=("the arm 'style' cannot be made: KeyError",),
    ),
    Submission(
        "nothing_written",
        answers={"plan": STUB, "findings": STUB, "limits": STUB},
        lost=("plan", "findings", "limits"),
        feedback=("No response.",),
    ),
    Submission(
        "short_report",
        answers={"plan": "We compare.", "findings": "Sharing is better.", "limits": ""},
        lost=("limits",),
        partly={"plan": 1, "findings": 2.5},
    ),
]
