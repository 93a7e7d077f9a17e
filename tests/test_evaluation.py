"""Benchmarks are found and recognised, tables say what they measured, intervals cover."""

import csv
import shutil

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from mtsr_lib.checkpoints import load_model, model_names
from mtsr_lib.datasets import whole_pair
from mtsr_lib.degrade import crop_to_multiple, downscale, enlarge, unfade
from mtsr_lib.evaluation import (
    BenchmarkError,
    benchmark,
    compare_tasks,
    confidence_interval,
    cost,
    find_benchmark,
    measure,
    network_rows,
    self_ensemble,
    t_interval,
)
from mtsr_lib.images import load_image, load_sample, photographs, quantize, save_image
from mtsr_lib.metrics import ciede2000, psnr_rgb, psnr_y, ssim_y
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.sharing import ChainedNet
from mtsr_lib.tasks import COLOR, DETAIL, SR, enhance
from tests.conftest import lively
from tools import benchmarks as stored
from tools import networks


def test_the_courses_own_photographs_need_no_root():
    files, remark = find_benchmark("val")
    assert files == photographs("val")
    assert "own" in remark


def test_a_benchmark_that_is_not_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("MTSR_BENCHMARKS", raising=False)
    with pytest.raises(BenchmarkError, match=r"--root or the variable MTSR_BENCHMARKS"):
        find_benchmark("Set5")
    with pytest.raises(BenchmarkError, match=r"Set5 holds no HR pictures"):
        find_benchmark("Set5", tmp_path)


def test_pictures_of_ones_own(photo_folder, monkeypatch):
    monkeypatch.setenv("MTSR_BENCHMARKS", str(photo_folder.parent))
    files, remark = find_benchmark(photo_folder.name)
    assert [file.stem for file in files] == ["astronaut", "cat", "coffee"]
    assert remark == "3 pictures of your own"


@pytest.mark.benchmarks
@pytest.mark.parametrize(("name", "count"), [("Set5", 5), ("Set14", 14)])
def test_published_pictures_are_known_by_their_pixels(benchmarks, name, count):
    files, remark = find_benchmark(name, benchmarks)
    assert len(files) == count
    assert remark == "the published pictures, pixel by pixel"


@pytest.mark.benchmarks
def test_other_pictures_under_a_published_name_are_told(benchmarks, tmp_path):
    shutil.copytree(benchmarks / "Set5", tmp_path / "Set5")
    save_image(load_sample("cat"), tmp_path / "Set5" / "woman.png")
    assert "NOT the published set" in find_benchmark("Set5", tmp_path)[1]
    assert "missing or other: woman" in find_benchmark("Set5", tmp_path)[1]
    (tmp_path / "Set5" / "woman.png").unlink()
    assert "4 of 5 pictures" in find_benchmark("Set5", tmp_path)[1]


def test_a_row_for_each_picture(photo):
    odd = photo[..., :119, :143]
    rows = benchmark(lambda x: enlarge(x, 3), [("a", photo), ("b", odd)], 3)
    assert [row["picture"] for row in rows] == ["a", "b"]
    hr = crop_to_multiple(odd, 3)
    y = enlarge(quantize(downscale(hr, 3)), 3)
    for metric in (psnr_y, ssim_y, psnr_rgb):
        assert rows[1][metric.__name__] == pytest.approx(metric(y, hr, 3).item())


def test_tasks_beside_what_needs_no_head(network, photo):
    table = compare_tasks(network, [photo], [0.5])
    x, targets = whole_pair(photo, 0.5, list(network.tasks.values()))
    y, bicubic = network(x), enlarge(x, 2)
    expected = {
        "sr: bicubic, dB": psnr_rgb(bicubic, targets["sr"], 2),
        "detail: enhanced bicubic, dB": psnr_rgb(enhance(bicubic), targets["detail"], 2),
        "detail: enhanced sr output, dB": psnr_rgb(enhance(y["sr"]), targets["detail"], 2),
        "color: doing nothing, dB": psnr_rgb(bicubic, targets["color"], 2),
        "color: bicubic, s known, dB": psnr_rgb(unfade(bicubic, 0.5), targets["color"], 2),
        "color: network, ΔE00": ciede2000(quantize(y["color"]), targets["color"]),
    }
    for key, value in expected.items():
        assert table[key] == pytest.approx(value.item(), abs=1e-3), key
    oracle = table["color: bicubic, s known, dB"]
    assert oracle > table["color: doing nothing, dB"] + 3


def test_a_network_with_more_scales_is_compared_at_two(photo):
    network = lively([SR, DETAIL, COLOR, SR.at_scale(3)])
    assert "sr: network, dB" in compare_tasks(network, [photo], [0.0])


def test_measure_averages_each_tasks_metric(photo):
    network = lively([SR, COLOR.at_scale(3)])
    pictures = [photo, photo.flip(-1)]
    values = measure(network, pictures, (0.0, 1.0))
    expected = []
    for picture in pictures:
        for s in (0.0, 1.0):
            x, targets = whole_pair(picture, s, [COLOR.at_scale(3)])
            y = network(x, ["color_x3"])["color_x3"]
            expected.append(psnr_rgb(y, targets["color_x3"], 3).item())
    assert list(values) == ["sr", "color_x3"]
    assert values["color_x3"] == pytest.approx(np.mean(expected), abs=1e-4)


def test_the_interval_is_near_students_for_normal_values(rng):
    values = rng.normal(3, 1, 40)
    low, high = confidence_interval(values.tolist())
    half = student.ppf(0.975, 39) * values.std(ddof=1) / np.sqrt(40)
    assert low == pytest.approx(values.mean() - half, abs=0.06)
    assert high == pytest.approx(values.mean() + half, abs=0.06)
    assert confidence_interval(values.tolist()) == (low, high)  # reproducible


def test_intervals_of_few_or_equal_values():
    assert confidence_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    with pytest.raises(ValueError, match="at least three"):
        confidence_interval([1.0, 2.0])


def test_nothing_is_left_requiring_gradients(network, photo):
    measure(network, [photo], (0.0,))
    assert torch.is_grad_enabled()


# ---------------------------------------------------------------------------- self-ensemble


def test_an_ensemble_of_what_turns_along_changes_nothing(photo):
    x = photo[..., :40, :56]
    ensemble = self_ensemble(lambda image: enlarge(image, 2))
    assert torch.allclose(ensemble(x), enlarge(x, 2), atol=1e-6)


def test_it_is_the_mean_over_the_eight_symmetries():
    """By hand: what keeps the first pixel alone gives every corner in turn, twice each."""

    def first_pixel(x):
        kept = torch.zeros_like(x)
        kept[..., 0, 0] = x[..., 0, 0]
        return kept

    x = torch.arange(1.0, 10).view(1, 1, 3, 3)
    expected = torch.tensor([[1.0, 0, 3], [0, 0, 0], [7, 0, 9]]) / 4
    assert torch.equal(self_ensemble(first_pixel)(x)[0, 0], expected)


def test_the_ensembles_error_is_the_mean_error_less_the_variance(network, photo):
    from mtsr_lib.datasets import augment

    x, truth = downscale(photo, 2), photo
    restore = lambda image: network(image, ["sr"])["sr"]  # noqa: E731
    with torch.inference_mode():
        back = [0, 3, 2, 1, 4, 5, 6, 7]
        answers = torch.stack([augment(restore(augment(x, n)), back[n]) for n in range(8)])
        error = (self_ensemble(restore)(x) - truth).square().mean()
    assert answers.var(0, correction=0).mean() > 1e-7  # they do differ
    expected = (answers - truth).square().mean() - answers.var(0, correction=0).mean()
    assert error.item() == pytest.approx(expected.item(), rel=1e-3)


# ---------------------------------------------------------------------------- all networks


def test_cost_by_hand():
    """sr at ×2, 2 channels, no blocks, 3 hidden: weights × pixels of 640×360, biases are free."""
    net = MultiTaskNet([SR, DETAIL], 2, 0, 3)
    weights = 9 * (3 * 2 + 2 * 2 + 2 * 3 + 3 * 12)
    biases = 2 + 2 + 3 + 12
    assert cost(net, "sr") == {"parameters": weights + biases, "macs": weights * 640 * 360}


def test_the_cost_of_a_chained_task_holds_its_sr_head():
    hard, chained = (kind([SR, DETAIL], 4, 1, 5) for kind in (MultiTaskNet, ChainedNet))
    for key in ("parameters", "macs"):
        assert cost(chained, "sr")[key] == cost(hard, "sr")[key]
        assert cost(chained, "detail")[key] > cost(hard, "detail")[key]


def test_all_networks_at_all_their_scales(photo):
    two, four = lively([SR]), lively([SR, SR.at_scale(4)])
    pictures = {"Own": [("one", photo[..., :48, :48]), ("two", photo[..., 48:96, :60])]}
    rows = network_rows({"two": two, "four": four}, pictures, rounds=1)
    found = [(row["scale"], row["network"]) for row in rows]
    assert found == [
        *[(2, name) for name in ("bicubic", "two", "four")],
        (3, "bicubic"),
        *[(4, name) for name in ("bicubic", "four")],
    ]
    by_hand = benchmark(lambda x: four(x, ["sr_x4"])["sr_x4"], pictures["Own"], 4)
    assert rows[-1]["Own psnr_y"] == pytest.approx(np.mean([r["psnr_y"] for r in by_hand]))
    assert all(row["milliseconds"] > 0 for row in rows)


# ---------------------------------------------------------------------------- stored results


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    """data/results/benchmarks.csv, which lesson 07 shows."""
    with open(stored.RESULTS, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not model_names(), reason="there is no network in data/checkpoints yet")
def test_the_stored_results_are_of_the_shipped_network(table):
    hashes = {row["checkpoint"] for row in table if row["method"] != "bicubic"}
    assert hashes == {stored.checkpoint_hash()}, "run tools/benchmarks.py"


def test_each_picture_is_stored_once_for_each_method(table):
    count = {"Set5": 5, "Set14": 14}
    keys = [(row["benchmark"], row["picture"], row["method"]) for row in table]
    assert len(set(keys)) == len(keys) == 3 * sum(count.values())
    for name, pictures in count.items():
        bicubic = [
            float(r["psnr_y"]) for r in table if (r["benchmark"], r["method"]) == (name, "bicubic")
        ]
        assert len(bicubic) == pictures
        # published, by RGB (tests/test_metrics.py)
        assert np.mean(bicubic) == pytest.approx({"Set5": 33.68, "Set14": 30.33}[name], abs=0.01)


@pytest.mark.benchmarks
def test_a_stored_picture_measured_again(table, benchmarks):
    again = list(stored.rows("Set5", str(benchmarks), only="woman"))
    kept = [row for row in table if row["picture"] == "woman"]
    assert [row["method"] for row in again] == [row["method"] for row in kept]
    for new, old in zip(again, kept, strict=True):
        for metric, tolerance in (("psnr_y", 0.01), ("ssim_y", 1e-4), ("psnr_rgb", 0.01)):
            assert float(new[metric]) == pytest.approx(float(old[metric]), abs=tolerance)


def test_the_readmes_table_is_of_the_stored_rows_and_of_the_shipped_files():
    rows = networks.stored_rows()
    assert {row["network"] for row in rows} == {"bicubic", *model_names()}
    for row in rows:
        assert row["checkpoint"] == networks.file_hash(row["network"]), "run tools/networks.py"
    for path in (networks.README, networks.REPORT):
        assert networks.table(rows) in path.read_text("utf-8")
        assert networks.page(path, rows) == path.read_text("utf-8"), "run tools/networks.py --again"


@pytest.mark.benchmarks
def test_the_stored_networks_measured_again(benchmarks):
    files, _ = find_benchmark("Set5", str(benchmarks))
    pictures = {"Set5": [(file.stem, load_image(file)) for file in files]}
    again = network_rows({name: load_model(name) for name in model_names()}, pictures, rounds=1)
    for new, old in zip(again, networks.stored_rows(), strict=True):
        assert (new["network"], new["scale"]) == (old["network"], old["scale"])
        assert (new["parameters"], new["macs"]) == (old["parameters"], old["macs"])
        assert new["Set5 psnr_y"] == pytest.approx(old["Set5 psnr_y"], abs=0.01)
        assert new["Set5 ssim_y"] == pytest.approx(old["Set5 ssim_y"], abs=1e-4)


def test_without_benchmarks_the_command_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MTSR_BENCHMARKS", raising=False)
    monkeypatch.setattr("sys.argv", ["benchmarks.py"])
    monkeypatch.setattr(stored, "RESULTS", tmp_path / "benchmarks.csv")
    assert stored.main() == 2
    assert "MTSR_BENCHMARKS" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_t_interval_by_hand():
    """1, 2, 3: mean 2, s = 1, t(0.975, 2) = 4.303 by the printed tables; 4.303 / √3 = 2.484."""
    assert t_interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2.484), abs=1e-3)
    assert t_interval([5.0, 5.0]) == (5.0, 0.0)
    with pytest.raises(ValueError, match="at least two"):
        t_interval([1.0])
