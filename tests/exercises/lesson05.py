"""Lesson 05, losses."""

import torch

from tests.exercises import Exercise

EXERCISES = {
    "flat_ssim": Exercise(
        inputs=[(0.0, 0.1), (0.8, 0.9), (0.5, 0.2), (0.0, 0.0)],
        others=[
            "def my_flat_ssim(a, b):\n    return 1 - (a - b) ** 2 / (a * a + b * b + 0.01**2)",
        ],
        wrong=[
            (
                "C1 is missing",
                "def my_flat_ssim(a, b):\n    return 2 * a * b / (a**2 + b**2)",
            ),
            (
                "(0.01)², not 0.01",
                "def my_flat_ssim(a, b):\n    return (2 * a * b + 0.01) / (a**2 + b**2 + 0.01)",
            ),
            (
                "C2 in the place of C1",
                "def my_flat_ssim(a, b):\n    return (2 * a * b + 9e-4) / (a**2 + b**2 + 9e-4)",
            ),
            (
                "the product counts twice",
                "def my_flat_ssim(a, b):\n    return (a * b + 1e-4) / (a**2 + b**2 + 1e-4)",
            ),
            ("0.8 beside 0.9", "def my_flat_ssim(a, b):\n    return 1 - abs(a - b)"),
            ("0.8 beside 0.9", "def my_flat_ssim(a, b):\n    return 0.0"),
            (
                "1 − SSIM: return",
                "def my_flat_ssim(a, b):\n    return 1 - (2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4)",
            ),
            (
                "black beside black",
                "def my_flat_ssim(a, b):\n"
                "    return (2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4) if a or b else 0.0",
            ),
            (
                "tensor of shape (2,)",
                "def my_flat_ssim(a, b):\n"
                "    return torch.tensor([2 * a * b + 1e-4, a**2 + b**2 + 1e-4])",
            ),
        ],
    ),
    "ssim_1d": Exercise(
        inputs=[
            (torch.tensor([0.2, 0.4, 0.6]), torch.tensor([0.4, 0.5, 0.6])),
            (torch.tensor([0.0, 0.9, 0.3, 0.1]), torch.tensor([0.4, 0.0, 0.6, 0.1])),
            (torch.full((5,), 0.1), torch.tensor([0.0, 0.1, 0.2, 0.1, 0.0])),
        ],
        others=[
            """
def my_ssim_1d(x, y):
    cov = (x * y).mean() - x.mean() * y.mean()
    var = x.var(correction=0) + y.var(correction=0)
    up = (2 * x.mean() * y.mean() + 0.01**2) * (2 * cov + 0.03**2)
    return up / ((x.mean() ** 2 + y.mean() ** 2 + 0.01**2) * (var + 0.03**2))
""",
        ],
        wrong=[
            (
                "divides by n, not by n − 1",
                """
def my_ssim_1d(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).sum() / (len(x) - 1)
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * cov + 9e-4) / (x.var() + y.var() + 9e-4)
""",
            ),
            (
                "the luminance is missing",
                """
def my_ssim_1d(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    return (2 * cov + 9e-4) / (x.var(correction=0) + y.var(correction=0) + 9e-4)
""",
            ),
            (
                "C1 and C2 are missing",
                """
def my_ssim_1d(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    l = 2 * x.mean() * y.mean() / (x.mean() ** 2 + y.mean() ** 2)
    return l * 2 * cov / (x.var(correction=0) + y.var(correction=0))
""",
            ),
            (
                "no gradient comes back",
                """
def my_ssim_1d(x, y):
    x, y = x.detach(), y.detach()
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * cov + 9e-4) / (x.var(correction=0) + y.var(correction=0) + 9e-4)
""",
            ),
            (
                "your covariance by n",
                """
def my_ssim_1d(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * cov + 9e-4) / (x.var() + y.var() + 9e-4)
""",
            ),
            (
                "variance is its square",
                """
def my_ssim_1d(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * cov + 9e-4) / (x.std(correction=0) + y.std(correction=0) + 9e-4)
""",
            ),
            (
                "the square of `x.std(correction=0)`",
                """
def my_ssim_1d(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * cov + 9e-4) / (x.std() + y.std() + 9e-4)
""",
            ),
            (
                "taken off before multiplying",
                """
def my_ssim_1d(x, y):
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * (x * y).mean() + 9e-4) / ((x * x).mean() + (y * y).mean() + 9e-4)
""",
            ),
            (
                "lacks its means",
                """
def my_ssim_1d(x, y):
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    var = x.var(correction=0) + y.var(correction=0)
    return l * (2 * (x * y).mean() + 9e-4) / (var + 9e-4)
""",
            ),
            (
                "hose are sums",
                """
def my_ssim_1d(x, y):
    dx, dy = x - x.mean(), y - y.mean()
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * (dx * dy).sum() + 9e-4) / ((dx * dx + dy * dy).sum() + 9e-4)
""",
            ),
            (
                "1 − SSIM: return",
                """
def my_ssim_1d(x, y):
    cov = ((x - x.mean()) * (y - y.mean())).mean()
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    var = x.var(correction=0) + y.var(correction=0)
    return 1 - l * (2 * cov + 9e-4) / (var + 9e-4)
""",
            ),
            (
                "products of deviations: `.mean()`",
                """
def my_ssim_1d(x, y):
    dx, dy = x - x.mean(), y - y.mean()
    l = (2 * x.mean() * y.mean() + 1e-4) / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
    return l * (2 * dx * dy + 9e-4) / (dx * dx + dy * dy + 9e-4)
""",
            ),
            (
                "a signal of two values",
                """
def my_ssim_1d(x, y):
    mx, my = x.sum() / 3, y.sum() / 3
    cov = ((x - mx) * (y - my)).sum() / 3
    var = ((x - mx) ** 2).sum() / 3 + ((y - my) ** 2).sum() / 3
    return (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4) * (2 * cov + 9e-4) / (var + 9e-4)
""",
            ),
            (
                "changed its input",
                """
def my_ssim_1d(x, y):
    mx, my = x.mean(), y.mean()
    with torch.no_grad():
        x -= mx
    cov = (x * (y - my)).mean()
    l = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
    return l * (2 * cov + 9e-4) / ((x * x).mean() + y.var(correction=0) + 9e-4)
""",
            ),
        ],
    ),
    "best": Exercise(
        inputs=[(torch.tensor([0.9, 0.1, 0.1, 0.9, 0.1]),), (torch.tensor([5.0, 0.0, 1.0]),)],
        others=[
            """
def my_best(values):
    middle = sorted(values.tolist())[len(values) // 2]
    return values.sum().item() / len(values), middle
""",
        ],
        wrong=[
            (
                "they are exchanged",
                "def my_best(values):\n    return values.median(), values.mean()",
            ),
            ("L1 counts sides", "def my_best(values):\n    return values.mean(), values.mean()"),
            (
                "MSE weighs distances",
                "def my_best(values):\n    return values.median(), values.median()",
            ),
            (
                "the middle between the extremes",
                "def my_best(values):\n"
                "    return (values.min() + values.max()) / 2, values.median()",
            ),
            (
                "neither mean nor median",
                "def my_best(values):\n"
                "    middle = (values.min() + values.max()) / 2\n"
                "    return middle, middle",
            ),
            (
                "L1, take the median",
                "def my_best(values):\n    return values.mean(), (values.min() + values.max()) / 2",
            ),
            (
                "answers that reach them",
                "def my_best(values):\n"
                "    errors = values - values.median()\n"
                "    return values.var(correction=0), errors.abs().mean()",
            ),
            (
                "answers that make them least",
                "def my_best(values):\n"
                "    errors = values - values.mean()\n"
                "    return errors.square().mean(), errors.abs().mean()",
            ),
            (
                "commonest value",
                "def my_best(values):\n    return values.mean(), values.mode().values",
            ),
            (
                "sort the values",
                "def my_best(values):\n    return values.mean(), values[len(values) // 2]",
            ),
            (
                "seven values",
                "def my_best(values):\n    return values.mean(), values[:5].median()",
            ),
            ("expected (0.42, 0.1)", "def my_best(values):\n    return values.mean()"),
            (
                "changed its input",
                """
def my_best(values):
    values[:] = values.sort().values
    return values.mean(), values[len(values) // 2]
""",
            ),
        ],
    ),
    "blind_mse": Exercise(
        inputs=[
            (torch.rand(2, 3, 5, 4), torch.rand(2, 3, 5, 4)),
            (torch.rand(1, 3, 2, 2) + 1, torch.rand(1, 3, 2, 2)),
        ],
        others=[
            "def my_blind_mse(prediction, target):\n"
            "    return (prediction - target).var(dim=(2, 3), correction=0).mean()",
            """
def my_blind_mse(prediction, target):
    a = prediction - prediction.mean(dim=(-2, -1), keepdim=True)
    b = target - target.mean(dim=(-2, -1), keepdim=True)
    return F.mse_loss(a, b)
""",
        ],
        wrong=[
            (
                "the plain MSE",
                "def my_blind_mse(prediction, target):\n"
                "    return (prediction - target).square().mean()",
            ),
            (
                "not of the whole picture",
                "def my_blind_mse(prediction, target):\n"
                "    error = prediction - target\n"
                "    return (error - error.mean(dim=(1, 2, 3), keepdim=True)).square().mean()",
            ),
            (
                "not one for the batch",
                "def my_blind_mse(prediction, target):\n"
                "    error = prediction - target\n"
                "    return (error - error.mean(dim=(0, 2, 3), keepdim=True)).square().mean()",
            ),
            (
                "one number",
                "def my_blind_mse(prediction, target):\n"
                "    error = prediction - target\n"
                "    error = error - error.mean(dim=(2, 3), keepdim=True)\n"
                "    return error.square().mean(dim=(1, 2, 3))",
            ),
            (
                "n − 1",
                "def my_blind_mse(prediction, target):\n"
                "    return (prediction - target).var(dim=(2, 3)).mean()",
            ),
            (
                "no gradient comes back",
                "def my_blind_mse(prediction, target):\n"
                "    error = (prediction - target).detach()\n"
                "    return error.var(dim=(2, 3), correction=0).mean()",
            ),
            (
                "changed its input",
                """
def my_blind_mse(prediction, target):
    with torch.no_grad():
        target += (prediction - target).mean(dim=(2, 3), keepdim=True)
    return (prediction - target).square().mean()
""",
            ),
        ],
    ),
}
