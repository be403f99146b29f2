"""Whether a classifier is as often right as it says, and how to make it so.

By hand, since scikit-learn's `calibration_curve` is for two classes and does not count its bins.
"""

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import softmax

from recipes.classification.scores import SMALLEST, decisions

#: A temperature is sought between one over this and this.
LARGEST = 10.0
#: Standard deviation of the logarithm of temperatures, as far as one can say without any data: a
#: few examples, all of them right, must not make the classifier entirely sure. Half that of shifts.
PRIOR = 0.5


def expected_calibration_error(labels, probabilities, bins=15) -> float:
    """Mean gap, from 0 to 1, between how sure the predictions are and how often they are right.

    The gap of each bin of the largest probability, weighted with its fraction of the examples.
    Probabilities are `(n, classes)`, or of class 1 alone; several labels an example count each.

    >>> expected_calibration_error([0, 1], [[0.75, 0.25], [0.75, 0.25]])  # right half the time
    0.25

    Reference: Guo et al., *On calibration of modern neural networks*, 2017.
    """
    share, sure, right = reliability(labels, probabilities, bins).T
    return float(np.sum(share * np.abs(sure - right)))


def reliability(labels, probabilities, bins=15) -> np.ndarray:
    """How sure and how right the predictions are, bin by bin; see `expected_calibration_error`.

    `(bins that hold something, 3)`: fraction of the examples, mean probability of the predicted
    class, and fraction of right predictions.
    """
    labels, found = decisions(labels, probabilities)
    sure, right = found.max(axis=1), found.argmax(axis=1) == labels
    number = np.minimum((sure * bins).astype(int), bins - 1)
    chosen = [number == k for k in np.unique(number)]
    return np.array([(mask.mean(), sure[mask].mean(), right[mask].mean()) for mask in chosen])


def fit_temperature(labels, samples, deviation=PRIOR) -> float:
    """The temperature by which logits are to be divided for the best likelihood.

    Above 1 where the classifier was too sure. With few examples it stays close to 1, the closer
    the less its logarithm is expected to deviate from 0.

    Labels `(n,)` and samples are of data that was not trained on: class probabilities `(n,
    classes)`; or several such predictions of each example, as Monte-Carlo dropout gives, whose mean
    counts: `(samples, n, classes)`.

    >>> sure = [[0.99, 0.01]] * 1000
    >>> labels = [0] * 750 + [1] * 250  # but right in three of four cases only
    >>> temperature = fit_temperature(labels, sure)
    >>> tempered([sure[0]], temperature).round(2).tolist()
    [[0.75, 0.25]]

    Reference: Guo et al., 2017.
    """
    labels, samples = decisions(labels, samples)
    rows = np.arange(len(labels))

    def loss(logarithm):
        found = tempered(samples, np.exp(logarithm))
        found = found.mean(axis=0) if found.ndim == 3 else found
        own = np.clip(found[rows, labels], SMALLEST, 1.0)
        return -np.log(own).sum() + 0.5 * (logarithm / deviation) ** 2

    limit = np.log(LARGEST)
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


def fit_prior_shift(labels, probabilities, shares, deviation=PRIOR) -> float:
    """How much more the logarithms of the classes' shares are to count, for the best likelihood.

    What a classifier knows of training examples by heart speaks louder there than anything does in
    new ones, which are then too often taken for frequent classes: a number below 0 mends that. What
    it says without knowing is to count less, the shares not: a number above 0, which suits a
    temperature above 1 to come. With few examples it stays close to 0, see `fit_temperature`.
    Labels `(n,)` and probabilities `(n, classes)` are of data that was not trained on.

    >>> shares = [0.8, 0.2]  # all that the classifier says, but both are as frequent
    >>> found = fit_prior_shift([0, 1] * 500, [shares] * 1000, shares)
    >>> round(found, 2), shifted([shares], found * np.log(shares)).round(2).tolist()
    (-1.0, [[0.5, 0.5]])

    Reference: Alexandari et al., *Maximum likelihood with bias-corrected calibration is
    hard-to-beat at label shift adaptation*, 2020.
    """
    rows, prior = np.arange(len(labels)), np.log(shares)

    def loss(found):
        logarithm, weight = found
        evidence = tempered(shifted(probabilities, -prior), np.exp(logarithm))
        own = shifted(evidence, (1 + weight) * prior)[rows, labels]
        unlikely = 0.5 * (logarithm**2 + weight**2 / 4) / deviation**2
        return unlikely - np.log(np.clip(own, SMALLEST, 1.0)).sum()

    limit = np.log(LARGEST)
    bounds = [(-limit, limit), (-3, 3)]
    logarithm, weight = minimize(loss, np.zeros(2), method="Nelder-Mead", bounds=bounds).x
    return float(np.exp(logarithm) * (1 + weight) - 1)


def shifted(probabilities, moves) -> np.ndarray:
    """The probabilities `(n, classes)` that the logits would give with `(classes,)` added."""
    return softmax(np.log(np.clip(probabilities, 1e-30, 1.0)) + moves, axis=-1)


def tempered(probabilities, temperature, head="multiclass") -> np.ndarray:
    """The probabilities `(..., classes)` that the logits divided by a temperature would give."""
    found = np.asarray(probabilities, np.float64)
    if head == "multilabel":
        return tempered(np.stack([1 - found, found], axis=-1), temperature)[..., 1]
    return softmax(np.log(np.clip(found, 1e-30, 1.0)) / temperature, axis=-1)
