"""Multi-Task Super-Resolution, step by step: the library that the course builds.

>>> import mtsr_lib as mtsr
>>> photo = mtsr.load_sample("astronaut")            # (1, 3, h, w), float32 RGB in [0, 1]
>>> model = mtsr.load_model()
>>> out = mtsr.upscale(model, photo)                 # {"sr": ..., "detail": ..., "color": ...}
>>> mtsr.widgets.compare(photo, out["sr"])           # in a notebook
"""

from importlib import import_module

import torch

from .checkpoints import load_checkpoint, load_model, model_card, model_names, save_checkpoint
from .images import (
    ImageError,
    load_image,
    load_sample,
    load_uint8,
    photographs,
    sample_names,
    save_image,
)
from .upscaling import upscale

__version__ = "0.1.0"

__all__ = [
    "ImageError",
    "load_checkpoint",
    "load_image",
    "load_model",
    "load_sample",
    "load_uint8",
    "model_card",
    "model_names",
    "photographs",
    "sample_names",
    "save_checkpoint",
    "save_image",
    "upscale",
]


# glibc gives large freed blocks back to the system, and fetches them anew in every training step,
# until a larger one has been freed (mallopt(3), M_MMAP_THRESHOLD). So free the largest that counts,
# 31 MiB, untouched: a training step then takes 0.90 of the time, a pass over 256×256 pixels 0.72
# (tools/bench.py freed).
torch.empty(31 * 2**20, dtype=torch.uint8)


def __getattr__(name: str):
    """Load a part of the library when it is first touched (plots, widgets, checks and the rest)."""
    parts = {"plots", "widgets", "check", "doctor", "evaluation", "training"}
    if name in parts:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
