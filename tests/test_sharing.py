"""Ways of sharing: each reduces, at a known setting, to networks that are proved elsewhere."""

import pytest
import torch
from torch import Tensor

from mtsr_lib.degrade import enlarge
from mtsr_lib.model import Backbone, MultiTaskNet
from mtsr_lib.sharing import (
    Attention,
    ChainedNet,
    Conditioning,
    CrossStitch,
    Groups,
    SharingNet,
)
from mtsr_lib.tasks import COLOR, DETAIL, SR, enhance, select

TASKS = [SR, DETAIL, COLOR]
NAMES = ["sr", "detail", "color"]
TRUNKS = {
    "cross-stitch": lambda: CrossStitch(NAMES, 4, 2),
    "attention": lambda: Attention(NAMES, 4, 2),
    "conditioning": lambda: Conditioning(NAMES, 4, 2),
    "groups": lambda: Groups([("sr", "detail"), ("color",)], 4, 2),
}


def nets() -> dict[str, MultiTaskNet]:
    torch.manual_seed(0)
    made = {name: SharingNet(TASKS, make(), 4, 5) for name, make in TRUNKS.items()}
    made["chained"] = ChainedNet(TASKS, 4, 2, 5)
    for net in made.values():
        for head in net.heads.values():  # they start at zero, where nothing could be seen
            torch.nn.init.normal_(head.upsampler.conv.weight, std=0.1)
    return made


@pytest.fixture
def x() -> Tensor:
    return torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", [*TRUNKS, "chained"])
def test_a_picture_for_each_task_and_the_same_ones_when_fewer_are_asked_for(kind, x):
    net = nets()[kind]
    outputs = net(x)
    assert {n: y.shape for n, y in outputs.items()} == dict.fromkeys(NAMES, (2, 3, 18, 24))
    for names in (["sr"], ["color"], ["detail", "sr"]):
        part = net(x, names)
        assert list(part) == names
        assert all(torch.equal(part[n], outputs[n]) for n in names)


@pytest.mark.parametrize("kind", [*TRUNKS, "chained"])
def test_every_parameter_learns_from_all_tasks_together(kind, x):
    net = nets()[kind]
    sum(y.square().mean() for y in net(x).values()).backward()
    assert all(p.grad is not None for p in net.parameters())


def test_cross_stitch_by_hand(x):
    """α = identity is a trunk for each task; α = 1/k gives all tasks the mean of the columns."""
    trunk = CrossStitch(NAMES, 4, 1)
    trunk.mix.data[:] = torch.eye(3)
    apart = trunk(x, NAMES)
    for name in NAMES:
        assert torch.allclose(apart[name], trunk.columns[name](x), atol=1e-6)
    trunk.mix.data[:] = 1 / 3
    first = {n: c.first(x - 0.5) for n, c in trunk.columns.items()}
    mean = sum(c.blocks(first[n]) for n, c in trunk.columns.items()) / 3
    expected = first["detail"] + trunk.columns["detail"].last(mean)
    assert torch.allclose(trunk(x, ["detail"])["detail"], expected, atol=1e-6)


def test_cross_stitch_starts_with_nine_tenths_of_its_own():
    assert CrossStitch(NAMES, 4, 1).mix[0, 0].tolist() == pytest.approx([0.9, 0.05, 0.05])
    assert CrossStitch(["sr"], 4, 1).mix[0].tolist() == [[1.0]]


def test_attention_with_open_masks_is_hard_sharing_and_with_closed_ones_sees_nothing(x):
    trunk = Attention(NAMES, 4, 2)
    for mask in trunk.masks["sr"]:
        torch.nn.init.constant_(mask[2].bias, 50.0)  # sigmoid 1
    for mask in trunk.masks["color"]:
        torch.nn.init.constant_(mask[2].bias, -200.0)  # sigmoid 0
    features = trunk(x, ["sr", "color"])
    assert torch.allclose(features["sr"], trunk.trunk(x), atol=1e-6)
    nothing = trunk.trunk.first(x - 0.5) + trunk.trunk.last.bias.view(1, -1, 1, 1)
    assert torch.allclose(features["color"], nothing, atol=1e-6)


def test_conditioning_by_hand(x):
    """γ = 1, β = 0 is hard sharing; γ = 0 leaves of each block only β."""
    trunk = Conditioning(NAMES, 4, 2)
    assert torch.allclose(trunk(x, ["sr"])["sr"], trunk.trunk(x), atol=1e-6)
    trunk.scale["sr"].data[:] = 0
    trunk.shift["sr"].data[:] = 0.25
    first = trunk.trunk.first(x - 0.5)
    expected = first + trunk.trunk.last(torch.full_like(first, 0.25))
    assert torch.allclose(trunk(x, ["sr"])["sr"], expected, atol=1e-6)


def test_groups_share_within_and_not_between(x):
    trunk = Groups([("sr", "detail"), ("color",)], 4, 2)
    features = trunk(x, NAMES)
    assert torch.equal(features["sr"], features["detail"])
    assert torch.equal(features["sr"], trunk.trunks[0](x))
    assert torch.equal(features["color"], trunk.trunks[1](x))


def test_a_chained_network_that_has_learnt_nothing_is_the_cascade(x):
    net = ChainedNet(TASKS, 4, 2, 5)
    torch.nn.init.normal_(net.heads["sr"].upsampler.conv.weight, std=0.1)
    outputs = net(x)
    assert torch.equal(outputs["detail"], enhance(outputs["sr"]))
    assert torch.allclose(outputs["color"], outputs["sr"])
    assert not torch.allclose(outputs["sr"], enlarge(x, 2))


def test_a_chained_network_without_sr_still_enlarges(x):
    alone = ChainedNet([DETAIL], 4, 2, 5)
    assert list(alone(x)) == ["detail"]
    assert torch.allclose(alone(x)["detail"], enhance(enlarge(x, 2)), atol=1e-6)
    alone(x)["detail"].square().mean().backward()
    assert alone.heads["sr"].upsampler.conv.weight.grad.abs().sum() > 0


def test_chained_heads_at_several_scales(x):
    """Each scale has its own enlarging head, and only those of the tasks asked for run."""
    net = ChainedNet(select(["sr", "sr_x3", "detail_x3", "color_x4"]), 4, 2, 5, 2)
    assert set(net.heads) == {"sr", "sr_x3", "sr_x4", "detail_x3", "color_x4"}
    for name in ("sr_x3", "sr_x4"):
        torch.nn.init.normal_(net.heads[name].upsampler.conv.weight, std=0.1)
    outputs = net(x)
    assert torch.equal(outputs["detail_x3"], enhance(outputs["sr_x3"]))
    features = net.backbone(x)
    assert torch.allclose(outputs["color_x4"], net.heads["sr_x4"](features, enlarge(x, 4)))
    assert torch.equal(net(x, ["detail_x3"])["detail_x3"], outputs["detail_x3"])
    assert net.backbone.blocks[0].conv1.weight.shape[0] == 8


def test_a_sharing_net_on_a_plain_trunk_is_a_multitasknet(x):
    """The one thing that differs is which features a head gets."""

    class Hard(Backbone):
        def forward(self, x, names):
            return dict.fromkeys(names, super().forward(x))

    torch.manual_seed(3)
    plain, same = MultiTaskNet(TASKS, 4, 2, 5), SharingNet(TASKS, Hard(4, 2), 4, 5)
    same.load_state_dict(plain.state_dict())
    assert all(
        torch.allclose(a, b) for a, b in zip(plain(x).values(), same(x).values(), strict=True)
    )
