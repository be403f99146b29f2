"""The text classifiers: padding, pooling, both directions, and what each encoder sees."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.shared import assert_close, every_day, run_on_jax, shaken, traced_once

IDS = 9
SMALL = {"units": 4, "embedding_dim": 8, "num_heads": 2}
MODELS = {
    "gru": {"encoder": "gru", "num_layers": 2},
    "lstm attention": {"encoder": "lstm", "pooling": "attention"},
    "bigru": {"encoder": "bigru", "num_layers": 2},
    "bilstm max": {"encoder": "bilstm", "pooling": "max"},
    "bigru mean": {"pooling": "mean"},
    "conv": {"encoder": "conv", "kernel_sizes": (2, 3), "num_layers": 2},
    "conv attention": {"encoder": "conv", "kernel_sizes": 4, "pooling": "attention"},
    "transformer": {"encoder": "transformer", "num_layers": 2},
    "transformer last": {"encoder": "transformer", "pooling": "last"},
    "mean": {"encoder": "mean", "num_layers": 2},
    "ngrams": {"encoder": "mean", "num_layers": 0, "ngrams": 3, "buckets": 50},
    "ngrams attention": {"encoder": "mean", "ngrams": 2, "buckets": 50, "pooling": "attention"},
}
#: One of each kind of encoder.
ENCODERS = ("bigru", "conv attention", "transformer", "ngrams")
#: Every kind of encoder with every kind of pooling that it has alone.
MOST = (*ENCODERS, "lstm attention", "bilstm max", "transformer last", "mean")
each_model = pytest.mark.parametrize("name", every_day(MOST, MODELS))
each_encoder = pytest.mark.parametrize("name", every_day(ENCODERS, MODELS))


def build(name="bigru", **arguments):
    """Three classes, and weights with which every mistake shows."""
    arguments = {**SMALL, **MODELS[name], **arguments}
    return shaken(zoo.text_classifier(IDS, 3, "multiclass", **arguments))


@functools.cache
def built(name):
    """The model itself, for the tests that leave it as it is."""
    return build(name)


def texts(lengths=(6, 4, 2, 1), time=6):
    ids = np.random.default_rng(3).integers(1, IDS, (len(lengths), time))
    return (ids * (np.arange(time) < np.array(lengths)[:, None])).astype("int32")


def call(model, x, **arguments):
    return keras.ops.convert_to_numpy(model(x, **arguments))


@each_model
def test_padding_and_the_rest_of_the_batch_change_nothing(name):
    model, x = built(name), texts()
    before = call(model, x)
    assert np.ptp(before, axis=0).max() > 1e-2
    assert_close(call(model, np.pad(x, [(0, 0), (0, 5)])), before)
    for row, ids in enumerate(x):
        alone = ids[None, : (ids > 0).sum()]
        assert_close(call(model, alone)[0], before[row])


@each_encoder
def test_a_row_of_only_padding_is_one_padding_id(name):
    model = built(name)
    one = call(model, np.zeros((1, 1), "int32"))
    assert np.isfinite(one).all()
    wide = call(model, texts(lengths=(0, 3, 0)))
    assert_close(wide[[0, 2]], np.repeat(one, 2, 0))


@each_model
def test_every_weight_learns_and_padding_teaches_nothing(name):
    model = built(name)
    narrow = gradients(model, texts())
    wide = gradients(model, np.pad(texts(), [(0, 0), (0, 4)]))
    for path, gradient in narrow.items():
        assert np.abs(gradient).max() > 0, f"{path} got no gradient"
        np.testing.assert_allclose(wide[path], gradient, atol=1e-6, err_msg=path)
        if path.endswith("embeddings"):
            assert np.all(gradient[0] == 0)


def gradients(model, x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x)[:, 0] ** 2)
    found = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    return {
        weight.path: np.array(tf.convert_to_tensor(gradient))
        for weight, gradient in zip(model.trainable_weights, found, strict=True)
    }


@each_encoder
def test_padded_positions_get_no_gradient_at_all(name):
    model, x = built(name), np.pad(texts(), [(0, 0), (0, 2)])
    read = model.get_layer("embedding")
    behind = keras.Model([model.input, read.output], model.output)
    ids, embedded = x, keras.Model(model.input, read.output)(x)
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        logits = behind([tf.constant(x), embedded])
        loss = tf.reduce_sum(logits[:, 0])
    gradient = np.abs(np.array(tape.gradient(loss, embedded))).sum(axis=-1)
    assert_close(logits, call(model, x))
    if "ngrams" in name:
        ids = call(keras.Model(model.input, model.get_layer("ngrams").output), x)
    assert np.all(gradient[ids == 0] == 0)
    if "conv" not in name and "max" not in name:  # where some may be off, or below another
        assert np.all(gradient[ids > 0] > 0)


def test_last_is_the_end_of_both_directions():
    model, x = build("bigru", num_layers=1), texts()
    layer = model.get_layer("bidirectional_0")
    table = np.array(model.get_layer("embedding").embeddings)
    expected = []
    for ids in x:
        vectors = table[ids[ids > 0]]
        forward = gru(vectors, layer.forward_layer.get_weights())
        backward = gru(vectors[::-1], layer.backward_layer.get_weights())
        expected.append(np.concatenate([forward, backward]))
    kernel, bias = model.get_layer("head").get_weights()
    assert_close(call(model, x), np.stack(expected) @ kernel + bias)


def gru(vectors, weights):
    """The last state of a GRU, step by step."""
    kernel, recurrent, (bias, recurrent_bias) = weights
    state = np.zeros(len(recurrent), "float32")
    for vector in vectors:
        update, reset, new = np.split(vector @ kernel + bias, 3)
        old_update, old_reset, old = np.split(state @ recurrent + recurrent_bias, 3)
        update = 1 / (1 + np.exp(-update - old_update))
        reset = 1 / (1 + np.exp(-reset - old_reset))
        state = update * state + (1 - update) * np.tanh(new + reset * old)
    return state


def test_without_a_mask_padding_makes_all_texts_alike():
    x = texts(lengths=(6, 6, 6))
    model = zoo.text_classifier(IDS, encoder="gru", **SMALL)
    blind = zoo.text_classifier(IDS, encoder="gru", **SMALL, mask=False)
    blind.set_weights(model.get_weights())
    assert_close(call(blind, x), call(model, x))
    long = np.pad(x, [(0, 0), (0, 100)])
    assert_close(call(model, long), call(model, x))
    assert np.ptp(call(model, long)) > 1e-2
    assert_close(call(blind, long), np.repeat(call(blind, long[:1]), 3, axis=0))
    assert "mask" not in {layer.name for layer in blind.layers}


@pytest.mark.parametrize("encoder", ["bilstm", "conv", "mean"])
def test_every_other_encoder_but_the_transformer_can_go_without_a_mask(encoder):
    model = shaken(zoo.text_classifier(IDS, encoder=encoder, pooling="mean", mask=False, **SMALL))
    x = texts()
    difference = call(model, np.pad(x, [(0, 0), (0, 5)])) - call(model, x)
    assert np.abs(difference).min() > 1e-4


@pytest.mark.parametrize(("ngrams", "ordered"), [(1, False), (2, True)])
def test_ngrams_know_the_order_of_neighbours(ngrams, ordered):
    model = shaken(zoo.text_classifier(IDS, encoder="mean", ngrams=ngrams, buckets=999, **SMALL))
    one, other = call(model, np.array([[1, 2, 3, 4], [4, 2, 1, 3]]))
    assert (np.abs(one - other).max() > 1e-4) == ordered


def test_mean_without_layers_is_fasttext():
    model, x = build("ngrams"), texts()
    table = np.array(model.get_layer("embedding").embeddings)
    ids = call(keras.Model(model.input, model.get_layer("ngrams").output), x)
    assert np.all((ids > 0).sum(axis=1) == [15, 9, 3, 1])  # 6 + 5 + 4, 4 + 3 + 2, 2 + 1, 1
    means = np.stack([table[row[row > 0]].mean(axis=0) for row in ids])
    kernel, bias = model.get_layer("head").get_weights()
    assert_close(call(model, x), means @ kernel + bias)


@each_encoder
def test_dropout_is_in_training_only(name):
    model, x = build(name, dropout=0.5), texts()
    np.testing.assert_array_equal(call(model, x), call(built(name), x))
    one, other = call(model, x, training=True), call(model, x, training=True)
    assert np.abs(one - other).max() > 1e-3


def test_word_dropout_drops_whole_ids():
    model = zoo.text_classifier(IDS, word_dropout=0.25, **SMALL)
    ones = np.ones((50, 40, 8), "float32")
    dropped = call(model.get_layer("word_dropout"), ones, training=True)
    assert np.all(np.ptp(dropped, axis=-1) == 0)
    assert dropped.max() == np.float32(1 / 0.75)
    assert 0.2 < np.mean(dropped == 0) < 0.3
    x = texts()
    np.testing.assert_array_equal(call(model, x), call(model, x))


HEADS = [("binary", 1, (4, 1)), ("multilabel", 2, (4, 2)), ("multiclass", 3, (4,))]


@pytest.mark.parametrize(("head", "num_classes", "labels"), HEADS)
def test_heads_go_with_their_objectives(head, num_classes, labels):
    model, x = zoo.text_classifier(IDS, num_classes, head, encoder="mean", **SMALL), texts()
    assert model.output_shape == (None, num_classes)
    y = np.random.default_rng(1).integers(0, max(2, num_classes), labels)
    model.compile(keras.optimizers.Adam(0.05), **zoo.objective(head), jit_compile=False)
    traced_once(model)
    many = [np.concatenate([data] * 40) for data in (x, y)]
    model.fit(*many, batch_size=4, shuffle=False, verbose=0)
    assert model.test_on_batch(x, y)[1] == 1.0


@pytest.mark.parametrize(
    ("encoder", "jit"),
    [
        ("bigru", False),
        pytest.param("transformer", False, marks=pytest.mark.slow),
        pytest.param("conv", True, marks=pytest.mark.slow),
    ],
)
def test_they_learn_the_order_of_ids(encoder, jit):
    """Whether 1 stands before 2, among other ids, in texts of different lengths."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 8, 256)
    x = rng.integers(3, IDS, (256, 8)) * (np.arange(8) < lengths[:, None])
    y = rng.integers(0, 2, 256)
    for ids, length, label in zip(x, lengths, y, strict=True):
        places = np.sort(rng.choice(length, 2, replace=False))
        ids[places] = [1, 2] if label else [2, 1]
    sizes = {"units": 16, "embedding_dim": 16, "kernel_sizes": 7}
    model = zoo.text_classifier(IDS, encoder=encoder, **sizes)
    model.compile(keras.optimizers.Adam(0.02), **zoo.objective("binary"), jit_compile=jit)
    traced_once(model)
    model.fit(x, y[:, None], batch_size=32, epochs=8, verbose=0)
    assert model.evaluate(x, y[:, None], verbose=0)[1] > 0.9


@each_encoder
def test_half_precision_has_float32_logits(name):
    x, expected = texts(), call(built(name), texts())
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(name)
    finally:
        keras.config.set_dtype_policy(before)
    logits = call(model, x)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, atol=0.05)
    np.testing.assert_allclose(call(model, np.pad(x, [(0, 0), (0, 3)])), logits, atol=0.02)


def test_the_book_models_have_their_sizes():
    reber = zoo.text_classifier(9, encoder="gru", units=30, embedding_dim=5)
    assert reber.count_params() == 9 * 5 + 3 * 30 * (5 + 30 + 2) + 31
    imdb = zoo.text_classifier(11_000, encoder="gru", units=128, num_layers=2)
    assert imdb.count_params() == 11_000 * 128 + 2 * 3 * 128 * (128 + 128 + 2) + 129
    names = [layer.name for layer in imdb.layers]
    assert names == ["ids", "embedding", "mask", "gru_0", "gru_1", "head"]


WRONG = [
    ({"vocabulary_size": 0}, "vocabulary_size must be .* 0"),
    ({"num_classes": 0}, "must be .* 0"),
    ({"num_classes": 3}, "binary head has 1 output.*3"),
    ({"head": "multiclass"}, "2 outputs or more.*1"),
    ({"head": "regression"}, "binary, multilabel, multiclass.*head='regression'"),
    ({"encoder": "rnn"}, "bigru, gru, .*encoder='rnn'"),
    ({"pooling": "min"}, "last, mean, max, attention.*pooling='min'"),
    ({"units": 2.5}, r"units must be .* 2\.5"),
    ({"units": 5}, "even units.*units=5"),
    ({"num_layers": 0}, "num_layers must be .* 0"),
    ({"encoder": "mean", "num_layers": -1}, "num_layers must be .* -1"),
    ({"embedding_dim": 0}, "embedding_dim must be .* 0"),
    ({"dropout": 1.0}, r"\[0, 1\).*1\.0"),
    ({"word_dropout": -0.1}, r"\[0, 1\).*-0\.1"),
    ({"kernel_sizes": ()}, r"kernel_sizes must be .*\(\)"),
    ({"kernel_sizes": (3, 3)}, r"kernel_sizes must be .*\(3, 3\)"),
    ({"kernel_sizes": (0,)}, "kernel_sizes must be .* 0"),
    ({"ngrams": 0}, "ngrams must be .* 0"),
    ({"buckets": 0}, "buckets must be .* 0"),
    ({"ngrams": 2}, "ngrams above 1 go .*'mean' only.*encoder='bigru'"),
    ({"encoder": "mean", "pooling": "last"}, "pooling='last' goes .*encoder='mean'"),
    ({"encoder": "transformer", "word_dropout": 0.1}, r"word_dropout goes .*0\.1"),
    ({"encoder": "transformer", "mask": False}, "mask=False goes .*mask=False"),
    ({"encoder": "transformer", "num_heads": 3}, "multiple of num_heads.*num_heads=3"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model("text_classifier", **{"vocabulary_size": 5, **arguments})


JAX_CHECK = """
import sys
import keras, numpy as np, zoo, zoo.layers
assert keras.backend.backend() == "jax"
for folder in sys.argv[1:]:
    model = keras.models.load_model(f"{folder}/model.keras")
    data = np.load(f"{folder}/data.npz")
    x = data["x"]
    np.testing.assert_allclose(model.predict_on_batch(x), data["y"], atol=1e-5)
    rows, = [weight for weight in model.weights if weight.path.endswith("embeddings")]
    before = np.array(rows)
    model.compile(keras.optimizers.SGD(0.1), **zoo.objective("multiclass"))
    model.train_on_batch(x[:4], np.array([0, 1, 2, 1]))
    moved = np.abs(np.array(rows) - before).max(axis=1)
    assert moved[0] == 0 and np.all(moved[np.unique(x[x > 0])] > 0), moved
"""


@pytest.mark.slow  # test_wide_ngrams.py compares with JAX every day
@pytest.mark.jax
@pytest.mark.parametrize(
    "names",
    [["gru", "ngrams"], ["bilstm max", "conv attention", "transformer"]],
)
def test_on_jax(names, tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    folders, x = [], texts(lengths=(6, 4, 2, 1, 0))
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        model = build(name)
        model.save(folder / "model.keras")
        np.savez(folder / "data.npz", x=x, y=call(model, x))
        folders.append(folder)
    run_on_jax(JAX_CHECK, *folders)
