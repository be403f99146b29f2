"""Comparison of times that were taken in turn."""

import math

import numpy as np


def paired_ratio(seconds, plain_seconds) -> tuple[float, float]:
    """Mean of the ratios, repeat by repeat, and half the width of its 95 % interval.

    Args:
        seconds: Time of each repeat, at least two.
        plain_seconds: Time of what it is compared with, taken right before or after.

    >>> ratio, half = paired_ratio([1.0, 2.2, 2.9], [2.0, 4.0, 6.0])
    >>> print(f"{ratio:.3f} ± {half:.3f}")
    0.511 ± 0.039
    """
    ratios = np.array(seconds) / np.array(plain_seconds)
    half = 1.96 * ratios.std(ddof=1) / math.sqrt(len(ratios))
    return float(ratios.mean()), float(half)
