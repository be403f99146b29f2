"""What a trained model or a baseline says about rows of a table."""

import re

import numpy as np
import pandas as pd

import zoo
from recipes.classification.scores import all_classes
from recipes.errors import UserError, some
from zoo.layers import category_strings
from zoo.tokenizers import all_layers

#: Rows that a model is asked for at once, of few rows and of many, always: the same rows give the
#: same last digit.
CHUNKS = (64, 1024)
#: Training rows in which a value must occur to get a code of its own.
FEWEST = 5
#: Trees from which on it is worth the second that XLA takes to compile: it descends five times as
#: fast.
MANY_TREES = 500


def known_values(frame, names) -> dict[str, list[str]]:
    """The values, as strings, of columns of categories that a model learns to tell apart.

    Values of fewer than five rows count as unknown: what is learned about them together is the best
    guess for values never seen. Where all are so rare, all are known.

    >>> known_values(pd.DataFrame({"port": ["S"] * 6 + ["C"] * 5 + ["Q"]}), ["port"])
    {'port': ['C', 'S']}
    """
    found = {}
    for name in names:
        counts = pd.Series(category_strings(frame[name]), dtype=object).value_counts()
        frequent = counts[counts >= FEWEST] if (counts >= FEWEST).any() else counts
        found[name] = sorted(frequent.index)
    return found


def encode(columns, frame, source) -> dict[str, np.ndarray]:
    """The arrays that a model with these `zoo.layers.TableColumns` reads of a frame.

    A `UserError` if a column is missing or does not hold what it should.
    """
    try:
        return columns.encode(frame)
    except ValueError as error:
        raise UserError(f"{source} does not fit the model. {error}") from error


def read_rows(file, columns, target, labels):
    """The columns of `zoo.layers.TableColumns` out of a file, and the target where it has it.

    As a frame, and a `Series` or array, or `None`. A `UserError` if a column is missing.
    """
    categories = [name for name, _ in columns.categories]
    dates = [name for name, *_ in columns.dates]
    for name in (*columns.numeric, *dates, *categories):
        file.require(name, "the model reads it")
    found = {name: file.numbers(name) for name in columns.numeric}
    found |= {name: file.dates(name) for name in dates}
    found |= {name: _spelled(file, name, known) for name, known in columns.categories}
    actual = None
    if target in file.names:
        actual = _spelled(file, target, labels) if labels else file.numbers(target)
    return pd.DataFrame(found), actual


def _spelled(file, name, known):
    """A column of categories as the model knows them: TRUE as True, and $1 or 1,0 as 1."""
    texts = file.labels(name)
    others = [text for text in texts.dropna().unique() if text not in known]
    whole = all(re.fullmatch(r"-?(0|[1-9]\d*)", value) for value in known)
    if others and whole and file.is_numeric(name):
        return pd.Series(category_strings(file.numbers(name)), dtype=object)
    forms = {value.casefold(): value for value in known if value.casefold() in ("true", "false")}
    return texts.replace({t: forms[t.casefold()] for t in others if t.casefold() in forms})


def predict(model, arrays) -> np.ndarray:
    """Predictions of a model for all rows of its inputs, arrays by name.

    For a regression numbers `(n,)`, for a classification probabilities `(n, classes)`.
    """
    count = len(next(iter(arrays.values())))
    chunk = CHUNKS[count > CHUNKS[0]]
    parts = []
    trees = sum(getattr(layer, "trees", 0) for layer in model.layers)
    if trees >= MANY_TREES and all(layer.supports_jit for layer in model.layers):
        model.jit_compile = True
    for first in range(0, count, chunk):
        rows = np.minimum(np.arange(first, first + chunk), count - 1)
        outputs = model.predict_on_batch({name: array[rows] for name, array in arrays.items()})
        parts.append(np.asarray(outputs)[: count - first])
    found = np.float64(np.concatenate(parts))
    return found[:, 0] if zoo.Predictor(model).labels is None else all_classes(found)


def unknown_values(frame, columns) -> list[str]:
    """Notes on the values of categories that a model has not learned."""
    notes = []
    for name, values in columns.categories:
        texts = [text for text in category_strings(frame[name]) if text is not None]
        unknown = sorted({*texts} - {*values})
        if unknown:
            count = sum(text not in values for text in texts)
            notes.append(
                f"column {name!r}: {count:,} rows with values that the model does not know "
                f"({some(unknown)}); it takes them for unknown"
            )
    return notes


def columns_of(model):
    """The `zoo.layers.TableColumns` of a model."""
    return next(each for each in all_layers(model) if isinstance(each, zoo.layers.TableColumns))
