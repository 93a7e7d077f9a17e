"""What runs beside a student's code: the kernel's start with its limits, and answers to questions.

The examiner stays outside. It asks for one call at a time, in JSON, and gets data back: numbers,
text, tensors, never pickled objects. So a test's code and its expected values are never here.
This file is copied into the kernel's folder, and needs nothing else of the project.
"""

import base64
import builtins
import json
import linecache
import sys
import traceback

MIME = "application/x-course-answer+json"
SIMPLE = (type(None), bool, int, float, str)


def encode(value, other=None):
    """A value as JSON; `other` encodes what is no data, and without it that is an error."""
    if isinstance(value, SIMPLE):
        return value
    if value is ...:
        return {"kind": "ellipsis"}
    if isinstance(value, (tuple, list, set)):
        kind = next(k for k in (tuple, list, set) if isinstance(value, k)).__name__
        return {"kind": kind, "parts": [encode(part, other) for part in value]}
    if isinstance(value, dict):
        parts = [[encode(k, other), encode(v, other)] for k, v in value.items()]
        return {"kind": "dict", "parts": parts}
    return _encode_array(value, other)


def _encode_array(value, other):
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        shape, dtype = list(value.shape), str(value.dtype).split(".")[-1]
        return {"kind": "tensor", "shape": shape, "dtype": dtype, "bytes": _text(flat.tobytes())}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        shape, dtype = list(value.shape), str(value.dtype)
        return {"kind": "array", "shape": shape, "dtype": dtype, "bytes": _text(value.tobytes())}
    if other is None:
        raise TypeError(f"a {type(value).__name__} cannot be sent: use numbers, text and tensors")
    return other(value)


def _text(data):
    return base64.b64encode(data).decode()


def decode(value):
    """The inverse of `encode`. Safe on what comes from a student: it makes data only."""
    if not isinstance(value, dict):
        return value
    kind, parts = value["kind"], value.get("parts", ())
    if kind == "ellipsis":
        return ...
    if kind in ("tuple", "list", "set"):
        return getattr(builtins, kind)(decode(part) for part in parts)
    if kind == "dict":
        return {decode(k): decode(v) for k, v in parts}
    return _decode_array(value)


def _decode_array(value):
    import numpy as np
    import torch

    data = bytearray(base64.b64decode(value["bytes"]))
    if value["kind"] == "array":
        return np.frombuffer(data, dtype=value["dtype"]).reshape(value["shape"])
    dtype = getattr(torch, value["dtype"])
    if not data:
        return torch.zeros(0, dtype=dtype).reshape(value["shape"])
    return torch.frombuffer(data, dtype=dtype).reshape(value["shape"])


# --------------------------------------------------------------------------- beside the student


def answer(question, names):
    """Call what the question names among `names`, and publish the value, or the error."""
    from IPython.display import display

    try:
        reply = _reply(json.loads(question), names)
    except BaseException as error:
        reply = {"error": type(error).__name__, "text": str(error)[:2000], "line": _line(error)}
    display({MIME: json.dumps(reply)}, raw=True)


def _reply(question, names):
    if question["name"] not in names:
        raise NameError(f"name '{question['name']}' is not defined")
    target = names[question["name"]]
    if "args" not in question:
        return {"value": encode(target, _function)}
    args, kwargs = decode(question["args"]), decode(question["kwargs"])
    value, before = encode(target(*args, **kwargs), _described), question["args"]["parts"]
    after = [encode(argument, lambda what: type(what).__name__) for argument in args]
    pairs = enumerate(zip(after, before, strict=True))
    return {"value": value, "changed": {n: new for n, (new, old) in pairs if new != old}}


def _function(value):
    return {"kind": "function" if callable(value) else "other", "parts": type(value).__name__}


def _described(value):
    kind = type(value).__name__
    raise TypeError(f"the result holds a value of the type {kind}: keep to numbers, text, tensors")


def _line(error):
    """The student's line at which an error arose."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "ipykernel_" in f.filename]
    return linecache.getline(frames[-1].filename, frames[-1].lineno).strip() if frames else ""


def limit(gigabytes):
    """Hold this process to its memory, where the system can (Linux; macOS ignores it)."""
    try:
        import resource
    except ImportError:  # Windows
        return
    memory, files = int(gigabytes * 2**30), 2**28
    wanted = {"RLIMIT_DATA": memory, "RLIMIT_AS": memory + 8 * 2**30, "RLIMIT_FSIZE": files}
    wanted["RLIMIT_CORE"] = 0
    for name, value in wanted.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            continue


if __name__ == "__main__":
    limit(float(sys.argv.pop(1)))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
