"""A network's silent channels are found, and woken without changing what it restores."""

import torch

from mtsr_lib.tasks import DETAIL, SR
from tests.conftest import lively
from tools.revive import activity, revive


def network_with_silent_channels():
    network = lively([SR, DETAIL], channels=6, blocks=2, hidden=5, expansion=2)
    with torch.no_grad():
        network.backbone.blocks[1].conv1.bias[[2, 7]] = -100.0
    return network


def test_only_channels_that_never_fire_are_woken():
    network, x = network_with_silent_channels(), torch.rand(1, 3, 24, 20)
    shares = activity(network, [x])
    assert shares.keys() == {"backbone.blocks.0.relu", "backbone.blocks.1.relu", "heads.sr.relu"}
    silent = {n: (share < 1e-4).nonzero().flatten().tolist() for n, share in shares.items()}
    assert silent.pop("backbone.blocks.1.relu") == [2, 7]
    assert silent["backbone.blocks.0.relu"] == []
    before = {name: value.clone() for name, value in network.state_dict().items()}
    outputs = network(x)
    assert revive(network, shares) == 2
    again = network(x)
    assert all(torch.allclose(again[name], outputs[name], atol=1e-6) for name in outputs)
    changed = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    block = "backbone.blocks.1"
    assert changed == {f"{block}.conv1.weight", f"{block}.conv1.bias", f"{block}.conv2.weight"}
    rows = (network.backbone.blocks[1].conv1.weight != before[f"{block}.conv1.weight"]).flatten(1)
    assert rows.any(1).nonzero().flatten().tolist() == [2, 7]


def test_woken_channels_fire_and_learn():
    network, x = network_with_silent_channels(), torch.rand(1, 3, 24, 20)
    revive(network, activity(network, [x]))
    assert (activity(network, [x])["backbone.blocks.1.relu"][[2, 7]] > 0).all()
    network(x)["sr"].square().mean().backward()
    gradient = network.backbone.blocks[1].conv2.weight.grad
    assert (gradient[:, [2, 7]].abs().amax((0, 2, 3)) > 0).all()
