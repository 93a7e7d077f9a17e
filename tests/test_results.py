"""Stored results: the minute of training keeps its goal, and the report says what the rows say."""

import csv
import re
import statistics

import pytest

from mtsr_lib.experiments import CHOSEN, EXPERIMENTS, read_rows, run_arm
from mtsr_lib.images import data_folder
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.recipes import read_config
from mtsr_lib.tasks import select
from tools import experiments_report as report

RESULTS = data_folder() / "results"


# ---------------------------------------------------------------------------- one minute


def one_minute() -> list[dict[str, str]]:
    with open(RESULTS / "one_minute.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_minute_of_training_keeps_to_its_terms():
    """At most 80K parameters and 2,450 steps of 16 patches 24×24, or the same work."""
    config = read_config(data_folder() / "configs" / "one-minute.toml")
    sizes = (config.channels, config.blocks, config.hidden, config.expansion)
    network = MultiTaskNet(select(config.tasks), *sizes)
    assert sum(p.numel() for p in network.parameters()) <= 80_000
    assert config.steps * config.batch_size * config.patch**2 <= 2450 * 16 * 24**2
    assert config.photographs == "train"
    rows = one_minute()
    assert {int(row["step"]) for row in rows} == {
        *range(config.every, config.steps + 1, config.every)
    }
    assert len({row["seed"] for row in rows}) >= 3


def test_a_minute_of_training_reaches_its_goal():
    last = [row for row in one_minute() if int(row["step"]) == 2300]
    assert statistics.median(float(row["set5_psnr"]) for row in last) >= 36.8
    assert statistics.median(float(row["seconds"]) for row in last) <= 60


# ---------------------------------------------------------------------------- the report


def row(arm: str, seed: int, **scores: float) -> dict[str, str]:
    found = {f"test_{m}": str(scores.get(m, "")) for m in report.METRICS}
    rest = {"experiment": "subsets", "parameters": "1000", "steps": "10", "cpu_seconds": "5"}
    return {"arm": arm, "seed": str(seed), "hash": arm, "versions": "v", **rest, **found}


@pytest.fixture
def rows() -> list[dict[str, str]]:
    """Three seeds: together ahead in sr by 1, 2, 3; level in detail; behind in color."""
    made = []
    for seed in range(3):
        made += [
            row("sr", seed, sr=30, cascade=20),
            row("detail", seed, detail=25),
            row("color", seed, color=28),
            row(
                report.ALL, seed, sr=31 + seed, detail=24 + seed, color=27 - 0.1 * seed, cascade=21
            ),
        ]
    return made


def test_differences_are_paired_by_seed(rows):
    assert report.gains(rows, report.ALL, "sr", "sr") == [1, 2, 3]
    assert report.gains(rows, report.ALL, "sr", "detail", "cascade") == [4, 5, 6]
    assert report.gains(rows[:-1], report.ALL, "sr", "sr") == [1, 2]  # a seed without its partner


def test_intervals_by_hand():
    """1, 2, 3: mean 2, half width 4.303 · 1 / √3 = 2.484; bold where zero is outside."""
    assert report.as_interval([1, 2, 3]) == "2.00 ± 2.48"
    assert report.as_interval([1, 2, 3], sign=True) == "+2.00 [-0.48, +4.48]"
    assert report.as_interval([1, 1.1, 0.9], sign=True) == "**+1.00 [+0.75, +1.25]**"
    assert report.as_interval([1], sign=True) == "+1.00 (one seed)"
    assert report.as_interval([]) == ""


def test_the_headline_claims_no_more_than_the_intervals(rows):
    said = report.headline(rows)
    assert "sr +2.00 [-0.48, +4.48] dB (not told apart)" in said
    assert "detail +0.00 [-2.48, +2.48] dB (not told apart)" in said
    assert "(behind)" in said
    assert "(ahead)" not in said
    assert "not enough seeds" in report.headline(rows[:4])


def test_verdicts_by_hand(rows):
    """Half widths of three seeds 0.02 apart: 4.303 · 0.02 / √3 = 0.050."""
    assert report.verdict([0.06, 0.04, 0.08]) == "ahead"
    assert report.verdict([-0.06, -0.04, -0.08]) == "behind"
    assert report.verdict([0.02, 0.0, 0.04]) == "level"
    assert report.verdict([0.02, -0.3, 0.34]) == "not told apart"
    assert report.verdict([0.02]) == "too few seeds"
    sorted_out = report.established(rows, ["sr", report.ALL])
    assert sorted_out.splitlines() == [
        f"- behind: color of *{report.ALL}*.",
        f"- not told apart: sr of *{report.ALL}*; detail of *{report.ALL}*.",
    ]


def test_the_price_is_beside_all_three(rows):
    """4 rows of 1,000 parameters and 5 seconds each: a third of three."""
    said = report.price(rows, report.ALL)
    assert "0.33 of the three networks' parameters and took 0.33 of their time" in said
    assert "detail is +5.00 [+2.52, +7.48] dB" in said


def test_the_choice_is_the_best_worst_task_on_validation(rows):
    for made in rows:
        made |= {"val_" + m: made[f"test_{m}"] for m in report.METRICS}
    other = [row("other", s, sr=31, detail=25.5, color=28.1) for s in range(3)]
    other = [made | {"val_" + m: made[f"test_{m}"] for m in report.METRICS} for made in other]
    assert report.choice([*rows, *other], [report.ALL, "other"]) == "other"
    assert report.on_validation([*rows, *other], ["other"])["other"] == pytest.approx([1, 0.5, 0.1])
    assert "| other | +1.00 | +0.50 | +0.10 |" in report.chosen([*rows, *other], ["other"])


def test_what_is_confirmed_is_what_validation_chose():
    stored = [r for n in ("subsets", "chained") for r in read_rows(RESULTS / f"{n}.csv")]
    assert report.choice(stored, report.arms_of(stored, "chained")) == CHOSEN


def test_commands_name_the_seeds_of_all_arms_and_those_of_one(rows):
    start = "    python -m mtsr_lib.experiments subsets"
    assert report.commands("subsets", rows) == [f"{start} --seeds 3"]
    more = [*rows, row("sr", 3, sr=1), row("sr", 4, sr=2)]
    lines = [f"{start} --seeds 3", f'{start} --first 3 --seeds 2 --only "sr"']
    assert report.commands("subsets", more) == lines


def test_the_report_is_what_the_rows_say():
    if not (RESULTS / "REPORT.md").exists():
        pytest.skip("no experiment has been run")
    assert (RESULTS / "REPORT.md").read_text(encoding="utf-8") == report.report(figures=False)


@pytest.mark.slow
def test_a_stored_row_can_be_made_again():
    """To the digit on the machine that made it; elsewhere sums round otherwise."""
    name = "sr, a third of the steps"
    (arm,) = (arm for arm in EXPERIMENTS["subsets"]() if arm.name == name)
    rows = read_rows(RESULTS / "subsets.csv")
    (stored,) = (row for row in rows if (row["hash"], row["seed"]) == (arm.hash, "0"))
    again = run_arm(arm, 0)
    for metric in ("val_sr", "test_sr"):
        assert again[metric] == pytest.approx(float(stored[metric]), abs=report.TOLERANCE)
    assert again["parameters"] == int(stored["parameters"])


def test_the_readme_says_what_was_confirmed():
    rows = read_rows(RESULTS / "confirm.csv")
    readme = " ".join((data_folder().parent / "README.md").read_text(encoding="utf-8").split())
    share, time = re.findall(r"0\.\d\d", report.price(rows, "one for three"))[:2]
    gain = {t: statistics.mean(report.gains(rows, "one for three", t, t)) for t in report.TASKS}
    says = f"one network with {share} of the parameters of three, trained in {time} of their time, "
    says += f"is ahead of them by {gain['sr']:.2f} dB in `sr` and {gain['detail']:.2f} dB in "
    assert says + "`detail`, and not told apart in `color`" in readme
    verdicts = [report.verdict(report.gains(rows, "one for three", t, t)) for t in report.TASKS]
    assert verdicts == ["ahead", "ahead", "not told apart"]
    longer = read_rows(RESULTS / "confirm_long.csv")
    gains = [report.gains(longer, "one for three", t, t) for t in report.TASKS]
    assert [report.verdict(g) for g in gains] == ["ahead", "level", "not told apart"]
    says = f"ahead by {statistics.mean(gains[0]):.2f} dB in `sr`, level in `detail`, not told apart"
    assert says in readme
