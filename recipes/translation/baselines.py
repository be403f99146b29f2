"""Translations that need no model."""

import re
from collections import Counter

import numpy as np

#: Queries that are compared with all training sources at once.
_ROWS = 100


class MostFrequent:
    """The most frequent target of all training pairs, for every source."""

    def __init__(self, pairs):
        self.answer = Counter(target for _, target in pairs).most_common(1)[0][0]

    def translate(self, texts) -> list[str]:
        """The same answer for each text."""
        return [self.answer] * len(texts)


class Nearest:
    """The target of the most similar training source, the first of several.

    Similarity is the cosine of the tf-idf weights of words, or of runs of one to three characters.

    >>> pairs = [("I like tea", "me gusta el té"), ("He likes cats", "le gustan los gatos")]
    >>> Nearest(pairs).translate(["Do you like tea?"])
    ['me gusta el té']
    """

    def __init__(self, pairs, characters=False):
        from sklearn.feature_extraction.text import TfidfVectorizer

        runs = {"analyzer": "char", "ngram_range": (1, 3), "lowercase": False}
        words = {"analyzer": lambda text: re.findall(r"\w+", text.lower()) or [text]}
        self.vectorizer = TfidfVectorizer(**(runs if characters else words), dtype=np.float32)
        self.known = self.vectorizer.fit_transform([source for source, _ in pairs])
        self.targets = [target for _, target in pairs]

    def translate(self, texts) -> list[str]:
        """The nearest neighbour's target for each text."""
        queries = self.vectorizer.transform(texts)
        found = []
        for first in range(0, len(texts), _ROWS):
            similar = queries[first : first + _ROWS] @ self.known.T
            found += [self.targets[row] for row in similar.toarray().argmax(axis=1)]
        return found
