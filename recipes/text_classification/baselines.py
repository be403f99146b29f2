"""What a practitioner would try before a neural network."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from recipes.classification.estimators import calmly

#: Characters at most of a text that the baseline reads.
LONGEST = 20_000


def fit(part, clean, characters=False, balanced=False) -> dict:
    """Fits the baselines.

    Args:
        part: `Part` to train on.
        clean: Function that takes out of a text what no model reads.
        characters: Whether runs of one to four characters are counted, instead of words and pairs
            of words.
        balanced: Whether every class counts alike.

    Returns:
        `{name: forecast}`, each a function from a `Part` to class probabilities.
    """
    count = len(part.classes)
    shares = np.bincount(part.labels, minlength=count) / len(part)
    shares = np.full(count, 1 / count) if balanced else shares
    return {
        "majority": lambda part: np.tile(shares, (len(part), 1)),
        "tfidf_logistic_regression": _counted(part, clean, characters, balanced),
    }


def _counted(part, clean, characters, balanced):
    """Logistic regression on weighted counts of what the training texts hold."""
    how = {"analyzer": "char", "ngram_range": (1, 4), "lowercase": False}
    how = how if characters else {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
    rare = 2 if len(part) >= 1000 else 1  # what occurs in one text of many tells nothing
    counter = TfidfVectorizer(**how, sublinear_tf=True, min_df=rare, dtype=np.float32)

    def read(part):
        return [clean(text[:LONGEST]) for text in part.texts]

    model = LogisticRegression(C=10.0, max_iter=200, class_weight="balanced" if balanced else None)
    try:
        found = counter.fit_transform(read(part))
    except ValueError:  # no text has any word
        shares = np.bincount(part.labels, minlength=len(part.classes)) / len(part)
        return lambda part: np.tile(shares, (len(part), 1))
    with calmly():
        model.fit(found, part.labels)

    def forecast(other):
        shares = np.zeros((len(other), len(part.classes)))  # of a class without training texts, 0
        shares[:, model.classes_] = model.predict_proba(counter.transform(read(other)))
        return shares

    return forecast
