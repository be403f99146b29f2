"""The progress bar of a training run."""

import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(keras.callbacks.Callback):
    """One bar over the steps of all epochs, with the training loss and the best monitored score.

    Where output is not a terminal, ten lines over the run instead. `first_step` is when the first
    step, or the first few that are one call, was done, as `time.perf_counter` counts.
    """

    async_safe = True  # Keras need not wait for what a step says

    def __init__(self, monitor, visible=True, mode="min", unit=""):
        super().__init__()
        self.monitor = monitor
        self.unit = unit  # of both
        self.visible = visible
        self.better = min if mode == "min" else max
        self.console = Console(stderr=True, markup=False)
        self.first_step = None

    def on_train_begin(self, logs=None):
        """Forgets the run before."""
        self._best: float | None = None
        self._task: Any = None
        self._bar = Bar(
            TextColumn("step {task.completed:,.0f}/{task.total:,.0f}"), BarColumn(bar_width=None),
            TimeRemainingColumn(compact=True), TextColumn("{task.fields[scores]}"),
            console=self.console, disable=not (self.visible and self.console.is_terminal),
            expand=True,
        )  # fmt: skip

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the bar, of a resumed run where it was."""
        steps = self.params["steps"]
        self._done, total = steps * epoch, steps * self.params["epochs"]
        if self._task is None:
            begun = {"total": total, "completed": self._done}
            self._task = self._bar.add_task("", **begun, scores="compiling")
            self._bar.start()

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        if self.first_step is None:
            self.first_step = time.perf_counter()
            self._bar.update(self._task, scores="")
        self._bar.update(self._task, completed=self._done + batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        """Shows the scores."""
        logs = logs or {}
        found = [score for score in (self._best, logs.get(self.monitor)) if score is not None]
        self._best = self.better(found, default=None)
        scores = f"loss {logs.get('loss', float('nan')):.4g}"
        if found:
            scores += f"  best {self.monitor} {self._best:.4g}{self.unit}"
        self._bar.update(self._task, scores=scores)
        epochs = self.params["epochs"]
        tenth = (epoch + 1) * 10 // epochs > epoch * 10 // epochs
        if self.visible and not self.console.is_terminal and tenth:
            self.console.print(f"epoch {epoch + 1}/{epochs}  {scores}", highlight=False)

    def on_train_end(self, logs=None):
        """Ends the bar."""
        self._bar.stop()
