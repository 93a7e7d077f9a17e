"""Lesson 09, balancing losses."""

import torch

from tests.exercises import Exercise

FRONT = "def my_front(scores):\n    "
GRADNORM = "def my_gradnorm(w, lengths, r, rho, alpha):\n    "
PAIRS = "other, mine = scores[None], scores[:, None]\n    "
RIGHT = {"A": "dwa", "B": "random", "C": "uncertainty", "D": "gradnorm", "E": "fixed"}
G = torch.Generator().manual_seed(3)
W = torch.tensor([1.2, 0.5, 1.3])


def but(**changes: str) -> str:
    return f"my_suspects = {RIGHT | changes}"


def gradnorm(
    long: str = "w * lengths",
    target: str = "long.mean() * r**alpha",
    step: str = "w - rho * sign * lengths",
    floor: str = ".clamp(min=1e-3)",
    end: str = "len(w) * new / new.sum()",
) -> str:
    return (
        f"{GRADNORM}long = {long}\n    target = {target}\n    sign = (long - target).sign()\n"
        f"    new = ({step}){floor}\n    return {end}"
    )


EXERCISES = {
    "front": Exercise(
        inputs=[
            (torch.rand(9, 2, generator=G),),
            (torch.randint(0, 3, (8, 3), generator=G).float(),),
            (torch.rand(12, 3, generator=G),),
        ],
        others=[
            FRONT + "n = len(scores)\n"
            "    front = torch.ones(n, dtype=torch.bool)\n"
            "    for a in range(n):\n"
            "        for b in range(n):\n"
            "            if (scores[b] >= scores[a]).all() and (scores[b] > scores[a]).any():\n"
            "                front[a] = False\n"
            "    return front",
            FRONT + "return torch.tensor([\n"
            "        not any((b >= a).all() and not torch.equal(a, b) for b in scores)\n"
            "        for a in scores\n    ])",
        ],
        wrong=[
            (
                "ones that are dominated",
                FRONT + PAIRS + "return ((other >= mine).all(2) & (other > mine).any(2)).any(1)",
            ),
            ("so A dominates it", FRONT + PAIRS + "return ~(other > mine).all(2).any(1)"),
            (
                "whom row i dominates",
                FRONT + PAIRS + "return ~((other >= mine).all(2) & (other > mine).any(2)).any(0)",
            ),
            ("as good as itself", FRONT + PAIRS + "return ~(other >= mine).all(2).any(1)"),
            (
                "higher is better",
                FRONT + PAIRS + "return ~((other <= mine).all(2) & (other < mine).any(2)).any(1)",
            ),
            ("best at a task", FRONT + "return (scores == scores.amax(0)).any(1)"),
            (
                "one point of the front",
                FRONT + "total = scores.sum(1)\n    return total == total.max()",
            ),
            (
                "both of the equal rows",
                FRONT + PAIRS + "worse = ((other >= mine).all(2) & (other > mine).any(2)).any(1)\n"
                "    first = [not any(torch.equal(scores[i], scores[j]) for j in range(i))"
                " for i in range(len(scores))]\n"
                "    return ~worse & torch.tensor(first)",
            ),
            (
                "shape",
                FRONT + PAIRS + "bad = ((other >= mine).all(2) & (other > mine).any(2)).any(1)\n"
                "    return (~bad).nonzero().flatten()",
            ),
            (
                "expected torch.bool",
                FRONT + PAIRS + "bad = ((other >= mine).all(2) & (other > mine).any(2)).any(1)\n"
                "    return (~bad).float()",
            ),
            (
                "dominated",
                FRONT + "bad = (scores <= scores.roll(1, 0)).all(1)\n    return bad",
            ),
        ],
    ),
    "gradnorm": Exercise(
        inputs=[
            (torch.ones(2), torch.tensor([1.0, 3.0]), torch.ones(2), 0.1, 1.5),
            (W, torch.tensor([0.3, 2.0, 1.1]), torch.tensor([1.7, 0.4, 0.9]), 0.2, 1.5),
            (W, torch.tensor([1.0, 2.0, 9.0]), torch.tensor([0.8, 1.3, 0.9]), 0.3, 0.5),
            (W, torch.tensor([2.0, 1.5, 1.6]), torch.tensor([0.8, 1.3, 0.9]), 0.01, 2.0),
        ],
        others=[
            GRADNORM + "long = w * lengths\n"
            "    target = long.mean() * r**alpha\n"
            "    step = rho * lengths\n"
            "    new = torch.where(long > target, w - step, w + step).clamp(min=1e-3)\n"
            "    return new / new.mean()",
            GRADNORM + "v = w.clone().requires_grad_()\n"
            "    target = (w * lengths).mean() * r**alpha\n"
            "    (v * lengths - target).abs().sum().backward()\n"
            "    new = torch.maximum(w - rho * v.grad, torch.tensor(0.001, dtype=w.dtype))\n"
            "    return new * w.sum() / new.sum()",
        ],
        wrong=[
            ("too long goes down", gradnorm(step="w + rho * sign * lengths")),
            ("sum to n", gradnorm(end="new")),
            ("they sum to 1", gradnorm(end="new / new.sum()")),
            ("size ρ‖gᵢ‖", gradnorm(step="w - rho * sign")),
            ("not ‖gᵢ‖", gradnorm(long="lengths")),
            ("without wᵢ", gradnorm(step="w - rho * sign * w * lengths")),
            ("here are three tasks", gradnorm(end="2 * new / new.sum()")),
            ("own wanted length", gradnorm(target="long.mean()")),
            ("own wanted length", gradnorm(target="long.mean() * r")),
            ("not a factor", gradnorm(target="long.mean() * r * alpha")),
            ("falls below", gradnorm(floor="")),
            (
                "before the scaling",
                gradnorm(
                    floor="",
                    end="(2 * new / new.sum()).clamp(min=1e-3)"
                    " if len(w) == 2 else 3 * new / new.sum()",
                ),
            ),
            ("float64", gradnorm(end="(len(w) * new / new.sum()).float()")),
            ("shape", gradnorm(end="(len(w) * new / new.sum()).mean()")),
            ("changed", gradnorm(step="w.sub_(rho * sign * lengths)")),
        ],
    ),
    "suspects": Exercise(
        others=[but(), f"my_suspects = dict({list(RIGHT.items())})"],
        wrong=[
            ("whole period", but(A="gradnorm", D="dwa")),
            ("without memory", but(B="gradnorm", D="random")),
            ("do not sum to 3", but(C="gradnorm", D="uncertainty")),
            ("creep", but(D="random")),
            ("nothing ever moves", but(E="dwa")),
            ("no balancer 'luck'", but(A="luck")),
            ("1 more to find", but(A="random", B="dwa")),
            ("expected a dict", "my_suspects = {'A': 'dwa'}"),
            ("expected a dict", "my_suspects = 'dwa'"),
        ],
    ),
}
