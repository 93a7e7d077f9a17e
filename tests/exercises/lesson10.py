"""Lesson 10, gradients that conflict."""

import torch

from tests.exercises import Exercise

G = torch.Generator().manual_seed(5)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=G)


HARMED = "def my_harmed(gradients, weights):\n    "
AGAIN = "def my_again(rows):\n    "
HALF = "def my_half_space(g, other):\n    "
UPGRAD = "def my_upgrad(g1, g2):\n    "

EXERCISES = {
    "harmed": Exercise(
        inputs=[(draw(k, 5), torch.rand(k, generator=G) * 2) for k in (2, 3, 3, 4)],
        others=[
            HARMED + "gramian = gradients @ gradients.T\n    return gramian @ weights < 0",
            HARMED + "d = sum(w * g for w, g in zip(weights, gradients))\n"
            "    return torch.stack([(g * d).sum() < 0 for g in gradients])",
        ],
        wrong=[
            ("say which are below 0", HARMED + "return gradients @ (weights @ gradients)"),
            ("the step is −η d", HARMED + "return gradients @ (weights @ gradients) > 0"),
            ("who is in conflict", HARMED + "return (gradients @ gradients.T < 0).any(dim=1)"),
            ("weights are missing", HARMED + "return gradients @ gradients.sum(0) < 0"),
            ("weights are missing", HARMED + "return gradients @ gradients.mean(0) < 0"),
            (
                "without a weight",
                HARMED + "return weights * (gradients @ (weights @ gradients)) < 0",
            ),
            ("the loss stays", HARMED + "return gradients @ (weights @ gradients) <= 0"),
            (
                "expected torch.bool",
                HARMED + "return (gradients @ (weights @ gradients) < 0).float()",
            ),
            (
                "shape",
                HARMED + "return (gradients @ (weights @ gradients) < 0).any()",
            ),
            (
                "changed its input",
                HARMED + "gradients_, d = gradients, weights @ gradients\n"
                "    gradients_ *= d\n    return gradients_.sum(1) < 0",
            ),
        ],
    ),
    "again": Exercise(
        inputs=[(draw(2, 2, 3),), (draw(4, 3, 5),), (draw(8, 1, 2),)],
        others=[
            AGAIN + "n = len(rows) // 2\n"
            "    a, b = rows[:n].sum(0), rows[n:].sum(0)\n"
            "    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()",
        ],
        wrong=[
            (
                "average the gradients first",
                AGAIN + "n = len(rows) // 2\n"
                "    return torch.cosine_similarity(rows[:n, None], rows[None, n:], dim=-1)"
                ".mean((0, 1))",
            ),
            (
                "average the gradients of a half first",
                AGAIN + "a, b = rows.chunk(2)\n"
                "    return torch.cosine_similarity(a, b, dim=2).mean(0)",
            ),
            (
                "divide by both lengths",
                AGAIN + "a, b = rows.chunk(2)\n    return (a.mean(0) * b.mean(0)).sum(1)",
            ),
            (
                "not every other batch",
                AGAIN + "a, b = rows[::2].mean(0), rows[1::2].mean(0)\n"
                "    return torch.cosine_similarity(a, b)",
            ),
            (
                "not of their directions",
                AGAIN + "u = torch.nn.functional.normalize(rows, dim=2)\n"
                "    a, b = (half.mean(0) for half in u.chunk(2))\n"
                "    return torch.cosine_similarity(a, b)",
            ),
            (
                "shape",
                AGAIN + "a, b = (half.mean(0).flatten() for half in rows.chunk(2))\n"
                "    return torch.cosine_similarity(a, b, dim=0)",
            ),
            (
                "shape",
                AGAIN + "a, b = (half.mean(0) for half in rows.chunk(2))\n"
                "    return torch.cosine_similarity(a, b, dim=0)",
            ),
        ],
    ),
    "half_space": Exercise(
        inputs=[(draw(n), draw(n)) for n in (2, 3, 3, 7, 2, 5)],
        others=[
            HALF + "conflict = min(0.0, (g @ other).item())\n"
            "    return g - conflict * other / max((other @ other).item(), 1e-30)",
        ],
        wrong=[
            (
                "squared length",
                HALF + "dot = g @ other\n"
                "    return g if dot >= 0 else g - dot / other.norm() * other",
            ),
            (
                "other·other",
                HALF + "dot = g @ other\n    return g if dot >= 0 else g - dot * other",
            ),
            (
                "conflict grows",
                HALF + "dot = g @ other\n"
                "    return g if dot >= 0 else g + dot / (other @ other) * other",
            ),
            (
                "part that must go",
                HALF
                + "dot = g @ other\n    return g if dot >= 0 else dot / (other @ other) * other",
            ),
            (
                "nothing to mend",
                HALF + "return g - (g @ other) / (other @ other) * other",
            ),
            (
                "but got NaN",
                HALF + "dot = g @ other\n"
                "    return g if dot > 0 else g - dot / (other @ other) * other",
            ),
            ("only where they conflict", HALF + "return g if g @ other < 0 else other"),
            (
                "changed its input",
                HALF + "dot = g @ other\n"
                "    if dot < 0:\n        g -= dot / (other @ other) * other\n    return g",
            ),
        ],
    ),
    "upgrad": Exercise(
        inputs=[(draw(n), draw(n) * s) for n, s in ((2, 1), (3, 2), (3, 0.3), (5, 1), (2, 3))],
        others=[
            UPGRAD + "a, b, dot = g1 @ g1, g2 @ g2, (g1 @ g2).clamp(max=0)\n"
            "    first = g1 - dot / b.clamp(min=1e-30) * g2\n"
            "    return (first + g2 - dot / a.clamp(min=1e-30) * g1) / 2",
            UPGRAD + "g = torch.stack([g1, g2])\n    return upgrad(g @ g.T) @ g",
        ],
        wrong=[
            (
                "the sum is PCGrad's",
                UPGRAD + "return my_half_space(g1, g2) + my_half_space(g2, g1)",
            ),
            (
                "not from the moved one",
                UPGRAD + "g1 = my_half_space(g1, g2)\n    return (g1 + my_half_space(g2, g1)) / 2",
            ),
            (
                "after g₂ was moved first",
                UPGRAD + "g2 = my_half_space(g2, g1)\n    return (my_half_space(g1, g2) + g2) / 2",
            ),
            (
                "move each gradient before",
                UPGRAD + "d = (g1 + g2) / 2\n    return my_half_space(my_half_space(d, g1), g2)",
            ),
            ("that is g₁ moved", UPGRAD + "return my_half_space(g1, g2)"),
            ("that is g₂ moved", UPGRAD + "return my_half_space(g2, g1)"),
            (
                "only gradients that conflict",
                UPGRAD + "first = g1 - g1 @ g2 / (g2 @ g2) * g2\n"
                "    return (first + g2 - g1 @ g2 / (g1 @ g1) * g1) / 2",
            ),
            ("that is MGDA's", UPGRAD + "g = torch.stack([g1, g2])\n    return mgda(g @ g.T) @ g"),
            (
                "NaN",
                UPGRAD + "dot = (g1 @ g2).clamp(max=0)\n"
                "    return (g1 - dot / (g2 @ g2) * g2 + g2 - dot / (g1 @ g1) * g1) / 2",
            ),
            (
                "shape",
                UPGRAD + "return torch.stack([my_half_space(g1, g2), my_half_space(g2, g1)])",
            ),
        ],
    ),
}
