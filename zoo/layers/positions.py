"""Where in its sequence a vector stands, for layers that cannot tell."""

import keras
import numpy as np
from keras import layers, ops

from zoo.checks import check_choice, check_whole
from zoo.layers.base import SameShapeLayer, TracedLayer

POSITIONS = ("sinusoidal", "learned")


class SinusoidalPositions(SameShapeLayer):
    """Adds sines and cosines of the position, of wavelengths from 2 pi to 20,000 pi.

    Channel `2 i` of position `p` gets `sin(p / 10000^(2 i / channels))`, channel `2 i + 1` the
    cosine of the same angle.

    >>> zoo.layers.SinusoidalPositions()(np.zeros((1, 2, 4))).numpy().round(2)
    array([[[0.  , 1.  , 0.  , 1.  ],
            [0.84, 0.54, 0.01, 1.  ]]], dtype=float32)

    Reference: Vaswani et al., *Attention is all you need*, 2017, section 3.5; book, chapter 16, 3rd
    edition cell 130.
    """

    def call(self, inputs, start=0):
        """Inputs `(batch, time, channels)` plus their positions, which begin at `start`."""
        channels = inputs.shape[-1]
        pairs = np.arange((channels + 1) // 2)
        frequencies = np.float32(10000.0 ** (-2 * pairs / channels))
        positions = start + ops.arange(ops.shape(inputs)[1], dtype="int32")
        angles = ops.expand_dims(ops.cast(positions, "float32"), -1) * frequencies
        waves = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
        waves = ops.reshape(waves, (-1, 2 * len(pairs)))[:, :channels]
        return inputs + ops.cast(waves, inputs.dtype)


class LearnedPositions(SameShapeLayer):
    """Adds a vector of its own, a weight, for each position.

    Args:
        max_length: How many positions there are; longer inputs are an error.

    Raises:
        ValueError: If `max_length` is no whole number of at least 1, or the inputs are longer.

    >>> zoo.layers.LearnedPositions(50)(np.zeros((1, 20, 4))).shape
    TensorShape([1, 20, 4])

    Reference: Book, chapter 16, 3rd edition cell 128.
    """

    def __init__(self, max_length: int, **kwargs):
        super().__init__(**kwargs)
        check_whole(1, max_length=max_length)
        self.max_length = max_length

    def build(self, inputs_shape):
        """Makes the vectors."""
        shape = (self.max_length, inputs_shape[-1])
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.vectors = self.add_weight(shape=shape, initializer=initializer, name="vectors")

    def call(self, inputs, start=0):
        """Inputs `(..., time, channels)` plus their positions, which begin at `start`."""
        time = inputs.shape[-2]
        if time is not None and time > self.max_length:
            raise ValueError(
                f"Expected at most {self.max_length} steps (max_length of {self.name!r}). "
                f"Received: {time}"
            )
        time, channels = ops.shape(inputs)[-2:]
        vectors = ops.cast(self.vectors, inputs.dtype)
        return inputs + ops.slice(vectors, (start, 0), (time, channels))


class PositionalEmbedding(TracedLayer):
    """Ids as vectors that know their positions.

    Args:
        vocabulary_size: Number of ids.
        embedding_dim: Size of the vectors.
        positions: `"sinusoidal"` or `"learned"`. Defaults to `"sinusoidal"`.
        max_length: Number of learned positions. Defaults to 512.
        scale: Whether the vectors of the ids are scaled by `sqrt(embedding_dim)`, so that they
            weigh as much as the positions although they start small. Defaults to True.
        dropout: Fraction of the channels dropped behind the sum, in [0, 1). Defaults to 0.

    >>> layer = zoo.layers.PositionalEmbedding(vocabulary_size=10, embedding_dim=4)
    >>> vectors = layer(np.array([[3, 1, 4]]))
    >>> vectors.shape, layer.logits(vectors).shape
    (TensorShape([1, 3, 4]), TensorShape([1, 3, 10]))

    Reference: Vaswani et al., *Attention is all you need*, 2017, sections 3.4 and 3.5.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_dim: int,
        positions: str = "sinusoidal",
        max_length: int = 512,
        scale: bool = True,
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice(POSITIONS, positions=positions)
        self.vocabulary_size, self.embedding_dim = vocabulary_size, embedding_dim
        self.positions, self.max_length = positions, max_length
        self.scale, self.dropout = scale, dropout
        shared = {"dtype": self.dtype_policy}
        # Scaled vectors have the variance 1, and a head that shares them logits of about that.
        normal = keras.initializers.RandomNormal(stddev=embedding_dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            vocabulary_size, embedding_dim,
            embeddings_initializer=normal if scale else "uniform", reverse_dtype="float32",
            name="embedding", **shared,
        )  # fmt: skip
        if positions == "learned":
            self.add_positions = LearnedPositions(max_length, name="positions", **shared)
        else:
            self.add_positions = SinusoidalPositions(name="positions", **shared)
        self.drop = layers.Dropout(dropout, name="dropout", **shared)

    def build(self, inputs_shape):
        """Makes the vectors."""
        self.embedding.build(inputs_shape)
        self.add_positions.build((*inputs_shape, self.embedding_dim))

    def call(self, inputs, start=0):
        """Vectors of ids `(batch, time)`, the first of which has the position `start`."""
        x = self.embedding(inputs)
        x = x * self.embedding_dim**0.5 if self.scale else x
        return self.drop(self.add_positions(x, start=start))

    @property
    def longest(self):
        """The greatest length, with learned positions; else None."""
        return self.max_length if self.positions == "learned" else None

    def logits(self, inputs):
        """Float32 logits of the ids, from vectors: products with those of the ids."""
        return self.embedding(inputs, reverse=True)
