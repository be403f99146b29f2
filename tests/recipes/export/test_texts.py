"""Texts as ids, and back, in TensorFlow's graph: as the tokenizers on the host do it."""

import random

import numpy as np
import pytest

from recipes.export import card, texts
from zoo.layers import SubwordTokenizer, TextTokenizer

#: All that a splitter of words may stumble over.
ODD = [
    "", " ", "  two  spaces ", "\n\nline\n x", "don't you'll I'd we're 's't", "naïve 🙂 ünïcode",
    "a" * 250, "1234 5,678.9!!", "\t tab\u00a0nbsp \u3000wide", "x\u2028y  \u2003 z",
    "¿Qué?  —dijo—", "日本語 テキスト", "\x00null\x1c\x1d", "!?!? ' '' s't", "\x0b\x0c \x85 y",
    "Tom's 3rd",
]  # fmt: skip
LETTERS = "abct  \n'.,!éñ¿1 5\u00a0\u3000🙂sS日\x0b\u200b\u0301\U0001d54f²Ⅷ\x85"


def both_ways(layer, raw):
    """Ids of texts, and the texts of these, in a graph that does not know how many there are."""
    import tensorflow as tf

    tables, spec = [], card._text(layer)
    assert texts.reads(spec)
    signature = [tf.TensorSpec([None], tf.string)]
    ids = tf.function(texts.lookup(tables, **spec), input_signature=signature)(tf.constant(raw))
    return ids.numpy(), [each.decode() for each in texts.decoder(**spec)(ids).numpy()]


def test_byte_pairs():
    corpus = " ".join(["To be, or not to be: that's the question. 12 naïve señores 日本"] * 20)
    layer = TextTokenizer(SubwordTokenizer.fit(corpus, vocabulary_size=400), strip_html=False)
    chance = random.Random(0)
    raw = ODD + ["".join(chance.choices(LETTERS, k=chance.randrange(1, 40))) for _ in range(300)]
    raw += ["to be the question's naïve señor"]
    ids, back = both_ways(layer, raw)
    np.testing.assert_array_equal(ids, layer.encode(raw))
    assert back == raw
    assert (ids[-1] > 260).any()  # pairs were merged


@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
def test_other_sub_words_are_left_to_the_reader(kind):
    layer = SubwordTokenizer.fit("to be or not to be", kind=kind, vocabulary_size=520)
    assert not texts.reads(card._text(layer))


@pytest.mark.parametrize("punctuation", [False, True])
def test_words(punctuation):
    odd = [each for each in ODD if "\0" not in each]  # which ends a string of the graph
    layer = TextTokenizer.fit(
        ["我喜欢 tea, don't! ¿Qué? ไทย Émile", *odd], kind="words", punctuation=punctuation
    )
    raw = [
        "我喜欢 tea don't",
        "",
        "ไทย tea 我!",
        "<b>Qué</b> &amp; émile?",
        "It\u2019s 7\\1...",
        *odd,
    ]
    ids, back = both_ways(layer, raw)
    np.testing.assert_array_equal(ids, layer.encode(raw))
    assert back == [layer.decode(each) for each in ids]
