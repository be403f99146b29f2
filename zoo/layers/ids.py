"""Ids of tokens: which of them are real, as one-hot vectors, and in runs."""

from keras import ops

from zoo.checks import check_whole
from zoo.layers.base import TracedLayer


class PaddingMask(TracedLayer):
    """True where an id is not 0, the padding.

    The first id of a sequence counts as real in any case: attention to nothing at all would be
    attention to everything, and depend on how much padding there is.

    >>> zoo.layers.PaddingMask()(np.array([[5, 2, 0], [0, 0, 0]])).numpy()
    array([[ True,  True, False],
           [ True, False, False]])
    """

    def call(self, inputs):
        """The mask of ids `(batch, time)`."""
        first = ops.arange(ops.shape(inputs)[1], dtype="int32") == 0
        return ops.logical_or(ops.not_equal(inputs, 0), first)


class OneHot(TracedLayer):
    """Turns ids `(batch, time)` into one-hot vectors `(batch, time, num_classes)`.

    Keras' `CategoryEncoding` drops the time axis of a series of one step.

    Args:
        num_classes: Number of ids. Others become a vector of zeros.

    >>> zoo.layers.OneHot(3)(np.array([[2, 0]])).numpy()
    array([[[0., 0., 1.],
            [1., 0., 0.]]], dtype=float32)

    Reference: Book, chapter 16, 2nd edition cell 25.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, inputs):
        """One-hot vectors of ids of any shape."""
        return ops.one_hot(ops.cast(inputs, "int32"), self.num_classes, dtype=self.compute_dtype)


#: Products of two numbers below a prime, and of both primes, are whole numbers of 31 bits: nothing
#: overflows, so that every backend finds the same ids.
_PRIMES = (46337, 46327)
_BASES = (31013, 20011)


class NgramIds(TracedLayer):
    """Ids, and behind them an id for every pair, triple, ... of neighbours.

    An n-gram's id is its hash among a number of buckets, behind the ids of the vocabulary: no
    table is learned, and rare n-grams may share an id. Padding, 0, stays 0, as does every n-gram
    that reaches into it.

    Args:
        vocabulary_size: Number of ids of the inputs, padding included.
        buckets: Number of ids for n-grams.
        ngrams: Longest n-gram, at least 2. Defaults to 2.

    >>> layer = zoo.layers.NgramIds(vocabulary_size=10, buckets=1000)
    >>> ids = layer(np.array([[7, 4, 7, 4, 0]])).numpy()[0]  # 7, 4, 7, 4, (7 4), (4 7), (7 4)
    >>> ids[:5].tolist(), bool(ids[5] == ids[7]), bool(ids[5] != ids[6]), ids[8:].tolist()
    ([7, 4, 7, 4, 0], True, True, [0, 0])

    Reference: Joulin et al., *Bag of tricks for efficient text classification*, 2016, section 2.2.
    """

    def __init__(self, vocabulary_size: int, buckets: int, ngrams: int = 2, **kwargs):
        super().__init__(**kwargs)
        check_whole(1, vocabulary_size=vocabulary_size, buckets=buckets)
        check_whole(2, ngrams=ngrams)
        self.vocabulary_size, self.buckets, self.ngrams = vocabulary_size, buckets, ngrams

    @property
    def size(self) -> int:
        """Number of ids of the outputs."""
        return self.vocabulary_size + self.buckets

    def call(self, inputs):
        """Ids `(batch, ngrams * time)` of ids `(batch, time)`."""
        ids = ops.cast(inputs, "int32")
        hashed = ngram_hashes(ids, self.ngrams)[1:]
        return ops.concatenate(
            [ids, *(ops.where(h < 0, 0, self.vocabulary_size + h % self.buckets) for h in hashed)],
            axis=1,
        )


def ngram_hashes(ids, ngrams):
    """A number of 31 bits for each run of ids that begins at each step.

    `ids` is an int32 tensor `(batch, time)`, padded with 0. For each length from 1 to `ngrams`
    there is an int32 tensor `(batch, time)`, -1 where the run reaches into padding. Two runs share
    a number about once in two billion times.

    >>> [h.numpy().tolist() for h in ngram_hashes(np.array([[0, 1, 2]], "int32"), 2)]
    [[[-1, 46328, 92656]], [[-1, 1436851918, -1]]]
    """
    time = ops.shape(ids)[1]
    numbers = [ids % prime for prime in _PRIMES]
    real = ids != 0
    longer = ops.pad(ids, [(0, 0), (0, ngrams - 1)])
    found = [ops.where(real, numbers[0] * _PRIMES[1] + numbers[1], -1)]
    for step in range(1, ngrams):
        following = longer[:, step : step + time]
        real = ops.logical_and(real, following != 0)
        numbers = [
            (base * number + following % prime) % prime
            for number, base, prime in zip(numbers, _BASES, _PRIMES, strict=True)
        ]
        found.append(ops.where(real, numbers[0] * _PRIMES[1] + numbers[1], -1))
    return found
