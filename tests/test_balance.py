"""Balancers: the papers' formulas worked by hand, optimality conditions, TorchJD, properties."""

import math

import pytest
import torch
from scipy.optimize import nnls
from torch import nn

from mtsr_lib import balance
from mtsr_lib.balance import (
    DWA,
    MGDA,
    FixedWeights,
    GradNorm,
    PCGrad,
    RandomWeights,
    Uncertainty,
    UPGrad,
    combine_gradients,
    mgda,
    pcgrad,
    task_gradients,
    upgrad,
)

TASKS = ["a", "b", "c"]


def numbers(**values):
    """Losses that are parameters themselves, so that a gradient is the weight."""
    return {k: torch.tensor(float(v), requires_grad=True) for k, v in values.items()}


def order(seed=0):
    return torch.Generator().manual_seed(seed)


def weights_of(method):
    """Gradients (k, n) in float64 -> combined gradient, for each aggregator and the mean."""
    weigh = {
        "mean": lambda g: torch.full((len(g),), 1 / len(g), dtype=g.dtype),
        "pcgrad": lambda g: pcgrad(g, order()),
        "mgda": mgda,
        "upgrad": upgrad,
    }[method]
    return lambda rows: weigh(rows @ rows.T) @ rows


def random_rows(seed, k=None):
    g = order(seed)
    k = k or 2 + seed % 3
    rows = torch.randn(k, 9, generator=g, dtype=torch.float64)
    rows = rows - 0.4 * rows.sum(0) if seed % 2 else rows  # every other time in conflict
    return rows * torch.rand(k, 1, generator=g, dtype=torch.float64).add(0.1)


# ---------------------------------------------------------------------------- weightings


def test_fixed_weights_are_the_gradient():
    losses = numbers(a=2, b=3)
    assert FixedWeights({"a": 0.5}).backward(losses) == {"a": 0.5, "b": 1.0}
    assert (losses["a"].grad.item(), losses["b"].grad.item()) == (0.5, 1.0)


def test_random_weights_sum_to_their_number_and_follow_from_seed_and_step():
    one, two, other = RandomWeights(3), RandomWeights(3), RandomWeights(4)
    first = [one.backward(numbers(a=1, b=1, c=1)) for _ in range(3)]
    assert all(math.isclose(sum(w.values()), 3, rel_tol=1e-6) for w in first)
    assert first[0] != first[1]
    two.load_state_dict(one.state_dict())  # gone on with after three steps
    assert one.backward(numbers(a=1, b=1)) == two.backward(numbers(a=1, b=1))
    assert other.backward(numbers(a=1, b=1, c=1)) != first[0]


def test_dwa_by_hand():
    # Means 4 and 1, then 2 and 1: r = (0.5, 1); softmax(r / 2) = (0.43782, 0.56218), times 2.
    dwa = DWA(["a", "b"], temperature=2.0, period=2)
    for a, b in [(3, 1), (5, 1), (2, 1), (2, 1)]:
        assert dwa.backward(numbers(a=a, b=b)) == {"a": 1.0, "b": 1.0}
    drawn = dwa.backward(numbers(a=9, b=9))
    assert drawn["a"] == pytest.approx(0.87565, abs=1e-5)
    assert drawn["b"] == pytest.approx(1.12435, abs=1e-5)


def test_dwa_with_an_absent_task():
    dwa = DWA(["a", "b"], period=1)
    for _ in range(3):
        assert dwa.backward(numbers(a=2)) == {"a": 1.0}
    assert sum(dwa.backward(numbers(a=2, b=1)).values()) == pytest.approx(2)


def test_uncertainty_by_hand():
    # d/ds of L/(2 e^s) + s/2 at s = 0: (1 - L)/2, weight 1/2. At s = ln 4: (1 - L/4)/2, 1/8.
    balancer, losses = Uncertainty(["a", "b"]), numbers(a=3, b=1)
    balancer.log_variance["b"].data.fill_(math.log(4))
    assert balancer.backward(losses) == pytest.approx({"a": 0.5, "b": 0.125})
    assert losses["a"].grad.item() == pytest.approx(0.5)
    assert losses["b"].grad.item() == pytest.approx(0.125)
    assert balancer.log_variance["a"].grad.item() == pytest.approx(-1.0)
    assert balancer.log_variance["b"].grad.item() == pytest.approx(0.375)


def test_uncertainty_settles_where_the_variance_is_the_loss():
    balancer = Uncertainty(["a"])
    optimizer = torch.optim.SGD(balancer.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        balancer.backward({"a": torch.tensor(0.25)})
        optimizer.step()
    assert balancer.log_variance["a"].exp().item() == pytest.approx(0.25, rel=1e-3)


def test_gradnorm_by_hand():
    # Gradients of length 1 and 3 on the shared parameter; both losses are new, so r = 1 and G = 2.
    # |1·1 - 2| falls as w_a grows: w_a + rate·1; |1·3 - 2| falls as w_b shrinks: w_b - rate·3.
    shared = torch.tensor(1.0, requires_grad=True)
    balancer = GradNorm(["a", "b"], alpha=1.5, rate=0.1)
    assert balancer.backward({"a": shared * 1, "b": shared * 3}, [shared]) == {"a": 1, "b": 1}
    assert shared.grad.item() == 4  # the weights of this step were 1 and 1
    assert balancer.w.tolist() == pytest.approx([2 * 1.1 / 1.8, 2 * 0.7 / 1.8])


def test_gradnorm_favours_the_task_that_lags():
    balancer = GradNorm(["a", "b"], rate=0.01)
    shared = torch.ones((), requires_grad=True)
    for step in range(20):  # a halves its loss, b keeps it; gradients stay equally long
        drift = 1.0 if step == 0 else 0.5
        losses = {"a": shared - 1 + drift, "b": shared * 1.0}
        balancer.backward(losses, [shared])
    assert balancer.w[1] > balancer.w[0] + 0.1
    assert balancer.w.sum().item() == pytest.approx(2)


# ---------------------------------------------------------------------------- aggregators by hand

CONFLICT = torch.tensor([[1.0, 0.0], [-1.0, 1.0]], dtype=torch.float64)


def test_two_conflicting_gradients_by_hand():
    # g1 = (1, 0), g2 = (-1, 1), g1·g2 = -1, |g1|² = 1, |g2|² = 2.
    # PCGrad: g1 + g2/2 = (0.5, 0.5); g2 + g1 = (0, 1); the sum is (0.5, 1.5). UPGrad: half of it.
    # MGDA: the shortest point between them: g1 + t (g2 - g1) with t = 2/5: (0.2, 0.4).
    assert weights_of("pcgrad")(CONFLICT).tolist() == pytest.approx([0.5, 1.5])
    assert weights_of("upgrad")(CONFLICT).tolist() == pytest.approx([0.25, 0.75])
    assert weights_of("mgda")(CONFLICT).tolist() == pytest.approx([0.2, 0.4])


def test_gradients_that_agree_are_left_alone():
    rows = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    assert weights_of("pcgrad")(rows).tolist() == pytest.approx([2, 1])
    assert weights_of("upgrad")(rows).tolist() == pytest.approx([1, 0.5])
    assert weights_of("mgda")(rows).tolist() == pytest.approx([1, 0])  # not the mean


def test_opposite_and_zero_gradients():
    rows = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    for method in ("pcgrad", "mgda", "upgrad"):
        assert weights_of(method)(rows).norm() < 1e-7
        assert torch.isfinite(weights_of(method)(torch.zeros(3, 2, dtype=torch.float64))).all()


@pytest.mark.parametrize("seed", range(30))
def test_mgda_is_optimal(seed):
    """α on the simplex; gᵢ·d ≥ d·d, with equality for the tasks in use (KKT)."""
    rows = random_rows(seed)
    alpha = mgda(rows @ rows.T)
    d = alpha @ rows
    slack = rows @ d - d @ d
    assert alpha.sum().item() == pytest.approx(1)
    assert (alpha >= 0).all()
    assert (slack >= -1e-7).all()
    assert (slack * alpha).abs().max() < 1e-7


@pytest.mark.parametrize("seed", range(30))
def test_upgrad_projects_onto_the_dual_cone(seed):
    """Each projection v = gᵢ + Σ λⱼ gⱼ: λ ≥ 0, gⱼ·v ≥ 0, and λⱼ gⱼ·v = 0 (KKT)."""
    rows = random_rows(seed)
    root = balance.square_root(rows @ rows.T)
    scale = (rows @ rows.T).diagonal().max().sqrt()
    total = torch.zeros(rows.shape[1], dtype=torch.float64)
    for row, gradient in zip(root, rows, strict=True):
        extra = torch.from_numpy(nnls(root.T, -row)[0])
        v = gradient + extra @ rows
        assert (extra >= 0).all()
        assert (rows @ v >= -1e-7 * scale**2).all()
        assert (extra * (rows @ v)).abs().max() < 1e-7
        total += v
    assert torch.allclose(weights_of("upgrad")(rows), total / len(rows), atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_agreement_with_torchjd(seed):
    aggregation = pytest.importorskip("torchjd.aggregation")
    from torchjd.linalg import QuadprogProjector

    rows = random_rows(seed)
    exact = QuadprogProjector(norm_eps=1e-12, reg_eps=1e-11)
    theirs = aggregation.UPGrad(projector=exact)(rows)
    assert (weights_of("upgrad")(rows) - theirs).norm() < 1e-5 * (theirs.norm() + 1e-3)
    theirs = aggregation.MGDA(epsilon=1e-12, max_iters=5_000)(rows)
    assert weights_of("mgda")(rows).norm() <= theirs.norm() + 1e-9  # at least as short
    assert weights_of("mgda")(rows).norm() >= theirs.norm() - 1e-2 * rows.norm()
    if len(rows) == 2:  # with two tasks the order does not matter
        theirs = aggregation.PCGrad()(rows)
        assert torch.allclose(weights_of("pcgrad")(rows), theirs, atol=1e-9)


# ---------------------------------------------------------------------------- table of properties

# method: non-conflicting; independent of order; the mean where gradients are orthogonal; linear
# under scaling of the gradients
PROPERTIES = {
    "mean": (False, True, True, True),
    "pcgrad": (False, False, False, True),
    "mgda": (True, True, False, False),
    "upgrad": (True, True, True, True),
}


def non_conflicting(method):
    """No task's gradient has a negative inner product with the direction."""
    aggregate = weights_of(method)
    return all(
        (r @ aggregate(r)).min() >= -1e-7 * r.norm() ** 2 for r in map(random_rows, range(60))
    )


def independent_of_order(method):
    """The same direction when the tasks are given in the reverse order, or the other way round."""
    aggregate = weights_of(method)
    cases = [random_rows(seed, k=3) for seed in range(60)]
    return all(torch.allclose(aggregate(r), aggregate(r.flip(0)), atol=1e-7) for r in cases)


def mean_where_orthogonal(method):
    """The mean of gradients that do not interact."""
    rows = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    return torch.allclose(weights_of(method)(rows), rows.mean(0), atol=1e-7)


def linear_under_scaling(method):
    """A(diag(c) J) is linear in c > 0: no task is favoured for the length of its gradient."""
    aggregate = weights_of(method)

    def holds(seed):
        rows, g = random_rows(seed), order(seed + 1000)
        c, d = (torch.rand(len(rows), 1, generator=g, dtype=torch.float64) + 0.1 for _ in range(2))
        whole = aggregate((c + d) * rows)
        return torch.allclose(whole, aggregate(c * rows) + aggregate(d * rows), atol=1e-6)

    return all(map(holds, range(60)))


@pytest.mark.parametrize("method", PROPERTIES)
def test_table_of_properties(method):
    checks = (non_conflicting, independent_of_order, mean_where_orthogonal, linear_under_scaling)
    assert tuple(check(method) for check in checks) == PROPERTIES[method]


# ---------------------------------------------------------------------------- on a network


class Tiny(nn.Module):
    """A shared layer and a head for each task."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.trunk = nn.Linear(4, 5).double()
        self.heads = nn.ModuleDict({task: nn.Linear(5, 1).double() for task in TASKS})

    def losses(self, tasks=TASKS):
        x = torch.arange(8.0, dtype=torch.float64).view(2, 4) / 8
        features = torch.tanh(self.trunk(x))
        wanted = {"a": 1.0, "b": -1.0, "c": 0.5}
        return {t: (self.heads[t](features) - wanted[t]).square().mean() for t in tasks}


@pytest.mark.parametrize("make", [lambda: PCGrad(1), MGDA, UPGrad])
@pytest.mark.parametrize("tasks", [TASKS, ["a", "c"], ["b"]])
def test_aggregators_leave_gradients_everywhere(make, tasks):
    model, balancer = Tiny(), make()
    rows = task_gradients(model.losses(tasks), model.trunk.parameters())
    weights = balancer.backward(model.losses(tasks), model.trunk.parameters())
    got = torch.cat([p.grad.reshape(-1) for p in model.trunk.parameters()])
    assert torch.allclose(got, torch.tensor(list(weights.values())).double() @ rows, atol=1e-7)
    for task in TASKS:  # a head gets its own loss's gradient; one that was absent gets none
        grad = model.heads[task].weight.grad
        if task in tasks:
            own = torch.autograd.grad(model.losses()[task], model.heads[task].weight)[0]
            assert torch.allclose(grad, own)
        else:
            assert grad is None


def test_the_average_over_processes_comes_before_the_combination():
    model, other = Tiny(), torch.randn(3, 25, generator=order(), dtype=torch.float64)
    rows = task_gradients(model.losses(), model.trunk.parameters())
    average = lambda mine: (mine + other) / 2  # noqa: E731
    weights = combine_gradients(model.losses(), model.trunk.parameters(), upgrad, average)
    mean = (rows + other) / 2
    assert torch.allclose(weights, upgrad(mean @ mean.T))
    got = torch.cat([p.grad.reshape(-1) for p in model.trunk.parameters()])
    assert torch.allclose(got, weights @ mean)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomWeights(),
        lambda: DWA(TASKS, period=2),
        lambda: GradNorm(TASKS),
        lambda: Uncertainty(TASKS),
        PCGrad,
    ],
)
def test_state_is_saved(make):
    model, one = Tiny(), make()
    for _ in range(5):
        one.backward(model.losses(), list(model.trunk.parameters()))
    two = make()
    two.load_state_dict(one.state_dict())
    shared = list(model.trunk.parameters())
    assert one.backward(model.losses(), shared) == two.backward(model.losses(), shared)
