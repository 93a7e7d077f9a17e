"""The training dashboard: curves and a picture while a network learns, a button to stop it."""

import threading
from collections.abc import Callable, Iterator, Mapping

import torch
import traitlets
from anywidget import AnyWidget
from matplotlib.figure import Figure
from torch import Tensor

from .. import plots
from ..degrade import enlarge
from ..images import to_uint8
from ..model import MultiTaskNet
from ..training import History
from .pictures import STYLE, Frame, packed, pixels_of, script

Train = Callable[[History, Callable[[History], None], Callable[[], bool]], History]
BLOCK = 20  # steps that one point of the training curve is the mean of


class Dashboard(AnyWidget):
    """The widget that `dashboard` makes. The training runs in a thread of its own, so that the
    kernel is free to hear the button; an error in it is shown in place, and raised by `finish`."""

    _esm = script("dashboard.js")
    _css = STYLE
    tasks = traitlets.List().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, train: Train, model: MultiTaskNet, x: Tensor, targets: Mapping[str, Tensor]):
        self._train, self._model, self._x, self._targets = train, model, x, dict(targets)
        self.history, self.error, self.done = History(), None, False
        self._steps: list[int] = []  # the step of each moment, and what the network then answered
        self._answers: list[dict[str, Tensor]] = []
        self._stop, self._lock = threading.Event(), threading.RLock()
        self._over, self._waiting = threading.Event(), False
        self._over.set()
        self._task, self._moment = next(iter(targets)), -1
        super().__init__(tasks=list(targets))
        self.nothing = {}
        for name, target in self._targets.items():
            scale = model.tasks[name].scale
            self.nothing[name] = self._metric(name, enlarge(x, scale), target)
        self._record(self.history)
        self.on_msg(self._asked)

    def __repr__(self) -> str:
        return (
            "Training dashboard: run this cell to watch a network learn and to stop it; "
            "the storyboard below shows some moments."
        )

    # ------------------------------------------------------------------------ start and stop

    @property
    def running(self) -> bool:
        """Whether a training is going on."""
        return not self._over.is_set()

    def start(self) -> None:
        """Begin, or go on where it was stopped."""
        if self.running or self.done:
            return
        self._stop.clear()
        self._over.clear()
        threading.Thread(target=self._work, daemon=True).start()

    def stop(self) -> None:
        """Ask for a stop after the step in hand."""
        self._stop.set()

    def finish(self) -> History:
        """Go on if it was stopped, and wait for the end; Jupyter's own stop button ends the wait.

        Raises what the training raised.
        """
        self.start()
        self._wait(True)
        try:
            while not self._over.wait(0.2):  # an interrupt within Thread.join loses the thread
                pass
        except KeyboardInterrupt:
            self.stop()
            self._over.wait()
        self._wait(False)
        if self.error is not None:
            raise self.error
        return self.history

    def _wait(self, waiting: bool) -> None:
        """While a cell waits, the kernel hears no message: the button has to interrupt it."""
        with self._lock:
            self._waiting = waiting
            self._tell()

    def _work(self) -> None:
        self._tell()
        try:
            self._train(self.history, self._record, self._stop.is_set)
            self.done = not self._stop.is_set()
        except Exception as error:
            self.error, self.done = error, True
            self.answer = {**self.answer, "error": f"{type(error).__name__}: {error}"}
        self._over.set()
        self._tell()

    def _tell(self) -> None:
        self.state = {
            "running": self.running,
            "done": self.done,
            "waiting": self._waiting,
            "steps": self._steps,
            "task": self._task,
            "moment": self._moment,
        }

    # ------------------------------------------------------------------------ what is shown

    @torch.no_grad()
    def _record(self, history: History) -> None:
        """Measure the network on the held-out pictures, remember its answers, and show both."""
        outputs = self._model(self._x, list(self._targets))
        scores = {n: self._metric(n, outputs[n], y) for n, y in self._targets.items()}
        history.val.append({"step": history.steps, **scores})
        with self._lock:
            newest = self._moment == len(self._steps) - 1
            self._steps = [*self._steps, history.steps]
            self._answers.append({name: to_uint8(y[:1]) for name, y in outputs.items()})
            self._moment = len(self._steps) - 1 if newest else self._moment
            self.curves = {
                "label": self._curves_in_words(),
                "data": plots.png(self._drawn(history)),
            }
            self._tell()
            self._show()

    def _metric(self, name: str, output: Tensor, target: Tensor) -> float:
        task = self._model.tasks[name]
        return task.metric(output, target, task.scale).mean().item()

    def _gains(self, moment: int) -> str:
        """What each task gained on doing nothing, in words."""
        row = self.history.val[moment]
        told = ", ".join(f"{n} {row[n] - self.nothing[n]:+.1f} dB" for n in self._targets)
        return f"above doing nothing: {told}"

    def _curves_in_words(self) -> str:
        return f"Curves up to step {self.history.steps}; held out, {self._gains(-1)}"

    def _drawn(self, history: History) -> Figure:
        """Left the training loss of each task, right what the held-out pictures gained."""
        figure, (left, right) = plots.figure(8.6, 2.7, columns=2)
        for name in self._targets:
            losses = [row[name] for row in history.train if name in row]
            blocks = [losses[i : i + BLOCK] for i in range(0, len(losses), BLOCK)]
            means = [sum(block) / len(block) for block in blocks]
            left.plot([BLOCK * (i + 0.5) for i in range(len(means))], means, marker="")
            gains = [row[name] - self.nothing[name] for row in history.val]
            right.plot([row["step"] for row in history.val], gains, label=name)
        left.set(xlabel="step", ylabel="training loss", yscale="log")
        right.set(xlabel="step", ylabel="held out, dB gained")
        right.axhline(0, color="black", linewidth=1)
        right.legend()
        return figure

    def frames(self, task: str | None = None, moment: int | None = None) -> tuple[Frame, str]:
        """What the network answered at one moment (−1 is the newest), and how good it was."""
        task = self._task if task is None else task
        if task not in self._targets:
            raise ValueError(f"no task {task!r}; there are {', '.join(self._targets)}.")
        moment = range(len(self._steps))[self._moment if moment is None else moment]
        scale, row = self._model.tasks[task].scale, self.history.val[moment]
        shown = {
            "doing nothing": enlarge(self._x[:1], scale).clamp(0, 1),
            f"step {row['step']}": self._answers[moment][task],
            "target": self._targets[task][:1],
        }
        gain = round(row[task] - self.nothing[task], 1) + 0.0  # never −0.0
        told = f"{task} {row[task]:.1f} dB, {gain:+.1f} on doing nothing"
        return {k: pixels_of(v) for k, v in shown.items()}, told

    def set(self, task: str | None = None, moment: int | None = None, asked: str = "") -> None:
        """Look at a task, at a moment. An error is shown in place and raised.

        `asked` is the browser's mark of its question, without which an equal answer is not sent.
        """
        try:
            with self._lock:
                self.frames(task, moment)
                self._task = self._task if task is None else task
                self._moment = self._moment if moment is None else moment
                self._tell()
                self._show(asked)
        except Exception as error:
            self.answer = {
                **self.answer,
                "to": asked,
                "error": f"{type(error).__name__}: {error}",
            }
            raise

    def sweep(self) -> Iterator[tuple[str, object]]:
        """Every task, the first moment and the last, and the button; raises what went wrong."""
        task, moment = self._task, self._moment
        for name in self._targets:
            self.set(task=name)
            yield "task", name
        for place in (0, len(self._steps) - 1):
            self.set(moment=place)
            yield "moment", place
        self.set(task, moment)
        was_running = self.running
        self.stop()
        yield "stop", was_running
        self.finish()
        yield "go on", self.done

    def _asked(self, _widget: object, content: dict, _buffers: list) -> None:
        """What the browser asks for: stop, go on, or another picture."""
        if content["do"] == "stop":
            self.stop()
        elif content["do"] == "start":
            self.start()
        else:
            self.set(content["task"], content["moment"], content["from"])

    def _show(self, asked: str = "") -> None:
        frames, text = self.frames()
        pictures = [packed(label, pixels) for label, pixels in frames.items()]
        error = {"error": self.answer["error"]} if self.error is not None else {}
        self.answer = {"pictures": pictures, "text": text, "to": asked, **error}


def dashboard(
    train: Train, model: MultiTaskNet, x: Tensor, targets: Mapping[str, Tensor]
) -> Dashboard:
    """Watch a training, stop it, go on; it starts at once, in a thread of its own.

    train(history, after, stop) trains `model` on from where the history ends: it calls
    after(history) now and then, and ends soon after stop() is true, as `fit` does. x (b, 3, h, w)
    and the targets by task are held out: each task's metric is their mean, the first is shown.
    Results go to `history.val`. `finish()` waits for the end and gives the history.
    """
    board = Dashboard(train, model, x, targets)
    board.start()
    return board
