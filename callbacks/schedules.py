"""Schedules of the learning rate or the momentum, evaluated inside the compiled training step.

Each is a function of the step alone, which the optimizer counts: resuming, a second `fit` and
`steps_per_execution` change nothing. All take one step or an array of steps.
"""

import inspect
from collections.abc import Sequence
from typing import TypeAlias

import keras
import numpy as np

#: A learning rate or a momentum: a number, or a schedule of it.
Rate: TypeAlias = float | keras.optimizers.schedules.LearningRateSchedule


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """What the schedules here share: arguments are attributes, and arrays of steps are welcome."""

    def __init_subclass__(cls, **kwargs):
        """Registers a class of this package with Keras, so that saved optimizers find it."""
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith(f"{__package__}."):
            keras.saving.register_keras_serializable(package="zoo")(cls)

    def get_config(self):
        """Arguments to rebuild the schedule."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}


def evaluate(schedule: Rate, steps: Sequence[int] | np.ndarray) -> np.ndarray:
    """Values `(n,)` of a schedule, Keras' or ours, or of a constant, at each of some steps `(n,)`.

    >>> evaluate(callbacks.Phases([("cosine", 4, 0.5, 0.0)]), [0, 2, 4]).round(4)
    array([0.5 , 0.25, 0.  ], dtype=float32)
    """
    if not callable(schedule):
        return np.full(len(steps), float(schedule))
    if isinstance(schedule, Schedule):
        return keras.ops.convert_to_numpy(schedule(keras.ops.convert_to_tensor(steps, "float32")))
    return np.array([float(schedule(step)) for step in steps])
