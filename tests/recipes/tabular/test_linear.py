"""The linear baseline as a model says what scikit-learn says."""

import numpy as np
import pytest

import zoo
from recipes.data.target import Target
from recipes.tabular.baselines import baselines
from recipes.tabular.linear import as_model
from tests.shared import assert_close


@pytest.mark.parametrize("columns", [("numeric",), ("categories",), ("numeric", "categories")])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_the_model_is_the_estimator(classes, columns, tmp_path):
    generator = np.random.default_rng(0)
    numbers = generator.normal([5, 2000], [1, 300], (200, 2)).astype("float32")
    numbers[::7, 0] = np.nan
    codes = generator.integers(0, [3, 4], (200, 2)).astype("int32")  # 0 for missing
    signal = np.nan_to_num(numbers[:, 0]) + codes[:, 0] + generator.normal(size=200)
    labels = tuple("abc"[:classes])
    bounds = np.quantile(signal, np.arange(1, classes) / max(classes, 1))
    target = Target("y", np.digitize(signal, bounds) if classes else signal, labels)
    inputs = {"numeric": numbers, "categories": codes}
    inputs, sizes = {name: inputs[name] for name in columns}, (3, 4) * ("categories" in columns)
    rows = {"train": np.arange(150), "validation": np.arange(150, 200)}
    baseline = baselines(inputs, target, rows, sizes)["logistic" if classes else "ridge"]
    ask = baseline.estimator.decision_function if classes else baseline.estimator.predict
    model = as_model(ask, inputs.get("numeric"), sizes)
    assert_close(np.asarray(model(inputs)), np.reshape(ask(baseline.features), (200, -1)))
    model.save(tmp_path / "model.keras")
    again = zoo.load(tmp_path / "model.keras")
    far = {**inputs, "numeric": np.float32([[1e9, -1e9]] * 200)} if len(columns) == 2 else inputs
    assert_close(np.asarray(again(far)), np.asarray(model(far)))
    assert not model.trainable_variables


def test_numbers_beyond_those_of_training_count_as_the_farthest():
    model = as_model(lambda rows: 2 * np.nan_to_num(rows) + 1, np.float32([[0], [1], [2]]), ())
    found = np.asarray(model({"numeric": np.float32([[1], [2], [3], [1e9], [-1e9]])}))
    assert_close(found[:, 0], [3, 5, 5, 5, 1])
