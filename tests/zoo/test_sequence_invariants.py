"""What holds for every model that writes a sequence, whatever it is made of.

Each target id knows those before it and no others; padding and the rest of the batch change no
output, and nothing flows back into padding.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import zoo
from tests.shared import assert_close, every_day
from zoo.losses import MaskedCrossentropy

SOURCES, TARGETS, PADDED = 9, 7, 2
SOURCE_LENGTHS, LENGTHS = [5, 3, 2, 0], [3, 4, 1, 0]
RECURRENT = {"units": 4, "embedding_dim": 3}
BAHDANAU = {**RECURRENT, "attention": "bahdanau"}
ATTENDING = {"num_layers": 1, "embedding_dim": 4, "num_heads": 2, "feed_forward_dim": 5}
ATTENDING["dropout"] = 0.0
NOT_FED = {"input_feeding": False}
MODELS = {
    "seq2seq-luong-lstm": {**RECURRENT, "score_scale": True},
    "seq2seq-luong-gru-not_fed": {**RECURRENT, "cell": "gru", **NOT_FED, "num_layers": 2},
    "seq2seq-bahdanau-lstm-not_fed": {**BAHDANAU, **NOT_FED, "attention_layer_size": 5},
    "seq2seq-bahdanau-gru": {**BAHDANAU, "cell": "gru", "encoder": "plain"},
    "seq2seq-normalized-lstm": {**BAHDANAU, "normalize": True},
    "seq2seq-monotonic-lstm-not_fed": {**RECURRENT, "monotonic": True, **NOT_FED},
    "seq2seq-monotonic-gru": {**BAHDANAU, "monotonic": True, "cell": "gru"},
    "seq2seq-none-lstm": {**RECURRENT, "attention": None, "num_layers": 2},
    "seq2seq-none-gru": {**RECURRENT, "attention": None, "cell": "gru", "encoder": "plain"},
    "transformer-pre": ATTENDING,
    "transformer-post": {**ATTENDING, "norm": "post", "scale_embeddings": False},
    "transformer-learned": {**ATTENDING, "positions": "learned", "max_length": 8},
    "transformer-tied": {**ATTENDING, "tie_embeddings": True, "num_layers": 2},
    "captioner-bahdanau": RECURRENT,
    "captioner-luong": {**RECURRENT, "attention": "luong", "cell": "gru", "num_layers": 2},
    "captioner-not_fed": {**RECURRENT, **NOT_FED},
    "captioner-none": {**RECURRENT, "attention": None},
}


def build(name):
    kind = name.partition("-")[0]
    sizes = {"source_vocabulary_size": SOURCES, "target_vocabulary_size": TARGETS}
    if kind == "captioner":
        backbone = keras.Sequential([keras.Input((4, 6, 2)), layers.Conv2D(3, 2, strides=2)])
        sizes = {"input_shape": (4, 6, 2), "vocabulary_size": TARGETS, "backbone": backbone}
    model = zoo.create_model(kind, **sizes, **MODELS[name])
    rng = np.random.default_rng(7)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(rng.uniform(-0.9, 0.9, weight.shape))
    return model


def batch(model):
    """Inputs and labels of rows of different lengths; the last is nothing but padding."""
    rng = np.random.default_rng(0)

    def ids(most, lengths):
        found = rng.integers(1, most, (len(lengths), max(lengths))).astype("int32")
        return found * (np.arange(max(lengths)) < np.array(lengths)[:, None])

    x = {"target": ids(TARGETS, LENGTHS)}
    y = ids(TARGETS, LENGTHS)
    if model.name == "captioner":
        return {**x, "image": rng.normal(size=(4, 4, 6, 2)).astype("float32")}, y
    return {**x, "source": ids(SOURCES, SOURCE_LENGTHS)}, y


def padded(x):
    """The same with more padding."""
    return {
        name: part if name == "image" else np.pad(part, [(0, 0), (0, PADDED)])
        for name, part in x.items()
    }


def alone(x, row):
    """A row of a batch, without its padding."""
    part = {name: part[row : row + 1] for name, part in x.items()}
    return {
        name: ids if name == "image" else ids[:, : (ids > 0).sum()] for name, ids in part.items()
    }


def gradients(model, x, y, monkeypatch):
    """The loss, its gradient by what each id became, and those of all weights."""
    read, original = [], layers.Embedding.call

    def call(self, inputs):
        read.append((np.array(inputs), original(self, inputs)))
        return read[-1][1]

    monkeypatch.setattr(layers.Embedding, "call", call)
    variables = [weight.value for weight in model.trainable_weights]
    with tf.GradientTape() as tape:
        loss = MaskedCrossentropy()(y, model(x, training=True))
    monkeypatch.undo()
    vectors, weights = tape.gradient(loss, [[outputs for _, outputs in read], variables])
    positions = [(ids, np.array(each)) for (ids, _), each in zip(read, vectors, strict=True)]
    return float(loss), positions, [np.array(tf.convert_to_tensor(each)) for each in weights]


#: Every attention, cell, encoder and way of feeding, every norm and kind of positions once.
MOST = (
    *("seq2seq-luong-gru-not_fed", "seq2seq-bahdanau-gru", "seq2seq-monotonic-lstm-not_fed"),
    *("transformer-post", "transformer-learned", "captioner-luong", "captioner-none"),
)


@pytest.fixture(scope="module", params=every_day(MOST, MODELS))
def model(request):
    return build(request.param)


def test_no_output_sees_a_later_id(model):
    x, _ = batch(model)
    most, rows = max(LENGTHS), len(LENGTHS)
    x["target"] = np.where(x["target"] == 0, 1, x["target"])
    x = {name: np.tile(part, (most, *[1] * (part.ndim - 1))) for name, part in x.items()}
    changed = x["target"].copy()
    for step in range(most):  # another id in each copy of the batch
        copy = slice(step * rows, (step + 1) * rows)
        changed[copy, step] = changed[copy, step] % (TARGETS - 1) + 1
    difference = np.abs(np.array(model({**x, "target": changed})) - np.array(model(x)))
    for step, found in enumerate(difference.reshape(most, rows, most, TARGETS).max(axis=(1, 3))):
        assert np.all(found[:step] == 0)
        assert found[step] > 1e-6


def test_neither_padding_nor_other_rows_change_an_output(model):
    x, _ = batch(model)
    outputs = np.array(model(x))
    assert np.isfinite(outputs).all()
    turned = {name: part[::-1] for name, part in padded(x).items()}
    longer = np.array(model(turned))[::-1]
    for row, length in enumerate(LENGTHS):
        assert_close(longer[row, :length], outputs[row, :length])
    row, length = 1, LENGTHS[1]
    assert_close(np.array(model(alone(x, row)))[0], outputs[row, :length])


def test_nothing_flows_back_into_padding(model, monkeypatch):
    x, y = batch(model)
    loss, _, weights = gradients(model, x, y, monkeypatch)
    y = np.pad(y, [(0, 0), (0, PADDED)])
    again, positions, more = gradients(model, padded(x), y, monkeypatch)
    assert again == pytest.approx(loss, abs=1e-6)
    for gradient, expected in zip(more, weights, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-5)
    assert len(positions) == len(x) - ("image" in x)
    for ids, gradient in positions:
        assert gradient.shape[:2] == ids.shape
        assert np.all(gradient[ids == 0] == 0)
        assert np.all(np.abs(gradient[ids != 0]).max(axis=-1) > 0)
