import keras
import numpy as np
import pytest

import zoo

RNG = np.random.default_rng(42)


def evaluate(head, y_true, y_pred, label_smoothing=0.0, sample_weight=None):
    """Loss and metric as Keras computes them in batches."""
    inputs = keras.Input(y_pred.shape[1:])
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(**zoo.objective(head, label_smoothing), run_eagerly=True)
    return model.evaluate(y_pred, y_true, 3, 0, sample_weight=sample_weight, return_dict=True)


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
@pytest.mark.parametrize("column", [False, True])
def test_multiclass(label_smoothing, column):
    logits, labels = RNG.normal(size=(8, 4)).astype("float32"), RNG.integers(0, 4, 8)
    target = (1 - label_smoothing) * np.eye(4)[labels] + label_smoothing / 4
    expected = -(target * log_softmax(logits)).sum(axis=1).mean()
    scores = evaluate("multiclass", labels[:, None] if column else labels, logits, label_smoothing)
    assert scores["loss"] == pytest.approx(expected, rel=1e-5)
    assert scores["accuracy"] == pytest.approx((logits.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
@pytest.mark.parametrize(("head", "outputs"), [("binary", 1), ("multilabel", 3)])
def test_binary_and_multilabel(head, outputs, label_smoothing):
    logits = RNG.normal(size=(8, outputs)).astype("float32")
    labels = RNG.integers(0, 2, (8, outputs)).astype("float32")
    target = (1 - label_smoothing) * labels + label_smoothing / 2
    expected = np.mean(np.log1p(np.exp(logits)) - target * logits)
    scores = evaluate(head, labels, logits, label_smoothing)
    assert scores["loss"] == pytest.approx(expected, rel=1e-5)
    assert scores["accuracy"] == pytest.approx(((logits > 0) == labels).mean())


def test_regression():
    y_true, y_pred = RNG.normal(size=(2, 8, 3)).astype("float32")
    scores = evaluate("regression", y_true, y_pred)
    assert scores["loss"] == pytest.approx(((y_true - y_pred) ** 2).mean(), rel=1e-5)
    assert scores["mae"] == pytest.approx(np.abs(y_true - y_pred).mean(), rel=1e-5)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_sample_weights_weigh_classes(label_smoothing):
    logits, labels = RNG.normal(size=(3, 4)).astype("float32"), np.array([0, 3, 2])
    weights = np.array([2.0, 0.0, 1.0])
    target = (1 - label_smoothing) * np.eye(4)[labels] + label_smoothing / 4
    losses = -(target * log_softmax(logits)).sum(axis=1)
    scores = evaluate("multiclass", labels, logits, label_smoothing, weights)
    assert scores["loss"] == pytest.approx((losses * weights).mean(), rel=1e-5)


def test_extreme_logits_give_finite_losses():
    logits = np.array([[1e4, -1e4]], "float32")
    for smoothing in (0.0, 0.1):
        assert np.isfinite(evaluate("multiclass", np.array([1]), logits, smoothing)["loss"])
        assert np.isfinite(
            evaluate("multilabel", np.array([[0.0, 1.0]]), logits, smoothing)["loss"]
        )


def test_each_call_gives_new_objects():
    first, second = zoo.objective("binary"), zoo.objective("binary")
    assert first["loss"] is not second["loss"]
    assert first["metrics"][0] is not second["metrics"][0]


@pytest.mark.parametrize(
    ("head", "label_smoothing", "message"),
    [
        ("softmax", 0.0, "regression, binary, multilabel, multiclass.*head='softmax'"),
        (None, 0.0, "head=None"),
        ("regression", 0.1, "0 for a regression.*label_smoothing=0.1 for a regression"),
        ("binary", 1.0, r"\[0, 1\).*label_smoothing=1.0"),
        ("multiclass", -0.1, "label_smoothing=-0.1"),
    ],
)
def test_wrong_arguments_are_named(head, label_smoothing, message):
    with pytest.raises(ValueError, match=message):
        zoo.objective(head, label_smoothing)
