"""Networks in files: safetensors, which cannot run code, with a model card inside."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .images import ImageError, data_folder, write_beside
from .model import MultiTaskNet, StackNet, luma_alone
from .sharing import ChainedNet
from .tasks import Task, select

__all__ = [
    "CheckpointError",
    "load_checkpoint",
    "load_model",
    "model_card",
    "model_names",
    "save_checkpoint",
]

DEFAULT = "mtsr-base"
# By the kind that a file names.
NETWORKS = {"hard": MultiTaskNet, "chained": ChainedNet, "stack": StackNet}


class CheckpointError(ValueError):
    """A network's file cannot be used or written; the message says why in one sentence."""


def save_checkpoint(model: MultiTaskNet, path: str | os.PathLike, card: dict | None = None) -> None:
    """Write the weights, what is needed to build the network, and its model card, into one file.

    The card is any dictionary that JSON can hold. Written beside, then renamed.
    """
    recipe = {"format": 1, "tasks": list(model.tasks), **model.config}
    metadata = {"mtsr": json.dumps({"recipe": recipe, "card": card or {}}, ensure_ascii=False)}
    weights = {name: value.detach().contiguous() for name, value in model.state_dict().items()}

    def write(part: str) -> None:
        try:
            save_file(weights, part, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from None

    try:
        write_beside(Path(path), write)
    except ImageError as error:
        raise CheckpointError(str(error)) from None


def load_checkpoint(path: str | os.PathLike, tasks: Sequence[Task] | None = None) -> MultiTaskNet:
    """The network in a file, ready for use. Give `tasks` if it has tasks of your own making.

    Raises CheckpointError with one sentence if the file is missing, damaged or of another kind.
    """
    recipe = _metadata(path)["recipe"]
    try:
        tasks = select(recipe["tasks"]) if tasks is None else tasks
        sizes = {key: recipe[key] for key in ("channels", "blocks", "hidden")}
        sizes["expansion"] = recipe.get("expansion", 1)
        model = NETWORKS[recipe.get("kind", "hard")](tasks, **sizes)
        if recipe.get("luma"):
            luma_alone(model)
        with safe_open(path, framework="pt") as file:
            model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path} does not fit this library's networks ({reason}).") from None
    return model.eval().to(memory_format=torch.channels_last)


def model_card(path_or_name: str | os.PathLike) -> dict:
    """The model card inside a file, or of a shipped network by its name."""
    path = Path(path_or_name)
    return _metadata(_shipped(str(path_or_name)) if not path.suffix else path)["card"]


def _metadata(path: str | os.PathLike) -> dict:
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file; see `mtsr_lib.model_names()`.")
    try:
        with safe_open(path, framework="pt") as file:
            inside = json.loads(file.metadata()["mtsr"])
            return {key: inside[key] for key in ("recipe", "card")}
    except (SafetensorError, OSError):
        raise CheckpointError(f"{path} is damaged or no safetensors file; copy it again.") from None
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(f"{path} is not a network of this library: it has no card.") from None


def model_names() -> list[str]:
    """The names of the networks that come with the library."""
    return sorted(path.stem for path in (data_folder() / "checkpoints").glob("*.safetensors"))


def load_model(name: str | os.PathLike = DEFAULT) -> MultiTaskNet:
    """A shipped network by its name, or a network in a file of your own by its path."""
    return load_checkpoint(_shipped(name) if not Path(name).suffix else name)


def _shipped(name: str | os.PathLike) -> Path:
    path = data_folder() / "checkpoints" / f"{name}.safetensors"
    if not path.is_file():
        names = ", ".join(model_names()) or "none is installed"
        raise CheckpointError(f"there is no network named {name!r}; the shipped ones: {names}.")
    return path
