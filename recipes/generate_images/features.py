"""How much drawn pictures are like real ones, in features of a small network of our own.

Published scores use the features of a network that was trained on photos, which would have to be
downloaded. Here a small convolutional network learns, from the run's own training part and seed,
to tell its classes apart; where the data has none, to tell clusters of pictures apart. Its
features mean the same in all runs on the same data and seed, and nothing beyond.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

from recipes.data.batches import spread

#: Training pictures that the network learns from at most, its epochs, and its features.
MOST, EPOCHS, WIDTH = 10_000, 6, 32
#: Neighbours that say how far a picture's surroundings reach.
NEIGHBORS = 5
#: Clusters in place of classes.
CLUSTERS = 10


@dataclass(frozen=True)
class Features:
    """A network from pictures, 0 to 255, to features and logits of so many classes."""

    model: Any
    classes: int

    def __call__(self, images) -> "Described":
        """What it sees in pictures, uint8."""
        features, logits = self.model.predict(images, batch_size=256, verbose=0)
        return Described(features.astype(np.float64), logits.argmax(axis=1))


@dataclass(frozen=True)
class Described:
    """Features of pictures `(n, features)`, and the class each is taken for `(n,)`."""

    features: np.ndarray
    classes: np.ndarray

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the features."""
        return self.features.mean(axis=0), np.cov(self.features, rowvar=False)

    @cached_property
    def radii(self) -> np.ndarray:
        """How far each picture's surroundings reach: to its fifth neighbour."""
        neighbors = min(NEIGHBORS, len(self.features) - 1)
        return NearestNeighbors(n_neighbors=neighbors).fit(self.features).kneighbors()[0][:, -1]


def fit(images, labels, seed) -> Features:
    """Trains the network for features on pictures, uint8, and the class of each.

    Where all are of one class, clusters of their pixels stand for classes.
    """
    import keras
    from keras import layers

    chosen = spread(len(images), MOST)
    images, labels = np.asarray(images[chosen]), labels[chosen]
    if len(np.unique(labels)) < 2:
        count = min(CLUSTERS, len(images) // 2)
        pixels = images.reshape(len(images), -1).astype(np.float32)
        labels = KMeans(count, n_init=1, random_state=seed).fit_predict(pixels)
    count = int(labels.max()) + 1
    x = inputs = keras.Input(images.shape[1:])
    x = layers.Reshape((*images.shape[1:3], -1))(layers.Rescaling(1 / 127.5, -1.0)(x))
    for number, filters in enumerate((16, 32)):
        start = keras.initializers.HeNormal(seed + number)
        kind = {"padding": "same", "activation": "relu", "kernel_initializer": start}
        x = layers.Conv2D(filters, 3, strides=2, **kind)(x)
    start = keras.initializers.HeNormal(seed + 2)
    x = features = layers.Dense(WIDTH, "relu", kernel_initializer=start)(layers.Flatten()(x))
    x = layers.Dense(count, kernel_initializer=keras.initializers.GlorotUniform(seed + 3))(x)
    model = keras.Model(inputs, x)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, steps_per_execution=1)
    order = np.random.default_rng(seed).permutation(len(images))
    for _ in range(EPOCHS if len(images) == MOST else 5 * EPOCHS):
        model.fit(images[order], labels[order], batch_size=64, shuffle=False, verbose=0)
        order = np.random.default_rng(order[:1]).permutation(len(images))
    return Features(keras.Model(inputs, [features, x]), count)


def scores(real: Described, drawn: Described, classes: int) -> dict[str, float]:
    """Scores of drawn pictures beside real ones.

    Returns:
        `frechet`, the distance of two normal distributions with the mean and covariance of the
        features; `precision`, the fraction of drawn pictures among the surroundings of real ones;
        `recall`, of real ones among those of drawn ones; `coverage`, the fraction of classes with
        a tenth at least of the pictures that they have among the real ones.

    Reference: Heusel et al., *GANs trained by a two time-scale update rule*, 2017 (the distance);
    Kynkaanniemi et al., *Improved precision and recall metric*, 2019.
    """
    expected, found = (np.bincount(each.classes, minlength=classes) for each in (real, drawn))
    there = expected > 0
    enough = found[there] / len(drawn.classes) >= expected[there] / len(real.classes) / 10
    return {
        "frechet": frechet(real.moments, drawn.moments),
        "precision": _among(drawn.features, real),
        "recall": _among(real.features, drawn),
        "coverage": float(enough.mean()),
    }


def frechet(one, other) -> float:
    """The Frechet distance of two normal distributions, each a mean and a covariance.

    >>> import numpy as np
    >>> round(frechet((np.zeros(2), np.eye(2)), (np.ones(2), 4 * np.eye(2))), 6)  # 2 + 2
    4.0
    """
    (mean, covariance), (other_mean, other_covariance) = one, other
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ other_covariance @ root)
    apart = np.square(mean - other_mean).sum()
    spreads = np.trace(covariance) + np.trace(other_covariance)
    return float(apart + spreads - 2 * np.sqrt(np.maximum(inner, 0)).sum())


def _among(points, described):
    """Fraction of points in the surroundings of one of those described."""
    apart = (np.linalg.norm(described.features - point, axis=1) for point in points)
    return float(np.mean([(distances <= described.radii).any() for distances in apart]))
