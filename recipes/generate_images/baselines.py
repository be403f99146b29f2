"""What pictures are drawn, or compressed, by without a neural network."""

import numpy as np
from sklearn.decomposition import PCA

from recipes.generate_images.pixels import UNIT, unscaled

#: Directions in which pictures are drawn, at most, and pictures that they are learned from.
DIRECTIONS, MOST = 100, 10_000


def drawn(part, seed) -> dict:
    """`{name: function from a number to pictures, uint8}`.

    `training_pictures` are real ones, the best that there can be; `pca` is one normal distribution
    of all pictures, `gaussian_per_class` one of each class.
    """
    images, labels = part.images[:MOST], part.labels[:MOST]
    pca = PCA(min(DIRECTIONS, len(images) - 1, images[0].size), random_state=seed)
    codes = pca.fit_transform(_rows(images))

    def from_groups(groups, name):
        def draw(count):
            generator = np.random.default_rng([seed, name])
            chosen = generator.choice(groups, count)
            found = np.empty((count, codes.shape[1]))
            for group in np.unique(chosen):
                mine, rows = chosen == group, codes[groups == group]
                spread = np.cov(rows, rowvar=False) if len(rows) > 1 else np.zeros([rows.size] * 2)
                mean, size = rows.mean(axis=0), int(mine.sum())
                found[mine] = generator.multivariate_normal(mean, spread, size, method="eigh")
            return unscaled(pca.inverse_transform(found), UNIT[0]).reshape(-1, *images.shape[1:])

        return draw

    def training_pictures(count):
        generator = np.random.default_rng([seed, 2])
        count = min(count, len(part))
        return part.images[np.sort(generator.choice(len(part), count, replace=False))]

    one = np.zeros(len(labels), int)
    return {
        "training_pictures": training_pictures,
        "pca": from_groups(one, 0),
        "gaussian_per_class": from_groups(labels, 1),
    }


def compressed(part, size, seed) -> dict:
    """`{name: function from pictures to what is left of them, uint8}`: PCA with as large a code."""
    pca = _fitted(part, size, seed)

    def through_pca(pictures):
        found = pca.inverse_transform(pca.transform(_rows(pictures)))
        return found.reshape(pictures.shape).astype(np.float32)

    return {"pca": through_pca}


def left_over(part, size, seed) -> float:
    """Mean squared error of pixels, in [0, 1], that PCA with so large a code leaves."""
    images = part.images[:MOST]
    back = compressed(part, size, seed)["pca"](images)
    return float(np.square(np.asarray(images, np.float32) / 255 - back).mean())


def log_likelihood(part, images, size, seed) -> float:
    """Nats a picture, pixels in [0, 1], of probabilistic PCA with so large a code."""
    return float(_fitted(part, size, seed).score(_rows(images)))


def _fitted(part, size, seed):
    images = part.images[:MOST]
    return PCA(min(size, len(images), images[0].size), random_state=seed).fit(_rows(images))


def _rows(images):
    return np.asarray(images).reshape(len(images), -1).astype(np.float32) / 255
