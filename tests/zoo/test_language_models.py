"""What every language model of the catalogue keeps to, and what is special to each."""

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.shared import assert_close, every_day, run_on_jax, shaken
from zoo.catalog import CATALOG
from zoo.decoding import Stepper
from zoo.layers import CausalSelfAttention, OneHot

NAMES = [info.name for info in CATALOG if info.task == "language_model"]
VOCABULARY = 7
RNN = {"units": 5, "name": "char_rnn"}
CONV = {"filters": (6, 8, 8), "units": 5}
ATTENTION = {"context": 5, "num_layers": 2, "num_heads": 2, "embedding_dim": 8}

#: Every kind of model, small.
MODELS = {
    "gru": lambda: zoo.char_rnn(VOCABULARY, **RNN),
    "lstm": lambda: zoo.char_rnn(VOCABULARY, **RNN, cell="lstm", num_layers=2, dropout=0.3),
    "embedding": lambda: zoo.char_rnn(VOCABULARY, **RNN, embedding_dim=4, dropout=0.3),
    "tied": lambda: zoo.char_rnn(VOCABULARY, **RNN, embedding_dim=5, tie_embeddings=True),
    "tied projected": lambda: zoo.char_rnn(
        VOCABULARY, **RNN, embedding_dim=3, tie_embeddings=True, dropout=0.3
    ),
    "conv": lambda: zoo.conv_lstm_language_model(VOCABULARY, **CONV),
    "conv dropout": lambda: zoo.conv_lstm_language_model(
        VOCABULARY, **CONV, kernel_size=3, dropout=0.3
    ),
    "transformer": lambda: zoo.transformer_language_model(VOCABULARY, **ATTENTION),
    "transformer tied": lambda: zoo.transformer_language_model(
        VOCABULARY, **ATTENTION, feed_forward_dim=6, tie_embeddings=True, dropout=0.3
    ),
}


def call(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def ids(batch, time):
    return np.random.default_rng(3).integers(0, VOCABULARY, (batch, time)).astype("int32")


def test_the_catalogue_holds_them():
    assert sorted(NAMES) == ["char_rnn", "conv_lstm_language_model", "transformer_language_model"]


SOME = ("gru", "lstm", "tied projected", "conv dropout", "transformer tied")
each_model = pytest.mark.parametrize("name", every_day(SOME, MODELS))


@each_model
def test_logits_at_every_step_of_any_length(name):
    model = shaken(MODELS[name]())
    assert model.input_shape == (None, None)
    assert model.input.dtype == "int32"
    assert model.output_shape == (None, None, VOCABULARY)
    assert not model.compiled
    for time in (1, 9):
        logits = call(model, ids(2, time))
        assert (logits.shape, logits.dtype) == ((2, time, VOCABULARY), np.float32)
    alone = np.concatenate([call(model, ids(3, 8)[i : i + 1]) for i in range(3)])
    assert_close(call(model, ids(3, 8)), alone)


@each_model
def test_no_logits_see_the_next_id(name):
    model = shaken(MODELS[name]())
    x = np.stack([ids(4, 12)] * 13)
    for step in range(12):
        x[step, :, step:] = (x[step, :, step:] + 1) % VOCABULARY
    logits = call(model, x.reshape(-1, 12)).reshape(13, 4, 12, VOCABULARY)
    difference = np.abs(logits[:12] - logits[12]).max(axis=(1, 3))
    assert difference[np.tril_indices(12, -1)].max() < 1e-6
    assert np.diagonal(difference).min() > 1e-4


@each_model
def test_steps_equal_the_whole_sequence(name):
    model = shaken(MODELS[name]())
    x = ids(2, 17)  # more than three times the context of the Transformer
    stepper = Stepper(model)
    state = stepper.initial_state(2)
    assert all(part.shape[0] == 2 for part in state)
    outputs = []
    for step in range(17):
        logits, state = stepper.step(x[:, step : step + 1], state, step)
        outputs.append(logits)
    np.testing.assert_allclose(np.concatenate(outputs, axis=1), call(model, x), atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "tied", "conv dropout"])
def test_stateful_models_are_stepped_from_a_fresh_state(name):
    model = shaken(MODELS[name]())
    twin = zoo.to_stateful(model, 3)
    twin(ids(3, 4))
    states = [np.array(weight) for weight in twin.non_trainable_weights]
    stepper = Stepper(twin)
    state = stepper.initial_state(2)
    x = ids(2, 6)
    outputs = []
    for step in range(6):
        logits, state = stepper.step(x[:, step : step + 1], state, step)
        outputs.append(logits)
    np.testing.assert_allclose(np.concatenate(outputs, axis=1), call(model, x), atol=1e-5)
    for weight, value in zip(twin.non_trainable_weights, states, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_the_book_models_have_their_sizes():
    assert zoo.char_rnn(39, embedding_dim=16).count_params() == 61_719  # 3rd edition, cell 32
    gru = [3 * (size * 128 + 128 * 128 + 2 * 128) for size in (39, 128)]
    assert zoo.char_rnn(39, num_layers=2).count_params() == sum(gru) + 128 * 39 + 39
    chorales = zoo.conv_lstm_language_model(47)
    assert chorales.count_params() == 396_810  # 2nd edition, cell 136
    assert [layer.dilation_rate[0] for layer in chorales.layers if "conv_" in layer.name] == [
        1, 2, 4, 8,
    ]  # fmt: skip


def test_tied_embeddings_are_the_head():
    model = shaken(MODELS["tied"]())
    embedding = model.get_layer("embedding").embeddings
    body = keras.Model(model.input, model.get_layer("gru_0").output)
    expected = call(body, ids(2, 4)) @ np.array(embedding).T
    assert_close(call(model, ids(2, 4)), expected)
    assert model.count_params() == 7 * 5 + 3 * (5 * 5 + 5 * 5 + 2 * 5)


def test_one_hot_vectors_of_one_step():
    np.testing.assert_array_equal(OneHot(3)(np.array([[1], [5]])), [[[0, 1, 0]], [[0, 0, 0]]])


def attention_by_hand(layer, x):
    """Rotary attention to the last `context` steps, one pair of steps at a time."""
    kernel, combine = (np.array(weight, "float64") for weight in layer.weights)
    batch, time, channels = x.shape
    size = channels // layer.num_heads
    query, key, value = np.split(x @ kernel, 3, axis=-1)
    outputs = np.zeros_like(x, "float64")
    for b, head, t in np.ndindex(batch, layer.num_heads, time):
        mine = slice(head * size, (head + 1) * size)
        seen = range(max(0, t - layer.context + 1), t + 1)
        scores = []
        for s in seen:
            # A rotation is a product with exp(i * angle); a score is the real part of a product.
            angle = (t - s) * 10000.0 ** (-np.arange(size // 2) / (size // 2))
            q, k = (
                v[mine][: size // 2] + 1j * v[mine][size // 2 :] for v in (query[b, t], key[b, s])
            )
            scores.append((q * np.exp(1j * angle) * k.conj()).real.sum() / np.sqrt(size))
        weights = np.exp(scores) / np.exp(scores).sum()
        outputs[b, t, mine] = sum(w * value[b, s][mine] for w, s in zip(weights, seen, strict=True))
    return outputs @ combine


@pytest.mark.parametrize(("num_heads", "context"), [(1, 1), (2, 4), (4, 100)])
def test_attention_is_rotary_causal_and_banded(num_heads, context):
    layer = CausalSelfAttention(num_heads, context)
    x = np.random.default_rng(0).normal(size=(2, 11, 16)).astype("float32")
    outputs = call_layer(layer, x)
    assert_close(outputs, attention_by_hand(layer, x))


def call_layer(layer, x):
    return keras.ops.convert_to_numpy(layer(x))


def test_each_layer_of_a_transformer_sees_its_context():
    model = shaken(zoo.transformer_language_model(VOCABULARY, **{**ATTENTION, "num_layers": 1}))
    x = ids(3, 12)
    changed = x.copy()
    changed[:, 4] = (changed[:, 4] + 1) % VOCABULARY
    difference = np.abs(call(model, changed) - call(model, x)).max(axis=(0, 2))
    assert np.all(difference[4:9] > 1e-5)  # a context of 5
    assert np.all(difference[[0, 1, 2, 3, 9, 10, 11]] == 0)


def test_positions_matter():
    layer = CausalSelfAttention(1, 10)
    x = np.random.default_rng(0).normal(size=(1, 3, 4)).astype("float32")
    swapped = x[:, [1, 0, 2]]
    assert np.abs(call_layer(layer, x) - call_layer(layer, swapped))[:, 2].max() > 1e-3


@pytest.mark.parametrize("name", ["tied", "conv", "transformer tied"])
def test_half_precision_has_float32_logits(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = MODELS[name]()
    finally:
        keras.config.set_dtype_policy(before)
    x = ids(2, 6)
    assert model.output.dtype == "float32"
    logits = model(x)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    stepper = Stepper(model)
    state = stepper.initial_state(2)
    for step in range(6):
        last, state = stepper.step(x[:, step : step + 1], state, step)
    np.testing.assert_allclose(last[:, 0], logits[:, -1], atol=0.05)


def test_dropout_is_in_training_only():
    model = MODELS["transformer tied"]()
    x = ids(2, 9)
    np.testing.assert_array_equal(model(x), model(x))
    assert np.abs(model(x, training=True) - model(x, training=True)).max() > 1e-3
    names = [layer.name for layer in model.layers if isinstance(layer, layers.Dropout)]
    assert len(names) == 1 + 2 * 2
    rnn = [layer.name for layer in MODELS["embedding"]().layers if "dropout" in layer.name]
    assert rnn == ["embedding_dropout", "dropout_0"]


WRONG = [
    ("char_rnn", {"vocabulary_size": 0}, "vocabulary_size must be .* 0"),
    ("char_rnn", {"units": 2.5}, r"units must be .* 2\.5"),
    ("char_rnn", {"num_layers": 0}, "num_layers must be .* 0"),
    ("char_rnn", {"cell": "rnn"}, "Expected one of simple_rnn, .*cell='rnn'"),
    ("char_rnn", {"embedding_dim": -1}, "embedding_dim must be .* -1"),
    ("char_rnn", {"dropout": 1.0}, r"\[0, 1\).*1\.0"),
    ("char_rnn", {"tie_embeddings": True}, "needs an embedding.*embedding_dim=None"),
    ("char_rnn", {"stateful": True}, "needs a batch_size.*batch_size=None"),
    ("char_rnn", {"batch_size": 4}, "nothing else does.*batch_size=4"),
    ("char_rnn", {"stateful": True, "batch_size": -4}, "whole number of at least 1.*-4"),
    ("conv_lstm_language_model", {"filters": ()}, r"at least one.*filters=\(\)"),
    ("conv_lstm_language_model", {"filters": (4, 0)}, "filters must be .* 0"),
    ("conv_lstm_language_model", {"kernel_size": 0}, "kernel_size must be .* 0"),
    ("conv_lstm_language_model", {"dropout": -1}, r"\[0, 1\).*-1"),
    ("transformer_language_model", {"context": 0}, "context must be .* 0"),
    ("transformer_language_model", {"num_heads": 3}, "3 heads need.*multiple of 6.*128 channels"),
    ("transformer_language_model", {"embedding_dim": 20}, "4 heads need.*8.*20 channels"),
    ("transformer_language_model", {"feed_forward_dim": 0}, "feed_forward_dim must be .* 0"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), WRONG)
def test_wrong_arguments_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, **{"vocabulary_size": VOCABULARY, **arguments})


def test_a_model_without_recurrent_layers_has_no_stateful_twin():
    with pytest.raises(ValueError, match="no recurrent layer"):
        zoo.to_stateful(MODELS["transformer"](), 2)
    inputs = keras.Input((None, 4))
    x = layers.GRU(4, return_sequences=True)(inputs)
    mixed = keras.Model(inputs, CausalSelfAttention(2, 3, name="culprit")(x))
    with pytest.raises(ValueError, match=r"state of layer 'culprit'.*cannot be kept"):
        zoo.to_stateful(mixed, 2)


JAX_CHECK = """
import keras, numpy as np, zoo
from zoo.decoding import Stepper
assert keras.backend.backend() == "jax"
x = np.random.default_rng(0).integers(0, 5, (2, 12)).astype("int32")
for model in (
    zoo.char_rnn(5, units=4, embedding_dim=3, tie_embeddings=True),
    zoo.conv_lstm_language_model(5, filters=(3, 4), units=4),
    zoo.transformer_language_model(5, 4, num_layers=1, num_heads=2, embedding_dim=8),
):
    whole = np.asarray(model(x))
    changed = x.copy()
    changed[:, 7:] = (changed[:, 7:] + 1) % 5
    np.testing.assert_array_equal(np.asarray(model(changed))[:, :7], whole[:, :7])
    stepper = Stepper(model)
    state = stepper.initial_state(2)
    for step in range(12):
        logits, state = stepper.step(x[:, step : step + 1], state, step)
        np.testing.assert_allclose(np.asarray(logits)[:, 0], whole[:, step], atol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.jax
def test_on_jax():
    pytest.importorskip("jax", reason="needs the jax extra")
    run_on_jax(JAX_CHECK)
