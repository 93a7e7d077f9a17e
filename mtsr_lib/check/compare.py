"""Expected against actual, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def difference(actual: Any, expected: Any, tolerance: float = 1e-4) -> str:
    """Expected against actual as a clause, or "" where they agree."""
    if isinstance(expected, Tensor):
        return _tensor_difference(actual, expected, tolerance)
    if isinstance(actual, (Tensor, np.ndarray)) and actual.ndim == 0:
        actual = actual.item()
    if isinstance(expected, (tuple, list)):
        return _sequence_difference(actual, expected, tolerance)
    if isinstance(expected, dict):
        return _mapping_difference(actual, expected, tolerance)
    if isinstance(expected, (int, float)) and not isinstance(expected, bool):
        return _number_difference(actual, expected, tolerance)
    same = type(actual) is type(expected) and actual == expected
    return "" if same else f"expected {describe(expected)} but got {_other_kind(actual)}"


def _number_difference(actual: Any, expected: float, tolerance: float) -> str:
    number = isinstance(actual, (int, float, np.number)) and not isinstance(actual, bool)
    room = tolerance * max(1, abs(expected)) if math.isfinite(expected) else 0
    if number and (actual == expected or abs(actual - expected) <= room):
        return ""
    return f"expected {describe(expected)} but got {_other_kind(actual)}"


def _other_kind(value: Any) -> str:
    """A value where another kind was expected: the kind is said."""
    if isinstance(value, Tensor):
        shape = f"a tensor of shape {tuple(value.shape)}"
        return f"{describe(value)}, {shape}" if value.numel() <= 6 else shape
    kind = f"the {type(value).__name__} " if isinstance(value, (tuple, list)) else ""
    return kind + describe(value)


def _sequence_difference(actual: Any, expected: tuple | list, tolerance: float) -> str:
    if not isinstance(actual, (tuple, list)):
        return f"expected {describe(expected)} but got {describe(actual)}"
    if len(actual) != len(expected):
        values = "value" if len(expected) == 1 else "values"
        return f"expected {len(expected)} {values} but got {len(actual)}"
    parts = [difference(a, e, tolerance) for a, e in zip(actual, expected, strict=True)]
    return next((f"value {n} of {len(parts)}: {p}" for n, p in enumerate(parts, 1) if p), "")


def _mapping_difference(actual: Any, expected: dict, tolerance: float) -> str:
    if not isinstance(actual, Mapping):
        return f"expected a dict with the keys {list(expected)} but got {describe(actual)}"
    if set(actual) != set(expected):
        return f"expected the keys {list(expected)} but got {list(actual)}"
    parts = {key: difference(actual[key], value, tolerance) for key, value in expected.items()}
    return next((f"under {key!r}: {part}" for key, part in parts.items() if part), "")


def _tensor_difference(actual: Any, expected: Tensor, tolerance: float) -> str:
    if not isinstance(actual, Tensor):
        return f"expected a tensor of shape {tuple(expected.shape)} but got {_other_kind(actual)}"
    if actual.shape != expected.shape:
        return f"expected the shape {tuple(expected.shape)} but got {tuple(actual.shape)}"
    if actual.dtype != expected.dtype:
        return f"expected {expected.dtype} but got {actual.dtype}"
    if expected.is_floating_point() and actual.isnan().any() and not expected.isnan().any():
        return f"expected {describe(expected)} but got NaN"
    close = _close(actual.detach(), expected, tolerance)
    return "" if bool(close.all()) else _first_difference(actual, expected, close)


def _close(actual: Tensor, expected: Tensor, tolerance: float) -> Tensor:
    if not expected.is_floating_point():
        return actual == expected
    room = tolerance * expected.abs().clamp(min=1).nan_to_num(posinf=1)
    both_nan = actual.isnan() & expected.isnan()
    return (actual == expected) | ((actual - expected).abs() <= room) | both_nan


def _first_difference(actual: Tensor, expected: Tensor, close: Tensor) -> str:
    if expected.numel() <= 6:
        return f"expected {describe(expected)} but got {describe(actual)}"
    place = tuple((~close).nonzero()[0].tolist())
    counted = f"{int((~close).sum())} of {close.numel()} values differ"
    wanted, given = describe(expected[place].item()), describe(actual[place].item())
    return f"expected {wanted} at {list(place)} but got {given} ({counted})"


def describe(value: Any) -> str:
    """A value in few words: small tensors whole, large ones by their shape."""
    if isinstance(value, Tensor) and value.numel() <= 6:
        return _rounded(value.detach().tolist())
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if isinstance(value, (bool, str)) or value is None:
        return repr(value)
    if isinstance(value, (int, float, np.number)):
        return _rounded(value)
    if isinstance(value, (tuple, list)) and len(value) <= 6:
        return "(" + ", ".join(describe(part) for part in value) + ")"
    if callable(value):
        return f"the function {getattr(value, '__name__', '')}".strip()
    return f"a {type(value).__name__}"


def _rounded(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_rounded(part) for part in value) + "]"
    return f"{value:.5g}" if isinstance(value, (float, np.floating)) else str(value)


def copy_inputs(value: Any) -> Any:
    """A copy that shares no memory with the original."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return type(value)(copy_inputs(part) for part in value)
    if isinstance(value, dict):
        return {key: copy_inputs(part) for key, part in value.items()}
    return value


def changed(after: Any, before: Any) -> bool:
    """Whether any tensor in `after` differs from its original in `before`."""
    if isinstance(before, Tensor):
        same = after.shape == before.shape and after.dtype == before.dtype
        return not (same and bool(torch.allclose(after, before, rtol=0, atol=0, equal_nan=True)))
    if isinstance(before, dict):
        return after.keys() != before.keys() or any(changed(after[k], before[k]) for k in before)
    if isinstance(before, (tuple, list)):
        pairs = zip(after, before, strict=False)
        return len(after) != len(before) or any(changed(a, b) for a, b in pairs)
    return False
