"""A series in pieces."""

import numpy as np
from keras import ops

from zoo.checks import check_counts
from zoo.layers.base import TracedLayer


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
        self.length = length
        self.stride = stride

    def call(self, inputs):
        """Cuts series `(batch, time, channels)` to `(batch, channels, patches, length)`."""
        time = inputs.shape[1]
        starts = self.stride * np.arange(self._count(time))
        steps = np.minimum(starts[:, None] + np.arange(self.length), time - 1)
        return ops.take(ops.transpose(inputs, (0, 2, 1)), steps, axis=-1)

    def _count(self, time):
        if time is None or time < self.length:
            raise ValueError(
                f"Expected a series of at least {self.length} steps, the length of a patch. "
                f"Received: {time}"
            )
        return (time - self.length) // self.stride + 2
