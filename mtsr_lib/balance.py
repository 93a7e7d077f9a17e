"""Who decides what matters: the losses of several tasks become one step.

A balancer is a module: `balancer.backward(losses, shared)` leaves gradients on all parameters and
returns the weight that each task got. `losses` holds the tasks of this step, all or some;
`shared` are the parameters that all tasks use. State and parameters are saved with the training.

Weightings multiply losses: FixedWeights, RandomWeights, DWA, Uncertainty, GradNorm. Aggregators
combine the tasks' gradients on the shared parameters: PCGrad, MGDA, UPGrad. With several processes,
`average` is the mean over them: losses and gradients are averaged *before* they are compared.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = [
    "DWA",
    "MGDA",
    "FixedWeights",
    "GradNorm",
    "PCGrad",
    "RandomWeights",
    "UPGrad",
    "Uncertainty",
    "combine_gradients",
    "mgda",
    "pcgrad",
    "task_gradients",
    "total_loss",
    "upgrad",
]

Average = Callable[[Tensor], Tensor]


def alone(value: Tensor) -> Tensor:
    """The average over a single process."""
    return value


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Σ wᵢ Lᵢ over the tasks of this step; a task without a weight counts with 1."""
    return sum(weights.get(task, 1.0) * loss for task, loss in losses.items())


# ---------------------------------------------------------------------------- weightings


class FixedWeights(nn.Module):
    """Constant weights: minimise Σ wᵢ Lᵢ."""

    def __init__(self, weights: Mapping[str, float] | None = None):
        super().__init__()
        self.weights = dict(weights or {})

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor] = (), average: Average = alone
    ) -> dict[str, float]:
        """Gradients of the total; neither `shared` nor `average` is needed here."""
        total_loss(losses, self.weights).backward()
        return {task: self.weights.get(task, 1.0) for task in losses}


class RandomWeights(nn.Module):
    """New weights at every step, K · softmax(N(0, 1)): the control to beat (Lin et al. 2022)."""

    def __init__(self, seed: int = 0):
        super().__init__()
        self.register_buffer("step", torch.tensor(0))
        self.seed = seed

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor] = (), average: Average = alone
    ) -> dict[str, float]:
        """The weights depend on the seed and the step alone."""
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + int(self.step))
        drawn = torch.randn(len(losses), generator=generator).softmax(0) * len(losses)
        self.step += 1
        weights = dict(zip(losses, drawn.tolist(), strict=True))
        total_loss(losses, weights).backward()
        return weights


class DWA(nn.Module):
    """Dynamic weight average: K · softmax(rᵢ / T), rᵢ = Lᵢ(t−1) / Lᵢ(t−2) (Liu et al. 2019).

    L(t) is the mean loss of the t-th period of `period` steps; weights are 1 in the first two. A
    task whose loss falls more slowly than the others' gets more weight.
    """

    def __init__(self, tasks: Sequence[str], temperature: float = 2.0, period: int = 100):
        super().__init__()
        self.tasks, self.temperature, self.period = list(tasks), temperature, period
        k = len(self.tasks)
        self.register_buffer("step", torch.tensor(0))
        self.register_buffer("sums", torch.zeros(2, k))  # of this period: losses, how many
        self.register_buffer("means", torch.full((2, k), float("nan")))  # L(t−2), L(t−1)

    def ratios(self) -> Float[Tensor, "k"]:
        """rᵢ, 1 where a task has not yet been seen for two periods."""
        return torch.nan_to_num(self.means[1] / self.means[0], nan=1.0)

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor] = (), average: Average = alone
    ) -> dict[str, float]:
        """Weights of the tasks in this step; they sum to their number."""
        index = [self.tasks.index(task) for task in losses]
        drawn = (self.ratios()[index] / self.temperature).softmax(0) * len(index)
        weights = dict(zip(losses, drawn.tolist(), strict=True))
        total_loss(losses, weights).backward()
        self._remember(index, average(torch.stack([loss.detach() for loss in losses.values()])))
        return weights

    def _remember(self, index: list[int], values: Tensor) -> None:
        self.sums[:, index] += torch.stack([values, torch.ones_like(values)])
        self.step += 1
        if self.step % self.period == 0:
            latest = self.sums[0] / self.sums[1]  # NaN for a task not seen
            self.means = torch.stack([self.means[1], latest])
            self.sums.zero_()


class Uncertainty(nn.Module):
    """Learnt log-variances sᵢ: minimise Σ Lᵢ / (2 exp sᵢ) + sᵢ / 2 (Kendall et al. 2018).

    The sᵢ start at 0 and are parameters: give them to the optimiser with the network's.
    """

    def __init__(self, tasks: Sequence[str]):
        super().__init__()
        self.log_variance = nn.ParameterDict({task: torch.zeros(()) for task in tasks})

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor] = (), average: Average = alone
    ) -> dict[str, float]:
        """Gradients on the network and on the sᵢ; a weight is 1 / (2 exp sᵢ)."""
        s = self.log_variance
        sum(loss / (2 * s[task].exp()) + s[task] / 2 for task, loss in losses.items()).backward()
        return {task: 0.5 * (-s[task]).exp().item() for task in losses}


class GradNorm(nn.Module):
    """Weights that make the tasks' gradients equally long, longer for tasks that lag.

    One step of size `rate` per training step on Σ |wᵢ‖gᵢ‖ − Ḡ rᵢ^α|, where Ḡ is the mean of wᵢ‖gᵢ‖
    and rᵢ = (Lᵢ/Lᵢ(0)) / mean(Lⱼ/Lⱼ(0)); both held constant. Then the wᵢ are made to sum to their
    number. gᵢ is the gradient on `shared`, such as the last shared layer. Chen et al. 2018.
    """

    def __init__(self, tasks: Sequence[str], alpha: float = 1.5, rate: float = 0.025):
        super().__init__()
        self.tasks, self.alpha, self.rate = list(tasks), alpha, rate
        self.register_buffer("w", torch.ones(len(self.tasks)))
        self.register_buffer("first", torch.full((len(self.tasks),), float("nan")))

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor] = (), average: Average = alone
    ) -> dict[str, float]:
        """The weights are used as they are, then moved for the next step."""
        index = [self.tasks.index(task) for task in losses]
        weights = dict(zip(losses, self.w[index].tolist(), strict=True))
        norms = average(task_gradients(losses, shared)).norm(dim=1).to(self.w)
        total_loss(losses, weights).backward()
        values = average(torch.stack([loss.detach() for loss in losses.values()])).to(self.w)
        self._move(index, values, norms)
        return weights

    def _move(self, index: list[int], values: Tensor, norms: Tensor) -> None:
        self.first[index] = torch.where(self.first[index].isnan(), values, self.first[index])
        progress = values / self.first[index]
        lag = progress / progress.mean()
        length = self.w[index] * norms
        too_long = torch.sign(length - length.mean() * lag**self.alpha)
        w = (self.w[index] - self.rate * too_long * norms).clamp(min=1e-3)
        self.w[index] = w * self.w[index].sum() / w.sum()


# ---------------------------------------------------------------------------- aggregators


def task_gradients(
    losses: Mapping[str, Tensor], shared: Iterable[Tensor]
) -> Float[Tensor, "tasks size"]:
    """Each task's gradient on the shared tensors (parameters, or features), one row a task."""
    shared = list(shared)
    rows = []
    for loss in losses.values():
        parts = torch.autograd.grad(loss, shared, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([part.reshape(-1) for part in parts]))
    return torch.stack(rows)


def pcgrad(gramian: Float[Tensor, "k k"], generator: torch.Generator) -> Float[Tensor, "k"]:
    """Weights of PCGrad: where gᵢ·gⱼ < 0, take gⱼ's direction from gᵢ, j in random order; sum.

    All that is needed are the inner products gᵢ·gⱼ (the Gramian). Yu et al. 2020.
    """
    rows = torch.eye(len(gramian)).to(gramian)  # row i: the changed gᵢ as a sum of g's
    for i, row in enumerate(rows):
        for j in torch.randperm(len(gramian), generator=generator).tolist():
            dot = row @ gramian[j]
            if j != i and dot < 0:
                row[j] -= dot / gramian[j, j]
    return rows.sum(0)


def square_root(gramian: Float[Tensor, "k k"]) -> np.ndarray:
    """A (k, k) matrix whose rows have these inner products, the longest row scaled to 1."""
    matrix = gramian.detach().double().cpu().numpy()
    values, vectors = np.linalg.eigh(matrix / max(matrix.diagonal().max(), 1e-300))
    return vectors * np.sqrt(values.clip(min=0))


def mgda(gramian: Float[Tensor, "k k"]) -> Float[Tensor, "k"]:
    """Weights of MGDA: min ‖Σ αᵢ gᵢ‖² with α ≥ 0, Σ αᵢ = 1 (Désidéri 2012; Sener and Koltun 2018).

    Solved as non-negative least squares, min ‖Σ αᵢ gᵢ‖² + (Σ αᵢ − 1)²: its solution, made to sum to
    1, is the one looked for, since scaling α does not change which direction is shortest.
    """
    from scipy.optimize import nnls

    root = square_root(gramian)
    system = np.vstack([root.T, np.ones(len(root))])
    alpha, _ = nnls(system, np.eye(len(root) + 1)[-1])
    return torch.from_numpy(alpha / alpha.sum()).to(gramian)


def upgrad(gramian: Float[Tensor, "k k"]) -> Float[Tensor, "k"]:
    """Weights of UPGrad: each gᵢ projected onto the directions that harm no task, then the mean.

    The projection is gᵢ + Σ λⱼ gⱼ with the λ ≥ 0 that make it shortest: non-negative least squares.
    Quinton and Rey 2024.
    """
    from scipy.optimize import nnls

    root = square_root(gramian)
    rows = [nnls(root.T, -row)[0] for row in root]
    weights = np.eye(len(root)) + np.stack(rows)
    return torch.from_numpy(weights.mean(0)).to(gramian)


def combine_gradients(
    losses: Mapping[str, Tensor],
    shared: Iterable[Tensor],
    weigh: Callable[[Tensor], Tensor],
    average: Average = alone,
) -> Float[Tensor, "k"]:
    """Leave Σ wᵢ gᵢ on `shared`, w = weigh(Gramian), and on each head its own loss's gradient."""
    shared = list(shared)
    rows = []
    for loss in losses.values():  # one backward a task: heads collect, the shared part is set aside
        for parameter in shared:
            parameter.grad = None
        loss.backward(retain_graph=True)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in shared]
        rows.append(torch.cat([grad.reshape(-1) for grad in grads]))
    gradients = average(torch.stack(rows))
    weights = weigh(gradients @ gradients.T)
    pieces = (weights @ gradients).split([p.numel() for p in shared])
    for parameter, piece in zip(shared, pieces, strict=True):
        parameter.grad = piece.view_as(parameter).clone()
    return weights


class PCGrad(nn.Module):
    """Projecting conflicting gradients, see `pcgrad`; its order follows from seed and step."""

    def __init__(self, seed: int = 0):
        super().__init__()
        self.register_buffer("step", torch.tensor(0))
        self.seed = seed

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor], average: Average = alone
    ) -> dict[str, float]:
        """Gradients on `shared` from all tasks together, on each head from its own loss."""
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + int(self.step))
        self.step += 1
        weights = combine_gradients(losses, shared, lambda g: pcgrad(g, generator), average)
        return dict(zip(losses, weights.tolist(), strict=True))


class MGDA(nn.Module):
    """The shortest convex combination of the tasks' gradients, see `mgda`."""

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor], average: Average = alone
    ) -> dict[str, float]:
        """Gradients on `shared` from all tasks together, on each head from its own loss."""
        weights = combine_gradients(losses, shared, mgda, average)
        return dict(zip(losses, weights.tolist(), strict=True))


class UPGrad(nn.Module):
    """The mean of the gradients, each projected so that it harms no task, see `upgrad`."""

    def backward(
        self, losses: Mapping[str, Tensor], shared: Iterable[Tensor], average: Average = alone
    ) -> dict[str, float]:
        """Gradients on `shared` from all tasks together, on each head from its own loss."""
        weights = combine_gradients(losses, shared, upgrad, average)
        return dict(zip(losses, weights.tolist(), strict=True))
