"""Choose a photograph: one's own from the computer or by its path, or a sample of the course."""

import tempfile
from pathlib import Path, PurePath

import numpy as np
import traitlets
from anywidget import AnyWidget
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from ..images import ImageError, from_uint8, load_sample, load_uint8, sample_names, to_uint8
from .pictures import STYLE, packed, pixels_of, script

PREVIEW = 240  # pixels of the longer side


class PhotoPicker(AnyWidget):
    """The widget that `photo_picker` makes; `photo` is what was chosen."""

    _esm = script("picker.js")
    _css = STYLE
    samples = traitlets.List().tag(sync=True)
    preview = traitlets.Dict().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)

    def __init__(self, start: str):
        self._parts: list[bytes] = []
        super().__init__(samples=sample_names())
        self._take(start, to_uint8(load_sample(start)))
        self.on_msg(self._asked)

    def __repr__(self) -> str:
        return "Photograph picker: run this cell to choose a picture of your own."

    @property
    def photo(self) -> Float[Tensor, "1 3 h w"]:
        """The chosen photograph, float32 RGB in [0, 1]."""
        return from_uint8(self._pixels)

    def choose(self, name: str) -> None:
        """Take a sample by its name, or else a file by its path; a bad file is said in place."""
        if name in self.samples:
            self._take(name, to_uint8(load_sample(name)))
        elif not name.strip():
            self.error = "no name was given; type a sample's name or the path of a picture."
        else:
            self._read(Path(name.strip().strip("\"'")).expanduser(), name)

    def receive(self, name: str, data: bytes) -> None:
        """Take the bytes of a picture file that was uploaded; a bad file is said in place."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture"
            path.write_bytes(data)
            self._read(path, PurePath(name).name)

    def _read(self, path: Path, name: str) -> None:
        try:
            pixels = load_uint8(path)
        except ImageError as error:
            self.error = str(error).replace(str(path), name, 1)
        else:
            self._take(name, pixels)

    def _take(self, name: str, pixels: UInt8[Tensor, "1 3 h w"]) -> None:
        self._pixels = pixels
        h, w = pixels.shape[-2:]
        with self.hold_sync():
            self.error = ""
            self.said = f"{name}: {w}×{h} pixels"
            self.preview = packed(f"chosen photograph, {name}", _small(pixels_of(pixels)))

    def _asked(self, _widget: object, content: dict, buffers: list) -> None:
        """A name, or a file in parts: the server refuses messages as large as a photograph."""
        if "choose" in content:
            self.choose(content["choose"])
            return
        if content["part"] == 0:
            self._parts = []
        self._parts += [bytes(part) for part in buffers]
        if content["part"] == content["last"]:
            parts, self._parts = self._parts, []
            self.receive(content["name"], b"".join(parts))


def photo_picker(start: str = "astronaut") -> PhotoPicker:
    """Choose a photograph by upload, path or sample; it is `picker.photo`, (1, 3, h, w) in [0, 1].

    Until something else is chosen it is the sample `start`. A file that is no picture is said in
    place in one sentence, and the photograph stays as it was.

    >>> picker = photo_picker()
    """
    return PhotoPicker(start)


def _small(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(pixels)
    picture.thumbnail((PREVIEW, PREVIEW))
    return np.asarray(picture)
