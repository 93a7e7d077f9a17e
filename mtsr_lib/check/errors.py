"""An error in a student's code, told in one line with its remedy."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from pathlib import Path
from typing import Any

from torch import nn

REMEDIES = [
    (NameError, r"is not defined", "Run the cells above, and look for a typing error."),
    (TypeError, r"positional argument|keyword argument", "Keep the arguments that the stub has."),
    (TypeError, r"NoneType", "A value is None: is a `return` missing?"),
    (AttributeError, r"NoneType", "A value is None: is a `return` missing?"),
    (
        AttributeError,
        r"'(float|int)' object",
        "A number took a tensor's place, perhaps by `.item()`.",
    ),
    (AttributeError, r"'Tensor' object", "A tensor has no such method: look for a typing error."),
    (RuntimeError, r"must match the size|shapes? cannot", "Print the `.shape` of both sides."),
    (RuntimeError, r"same dtype|scalar type|Float.*Double|Double.*Float", "Keep to one dtype."),
    (RuntimeError, r"can't be cast|dtype.*(Byte|Long|Int)", "Convert with `.float()` first."),
    (RuntimeError, r"does not require grad", "The result was detached, by `.item()` or `no_grad`."),
    (RuntimeError, r"leaf Variable.*in-place", "Do not change the input: make a new tensor."),
    (RuntimeError, r"view size is not compatible", "Use `.reshape` where `.view` cannot."),
    (IndexError, r"", "Compare the index with the `.shape`."),
    (ValueError, r"unpack", "Count the axes: images are (b, 3, h, w)."),
]


def told(error: Exception, answer: Any) -> str:
    """The kind of error, the student's line, its first sentence, and the remedy where known."""
    sentence = (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
    fits = (
        r for kind, mark, r in REMEDIES if isinstance(error, kind) and re.search(mark, str(error))
    )
    return f"{type(error).__name__}{_where(error, answer)}: {sentence}. {next(fits, '')}"


def from_stub(error: Exception) -> bool:
    """Whether the error only says that a stub's `...` was used as a value."""
    return isinstance(error, NotImplementedError) or "ellipsis" in str(error)


def _where(error: Exception, answer: Any) -> str:
    """Where the student's own code was when the error was raised, as a clause."""
    code = getattr(inspect.unwrap(answer) if callable(answer) else answer, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if code and f.filename == code.co_filename]
    theirs = theirs or [f for f in frames if _is_theirs(f.filename)]
    if not theirs:
        return ""
    last = theirs[-1]
    text = linecache.getline(last.filename, last.lineno or 0).strip()
    return f" in line {last.lineno}" + (f", `{text}`" if text else "")


def _is_theirs(filename: str) -> bool:
    library = str(Path(__file__).parents[1])
    return not filename.startswith((library, str(Path(nn.__file__).parents[1]))) and (
        "ipykernel" in filename or filename.startswith("<")
    )
