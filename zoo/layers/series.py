"""A series: its trend, in pieces, and as functions of time."""

import numpy as np
from keras import ops

from zoo.checks import check_choice, check_counts
from zoo.layers.base import SameShapeLayer, TracedLayer


class MovingAverage(SameShapeLayer):
    """Averages each step of a series with its neighbours on both sides.

    Beyond both ends the series is thought to go on with its outermost value.

    Args:
        kernel_size: Number of steps in an average; of an even number, one more lies ahead.

    >>> zoo.layers.MovingAverage(3)(np.array([[[0.0], [3.0], [9.0]]])).numpy().ravel()
    array([1., 4., 7.], dtype=float32)

    Reference: Zeng et al., *Are Transformers effective for time series forecasting?*, 2022, section
    4.
    """

    def __init__(self, kernel_size: int, **kwargs):
        super().__init__(**kwargs)
        check_counts(kernel_size=kernel_size)
        self.kernel_size = kernel_size

    def call(self, inputs):
        """Smooths series `(batch, time, channels)`."""
        before = (self.kernel_size - 1) // 2
        first = ops.repeat(inputs[:, :1], before, axis=1)
        last = ops.repeat(inputs[:, -1:], self.kernel_size - 1 - before, axis=1)
        x = ops.concatenate([first, inputs, last], axis=1)
        return ops.average_pool(x, self.kernel_size, strides=1, padding="valid")


class Patches(TracedLayer):
    """Cuts each channel of a series into patches that overlap.

    The last patch reaches `stride` steps or less beyond the end, where the last value is repeated.

    Args:
        length: Steps of a patch, no more than the series has.
        stride: Steps from one patch to the next.

    Raises:
        ValueError: If an argument is no whole number of at least 1, or the series is too short.

    >>> zoo.layers.Patches(length=4, stride=2)(np.arange(6.0).reshape(1, 6, 1)).numpy()[0, 0]
    array([[0., 1., 2., 3.],
           [2., 3., 4., 5.],
           [4., 5., 5., 5.]], dtype=float32)

    Reference: Nie et al., *A time series is worth 64 words: long-term forecasting with
    Transformers*, 2023, section 3.1 (patching).
    """

    def __init__(self, length: int, stride: int, **kwargs):
        super().__init__(**kwargs)
        check_counts(length=length, stride=stride)
        self.length, self.stride = length, stride

    def call(self, inputs):
        """Cuts series `(batch, time, channels)` to `(batch, channels, patches, length)`."""
        time = inputs.shape[1]
        if time is None or time < self.length:
            raise ValueError(
                f"Expected a series of at least {self.length} steps, the length of a patch. "
                f"Received: {time}"
            )
        starts = self.stride * np.arange((time - self.length) // self.stride + 2)
        steps = np.minimum(starts[:, None] + np.arange(self.length), time - 1)
        return ops.take(ops.transpose(inputs, (0, 2, 1)), steps, axis=-1)


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
        check_choice(_FUNCTIONS, kind=kind)
        check_counts(length=length)
        self.kind, self.length = kind, length

    def build(self, input_shape):
        """Computes the functions, one a coefficient."""
        self.functions = _FUNCTIONS[self.kind](input_shape[-1], self.length)

    def call(self, inputs):
        """Sums up functions by coefficients `(..., coefficients)`: `(..., length)`."""
        return ops.matmul(inputs, ops.convert_to_tensor(self.functions, inputs.dtype))


def _straight_lines(count, length):
    steps, knots = np.linspace(0, 1, length), np.linspace(0, 1, count)
    return np.stack([np.interp(steps, knots, one) for one in np.eye(count)])


def _waves(count, length):
    if count % 2 == 0:
        raise ValueError(
            "Expected an odd number of coefficients of a seasonality: a constant, and as many "
            f"cosines as sines. Received: {count}"
        )
    angles = 2 * np.pi * np.arange(count // 2 + 1)[:, None] * np.arange(length) / length
    return np.concatenate([np.cos(angles), np.sin(angles[1:])])


_FUNCTIONS = {
    "interpolation": _straight_lines,
    "trend": lambda count, length: (np.arange(length) / length) ** np.arange(count)[:, None],
    "seasonality": _waves,
}
