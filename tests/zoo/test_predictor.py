"""A saved model that takes raw tables and raw texts."""

from unittest import mock

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from tests.shared import run_fresh
from zoo.layers import (
    ClassProbabilities,
    Denormalization,
    FillMissing,
    RobustScaleSmoothClip,
    TableColumns,
    TextTokenizer,
    WordTokenizer,
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
    model = build(Denormalization([100.0], [10.0]))
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


def here(code, folder):
    """As in a fresh process, but without waiting for its imports."""
    with mock.patch("sys.argv", ["here", folder]):
        exec(code, {})


@pytest.mark.filterwarnings("ignore:The 'float_precision'")
@pytest.mark.parametrize("run", [here, pytest.param(run_fresh, marks=pytest.mark.slow)])
def test_reordered_columns_give_equal_predictions_after_loading(tmp_path, run):
    model = build(ClassProbabilities(["no", "yes"], "binary"))
    model.save(tmp_path / "model.keras")
    frame = table()
    frame.to_csv(tmp_path / "table.csv", index=False)
    np.save(tmp_path / "outputs.npy", zoo.Predictor(model).predict(frame))
    run(FRESH, str(tmp_path))


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
        zoo.Predictor(build(Denormalization([0.0], [1.0]))).predict(table()[:0])


# Texts


@keras.saving.register_keras_serializable(package="tests")
class SumAndSize(keras.layers.Layer):
    """The sum of a row's ids."""

    def call(self, ids):
        return keras.ops.cast(keras.ops.sum(ids, axis=1, keepdims=True), "float32")


WORDS = [f"w{n}" for n in range(40)]


def text_model(last=None):
    ids = TextTokenizer(WordTokenizer(WORDS), max_length=300)
    inputs = ids.new_inputs()
    outputs = SumAndSize()(ids(inputs))
    return keras.Model(inputs, outputs if last is None else last(outputs))


def some_texts(count=60):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, rng.integers(0, 80))) for _ in range(count)]


def test_texts_keep_their_order(monkeypatch):
    model, texts = text_model(), some_texts()
    expected = [[sum(WORDS.index(word) + 2 for word in text.split()) or 1] for text in texts]
    shapes, predict = [], model.predict_on_batch
    monkeypatch.setattr(model, "predict_on_batch", lambda x: shapes.append(x.shape) or predict(x))
    predictor = zoo.Predictor(model)
    for given in (texts, np.array(texts), pd.Series(texts)):
        np.testing.assert_array_equal(predictor.predict(given, batch_size=8), expected)
    assert {rows for rows, _ in shapes} == {8, 4}
    lengths = [length for _, length in shapes[:8]]
    assert lengths == sorted(lengths)  # similar ones together
    assert lengths[0] < 16
    shapes.clear()
    long = "w1 " * 300
    predictor.predict([long] * 2000 + ["w1"], batch_size=2000)
    assert sum(rows for rows, _ in shapes) == 2001
    assert max(rows * length for rows, length in shapes) <= 2**17
    np.testing.assert_array_equal(predictor.predict("w1 w2"), [[7]])


def test_texts_have_classes(tmp_path):
    model = text_model(ClassProbabilities(["no", "yes"], "binary"))
    model.save(tmp_path / "model.keras")
    predictor = zoo.Predictor(zoo.load(tmp_path))
    assert predictor.predict_classes(["w1 w2", "", b"w3"]).tolist() == ["yes"] * 3
    assert predictor.predict_classes("").tolist() == ["yes"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "Expected one or more texts. Received: none"),
        (["w1", None], "Expected a text of type str in row 1. Received: None"),
    ],
)
def test_what_is_no_text_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        zoo.Predictor(text_model()).predict(texts)


def test_texts_of_several_outputs():
    model = text_model()
    model = keras.Model(model.inputs, {"sum": model.output, "twice": model.output * 2})
    outputs = zoo.Predictor(model).predict(["w1 w2", "w3", "w1 " * 30])
    np.testing.assert_array_equal(outputs["sum"], [[7], [5], [90]])
    np.testing.assert_array_equal(outputs["twice"], 2 * outputs["sum"])


def test_language_models_take_ids():
    tokens = zoo.layers.CharacterTokenizer("ab")
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Embedding(2, 3)(tokens(inputs)))
    assert zoo.Predictor(model).predict(np.array([[0, 1]])).shape == (1, 2, 3)
