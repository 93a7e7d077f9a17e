"""The training dashboard: it stops, goes on to the same bits, and swallows no error."""

from __future__ import annotations

import statistics
import threading
import time

import pytest
import torch

from mtsr_lib import widgets
from mtsr_lib.datasets import Patches, make_pair
from mtsr_lib.images import from_uint8, to_uint8
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.tasks import COLOR, SR
from mtsr_lib.training import cosine, fit
from mtsr_lib.widgets.dashboard import Dashboard
from tests.harness import SLOWEST

TASKS = [SR, COLOR]
PHOTO = to_uint8(torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)))


def prepared(steps: int, **options):
    """A small network, its training up to `steps`, and held-out pictures."""
    torch.manual_seed(0)
    model = MultiTaskNet(TASKS, channels=8, blocks=1, hidden=4)
    adam, data = torch.optim.Adam(model.parameters()), Patches([PHOTO], TASKS, 2, 12)

    def train(history, after, stop):
        every = {"after": after, "stop": stop, "every": 4, "progress": False}
        return fit(model, data, steps, adam, cosine(20), history=history, **every | options)

    x, targets = make_pair(from_uint8(PHOTO), 0.5, TASKS)
    return train, model, x, targets


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def test_it_runs_through_when_nobody_presses_anything():
    board = widgets.dashboard(*prepared(10))
    history = board.finish()
    assert [row["step"] for row in history.val] == [0, 4, 8, 10]
    assert board.state["done"]
    assert not board.state["running"]
    assert history.val[0]["sr"] == pytest.approx(board.nothing["sr"], abs=1e-3)  # a zero start
    assert board.answer["text"].startswith("sr ")
    assert board.curves["data"][:4] == b"\x89PNG"


def test_stop_stops_and_going_on_ends_at_the_same_bits():
    parts = prepared(10_000, every=200)
    board = widgets.dashboard(*parts)
    until(lambda: board.history.steps >= 5)
    board._asked(None, {"do": "stop"}, [])
    until(lambda: not board.running)
    reached = board.history.steps
    assert 5 <= reached < 10_000
    assert board.history.val[-1]["step"] == reached  # measured where it stopped
    assert not board.state["done"]
    time.sleep(0.2)
    assert board.history.steps == reached
    board._asked(None, {"do": "start"}, [])
    until(lambda: board.history.steps >= reached + 5)
    board.stop()
    until(lambda: not board.running)

    straight = prepared(board.history.steps)
    widgets.dashboard(*straight).finish()
    pairs = zip(parts[1].parameters(), straight[1].parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_finish_goes_on_after_a_stop():
    board = Dashboard(*prepared(12))
    board.start()
    board.stop()
    until(lambda: not board.running)
    assert board.finish().steps == 12
    assert board.done


def test_jupyters_own_stop_button_stops_it_softly(monkeypatch):
    board = widgets.dashboard(*prepared(10_000, every=200))
    until(lambda: board.history.steps >= 2)
    waited = board._over.wait

    def interrupted(timeout=None):
        monkeypatch.setattr(board._over, "wait", waited)
        raise KeyboardInterrupt

    monkeypatch.setattr(board._over, "wait", interrupted)
    assert 2 <= board.finish().steps < 10_000
    assert not board.running


def test_an_error_in_the_training_is_shown_and_raised():
    def rate(step: int) -> float:
        return 1 / (3 - step)

    _, model, x, targets = prepared(10)
    adam, data = torch.optim.Adam(model.parameters()), Patches([PHOTO], TASKS, 2, 12)

    def broken(history, after, stop):
        return fit(model, data, 9, adam, rate, history=history, after=after, progress=False)

    board = widgets.dashboard(broken, model, x, targets)
    with pytest.raises(ZeroDivisionError):
        board.finish()
    assert board.answer["error"].startswith("ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        list(board.sweep())
    board.set(task="color")
    assert board.answer["error"].startswith("ZeroDivisionError")  # still shown


def test_an_unknown_task_or_moment_is_shown_and_raised():
    board = widgets.dashboard(*prepared(2))
    board.finish()
    with pytest.raises(ValueError, match="no task 'style'; there are sr, color"):
        board.set(task="style")
    assert "no task" in board.answer["error"]
    board.set(task="color")
    assert "error" not in board.answer
    with pytest.raises(IndexError):
        board._asked(None, {"do": "look", "task": "sr", "moment": 9, "from": "a-1"}, [])
    assert board.answer["to"] == "a-1"


def test_sweep_moves_every_control_and_leaves_them():
    board = widgets.dashboard(*prepared(6))
    board.finish()
    moved = list(board.sweep())
    assert [name for name, _ in moved] == ["task", "task", "moment", "moment", "stop", "go on"]
    assert board.state["task"] == "sr"
    assert board.state["moment"] == 2


def test_the_moment_follows_the_newest_unless_moved_back():
    board = Dashboard(*prepared(8))
    board.finish()
    assert board.state["moment"] == 2
    board = Dashboard(*prepared(16))
    board._record(board.history)
    board._record(board.history)
    board.set(moment=1)
    board.finish()
    assert board.state["moment"] == 1


def test_frames_for_a_storyboard():
    board = widgets.dashboard(*prepared(8))
    board.finish()
    first, told = board.frames(task="color", moment=0)
    last, _ = board.frames(task="color", moment=-1)
    assert list(first) == ["doing nothing", "step 0", "target"]
    assert list(last)[1] == "step 8"
    assert told.endswith("+0.0 on doing nothing")
    assert (first["step 0"].astype(int) - first["doing nothing"]).__abs__().max() <= 1
    assert (last["step 8"] != first["step 0"]).any()


def test_a_look_takes_less_than_100_ms_of_cpu():
    board = widgets.dashboard(*prepared(8))
    board.finish()
    times = []
    for number in range(20):
        began = time.process_time()
        board.set(task=TASKS[number % 2].name, moment=number % 3)
        times.append(time.process_time() - began)
    assert statistics.quantiles(times, n=20)[18] < 0.1 * SLOWEST, sorted(times)[-5:]


def test_no_thread_is_left():
    before = threading.active_count()
    widgets.dashboard(*prepared(4)).finish()
    until(lambda: threading.active_count() <= before)
