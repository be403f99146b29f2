"""Training several models in turn within each epoch, so that all meet the same machine.

A computer's speed drifts by more than the few per cent that are to be measured. Each model trains
in a thread of its own, but only the one whose turn it is runs, for a fraction of a second.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np


def train_in_turn(fits, steps_a_turn) -> list[np.ndarray]:
    """Runs calls of `fit` together, one at a time, in turns of a few steps.

    Args:
        fits: Functions that take a list of callbacks and call `fit` with it appended to their own.
            All must train for the same number of steps and epochs.
        steps_a_turn: Number of training steps before the next one takes over.

    Returns:
        For each of them `(epochs, 2)`: how long each epoch took, waiting left out, in seconds by
        the clock and in seconds of the processors, which other programs hardly disturb.

    >>> import keras, numpy as np
    >>> from scripts.benchmarks.turns import train_in_turn
    >>> x = np.zeros((8, 1))
    >>> def fit(callbacks):
    ...     model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    ...     model.compile(loss="mse")
    ...     model.fit(x, x, batch_size=2, epochs=3, verbose=0, callbacks=callbacks)
    >>> [seconds.shape for seconds in train_in_turn([fit, fit], steps_a_turn=2)]
    [(3, 2), (3, 2)]
    """
    turns = _Turns(len(fits))
    watches = [_TakesTurns(turns, mine, steps_a_turn) for mine in range(len(fits))]

    def run(fit, watch):
        turns.wait(watch.mine)
        try:
            fit([watch])
        finally:
            turns.leave(watch.mine)

    with ThreadPoolExecutor(len(fits)) as pool:
        for finished in [pool.submit(run, *pair) for pair in zip(fits, watches, strict=True)]:
            finished.result()
    return [np.array(watch.seconds) for watch in watches]


class _Turns:
    """Whose turn it is, among those who are still there."""

    def __init__(self, players):
        self._order = list(range(players))
        self._changed = threading.Condition()

    def wait(self, mine):
        with self._changed:
            self._changed.wait_for(lambda: self._order[0] == mine)

    def pass_on(self, mine):
        with self._changed:
            self._order.append(self._order.pop(0))
            self._changed.notify_all()
        self.wait(mine)

    def leave(self, mine):
        with self._changed:
            self._order.remove(mine)
            self._changed.notify_all()


class _TakesTurns(keras.callbacks.Callback):
    """Hands over every few steps; its clock stands still meanwhile. Must be the last callback."""

    def __init__(self, turns, mine, steps_a_turn):
        super().__init__()
        self.turns, self.mine, self.steps_a_turn = turns, mine, steps_a_turn
        self.seconds = []

    def on_train_begin(self, logs=None):
        self._steps, self._waited, self._started = 0, 0.0, _now()

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        if self._steps % self.steps_a_turn == 0:
            stopped = _now()
            self.turns.pass_on(self.mine)
            self._waited += _now() - stopped

    def on_epoch_end(self, epoch, logs=None):
        now = _now()
        self.seconds.append(now - self._started - self._waited)
        self._waited, self._started = 0.0, now


def _now():
    return np.array([time.perf_counter(), time.process_time()])
