"""What the number of rows decides, and that neighbors tell no row its own target."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from recipes.data.target import Target
from recipes.tabular import TabularConfig, build_model, default_config, load_data, trees
from recipes.tabular import neighbors as module
from recipes.tabular.candidates import candidates
from recipes.tabular.neighbors import metric, neighbors
from recipes.tabular.predictions import predict
from recipes.tabular.sizing import sized
from tests.shared import assert_close


def table(rows, numeric=("x",), labels=()):
    return SimpleNamespace(
        rows={"train": np.arange(rows)},
        columns=SimpleNamespace(numeric=numeric),
        larger=None,
        target=SimpleNamespace(labels=labels, values=np.arange(rows) % max(1, len(labels))),
    )


def test_few_rows_are_regularised_and_many_read_in_pieces():
    few, many, large = (sized(default_config(), table(rows)) for rows in (650, 3_000, 20_000))
    assert few.model_arguments == {"units": [256, 256], "dropout": 0.4, "members": 16}
    assert many.model_arguments["numeric_embedding"] == "piecewise"
    assert (many.model_arguments["members"], large.model_arguments["members"]) == (16, 8)
    assert [each.neighbors for each in (few, many, large)] == [False, True, True]
    assert all(each.average for each in (few, many, large))
    assert [each.epochs for each in (few, many, large)] == [200, 200, 30]
    assert [each.batch_size for each in (few, many, large)] == [64, 128, 256]
    assert [each.weight_decay for each in (few, many, large)] == [1.0, 0.333, 0.05]
    assert [each.patience for each in (few, many, large)] == [16, 8, 8]


def test_what_is_said_stays():
    given = {"epochs": 3, "batch_size": 7, "weight_decay": 0.0, "patience": 0, "neighbors": False}
    config = TabularConfig(model="wide_and_deep", model_arguments={"dropout": 0.0}, **given)
    found = sized(config, table(5_000))
    assert {name: getattr(found, name) for name in given} == given
    assert found.model_arguments["dropout"] == 0.0
    assert sized(found, table(100)) == replace(found, model_arguments=found.model_arguments)


def test_trees_that_lack_a_class_have_no_part():
    part = table(600, labels=("a", "b", "c"))
    assert sized(default_config(), part).average
    part.target.values = np.minimum(part.target.values, 1)
    assert not sized(default_config(), part).average
    assert not sized(default_config(model="mlp"), table(600)).average


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"preset": "ml3-ch10-84"}, table(5_000)),
        ({"model": "mlp"}, table(5_000)),
        ({"model_arguments": {"wide": [0]}}, table(5_000)),
        ({}, table(5_000, numeric=())),
        ({}, table(5_000, labels=[*"abcdefghijklmnop"])),
    ],
)
def test_neighbors_are_not_sought_where_they_do_not_fit(changes, part):
    assert sized(replace(default_config(), **changes), part).neighbors is False


# Neighbors


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("labels", [(), ("a", "b", "c")])
def test_no_training_row_sees_its_own_target(labels, many, monkeypatch):
    monkeypatch.setattr(module, "MANY", 60 if many else 61)
    monkeypatch.setattr(module, "metric", lambda features, targets: np.ones(2))
    generator = np.random.default_rng(0)
    features = {"numeric": generator.normal(size=(60, 2)).astype("float32")}
    values = generator.integers(0, 3, 60) if labels else generator.normal(size=60)
    if not labels:  # which are scaled by all
        monkeypatch.setattr(module, "targets_of", lambda target, _: target.values[:, None])
    rows = {"train": np.arange(50), "validation": np.arange(0)}
    layer, found = neighbors(features, Target("y", values, labels), rows)
    assert found.shape == (60, 3 * (2 if labels else 1))
    told = np.asarray(layer(features))
    assert_close(found[50:], told[50:])
    assert np.abs(found[:50] - told[:50]).max() > 0.1
    for row in (0, 7, 40):
        other = values.copy()
        other[row] = (values[row] + 1) % 3 if labels else values[row] + 9
        changed, again = neighbors(features, Target("y", other, labels), rows)
        assert_close(again[row], found[row])
        assert np.abs(np.asarray(changed(features))[row] - told[row]).max() > 0.1


def test_validation_rows_are_neighbors_of_new_rows_alone():
    generator = np.random.default_rng(0)
    features = {"numeric": generator.normal(size=(60, 2)).astype("float32")}
    values, rows = generator.normal(size=60), {"train": np.arange(50), "validation": [50, 51]}
    layer, found = neighbors(features, Target("y", values), rows)
    values[50:] += 9
    changed, same = neighbors(features, Target("y", values), rows)
    assert_close(same, found)
    assert layer.candidates == 52
    asked = {"numeric": features["numeric"][50:]}
    assert np.abs(np.asarray(changed(asked)) - np.asarray(layer(asked))).max() > 1


def test_columns_that_say_nothing_of_the_target_do_not_make_rows_near():
    x = np.random.default_rng(0).normal(size=(400, 3)).astype("float32")
    codes = np.random.default_rng(1).integers(0, 3, (400, 2))
    weights = metric({"numeric": x, "categories": codes}, np.sin(3 * x[:, :1]) + codes[:, 1:])
    assert min(weights[0], weights[4]) > 4 * max(weights[1], weights[2], weights[3])


def test_two_columns_that_tell_something_together_alone_are_found():
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(4000, 2)).astype("float32")
    board = (np.floor(6 * x).sum(axis=1) % 2)[:, None]  # of either column, the means are all alike
    noise = generator.normal(size=(4000, 3)).astype("float32")
    weights = metric({"numeric": np.concatenate([noise, x], axis=1)}, board)
    assert min(weights[3:]) > 20 * max(weights[:3])


@pytest.mark.parametrize("few", [1, 5])
def test_the_slope_of_the_error_is_that_of_small_steps(few):
    generator = np.random.default_rng(few)
    columns, targets = generator.normal(size=(30, 5)), generator.normal(size=(30, 2))
    owners, at = np.array([0, 1, 2, 2, 2]), np.array([0.3, -1.0, 0.5])

    def error(logarithms):
        return module._error(logarithms, columns, targets, owners, np.arange(few))

    steps = 0.01 * np.eye(3)
    slopes = [(error(at + step)[0] - error(at - step)[0]) / 0.02 for step in steps]
    assert np.abs(slopes).min() > 0.01
    np.testing.assert_allclose(error(at)[1], slopes, rtol=1e-2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model with neighbors, as it is built, on a table with gaps and categories."""
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (300, 2))
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(c=generator.choice(["u", "v"], 300))
    frame["y"] = np.sin(6 * x[:, 0]) + (frame["c"] == "u")
    frame.loc[::9, "b"] = np.nan
    path = tmp_path_factory.mktemp("data") / "waves.csv"
    frame.to_csv(path, index=False)
    arguments = {"units": [8], "members": 2, "numeric_embedding": "piecewise"}
    config = TabularConfig(
        model="wide_and_deep", data=str(path), target="y", neighbors=True, bins=4,
        model_arguments=arguments,
    )  # fmt: skip
    task = load_data(config)
    keras.utils.set_random_seed(1)
    return task, build_model(task.config, task)


def test_the_saved_model_finds_the_neighbors_itself(trained, tmp_path):
    task, built = trained
    built.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    rows = task.table.rows["test"]
    assert_close(predict(loaded, task.take(rows)), task.predictor(built.model)(rows))


def test_the_saved_trees_read_the_neighbors_that_the_model_finds(trained, tmp_path):
    task, built = trained
    built.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.get_layer("with_baselines").set_weights([np.eye(4)[3]])
    rows, boosted = task.table.rows["test"], task.near_trees.on_all()
    asked = {name: part[rows] for name, part in task.features.items()}
    x = boosted.features[rows]
    x[:, 2:5] = np.asarray(task.neighbors[0](asked))
    found = predict(loaded, task.take(rows))
    assert_close(found, boosted.estimator.predict(x))
    assert np.ptp(found) > 1


def test_the_trees_that_read_neighbors_are_a_candidate_of_their_own(trained, monkeypatch):
    task, built = trained
    alone, mean = trees.build_near(task).model, built.model.get_layer("with_baselines")
    before, rows = mean.get_weights(), task.table.rows
    mean.set_weights([np.eye(4)[3]])
    inputs = task.take(rows["test"])
    assert_close(predict(alone, inputs), predict(built.model, inputs))
    mean.set_weights(before)
    assert_close(task.predictor(alone)(rows["validation"]), task.near_trees(rows["validation"]))
    for many in (10, 10_000):  # training rows from which on there are neighbors
        monkeypatch.setattr("recipes.tabular.sizing.MANY", many)
        names = [each.name for each in candidates(task.config, task, default_config, build_model)]
        assert ("near_trees" in names) == (many == 10)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_part_that_chose_something_is_predicted_by_trees_of_the_training_rows(trained, part):
    task, built = trained
    rows, layer = task.table.rows[part], built.model.get_layer("with_baselines")
    before = layer.get_weights()
    layer.set_weights([np.eye(4)[3]])
    found, told = task.predictor(built.model)(rows), predict(built.model, task.take(rows))
    layer.set_weights(before)
    assert_close(found, task.near_trees(rows))
    assert np.abs(found - told).max() > 1e-3


def test_training_rows_are_predicted_as_if_their_targets_were_not_known(trained):
    task, built = trained
    x, _ = task.batches("train", built).assemble(np.arange(5))
    rows = task.table.rows["train"][:5]
    assert_close(x["neighbors"], task.neighbors[1][rows])
    known = task.predictor(built.model)(rows)
    assert np.abs(known - predict(built.model, task.take(rows))).max() > 1e-4
    built.training_model.get_config()  # which TensorBoard draws
