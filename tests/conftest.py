"""Shapes in signatures are checked while the tests run; one thread; small pictures and networks."""

# ruff: noqa: E402 (the hook must be there before the library is imported)

import os
from pathlib import Path

from jaxtyping import install_import_hook

from tests import typecheck

os.environ.setdefault("OMP_NUM_THREADS", "1")
CORE = "images metrics losses degrade tasks datasets blocks model balance checkpoints evaluation"
CORE += " training recipes upscaling doctor"
install_import_hook(
    [f"mtsr_lib.{module}" for module in CORE.split()], f"{typecheck.__name__}.checked"
)

import numpy as np
import pytest
import torch
from PIL import Image

from mtsr_lib.checkpoints import save_checkpoint
from mtsr_lib.images import load_sample, save_image
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.tasks import COLOR, DETAIL, SR


@pytest.fixture(autouse=True)
def _one_thread():
    """Numbers and times of a test do not depend on the cores of the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def lively(tasks, seed: int = 0, kind: type = MultiTaskNet, **sizes) -> MultiTaskNet:
    """A network with random weights everywhere: layers that start at zero would hide faults."""
    torch.manual_seed(seed)
    network = kind(tasks, **{"channels": 8, "blocks": 2, "hidden": 8, **sizes}).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "upsampler" in name or "predict.2" in name:
                parameter.normal_(0, 0.05)
    return network


@pytest.fixture(scope="session")
def network() -> MultiTaskNet:
    """Three heads at ×2, untrained but lively; not to be changed."""
    return lively([SR, DETAIL, COLOR])


@pytest.fixture(scope="session")
def network_file(network, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("network") / "tiny.safetensors"
    save_checkpoint(network, path, {"name": "tiny"})
    return path


@pytest.fixture(scope="session")
def photo() -> torch.Tensor:
    """A photograph of 120×144 pixels, sides multiples of 12."""
    return load_sample("astronaut")[..., 20:140, 150:294].contiguous()


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory) -> Path:
    """A folder of three small photographs to train on."""
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "cat", "coffee"):
        save_image(load_sample(name)[..., 100:196, 100:220], folder / f"{name}.png")
    return folder


@pytest.fixture(scope="session")
def benchmarks() -> Path:
    """The folder that holds Set5 and Set14, by MTSR_BENCHMARKS or beside the clone."""
    beside = Path(__file__).parents[2] / "shared" / "benchmarks"
    root = Path(os.environ.get("MTSR_BENCHMARKS") or beside)
    if not (root / "Set5").is_dir():
        pytest.skip(
            "the benchmarks are absent: set MTSR_BENCHMARKS to the folder of Set5 and Set14"
        )
    return root


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def photo_file(tmp_path, photo) -> Path:
    """A PNG of 40×56 pixels."""
    array = (photo[0, :, :40, :56].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    Image.fromarray(array).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"
