"""Logistic regression on features that naive Bayes has weighted.

Naive Bayes knows at once what each word says, and overrates words that say the same; logistic
regression weighs them against each other, and needs many texts for rare words. On features that are
multiplied with naive Bayes' log-count ratios, a weight that regularisation keeps small still
means something: what no text contradicts stays close to naive Bayes.

Reference: Wang & Manning, *Baselines and bigrams: simple, good sentiment and topic classification*,
2012 (with logistic regression in place of the support vector machine).
"""

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from recipes.classification.estimators import calmly
from recipes.classification.scores import all_classes

#: Inverse of the strength of L2 regularisation, for rows of length 1: held-out scores of sentences
#: hardly move between 10 and 300, and those of long reviews rise up to 100.
STRENGTH = 100.0
#: With fewer texts, and with fewer of most of several classes, the ratios are mostly noise.
ENOUGH, ENOUGH_OF_A_CLASS = 2_000, 200
#: How exactly the best weights are found; ten times more changes no prediction.
TOLERANCE = 1e-2
#: The logit of a class that no text has.
NEVER = -20.0


def unit_rows(counts):
    """The presence of features, each row divided by its length: `1 / sqrt(number of features)`.

    >>> unit_rows(sparse.csr_matrix([[2, 0, 1, 1, 9]])).toarray().tolist()
    [[0.5, 0.0, 0.5, 0.5, 0.5]]
    """
    found = sparse.csr_matrix(counts, dtype=np.float32)
    sizes = np.diff(found.indptr)
    found.data = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
    return found


def log_count_ratios(features, labels, classes) -> np.ndarray:
    """How much more often the texts of a class have a feature than all others, in logarithms.

    float32 `(classes, features)`, of sparse features of which only counts what is not 0. With two
    classes, the rows differ in sign alone.

    >>> rows = sparse.csr_matrix([[1, 0], [1, 0], [0, 1]])
    >>> ratios = np.exp(log_count_ratios(rows, [1, 1, 0], 2)[1])
    >>> ratios.astype(float).round(2).tolist()  # 3/4 to 1/3, and 1/4 to 2/3
    [2.25, 0.38]
    """
    count = len(labels)
    chosen = sparse.csr_matrix((np.ones(count), (labels, np.arange(count))), (classes, count))
    inside = np.asarray((chosen @ features.sign()).todense(), np.float64)
    outside = 1 + inside.sum(axis=0) - inside
    inside += 1
    ratios = inside / inside.sum(axis=1, keepdims=True)
    ratios /= outside / outside.sum(axis=1, keepdims=True)
    return np.log(ratios).astype(np.float32)


def rarities(features) -> np.ndarray:
    """Inverse document frequencies `(features,)`, about 1 in the mean of a text."""
    texts = np.bincount(features.indices, minlength=features.shape[1])
    found = np.log((1 + features.shape[0]) / (1 + texts)) + 1
    return np.float32(found / np.sqrt(np.mean(found[features.indices] ** 2)))


def probabilities(logits) -> np.ndarray:
    """Of all classes, `(n, classes)`; of two, the logits are those of the second, `(n, 1)`."""
    return all_classes(expit(logits)) if logits.shape[1] == 1 else softmax(logits, axis=1)


def fit(blocks, labels, classes, balanced=False, both=False):
    """Fits one logistic regression for two classes, or one against all others for each.

    Of blocks `(n, features)` beside each other, which are weighted where they are sparse. With
    `both`, where texts are few, the weights are the mean of those for features weighted by naive
    Bayes and by `rarities`.

    Returns:
        For each block its weights `(features, outputs)`, and the bias `(outputs,)`, float32: one
        output for two classes, which speaks for the second.
    """
    labels = np.asarray(labels)

    def scale(of):
        found = [of(b) if sparse.issparse(b) else np.ones(b.shape[1], np.float32) for b in blocks]
        wide = [np.broadcast_to(each, (classes, each.shape[-1])) for each in found]
        return np.concatenate(wide, axis=1)

    scales = [scale(lambda block: log_count_ratios(block, labels, classes))]
    of_few = classes > 2 and np.mean(np.bincount(labels)[labels] < ENOUGH_OF_A_CLASS) > 0.5
    if both and (len(labels) < ENOUGH or of_few):
        scales.append(scale(rarities))
    features = sparse.hstack([sparse.csr_matrix(b, dtype=np.float32) for b in blocks], format="csr")
    features.sort_indices()  # or the solver would, and leave `values` behind
    outputs = [1] if classes == 2 else range(classes)
    weights = np.zeros((features.shape[1], len(outputs)), np.float32)
    bias = np.zeros(len(outputs), np.float32)
    values = features.data.copy()
    for column, k in enumerate(outputs):
        own = labels == k
        if own.all() or not own.any():
            bias[column] = -NEVER if own.all() else NEVER
            continue
        # The dual form takes seconds for millions of features.
        model = LogisticRegression(
            C=STRENGTH, solver="liblinear", dual=True, tol=TOLERANCE, max_iter=200, random_state=0,
            class_weight="balanced" if balanced else None,
        )  # fmt: skip
        for scale in scales:
            features.data = values * scale[k][features.indices]
            with calmly():
                model.fit(features, own)
            weights[:, column] += scale[k] * model.coef_[0] / len(scales)
            bias[column] += model.intercept_[0] / len(scales)
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    return [*np.split(weights, ends), bias]
