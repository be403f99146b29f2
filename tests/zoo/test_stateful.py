"""Stateful twins: batches that continue each other."""

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

import zoo
from tests.shared import every_day, run_on_jax
from zoo.layers import StatefulConv1D, StatefulRNN

BATCH, VOCABULARY = 3, 6


def shaken(model):
    """The model with random weights everywhere."""
    rng = np.random.default_rng(7)
    for weight in model.trainable_weights:
        weight.assign(rng.uniform(-0.5, 0.5, weight.shape))
    return model


def call(model, x, **arguments):
    return keras.ops.convert_to_numpy(model(x, **arguments))


def ids(time, batch=BATCH):
    return np.random.default_rng(1).integers(0, VOCABULARY, (batch, time)).astype("int32")


def chunked(model, x, *cuts):
    """Outputs of the pieces of a series, put together."""
    return np.concatenate([call(model, part) for part in np.split(x, cuts, axis=1)], axis=1)


def stacked_cells():
    cells = [layers.LSTMCell(3), layers.GRUCell(4)]
    parts = [keras.Input((None,), dtype="int32"), layers.Embedding(VOCABULARY, 2)]
    return keras.Sequential([*parts, layers.RNN(cells, return_sequences=True), layers.Dense(2)])


def convolutions():
    inputs = x = keras.Input((None,), dtype="int32")
    x = layers.Embedding(VOCABULARY, 4)(x)
    x = layers.Conv1D(4, 3, dilation_rate=2, padding="causal", groups=2, activation="relu")(x)
    x = layers.Add()([x, layers.Conv1D(4, 1)(x)])
    x = layers.LSTM(3, return_sequences=True)(x)
    return keras.Model(inputs, layers.Conv1D(2, 2, padding="causal")(x))


def nested():
    series = keras.Input((None, 3))
    inner = keras.Model(series, layers.GRU(3, return_sequences=True)(series))
    sequential = keras.Sequential([keras.Input((None, 3)), layers.LSTM(2, return_sequences=True)])
    inputs = keras.Input((None,), dtype="int32")
    return keras.Model(inputs, sequential(inner(layers.Embedding(VOCABULARY, 3)(inputs))))


MODELS = {
    "gru": lambda: zoo.char_rnn(VOCABULARY, units=5),
    "two lstm": lambda: zoo.char_rnn(VOCABULARY, units=4, num_layers=2, cell="lstm", dropout=0.3),
    "tied": lambda: zoo.char_rnn(VOCABULARY, units=4, embedding_dim=3, tie_embeddings=True),
    "layer_norm": lambda: zoo.char_rnn(VOCABULARY, units=4, cell="layer_norm", embedding_dim=3),
    "stacked cells": stacked_cells,
    "convolutions": convolutions,
    "chorales": lambda: zoo.conv_lstm_language_model(VOCABULARY, filters=(4, 6), units=4),
    "nested": nested,
}


#: The others have no layer that these have not.
SOME = ("two lstm", "tied", "stacked cells", "convolutions", "nested")


@pytest.mark.parametrize("name", every_day(SOME, MODELS))
def test_pieces_equal_the_whole_and_a_reset_starts_again(name):
    model = shaken(MODELS[name]())
    twin = zoo.to_stateful(model, BATCH)
    x = ids(11)
    whole = call(model, x)
    np.testing.assert_allclose(chunked(twin, x, 1, 2, 7), whole, atol=1e-6)
    assert np.abs(chunked(twin, x, 5) - whole).max() > 1e-3  # it went on
    zoo.reset_state(twin)
    np.testing.assert_allclose(chunked(twin, x, 5), whole, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(cuts=st.sets(st.integers(1, 13)), width=st.integers(2, 4), rate=st.integers(1, 3))
def test_convolutions_continue_wherever_they_are_cut(cuts, width, rate):
    conv = layers.Conv1D(2, width, dilation_rate=rate, padding="causal")
    stateful = StatefulConv1D(conv, batch_size=2)
    x = np.random.default_rng(0).normal(size=(2, 14, 3)).astype("float32")
    np.testing.assert_allclose(chunked(stateful, x, *sorted(cuts)), call(conv, x), atol=1e-5)


def test_the_last_step_of_a_series():
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, layers.GRU(3)(inputs))
    x = np.random.default_rng(0).normal(size=(2, 9, 2)).astype("float32")
    twin = zoo.to_stateful(model, 2)
    twin(x[:, :4])
    np.testing.assert_allclose(call(twin, x[:, 4:]), call(model, x), atol=1e-6)


def test_a_mask_reaches_the_wrapped_layer():
    gru = layers.GRU(3, return_sequences=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 2)).astype("float32")
    mask = np.array([[1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 0]], bool)
    stateful = StatefulRNN(gru, 2)
    parts = [call(stateful, x[:, :3], mask=mask[:, :3]), call(stateful, x[:, 3:], mask=mask[:, 3:])]
    expected = call(gru, x, mask=mask)
    np.testing.assert_allclose(np.concatenate(parts, axis=1)[mask], expected[mask], atol=1e-6)
    embedding = layers.Embedding(4, 2, mask_zero=True)(np.array([[1, 0], [2, 3]]))
    assert np.array_equal(stateful(embedding)._keras_mask, [[True, False], [True, True]])


def test_the_wrapped_layer_is_called_once_for_the_whole_sequence(monkeypatch):
    calls = []
    call_gru = layers.GRU.call
    monkeypatch.setattr(layers.GRU, "call", lambda *a, **k: calls.append(1) or call_gru(*a, **k))
    stateful = StatefulRNN(layers.GRU(3, return_sequences=True), 2)
    stateful(np.zeros((2, 50, 1)))
    assert len(calls) == 1


def test_twins_share_their_weights_both_ways():
    model = shaken(zoo.char_rnn(VOCABULARY, units=4, num_layers=2))
    twin = zoo.to_stateful(model, BATCH)
    back = zoo.to_stateless(twin)
    for other in (twin, back):
        pairs = zip(model.trainable_weights, other.trainable_weights, strict=True)
        assert all(mine is yours for mine, yours in pairs)
    assert len(twin.non_trainable_weights) == 2
    assert (back.input_shape, back.output_shape) == ((None, None), (None, None, VOCABULARY))
    x, before = ids(6), call(model, ids(6))
    np.testing.assert_array_equal(call(back, x), before)
    twin.compile(keras.optimizers.SGD(0.5), zoo_loss(), run_eagerly=True)
    twin.train_on_batch(x[:, :-1], x[:, 1:])
    after = call(model, x)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_array_equal(call(back, x), after)
    model.compile(keras.optimizers.SGD(0.5), zoo_loss(), run_eagerly=True)
    model.train_on_batch(x[:, :-1], x[:, 1:])
    zoo.reset_state(twin)
    np.testing.assert_allclose(call(twin, x), call(model, x), atol=1e-6)
    assert np.abs(call(model, x) - after).max() > 1e-3


def zoo_loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def test_a_twin_of_a_twin_has_its_own_state_and_size():
    model = shaken(zoo.char_rnn(VOCABULARY, units=4, stateful=True, batch_size=2))
    other = zoo.to_stateful(model, 1)
    x = ids(5)
    first = call(model, x[:2])
    assert other.input_shape == (1, None)
    np.testing.assert_allclose(call(other, x[:1]), first[:1], atol=1e-6)


def test_every_layer_keeps_its_setting():
    model = zoo.char_rnn(VOCABULARY, units=4)
    before = model.get_config()
    zoo.to_stateful(model, 2)(ids(3, batch=2))
    assert model.get_config() == before
    with pytest.raises(ValueError, match="must have 2"):
        zoo.to_stateful(model, 2)(ids(3, batch=3))
    assert model.get_config() == before


@pytest.mark.parametrize("wrong", [1, 2, 4])
def test_a_wrong_batch_size_names_both(wrong):
    twin = zoo.to_stateful(MODELS["convolutions"](), BATCH)
    plain = zoo.char_rnn(VOCABULARY, units=4, stateful=True, batch_size=BATCH)
    for model in (twin, plain):
        with pytest.raises(ValueError, match=f"(?s)must have {BATCH}.*a batch of {wrong}"):
            model(ids(4, batch=wrong))
        with pytest.raises(ValueError, match=f"(?s)must have {BATCH}.*a batch of {wrong}"):
            model.predict(ids(4, batch=wrong), batch_size=wrong, verbose=0)
    assert plain.predict(ids(4), batch_size=BATCH, verbose=0).shape == (BATCH, 4, VOCABULARY)


def test_a_smaller_last_batch_is_no_less_wrong():
    model = zoo.char_rnn(VOCABULARY, units=4, stateful=True, batch_size=BATCH)
    x = ids(4, batch=BATCH + 1)  # TensorFlow compiles for any size, and learns of it in the run
    with pytest.raises(Exception, match=rf"\[1,.*expected shape \[{BATCH},|a batch of 1"):
        model.predict(x, batch_size=BATCH, verbose=0)


def test_a_batch_of_another_size_does_not_fit_the_graph():
    inputs = keras.Input(batch_shape=(4, None, 2))
    with pytest.raises(ValueError, match=r"must have 3.*a batch of 4"):
        StatefulRNN(layers.GRU(2), 3)(inputs)


def test_saved_stateful_models_go_on(tmp_path):
    for name in ("two lstm", "convolutions", "nested"):
        twin = zoo.to_stateful(shaken(MODELS[name]()), BATCH)
        x = ids(9)
        whole = chunked(twin, x, 4)
        zoo.reset_state(twin)
        twin(x[:, :4])
        twin.save(tmp_path / "twin.keras")
        loaded = keras.models.load_model(tmp_path / "twin.keras")
        np.testing.assert_allclose(call(loaded, x[:, 4:]), whole[:, 4:], atol=1e-6)
        zoo.reset_state(loaded)
        np.testing.assert_allclose(chunked(loaded, x, 4), whole, atol=1e-6)
        free = zoo.to_stateless(loaded)
        np.testing.assert_allclose(call(free, x), whole, atol=1e-6)


def test_files_of_format_1_still_load(tmp_path):
    twin = zoo.load(Path(__file__).parent / "recorded/stateful_format_1.keras")
    twin.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).integers(0, 5, (2, 9)).astype("int32")
    whole = call(zoo.to_stateless(twin), x)
    for loaded in (twin, zoo.load(tmp_path)):  # they have read the first four
        np.testing.assert_allclose(call(loaded, x[:, 4:]), whole[:, 4:], atol=1e-6)
    kinds = [type(layer) for layer in zoo.to_stateful(twin, 3).layers]
    assert {StatefulRNN, StatefulConv1D} < set(kinds)


def functional(*parts, shape=(None, 2)):
    inputs = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def called_twice():
    inputs = keras.Input((None, 2))
    gru = layers.GRU(2, return_sequences=True, name="culprit")
    return keras.Model(inputs, gru(gru(inputs)))


def nested_twice():
    part = keras.Sequential(
        [keras.Input((None, 2)), layers.GRU(2, return_sequences=True, name="culprit")]
    )
    inputs = keras.Input((None, 2))
    return keras.Model(inputs, part(part(inputs)))


def both_ways():
    gru = layers.GRU(2, return_sequences=True)
    rnn = layers.GRU(2, return_sequences=True)
    return functional(rnn, layers.Bidirectional(gru, name="culprit"))


REFUSED = {
    "recurrent": (lambda: zoo.wavenet((None, 1)), "no recurrent layer"),
    "twice": (called_twice, "'culprit' more than once"),
    "nested twice": (nested_twice, "'culprit' more than once"),
    "both ways": (both_ways, "'culprit'.*cannot be stepped"),
    "over time": (
        lambda: functional(
            layers.GRU(2, return_sequences=True), layers.GlobalMaxPooling1D(name="culprit")
        ),
        "'culprit'.*cannot be stepped",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_without_a_stateful_twin(name):
    build, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        zoo.to_stateful(build(), 2)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"whole number of at least 1\. Received: 0"):
        zoo.to_stateful(zoo.char_rnn(3, units=2), 0)
    with pytest.raises(ValueError, match="without stateful and return_state"):
        StatefulRNN(layers.GRU(2, return_state=True), 2)
    with pytest.raises(ValueError, match="without stateful and return_state"):
        StatefulRNN(layers.Dense(2), 2)
    with pytest.raises(ValueError, match="padding='causal'"):
        StatefulConv1D(layers.Conv1D(2, 3), 2)


def test_half_precision_keeps_its_state():
    gru = layers.GRU(3, return_sequences=True, dtype="mixed_bfloat16")
    x = np.random.default_rng(0).normal(size=(2, 8, 2)).astype("float32")
    stateful = StatefulRNN(gru, 2)
    parts = [keras.ops.cast(stateful(part), "float32") for part in (x[:, :5], x[:, 5:])]
    expected = keras.ops.cast(gru(x), "float32")
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=0.02)
    assert keras.backend.standardize_dtype(stateful(x).dtype) == "bfloat16"


JAX_CHECK = """
import keras, numpy as np, zoo
from callbacks import ResetState
from zoo.decoding import Stepper
assert keras.backend.backend() == "jax"
rng = np.random.default_rng(0)
ids = rng.integers(0, 5, (4, 41)).astype("int32")
x = np.concatenate(np.split(ids[:, :-1], 4, axis=1))  # four batches that continue each other
y = np.concatenate(np.split(ids[:, 1:], 4, axis=1))
for cell in ("gru", "lstm"):
    model = zoo.char_rnn(5, units=6, num_layers=2, cell=cell, dropout=0.1)
    twin = zoo.to_stateful(model, 4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(keras.optimizers.SGD(0.0), loss, steps_per_execution=2)
    twin.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[ResetState()])
    state = [np.asarray(weight) for weight in twin.non_trainable_weights]
    assert min(np.abs(part).max() for part in state) > 0
    twin.evaluate(x, y, batch_size=4, verbose=0, callbacks=[ResetState()])
    after = [np.asarray(weight) for weight in twin.non_trainable_weights]
    zoo.reset_state(twin)
    whole = np.asarray(model(ids[:, :-1]))
    parts = [np.asarray(twin(part)) for part in np.split(ids[:, :-1], 4, axis=1)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)
    manual = [np.asarray(weight) for weight in twin.non_trainable_weights]
    for mine, theirs in zip(after, manual, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    zoo.reset_state(twin)
    predicted = twin.predict(x, batch_size=4, verbose=0)
    np.testing.assert_allclose(np.concatenate(np.split(predicted, 4), axis=1), whole, atol=1e-5)
    try:
        twin.predict(x[:3], verbose=0)
    except ValueError as error:
        assert "must have 4" in str(error) and "a batch of 3" in str(error)
    else:
        raise AssertionError("no error")
"""


@pytest.mark.slow
@pytest.mark.jax
def test_on_jax():
    pytest.importorskip("jax", reason="needs the jax extra")
    run_on_jax(JAX_CHECK)
