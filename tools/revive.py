"""Wake a network's silent units before it is trained further: python tools/revive.py FROM TO

A channel inside a residual block whose ReLU is above 0 in fewer than 1 of 10,000 pixels of the
course's training photographs (as they are, faded by half and wholly, at every scale of the
network's tasks) learns nothing any more: no gradient passes. Its kernel is drawn anew and what the
block makes of it is set to zero, so that the network restores as before, and the channel can learn.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtsr_lib.blocks import ResidualBlock
from mtsr_lib.checkpoints import load_checkpoint, model_card, save_checkpoint
from mtsr_lib.degrade import crop_to_multiple, downscale, fade
from mtsr_lib.images import load_image, photographs, quantize
from mtsr_lib.model import MultiTaskNet

RARE = 1e-4


@torch.inference_mode()
def activity(model: MultiTaskNet, pictures: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """For each ReLU that runs for sr, the share of pixels where each channel is above 0."""
    shares: dict[str, list[torch.Tensor]] = {}

    def looked_at(layer: str):
        def hook(module, inputs, output: torch.Tensor) -> None:
            shares.setdefault(layer, []).append((output > 0).float().mean((0, 2, 3)))

        return hook

    kinds, layers = (nn.ReLU, nn.LeakyReLU), model.named_modules()
    hooks = [m.register_forward_hook(looked_at(n)) for n, m in layers if isinstance(m, kinds)]
    for picture in pictures:
        model(picture, ["sr"])
    for hook in hooks:
        hook.remove()
    return {layer: torch.stack(values).mean(0) for layer, values in shares.items()}


@torch.no_grad()
def revive(model: MultiTaskNet, shares: dict[str, torch.Tensor]) -> int:
    """Draw the silent channels anew, in place; gives how many there were."""
    found = 0
    for name, block in model.named_modules():
        if isinstance(block, ResidualBlock):
            silent = shares[f"{name}.relu"] < RARE
            fresh = nn.Conv2d(block.conv1.in_channels, block.conv1.out_channels, 3)
            block.conv1.weight[silent] = fresh.weight[silent]
            block.conv1.bias[silent] = fresh.bias[silent]
            block.conv2.weight[:, silent] = 0
            found += int(silent.sum())
    return found


def inputs(model: MultiTaskNet) -> list[torch.Tensor]:
    """What the network may see: LR pictures of the training photographs, faded and not."""
    made = []
    for path in photographs("train"):
        for scale in sorted({task.scale for task in model.tasks.values()}):
            picture = crop_to_multiple(load_image(path), scale)
            made += [quantize(downscale(fade(picture, s), scale)) for s in (0.0, 0.5, 1.0)]
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", metavar="FROM", help="a network's file")
    parser.add_argument("out", metavar="TO", help="where to write the network with all awake")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, card = load_checkpoint(options.network), model_card(options.network)
    found = revive(model, activity(model, inputs(model)))
    then = f"tools/revive.py: {found} silent channels drawn anew"
    save_checkpoint(model, options.out, {**card, "then": then})
    print(f"{options.out}: {found} silent channels drawn anew")


if __name__ == "__main__":
    main()
