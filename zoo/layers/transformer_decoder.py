"""The decoder of a Transformer: all steps at once, or one after the other."""

import keras
from keras import layers, ops

from zoo.layers.base import Layer
from zoo.layers.positions import PositionalEmbedding
from zoo.layers.transformer_blocks import TransformerDecoderBlock


class TransformerDecoder(Layer):
    """Ids of a target, shifted right, and the memory of a source to logits of the next ids.

    Called, it computes the logits of all steps at once. `zoo.decoding` makes single steps:
    `initial_state` gives the state before the first one, and `step` the next ones. A state holds
    the keys and values of all steps so far, so that a step costs one column of the call at most.

    A memory is a dictionary with `"outputs"` `(batch, source_time, channels)` and `"mask"`
    `(batch, source_time)`, which tells real steps from padding.

    Args:
        vocabulary_size: Number of ids.
        num_layers: Number of blocks. Defaults to 2. All others are those of `zoo.transformer`,
            with its defaults but for `dropout`, which is 0.

    >>> decoder = TransformerDecoder(vocabulary_size=10, embedding_dim=16, num_heads=2)
    >>> memory = {"outputs": np.zeros((3, 7, 16)), "mask": np.ones((3, 7), bool)}
    >>> decoder(np.ones((3, 5), "int32"), memory).shape
    TensorShape([3, 5, 10])
    >>> state = decoder.initial_state(batch_size=3, max_length=5)
    >>> logits, state, weights = decoder.step(np.ones(3, "int32"), state, 0, memory)
    >>> logits.shape, weights.shape
    (TensorShape([3, 10]), TensorShape([3, 7]))

    Reference: Vaswani et al., *Attention is all you need*, 2017; book, chapter 16, 3rd edition
    cells 136 and 137.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int = 2,
        embedding_dim: int = 128,
        num_heads: int = 8,
        key_dim: int | None = None,
        feed_forward_dim: int | None = None,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        norm: str = "pre",
        positions: str = "sinusoidal",
        max_length: int = 512,
        scale_embeddings: bool = True,
        tie_embeddings: bool = False,
        activation: str = "relu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size, self.num_layers = vocabulary_size, num_layers
        self.embedding_dim = embedding_dim
        self.num_heads, self.key_dim, self.feed_forward_dim = num_heads, key_dim, feed_forward_dim
        self.dropout, self.attention_dropout = dropout, attention_dropout
        self.norm, self.positions, self.max_length = norm, positions, max_length
        self.scale_embeddings, self.tie_embeddings = scale_embeddings, tie_embeddings
        self.activation = keras.activations.get(activation)
        shared = {"dtype": self.dtype_policy}
        self.embedding = PositionalEmbedding(
            vocabulary_size, embedding_dim, positions, max_length, scale_embeddings, dropout,
            name="embedding", **shared,
        )  # fmt: skip
        self.blocks = [
            TransformerDecoderBlock(
                num_heads, key_dim or embedding_dim // num_heads,
                feed_forward_dim or 4 * embedding_dim, dropout, attention_dropout, norm,
                self.activation, name=f"block_{index}", **shared,
            )
            for index in range(num_layers)
        ]  # fmt: skip
        self.final_norm = None
        if norm == "pre":
            self.final_norm = layers.LayerNormalization(name="norm", **shared)
        self.head = None
        if not tie_embeddings:
            self.head = layers.Dense(vocabulary_size, dtype="float32", name="head")

    def build(self, target_ids_shape, memory_shape):
        """Makes the weights."""
        shape = (*target_ids_shape, self.embedding_dim)
        self.embedding.build(target_ids_shape)
        for block in self.blocks:
            block.build(shape, memory_shape["outputs"])
        for layer in (self.final_norm, self.head):
            if layer is not None:
                layer.build(shape)

    def call(self, target_ids, memory):
        """Logits at every step, float32 `(batch, time, vocabulary_size)`; no step sees a later one.

        Args:
            target_ids: int32 `(batch, time)`, the first of them the start id. Padding comes last.
            memory: Of the source, see above.
        """
        x = self.embedding(target_ids)
        for block in self.blocks:
            x = block(x, memory["outputs"], memory["mask"])
        return self._logits(x)

    def compute_output_spec(self, target_ids, memory):
        """Float32 logits."""
        return keras.KerasTensor((*target_ids.shape, self.vocabulary_size), dtype="float32")

    @property
    def longest(self):
        """The greatest number of steps, with learned positions; else None."""
        return self.embedding.longest

    #: Whether `step` takes a memory of fewer rows than ids.
    shares_memory = True

    def prepare(self, memory):
        """Adds to a memory what all steps look up in it, so that it is computed once."""
        memory = dict(memory)
        for index, block in enumerate(self.blocks):
            keys, values = block.keys_and_values(ops.cast(memory["outputs"], self.compute_dtype))
            memory |= {f"keys_{index}": keys, f"values_{index}": values}
        return memory

    def initial_state(self, batch_size, max_length, memory=None):
        """Room for the keys and values of `max_length` steps, batch first."""
        states = [block.initial_state(batch_size, max_length) for block in self.blocks]
        return [part for state in states for part in state]

    def step(self, ids, state, position, memory):
        """One step, what the call computes at it: logits, the next state, and attention.

        Of the last ids int32 `(batch,)`, and of how many steps there were before, an int32 scalar.
        A row of the memory may serve several neighbouring ids, such as the beams of a source; what
        `prepare` adds to it is computed anew if it is not there. The weights of the attention to
        the memory, float32 `(batch, source_time)`, are the mean of all heads of all blocks.
        """
        if "keys_0" not in memory:
            memory = self.prepare(memory)
        x = self.embedding(ops.expand_dims(ids, 1), start=position)
        state, weights = list(state), []
        for index, block in enumerate(self.blocks):
            mine = slice(2 * index, 2 * index + 2)
            known = memory[f"keys_{index}"], memory[f"values_{index}"]
            x, state[mine], heads = block.step(x, state[mine], position, known, memory["mask"])
            weights.append(heads)
        weights = ops.mean(ops.concatenate(weights, axis=1), axis=1)
        return self._logits(x)[:, 0], state, weights

    def _logits(self, x):
        x = x if self.final_norm is None else self.final_norm(x)
        return self.embedding.logits(x) if self.head is None else self.head(x)
