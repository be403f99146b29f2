"""One contract for every public layer; what a layer computes is tested in its own file."""

import functools
import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import zoo
from tests.hub_modules import save_text_module
from tests.shared import assert_close, shaken

own = zoo.layers
BATCH, STEPS, WIDTH = 3, 5, 4
RNG = np.random.default_rng(42)
MASK = np.arange(STEPS) < np.array([[STEPS], [3], [1]])


def floats(*shape):
    return RNG.normal(size=(BATCH, *shape)).astype("float32")


def ids(size, *shape):
    return RNG.integers(1, size, (BATCH, *shape)).astype("int32")


SEQUENCE, SHORT, MEMORY = floats(STEPS, WIDTH), floats(STEPS, 2), floats(STEPS, 6)
IDS = ids(7, STEPS)
GAPS = np.where(SEQUENCE[:, 0] > 0.5, np.nan, SEQUENCE[:, 0])
TABLE = {"numeric": floats(1), "categories": np.array([[1, 2], [2, 0], [2, 1]], "int32")}
KINDS = {"port": ["S", "C"], "class": ["3", "1", "2"]}
ATTENDING = {"num_heads": 2, "key_dim": 3, "feed_forward_dim": 5}
MONOTONIC = {"monotonic": True, "score_bias": -1.0}
DECODER = {"vocabulary_size": 7, "units": 4, "embedding_dim": 3}
ENCODED = {"outputs": SEQUENCE, "mask": MASK}
GRU = {**ENCODED, "state_0": floats(4)}
LSTMS = {**ENCODED, **{f"state_{index}": floats(4) for index in range(4)}}

#: Each makes a layer and holds what it is called with. What follows the name tells cases apart.
CASES = {
    "AttentionDecoder": lambda: (
        own.AttentionDecoder(**DECODER, cell="gru", attention=own.LuongAttention(4)),
        *(IDS, GRU),
    ),
    "AttentionDecoder-plain": lambda: (own.AttentionDecoder(**DECODER, num_layers=2), IDS, LSTMS),
    "AttentionPooling": lambda: (own.AttentionPooling(), SEQUENCE),
    "AttentionPooling-units": lambda: (own.AttentionPooling(6), SEQUENCE),
    "BahdanauAttention": lambda: (own.BahdanauAttention(3), SEQUENCE, MEMORY, MASK),
    "BahdanauAttention-monotonic": lambda: (
        own.BahdanauAttention(3, normalize=True, **MONOTONIC),
        *(SEQUENCE, MEMORY, MASK),
    ),
    "Bias": lambda: (own.Bias(), SEQUENCE),
    "BoostedTrees": lambda: (own.BoostedTrees(4, 3, 2, outputs=2, numeric=1, splits=1), TABLE),
    "CategoryEmbedding": lambda: (own.CategoryEmbedding((4, 5), 2), ids(4, 2)),
    "CategoryEmbedding-sum": lambda: (own.CategoryEmbedding((4, 5), 2, "sum", "ones"), ids(4, 2)),
    "CausalSelfAttention": lambda: (own.CausalSelfAttention(2, context=3), SEQUENCE),
    "CharacterTokenizer": lambda: (own.CharacterTokenizer("cab"), ids(3, STEPS)),
    "ClassProbabilities": lambda: (own.ClassProbabilities(["b", "a"]), SHORT),
    "ClassProbabilities-binary": lambda: (own.ClassProbabilities([7, 9], "binary"), floats(1)),
    "CrossedCategories": lambda: (
        own.CrossedCategories((4, 4, 4), [(0, 2)], 2, buckets=7),
        ids(4, 3),
    ),
    "Denormalization": lambda: (
        own.Denormalization([1.0, 5.0], [3.0, 0.5], "gaussian"),
        floats(STEPS, 3, 2, 2),
    ),
    "Difference": lambda: (own.Difference(2, channels=1), SEQUENCE),
    "EnsembleDense": lambda: (
        own.EnsembleDense(5, 3, own.RandomSigns(seed=2), "he_normal"),
        floats(3, WIDTH),
    ),
    "EnsembleMean": lambda: (own.EnsembleMean(), SEQUENCE),
    "EnsembleMean-multiclass": lambda: (own.EnsembleMean("multiclass"), SEQUENCE),
    "FillMissing": lambda: (own.FillMissing(flags=[1]), GAPS),
    "GatedActivation": lambda: (own.GatedActivation(), SEQUENCE),
    "GaussianParameters": lambda: (own.GaussianParameters(0.1), SHORT),
    "HubLayer": lambda: (own.HubLayer("texts", trainable=True), np.array(["good film"] * BATCH)),
    "LastSteps": lambda: (own.LastSteps(2), SEQUENCE),
    "LayerNormRNNCell": lambda: (
        layers.RNN(own.LayerNormRNNCell(3, activation="relu"), return_sequences=True),
        SEQUENCE,
    ),
    "LearnedPositions": lambda: (own.LearnedPositions(6), SEQUENCE),
    "LuongAttention": lambda: (own.LuongAttention(4, scale=True), SEQUENCE, MEMORY, MASK),
    "LuongAttention-monotonic": lambda: (
        own.LuongAttention(4, **MONOTONIC),
        *(SEQUENCE, MEMORY, MASK),
    ),
    "MaskedPooling-last": lambda: (own.MaskedPooling("last"), SEQUENCE),
    "MaskedPooling-max": lambda: (own.MaskedPooling("max"), SEQUENCE),
    "MaskedPooling-mean": lambda: (own.MaskedPooling("mean"), SEQUENCE),
    "MovingAverage": lambda: (own.MovingAverage(4), SEQUENCE),
    "NearestTargets": lambda: (own.NearestTargets(5, 1, 2, 2, neighbors=[2]), TABLE),
    "NgramIds": lambda: (own.NgramIds(7, buckets=9, ngrams=3), IDS),
    "NoteTokenizer": lambda: (own.NoteTokenizer(voices=2, lowest=48, highest=60), IDS),
    "OneHot": lambda: (own.OneHot(7), IDS),
    "PaddingMask": lambda: (own.PaddingMask(), IDS * MASK),
    "Patches": lambda: (own.Patches(3, stride=1), SEQUENCE),
    "PeriodicEmbedding": lambda: (own.PeriodicEmbedding(4, sigma=0.3), floats(WIDTH)),
    "PiecewiseLinearEncoding": lambda: (
        own.PiecewiseLinearEncoding([[0.0, 1.0, 3.0], [-1.0, 1.0]]),
        floats(2),
    ),
    "PositionalEmbedding": lambda: (own.PositionalEmbedding(7, WIDTH), IDS),
    "PositionalEmbedding-learned": lambda: (
        own.PositionalEmbedding(7, WIDTH, positions="learned", max_length=6),
        IDS,
    ),
    "QuantileNormalization": lambda: (
        own.QuantileNormalization([[0.0, 1.0], [-1.0, 0, 5]], [[0.0, 1.0], [0.0, 0.4, 1.0]]),
        floats(2),
    ),
    "RandomizedLeakyReLU": lambda: (own.RandomizedLeakyReLU(0.1, 0.5, seed=3), SEQUENCE),
    "Reparameterization": lambda: (own.Reparameterization(0.1, seed=3), [SHORT[:, 0], SHORT[:, 1]]),
    "ReversibleDense": lambda: (own.ReversibleDense(6, activation="tanh"), SEQUENCE),
    "RobustScaleSmoothClip": lambda: (
        own.RobustScaleSmoothClip([1.0, 2.0], [0.5, 3.0]),
        floats(2),
    ),
    "SeasonalResidual": lambda: (
        own.SeasonalResidual(4, stride=2, head="quantile"),
        [floats(2, 3, 1, 5), floats(9, 1)],
    ),
    "SelectColumns": lambda: (own.SelectColumns([2, 1]), ids(4, 3)),
    "SeparateDense": lambda: (own.SeparateDense(4, "tanh"), floats(3, 2)),
    "SinusoidalPositions": lambda: (own.SinusoidalPositions(), SEQUENCE),
    "SinusoidalTime": lambda: (own.SinusoidalTime(6), floats(1)),
    "SortQuantiles": lambda: (own.SortQuantiles(), SEQUENCE),
    "StandardScale": lambda: (own.StandardScale([1.0, 2.0], [0.5, 3.0], clip=2.0), floats(2)),
    "StatefulConv1D": lambda: (
        own.StatefulConv1D(layers.Conv1D(3, 2, padding="causal"), BATCH),
        SEQUENCE,
    ),
    "StatefulRNN": lambda: (
        own.StatefulRNN(layers.GRU(3, return_sequences=True), BATCH),
        SEQUENCE,
    ),
    "SubwordTokenizer": lambda: (
        own.SubwordTokenizer.fit("low lower lowest " * 9, vocabulary_size=260),
        ids(260, STEPS),
    ),
    "TableColumns": lambda: (own.TableColumns(["age"], KINDS), TABLE),
    "TableColumns-dates": lambda: (
        own.TableColumns(dates={"day": {"newest": "2024-03-01", "parts": ["age"]}}),
        {"numeric": floats(1)},
    ),
    "TextTokenizer": lambda: (
        own.TextTokenizer(own.WordTokenizer(["film", "good"]), max_length=STEPS),
        IDS,
    ),
    "TimeBasis-interpolation": lambda: (own.TimeBasis("interpolation", 7), SEQUENCE),
    "TimeBasis-seasonality": lambda: (own.TimeBasis("seasonality", 7), floats(2, 3)),
    "TimeBasis-trend": lambda: (own.TimeBasis("trend", 7), SEQUENCE),
    "TransformerDecoder": lambda: (
        own.TransformerDecoder(7, num_layers=2, embedding_dim=WIDTH, num_heads=2),
        *(IDS, ENCODED),
    ),
    "TransformerDecoder-tied": lambda: (
        own.TransformerDecoder(7, 1, WIDTH, 2, norm="post", tie_embeddings=True),
        *(IDS, ENCODED),
    ),
    "TransformerDecoderBlock": lambda: (
        own.TransformerDecoderBlock(**ATTENDING, norm="post"),
        *(SEQUENCE, MEMORY, MASK),
    ),
    "TransformerEncoderBlock": lambda: (
        own.TransformerEncoderBlock(**ATTENDING, dropout=0.1),
        *(SEQUENCE, MASK),
    ),
    "WeightedSum": lambda: (own.WeightedSum(), [SEQUENCE, SEQUENCE**2]),
    "WideNgrams": lambda: (own.WideNgrams(9, units=2, ngrams=3, ending=2), IDS),
    "WindowDenormalization": lambda: (
        own.WindowDenormalization("gaussian"),
        [floats(1, 3, 2, 2), floats(1, 2), floats(1, 2)],
    ),
    "WindowNormalization": lambda: (own.WindowNormalization(channels=3, affine=True), SEQUENCE),
    "WindowNormalization-last": lambda: (own.WindowNormalization("last"), SEQUENCE),
    "WordTokenizer": lambda: (own.WordTokenizer(["apples", "like"]), ids(3, STEPS)),
}

#: Public objects that are no layers of their own: for them it is the configuration that counts.
PARTS = {
    "AttentionDecoderCell": lambda: own.AttentionDecoderCell(
        [layers.GRUCell(3), layers.LSTMCell(4)], own.LuongAttention(4), 6
    ),
    "ExponentialSampling": lambda: own.ExponentialSampling(10, end=0.8),
    "InverseSigmoidSampling": lambda: own.InverseSigmoidSampling(5, end=0.9),
    "LinearSampling": lambda: own.LinearSampling(10, start=0.1, end=0.6),
    "RandomSigns": lambda: own.RandomSigns(seed=3),
}

#: The cases that read Keras' masks, or pass them on.
MASKED = {
    "AttentionPooling",
    "AttentionPooling-units",
    "LayerNormRNNCell",
    "MaskedPooling-last",
    "MaskedPooling-max",
    "ReversibleDense",
    "MaskedPooling-mean",
    "RandomizedLeakyReLU",
    "StatefulRNN",
}


@pytest.fixture(scope="module", autouse=True)
def _text_module(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        module = save_text_module(tmp_path_factory.mktemp("hub") / "texts")
        patch.setitem(own.HubLayer.handles, "texts", module)
        yield


@functools.cache
def make(name, policy="float32"):
    """A layer with random weights, and its inputs."""
    keras.config.set_dtype_policy(policy)
    try:
        layer, *inputs = CASES[name]()
    finally:
        keras.config.set_dtype_policy("float32")
    call(layer, inputs)
    return shaken(layer), inputs


def call(layer, inputs, **arguments):
    """All outputs as NumPy arrays, in one list."""
    if hasattr(layer, "reset_state"):
        layer.reset_state()
    outputs = keras.tree.flatten(layer(*inputs, **arguments))
    return [keras.ops.convert_to_numpy(output) for output in outputs]


@functools.cache
def as_model(name):
    """The layer in a model, whose batches may have any size where the layer lets them."""
    layer, inputs = make(name)

    def symbol(array):
        dtype = "string" if array.dtype.kind == "U" else array.dtype.name
        shape = (getattr(layer, "batch_size", None), *array.shape[1:])
        return keras.Input(batch_shape=shape, dtype=dtype)

    symbols = keras.tree.map_structure(symbol, inputs)
    return keras.Model(symbols, layer(*symbols))


def written(thing):
    return json.loads(json.dumps(keras.saving.serialize_keras_object(thing)))


def again(thing):
    return keras.saving.deserialize_keras_object(written(thing))


def assert_equal(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_public_layer_has_a_case():
    kinds = {name for name in own.__all__ if inspect.isclass(getattr(own, name))}
    kinds -= {"Tokenizer"}  # the base of the tokenizers
    assert {name.partition("-")[0] for name in CASES} | set(PARTS) == kinds


@pytest.mark.parametrize("name", CASES)
def test_shapes_and_types_are_known_before_the_call(name):
    layer, inputs = make(name)
    outputs = call(layer, inputs)
    symbols = keras.tree.flatten(as_model(name).output)
    for symbol, output in zip(symbols, outputs, strict=True):
        assert symbol.shape[1:] == output.shape[1:]
        assert symbol.shape[0] in (None, BATCH)
        assert symbol.dtype == output.dtype.name


@pytest.mark.parametrize("name", CASES)
def test_the_configuration_makes_the_same_layer(name):
    layer, inputs = make(name)
    twin = again(layer)
    inner = twin.cell if isinstance(twin, layers.RNN) else twin
    assert type(inner) is getattr(own, name.partition("-")[0])
    call(twin, inputs)
    assert written(twin) == written(layer)
    twin.set_weights(layer.get_weights())
    assert_equal(call(twin, inputs), call(layer, inputs))


@pytest.mark.parametrize("name", PARTS)
def test_the_configuration_makes_the_same_part(name):
    part = PARTS[name]()
    assert type(again(part)) is type(part) is getattr(own, name)
    assert written(again(part)) == written(part)


@pytest.mark.parametrize("name", CASES)
def test_a_saved_layer_answers_the_same(name, tmp_path):
    layer, inputs = make(name)
    expected = call(layer, inputs)
    as_model(name).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    zoo.reset_state(loaded)
    assert_equal(call(loaded, [inputs]), expected)


@pytest.mark.parametrize("name", CASES)
def test_half_precision_changes_no_more_than_its_digits(name):
    layer, inputs = make(name)
    half, _ = make(name, "mixed_bfloat16")
    assert {weight.dtype for weight in half.weights} <= {"float32", "int32", "string"}
    for found, expected in zip(call(half, inputs), call(layer, inputs), strict=True):
        if "float" in found.dtype.name:
            assert_close(found.astype("float32"), expected, 8, eps=2.0**-8, least=0)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_every_weight(name):
    layer, inputs = make(name)
    variables = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(layer(*inputs))
        loss = sum(tf.reduce_sum(tf.cast(output, "float32") ** 3) for output in outputs)
    found = tape.gradient(loss, variables)
    for weight, gradient in zip(layer.trainable_weights, found, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 0, weight.path


@pytest.mark.parametrize("name", CASES)
def test_masks_are_heeded_where_they_are_claimed_to_be(name):
    layer, inputs = make(name)
    assert layer.supports_masking == (name in MASKED)
    if name not in MASKED:
        return
    (x,) = inputs
    mask = {"mask": MASK} if "mask" in inspect.signature(layer.call).parameters else {}
    changed = np.where(MASK if x.ndim == 2 else MASK[..., None], x, x[:1, :1])
    (expected,), (found,) = call(layer, [x], **mask), call(layer, [changed], **mask)
    steps = MASK if expected.shape[:2] == MASK.shape else slice(None)
    np.testing.assert_array_equal(found[steps], expected[steps])
    passed_on = layer.compute_mask(x, MASK)
    assert passed_on is None if expected.ndim < x.ndim else passed_on is MASK
