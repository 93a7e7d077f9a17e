"""A training from a configuration file: what `python -m mtsr_lib train` runs."""

import csv
import hashlib
import os
import platform
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from . import balance
from .blocks import merged, widen
from .checkpoints import NETWORKS, load_checkpoint, model_card, save_checkpoint
from .datasets import Patches
from .evaluation import measure
from .images import load_image, load_uint8, luma, photographs, write_beside
from .losses import l1
from .model import luma_alone
from .tasks import select
from .training import History, Team, cosine, fit, load_state, save_state, usable_cores

__all__ = ["ConfigError", "TrainConfig", "read_config", "train"]


OPTIMIZERS = ("adam", "soap")


class ConfigError(ValueError):
    """A training cannot start as configured; the message says why in one sentence."""


@dataclass(frozen=True)
class TrainConfig:
    """A training, as a TOML file states it; see data/configs for examples.

    `photographs` and `validation` are a split of the course's photographs ("train", "val") or a
    folder of pictures. `start` is a network's file to start from. Sizes in LR pixels; `unfaded` is
    the share of patches that are not faded. `kind` is "hard" for a MultiTaskNet, "chained" for a
    ChainedNet, "stack" for a StackNet; with `luma` the heads add brightness alone and learn from
    its L1; `widened` trains the blocks' kernels as WideKernels. `optimizer` is "adam" or "soap".
    `threads` 0 takes the cores this process may use.
    """

    name: str
    tasks: list[str]
    photographs: str = "train"
    validation: str = "val"
    start: str = ""
    unfaded: float = 0.0
    balancer: str = "fixed"
    weights: dict[str, float] = field(default_factory=dict)
    channels: int = 32
    blocks: int = 4
    hidden: int = 16
    expansion: int = 1
    kind: str = "hard"
    luma: bool = False
    widened: bool = False
    optimizer: str = "adam"
    batch_size: int = 16
    patch: int = 24
    steps: int = 2000
    learning_rate: float = 2e-3
    seed: int = 0
    every: int = 500
    threads: int = 0
    licence: str = ""


def read_config(path: str | os.PathLike, **changes) -> TrainConfig:
    """A TOML file as a TrainConfig, some of its values changed; ConfigError with one sentence."""
    try:
        values = {**tomllib.loads(Path(path).read_text(encoding="utf-8")), **changes}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} cannot be read ({reason}).") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML ({error}).") from None
    known = {f.name: f.type for f in fields(TrainConfig)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{path}: there is no setting {key!r}; there are {', '.join(known)}.")
        kind = known[key] if isinstance(known[key], type) else known[key].__origin__
        right = isinstance(value, (int, float) if kind is float else kind)
        if not right or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(f"{path}: {key} must be {kind.__name__}, not {value!r}.")
    for key in ("name", "tasks"):
        if not values.get(key):
            raise ConfigError(f"{path}: the setting {key} is missing.")
    if fault := _fault(values):
        raise ConfigError(f"{path}: {fault}.")
    return TrainConfig(**values)


def _fault(values: dict) -> str | None:
    """What cannot be trained with these settings, of the right types, if anything."""
    least = {"blocks": 0, "threads": 0, "seed": 0}
    for key in ("channels", "hidden", "expansion", "batch_size", "patch", "steps", "every", *least):
        if values.get(key, 1) < least.get(key, 1):
            return f"{key} must be at least {least.get(key, 1)}, not {values[key]}"
    if not values.get("learning_rate", 1) > 0:
        return f"learning_rate must be above 0, not {values['learning_rate']}"
    if (kind := values.get("kind", "hard")) not in NETWORKS:
        return f"kind must be one of {', '.join(NETWORKS)}, not {kind}"
    if (name := values.get("optimizer", "adam")) not in OPTIMIZERS:
        return f"optimizer must be one of {', '.join(OPTIMIZERS)}, not {name}"
    if kind == "stack" and values.get("expansion", 1) != 1:
        return "expansion must be 1 for a stack, which has no blocks"
    if not all(isinstance(name, str) for name in values["tasks"]):
        return f"tasks must be a list of names, not {values['tasks']}"
    try:
        make_balancer(values.get("balancer", "fixed"), values["tasks"], {})
    except ConfigError as error:
        return str(error)
    for name, weight in values.get("weights", {}).items():
        if name not in values["tasks"] or not isinstance(weight, (int, float)):
            return f"weights holds {name} = {weight!r}; it takes a number for each of the tasks"
    return None


def pictures_in(source: str) -> list[Path]:
    """The pictures of a split of the course, or of a folder, sorted by name."""
    if source in {"train", "val", "test"}:
        return photographs(source)
    endings = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
    if not Path(source).is_dir():
        raise ConfigError(f"{source}: there is no such folder of photographs.")
    found = sorted(p for p in Path(source).iterdir() if p.suffix.lower() in endings)
    if not found:
        raise ConfigError(f"{source} holds no pictures.")
    return found


def train(
    config: TrainConfig,
    out: str | os.PathLike = "runs",
    command: str = "",
    restart: bool = False,
    progress: bool = True,
) -> History:
    """Train as configured; leaves out/NAME.safetensors (with its card), .state.pt and .csv.

    An earlier run of the same configuration that was stopped goes on where it was. On several
    processes (torchrun, with accelerate installed) each takes its slice of every batch.
    """
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes that share this machine
    torch.set_num_threads(config.threads or max(1, usable_cores() // here))
    torch.manual_seed(config.seed)
    files = pictures_in(config.photographs)
    tasks = select(config.tasks)
    pictures, sizes = map(load_uint8, files), (config.batch_size, config.patch)
    data = Patches(pictures, tasks, *sizes, config.seed, config.unfaded)
    held_out = [load_image(path) for path in pictures_in(config.validation)]
    sizes = (config.channels, config.blocks, config.hidden, config.expansion)
    if config.luma:
        tasks = [replace(task, loss=luma_l1) for task in tasks]
    network, plain = (NETWORKS[config.kind](tasks, *sizes) for _ in range(2))
    if config.luma:
        network, plain = luma_alone(network), luma_alone(plain)
    if config.start:
        network.load_state_dict(load_checkpoint(config.start).state_dict())
    network = widen(network) if config.widened else network
    network, team = network.to(memory_format=torch.channels_last), _team()
    network.to(team.device)
    if config.batch_size % team.count:
        raise ConfigError(
            f"a batch of {config.batch_size} does not divide among {team.count} processes."
        )
    balancer = make_balancer(config.balancer, config.tasks, config.weights, config.seed)
    parameters = [*network.parameters(), *balancer.to(team.device).parameters()]
    optimizer = make_optimizer(config.optimizer, parameters, config.learning_rate)
    state, history = Path(out) / f"{config.name}.state.pt", History()
    if state.exists() and not restart:
        history = _resumed(state, config, network, optimizer, balancer)
    start = time.monotonic() - (history.val[-1]["seconds"] if history.val else 0)

    def after(history: History) -> None:
        if team.index:
            return
        seconds = round(time.monotonic() - start, 1)
        scores = {n: round(v, 4) for n, v in measure(network, held_out).items()}
        history.val.append({"step": history.steps, "seconds": seconds, **scores})
        save_state(state, network, optimizer, balancer, history, asdict(config))
        plain.load_state_dict(merged(network))
        card = _card(config, files, history, plain, command)
        save_checkpoint(plain, Path(out) / f"{config.name}.safetensors", card)
        table = Path(out) / f"{config.name}.csv"
        write_beside(table, lambda part: _write_rows(part, history.val))
        if progress:
            tqdm.write(f"step {history.steps}: " + " ".join(f"{k} {v}" for k, v in scores.items()))

    history = fit(
        network,
        data,
        config.steps,
        optimizer,
        cosine(config.steps, config.learning_rate),
        balancer if team.count == 1 else Together(balancer, parameters, team),
        history,
        config.every,
        after,
        team,
        progress and not team.index,
    )
    if team.count > 1:  # leave together: a process that ends while others work may abort
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    return history


def luma_l1(prediction: Tensor, target: Tensor) -> Tensor:
    """L1 of the brightness alone."""
    return l1(luma(prediction), luma(target))


def make_balancer(
    name: str, tasks: Sequence[str], weights: Mapping[str, float], seed: int = 0
) -> nn.Module:
    """A balancer by the name that configurations and experiments give it."""
    made = {
        "fixed": lambda: balance.FixedWeights(weights),
        "random": lambda: balance.RandomWeights(seed),
        "dwa": lambda: balance.DWA(tasks),
        "uncertainty": lambda: balance.Uncertainty(tasks),
        "gradnorm": lambda: balance.GradNorm(tasks),
        "pcgrad": lambda: balance.PCGrad(seed),
        "mgda": balance.MGDA,
        "upgrad": balance.UPGrad,
    }
    if name not in made:
        raise ConfigError(f"there is no balancer {name!r}; there are {', '.join(made)}")
    return made[name]()


def make_optimizer(name: str, parameters: Sequence[Tensor], rate: float) -> torch.optim.Optimizer:
    """An optimiser by the name that configurations give it.

    SOAP is Adam along the axes of the gradients themselves: Vyas et al. 2024, arXiv 2409.11321.
    """
    if name == "adam":
        return torch.optim.Adam(parameters, lr=rate)
    try:
        from pytorch_optimizer import SOAP
    except ImportError:
        raise ConfigError("for SOAP, run python3 course.py setup soap first.") from None
    return SOAP(parameters, lr=rate, weight_decay=0.0)


class Together(nn.Module):
    """A balancer among several processes, each with its slice of the batch.

    Losses and the tasks' gradients are averaged over the processes before the balancer combines
    them, then the gradients of all other parameters: every process takes the step of the batch.
    """

    def __init__(self, balancer: nn.Module, parameters: Sequence[Tensor], team: Team):
        super().__init__()
        self.balancer, self.trained, self.team = balancer, parameters, team

    def backward(self, losses: Mapping[str, Tensor], shared: Iterable[Tensor]) -> dict[str, float]:
        """As the balancer's."""
        weights = self.balancer.backward(losses, shared, self.team.average)
        grads = [p.grad for p in self.trained if p.grad is not None]
        mean = self.team.average(torch.cat([grad.reshape(-1) for grad in grads]))
        for grad, part in zip(grads, mean.split([g.numel() for g in grads]), strict=True):
            grad.copy_(part.view_as(grad))
        return weights


def _team() -> Team:
    """This process's place among those that torchrun started; alone if it did not."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team(device="cuda" if torch.cuda.is_available() else "cpu")
    try:
        from accelerate import PartialState
    except ImportError:
        remedy = "run python3 course.py setup parallel first"
        raise ConfigError(f"several processes need accelerate: {remedy}.") from None
    state = PartialState(cpu=not torch.cuda.is_available())
    return Team(state.process_index, state.num_processes, str(state.device))


def _resumed(state, config, network, optimizer, balancer) -> History:
    try:
        return load_state(state, network, optimizer, balancer, asdict(config))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    except Exception as error:  # a damaged file can fail in many ways
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{state} is damaged ({reason}); delete it or use --restart.") from None


def _write_rows(path: str, rows: list[dict]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def _card(config: TrainConfig, files: list[Path], history: History, network, command: str) -> dict:
    """The model card: what made this network, from what, and how good it is."""
    index = files[0].parent / "INDEX.tsv"
    about = {}
    if index.exists():
        with open(index, newline="", encoding="utf-8") as file:
            about = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    keys = ("licence", "author", "source")
    data = [
        {
            "file": path.name,
            **{key: about[path.name][key] for key in keys if path.name in about},
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files
    ]
    earlier = model_card(config.start) if config.start else {}
    before = {key: value for key, value in earlier.items() if key != "data"}
    return {
        "name": config.name,
        "licence": config.licence,
        "date": date.today().isoformat(),
        "command": command,
        "config": {**asdict(config), "photographs": Path(config.photographs).name},
        "started_from": before,
        "steps": history.steps,
        "seconds": history.val[-1]["seconds"],
        "validation": history.val[-1],
        "parameters": sum(p.numel() for p in network.parameters()),
        "made_with": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        },
        "data": data,
    }
