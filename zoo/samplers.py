"""How to choose the next id from logits: greedily, or at random from the probable ones.

Each sampler has one method, `sample(logits, uniform)`. The random number comes from outside, so
that the same one gives the same id, but for rounding, on every backend and in every batch: the id
is where the cumulative distribution, in the order of ids, first exceeds it. Ids that a sampler
leaves out have probability 0, and those kept share what remains in proportion.
"""

from dataclasses import dataclass

from keras import ops

from zoo.checks import check_whole, is_finite

_COLDEST = 1e-30  # a lower temperature would be 0 in float32, and 0 / 0 no number


@dataclass(frozen=True)
class Greedy:
    """The most probable id; the first of several.

    >>> np.asarray(zoo.decoding.Greedy().sample(np.array([[1.0, 3.0, 2.0]]), np.array([0.9])))
    array([1], dtype=int32)
    """

    def sample(self, logits, uniform):
        """Chooses int32 ids `(batch,)` by logits `(batch, vocabulary)`; `uniform` is not used."""
        return ops.cast(ops.argmax(logits, axis=-1), "int32")


class _Tempered:
    """What has a temperature."""

    temperature: float

    def __post_init__(self):
        if not (is_finite(self.temperature) and self.temperature > 0):
            raise ValueError(
                "Expected a finite temperature above 0 (Greedy is the limit at 0). "
                f"Received: temperature={self.temperature!r}"
            )


@dataclass(frozen=True)
class Temperature(_Tempered):
    """At random from all ids, with the probabilities `softmax(logits / temperature)`.

    Args:
        temperature: Above 0. Below 1, probable ids become more probable still, towards `Greedy` at
            0; above 1, all ids become more alike. Defaults to 1.0.

    >>> logits = np.log([[0.2, 0.8], [0.2, 0.8]])
    >>> np.asarray(zoo.decoding.Temperature().sample(logits, np.array([0.1, 0.3])))
    array([0, 1], dtype=int32)
    """

    temperature: float = 1.0

    def sample(self, logits, uniform):
        """Chooses an id for each row of the batch; see `Greedy.sample`."""
        return _draw(ops.softmax(tempered(logits, self.temperature), axis=-1), uniform)


@dataclass(frozen=True)
class TopK(_Tempered):
    """At random from the `k` most probable ids; of equal ones, the first.

    Args:
        k: How many ids to keep. All are kept if there are fewer.
        temperature: As for `Temperature`. Defaults to 1.0.

    >>> logits = np.log([[0.1, 0.3, 0.6]])
    >>> np.asarray(zoo.decoding.TopK(2).sample(logits, np.array([0.0])))
    array([1], dtype=int32)

    Reference: Fan et al., *Hierarchical neural story generation*, 2018.
    """

    k: int
    temperature: float = 1.0

    def __post_init__(self):
        check_whole(1, k=self.k)
        super().__post_init__()

    def sample(self, logits, uniform):
        """Chooses an id for each row of the batch; see `Greedy.sample`."""
        # By the logits: at a low temperature, different ones may have the same probability.
        logits = tempered(logits, self.temperature)
        k = min(self.k, logits.shape[-1])
        keep = _largest(logits, ops.top_k(logits, k)[0], k)
        return _draw(ops.where(keep, ops.softmax(logits, axis=-1), 0.0), uniform)


@dataclass(frozen=True)
class _Probable(_Tempered):
    """What says which ids are probable enough."""

    p: float
    temperature: float = 1.0

    def __post_init__(self):
        if not (is_finite(self.p) and 0 < self.p <= 1):
            raise ValueError(f"Expected a number in (0, 1]. Received: p={self.p!r}")
        super().__post_init__()


@dataclass(frozen=True)
class TopP(_Probable):
    """At random from the fewest ids whose probabilities add up to `p` or more (nucleus sampling).

    The temperature comes first. Of ids that are equally probable, the first are kept.

    Args:
        p: Probability in (0, 1] that the ids must add up to.
        temperature: As for `Temperature`. Defaults to 1.0.

    >>> logits = np.log([[0.1, 0.3, 0.6]])
    >>> np.asarray(zoo.decoding.TopP(0.7).sample(logits, np.array([0.0])))
    array([1], dtype=int32)

    Reference: Holtzman et al., *The curious case of neural text degeneration*, 2020.
    """

    def sample(self, logits, uniform):
        """Chooses an id for each row of the batch; see `Greedy.sample`."""
        probabilities = ops.softmax(tempered(logits, self.temperature), axis=-1)
        descending = ops.top_k(probabilities, probabilities.shape[-1])[0]
        before = ops.cumsum(descending, axis=-1) - descending
        count = ops.maximum(_count(before < self.p), 1)
        keep = _largest(probabilities, descending, count)
        return _draw(ops.where(keep, probabilities, 0.0), uniform)


@dataclass(frozen=True)
class MinP(_Probable):
    """At random from the ids at least `p` times as probable as the most probable one.

    The temperature comes first.

    Args:
        p: Ratio in (0, 1]. At 1, only the most probable ids are left.
        temperature: As for `Temperature`. Defaults to 1.0.

    >>> logits = np.log([[0.1, 0.3, 0.6]])
    >>> np.asarray(zoo.decoding.MinP(0.4).sample(logits, np.array([0.0])))
    array([1], dtype=int32)

    Reference: Nguyen et al., *Turning up the heat: min-p sampling for creative and coherent LLM
    outputs*, 2024.
    """

    def sample(self, logits, uniform):
        """Chooses an id for each row of the batch; see `Greedy.sample`."""
        probabilities = ops.softmax(tempered(logits, self.temperature), axis=-1)
        most = ops.max(probabilities, axis=-1, keepdims=True)
        return _draw(ops.where(probabilities >= self.p * most, probabilities, 0.0), uniform)


def tempered(logits, temperature):
    """Logits at a temperature, however low; the largest is 0."""
    logits = ops.cast(logits, "float32")
    logits = logits - ops.max(logits, axis=-1, keepdims=True)
    return logits / ops.maximum(ops.cast(temperature, "float32"), _COLDEST)


def _draw(weights, uniform):
    """The id at which the cumulative weights first exceed a part `uniform` of their sum.

    Never one of weight 0, whatever the order in which a backend adds up, and the last of the
    others if rounding lets none exceed it.
    """
    cumulative = ops.cumsum(weights, axis=-1)
    target = ops.expand_dims(ops.cast(uniform, "float32"), -1) * cumulative[:, -1:]
    ids = ops.arange(weights.shape[-1], dtype="int32")
    possible = weights > 0.0
    first = ops.min(ops.where(possible & (cumulative > target), ids, ids.shape[0]), axis=-1)
    last = ops.max(ops.where(possible, ids, 0), axis=-1)
    return ops.minimum(first, last)


def _largest(values, descending, count):
    """Which of the values are the `count` largest in their row: of equal ones, the first."""
    count = ops.broadcast_to(ops.convert_to_tensor(count, "int32"), (descending.shape[0], 1))
    least = ops.take_along_axis(descending, count - 1, axis=-1)
    above, equal = values > least, values == least
    room = count - _count(above)
    return above | (equal & (ops.cumsum(ops.cast(equal, "int32"), axis=-1) <= room))


def _count(flags):
    return ops.sum(ops.cast(flags, "int32"), axis=-1, keepdims=True)
