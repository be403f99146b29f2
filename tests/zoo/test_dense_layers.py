"""The layers that only dense networks need."""

import keras
import numpy as np
import pytest

import zoo
from zoo.layers import ClassProbabilities, RandomizedLeakyReLU


def normal(*shape):
    return np.random.default_rng(42).normal(size=shape).astype("float32")


def call(layer, x, **arguments):
    return keras.ops.convert_to_numpy(layer(x, **arguments))


def test_slopes_are_random_in_training_and_their_mean_at_inference():
    layer = RandomizedLeakyReLU(lower=0.1, upper=0.5, seed=1)
    x = normal(200, 50)
    np.testing.assert_allclose(call(layer, x), np.where(x > 0, x, 0.3 * x), rtol=1e-6)
    y = call(layer, x, training=True)
    np.testing.assert_array_equal(y[x > 0], x[x > 0])
    slopes = (y / x)[x < 0]
    assert slopes.min() >= 0.1 - 1e-6
    assert slopes.max() <= 0.5 + 1e-6
    assert slopes.mean() == pytest.approx(0.3, abs=0.01)
    assert slopes.var() == pytest.approx(0.4**2 / 12, rel=0.05)
    again = (call(layer, x, training=True) / x)[x < 0]
    assert np.abs(again - slopes).mean() > 0.05
    same = RandomizedLeakyReLU(lower=0.1, upper=0.5, seed=1)
    np.testing.assert_array_equal(call(same, x, training=True), y)


def test_the_gradient_of_a_random_slope_is_that_slope():
    layer = RandomizedLeakyReLU()
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), dense, layer])
    model.compile(keras.optimizers.SGD(1.0), lambda y_true, y_pred: y_pred)
    model.train_on_batch(np.array([[-1.0]]), np.array([[0.0]]))
    step = 1.0 - float(dense.get_weights()[0][0, 0])
    assert -1 / 3 - 1e-6 <= step <= -1 / 8 + 1e-6


def test_monte_carlo_samples_the_slopes():
    model = zoo.mlp((4,), units=8, activation="rrelu")
    result = zoo.monte_carlo(model, normal(3, 4), samples=20, seed=1)
    assert result.stddev.min() > 0
    with pytest.raises(ValueError, match="needs a model with dropout"):
        zoo.monte_carlo(zoo.mlp((4,), units=8, activation="relu"), normal(3, 4))


@pytest.mark.parametrize("bounds", [(-0.1, 0.3), (0.4, 0.3)])
def test_wrong_slopes_are_named(bounds):
    with pytest.raises(ValueError, match=f"lower={bounds[0]} upper={bounds[1]}"):
        RandomizedLeakyReLU(*bounds)


def test_probabilities_of_each_head():
    x = normal(5, 3)
    softmax = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(call(ClassProbabilities(["a", "b", "c"]), x), softmax, 1e-5)
    sigmoid = 1 / (1 + np.exp(-x))
    layer = ClassProbabilities(["a", "b", "c"], head="multilabel")
    np.testing.assert_allclose(call(layer, x), sigmoid, 1e-5)
    layer = ClassProbabilities(["no", "yes"], head="binary")
    np.testing.assert_allclose(call(layer, x[:, :1]), sigmoid[:, :1], 1e-5)


def test_class_names_are_strings():
    assert ClassProbabilities(np.array([7, 9]), head="binary").labels == ["7", "9"]


def test_probabilities_are_float32_under_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        layer = ClassProbabilities(["a", "b"])
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert call(layer, np.array([[20.0, 0.0]], "float32"))[0, 1] == pytest.approx(2.06e-9, rel=0.01)


@pytest.mark.parametrize(
    ("labels", "head", "message"),
    [
        (["a", "b"], "regression", "binary, multilabel, multiclass.*head='regression'"),
        (["a"], "multiclass", r"multiclass head needs 2 or more.*\['a'\]"),
        (["a", "b", "c"], "binary", "binary head needs exactly 2"),
        ([], "multilabel", r"multilabel head needs 1 or more.*\[\]"),
        (["a", "b", "a"], "multiclass", r"differ.*\['a', 'b', 'a'\]"),
        ([1, "1"], "binary", r"differ.*\['1', '1'\]"),
        ("ab", "binary", "list of names.*'ab'"),
    ],
)
def test_wrong_labels_are_named(labels, head, message):
    with pytest.raises(ValueError, match=message):
        ClassProbabilities(labels, head)


@pytest.mark.parametrize(("head", "logits"), [("binary", 2), ("multiclass", 3), ("multilabel", 1)])
def test_labels_must_fit_the_logits(head, logits):
    with pytest.raises(ValueError, match=rf"A {head} head with 2 labels needs \d logits.*{logits}"):
        ClassProbabilities(["a", "b"], head)(np.zeros((1, logits)))
