"""What a practitioner would try before a neural network."""

import math

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from recipes.classification.estimators import calmly
from recipes.classification.splits import stratified_sample

#: Images x pixels at most that logistic regression is fitted on: some ten seconds.
MAX_LOGISTIC = 8_000_000
#: Images x pixels x classes at most for gradient boosting: some fifteen seconds.
MAX_BOOSTING = 40_000_000
#: Pixels a side that are left of photos, about.
SIDE = 32
#: Fewer images of a class than this, chosen from more, are not worth boosting.
FEWEST = 20


def notes(part) -> tuple[str, ...]:
    """What the baselines leave out, in words."""
    found = []
    sizes = {"logistic_regression": _logistic_size(part), "gradient_boosting": _boosting_size(part)}
    for name, size in sizes.items():
        if not size:
            found.append(f"{name} is left out: so many pixels and classes would take it too long")
        elif size < len(part):
            found.append(f"{name} is fitted on {size:,} of {len(part):,} training images")
    return tuple(found)


def fit(part, balanced=False, seed=0) -> dict:
    """Fits the baselines: `{name: function from pictures to class probabilities}`.

    With `balanced`, every class counts alike; the seed chooses, where there are too many pictures.
    Of several labels, each has a model of its own.
    """
    weight = "balanced" if balanced else None
    count = len(part.classes)
    shares = np.full(count, 1 / count) if balanced else part.has.mean(axis=0)
    found = {"majority": lambda images: np.tile(shares, (len(images), 1))}
    model = LogisticRegression(max_iter=100, C=0.1, class_weight=weight)
    found["logistic_regression"] = _fitted(model, part, _logistic_size(part), seed)
    if size := _boosting_size(part):
        # For pixels 32 bins are as good as 255, and much faster.
        model = HistGradientBoostingClassifier(
            learning_rate=0.2, max_iter=50, max_bins=32, early_stopping=False, class_weight=weight,
            random_state=seed,
        )  # fmt: skip
        found["gradient_boosting"] = _fitted(model, part, size, seed)
    return found


def _fitted(model, part, size, seed):
    chosen = stratified_sample(part.strata, size, seed) if size < len(part) else slice(None)
    model = OneVsRestClassifier(model) if part.head == "multilabel" else model
    with calmly():
        model.fit(_flat(part.images[chosen]), part.labels[chosen])

    def forecast(images):
        with calmly():
            return model.predict_proba(_flat(images))

    return forecast


def _flat(images):
    """Pixels as rows; of photos the means of squares of them, of which a tree learns as much."""
    step, (count, height, width, *channels) = _step(images), images.shape
    if step > 1:
        height, width = height // step, width // step
        images = np.asarray(images[:, : height * step, : width * step], np.float32)
        images = images.reshape(count, height, step, width, step, *channels).mean(axis=(2, 4))
    return images.reshape(count, -1).astype(np.float32) / 255


def _step(images):
    return max(1, min(images.shape[1:3]) // SIDE)


def _pixels(part):
    return math.prod(part.images.shape[1:]) // _step(part.images) ** 2


def _logistic_size(part):
    return max(len(part.classes), min(len(part), MAX_LOGISTIC // _pixels(part)))


def _boosting_size(part):
    """Number of images to boost on; 0 if that is not worth it."""
    size = min(len(part), MAX_BOOSTING // (_pixels(part) * len(part.classes)))
    return size if size == len(part) or size >= FEWEST * len(part.classes) else 0
