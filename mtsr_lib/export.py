"""One head of a network as an ONNX file, for programs without PyTorch."""

import contextlib
import io
import logging
import os
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from .images import write_beside
from .model import MultiTaskNet

__all__ = ["ExportError", "export_onnx"]


class ExportError(ValueError):
    """A network cannot be exported; the message says why in one sentence."""


class OneTask(nn.Module):
    """The network with one of its heads: from x, and the thumbnail where it is needed, to y."""

    def __init__(self, model: MultiTaskNet, name: str):
        super().__init__()
        self.model, self.name = model, name

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """y, not clipped."""
        return self.model(x, [self.name], context)[self.name]


@contextlib.contextmanager
def quietly():
    """Without the exporter's progress and its remarks on what is not installed."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def export_onnx(model: MultiTaskNet, path: str | os.PathLike, task: str = "sr") -> None:
    """Write trunk and head of one task, for pictures of any height and width from 4 pixels on.

    Input `x`: float32 (1, 3, h, w) in [0, 1]; output `y`: (1, 3, h·scale, w·scale), not clipped. A
    task that must know the whole picture has an input `context` too, its thumbnail (1, 3, 32, 32);
    see `mtsr_lib.datasets.thumbnail`. Needs the extra `onnx`; ExportError says so in a sentence.
    """
    try:
        from onnxscript import opset20
    except ImportError:
        raise ExportError("to export, run python3 course.py setup onnx first.") from None
    if task not in model.tasks:
        raise ExportError(f"this network has no task {task!r}; it has {', '.join(model.tasks)}.")
    names = ["x", "context"] if model.tasks[task].context else ["x"]
    inputs = tuple(torch.rand(1, 3, *side) for side in ((24, 20), (32, 32))[: len(names)])
    sides = {2: torch.export.Dim("h", min=4), 3: torch.export.Dim("w", min=4)}
    with quietly():
        program = torch.onnx.export(
            OneTask(model, task).eval(),
            inputs,
            input_names=names,
            output_names=["y"],
            dynamic_shapes=({**sides}, {})[: len(names)],
            opset_version=20,
            dynamo=True,
            verbose=False,
            custom_translation_table={
                # PyTorch 2.13 makes an int of the divisor, which here is twice a side: any number
                torch.ops.aten.remainder.Scalar: lambda a, b: opset20.Mod(a, b),
            },
        )
    write_beside(Path(path), lambda part: program.save(part, external_data=False))
