"""A saved model that takes raw tables."""

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from tests.shared import run_fresh
from zoo.layers import (
    ClassProbabilities,
    FillMissing,
    RobustScaleSmoothClip,
    TableColumns,
    TargetUnits,
)


def table(rows=40):
    rng = np.random.default_rng(0)
    numbers = rng.normal([40, 1e4], [10, 5e3], (rows, 2))
    numbers[::5, 0] = np.nan
    ports = rng.choice(["S", "C", None], rows)
    return pd.DataFrame(
        {
            "age": numbers[:, 0],
            "port": ports,
            "fare": numbers[:, 1],
            "class": rng.integers(1, 4, rows),
        }
    )


def build(last, outputs=1, head="regression"):
    """A complete model of raw tables, with random weights, that ends in a layer."""
    frame = table()
    columns = TableColumns(["age", "fare"], {"port": ["C", "S"], "class": ["1", "2"]})
    inputs = columns.new_inputs()
    x = columns(inputs)
    numeric = RobustScaleSmoothClip.from_data(frame[["age", "fare"]])(x["numeric"])
    x = {"numeric": FillMissing(flags=[0])(numeric), "categories": x["categories"]}
    core = zoo.wide_and_deep(3, columns.category_sizes, outputs=outputs, head=head)
    model = keras.Model(inputs, last(core(x)))
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def test_a_table_becomes_predictions_in_the_datas_units():
    model = build(TargetUnits([100.0], [10.0]))
    predictor = zoo.Predictor(model)
    outputs = predictor.predict(table())
    assert outputs.shape == (40, 1)
    columns = model.get_layer("table_columns")
    expected = keras.ops.convert_to_numpy(model(columns.encode(table()), training=False))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    assert abs(outputs.mean() - 100) < 50
    np.testing.assert_allclose(predictor.predict(table(), batch_size=7), outputs, rtol=1e-5)
    assert predictor.labels is None
    with pytest.raises(ValueError, match=r"Expected a classifier.*which has none"):
        predictor.predict_classes(table())


CLASSIFIERS = {
    "binary": (ClassProbabilities(["no", "yes"], "binary"), 1),
    "multiclass": (ClassProbabilities(["a", "b", "c"], "multiclass"), 3),
    "multilabel": (ClassProbabilities(["x", "y"], "multilabel"), 2),
}


@pytest.mark.parametrize("head", CLASSIFIERS)
def test_classes_are_the_most_probable_labels(head):
    last, outputs = CLASSIFIERS[head]
    predictor = zoo.Predictor(build(last, outputs, head))
    probabilities = predictor.predict(table())
    classes = predictor.predict_classes(table())
    assert predictor.labels == last.labels
    assert np.ptp(probabilities) > 0.5
    if head == "binary":
        assert classes.tolist() == ["yes" if p >= 0.5 else "no" for p in probabilities[:, 0]]
    elif head == "multiclass":
        assert classes.tolist() == ["abc"[i] for i in probabilities.argmax(axis=1)]
    else:
        assert classes.dtype == bool
        np.testing.assert_array_equal(classes, probabilities >= 0.5)


FRESH = """
import sys
import numpy as np, pandas as pd, zoo
folder = sys.argv[1]
frame = pd.read_csv(f"{folder}/table.csv", float_precision="round_trip")
expected = np.load(f"{folder}/outputs.npy")
predictor = zoo.Predictor(zoo.load(f"{folder}/model.keras"))
for columns in (list(frame), list(frame.columns[::-1]), ["class", "age", "other", "port", "fare"]):
    np.testing.assert_array_equal(predictor.predict(frame.assign(other=1)[columns]), expected)
assert predictor.labels == ["no", "yes"]
try:
    predictor.predict(frame.drop(columns="port"))
except ValueError as error:
    assert "'port'" in str(error)
else:
    raise AssertionError("a missing column went unnoticed")
"""


def test_reordered_columns_give_equal_predictions_in_a_fresh_process(tmp_path):
    model = build(ClassProbabilities(["no", "yes"], "binary"))
    model.save(tmp_path / "model.keras")
    frame = table()
    frame.to_csv(tmp_path / "table.csv", index=False)
    np.save(tmp_path / "outputs.npy", zoo.Predictor(model).predict(frame))
    run_fresh(FRESH, str(tmp_path))


def test_layers_of_nested_models_are_found():
    model = build(ClassProbabilities(["no", "yes"], "binary"))
    inputs = TableColumns(["age", "fare"], {"port": [], "class": []}).new_inputs()
    outer = zoo.Predictor(keras.Model(inputs, model(inputs)))
    assert outer.labels == ["no", "yes"]
    np.testing.assert_array_equal(outer.predict(table()), zoo.Predictor(model).predict(table()))


def test_models_of_arrays_take_arrays():
    model = zoo.mlp((3,), units=(4,))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    predictor = zoo.Predictor(model)
    np.testing.assert_allclose(predictor.predict(x), model(x), atol=1e-6)
    assert predictor.labels is None


def test_a_table_without_rows_is_refused():
    with pytest.raises(ValueError, match=r"Expected a table with rows"):
        zoo.Predictor(build(TargetUnits([0.0], [1.0]))).predict(table()[:0])
