"""Benchmarks are found and recognised, tables say what they measured, intervals cover."""

import shutil

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from mtsr_lib.datasets import whole_pair
from mtsr_lib.degrade import crop_to_multiple, downscale, enlarge, unfade
from mtsr_lib.evaluation import (
    BenchmarkError,
    benchmark,
    compare_tasks,
    confidence_interval,
    find_benchmark,
    measure,
)
from mtsr_lib.images import load_sample, photographs, quantize, save_image
from mtsr_lib.metrics import ciede2000, psnr_rgb, psnr_y, ssim_y
from mtsr_lib.tasks import COLOR, DETAIL, SR, enhance
from tests.conftest import lively


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
