"""The widget of lesson 05: the MSE stays, whatever is mixed."""

from __future__ import annotations

import random
import statistics
import time

import pytest
import torch

from mtsr_lib import metrics, widgets
from mtsr_lib.widgets.equal_mse import mixer as mixer_of
from mtsr_lib.widgets.equal_mse import strength
from tests.harness import SLOWEST

NONE = dict.fromkeys(["brightness", "contrast", "blur", "noise", "shift"], 0)


@pytest.fixture(scope="module")
def mixer():
    return widgets.equal_mse()


def mixtures(count: int) -> list[dict[str, int]]:
    rng = random.Random(0)
    alone = [NONE | {name: 10} for name in NONE] + [NONE | {"brightness": -10, "contrast": -1}]
    drawn = [
        {name: rng.randint(-10 if name in ("brightness", "contrast") else 0, 10) for name in NONE}
        for _ in range(count)
    ]
    return alone + drawn


@pytest.mark.parametrize("parts", mixtures(12), ids=lambda parts: str(list(parts.values())))
def test_every_mixture_has_this_mse(parts) -> None:
    generator = torch.Generator().manual_seed(0)
    clean = 0.2 + 0.6 * torch.rand(1, 3, 12, 12, generator=generator)
    clean = torch.nn.functional.interpolate(clean, size=96, mode="bilinear")
    make, inner = mixer_of(clean), clean[..., 16:-16, 16:-16]
    made = make(parts, strength(make, parts, inner, 0.002))
    assert metrics.mse(made, inner).item() == pytest.approx(0.002, rel=5e-3)


def test_what_it_says_of_brightness_and_noise(mixer) -> None:
    mixer.set(**NONE | {"brightness": 10})
    assert "MSE 0.0040 (24.0 dB)" in mixer.answer["text"]
    assert "gradient loss 0.000 · SSIM 0.99" in mixer.answer["text"]
    mixer.set(**NONE | {"noise": 10})
    assert "MSE 0.0040 (24.0 dB)" in mixer.answer["text"]
    assert float(mixer.answer["text"].split()[-1]) < 0.5


def test_sweep_and_nothing_mixed_in(mixer) -> None:
    assert len(list(mixer.sweep())) == 10
    mixer.set(**NONE)
    assert "Nothing is mixed in" in mixer.answer["text"]


def test_a_photograph_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="288×288"):
        widgets.equal_mse(torch.rand(1, 3, 100, 300))


def test_answers_within_100_ms_of_cpu(mixer) -> None:
    times = []
    for parts in mixtures(40):
        began = time.process_time()
        mixer.set(**parts)
        times.append(time.process_time() - began)
    assert statistics.quantiles(times, n=20)[18] < 0.1 * SLOWEST, sorted(times)[-5:]
