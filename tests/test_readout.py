"""The widget of lesson 11: its least squares finds what is there, and nothing where nothing is."""

import importlib

import pytest
import torch

from mtsr_lib import widgets
from mtsr_lib.degrade import enlarge
from mtsr_lib.model import Backbone

module = importlib.import_module("mtsr_lib.widgets.readout")  # its function has the same name


@pytest.fixture(scope="module")
def lab():
    torch.manual_seed(0)
    blank = Backbone(4, 1)
    for parameter in blank.parameters():
        torch.nn.init.zeros_(parameter)
    return widgets.readout({"untrained": Backbone(4, 1), "blank": blank})


def test_rows_and_targets_belong_together():
    """Row n of both is the same LR pixel: the middle of its neighbourhood, its own 4 HR pixels."""
    x, target = torch.rand(1, 3, 23, 24), torch.rand(1, 3, 46, 48)
    f, r = module.around(x), module.missed(x, target)
    assert f.shape == (3 * 4, 9 * 3 + 1)
    assert r.shape == (3 * 4, 12)
    row = 1 * 4 + 2  # the LR pixel (11, 12): 10 at each border are left out
    assert torch.equal(f[row, 4:27:9], x[0, :, 11, 12])
    assert f[row, -1] == 1
    wider = module.around(x, side=5)
    assert wider.shape == (3 * 4, 25 * 3 + 1)
    assert torch.equal(wider[row, 12:75:25], x[0, :, 11, 12])
    own = (target - enlarge(x, 2))[0, :, 22:24, 24:26]
    assert torch.allclose(r[row], own.reshape(12))


def test_least_squares_finds_a_linear_map():
    f, w = torch.randn(200, 7), torch.randn(7, 2)
    assert torch.allclose(module.fitted(f, f @ w), w, atol=1e-2)


def test_a_trunk_with_nothing_in_it_gives_next_to_nothing(lab):
    def gain(trunk):
        return float(lab.frames(trunk=trunk)[1].split()[0])

    assert abs(gain("blank")) < 0.1 < gain("untrained")


def test_what_is_shown(lab):
    frames, text = lab.frames(task="detail", layer="first")
    assert [name.split(",")[0] for name in frames][1:] == [
        "what is read out",
        "what bicubic misses",
    ]
    assert len({frame.shape for frame in frames.values()}) == 1
    assert text.endswith("dB above bicubic")
