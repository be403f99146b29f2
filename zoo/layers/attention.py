"""Attention of a decoder to a memory: scores, alignments, contexts."""

import math

import keras
import numpy as np
from keras import layers, ops

from zoo.checks import check_counts
from zoo.layers.base import Layer


def side_by_side(rows, memory):
    """Rows of several searches in one memory as steps of one: `(batch, searches, channels)`.

    `rows` are `(batch * searches, 1, channels)`, those of one search behind each other; they stay
    as they are where the memory has as many, or either number is not known yet.
    """
    batch, count = memory.shape[0], rows.shape[0]
    if batch is None or count is None or batch == count:
        return rows
    return ops.reshape(rows, (batch, count // batch, rows.shape[-1]))


class _Attention(Layer):
    """What the mechanisms share: the projected memory, masks and alignments.

    A mechanism defines `score(queries, keys)`.
    """

    def __init__(self, units: int, monotonic: bool = False, score_bias: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        check_counts(units=units)
        self.units = units
        self.monotonic, self.score_bias = monotonic, score_bias
        projection = {"use_bias": False, "dtype": self.dtype_policy}
        self.memory_layer = layers.Dense(units, name="memory_layer", **projection)
        if monotonic:
            walk = {"return_sequences": True, "dtype": "float32", "name": "walk"}
            self.walk = layers.RNN(_WalkCell(), **walk)

    def build(self, queries_shape, memory_shape):
        """Makes the projection of the memory, and the bias of monotonic scores."""
        self.memory_layer.build(memory_shape)
        if self.monotonic:
            initializer = keras.initializers.Constant(self.score_bias)
            self.bias = self.add_weight(shape=(), initializer=initializer, name="score_bias")

    def prepare(self, memory, mask=None):
        """What can be computed once for all queries.

        Args:
            memory: `(batch, source, channels)`.
            mask: Which positions are real, bool `(batch, source)`. Defaults to None: all.

        Returns:
            Keys `(batch, source, units)` and values `(batch, source, channels)`, both 0 where the
            mask is False.
        """
        values = ops.cast(memory, self.compute_dtype)
        if mask is not None:
            values = values * ops.cast(ops.expand_dims(mask, -1), values.dtype)
        return self.memory_layer(values), values

    def first_alignments(self, values):
        """Alignments before the first step, `(batch, source)`: all on the first position."""
        zeros = ops.zeros_like(values[:, :, 0], dtype="float32")
        return zeros + ops.cast(ops.arange(ops.shape(values)[1]) == 0, "float32")

    def align(self, queries, keys, mask=None, previous=None):
        """How much each query attends to each position.

        Args:
            queries: `(batch, steps, channels)`.
            keys: From `prepare`.
            mask: As in `prepare`.
            previous: Alignments of the step before the first query, `(batch, source)`; only used
                by monotonic attention. Defaults to None: `first_alignments`.

        Returns:
            float32 `(batch, steps, source)`: adding up to 1, or of a monotonic one to at most 1.
        """
        scores = ops.cast(self.score(queries, keys), "float32")
        if self.monotonic:
            scores = scores + ops.cast(self.bias, "float32")
        if mask is not None:
            scores = ops.where(ops.expand_dims(mask, 1), scores, float(np.finfo("float32").min))
        if not self.monotonic:
            # Keras warns of a softmax over one value, which a source of one id is.
            only = scores.shape[-1] == 1
            return 1.0 + 0.0 * scores if only else ops.softmax(scores, axis=-1)
        if previous is None:
            previous = self.first_alignments(keys)
        return self._walked(ops.sigmoid(scores), ops.cast(previous, "float32"))

    def _walked(self, choose, previous):
        """Expected alignments `(batch, steps, source)` of a walk that never goes back.

        `choose` `(batch, steps, source)` are the probabilities to stop at a position when the walk
        gets there, `previous` `(batch, source)` is where it stood: `a[j] = choose[j] * sum_i<=j
        previous[i] * prod_i<=k<j (1 - choose[k])`, step after step; the products in logarithms, cut
        as TF-Addons does.
        """
        tiny = float(np.finfo("float32").tiny)
        logs = ops.log(ops.clip(1.0 - choose, tiny, 1.0))
        before = ops.concatenate([ops.zeros_like(logs[..., :1]), logs[..., :-1]], axis=-1)
        passed = ops.exp(ops.cumsum(before, axis=-1))  # the walk came past all positions before
        factors = ops.concatenate([choose * passed, ops.clip(passed, 1e-10, 1.0)], axis=-1)
        if choose.shape[1] == 1:
            return ops.expand_dims(_WalkCell().call(factors[:, 0], [previous])[0], 1)
        return self.walk(factors, initial_state=previous)

    def attend(self, queries, keys, values, mask=None, previous=None):
        """Alignments, and the contexts `(batch, steps, channels)` that they pick from values."""
        alignments = self.align(queries, keys, mask, previous)
        return ops.matmul(ops.cast(alignments, values.dtype), values), alignments

    def call(self, queries, memory, memory_mask=None):
        """Contexts `(batch, steps, channels)` and alignments `(batch, steps, source)`.

        Queries are `(batch, steps, channels)`; memory and mask as in `prepare`.
        """
        keys, values = self.prepare(memory, memory_mask)
        return self.attend(queries, keys, values, memory_mask)


class LuongAttention(_Attention):
    """Multiplicative attention: the score is the product of the query and a projected memory.

    `score = g * query . (W memory)`, and the alignments are the softmax of the scores over the
    real positions. What `tfa.seq2seq.LuongAttention` and `LuongMonotonicAttention` compute.

    Args:
        units: Size of the projected memory; must be that of the queries.
        scale: Whether there is a trained scalar `g`, at first 1. Defaults to False.
        monotonic: Whether attention only moves forwards: alignments are the expectation of
            walking on from the position of the step before, where each position is chosen with
            the probability `sigmoid(score + bias)`. Not exact where the walk is sure (to 1e-10)
            to stop before a position. Defaults to False.
        score_bias: First value of that bias; below 0 for long memories. Defaults to 0.0.

    Raises:
        ValueError: If `units` is no whole number of at least 1, or not the size of the queries.

    >>> attention = zoo.layers.LuongAttention(units=4)
    >>> queries, memory = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 6), "float32")
    >>> contexts, alignments = attention(queries, memory)
    >>> contexts.shape, alignments.shape
    (TensorShape([2, 3, 6]), TensorShape([2, 3, 5]))

    Reference: Luong et al., *Effective approaches to attention-based neural machine translation*,
    2015; Raffel et al., *Online and linear-time attention by enforcing monotonic alignments*, 2017;
    book, chapter 16.
    """

    def __init__(
        self,
        units: int,
        scale: bool = False,
        monotonic: bool = False,
        score_bias: float = 0.0,
        **kwargs,
    ):
        super().__init__(units, monotonic, score_bias, **kwargs)
        self.scale = scale

    def build(self, queries_shape, memory_shape):
        """Checks the sizes and makes the weights."""
        if queries_shape[-1] != self.units:
            raise ValueError(
                "Luong's score multiplies queries and the projected memory: units must be the "
                f"size of the queries, {queries_shape[-1]}. Received: units={self.units}"
            )
        super().build(queries_shape, memory_shape)
        if self.scale:
            self.g = self.add_weight(shape=(), initializer="ones", name="g")

    def score(self, queries, keys):
        """Scores `(batch, steps, source)`, not masked."""
        scores = ops.einsum("btu,bsu->bts", queries, keys)
        return scores * ops.cast(self.g, scores.dtype) if self.scale else scores


class BahdanauAttention(_Attention):
    """Additive attention: a layer of tanh units on the query and the memory scores them.

    `score = v . tanh(W memory + Q query)`, or, normalized, `g v / ||v|| . tanh(W memory + Q query
    + b)`. What `tfa.seq2seq.BahdanauAttention` and `BahdanauMonotonicAttention` compute.

    Args:
        units: Number of tanh units.
        normalize: Whether `v` has a trained length `g`, and units a bias `b`. Defaults to False.
        monotonic: Whether attention only moves forwards, see `LuongAttention`. Defaults to False.
        score_bias: First value of the bias of monotonic scores. Defaults to 0.0.

    >>> attention = zoo.layers.BahdanauAttention(units=8, normalize=True)
    >>> queries, memory = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 6), "float32")
    >>> contexts, alignments = attention(queries, memory)
    >>> np.allclose(alignments, 1 / 5)  # all positions are alike
    True

    Reference: Bahdanau et al., *Neural machine translation by jointly learning to align and
    translate*, 2014; Salimans and Kingma, *Weight normalization*, 2016; book, chapter 16.
    """

    def __init__(
        self,
        units: int,
        normalize: bool = False,
        monotonic: bool = False,
        score_bias: float = 0.0,
        **kwargs,
    ):
        super().__init__(units, monotonic, score_bias, **kwargs)
        self.normalize = normalize
        projection = {"use_bias": False, "dtype": self.dtype_policy}
        self.query_layer = layers.Dense(units, name="query_layer", **projection)

    def build(self, queries_shape, memory_shape):
        """Makes the weights."""
        super().build(queries_shape, memory_shape)
        self.query_layer.build(queries_shape)
        self.v = self.add_weight(shape=(self.units,), initializer="glorot_uniform", name="v")
        if self.normalize:
            length = keras.initializers.Constant(math.sqrt(1 / self.units))
            self.g = self.add_weight(shape=(), initializer=length, name="g")
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def score(self, queries, keys):
        """Scores `(batch, steps, source)`, not masked."""
        queries = self.query_layer(queries)
        v = ops.cast(self.v, queries.dtype)
        if self.normalize:
            queries = queries + ops.cast(self.b, queries.dtype)
            v = v * ops.cast(self.g, v.dtype) * ops.rsqrt(ops.sum(ops.square(v)))
        hidden = ops.tanh(ops.expand_dims(keys, 1) + ops.expand_dims(queries, 2))
        return ops.squeeze(ops.matmul(hidden, ops.expand_dims(v, -1)), -1)


class _WalkCell:
    """A step of a walk, for `keras.layers.RNN`. It is no layer: it owns no weights."""

    compute_dtype = "float32"
    state_size = (None,)  # as long as the source
    output_size = None

    def call(self, factors, states):
        """Alignments out of those before, twice: as the output and as the state."""
        reach, floor = ops.split(factors, 2, axis=-1)
        alignments = reach * ops.cumsum(states[0] / floor, axis=-1)
        return alignments, [alignments]

    __call__ = call
