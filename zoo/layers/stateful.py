"""Layers that go on where their last call ended: the parts of a stateful model."""

import keras
from keras import ops

from zoo.checks import check_counts
from zoo.configured import Configured


class _Stateful(Configured, keras.layers.Wrapper):
    """What both wrappers share: variables that outlast a call, for a fixed batch size.

    Keras' own `stateful=True` keeps its state where the JAX backend never writes it back; weights
    that are not trained work everywhere.
    """

    def __init__(self, layer, batch_size, **kwargs):
        super().__init__(layer, **{"name": layer.name, "dtype": layer.dtype_policy, **kwargs})
        check_counts(batch_size=batch_size)
        self.batch_size = batch_size
        self.supports_masking = layer.supports_masking
        self.states = []

    def reset_state(self):
        """Forgets what came before: the next call starts from zeros."""
        for state in self.states:
            state.assign(ops.zeros(state.shape, state.dtype))

    def compute_output_shape(self, input_shape):
        """The shape of the wrapped layer's output."""
        self._check(input_shape[0])
        return self.layer.compute_output_shape((self.batch_size, *input_shape[1:]))

    def _add_states(self, shapes):
        self.states = [
            self.add_weight(shape=shape, initializer="zeros", trainable=False, name=f"state_{i}")
            for i, shape in enumerate(shapes)
        ]

    def _remember(self, values):
        for state, value in zip(self.states, values, strict=True):
            state.assign(ops.cast(value, state.dtype))

    def _checked(self, inputs):
        """The inputs, once it is sure that their batch is the state's: it could broadcast."""
        if inputs.shape[0] is None and keras.backend.backend() == "tensorflow":
            # Only TensorFlow traces a step before it knows the batch size.
            import tensorflow as tf

            return tf.ensure_shape(inputs, (self.batch_size, *inputs.shape[1:]))
        self._check(inputs.shape[0])
        return inputs

    def _check(self, size):
        if size not in (None, self.batch_size):
            raise ValueError(
                f"{self.name!r} keeps the state of {self.batch_size} series from batch to batch, "
                f"so every batch must have {self.batch_size}. Received: a batch of {size}. "
                "zoo.to_stateful(model, batch_size) makes a twin for another size."
            )


class StatefulRNN(_Stateful):
    """A recurrent layer that starts each call from the state in which the last one ended.

    Row `i` of a batch continues row `i` of the batch before, in training, evaluation and
    prediction alike, until `reset_state()`. Gradients do not flow back into earlier calls. The
    state is part of the weights that are not trained: it is saved with the model.

    The wrapped layer is called as it is, once for the whole sequence, and stays usable by itself:
    a model that calls it without this wrapper shares its weights.

    Args:
        layer: Recurrent layer: `keras.layers.GRU`, `LSTM`, `SimpleRNN`, or `RNN` over a cell.
        batch_size: Number of series, fixed.
        name: Defaults to the wrapped layer's.

    Raises:
        ValueError: If the layer is not recurrent, or is stateful itself, or a batch has
            another size. (Inside a compiled TensorFlow function that does not know its batch size
            beforehand, as `predict` on arrays, the last is a `tf.errors.InvalidArgumentError`.)

    >>> gru = keras.layers.GRU(4, return_sequences=True)
    >>> series = np.random.default_rng(42).normal(size=(2, 10, 3)).astype("float32")
    >>> stateful = zoo.layers.StatefulRNN(gru, batch_size=2)
    >>> parts = [stateful(series[:, :6]), stateful(series[:, 6:])]
    >>> np.allclose(np.concatenate(parts, axis=1), gru(series), atol=1e-6)
    True
    >>> stateful.reset_state()

    Reference: Book, chapter 16, stateful RNNs (2nd edition cell 49, 3rd edition cell 54).
    """

    def __init__(self, layer: keras.Layer, batch_size: int, **kwargs):
        if not isinstance(layer, keras.layers.RNN) or layer.stateful or layer.return_state:
            raise ValueError(
                "StatefulRNN needs a recurrent layer without stateful and return_state. "
                f"Received: layer={layer!r}"
            )
        super().__init__(layer, batch_size, **kwargs)

    def build(self, input_shape):
        """Makes the state."""
        super().build(input_shape)
        sizes = keras.tree.flatten(self.layer.state_size)
        self._add_states([(self.batch_size, size) for size in sizes])

    def call(self, inputs, mask=None, training=None):
        """The outputs of the layer on the inputs `(batch, time, features)`."""
        inputs = self._checked(inputs)
        # Copies: PyTorch needs for the gradient what `_remember` overwrites.
        state = [ops.copy(state) for state in self.states]
        state = keras.tree.pack_sequence_as(self.layer.state_size, state)
        # Nothing else asks a layer for its last state, and the layer itself is shared.
        self.layer.return_state = True
        try:
            outputs, *state = self.layer(inputs, initial_state=state, mask=mask, training=training)
        finally:
            self.layer.return_state = False
        self._remember(keras.tree.flatten(state))
        return outputs

    def compute_mask(self, inputs, mask=None):
        """The mask of the layer inside."""
        return self.layer.compute_mask(inputs, mask)


class StatefulConv1D(_Stateful):
    """A causal convolution that sees the last inputs of the call before instead of zeros.

    With it, a model of causal convolutions and recurrent layers continues a series exactly; see
    `StatefulRNN`.

    Args:
        layer: `keras.layers.Conv1D` with `padding="causal"`, `strides=1` and a kernel of 2 or more.
        batch_size, name: As for `StatefulRNN`.

    Raises:
        ValueError: If the layer is no such convolution, or a batch has another size.

    >>> conv = keras.layers.Conv1D(4, 3, dilation_rate=2, padding="causal")
    >>> series = np.random.default_rng(42).normal(size=(2, 10, 3)).astype("float32")
    >>> stateful = zoo.layers.StatefulConv1D(conv, batch_size=2)
    >>> parts = [stateful(series[:, :6]), stateful(series[:, 6:])]
    >>> np.allclose(np.concatenate(parts, axis=1), conv(series), atol=1e-6)
    True
    """

    def __init__(self, layer: keras.Layer, batch_size: int, **kwargs):
        if not isinstance(layer, keras.layers.Conv1D) or not past_inputs(layer):
            raise ValueError(
                "StatefulConv1D needs a Conv1D with padding='causal', strides=1 and a kernel of 2 "
                f"or more. Received: layer={layer!r}"
            )
        super().__init__(layer, batch_size, **kwargs)

    def build(self, input_shape):
        """Makes room for the last inputs."""
        super().build(input_shape)
        self._add_states([(self.batch_size, past_inputs(self.layer), input_shape[-1])])

    def call(self, inputs):
        """The outputs of the layer on the inputs `(batch, time, channels)`."""
        inputs = self._checked(inputs)
        span = past_inputs(self.layer)
        (past,) = self.states
        series = ops.concatenate([ops.cast(past, inputs.dtype), inputs], axis=1)
        self._remember([series[:, -span:]])
        return self.layer(series)[:, span:]


def past_inputs(layer):
    """How many inputs before the current one a causal convolution sees; 0 if it is not causal.

    >>> past_inputs(keras.layers.Conv1D(4, 3, dilation_rate=2, padding="causal"))
    4
    """
    (width,), (rate,), (stride,) = layer.kernel_size, layer.dilation_rate, layer.strides
    fits = layer.padding == "causal" and stride == 1 and layer.data_format == "channels_last"
    return (width - 1) * rate if fits else 0
