"""What the long experiments say: data/results/REPORT.md and its figures, from the CSV files alone.

python tools/experiments_report.py            writes them
python tools/experiments_report.py --check    writes nothing, fails if REPORT.md would change
"""

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib import plots
from mtsr_lib.evaluation import t_interval
from mtsr_lib.experiments import EXPERIMENTS, METRICS, read_rows

RESULTS = Path(__file__).resolve().parents[1] / "data/results"
TASKS = ("sr", "detail", "color")
ALL = "sr+detail+color"
TOLERANCE = 0.2  # dB, of a row made again on another machine: sr, detail; color drifts further
LEVEL = 0.1  # dB; a difference that is surely smaller is called level
OWN_RIVALS = ("subsets", "few_photographs", "confirm", "confirm_long")
Rows = list[dict[str, str]]


def scores(rows: Rows, arm: str, metric: str, split: str = "test") -> dict[int, float]:
    """PSNR of an arm by seed, where it has this metric."""
    key = f"{split}_{metric}"
    return {int(r["seed"]): float(r[key]) for r in rows if r["arm"] == arm and r[key]}


def gains(
    rows: Rows, arm: str, other: str, metric: str, yardstick: str = "", split: str = "test"
) -> list[float]:
    """Paired differences by seed: the arm's metric minus the other's (or minus its `yardstick`)."""
    mine, theirs = scores(rows, arm, metric, split), scores(rows, other, yardstick or metric, split)
    return [mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs.keys())]


def as_interval(values: Sequence[float], sign: bool = False) -> str:
    """Mean and 95 % t interval; in bold where it excludes zero."""
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:{'+' if sign else ''}.2f} (one seed)"
    mean, half = t_interval(values)
    text = (
        f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"
        if sign
        else f"{mean:.2f} ± {half:.2f}"
    )
    return f"**{text}**" if sign and abs(mean) > half else text


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def arms_of(rows: Rows, name: str) -> list[str]:
    """The arms of an experiment that have rows, in the order in which the code lists them."""
    have = {row["arm"] for row in rows if row["experiment"] == name}
    return [arm.name for arm in EXPERIMENTS[name]() if arm.name in have]


def means(rows: Rows, arms: Sequence[str]) -> str:
    """Every arm: parameters, steps, cost, and its tasks on the test photographs."""
    lines = []
    for arm in arms:
        runs = [row for row in rows if row["arm"] == arm]
        cost = sum(float(row["cpu_seconds"]) for row in runs) / len(runs)
        values = [as_interval(list(scores(rows, arm, m).values())) for m in METRICS]
        size = f"{int(runs[0]['parameters']):,}"
        lines.append([arm, size, runs[0]["steps"], f"{cost:.0f}", str(len(runs)), *values])
    header = ["arm", "parameters", "steps", "CPU s", "seeds", "sr", "detail", "color", "cascade"]
    return table(header, lines)


def rival(arm: str, task: str) -> str:
    """The network for that task alone with which an arm is compared: as many photographs."""
    _, comma, few = arm.partition(", ")
    return task + comma + few if few.endswith("of the photographs") else task


def differences(rows: Rows, arms: Sequence[str]) -> str:
    """Every arm against the single-task networks, paired by seed."""
    lines = []
    for arm in arms:
        cells = [
            as_interval(gains(rows, arm, rival(arm, m), m), sign=True)
            if arm != rival(arm, m)
            else "0"
            for m in TASKS
        ]
        beside = as_interval(gains(rows, arm, rival(arm, "sr"), "detail", "cascade"), sign=True)
        lines.append([arm, *cells, beside])
    return table(["arm", *TASKS, "detail − cascade on sr alone"], lines)


def verdict(values: Sequence[float]) -> str:
    """What the interval allows one to say of the differences."""
    if len(values) < 2:
        return "too few seeds"
    mean, half = t_interval(values)
    if abs(mean) > half:
        return "ahead" if mean > 0 else "behind"
    return "level" if abs(mean) + half < LEVEL else "not told apart"


def established(rows: Rows, arms: Sequence[str]) -> str:
    """The comparisons of a stage, sorted by what can be said."""
    found: dict[str, list[str]] = {}
    for arm in arms:
        for task in TASKS:
            values = gains(rows, arm, rival(arm, task), task)
            if values and arm != rival(arm, task):
                found.setdefault(verdict(values), []).append(f"{task} of *{arm}*")
    says = {"level": f"level (all of the interval within ±{LEVEL} dB)"}
    order = ["ahead", "behind", "level", "not told apart"]
    return "\n".join(f"- {says.get(v, v)}: {'; '.join(found[v])}." for v in order if v in found)


def on_validation(rows: Rows, arms: Sequence[str]) -> dict[str, list[float]]:
    """Each arm's mean difference from the single-task networks on validation, task by task."""
    found = {arm: [gains(rows, arm, task, task, split="val") for task in TASKS] for arm in arms}
    return {arm: [sum(v) / len(v) for v in tasks] for arm, tasks in found.items() if all(tasks)}


def choice(rows: Rows, arms: Sequence[str]) -> str:
    """The arm whose worst task is the best of all: what stage 3 confirms."""
    found = on_validation(rows, arms)
    return max(found, key=lambda arm: min(found[arm]))


def chosen(rows: Rows, arms: Sequence[str]) -> str:
    """How the choice for stage 3 was made."""
    lines = [[a, *(f"{v:+.2f}" for v in values)] for a, values in on_validation(rows, arms).items()]
    return (
        "On the *validation* photographs, means over seeds, from which stage 3 chooses the arm "
        f"whose worst task is best, *{choice(rows, arms)}*:\n\n" + table(["arm", *TASKS], lines)
    )


def headline(rows: Rows, arm: str = ALL) -> str:
    """One sentence on each task: what the arm is ahead of three single-task networks by."""
    words = []
    for metric in TASKS:
        values = gains(rows, arm, rival(arm, metric), metric)
        if len(values) < 2:
            return f"{arm}: not enough seeds yet."
        says = as_interval(values, sign=True).strip("*")
        words.append(f"{metric} {says} dB ({verdict(values)})")
    return f"{arm}, against a network for each task, equal steps: {', '.join(words)}."


def price(rows: Rows, arm: str) -> str:
    """What the arm costs beside three single-task networks, and detail beside the cascade."""
    shares = []
    for key in ("parameters", "cpu_seconds"):
        of = {a: [float(r[key]) for r in rows if r["arm"] == a] for a in (arm, *TASKS)}
        mean = {a: sum(values) / len(values) for a, values in of.items()}
        shares.append(mean[arm] / sum(mean[task] for task in TASKS))
    beside = as_interval(gains(rows, arm, "sr", "detail", "cascade"), sign=True).strip("*")
    return (
        f"*{arm}* has {shares[0]:.2f} of the three networks' parameters and took {shares[1]:.2f} "
        f"of their time to train. Its detail is {beside} dB against the cascade on sr alone."
    )


def forest(rows: Rows, arms: Sequence[str], path: Path) -> None:
    """Intervals of every arm's difference from the single-task networks, a panel a task."""
    figure, axes = plots.figure(11, 1.2 + 0.26 * len(arms), 3)
    for axis, metric in zip(axes, TASKS, strict=True):
        for place, arm in enumerate(reversed(arms)):
            other = rival(arm, metric)
            values = gains(rows, arm, other, metric) if arm != other else []
            if len(values) > 1:
                mean, half = t_interval(values)
                axis.errorbar(mean, place, xerr=half, fmt="o", color=plots.COLOURS[0], capsize=2)
        axis.axvline(0, color="black", linewidth=1)
        axis.set(title=metric, xlabel="dB against single-task", ylim=(-0.6, len(arms) - 0.4))
        axis.set_yticks(range(len(arms)), reversed(arms) if metric == "sr" else [""] * len(arms))
    path.write_bytes(plots.png(figure))


TITLES = {
    "subsets": "Stage 1: subsets of the tasks, and controls",
    "weights": "Stage 2a: fixed weights to tune from",
    "balancers": "Stage 2b: balancing the losses",
    "architectures": "Stage 2c: ways of sharing, equal parameters",
    "chained": "Stage 2d: heads that start from the sr output, with tuned weights",
    "few_photographs": "Stage 2e: few photographs",
    "confirm": "Stage 3a: what won on validation, with fresh seeds",
    "confirm_long": "Stage 3b: the same at five times the steps",
}

READING = """\
PSNR-RGB in dB on the five test photographs (the middle 768×768 pixels, fading s = 0.25 and 0.75,
border of 2 shaved), the mean over them; ± is the half width of a 95 % Student interval over
seeds, so it tells how training varies, **not** how other photographs would. *cascade* is the
detail task solved without a head for it: the enhancement applied to the sr output. Differences
are paired by seed (same seed, same patches in the same order); in bold where the interval
excludes zero."""

THREATS = """\
- **Few photographs.** 15 to train on, 5 to test on. The intervals are over seeds; another five
  test photographs could move all of them.
- **The one is deeper.** The network that is confirmed spends on depth a part of what it saves by
  sharing; a network of its depth for sr alone is in the same table.
- **Small networks, short training.** What is true after these steps need not be true after a
  hundred times as many.
- **One recipe.** All arms use one learning rate. An arm that would need another is at a
  disadvantage.
- **Dead units.** At that rate many of the trunk's ReLU units die early (lesson 06); longer
  trainings would pay for it, and perhaps not all arms alike.
- **Many comparisons.** With dozens of 95 % intervals, one in twenty excludes zero by chance.
  Single bold cells are hints.
- **Choice after the fact.** Nothing here was chosen on the test photographs; but arms were added
  after first looks at others."""


def report(folder: Path = RESULTS, figures: bool = True) -> str:
    """REPORT.md as text; writes the figures beside it if asked."""
    tables = {name: read_rows(folder / f"{name}.csv") for name in EXPERIMENTS}
    base = tables["subsets"]
    parts = ["# Does multi-task learning help super-resolution? What the experiments say"]
    parts.append("Generated by `python tools/experiments_report.py` from the CSV files beside it.")
    one = "one for three"
    short = [f(tables["confirm"], one) for f in (headline, price) if tables["confirm"]]
    if tables["confirm_long"]:
        short.append(f"At five times the steps: {headline(tables['confirm_long'], one)}")
    short += [headline(base, arm) for arm in heads(base)]
    parts += ["## In short", "\n".join(f"- {line}" for line in short)]
    parts += ["## How to read it", READING]
    for name, rows in tables.items():
        if rows:
            everything = rows if name in OWN_RIVALS else rows + base
            arms = arms_of(rows, name)
            several = statistics.median(Counter(row["arm"] for row in rows).values()) > 1
            if figures and several:
                forest(everything, arms, folder / f"{name}.png")
            picture = f"![Differences from single-task networks, with intervals]({name}.png)"
            parts += [f"## {TITLES[name]}", means(rows, arms)]
            parts += [
                "Against a network for each task alone, dB:",
                differences(everything, arms),
                established(everything, arms)
                if several
                else "Most arms have one seed: no intervals for them yet.",
                picture if several else "",
                chosen(everything, arms) if name == "chained" else "",
            ]
        else:
            parts += [f"## {TITLES[name]}", "Not run yet."]
    parts += ["## Threats to validity", THREATS, "## How to rerun", rerun(tables)]
    return "\n\n".join(part for part in parts if part) + "\n"


def heads(rows: Rows) -> list[str]:
    """The arms with all three tasks: what the headline is about."""
    return [arm for arm in arms_of(rows, "subsets") if arm.startswith(ALL)]


def commands(name: str, rows: Rows) -> list[str]:
    """What makes an experiment's rows: the seeds that all arms have, then those of single arms."""
    seeds: dict[str, set[int]] = {}
    for row in rows:
        seeds.setdefault(row["arm"], set()).add(int(row["seed"]))
    common = set.intersection(*seeds.values())
    wanted = {"": common} | {f' --only "{arm}"': own - common for arm, own in seeds.items()}
    return [
        f"    python -m mtsr_lib.experiments {name}"
        + (f" --first {min(own)}" if min(own) else "")
        + f" --seeds {len(own)}{only}"
        for only, own in wanted.items()
        if own
    ]


def rerun(tables: dict[str, Rows]) -> str:
    """Commands, cost and versions."""
    rows = [row for found in tables.values() for row in found]
    hours = sum(float(row["cpu_seconds"]) for row in rows) / 3600
    versions = ", ".join(sorted({row["versions"] for row in rows}))
    lines = [line for name, found in tables.items() if found for line in commands(name, found)]
    settings = len({row["hash"] for row in rows})
    made = "\n".join(lines)
    return f"""{made}

Rows that exist are skipped; delete a CSV to start from nothing. {len(rows)} runs of {settings}
arms took {hours:.1f} hours of CPU time for training, one thread each. On the machine that made them
a run repeats to the digit; elsewhere sums round otherwise and trainings drift apart: sr and detail
by less than {TOLERANCE} dB (a test makes a row again), color by more: another order of summation
alone has moved it by 0.4 dB. Made with {versions}."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text, path = report(figures=not options.check), RESULTS / "REPORT.md"
    if options.check:
        sys.exit(
            0 if path.read_text(encoding="utf-8") == text else "REPORT.md is not what the CSV says"
        )
    path.write_text(text, encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
