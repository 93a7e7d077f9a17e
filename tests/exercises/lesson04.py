"""Lesson 04, task_heads."""

import torch

from mtsr_lib.check.lesson04 import Stand
from tests.exercises import Exercise

RANDOM = torch.Generator().manual_seed(4)
CLEAN = torch.rand(2, 3, 4, 6, generator=RANDOM)
SHOT = torch.rand(2, 3, 4, 6, generator=RANDOM)
MATRIX = torch.rand(2, 3, 4, generator=RANDOM)
TASK = 'my_grey = Task("grey", scale=3, target=lambda clean, shot: '
TILE = "def my_tile(model, photo, top, left, side):\n"
CUT = "    tile = photo[..., top : top + side, left : left + side]\n"
APPLY = "def my_transform(matrix, image):\n"

EXERCISES = {
    "grey_task": Exercise(
        inputs=[(CLEAN, SHOT)],
        observe=lambda task, clean, shot: (
            task.name,
            task.scale,
            task.target(clean, shot),
            task.loss(clean, shot),
        ),
        others=[
            TASK + "torch.cat([luma(shot)] * 3, dim=1))",
            "import dataclasses\n"
            "my_grey = dataclasses.replace(\n"
            '    SR, name="grey", scale=3, target=lambda h, p: luma(p).repeat(1, 3, 1, 1)\n'
            ")",
        ],
        wrong=[
            ("the clean picture", TASK + "luma(clean).expand(-1, 3, -1, -1))"),
            ("that is the mean of R, G and B", TASK + "shot.mean(1, True).expand(-1, 3, -1, -1))"),
            ("three equal channels", TASK + "luma(shot))"),
            ("still in colours", TASK + "shot)"),
            (
                "give `scale=3`",
                TASK.replace("3", "2") + "luma(shot).expand(-1, 3, -1, -1))",
            ),
            ("the name", TASK.replace('"grey"', '"my_grey"') + "luma(shot).expand(-1, 3, -1, -1))"),
            (
                "a function of two pictures",
                'my_grey = Task("grey", 3, lambda p: luma(p).expand(-1, 3, -1, -1))',
            ),
            ("expected a Task", "my_grey = lambda clean, shot: luma(shot).expand(-1, 3, -1, -1)"),
            (
                "changed its input",
                "def grey(clean, shot):\n    shot[:] = luma(shot)\n    return shot\n\n\n"
                'my_grey = Task("grey", scale=3, target=grey)',
            ),
            ("a batch of two", TASK + "luma(shot)[:1].expand(len(shot), 3, -1, -1))"),
            (
                "a loss between",
                "from mtsr_lib.losses import mse\n"
                'my_grey = Task("grey", 3, lambda h, p: luma(p).expand(-1, 3, -1, -1), mse)',
            ),
        ],
    ),
    "compromise": Exercise(
        inputs=[
            ({"a": CLEAN, "b": SHOT}, {"a": 1.0, "b": 3.0}),
            ({"a": CLEAN, "b": SHOT}, {"b": 0.2, "a": 0.7}),
            ({"a": CLEAN}, {"a": 2.0}),
        ],
        others=[
            "def my_compromise(targets, weights):\n"
            "    w = torch.tensor([weights[name] for name in targets])\n"
            "    y = torch.stack(list(targets.values()))\n"
            "    w = (w / w.sum()).to(y).view(-1, 1, 1, 1, 1)\n"
            "    return (w * y).sum(0)",
        ],
        wrong=[
            (
                "plain average",
                "def my_compromise(targets, weights):\n"
                "    return sum(targets.values()) / len(targets)",
            ),
            (
                "divide it by the sum",
                "def my_compromise(targets, weights):\n"
                "    return sum(weights[n] * y for n, y in targets.items())",
            ),
            (
                "not by the number",
                "def my_compromise(targets, weights):\n"
                "    return sum(weights[n] * y for n, y in targets.items()) / len(targets)",
            ),
            (
                "go by the names",
                "def my_compromise(targets, weights):\n"
                "    pairs = zip(weights.values(), targets.values())\n"
                "    return sum(w * y for w, y in pairs) / sum(weights.values())",
            ),
            (
                "squared",
                "def my_compromise(targets, weights):\n"
                "    squares = {n: w**2 for n, w in weights.items()}\n"
                "    total = sum(squares.values())\n"
                "    return sum(squares[n] * y for n, y in targets.items()) / total",
            ),
            (
                "the others pull too",
                "def my_compromise(targets, weights):\n"
                "    return targets[max(weights, key=weights.get)]",
            ),
            (
                "expected the shape",
                "def my_compromise(targets, weights):\n"
                "    total = sum(weights.values())\n"
                "    return (sum(weights[n] * y for n, y in targets.items()) / total).mean()",
            ),
            (
                "changed its input",
                "def my_compromise(targets, weights):\n"
                "    for n, y in targets.items():\n"
                "        y.copy_(y * weights[n])\n"
                "    return sum(targets.values()) / sum(weights.values())",
            ),
            (
                "expected torch.float64",
                "def my_compromise(targets, weights):\n"
                "    total = sum(weights.values())\n"
                "    return sum(weights[n] * y.float() for n, y in targets.items()) / total",
            ),
        ],
    ),
    "color_matrix": Exercise(
        inputs=[(MATRIX, CLEAN), (MATRIX[:1], SHOT[:1])],
        others=[
            APPLY + '    mixed = torch.einsum("brc,bchw->brhw", matrix[:, :, :3], image)\n'
            "    return mixed + matrix[:, :, 3, None, None]",
            APPLY + "    ones = torch.ones_like(image[:, :1])\n"
            "    wide = torch.cat([image, ones], dim=1)\n"
            "    return (matrix[:, :, :, None, None] * wide[:, None]).sum(2)",
        ],
        wrong=[
            (
                "exchanged",
                APPLY + "    turned = matrix[:, :, :3].transpose(1, 2)\n"
                "    return (turned @ image.flatten(2) + matrix[:, :, 3:]).view_as(image)",
            ),
            (
                "last column is added too",
                APPLY + "    return (matrix[:, :, :3] @ image.flatten(2)).view_as(image)",
            ),
            (
                "no skip",
                APPLY + "    mixed = matrix[:, :, :3] @ image.flatten(2) + matrix[:, :, 3:]\n"
                "    return image + mixed.view_as(image)",
            ),
            (
                "the first one's for both",
                APPLY + "    mixed = matrix[0, :, :3] @ image.flatten(2) + matrix[0, :, 3:]\n"
                "    return mixed.view_as(image)",
            ),
            (
                "expected the shape",
                APPLY + "    return matrix[:, :, :3] @ image.flatten(2) + matrix[:, :, 3:]",
            ),
            (
                "no gradient",
                APPLY + "    matrix = matrix.detach()\n    image = image.detach()\n"
                "    mixed = matrix[:, :, :3] @ image.flatten(2) + matrix[:, :, 3:]\n"
                "    return mixed.view_as(image)",
            ),
            (
                "for two pictures",
                APPLY + "    mixed = matrix[:, :, :3] @ image.flatten(2) + matrix[:, :, 3:]\n"
                "    return mixed.view(len(image), 3, image.shape[3], image.shape[2])",
            ),
        ],
    ),
    "tile": Exercise(
        inputs=[(Stand(), CLEAN[:1], 1, 2, 3), (Stand(), SHOT[:1], 0, 0, 2)],
        others=[
            TILE + "    context = model.context(photo)\n"
            "    rows, columns = slice(top, top + side), slice(left, left + side)\n"
            "    return model(photo[:, :, rows, columns], context=context)['color']",
        ],
        wrong=[
            ("that of the tile", TILE + CUT + '    return model(tile, ["color"])["color"]'),
            (
                "KeyError",
                TILE + CUT + '    return model(tile, "color", model.context(photo))["color"]',
            ),
            (
                "that of the tile",
                TILE + CUT + '    return model(tile, ["color"], model.context(tile))["color"]',
            ),
            (
                "that is the head `sr`",
                TILE + CUT + '    return model(tile, ["sr"], model.context(photo))["sr"]',
            ),
            (
                "rows come before columns",
                TILE + "    tile = photo[..., left : left + side, top : top + side]\n"
                '    return model(tile, ["color"], model.context(photo))["color"]',
            ),
            ("cut the tile", TILE + '    return model(photo, ["color"])["color"]'),
            (
                "a dict",
                TILE + CUT + '    return model(tile, ["color"], model.context(photo))',
            ),
            (
                "expected the shape",
                TILE + CUT + '    return model(tile, ["color"], model.context(photo))["color"][0]',
            ),
        ],
    ),
}
