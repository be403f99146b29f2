"""One contract for every registered model; what is special to one is tested in its own file."""

import functools
import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.hub_modules import save_text_module
from tests.shared import assert_close, every_day, run_fresh, shaken
from zoo.catalog import CATALOG, REFERENCE_ARGUMENTS

BATCH, STEPS = 4, 12
RNG = np.random.default_rng(42)
EDGES = [[-1.0, 0.0, 1.0], [-0.5, 0.5], [0.0, 1.0]]


def floats(*shape):
    return RNG.normal(size=(BATCH, *shape)).astype("float32")


def ids(size, time, shortest=1):
    """Rows of ids, each shorter than the one before and padded with 0."""
    lengths = np.linspace(time, shortest, BATCH).round().astype(int)
    found = RNG.integers(1, size, (BATCH, time)).astype("int32")
    return found * (np.arange(time) < lengths[:, None])


SERIES, IMAGES = floats(STEPS, 2), floats(3, 4)
TABLE = {"numeric": floats(3), "categories": RNG.integers(0, 3, (BATCH, 2)).astype("int32")}
TEXTS, PAIRS = ids(9, 6), {"source": ids(9, 6), "target": ids(7, 5)}
CAPTIONS = {"image": floats(9, 12, 2), "target": ids(7, 5)}
FORECAST = {"input_shape": (STEPS, 2), "horizon": 3}
SERIES_ALONE = {**FORECAST, "targets": 2}
CLASSES = {"input_shape": (3, 4), "outputs": 3, "head": "multiclass"}
PICTURE = {**CLASSES, "input_shape": (9, 8)}
PICTURES, COLOURED = floats(9, 8), floats(17, 16, 3)
COLOUR = {**CLASSES, "input_shape": (None, None, 3)}
CODE = {"input_shape": (3, 4), "units": (6, 4)}
MIXED = {"num_numeric": 3, "category_sizes": (3, 3), "units": (6, 5)}
NORMALIZED = {"batch_normalization": "after", "activation": "prelu"}
PENALIZED = {**NORMALIZED, "max_norm": 2.0, "l2": 1e-3}
CHARACTERS = {"vocabulary_size": 9, "units": 5}
PATCHES = {"patch_length": 4, "stride": 2, "num_heads": 2, "embedding_dim": 8, "num_layers": 2}
BLOCKS = {"num_layers": 2, "embedding_dim": 8, "num_heads": 2}
LETTERS = {"vocabulary_size": 9, "num_classes": 3, "head": "multiclass", "units": 4, "num_heads": 2}
VOCABULARIES = {"source_vocabulary_size": 9, "target_vocabulary_size": 7}
WORDS = {**VOCABULARIES, "units": 4, "embedding_dim": 3}
CAPTION = {"input_shape": (9, 12, 2), "vocabulary_size": 7, "units": 4, "embedding_dim": 3}
NOT_FED = {"input_feeding": False, "attention_layer_size": 5}
SCHEDULED = {"sampling": "embedding", "sampling_probability": zoo.layers.LinearSampling(10)}

#: Arguments, and what the model reads. What follows a name tells its cases apart.
CASES = {
    "autoencoder": ({**CODE, "noise": "gaussian"}, IMAGES),
    "autoencoder-normalized": ({**CODE, **PENALIZED}, IMAGES),
    "autoencoder-sparse": ({**CODE, "sparsity": "kl", "batch_normalization": "after"}, IMAGES),
    "autoencoder-tied": ({**CODE, "tied": True, "output_activation": "sigmoid"}, IMAGES),
    "captioner": (CAPTION, CAPTIONS),
    "captioner-luong": ({**CAPTION, **NOT_FED, "attention": "luong", "cell": "gru"}, CAPTIONS),
    "captioner-plain": ({**CAPTION, "attention": None, "num_layers": 2}, CAPTIONS),
    "char_rnn": (CHARACTERS, TEXTS),
    "char_rnn-lstm": ({**CHARACTERS, "cell": "lstm", "num_layers": 2, "dropout": 0.3}, TEXTS),
    "char_rnn-tied": ({**CHARACTERS, "embedding_dim": 3, "tie_embeddings": True}, TEXTS),
    "cnn": ({**PICTURE, "filters": ((3,), (4, 4)), "units": (6, 5)}, PICTURES),
    "cnn-average": (
        {**COLOUR, "filters": ((3,),), "pooling": "average", "batch_normalization": True},
        COLOURED,
    ),
    "conv_gru": ({**FORECAST, "filters": 4, "units": 4, "kernel_size": 5}, SERIES),
    "conv_lstm_language_model": (
        {"vocabulary_size": 9, "filters": (6, 8, 8), "units": 5, "dropout": 0.3},
        TEXTS,
    ),
    "convolutional_autoencoder": ({"input_shape": (8, 4), "filters": (3, 4)}, floats(8, 4)),
    "dcgan": (
        {"input_shape": (8, 4, 3), "filters": (3, 4), "code_size": 5},
        {"codes": floats(5), "images": floats(8, 4, 3)},
    ),
    "deep_rnn": ({**FORECAST, "units": 4, "batch_normalization": True}, SERIES),
    "deep_rnn-layer_norm": (
        {**FORECAST, "units": 4, "cell": "layer_norm", "head": "gaussian", "dropout": 0.1},
        SERIES,
    ),
    "diffusion": (
        {"input_shape": (8, 4), "filters": (2, 4), "num_blocks": 2},
        {"images": floats(8, 4), "time": RNG.random((BATCH, 1), "float32")},
    ),
    "diffusion-pixels": (
        {"input_shape": (8, 4, 3), "filters": (2, 4), "patch_size": 1},
        {"images": floats(8, 4, 3), "time": RNG.random((BATCH, 1), "float32")},
    ),
    "dlinear": ({**SERIES_ALONE, "kernel_size": 5}, SERIES),
    "dlinear-individual": ({**SERIES_ALONE, "individual": True, "head": "quantile"}, SERIES),
    "gan": (
        {"input_shape": (3, 4), "units": (5, 6), "code_size": 2},
        {"codes": floats(2), "images": IMAGES},
    ),
    "hub_text_classifier": (
        {"handle": "texts", "units": 4, "trainable": True},
        np.array(["good film", "bad", "dull", "a film"]),
    ),
    "lenet5": ({**CLASSES, "input_shape": (28, 28)}, floats(28, 28)),
    "linear_forecaster": (FORECAST, SERIES),
    "mlp": ({**CLASSES, "units": (6, 5)}, IMAGES),
    "mlp-multilabel": ({**CLASSES, **PENALIZED, "head": "multilabel", "units": 6}, IMAGES),
    "mlp-self_normalizing": ({**CLASSES, "preset": "self_normalizing", "units": (6, 5)}, IMAGES),
    "nbeats": ({**SERIES_ALONE, "units": 6, "num_layers": 2, "head": "gaussian"}, SERIES),
    "nhits": ({**SERIES_ALONE, "units": 6, "num_blocks": 2, "dropout": 0.1}, SERIES),
    "nlinear": (SERIES_ALONE, SERIES),
    "nlinear-individual": ({**SERIES_ALONE, "individual": True, "head": "gaussian"}, SERIES),
    "patchtst": ({**SERIES_ALONE, **PATCHES, "head": "quantile"}, SERIES),
    "perceptron": (CLASSES, IMAGES),
    "pretrained": (
        {
            **CLASSES,
            "input_shape": (32, 32),
            "backbone": "MobileNet",
            "weights": "random",
            "width": 0.25,
        },
        floats(32, 32),
    ),
    "recurrent_autoencoder": ({"input_shape": (3, 4), "units": (5, 3)}, IMAGES),
    "resnet": ({**COLOUR, "depth": 18, "filters": 4}, COLOURED),
    "resnet-bottleneck": ({**COLOUR, "depth": 50, "filters": 4}, COLOURED),
    "seq2seq": ({**WORDS, "score_scale": True, "num_layers": 2}, PAIRS),
    "seq2seq-bahdanau": (
        {**WORDS, **NOT_FED, "attention": "bahdanau", "normalize": True, "cell": "gru"},
        PAIRS,
    ),
    "seq2seq-monotonic": ({**WORDS, **SCHEDULED, "monotonic": True, "dropout": 0.1}, PAIRS),
    "seq2seq-plain": ({**WORDS, "attention": None, "encoder": "plain", "cell": "gru"}, PAIRS),
    "simple_rnn": ({**FORECAST, "units": 4}, SERIES),
    "simple_rnn-recurrent_head": ({**FORECAST, "units": 4, "recurrent_head": True}, SERIES),
    "small_resnet": ({**PICTURE, "filters": (4, 6), "dropout": 0.1}, PICTURES),
    "small_resnet-excited": (
        {**COLOUR, "filters": (4, 6), "num_blocks": 2, "squeeze_excitation": True},
        COLOURED,
    ),
    "text_classifier-bigru": ({**LETTERS, "num_layers": 2, "dropout": 0.2}, TEXTS),
    "text_classifier-bilstm": ({**LETTERS, "encoder": "bilstm", "pooling": "max"}, TEXTS),
    "text_classifier-conv": ({**LETTERS, "encoder": "conv", "pooling": "attention"}, TEXTS),
    "text_classifier-ngrams": ({**LETTERS, "encoder": "mean", "ngrams": 3, "buckets": 50}, TEXTS),
    "text_classifier-transformer": ({**LETTERS, "encoder": "transformer"}, TEXTS),
    "transformer": ({**VOCABULARIES, **BLOCKS, "dropout": 0.1}, PAIRS),
    "transformer-post": ({**VOCABULARIES, **BLOCKS, "norm": "post", "num_layers": 1}, PAIRS),
    "transformer-tied": (
        {**VOCABULARIES, **BLOCKS, "tie_embeddings": True, "positions": "learned"},
        PAIRS,
    ),
    "transformer_encoder": ({"vocabulary_size": 9, **BLOCKS}, TEXTS),
    "transformer_language_model": ({"vocabulary_size": 9, **BLOCKS, "context": 4}, TEXTS),
    "transformer_language_model-tied": (
        {"vocabulary_size": 9, **BLOCKS, "feed_forward_dim": 6, "tie_embeddings": True},
        TEXTS,
    ),
    "tsmixer": ({**FORECAST, "feed_forward_dim": 5}, SERIES),
    "tsmixer-extended": (
        {**FORECAST, "input_shape": (STEPS, 8), "future_covariates": 2, "units": 6, "targets": 2},
        floats(STEPS, 8),
    ),
    "variational_autoencoder": (
        {"input_shape": (3, 4), "units": (6, 5), "code_size": 2},
        IMAGES,
    ),
    "wavenet": ({**FORECAST, "filters": 4, "num_blocks": 2, "num_layers": 3}, SERIES),
    "wavenet_lite": ({**FORECAST, "filters": 8, "num_blocks": 2, "num_layers": 3}, SERIES),
    "wide_and_deep": ({**MIXED, "crosses": [(3, 4)], "auxiliary": True}, TABLE),
    "wide_and_deep-ensemble": (
        {**MIXED, "members": 3, "numeric_embedding": "piecewise", "bin_edges": EDGES},
        TABLE,
    ),
    "xception": (
        {
            **COLOUR,
            "stem_filters": (4,),
            "filters": (4, 6),
            "num_blocks": 1,
            "exit_filters": (6, 8),
        },
        COLOURED,
    ),
    "wide_and_deep-normalized": (
        {**MIXED, **NORMALIZED, "numeric_embedding": "periodic", "num_frequencies": 5},
        TABLE,
    ),
}
FIRST = {name.partition("-")[0]: name for name in reversed(CASES)}  # a case of each model
#: Models that are made of what others have: of the two, one is saved and trained every day.
ALIKE = {
    "cnn", "conv_lstm_language_model", "gan", "lenet5", "linear_forecaster", "nbeats", "nlinear",
    "perceptron", "recurrent_autoencoder", "resnet", "simple_rnn", "transformer_encoder",
    "wavenet_lite", "xception",
}  # fmt: skip
each_model = pytest.mark.parametrize("name", every_day(FIRST.values(), CASES))
most_models = pytest.mark.parametrize("name", every_day(set(FIRST.values()) - ALIKE, CASES))
#: A few kinds, for what test_layer_contract.py asks of every layer.
FEW = ("diffusion", "mlp", "nhits", "resnet", "seq2seq", "transformer", "wavenet")


@pytest.fixture(scope="module", autouse=True)
def text_module(tmp_path_factory):
    """A module under the name that the model of TF-Hub is given here."""
    with pytest.MonkeyPatch.context() as patch:
        module = save_text_module(tmp_path_factory.mktemp("hub") / "texts")
        patch.setitem(zoo.layers.HubLayer.handles, "texts", module)
        yield module


@functools.cache
def make(name, policy="float32"):
    """A model with random weights, and its inputs."""
    keras.config.set_dtype_policy(policy)
    try:
        arguments, inputs = CASES[name]
        model = zoo.create_model(name.partition("-")[0], **arguments)
    finally:
        keras.config.set_dtype_policy("float32")
    largest = 0.1 if "image" in inputs else 0.5  # a deep stack would saturate what follows it
    return shaken(model, largest), keras.tree.map_structure(tf.constant, inputs)


@functools.cache
def answers(name):
    return call(*make(name))


def call(model, inputs):
    """All outputs as NumPy arrays, in one list."""
    outputs = keras.tree.flatten(model(inputs, training=False))
    return [keras.ops.convert_to_numpy(output) for output in outputs]


def assert_equal(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_registered_model_has_a_case():
    assert {name.partition("-")[0] for name in CASES} == {info.name for info in CATALOG}
    assert {info.name for info in CATALOG} <= set(zoo.list_models())


@pytest.mark.parametrize(
    "info", [i for i in CATALOG if i.task in REFERENCE_ARGUMENTS], ids=lambda i: i.name
)
def test_parameter_counts_of_the_catalogue(info):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*receptive field", UserWarning)
        model = zoo.create_model(info.name, **REFERENCE_ARGUMENTS[info.task])
    assert model.count_params() == info.parameters
    assert model.name == info.name


@each_model
def test_shapes_and_types_are_known_before_the_call(name):
    model, _ = make(name)
    assert not model.compiled
    zoo.reset_state(model)  # which a stateless one takes, too
    for symbol, output in zip(keras.tree.flatten(model.output), answers(name), strict=True):
        assert len(symbol.shape) == output.ndim
        for known, size in zip(symbol.shape, output.shape, strict=True):
            assert known in (None, size)
        assert symbol.dtype == output.dtype.name
        assert output.dtype == bool or np.ptp(output) > 0


@functools.cache
def saved(name, folder):
    """The path of a saved model; what it reads and answers lies beside it."""
    model, inputs = make(name)
    inputs = [np.array(array) for array in keras.tree.flatten(inputs)]
    inputs = [array.astype("U") if array.dtype == object else array for array in inputs]
    np.savez(folder / f"{name}-inputs.npz", *inputs)
    np.savez(folder / f"{name}-outputs.npz", *answers(name))
    model.save(folder / f"{name}.keras")
    return folder / f"{name}.keras"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@most_models
def test_saved_models_answer_the_same(name, folder):
    model, inputs = make(name)
    loaded = keras.models.load_model(saved(name, folder))
    assert_equal(call(loaded, inputs), answers(name))
    assert len(loaded.weights) == len(model.weights)  # tied weights stay tied
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())


FRESH = """
import pathlib, sys
import keras, numpy as np, tensorflow as tf, zoo
from tests.shared import assert_close
zoo.layers.HubLayer.handles["texts"] = sys.argv[1]
for path in map(pathlib.Path, sys.argv[2:]):
    model = zoo.load(path)
    inputs, expected = (
        list(np.load(path.with_name(f"{path.stem}-{kind}.npz")).values())
        for kind in ("inputs", "outputs")
    )
    inputs = keras.tree.pack_sequence_as(model.input, map(tf.constant, inputs))
    for output, answer in zip(keras.tree.flatten(model(inputs)), expected, strict=True):
        assert_close(output, answer)
    print(path.stem)
"""


@pytest.mark.parametrize(
    "names",
    [(*FEW, "hub_text_classifier"), pytest.param([*FIRST.values()], marks=pytest.mark.slow)],
    ids=["few", "all"],
)
def test_saved_models_answer_the_same_in_a_fresh_process(names, folder, text_module):
    paths = sorted(str(saved(name, folder)) for name in names)
    assert len(run_fresh(FRESH, text_module, *paths).split()) == len(names)


@most_models
def test_gradients_reach_every_weight(name):
    model, inputs = make(name)
    variables = [weight.value for weight in model.trainable_weights]
    with tf.GradientTape() as tape:
        # The variance of a code is used in training alone.
        outputs = keras.tree.flatten(model(inputs, training=name == "variational_autoencoder"))
        floats = [output for output in outputs if output.dtype == "float32"]
        loss = sum(tf.reduce_sum(output**3) for output in floats)
    for weight, gradient in zip(
        model.trainable_weights, tape.gradient(loss, variables), strict=True
    ):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 0, weight.path


@each_model
def test_a_row_does_not_depend_on_the_others(name):
    model, inputs = make(name)
    alone = call(model, keras.tree.map_structure(lambda x: x[1:2], inputs))
    for row, together in zip(alone, answers(name), strict=True):
        assert_close(row, together[1:2])


@pytest.mark.parametrize("name", every_day(FEW, CASES))
def test_half_precision_changes_no_more_than_its_digits(name):
    model, inputs = make(name)
    half, _ = make(name, "mixed_bfloat16")
    half.set_weights(model.get_weights())
    for found, expected in zip(call(half, inputs), answers(name), strict=True):
        assert_close(found.astype("float32"), expected, 32, eps=2.0**-8, least=0)
