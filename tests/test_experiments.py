"""The long comparisons: an arm runs and repeats, rows are kept, controls are what they say."""

from dataclasses import replace

import pytest
import torch

from mtsr_lib import experiments
from mtsr_lib.experiments import EXPERIMENTS, Arm, run_arm, run_experiment, tasks_of
from mtsr_lib.tasks import enhance

TINY = Arm(
    "tiny", ("sr", "color"), steps=2, channels=4, blocks=1, hidden=4, photographs=2, patch=12
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(experiments, "SIDE", 96)


def test_an_arm_repeats_and_measures_its_tasks():
    one, two = run_arm(TINY, 3), run_arm(TINY, 3)
    scores = [key for key in one if key.startswith(("val_", "test_"))]
    assert {key: one[key] for key in scores} == {key: two[key] for key in scores}
    assert {key for key in scores if one[key] == ""} == {"val_detail", "test_detail"}
    assert 10 < one["test_sr"] < 60
    assert run_arm(TINY, 4)["test_color"] != one["test_color"]


def test_rows_that_exist_are_skipped(tmp_path, monkeypatch):
    done = []
    monkeypatch.setitem(EXPERIMENTS, "tiny", lambda: [TINY, replace(TINY, name="other", steps=1)])
    monkeypatch.setattr(
        experiments,
        "run_arm",
        lambda arm, seed, *_: (
            done.append((arm.name, seed)) or {"arm": arm.name, "seed": seed, "hash": arm.hash}
        ),
    )
    path = run_experiment("tiny", range(2), folder=tmp_path)
    assert sorted(done) == [("other", 0), ("other", 1), ("tiny", 0), ("tiny", 1)]
    run_experiment("tiny", range(3), folder=tmp_path)
    assert sorted(done[4:]) == [("other", 2), ("tiny", 2)]
    assert len(experiments.read_rows(path)) == 6


def test_a_setting_changes_the_hash():
    assert TINY.hash == replace(TINY).hash != replace(TINY, steps=3).hash


def test_arms_differ_and_controls_are_what_they_say():
    for make in EXPERIMENTS.values():
        assert len({arm.hash for arm in make()}) == len({arm.name for arm in make()}) == len(make())
    (sr,) = tasks_of(replace(TINY, tasks=("sr",), loss="with enhanced"))
    x, y = torch.rand(2, 1, 3, 16, 16)
    expected = (x - y).abs().mean() + (enhance(x) - enhance(y)).abs().mean()
    assert sr.loss(x, y).item() == pytest.approx(expected.item())
    assert [task.name for task in tasks_of(replace(TINY, tasks=("sr", "sr_again")))] == [
        "sr",
        "sr_again",
    ]


def test_ways_of_sharing_have_equally_many_parameters():
    counts = {
        arm.sharing: sum(p.numel() for p in experiments.network_of(arm).parameters())
        for arm in [*EXPERIMENTS["subsets"](), *EXPERIMENTS["architectures"]()]
        if arm.tasks == ("sr", "detail", "color")
    }
    assert len(counts) == 6
    assert max(counts.values()) / min(counts.values()) < 1.02


@pytest.mark.parametrize("kind", sorted({a.sharing for a in EXPERIMENTS["architectures"]()}))
def test_every_way_of_sharing_trains(kind):
    row = run_arm(replace(TINY, tasks=("sr", "detail", "color"), sharing=kind), 0)
    assert row["steps"] == 2
    assert row["val_cascade"] != ""


@pytest.mark.parametrize("balancer", sorted({arm.balancer for arm in EXPERIMENTS["balancers"]()}))
def test_every_balancer_trains(balancer):
    assert run_arm(replace(TINY, balancer=balancer), 0)["steps"] == 2
