"""Last layers of probabilistic forecasters."""

from keras import ops

from zoo.layers.base import SameShapeLayer


class SortQuantiles(SameShapeLayer):
    """Sorts the last axis, so that forecast quantiles never cross.

    Sorting never makes the pinball loss worse.

    Reference: Chernozhukov et al., *Quantile and probability curves without crossing*, 2010.
    """

    def call(self, inputs):
        """Sorts inputs of shape `(..., quantiles)`."""
        return ops.sort(inputs, axis=-1)


class GaussianParameters(SameShapeLayer):
    """Turns two numbers into a mean and a positive standard deviation (softplus).

    Args:
        minimum_stddev: Added to the standard deviation: keeps the likelihood bounded.
            Defaults to 1e-3, in the units of the scaled target.
    """

    def __init__(self, minimum_stddev: float = 1e-3, **kwargs):
        super().__init__(**kwargs)
        self.minimum_stddev = minimum_stddev

    def call(self, inputs):
        """Maps `(..., 2)` to `(..., 2)`: mean, standard deviation."""
        mean, raw = ops.split(inputs, 2, axis=-1)
        return ops.concatenate([mean, ops.softplus(raw) + self.minimum_stddev], axis=-1)
