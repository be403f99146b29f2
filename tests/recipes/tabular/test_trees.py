"""Boosted trees as a layer say what scikit-learn says."""

import keras
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from recipes.tabular.trees import as_layer
from tests.shared import assert_close


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
