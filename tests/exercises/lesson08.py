"""Lesson 08, one or many."""

from tests.exercises import Exercise

TABLE = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
RIGHT = {
    "A": "seeds",
    "B": "cascade",
    "C": "added loss",
    "D": "second head",
    "E": "fewer steps",
    "F": "thinner",
}


def but(**changes: str) -> str:
    return f"my_controls = {RIGHT | changes}"


SEEDS = "sorted(together.keys() & alone.keys())"

EXERCISES = {
    "budget": Exercise(
        inputs=[(12, [8, 10, 6], 1000), (100, [90, 90], 1000), (17, [5, 6], 100)],
        others=[
            """
def my_budget(together, alone, steps):
    count = 0
    while (count + 1) * sum(alone) <= together * steps:
        count += 1
    return count
""",
            """
def my_budget(together, alone, steps):
    return int(steps * together / sum(alone))
""",
        ],
        wrong=[
            ("the same number of steps", "def my_budget(t, alone, steps):\n    return steps"),
            (
                "only if heads cost nothing",
                "def my_budget(t, alone, steps):\n    return steps // len(alone)",
            ),
            (
                "added, not averaged",
                "def my_budget(t, alone, steps):\n"
                "    return t * steps // (sum(alone) / len(alone))",
            ),
            (
                "upside down",
                "def my_budget(t, alone, steps):\n    return sum(alone) * steps // t",
            ),
            (
                "all of them must be paid",
                "def my_budget(t, alone, steps):\n    return t * steps // max(alone)",
            ),
            (
                "round down",
                "def my_budget(t, alone, steps):\n    return round(t * steps / sum(alone))",
            ),
            (
                "whole numbers",
                "def my_budget(t, alone, steps):\n    return t * steps / sum(alone)",
            ),
            (
                "expected 500",
                "def my_budget(t, alone, steps):\n    return [t * steps // a for a in alone]",
            ),
        ],
    ),
    "controls": Exercise(
        others=[but(), f"my_controls = dict({list(RIGHT.items())})"],
        wrong=[
            ("another run", but(A="cascade")),
            ("compared with none", but(B="second head")),
            ("needs no head of its own", but(C="second head", D="added loss")),
            ("any second head would do", but(D="thinner")),
            ("three times the work", but(E="thinner", F="fewer steps")),
            ("a third of the parameters", but(F="seeds")),
            ("no control 'luck'", but(A="luck")),
            ("2 more to find", but(A="cascade", B="seeds", E="seeds")),
            ("expected a dict", "my_controls = {'A': 'seeds'}"),
            ("expected a dict", "my_controls = 'seeds'"),
        ],
    ),
    "interval": Exercise(
        setup="import statistics\nimport numpy as np",
        inputs=[
            ({0: 1.0, 1: 2.5, 2: 4.0}, {0: 0.5, 1: 0.7, 2: 1.0}, TABLE),
            ({3: 1.0, 1: 2.5, 2: 4.0, 9: 1.0}, {2: 0.5, 9: 0.7, 3: 1.0, 0: 9.0}, TABLE),
        ],
        others=[
            f"""
def my_interval(together, alone, table):
    d = np.array([together[s] - alone[s] for s in {SEEDS}])
    return d.mean(), table[len(d)] * d.std(ddof=1) / len(d) ** 0.5
""",
            """
def my_interval(together, alone, table):
    d = torch.tensor([together[s] - alone[s] for s in together if s in alone])
    return d.mean(), table[len(d)] * d.std() / len(d) ** 0.5
""",
        ],
        wrong=[
            (
                "together minus alone",
                f"""
def my_interval(together, alone, table):
    d = [alone[s] - together[s] for s in {SEEDS}]
    return statistics.mean(d), table[len(d)] * statistics.stdev(d) / len(d) ** 0.5
""",
            ),
            (
                "spread of single seeds",
                f"""
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in {SEEDS}]
    return statistics.mean(d), table[len(d)] * statistics.stdev(d)
""",
            ),
            (
                "divides by n − 1",
                f"""
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in {SEEDS}]
    return statistics.mean(d), table[len(d)] * statistics.pstdev(d) / len(d) ** 0.5
""",
            ),
            (
                "that is the standard error",
                f"""
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in {SEEDS}]
    return statistics.mean(d), statistics.stdev(d) / len(d) ** 0.5
""",
            ),
            (
                "not the whole",
                f"""
def my_interval(together, alone, table):
    d = np.array([together[s] - alone[s] for s in {SEEDS}])
    return d.mean(), 2 * table[len(d)] * d.std() / len(d) ** 0.5
""",
            ),
            (
                "1.96 is for many seeds",
                f"""
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in {SEEDS}]
    return statistics.mean(d), 1.96 * statistics.stdev(d) / len(d) ** 0.5
""",
            ),
            (
                "look up the table at n",
                f"""
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in {SEEDS}]
    return statistics.mean(d), table[len(d) - 1] * statistics.stdev(d) / len(d) ** 0.5
""",
            ),
            (
                "not by n",
                f"""
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in {SEEDS}]
    return statistics.mean(d), table[len(d)] * statistics.stdev(d) / len(d)
""",
            ),
            (
                "pair by the seeds",
                """
def my_interval(together, alone, table):
    d = [a - b for a, b in zip(together.values(), alone.values())]
    return statistics.mean(d), table[len(d)] * statistics.stdev(d) / len(d) ** 0.5
""",
            ),
            (
                "KeyError",
                """
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in together]
    return statistics.mean(d), table[len(d)] * statistics.stdev(d) / len(d) ** 0.5
""",
            ),
            (
                "its middle and its half width",
                f"""
def my_interval(together, alone, table):
    d = [together[s] - alone[s] for s in {SEEDS}]
    half = table[len(d)] * statistics.stdev(d) / len(d) ** 0.5
    return statistics.mean(d) - half, statistics.mean(d) + half
""",
            ),
        ],
    ),
}
