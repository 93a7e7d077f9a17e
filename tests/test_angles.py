"""tools/angles.py: what it measures, against numbers worked by hand, and the table it wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mtsr_lib.datasets import Patches
from mtsr_lib.experiments import read_rows, subsets
from mtsr_lib.images import load_sample, to_uint8
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.tasks import COLOR, SR
from tools import angles

ROWS = read_rows(angles.TABLE)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = MultiTaskNet([SR, COLOR], channels=4, blocks=4)
    for head in made.heads.values():  # zero at the start: nothing would reach the trunk
        torch.nn.init.normal_(head.upsampler.conv.weight, std=0.1)
    return made


@pytest.fixture(scope="module")
def patches():
    return Patches([to_uint8(load_sample("astronaut"))], [SR, COLOR], batch_size=2)


def test_cosines_lengths_and_the_second_batch_by_hand(model) -> None:
    """(3, 4) and (4, 3): 24/25; lengths 5; with (−3, −4) and (3, −4): −1 and 0."""
    one = torch.tensor([[3.0, 4], [4, 3]])
    row = angles.told(model, one, torch.tensor([[-3.0, -4], [3, -4]]))
    assert (row["sr·color"], row["sr·detail"], row["detail·color"]) == ("0.9600", "", "")
    assert (row["sr length"], row["detail length"], row["color length"]) == ("5", "", "5")
    assert (row["sr again"], row["color again"]) == ("-1.0000", "0.0000")


def test_the_groups_are_the_trunk(model) -> None:
    groups = [p for group in angles.layers_of(model).values() for p in group]
    assert [id(p) for p in groups] == [id(p) for p in model.backbone.parameters()]


def test_many_batches_are_averaged_before_they_are_compared(model, patches) -> None:
    rows = {row["layers"]: row for row in angles.measured(model, patches, step=3, batches=2)}
    assert set(rows) == {"whole", *angles.layers_of(model)}
    g = [angles.gradients(model, patches.batch(n))["whole"] for n in (12, 13, 14, 15)]
    one, two = (g[0] + g[1]) / 2, (g[2] + g[3]) / 2
    assert rows["whole"] == {"step": 3, "patches": 4, "layers": "whole"} | angles.told(
        model, one, two
    )


def test_the_arms_are_those_of_the_experiments() -> None:
    theirs = {replace(arm, name="") for arm in subsets()}
    ours = {arm.name: replace(arm, name="") for arm in angles.arms()}
    assert {name for name, arm in ours.items() if arm not in theirs} == {"tuned"}


def test_the_table_is_whole() -> None:
    """Every run has each moment once, on 16 and on 512 patches, for the trunk and six groups."""
    known = {arm.hash for arm in angles.arms()}
    runs: dict[tuple, list[dict]] = {}
    for row in ROWS:
        runs.setdefault((row["arm"], row["seed"]), []).append(row)
    assert len(runs) == 3 * len(angles.arms())
    for rows in runs.values():
        assert len(rows) == 7 * (len(angles.STEPS) + len(angles.MANY_STEPS))
        assert len({(r["step"], r["patches"], r["layers"]) for r in rows}) == len(rows)
        assert {row["hash"] for row in rows} <= known
        cosines = [float(r[k]) for r in rows for k in r if ("·" in k or "again" in k) and r[k]]
        assert max(map(abs, cosines)) <= 1
