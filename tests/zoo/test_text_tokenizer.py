"""From texts in any form to ids, inside a saved model."""

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import zoo
from tests.shared import run_fresh
from zoo.layers import CharacterTokenizer, SubwordTokenizer, TextTokenizer, WordTokenizer
from zoo.layers.raw_texts import padded, rounded_lengths, without_html

WORDS = WordTokenizer(["a", "film", "good"])
TEXTS = ["A good film", "film", "", "Good, good!"]
IDS = [[2, 4, 3, 0], [3, 0, 0, 0], [1, 0, 0, 0], [4, 4, 0, 0]]
CORPUS = ["A good film, they say: 10 of 10!", "A bad one.", "¿Qué tal, señor? \U0001f600 שלום"]
KINDS = {k: TextTokenizer.fit(CORPUS, k, 600).tokenizer for k in ("words", "characters", "bpe")}
KINDS["marks"] = TextTokenizer.fit(CORPUS, punctuation=True).tokenizer
KINDS["wordpiece"] = SubwordTokenizer.fit(CORPUS, "wordpiece", 600)
KINDS["unigram"] = SubwordTokenizer.fit(CORPUS * 9, "unigram", 300)


def test_ids_of_texts():
    layer = TextTokenizer(WORDS)
    ids = layer.encode([*TEXTS, "an unknown film"])
    np.testing.assert_array_equal(ids[:4, :], [row[:3] for row in IDS])
    np.testing.assert_array_equal(ids[4], [5, 5, 3])
    assert ids.dtype == np.int32
    assert layer.vocabulary_size == 3 + 1 + 2  # an unknown word, padding, the empty text
    rows = layer.encode_list(TEXTS)
    assert [row.tolist() for row in rows] == [[2, 4, 3], [3], [1], [4, 4]]
    assert layer.decode(ids[0]) == "a good film"
    assert layer.decode([1, 0, 0]) == ""
    assert layer.pieces([4, 5, 1, 0]) == ["good", "\ufffd", "", ""]
    assert layer.encode([]).shape == (0, 1)


ENDS = {"special": ("padding", "start", "end"), "strip_html": False}


def test_special_ids_have_names():
    letters = CharacterTokenizer("abc", unknown=True)
    for layer, names in (
        (TextTokenizer(letters), {"padding": 0, "empty": 1, "unknown": 5}),
        (TextTokenizer(letters, **ENDS), {"padding": 0, "start": 1, "end": 2, "unknown": 6}),
        (TextTokenizer(KINDS["bpe"], special=["padding"]), {"padding": 0}),
    ):
        for name in ("padding", "empty", "start", "end", "unknown"):
            assert getattr(layer, f"{name}_id") == names.get(name)
    assert TextTokenizer(letters, **ENDS).pieces([1, 3, 6, 2, 0]) == [
        "<start>", "a", "\ufffd", "<end>", ""
    ]  # fmt: skip
    assert TextTokenizer(letters, lowercase=True).unknown_characters("Bad day") == ["d", " ", "y"]
    assert TextTokenizer(WORDS, lowercase=True).unknown_characters("Bad day") == []


@pytest.mark.parametrize(
    ("max_length", "truncation", "kept"),
    [
        (None, "head", [1, 5, 3, 4, 2]),
        (4, "head", [1, 5, 3, 4, 2]),
        (3, "head", [1, 5, 3, 4]),
        (2, "head", [1, 5, 3]),
        (2, "tail", [1, 3, 4]),
    ],
)
def test_texts_with_a_start_and_an_end(max_length, truncation, kept):
    layer = TextTokenizer(CharacterTokenizer("abc"), max_length, truncation, add_ends=True, **ENDS)
    assert layer.encode("cab").tolist() == kept
    assert layer.encode_list(["cab"], truncate=False)[0].tolist() == [1, 5, 3, 4, 2]
    assert layer.encode(["", "a"]).tolist() == [[1, 2, 0], [1, 3, 2]]
    assert TextTokenizer(layer.tokenizer, **ENDS).encode(["", "a"]).tolist() == [[0], [3]]


@given(st.text(alphabet="abΣé<> ", max_size=20), st.lists(st.integers(0, 300), max_size=5))
def test_decode_stops_at_the_first_end(text, more):
    layer = TextTokenizer(KINDS["bpe"], add_ends=True, **ENDS)
    ids = layer.encode(text)
    assert layer.decode([*ids, *more]) == layer.decode(ids) == layer.normalize(text) == text
    assert layer.decode(ids[:-1]) == text
    kept = [id for id in more if id >= 3]
    assert TextTokenizer(KINDS["bpe"]).decode([0, 1, *more]) == KINDS["bpe"].decode(
        [id - 2 for id in more if id >= 2]
    )
    assert layer.decode([0, 1, *kept]) == KINDS["bpe"].decode([id - 3 for id in kept])


def forms():
    import tensorflow as tf

    return {
        "list": TEXTS,
        "tuple": tuple(TEXTS),
        "numpy": np.array(TEXTS),
        "objects": np.array(TEXTS, object),
        "bytes": [text.encode() for text in TEXTS],
        "numpy bytes": np.array(TEXTS, "S"),
        "series": pd.Series(TEXTS, index=[9, 7, 7, 1]),
        "pandas strings": pd.Series(TEXTS, dtype="string"),
        "categories": pd.Series(TEXTS, dtype="category"),
        "tensor": tf.constant(TEXTS),
    }


def test_texts_come_in_many_forms():
    layer, expected = TextTokenizer(WORDS), np.array(IDS)[:, :3]
    for name, texts in forms().items():
        np.testing.assert_array_equal(layer.encode(texts), expected, err_msg=name)
    tensor = forms()["tensor"]
    for text in ("A good film", b"A good film", np.str_("A good film"), tensor[0]):
        np.testing.assert_array_equal(layer.encode(text), expected[0])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", None], "Expected a text of type str in row 1. Received: None of type NoneType"),
        (["a", float("nan")], "in row 1. Received: nan of type float"),
        (pd.Series(["a", None, "b"], dtype="string"), "in row 1. Received: <NA>"),
        (np.array([1, 2]), "in row 0. Received: 1 of type int"),
        (3, "in row 0. Received: 3 of type int"),
        ([["a", "b"]], "in row 0. Received: .* of type list"),
        (np.array([["a", "b"]]), r"in one dimension. Received: shape \(1, 2\)"),
        (["a", b"\xff"], "Expected a text in UTF-8 in row 1. .*0xff"),
    ],
)
def test_what_is_no_text_is_named(texts, message):
    with pytest.raises(ValueError, match=message):
        TextTokenizer(WORDS).encode(texts)


# HTML


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("one<br /><br />two", "one  two"),
        ('<a href="x">link</a>', " link "),
        ("I <3 it, 2 < 3 > 1", "I <3 it, 2 < 3 > 1"),
        ("a<!-- <b>no</b> -->b<!-->c", "a b c"),
        ("a <!-- never ends", "a <!-- never ends"),
        (
            "<!DOCTYPE html>&lt;b&gt; caf&eacute; &#128512; R&D &nope;",
            " <b> café \U0001f600 R&D &nope;",
        ),
        ("no end <b", "no end <b"),
    ],
)
def test_html(text, cleaned):
    assert without_html(text) == cleaned
    assert TextTokenizer(WORDS).clean(text) == cleaned
    assert TextTokenizer(WORDS, strip_html=False).clean(text) == text


def test_case_and_halves_of_characters():
    assert TextTokenizer(WORDS, lowercase=True).clean("ÀB<I>C") == "àb c"
    layer = TextTokenizer(KINDS["bpe"])
    assert layer.decode(layer.encode("a\ud800b")) == "a\ufffdb"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["", " ", "\U0001f600\u200d\U0001f525 ❤️", "שלום עולם مرحبا", "\x00\ud83d"]
)
def test_every_text_has_ids(kind, text):
    layer = TextTokenizer(KINDS[kind], max_length=5)
    for ids in layer.encode_list([text, text * 400]):
        assert 1 <= len(ids) <= 5
        assert (ids >= 1).all()
        assert (ids < layer.vocabulary_size).all()


# Truncation


@pytest.mark.parametrize(
    ("truncation", "length", "kept"),
    [
        ("head", 4, "abcd"),
        ("tail", 4, "ghij"),
        ("both", 4, "abij"),
        ("both", 5, "abcij"),
        ("both", 1, "a"),
        ("tail", 10, "abcdefghij"),
        ("both", 99, "abcdefghij"),
    ],
)
def test_truncation(truncation, length, kept):
    layer = TextTokenizer(CharacterTokenizer("abcdefghij"), length, truncation)
    assert layer.decode(layer.encode("abcdefghij")) == kept


words = st.text(alphabet=st.sampled_from("abΣß1é,.'\u00a0\u3000\n\t\x1c \U0001f600"), max_size=12)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(list(KINDS)),
    st.sampled_from(["head", "tail", "both"]),
    st.integers(1, 4),
    st.lists(words, max_size=60),
    st.sampled_from([" ", "  ", " \n"]),
)
@example("words", "both", 4, ["!"] * 50 + ["a"] * 3 + ["!"] * 50, " ")
@example("bpe", "both", 3, ["Σ"] * 80, " ")
@example("characters", "tail", 3, ["ab" * 200], " ")
def test_long_texts_are_cut_as_if_all_of_them_were_encoded(kind, truncation, length, parts, space):
    text = space.join(parts)
    whole = TextTokenizer(KINDS[kind]).encode_list(text)[0]
    head = {"head": length, "tail": 0, "both": length - length // 2}[truncation]
    expected = whole
    if len(whole) > length:
        expected = np.concatenate([whole[:head], whole[len(whole) - (length - head) :]])
    found = TextTokenizer(KINDS[kind], length, truncation).encode_list(text)[0]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("truncation", ["head", "tail", "both"])
@pytest.mark.parametrize("kind", KINDS)
def test_little_of_a_million_characters_is_encoded(kind, truncation, monkeypatch):
    text = "a good <i>film</i> &amp; " * 40_000
    encode, read = type(KINDS[kind]).encode, []

    def counted(self, text):
        read.append(len(text))
        return encode(self, text)

    monkeypatch.setattr(type(KINDS[kind]), "encode", counted)
    (ids,) = TextTokenizer(KINDS[kind], 200, truncation).encode_list(text)
    assert len(ids) == 200
    assert sum(read) < 10_000


@pytest.mark.parametrize("piece", ["<!--", "<a", "<", "<!", "&", "<!-- >"])
def test_markup_without_an_end(piece):
    text = piece * 100_000  # in a time that grows with the square of it, this would not come back
    assert without_html(text) == text.replace("<!-- >", " ")


# Vocabularies


def test_vocabularies_of_texts():
    layer = TextTokenizer.fit(["B b<br>b a", "A c"], vocabulary_size=5, max_length=7, name="ids")
    assert layer.tokenizer.words == ["b", "a"]
    assert (layer.vocabulary_size, layer.max_length, layer.name) == (5, 7, "ids")
    layer = TextTokenizer.fit(["A a! b", "a?!"], vocabulary_size=6, punctuation=True)
    assert layer.tokenizer.words == ["a", "!", "?"]
    assert layer.encode("<b>a</b>&nbsp;?").tolist() == [2, 4]
    layer = TextTokenizer.fit(pd.Series(["xY", "y z"]), "characters", lowercase=True)
    assert layer.tokenizer.characters == "y xz"
    assert layer.decode(layer.encode("XYw")) == "xy\ufffd"
    assert TextTokenizer.fit(["xyyzz"], "characters", 5).tokenizer.characters == "yz"
    for kind, size in (("bpe", 270), ("wordpiece", 530), ("unigram", 270)):
        layer = TextTokenizer.fit(["low lower", "lowest low <b>low</b>"] * 5, kind, size)
        assert 258 <= layer.vocabulary_size <= size
        assert layer.decode(layer.encode("low <i>Ж")) == "low  Ж"
    joined = SubwordTokenizer.fit("low lower\nlow", "bpe", 262)
    assert SubwordTokenizer.fit(["low lower", "\nlow"], "bpe", 262).model_json == joined.model_json


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: TextTokenizer(WORDS, max_length=0),
            "whole number of at least 1. .*max_length=0",
        ),
        (lambda: TextTokenizer(WORDS, max_length=True), "max_length=True"),
        (lambda: TextTokenizer(WORDS, truncation="middle"), "Expected one of head, tail, both"),
        (lambda: TextTokenizer(WORDS, special=["start"]), r"the padding first. .*\('start',\)"),
        (lambda: TextTokenizer(WORDS, special=["padding", "a"]), "Expected some of padding, empty"),
        (lambda: TextTokenizer(WORDS, special=["padding"] * 2), "each once"),
        (lambda: TextTokenizer(WORDS, add_ends=True), "must name a start and an end"),
        (lambda: TextTokenizer("words"), "Expected tokenizer to be a layer .*='words'"),
        (lambda: TextTokenizer.fit(["a"], "letters"), "Expected one of words, .*'letters'"),
        (
            lambda: TextTokenizer.fit(["", "<br>"], "words"),
            "Expected texts with words. Received: none",
        ),
        (
            lambda: TextTokenizer.fit(["", ""], "bpe"),
            "Expected texts with characters. Received: none",
        ),
        (lambda: TextTokenizer.fit([]), "Expected texts with characters. Received: none"),
        (
            lambda: TextTokenizer.fit(["a"], vocabulary_size=3),
            "3 special ids. .*vocabulary_size=3",
        ),
        (lambda: TextTokenizer.fit(["a"], "bpe", 200), "bpe needs a vocabulary_size of at least"),
        (lambda: TextTokenizer(WORDS).decode([6]), r"Expected ids in \[0, 6\). Received: 6"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# In a model

FRESH = """
import sys, zoo
layer = zoo.tokenizer(zoo.load(sys.argv[1]))
assert type(layer) is zoo.layers.TextTokenizer
assert layer.encode(["<b>Söme</b> TEXT of 5 tökens"]).tolist() == [[int(i) for i in sys.argv[2:]]]
"""


@pytest.mark.parametrize("kind", KINDS)
def test_everything_travels_with_the_model(tmp_path, kind):
    ends = {} if kind != "wordpiece" else {"add_ends": True, **ENDS}
    layer = TextTokenizer(KINDS[kind], 4, "both", lowercase=True, name="my_ids", **ends)
    inputs = layer.new_inputs()
    outputs = keras.layers.Embedding(layer.vocabulary_size, 2)(layer(inputs))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    found = keras.models.load_model(tmp_path / "model.keras").get_layer("my_ids")
    ids = layer.encode(["<b>Söme</b> TEXT of 5 tökens"])
    np.testing.assert_array_equal(found.encode(["<b>Söme</b> TEXT of 5 tökens"]), ids)
    np.testing.assert_array_equal(found(ids), ids)
    assert found.get_config() == layer.get_config()


@pytest.mark.slow  # test_tokenizers.py of the recipes asks one process for all kinds
def test_a_fresh_process_encodes_the_same(tmp_path):
    layer = TextTokenizer(KINDS["bpe"], 4, "both", lowercase=True, name="my_ids")
    inputs = layer.new_inputs()
    outputs = keras.layers.Embedding(layer.vocabulary_size, 2)(layer(inputs))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    ids = layer.encode(["<b>Söme</b> TEXT of 5 tökens"])
    run_fresh(FRESH, str(tmp_path), *map(str, ids[0]))


# Lengths


@given(st.lists(st.integers(1, 10**6), min_size=1))
def test_rounded_lengths_are_few_and_near(lengths):
    rounded = rounded_lengths(lengths)
    assert (rounded >= lengths).all()
    assert (rounded <= np.maximum(np.array(lengths) * 1.25, 8)).all()
    np.testing.assert_array_equal(rounded_lengths(rounded), rounded)


def test_there_are_four_lengths_between_powers_of_two():
    assert len(set(rounded_lengths(np.arange(1, 1025)).tolist())) == 4 * 7 + 1


def test_padding():
    assert padded([np.array([1, 2]), np.array([3])]).tolist() == [[1, 2], [3, 0]]
    assert padded([np.array([1])], 3).tolist() == [[1, 0, 0]]
    assert zoo.layers.TextTokenizer(WORDS).encode(["a"] * 3).shape == (3, 1)
