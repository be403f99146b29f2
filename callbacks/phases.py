"""Schedules made of phases: stretches of a few simple shapes, one after the other.

>>> from callbacks import Phase, Phases
>>> up_and_down = Phases([Phase("linear", 4, 0.0, 1.0), Phase("cosine", 4, 1.0, 0.0)])
>>> [round(float(up_and_down(step)), 3) for step in range(10)]
[0.0, 0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from keras import ops

from callbacks import annealing
from callbacks.checks import check_order, check_rate, check_steps, is_finite
from callbacks.schedules import Schedule


class Phase(NamedTuple):
    """One stretch of a schedule.

    Args:
        shape: `"constant"`, `"linear"`, `"cosine"`, `"exponential"` or `"polynomial"`.
        steps: Its length; a phase of 0 steps is left out.
        start: Value at its first step, at least 0.
        end: Value that it approaches, reached at the first step after it.
        power: Exponent of the polynomial.
    """

    shape: str
    steps: int
    start: float
    end: float
    power: float = 2.0


class Phases(Schedule):
    """Joins annealing functions end to end; after the last phase its final value stays.

    Args:
        phases: `Phase`s, or tuples of their values, in turn.

    >>> schedule = Phases([Phase("constant", 2, 0.1, 0.1), Phase("linear", 2, 0.1, 0.0)])
    >>> [round(float(schedule(step)), 3) for step in range(6)]
    [0.1, 0.1, 0.1, 0.05, 0.0, 0.0]
    """

    def __init__(self, phases: Iterable[Sequence], name: str | None = None):
        super().__init__()
        self.phases = [Phase(*phase) for phase in phases]
        self.name = name
        for phase in self.phases:
            _check_phase(phase)
        if not any(phase.steps for phase in self.phases):
            raise ValueError(
                f"Expected at least one phase with steps. Received: phases={self.phases}"
            )

    def __call__(self, step):
        """The value at `step`, a number or an array."""
        step, begin, value = ops.cast(step, "float32"), 0, None
        for shape, steps, start, end, power in self.phases:
            if not steps:
                continue
            position = ops.clip((step - begin) / steps, 0.0, 1.0)
            more = {"power": power} if shape == "polynomial" else {}
            shaped = annealing.SHAPES[shape](position, start, end, **more)
            value = shaped if value is None else ops.where(step >= begin, shaped, value)
            begin += steps
        return value

    def get_config(self):
        """Arguments to rebuild the schedule."""
        config = super().get_config()
        if "phases" in config:
            config["phases"] = [list(phase) for phase in self.phases]
        return config


@dataclass(eq=False)
class WarmupCosine(Phases):
    """Rises linearly from 0 to the peak, then falls along half a cosine.

    Args:
        peak_learning_rate: Rate at the end of the warm-up, above 0.
        total_steps: Number of training steps, warm-up included. Later the rate stays at its end.
        warmup_steps: Steps of the warm-up. Defaults to 0: start at the peak.
        final_learning_rate: Rate at the end, not above the peak. Defaults to 0.

    >>> schedule = callbacks.WarmupCosine(0.1, total_steps=20, warmup_steps=10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 15, 20, 99)]
    [0.0, 0.05, 0.1, 0.05, 0.0, 0.0]

    Reference: Loshchilov and Hutter, *SGDR*, 2017 (one period); Goyal et al., 2017 (warm-up).
    """

    peak_learning_rate: float
    total_steps: int
    warmup_steps: int = 0
    final_learning_rate: float = 0.0
    name: str | None = None

    def __post_init__(self):
        peak, final, warmup = self.peak_learning_rate, self.final_learning_rate, self.warmup_steps
        check_rate(peak, "peak_learning_rate")
        check_steps(self.total_steps, "total_steps")
        check_order(final, peak, "final_learning_rate", "the peak")
        if not 0 <= warmup < self.total_steps:
            raise ValueError(
                "warmup_steps must be at least 0 and below total_steps. "
                f"Received: warmup_steps={warmup}, total_steps={self.total_steps}"
            )
        fall = Phase("cosine", self.total_steps - warmup, peak, final)
        super().__init__([Phase("linear", warmup, 0.0, peak), fall], self.name)


@dataclass(eq=False)
class FlatCosine(Phases):
    """Stays flat for most of the training, then falls along half a cosine.

    Args:
        learning_rate: Rate of the flat part, above 0.
        total_steps: Number of training steps. Later the rate stays at its end.
        flat: Fraction of the steps that are flat, in [0, 1]. Defaults to 0.75.
        final_learning_rate: Rate at the end, not above the flat one. Defaults to 0.

    >>> schedule = callbacks.FlatCosine(0.1, total_steps=40)
    >>> [round(float(schedule(step)), 4) for step in (0, 30, 35, 40)]
    [0.1, 0.1, 0.05, 0.0]

    Reference: fastai's `fit_flat_cos`.
    """

    learning_rate: float
    total_steps: int
    flat: float = 0.75
    final_learning_rate: float = 0.0
    name: str | None = None

    def __post_init__(self):
        rate, final = self.learning_rate, self.final_learning_rate
        check_rate(rate, "learning_rate")
        check_steps(self.total_steps, "total_steps")
        check_order(final, rate, "final_learning_rate", "learning_rate")
        if not 0 <= self.flat <= 1:
            raise ValueError(f"flat must be in [0, 1]. Received: flat={self.flat}")
        steps = math.floor(self.flat * self.total_steps)
        fall = Phase("cosine", self.total_steps - steps, rate, final)
        super().__init__([Phase("constant", steps, rate, rate), fall], self.name)


@dataclass(eq=False)
class CosineRestarts(Phases):
    """Falls along half a cosine, jumps back up, and falls again, more slowly every time.

    The periods fill the training exactly, so that it ends at the bottom of one.

    Args:
        peak_learning_rate: Rate at the start of the first period, above 0.
        total_steps: Number of training steps. Later the rate stays at its end.
        num_periods: Number of falls. Defaults to 3.
        period_multiplier: Length of a period in those of the one before. Defaults to 2.
        peak_multiplier: Height of a peak in those of the one before. Defaults to 1.
        final_learning_rate: Rate at the bottom, not above a peak. Defaults to 0.

    >>> schedule = callbacks.CosineRestarts(0.1, total_steps=70)  # restarts at steps 10 and 30
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30, 50, 70)]
    [0.1, 0.05, 0.1, 0.05, 0.1, 0.05, 0.0]

    Reference: Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, 2017.
    """

    peak_learning_rate: float
    total_steps: int
    num_periods: int = 3
    period_multiplier: float = 2.0
    peak_multiplier: float = 1.0
    final_learning_rate: float = 0.0
    name: str | None = None

    def __post_init__(self):
        for name in ("total_steps", "num_periods"):
            check_steps(getattr(self, name), name)
        for name in ("peak_learning_rate", "period_multiplier", "peak_multiplier"):
            check_rate(getattr(self, name), name)
        powers, final = np.arange(self.num_periods), self.final_learning_rate
        ends = np.cumsum(float(self.period_multiplier) ** powers)
        lengths = np.diff(np.rint(self.total_steps * ends / ends[-1]), prepend=0)
        if lengths.min() < 1:
            raise ValueError(
                f"total_steps={self.total_steps} leaves no step for some of the "
                f"{self.num_periods} periods."
            )
        peaks = self.peak_learning_rate * float(self.peak_multiplier) ** powers
        check_order(final, min(peaks), "final_learning_rate", "the lowest peak")
        sizes = zip(map(int, lengths), map(float, peaks), strict=True)
        super().__init__([Phase("cosine", *size, final) for size in sizes], self.name)


def _check_phase(phase):
    if phase.shape not in annealing.SHAPES:
        raise ValueError(
            f"Expected the shape of a phase to be one of {sorted(annealing.SHAPES)}. "
            f"Received: shape={phase.shape!r}"
        )
    if phase.steps != 0:
        check_steps(phase.steps, "steps")
    least = math.ulp(0.0) if phase.shape == "exponential" else 0.0
    for name in ("start", "end"):
        value = getattr(phase, name)
        if not is_finite(value) or value < least:
            raise ValueError(
                f"The {name} of a phase must be at least 0, and above 0 if it is exponential. "
                f"Received: {phase}"
            )
    check_rate(phase.power, "power")
