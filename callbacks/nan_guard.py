"""Stops a run whose loss is no longer a number."""

import math

import keras


class TerminateOnNaN(keras.callbacks.TerminateOnNaN):
    """Stops training when the loss turns NaN or infinite, and remembers when.

    Keras' own sees the training loss alone and prints a line; this one watches the validation loss
    too, and can be asked. `Checkpoint` keeps its state.

    Attributes:
        failed_epoch: The epoch, counted from 0, in which the loss was lost, else `None`.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> guard = callbacks.TerminateOnNaN()
        >>> history = model.fit(np.ones((8, 1)), np.full((8, 1), np.nan), callbacks=[guard],
        ...                     epochs=5, verbose=0)
        >>> guard.failed_epoch, len(history.epoch)
        (0, 1)
    """

    def __init__(self):
        super().__init__()
        self.failed_epoch = None
        self._epoch = 0

    def get_state(self) -> dict:
        """What `Checkpoint` saves."""
        return {"failed_epoch": self.failed_epoch}

    def set_state(self, state: dict | None) -> None:
        """Takes up what was saved; `None` for a fresh start."""
        self.failed_epoch = state["failed_epoch"] if state else None

    def on_epoch_begin(self, epoch, logs=None):
        """Remembers the epoch."""
        self._epoch = epoch

    def on_batch_end(self, batch, logs=None):
        """Checks the loss so far."""
        self._check(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Checks the loss of the epoch, on training and validation data."""
        self._check(logs)

    def _check(self, logs):
        losses = [(logs or {}).get(name, 0.0) for name in ("loss", "val_loss")]
        if self.failed_epoch is None and not all(math.isfinite(loss) for loss in losses):
            self.failed_epoch = self._epoch
            self.model.stop_training = True
