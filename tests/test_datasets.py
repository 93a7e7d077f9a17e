"""One photograph flows into patches: a crop is the crop of the whole, and a step is a step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtsr_lib.datasets import (
    MARGIN,
    Batch,
    Patches,
    augment,
    make_pair,
    margin_of,
    thumbnail,
    whole_pair,
)
from mtsr_lib.degrade import fade, pad_symmetric
from mtsr_lib.images import quantize, to_uint8
from mtsr_lib.tasks import COLOR, DETAIL, SR

TASKS = [SR, DETAIL, COLOR]
LEVEL = 1 / 255


def at_scale(scale: int) -> list:
    return [task.at_scale(scale) for task in TASKS]


def nearly(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal 8-bit pictures, but for a rounding now and then, halfway between two levels."""
    difference = (one - other).abs()
    return difference.max() < 1.01 * LEVEL and (difference > LEVEL / 2).float().mean() < 1e-3


# 12 LR pixels a side, by LR position from the top left: inside, corners and sides of 30×36 or less
PLACES = ["inside", "top left", "bottom right", "left", "bottom"]


def place_of(name: str, rows: int, columns: int, side: int) -> tuple[int, int]:
    last = rows - side, columns - side
    middle = last[0] // 2 + 1, last[1] // 2 - 1
    return {
        "inside": middle,
        "top left": (0, 0),
        "bottom right": last,
        "left": (middle[0], 0),
        "bottom": (last[0], middle[1]),
    }[name]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("place", PLACES)
def test_the_pair_of_a_crop_is_the_crop_of_the_whole_pair(photo, scale, place):
    x, targets = whole_pair(photo, 0.6, at_scale(scale))
    side, margin = 12, margin_of(scale)
    top, left = place_of(place, *x.shape[-2:], side)
    cut = [slice(k * scale, (k + side) * scale + 2 * margin) for k in (top, left)]
    crop = pad_symmetric(photo, margin)[..., cut[0], cut[1]]
    crop_x, crop_targets = make_pair(crop, 0.6, at_scale(scale), margin)
    assert crop_x.shape[-2:] == (side, side)
    assert nearly(crop_x, x[..., top : top + side, left : left + side])
    hr = slice(top * scale, (top + side) * scale), slice(left * scale, (left + side) * scale)
    for name, target in crop_targets.items():
        assert (target - targets[name][..., hr[0], hr[1]]).abs().max() < 1e-5, name


def test_a_crop_without_a_margin_is_another_picture(photo):
    """What the margin is for: the borders would be off by more than a rounding."""
    x, _ = whole_pair(photo, 0.6, TASKS)
    crop_x, _ = make_pair(photo[..., 24:48, 24:48], 0.6, TASKS)
    assert not nearly(crop_x, x[..., 12:24, 12:24])


def test_what_flows(photo):
    x, targets = whole_pair(photo, 0.5, TASKS)
    assert torch.equal(quantize(x), x)  # 8-bit steps
    assert x.shape[-2:] == (60, 72)
    assert torch.equal(targets["sr"], fade(photo, 0.5))
    assert torch.equal(targets["color"], photo)
    odd, targets = whole_pair(photo[..., :119, :143], 0.5, at_scale(3))
    assert odd.shape[-2:] == (39, 47)
    assert targets["color_x3"].shape[-2:] == (117, 141)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_margins_lie_on_the_grid_and_fit(scale):
    assert margin_of(scale) % scale == 0
    assert 8 <= margin_of(scale) <= MARGIN


# ---------------------------------------------------------------------------- symmetries


def test_the_eight_symmetries_differ_and_keep_the_pixels():
    square = torch.arange(9).view(1, 3, 3)
    seen = [tuple(augment(square, k).flatten().tolist()) for k in range(8)]
    assert len(set(seen)) == 8
    assert all(sorted(order) == list(range(9)) for order in seen)
    assert torch.equal(augment(square, 0), square)


@settings(max_examples=8, deadline=None)
@given(symmetry=st.integers(0, 7), scale=st.sampled_from([2, 3, 4]))
def test_lr_and_hr_turn_together(photo, symmetry, scale):
    """The pair of a turned picture is the turned pair."""
    clean = photo[..., :72, :72]
    x, targets = make_pair(clean, 0.3, at_scale(scale))
    turned_x, turned = make_pair(augment(clean, symmetry), 0.3, at_scale(scale))
    assert nearly(turned_x, augment(x, symmetry))
    for name, target in targets.items():
        assert (turned[name] - augment(target, symmetry)).abs().max() < 1e-5, name


# ---------------------------------------------------------------------------- batches


@pytest.fixture
def pictures(photo) -> list[torch.Tensor]:
    return [to_uint8(photo), to_uint8(photo.flip(-1)[..., :108, :108])]


def test_a_batch_depends_on_the_step_and_the_seed_alone(pictures):
    one, same, other = (Patches(pictures, TASKS, 4, 12, seed) for seed in (0, 0, 1))
    one.batch(0)  # the past does not matter
    first, again = one.batch(7), same.batch(7)
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.context, again.context)
    assert all(torch.equal(first.targets[name], again.targets[name]) for name in first.targets)
    assert not torch.equal(first.x, other.batch(7).x)
    assert not torch.equal(first.x, one.batch(8).x)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_patch_lies_in_a_photograph(pictures, scale):
    """Each target of color, turned back, is found in a photograph, pixel by pixel, on the grid."""
    batch = Patches(pictures, at_scale(scale), 6, 9).batch(0)
    assert batch.x.shape == (6, 3, 9, 9)
    assert batch.context.shape == (6, 3, 32, 32)
    for target in batch.targets[f"color_x{scale}" if scale > 2 else "color"]:
        assert any(found_in(to_uint8(target), picture[0], scale) for picture in pictures)


def found_in(patch: torch.Tensor, picture: torch.Tensor, scale: int) -> bool:
    side = patch.shape[-1]
    windows = picture.unfold(1, side, scale).unfold(2, side, scale)  # (3, rows, columns, s, s)
    turned = (augment(patch, symmetry)[:, None, None] for symmetry in range(8))
    return any((windows == p).all(-1).all(-1).all(0).any() for p in turned)


def test_borders_are_reached(photo):
    """Patches lie everywhere, the first and the last row of the picture included."""
    rows = torch.arange(48).view(1, 1, 48, 1).expand(1, 3, 48, 48).to(torch.uint8)
    data = Patches([rows.contiguous()], [COLOR], 16, 12)
    seen = torch.cat([to_uint8(data.batch(step).targets["color"]) for step in range(40)])
    assert seen.min() == 0
    assert seen.max() == 47


def test_targets_belong_to_the_input(pictures):
    batch = Patches(pictures, TASKS, 4, 12).batch(3)
    mean = {name: target.mean(dim=(2, 3)) for name, target in batch.targets.items()}
    assert (mean["sr"] - batch.x.mean(dim=(2, 3))).abs().max() < 0.01
    assert (mean["color"] - mean["sr"]).abs().max() > 0.02  # they are faded


def test_the_context_is_of_the_same_fading(photo):
    """A picture of one colour: its thumbnail has the colour of its patches."""
    flat = torch.tensor([200, 40, 90], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 96, 96)
    batch = Patches([flat.contiguous()], TASKS, 8, 12).batch(0)
    assert (batch.context.mean(dim=(2, 3)) - batch.x.mean(dim=(2, 3))).abs().max() < LEVEL
    assert batch.x.mean(dim=(2, 3)).std(0).max() > 0.02  # each with a strength of its own


def test_scales_take_turns(pictures):
    tasks = [SR, SR.at_scale(3), COLOR.at_scale(3), SR.at_scale(4)]
    data = Patches(pictures, tasks, 2, 8)
    names = [set(data.batch(step).targets) for step in range(6)]
    assert names[:3] == [{"sr"}, {"sr_x3", "color_x3"}, {"sr_x4"}]
    assert names[3:] == names[:3]
    for step, scale in enumerate((2, 3, 4)):
        batch = data.batch(step)
        assert all(target.shape[-1] == 8 * scale for target in batch.targets.values())


def test_slices_make_up_the_batch(pictures):
    whole = Patches(pictures, TASKS, 6, 8).batch(0)
    parts = [whole.part(i, 3) for i in range(3)]
    assert all(isinstance(part, Batch) and len(part.x) == 2 for part in parts)
    assert torch.equal(torch.cat([part.x for part in parts]), whole.x)
    assert torch.equal(torch.cat([part.context for part in parts]), whole.context)
    for name in whole.targets:
        assert torch.equal(torch.cat([p.targets[name] for p in parts]), whole.targets[name])


def test_thumbnails_are_averages(photo):
    assert torch.allclose(thumbnail(photo).mean(dim=(2, 3)), photo.mean(dim=(2, 3)), atol=0.01)
    assert thumbnail(photo[..., :1, :1]).shape == (1, 3, 32, 32)


def test_what_cannot_be_cut_is_a_sentence(photo):
    with pytest.raises(ValueError, match="too small for the patch"):
        Patches([to_uint8(photo)], TASKS, 2, 100)
    with pytest.raises(ValueError, match="no photographs"):
        Patches([], TASKS)
    with pytest.raises(ValueError, match="no tasks"):
        Patches([to_uint8(photo)], [])
