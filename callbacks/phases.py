"""Schedules made of phases: stretches of a few simple shapes, one after the other."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keras import ops

from callbacks import annealing
from callbacks.checks import check_rate, check_steps, is_finite
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

    >>> up_and_down = Phases([Phase("linear", 4, 0.0, 1.0), Phase("cosine", 4, 1.0, 0.0)])
    >>> [round(float(up_and_down(step)), 3) for step in range(10)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]

    Reference: Loshchilov and Hutter, *SGDR*, 2017 (cosines and restarts); Goyal et al., 2017
    (warm-up).
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
