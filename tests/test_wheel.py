"""A built wheel carries the shipped networks and the photographs, and works outside the clone."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECKPOINTS = sorted((ROOT / "data" / "checkpoints").glob("*.safetensors"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHECKPOINTS, reason="there is no network in data/checkpoints yet"),
]

USE = """
import json
import mtsr_lib as mtsr
from mtsr_lib.images import data_folder

model = mtsr.load_model()
path = mtsr.photographs("test")[0]
photo = mtsr.load_sample(path.stem)[..., :48, :64]
out = mtsr.upscale(model, photo)
print(json.dumps({
    "code": mtsr.__file__,
    "data": str(data_folder()),
    "photograph": str(path),
    "networks": mtsr.model_names(),
    "samples": mtsr.sample_names(),
    "card": mtsr.model_card(mtsr.model_names()[0]),
    "shapes": {name: list(picture.shape) for name, picture in out.items()},
}))
"""


def run(*command: object, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    run(sys.executable, "-m", "pip", "wheel", *offline, ROOT, "-w", folder, cwd=folder)
    (path,) = folder.glob("mtsr_lib-*.whl")
    return path


@pytest.fixture(scope="module")
def report(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the library says of itself, installed in an empty folder, run from another."""
    target, elsewhere = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("elsewhere")
    options = ["--no-deps", "--no-index", "--target", target]
    run(sys.executable, "-m", "pip", "install", *options, wheel, cwd=elsewhere)
    printed = run(sys.executable, "-c", USE, cwd=elsewhere, PYTHONPATH=str(target))
    return json.loads(printed.splitlines()[-1]) | {"target": str(target)}


def test_the_wheel_holds_code_data_and_licences_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"mtsr_lib", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    assert {f"mtsr_lib/data/checkpoints/{path.name}" for path in CHECKPOINTS} <= set(names)
    assert {"mtsr_lib/data/README.md", "mtsr_lib/data/photographs/INDEX.tsv"} <= set(names)
    photographs = (ROOT / "data" / "photographs").glob("*.[jw]*")
    assert {f"mtsr_lib/data/photographs/{path.name}" for path in photographs} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name]


def test_code_and_data_come_from_the_wheel_and_not_from_the_clone(report: dict) -> None:
    for what in ("code", "data", "photograph"):
        assert report[what].startswith(report["target"]), what


def test_the_shipped_network_restores_a_sample_photograph(report: dict) -> None:
    assert report["networks"] == [path.stem for path in CHECKPOINTS]
    assert set(report["shapes"]) == {"sr", "detail", "color"}
    assert all(shape == [1, 3, 96, 128] for shape in report["shapes"].values())
    assert report["card"]
