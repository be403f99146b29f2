"""The progress bar of a training run."""

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(keras.callbacks.Callback):
    """One bar over all epochs, with the training loss and the best monitored score.

    Where output is not a terminal, ten lines over the run instead.

    Args:
        monitor: Name of the validation score to show.
        visible: Whether to print anything.
        mode: `"min"` where less of the score is better, else `"max"`.
    """

    def __init__(self, monitor, visible=True, mode="min"):
        super().__init__()
        self.monitor = monitor
        self.visible = visible
        self.better = min if mode == "min" else max
        self.console = Console(stderr=True, markup=False)

    def on_train_begin(self, logs=None):
        """Starts the bar."""
        self._best = None
        self._bar = Bar(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[scores]}"),
            console=self.console,
            disable=not (self.visible and self.console.is_terminal),
        )
        self._task = self._bar.add_task("", total=self.params["epochs"], scores="")
        self._bar.start()

    def on_epoch_end(self, epoch, logs=None):
        """Moves the bar."""
        logs = logs or {}
        found = [score for score in (self._best, logs.get(self.monitor)) if score is not None]
        self._best = self.better(found, default=None)
        scores = f"loss {logs.get('loss', float('nan')):.4g}"
        if found:
            scores += f"  best {self.monitor} {self._best:.4g}"
        self._bar.update(self._task, completed=epoch + 1, scores=scores)
        epochs = self.params["epochs"]
        tenth = (epoch + 1) * 10 // epochs > epoch * 10 // epochs
        if self.visible and not self.console.is_terminal and tenth:
            self.console.print(f"epoch {epoch + 1}/{epochs}  {scores}", highlight=False)

    def on_train_end(self, logs=None):
        """Ends the bar."""
        self._bar.stop()
