"""Greedy and beam search, generation and recursive forecasts inside a SavedModel."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import zoo
from recipes.export import card, graph, reader
from recipes.export.converting import convert
from recipes.export.loops import loops
from tests.shared import assert_close, every_day, shaken

SPEC = {"loop": "translation", "texts": {"target": {"special": ["padding", "start", "end"]}}}


def in_graph(one, example, found):
    """What the function of one row makes of all rows in a graph that knows no lengths."""
    import tensorflow as tf

    call, signature = graph.endpoint(one, example, found)
    return np.asarray(tf.function(call, input_signature=signature)(example))


@pytest.mark.parametrize("kind", every_day(["seq2seq"], ["seq2seq", "transformer"]))
def test_translations(kind, monkeypatch):
    monkeypatch.setattr("zoo.compiled.Loop.compiles_on", ())  # XLA takes seconds
    sizes = {"embedding_dim": 8, "num_layers": 1}
    sizes |= {"units": 8} if kind == "seq2seq" else {"num_heads": 2}
    model = shaken(getattr(zoo, kind)(12, 9, **sizes))
    source = np.random.default_rng(0).integers(1, 12, (3, 5)).astype("int32")
    source[1, 3:], source[2] = 0, 0  # the last has no translation
    made = list(loops(model, SimpleNamespace(max_length=6), SPEC, {"source": source}))
    assert [name for name, *_ in made] == ["translate", "beam_search"]
    _, one, example, found = made[1]
    np.testing.assert_array_equal(in_graph(one, example, found), found)
    assert found.shape == (3, 4, 6)
    greedy = zoo.decoding.decode(model, source, 6, start_id=1, end_id=2)
    np.testing.assert_array_equal(made[0][3][:2, 0], greedy[:2])
    assert len(np.unique(found[:2])) > 2
    assert not found[2].any()


def test_a_recursive_forecast_reads_what_is_known_ahead():
    model = shaken(zoo.deep_rnn((6, 2), horizon=1, units=4))
    series = np.random.default_rng(0).normal(size=(3, 6, 2)).astype("float32")
    config, spec = SimpleNamespace(horizon=4), {"loop": "recursive"}
    ((name, one, example, found),) = loops(model, config, spec, {"series": series})
    assert name == "forecast"
    example["future"] = np.random.default_rng(1).normal(size=(3, 4, 1)).astype("float32")
    known = example["future"]
    other = zoo.decoding.forecast_recursively(model, series, 4, future_covariates=known)
    assert np.abs(other - found).max() > 1e-3
    assert_close(in_graph(one, example, found), other)


def test_a_card_names_what_notes_are_written_by(tmp_path):
    ids = keras.Input((None,), dtype="int32", name="ids")
    notes = zoo.layers.NoteTokenizer(voices=2, lowest=60, highest=62)
    model = keras.Model(ids, keras.layers.Embedding(4, 4)(notes(ids)))
    spec = card.described(model) | {"format": "savedmodel", "rows": None, "raw_endpoint": False}
    assert (spec["loop"], spec["texts"]) == ("generation", {})
    folder = SimpleNamespace(read_partners=dict, path=tmp_path, metrics=tmp_path / "none")
    config, recipe = SimpleNamespace(data="", dataset="x"), SimpleNamespace(title="t", name="r")
    task, spec["words"] = SimpleNamespace(metadata={}, description="notes"), ("", "")
    text = card.card(folder, recipe, config, task, model, spec, None, [["a"], ["b"]])
    assert "Logits of the next token, by its id." in text
    assert "Its licence is not known" in text
    named = SimpleNamespace(data="", dataset="fashion_mnist")
    text = card.card(folder, recipe, named, task, model, spec, None, [["a"], ["b"]])
    assert "notes. Zalando Research, MIT licence." in text
    assert "In the file, too, generation: `generate`, of ids" in text
    assert "write(texts" not in text
    of_texts = spec | {"texts": {"ids": {}}}
    text = card.card(folder, recipe, config, task, model, of_texts, None, [["a"], ["b"]])
    assert "`Exported(folder).write(texts, name, ...)`" in text
    text = card.card(folder, recipe, config, task, model, spec | {"format": "onnx"}, None, [["a"]])
    assert "generation (`--format savedmodel` has it)" in text


def test_a_saved_model_goes_on_from_a_text(tmp_path):
    tokenizer = zoo.layers.CharacterTokenizer("abcdefg")
    ids = keras.Input((None,), dtype="int32", name="ids")
    model = keras.Model(ids, shaken(zoo.char_rnn(7, units=6))(tokenizer(ids)))
    spec = {"format": "savedmodel", "rows": None, "raw_endpoint": False, **card.described(model)}
    assert spec["loop"] == "generation"
    windows = np.random.default_rng(0).integers(0, 7, (2, 9)).astype("int32")
    made = list(loops(model, None, spec, {"ids": windows}))
    spec["rows"] = convert(model, spec, tmp_path, loops=made)
    (tmp_path / "preprocessing.json").write_text(reader.json.dumps(spec))
    found = reader.Exported(tmp_path)
    ((name, _, example, expected),) = made
    np.testing.assert_array_equal(found.run(example, name)[0], expected)
    uniforms = np.random.default_rng([5, 0]).random(20, "float32")[None]
    more = {"uniforms": uniforms, "temperature": np.float32([0.5])}
    cool = zoo.decoding.Temperature(0.5)
    wanted = zoo.decoding.generate(model, tokenizer.encode("bad"), 20, cool, seed=5)
    assert found.write(["bad"], "generate", **more) == [[tokenizer.decode(wanted)]]
    # A string in, a string out, of prompts of any lengths.
    texts = {"texts": ["bad", "face"], "uniforms": np.tile(uniforms, (2, 1))}
    texts["temperature"] = np.float32([0.5, 0.5])
    first, second = found.run(texts, "generate_texts")[0]
    assert first.decode() == tokenizer.decode(wanted)
    wanted = zoo.decoding.generate(model, tokenizer.encode("face"), 20, cool, seed=5)
    assert second.decode() == tokenizer.decode(wanted)


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_translations_of_texts(kind, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr("zoo.compiled.Loop.compiles_on", ())
    special = {"special": ("padding", "start", "end"), "strip_html": False, "lowercase": True}
    fit, lines = zoo.layers.TextTokenizer.fit, ["a red cat", "the cat's naïve dogs", "red dogs"]
    sides = {side: fit(lines, kind, 300, add_ends=side == "target", **special)
             for side in ("source", "target")}  # fmt: skip
    sizes = [each.vocabulary_size for each in sides.values()]
    model = shaken(zoo.seq2seq(*sizes, embedding_dim=8, units=8, num_layers=1))
    bias = next(weight for weight in model.weights if weight.shape == (sizes[1],))
    bias.assign(bias - 9 * np.eye(sizes[1], dtype="float32")[2])  # sentences do not end at once
    spec = {"loop": "translation", "texts": {side: card._text(t) for side, t in sides.items()}}
    texts = ["Red cats", "", "the dogs' cat", "unseen naïveté"]
    source = sides["source"].encode(texts)
    for name, one, example, found in loops(
        model, SimpleNamespace(max_length=12), spec, {"source": source}
    ):
        call, signature = graph.of_texts([], spec["texts"], one, example)
        given = {"texts": tf.constant(texts)}
        written = np.vectorize(bytes.decode)(tf.function(call, input_signature=signature)(given))
        expected = [[sides["target"].decode(ids) for ids in beams] for beams in found]
        assert written.tolist() == expected, name
        assert len({*written.ravel()}) > 1
