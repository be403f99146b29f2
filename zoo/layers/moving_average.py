"""The trend of a series."""

from keras import ops

from zoo.checks import check_counts
from zoo.layers.base import SameShapeLayer


class MovingAverage(SameShapeLayer):
    """Averages each step of a series with its neighbours on both sides.

    Beyond both ends the series is thought to go on with its outermost value.

    Args:
        kernel_size: Number of steps in an average; of an even number, one more lies ahead than
            behind.

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
