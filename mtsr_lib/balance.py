"""Who decides what matters: the losses of several tasks become one step.

A balancer is a module: `balancer.backward(losses, shared)` leaves gradients on all parameters and
returns the total as a number to show. `losses` holds the tasks of this step, all or some;
`shared` are the parameters that all tasks use, for balancers that look at gradients.
"""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

__all__ = ["FixedWeights", "total_loss"]


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Σ wᵢ Lᵢ over the tasks of this step; a task without a weight counts with 1."""
    return sum(weights.get(task, 1.0) * loss for task, loss in losses.items())


class FixedWeights(nn.Module):
    """Constant weights: minimise Σ wᵢ Lᵢ."""

    def __init__(self, weights: Mapping[str, float] | None = None):
        super().__init__()
        self.weights = dict(weights or {})

    def backward(self, losses: Mapping[str, Tensor], shared: Iterable[Tensor] = ()) -> Tensor:
        """Gradients of the total; `shared` is not needed here."""
        total = total_loss(losses, self.weights)
        total.backward()
        return total.detach()
