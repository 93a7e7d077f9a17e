"""Tasks: the guided filter against a naive loop, detail without halos, names and scales."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mtsr_lib.degrade import fade
from mtsr_lib.tasks import (
    COLOR,
    DETAIL,
    SR,
    Task,
    base,
    common_scale,
    enhance,
    select,
    window_mean,
)


def guided_filter(p: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """He et al. 2013 with I = p, one channel, loops over windows, borders mirrored."""
    side, h, w = 2 * radius + 1, *p.shape
    wide = np.pad(p, 2 * radius, "symmetric")
    a, b = np.zeros((2, h + 2 * radius, w + 2 * radius))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            window = wide[i : i + side, j : j + side]
            a[i, j] = window.var() / (window.var() + epsilon)
            b[i, j] = (1 - a[i, j]) * window.mean()
    q = np.zeros_like(p)
    for i in range(h):
        for j in range(w):
            here = slice(i, i + side), slice(j, j + side)
            q[i, j] = a[here].mean() * p[i, j] + b[here].mean()
    return q


@pytest.mark.parametrize(("size", "radius", "epsilon"), [((14, 17), 4, 0.01), ((5, 3), 2, 0.1)])
def test_base_is_the_guided_filter(size, radius, epsilon, rng):
    picture = rng.random((1, 2, *size))
    ours = base(torch.from_numpy(picture), radius, epsilon)[0].numpy()
    for channel in (0, 1):
        naive = guided_filter(picture[0, channel], radius, epsilon)
        assert np.abs(ours[channel] - naive).max() < 1e-9


def test_window_mean_is_the_mean_of_each_window(rng):
    image = torch.from_numpy(rng.random((1, 1, 6, 7)))
    naive = [[image[0, 0, i : i + 3, j : j + 3].mean() for j in range(5)] for i in range(4)]
    assert torch.allclose(window_mean(image, 3)[0, 0], torch.tensor(naive).double())


def test_a_flat_picture_has_no_detail():
    flat = torch.full((1, 3, 20, 20), 0.4)
    assert (base(flat) - flat).abs().max() < 1e-6
    assert (enhance(flat) - flat).abs().max() < 1e-6


def test_fine_detail_is_enhanced_and_the_result_stays_in_range(photo):
    rng = torch.Generator().manual_seed(0)
    texture = 0.5 + 0.02 * torch.randn(1, 3, 40, 40, generator=rng)
    assert enhance(texture).std() > 2 * texture.std()  # nearly 2.5: almost all of it is detail
    assert 0 <= enhance(photo).min() <= enhance(photo).max() <= 1


def overshoot(picture: torch.Tensor, low: float, high: float) -> float:
    return max(low - picture.min().item(), picture.max().item() - high)


def test_no_halo_at_an_edge_where_unsharp_masking_makes_one():
    step = torch.full((1, 1, 40, 40), 0.2)
    step[..., 20:] = 0.8
    smooth = torch.from_numpy(gaussian_filter(step[0, 0].numpy(), 2.0))[None, None]
    halo = overshoot(step + 1.5 * (step - smooth), 0.2, 0.8)
    assert halo > 0.3
    assert overshoot(enhance(step), 0.2, 0.8) < halo / 5


def test_the_three_targets(photo):
    shot = fade(photo, 0.7)
    assert torch.equal(SR.target(photo, shot), shot)
    assert torch.equal(COLOR.target(photo, shot), photo)
    assert torch.equal(DETAIL.target(photo, shot), enhance(shot))
    assert [task.context for task in (SR, DETAIL, COLOR)] == [False, False, True]


def test_a_task_at_another_scale_has_a_name_of_its_own():
    assert (SR.at_scale(3).name, SR.at_scale(3).scale) == ("sr_x3", 3)
    assert SR.at_scale(3).at_scale(4).name == "sr_x4"
    assert SR.at_scale(4).at_scale(2) == SR
    assert SR.at_scale(2) == SR
    own = Task("my_xray", 2, SR.target)
    assert own.at_scale(3).name == "my_xray_x3"


def test_select():
    assert select(["sr", "detail", "color"]) == [SR, DETAIL, COLOR]
    assert select(["color_x4"]) == [COLOR.at_scale(4)]
    assert select(["sr_x2"]) == [SR]
    for wrong in ("blur", "sr_x5", "sr_3", "SR", ""):
        with pytest.raises(ValueError, match=r"there is no task .*; use sr, detail, color"):
            select([wrong])


def test_common_scale():
    assert common_scale([SR, DETAIL]) == 2
    with pytest.raises(ValueError, match=r"one scale .* not \[2, 3\]"):
        common_scale([SR, SR.at_scale(3)])
    with pytest.raises(ValueError, match="one scale"):
        common_scale([])
