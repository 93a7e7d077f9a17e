"""The gradient playground of lesson 10: its drawing, what it says, and the cone without harm."""

from __future__ import annotations

import math
import random
import statistics
import time

import pytest
import torch

from mtsr_lib import widgets
from mtsr_lib.widgets import playground
from tests.harness import SLOWEST


@pytest.fixture(scope="module")
def plane():
    return widgets.gradient_playground()


def rows(*polar: tuple[float, float]) -> torch.Tensor:
    tips = [(r * math.cos(math.radians(a)), r * math.sin(math.radians(a))) for a, r in polar]
    return torch.tensor(tips, dtype=torch.float64)


def test_the_directions_of_the_case_worked_by_hand() -> None:
    """(1, 0) and (−1, 1); PCGrad's sum (0.5, 1.5) is halved."""
    steps = playground.directions(torch.tensor([[1.0, 0], [-1, 1]], dtype=torch.float64))
    want = {"mean": (0, 0.5), "PCGrad": (0.25, 0.75), "MGDA": (0.2, 0.4), "UPGrad": (0.25, 0.75)}
    for name, direction in want.items():
        assert steps[name].tolist() == pytest.approx(direction)


def test_the_cone_without_harm() -> None:
    """At 0° and 120°: from 30° to 90°. Where three pull apart there is none."""
    corners = playground.harmless(rows((0, 1), (120, 0.5)))
    angles = [math.degrees(math.atan2(y, x)) for x, y in corners[1:]]
    assert corners[0] == (0, 0)
    assert (min(angles), max(angles)) == pytest.approx((30, 90), abs=0.51)
    assert playground.harmless(rows((0, 1), (120, 1), (-110, 1))) == []
    across = playground.harmless(rows((180, 1), (170, 1)))  # over the end of the circle
    assert math.degrees(math.atan2(*across[1][::-1])) == pytest.approx(90, abs=0.51)
    assert math.degrees(math.atan2(*across[-1][::-1])) == pytest.approx(-100, abs=0.51)


def test_what_it_says(plane) -> None:
    plane.set(detail_angle=150, detail_length=2)
    assert plane.answer["text"] == "Angles: sr–detail 150°. The mean harms sr."
    plane.set(detail_angle=60)
    assert "No method harms a task" in plane.answer["text"]
    plane.set(color=True, color_angle=-110, color_length=1.5, detail_angle=120, detail_length=1)
    assert "PCGrad harms detail" in plane.answer["text"]
    plane.set(detail_length=0)
    assert "sr–detail none" in plane.answer["text"]


def test_the_tips_are_drawn_where_the_browser_takes_hold_of_them(plane) -> None:
    """Beside the tip of an arrow there is its colour, and a unit further out there is none."""
    geometry = plane.plane
    frames, _ = plane.frames(detail_angle=90, detail_length=1.5)
    pixels = frames[""].astype(int)
    assert pixels.shape == (geometry["height"], geometry["width"], 3)
    orange = (pixels[..., 0] - pixels[..., 2]) > 120
    x, y = geometry["left"], geometry["top"] - round(1.4 * geometry["unit"])
    assert orange[y, x - 2 : x + 3].any()
    above = geometry["top"] - round(2.05 * geometry["unit"])
    assert not orange[:above].any()
    assert [tip["name"] for tip in geometry["tips"]] == ["detail", "color"]
    names = {control["name"] for control in plane.controls}
    assert {"detail_angle", "detail_length", "color_angle", "color_length", "color"} <= names


def test_bars_are_never_cut_off() -> None:
    assert [playground.limit(v) for v in (-1, 0.2, 0.3, 1, 1.9, 3.9)] == [0.25, 0.25, 0.5, 1, 2, 4]


def test_sweep(plane) -> None:
    assert len(list(plane.sweep())) == 12


def test_answers_within_100_ms_of_cpu(plane) -> None:
    rng, times = random.Random(0), []
    plane.set(color=True)
    for _ in range(40):
        began = time.process_time()
        plane.set(detail_angle=rng.randrange(-180, 181), detail_length=rng.random() * 2)
        times.append(time.process_time() - began)
    assert statistics.quantiles(times, n=20)[18] < 0.1 * SLOWEST, sorted(times)[-5:]
