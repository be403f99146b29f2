"""IMDB: 50,000 film reviews, half of them in favour, half against.

Reference: Maas et al., *Learning word vectors for sentiment analysis*, 2011; book, chapter 16.
"""

import re
import tarfile

import numpy as np
import pandas as pd

from recipes.classification.splits import SPLIT_SEED
from recipes.data.download import fetch, find_local, open_bytes
from recipes.data.target import Target
from recipes.errors import UserError, reading
from recipes.text_classification.data.labelled_texts import LabelledTexts
from recipes.text_classification.data.text_splits import split_texts, text_keys, without_shared

#: Names of the classes; the ratings are up to 4 and from 7.
LABELS = ("negative", "positive")
#: Reviews of either class, in either part.
COUNT = 12_500
_MEMBER = re.compile(r"(?:.*/)?(train|test)/(neg|pos)/(\d+)_(\d+)\.txt")


def imdb(split="random", validation_fraction=0.1, split_seed=SPLIT_SEED) -> LabelledTexts:
    """The reviews, with the published 25,000 as the test part; see `fetch`.

    Training and test reviews are numbered from 1 each, in the order of the published numbers, the
    negative one of two first.

    Validation is drawn from the 25,000 others by a seed. With `split="random"`, class by class; a
    review that occurs twice is in one part, and not in training if it is in the test part. With
    `"book"`, it is the last tenth of them in a random order, with what they have in common.
    """
    train, test = _read()
    texts = np.concatenate([train["review"].to_numpy(object), test["review"].to_numpy(object)])
    values = np.concatenate([train["label"], test["label"]]).astype(np.int64)
    numbers = np.concatenate([np.arange(len(train)), np.arange(len(test))]) + 1
    target = Target("label", values, LABELS)
    count = len(train)
    rows = {"test": np.arange(count, len(texts))}
    if split == "book":
        order = np.random.default_rng(42).permutation(count)
        rows |= {"train": order[: -count // 10], "validation": order[-count // 10 :]}
        keys = {name: text_keys(texts[chosen]) for name, chosen in rows.items()}
        known, others = set(keys["train"]), ("validation", "test")
        shared = [f"{sum(key in known for key in keys[name])} {name}" for name in others]
        notes = (f"as in the book, training has {' and '.join(shared)} reviews, too",)
    else:
        first = Target("label", values[:count], LABELS)
        fractions = {"validation": validation_fraction}
        found, notes = split_texts(texts[:count], first, fractions, split_seed)
        rows |= found
        rows["train"], more = without_shared(texts, rows["train"], rows["test"])
        notes += more
    rows = {name: rows[name] for name in ("train", "validation", "test")}
    return LabelledTexts(texts, target, numbers, rows, "imdb", notes)


def read_archive(path):
    """Reads the published archive, `aclImdb_v1.tar.gz`.

    A `UserError` if it is damaged, or reviews are missing.

    Returns:
        Frames of the training and of the test reviews, with the columns `id`, `rating`, `label` (0
        or 1) and `review`, sorted by `id` and `label`.
    """
    found = {"train": [], "test": []}
    with reading(path, " Delete it and try again."), tarfile.open(path) as archive:
        for member in archive:
            match = _MEMBER.fullmatch(member.name)
            if match:
                part, kind, number, rating = match.groups()
                review = archive.extractfile(member).read().decode()
                found[part].append((int(number), int(rating), int(kind == "pos"), review))
    frames = []
    for part, rows in found.items():
        frame = pd.DataFrame(rows, columns=["id", "rating", "label", "review"])
        counts = [int((frame["label"] == label).sum()) for label in (0, 1)]
        if counts != [COUNT, COUNT]:
            raise UserError(
                f"Expected {COUNT:,} reviews of each kind in the {part} part of {path}. Received: "
                f"{counts[0]:,} negative and {counts[1]:,} positive ones."
            )
        frames.append(frame.sort_values(["id", "label"], ignore_index=True))
    return frames


def _read():
    tables = [find_local("imdb_train"), find_local("imdb_test")]
    if None in tables:
        return read_archive(fetch("imdb"))
    frames = []
    for path in tables:
        with open_bytes(path) as file:
            frames.append(pd.read_csv(file, keep_default_na=False))
    return frames
