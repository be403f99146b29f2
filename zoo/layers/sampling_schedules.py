"""How the probability of scheduled sampling grows over the training steps."""

import math

from keras import ops

from zoo.checks import check_above_zero, check_probabilities
from zoo.configured import Configured


class _Schedule(Configured):
    """A probability as a function of the training step; called in the compiled step."""

    def __init__(self, end: float):
        check_probabilities(end=end)
        self.end = end


class LinearSampling(_Schedule):
    """A probability that grows in a straight line, then stays.

    Args:
        steps: Number of training steps until it reaches its end.
        start: Probability at the first step. Defaults to 0.0.
        end: Probability from then on. Defaults to 1.0.

    >>> schedule = zoo.layers.LinearSampling(steps=100)
    >>> [float(schedule(step)) for step in (0, 25, 1000)]
    [0.0, 0.25, 1.0]

    Reference: Bengio et al., *Scheduled sampling for sequence prediction with recurrent neural
    networks*, 2015, section 2.4; book, chapter 16, exercise 9 (2nd edition, cell 197).
    """

    def __init__(self, steps: float, start: float = 0.0, end: float = 1.0):
        super().__init__(end)
        check_probabilities(start=start)
        check_above_zero(steps=steps)
        self.steps = steps
        self.start = start

    def __call__(self, step):
        """The probability at a step, counted from 0."""
        share = ops.clip(ops.cast(step, "float32") / self.steps, 0.0, 1.0)
        return self.start + (self.end - self.start) * share


class ExponentialSampling(_Schedule):
    """A probability that comes close to its end exponentially: `end (1 - exp(-step / steps))`.

    Args:
        steps: Number of training steps until it is 63 % of its end.
        end: Its limit. Defaults to 1.0.

    >>> round(float(zoo.layers.ExponentialSampling(steps=100)(100)), 4)
    0.6321

    Reference: Bengio et al., 2015, section 2.4, with `k = exp(-1 / steps)`.
    """

    def __init__(self, steps: float, end: float = 1.0):
        super().__init__(end)
        check_above_zero(steps=steps)
        self.steps = steps

    def __call__(self, step):
        """The probability at a step, counted from 0."""
        return -self.end * ops.expm1(-ops.cast(step, "float32") / self.steps)


class InverseSigmoidSampling(_Schedule):
    """A probability that grows slowly, fast, slowly: `end (1 - k / (k + exp(step / k)))`.

    Half of the end is reached after `k log(k)` steps.

    Args:
        k: How slow it is, at least 1.
        end: Its limit. Defaults to 1.0.

    >>> schedule = zoo.layers.InverseSigmoidSampling(k=100)
    >>> [round(float(schedule(step)), 3) for step in (0, 460.517, 2000)]
    [0.01, 0.5, 1.0]

    Reference: Bengio et al., 2015, section 2.4.
    """

    def __init__(self, k: float, end: float = 1.0):
        super().__init__(end)
        if not k >= 1:
            raise ValueError(f"Expected a number of at least 1. Received: k={k!r}")
        self.k = k

    def __call__(self, step):
        """The probability at a step, counted from 0."""
        return self.end * ops.sigmoid(ops.cast(step, "float32") / self.k - math.log(self.k))
