"""The progress bar of a training run."""

import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(keras.callbacks.Callback):
    """One bar over the steps of all epochs, with the training loss and the best monitored score.

    Where output is not a terminal, ten lines over the run instead.

    Args:
        monitor: Name of the validation score to show.
        visible: Whether to print anything.
        mode: `"min"` where less of the score is better, else `"max"`.

    Attributes:
        first_step: When the first step, or the first few that are one call, was done, as
            `time.perf_counter` counts; `None` before.
    """

    async_safe = True  # Keras need not wait for what a step says

    def __init__(self, monitor, visible=True, mode="min"):
        super().__init__()
        self.monitor = monitor
        self.visible = visible
        self.better = min if mode == "min" else max
        self.console = Console(stderr=True, markup=False)
        self.first_step = None

    def on_train_begin(self, logs=None):
        """Forgets the run before."""
        self._best: float | None = None
        self._task: Any = None
        self._scores = "compiling"
        self._bar = Bar(
            TextColumn("step {task.completed:,.0f}/{task.total:,.0f}"),
            BarColumn(bar_width=None),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[scores]}"),
            console=self.console,
            disable=not (self.visible and self.console.is_terminal),
            expand=True,
        )

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the bar, of a resumed run where it was."""
        self._done = epoch * self.params["steps"]
        if self._task is None:
            total = self.params["epochs"] * self.params["steps"]
            self._task = self._bar.add_task("", total=total, completed=self._done, scores="")
            self._bar.start()
        self._epoch = f"epoch {epoch + 1}"
        self._move(self._done, f"{self._epoch}  {self._scores}")

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        begins = self._scores == "compiling"
        self.first_step = self.first_step or time.perf_counter()
        self._scores = "" if begins else self._scores
        self._move(self._done + batch + 1, self._epoch if begins else None)

    def on_epoch_end(self, epoch, logs=None):
        """Shows the scores."""
        logs = logs or {}
        found = [score for score in (self._best, logs.get(self.monitor)) if score is not None]
        self._best = self.better(found, default=None)
        self._scores = f"loss {logs.get('loss', float('nan')):.4g}"
        if found:
            self._scores += f"  best {self.monitor} {self._best:.4g}"
        epochs = self.params["epochs"]
        tenth = (epoch + 1) * 10 // epochs > epoch * 10 // epochs
        if self.visible and not self.console.is_terminal and tenth:
            self.console.print(f"epoch {epoch + 1}/{epochs}  {self._scores}", highlight=False)

    def on_train_end(self, logs=None):
        """Ends the bar."""
        self._bar.stop()

    def _move(self, completed, scores=None):
        if not self._bar.disable:
            shown = {} if scores is None else {"scores": scores}
            self._bar.update(self._task, completed=completed, **shown)
