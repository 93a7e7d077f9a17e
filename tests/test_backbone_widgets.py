"""The receptive-field explorer and the feature-map viewer, against convolutions and by hand."""

import itertools
import re

import pytest
import torch
import torch.nn.functional as F

from mtsr_lib import widgets
from mtsr_lib.images import load_sample
from mtsr_lib.model import Backbone
from mtsr_lib.widgets.features import LAST, stages
from mtsr_lib.widgets.receptive import PATTERNS, SIDE, weights_seen

MIXED = "1, 2, 3, 1, 2, 3, …"


def told(depth, kernel, dilation):
    return widgets.receptive_field().frames(depth=depth, kernel=kernel, dilation=dilation)[1]


@pytest.fixture(scope="module")
def explorer():
    return widgets.receptive_field()


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("dilations", [(1,), (1, 1), (2, 2, 2), (1, 2, 3)])
def test_pixels_count_as_the_gradient_of_a_stack_with_equal_weights_says(kernel, dilations):
    x = torch.zeros(1, 1, SIDE, SIDE, requires_grad=True)
    features = x
    for d in dilations:
        equal = torch.full((1, 1, kernel, kernel), 1 / kernel**2)
        features = F.conv2d(features, equal, padding=d * (kernel // 2), dilation=d)
    features[0, 0, SIDE // 2, SIDE // 2].backward()
    seen = weights_seen(kernel, dilations)
    border = (SIDE - len(seen)) // 2
    inner = x.grad[0, 0, border : SIDE - border, border : SIDE - border]
    torch.testing.assert_close(seen[:, None] * seen, inner)
    assert inner.sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        # [1 2 3 2 1] / 9: the middle three hold 7/9 of it, squared 0.60
        ((2, 3, "1"), "field 5×5, all of it seen; 90 % of the weight within 5×5"),
        # −4, −2, 0, 2, 4 in each direction: 25 of 81
        ((2, 3, "2"), "field 9×9, 56 of its 81 pixels unseen; 90 % of the weight within 9×9"),
        # [1 1 2 2 3 3 3 3 3 2 2 1 1] / 27: without its ends 25/27, squared 0.86
        ((3, 3, MIXED), "field 13×13, all of it seen; 90 % of the weight within 13×13"),
        ((8, 5, "2"), "field 65×65, 3,136 of its 4,225 pixels unseen"),
    ],
)
def test_the_explorer_tells_what_is_found_by_hand(settings, text):
    assert told(*settings).startswith(text)


def test_every_setting_of_the_explorer_fits_the_picture(explorer):
    for depth, kernel, dilation in itertools.product(range(1, 9), (3, 5), PATTERNS):
        frames, text = explorer.frames(depth=depth, kernel=kernel, dilation=dilation)
        side = int(re.match(r"field (\d+)×\1", text)[1])
        assert side <= SIDE
        counted = frames["how much each counts"][..., 0] > 0
        assert counted.any(0).sum() <= side
        bright = frames["pixels that it sees"].astype(int).sum(-1)
        whole = frames["photograph"].astype(int).sum(-1)
        seen = bright == whole
        unseen = (
            int(re.search(r"([\d,]+) of its", text)[1].replace(",", "")) if "of its" in text else 0
        )
        assert seen.sum() == side**2 - unseen


def test_every_control_of_the_explorer_changes_the_words(explorer):
    texts = {}
    for name, _ in explorer.sweep():
        texts.setdefault(name, set()).add(explorer.answer["text"])
    assert {name: len(found) for name, found in texts.items()} == {
        "depth": 2,
        "kernel": 2,
        "dilation": 3,
    }


def test_the_explorer_wants_a_photograph_large_enough():
    widgets.receptive_field(torch.rand(1, 3, SIDE, SIDE))
    with pytest.raises(ValueError, match="65×65 pixels at least"):
        widgets.receptive_field(torch.rand(1, 3, 64, 100))


# ---------------------------------------------------------------------------- feature maps


def test_the_stages_end_in_what_the_backbone_gives():
    backbone, x = Backbone(6, 3), torch.rand(2, 3, 9, 8)
    found = stages(backbone, x)
    assert list(found) == ["first", "block 1", "block 2", "block 3", LAST]
    torch.testing.assert_close(found[LAST], backbone(x))
    torch.testing.assert_close(found["block 1"], backbone.blocks[0](found["first"]))


def test_the_viewer_tells_how_far_a_value_sees():
    backbone = Backbone(8, 2)
    x = load_sample("cat")[..., 100:141, 200:241]
    viewer = widgets.feature_maps(x, backbone)
    for name in stages(backbone, x):
        _, text = viewer.frames(layer=name)
        y = x.clone().requires_grad_()
        stages(backbone, y)[name][..., 20, 20].abs().sum().backward()
        side = int((y.grad.abs().sum((0, 1)) > 0).any(0).sum())
        assert text == f"sees {side}×{side} pixels of x"


def test_the_viewer_shows_the_channel_asked_for():
    backbone = Backbone(5, 1)
    x = torch.rand(1, 3, 24, 24)
    frames, _ = widgets.feature_maps(x, backbone).frames(layer="first", channel=4)
    shown = frames["channel 4"][..., 0].astype(float)
    features = backbone.first(x - 0.5)[0, 4].detach().numpy()
    inside = (shown > 0) & (shown < 255)
    assert inside.mean() > 0.9
    fit = ((shown - shown[inside].mean())[inside] * features[inside]).sum()
    assert fit > 0
    order = features[inside].argsort()
    assert (shown[inside][order][1:] >= shown[inside][order][:-1]).all()
    sheet = frames["all 5 channels, one pixel of nine"]
    assert sheet.shape == (24, 24, 3)  # 3×3 maps of 8×8, four of them empty
    assert (sheet[16:] == 128).all()
    assert (sheet[8:16, 8:16, 0] == shown[::3, ::3]).all()


def test_every_control_of_the_viewer_changes_what_is_shown():
    viewer, seen = widgets.feature_maps(), {}
    for name, _ in viewer.sweep():
        seen.setdefault(name, set()).add(viewer.answer["pictures"][1]["data"])
    assert len(seen["layer"]) == len(viewer.controls[0]["options"])
    assert len(seen["channel"]) == 2
