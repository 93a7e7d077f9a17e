"""The network: shapes, what each output pixel can see, what the tasks share and what they own."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mtsr_lib.blocks import ConvStack, ResidualBlock, Upsampler, WideKernel, merged, widen
from mtsr_lib.degrade import enlarge
from mtsr_lib.model import ColorTransform, MultiTaskNet, StackNet, luma_alone
from mtsr_lib.tasks import COLOR, DETAIL, SR, Task
from tests.conftest import lively

TASKS = [SR, DETAIL, COLOR]


def small(h: int = 9, w: int = 13, b: int = 1) -> Tensor:
    return torch.rand(b, 3, h, w, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(1, 9, 13), (2, 16, 16), (1, 1, 1), (3, 1, 40)])
def test_shapes(network, shape):
    b, h, w = shape
    outputs = network(small(h, w, b))
    assert list(outputs) == ["sr", "detail", "color"]
    assert all(y.shape == (b, 3, 2 * h, 2 * w) for y in outputs.values())


def test_heads_of_several_scales_hang_on_one_trunk():
    tasks = [SR, COLOR.at_scale(3), DETAIL.at_scale(4)]
    network = lively(tasks)
    shapes = {name: y.shape[-2:] for name, y in network(small(5, 7)).items()}
    assert shapes == {"sr": (10, 14), "color_x3": (15, 21), "detail_x4": (20, 28)}
    trunk = sum(p.numel() for p in network.backbone.parameters())
    heads = sum(p.numel() for p in network.heads.parameters())
    assert trunk + heads == sum(p.numel() for p in network.parameters())


def test_a_subset_of_tasks_gives_the_same_pictures_and_runs_no_other_head(network):
    called = []
    hooks = [
        head.register_forward_hook(lambda *_, name=name: called.append(name))
        for name, head in network.heads.items()
    ]
    some = network(small(), ["color", "sr"])
    for hook in hooks:
        hook.remove()
    assert called == list(some) == ["color", "sr"]
    everything = network(small())
    assert all(torch.equal(some[name], everything[name]) for name in some)


def test_a_new_network_starts_as_bicubic():
    network = MultiTaskNet(TASKS)
    x = small()
    assert all(torch.allclose(y, enlarge(x, 2), atol=1e-6) for y in network(x).values())


def test_an_output_pixel_sees_reach_and_no_further(network):
    """The receptive field by gradient; upscaling's tiles overlap by it."""
    x = small(41, 41).requires_grad_()
    context = network.context(x).detach()
    network(x, context=context)["sr"][0, :, 40:42, 40:42].sum().backward()
    rows = x.grad[0].abs().sum(dim=(0, 2)).nonzero().flatten()
    seen = max(20 - rows.min().item(), rows.max().item() - 20)
    assert seen <= network.reach
    assert seen >= network.reach - 1  # and no wasteful margin


def test_each_head_learns_alone_and_all_share_the_trunk(network):
    network.zero_grad()
    network(small())["detail"].sum().backward()
    touched = {n.split(".")[1] for n, p in network.named_parameters() if p.grad is not None}
    assert touched & {"sr", "detail", "color"} == {"detail"}
    assert all(p.grad is not None for p in network.backbone.parameters())
    network.zero_grad(set_to_none=True)


def test_only_color_needs_the_context(network):
    x, other = small(), torch.zeros(1, 3, 32, 32)
    here, there = network(x), network(x, context=other)
    assert torch.equal(here["sr"], there["sr"])
    assert torch.equal(here["detail"], there["detail"])
    assert not torch.equal(here["color"], there["color"])
    assert torch.equal(network(x, context=network.context(x))["color"], here["color"])


def test_pictures_of_a_batch_do_not_mix(network):
    x = small(b=3)
    alone = network(x[1:2])
    assert all(torch.allclose(network(x)[n][1:2], alone[n], atol=1e-6) for n in alone)


def test_the_color_transform_starts_as_the_identity_and_is_affine():
    transform = ColorTransform()
    image, context = small(), torch.rand(1, 3, 32, 32)
    assert torch.allclose(transform(image, context), image, atol=1e-6)
    torch.nn.init.normal_(transform.predict[-1].weight, std=0.1)
    matrix = transform.matrix(context)[0]
    pixel = image[0, :, 4, 5]
    expected = matrix[:, :3] @ pixel + matrix[:, 3]
    assert torch.allclose(transform(image, context)[0, :, 4, 5], expected, atol=1e-6)


def test_blocks():
    x = torch.rand(2, 6, 5, 4)
    block, upsampler = ResidualBlock(6), Upsampler(6, 3, 4)
    assert block(x).shape == x.shape
    by_hand = x + block.conv2(torch.relu(block.conv1(x)))
    assert torch.allclose(block(x), by_hand)
    assert upsampler(x).shape == (2, 3, 20, 16)
    assert upsampler(x).abs().max() == 0


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_upsampler_shuffles_as_pytorch_does(scale):
    upsampler = Upsampler(6, 3, scale)
    upsampler.conv.reset_parameters()
    x = torch.rand(2, 6, 5, 4).contiguous(memory_format=torch.channels_last)
    assert torch.equal(upsampler(x), F.pixel_shuffle(upsampler.conv(x), scale))


def test_parameters_counted_by_hand():
    network = MultiTaskNet([SR], channels=8, blocks=2, hidden=4)
    convolution = lambda i, o: 9 * i * o + o  # noqa: E731
    trunk = convolution(3, 8) + 4 * convolution(8, 8) + convolution(8, 8)
    head = convolution(8, 4) + convolution(4, 12)
    assert sum(p.numel() for p in network.parameters()) == trunk + head


def test_a_task_of_ones_own():
    negative = Task("negative", 3, lambda clean, shot: 1 - clean)
    assert MultiTaskNet([negative], 4, 1, 4)(small())["negative"].shape == (1, 3, 27, 39)


def test_luma_alone_leaves_the_colours_to_bicubic():
    """What is added is equal in R, G and B; a head that is new adds nothing."""
    network, x = luma_alone(lively([SR])), small()
    assert torch.equal(network(x)["sr"], enlarge(x, 2))
    torch.nn.init.normal_(network.heads["sr"].upsampler.conv.weight, std=0.1)
    added = network(x)["sr"] - enlarge(x, 2)
    assert added.shape == (1, 3, 18, 26)
    assert added.std() > 0.001
    assert torch.allclose(added, added[:, :1].expand_as(added), atol=1e-6)


def test_a_stack_is_convolutions_near_the_identity():
    torch.manual_seed(0)
    stack, x = ConvStack(6, 3), torch.rand(2, 3, 9, 7)
    features = by_hand = F.leaky_relu(stack.convs[0](x - 0.5), 0.1)
    for conv in stack.convs[1:]:
        change = conv.weight.detach().clone()
        for i in range(6):
            change[i, i, 1, 1] -= 1  # what is left is that of a residual: x + conv(x)
        assert change.abs().max() < 0.3 / (6 * 9) ** 0.5
        by_hand = F.leaky_relu(by_hand + F.conv2d(by_hand, change, padding=1), 0.1)
    assert torch.allclose(stack(x), by_hand, atol=1e-6)
    assert not torch.equal(stack(x), features)


def test_a_network_on_a_stack():
    network, x = StackNet([SR], 6, 3, 5), torch.rand(1, 3, 9, 7)
    assert torch.equal(network(x)["sr"], enlarge(x, 2))  # a head that is new adds nothing
    convolution = lambda i, o: 9 * i * o + o  # noqa: E731
    trunk = convolution(3, 6) + 3 * convolution(6, 6)
    head = convolution(6, 5) + convolution(5, 12)
    assert sum(p.numel() for p in network.parameters()) == trunk + head
    with pytest.raises(ValueError, match="expand"):
        StackNet([SR], 6, 3, 5, 2)


def test_how_far_a_stack_sees():
    network = StackNet([SR], 6, 3, 5)
    torch.nn.init.normal_(network.heads["sr"].upsampler.conv.weight)
    x = small(41, 41).requires_grad_()
    network(x)["sr"][0, :, 40:42, 40:42].sum().backward()
    rows = x.grad[0].abs().sum(dim=(0, 2)).nonzero().flatten()
    assert max(20 - rows.min().item(), rows.max().item() - 20) == network.reach


def test_a_network_with_wide_kernels_merges_into_a_plain_one():
    network, wide = lively(TASKS), widen(lively(TASKS))
    assert sum(p.numel() for p in wide.parameters()) > sum(p.numel() for p in network.parameters())
    outputs, state = wide(small()), merged(wide)
    assert set(state) == set(network.state_dict())
    network.load_state_dict(state)
    again = network(small())
    assert all(torch.allclose(outputs[name], again[name], atol=1e-6) for name in outputs)
    assert torch.equal(wide(small())["sr"], outputs["sr"])  # merging changed nothing


def test_a_wide_kernel_is_two_convolutions_in_a_row():
    torch.manual_seed(0)
    kernel, x = torch.randn(4, 3, 3, 3), torch.randn(1, 3, 8, 8)
    wide = WideKernel(kernel)
    two = F.conv2d(F.conv2d(x, wide.spread), wide.back[:, :, None, None])
    assert torch.allclose(F.conv2d(x, wide(kernel)), F.conv2d(x, kernel) + two, atol=1e-4)
