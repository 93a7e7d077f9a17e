"""Experiments: controls with units, one computation, its pictures or its plot at once."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import traitlets
from anywidget import AnyWidget
from matplotlib.figure import Figure
from torch import Tensor

from ..plots import png
from .pictures import STYLE, Frame, encoded, pixels_of, script

Result = Figure | dict[str, Tensor] | tuple[Figure | dict[str, Tensor], str]


@dataclass(frozen=True)
class Control:
    """One thing to steer; made by `slider`, `choice` or `switch`."""

    kind: str
    label: str
    value: float | str | bool
    low: float = 0
    high: float = 0
    step: float = 1
    unit: str = ""
    options: tuple = ()

    def ends(self) -> tuple:
        """The values that a test must try: both ends of a slider, every option of a choice."""
        return {"slider": (self.low, self.high), "switch": (False, True)}.get(
            self.kind, self.options
        )

    def accepts(self, value: object) -> bool:
        """Whether the control can be set so."""
        if self.kind == "slider":
            return isinstance(value, int | float) and self.low <= value <= self.high
        return value in self.ends()

    def says(self, value: object) -> str:
        """The setting in words, for storyboards: 'blur σ 1.5 px'."""
        if self.kind == "switch":
            return self.label if value else f"no {self.label}"
        return (
            f"{self.label} {value:g} {self.unit}"
            if self.kind == "slider"
            else f"{self.label} {value}"
        )


def slider(
    label: str, low: float, high: float, value: float, step: float = 1, unit: str = ""
) -> Control:
    """A number from low to high, shown with its unit."""
    return Control("slider", label, value, low=low, high=high, step=step, unit=unit)


def choice(label: str, options: list, value: object = None) -> Control:
    """One of a few values; the first unless told."""
    return Control("choice", label, options[0] if value is None else value, options=tuple(options))


def switch(label: str, value: bool = True) -> Control:
    """On or off."""
    return Control("switch", label, value)


class Experiment(AnyWidget):
    """The widget that `experiment` makes; `set`, `sweep`, `frames` serve tests and storyboards."""

    _esm = script("experiment.js")
    _css = STYLE
    title = traitlets.Unicode().tag(sync=True)
    controls = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, compute: Callable[..., Result], controls: dict[str, Control], title: str):
        self._compute, self._controls = compute, controls
        super().__init__(
            title=title,
            controls=[{"name": name, **asdict(control)} for name, control in controls.items()],
            settings={name: control.value for name, control in controls.items()},
        )
        self.on_msg(self._asked)
        self.set()

    def __repr__(self) -> str:
        return (
            f"Interactive experiment, {self.title}: run this cell to steer it; "
            "the storyboard beside it shows some settings."
        )

    def set(self, **changes: object) -> None:
        """Change some settings and show the result. An error is shown in place and raised."""
        self._show(changes, {})

    def sweep(self) -> Iterator[tuple[str, object]]:
        """Move every control to both ends, from the settings it stands at; yields what it moved."""
        before = dict(self.settings)
        for name, control in self._controls.items():
            for value in control.ends():
                self.set(**{name: value})
                yield name, value
            self.set(**before)

    def frames(self, **changes: object) -> tuple[Frame, str]:
        """Pictures by label, and the sentence below, at the first settings but for the changes."""
        first = {name: control.value for name, control in self._controls.items()}
        return self._run({**first, **changes})

    def words(self, **changes: object) -> str:
        """Settings in words."""
        self._check(changes)
        return ", ".join(self._controls[name].says(value) for name, value in changes.items())

    def _asked(self, _widget: object, content: dict, _buffers: list) -> None:
        """The browser asks for other settings; it asks again only after the answer."""
        self._show(content["settings"], {"to": content["from"]})

    def _show(self, changes: dict, answer: dict) -> None:
        try:
            self._check(changes)
            settings = {**self.settings, **changes}
            frames, text = self._run(settings)
            pictures = [{"label": label, "data": encoded(p)} for label, p in frames.items()]
        except Exception as error:
            self.answer = {**answer, "error": f"{type(error).__name__}: {error}"}
            raise
        with self.hold_sync():
            self.settings = settings
            self.answer = {**answer, "pictures": pictures, "text": text}

    def _check(self, changes: dict) -> None:
        for name, value in changes.items():
            if name not in self._controls:
                raise ValueError(f"no control {name!r}; there are {', '.join(self._controls)}.")
            if not self._controls[name].accepts(value):
                raise ValueError(f"{name} cannot be {value!r}: {self._controls[name]}")

    def _run(self, settings: dict) -> tuple[Frame, str]:
        self._check(settings)
        made = self._compute(**settings)
        result, text = made if isinstance(made, tuple) else (made, "")
        if isinstance(result, Figure):
            return {"": _drawn(result)}, text
        return {label: pixels_of(picture) for label, picture in result.items()}, text


def _drawn(figure: Figure) -> np.ndarray:
    """A figure's pixels, (h, w, 3) uint8; the figure is closed."""
    import io

    import matplotlib.pyplot as plt
    from PIL import Image

    with io.BytesIO(png(figure)) as file:
        pixels = np.asarray(Image.open(file).convert("RGB"))
    plt.close(figure)
    return pixels


def experiment(compute: Callable[..., Result], title: str = "", **controls: Control) -> Experiment:
    """Steer a computation: compute(**settings) is called with the value of each control by name.

    It returns pictures by label, a matplotlib figure, or either with a sentence (result, text).
    One computation is in flight at most; when it ends, the newest settings are next. Errors are
    shown in place, and raised by `set` and `sweep`.

    >>> blurred = lambda sigma: {"blurred": blur(photo, sigma)}
    >>> experiment(blurred, title="blur", sigma=slider("σ", 0, 5, 1, step=0.5, unit="px"))
    """
    inspect.signature(compute).bind(**controls)  # a control without a parameter fails at once
    return Experiment(compute, controls, title or "an experiment")
