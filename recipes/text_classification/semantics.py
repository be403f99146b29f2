"""What words have to do with each other: latent semantic analysis of texts, most without labels.

Words that stand in like texts get like numbers. A rare word, or one of unlabelled texts alone, then
learns from the words that it goes with.

Reference: Deerwester et al., *Indexing by latent semantic analysis*, 1990.
"""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from recipes.text_classification.naive_bayes import rarities, unit_rows

#: Directions at most: with 50 and with 300, validation scores of reviews are about the same.
DIRECTIONS = 100
#: Length of a text in these directions, beside that of its n-grams, which is 1: so much helps with
#: 200 labels, and does not drown what n-grams say with 20,000.
LENGTH = 0.3


def directions(counts, features) -> tuple[np.ndarray, np.ndarray] | None:
    """Finds the directions in which texts differ most; None for too few texts or words.

    Sparse counts `(texts, words)` tell which texts have which words; the features of the labelled
    ones are to be of length `LENGTH`. Returns the numbers of each word, float32 `(words,
    directions)`, at most `DIRECTIONS`, and their mean over labelled texts.

    >>> from scipy import sparse
    >>> counts = sparse.csr_matrix([[1, 1, 0, 0], [1, 1, 0, 1], [0, 0, 1, 1], [0, 0, 1, 0]])
    >>> first, second, third, _ = directions(counts, counts)[0][:, 1]
    >>> bool(first == second), bool(first * third > 0)
    (True, False)
    """
    size = min(DIRECTIONS, min(counts.shape) - 1)
    if size < 1:
        return None
    rows = unit_rows(counts)
    rarity = rarities(rows)
    rows = rows @ sparse.diags(rarity)
    _, _, found = randomized_svd(rows, size, n_iter=3, random_state=0)
    words = np.float32(rarity[:, None] * found.T)
    seen = features @ words
    centre = seen.mean(axis=0)
    length = np.sqrt(((seen - centre) ** 2).sum(axis=1).mean())
    scale = np.float32(LENGTH / max(length, 1e-9))
    return scale * words, scale * centre
