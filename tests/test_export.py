"""A head as ONNX: another runtime gives the same picture, at sizes that the export never saw."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from mtsr_lib import load_model
from mtsr_lib.checkpoints import model_names, save_checkpoint
from mtsr_lib.datasets import thumbnail
from mtsr_lib.export import ExportError, export_onnx
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.sharing import ChainedNet
from mtsr_lib.tasks import COLOR, DETAIL, SR
from tests.conftest import lively

onnxruntime = pytest.importorskip("onnxruntime")


def answers(path, **inputs) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {name: value.numpy() for name, value in inputs.items()})[0]


def command(*arguments: str) -> subprocess.CompletedProcess:
    """In a process of its own: symbolic sides are no int to the type checks of the tests."""
    line = [sys.executable, "-m", "mtsr_lib", "export", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("name", model_names())
def test_the_shipped_networks_give_the_same_picture(tmp_path, name):
    done = command(tmp_path / "sr.onnx", "--model", name)
    assert done.stdout.split() == [str(tmp_path / "sr.onnx")]
    assert not done.stderr
    model, generator = load_model(name), torch.Generator().manual_seed(0)
    for side in ((4, 4), (24, 20), (33, 70), (120, 81)):
        x = torch.rand((1, 3, *side), generator=generator)
        with torch.inference_mode():
            expected = model(x, ["sr"])["sr"].numpy()
        np.testing.assert_allclose(answers(tmp_path / "sr.onnx", x=x), expected, atol=5e-6)


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (SR.at_scale(3), MultiTaskNet),
        (DETAIL, MultiTaskNet),
        (COLOR, MultiTaskNet),
        (DETAIL.at_scale(3), ChainedNet),
        (COLOR, ChainedNet),
    ],
)
def test_every_kind_of_head(tmp_path, task, kind):
    model = lively([SR, task], kind=kind, channels=5, blocks=2, hidden=4).eval()
    save_checkpoint(model, tmp_path / "net.safetensors")
    command(tmp_path / "net.onnx", "--model", tmp_path / "net.safetensors", "--task", task.name)
    x = torch.rand((1, 3, 37, 29), generator=torch.Generator().manual_seed(1))
    inputs = {"x": x, **({"context": thumbnail(x)} if task.context else {})}
    with torch.inference_mode():
        expected = model(x, [task.name])[task.name].numpy()
    found = answers(tmp_path / "net.onnx", **inputs)
    np.testing.assert_allclose(found, expected, atol=2e-5)  # 0.005 grey levels


def test_an_unknown_task_is_one_sentence(tmp_path):
    with pytest.raises(ExportError, match=r"^this network has no task 'blur'; it has sr\.$"):
        export_onnx(lively([SR], channels=4, blocks=1, hidden=4), tmp_path / "a.onnx", "blur")
    assert not list(tmp_path.iterdir())


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExportError, match="setup onnx"):
        export_onnx(lively([SR], channels=4, blocks=1, hidden=4), tmp_path / "a.onnx")
