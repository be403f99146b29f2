"""The blocks of a Transformer: attention and two dense layers, each with a residual path."""

import keras
from keras import layers, ops

from zoo.checks import check_choice
from zoo.layers.attention import side_by_side
from zoo.layers.base import SameShapeLayer
from zoo.layers.causal_self_attention import attend, attend_to_past, heads_first, no_keys_and_values

NORMS = ("pre", "post")


class _Block(SameShapeLayer):
    """What both kinds of blocks share: the dense part, and residual paths around all parts."""

    attentions: tuple[str, ...] = ("self_attention",)

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        feed_forward_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        norm: str = "pre",
        activation: str = "relu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice(NORMS, norm=norm)
        self.num_heads, self.key_dim, self.feed_forward_dim = num_heads, key_dim, feed_forward_dim
        self.dropout, self.attention_dropout = dropout, attention_dropout
        self.norm = norm
        self.activation = keras.activations.get(activation)
        shared = {"dtype": self.dtype_policy}
        for name in self.attentions:
            attention = layers.MultiHeadAttention(
                num_heads, key_dim, dropout=attention_dropout, name=name, **shared
            )
            setattr(self, name, attention)
        self.hidden = layers.Dense(feed_forward_dim, self.activation, name="hidden", **shared)
        self.norms = [
            layers.LayerNormalization(name=f"{name}_norm", **shared)
            for name in (*self.attentions, "dense")
        ]
        self.drop = layers.Dropout(dropout, name="dropout", **shared)

    def _build(self, channels, memory_channels=None):
        shape, memory_shape = (None, None, channels), (None, None, memory_channels or channels)
        for name in self.attentions:
            source = shape if name == "self_attention" else memory_shape
            getattr(self, name).build(shape, source)
        self.hidden.build(shape)
        self.outputs = layers.Dense(channels, name="outputs", dtype=self.dtype_policy)
        self.outputs.build((None, None, self.feed_forward_dim))
        for norm in self.norms:
            norm.build(shape)

    def _enter(self, part, x):
        """What a part reads."""
        return self.norms[part](x) if self.norm == "pre" else x

    def _leave(self, part, x, y):
        """What comes after a part that read `x` and gave `y`."""
        x = x + self.drop(y)
        return x if self.norm == "pre" else self.norms[part](x)

    def _dense(self, x):
        part = len(self.attentions)
        return self._leave(part, x, self.outputs(self.hidden(self._enter(part, x))))


class TransformerEncoderBlock(_Block):
    """Self-attention of a whole sequence, then two dense layers.

    Args:
        num_heads: Number of attention heads.
        key_dim: Size of each head.
        feed_forward_dim: Size of the hidden dense layer.
        dropout: Fraction of the channels dropped behind each part, in [0, 1). Defaults to 0.
        attention_dropout: Fraction of the attention weights dropped, in [0, 1). Defaults to 0.
        norm: Where each part is normalised: `"pre"`, in front of it, or `"post"`, behind its
            residual path. Defaults to `"pre"`.
        activation: Of the hidden dense layer. Defaults to `"relu"`.

    >>> block = zoo.layers.TransformerEncoderBlock(num_heads=2, key_dim=4, feed_forward_dim=16)
    >>> block(np.zeros((1, 5, 8)), np.ones((1, 5), bool)).shape
    TensorShape([1, 5, 8])

    Reference: Vaswani et al., *Attention is all you need*, 2017; Xiong et al., *On layer
    normalization in the Transformer architecture*, 2020 (pre-norm); book, chapter 16, 3rd edition
    cell 135.
    """

    def build(self, inputs_shape):
        """Makes the weights."""
        self._build(inputs_shape[-1])

    def call(self, inputs, mask):
        """Outputs `(batch, time, channels)` of such inputs and a mask `(batch, time)`."""
        y = self._enter(0, inputs)
        y = self.self_attention(y, **_two_or_more(y, ops.expand_dims(mask, 1)))
        return self._dense(self._leave(0, inputs, y))


class TransformerDecoderBlock(_Block):
    """Causal self-attention, attention to a memory, then two dense layers.

    It computes all steps of a sequence at once (`call`), or one after the other (`step`), which
    then look back at keys and values kept from the steps before.

    Args:
        num_heads: Number of attention heads; this and all others as for `TransformerEncoderBlock`.

    >>> block = zoo.layers.TransformerDecoderBlock(num_heads=2, key_dim=4, feed_forward_dim=16)
    >>> block(np.zeros((1, 5, 8)), np.zeros((1, 7, 12)), np.ones((1, 7), bool)).shape
    TensorShape([1, 5, 8])

    Reference: As for `TransformerEncoderBlock`; book, chapter 16, 3rd edition cell 136.
    """

    attentions = ("self_attention", "cross_attention")

    def build(self, inputs_shape, memory_shape):
        """Makes the weights."""
        self._build(inputs_shape[-1], memory_shape[-1])

    def call(self, inputs, memory, mask):
        """Outputs `(batch, time, channels)` at every step; no step sees a later one.

        Args:
            inputs: `(batch, time, channels)`.
            memory: `(batch, source_time, memory_channels)`.
            mask: Which steps of the memory are real, `(batch, source_time)`.
        """
        time = ops.arange(ops.shape(inputs)[1], dtype="int32")
        # Padding comes last, so that the causal mask keeps real steps from seeing it.
        causal = ops.expand_dims(time[:, None] >= time[None, :], 0)
        y = self._enter(0, inputs)
        x = self._leave(0, inputs, self.self_attention(y, **_two_or_more(y, causal)))
        y = self._enter(1, x)
        y = self.cross_attention(y, **_two_or_more(memory, ops.expand_dims(mask, 1)))
        return self._dense(self._leave(1, x, y))

    def initial_state(self, batch_size, max_length):
        """Room for keys and values, each `(batch_size, num_heads, max_length, key_dim)`."""
        sizes = (self.num_heads, max_length, self.key_dim)
        return no_keys_and_values(batch_size, *sizes, self.compute_dtype)

    def keys_and_values(self, memory):
        """What all steps look up in a memory `(batch, source_time, memory_channels)`.

        Keys and values, each `(batch, num_heads, source_time, key_dim)`.
        """
        return _projected(self.cross_attention, memory, "key", "value")

    def step(self, inputs, state, position, memory, mask):
        """One step, what `call` computes at it: outputs, the next state, and attention.

        Of inputs `(batch, 1, channels)`, and of how many steps there were before, an int32 scalar.
        A row of the memory, which is from `keys_and_values`, may serve several neighbouring inputs.
        The weights of the attention to it are float32 `(batch, num_heads, source_time)`.
        """
        y = self._enter(0, inputs)
        query, key, value = _projected(self.self_attention, y, "query", "key", "value")
        heads, state = attend_to_past(query, key, value, state, position)
        x = self._leave(0, inputs, self.self_attention.output_dense(heads_first(heads)))
        y = side_by_side(self._enter(1, x), mask)
        (query,), (keys, values) = _projected(self.cross_attention, y, "query"), memory
        heads, weights = attend(query, keys, values, mask[:, None, None, :])
        y = ops.reshape(self.cross_attention.output_dense(heads_first(heads)), ops.shape(x))
        weights = ops.reshape(heads_first(weights), (-1, *ops.shape(weights)[1::2]))
        return self._dense(self._leave(1, x, y)), state, weights


def _two_or_more(x, mask):
    """What to attend to. Keras warns of a softmax over one step, so a masked one goes with it."""
    if x.shape[1] == 1:
        x, mask = ops.pad(x, ((0, 0), (0, 1), (0, 0))), ops.pad(mask, ((0, 0), (0, 0), (0, 1)))
    return {"value": x, "attention_mask": mask}


def _projected(attention, x, *parts):
    """What a `MultiHeadAttention` makes of its inputs, heads first."""
    return [heads_first(getattr(attention, f"{part}_dense")(x)) for part in parts]
