"""The mean of what several models say."""

from collections.abc import Sequence

import keras


@keras.saving.register_keras_serializable(package="zoo")
class WeightedMean(keras.layers.Layer):
    """Averages a list of tensors of one shape, each with its own fixed weight.

    Args:
        weights: A weight for each input, at least 0; they are divided by their sum.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If a weight is negative, or all are 0.

    Example:
        >>> import numpy as np
        >>> from zoo.layers import WeightedMean
        >>> WeightedMean([3, 1])([np.array([0.0]), np.array([4.0])]).numpy()
        array([1.], dtype=float32)
    """

    def __init__(self, weights: Sequence[float], **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.coefficients = [float(weight) for weight in weights]
        if min(self.coefficients, default=-1) < 0 or not sum(self.coefficients):
            raise ValueError(
                "WeightedMean expects weights of at least 0, some of them above. "
                f"Received: weights={list(weights)}"
            )

    def call(self, inputs):
        """Averages tensors of one shape."""
        total = sum(self.coefficients)
        return sum(
            each * (weight / total) for each, weight in zip(inputs, self.coefficients, strict=True)
        )

    def compute_output_shape(self, input_shape):
        """The shape of each input."""
        return input_shape[0]

    def get_config(self):
        """Arguments to rebuild the layer."""
        return {**super().get_config(), "weights": self.coefficients}
