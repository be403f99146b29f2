"""The recurrent encoder-decoder: its training path, its steps, and scheduled sampling."""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.shared import every_day, run_on_jax, traced_once
from zoo.layers import LinearSampling
from zoo.losses import MaskedCrossentropy

SOURCES, TARGETS, TIME = 9, 7, 5
SMALL = {"units": 4, "embedding_dim": 3}
MODELS = {
    "luong": {},
    "luong scaled": {"score_scale": True, "attention_layer_size": 5, "num_layers": 2},
    "luong monotonic": {"monotonic": True, "cell": "gru"},
    "luong not fed": {"input_feeding": False, "attention_layer_size": 5, "num_layers": 2},
    "monotonic not fed": {"input_feeding": False, "monotonic": True, "cell": "gru"},
    "bahdanau": {"attention": "bahdanau", "cell": "gru", "num_layers": 2, "encoder": "plain"},
    "bahdanau normalized": {"attention": "bahdanau", "normalize": True},
    "bahdanau not fed": {"attention": "bahdanau", "input_feeding": False, "cell": "gru"},
    "no attention": {"attention": None},
    "no attention, plain": {"attention": None, "encoder": "plain", "cell": "gru", "num_layers": 2},
}
each_model = pytest.mark.parametrize("name", MODELS)
# test_sequence_invariants.py checks the same of every attention and cell.
beside_the_invariants = pytest.mark.parametrize("name", every_day(["luong scaled"], MODELS))
KINDS = ["luong monotonic", "bahdanau not fed", "bahdanau normalized", "no attention, plain"]
each_kind = pytest.mark.parametrize("name", every_day(KINDS[:2], KINDS))


def build(name="luong", **arguments):
    model = zoo.seq2seq(SOURCES, TARGETS, **{**SMALL, **MODELS[name], **arguments})
    rng = np.random.default_rng(7)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(rng.uniform(-0.9, 0.9, weight.shape))
    return model


@functools.cache
def built(name):
    """The model itself, for the tests that leave it as it is."""
    return build(name)


def batch(seed=0):
    rng = np.random.default_rng(seed)
    source = rng.integers(1, SOURCES, (4, 6)).astype("int32")
    source *= np.arange(6) < np.array([[6], [4], [2], [1]])
    target = rng.integers(1, TARGETS, (4, TIME)).astype("int32")
    target *= np.arange(TIME) < np.array([[3], [5], [4], [1]])
    return {"source": source, "target": target}


def following(target):
    """What the model shall answer: the target without its start, and an end (here id 1)."""
    longer = np.pad(target, [(0, 0), (0, 1)])
    longer[np.arange(len(target)), (target > 0).sum(axis=1)] = 1
    return longer[:, 1:]


def call(model, x, **arguments):
    return np.array(model(x, **arguments))


def parts(model):
    return model.get_layer("encoder"), model.get_layer("decoder")


def stepped(model, x, prepared=True):
    """Logits and alignments of the decoder's steps."""
    encoder, decoder = parts(model)
    memory = encoder(x["source"])
    memory = decoder.prepare(memory) if prepared else memory
    state = decoder.initial_state(len(x["target"]), TIME, memory)
    all_logits, all_alignments = [], []
    for position, ids in enumerate(x["target"].T):
        logits, state, alignments = decoder.step(ids, state, position, memory)
        all_logits.append(logits)
        all_alignments.append(alignments)
    return np.stack(all_logits, axis=1), all_alignments


@pytest.mark.parametrize("name", every_day(["luong scaled", *KINDS[:2]], MODELS))
def test_steps_are_the_training_path(name):
    model, x = built(name), batch()
    logits, alignments = stepped(model, x)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, call(model, x), atol=1e-5)
    np.testing.assert_allclose(stepped(model, x, prepared=False)[0], logits, atol=1e-6)
    if "no attention" in name:
        assert alignments == [None] * TIME
        return
    alignments = np.stack(alignments, axis=1)
    assert alignments.shape == (4, TIME, 6)
    assert np.all(alignments * (x["source"][:, None] == 0) == 0)
    if "monotonic" not in name:
        np.testing.assert_allclose(alignments.sum(axis=-1), 1, atol=1e-5)


@beside_the_invariants
def test_no_output_sees_its_future(name):
    model, x = built(name), batch()
    x["target"] = np.random.default_rng(1).integers(1, TARGETS, (4, TIME)).astype("int32")
    before = call(model, x)
    for step in range(1, TIME):
        changed = x["target"].copy()
        changed[:, step:] = changed[:, step:] % (TARGETS - 1) + 1
        after = call(model, {**x, "target": changed})
        np.testing.assert_array_equal(after[:, :step], before[:, :step])
        # The context of the last source, of one id, is always the same.
        assert np.all(np.abs(after - before)[:3, step].max(axis=-1) > 1e-6)


@beside_the_invariants
def test_padding_and_the_rest_of_the_batch_change_nothing(name):
    model, x = built(name), batch()
    before = call(model, x)
    longer = {key: np.pad(ids, [(0, 0), (0, 3)]) for key, ids in x.items()}
    np.testing.assert_allclose(call(model, longer)[:, :TIME], before, atol=1e-5)
    for row in range(4):
        alone = {key: ids[row, : (ids[row] > 0).sum()][None] for key, ids in x.items()}
        time = alone["target"].shape[1]
        np.testing.assert_allclose(call(model, alone)[0], before[row, :time], atol=1e-5)


def gradients(model, x, y, **arguments):
    with tf.GradientTape() as tape:
        loss = MaskedCrossentropy()(y, model(x, **arguments))
    variables = [weight.value for weight in model.trainable_weights]
    found = tape.gradient(loss, variables)
    return {
        weight.path: np.array(tf.convert_to_tensor(gradient))
        for weight, gradient in zip(model.trainable_weights, found, strict=True)
    }


@beside_the_invariants
def test_every_weight_learns_and_padding_teaches_nothing(name):
    model, x = built(name), batch()
    found = gradients(model, x, following(x["target"]))
    for path, gradient in found.items():
        assert np.abs(gradient).max() > 0, f"{path} got no gradient"
        if path.endswith("embeddings"):
            assert np.all(gradient[0] == 0), path  # only padding reads row 0
    longer = {key: np.pad(ids, [(0, 0), (0, 2)]) for key, ids in x.items()}
    again = gradients(model, longer, following(longer["target"]))
    for path, gradient in again.items():
        np.testing.assert_allclose(gradient, found[path], atol=1e-6, err_msg=path)


@pytest.mark.slow  # the next test compiles one, and recipes/translation trains
@pytest.mark.parametrize(("name", "jit"), [("luong", True), ("luong not fed", False)])
def test_it_learns_in_the_compiled_step(name, jit):
    model, x = build(name, units=16), batch()
    y = following(x["target"])
    optimizer, metrics = keras.optimizers.Adam(0.05), [zoo.metrics.TokenAccuracy()]
    model.compile(optimizer, MaskedCrossentropy(), metrics=metrics, jit_compile=jit)
    traced_once(model)
    many = {key: np.tile(ids, (60, 1)) for key, ids in x.items()}
    model.fit(many, np.tile(y, (60, 1)), batch_size=4, shuffle=False, verbose=0)
    assert model.test_on_batch(x, y)[1] == 1.0


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_monotonic_attention_trains_on_batches_of_any_length(jit):
    model, x = build("monotonic not fed"), batch()
    model.compile("sgd", MaskedCrossentropy(), jit_compile=jit)
    traced_once(model)
    data = (x, following(x["target"]))
    # The length is only known in the step, as it is where lengths differ from batch to batch.
    signature = keras.tree.map_structure(lambda ids: tf.TensorSpec((None, None), "int32"), data)
    batches = tf.data.Dataset.from_generator(
        lambda: itertools.repeat(data), output_signature=signature
    )
    history = model.fit(batches, steps_per_epoch=1, epochs=2, shuffle=False, verbose=0).history
    assert history["loss"][1] < history["loss"][0]


@pytest.mark.parametrize("name", every_day(["luong scaled"], ["luong scaled", "luong not fed"]))
def test_dropout_is_in_training_only(name):
    model, x = build(name, dropout=0.5), batch()
    np.testing.assert_array_equal(call(model, x), call(built(name), x))
    one, other = call(model, x, training=True), call(model, x, training=True)
    assert np.abs(one - other).max() > 1e-3


@each_kind
@pytest.mark.parametrize("sampling", ["embedding", "output"])
def test_sampling_nothing_is_teacher_forcing(name, sampling):
    model, x = build(name, sampling=sampling, sampling_probability=0.0), batch()
    expected = call(model, x)
    np.testing.assert_allclose(call(model, x, training=True), expected, atol=1e-5)


@each_kind
def test_sampling_everything_is_running_free(name):
    model, x = build(name, sampling="embedding", sampling_probability=1.0), batch()
    encoder, decoder = parts(model)
    uniform = np.random.default_rng(3).random(x["target"].shape).astype("float32")
    every = np.ones(x["target"].shape, bool)
    logits = decoder.scheduled(x["target"], encoder(x["source"]), every, uniform)
    memory = decoder.prepare(encoder(x["source"]))
    ids = x["target"][:, 0]
    state = decoder.initial_state(len(ids), TIME, memory)
    for position in range(TIME):
        expected, state, _ = decoder.step(ids, state, position, memory)
        np.testing.assert_allclose(logits[:, position], expected, atol=1e-5)
        ids = drawn(np.array(expected), uniform[:, position])


def drawn(logits, uniform):
    """Ids by the inverse of the cumulative distribution."""
    cumulative = np.cumsum(softmax(logits), axis=-1)
    return np.argmax(cumulative > uniform[:, None] * cumulative[:, -1:], axis=-1).astype("int32")


def softmax(logits):
    exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    "name", every_day(["bahdanau not fed"], ["luong", "bahdanau not fed", "no attention, plain"])
)
def test_outputs_can_be_inputs(name):
    model, x = build(name, sampling="output", sampling_probability=1.0), batch()
    encoder, decoder = parts(model)
    memory = decoder.prepare(encoder(x["source"]))
    logits = call(model, x, training=True)
    state = decoder.initial_state(len(x["target"]), TIME, memory)
    table = np.array(decoder.embedding.embeddings)
    inputs = table[x["target"][:, 0]]
    for position in range(TIME):
        outputs, state, _ = decoder.cell.step(inputs, state, memory)
        expected = np.array(decoder.head(outputs))
        np.testing.assert_allclose(logits[:, position], expected, atol=1e-5)
        inputs = softmax(expected) @ table
    found = gradients(model, x, following(x["target"]), training=True)
    assert all(np.abs(gradient).max() > 0 for gradient in found.values())


def test_sampling_keeps_its_probability_and_its_distribution():
    share, rows = 0.3, 4000
    model = build("luong", sampling="embedding", sampling_probability=share)
    encoder, decoder = parts(model)
    ids = np.array([[3, 2]], "int32")
    source = np.array([[4, 2, 0]], "int32")
    many = {"source": np.repeat(source, rows, 0), "target": np.repeat(ids, rows, 0)}
    keras.utils.set_random_seed(0)
    second = call(model, many, training=True)[:, 1]
    memory = decoder.prepare(encoder(source))
    state = decoder.initial_state(len(ids), 2, memory)
    first, state, _ = decoder.step(ids[:, 0], state, 0, memory)
    possible = np.concatenate(
        [decoder.step(np.array([i]), state, 1, memory)[0] for i in range(TARGETS)]
    )
    # Each row is what one of the ids gives: the second of the target, or one that was drawn.
    chosen = np.abs(second[:, None] - possible[None]).max(axis=-1).argmin(axis=1)
    np.testing.assert_allclose(second, possible[chosen], atol=1e-5)
    expected = share * softmax(np.array(first))[0] + (1 - share) * (np.arange(TARGETS) == 2)
    error = np.sqrt(expected * (1 - expected) / rows)
    counted = np.bincount(chosen, minlength=TARGETS) / rows
    assert np.all(np.abs(counted - expected) < 4.5 * error + 1e-9)


def test_the_schedule_counts_training_steps():
    arguments = {"sampling_probability": LinearSampling(3), "dropout": 0.2}
    model, x = build("luong", sampling="embedding", **arguments), batch()
    y = following(x["target"])
    model.compile("sgd", MaskedCrossentropy(), steps_per_execution=2)
    traced_once(model)
    model.fit(x, y, batch_size=1, epochs=2, verbose=0)
    assert int(model.get_layer("decoder").training_steps) == 8
    model.evaluate(x, y, verbose=0)
    assert int(model.get_layer("decoder").training_steps) == 8


def test_the_schedule_sets_the_probability():
    schedule = LinearSampling(3)
    model, x = build("luong", sampling="output", sampling_probability=schedule), batch()
    encoder, decoder = parts(model)
    every = np.ones(x["target"].shape, bool)
    replaced = decoder.scheduled(x["target"], encoder(x["source"]), every, every * 0.5)
    assert np.abs(replaced - call(model, x)).max() > 1e-3
    # Steps 0 and 3: nothing, everything.
    np.testing.assert_allclose(call(model, x, training=True), call(model, x), atol=1e-5)
    decoder.training_steps.assign(3)
    np.testing.assert_allclose(call(model, x, training=True), replaced, atol=1e-5)
    assert int(decoder.training_steps) == 4


@pytest.mark.parametrize("name", every_day(KINDS[:1], ["luong monotonic", "luong not fed"]))
def test_half_precision_has_float32_logits(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(name, sampling="embedding", sampling_probability=0.5, dropout=0.1)
    finally:
        keras.config.set_dtype_policy(before)
    x = batch()
    logits = call(model, x)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(stepped(model, x)[0], logits, atol=0.05)
    assert call(model, x, training=True).dtype == np.float32


WRONG = [
    ({"source_vocabulary_size": 0}, "source_vocabulary_size must be .* 0"),
    ({"units": 2.5}, r"units must be .* 2\.5"),
    ({"units": 5}, "even units.*units=5"),
    ({"num_layers": 0}, "num_layers must be .* 0"),
    ({"embedding_dim": -1}, "embedding_dim must be .* -1"),
    ({"attention_layer_size": 0}, "attention_layer_size must be .* 0"),
    ({"cell": "rnn"}, "lstm, gru.*cell='rnn'"),
    ({"encoder": "bi"}, "bidirectional, plain.*encoder='bi'"),
    ({"attention": "dot"}, "luong, bahdanau, None.*attention='dot'"),
    ({"dropout": 1.0}, r"\[0, 1\).*1\.0"),
    ({"sampling": "ids"}, "embedding, output, None.*sampling='ids'"),
    ({"sampling_probability": 1.5}, r"\[0, 1\] or a schedule.*1\.5"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(
            "seq2seq", **{"source_vocabulary_size": 5, "target_vocabulary_size": 5, **arguments}
        )


def test_a_memory_without_states_is_named():
    decoder = zoo.layers.AttentionDecoder(5, units=4, name="decoder")
    memory = {"outputs": np.ones((1, 2, 3), "float32"), "mask": np.ones((1, 2), bool)}
    with pytest.raises(ValueError, match=r"'decoder' needs .* state_0 to state_1.*mask, outputs"):
        decoder(np.ones((1, 2), "int32"), memory)


def test_the_book_model_has_its_size():
    # 3rd edition, cell 98: 2 embeddings, 2 LSTMs of 512 units, and a head.
    model = zoo.seq2seq(1000, 1000, units=512, encoder="plain", attention=None)
    lstm = 4 * 512 * (128 + 512 + 1)
    assert model.count_params() == 2 * 1000 * 128 + 2 * lstm + 513 * 1000


JAX_CHECK = """
import sys
import keras, numpy as np, zoo, zoo.layers
assert keras.backend.backend() == "jax"
x = {"source": np.array([[3, 2, 0], [4, 1, 5]]), "target": np.array([[2, 4, 1, 0], [2, 3, 3, 5]])}
y = np.array([[4, 1, 1, 0], [3, 3, 5, 1]])
for index, arguments in enumerate((
    {"sampling": "embedding", "sampling_probability": zoo.layers.LinearSampling(2)},
    {"attention": "bahdanau", "monotonic": True, "cell": "gru", "num_layers": 2, "dropout": 0.2},
    {"input_feeding": False, "monotonic": True, "sampling": "output", "sampling_probability": 0.5},
)):
    model = zoo.seq2seq(6, 6, units=4, embedding_dim=3, **arguments)
    whole = np.asarray(model(x))
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    memory = decoder.prepare(encoder(x["source"]))
    state = decoder.initial_state(len(x["target"]), 4, memory)
    for step in range(4):
        logits, state, _ = decoder.step(x["target"][:, step], state, step, memory)
        np.testing.assert_allclose(np.asarray(logits), whole[:, step], atol=1e-5)
    model.compile(keras.optimizers.Adam(0.05), zoo.losses.MaskedCrossentropy())
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before
    if decoder.sampling:
        assert int(decoder.training_steps) == 20
    model.save(f"{sys.argv[1]}/{index}.keras")
    loaded = keras.models.load_model(f"{sys.argv[1]}/{index}.keras")
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(model(x)))
"""


@pytest.mark.slow
@pytest.mark.jax
def test_on_jax(tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    run_on_jax(JAX_CHECK, str(tmp_path))
