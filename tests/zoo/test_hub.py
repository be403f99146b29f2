import functools
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.hub_modules import (
    EMBEDDING,
    SHIFT,
    TEXTS,
    WORDS,
    expected,
    save_text_module,
)
from tests.shared import run_fresh, traced_once
from zoo.layers import HubLayer
from zoo.layers.hub_modules import shared_variable

LABELS = np.array([[1.0], [0.0], [0.0], [1.0]], "float32")


def normal(*shape):
    return np.random.default_rng(3).normal(size=shape).astype("float32")


def values(layer):
    return [weight.numpy().copy() for weight in layer.weights]


# The layer


def test_texts_in_every_form(text):
    layer = HubLayer(text)
    np.testing.assert_allclose(layer(TEXTS), expected(TEXTS), atol=1e-6)
    np.testing.assert_allclose(layer("good film"), expected(TEXTS[:1]), atol=1e-6)
    forms = [np.array(TEXTS), np.array(TEXTS, object), tuple(TEXTS), tf.constant(TEXTS)]
    for form in forms:
        np.testing.assert_array_equal(layer(form), layer(TEXTS))
    assert layer([]).shape == (0, 3)
    odd = layer(["\N{PILE OF POO} \N{HEBREW LETTER ALEF}", "x " * 10_000, "\ud800"])
    np.testing.assert_allclose(odd[0], 2 * EMBEDDING[4] + SHIFT, rtol=1e-6)
    assert np.isfinite(odd).all()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["good", None], "row 1. Received: None"),
        (np.array(["good", np.nan], object), "row 1. Received: nan"),
        (np.ones((2, 2)), r"one dimension. Received: shape \(2, 2\)"),
        (tf.ones((2, 2)), "Expected texts. Received: a tensor of"),
        (keras.KerasTensor((None,)), "Expected texts. Received: a tensor of float32"),
    ],
)
def test_what_is_no_text(text, inputs, message):
    with pytest.raises(ValueError, match=message):
        HubLayer(text)(inputs)


def test_the_variables_are_weights_under_names_that_optimizers_take(text):
    layer = HubLayer(text, trainable=True, name="module")
    assert layer.count_params() == EMBEDDING.size + 3 + 1
    paths = {weight.path: weight.trainable for weight in layer.weights}
    assert paths == {
        "module/embedding_part_0": True,
        "module/embedding_part_0_1": True,
        "module/calls": False,
    }
    frozen = HubLayer(text)
    assert frozen.count_params() == layer.count_params()
    assert frozen.trainable_weights == []
    frozen.trainable = True
    assert len(frozen.trainable_weights) == 2


def test_a_shared_variable_is_the_module_s_own():
    variable = tf.Variable([1.0, 2.0])
    shared = shared_variable(variable, trainable=True, name="shared")
    assert shared.value is variable
    shared.assign([3.0, 4.0])
    np.testing.assert_array_equal(variable, [3.0, 4.0])


def test_a_keras_that_copies_is_refused(monkeypatch):
    copying = functools.partial(keras.Variable)
    monkeypatch.setattr(keras, "Variable", lambda value, **kwargs: copying(value.numpy(), **kwargs))
    with pytest.raises(RuntimeError, match="would not train"):
        shared_variable(tf.Variable([1.0]), trainable=True, name="copy")


def test_training_mode_reaches_trainable_modules_only(text):
    layer = HubLayer(text, trainable=True)
    calls = layer.module.calls
    np.testing.assert_allclose(layer(TEXTS, training=True), 2 * expected(TEXTS), atol=1e-6)
    np.testing.assert_allclose(layer(TEXTS, training=False), expected(TEXTS), atol=1e-6)
    assert calls.numpy() == 1
    layer.trainable = False
    np.testing.assert_allclose(layer(TEXTS, training=True), expected(TEXTS), atol=1e-6)
    assert calls.numpy() == 1


def test_regularisation_counts_while_the_module_learns(text):
    layer = HubLayer(text, trainable=True)
    layer(TEXTS)
    np.testing.assert_allclose(layer.losses, [0.01 * (EMBEDDING**2).sum()], rtol=1e-6)
    frozen = HubLayer(text)
    frozen(TEXTS)
    assert frozen.losses == []


def test_gradients_are_those_of_plain_tensorflow(text):
    model = zoo.hub_text_classifier(text, units=(), trainable=True)
    with tf.GradientTape() as tape:
        logits = model(tf.constant(TEXTS), training=True)
        loss = tf.reduce_sum(tf.square(logits)) + sum(model.losses)
    found = tape.gradient(loss, model.trainable_variables)

    embedding, shift = tf.Variable(EMBEDDING), tf.Variable(SHIFT)
    kernel, bias = map(tf.Variable, model.get_layer("head").get_weights())
    counts = np.zeros((4, 5), "float32")
    for row, each in enumerate(TEXTS):
        for word in each.split():
            counts[row, WORDS.index(word) if word in WORDS else 4] += 1
    with tf.GradientTape() as tape:
        logits = 2.0 * (counts @ embedding + shift) @ kernel + bias
        loss = tf.reduce_sum(tf.square(logits)) + 0.01 * tf.reduce_sum(embedding**2)
    wanted = tape.gradient(loss, [embedding, shift, kernel, bias])
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05),
    "momentum": lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_module_trains_like_the_keras_layer_it_is(numbers, name):
    x, y = normal(12, 2), normal(12, 3)
    inputs = keras.Input((2,))
    hub = keras.Model(inputs, HubLayer(numbers, trainable=True, output_key="sum")(inputs))
    dense = keras.layers.Dense(3, use_bias=False)
    plain = keras.Model(inputs, dense(inputs))
    dense.kernel.assign(hub.trainable_weights[0])
    losses = []
    for model in (hub, plain):
        model.compile(OPTIMIZERS[name](), "mse")
        traced_once(model)
        losses.append(model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history)
    np.testing.assert_allclose(losses[0]["loss"], losses[1]["loss"], rtol=1e-5)
    np.testing.assert_allclose(hub.trainable_weights[0], dense.kernel, rtol=1e-5)
    np.testing.assert_array_equal(hub.layers[-1].module.variables[1], [7.0])


def test_frozen_weights_stay_and_may_be_thawed(text):
    model = zoo.hub_text_classifier(text, units=4)
    encoder = model.get_layer("encoder")
    before, head = values(encoder), values(model.get_layer("head"))
    for trainable in (False, True):
        encoder.trainable = trainable
        model.compile("adam", **zoo.objective("binary"))
        traced_once(model)
        assert model.jit_compile is False
        model.fit(tf.constant(TEXTS), LABELS, verbose=0)
        moved = [not np.array_equal(a, b) for a, b in zip(values(encoder), before, strict=True)]
        assert moved == [trainable] * 3
        assert not np.array_equal(values(model.get_layer("head"))[0], head[0])


def test_mixed_precision_leaves_the_module_alone(numbers):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        inputs = keras.Input((2,))
        scaled = keras.layers.Rescaling(2.0)(inputs)
        assert scaled.dtype == "float16"
        outputs = HubLayer(numbers, output_key="sum")(scaled)
    finally:
        keras.config.set_dtype_policy("float32")
    assert outputs.dtype == "float32"
    answer = keras.Model(inputs, outputs)(np.ones((1, 2)))
    np.testing.assert_array_equal(answer, [[10.0, 14.0, 18.0]])


# What is called, and its shapes


def test_shapes_that_a_module_does_not_tell_are_found_out(numbers):
    x = keras.Input((2,))
    outputs = HubLayer(numbers)(x)
    assert {key: output.shape for key, output in outputs.items()} == {
        "sequence": (None, None, 3),
        "sum": (None, 3),
    }
    model = keras.Model(x, keras.layers.Dense(1)(HubLayer(numbers, output_key="sum")(x)))
    assert model.predict(normal(5, 2), verbose=0).shape == (5, 1)


def test_signatures_are_called_by_name(numbers):
    layer = HubLayer(numbers, signature="doubled", trainable=True)
    kernel = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    x = normal(2, 2)
    np.testing.assert_allclose(layer(x), 2 * x @ kernel, rtol=1e-5)
    np.testing.assert_allclose(layer({"numbers": x}), 2 * x @ kernel, rtol=1e-5)
    assert [weight.path for weight in layer.trainable_weights] == [f"{layer.name}/kernel"]


def test_modules_in_the_format_of_tf1_hub(modules):
    layer = HubLayer(modules / "tf1", trainable=True)
    np.testing.assert_allclose(layer(["abc", ""]), [[6.0, 10.0], [3.0, 4.0]])
    assert layer.count_params() == 4
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(["abc", ""]))
    (gradient,) = tape.gradient(loss, layer.trainable_variables)
    np.testing.assert_allclose(gradient, [[3.0, 3.0], [2.0, 2.0]])


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("numbers", {"signature": "tripled"}, "signatures .*: doubled. Received: .*'tripled'"),
        ("numbers", {"output_key": "mean"}, "outputs .*: sequence, sum. Received: .*'mean'"),
        ("text", {"output_key": "mean"}, "it has one, without a name. Received: .*'mean'"),
        ("tf1", {"signature": "other"}, "signatures .*: default. Received"),
    ],
)
def test_what_a_module_lacks(modules, name, arguments, message):
    with pytest.raises(ValueError, match=message):
        HubLayer(modules / name, **arguments)


def test_inputs_that_a_module_does_not_take(numbers):
    with pytest.raises(ValueError, match=r"takes float32 \(None, 2\). Received: float32 \(1, 5\)"):
        HubLayer(numbers)(tf.ones((1, 5)))


def test_modules_that_cannot_be_called(tmp_path):
    bare = tf.Module()
    bare.weight = tf.Variable(1.0)
    tf.saved_model.save(bare, str(tmp_path / "bare"))
    with pytest.raises(ValueError, match="it has none, and cannot be called itself"):
        HubLayer(tmp_path / "bare")


def test_other_backends_are_refused(text, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"KERAS_BACKEND=tensorflow\. .* the backend 'jax'"):
        HubLayer(text)


# Saving


FRESH = """
import sys
sys.modules["pkg_resources"] = None  # as with setuptools 82
import numpy as np, tensorflow as tf, zoo
data = np.load(sys.argv[2])
outputs = zoo.load(sys.argv[1], trust_hub=True)(tf.constant(data["texts"].tolist()))
np.testing.assert_allclose(outputs, data["outputs"], rtol=1e-6, atol=1e-6)
assert "pkg_resources" not in sys.modules or sys.modules["pkg_resources"] is None
assert "tensorflow_hub" in sys.modules
"""


def trained(handle, **arguments):
    """A model that learned a little, and its answers."""
    model = zoo.hub_text_classifier(handle, units=4, trainable=True, **arguments)
    model.compile(keras.optimizers.SGD(0.1), **zoo.objective("binary"))
    model.fit(tf.constant(TEXTS), LABELS, verbose=0)
    return model, model(tf.constant(TEXTS)).numpy()


@pytest.mark.parametrize("fresh", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fine_tuned_modules_answer_the_same_here_and_in_a_fresh_process(text, tmp_path, fresh):
    model, outputs = trained(text)
    assert np.abs(values(model.get_layer("encoder"))[0] - EMBEDDING).max() > 1e-4
    model.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path)
    np.testing.assert_array_equal(loaded(tf.constant(TEXTS)), outputs)
    assert loaded.get_layer("encoder").get_config() == model.get_layer("encoder").get_config()
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    np.savez(tmp_path / "data.npz", texts=TEXTS, outputs=outputs)
    if fresh:  # without pkg_resources, too
        run_fresh(FRESH, tmp_path / "model.keras", tmp_path / "data.npz")


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # while Keras collects errors
def test_a_saved_model_whose_module_is_gone_moved_or_replaced(modules, tmp_path, monkeypatch):
    handle, moved = str(tmp_path / "module"), str(tmp_path / "moved")
    shutil.copytree(modules / "text", handle)
    model, outputs = trained(handle)
    model.save(tmp_path / "model.keras")
    shutil.move(handle, moved)
    with pytest.raises(ValueError, match=f"The TF-Hub module '{handle}' cannot be loaded"):
        zoo.load(tmp_path)
    monkeypatch.setitem(HubLayer.handles, handle, moved)
    loaded = zoo.load(tmp_path)
    np.testing.assert_array_equal(loaded(tf.constant(TEXTS)), outputs)
    assert loaded.get_layer("encoder").handle == handle
    other = save_text_module(tmp_path / "other", words=["good"])
    monkeypatch.setitem(HubLayer.handles, handle, other)
    with pytest.raises(ValueError, match=f"'encoder' .*'{handle}' .*was it replaced"):
        zoo.load(tmp_path)


@pytest.mark.parametrize("name", ["text", "tf1"])
def test_an_export_needs_no_module(modules, tmp_path, name):
    shutil.copytree(modules / name, tmp_path / "module")
    model, outputs = trained(tmp_path / "module")
    model.export(tmp_path / "export", verbose=False)
    shutil.rmtree(tmp_path / "module")
    exported = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(exported.serve(tf.constant(TEXTS)), outputs, rtol=1e-5, atol=1e-6)


def test_sequential_models_and_clones(text):
    model = keras.Sequential([HubLayer(text, trainable=True), keras.layers.Dense(2)])
    assert model(tf.constant(TEXTS)).shape == (4, 2)
    assert model.output_shape == (None, 2)
    model.layers[0].weights[0].assign(np.zeros_like(EMBEDDING))
    clone = keras.models.clone_model(model)
    np.testing.assert_array_equal(clone.layers[0].weights[0], EMBEDDING)  # a module of its own


# The classifier


@pytest.mark.parametrize(
    ("head", "num_classes", "labels"),
    [("binary", 1, LABELS), ("multiclass", 3, np.arange(4) % 3), ("multilabel", 2, np.eye(4, 2))],
)
def test_heads_of_the_classifier(text, head, num_classes, labels):
    model = zoo.hub_text_classifier(text, num_classes, head, units=(5, 4), dropout=0.2)
    assert model.output_shape == (None, num_classes)
    assert model.output.dtype == "float32"
    hidden = 3 * 5 + 5 + 5 * 4 + 4 + 4 * num_classes + num_classes
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == hidden
    model.compile("adam", **zoo.objective(head), run_eagerly=True)
    assert np.isfinite(model.train_on_batch(tf.constant(TEXTS), labels)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": "regression"}, "binary, multilabel, multiclass"),
        ({"head": "multiclass"}, "2 outputs or more"),
        ({"units": 0}, "units must be"),
        ({"dropout": 1.0}, "dropout must lie"),
    ],
)
def test_wrong_arguments_of_the_classifier(text, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.hub_text_classifier(text, **arguments)


def test_modules_that_are_no_text_encoders(numbers, tmp_path):
    with pytest.raises(ValueError, match=r"takes float32 \(None, 2\). Received: string"):
        zoo.hub_text_classifier(numbers)
    lengths = tf.Module()
    lengths.__call__ = tf.function(
        tf.strings.length, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(lengths, str(tmp_path / "lengths"))
    with pytest.raises(ValueError, match="one vector of each text"):
        zoo.hub_text_classifier(str(tmp_path / "lengths"))


def test_a_predictor_takes_texts(text):
    logits = zoo.hub_text_classifier(text, units=())
    outputs = zoo.layers.ClassProbabilities(["bad", "good"], "binary")(logits.output)
    predictor = zoo.Predictor(keras.Model(logits.input, outputs))
    wanted = keras.ops.sigmoid(logits(tf.constant(TEXTS)))
    for texts in (TEXTS, np.array(TEXTS), np.array(TEXTS, object), tf.constant(TEXTS)):
        found = predictor.predict(texts, batch_size=3)
        np.testing.assert_allclose(found[:, -1:], wanted, rtol=1e-5)
    assert predictor.predict("good").shape[0] == 1
    assert set(predictor.predict_classes(TEXTS)) <= {"bad", "good"}
    with pytest.raises(ValueError, match=r"row 1\. Received: None"):
        predictor.predict(["good", None])
    with pytest.raises(ValueError, match=r"one or more texts\. Received: none"):
        predictor.predict([])


REAL = """
import numpy as np, tensorflow as tf, zoo
from zoo.catalog import CATALOG
texts = tf.constant(["a great film", "a bad film", "great", "bad"])
labels = np.array([[1.], [0.]] * 2)
nnlm = zoo.hub_text_classifier("https://tfhub.dev/google/tf2-preview/nnlm-en-dim50/1")
(row,) = [info for info in CATALOG if info.name == "hub_text_classifier"]
assert nnlm.count_params() == row.parameters
handle = "https://tfhub.dev/google/universal-sentence-encoder/4"
sentences = zoo.hub_text_classifier(handle, units=64, trainable=True)
assert sentences.get_layer("encoder").output.shape == (None, 512)
for model in (nnlm, sentences):
    model.compile("adam", **zoo.objective("binary"))
    losses = model.fit(texts, labels, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
"""


@pytest.mark.hub
def test_the_book_s_modules():
    run_fresh(REAL)
