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
    """

    def __init__(self, monitor, visible=True):
        super().__init__()
        self.monitor = monitor
        self.visible = visible
        self.console = Console(stderr=True)

    def on_train_begin(self, logs=None):
        """Starts the bar."""
        self._best = float("inf")
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
        self._best = min(self._best, logs.get(self.monitor, float("inf")))
        scores = f"loss {logs.get('loss', float('nan')):.4g}  best {self.monitor} {self._best:.4g}"
        self._bar.update(self._task, completed=epoch + 1, scores=scores)
        epochs = self.params["epochs"]
        tenth = (epoch + 1) * 10 // epochs > epoch * 10 // epochs
        if self.visible and not self.console.is_terminal and tenth:
            self.console.print(f"epoch {epoch + 1}/{epochs}  {scores}", highlight=False)

    def on_train_end(self, logs=None):
        """Ends the bar."""
        self._bar.stop()
