"""Boosted trees as a layer say what scikit-learn says."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from recipes.data.target import Target
from recipes.tabular import default_config, load_data
from recipes.tabular.trees import as_layer, build, mix
from tests.shared import assert_close
from zoo.layers import WeightedSum


@pytest.mark.parametrize("categories", [False, True])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_the_layer_is_the_estimator(classes, categories):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 3)).astype("float32")
    x[:, 2] = generator.integers(1, 30, 400)
    x[generator.random(x.shape) < 0.1] = np.nan
    signal = np.nan_to_num(x[:, 0] + (x[:, 2] % 3 == 1) - 0.2 * np.nan_to_num(x[:, 1]))
    target = np.digitize(signal, np.quantile(signal, np.arange(1, classes) / max(classes, 1)))
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    estimator = kind(max_iter=8, categorical_features=[2] if categories else None)
    estimator.fit(x, target if classes else signal)
    layer = as_layer(estimator, numeric=2 if categories else 3)
    inputs = {"numeric": x}
    if categories:
        inputs = {"numeric": x[:, :2], "categories": np.nan_to_num(x[:, 2:]).astype("int32")}
    found = np.asarray(layer(inputs))
    if not classes:
        assert_close(found[:, 0], estimator.predict(x))
        return
    logits = keras.ops.softmax(found) if classes > 2 else keras.ops.sigmoid(found)
    assert_close(np.asarray(logits)[:, -1], estimator.predict_proba(x)[:, -1])
    assert_close(found[:, -1], estimator.decision_function(x).reshape(400, -1)[:, -1])


def test_trees_of_a_table_with_dates_and_categories(tmp_path):
    generator = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 400, 200), unit="D")
    kind = generator.choice(["a", "b", "c"], 200)
    value = days.month + 5 * (kind == "a") + generator.normal(size=200)
    frame = pd.DataFrame({"day": days, "kind": kind, "value": value})
    frame.loc[::9, "day"] = None
    frame.to_csv(tmp_path / "t.csv", index=False)
    config = replace(default_config(own_data=True), data=str(tmp_path / "t.csv"), target="value")
    task = load_data(config)
    boosted = task.fitted_baselines["boosted_trees"]
    model = build(config, task).model  # which compares them
    assert model.get_layer("boosted_trees").numeric == 5
    assert np.std(boosted(np.arange(200))) > 1


@pytest.mark.parametrize(("rows", "share"), [(4, 0.5), (4000, 1.0)])
def test_many_rows_say_how_much_the_trees_count_and_few_do_not(rows, share):
    """Two know nothing, the trees the truth: four rows are no proof of that."""
    target = np.random.default_rng(0).normal(0, 0.5, rows)
    layer = WeightedSum()
    inputs = [keras.Input((1,)) for _ in range(3)]
    model = keras.Model(inputs, layer(inputs))
    said = (np.zeros(rows), target, -target)
    task = SimpleNamespace(
        table=SimpleNamespace(rows={"validation": np.arange(rows)}, target=Target("y", target)),
        target_scaling=(0.0, 1.0),
        parts=lambda model: [found.__getitem__ for found in said],
    )
    trees, linear = mix(task, model, layer).values()
    assert abs(trees - share) <= 0.15
    assert_close(layer.get_weights()[0], [1 - trees - linear, trees, linear])
