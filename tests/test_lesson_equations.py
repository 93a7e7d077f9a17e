"""The equations of lessons 03, 04, 06, 07 and 09 against the library, on numbers worked by hand."""

import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mtsr_lib.balance import DWA, FixedWeights, Uncertainty, total_loss
from mtsr_lib.blocks import ResidualBlock, Upsampler
from mtsr_lib.degrade import unfade
from mtsr_lib.evaluation import self_ensemble, t_interval
from mtsr_lib.images import luma, rgb_to_y
from mtsr_lib.metrics import ciede2000, mse, psnr, psnr_rgb, psnr_y
from mtsr_lib.model import ColorTransform, MultiTaskNet
from mtsr_lib.tasks import COLOR, DETAIL, SR, base, enhance
from mtsr_lib.training import cosine

LAYERS = [
    ([(3, 1, 1), (3, 1, 1)], 5),  # 1 + 2 + 2
    ([(3, 2, 1), (3, 1, 1)], 7),  # 1 + 2 + 2 · 2
    ([(3, 2, 1)] * 3, 15),  # 1 + 2 + 4 + 8
    ([(3, 1, 4)], 9),  # 1 + 2 · 4
    ([(5, 1, 1), (1, 1, 1), (3, 1, 3)], 11),  # 1 + 4 + 0 + 6
    ([(5, 3, 1), (3, 2, 2), (3, 1, 2)], 41),  # 1 + 4 + 4 · 3 + 4 · 6
    ([(3, 1, 1), (3, 2, 1), *[(3, 1, 1)] * 4], 21),  # the quiz: 1 + 2 + 2 + 4 · (2 · 2)
]


@pytest.mark.parametrize(("layers", "side"), LAYERS)
def test_the_receptive_field_is_what_the_gradient_reaches(layers, side):
    stack = nn.Sequential(*[nn.Conv1d(1, 1, k, s, dilation=d) for k, s, d in layers])
    for convolution in stack:
        nn.init.ones_(convolution.weight)
    x = torch.ones(1, 1, side, requires_grad=True)
    features = stack(x)
    features.sum().backward()
    assert features.numel() == 1  # one pixel less would be too few
    assert x.grad[0, 0, 0] > 0
    assert x.grad[0, 0, -1] > 0
    with pytest.raises(RuntimeError):
        stack(torch.ones(1, 1, side - 1))


def test_a_residual_block_adds_and_its_derivative_is_one_more():
    """x + 3 relu(2x − 1) + 0.5: 4.5 at x = 1, where it rises by 1 + 6; 0.5 at x = 0, by 1."""
    block = ResidualBlock(1)
    for convolution, tap, bias in ((block.conv1, 2, -1), (block.conv2, 3, 0.5)):
        nn.init.zeros_(convolution.weight)
        convolution.weight.data[0, 0, 1, 1] = tap
        nn.init.constant_(convolution.bias, bias)
    for value, expected, slope in ((1.0, 4.5, 7.0), (0.0, 0.5, 1.0)):
        x = torch.full((1, 1, 1, 1), value, requires_grad=True)
        y = block(x)
        y.backward()
        assert (y.item(), x.grad.item()) == (expected, slope)


def test_sub_pixel_convolution_lays_four_channels_out_as_a_square():
    """Channel c s² + (i mod s) s + j mod s at (⌊i/s⌋, ⌊j/s⌋): [0 1], [2 3], [4 5], [6 7]."""
    upsampler = Upsampler(4, 1, 2)
    for channel in range(4):
        upsampler.conv.weight.data[channel, channel, 1, 1] = 1
    x = torch.arange(8.0).view(1, 4, 1, 2)
    assert upsampler(x).tolist() == [[[[0, 2, 1, 3], [4, 6, 5, 7]]]]


def test_the_guided_filter_and_enhance_on_columns_03_03_06():
    """Every 9×9 window has mean 0.4 and variance 0.02: a = 2/3 and b = 0.4/3, so base keeps
    2/3 of the deviation: 1/3 and 8/15; enhance adds 1.5 times the rest: 0.25 and 0.7."""
    columns = torch.tensor([0.3, 0.3, 0.6], dtype=torch.float64).repeat(13)
    picture = columns.expand(1, 3, 24, 39)
    inner = (..., slice(8, 16), slice(15, 18))  # windows of windows that reach no border
    for made, expected in ((base, [1 / 3, 1 / 3, 8 / 15]), (enhance, [0.25, 0.25, 0.7])):
        for row in made(picture)[inner].reshape(-1, 3).tolist():
            assert row == pytest.approx(expected, abs=1e-12)


def test_unfade_on_one_pixel():
    """Red at s = 1: 0.4 red + 0.6 · 0.299, then 0.55 of it + 0.9 · (0.32, 0.27, 0.22)."""
    faded = torch.tensor([0.60667, 0.34167, 0.29667]).view(1, 3, 1, 1)
    assert unfade(faded, 1.0).flatten().tolist() == pytest.approx([1, 0, 0], abs=1e-4)


def test_the_colour_transform_multiplies_and_adds_the_last_column():
    """M = rows (0, 1, 0, 0.1), (0, 0, 1, 0), (0.5, 0, 0, 0): the identity and this change."""
    transform = ColorTransform()
    change = torch.tensor([[-1, 1, 0, 0.1], [0, -1, 1, 0], [0.5, 0, -1, 0]])
    transform.predict[-1].bias.data.copy_(change.flatten())
    pixel = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1)
    made = transform(pixel, torch.rand(1, 3, 32, 32)).flatten().tolist()
    assert made == pytest.approx([0.5, 0.6, 0.1], abs=1e-6)


def test_the_macs_of_backbone_and_head_and_what_sharing_saves():
    """T = 27 · 32 + 9 · 9 · 32², H = 9 · 32 · 16 + 9 · 16 · 12; (T + 3 H) / (3 (T + H)) = 0.38."""
    net = MultiTaskNet([SR, DETAIL, COLOR])
    x, features = torch.rand(1, 3, 5, 7), torch.rand(1, 32, 5, 7)
    head = net.heads["sr"]

    def macs(run) -> int:
        with FlopCounterMode(display=False) as counter:
            run()
        return counter.get_total_flops() // 2 // (5 * 7)

    trunk = macs(lambda: net.backbone(x))
    each = macs(lambda: head(features, torch.zeros(1, 3, 10, 14)))
    assert (trunk, each) == (83_808, 6_336)
    assert (trunk + 3 * each) / (3 * (trunk + each)) == pytest.approx(102_816 / 270_432)


def solid(*colour: float) -> torch.Tensor:
    """Sixteen by sixteen pixels of one colour, in 8-bit steps."""
    return (torch.tensor(colour) / 255).view(1, 3, 1, 1).expand(1, 3, 16, 16)


def test_y_of_one_pixel_in_both_ways_of_writing_it():
    """16 + 65.481 · 0.2 + 128.553 · 0.4 + 24.966 · 0.6 = 95.497; (65.738 · 51 + …)/256 agrees."""
    pixel = solid(51, 102, 153).double()
    bytes_way = 16 + (65.738 * 51 + 129.057 * 102 + 25.064 * 153) / 256
    assert rgb_to_y(pixel)[0, 0, 0, 0].item() == pytest.approx(95.497, abs=1e-5)
    assert bytes_way == pytest.approx(95.497, abs=1e-3)


@pytest.mark.parametrize(
    ("step", "y_dB", "rgb_dB"),
    [
        ((1, 1, 1), 49.45, 48.13),  # 20 log₁₀(255/0.859), 20 log₁₀ 255
        ((0, 1, 0), 54.08, 52.90),  # 20 log₁₀(255/0.504), 10 log₁₀(3 · 255²)
        ((53, -27, 0), 103.4, 17.41),  # 0.438/255 is left of Y; 10 log₁₀(3 · 255²/(53² + 27²))
    ],
)
def test_psnr_in_y_and_in_rgb_of_a_step_in_colour(step, y_dB, rgb_dB):
    grey, off = solid(128, 128, 128), solid(*(128 + s for s in step))
    assert psnr_y(off, grey, 2).item() == pytest.approx(y_dB, abs=0.05 if y_dB > 100 else 0.005)
    assert psnr_rgb(off, grey, 2).item() == pytest.approx(rgb_dB, abs=0.005)


def test_full_range_costs_20_log_255_over_219():
    """Luma is (Y − 16)/219: the same error, 255/219 times as large, 1.32 dB."""
    grey, off = solid(100, 100, 100).double(), solid(104, 99, 130).double()
    cost = psnr_y(off, grey, 2) - psnr(luma(off), luma(grey))
    assert cost.item() == pytest.approx(1.322, abs=0.01)


@pytest.mark.parametrize(("lightness", "expected"), [(50, 1.00), (90, 0.6264)])
def test_ciede2000_of_two_greys_one_step_apart(lightness, expected):
    """S_L = 1 + 0.015 · 40²/√(20 + 40²) = 1.5963 at L = 90, and 1/1.5963 = 0.6264."""
    from skimage.color import lab2rgb

    def grey(value):
        return torch.from_numpy(lab2rgb([[[value, 0.0, 0.0]]])).permute(2, 0, 1)[None]

    made = ciede2000(grey(lightness - 0.5), grey(lightness + 0.5)).item()
    assert made == pytest.approx(expected, abs=2e-3)


def test_the_standard_error_of_three_gains():
    """0.1, 0.2, 0.6: s² = 0.14/2, SE = 0.1528; Student's interval is 4.3027 times as wide."""
    middle, half = t_interval([0.1, 0.2, 0.6])
    assert (middle, half / 4.3027) == pytest.approx((0.3, 0.1528), abs=1e-4)


def test_an_ensembles_error_is_the_mean_error_less_the_variance():
    """One pixel in eight answers: 0.4 in four, 0.6 in two, 0.8 in two; the target 0.5.

    Mean 0.55; mean error (4 · 0.01 + 2 · 0.01 + 2 · 0.09)/8 = 0.03, variance
    (4 · 0.0225 + 2 · 0.0025 + 2 · 0.0625)/8 = 0.0275; the difference 0.0025 = (0.55 − 0.5)².
    """
    answers = iter([0.4, 0.4, 0.4, 0.4, 0.6, 0.6, 0.8, 0.8])
    ensemble = self_ensemble(lambda image: torch.full_like(image, next(answers)))
    made = ensemble(torch.zeros(1, 3, 2, 2, dtype=torch.float64))
    assert mse(made, torch.full_like(made, 0.5)).item() == pytest.approx(0.03 - 0.0275, abs=1e-12)


def test_a_total_loss_and_the_first_steps_down_it():
    """(θ − 1)² and (θ − 3)² with the weights 1 and 0.5 at 0: 5.5, slope −5; SGD to 0.5, 0.85.

    Adam's second slope is −1.8 − 2.9 = −4.7: m = −0.92, v = 0.047065; by 0.19 and 0.001999
    −4.842105 and 23.544272; the step 0.1 · 4.842105/4.852244.
    """
    places = {}
    for kind in (torch.optim.SGD, torch.optim.Adam):
        theta = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimizer = kind([theta], lr=0.1)
        places[kind.__name__] = []
        for _ in range(2):
            losses = {"one": (theta - 1) ** 2, "other": (theta - 3) ** 2}
            optimizer.zero_grad()
            FixedWeights({"other": 0.5}).backward(losses)
            optimizer.step()
            places[kind.__name__].append(theta.item())
    at_zero = {"one": torch.tensor(1.0), "other": torch.tensor(9.0)}
    assert total_loss(at_zero, {"other": 0.5}).item() == 5.5
    assert places["SGD"] == pytest.approx([0.5, 0.85])
    assert places["Adam"] == pytest.approx([0.1, 0.199791], abs=1e-6)


@pytest.mark.parametrize(("step", "rate"), [(0, 2e-5), (500, 1.01e-3), (1000, 2e-5)])
def test_the_rate_rises_and_falls_along_half_a_cosine(step, rate):
    assert cosine(1000, peak=2e-3, warmup=100)(step) == pytest.approx(rate)


def test_the_rate_at_a_third_and_in_the_warm_up():
    """At t = T/3 the cosine is 0.5: 0.7525 of the peak; at t = 49 half of the peak by 0.99413."""
    assert cosine(300, peak=2e-3, warmup=10)(100) == pytest.approx(2e-3 * 0.7525)
    assert cosine(1000, peak=2e-3, warmup=100)(49) == pytest.approx(1e-3 * 0.99414, abs=1e-8)


def test_a_settled_uncertainty_does_not_know_units():
    """At exp(s) = L a task adds 1/2 + ln(L)/2: 255 times the loss adds ln(255)/2 = 2.7706."""
    totals = []
    for loss in (0.02, 0.02 * 255):
        balancer = Uncertainty(["a"])
        balancer.log_variance["a"].data.fill_(math.log(loss))
        scaled = torch.tensor(loss, requires_grad=True)
        assert balancer.backward({"a": scaled})["a"] == pytest.approx(1 / (2 * loss))
        assert balancer.log_variance["a"].grad.item() == pytest.approx(0, abs=1e-6)
        totals.append(loss / (2 * loss) + math.log(loss) / 2)
    assert totals[1] - totals[0] == pytest.approx(2.7706, abs=1e-4)


def test_how_far_adam_lets_a_log_variance_fall():
    """With slopes of one sign: the sum of the rates, 1.42 in 1,500 steps; not ln 0.01."""
    balancer = Uncertainty(["sr", "color"])
    optimizer = torch.optim.Adam(balancer.parameters())
    for step in range(1500):
        optimizer.param_groups[0]["lr"] = cosine(1500)(step)
        optimizer.zero_grad()
        balancer.backward({"sr": torch.tensor(0.01), "color": torch.tensor(0.07)})
        optimizer.step()
    sr, color = (s.item() for s in balancer.log_variance.values())
    reach = sum(cosine(1500)(step) for step in range(1500))
    assert reach == pytest.approx(1.42, abs=0.01)
    assert math.log(0.01) < -2 * reach
    assert -reach - 0.02 < sr < -0.95 * reach
    assert color == pytest.approx(sr, abs=0.08)


def test_dwa_cannot_give_more_than_the_root_of_e_as_long_as_no_loss_rises():
    dwa = DWA(["still", "gone"], period=1)
    for still, gone in [(1.0, 1.0), (1.0, 0.0)]:
        dwa.backward(
            {
                name: torch.tensor(v, requires_grad=True)
                for name, v in {"still": still, "gone": gone}.items()
            }
        )
    drawn = dwa.backward({n: torch.tensor(1.0, requires_grad=True) for n in ("still", "gone")})
    assert drawn["still"] / drawn["gone"] == pytest.approx(math.exp(0.5))
