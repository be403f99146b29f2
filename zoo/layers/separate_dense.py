"""A dense layer for every position of an axis."""

import keras
from keras import ops

from zoo.layers.base import TracedLayer


class SeparateDense(TracedLayer):
    """A dense layer of its own for every position of axis 1, all of them in one product.

    The positions are features (each embedded by its own map) or members of an ensemble (each with
    its own head). `keras.layers.Dense` is the layer that they all share.

    Args:
        units: Size of the output.
        activation: Activation function. Defaults to none.

    >>> layer = zoo.layers.SeparateDense(16)
    >>> layer(np.zeros((2, 8, 48))).shape  # 8 features of 48 numbers each
    TensorShape([2, 8, 16])
    >>> layer.count_params()
    6272
    """

    def __init__(self, units: int, activation: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        """Creates a kernel and a bias for every position."""
        positions, size = input_shape[1:]
        # Keras' own scaled initializers would take the positions for a receptive field.
        bound = size**-0.5
        self.kernel = self.add_weight(
            shape=(positions, size, self.units),
            initializer=keras.initializers.RandomUniform(-bound, bound),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(positions, self.units), initializer="zeros", name="bias")

    def call(self, inputs):
        """Maps inputs of shape `(batch, positions, size)`."""
        return self.activation(ops.einsum("bps,psu->bpu", inputs, self.kernel) + self.bias)
