"""From words to ids and back, inside a saved model."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoo
from zoo.layers import WordTokenizer


def test_the_most_frequent_words_come_first():
    layer = WordTokenizer.fit("b b, B! a a c d", vocabulary_size=4)
    assert layer.words == ["b", "a", "c"]
    assert layer.vocabulary_size == 4
    np.testing.assert_array_equal(layer.encode("A d b?"), [1, 3, 0])
    assert layer.encode("A d b?").dtype == np.int32
    assert layer.decode([1, 3, 0]) == "a \ufffd b"
    assert layer.encode("?!").shape == (0,)
    assert layer.decode([]) == ""


@given(st.text(max_size=40))
def test_known_texts_come_back_in_their_normal_form(text):
    words = WordTokenizer([]).normalize(text).split()
    layer = WordTokenizer(list(dict.fromkeys(words)))
    assert layer.decode(layer.encode(text)) == layer.normalize(text)
    assert (layer.encode(text) < len(layer.words)).all()
    assert layer.normalize(layer.normalize(text)) == layer.normalize(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我喜欢茶。你喜欢 Tea 吗!", "我 喜 欢 茶 你 喜 欢 tea 吗"),
        ("これはテストです。", "こ れ は テ ス ト で す"),
        ("나는 학교에 갑니다", "나는 학교에 갑니다"),
        ("กา", "ก า"),
    ],
)
def test_letters_are_words_where_no_spaces_are_between_words(text, words):
    layer = WordTokenizer.fit(text, vocabulary_size=20)
    assert layer.decode(layer.encode(text)) == layer.normalize(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop... 7/10!!", "dont stop . . . 7 / 10 ! !"),
        ("It\u2019s \u201cgreat\u201d \u2013 'no'.", "its \u201c great \u201d \u2013 no ."),
        ("我喜欢茶。", "我 喜 欢 茶 。"),
    ],
)
def test_punctuation_is_read_as_words(text, words):
    layer = WordTokenizer.fit(text, vocabulary_size=20, punctuation=True)
    assert layer.decode(layer.encode(text)) == layer.normalize(text) == words
    assert layer.get_config()["punctuation"]


def test_a_vocabulary_of_whole_sentences_can_still_be_loaded():
    layer = WordTokenizer(["我喜欢茶", "茶"])
    assert layer.encode("茶").tolist() == [1]


def test_the_books_form_of_ascii_texts():
    text = 'I don\'t -- really: "know" #1_of [them]; a+b=c? $5, ~10%, x^y|z {q} \\ / @w `v` <u>'
    stripped = "".join(
        c for c in text if c.isalnum() or c == " "
    )  # what its TextVectorization does
    assert WordTokenizer([]).normalize(text) == " ".join(stripped.lower().split())


def test_the_vocabulary_travels_with_the_model(tmp_path):
    inputs = keras.Input((None,), dtype="int32")
    layer = WordTokenizer(["qué", "tal"], name="target_tokens")
    keras.Model(inputs, keras.layers.Embedding(3, 2)(layer(inputs))).save(tmp_path / "m.keras")
    found = zoo.tokenizer(keras.models.load_model(tmp_path / "m.keras"))
    assert (found.words, found.name) == (["qué", "tal"], "target_tokens")
    assert found.decode(found.encode("¿Qué TAL, amigo?")) == "qué tal \ufffd"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WordTokenizer(["a", "a"]), "Expected each word once"),
        (lambda: WordTokenizer(["a b"]), "Expected words in lower case.*Received: 'a b'"),
        (lambda: WordTokenizer(["A"]), "Expected words in lower case.*Received: 'A'"),
        (lambda: WordTokenizer.fit("a b", 1), "Received: vocabulary_size=1"),
        (lambda: WordTokenizer.fit("?!"), "Expected a text with words. Received: one without"),
        (lambda: WordTokenizer.fit(b"a"), "Expected a text of type str. Received: bytes"),
        (lambda: WordTokenizer(["a"]).decode([2]), r"Expected ids in \[0, 2\). Received: 2"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
