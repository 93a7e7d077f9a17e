"""The task of lesson 08 that cannot be learnt: its data are what the command says they are."""

import csv

import pytest
import torch

from mtsr_lib.datasets import Patches
from mtsr_lib.degrade import downscale
from mtsr_lib.images import data_folder
from mtsr_lib.tasks import SR
from tools import counterexample as made

PHOTO = (255 * torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))).byte()
STORED = data_folder() / "results" / "counterexample.csv"


def test_gains_leave_the_brightness_as_it_is():
    log2_gains = made.drawn(seed=0, step=3, count=100)
    assert log2_gains.shape == (100, 3)
    assert log2_gains.mean(1).abs().max() < 1e-6
    assert 0.4 < log2_gains.abs().max() <= 4 / 3 * made.SPREAD
    assert not torch.equal(log2_gains, made.drawn(seed=0, step=4, count=100))


def test_by_hand():
    """0.4 twice as bright, 0.6 cut off at white, 0.5 halved."""
    pixel = torch.tensor([0.4, 0.6, 0.5]).view(1, 3, 1, 1)
    tinted = made.times_gains(pixel, torch.tensor([[1.0, 1.0, -1.0]]))
    assert torch.allclose(tinted.flatten(), torch.tensor([0.8, 1.0, 0.25]))


def test_tint_sees_what_sr_sees_and_its_input_does_not_tell_the_gains():
    plain = Patches([PHOTO], [SR], 4, 12, seed=5).batch(7)
    tint = made.TintPatches([PHOTO], [SR, made.TINT], 4, 12, seed=5).batch(7)
    assert torch.equal(tint.x, plain.x)
    assert torch.equal(tint.targets["sr"], plain.targets["sr"])
    gains = made.drawn(5, 7, 4)
    assert torch.equal(tint.targets["tint"], made.times_gains(plain.targets["sr"], gains))


def test_cast_pairs_fit():
    batch = made.CastPatches([PHOTO // 2], [SR, made.CAST], 4, 12, seed=5).batch(7)
    assert batch.x.shape == (4, 3, 12, 12)
    small = downscale(batch.targets["sr"], 2)[..., 4:-4, 4:-4]
    assert (small - batch.x[..., 4:-4, 4:-4]).abs().max() < 1 / 255
    undone = made.times_gains(batch.targets["sr"], -made.drawn(5, 7, 4))
    assert torch.allclose(undone, batch.targets["cast"], atol=1e-5)  # too dark to be cut off


@pytest.mark.skipif(not STORED.exists(), reason="the counter-example has not been trained")
def test_the_stored_rows_are_of_arms_that_there_are():
    with open(STORED, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ends = {f"{world}: {who}" for world in made.WORLDS for who in ("doing nothing", "gains known")}
    assert {row["arm"] for row in rows} == ends | set(made.ARMS)
    assert len({(row["arm"], row["seed"]) for row in rows}) == len(rows)
