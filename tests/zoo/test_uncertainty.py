import gc
import weakref

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.shared import every_day
from zoo.uncertainty import MonteCarlo, monte_carlo, stochastic_twin

RNG = np.random.default_rng(42)


def classifier(rate=0.5):
    parts = [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dropout(rate)]
    return keras.Sequential([*parts, layers.Dense(3, activation="softmax")])


def functional(*parts, shape=(5, 4)):
    inputs = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


STOCHASTIC = {
    "sequential": lambda: keras.Sequential([keras.Input((5, 4)), layers.Dropout(0.5)]),
    "functional": lambda: functional(layers.Dropout(0.5)),
    "nested": lambda: functional(layers.Dense(4), functional(layers.SpatialDropout1D(0.5))),
    "nested sequential": lambda: functional(
        keras.Sequential([layers.Dense(4), layers.GaussianDropout(0.5)])
    ),
    "recurrent": lambda: functional(layers.GRU(4, recurrent_dropout=0.5)),
    "recurrent inputs": lambda: functional(layers.LSTM(4, dropout=0.5, return_sequences=True)),
    "stacked cells": lambda: functional(
        layers.RNN([layers.GRUCell(3), layers.LSTMCell(3, dropout=0.5)])
    ),
    "bidirectional": lambda: functional(layers.Bidirectional(layers.GRU(4, dropout=0.5))),
    "every step": lambda: functional(layers.TimeDistributed(layers.Dropout(0.5))),
    "masked": lambda: functional(layers.Masking(), layers.LSTM(4, dropout=0.5), layers.Dense(2)),
    "attention": lambda: attention(),
    "zoo": lambda: zoo.deep_rnn((5, 4), units=4, dropout=0.5, batch_normalization=True),
}


def attention():
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, layers.MultiHeadAttention(2, 2, dropout=0.5)(inputs, inputs))


#: A layer, a model in a model, and each layer that has dropout inside.
SOME = (
    "functional",
    "nested sequential",
    "recurrent",
    "stacked cells",
    "masked",
    "attention",
    "zoo",
)


@pytest.mark.parametrize("name", every_day(SOME, STOCHASTIC))
def test_every_kind_of_dropout_stays_on(name):
    model = STOCHASTIC[name]()
    x = normal(3, 5, 4)
    twin = stochastic_twin(model)
    assert [id(w) for w in twin.weights] == [id(w) for w in model.weights]
    once = keras.ops.convert_to_numpy(model(x, training=False))
    for training in (None, False):  # predict() passes False down to every layer
        first, second = (keras.ops.convert_to_numpy(twin(x, training=training)) for _ in range(2))
        assert np.abs(first - second).max() > 0
    np.testing.assert_array_equal(model(x, training=False), once)  # the model itself is as before
    result = monte_carlo(model, x, samples=4)
    assert result.samples.shape == (4, *once.shape)
    assert result.stddev.max() > 0


DETERMINISTIC = {
    "none": lambda: functional(layers.Dense(2)),
    "rate zero": lambda: functional(layers.Dropout(0.0), layers.GRU(2)),
    "augmentation": lambda: functional(layers.RandomFlip(), shape=(4, 4, 3)),
}


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_models_without_dropout_are_refused(name):
    model = DETERMINISTIC[name]()
    with pytest.raises(ValueError, match="needs a model with dropout"):
        monte_carlo(model, np.zeros((2, *model.input_shape[1:])))


@keras.saving.register_keras_serializable(package="zoo_tests")
class Block(layers.Layer):
    def __init__(self, with_average=False, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Dense(4), layers.Dropout(0.5)]
        self.parts += [layers.BatchNormalization()] if with_average else []

    def build(self, input_shape):
        for part in self.parts:
            part.build((None, 4))

    def call(self, inputs, training=False):
        for part in self.parts:
            inputs = part(inputs, training=training)
        return inputs


def test_custom_layers_with_dropout_inside():
    result = monte_carlo(functional(Block(), shape=(4,)), np.ones((2, 4)), samples=5)
    assert result.stddev.min() > 0
    with pytest.raises(ValueError, match=r"'culprit' \(Block\).*not trained"):
        stochastic_twin(functional(Block(with_average=True, name="culprit"), shape=(4,)))


def test_dropout_shared_by_the_batch_is_refused():
    with pytest.raises(ValueError, match="'culprit' drops the same values in the whole batch"):
        stochastic_twin(functional(layers.Dropout(0.5, noise_shape=(1, 5, 4), name="culprit")))


def test_subclassed_models_are_refused():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match="functional or sequential"):
        stochastic_twin(Own())


def test_batch_normalisation_stays_as_it_is():
    norm = layers.BatchNormalization()
    model = functional(layers.Dropout(0.5), norm, shape=(4,))
    norm.moving_mean.assign([1.0, 2.0, 3.0, 4.0])
    norm.moving_variance.assign([4.0] * 4)
    before = model.get_weights()
    samples = monte_carlo(model, np.ones((2, 4)), samples=50, seed=1).samples
    stochastic_twin(model)(np.ones((2, 4)))
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)
    # Inputs are 0 or 2 behind the dropout, normalised with the moving averages.
    scale = 1 / np.sqrt(4.0 + norm.epsilon)
    possible = (np.array([[0.0], [2.0]]) - [1.0, 2.0, 3.0, 4.0]) * scale
    distance = np.abs(samples[..., None, :] - possible).min(axis=-2)
    np.testing.assert_allclose(distance, 0.0, atol=1e-5)


def test_seeds_repeat_and_leave_all_other_randomness_alone():
    model, x = classifier(), normal(7, 6)
    first = monte_carlo(model, x, samples=6, batch_size=3, seed=1).samples
    states = [np.array(v) for v in model.variables if "seed" in v.path]
    keras.utils.set_random_seed(5)
    draws = keras.random.uniform((3,)), np.random.rand()
    keras.utils.set_random_seed(5)
    again = monte_carlo(model, x, samples=6, batch_size=3, seed=1).samples
    np.testing.assert_array_equal(keras.random.uniform((3,)), draws[0])
    assert np.random.rand() == draws[1]
    np.testing.assert_array_equal(first, again)
    after = [np.array(v) for v in model.variables if "seed" in v.path]
    assert len(states) == 1
    np.testing.assert_array_equal(after, states)
    other = monte_carlo(model, x, samples=6, batch_size=3, seed=2).samples
    unseeded = [monte_carlo(model, x, samples=6, batch_size=3).samples for _ in range(2)]
    for a, b in [(first, other), (first, unseeded[0]), (unseeded[0], unseeded[1])]:
        assert np.abs(a - b).max() > 1e-3


def test_the_same_input_gets_other_masks_everywhere_in_the_batch():
    model = functional(layers.Dropout(0.5), shape=(64,))
    samples = monte_carlo(model, np.ones((7, 64)), samples=5, batch_size=3, seed=1).samples
    masks = {mask.tobytes() for mask in samples.reshape(-1, 64)}
    assert len(masks) == 35


def test_the_layers_of_a_model_get_other_masks():
    inputs = keras.Input((64,))
    model = keras.Model(
        inputs, layers.Subtract()([layers.Dropout(0.5)(inputs), layers.Dropout(0.5)(inputs)])
    )
    assert monte_carlo(model, np.ones((1, 64)), samples=2, seed=1).samples.std() > 0.5


def test_a_linear_model_converges_to_the_closed_form():
    # y = sum_i w_i x_i m_i / (1 - r), m_i = 1 with probability 1 - r: the mean is w.x and the
    # variance r / (1 - r) * sum_i (w_i x_i)^2.
    rate, samples = 0.2, 20_000
    dense = layers.Dense(1, use_bias=False)
    model = functional(layers.Dropout(rate), dense, shape=(5,))
    w, x = normal(5, 1), normal(3, 5)
    dense.kernel.assign(w)
    result = monte_carlo(model, x, samples=samples, seed=42)
    variance = rate / (1 - rate) * np.square(x * w[:, 0]).sum(axis=1)
    error = np.sqrt(variance / samples)
    assert np.all(np.abs(result.mean[:, 0] - (x @ w)[:, 0]) < 5 * error)
    np.testing.assert_allclose(np.square(result.stddev[:, 0]), variance, rtol=0.06)


def test_chunks_cover_all_inputs_in_order():
    model = functional(layers.Dropout(0.01), shape=(1,))
    x = np.arange(1.0, 12.0).reshape(-1, 1)
    for batch_size in (1, 4, 11, 50):
        result = monte_carlo(model, x, samples=300, batch_size=batch_size, seed=3)
        np.testing.assert_allclose(np.max(result.samples, axis=0), x / 0.99, rtol=1e-5)


def test_models_with_several_inputs():
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((2,), name="b")}
    outputs = layers.Dropout(0.5)(layers.Add()([inputs["a"], inputs["b"]]))
    x = {"a": np.ones((3, 2)), "b": np.ones((3, 2))}
    result = monte_carlo(keras.Model(inputs, outputs), x, samples=40, seed=0)
    assert set(np.unique(result.samples)) == {0.0, 4.0}


def test_the_call_is_compiled_once_and_follows_the_weights(monkeypatch):
    model, x = classifier(), normal(5, 6)
    traces = []
    call = zoo.uncertainty._Sampler.call
    monkeypatch.setattr(zoo.uncertainty._Sampler, "call", lambda *a: traces.append(1) or call(*a))
    first = monte_carlo(model, x, samples=4, seed=0).samples
    compiled = len(traces)
    assert compiled > 0
    model.set_weights([2 * weight for weight in model.get_weights()])
    second = monte_carlo(model, x, samples=4, seed=0).samples
    assert len(traces) == compiled
    assert np.abs(first - second).max() > 1e-3


def test_saving_is_not_disturbed_and_the_sampler_goes_with_its_model(tmp_path):
    model, x = classifier(), normal(2, 6)
    expected = monte_carlo(model, x, samples=4, seed=0).samples
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(monte_carlo(loaded, x, samples=4, seed=0).samples, expected)
    gone = weakref.ref(model)
    del model
    gc.collect(1)
    if gone() is not None:  # all generations take many seconds where many tests went before
        gc.collect()
    assert gone() is None


def test_statistics():
    samples = np.array([[[0.2, 0.8]], [[0.6, 0.4]], [[0.4, 0.6]]])
    result = MonteCarlo(samples)
    np.testing.assert_allclose(result.mean, [[0.4, 0.6]])
    np.testing.assert_allclose(result.stddev, [[np.sqrt(0.08 / 3)] * 2])
    np.testing.assert_allclose(result.quantile(0.5), [[0.4, 0.6]])
    np.testing.assert_allclose(result.quantile([0.0, 1.0]), [[[0.2, 0.4]], [[0.6, 0.8]]])
    np.testing.assert_allclose(result.entropy, -0.4 * np.log(0.4) - 0.6 * np.log(0.6))
    assert MonteCarlo(np.array([[[1.0, 0.0]]])).entropy == 0.0


@pytest.mark.parametrize(
    "samples", [[[[0.3]]], [[[0.3, 0.3]]], [[[-0.5, 1.5]]], [[[0.5, 0.5]], [[1.0, 1.0]]]]
)
def test_entropy_needs_class_probabilities(samples):
    with pytest.raises(ValueError, match="class probabilities"):
        MonteCarlo(np.array(samples)).entropy  # noqa: B018


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"samples must be .* 0"):
        monte_carlo(classifier(), np.zeros((2, 6)), samples=0)
    with pytest.raises(ValueError, match=r"batch_size must be .* 2\.5"):
        monte_carlo(classifier(), np.zeros((2, 6)), batch_size=2.5)
    with pytest.raises(ValueError, match="empty batch"):
        monte_carlo(classifier(), np.zeros((0, 6)))
