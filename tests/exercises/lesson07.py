"""Lesson 07, evaluation."""

import torch

from tests.exercises import Exercise

EXERCISES = {
    "faults": Exercise(
        others=["my_faults = [4, 2, 1]", "my_faults = {n for n in range(1, 6) if n not in (3, 5)}"],
        wrong=[
            ("line 3 is right", "my_faults = {1, 2, 3, 4}"),
            ("the peak is 255", "my_faults = {2, 5}"),
            ("rounds to them too", "my_faults = {2, 4}"),
            ("only 16 to 235", "my_faults = {1, 4}"),
            ("each needs its own", "my_faults = {1, 2}"),
            ("3 more to find", "my_faults = set()"),
            ("a set of line numbers", "my_faults = 124"),
            ("1 to 5", "my_faults = {0, 1, 3}"),
            ("1 to 5", "my_faults = {'1', '2', '4'}"),
        ],
    ),
    "paired": Exercise(
        inputs=[
            (torch.tensor([31.0, 33.0, 40.5]), torch.tensor([30.0, 32.5, 39.0])),
            (torch.tensor([20.0, 22.0, 21.0, 28.0]), torch.tensor([20.5, 21.0, 19.0, 27.0])),
        ],
        others=[
            """
def my_paired(new, old):
    n, mean = len(new), (new - old).mean()
    spread = ((new - old - mean) ** 2).sum() / (n - 1)
    return mean.item(), (spread / n).sqrt().item()
""",
        ],
        wrong=[
            (
                "a gain is new minus old",
                """
def my_paired(new, old):
    gain = old - new
    return gain.mean(), gain.std() / len(gain) ** 0.5
""",
            ),
            (
                "two lists for unrelated",
                """
def my_paired(new, old):
    error = (new.var() / len(new) + old.var() / len(old)) ** 0.5
    return new.mean() - old.mean(), error
""",
            ),
            (
                "not divided by √n",
                "def my_paired(new, old):\n    return (new - old).mean(), (new - old).std()",
            ),
            (
                "not by √n",
                "def my_paired(new, old):\n"
                "    return (new - old).mean(), (new - old).std() / len(new)",
            ),
            (
                "divides by n − 1",
                """
def my_paired(new, old):
    gain = new - old
    return gain.mean(), gain.std(correction=0) / len(gain) ** 0.5
""",
            ),
            (
                "take its root",
                "def my_paired(new, old):\n"
                "    return (new - old).mean(), (new - old).var() / len(new)",
            ),
            (
                "four pictures",
                """
def my_paired(new, old):
    gain = new - old
    return gain.mean(), gain.std() / 3**0.5
""",
            ),
            ("expected (0.3, 0.15275)", "def my_paired(new, old):\n    return (new - old).mean()"),
            (
                "changed its input",
                """
def my_paired(new, old):
    new -= old
    return new.mean(), new.std() / len(new) ** 0.5
""",
            ),
        ],
    ),
    "worst": Exercise(
        inputs=[(torch.rand(1, 1, 12, 8), 4), (torch.rand(1, 1, 6, 15), 3)],
        others=[
            """
def my_worst(error, side):
    best, found = -1, None
    for row in range(0, error.shape[2], side):
        for column in range(0, error.shape[3], side):
            value = error[..., row : row + side, column : column + side].mean()
            if value > best:
                best, found = value, (row, column)
    return found
""",
            """
def my_worst(error, side):
    tiles = F.avg_pool2d(error, side)[0, 0]
    place = (tiles == tiles.max()).nonzero()[0]
    return side * place[0], side * place[1]
""",
        ],
        wrong=[
            (
                "rows first",
                """
def my_worst(error, side):
    tiles = F.avg_pool2d(error, side)
    row, column = divmod(tiles.argmax().item(), tiles.shape[-1])
    return side * column, side * row
""",
            ),
            (
                "in pixels, times",
                """
def my_worst(error, side):
    tiles = F.avg_pool2d(error, side)
    return divmod(tiles.argmax().item(), tiles.shape[-1])
""",
            ),
            (
                "worst single pixel",
                """
def my_worst(error, side):
    return divmod(error.argmax().item(), error.shape[-1])
""",
            ),
            (
                "each tile's mean",
                """
def my_worst(error, side):
    tiles = F.max_pool2d(error, side)
    row, column = divmod(tiles.argmax().item(), tiles.shape[-1])
    return side * row, side * column
""",
            ),
            (
                "6×12 pixels",
                """
def my_worst(error, side):
    tiles = F.avg_pool2d(error, 2)
    row, column = divmod(tiles.argmax().item(), tiles.shape[-1])
    return 2 * row, 2 * column
""",
            ),
            (
                "pixels",
                """
def my_worst(error, side):
    tiles = F.avg_pool2d(error, side)
    row, column = divmod(tiles.argmax().item(), tiles.shape[-2])
    return side * row, side * column
""",
            ),
            (
                "changed its input",
                """
def my_worst(error, side):
    error[:] = F.interpolate(F.avg_pool2d(error, side), scale_factor=side)
    return divmod(error.argmax().item(), error.shape[-1])
""",
            ),
            (
                "expected (2, 4)",
                "def my_worst(error, side):\n    return F.avg_pool2d(error, side).max()",
            ),
        ],
    ),
    "undo": Exercise(
        inputs=[(n,) for n in range(8)],
        others=[
            "def my_undo(symmetry):\n    return [0, 3, 2, 1, 4, 5, 6, 7][symmetry]",
            """
def my_undo(symmetry):
    square = torch.arange(4).view(2, 2)
    for back in range(8):
        if torch.equal(augment(augment(square, symmetry), back), square):
            return back
""",
        ],
        wrong=[
            ("a half turn", "def my_undo(symmetry):\n    return symmetry"),
            ("−1 quarter turns are 3", "def my_undo(symmetry):\n    return -symmetry"),
            ("four quarter turns are none", "def my_undo(symmetry):\n    return 4 - symmetry"),
            ("not flipped back", "def my_undo(symmetry):\n    return -symmetry % 4"),
            (
                "undone first",
                "def my_undo(symmetry):\n    return -symmetry % 4 + symmetry // 4 * 4",
            ),
            ("a flip does not undo", "def my_undo(symmetry):\n    return (symmetry + 4) % 8"),
            ("symmetry 3", "def my_undo(symmetry):\n    return 3 if symmetry == 1 else symmetry"),
            (
                "a flip undoes itself",
                "def my_undo(symmetry):\n"
                "    return -symmetry % 4 if symmetry < 4 else 12 - symmetry",
            ),
        ],
    ),
}
