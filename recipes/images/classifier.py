"""Class probabilities of a trained model."""

import numpy as np

import zoo
from recipes.classification.calibration import tempered

#: Pictures that are predicted at once, and their pixels, at most.
CHUNK, PIXELS = 512, 2**20


def chunk_size(shape) -> int:
    """How many pictures of a shape are predicted at once.

    >>> chunk_size((28, 28)), chunk_size((128, 128, 3))
    (512, 64)
    """
    return max(1, min(CHUNK, PIXELS // (shape[0] * shape[1])))


class Classifier:
    """Calls a trained model on pictures, in chunks of one fixed size.

    The same pictures give the same numbers to the last digit, in whatever process they are asked
    for: what a run writes, `zoo predict` repeats. It averages samples of Monte-Carlo dropout;
    without any, it makes one plain prediction.
    """

    def __init__(self, model, mc_samples=0, seed=0):
        self.model = model
        self.mc_samples, self.seed = mc_samples, seed

    def __call__(self, images) -> np.ndarray:
        """Probabilities `(n, classes)` of pictures `(n, ...)` uint8."""
        return self._chunked(images, lambda samples: samples.mean(axis=0))

    def tempered(self, images, temperature, head="multiclass") -> np.ndarray:
        """Probabilities of a model whose logits are divided by a temperature."""
        return self._chunked(images, lambda s: tempered(s, temperature, head).mean(axis=0))

    def samples(self, images) -> np.ndarray:
        """The single predictions, `(samples, n, classes)`; one where there is no dropout."""
        return self._chunked(images, lambda samples: samples, axis=1)

    def _chunked(self, images, summarise, axis=0):
        parts = []
        size = chunk_size(images.shape[1:])
        for first in range(0, len(images), size):
            chunk = images[first : first + size]
            rows = np.minimum(np.arange(size), len(chunk) - 1)  # filled up with the last one
            if self.mc_samples:
                how = {"samples": self.mc_samples, "seed": self.seed + first}
                found = zoo.monte_carlo(self.model, chunk[rows], **how).samples
            else:
                found = np.asarray(self.model.predict_on_batch(chunk[rows]))[None]
            parts.append(summarise(found[:, : len(chunk)]))
        return np.concatenate(parts, axis=axis)
