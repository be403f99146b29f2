"""Scheduled sampling over a run of training."""

from scipy.special import lambertw

import zoo


def sampling_probability(name, end, steps):
    """The probability of scheduled sampling, a number or a schedule of the training step.

    Linear schedules reach their end in the middle of the run, the others come close to it by then.

    >>> schedule = sampling_probability("inverse_sigmoid", 1.0, 1000)
    >>> [round(float(schedule(step)), 2) for step in (0, 250, 500)]
    [0.02, 0.5, 0.98]
    """
    half = max(1.0, steps / 2)
    if name == "constant":
        return end
    if name == "linear":
        return zoo.layers.LinearSampling(half, end=end)
    if name == "exponential":
        return zoo.layers.ExponentialSampling(half / 3, end=end)
    # The k of an inverse sigmoid that has its middle at a step: k log(k) = step.
    return zoo.layers.InverseSigmoidSampling(float(half / 2 / lambertw(half / 2).real), end=end)
