"""What a practitioner would try before a neural network."""

import math

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from recipes.supervised.estimators import calmly
from recipes.supervised.splits import stratified_sample

#: Numbers (images x pixels) at most that logistic regression is fitted on: some ten seconds.
MAX_LOGISTIC = 16_000_000
#: Most work for gradient boosting, of which each class and each pixel takes its share.
MAX_BOOSTING = 5_000_000
#: Rounds of boosting.
ROUNDS = 50


def notes(part) -> tuple[str, ...]:
    """What the baselines leave out, in words."""
    found = []
    size = _logistic_size(part)
    if size < len(part):
        found.append(f"logistic_regression is fitted on {size:,} of {len(part):,} training images")
    if not _boosts(part):
        found.append("gradient_boosting is left out: it would take too long on so many pixels")
    return tuple(found)


def fit(part, balanced=False, seed=0) -> dict:
    """Fits the baselines.

    Args:
        part: `Pictures` to train on.
        balanced: Whether every class counts alike.
        seed: Seed of the choice, where there are too many pictures.

    Returns:
        `{name: forecast}`, each a function from pictures to class probabilities.
    """
    weight = "balanced" if balanced else None
    count = len(part.classes)
    shares = np.bincount(part.labels, minlength=count) / len(part)
    shares = np.full(count, 1 / count) if balanced else shares
    found = {"majority": lambda images: np.tile(shares, (len(images), 1))}
    model = LogisticRegression(max_iter=100, C=0.1, class_weight=weight)
    found["logistic_regression"] = _fitted(model, part, _logistic_size(part), seed)
    if _boosts(part):
        model = HistGradientBoostingClassifier(
            max_iter=ROUNDS, early_stopping=False, class_weight=weight, random_state=seed
        )
        found["gradient_boosting"] = _fitted(model, part, len(part), seed)
    return found


def _fitted(model, part, size, seed):
    chosen = slice(None)
    if size < len(part):
        chosen = stratified_sample(part.labels, size, seed)
    with calmly():
        model.fit(_flat(part.images[chosen]), part.labels[chosen])

    def forecast(images):
        with calmly():
            return model.predict_proba(_flat(images))

    return forecast


def _flat(images):
    return images.reshape(len(images), -1).astype(np.float32) / 255


def _pixels(part):
    return math.prod(part.images.shape[1:])


def _logistic_size(part):
    return max(len(part.classes), min(len(part), MAX_LOGISTIC // _pixels(part)))


def _boosts(part):
    return len(part) * _pixels(part) * len(part.classes) <= MAX_BOOSTING
