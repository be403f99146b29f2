"""The wide path of a model of texts: a weight for each n-gram that training texts hold."""

import numpy as np
from keras import ops

from zoo.checks import check_whole
from zoo.layers.base import TracedLayer
from zoo.layers.ids import ngram_hashes

#: What is added to ids of the ending, which is more than any vocabulary holds.
_ENDING = 1 << 24


class WideNgrams(TracedLayer):
    """Adds up the weights of the n-grams of ids in a text: a linear model of its words and phrases.

    Each n-gram counts once, however often a text holds it, and the sum is divided by the root of
    how many different ones were found, so that long texts are not surer than short ones. N-grams
    that are not known, and padding, add nothing. A known one is found by its hash (of 31 bits) in
    a sorted list, so that no two of them share a weight, as they do in buckets. Those of a text's
    ending can have weights of their own beside these: many texts conclude there.

    The list and the weights are set together by `assign`; training, if any, moves the weights. A
    new layer knows the single ids from 1 to `size`, with weights of 0.

    Args:
        size: Number of known n-grams.
        units: Number of outputs. Defaults to 1.
        ngrams: Longest n-gram. Defaults to 2.
        ending: Ids at the end of a text whose n-grams count there, too. Defaults to 0.
        dtype: Defaults to `"float32"` under every policy: these are logits.

    >>> layer = WideNgrams(size=3)
    >>> known, _ = WideNgrams.hashes([np.array([4, 7])], ngrams=2)  # of 4, 7 and (4 7)
    >>> layer.assign(known, [[2.0], [1.0], [4.0]], [0.5])
    >>> layer(np.array([[7, 7, 9, 8], [4, 9, 7, 0], [0, 0, 0, 0]])).numpy().round(3).ravel()
    array([1.5  , 2.621, 0.5  ], dtype=float32)
    >>> known, _ = WideNgrams.hashes([np.array([4, 7])], ngrams=1, ending=1)
    >>> layer = WideNgrams(size=3, ngrams=1, ending=1)
    >>> layer.assign(known, [[2.0], [0.0], [4.0]], [0.0])  # of 4, of 7, and of 7 at the end
    >>> layer(np.array([[4, 7], [7, 4]])).numpy().round(3).ravel()  # 6 / sqrt(3), 2 / sqrt(2)
    array([3.464, 1.414], dtype=float32)

    Reference: Cheng et al., *Wide & Deep learning for recommender systems*, 2016, section 3.1; Wang
    & Manning, *Baselines and bigrams*, 2012.
    """

    def __init__(
        self,
        size: int,
        units: int = 1,
        ngrams: int = 2,
        ending: int = 0,
        dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        check_whole(1, size=size, units=units, ngrams=ngrams)
        check_whole(0, ending=ending)
        self.size, self.units, self.ngrams, self.ending = size, units, ngrams, ending

    @staticmethod
    def hashes(ids, ngrams: int, ending: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """The n-grams of texts as numbers.

        Args:
            ids: Arrays of ids, one a text, none of them 0.
            ngrams: Longest n-gram.
            ending: Ids at the end whose n-grams are there a second time, as others.

        Returns:
            The hash of each n-gram of each text, int32, and the number of its text: two arrays
            `(n-grams,)`, runs of one id first, then those of two, and so on.
        """
        end = np.zeros(1, "int32")
        last = [each[max(0, len(each) - ending) :] + _ENDING for each in ids]
        ids = [np.concatenate([a, end, b, end]) for a, b in zip(ids, last, strict=True)]
        rows = np.repeat(np.arange(len(ids), dtype="int32"), [len(each) for each in ids])
        flat = np.concatenate(ids).astype("int32")
        found = [ops.convert_to_numpy(h)[0] for h in ngram_hashes(flat[None], ngrams)]
        real = [h >= 0 for h in found]
        return (
            np.concatenate([h[mask] for h, mask in zip(found, real, strict=True)]),
            np.concatenate([rows[mask] for mask in real]),
        )

    def build(self, input_shape):
        """Makes the list of n-grams and their weights, all of them 0."""
        first = np.sort(WideNgrams.hashes([np.arange(1, self.size + 1)], ngrams=1)[0])
        how = {"dtype": "int32", "trainable": False, "name": "known"}
        self.known = self.add_weight((self.size,), lambda shape, dtype=None: first, **how)
        self.kernel = self.add_weight((self.size, self.units), "zeros", name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def assign(self, known, kernel, bias) -> None:
        """Sets what the layer knows.

        Args:
            known: Hashes of the n-grams, see `hashes`, all different, `(size,)`.
            kernel: Their weights `(size, units)`.
            bias: `(units,)`.
        """
        known = np.asarray(known)
        order = np.argsort(known)
        if known.shape != (self.size,) or (np.diff(known[order]) == 0).any():
            raise ValueError(
                f"Expected {self.size} different n-grams. "
                f"Received: {len(np.unique(known))} different ones, shape {known.shape}"
            )
        if not self.built:
            self.build((None, None))
        self.known.assign(known[order])
        self.kernel.assign(np.asarray(kernel)[order])
        self.bias.assign(bias)

    def call(self, inputs):
        """Sums `(batch, units)` of ids `(batch, time)`."""
        places = ops.sort(self.places(inputs), axis=1)  # n-grams that occur twice side by side
        before = ops.pad(places, [(0, 0), (1, 0)])[:, :-1]
        once = ops.cast(ops.logical_and(places != before, places > 0), self.compute_dtype)
        weights = ops.take(self.kernel, ops.maximum(places - 1, 0), axis=0)
        total = ops.sum(weights * ops.expand_dims(once, -1), axis=1)
        count = ops.sum(once, axis=1, keepdims=True)
        return total / ops.sqrt(ops.maximum(count, 1.0)) + self.bias

    def places(self, inputs):
        """Where the n-grams of ids `(batch, time)` stand in `kernel`.

        int32 `(batch, ngrams * time)`: rows of `kernel`, from 1, of the runs of one id at each
        step, then of those of two, and so on; 0 for those that are not known. With an `ending`,
        there are as many columns more, for the same runs as a part of it.
        """
        ids = ops.cast(inputs, "int32")
        found = ngram_hashes(ids, self.ngrams)
        if self.ending:
            length = ops.sum(ops.cast(ids != 0, "int32"), axis=1, keepdims=True)
            step = ops.arange(ops.shape(ids)[1], dtype="int32")
            near = ops.logical_and(step >= length - self.ending, ids != 0)
            found += ngram_hashes(ops.where(near, ids + _ENDING, 0), self.ngrams)
        hashes = ops.concatenate(found, axis=1)
        flat = ops.reshape(hashes, (-1,))
        found = ops.minimum(ops.cast(ops.searchsorted(self.known, flat), "int32"), self.size - 1)
        known = ops.logical_and(ops.take(self.known, found) == flat, flat >= 0)
        return ops.reshape(ops.where(known, found + 1, 0), ops.shape(hashes))
