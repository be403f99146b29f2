"""Learning-rate schedules, evaluated inside the compiled training step."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to the peak, then falls along half a cosine.

    Takes one step or an array of steps. Past `total_steps` the rate stays at its end.

    Args:
        peak_learning_rate: Rate at the end of the warm-up, above 0.
        total_steps: Number of training steps, warm-up included.
        warmup_steps: Steps of the warm-up. Defaults to 0: start at the peak.
        final_learning_rate: Rate at the end. Defaults to 0.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> from callbacks import WarmupCosine
        >>> schedule = WarmupCosine(0.1, total_steps=20, warmup_steps=10)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 15, 20, 99)]
        [0.0, 0.05, 0.1, 0.05, 0.0, 0.0]

    Reference:
        Loshchilov and Hutter, *SGDR*, 2017 (one period); Goyal et al., 2017 (warm-up).
    """

    accepts_arrays = True

    def __init__(
        self, peak_learning_rate, total_steps, warmup_steps=0, final_learning_rate=0.0, name=None
    ):
        super().__init__()
        if not peak_learning_rate > 0:
            raise ValueError(f"The peak must be above 0. Received: {peak_learning_rate}")
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                "warmup_steps must be at least 0 and below total_steps. "
                f"Received: warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        self.peak_learning_rate = peak_learning_rate
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.final_learning_rate = final_learning_rate
        self.name = name

    def __call__(self, step):
        """The rate at `step`, a number or an array."""
        step = ops.cast(step, "float32")
        warmup = step / max(self.warmup_steps, 1)
        position = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        cosine = 0.5 * (1 + ops.cos(math.pi * ops.clip(position, 0.0, 1.0)))
        span = self.peak_learning_rate - self.final_learning_rate
        return ops.where(
            step < self.warmup_steps,
            self.peak_learning_rate * warmup,
            self.final_learning_rate + span * cosine,
        )

    def get_config(self):
        """Arguments to rebuild the schedule."""
        return {
            "peak_learning_rate": self.peak_learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "final_learning_rate": self.final_learning_rate,
            "name": self.name,
        }
