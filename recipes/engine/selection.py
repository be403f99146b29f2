"""Weighted means of predictors, and which of them to average.

Reference: Caruana et al., *Ensemble selection from libraries of models*, 2004.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

#: Predictions at most in a mean that is chosen.
FEW = 5


class Mixture:
    """A weighted mean of predictors, `(weight, predictor)` each; the weights need not sum to 1."""

    def __init__(self, parts):
        total = sum(weight for weight, _ in parts)
        self.parts = [(weight / total, predictor) for weight, predictor in parts]

    def __call__(self, *inputs):
        """What they predict on average."""
        return mean([(weight, predictor(*inputs)) for weight, predictor in self.parts])


def joined(predictor, partners: Mapping[str, float], baselines: Mapping[str, Any]):
    """A network's predictor, together with the baselines that have a part in the mean.

    Their weights, by name, are at most 1 together.
    """
    if not partners:
        return predictor
    parts = [(share, baselines[name]) for name, share in partners.items()]
    rest = 1 - sum(partners.values())
    return Mixture([(rest, predictor), *parts] if rest > 1e-9 else parts)


def mean(parts):
    """The sum of `(weight, predictions)`, for predictions that can be scaled and added."""
    first, *rest = (predictions * weight for weight, predictions in parts)
    return sum(rest, first)


def likeliest_weights(count, loss, expected=None) -> np.ndarray:
    """The weights, 1 together, of so many predictions whose weighted mean errs least.

    `loss` is the negative log-likelihood of weights. Without any data equal ones are `expected`, of
    two with a deviation of a quarter: it takes some examples to say otherwise. The mean of a few
    good forecasts is hard to beat by choosing among them (Makridakis et al., *The M4 competition*,
    2020).

    >>> likeliest_weights(2, lambda weights: 0.0), likeliest_weights(3, lambda w: -999 * w[2])
    (array([0.5, 0.5]), array([0., 0., 1.]))
    """
    steps = 20 if count == 2 else 10
    tried = itertools.product(range(steps + 1), repeat=count - 1)
    found = [np.array([*some, steps - sum(some)]) / steps for some in tried if sum(some) <= steps]
    middle = np.full(count, 1 / count) if expected is None else np.array(expected)
    return min(found, key=lambda each: loss(each) + 4 * np.square(each - middle).sum())


def select(predictions, score, surprise) -> dict[str, float]:
    """The weights of a mean of the best predictions, the largest first.

    They are the likeliest of which the mean scores no worse than the best of them; of a score, less
    is better, and `surprise` is the negative log-likelihood of data with such a score.

    >>> truth = np.array([1.0, 2.0, 3.0])
    >>> error = lambda found: float(np.abs(found - truth).sum())
    >>> found = {"low": truth - 1, "high": truth + 1, "far": truth + 99}
    >>> select(found, error, lambda error: 9 * error)
    {'low': 0.5, 'high': 0.5}
    """
    scores = {name: score(each) for name, each in predictions.items()}
    names = sorted(scores, key=scores.__getitem__)[:FEW]

    def loss(weights):
        pairs = zip(weights, names, strict=True)
        found = score(mean([(weight, predictions[name]) for weight, name in pairs if weight]))
        return surprise(found) if found <= scores[names[0]] else np.inf

    weights = likeliest_weights(len(names), loss)
    order = np.argsort(-weights, kind="stable")
    return {names[place]: float(weights[place]) for place in order if weights[place]}
