"""Attention of one step to keys and values that are kept."""

from keras import ops


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
