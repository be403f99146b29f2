"""Training that ends in time."""

import time

import keras


class TimeLimit(keras.callbacks.Callback):
    """Stops training when its time is over, or early where fewer epochs than planned would fit.

    It was `cut_short` if the time was over within the first epoch. After an early stop, so many
    `epochs` fit into what was left of the time: a schedule ends as it should only if it knows.
    """

    def __init__(self, seconds: float, planned: int):
        super().__init__()
        self.seconds, self.planned = seconds, planned
        self.cut_short = False
        self.epochs: int | None = None

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self._began = self._epoch_began = time.perf_counter()
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        """Starts that of the epoch."""
        self._epoch, self._epoch_began = epoch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Stops within an epoch."""
        if time.perf_counter() - self._began > self.seconds:
            self.cut_short = self._epoch == 0
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        """Compares the time that is left with that of the second epoch, which compiled nothing."""
        now = time.perf_counter()
        left = self.seconds - (now - self._began)
        if epoch == 1:
            fit = int(left / (now - self._epoch_began))
            if 2 <= fit < self.planned - 2:
                self.epochs = fit
                self.model.stop_training = True
        if left <= 0:
            self.model.stop_training = True
