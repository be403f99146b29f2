"""Wide & Deep: the book's variants, every option, and the whole of a model of raw tables."""

import json

import keras
import numpy as np
import pytest

import zoo
from tests.shared import run_fresh, run_on_jax, shaken, traced_once
from zoo.layers import (
    ClassProbabilities,
    EnsembleMean,
    FillMissing,
    PiecewiseLinearEncoding,
    QuantileNormalization,
    TableColumns,
)

SIZES = (4, 3, 6)


def rows(number=32, numeric=5, sizes=SIZES):
    rng = np.random.default_rng(3)
    inputs = {}
    if numeric:
        inputs["numeric"] = rng.normal(size=(number, numeric)).astype("float32")
    if sizes:
        codes = [rng.integers(0, size, number) for size in sizes]
        inputs["categories"] = np.stack(codes, axis=1).astype("int32")
    return inputs


EDGES = PiecewiseLinearEncoding.edges(rows()["numeric"], num_bins=6)

#: Arguments, on 5 numbers and 3 categories unless they say otherwise.
VARIANTS = {
    "mixed": {},
    "numbers only": {"category_sizes": ()},
    "categories only": {"num_numeric": 0},
    "split": {"wide": [0, 1, 6], "deep": [4, 2, 7, 5]},
    "names": {"feature_names": list("abcdefgh"), "wide": ["b", "g"], "deep": ["h", "a"]},
    "wide numbers, deep categories": {"wide": [0, 1], "deep": [5, 6, 7]},
    "wide categories, deep numbers": {"wide": [5], "deep": [0, 3]},
    "no wide path": {"wide": ()},
    "crosses only": {"wide": (), "crosses": [(5, 6), (7, 5)]},
    "hashed crosses": {"crosses": [(5, 7)], "cross_buckets": 11},
    "piecewise": {"numeric_embedding": "piecewise", "bin_edges": EDGES, "deep": [3, 1, 6]},
    "periodic": {"numeric_embedding": "periodic", "num_frequencies": 5, "sigma": 0.5},
    "ensemble": {"members": 4, "crosses": [(5, 6)]},
    "ensemble of numbers": {"members": 4, "category_sizes": ()},
    "ensemble, embedded": {"members": 4, "numeric_embedding": "piecewise", "bin_edges": EDGES},
    "auxiliary": {"auxiliary": True},
    "auxiliary ensemble": {"auxiliary": True, "members": 3},
    "bounded": {"output_activation": "softplus"},
    "bounded numbers": {"output_activation": "tanh", "category_sizes": ()},
    "normalized": {"batch_normalization": "after", "activation": "selu", "dropout": 0.1},
    "normalized ensemble": {"batch_normalization": "before", "members": 3, "dropout": 0.1},
    "one hidden layer": {"units": 7},
}


def build(variant, **more):
    arguments = {"num_numeric": 5, "category_sizes": SIZES, "units": (8, 6), "embedding_dim": 4}
    return zoo.wide_and_deep(**{**arguments, **VARIANTS[variant], **more})


def inputs_of(model, number=32):
    found = rows(number)
    return {name: found[name] for name in model.input}


def call(model, inputs):
    outputs = model(inputs, training=False)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def test_the_books_models_have_their_sizes():
    plain = zoo.wide_and_deep()
    assert plain.count_params() == 8 * 30 + 30 + 30 * 30 + 30 + (8 + 30) + 1 == 1239
    split = {"wide": range(5), "deep": range(2, 8)}
    assert zoo.wide_and_deep(**split).count_params() == 6 * 30 + 30 + 930 + (5 + 30) + 1
    auxiliary = zoo.wide_and_deep(**split, auxiliary=True)
    assert auxiliary.count_params() == 6 * 30 + 30 + 930 + (5 + 30) + 1 + 31
    shapes = {name: output.shape for name, output in auxiliary.output.items()}
    assert shapes == {"main": (None, 1), "auxiliary": (None, 1)}


def test_the_auxiliary_loss_has_its_weight():
    model = shaken(build("auxiliary"))
    weights = {"main": 0.9, "auxiliary": 0.1}
    losses = dict.fromkeys(weights, "mse")
    model.compile("sgd", losses, loss_weights=weights, run_eagerly=True)
    inputs, target = inputs_of(model), np.ones((32, 1), "float32")
    found = model.evaluate(inputs, dict.fromkeys(weights, target), verbose=0)
    outputs = call(model, inputs)
    expected = sum(weights[name] * np.mean((1 - outputs[name]) ** 2) for name in weights)
    assert abs((found[0] if isinstance(found, list) else found) - expected) < 1e-5


@pytest.mark.parametrize("auxiliary", [False, True])
def test_the_book_split_follows_its_formula(auxiliary):
    model = shaken(zoo.wide_and_deep(wide=range(5), deep=range(2, 8), auxiliary=auxiliary))
    x = np.random.default_rng(0).normal(size=(9, 8)).astype("float32")
    hidden = x[:, 2:]
    for name in ("hidden_0", "hidden_1"):
        kernel, bias = model.get_layer(name).get_weights()
        hidden = np.maximum(hidden @ kernel + bias, 0)
    kernel, bias = model.get_layer("main_output").get_weights()
    main = np.concatenate([x[:, :5], hidden], axis=1) @ kernel + bias
    outputs = call(model, {"numeric": x})
    if auxiliary:
        kernel, bias = model.get_layer("auxiliary_output").get_weights()
        np.testing.assert_allclose(outputs["auxiliary"], hidden @ kernel + bias, rtol=1e-4)
        outputs = outputs["main"]
    np.testing.assert_allclose(outputs, main, rtol=1e-4, atol=1e-5)


def test_the_wide_path_adds_a_weight_for_each_category_and_cross():
    model = shaken(build("mixed", crosses=[(5, 6)]))
    inputs = inputs_of(model)
    with_wide = call(model, inputs)
    codes = inputs["categories"]
    table = model.get_layer("wide_categories_weights").get_weights()[0][:, 0]
    cross = model.get_layer("wide_crosses").get_weights()[0][:, 0]
    added = sum(table[codes[:, i] + (0, 4, 7)[i]] for i in range(3)) + cross[codes @ (3, 1, 0)]
    for name in ("wide_categories_weights", "wide_crosses"):
        layer = model.get_layer(name)
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    np.testing.assert_allclose(with_wide - call(model, inputs), added[:, None], atol=1e-5)


def test_names_and_numbers_mean_the_same():
    named = shaken(build("names"))
    numbered = shaken(build("mixed", wide=[1, 6], deep=[7, 0]))
    inputs = inputs_of(named)
    np.testing.assert_array_equal(call(named, inputs), call(numbered, inputs))


def reads(model, inputs, name, column):
    changed = {key: value.copy() for key, value in inputs.items()}
    changed[name][:, column] = 1 - changed[name][:, column] % 2 if name == "categories" else 9.0
    return np.abs(call(model, changed) - call(model, inputs)).max() > 1e-6


def test_each_path_reads_its_features_and_no_other():
    model = shaken(build("mixed", wide=[0, 6], deep=[1, 7]))
    inputs = inputs_of(model)
    assert [reads(model, inputs, "numeric", i) for i in range(5)] == [True, True, *[False] * 3]
    assert [reads(model, inputs, "categories", i) for i in range(3)] == [False, True, True]


@pytest.mark.parametrize("variant", VARIANTS)
def test_shapes_gradients_and_independence_of_the_batch(variant):
    model = shaken(build(variant, outputs=2))
    inputs = inputs_of(model)
    members = VARIANTS[variant].get("members", 1)
    shape = (32, 2) if members == 1 else (32, members, 2)
    outputs = call(model, inputs)
    found = outputs if isinstance(outputs, dict) else {"main": outputs}
    assert {name: value.shape for name, value in found.items()} == dict.fromkeys(found, shape)
    assert set(found) == ({"main", "auxiliary"} if "auxiliary" in variant else {"main"})
    last = call(model, {name: value[-1:] for name, value in inputs.items()})
    last = last if isinstance(last, dict) else {"main": last}
    for name, value in found.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(last[name], value[-1:], atol=1e-5)
    before = [np.array(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    targets = keras.tree.map_structure(np.ones_like, outputs)
    model.train_on_batch(inputs, targets)
    for weight, value in zip(model.trainable_weights, before, strict=True):
        assert np.abs(np.array(weight) - value).max() > 0, f"{weight.path} got no gradient"


def test_members_differ_from_the_start_and_share_their_kernels():
    for variant in ("ensemble of numbers", "ensemble, embedded"):
        model = build(variant)
        outputs = call(model, inputs_of(model))
        first, later = model.get_layer("hidden_0"), model.get_layer("hidden_1")
        assert first.kernel.shape[1:] == (8,)
        signs = set(np.abs(np.array(first.input_scale)).ravel().tolist()) == {1.0}
        assert signs == (variant == "ensemble of numbers")
        assert np.all(np.array(later.input_scale) == 1)
        assert np.abs(np.diff(outputs, axis=1)).min(axis=0).max() > 1e-4
        assert model.get_layer("main_output").kernel.shape[0] == 4


@pytest.mark.parametrize(
    ("head", "outputs", "label", "compiled"),
    [
        ("binary", 1, 1.0, {"jit_compile": True}),
        ("multiclass", 3, 2, {"run_eagerly": True}),
        pytest.param("multilabel", 2, 1.0, {"run_eagerly": True}, marks=pytest.mark.slow),
    ],
)
def test_classifiers_answer_in_logits_and_train(head, outputs, label, compiled):
    model = build("mixed", head=head, outputs=outputs)
    inputs = inputs_of(model)
    steps = 15  # all in one epoch, as each begins with a new iterator
    labels = np.full((steps * 32,) if head == "multiclass" else (steps * 32, outputs), label)
    many = {key: np.tile(value, (steps, 1)) for key, value in inputs.items()}
    model.compile(keras.optimizers.Adam(0.1), **zoo.objective(head), **compiled)
    traced_once(model)
    model.fit(many, labels, shuffle=False, verbose=0)
    logits = call(model, inputs)
    best = logits.argmax(axis=1) == 2 if head == "multiclass" else logits > 0
    assert best.all()
    assert np.abs(logits).max() > 1


def whole_model(head="multiclass"):
    """Everything at once: raw columns with gaps, an embedded ensemble with crosses, labels."""
    rng = np.random.default_rng(0)
    table = {name: rng.normal(size=64) * scale for name, scale in {"a": 1e4, "b": 1e-3}.items()}
    table["b"][::4] = np.nan
    table |= {"c": rng.choice(["x", "y", "z"], 64), "d": rng.integers(0, 9, 64)}
    numbers = np.stack([table["a"], table["b"]], axis=1)
    columns = TableColumns(["a", "b"], {"c": ["x", "y"], "d": [str(i) for i in range(8)]})
    scale, fill = QuantileNormalization.from_data(numbers), FillMissing(flags=[1])
    edges = PiecewiseLinearEncoding.edges(np.array(fill(scale(numbers))), num_bins=5)
    core = zoo.wide_and_deep(
        3,
        columns.category_sizes,
        outputs=3,
        head=head,
        crosses=[(3, 4)],
        cross_buckets=20,
        units=(8, 6),
        dropout=0.1,
        batch_normalization="before",
        numeric_embedding="piecewise",
        bin_edges=edges,
        members=3,
    )
    inputs = columns.new_inputs()
    x = columns(inputs)
    logits = core({"numeric": fill(scale(x["numeric"])), "categories": x["categories"]})
    outputs = ClassProbabilities(["p", "q", "r"], head)(EnsembleMean(head)(logits))
    return shaken(keras.Model(inputs, outputs)), table


def test_every_weight_of_a_whole_model_gets_a_finite_gradient():
    model, table = whole_model()
    before = [np.array(weight) for weight in model.trainable_weights]
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(1.0), loss, run_eagerly=True)
    arrays = model.get_layer("table_columns").encode(table)
    assert np.isnan(arrays["numeric"]).any()
    model.train_on_batch(arrays, np.arange(64) % 3)
    names = [weight.path for weight in model.trainable_weights]
    assert any("fill_missing" in name for name in names)
    for weight, value in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(np.array(weight)).all(), weight.path
        assert np.abs(np.array(weight) - value).max() > 0, f"{weight.path} got no gradient"


FRESH = """
import json, pathlib, sys
import numpy as np, zoo
folder = sys.argv[1]
table = json.loads(pathlib.Path(folder, "table.json").read_text())
predictor = zoo.Predictor(zoo.load(f"{folder}/model.keras"))
outputs = predictor.predict(table)
np.testing.assert_allclose(outputs, np.load(f"{folder}/outputs.npy"), rtol=1e-6, atol=1e-6)
assert predictor.labels == ["p", "q", "r"]
"""


def save_whole_model(folder):
    model, table = whole_model()
    model.save(folder / "model.keras")
    np.save(folder / "outputs.npy", zoo.Predictor(model).predict(table))
    (folder / "table.json").write_text(json.dumps({k: v.tolist() for k, v in table.items()}))


def test_a_saved_model_answers_the_same(tmp_path, monkeypatch):
    save_whole_model(tmp_path)
    outputs = np.load(tmp_path / "outputs.npy")
    assert np.ptp(outputs, axis=0).min() > 0.01
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)
    monkeypatch.setattr("sys.argv", ["here", str(tmp_path)])
    exec(FRESH, {})


@pytest.mark.slow
def test_a_saved_model_answers_the_same_in_a_fresh_process(tmp_path):
    save_whole_model(tmp_path)
    run_fresh(FRESH, str(tmp_path))


WRONG = [
    ({"num_numeric": -1}, "num_numeric must be .* -1"),
    ({"num_numeric": 0, "category_sizes": ()}, "a numeric feature or a category.*none"),
    ({"category_sizes": (4, 0)}, "category_sizes must be .* 0"),
    ({"outputs": 0}, "outputs must be .* 0"),
    ({"head": "point"}, "regression, binary, multilabel, multiclass.*head='point'"),
    ({"head": "binary", "outputs": 2}, "outputs=2"),
    ({"wide": [8]}, r"wide names features: expected numbers from 0 to 7\. Received: 8"),
    ({"deep": [-1]}, "deep names features.*0 to 7.*-1"),
    ({"deep": [1.5]}, r"deep names features.*1\.5"),
    ({"deep": ["a"]}, "deep names features: expected feature_names.*'a'"),
    ({"wide": ["z"], "feature_names": "abcdefgh"}, r"one of \['a', .*Received: 'z'"),
    ({"wide": [1, 1]}, r"wide names a feature twice.*\[1, 1\]"),
    ({"feature_names": ["a", "b"]}, r"feature_names must be 8 .*\['a', 'b'\]"),
    ({"feature_names": list("aabcdefg")}, "8 different names"),
    ({"deep": ()}, r"deep path needs a feature.*deep=\[\]"),
    ({"units": ()}, r"a hidden layer.*units=\(\)"),
    ({"units": (8, 0)}, "units must be .* 0"),
    ({"crosses": [(5, 0)]}, r"two different categories.*\(5, 0\)"),
    ({"crosses": [(5, 5)]}, r"two different categories.*\(5, 5\)"),
    ({"crosses": [(5, 6, 7)]}, r"two different categories.*\(5, 6, 7\)"),
    ({"crosses": [(5, 9)]}, "crosses names features.*0 to 7.*9"),
    ({"crosses": [(5, 6)], "cross_buckets": 0}, "buckets must lie.*0"),
    ({"embedding_dim": 0}, "embedding_dim must be .* 0"),
    ({"numeric_embedding": "linear"}, "none, piecewise, periodic.*numeric_embedding='linear'"),
    ({"numeric_embedding": "piecewise"}, "needs bin_edges.*none"),
    ({"numeric_embedding": "piecewise", "bin_edges": EDGES[:2]}, "each of the 5 .* 2"),
    ({"bin_edges": EDGES}, "no other, needs bin_edges.*'none'"),
    ({"numeric_embedding": "periodic", "num_frequencies": 0}, "num_frequencies must be .* 0"),
    ({"numeric_embedding": "periodic", "sigma": 0.0}, "sigma must be .* above 0"),
    ({"members": 0}, "members must be .* 0"),
    ({"dropout": 1.0}, r"dropout must lie in \[0, 1\)"),
    ({"activation": "rulu"}, "activation='rulu'"),
    ({"output_activation": "step"}, "output_activation='step'"),
    ({"batch_normalization": "on"}, "batch_normalization='on'"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build("mixed", **arguments)


JAX_CHECK = (
    """
import keras
assert keras.backend.backend() == "jax"
"""
    + FRESH
    + """
model = predictor.model
model.compile("adam", "sparse_categorical_crossentropy", jit_compile=True)
arrays = model.get_layer("table_columns").encode(table)
first, *_, last = model.fit(arrays, np.arange(64) % 3, epochs=40, verbose=0).history["loss"]
assert np.isfinite(last) and last < first, (first, last)
for embedding in ("none", "periodic"):
    inputs = {"numeric": np.ones((2, 3), "float32"), "categories": np.ones((2, 2), "int32")}
    other = zoo.wide_and_deep(3, (4, 5), numeric_embedding=embedding, members=2, auxiliary=True)
    assert other(inputs)["auxiliary"].shape == (2, 2, 1)
"""
)


@pytest.mark.slow
@pytest.mark.jax
def test_on_jax(tmp_path):
    """The model that TensorFlow saved answers the same on JAX, and trains there."""
    pytest.importorskip("jax", reason="needs the jax extra")
    save_whole_model(tmp_path)
    run_on_jax(JAX_CHECK, str(tmp_path))
