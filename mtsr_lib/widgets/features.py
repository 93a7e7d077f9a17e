"""The feature-map viewer: a photograph as each layer of a backbone sees it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..checkpoints import load_model
from ..images import load_sample
from ..model import Backbone
from .experiment import Experiment, choice, experiment, slider

LAST = "whole backbone"


def stages(backbone: Backbone, x: Float[Tensor, "b 3 h w"]) -> dict[str, Float[Tensor, "b c h w"]]:
    """Features by name: after the first convolution, after each block, and what the heads get."""
    found = {"first": backbone.first(x - 0.5)}
    features = found["first"]
    for number, block in enumerate(backbone.blocks, 1):
        features = found[f"block {number}"] = block(features)
    return found | {LAST: found["first"] + backbone.last(features)}


def feature_maps(
    x: Float[Tensor, "1 3 h w"] | None = None, backbone: Backbone | None = None
) -> Experiment:
    """Choose a layer and a channel of a backbone (the shipped network's); see its feature map.

    Grey is the channel's middle value, black and white reached by 2 % of its values.
    """
    x = load_sample("cat")[..., 83:173, 153:243] if x is None else x
    backbone = load_model().backbone if backbone is None else backbone
    with torch.no_grad():
        maps = {name: _grey(features[0]) for name, features in stages(backbone, x).items()}
    layers, channels = list(maps), len(maps["first"])

    def compute(layer, channel):
        shown = maps[layer]
        pictures = {
            "x": x,
            f"channel {int(channel)}": shown[int(channel)][None],
            f"all {channels} channels, one pixel of nine": _mosaic(shown[:, ::3, ::3]),
        }
        reach = 1 + 2 * layers.index(layer) if layer != LAST else backbone.reach
        return pictures, f"sees {2 * reach + 1}×{2 * reach + 1} pixels of x"

    return experiment(
        compute,
        title="feature maps",
        layer=choice("after", layers, "block 1"),
        channel=slider("channel", 0, channels - 1, 3, 1, f"of {channels}"),
    )


def _grey(features: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """Each channel by its own range: the median becomes grey."""
    flat = features.flatten(1)
    middle = flat.median(1, keepdim=True).values
    far = (flat - middle).abs().quantile(0.98, dim=1, keepdim=True).clamp(min=1e-6)
    return (0.5 + 0.5 * (flat - middle) / far).clamp(0, 1).view_as(features)


def _mosaic(maps: Float[Tensor, "c h w"]) -> Float[Tensor, "1 h2 w2"]:
    """All channels row by row in a square of maps; grey where the last row is not full."""
    c, h, w = maps.shape
    side = math.ceil(math.sqrt(c))
    full = torch.cat([maps, maps.new_full((side**2 - c, h, w), 0.5)])
    return full.view(side, side, h, w).permute(0, 2, 1, 3).reshape(1, side * h, side * w)
