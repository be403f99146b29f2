import math

import keras
import numpy as np
import pytest

from zoo.losses import (
    GaussianNLL,
    MaskedCrossentropy,
    PerMemberLoss,
    PinballLoss,
    SmoothedSparseCrossentropy,
)

RNG = np.random.default_rng(42)


def test_pinball_counts_q_below_and_one_minus_q_above():
    y_true = np.full((1, 2), 3.0)
    y_pred = np.array([[[1.0, 4.0], [3.0, 3.0]]])
    loss = PinballLoss((0.1, 0.9), reduction="none")(y_true, y_pred)
    np.testing.assert_allclose(loss, [[(0.1 * 2 + 0.1 * 1) / 2, 0.0]], rtol=1e-6)


def test_pinball_of_the_median_is_half_the_absolute_error():
    y_true, y_pred = RNG.normal(size=(4, 3, 2, 1)), RNG.normal(size=(4, 3, 2, 1, 1))
    loss = float(PinballLoss((0.5,))(y_true, y_pred))
    assert loss == pytest.approx(0.5 * np.abs(y_true - y_pred[..., 0]).mean(), rel=1e-5)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
def test_the_constant_with_the_least_pinball_loss_is_the_quantile(q):
    y_true = RNG.normal(size=(1, 501)).astype("float32")
    candidates = np.sort(y_true[0])
    loss = PinballLoss((q,))
    losses = [float(loss(y_true, np.full((1, 501, 1), c, "float32"))) for c in candidates[::10]]
    best = candidates[::10][int(np.argmin(losses))]
    assert best == pytest.approx(np.quantile(y_true, q), abs=0.1)


def test_gaussian_nll_is_minus_the_log_density():
    y_true = RNG.normal(size=(4, 3))
    mean, stddev = RNG.normal(size=(4, 3)), RNG.uniform(0.1, 2.0, (4, 3))
    z = (y_true - mean) / stddev
    density = np.exp(-0.5 * z**2) / (stddev * math.sqrt(2 * math.pi))
    loss = GaussianNLL(reduction="none")(y_true, np.stack([mean, stddev], axis=-1))
    np.testing.assert_allclose(loss, -np.log(density), rtol=1e-4, atol=1e-5)


def test_weights_count():
    y_true, y_pred = np.zeros((2, 1)), np.array([[[1.0]], [[3.0]]])
    loss = PinballLoss((0.5,))(y_true, y_pred, sample_weight=np.array([[1.0], [0.0]]))
    assert float(loss) == pytest.approx(0.25)


def cross_entropy(labels, logits):
    shifted = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(shifted, labels[:, None], axis=-1)[:, 0]


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 3.0, 0.5])])
@pytest.mark.parametrize("outputs", [1, 2])
def test_each_member_has_its_own_squared_error(weights, outputs):
    y_true, y_pred = RNG.normal(size=(4, outputs)), RNG.normal(size=(4, 3, outputs))
    members = [((y_true - y_pred[:, i]) ** 2).mean(axis=-1) for i in range(3)]
    expected = np.mean(np.mean(members, axis=0) * (1.0 if weights is None else weights))
    loss = PerMemberLoss(keras.losses.MeanSquaredError())(y_true, y_pred, sample_weight=weights)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 3.0, 0.5])])
@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_each_member_has_its_own_crossentropy(weights, column, smoothing):
    labels, logits = RNG.integers(0, 5, 4), RNG.normal(size=(4, 3, 5))
    members = []
    for i in range(3):
        uniform = np.mean([cross_entropy(np.full(4, k), logits[:, i]) for k in range(5)], axis=0)
        own = cross_entropy(labels, logits[:, i])
        members.append((1 - smoothing) * own + smoothing * uniform)
    expected = np.mean(np.mean(members, axis=0) * (1.0 if weights is None else weights))
    loss = PerMemberLoss(SmoothedSparseCrossentropy(smoothing))
    y_true = labels[:, None] if column else labels
    assert float(loss(y_true, logits, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)


def test_each_member_learns_inside_a_model():
    inputs = keras.Input((2,))
    outputs = keras.layers.Reshape((3, 1))(keras.layers.Dense(3)(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", PerMemberLoss(keras.losses.MeanSquaredError()))
    x, y, weights = RNG.normal(size=(8, 2)), RNG.normal(size=(8, 1)), RNG.uniform(0, 2, 8)
    x, y = x.astype("float32"), y.astype("float32")
    y_pred = model.predict(x, verbose=0)
    expected = np.mean(((y[:, None] - y_pred) ** 2).mean(axis=(1, 2)) * weights)
    assert model.evaluate(x, y, 8, 0, weights) == pytest.approx(expected, rel=1e-5)
    model.fit(x, y, sample_weight=weights, epochs=1, verbose=0)


def test_wrong_losses_are_named():
    with pytest.raises(ValueError, match=r"Keras loss object.*loss='mse'"):
        PerMemberLoss("mse")
    with pytest.raises(ValueError, match=r"\[0, 1\).*label_smoothing=1.0"):
        SmoothedSparseCrossentropy(1.0)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_config_of_the_losses_of_classifiers(smoothing):
    loss = PerMemberLoss(SmoothedSparseCrossentropy(smoothing), reduction="sum")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
    assert again.loss.label_smoothing == smoothing
    y_true, y_pred = RNG.integers(0, 5, 4), RNG.normal(size=(4, 3, 5))
    assert float(again(y_true, y_pred)) == float(loss(y_true, y_pred))


@pytest.mark.parametrize("loss", [PinballLoss((0.2, 0.7)), GaussianNLL(reduction="sum")])
def test_config_round_trip(loss):
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    y_true = RNG.normal(size=(3, 2)).astype("float32")
    y_pred = RNG.uniform(0.5, 1.0, (3, 2, 2)).astype("float32")
    assert float(again(y_true, y_pred)) == float(loss(y_true, y_pred))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_masked_crossentropy_is_the_mean_over_real_tokens(smoothing):
    labels = np.array([[2, 1, 3, 0], [4, 0, 0, 0]])
    logits = RNG.normal(size=(2, 4, 5)) * 3
    real = labels > 0
    each = (1 - smoothing) * cross_entropy(labels[real], logits[real])
    for label in range(5):
        each = each + smoothing / 5 * cross_entropy(np.full(4, label), logits[real])
    loss = MaskedCrossentropy(label_smoothing=smoothing)
    assert float(loss(labels, logits)) == pytest.approx(each.mean(), rel=1e-5)
    longer, more = np.pad(labels, [(0, 0), (0, 3)]), np.pad(logits, [(0, 0), (0, 3), (0, 0)])
    assert float(loss(longer, more)) == pytest.approx(each.mean(), rel=1e-5)
    for weights in (np.array([3.0, 0.5]), np.array([3.0, 0.5])[:, None] * np.ones((2, 4))):
        weighted = (each * [3, 3, 3, 0.5]).sum() / 9.5
        assert float(loss(labels, logits, weights)) == pytest.approx(weighted, rel=1e-5)
    total = MaskedCrossentropy(smoothing, reduction="sum")(labels, logits)
    assert float(total) == pytest.approx(each.sum(), rel=1e-5)


def test_masked_crossentropy_of_nothing_is_zero_and_it_comes_back():
    assert float(MaskedCrossentropy()(np.zeros((2, 3)), RNG.normal(size=(2, 3, 4)))) == 0.0
    loss = MaskedCrossentropy(0.1, reduction="sum")
    twin = keras.losses.deserialize(keras.losses.serialize(loss))
    assert twin.get_config() == loss.get_config()
    with pytest.raises(ValueError, match="label_smoothing=1"):
        MaskedCrossentropy(1)
