"""The command line: right results and names, one sentence for each bad input, never a traceback."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtsr_lib import __main__ as command_line
from mtsr_lib import doctor
from mtsr_lib.__main__ import main
from mtsr_lib.checkpoints import load_checkpoint, save_checkpoint
from mtsr_lib.images import load_uint8
from mtsr_lib.tasks import COLOR, DETAIL, SR
from mtsr_lib.upscaling import upscale
from tests.conftest import lively

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(capsys):
    """Run a command; its exit status, what it printed, and its errors without progress bars."""

    def call(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        lines = printed.err.replace("\r", "\n").splitlines()
        return status, printed.out, "\n".join(x for x in lines if x.startswith("mtsr_lib:"))

    return call


# ---------------------------------------------------------------------------- upscale


def test_upscale_writes_a_picture_for_each_task(run, network_file, photo_file, tmp_path):
    status, out, _ = run("upscale", photo_file, "--model", network_file, "--out", tmp_path / "new")
    assert status == 0
    names = ["photo_sr_x2.png", "photo_detail_x2.png", "photo_color_x2.png"]
    assert out.split() == [str(tmp_path / "new" / name) for name in names]
    expected = upscale(load_checkpoint(network_file), load_uint8(photo_file))
    for name, task in zip(names, ("sr", "detail", "color"), strict=True):
        assert (load_uint8(tmp_path / "new" / name) == expected[task]).all()


def test_results_go_beside_the_photo_and_tasks_can_be_chosen(run, network_file, photo_file):
    status, _, _ = run("upscale", photo_file, "--model", network_file, "--tasks", "color, sr")
    assert status == 0
    names = {path.name for path in photo_file.parent.iterdir()}
    assert names == {"photo.png", "photo_sr_x2.png", "photo_color_x2.png"}


def test_other_scales(run, photo_file, tmp_path):
    save_checkpoint(lively([SR, SR.at_scale(3)]), tmp_path / "n.safetensors")
    model = ("--model", tmp_path / "n.safetensors")
    assert run("upscale", photo_file, *model, "--scale", 3)[0] == 0
    assert load_uint8(tmp_path / "photo_sr_x3.png").shape == (1, 3, 120, 168)
    status, _, sentence = run("upscale", photo_file, *model, "--scale", 4)
    assert (status, sentence) == (
        2,
        "mtsr_lib: this network has no head for scale 4; it has [2, 3].",
    )


def test_requests_that_cannot_be_met(run, network_file, photo_file, tmp_path):
    model = ("--model", network_file)
    status, _, sentence = run("upscale", photo_file, *model, "--tasks", "sr,blur")
    assert (status, sentence.count("\n")) == (2, 0)
    assert "no task 'blur'" in sentence
    assert "it has sr, detail, color" in sentence
    for wrong, words in {"none": "no network named", tmp_path / "n.safetensors": "no such"}.items():
        status, _, sentence = run("upscale", photo_file, "--model", wrong)
        assert status == 2
        assert words in sentence


def picture(kind: str, folder: Path) -> Path:
    """A file of the kind named."""
    rgb = (np.arange(20 * 30 * 3) % 251).reshape(20, 30, 3).astype(np.uint8)
    grey, whole = Image.fromarray(rgb[..., 0]), Image.fromarray(rgb)
    path = folder / f"{kind.replace(' ', '_')}.png"
    exif = Image.Exif()
    exif[274] = 6
    frames = {"save_all": True, "append_images": [whole.rotate(180)]}
    write = {
        "palette": lambda: whole.convert("P").save(path),
        "grey": lambda: grey.save(path),
        "grey with alpha": lambda: whole.convert("LA").save(path),
        "RGBA": lambda: whole.convert("RGBA").save(path),
        "16 bits": lambda: Image.fromarray(rgb[..., 0].astype(np.uint16) * 257).save(path),
        "CMYK": lambda: whole.convert("CMYK").save(path, "JPEG"),
        "EXIF": lambda: whole.save(path, exif=exif),
        "GIF": lambda: whole.save(path, "GIF", **frames),
        "WebP": lambda: whole.save(path, "WEBP", **frames),
        "one pixel": lambda: whole.crop((0, 0, 1, 1)).save(path),
        "odd": lambda: whole.crop((0, 0, 7, 13)).save(path),
        "truncated": lambda: path.write_bytes(shortened(whole, path)),
        "no picture": lambda: path.write_text("These are words."),
        "empty": path.touch,
        "folder": path.mkdir,
        "missing": lambda: None,
    }
    write[kind]()
    return path


def shortened(whole: Image.Image, path: Path) -> bytes:
    whole.save(path)
    content = path.read_bytes()
    return content[: len(content) // 2]


GOOD = {  # the size of the result
    "palette": (60, 40),
    "grey": (60, 40),
    "grey with alpha": (60, 40),
    "RGBA": (60, 40),
    "16 bits": (60, 40),
    "CMYK": (60, 40),
    "EXIF": (40, 60),
    "GIF": (60, 40),
    "WebP": (60, 40),
    "one pixel": (2, 2),
    "odd": (14, 26),
}
BAD = {
    "truncated": "is damaged or cut short",
    "no picture": "is not a picture",
    "empty": "is not a picture",
    "folder": "is a folder",
    "missing": "there is no such file",
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_kind_of_picture(run, network_file, tmp_path, kind):
    path = picture(kind, tmp_path)
    status, out, _ = run("upscale", path, "--model", network_file, "--tasks", "sr")
    assert status == 0
    with Image.open(out.strip()) as result:
        assert result.size == GOOD[kind]
        assert result.mode == "RGB"


@pytest.mark.parametrize("kind", BAD)
def test_every_kind_of_bad_picture_is_one_sentence(run, network_file, tmp_path, kind):
    status, out, errors = run("upscale", picture(kind, tmp_path), "--model", network_file)
    assert status == 1
    assert out == ""
    sentence, count = errors.splitlines()
    assert BAD[kind] in sentence
    assert count == "mtsr_lib: 1 of 1 could not be done."


def test_bad_files_do_not_stop_the_others(run, network_file, photo_file, tmp_path):
    bad = [picture(kind, tmp_path) for kind in BAD]
    files = [bad[0], photo_file, *bad[1:], picture("grey", tmp_path)]
    model = ("--model", network_file, "--tasks", "sr")
    status, out, errors = run("upscale", *files, *model)
    assert status == 1
    assert [Path(line).name for line in out.split()] == ["photo_sr_x2.png", "grey_sr_x2.png"]
    assert errors.endswith("mtsr_lib: 5 of 7 could not be done.")


def test_photographs_of_one_name_do_not_overwrite_each_other(run, network_file, photo_file):
    other = photo_file.with_suffix(".bmp")
    Image.new("RGB", (8, 8)).save(other)
    model = ("--model", network_file, "--tasks", "sr")
    status, _, errors = run("upscale", photo_file, other, *model)
    assert status == 1
    assert "is another photograph's; rename one" in errors
    with Image.open(photo_file.parent / "photo_sr_x2.png") as result:
        assert result.size == (112, 80)


def test_a_full_disk_and_a_read_only_folder(run, network_file, photo_file, tmp_path, monkeypatch):
    older = tmp_path / "photo_sr_x2.png"
    Image.new("RGB", (3, 3)).save(older)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    model = ("--model", network_file, "--tasks", "sr")
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        status, _, errors = run("upscale", photo_file, *model)
    assert status == 1
    assert "No space left on device" in errors
    with monkeypatch.context() as patch:
        patch.setattr("mtsr_lib.images.tempfile.mkstemp", full)
        status, _, errors = run("upscale", photo_file, *model)
    assert status == 1
    assert "cannot be written" in errors
    with Image.open(older) as picture:
        assert picture.size == (3, 3)


def test_no_memory_is_a_sentence(run, network_file, photo_file, monkeypatch):
    def greedy(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(command_line, "upscale", greedy)
    status, _, errors = run("upscale", photo_file, "--model", network_file)
    assert status == 1
    assert "can't allocate memory" in errors
    assert "try a smaller picture" in errors


@pytest.mark.parametrize("damage", ["words", ""])
def test_a_damaged_network(run, photo_file, tmp_path, damage):
    (tmp_path / "n.safetensors").write_text(damage)
    for command in (["upscale", photo_file], ["evaluate", "--benchmark", "val"]):
        status, _, sentence = run(*command, "--model", tmp_path / "n.safetensors")
        assert status == 2
        assert "is damaged or no safetensors file" in sentence


# ---------------------------------------------------------------------------- evaluate


@pytest.fixture
def own_set(photo_folder):
    return ("--benchmark", photo_folder.name, "--root", photo_folder.parent)


def test_evaluate_prints_a_table_with_an_interval(run, network_file, own_set):
    status, out, _ = run("evaluate", *own_set, "--model", network_file)
    assert status == 0
    for words in ("3 pictures of your own", "PSNR-Y", "bicubic ", "gain over bicubic", "95 %"):
        assert words in out


def test_evaluate_gives_json(run, network_file, own_set):
    status, out, _ = run("evaluate", *own_set, "--model", network_file, "--json")
    report = json.loads(out)
    assert status == 0
    assert report["scale"] == 2
    rows = report["pictures"]["bicubic"]
    assert [row["picture"] for row in rows] == ["astronaut", "cat", "coffee"]
    mean = report["mean"]["bicubic"]["psnr_y"]
    assert mean == pytest.approx(np.mean([row["psnr_y"] for row in rows]))
    assert 20 < mean < 45
    assert str(network_file) in report["mean"]


def test_evaluate_without_a_head_for_the_scale_measures_bicubic(run, network_file, own_set):
    for form in ((), ("--json",)):
        status, out, note = run("evaluate", *own_set, "--model", network_file, "--scale", 3, *form)
        assert status == 0
        assert "bicubic" in out
        assert "bicubic alone: this network has no head for scale 3" in note
    assert list(json.loads(out)["mean"]) == ["bicubic"]


def test_evaluate_of_the_courses_photographs_compares_the_tasks(
    run, network_file, photo_folder, monkeypatch
):
    files = sorted(photo_folder.iterdir())[:1]
    monkeypatch.setattr(command_line, "find_benchmark", lambda *_: (files, "one of them"))
    status, out, _ = run("evaluate", "--benchmark", "test", "--model", network_file)
    assert status == 0
    for words in ("detail: enhanced sr output, dB", "color: bicubic, s known, ΔE00"):
        assert words in out


def test_a_benchmark_that_is_not_there(run, network_file, tmp_path, monkeypatch):
    monkeypatch.delenv("MTSR_BENCHMARKS", raising=False)
    model = ("--model", network_file)
    status, _, sentence = run("evaluate", "--benchmark", "Set5", *model)
    assert status == 2
    assert "MTSR_BENCHMARKS" in sentence
    status, _, sentence = run("evaluate", "--benchmark", "Set5", "--root", tmp_path, *model)
    assert status == 2
    assert "holds no HR pictures" in sentence


@pytest.mark.benchmarks
@pytest.mark.parametrize(("scale", "published"), [(2, 33.68), (3, 30.41), (4, 28.43)])
def test_evaluate_gives_bicubic_as_published(run, network_file, benchmarks, scale, published):
    place = ("--benchmark", "Set5", "--root", benchmarks, "--scale", scale)
    status, out, _ = run("evaluate", *place, "--model", network_file, "--json")
    report = json.loads(out)
    assert status == 0
    assert report["remark"] == "the published pictures, pixel by pixel"
    assert report["mean"]["bicubic"]["psnr_y"] == pytest.approx(published, abs=0.02)


# ---------------------------------------------------------------------------- train, doctor, help


def test_train_goes_on_where_it_stopped(run, photo_folder, tmp_path):
    sizes = "channels = 4\nblocks = 1\nhidden = 4\nbatch_size = 2\npatch = 8\nevery = 2\n"
    source = photo_folder.as_posix()
    folders = f'photographs = "{source}"\nvalidation = "{source}"\n'
    text = f'name = "tiny"\ntasks = ["sr"]\nsteps = 4\nthreads = 1\n{folders}{sizes}'
    (tmp_path / "a.toml").write_text(text)
    command = ("train", tmp_path / "a.toml", "--out", tmp_path / "runs")
    for _ in range(2):
        status, out, _ = run(*command)
        assert status == 0
        assert "4 steps, done" in out
    status, _, sentence = run(*command, "--seed", 1)
    assert status == 2
    assert "made with other seed; use --restart" in sentence
    assert run(*command, "--seed", 1, "--restart")[0] == 0


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("tasks = [", "is not TOML"),
        ('name = "a"', "the setting tasks is missing"),
        ('name = "a"\ntasks = ["blur"]', "there is no task 'blur'"),
        ('name = "a"\ntasks = ["sr"]\nphotographs = "no/where"', "there is no such folder"),
        ('name = "a"\ntasks = ["sr"]\npatch = 900', "too small for the patch"),
    ],
)
def test_a_training_that_cannot_start(run, tmp_path, lines, words):
    (tmp_path / "a.toml").write_text(lines)
    status, _, sentence = run("train", tmp_path / "a.toml", "--out", tmp_path / "runs")
    assert status == 2
    assert words in sentence
    assert "\n" not in sentence
    assert not (tmp_path / "runs").exists()


def test_help_teaches(capsys):
    for command in ([], ["upscale"], ["train"], ["evaluate"], ["doctor"]):
        with pytest.raises(SystemExit) as stopped:
            main([*command, "--help"])
        assert stopped.value.code == 0
    printed = capsys.readouterr().out
    for words in ("upscale holiday.jpg", "PHOTO_sr_x2.png", "torchrun", "--benchmark Set5"):
        assert words in printed


def own_process(*arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "mtsr_lib", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_as_a_program(network_file, photo_file, tmp_path):
    missing = tmp_path / "missing.jpg"
    model = ("--model", network_file, "--tasks", "sr", "--out", tmp_path / "out")
    done = own_process("upscale", photo_file, missing, *model)
    assert done.returncode == 1
    assert done.stdout.strip() == str(tmp_path / "out" / "photo_sr_x2.png")
    assert "Traceback" not in done.stderr
    assert f"{missing}: there is no such file" in done.stderr


@pytest.mark.slow
def test_a_photograph_of_12_megapixels_in_little_memory(tmp_path, capsys):
    """Three pictures of 8000×6000 with at most 2.5 GB, showing progress. The network is as wide
    as the shipped one, and shallow to be quick: memory goes with the width."""
    wide = lively([SR, DETAIL, COLOR], channels=32, blocks=1, hidden=16)
    resource = pytest.importorskip("resource", reason="Windows does not tell the peak of memory")
    save_checkpoint(wide, tmp_path / "n.safetensors")
    x = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(x).resize((4000, 3000), Image.Resampling.BICUBIC).save(tmp_path / "big.jpg")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.perf_counter()
    done = own_process("upscale", tmp_path / "big.jpg", "--model", tmp_path / "n.safetensors")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    with capsys.disabled():
        print(f"\n4000×3000 to three 8000×6000: {peak:.2f} GB at most, {seconds:.0f} s")
    assert done.returncode == 0, done.stderr
    for path in done.stdout.split():
        with Image.open(path) as picture:
            assert picture.size == (8000, 6000)
    assert len(done.stdout.split()) == 3
    assert peak <= max(2.5, before / 1e6)
    assert "100%" in done.stderr
    assert done.stderr.count("tile/s") > 10  # it moves, also on a fast machine


@pytest.mark.slow
def test_doctor(run):
    status, out, _ = run("doctor")
    assert status in {0, 1}
    for words in ("torch", "cores this process may use", "memory that is free"):
        assert words in out
    assert ("All is well." in out) == (status == 0)
    assert ("PROBLEM" in out) == (status == 1)


@pytest.mark.parametrize(("speed", "noted"), [(0.03, False), (0.01, True)])
def test_doctor_takes_a_busy_computer_for_no_problem(monkeypatch, speed, noted):
    monkeypatch.setattr(doctor, "self_test", lambda: (3.0, speed))
    facts, problems = zip(*doctor._network(), strict=True)
    assert not any(problems)
    assert any(fact.startswith("note: that is slow") for fact in facts) == noted


def test_nothing_is_written_where_nothing_could_be_read(run, network_file, tmp_path):
    before = sorted(tmp_path.iterdir())
    run("upscale", tmp_path / "missing.png", "--model", network_file)
    assert sorted(tmp_path.iterdir()) == before
