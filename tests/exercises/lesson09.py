"""Lesson 09, balancing losses."""

import torch

from tests.exercises import Exercise

EVEN = "def my_even(losses):\n    "
FRONT = "def my_front(scores):\n    "
SETTLED = "inverse = {name: 1 / loss for name, loss in losses.items()}\n    "
PAIRS = "other, mine = scores[None], scores[:, None]\n    "
RIGHT = {"A": "dwa", "B": "random", "C": "uncertainty", "D": "gradnorm", "E": "fixed"}
G = torch.Generator().manual_seed(3)


def but(**changes: str) -> str:
    return f"my_suspects = {RIGHT | changes}"


EXERCISES = {
    "even": Exercise(
        inputs=[({"a": 0.5, "b": 2.0},), ({"a": 0.01, "b": 0.2, "c": 0.07},)],
        others=[
            EVEN + "mean = len(losses) / sum(1 / loss for loss in losses.values())\n"
            "    return {name: mean / loss for name, loss in losses.items()}",
            EVEN + "w = 1 / torch.tensor(list(losses.values()))\n"
            "    w = w * len(w) / w.sum()\n"
            "    return dict(zip(losses, w))",
        ],
        wrong=[
            (
                "the larger loss got",
                EVEN + "total = sum(losses.values())\n"
                "    return {n: len(losses) * loss / total for n, loss in losses.items()}",
            ),
            ("sum to the number", EVEN + "return {n: 1 / loss for n, loss in losses.items()}"),
            (
                "they sum to 1",
                EVEN + SETTLED + "total = sum(inverse.values())\n"
                "    return {name: value / total for name, value in inverse.items()}",
            ),
            (
                "not yet the sum",
                EVEN + "least = min(losses.values())\n"
                "    return {n: least / loss for n, loss in losses.items()}",
            ),
            (
                "here are three tasks",
                EVEN + SETTLED + "total = sum(inverse.values())\n"
                "    return {name: 2 * value / total for name, value in inverse.items()}"
                " if len(losses) > 1 else {'sr': 1.0}",
            ),
            (
                "products",
                EVEN + SETTLED + "total = sum(inverse.values())\n"
                "    w = {name: len(losses) * v / total for name, v in inverse.items()}\n"
                "    return {name: w[name] * losses[name] for name in losses}",
            ),
            ("dict", EVEN + "return [1.5, 0.5]"),
        ],
    ),
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
