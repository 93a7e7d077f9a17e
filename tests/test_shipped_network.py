"""The shipped network keeps what the course promises of it, and shows what each mistake costs."""

import re
from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from mtsr_lib.checkpoints import load_model, model_card, model_names
from mtsr_lib.degrade import crop_to_multiple, downscale
from mtsr_lib.evaluation import compare_tasks
from mtsr_lib.images import data_folder, load_image, photographs, quantize
from mtsr_lib.metrics import psnr_rgb, psnr_y
from mtsr_lib.recipes import read_config
from tests.test_metrics import full_range, mean_over, no_shave, through_pillow, typo

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not model_names(), reason="there is no network in data/checkpoints yet"),
]

LICENCES = {"CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "CC-BY-2.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0"}


@pytest.fixture(scope="module")
def shipped():
    return load_model()


@pytest.fixture(scope="module")
def super_resolve(shipped):
    @torch.inference_mode()
    def restore(x):
        return shipped(x, ["sr"])["sr"]

    return restore


# ---------------------------------------------------------------------------- how good it is


@pytest.mark.benchmarks
@pytest.mark.parametrize(("name", "goal"), [("Set5", 37.1), ("Set14", 32.8)])
def test_super_resolution_on_the_benchmarks(benchmarks, super_resolve, name, goal, capsys):
    measured = mean_over(benchmarks, name, 2, super_resolve)
    with capsys.disabled():
        print(f"\n{name} ×2: {measured:.3f} dB (goal {goal})")
    assert measured >= goal


@pytest.fixture(scope="module")
def table(shipped) -> dict[str, float]:
    """The tasks on the test photographs, at half their size to be quick."""
    pictures = [load_image(path) for path in photographs("test")]
    halves = [quantize(downscale(crop_to_multiple(p, 2), 2)) for p in pictures]
    return compare_tasks(shipped, halves, (0.0, 0.25, 0.5, 0.75, 1.0))


def test_each_head_beats_what_needs_no_head(table):
    assert table["sr: network, dB"] > table["sr: bicubic, dB"] + 1
    assert table["detail: network, dB"] > table["detail: enhanced bicubic, dB"]


@pytest.mark.parametrize("unit", ["dB", "ΔE00"])
def test_color_closes_half_of_the_gap_to_the_oracle(table, unit, capsys):
    nothing = table[f"color: doing nothing, {unit}"]
    oracle = table[f"color: bicubic, s known, {unit}"]
    closed = (table[f"color: network, {unit}"] - nothing) / (oracle - nothing)
    with capsys.disabled():
        print(f"\ncolor closes {closed:.0%} of the gap to the oracle in {unit}")
    assert closed >= 0.5


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


LIMITS = {"mtsr-base": 135_000, "mtsr-five": 105_000, "mtsr-live": 15_000}


@pytest.mark.parametrize("name", model_names())
def test_the_trunk_and_any_one_head_are_small(name):
    model = load_model(name)
    assert count(model.backbone) + max(map(count, model.heads.values())) <= LIMITS[name]


def test_all_files_together_are_small():
    files = (data_folder() / "checkpoints").iterdir()
    assert sum(file.stat().st_size for file in files) <= 5e6


# ---------------------------------------------------------------------------- their cards


@pytest.mark.parametrize("name", model_names())
def test_a_card_is_complete(name):
    card = model_card(name)
    assert card["name"] == name
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", card["date"])
    assert card["command"].startswith(f"python -m mtsr_lib train data/configs/{name}.toml")
    assert card["licence"] == "CC BY-SA 4.0"
    assert card["parameters"] == count(load_model(name))
    assert card["steps"] == card["config"]["steps"] == card["validation"]["step"]
    assert set(card["config"]["tasks"]) <= card["validation"].keys()
    assert {"python", "torch", "machine"} <= card["made_with"].keys()


@pytest.mark.parametrize("name", model_names())
def test_a_card_is_of_the_committed_configuration(name):
    config = asdict(read_config(data_folder() / "configs" / f"{name}.toml"))
    card = model_card(name)["config"]
    assert len(card) > 15
    assert {**config, **card} == config


@pytest.mark.parametrize("name", model_names())
def test_a_card_names_every_photograph_that_was_learnt_from(name):
    data = model_card(name)["data"]
    assert len(data) >= 10
    assert len({row["sha256"] for row in data}) == len(data)
    for row in data:
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"]), row
        assert row["licence"] in LICENCES, row
        assert row["author"], row
        assert row["source"], row


@pytest.mark.parametrize("name", model_names())
def test_none_saw_the_test_photographs(name):
    from hashlib import sha256

    seen = {row["sha256"] for row in model_card(name)["data"]}
    for split in ("val", "test"):
        assert not seen & {sha256(path.read_bytes()).hexdigest() for path in photographs(split)}


# ---------------------------------------------------------------------------- what mistakes cost

MISTAKES = {  # the change in dB on Set5 ×2; of a larger network, with the same sign: −1.33, −2.19 …
    full_range: (-1.36, -1.28),
    psnr_rgb: (-2.8, -1.6),
    no_shave: (-0.12, -0.01),
    typo: (0.02, 0.06),
}


@pytest.mark.benchmarks
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_wrong_metric_costs(benchmarks, super_resolve, mistake):
    right = mean_over(benchmarks, "Set5", 2, super_resolve)
    change = mean_over(benchmarks, "Set5", 2, super_resolve, mistake) - right
    low, high = MISTAKES[mistake]
    assert low < change < high


REDUCERS = {  # another way to make x: what it costs a network that learnt the right one
    "Pillow bicubic": (through_pillow(Image.Resampling.BICUBIC), 0.05, 0.05),
    "Pillow bilinear": (through_pillow(Image.Resampling.BILINEAR), 1.5, 4),
    "area": (lambda image, scale: F.avg_pool2d(image, scale), 0.5, 4),
    "no antialias": (lambda image, scale: F.interpolate(image, None, 1 / scale, "bicubic"), 2, 9),
}


@pytest.mark.benchmarks
@pytest.mark.parametrize("name", REDUCERS)
def test_what_another_way_to_reduce_costs(benchmarks, super_resolve, name):
    reduce, least, most = REDUCERS[name]
    right = mean_over(benchmarks, "Set5", 2, super_resolve)
    wrong = mean_over(benchmarks, "Set5", 2, super_resolve, psnr_y, reduce)
    if name == "Pillow bicubic":  # nearly the same kernel: only the borders differ
        assert wrong == pytest.approx(right, abs=least)
    else:
        assert least < right - wrong < most
