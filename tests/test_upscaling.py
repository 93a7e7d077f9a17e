"""Whole photographs in tiles: the same picture as in one piece, in memory that does not grow."""

import pytest
import torch

from mtsr_lib.datasets import thumbnail
from mtsr_lib.images import from_uint8, to_uint8
from mtsr_lib.sharing import ChainedNet
from mtsr_lib.tasks import COLOR, SR, select
from mtsr_lib.upscaling import _whole_context, upscale
from tests.conftest import lively

SIZES = [(60, 72), (37, 61), (1, 1), (3, 50)]


def one_piece(network, x):
    with torch.inference_mode():
        return {name: y.clamp(0, 1) for name, y in network(x).items()}


def differences(one: dict, other: dict) -> float:
    return max((one[name] - other[name]).abs().max().item() for name in one)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tile", [7, 16, 33, 192])
def test_tiles_make_the_picture_of_one_piece(network, photo, size, tile):
    x = photo[..., : size[0], : size[1]]
    tiled = upscale(network, x, tile=tile)
    assert tiled["sr"].shape == (1, 3, 2 * size[0], 2 * size[1])
    assert differences(tiled, one_piece(network, x)) < 1e-5


def test_tiles_of_several_scales(photo):
    network = lively([SR, COLOR.at_scale(3)])
    x = photo[..., :29, :41]
    assert differences(upscale(network, x, tile=13), one_piece(network, x)) < 1e-5


def test_tiles_of_chained_heads(photo):
    """`enhance` of an enlarged tile sees 8 pixels more on each side."""
    network = lively(select(["sr", "detail", "color", "detail_x3"]), kind=ChainedNet)
    x = photo[..., :45, :38]
    whole = one_piece(network, x)
    assert differences(upscale(network, x, tile=11), whole) < 1e-5
    network.reach = 2
    assert differences(upscale(network, x, tile=11), whole) > 1e-5


def test_a_narrower_border_would_show(network, photo):
    """The overlap is not for nothing."""
    narrow = lively(list(network.tasks.values()))
    narrow.load_state_dict(network.state_dict())
    narrow.reach = 1
    x = photo[..., :40, :40]
    assert differences(upscale(narrow, x, tile=16), one_piece(network, x)) > 1e-4


def test_the_context_is_that_of_the_whole_picture(photo, network):
    """Each tile gets it; computed by rows, it is the thumbnail, of small pictures too."""
    for size in (*SIZES, (120, 144)):
        x = photo[..., : size[0], : size[1]]
        assert (_whole_context(x) - thumbnail(x)).abs().max() < 1e-6
    seen = []
    hook = network.heads["color"].register_forward_hook(lambda _, given, __: seen.append(given[2]))
    upscale(network, photo, ["color"], tile=40)
    hook.remove()
    assert len(seen) == 12
    assert all(torch.equal(context, seen[0]) for context in seen)


def test_8_bits_in_8_bits_out(network, photo):
    x = to_uint8(photo[..., :30, :34])
    eight, floats = upscale(network, x, tile=20), upscale(network, from_uint8(x), tile=20)
    for name, picture in eight.items():
        assert picture.dtype == torch.uint8
        assert torch.equal(picture, to_uint8(floats[name]))


def test_results_lie_in_range_and_the_input_is_left_alone(network, photo):
    x = photo.clone()
    outputs = upscale(network, x, ["color"])
    assert list(outputs) == ["color"]
    assert 0 <= outputs["color"].min() <= outputs["color"].max() <= 1
    assert torch.equal(x, photo)


def test_other_float_types(network, photo):
    x = photo[..., :20, :20]
    double = upscale(network, x.double(), ["sr"])["sr"]
    assert double.dtype == torch.float64
    assert (double - upscale(network, x, ["sr"])["sr"]).abs().max() < 1e-6


def test_progress_counts_the_tiles(network, photo):
    calls = []
    upscale(network, photo[..., :50, :50], ["sr"], tile=20, progress=lambda *c: calls.append(c))
    assert calls == [(i, 9) for i in range(1, 10)]


def bad(name: str) -> torch.Tensor:
    x = torch.rand(1, 3, 8, 8)
    return {
        "shape (1, 3, h, w), not (3, 8, 8)": x[0],
        "shape (1, 3, h, w), not (2, 3, 8, 8)": x.repeat(2, 1, 1, 1),
        "shape (1, 3, h, w), not (1, 4, 8, 8)": torch.rand(1, 4, 8, 8),
        "shape (1, 3, h, w), not (1, 3, 0, 8)": x[..., :0, :],
        "divide by 255": 255 * x,
        "NaN": torch.where(x > 0.9, float("nan"), x),
        "infinite": x / 0,
        "float in [0, 1] or uint8, not torch.int64": x.long(),
    }[name]


@pytest.mark.parametrize(
    "sentence",
    [
        "shape (1, 3, h, w), not (3, 8, 8)",
        "shape (1, 3, h, w), not (2, 3, 8, 8)",
        "shape (1, 3, h, w), not (1, 4, 8, 8)",
        "shape (1, 3, h, w), not (1, 3, 0, 8)",
        "divide by 255",
        "NaN",
        "infinite",
        "float in [0, 1] or uint8, not torch.int64",
    ],
)
def test_a_tensor_that_is_no_photograph(network, sentence):
    with pytest.raises(ValueError) as caught:
        upscale(network, bad(sentence))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tasks_and_tiles_that_do_not_exist(network, photo):
    with pytest.raises(ValueError, match=r"has the tasks sr, detail, color, not \['blur'\]"):
        upscale(network, photo, ["sr", "blur"])
    with pytest.raises(ValueError, match="has the tasks"):
        upscale(network, photo, [])
    with pytest.raises(ValueError, match="at least one pixel"):
        upscale(network, photo, tile=0)
