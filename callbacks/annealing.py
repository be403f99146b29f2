"""The shapes of schedules: pure functions of a position in [0, 1] between a start and an end.

Each takes numbers, arrays or tensors, returns exactly `start` at position 0 and, but for
`constant`, exactly `end` at position 1. `callbacks.Phases` joins them.
"""

import math

from keras import ops


def constant(position, start, end):
    """Stays at the start.

    >>> constant(0.5, 2.0, 8.0)
    2.0
    """
    return start + 0.0 * position


def linear(position, start, end):
    """Moves along a straight line.

    >>> linear(0.5, 2.0, 8.0)
    5.0
    """
    return start * (1 - position) + end * position


def cosine(position, start, end):
    """Moves along half a cosine: slowly, fast in the middle, slowly.

    >>> [round(float(cosine(position, 2.0, 8.0)), 3) for position in (0.0, 0.25, 0.5, 1.0)]
    [2.0, 2.879, 5.0, 8.0]

    Reference: Loshchilov and Hutter, *SGDR*, 2017.
    """
    share = (1 + ops.cos(math.pi * position)) / 2
    return start * share + end * (1 - share)


def exponential(position, start, end):
    """Moves by the same factor in equal distances; both ends must be above 0.

    Beyond position 1, the curve goes on.

    >>> round(exponential(0.5, 2.0, 8.0), 6)
    4.0
    """
    return start ** (1 - position) * end**position


def polynomial(position, start, end, power: float = 2.0):
    """Moves fast at first and then ever more slowly (with a power above 1; 1 is the straight line).

    >>> polynomial(0.5, 2.0, 8.0)
    6.5
    """
    share = (1 - position) ** power
    return start * share + end * (1 - share)


#: Every shape that a phase can have, by name.
SHAPES = {
    "constant": constant, "linear": linear, "cosine": cosine, "exponential": exponential,
    "polynomial": polynomial,
}  # fmt: skip
