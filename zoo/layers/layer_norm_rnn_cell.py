"""A recurrent cell with layer normalisation."""

import keras

from zoo.layers.base import Layer


class LayerNormRNNCell(Layer):
    """A SimpleRNN cell that normalises its linear output before the activation.

    Use it inside `keras.layers.RNN`.

    Args:
        units: Size of the state and of the output.
        activation: Applied after the normalisation. Defaults to `"tanh"`.

    >>> rnn = keras.layers.RNN(zoo.layers.LayerNormRNNCell(20), return_sequences=True)
    >>> rnn(keras.ops.zeros((2, 50, 1))).shape
    TensorShape([2, 50, 20])

    Reference: Book, chapter 15, `LNSimpleRNNCell` (2nd edition, cell 64); Ba et al., 2016.
    """

    def __init__(self, units: int, activation: str = "tanh", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.state_size = units
        self.output_size = units
        self.cell = keras.layers.SimpleRNNCell(units, activation=None, name="cell")
        self.layer_norm = keras.layers.LayerNormalization(name="layer_norm")

    def build(self, input_shape):
        """Builds the linear cell and the normalisation."""
        self.cell.build(input_shape)
        self.layer_norm.build((input_shape[0], self.units))

    def call(self, inputs, states, training=False):
        """One time step: inputs `(batch, features)` and a list with the state `(batch, units)`."""
        outputs, _ = self.cell(inputs, states, training=training)
        outputs = self.activation(self.layer_norm(outputs))
        return outputs, [outputs]

    def get_initial_state(self, batch_size=None):
        """A state of zeros of shape `(batch_size, units)`."""
        return [keras.ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]
