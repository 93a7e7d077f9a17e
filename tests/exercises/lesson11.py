"""Lesson 11, how much is shared."""

import torch

from tests.exercises import Exercise

G = torch.Generator().manual_seed(11)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=G)


def square(c: int) -> int:
    return c * c


def cubic(c: int) -> int:
    return 3 * c**2 + 7 * c + 5


STITCH = "def my_stitch(features, mix):\n    "
WIDTH = "def my_width(count, wanted):\n    "
GROUPING = "def my_grouping(harm, partitions):\n    "

HARM = {
    "a": {"b": 0.2, "c": 0.7},
    "b": {"a": 0.1, "c": -0.3},
    "c": {"a": 0.5, "b": 0.6},
}
OTHER = {
    "a": {"b": -0.2, "c": 0.1},
    "b": {"a": -0.5, "c": 0.3},
    "c": {"a": 0.1, "b": -0.2},
}
PARTITIONS = [
    [["a"], ["b"], ["c"]],
    [["a", "b"], ["c"]],
    [["a", "c"], ["b"]],
    [["b", "c"], ["a"]],
    [["a", "b", "c"]],
]

EXERCISES = {
    "stitch": Exercise(
        inputs=[
            (draw(2, 1, 2, 2, 2), draw(2, 2)),
            (draw(3, 2, 1, 2, 3), draw(3, 3)),
            (draw(1, 2, 2, 1, 1), draw(1, 1)),
        ],
        others=[
            STITCH + "return torch.tensordot(mix, features, dims=1)",
            STITCH + "rows = [sum(a * f for a, f in zip(row, features)) for row in mix]\n"
            "    return torch.stack(rows)",
        ],
        wrong=[
            ("transposed", STITCH + "return torch.einsum('ji,jbchw->ibchw', mix, features)"),
            (
                "takes from the others",
                STITCH + "return features * mix.diagonal().view(-1, 1, 1, 1, 1)",
            ),
            (
                "before the exchange",
                STITCH + "new = list(features)\n"
                "    for i, row in enumerate(mix):\n"
                "        new[i] = sum(a * f for a, f in zip(row, new))\n"
                "    return torch.stack(new)",
            ),
            (
                "sum, not mean",
                STITCH + "return torch.einsum('ij,jbchw->ibchw', mix, features) / len(mix)",
            ),
            ("shape of features again", STITCH + "return mix @ features.flatten(1)"),
            ("along h, not the tasks", STITCH + "return mix @ features"),
            (
                "three tasks",
                STITCH + "a, b = features[0], features[-1]\n"
                "    if len(mix) == 1:\n        return mix * features\n"
                "    rows = [r[0] * a + r[1] * b for r in mix]\n"
                "    return torch.stack(rows)",
            ),
            (
                "changed its input",
                STITCH + "new = (mix @ features.flatten(1)).view_as(features)\n"
                "    features.copy_(new)\n    return features",
            ),
            (
                "no gradient",
                STITCH + "return (mix @ features.flatten(1)).view_as(features).detach()",
            ),
        ],
    ),
    "width": Exercise(
        inputs=[(square, 30), (square, 35), (cubic, 2000), (cubic, 300), (square, 3)],
        others=[
            WIDTH + "c = 1\n"
            "    while abs(count(c + 1) - wanted) < abs(count(c) - wanted):\n"
            "        c += 1\n    return c",
        ],
        wrong=[
            (
                "those are the parameters",
                WIDTH + "return min(map(count, range(1, 200)), key=lambda n: abs(n - wanted))",
            ),
            (
                "36 is farther away",
                WIDTH + "return next(c for c in range(1, 200) if count(c) > wanted)",
            ),
            (
                "not the greatest that does not exceed",
                WIDTH + "return max(c for c in range(1, 200) if count(c) <= wanted)",
            ),
            (
                "is 19 the last width tried",
                WIDTH + "return min(range(1, 20), key=lambda c: abs(count(c) - wanted))",
            ),
            (
                "at least one channel",
                WIDTH + "if wanted == 1:\n        return 0\n"
                "    return min(range(200), key=lambda c: abs(count(c) - wanted))",
            ),
            (
                "is 60 the last width tried",
                WIDTH + "return min(range(1, 61), key=lambda c: abs(count(c) - wanted))",
            ),
            (
                "the range is too small",
                WIDTH + "return min(range(1, 101), key=lambda c: abs(count(c) - wanted))",
            ),
            (
                "begin with 1",
                WIDTH + "return min(range(500), key=lambda c: abs(count(c) - wanted))",
            ),
        ],
    ),
    "grouping": Exercise(
        inputs=[
            (HARM, PARTITIONS),
            (OTHER, PARTITIONS),
            (HARM, PARTITIONS[1:]),
            (OTHER, PARTITIONS[2:]),
        ],
        others=[
            GROUPING + "best, least = None, float('inf')\n"
            "    for partition in partitions:\n"
            "        total = 0\n"
            "        for group in partition:\n"
            "            for task in group:\n"
            "                partners = [p for p in group if p != task]\n"
            "                if partners:\n"
            "                    total += sum(harm[task][p] for p in partners) / len(partners)\n"
            "        if total < least:\n"
            "            best, least = partition, total\n"
            "    return best",
        ],
        wrong=[],
    ),
}
BODY = (
    "def total(partition):\n"
    "        parts = [(t, [p for p in g if p != t]) for g in partition for t in g]\n"
    "        return sum({each} for t, ps in parts if ps)\n"
    "    return {pick}(partitions, key=total)"
)
MEAN = "sum(harm[t][p] for p in ps) / len(ps)"


def variant(each: str = MEAN, pick: str = "min") -> str:
    return GROUPING + BODY.format(each=each, pick=pick)


EXERCISES["grouping"].wrong.extend(
    [
        ("not the greatest", variant(pick="max")),
        (
            "give the partition",
            variant().replace(
                "return min(partitions, key=total)", "return min(map(total, partitions))"
            ),
        ),
        ("a negative harm is a gain", variant(each=f"max(0, {MEAN})")),
        ("not their sum", variant(each="sum(harm[t][p] for p in ps)")),
        (
            "not only of the first",
            GROUPING + "def total(partition):\n"
            "        firsts = [(g[0], g[1:]) for g in partition if len(g) > 1]\n"
            "        return sum(sum(harm[t][p] for p in ps) / len(ps) for t, ps in firsts)\n"
            "    return min(partitions, key=total)",
        ),
        (
            "not the mean over those",
            variant().replace(
                "for t, ps in parts if ps)",
                "for t, ps in parts if ps) / max(1, sum(1 for _, ps in parts if ps))",
            ),
        ),
        (
            "not by the size of the group",
            variant(each="sum(harm[t][p] for p in ps) / (len(ps) + 1)"),
        ),
        (
            "not a mean over the group",
            GROUPING + "def total(partition):\n"
            "        pairs = [[harm[t][p] for t in g for p in g if p != t] for g in partition]\n"
            "        return sum(sum(h) / len(h) for h in pairs if h)\n"
            "    return min(partitions, key=total)",
        ),
        (
            "a function",
            GROUPING.replace("def my_grouping(harm, partitions):\n    ", "")
            + "my_grouping = [['sr', 'detail'], ['color']]",
        ),
    ]
)
