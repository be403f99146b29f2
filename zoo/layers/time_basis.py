"""Functions of time, by whose coefficients a network says what it sees."""

import numpy as np
from keras import ops

from zoo.checks import check_choice, check_counts
from zoo.layers.base import TracedLayer

KINDS = ("interpolation", "trend", "seasonality")


class TimeBasis(TracedLayer):
    """Turns a few coefficients into a series: the sum of fixed functions of time.

    Args:
        kind: `"interpolation"`: straight lines between the coefficients, which are the values at
            evenly spaced steps, the first and the last among them; `"trend"`: the powers 0, 1, ...
            of time, which goes from 0 to 1; `"seasonality"`: a constant, the cosines of 1, 2, ...
            periods in all, then the sines.
        length: Steps of the series.

    Raises:
        ValueError: If there is no such kind, or a seasonality has an even number of coefficients.

    >>> zoo.layers.TimeBasis("interpolation", length=5)(np.array([[0.0, 4.0, 2.0]])).numpy()
    array([[0., 2., 4., 3., 2.]], dtype=float32)
    >>> zoo.layers.TimeBasis("trend", length=4)(np.array([[1.0, 2.0, 0.0]])).numpy()  # 1 + 2 t
    array([[1. , 1.5, 2. , 2.5]], dtype=float32)

    Reference: Challu et al., *N-HiTS: neural hierarchical interpolation for time series
    forecasting*, 2022, section 3.3; Oreshkin et al., *N-BEATS: neural basis expansion analysis for
    interpretable time series forecasting*, 2020, section 3.3.
    """

    def __init__(self, kind: str, length: int, **kwargs):
        super().__init__(**kwargs)
        check_choice(KINDS, kind=kind)
        check_counts(length=length)
        self.kind = kind
        self.length = length

    def build(self, input_shape):
        """Computes the functions, one a coefficient."""
        self.functions = _FUNCTIONS[self.kind](input_shape[-1], self.length)

    def call(self, inputs):
        """Sums up functions by coefficients `(..., coefficients)`: `(..., length)`."""
        return ops.matmul(inputs, ops.convert_to_tensor(self.functions, inputs.dtype))


def _straight_lines(count, length):
    steps, knots = np.linspace(0, 1, length), np.linspace(0, 1, count)
    return np.stack([np.interp(steps, knots, one) for one in np.eye(count)])


def _powers(count, length):
    return (np.arange(length) / length) ** np.arange(count)[:, None]


def _waves(count, length):
    if count % 2 == 0:
        raise ValueError(
            "Expected an odd number of coefficients of a seasonality: a constant, and as many "
            f"cosines as sines. Received: {count}"
        )
    angles = 2 * np.pi * np.arange(count // 2 + 1)[:, None] * np.arange(length) / length
    return np.concatenate([np.cos(angles), np.sin(angles[1:])])


_FUNCTIONS = dict(zip(KINDS, (_straight_lines, _powers, _waves), strict=True))
