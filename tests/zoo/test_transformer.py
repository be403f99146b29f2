"""The Transformer: against NumPy, step by step, and blind to padding and to the future."""

import keras
import numpy as np
import pytest

import zoo
from tests.shared import every_day, run_on_jax
from zoo.layers import LearnedPositions, PaddingMask, SinusoidalPositions

SOURCES, TARGETS = 11, 13
TINY = {"embedding_dim": 8, "num_heads": 2, "key_dim": 5, "feed_forward_dim": 12}
MODELS = {
    "pre": {},
    "post": {"norm": "post", "attention_dropout": 0.1, "num_layers": 1, "activation": "gelu"},
    "learned": {"positions": "learned", "max_length": 20, "tie_embeddings": True},
    "book": {"norm": "post", "scale_embeddings": False, "attention_dropout": 0.1},
}


def build(name, **arguments):
    """A small model with random weights everywhere, biases included."""
    model = zoo.transformer(SOURCES, TARGETS, **{**TINY, **MODELS[name], **arguments})
    rng = np.random.default_rng(7)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(rng.uniform(-0.5, 0.5, weight.shape))
    return model


# test_sequence_invariants.py has learned positions and tied embeddings every day.
# test_sequence_invariants.py and `test_equal_to_numpy` have the others every day.
@pytest.fixture(scope="module", params=every_day(["pre"], MODELS))
def model(request):
    return build(request.param)


def inputs(batch=3, source_time=6, time=5):
    rng = np.random.default_rng(3)
    return {
        "source": rng.integers(1, SOURCES, (batch, source_time)).astype("int32"),
        "target": rng.integers(1, TARGETS, (batch, time)).astype("int32"),
    }


def call(model, x, **kwargs):
    return keras.ops.convert_to_numpy(model(x, **kwargs))


def as_numpy(x):
    return keras.ops.convert_to_numpy(x)


class ByHand:
    """A Transformer with loops over rows, heads and steps, in float64."""

    def __init__(self, model):
        self.weights = {w.path: np.array(w, "float64") for w in model.weights if w.shape}
        self.pre = model.get_layer("decoder").norm == "pre"

    def named(self, *parts):
        return self.weights["/".join(parts)]

    def normalized(self, x, *name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
        return x * self.named(*name, "gamma") + self.named(*name, "beta")

    def dense(self, x, *name):
        return x @ self.named(*name, "kernel") + self.named(*name, "bias")

    def attention(self, x, memory, allowed, *name):
        def project(x, part):
            kernel, bias = (self.named(*name, part, weight) for weight in ("kernel", "bias"))
            return np.einsum("td,dhk->htk", x, kernel) + bias[:, None]

        query, key, value = project(x, "query"), project(memory, "key"), project(memory, "value")
        heads = np.zeros_like(query)
        for head, step in np.ndindex(query.shape[:2]):
            seen = np.flatnonzero(allowed[step])
            scores = key[head, seen] @ query[head, step] / np.sqrt(query.shape[2])
            weights = np.exp(scores) / np.exp(scores).sum()
            heads[head, step] = weights @ value[head, seen]
        kernel, bias = (self.named(*name, "attention_output", w) for w in ("kernel", "bias"))
        return np.einsum("htk,hkd->td", heads, kernel) + bias

    def part(self, x, function, *norm):
        if self.pre:
            return x + function(self.normalized(x, *norm))
        return self.normalized(x + function(x), *norm)

    def embedded(self, ids, *name):
        x = self.named(*name, "embedding", "embeddings")[ids]
        x = x * np.sqrt(x.shape[1])
        for step, channel in np.ndindex(x.shape):
            angle = step / 10000 ** (2 * (channel // 2) / x.shape[1])
            x[step, channel] += np.cos(angle) if channel % 2 else np.sin(angle)
        return x

    def logits(self, source, target):
        x = self.embedded(source, "embedding")
        real = np.tile(source != 0, (len(source), 1))
        x = self.block(x, "block_0", {"self_attention": (None, real)}, encoder=True)
        memory = self.normalized(x, "norm") if self.pre else x
        x = self.embedded(target, "decoder", "embedding")
        causal = np.tril(np.ones((len(target), len(target)), bool))
        sight = {
            "self_attention": (None, causal),
            "cross_attention": (memory, np.tile(source != 0, (len(target), 1))),
        }
        x = self.block(x, "block_0", sight)
        x = self.normalized(x, "decoder", "norm") if self.pre else x
        return self.dense(x, "decoder", "head")

    def block(self, x, name, sight, encoder=False):
        name = (name,) if encoder else ("decoder", name)
        for kind, (memory, allowed) in sight.items():

            def attend(y, kind=kind, memory=memory, allowed=allowed):
                return self.attention(y, y if memory is None else memory, allowed, *name, kind)

            x = self.part(x, attend, *name, f"{kind}_norm")

        def dense(y):
            y = np.maximum(self.dense(y, *name, "hidden"), 0)
            return self.dense(y, *name, "outputs")

        return self.part(x, dense, *name, "dense_norm")


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_equal_to_numpy(norm):
    model = build("pre", norm=norm, num_layers=1)
    x = inputs()
    x["source"][0, 4:] = 0
    logits = call(model, x)
    for row in range(3):
        expected = ByHand(model).logits(x["source"][row], x["target"][row])
        np.testing.assert_allclose(logits[row], expected, atol=1e-5)


def test_logits_at_every_step_of_any_length(model):
    assert {x.name: (x.shape, x.dtype) for x in model.inputs} == {
        "source": ((None, None), "int32"),
        "target": ((None, None), "int32"),
    }
    assert model.output_shape == (None, None, TARGETS)
    assert not model.compiled
    for source_time, time in ((1, 9), (9, 1)):
        logits = call(model, inputs(2, source_time, time))
        assert (logits.shape, logits.dtype) == ((2, time, TARGETS), np.float32)


def test_no_logits_see_a_later_id(model):
    x = inputs(time=8)
    before = call(model, x)
    for step in range(8):
        target = x["target"].copy()
        target[:, step:] = target[:, step:] % (TARGETS - 1) + 1
        difference = np.abs(call(model, {**x, "target": target}) - before).max(axis=(0, 2))
        assert np.all(difference[:step] == 0)
        assert np.all(difference[step:] > 1e-6)


def test_no_logits_see_a_later_id_in_training_either():
    model = build("book", dropout=0.0, attention_dropout=0.0)
    x = inputs()
    changed = {**x, "target": np.where(np.arange(5) < 3, x["target"], 1)}
    difference = call(model, changed, training=True) - call(model, x, training=True)
    assert np.all(difference[:, :3] == 0)
    assert np.abs(difference[:, 3:]).max() > 0.01


def test_every_id_of_the_source_counts(model):
    x = inputs(batch=1)
    for step in range(6):
        source = x["source"].copy()
        source[0, step] = source[0, step] % (SOURCES - 1) + 1
        assert (
            np.abs(call(model, {**x, "source": source}) - call(model, x)).min(axis=2).max() > 1e-6
        )


def test_padding_and_the_rest_of_the_batch_change_nothing(model):
    x = inputs()
    x["source"][1, 2:] = 0
    x["target"][2, 3:] = 0
    logits = call(model, x)
    padded = {name: np.pad(ids, ((0, 0), (0, 4))) for name, ids in x.items()}
    np.testing.assert_allclose(call(model, padded)[:, :5], logits, atol=1e-5)
    alone = [call(model, {name: ids[r : r + 1] for name, ids in x.items()}) for r in range(3)]
    np.testing.assert_allclose(np.concatenate(alone), logits, atol=1e-5)
    shorter = {"source": x["source"][1:2, :2], "target": x["target"][1:2]}
    np.testing.assert_allclose(call(model, shorter), logits[1:2], atol=1e-5)


def test_a_source_without_ids_does_not_depend_on_its_padding(model):
    target = inputs(batch=1)["target"]
    logits = [call(model, {"source": np.zeros((1, n), int), "target": target}) for n in (1, 2, 9)]
    np.testing.assert_allclose(logits[1:], [logits[0]] * 2, atol=1e-5)


def test_padded_positions_get_no_gradient():
    model = build("learned", tie_embeddings=False, num_layers=1)
    x = inputs()
    x["source"][:, 4:] = 0
    x["target"][:, 3:] = 0
    before = {weight.path: np.array(weight) for weight in model.weights}
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    real = (x["target"] != 0).astype("float32")
    model.train_on_batch(x, np.ones((3, 5, TARGETS)), sample_weight=real)
    change = {w.path: np.abs(np.array(w) - before[w.path]) for w in model.weights}
    for part, length in (("", 4), ("decoder/", 3)):
        ids = change[f"{part}embedding/embedding/embeddings"]
        positions = change[f"{part}embedding/positions/vectors"]
        assert np.all(ids[0] == 0)
        assert np.all(positions[length:] == 0)
        assert np.all(positions[:length].max(axis=1) > 0)


def test_every_weight_learns(model):
    model = keras.models.clone_model(model)
    weights = {weight.path: np.array(weight) for weight in model.trainable_weights}
    loss = keras.losses.SparseCategoricalCrossentropy(True)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)  # once: to trace takes longer
    x = inputs(batch=16)
    model.train_on_batch(x, np.random.default_rng(0).integers(1, TARGETS, (16, 5)))
    for weight in model.trainable_weights:
        change = np.abs(np.array(weight) - weights[weight.path])
        assert change.max() > 0, f"{weight.path} got no gradient"


def steps(decoder, ids, memory, room):
    """Logits `(batch, time, vocabulary)` and attention `(batch, time, source)`, step by step."""
    state = decoder.initial_state(len(ids), room)
    assert all(part.shape[0] == len(ids) for part in state)
    logits, attention = [], []
    for step in range(ids.shape[1]):
        position = keras.ops.convert_to_tensor(step, "int32")
        last, state, weights = decoder.step(ids[:, step], state, position, memory)
        logits, attention = [*logits, as_numpy(last)], [*attention, as_numpy(weights)]
    return np.stack(logits, axis=1), np.stack(attention, axis=1)


def test_steps_are_what_the_call_computes(model):
    x = inputs(time=7)
    x["source"][0, 2:] = 0
    x["target"][1, 3] = 0  # an id like others here: only behind all others is it padding
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    memory = encoder(x["source"])
    for room, known in ((7, memory), (12, decoder.prepare(memory))):
        logits, attention = steps(decoder, x["target"], known, room)
        np.testing.assert_allclose(logits, call(model, x), atol=1e-5)
        assert (attention.shape, attention.dtype) == ((3, 7, 6), np.float32)
        np.testing.assert_allclose(attention.sum(axis=2), 1.0, atol=1e-5)
        assert np.all(attention[0, :, 2:] == 0)


def test_attention_is_the_mean_of_all_heads_and_blocks():
    model = build("pre")
    decoder = model.get_layer("decoder")
    x = inputs()
    memory = model.get_layer("encoder")(x["source"])
    _, attention = steps(decoder, x["target"], memory, 5)
    weights, y = [], decoder.embedding(x["target"])
    for block in decoder.blocks:
        causal = np.tril(np.ones((1, 5, 5), bool))
        z = block.norms[0](y)
        z = y + block.self_attention(z, z, attention_mask=causal)
        z = block.norms[1](z)
        mask = keras.ops.expand_dims(memory["mask"], 1)
        _, heads = block.cross_attention(
            z, memory["outputs"], attention_mask=mask, return_attention_scores=True
        )
        weights.append(as_numpy(heads))
        y = block(y, memory["outputs"], memory["mask"])
    np.testing.assert_allclose(attention, np.concatenate(weights, axis=1).mean(axis=1), atol=1e-5)


def test_dropout_is_in_training_only():
    for arguments in ({"dropout": 0.5}, {"dropout": 0.0, "attention_dropout": 0.5}):
        model = build("pre", **arguments)
        np.testing.assert_array_equal(call(model, inputs()), call(model, inputs()))
        first, second = (call(model, inputs(), training=True) for _ in range(2))
        assert np.abs(first - second).max() > 1e-3


def test_the_book_model_has_its_size():
    model = zoo.transformer(
        1000,
        1000,
        num_layers=2,
        key_dim=128,
        feed_forward_dim=128,
        norm="post",
        scale_embeddings=False,
        attention_dropout=0.1,
    )
    attention = 4 * 128 * 1024 + 3 * 1024 + 128
    norm, dense = 2 * 128, 2 * (128 * 128 + 128)
    blocks = 2 * (attention + dense + 2 * norm) + 2 * (2 * attention + dense + 3 * norm)
    embeddings, head = 2 * 1000 * 128, 128 * 1000 + 1000
    assert model.count_params() == blocks + embeddings + head


@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_half_precision_has_float32_logits(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = build("learned")
    finally:
        keras.config.set_dtype_policy("float32")
    x = inputs()
    assert model.output.dtype == "float32"
    logits = call(model, x)
    assert logits.dtype == np.float32
    memory = model.get_layer("encoder")(x["source"])
    stepped, _ = steps(model.get_layer("decoder"), x["target"], memory, 5)
    np.testing.assert_allclose(stepped, logits, atol=0.1)


def test_sinusoidal_positions():
    for channels in (1, 4, 7):
        positions = as_numpy(SinusoidalPositions()(np.full((2, 9, channels), 0.5)))
        for p, i in np.ndindex(9, channels):
            angle = p / 10000 ** (2 * (i // 2) / channels)
            expected = 0.5 + (np.cos(angle) if i % 2 else np.sin(angle))
            np.testing.assert_allclose(positions[:, p, i], expected, atol=1e-5)
        later = SinusoidalPositions()(np.full((2, 4, channels), 0.5), start=5)
        np.testing.assert_allclose(later, positions[:, 5:], atol=1e-5)


def test_learned_positions():
    layer = LearnedPositions(5)
    zeros = np.zeros((2, 5, 3))
    np.testing.assert_array_equal(layer(zeros)[0], layer.vectors)
    np.testing.assert_array_equal(layer(zeros[:, :2], start=3)[1], np.array(layer.vectors)[3:])
    with pytest.raises(ValueError, match=r"at most 5 steps.*Received: 6"):
        layer(np.zeros((1, 6, 3)))
    with pytest.raises(ValueError, match=r"at most 20 steps"):
        build("learned")(inputs(source_time=21))
    for wrong in (0, 2.0, True):
        with pytest.raises(ValueError, match=f"max_length={wrong}"):
            LearnedPositions(wrong)


def test_the_first_id_always_counts_as_real():
    mask = PaddingMask()(np.array([[0, 3, 0], [0, 0, 0], [4, 0, 5]]))
    expected = [[True, True, False], [True, False, False], [True, False, True]]
    np.testing.assert_array_equal(mask, expected)


def test_the_encoder_alone():
    encoder = zoo.transformer_encoder(SOURCES, **TINY, num_layers=1)
    assert (encoder.input_shape, encoder.name) == ((None, None), "transformer_encoder")
    memory = encoder(inputs()["source"])
    assert (memory["outputs"].shape, memory["mask"].shape) == ((3, 6, 8), (3, 6))


WRONG = [
    ({"source_vocabulary_size": 0}, "vocabulary_size must be .* 0"),
    ({"target_vocabulary_size": 1.5}, r"target_vocabulary_size must be .* 1\.5"),
    ({"num_layers": 0}, "num_layers must be .* 0"),
    ({"num_heads": 0}, "num_heads must be .* 0"),
    ({"num_heads": 3}, "multiple of num_heads.*embedding_dim=128, num_heads=3"),
    ({"key_dim": 0}, "key_dim must be .* 0"),
    ({"embedding_dim": 0}, "embedding_dim must be .* 0"),
    ({"feed_forward_dim": -1}, "feed_forward_dim must be .* -1"),
    ({"dropout": 1.0}, r"\[0, 1\).*1\.0"),
    ({"attention_dropout": -0.1}, r"\[0, 1\).*-0\.1"),
    ({"norm": "both"}, "one of pre, post.*'both'"),
    ({"positions": "rotary"}, "one of sinusoidal, learned.*'rotary'"),
    ({"max_length": 0}, "max_length must be .* 0"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    sizes = {"source_vocabulary_size": SOURCES, "target_vocabulary_size": TARGETS}
    with pytest.raises(ValueError, match=message):
        zoo.create_model("transformer", **{**sizes, **arguments})


JAX_CHECK = """
import sys, keras, numpy as np, zoo
assert keras.backend.backend() == "jax"
data = np.load(sys.argv[2])
model = zoo.load(sys.argv[1])
x = {"source": data["source"], "target": data["target"]}
np.testing.assert_allclose(model(x), data["logits"], atol=1e-5)
decoder = model.get_layer("decoder")
memory = decoder.prepare(model.get_layer("encoder")(x["source"]))
state = decoder.initial_state(len(x["target"]), 9)
for step in range(5):
    logits, state, _ = decoder.step(x["target"][:, step], state, step, memory)
    np.testing.assert_allclose(logits, data["logits"][:, step], atol=1e-5)
"""


@pytest.mark.slow  # test_beam.py decodes one on JAX every day
@pytest.mark.jax
@pytest.mark.parametrize("name", MODELS)
def test_on_jax(name, tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    model = build(name)
    x = inputs()
    x["source"][1, 3:] = 0
    np.savez(tmp_path / "data.npz", **x, logits=call(model, x))
    model.save(tmp_path / "model.keras")
    run_on_jax(JAX_CHECK, tmp_path / "model.keras", tmp_path / "data.npz")
