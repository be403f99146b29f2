"""The wide path: what the n-grams of the training texts say, in closed form; and mixing it in.

It is fitted before the deep path is trained, and each on its own: a linear model of a million
n-grams knows its training texts by heart, and would leave nothing there for a deep path to learn.
How much either counts is decided on validation.
"""

import keras
import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from recipes.classification.calibration import fit_prior_shift, fit_temperature, shifted, tempered
from recipes.classification.scores import SMALLEST
from recipes.classification.splits import folds
from recipes.engine.config import AUTO
from recipes.engine.selection import likeliest_weights
from recipes.text_classification import naive_bayes, semantics
from recipes.text_classification.classifier import TextClassifier
from zoo.layers import WideNgrams

#: N-grams that are kept at most, and weights of all outputs (40 MB of a saved model); of more
#: n-grams, those that occur in few texts are left out.
MOST, MOST_WEIGHTS = 1_000_000, 10_000_000
#: Longest n-gram, of characters and of everything else.
CHARACTERS, WORDS = 5, 3
#: Words of an ending, whose n-grams have weights of their own, and how often a usual text must hold
#: as many: on sentences, endings of any length were noise.
ENDING, LONG = 20, 5
#: Letters of a run within a word, its beginning and end marked, at least and at most.
RUNS = (2, 5)
#: Numbers in the table of all texts' runs of letters, or of their directions, times the classes, at
#: most: some seconds.
MOST_ADDED = 100_000_000
#: What is expected to be the best weights of deep and wide path: of 400 and of 1,200 training texts
#: this was better than a half, and than what 50 or 150 others chose without any expectation.
EXPECTED = (0.3, 0.7)
#: Parts of few texts, each of which is predicted by what the others say.
FOLDS = 5
#: Weight of a run of letters beside that of a whole word.
SPELLING = 0.5


def longest(config) -> int:
    """Longest n-gram of the wide path of a run; 0 for no such path."""
    if config.wide is not None and config.model != AUTO:  # the first that it tries has the default
        return config.wide
    return CHARACTERS if config.tokenizer == "characters" else WORDS


def fit(parts, reader, ngrams, outputs, balanced=False, unlabelled=(), calibration=None):
    """The wide path of all texts of some parts, a Keras model from ids to logits.

    Words that are spelled alike share what is learned: runs of two to five letters are features of
    their own while the weights are fitted, and are added to those of the words that hold them
    afterwards, so that reading costs nothing. So do words of like texts (`semantics`), where there
    are unlabelled ones; labelled ones alone were tried, and gain nothing on validation. Only where
    there are few texts and classes enough to do so in seconds.

    What few texts say is noise in part, known by heart: logits are as sure as texts that were not
    learned from bear out. Returns that `calibration`, too: what is added to the logits, and what
    then divides them.
    """
    texts = [ids for part in parts for ids in part.inputs]
    words = getattr(reader.tokenizer, "words", ())  # other tokens have no spelling or meaning
    long = np.median([len(ids) for ids in texts]) >= LONG * ENDING
    ending = ENDING if long and len(words) else 0
    hashes, rows = WideNgrams.hashes(texts, ngrams, ending)
    (known, held), first = _counted(hashes, rows), len(reader.special)
    most = max(1, min(MOST, MOST_WEIGHTS // outputs))
    counted = np.sort(held)[::-1]
    least = counted[most] + 1 if len(counted) > most else 1
    known = known[np.flatnonzero(held >= min(least, counted[0]))[:most]]
    of_words, _ = WideNgrams.hashes([np.arange(first, first + len(words))], 1)
    known = np.union1d(known, of_words) if len(unlabelled) else known
    presence = _presence(known, hashes, rows, len(texts))
    here = np.isin(of_words, known)
    words, places = np.array(words, object)[here], np.searchsorted(known, of_words[here])
    found = naive_bayes.unit_rows(presence)[:, places]
    spelling, meaning = _spelling(words, found, outputs), None
    if len(unlabelled) and len(texts) * semantics.DIRECTIONS * outputs <= MOST_ADDED:
        more = _presence(known, *WideNgrams.hashes(unlabelled, 1), len(unlabelled))
        meaning = semantics.directions(sparse.vstack([found, more[:, places]]), found)
    labels, classes = np.concatenate([part.labels for part in parts]), len(parts[0].classes)

    def solve(presence, labels):
        features = naive_bayes.unit_rows(presence)
        blocks, found = [features], features[:, places]
        if spelling is not None:
            blocks.append(found @ spelling)
        if meaning is not None:
            blocks.append(np.asarray(found @ meaning[0] - meaning[1], np.float32))
        kernel, *rest, bias = naive_bayes.fit(blocks, labels, classes, balanced, both=True)
        if meaning is not None:
            weights = rest.pop()
            kernel[places] += meaning[0] @ weights
            bias = bias - meaning[1] @ weights
        if spelling is not None:
            kernel[places] += spelling @ rest.pop()
        return kernel, bias

    kernel, bias = solve(presence, labels)
    if calibration is None and len(texts) < naive_bayes.ENOUGH:
        always = places if meaning is not None else []
        calibration = _calibration(presence, labels, classes, balanced, solve, always)
    moves, temperature = calibration or (0.0, 1.0)
    kernel, bias = kernel / temperature, (bias + moves) / temperature
    ids = keras.Input((None,), dtype="int32", name="ids")
    layer = WideNgrams(len(known), outputs, ngrams, ending, name="wide")
    model = keras.Model(ids, layer(ids), name="wide_path")
    layer.assign(known, kernel, bias)
    return model, (moves, temperature)


def _counted(hashes, rows):
    """The n-grams of texts, ascending, and how many texts hold each."""
    pairs = np.int64(hashes) << 32 | rows
    pairs.sort()  # np.unique takes several times the memory, and as much time
    pairs = pairs[np.diff(pairs, prepend=-1) > 0] >> 32
    places = np.flatnonzero(np.diff(pairs, prepend=-1))
    return np.int32(pairs[places]), np.diff(places, append=len(pairs))


def _presence(known, hashes, rows, texts):
    """How often each text has each known n-gram, sparse `(texts, n-grams)`."""
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    own = known[places] == hashes
    ones = np.ones(own.sum(), np.float32)
    return sparse.csr_matrix((ones, (rows[own], places[own])), (texts, len(known)))


def _calibration(presence, labels, classes, balanced, solve, always):
    """What to add to the bias, and a temperature to divide by, that suit texts not learned from.

    Each fifth of the texts is predicted by what `solve` makes of the others: far more texts say how
    sure one may be than there are in a validation part. What is new to them is not read, but for
    the n-grams `always`.
    """
    found = np.zeros((len(labels), classes))
    for fold in folds(labels, FOLDS, 0.0).values():
        others, rows = fold["test"], np.delete(np.arange(len(labels)), fold["test"])
        kernel, bias = solve(presence[rows], labels[rows])
        held, known = presence[others], presence[rows].getnnz(axis=0) > 0
        known[always] = True
        held.data *= known[held.indices]
        held.eliminate_zeros()
        found[others] = naive_bayes.probabilities(naive_bayes.unit_rows(held) @ kernel + bias)
    counts = np.bincount(labels, minlength=classes)
    several = counts[labels] > 1  # of the only text of a class, the others knew nothing
    labels, found, moves = labels[several], found[several], np.zeros(classes)
    if not balanced:
        shares = np.maximum(counts, 0.5) / counts.sum()
        moves = fit_prior_shift(labels, found, shares) * np.log(shares)
    temperature = fit_temperature(labels, shifted(found, moves))
    return moves[1:] - moves[0] if kernel.shape[1] == 1 else moves, temperature


def _spelling(words, features, outputs):
    """Which words have which runs of letters, sparse `(words, runs)`; None: none or too many."""
    if not len(words):
        return None
    runs = CountVectorizer(
        lowercase=False, ngram_range=RUNS, analyzer="char_wb", binary=True, dtype=np.float32
    )
    table = runs.fit_transform(words)
    texts = np.bincount(features.indices, minlength=len(words))
    if int(np.diff(table.indptr) @ texts) * outputs > MOST_ADDED:
        return None
    table.data *= np.float32(SPELLING)
    kept = np.bincount(table.indices, minlength=table.shape[1]) >= 2
    return table[:, kept] if kept.any() else None


def mix(part, deep, wide, layer) -> float:
    """Sets how much either path counts to what suits the part of validation best.

    The layer is the `zoo.layers.WeightedSum` of both. Returns the wide path's share, at most .95:
    a deep path without a say could not bring in what the classes' frequencies are to count.
    """
    paths = [TextClassifier(path).outputs(part.inputs) for path in (deep, wide)]
    share = min(best_share(part.labels, *paths), 0.95)
    layer.set_weights([np.float32([1 - share, share])])
    return share


def best_share(labels, deep, wide) -> float:
    """The weight, from 0 to 1, of the second of two predictions whose weighted mean is likeliest.

    Both are logits `(n, classes)`, or `(n, 1)` for two classes. Few texts leave it near `EXPECTED`.

    >>> labels = np.arange(1000) % 2
    >>> right, noise = np.random.default_rng(0).normal(size=(2, 1000, 1))
    >>> right += 2 * labels[:, None] - 1
    >>> best_share(labels, noise, right), best_share(labels[:2], noise[:2], right[:2])
    (1.0, 0.75)
    """
    rows = np.arange(len(labels))

    def loss(weights):
        logits = weights[0] * np.float64(deep) + weights[1] * np.float64(wide)
        found = naive_bayes.probabilities(logits)
        own = tempered(found, fit_temperature(labels, found))[rows, labels]
        return -np.log(np.maximum(own, SMALLEST)).sum()

    return float(likeliest_weights(2, loss, EXPECTED)[1])
