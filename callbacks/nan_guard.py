"""Stops a run whose loss is no longer a number."""

import math

import keras


class TerminateOnNaN(keras.callbacks.TerminateOnNaN):
    """Stops training when the loss turns NaN or infinite, and remembers when.

    Keras' own sees the training loss alone and prints a line; this one watches the validation loss
    too, and can be asked. (`Checkpoint` saves nothing of such an epoch.)

    Attributes:
        failed_epoch: The epoch, counted from 0, in which the loss was lost, else `None`.
        failed_step: The step of the whole run, counted from 1, after which that was seen.
        failed_losses: Names of the scores that were no numbers then.

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
        self.failed_epoch: int | None = None
        self.failed_step = 0
        self.failed_losses: list[str] = []
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        """Remembers the epoch."""
        self._epoch = epoch

    def on_batch_end(self, batch, logs=None):
        """Checks the loss so far."""
        self._check(logs, batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        """Checks the loss of the epoch, on training and validation data."""
        self._check(logs, self.params["steps"])

    def _check(self, logs, step):
        losses = [(logs or {}).get(name, 0.0) for name in ("loss", "val_loss")]
        if self.failed_epoch is None and not all(math.isfinite(loss) for loss in losses):
            self.failed_epoch = self._epoch
            self.failed_losses = [name for name, v in logs.items() if not math.isfinite(v)]
            self.failed_step = self._epoch * (self.params["steps"] or 0) + step
            self.model.stop_training = True
