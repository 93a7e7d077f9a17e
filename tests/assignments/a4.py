"""Assignment 4: the errors that students make, other ways to do it right, and reports to read."""

from tests.assignments import Submission

STUB = "YOUR ANSWER HERE"
TABLE = """
DIGITS = {"alone": "d86a1188", "together": "67301201", "twice": "d7f29be2"}


def my_results():
    rows = [
        {"arm": name, "seed": seed, "start": START, "parameters": size, "sr": 33 + seed / 10}
        | {"settings": DIGITS[name]}
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

FIXED_PLACES = """
def read_scores(text, arm, metric):
    head, *lines = csv.reader(text.splitlines())
    place = head.index("test_" + metric)
    return {int(x[1]): float(x[place]) for x in lines if x[0] == arm and x[place]}
"""
BY_PLACE = """
def run_interval(a, b):
    by_seed = {}
    for (seed, _), one, two in zip(a, a.values(), b.values()):
        by_seed.setdefault(seed, []).append(one - two)
    return t_interval([statistics.mean(row) for row in by_seed.values()])
"""
UP_TO_100 = """
def seeds_needed(d, half):
    s = statistics.stdev(d)
    found = [n for n in range(2, 100) if stats.t.ppf(0.975, n - 1) * s / math.sqrt(n) <= half]
    return found[0]
"""
OWN_NAMES = """
def price(trunk, heads, wanted):
    together = alone = 0
    for tasks in wanted:
        own = sum(heads[task] for task in ("sr", "color") if task in tasks)
        together += own + (trunk if tasks else 0)
        alone += own + trunk * len(tasks)
    return together, alone
"""
BLOCKS_AND_TWO = """
def widest(budget, blocks, hidden):
    def count(c):
        return 28 * c + (blocks + 2) * (9 * c * c + c) + 9 * c * hidden + hidden + 108 * hidden + 12

    c = 1
    while count(c + 1) <= budget:
        c += 1
    return c
"""
NO_CARE = """
def tuned_race(rows, first, second):
    def best(arm):
        by_rate = {}
        for row in rows:
            if row["arm"] == arm:
                by_rate.setdefault(row["rate"], []).append(row)
        rate = max(by_rate, key=lambda r: statistics.mean(row["val"] for row in by_rate[r]))
        return rate, {row["seed"]: row["test"] for row in by_rate[rate]}

    (rate_1, a), (rate_2, b) = best(first), best(second)
    return rate_1, rate_2, *t_interval([a[s] - b[s] for s in a.keys() & b.keys()])
"""
SINGLE = """
def impartial(gradients):
    k = len(gradients)
    system, right = torch.zeros(k + 1, k + 1), torch.zeros(k + 1)
    directions = gradients / gradients.norm(dim=1, keepdim=True)
    system[:k, :k], system[:k, k], system[k, :k] = directions @ gradients.T, -1, 1
    right[k] = 1
    return torch.linalg.solve(system, right)[:k] @ gradients
"""
ZEROS_APART = """
def agreement(gradients, share):
    voters = (gradients != 0).sum(0).clamp(min=1)
    return gradients.mean(0) * (gradients.sign().sum(0).abs() / voters >= share - 1e-6)
"""
DIAGONAL = """
def longest_step(gradients, hessians, d):
    far = [math.inf]
    for g, h in zip(gradients, hessians):
        slope, bend = float(g @ d), float((h.diag() * d * d).sum())
        if slope < 0:
            return 0.0
        if bend > 0:
            far.append(2 * slope / bend)
    return min(far)
"""
LEVEL = """
def longest_step(gradients, hessians, d):
    far = [math.inf]
    for g, h in zip(gradients, hessians):
        slope, bend = float(g @ d), float(d @ h @ d)
        if slope <= 0:
            return 0.0
        if bend > 0:
            far.append(2 * slope / bend)
    return min(far)
"""
OTHER_WEIGHTS = """
def my_design():
    few = {"photographs": 1, "steps": 600}
    return {
        "alone": {"tasks": ["sr"], **few},
        "together": {"tasks": ["sr", "detail"], "weights": [1, 5], **few},
        "twice": {"tasks": ["sr", "sr_again"], **few},
    }
"""
NO_SUCH_BALANCER = OTHER_WEIGHTS.replace('"weights": [1, 5]', '"balancer": "pc-grad"')
WORDS_FOR_NUMBERS = """
def my_claim():
    sides = {"first": ["together"], "second": ["alone"], "metric": "sr"}
    return {**sides, "equal": "steps", "mean": "-0.01", "half": 0.14, "verdict": "behind"}
"""
ONE_SIDE = """
def my_claim():
    sides = {"first": ["alone"], "second": ["alone"], "metric": "sr"}
    return {**sides, "equal": "steps", "mean": 0, "half": 0, "verdict": "not told apart"}
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
            *("run_interval_other", "seeds_needed_values", "seeds_needed_other"),
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
        lost=(*("read_scores_values", "run_interval_values", "tuned_race_values"),),
        partly={"read_scores_other": 2, "run_interval_other": 3, "tuned_race_other": 4},
        feedback=("the later line counts", "only one of them has does not count", "value 1 of 4"),
    ),
    Submission(
        "unfair",
        answers={"price": ALL_HEADS, "widest": NO_BIASES, "tuned_race": ON_TEST},
        lost=(
            *("price_values", "price_other", "widest_values", "widest_other"),
            *("tuned_race_values", "tuned_race_other"),
        ),
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
            *("agreement_other", "longest_step_values"),
        ),
        partly={"longest_step_other": 0.33},
        feedback=(
            "α mix the gradients, not their directions",
            "agree on a negative sign",
            "mind the ½",
        ),
    ),
    Submission(
        "by_heart",
        answers=BY_HEART,
        lost=(
            *("read_scores_values", "read_scores_other", "run_interval_values"),
            *("run_interval_other", "seeds_needed_values", "price_values", "price_other"),
            *("widest_values", "widest_other", "impartial_values", "impartial_other"),
            *("agreement_values", "agreement_other", "longest_step_values"),
            *("seeds_needed_other", "longest_step_other"),
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
        feedback=("the arm 'style': tasks is a list, each of them once",),
    ),
    Submission(
        "what_the_example_hides",
        answers={
            "read_scores": FIXED_PLACES,
            "run_interval": BY_PLACE,
            "seeds_needed": UP_TO_100,
            "price": OWN_NAMES,
            "widest": BLOCKS_AND_TWO,
            "tuned_race": NO_CARE,
            "impartial": SINGLE,
            "agreement": ZEROS_APART,
            "longest_step": DIAGONAL,
        },
        lost=(
            *("read_scores_values", "read_scores_other", "run_interval_values"),
            *("seeds_needed_values", "price_values", "widest_values", "tuned_race_values"),
            *("impartial_values", "agreement_values", "longest_step_values"),
            *("price_other", "widest_other", "agreement_other"),
        ),
        partly={
            "run_interval_other": 1,
            "tuned_race_other": 4,
            "impartial_other": 1.8,
            "longest_step_other": 1.33,
        },
        feedback=(
            "In this file the columns stand in another order",
            "Pair by the keys: b is in another order",
            "0.1, 0.2, 0.3, to 0.01",
            "You count too little",
            "NaN at a rate, and seeds missing",
            "Three plus and a 0 are 3/4",
            "the terms beside the diagonal",
        ),
    ),
    Submission("level", answers={"longest_step": LEVEL}, partly={"longest_step_other": 1.33}),
    Submission(
        "rows_of_another_design",
        answers={"my_design": OTHER_WEIGHTS},
        lost=("study_table",),
        feedback=("the row of 'together' with seed 0 is of other settings than my_design has",),
    ),
    Submission(
        "no_such_balancer",
        answers={"my_design": NO_SUCH_BALANCER},
        lost=("study_table", "study_rows", "claim_numbers", "claim_fairness"),
        feedback=("there is no balancer 'pc-grad'",),
    ),
    Submission(
        "words_for_numbers",
        answers={"my_claim": WORDS_FOR_NUMBERS},
        lost=("claim_numbers", "claim_fairness"),
        feedback=("'mean' is a number, not '-0.01'",),
    ),
    Submission(
        "one_side",
        answers={"my_claim": ONE_SIDE},
        lost=("claim_numbers", "claim_fairness"),
        feedback=("the two sides are the same",),
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
