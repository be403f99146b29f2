"""Last layers of probabilistic forecasters."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class SortQuantiles(keras.layers.Layer):
    """Sorts the last axis, so that forecast quantiles never cross.

    Sorting never makes the pinball loss worse.

    Reference:
        Chernozhukov et al., *Quantile and probability curves without crossing*, 2010.
    """

    def call(self, inputs):
        """Sorts inputs of shape `(..., quantiles)`."""
        return ops.sort(inputs, axis=-1)

    def compute_output_shape(self, input_shape):
        """The shape of the inputs."""
        return input_shape


@keras.saving.register_keras_serializable(package="zoo")
class GaussianParameters(keras.layers.Layer):
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

    def compute_output_shape(self, input_shape):
        """The shape of the inputs."""
        return input_shape

    def get_config(self):
        """Arguments to rebuild the layer."""
        return {**super().get_config(), "minimum_stddev": self.minimum_stddev}
