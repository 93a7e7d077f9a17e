"""Outputs that are the same on every run: cleaned, and kept where nothing has changed."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
import sysconfig
from pathlib import Path

import nbformat
import numpy as np
from PIL import Image

from tools.anatomy import checked
from tools.lessons import ROOT

WIDGET = "application/vnd.jupyter.widget-view+json"
INSTEAD = "Run this cell to steer the experiment; the storyboard shows some of its settings."
RELATIVE, LEVELS = 1e-3, 2.0  # tolerance of printed numbers, and of pictures (RMS, of 255)
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


def clean(notebook: nbformat.NotebookNode) -> None:
    """Take out what differs from run to run or from machine to machine."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
        for output in cell.get("outputs", []):
            _clean_output(output)


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Printed text in one piece: how the kernel cuts it up depends on the moment."""
    kept: list[nbformat.NotebookNode] = []
    for output in outputs:
        if kept and "text" in output and kept[-1].get("name") == output.get("name"):
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def _clean_output(output: nbformat.NotebookNode) -> None:
    if "text" in output:
        output.text = anonymous(output.text)
    if "traceback" in output:
        output.traceback = [anonymous(line) for line in output.traceback]
        output.evalue = anonymous(output.evalue)
    data = output.get("data", {})
    if WIDGET in data:
        del data[WIDGET]
        if set(data) <= {"text/plain"}:
            said = data.get("text/plain", "")
            said = INSTEAD if re.match(r"\w+\(|.*…$", said) or not said else said
            data["text/plain"] = said
            data["text/html"] = f"<p><em>{html.escape(said)}</em></p>"
    for kind in [k for k in data if k.startswith("text/")]:
        data[kind] = anonymous(data[kind])


def anonymous(text: str) -> str:
    """Without memory addresses and without the folders of this machine."""
    for folder, name in (
        (sysconfig.get_paths()["purelib"], "site-packages"),
        (sysconfig.get_paths()["stdlib"], "python"),
        (str(ROOT), "."),
        (str(Path.home()), "~"),
    ):
        text = text.replace(folder, name)
    text = re.sub(r"\S*/ipykernel_\d+/\d+\.py", "<cell>", text)
    return re.sub(r"\b0x[0-9a-fA-F]{6,}", "0x…", text)


def keep_stored(new: nbformat.NotebookNode, old: nbformat.NotebookNode) -> None:
    """Put back stored outputs of cells that vary, or that agree within tolerance."""
    code = [cell for cell in old.cells if cell.cell_type == "code"]
    stored = {cell.source: cell for cell in code} | {cell.get("id"): cell for cell in code}
    above = hashlib.sha256()
    for cell in new.cells:
        if cell.cell_type != "code":
            continue
        above.update(cell.source.encode())
        before = stored.get(cell.id) or stored.get(cell.source)
        if "varies" in cell.metadata.get("tags", []):
            _keep_varying(cell, before, above.hexdigest()[:16])
        elif before and before.source == cell.source and _agree(cell, before):
            cell.outputs = before.outputs


def _keep_varying(
    cell: nbformat.NotebookNode, before: nbformat.NotebookNode | None, code: str
) -> None:
    facts = cell.metadata.setdefault("mtsr", {})
    if before and before.outputs and before.metadata.get("mtsr", {}).get("above") == code:
        cell.outputs = before.outputs
    facts["above"] = code


def _agree(cell: nbformat.NotebookNode, before: nbformat.NotebookNode) -> bool:
    if checked(cell) or len(cell.outputs) != len(before.outputs):
        return False
    return all(_same_output(a, b) for a, b in zip(cell.outputs, before.outputs, strict=True))


def _same_output(new: dict, old: dict) -> bool:
    if {k: v for k, v in new.items() if k not in ("text", "data", "execution_count")} != {
        k: v for k, v in old.items() if k not in ("text", "data", "execution_count")
    }:
        return False
    data, before = new.get("data", {}), old.get("data", {})
    return (
        new.get("execution_count") == old.get("execution_count")
        and data.keys() == before.keys()
        and same_text(new.get("text", ""), old.get("text", ""))
        and all(_same_data(kind, data[kind], before[kind]) for kind in data)
    )


def _same_data(kind: str, new: object, old: object) -> bool:
    if new == old:
        return True
    if kind == "image/png":
        return same_picture(base64.b64decode(str(new)), base64.b64decode(str(old)))
    return isinstance(new, str) and isinstance(old, str) and same_text(new, old)


def same_text(new: str, old: str) -> bool:
    """Equal but for decimal numbers, which may differ by a thousandth or in the last digit."""
    if NUMBER.sub("#", new) != NUMBER.sub("#", old):
        return False
    pairs = zip(NUMBER.findall(new), NUMBER.findall(old), strict=True)
    return all(abs(float(a) - float(b)) <= _room(b) for a, b in pairs)


def _room(number: str) -> float:
    mantissa, _, exponent = number.partition("e")
    last_digit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return max(RELATIVE * abs(float(number)), 1.01 * last_digit)


def same_picture(new: bytes, old: bytes) -> bool:
    a, b = (np.asarray(Image.open(io.BytesIO(p)).convert("RGBA"), float) for p in (new, old))
    return a.shape == b.shape and float(np.sqrt(np.mean((a - b) ** 2))) <= LEVELS
