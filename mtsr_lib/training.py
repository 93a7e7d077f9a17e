"""The training loop: one step, the loop with history, stop and resume."""

import math
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from .balance import FixedWeights
from .datasets import Batch, Patches
from .images import write_beside

__all__ = [
    "History",
    "StopOnInterrupt",
    "Team",
    "available_cores",
    "cosine",
    "fit",
    "load_state",
    "save_state",
    "train_step",
    "usable_cores",
]


def available_cores() -> int:
    """The cores this process may really use: its affinity, its container's quota, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such limit here
        pass
    return max(1, cores)


def usable_cores() -> int:
    """How many threads to compute with: `available_cores`, or fewer by OMP_NUM_THREADS."""
    cores, wanted = available_cores(), os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(wanted))) if wanted.isdecimal() else cores


@dataclass
class History:
    """What happened: a row for each step's losses, and a row for each validation."""

    train: list[dict] = field(default_factory=list)
    val: list[dict] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """How many steps have been done."""
        return self.train[-1]["step"] if self.train else 0


def cosine(steps: int, peak: float = 2e-3, warmup: int = 100) -> Callable[[int], float]:
    """Learning rate of each step: a linear rise to `peak`, then half a cosine down to 1 % of it."""

    def rate(step: int) -> float:
        rise = min(1.0, (step + 1) / warmup)
        fall = 0.505 + 0.495 * math.cos(math.pi * step / steps)
        return peak * rise * fall

    return rate


@dataclass(frozen=True)
class Team:
    """Several processes at one training: which one this is, of how many; alone by default."""

    index: int = 0
    count: int = 1
    device: str = "cpu"

    def any(self, flag: bool) -> bool:
        """True on all processes if it is true on any of them."""
        if self.count == 1:
            return flag
        value = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MAX)
        return bool(value)

    def average(self, value: Tensor) -> Tensor:
        """The mean over the processes, the same on all of them."""
        if self.count == 1:
            return value
        value = value.clone()
        torch.distributed.all_reduce(value)
        return value / self.count


class StopOnInterrupt:
    """Ctrl-C, or Jupyter's stop button, asks for a stop after the step in hand, not within it."""

    def __enter__(self) -> "StopOnInterrupt":
        self.requested = False
        self.here = threading.current_thread() is threading.main_thread()
        if self.here:
            self.before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *exception) -> None:
        if self.here:
            signal.signal(signal.SIGINT, self.before)

    def _ask(self, *_) -> None:
        self.requested = True


def train_step(
    model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer, balancer: nn.Module
) -> dict[str, float]:
    """Forward, a loss per task, backward through the balancer, one step; gives the losses."""
    batch = batch.to(next(model.parameters()).device)
    outputs = model(batch.x, list(batch.targets), batch.context)
    losses = {
        name: model.tasks[name].loss(outputs[name], target)
        for name, target in batch.targets.items()
    }
    optimizer.zero_grad()
    balancer.backward(losses, list(model.backbone.parameters()))
    optimizer.step()
    return {name: loss.item() for name, loss in losses.items()}


def fit(
    model: nn.Module,
    data: Patches,
    steps: int,
    optimizer: torch.optim.Optimizer,
    schedule: Callable[[int], float],
    balancer: nn.Module | None = None,
    history: History | None = None,
    every: int = 500,
    after: Callable[[History], None] | None = None,
    team: Team = Team(),
    progress: bool = True,
    stop: Callable[[], bool] | None = None,
) -> History:
    """Train from where `history` ends up to `steps`; returns the history.

    schedule(step) is the learning rate. after(history), called every `every` steps, at the end
    and on a stop, is the place to validate and to save. A keyboard interrupt stops after the
    step in hand, and so does stop() when it is true. `team`: this process's place among several,
    each of which takes its slice of the same batch.
    """
    history = History() if history is None else history
    balancer = FixedWeights() if balancer is None else balancer
    bar = tqdm(total=steps, initial=history.steps, disable=not progress, mininterval=1)
    with StopOnInterrupt() as interrupt, bar:
        for step in range(history.steps, steps):
            model.train()
            for group in optimizer.param_groups:
                group["lr"] = schedule(step)
            batch = data.batch(step).part(team.index, team.count)
            losses = train_step(model, batch, optimizer, balancer)
            history.train.append({"step": step + 1, **losses})
            bar.update()
            stopping = team.any(interrupt.requested or bool(stop and stop()))
            if after and (stopping or step + 1 == steps or (step + 1) % every == 0):
                after(history)
            if stopping:
                break
    return history


def save_state(
    path: str | os.PathLike,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    balancer: nn.Module,
    history: History,
    config: dict | None = None,
) -> None:
    """All that a training needs to go on bit for bit, in one file, written beside and renamed."""
    state = {
        "config": config or {},
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "balancer": balancer.state_dict(),
        "history": {"train": history.train, "val": history.val},
    }

    def write(part: str) -> None:
        try:
            torch.save(state, part)
        except RuntimeError as error:  # what torch makes of a full disk
            raise OSError(str(error).splitlines()[0]) from None

    write_beside(Path(path), write)


def load_state(
    path: str | os.PathLike,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    balancer: nn.Module,
    config: dict | None = None,
) -> History:
    """Put a saved training back into model, optimiser and balancer; returns its history.

    Raises ValueError if it was saved under another configuration.
    """
    state: dict[str, dict[str, Tensor]] = torch.load(path, weights_only=True)
    differing = [k for k, v in (config or {}).items() if state["config"].get(k) != v]
    if differing:
        raise ValueError(f"{path} was made with other {', '.join(differing)}; use --restart.")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    balancer.load_state_dict(state["balancer"])
    return History(**state["history"])
