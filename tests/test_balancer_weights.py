"""The stored weights of balancers, and the control for uncertainty: what lesson 09 says of them."""

import csv
import math
import re

import pytest
import torch

from mtsr_lib.balance import RandomWeights
from mtsr_lib.experiments import EVERYTHING, EXPERIMENTS
from mtsr_lib.images import data_folder
from mtsr_lib.training import cosine
from tools import lessons
from tools.balancer_weights import EVERY, SEEDS, WATCHED, Growing, Watched

RESULTS = data_folder() / "results"


def stored(name: str) -> list[dict[str, str]]:
    with open(RESULTS / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weights(row: dict[str, str]) -> list[float]:
    return [float(row[f"weight_{task}"]) for task in EVERYTHING]


def test_the_control_grows_by_the_rates():
    """Weight 1/2 at the first step, then times exp(η(0)) = exp(2e-5), and so on: one for all."""
    growing = Growing(EXPERIMENTS["balancers"]()[0])
    losses = {n: torch.tensor(v, requires_grad=True) for n, v in {"a": 1.0, "b": 9.0}.items()}
    assert growing.backward(losses) == {"a": 0.5, "b": 0.5}
    second = growing.backward(losses)
    assert second["a"] == second["b"] == pytest.approx(0.5 * math.exp(2e-5), rel=1e-9)
    assert losses["b"].grad.item() == pytest.approx(0.5 + 0.5 * math.exp(2e-5))


def test_watching_changes_nothing():
    theta = torch.tensor(2.0, requires_grad=True)
    made = Watched("growing", Growing(EXPERIMENTS["balancers"]()[0]))
    for _ in range(EVERY):
        theta.grad = None
        made.backward({"a": theta * 3, "b": theta**2}, [theta])
    assert [row["step"] for row in made.rows] == [1, EVERY]
    assert made.rows[0]["length_a"] == 3
    assert made.rows[0]["length_b"] == 4
    assert theta.grad.item() == pytest.approx(7 * made.rows[-1]["weight_a"])
    assert made.rows[-1]["loss_a"] == 6


def test_rows_are_complete():
    rows = stored("balancer_weights")
    steps = {1, *range(EVERY, 1501, EVERY)}
    for name in WATCHED:
        assert {int(row["step"]) for row in rows if row["balancer"] == name} == steps
    assert {int(row["seed"]) for row in stored("growing")} == set(SEEDS)


def test_uncertainty_grows_together_as_the_control_does():
    """Within a tenth of each other, and of exp(Σ η)/2: equal weights that grow."""
    for row in stored("balancer_weights"):
        if row["balancer"] == "uncertainty":
            fallen = sum(cosine(1500)(step) for step in range(int(row["step"]) - 1))
            assert max(weights(row)) < 1.1 * min(weights(row))
            assert weights(row) == pytest.approx([0.5 * math.exp(fallen)] * 3, rel=0.1)


def test_dwa_stays_below_its_bound_and_gradnorm_sums_to_three():
    for row in stored("balancer_weights"):
        if row["balancer"] == "dwa":
            assert max(weights(row)) / min(weights(row)) < math.exp(0.5)
        if row["balancer"] in ("dwa", "gradnorm", "fixed"):
            assert sum(weights(row)) == pytest.approx(3, abs=1e-3)


def test_the_lessons_table_of_suspects_is_true():
    """Columns A, C, D are what dwa, uncertainty and gradnorm used; B is RandomWeights(0)."""
    (lesson,) = [lessons.read(path) for path in lessons.paths() if path.name.startswith("09")]
    lines = re.findall(r"(?m)^\| (\d+) \| (.*) \|$", lessons.prose(lesson))
    table = {int(step): [eval(cell) for cell in row.split("|")] for step, row in lines}
    assert list(table) == [1, 200, 225, 300]
    rows = {(row["balancer"], int(row["step"])): weights(row) for row in stored("balancer_weights")}
    for step, columns in table.items():
        dice = RandomWeights(0)
        dice.step += step - 1
        losses = {n: torch.ones((), requires_grad=True) for n in EVERYTHING}
        drawn = list(dice.backward(losses).values())
        wanted = [rows["dwa", step], drawn, rows["uncertainty", step], rows["gradnorm", step]]
        for told, value in zip(columns[:4], wanted, strict=True):
            assert list(told) == pytest.approx(value, abs=0.0051)
