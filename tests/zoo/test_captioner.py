"""The decoder of seq2seq on the places of an image."""

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.shared import assert_close

WORDS, TIME = 7, 4
SMALL = {"units": 4, "embedding_dim": 3}
MODELS = {
    "bahdanau": {},
    "luong": {"attention": "luong", "score_scale": True, "cell": "gru", "num_layers": 2},
    "not fed": {"input_feeding": False, "attention_layer_size": 5},
    "no attention": {"attention": None},
}
each_model = pytest.mark.parametrize("name", MODELS)


def build(name, **arguments):
    model = zoo.captioner((9, 12, 2), WORDS, **{**SMALL, **MODELS[name], **arguments})
    rng = np.random.default_rng(7)
    for weight in model.weights:
        weight.assign(rng.uniform(-0.1, 0.1, weight.shape))
    return model


def batch():
    rng = np.random.default_rng(0)
    return {
        "image": rng.normal(size=(3, 9, 12, 2)).astype("float32"),
        "target": rng.integers(1, WORDS, (3, TIME)).astype("int32"),
    }


def call(model, x):
    return np.array(model(x))


@each_model
def test_steps_are_the_training_path_and_see_no_future(name):
    model, x = build(name), batch()
    before = call(model, x)
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    memory = decoder.prepare(encoder(x["image"]))
    assert memory["mask"].shape == (3, 2 * 2)  # 9 x 12, halved 3 times
    assert np.all(memory["mask"])
    state = decoder.initial_state(len(x["target"]), TIME, memory)
    for step in range(TIME):
        logits, state, alignments = decoder.step(x["target"][:, step], state, step, memory)
        assert_close(logits, before[:, step])
        assert (alignments is None) == (name == "no attention")
        changed = x["target"].copy()
        changed[:, step:] = changed[:, step:] % (WORDS - 1) + 1
        after = call(model, {**x, "target": changed})
        np.testing.assert_array_equal(after[:, :step], before[:, :step])
    alone = call(model, {key: value[:1] for key, value in x.items()})
    assert_close(alone, before[:1])


def test_any_feature_map_will_do():
    backbone = keras.Sequential([layers.Input((9, 12, 2)), layers.Conv2D(5, 3, strides=3)])
    model, x = build("bahdanau", backbone=backbone), batch()
    memory = model.get_layer("encoder")(x["image"])
    assert memory["outputs"].shape == (3, 3 * 4, 5)
    np.testing.assert_array_equal(memory["outputs"][:, 4 * 1 + 2], backbone(x["image"])[:, 1, 2])
    assert call(model, x).shape == (3, TIME, WORDS)


WRONG = [
    ({"vocabulary_size": 0}, "vocabulary_size must be .* 0"),
    ({"input_shape": (8, 8)}, r"\(height, width, channels\).*\(8, 8\)"),
    ({"cell": "rnn"}, "lstm, gru.*cell='rnn'"),
    ({"attention": "dot"}, "luong, bahdanau, None.*attention='dot'"),
    ({"dropout": -1}, r"\[0, 1\).*-1"),
    ({"backbone": keras.Sequential([layers.Flatten()])}, r"feature map .*\(None, 64\)"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(
            "captioner", **{"input_shape": (8, 8, 1), "vocabulary_size": 5, **arguments}
        )
