"""The loop learns, stops, goes on bit for bit, alone or on several processes."""

import csv
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from mtsr_lib import training
from mtsr_lib.balance import FixedWeights, total_loss
from mtsr_lib.checkpoints import load_checkpoint, model_card
from mtsr_lib.datasets import Patches
from mtsr_lib.images import ImageError, to_uint8
from mtsr_lib.model import MultiTaskNet
from mtsr_lib.recipes import ConfigError, TrainConfig, pictures_in, read_config, train
from mtsr_lib.sharing import ChainedNet
from mtsr_lib.tasks import COLOR, DETAIL, SR
from mtsr_lib.training import (
    History,
    StopOnInterrupt,
    available_cores,
    cosine,
    fit,
    load_state,
    save_state,
    train_step,
    usable_cores,
)
from tests.conftest import lively

ROOT = Path(__file__).parents[1]


@pytest.fixture
def data(photo) -> Patches:
    return Patches([to_uint8(photo)], [SR, DETAIL, COLOR], 4, 12)


def fitted(data, steps, history=None, network=None, **options):
    network = network or lively([SR, DETAIL, COLOR])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    history = fit(network, data, steps, optimizer, cosine(50), history=history, progress=False)
    return network, optimizer, history


# ---------------------------------------------------------------------------- the loop


def test_losses_fall_on_one_batch(data, monkeypatch):
    only = data.batch(0)
    monkeypatch.setattr(data, "batch", lambda step: only)
    torch.manual_seed(0)
    network = MultiTaskNet([SR, DETAIL, COLOR], 8, 1, 8)
    optimizer = torch.optim.Adam(network.parameters())
    history = fit(network, data, 150, optimizer, lambda _: 4e-3, progress=False)
    first, last = history.train[0], history.train[-1]
    assert last["sr"] < 0.9 * first["sr"]
    assert last["detail"] < 0.9 * first["detail"]
    assert last["color"] < 0.4 * first["color"]


def test_a_step_is_the_gradient_of_the_weighted_sum(data):
    network, weights = lively([SR, DETAIL, COLOR]), {"sr": 1.0, "detail": 0.5, "color": 0.3}
    batch = data.batch(0)
    outputs = network(batch.x, context=batch.context)
    parts = {n: (outputs[n] - y).abs().mean() for n, y in batch.targets.items()}
    total = sum(weights[n] * part for n, part in parts.items())
    expected = torch.autograd.grad(total, list(network.parameters()))
    before = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    losses = train_step(network, batch, optimizer, FixedWeights(weights))
    assert losses == pytest.approx({n: part.item() for n, part in parts.items()}, abs=1e-6)
    for old, new, gradient in zip(before, network.parameters(), expected, strict=True):
        assert torch.allclose(new, old - 0.1 * gradient, atol=1e-6)


def test_total_loss_by_hand():
    losses = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    assert total_loss(losses, {"a": 0.5}).item() == 4.0
    assert total_loss({"b": losses["b"]}, {"a": 0.5, "b": 2.0}).item() == 6.0


def test_only_the_tasks_of_the_step_are_trained(photo):
    tasks = [SR, SR.at_scale(3)]
    network = lively(tasks)
    other = {n: p.clone() for n, p in network.named_parameters() if "heads.sr_x3" in n}
    data = Patches([to_uint8(photo)], tasks, 2, 12)
    train_step(network, data.batch(0), torch.optim.Adam(network.parameters()), FixedWeights())
    now = dict(network.named_parameters())
    assert all(torch.equal(now[name], value) for name, value in other.items())


def test_history_has_a_row_for_each_step_and_after_is_called_in_time(data):
    calls = []
    network = lively([SR, DETAIL, COLOR])
    optimizer = torch.optim.Adam(network.parameters())
    after = lambda history: calls.append(history.steps)  # noqa: E731
    options = {"every": 3, "after": after, "progress": False}
    history = fit(network, data, 7, optimizer, cosine(7), **options)
    assert [row["step"] for row in history.train] == list(range(1, 8))
    assert set(history.train[0]) == {"step", "sr", "detail", "color"}
    assert calls == [3, 6, 7]
    assert History().steps == 0


def test_the_schedule():
    rate = cosine(1000, peak=2e-3, warmup=100)
    assert rate(0) == pytest.approx(2e-5, rel=1e-3)
    assert max(rate(step) for step in range(1000)) == pytest.approx(2e-3, rel=0.05)
    assert rate(1000) == pytest.approx(2e-5)
    falling = [rate(step) for step in range(100, 1001)]
    assert falling == sorted(falling, reverse=True)


def test_the_rate_of_each_step_reaches_the_optimizer(data):
    network = lively([SR, DETAIL, COLOR])
    optimizer, seen = torch.optim.SGD(network.parameters(), lr=9.0), []
    optimizer.register_step_pre_hook(lambda o, *_: seen.append(o.param_groups[0]["lr"]))
    fit(network, data, 3, optimizer, lambda step: 1e-4 * (step + 1), progress=False)
    assert seen == pytest.approx([1e-4, 2e-4, 3e-4])


def test_cores_are_those_this_process_may_use(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3)), raising=False)
    monkeypatch.setattr(training.Path, "read_text", lambda _: "max 100000")
    assert usable_cores() == 3
    monkeypatch.setattr(training.Path, "read_text", lambda _: "150000 100000")
    assert usable_cores() == 2  # a quota of one and a half
    monkeypatch.setattr(training.Path, "read_text", lambda _: "1000 100000")
    assert usable_cores() == 1
    monkeypatch.setattr(training.Path, "read_text", lambda _: "max 100000")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert usable_cores() == 2
    assert available_cores() == 3


# ---------------------------------------------------------------------------- stop and go on


def same(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_an_interrupt_stops_after_the_step_in_hand(data):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    network = lively([SR, DETAIL, COLOR])
    optimizer, calls = torch.optim.Adam(network.parameters()), []

    def rate(step: int) -> float:
        if step == 2:
            signal.raise_signal(signal.SIGINT)
        return 1e-3

    after = lambda history: calls.append(history.steps)  # noqa: E731
    history = fit(network, data, 9, optimizer, rate, after=after, progress=False)
    assert history.steps == 3
    assert calls == [3]
    with pytest.raises(KeyboardInterrupt):  # afterwards it is as it was
        signal.raise_signal(signal.SIGINT)


def test_a_function_can_ask_for_a_stop(data):
    network = lively([SR, DETAIL, COLOR])
    optimizer, asked, calls = torch.optim.Adam(network.parameters()), [], []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 4

    after = lambda history: calls.append(history.steps)  # noqa: E731
    options = {"after": after, "progress": False, "stop": stop}
    assert fit(network, data, 9, optimizer, lambda step: 1e-3, **options).steps == 4
    assert calls == [4]


def test_outside_the_main_thread_nothing_is_asked_of_signals():
    import threading

    stops = []
    thread = threading.Thread(target=lambda: stops.append(StopOnInterrupt().__enter__().requested))
    thread.start()
    thread.join()
    assert stops == [False]


def test_going_on_gives_the_weights_of_never_having_stopped(data, tmp_path):
    whole, _, straight = fitted(data, 8)
    network, optimizer, history = fitted(data, 5)
    save_state(tmp_path / "a.pt", network, optimizer, FixedWeights(), history, {"seed": 0})
    fresh = lively([SR, DETAIL, COLOR], seed=9)
    optimizer = torch.optim.Adam(fresh.parameters(), lr=1.0)
    history = load_state(tmp_path / "a.pt", fresh, optimizer, FixedWeights(), {"seed": 0})
    history = fit(fresh, data, 8, optimizer, cosine(50), history=history, progress=False)
    assert same(fresh, whole)
    assert history.train == straight.train


def test_another_configuration_is_not_gone_on_with(data, tmp_path):
    network, optimizer, history = fitted(data, 1)
    save_state(tmp_path / "a.pt", network, optimizer, FixedWeights(), history, {"seed": 0, "b": 1})
    with pytest.raises(ValueError, match=r"made with other seed; use --restart"):
        load_state(tmp_path / "a.pt", network, optimizer, FixedWeights(), {"seed": 1, "b": 1})


def test_a_full_disk_keeps_the_older_state(data, tmp_path, monkeypatch):
    network, optimizer, history = fitted(data, 1)
    save_state(tmp_path / "a.pt", network, optimizer, FixedWeights(), history)
    older = (tmp_path / "a.pt").read_bytes()

    def fill(_, part):
        Path(part).write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:659] . unexpected pos 64\n\nmore")

    monkeypatch.setattr(training.torch, "save", fill)
    with pytest.raises(ImageError, match=r"could not be written .* free some space") as caught:
        save_state(tmp_path / "a.pt", network, optimizer, FixedWeights(), history)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "a.pt").read_bytes() == older
    assert len(list(tmp_path.iterdir())) == 1


# ---------------------------------------------------------------------------- from a configuration


@pytest.fixture
def config(photo_folder) -> TrainConfig:
    sizes = {"channels": 8, "blocks": 1, "hidden": 8, "batch_size": 4, "patch": 12, "threads": 1}
    folders = {"photographs": str(photo_folder), "validation": str(photo_folder)}
    return TrainConfig("tiny-1.5", ["sr", "color"], **folders, **sizes, steps=6, every=4)


def toml_of(config: TrainConfig, path: Path) -> Path:
    def value(v) -> str:
        if isinstance(v, dict):
            return "{" + ", ".join(f"{k} = {w}" for k, w in v.items()) + "}"
        return str(v).lower() if isinstance(v, bool) else repr(v).replace("\\", "/")

    path.write_text("\n".join(f"{k} = {value(v)}" for k, v in asdict(config).items()))
    return path


def test_what_a_training_leaves(config, tmp_path):
    history = train(config, tmp_path, "the command", progress=False)
    names = [f"tiny-1.5.{ending}" for ending in ("csv", "safetensors", "state.pt")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert history.steps == 6
    with open(tmp_path / "tiny-1.5.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [4, 6]
    assert all(15 < float(row["sr"]) < 50 for row in rows)
    card = model_card(tmp_path / "tiny-1.5.safetensors")
    assert card["command"] == "the command"
    assert card["steps"] == 6
    assert [len(picture["sha256"]) for picture in card["data"]] == [64] * 3
    network = load_checkpoint(tmp_path / "tiny-1.5.safetensors")
    assert card["parameters"] == sum(p.numel() for p in network.parameters())


def test_a_training_with_wide_kernels_leaves_a_plain_network(config, tmp_path):
    """Chained and for luma, too."""
    config = replace(config, kind="chained", expansion=2, widened=True, luma=True, every=3)
    train(config, tmp_path / "one", progress=False)
    network = load_checkpoint(tmp_path / "one" / "tiny-1.5.safetensors")
    assert type(network) is ChainedNet
    card = model_card(tmp_path / "one" / "tiny-1.5.safetensors")
    assert card["parameters"] == sum(p.numel() for p in network.parameters())
    assert network.heads["color"].upsampler.conv.weight.shape[0] == 4
    assert not any("parametrizations" in name for name in network.state_dict())


def test_soap_goes_on_to_the_same_bits(config, tmp_path, monkeypatch):
    pytest.importorskip("pytorch_optimizer", reason="SOAP needs pytorch-optimizer (extra: soap)")
    config = replace(config, kind="stack", tasks=["sr"], luma=True, optimizer="soap")
    config = replace(config, steps=24, every=12, learning_rate=3e-3)
    history = train(config, tmp_path / "straight", progress=False)
    adam = train(replace(config, optimizer="adam"), tmp_path / "adam", progress=False)
    assert history.train[-1]["sr"] != adam.train[-1]["sr"]
    real = Patches.batch

    def broken(data, step):
        if step == 15:
            raise MemoryError
        return real(data, step)

    with monkeypatch.context() as patch:
        patch.setattr(Patches, "batch", broken)
        with pytest.raises(MemoryError):
            train(config, tmp_path / "stopped", progress=False)
    train(config, tmp_path / "stopped", progress=False)
    a, b = (load_checkpoint(tmp_path / n / "tiny-1.5.safetensors") for n in ("straight", "stopped"))
    assert same(a, b)


def test_soap_that_is_not_installed_is_one_sentence(config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    with pytest.raises(ConfigError, match=r"course\.py setup soap"):
        train(replace(config, optimizer="soap"), tmp_path, progress=False)


def test_the_same_seed_gives_the_same_network(config, tmp_path):
    for name in "ab":
        train(config, tmp_path / name, progress=False)
    train(replace(config, seed=1), tmp_path / "c", progress=False)
    a, b, c = (load_checkpoint(tmp_path / n / "tiny-1.5.safetensors") for n in "abc")
    assert same(a, b)
    assert not same(a, c)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"words", lambda b: b""])
def test_a_damaged_state_is_one_sentence_and_restart_begins_again(config, tmp_path, damage):
    train(config, tmp_path, progress=False)
    state = tmp_path / "tiny-1.5.state.pt"
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(ConfigError, match=r"is damaged .*use --restart") as caught:
        train(config, tmp_path, progress=False)
    assert "\n" not in str(caught.value)
    assert train(config, tmp_path, restart=True, progress=False).steps == 6


def test_a_finished_training_is_left_alone(config, tmp_path):
    train(config, tmp_path, progress=False)
    before = (tmp_path / "tiny-1.5.safetensors").read_bytes()
    assert train(config, tmp_path, progress=False).steps == 6
    assert (tmp_path / "tiny-1.5.safetensors").read_bytes() == before


def test_read_config(config, tmp_path):
    path = toml_of(config, tmp_path / "a.toml")
    assert read_config(path) == config
    assert read_config(path, steps=9) == replace(config, steps=9)
    shipped = read_config(ROOT / "data" / "configs" / "mtsr-base.toml")
    assert shipped.tasks == ["sr", "detail", "color"]


def test_a_stack_does_not_expand(config, tmp_path):
    path = toml_of(replace(config, kind="stack", expansion=2), tmp_path / "a.toml")
    with pytest.raises(ConfigError, match="expansion must be 1 for a stack"):
        read_config(path)


FAULTS = {
    "nonsense = = 3": "is not TOML",
    'colour = "red"': "there is no setting 'colour'; there are name, tasks",
    "steps = 2.5": "steps must be int, not 2.5",
    "steps = true": "steps must be int",
    'steps = "many"': "steps must be int",
    "steps = 0": "steps must be at least 1",
    "batch_size = 0": "batch_size must be at least 1",
    "channels = -1": "channels must be at least 1",
    "expansion = 0": "expansion must be at least 1",
    'kind = "soft"': "kind must be one of hard, chained, stack, not soft",
    'optimizer = "best"': "optimizer must be one of adam, soap, not best",
    "seed = -1": "seed must be at least 0",
    'balancer = "best"': "there is no balancer 'best'; there are fixed, random",
    "learning_rate = 0.0": "learning_rate must be above 0",
    "weights = {sr = 1.0, detial = 0.5}": "weights holds detial = 0.5",
    'weights = {sr = "much"}': "weights holds sr = 'much'",
    "tasks = [1]": "tasks must be a list of names",
    'tasks = "sr"': "tasks must be list",
    "tasks = []": "the setting tasks is missing",
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_in_a_configuration_is_one_sentence(config, tmp_path, line):
    lines = toml_of(config, tmp_path / "a.toml").read_text().splitlines()
    key = line.split(" ")[0]
    kept = [old for old in lines if not old.startswith(f"{key} =")]
    (tmp_path / "a.toml").write_text("\n".join([*kept, line]))
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "a.toml")
    assert FAULTS[line] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_configuration_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_config(path)
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "a.toml")


def test_where_photographs_come_from(photo_folder, tmp_path):
    assert [path.stem for path in pictures_in(str(photo_folder))] == ["astronaut", "cat", "coffee"]
    assert len(pictures_in("val")) >= 3
    with pytest.raises(ConfigError, match="no such folder"):
        pictures_in(str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="holds no pictures"):
        pictures_in(str(tmp_path))


# -------------------------------------------------------------------- in processes of its own


def start(arguments: list, **variables: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_and_the_same_command_again(config, tmp_path):
    """Stopped by SIGINT, the training leaves usable files; going on ends at the same bits."""
    long = replace(config, steps=80, every=20)
    path = toml_of(long, tmp_path / "a.toml")
    command = ["-m", "mtsr_lib", "train", path, "--out", tmp_path / "stopped"]
    process = start(command)
    until((tmp_path / "stopped" / "tiny-1.5.state.pt").exists)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "stopped; the same command goes on" in output
    card = model_card(tmp_path / "stopped" / "tiny-1.5.safetensors")
    assert 20 <= card["steps"] < 80
    train(long, tmp_path / "stopped", progress=False)
    train(long, tmp_path / "straight", progress=False)
    a, b = (load_checkpoint(tmp_path / n / "tiny-1.5.safetensors") for n in ("stopped", "straight"))
    assert same(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("balancer", ["fixed", "upgrad"])
def test_two_processes_follow_one(balancer, config, tmp_path, capsys):
    pytest.importorskip("accelerate", reason="two processes need accelerate (extra: parallel)")
    tasks = ["sr", "detail", "color", "sr_x3"]
    shared = replace(config, tasks=tasks, steps=50, every=50, balancer=balancer)
    path = toml_of(shared, tmp_path / "a.toml")
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", 2, "--master-port", 29571]
    process = start([*torchrun, "-m", "mtsr_lib", "train", path, "--out", tmp_path / "two"])
    output, _ = process.communicate(timeout=280)
    assert process.returncode == 0, output
    train(shared, tmp_path / "one", progress=False)
    one, two = (load_checkpoint(tmp_path / n / "tiny-1.5.safetensors") for n in ("one", "two"))
    pairs = zip(one.parameters(), two.parameters(), strict=True)
    largest = max((a - b).abs().max().item() for a, b in pairs)
    with capsys.disabled():
        print(f"\n{balancer}: one process and two, 50 steps: weights differ by {largest:.1e}")
    assert largest < 1e-4
    assert model_card(tmp_path / "two" / "tiny-1.5.safetensors")["steps"] == 50


def test_slices_give_the_gradient_of_the_whole_batch(data):
    """What makes several processes follow one: the mean of the slices' gradients."""
    batch, gradients = data.batch(0), []
    for part in (batch, batch.part(0, 2), batch.part(1, 2)):
        network = lively([SR, DETAIL, COLOR])
        still = torch.optim.SGD(network.parameters(), lr=0.0)
        train_step(network, part, still, FixedWeights())
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    whole, one, other = gradients
    assert torch.allclose((one + other) / 2, whole, atol=1e-6)
    assert math.isfinite(whole.norm().item())
