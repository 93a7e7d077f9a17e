"""Losses: cases worked by hand, derivatives against finite differences."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtsr_lib import losses, metrics

ALL = [losses.mse, losses.l1, losses.charbonnier, losses.gradient, losses.ssim]


def pair(seed: int = 0, size: int = 12):
    torch.manual_seed(seed)
    return torch.rand(2, 3, size, size, dtype=torch.float64), torch.rand(2, 3, size, size).double()


def test_by_hand():
    y = torch.zeros(1, 1, 2, 2)
    prediction = torch.tensor([[[[1.0, 3.0], [0.0, 0.0]]]])
    assert losses.mse(prediction, y).item() == 2.5  # (1 + 9) / 4
    assert losses.l1(prediction, y).item() == 1.0
    assert losses.charbonnier(prediction, y).item() == pytest.approx(1.0005, abs=1e-6)
    assert losses.gradient(prediction, y).item() == 3.0  # (2 + 0) / 2 across, (1 + 3) / 2 down


def test_zero_for_equal_pictures_and_a_scalar():
    x, y = pair()
    for loss in ALL:
        floor = 1e-3 if loss is losses.charbonnier else 0  # ε
        assert loss(x, x.clone()).item() == pytest.approx(floor, abs=1e-12)
        assert loss(x, y).shape == ()
        assert loss(x, y) > 0.1


def test_gradient_is_blind_to_a_constant_and_charbonnier_is_nearly_l1():
    x, y = pair()
    assert losses.gradient(x + 0.3, x).item() == pytest.approx(0, abs=1e-12)
    assert losses.gradient(x + 0.3, y).item() == pytest.approx(losses.gradient(x, y).item())
    assert 0 < losses.charbonnier(x, y) - losses.l1(x, y) < 1e-3


def test_ssim_is_one_less_the_metric():
    x, y = pair()
    assert losses.ssim(x, y).item() == pytest.approx(1 - metrics.ssim(x, y).mean().item())


@pytest.mark.parametrize("loss", ALL)
def test_derivatives_are_those_of_finite_differences(loss):
    x, y = (image[:1, :1].clone() for image in pair())
    assert torch.autograd.gradcheck(lambda p: loss(p, y), x.requires_grad_(), atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), share=st.floats(0.1, 0.9))
def test_nearer_is_better(seed, share):
    """On the straight way to the target every convex loss falls in proportion or faster."""
    x, y = pair(seed)
    for loss in (losses.mse, losses.l1, losses.gradient):
        assert loss(y + share * (x - y), y) <= share * loss(x, y) + 1e-12


@pytest.mark.parametrize("loss", ALL)
def test_shapes_that_differ_are_refused(loss):
    with pytest.raises((ValueError, TypeError)):
        loss(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 15))
