"""Lesson 06, training."""

import torch

from tests.exercises import Exercise

LOOP = """
def my_adam(gradients, rate):
    m = v = change = 0.0
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        {step}
    return {result}
"""


def adam(step: str, result: str = "change") -> str:
    return LOOP.format(step=step, result=result)


RIGHT = {"A": "zero_grad forgotten", "B": "pairs not aligned"}
RIGHT |= {"C": "one task dominates", "D": "rate too high"}


def named(**changes: str) -> str:
    return f"my_diagnosis = {RIGHT | changes!r}"


EXERCISES = {
    "adam": Exercise(
        inputs=[([-5.0], 0.1), ([1.0, 0.5, -2.0], 0.01), ([0.0, 1e-8, 3.0], 0.5)],
        others=[
            """
def my_adam(gradients, rate):
    theta = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=rate)
    for g in gradients:
        theta.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
    return theta.item()
""",
        ],
        wrong=[
            ("not up", adam("change += rate * m / (1 - 0.9**t) / (v / (1 - 0.999**t)) ** 0.5")),
            ("SGD's step", "def my_adam(gradients, rate):\n    return -rate * sum(gradients)"),
            ("divisions by", adam("change -= rate * m / (v**0.5 + 1e-8)")),
            ("v by 1 − 0.999ᵗ too", adam("change -= rate * m / (1 - 0.9**t) / (v**0.5 + 1e-8)")),
            ("m by 1 − 0.9ᵗ too", adam("change -= rate * m / ((v / (1 - 0.999**t)) ** 0.5)")),
            (
                "root of v is missing",
                adam("change -= rate * m / (1 - 0.9**t) / (v / (1 - 0.999**t) + 1e-8)"),
            ),
            (
                "last step alone",
                adam(
                    "change = -rate * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)",
                ),
            ),
            (
                "are carried on",
                "def my_adam(gradients, rate):\n"
                "    return -rate * sum(g / (abs(g) + 1e-8) for g in gradients)",
            ),
            (
                "undivided",
                adam(
                    "m, v = m / (1 - 0.9**t), v / (1 - 0.999**t)\n"
                    "        change -= rate * m / (v**0.5 + 1e-8)"
                ),
            ),
            (
                "0.9 is for m",
                "def my_adam(gradients, rate):\n"
                "    m = v = change = 0.0\n"
                "    for t, g in enumerate(gradients, 1):\n"
                "        m, v = 0.999 * m + 0.001 * g, 0.9 * v + 0.1 * g * g\n"
                "        root = (v / (1 - 0.9**t)) ** 0.5\n"
                "        change -= rate * m / (1 - 0.999**t) / (root + 1e-8)\n"
                "    return change",
            ),
            (
                "a slope of 0",
                adam("change -= rate * m / (1 - 0.9**t) / (v / (1 - 0.999**t)) ** 0.5"),
            ),
            (
                "very small slope",
                adam(
                    "root = (v / (1 - 0.999**t)) ** 0.5\n"
                    "        change -= rate * m / (1 - 0.9**t) / root if root else 0"
                ),
            ),
            (
                "expected 0.1 but got",
                adam("pass", "[m, v]"),
            ),
        ],
    ),
    "diagnosis": Exercise(
        others=[
            'my_diagnosis = dict(A="zero_grad forgotten", D="rate too high")\n'
            'my_diagnosis |= {"B": "pairs not aligned", "C": "one task dominates"}',
        ],
        wrong=[
            ("swing", named(A="rate too high", D="zero_grad forgotten")),
            ("something else is learnt", named(B="one task dominates", C="pairs not aligned")),
            ("lines flat at 1", named(D="one task dominates")),
            ("two stay at 1 from the start", named(C="rate too high")),
            ("write one of the four", named(C="one task dominate")),
            (
                "expected 'one task dominates' but got 'no entry'",
                f'my_diagnosis = {{k: v for k, v in {RIGHT!r}.items() if k != "C"}}',
            ),
            ("not a dict", f"my_diagnosis = {list(RIGHT.values())!r}"),
        ],
    ),
    "silent": Exercise(
        inputs=[
            (torch.rand(3, 6, 4, 4) - 0.9,),
            (torch.rand(2, 3, 2, 2) - 1.0,),
            (torch.zeros(1, 2, 3, 3),),
            (torch.rand(2, 5, 3, 2) - torch.tensor([0.2, 1, 1, 0.95, 1]).view(5, 1, 1),),
        ],
        others=[
            "def my_silent(z):\n"
            "    fires = (z > 0).any(dim=0).flatten(1).any(dim=1)\n"
            "    return len(fires) - int(fires.sum())",
            "def my_silent(z):\n    return sum(not (z[:, c] > 0).any() for c in range(z.shape[1]))",
        ],
        wrong=[
            (
                "units that fire",
                "def my_silent(z):\n    return int((z.amax(dim=(0, 2, 3)) > 0).sum())",
            ),
            ("counts pixels", "def my_silent(z):\n    return int((z <= 0).sum())"),
            (
                "single pixel is alive",
                "def my_silent(z):\n    return int((z.mean(dim=(0, 2, 3)) <= 0).sum())",
            ),
            (
                "any of the pictures",
                "def my_silent(z):\n    return int((z[0].amax(dim=(1, 2)) <= 0).sum())",
            ),
            (
                "picture by picture",
                "def my_silent(z):\n    return int((z.amax(dim=(2, 3)) <= 0).sum())",
            ),
            (
                "a count for each picture",
                "def my_silent(z):\n    return (z.amax(dim=(2, 3)) <= 0).sum(dim=1)",
            ),
            (
                "at z = 0 nothing fires",
                "def my_silent(z):\n    return int((z.amax(dim=(0, 2, 3)) < 0).sum())",
            ),
            (
                "that is the share",
                "def my_silent(z):\n    return (z.amax(dim=(0, 2, 3)) <= 0).float().mean().item()",
            ),
            (
                "that it is an int",
                "def my_silent(z):\n    return (z.amax(dim=(0, 2, 3)) <= 0).sum()",
            ),
            (
                "changed its input",
                "def my_silent(z):\n"
                "    z.relu_()\n"
                "    return int((z.amax(dim=(0, 2, 3)) == 0).sum())",
            ),
        ],
    ),
}
