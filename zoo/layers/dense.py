"""Dense layers: one for every position of an axis, and one that is read backwards, too."""

import keras
from keras import ops

from zoo.layers.base import SameShapeLayer, TracedLayer


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


class ReversibleDense(TracedLayer, keras.layers.Dense):
    """A dense layer that also runs backwards, for decoders that share the encoder's kernels.

    Called with `reverse=True`, it multiplies by the transposed kernel, to be followed by a `Bias`.
    Both calls are of one layer, so that the weights stay shared in a saved model. Bias and
    activation belong to the way forward alone.

    Args:
        units: Size of the output on the way forward.
        **kwargs: Arguments of `keras.layers.Dense`.

    >>> layer = ReversibleDense(2)
    >>> layer(layer(np.ones((3, 5))), reverse=True).shape, layer.count_params()
    (TensorShape([3, 5]), 12)

    Reference: Book, chapter 17, 3rd edition cells 42 to 44 (tying weights).
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(units, **kwargs)

    def build(self, input_shape):
        """Makes kernel and bias."""
        super().build(input_shape)
        self.input_spec = None  # two widths come in

    def call(self, inputs, reverse=False, training=None):
        """`(..., features)` to `(..., units)`; with `reverse` the other way round."""
        if not reverse:
            return super().call(inputs, training)
        return ops.matmul(inputs, ops.transpose(self.kernel))


class Bias(SameShapeLayer):
    """Adds a learned number to each feature, 0 at first.

    >>> Bias()(np.ones((1, 2))).numpy()
    array([[1., 1.]], dtype=float32)
    """

    def build(self, input_shape):
        """Makes the numbers."""
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, inputs):
        """Adds them to the last axis."""
        return inputs + self.bias
