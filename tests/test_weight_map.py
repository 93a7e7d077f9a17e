"""The widget of lesson 09: who is on the front, which pictures and numbers belong to a choice."""

import re
import statistics
import time

import pytest
import torch

from mtsr_lib.experiments import EXPERIMENTS, read_rows
from mtsr_lib.images import data_folder, load_uint8
from mtsr_lib.widgets import weight_map
from mtsr_lib.widgets.weights import SIDE, background, mean_scores, pareto, pictured
from tests.harness import SLOWEST

GRID = data_folder() / "results" / "weights.csv"
ARMS = EXPERIMENTS["weights"]()


@pytest.fixture(scope="module")
def made():
    return weight_map(read_rows(GRID), alone=[38.5, 33.5, 30.9])


def test_the_front_by_hand():
    """The lesson's four networks; a row that is best at nothing; equals; one row."""
    assert pareto(torch.tensor([[41.0, 30], [40, 31], [40, 30], [39, 29]])).tolist() == [
        *[True, True],
        *[False, False],
    ]
    assert pareto(torch.tensor([[5.0, 1], [2, 2], [1, 3]])).all()
    assert pareto(torch.tensor([[2.0, 1], [2, 1], [1, 1]])).tolist() == [True, True, False]
    assert pareto(torch.zeros(1, 3)).tolist() == [True]


def test_whoever_has_the_highest_weighted_sum_is_on_the_front():
    """The lesson's quiz; and who is not on the front is dominated by somebody who is."""
    g = torch.Generator().manual_seed(0)
    for _ in range(30):
        scores = torch.randint(0, 5, (12, 3), generator=g).float()
        weights = torch.rand(3, generator=g) + 0.01
        front = pareto(scores)
        assert front[(scores @ weights).argmax()]
        for row in scores[~front]:
            better = scores[front]
            assert ((better >= row).all(1) & (better > row).any(1)).any()


def test_an_arm_is_judged_by_the_mean_over_its_seeds():
    rows = [
        {"arm": "a", "val_sr": "1", "val_detail": "2", "val_color": "3", "test_sr": "9"},
        {"arm": "b", "val_sr": "7", "val_detail": "7", "val_color": "7", "test_sr": "9"},
        {"arm": "a", "val_sr": "2", "val_detail": "2", "val_color": "5", "test_sr": "9"},
    ]
    assert mean_scores(rows, "a") == [1.5, 2.0, 4.0]


def test_every_control_reaches_both_ends(made):
    texts = set()
    for _ in made.sweep():
        texts.add(made.answer["text"])
    assert len(texts) == 7  # 4 + 4 settings of which one is met twice
    assert all(re.search(r"; (not )?on the front$", text) for text in texts)


def test_what_it_says_is_what_the_rows_say(made):
    scores = torch.tensor([mean_scores(read_rows(GRID), arm.name) for arm in ARMS])
    for arm, row, on in zip(ARMS, scores, pareto(scores), strict=True):
        _, detail, color = arm.weights
        _, text = made.frames(detail=detail, color=color)
        assert text.endswith("; on the front" if on else "; not on the front")
        told = re.findall(r"(\d+\.\d\d) dB \((best|−\d\.\d\d)\)", text)
        assert [float(dB) for dB, _ in told] == pytest.approx(row.tolist(), abs=0.006)
        behind = [0 if less == "best" else float(less[1:]) for _, less in told]
        assert behind == pytest.approx((scores.amax(0) - row).tolist(), abs=0.006)
        assert [less == "best" for _, less in told] == (row == scores.amax(0)).tolist()


def test_the_pictures_are_those_of_the_sheet(made):
    sheet = load_uint8(data_folder() / "results" / "weights_grid.webp")
    assert sheet.shape == (1, 3, (len(ARMS) + 1) * SIDE, 3 * SIDE)
    frames, _ = made.frames(detail=0.1, color=0.3)
    pixels = torch.from_numpy(frames[""].copy())
    want = pictured(sheet, 2, 1)[0].permute(1, 2, 0).repeat_interleave(2, 0).repeat_interleave(2, 1)
    rows, columns = pixels.shape[0] - want.shape[0], 20 + 2 * SIDE
    found = [
        y
        for y in range(rows)
        if torch.equal(pixels[y : y + len(want), columns : columns + len(want)], want)
    ]
    assert len(found) == 1


def test_answers_within_100_ms_of_cpu(made):
    times = []
    for arm in [*ARMS, *ARMS]:
        start = time.process_time()
        made.set(detail=arm.weights[1], color=arm.weights[2])
        times.append(time.process_time() - start)
    assert statistics.quantiles(times, n=20)[18] < 0.1 * SLOWEST, sorted(times)


def test_the_cross_stands_on_the_network(made):
    """Where row and column cross there is the network's own point, in each plane."""
    scores = torch.tensor([mean_scores(read_rows(GRID), arm.name) for arm in ARMS])
    empty, spots = background(scores, [arm.weights[2] for arm in ARMS])
    white = (empty == 255).all(-1)
    for spot in spots:
        for (_, columns), (rows, _) in (spot[:2], spot[2:]):
            assert not white[rows, columns].any()
