"""Epochs and evaluations of stateful models start afresh."""

import keras
import numpy as np
import pytest

import zoo
from callbacks import ResetState
from tests.shared import traced_once

STREAMS, LENGTH, STEPS = 4, 10, 6
RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 5, (STREAMS, STEPS * LENGTH + 1)).astype("int32")


def batches(ids):
    """Batches that continue each other, one after the other."""
    x, y = (np.split(part, STEPS, axis=1) for part in (ids[:, :-1], ids[:, 1:]))
    return np.concatenate(x), np.concatenate(y)


def state(model):
    return [np.array(weight) for weight in model.non_trainable_weights]


def compiled(rate=0.0, **arguments):
    keras.utils.set_random_seed(1)
    model = zoo.char_rnn(5, units=6, num_layers=2, cell="lstm")
    twin = zoo.to_stateful(model, STREAMS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(keras.optimizers.SGD(rate), loss, **arguments)
    return traced_once(twin)


def fit(model, epochs, **arguments):
    x, y = batches(IDS)
    arguments = {"callbacks": [ResetState()], **arguments}
    return model.fit(x, y, batch_size=STREAMS, epochs=epochs, shuffle=False, verbose=0, **arguments)


@pytest.mark.parametrize(
    ("jit_compile", "steps_per_execution"),
    [
        (False, 1),
        (True, 3),
        pytest.param(False, 3, marks=pytest.mark.slow),
        pytest.param(True, 1, marks=pytest.mark.slow),
    ],
)
def test_the_state_after_an_epoch_is_that_of_a_manual_run(jit_compile, steps_per_execution):
    model = compiled(jit_compile=jit_compile, steps_per_execution=steps_per_execution)
    zoo.reset_state(model)
    for part in np.split(IDS[:, :-1], STEPS, axis=1):
        model(part)
    expected = state(model)
    assert min(np.abs(part).max() for part in expected) > 0.001
    losses = fit(model, epochs=2).history["loss"]
    for mine, theirs in zip(state(model), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)  # nothing is learned at a rate of 0


def test_training_steps_equal_steps_by_hand():
    auto, manual = compiled(0.5), compiled(0.5)
    fit(auto, epochs=2)
    for _ in range(2):
        zoo.reset_state(manual)
        for x, y in zip(*(np.split(part, STEPS) for part in batches(IDS)), strict=True):
            manual.train_on_batch(x, y)
    for mine, theirs in zip(auto.get_weights(), manual.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_evaluation_starts_afresh_and_does_not_leak():
    model = compiled(0.5)
    x, y = batches(IDS[:, ::-1])
    history = fit(model, 2, validation_data=(x, y), validation_batch_size=STREAMS).history
    scores = [
        model.evaluate(x, y, batch_size=STREAMS, verbose=0, callbacks=[ResetState()])
        for _ in range(2)
    ]
    assert scores[0] == scores[1] == pytest.approx(history["val_loss"][-1], rel=1e-6)
    assert scores[0] != model.evaluate(x, y, batch_size=STREAMS, verbose=0)  # it went on
    without = fit(compiled(0.5), 2).history
    assert history["loss"] == pytest.approx(without["loss"], rel=1e-6)


def test_nested_and_keras_own_stateful_layers_are_reset():
    inputs = keras.Input(batch_shape=(2, 3, 1))
    gru = keras.layers.GRU(2, stateful=True)
    inner = keras.Model(inputs, gru(inputs))
    model = keras.Sequential([inputs, inner, keras.layers.Dense(1)])
    x = np.ones((2, 3, 1), "float32")
    model.compile(keras.optimizers.SGD(0.0), "mse")
    first = model.predict_on_batch(x)
    model.evaluate(x, first, batch_size=2, verbose=0)
    callback = ResetState()
    callback.set_model(model)
    for hook in (lambda: callback.on_epoch_begin(0), callback.on_test_begin):
        model(x)
        assert np.abs(gru.states[0]).max() > 0
        hook()
        assert np.abs(gru.states[0]).max() == 0
