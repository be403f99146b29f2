"""Boosted trees of scikit-learn as a Keras model, so that they can be saved with the others."""

from typing import Any

import keras
import numpy as np

import zoo
from recipes.engine.selection import likeliest_weights
from recipes.engine.task import Built
from recipes.tabular.analysis import row_losses
from recipes.tabular.predictions import predict
from zoo.layers.boosted_trees import CODES

#: The layer of the mean of a network and the baselines, and what is expected to be the best weights
#: of network, boosted trees and linear model, and with them of trees that read neighbors.
MEAN, EXPECTED = "with_baselines", {3: (0.4, 0.4, 0.2), 4: (0.3, 0.3, 0.1, 0.3)}


def build_near(task) -> Built:
    """The boosted trees that read neighbors as a model; there is nothing left to train."""
    columns = task.preprocessing.columns
    inputs = columns.new_inputs()
    table = beside(columns(inputs), task.neighbors[0](task.preprocessing(inputs)))
    outputs = answer(task, table, task.near_trees.on_all(), "near")
    model = keras.Model(inputs, outputs, name="near_trees_predictor")
    return Built(model, None, None, None, monitor="val_loss")


def beside(table, found):
    """Numeric and other columns, with what was found as more of the former, symbolic."""
    return {**table, "numeric": keras.layers.Concatenate()([table["numeric"], found])}


def build(config, task) -> Built:
    """The boosted trees among the baselines as a model; there is nothing left to train."""
    boosted = task.fitted_baselines["boosted_trees"].on_all()
    columns, rows = task.preprocessing.columns, task.table.rows["validation"]
    inputs = columns.new_inputs()
    outputs = answer(task, columns(inputs), boosted)
    model = keras.Model(inputs, outputs, name="boosted_trees_predictor")
    ours, theirs = predict(model, task.take(rows)), boosted(rows)
    if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-3 * max(1e-12, np.std(theirs))):
        raise RuntimeError(
            "The trees of this version of scikit-learn are not read right: please report it."
        )
    return Built(model, None, None, None, monitor="val_loss")


def answer(task, table, boosted, name="boosted"):
    """What boosted trees say about the columns of `zoo.layers.TableColumns`, symbolic."""
    target, numeric = task.table.target, table["numeric"].shape[1] if "numeric" in table else 0
    found = as_layer(boosted.estimator, numeric, name=f"{name}_trees")(table)
    if not target.labels:
        return found
    return zoo.layers.ClassProbabilities(target.labels, target.head, name=f"{name}_classes")(found)


def know_all_classes(task) -> bool:
    """Whether the training rows show every class, without which the trees have fewer outputs."""
    target = task.table.target
    return len(np.unique(target.values[task.table.rows["train"]])) >= len(target.labels)


def mix(task, model, layer) -> dict[str, float]:
    """Sets how much trees and linear model count beside a trained network, as validation says.

    The layer is the `zoo.layers.WeightedSum` in the model of all. Returns the `trees_share` and the
    `linear_share`, from 0 to 1: as `EXPECTED` unless the validation rows say otherwise.
    """
    target, rows = task.table.target, task.table.rows["validation"]
    found = [part(rows) for part in task.parts(model)]

    def loss(weights):
        total = row_losses(target, rows, sum(map(np.multiply, weights, found))).sum()
        if target.labels:
            return total
        # Two rows more, which err as a constant does: few rows of small errors are no proof.
        return len(rows) / 2 * np.log(total / task.target_scaling[1] ** 2 + 2)

    weights = likeliest_weights(len(found), loss, EXPECTED[len(found)])
    layer.set_weights([weights])
    return {"trees_share": float(weights[1] + sum(weights[3:])), "linear_share": float(weights[2])}


def as_layer(estimator: Any, numeric: int, **kwargs: Any) -> zoo.layers.BoostedTrees:
    """The trees of a fitted `HistGradientBoosting*` estimator, as a `BoostedTrees` layer.

    Scikit-learn has no public form of these trees; what is read here is checked by `build`, each
    time, against what the estimator predicts. Codes of its categories, which follow the numeric
    features, are whole numbers above 0.
    """
    trees = [tree for row in estimator._predictors for tree in row]
    categorical = estimator.is_categorical_
    order = np.arange(estimator.n_features_in_)
    known: list = []
    if categorical is not None:  # scikit-learn moves them to the front, and counts them anew
        order = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])
        known = estimator._preprocessor.named_transformers_["encoder"].categories_
    count = max(len(tree.nodes) for tree in trees)
    itself = np.arange(count, dtype=np.int32)
    names = ("feature", "missing_left", "left", "right", "codes")
    arrays = {name: np.zeros((len(trees), count), np.int32) for name in names}
    arrays |= {name: np.zeros((len(trees), count), np.float32) for name in ("threshold", "value")}
    arrays["codes"] -= 1
    arrays["left"][:], arrays["right"][:] = itself, itself
    members, depth = [], 1
    for row, tree in enumerate(trees):
        nodes, inner = tree.nodes, np.flatnonzero(tree.nodes["is_leaf"] == 0)
        depth = max(depth, int(nodes["depth"].max()))
        arrays["value"][row, : len(nodes)] = nodes["value"]
        arrays["feature"][row, inner] = order[nodes["feature_idx"][inner]]
        arrays["missing_left"][row, inner] = nodes["missing_go_to_left"][inner]
        for side in ("left", "right"):
            arrays[side][row, inner] = nodes[side][inner]
        arrays["threshold"][row, inner] = _rounded_down(nodes["num_threshold"][inner])
        for node in inner[nodes["is_categorical"][inner] == 1]:
            bits = tree.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
            goes = np.zeros(CODES, bool)
            for place, code in enumerate(known[nodes["feature_idx"][node]]):
                if np.isfinite(code):
                    goes[int(code)] = bits[place // 32] >> np.uint32(place % 32) & np.uint32(1)
            arrays["codes"][row, node] = len(members)
            members.append(goes)
    base = np.ravel(estimator._baseline_prediction)
    return zoo.layers.BoostedTrees.from_arrays(arrays, base, depth, numeric, members, **kwargs)


def _rounded_down(values):
    """The next float32 not above: what a float32 is compared with in the same way."""
    values = np.clip(values, -3e38, 3e38)
    found = values.astype(np.float32)
    return np.where(found > values, np.nextafter(found, np.float32(-np.inf)), found)
