"""The linear model among the baselines as a Keras model, so that it can be saved with others."""

import keras
import numpy as np
from keras import layers

import zoo
from recipes.engine.task import Built
from zoo.layers.table_columns import table_inputs


def name(task) -> str:
    """Its name among the baselines."""
    return "logistic" if task.table.target.labels else "ridge"


def build(task) -> Built:
    """The linear model among the baselines as a model; there is nothing left to train."""
    columns = task.preprocessing.columns
    inputs = columns.new_inputs()
    model = keras.Model(inputs, answer(task, columns(inputs)), name="linear_predictor")
    return Built(model, None, None, None, monitor="val_loss")


def answer(task, table):
    """What it says about the columns of `zoo.layers.TableColumns`, symbolic, by all known rows."""
    target, sizes = task.table.target, task.preprocessing.columns.category_sizes
    estimator = task.fitted_baselines[name(task)].on_all().estimator
    ask = estimator.decision_function if target.labels else estimator.predict
    found = as_model(ask, task.preprocessing.numeric, sizes)(table)
    if not target.labels:
        return found
    return zoo.layers.ClassProbabilities(target.labels, target.head, name="linear_classes")(found)


def as_model(ask, numbers, sizes) -> keras.Model:
    """A function of rows to which each column adds something, numbers in proportion, as a model.

    Such a function is known where it is asked for one change at a time. Numbers that are farther
    out than all those of the training rows, in standard deviations, count as the farthest.

    It is asked about rows `(n, columns)` of numbers, and of codes of categories above 0, both NaN
    where missing. `numbers` are those of the training rows, or `None`; `sizes` are how many codes
    each column of categories has, missing included.
    """
    numbers = np.empty((1, 0)) if numbers is None else numbers
    scaling = zoo.layers.StandardScale.from_data(numbers)
    middle, scale = np.array(scaling.mean), np.array(scaling.scale)
    scaling.clip = float(np.abs(np.nan_to_num((numbers - middle) / scale)).max(initial=1.0))
    count, like = len(middle), {"dtype": "float32", "trainable": False}
    changes = [(place, middle[place] + scale[place]) for place in range(count)]
    changes += [(place, np.nan) for place in range(count)]
    for place, size in enumerate(sizes, start=count):
        changes += [(place, code or np.nan) for code in range(size)]
    rows = np.tile([*middle, *[np.nan] * len(sizes)], (1 + len(changes), 1))
    for row, (place, value) in enumerate(changes, start=1):
        rows[row, place] = value
    found = np.reshape(ask(rows), (len(rows), -1))
    bias, added = found[0], found[1:] - found[0]
    inputs, terms = table_inputs(count, len(sizes)), []
    if count:
        x = zoo.layers.FillMissing(range(count), **like)(scaling(inputs["numeric"]))
        dense = layers.Dense(len(bias), name="numbers", **like)
        terms.append(dense(x))
        dense.set_weights([added[: 2 * count], bias])
    if sizes:
        embedding = zoo.layers.CategoryEmbedding(sizes, len(bias), "sum", name="codes", **like)
        terms.append(embedding(inputs["categories"]))
        values = added[2 * count :]
        values[: sizes[0]] += 0 if count else bias  # one code of the first column is in every row
        embedding.set_weights([values])
    total = terms[0] if len(terms) == 1 else layers.Add(**like)(terms)
    return keras.Model(inputs, total, name="linear")
