"""Attention to the recent past, whose keys and values can be kept from step to step."""

import numpy as np
from keras import layers, ops

from zoo.checks import check_counts
from zoo.layers.base import SameShapeLayer


def no_keys_and_values(batch_size, num_heads, length, head_dim, dtype):
    """Room for keys and values: two tensors `(batch_size, num_heads, length, head_dim)`."""
    return [ops.zeros((batch_size, num_heads, length, head_dim), dtype) for _ in range(2)]


def attend_to_past(query, key, value, state, position):
    """A step's attention to itself and to the steps before it, as far back as there is room.

    The state, from `no_keys_and_values` or the step before, is a ring buffer: step `t` lies in slot
    `t % length`. `query`, `key` and `value` are `(batch, num_heads, 1, head_dim)`; `position` says
    how many steps there were before, an int32 scalar. Returns outputs like the query, and the next
    state.
    """
    length = state[0].shape[2]
    slot = (0, 0, position % length, 0)
    keys, values = (
        ops.slice_update(kept, slot, new) for kept, new in zip(state, (key, value), strict=True)
    )
    outputs, _ = attend(query, keys, values, ops.arange(length, dtype="int32") <= position)
    return outputs, [keys, values]


def attend(query, keys, values, mask):
    """Attention to the keys where a mask is True.

    The query is `(batch, num_heads, queries, head_dim)`, keys and values have `length` in the place
    of `queries`, and the mask broadcasts to the weights. Returns outputs like the query, and the
    float32 weights `(batch, num_heads, queries, length)`.
    """
    # The scores, not the query, are scaled: XLA fuses that with the mask.
    scores = ops.matmul(query, ops.transpose(keys, (0, 1, 3, 2))) / query.shape[-1] ** 0.5
    weights = ops.softmax(ops.where(mask, ops.cast(scores, "float32"), -1e30))
    return ops.matmul(ops.cast(weights, values.dtype), values), weights


def heads_first(x):
    """`(batch, time, heads, size)` to `(batch, heads, time, size)` and back."""
    return ops.transpose(x, (0, 2, 1, 3))


class CausalSelfAttention(SameShapeLayer):
    """Multi-head attention of each step to itself and the `context - 1` steps before it.

    Queries and keys are rotated by angles proportional to their positions (rotary embedding), so
    that scores depend on distances only and the layer works at any length. The state of a step
    is a ring buffer of the last `context` keys and values: stepping computes what the whole
    sequence does, however long it gets.

    Args:
        num_heads: Number of heads; divides the channels into parts of an even size.
        context: How many steps an output sees, its own included.

    Raises:
        ValueError: If an argument or the number of channels does not fit.

    >>> layer = zoo.layers.CausalSelfAttention(num_heads=2, context=3)
    >>> layer(np.zeros((1, 10, 8))).shape
    TensorShape([1, 10, 8])

    Reference: Vaswani et al., *Attention is all you need*, 2017; Su et al., *RoFormer*, 2021; book,
    chapter 16.
    """

    def __init__(self, num_heads: int, context: int, **kwargs):
        super().__init__(**kwargs)
        check_counts(num_heads=num_heads, context=context)
        self.num_heads, self.context = num_heads, context

    def build(self, input_shape):
        """Makes the projections."""
        channels = input_shape[-1]
        if channels % (2 * self.num_heads):
            raise ValueError(
                f"{self.num_heads} heads need channels that are a multiple of "
                f"{2 * self.num_heads}. Received: {channels} channels"
            )
        self.head_dim = channels // self.num_heads
        projection = {"use_bias": False, "dtype": self.dtype_policy}
        self.attend = layers.Dense(3 * channels, name="query_key_value", **projection)
        self.attend.build(input_shape)
        self.combine = layers.Dense(channels, name="output", **projection)
        self.combine.build(input_shape)

    def call(self, inputs):
        """Attention over a whole sequence `(batch, time, channels)`."""
        time = ops.arange(ops.shape(inputs)[1], dtype="int32")
        query, key, value = self._project(inputs, time)
        distance = time[:, None] - time[None, :]
        mask = ops.logical_and(distance >= 0, distance < self.context)
        outputs = ops.dot_product_attention(query, key, value, mask=mask[None, None])
        return self.combine(ops.reshape(outputs, ops.shape(inputs)))

    def initial_state(self, batch_size):
        """No keys and values, each `(batch_size, num_heads, context, channels // num_heads)`."""
        sizes = (self.num_heads, self.context, self.head_dim)
        return no_keys_and_values(batch_size, *sizes, self.compute_dtype)

    def step(self, inputs, state, position):
        """One step: what `call` computes at it, `(batch, 1, channels)`, and the next state.

        `position` says how many steps there were before, an int32 scalar.
        """
        inputs = ops.cast(inputs, self.compute_dtype)
        query, key, value = map(heads_first, self._project(inputs, ops.reshape(position, (1,))))
        outputs, state = attend_to_past(query, key, value, state, position)
        return self.combine(ops.reshape(outputs, ops.shape(inputs))), state

    def _project(self, inputs, positions):
        """Rotated queries and keys, and values, each `(batch, time, num_heads, head_dim)`."""
        batch, time, _ = ops.shape(inputs)
        parts = ops.reshape(self.attend(inputs), (batch, time, 3, self.num_heads, self.head_dim))
        query, key, value = (parts[:, :, i] for i in range(3))
        return _rotate(query, positions), _rotate(key, positions), value


def _rotate(x, positions):
    """Turns each pair `(x[i], x[i + half])` of a head by `position * 10000^(-i / half)`."""
    half = x.shape[-1] // 2
    frequencies = np.float32(10000.0 ** (-np.arange(half) / half))
    angles = ops.cast(positions, "float32")[:, None, None] * frequencies
    cos, sin = ops.cast(ops.cos(angles), x.dtype), ops.cast(ops.sin(angles), x.dtype)
    first, second = x[..., :half], x[..., half:]
    return ops.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
