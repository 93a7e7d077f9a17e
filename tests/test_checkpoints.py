"""Networks in files: what is saved comes back, and what is no network is one sentence."""

import json
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from mtsr_lib import checkpoints
from mtsr_lib.checkpoints import (
    CheckpointError,
    load_checkpoint,
    load_model,
    model_card,
    model_names,
    save_checkpoint,
)
from mtsr_lib.model import StackNet, luma_alone
from mtsr_lib.sharing import ChainedNet
from mtsr_lib.tasks import COLOR, SR, Task, select
from tests.conftest import lively


def sentence(call, *arguments) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("tasks", [[SR], [COLOR, SR.at_scale(3)]])
def test_the_network_that_was_saved(tmp_path, photo, tasks):
    network = lively(tasks, channels=5, blocks=3, hidden=7)
    save_checkpoint(network, tmp_path / "a.safetensors")
    again = load_checkpoint(tmp_path / "a.safetensors")
    assert list(again.tasks.values()) == tasks
    assert not again.training
    state, other = network.state_dict(), again.state_dict()
    assert state.keys() == other.keys()
    assert all(torch.equal(state[name], other[name]) for name in state)
    outputs = again(photo)
    assert all(torch.allclose(outputs[n], y, atol=1e-6) for n, y in network(photo).items())


@pytest.mark.parametrize(("kind", "expansion"), [(ChainedNet, 2), (StackNet, 1)])
def test_the_kind_of_network_is_kept(tmp_path, photo, kind, expansion):
    sizes = {"channels": 5, "blocks": 2, "hidden": 7, "expansion": expansion}
    network = luma_alone(lively(select(["detail", "sr_x3"]), kind=kind, **sizes))
    torch.nn.init.normal_(network.heads["sr_x3"].upsampler.conv.weight, std=0.1)
    save_checkpoint(network, tmp_path / "a.safetensors")
    again = load_checkpoint(tmp_path / "a.safetensors")
    assert type(again) is kind
    x = photo[..., :24, :24]
    assert all(torch.allclose(y, again(x)[name], atol=1e-6) for name, y in network(x).items())


def test_channels_last_weights_are_saved_right(tmp_path, network):
    moved = lively(list(network.tasks.values())).to(memory_format=torch.channels_last)
    save_checkpoint(moved, tmp_path / "a.safetensors")
    again = load_checkpoint(tmp_path / "a.safetensors").state_dict()
    assert all(torch.equal(again[name], value) for name, value in network.state_dict().items())


def test_the_card_is_inside(tmp_path, network):
    card = {"name": "näme", "data": [{"licence": "CC0-1.0"}], "steps": 3}
    save_checkpoint(network, tmp_path / "a.safetensors", card)
    assert model_card(tmp_path / "a.safetensors") == card
    assert model_card(str(tmp_path / "a.safetensors")) == card
    with safe_open(tmp_path / "a.safetensors", "pt") as file:  # as any other program reads it
        assert json.loads(file.metadata()["mtsr"])["card"] == card


def test_a_network_with_tasks_of_ones_own(tmp_path):
    own = Task("negative", 3, lambda clean, shot: 1 - clean)
    save_checkpoint(lively([own]), tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors", [own]).tasks == {"negative": own}
    assert "there is no task 'negative'" in sentence(load_checkpoint, tmp_path / "a.safetensors")


# ---------------------------------------------------------------------------- what is no network


def test_missing(tmp_path):
    assert "no such file" in sentence(load_checkpoint, tmp_path / "a.safetensors")
    assert "no such file" in sentence(load_model, tmp_path / "a.safetensors")
    assert "no such file" in sentence(load_checkpoint, tmp_path)
    assert "there is no network named 'mtsr-huge'" in sentence(load_model, "mtsr-huge")
    assert "there is no network named 'mtsr-huge'" in sentence(model_card, "mtsr-huge")


@pytest.mark.parametrize("content", [b"", b"no network", b"\0" * 100, b"PK\3\4" + b"x" * 99])
def test_of_another_kind(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    assert "damaged or no safetensors" in sentence(load_checkpoint, tmp_path / "a.safetensors")
    assert "damaged or no safetensors" in sentence(model_card, tmp_path / "a.safetensors")


def test_safetensors_of_another_project(tmp_path):
    save_file({"w": torch.zeros(3)}, tmp_path / "a.safetensors")
    save_file({"w": torch.zeros(3)}, tmp_path / "b.safetensors", {"format": "pt"})
    for name in "ab":
        assert "not a network of this library" in sentence(
            load_checkpoint, tmp_path / f"{name}.safetensors"
        )


RECIPE = {"format": 1, "tasks": ["sr"], "channels": 8, "blocks": 2, "hidden": 8}


@pytest.mark.parametrize(
    "inside",
    [
        "no JSON",
        "[]",
        "3",
        "{}",
        {"recipe": RECIPE},
        {"recipe": None, "card": {}},
        {"recipe": {**RECIPE, "tasks": ["blur"]}, "card": {}},
        {"recipe": {**RECIPE, "tasks": 3}, "card": {}},
        {"recipe": {**RECIPE, "channels": 9}, "card": {}},
        {"recipe": {**RECIPE, "channels": -9}, "card": {}},
        {"recipe": {**RECIPE, "blocks": 3}, "card": {}},
        {"recipe": {**RECIPE, "blocks": "two"}, "card": {}},
        {"recipe": {"tasks": ["sr"]}, "card": {}},
    ],
    ids=str,
)
def test_cards_and_recipes_that_do_not_fit(tmp_path, inside):
    text = inside if isinstance(inside, str) else json.dumps(inside)
    save_file(lively([SR]).state_dict(), tmp_path / "a.safetensors", {"mtsr": text})
    sentence(load_checkpoint, tmp_path / "a.safetensors")


def test_what_does_not_fit_is_named(tmp_path):
    card = json.dumps({"recipe": {**RECIPE, "blocks": 3}, "card": {}})
    save_file(lively([SR]).state_dict(), tmp_path / "a.safetensors", {"mtsr": card})
    assert "backbone.blocks.2" in sentence(load_checkpoint, tmp_path / "a.safetensors")


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 0.999))
def test_cut_short(network_file, tmp_path_factory, share):
    whole = network_file.read_bytes()
    path = tmp_path_factory.mktemp("cut") / "a.safetensors"
    path.write_bytes(whole[: int(share * len(whole))])
    sentence(load_checkpoint, path)


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 900), byte=st.integers(0, 255))
def test_damage_in_the_header_gives_a_network_or_one_sentence(
    network_file, tmp_path_factory, place, byte
):
    damaged = bytearray(network_file.read_bytes())
    damaged[place] = byte
    path = tmp_path_factory.mktemp("damage") / "a.safetensors"
    path.write_bytes(damaged)
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        assert "\n" not in str(error)  # noqa: PT017 (it need not fail)


# ---------------------------------------------------------------------------- writing

LIMITED = """
import resource, sys
from mtsr_lib.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
network = load_checkpoint(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    save_checkpoint(network, sys.argv[1], {"name": "newer"})
except CheckpointError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_full_disk_keeps_the_older_file(tmp_path, network):
    path = tmp_path / "a.safetensors"
    save_checkpoint(network, path, {"name": "older"})
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True
    )
    assert "could not be written" in done.stdout
    assert done.stdout.count("\n") == 1
    assert model_card(path) == {"name": "older"}
    load_checkpoint(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_folder_that_cannot_be_written(tmp_path, network, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mtsr_lib.images.tempfile.mkstemp", refuse)
    assert "Permission denied" in sentence(save_checkpoint, network, tmp_path / "a.safetensors")


def test_shipped_networks_are_known_by_name(tmp_path, monkeypatch, network):
    monkeypatch.setattr(checkpoints, "data_folder", lambda: tmp_path)
    assert model_names() == []
    assert "none is installed" in sentence(load_model, "mtsr-base")
    save_checkpoint(network, tmp_path / "checkpoints" / "mine.safetensors", {"name": "mine"})
    assert model_names() == ["mine"]
    assert list(load_model("mine").tasks) == list(network.tasks)
    assert model_card("mine") == {"name": "mine"}
    assert "the shipped ones: mine." in sentence(load_model, "other")
