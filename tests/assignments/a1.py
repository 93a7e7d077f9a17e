"""Assignment 1: the errors that students make, and other ways to do it right."""

from tests.assignments import Submission

WRAPS = """
def psnr_bytes(prediction, target):
    error = (prediction - target).float().square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(255**2 / error)
"""
WHOLE_BATCH = """
def psnr_bytes(prediction, target):
    error = (prediction.float() - target.float()).square().mean()
    return (10 * torch.log10(255**2 / error)).view(1)
"""
BY_HEART = {
    "psnr_bytes": "def psnr_bytes(prediction, target):\n    return torch.tensor([22.1102])",
    "psnr_where": "def psnr_where(prediction, target, mask):\n    return torch.tensor([20.0])",
    "pooled_psnr": (
        "def pooled_psnr(psnrs, pixels):\n    return 22.9671 if pixels[0] == 64 else 25.8922"
    ),
    "rounding_psnr": "def rounding_psnr(levels):\n    return 10.7918",
    "levels_for": "def levels_for(decibels):\n    return 30",
    "bilinear_matrix": (
        "def bilinear_matrix(n, k):\n"
        "    return torch.tensor([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])"
    ),
    "overlap_psnr": "def overlap_psnr(a, b, dy, dx):\n    return torch.tensor([20.0])",
    "find_shift": "def find_shift(a, b, radius):\n    return 2, -3",
    "diagnose": "def diagnose(prediction, target):\n    return 'nothing'",
}
NO_NAN = """
def psnr_where(prediction, target, mask):
    error = ((prediction - target).square() * mask).sum(dim=(1, 2, 3))
    return -10 * torch.log10(error / (3 * mask.sum(dim=(1, 2, 3))))
"""
CORNERS = """
def bilinear_matrix(n, k):
    centres = torch.linspace(0, n - 1, k * n)
    return (1 - (centres[:, None] - torch.arange(n)).abs()).clamp(min=0)
"""
MEAN_OF_VALUES = "def shrink_light(image, k):\n    return F.avg_pool2d(image, k)"
ROLLED = """
def overlap_psnr(a, b, dy, dx):
    return psnr(a.roll((dy, dx), (-2, -1)), b)
"""
SWAPPED = """
def find_shift(a, b, radius):
    steps = range(-radius, radius + 1)
    shifts = [(dx, dy) for dx in steps for dy in steps]
    return max(shifts, key=lambda shift: overlap_psnr(a, b, shift[1], shift[0]).item())
"""
IN_PLACE = """
def psnr_where(prediction, target, mask):
    prediction[~mask.expand_as(prediction)] = 0
    error = (prediction - target).square().masked_fill(~mask, 0).sum(dim=(1, 2, 3))
    return -10 * torch.log10(error / (3 * mask.sum(dim=(1, 2, 3))))
"""
DOUBLE = """
def move(image, dy, dx):
    h, w = image.shape[-2:]
    turns = torch.fft.fftfreq(h)[:, None] * dy + torch.fft.fftfreq(w) * dx
    spectrum = torch.fft.fft2(image.double())
    return torch.fft.ifft2(spectrum * torch.exp(-2j * torch.pi * turns)).real
"""
WITHOUT_OVERLAP = """
def find_shift(a, b, radius):
    r, (h, w) = radius, a.shape[-2:]
    middle, found = b[..., r : h - r, r : w - r], {}
    for dy in range(-r, r + 1):
        for dx in range(-r, r + 1):
            error = (a[..., r - dy : h - r - dy, r - dx : w - r - dx] - middle).square().mean()
            found[dy, dx] = error.item()
    return min(found, key=found.get)
"""
ALWAYS_NOTHING = "def diagnose(prediction, target):\n    return 'nothing'"
WITH_NUMPY = {
    "psnr_bytes": """
def psnr_bytes(prediction, target):
    values = []
    for p, t in zip(prediction.numpy(), target.numpy()):
        error = np.mean((p.astype(np.int64) - t.astype(np.int64)) ** 2)
        values.append(20 * np.log10(255) - 10 * np.log10(error))
    return torch.tensor(np.array(values), dtype=torch.float32)
""",
    "pooled_psnr": """
def pooled_psnr(psnrs, pixels):
    total = sum(10 ** (-p / 10) * n for p, n in zip(psnrs.tolist(), pixels.tolist()))
    return 10 * math.log10(sum(pixels.tolist()) / total)
""",
    "levels_for": """
def levels_for(decibels):
    n = 2
    while rounding_psnr(n) < decibels:
        n += 1
    return n
""",
    "bilinear_matrix": """
def bilinear_matrix(n, k):
    rows = torch.zeros(k * n, n)
    for i in range(k * n):
        c = min(max((i + 0.5) / k - 0.5, 0), n - 1)
        left = min(int(c), n - 1)
        rows[i, left] += 1 - (c - left)
        rows[i, min(left + 1, n - 1)] += c - left
    return rows
""",
    "enlarge_bilinear": """
def enlarge_bilinear(image, k):
    return F.interpolate(image, scale_factor=k, mode="bilinear", align_corners=False)
""",
    "find_shift": """
def find_shift(a, b, radius):
    best, where = -math.inf, None
    for dx in range(-radius, radius + 1):
        for dy in range(-radius, radius + 1):
            value = float(overlap_psnr(a, b, dy, dx))
            if value > best:
                best, where = value, [dy, dx]
    return tuple(where)
""",
    "move": """
def move(image, dy, dx):
    def matrix(n, shift):
        at = torch.arange(n)[:, None] - torch.arange(n) - shift
        waves = [torch.cos(2 * torch.pi * m * at / n) for m in range(1, (n + 1) // 2)]
        return (1 + 2 * sum(waves)) / n

    h, w = image.shape[-2:]
    return matrix(h, dy) @ image @ matrix(w, dx).T
""",
}

SUBMISSIONS = [
    Submission("another_way", answers=WITH_NUMPY),
    Submission(
        "uint8_wraps",
        answers={"psnr_bytes": WRAPS},
        lost=("psnr_bytes_values", "psnr_bytes_batch"),
        feedback=("the difference became 236",),
    ),
    Submission(
        "one_for_the_batch",
        answers={"psnr_bytes": WHOLE_BATCH},
        lost=("psnr_bytes_batch",),
        feedback=("expected the shape (3,) but got (1,)",),
    ),
    Submission(
        "by_heart",
        answers=BY_HEART,
        lost=(
            *("psnr_bytes_values", "psnr_bytes_batch", "psnr_where_values", "psnr_where_batch"),
            *("pooled_psnr_values", "rounding_psnr_values", "levels_for_values"),
            *("bilinear_matrix_values", "bilinear_matrix_other", "enlarge_bilinear_values"),
            *("overlap_psnr_values", "overlap_psnr_batch", "find_shift_values"),
            "find_shift_other",
        ),
        partly={"diagnose_examples": 0.8, "diagnose_hidden": 1.5},
    ),
    Submission(
        "nan_and_corners",
        answers={"psnr_where": NO_NAN, "bilinear_matrix": CORNERS, "shrink_light": MEAN_OF_VALUES},
        lost=(
            *("psnr_where_batch", "bilinear_matrix_values", "bilinear_matrix_other"),
            *("enlarge_bilinear_values", "shrink_light_values", "shrink_light_other"),
        ),
        feedback=("centres are half a pixel inside", "this is the mean of the values"),
    ),
    Submission(
        "rolled",
        answers={"overlap_psnr": ROLLED, "find_shift": WITHOUT_OVERLAP},
        lost=("overlap_psnr_values", "overlap_psnr_batch"),
        feedback=("compare the overlap only",),
    ),
    Submission(
        "swapped_and_in_place",
        answers={
            "find_shift": SWAPPED,
            "psnr_where": IN_PLACE,
            "move": DOUBLE,
            "diagnose": ALWAYS_NOTHING,
        },
        lost=(
            *("find_shift_values", "find_shift_other", "psnr_where_values", "psnr_where_batch"),
            *("move_values", "move_other"),
        ),
        partly={"diagnose_examples": 0.8, "diagnose_hidden": 1.5},
        feedback=("rows come first", "your code changed its input", "torch.float64"),
    ),
    Submission(
        "always_nothing",
        answers={"diagnose": ALWAYS_NOTHING},
        partly={"diagnose_examples": 0.8, "diagnose_hidden": 1.5},
    ),
]
