"""What a practitioner would try before a neural network."""

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from recipes.classification.estimators import calmly
from recipes.text_classification import naive_bayes
from zoo.layers.raw_texts import spaced

#: Characters at most of a text that the baseline reads.
LONGEST = 20_000
#: Texts from which on n-grams of one text alone are left out before they are counted.
MANY = 50_000
#: What is a word, of one letter or more.
WORD = r"(?u)\b\w+\b"


def fit(part, clean, characters=False, balanced=False) -> dict:
    """Fits the baselines: `{name: function from a part to class probabilities}`."""
    shares = np.bincount(part.labels, minlength=len(part.classes)) / len(part)
    shares = np.full(len(shares), 1 / len(shares)) if balanced else shares
    found = {"majority": lambda part: np.tile(shares, (len(part), 1))}
    how = {"analyzer": "char", "lowercase": False} if characters else {"token_pattern": WORD}

    def read(part):
        cleaned = [clean(text[:LONGEST]) for text in part.texts]
        return cleaned if characters else [spaced(text) for text in cleaned]

    for name, learn in _LEARNERS.items():
        try:
            found[name] = learn(read, part, how, balanced)
        except ValueError:  # no text has any word
            found[name] = found["majority"]
    return found


def _tfidf(read, part, how, balanced):
    """Logistic regression on weighted counts of what the training texts hold."""
    rare = 2 if len(part) >= 1000 else 1  # what occurs in one text of many tells nothing
    how = {**how, "ngram_range": (1, 4 if "analyzer" in how else 2)}
    how |= {"min_df": rare, "dtype": np.float32, "vocabulary": _repeated(read, part, how)}
    counter = TfidfVectorizer(**how, sublinear_tf=True)
    features = counter.fit_transform(read(part))
    model = LogisticRegression(C=10.0, max_iter=200, class_weight="balanced" if balanced else None)
    with calmly():
        model.fit(features, part.labels)

    def forecast(other):
        shares = np.zeros((len(other), len(part.classes)))  # of a class without training texts, 0
        shares[:, model.classes_] = model.predict_proba(counter.transform(read(other)))
        return shares

    return forecast


def _naive_bayes(read, part, how, balanced):
    """Logistic regression on naive-Bayes weighted n-grams, each of them present or not."""
    how = {**how, "ngram_range": (1, 5 if "analyzer" in how else 3)}
    rare = 2 if len(part) >= 10_000 else 1  # of fewer texts, rare n-grams fit into memory
    how |= {"min_df": rare, "dtype": np.float32, "vocabulary": _repeated(read, part, how)}
    counter = CountVectorizer(**how)
    features = naive_bayes.unit_rows(counter.fit_transform(read(part)))
    weights, bias = naive_bayes.fit([features], part.labels, len(part.classes), balanced)

    def forecast(other):
        features = naive_bayes.unit_rows(counter.transform(read(other)))
        return naive_bayes.probabilities(features @ weights + bias)

    return forecast


def _repeated(read, part, how):
    """Of many texts the n-grams that two hold, by hashes: the strings of all would take GBs."""
    if len(part) < MANY:
        return None
    texts, split = read(part), CountVectorizer(**how).build_analyzer()
    hashes = np.concatenate([np.fromiter(map(hash, {*split(text)}), np.int64) for text in texts])
    hashes.sort()
    often = {*hashes[1:][hashes[1:] == hashes[:-1]].tolist()}
    return sorted({gram for text in texts for gram in split(text) if hash(gram) in often})


_LEARNERS = {"tfidf_logistic_regression": _tfidf, "naive_bayes_logistic_regression": _naive_bayes}
