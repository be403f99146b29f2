"""What the shipped reader, and the graph of a SavedModel, make of columns and texts."""

import ast
import sys

import numpy as np
import pytest

import zoo
from recipes.export import card, graph, reader
from recipes.export.export import _reader
from zoo.layers import CharacterTokenizer, SubwordTokenizer, TableColumns, TextTokenizer

TEXTS = [
    "A good film, really: good!",
    "",
    "<b>Très</b> bad &amp; <!-- hidden --> long long long\u00a0film it's",
    "¿Qué tal? 5 < 6",
    "Ünknown wörds only",
    "\t new\nlines ",
]
TABLE = {
    "x": [1.5, None, -3e38, "4"],
    "kind": ["a", 3, None, "zzz"],
    "day": ["2024-02-29", "1969-12-31 23:30:15.5", None, "2024-03-01T06:00"],
}
COLUMNS = TableColumns(
    ["x"],
    {"kind": ["3", "a", "b"]},
    dates={
        "day": {"newest": "2024-03-01", "parts": ["year", "month", "day", "weekday", "hour", "age"]}
    },
)
SHORT = {"max_length": 4}
ENDS = {"special": ("padding", "start", "end"), "add_ends": True, "lowercase": True}


def tokenizers():
    yield "words", TextTokenizer.fit(TEXTS, vocabulary_size=9)
    yield "marks", TextTokenizer.fit(TEXTS, punctuation=True)
    yield "head", TextTokenizer.fit(TEXTS, vocabulary_size=30, **SHORT)
    yield "tail", TextTokenizer.fit(TEXTS, truncation="tail", **SHORT)
    yield "both", TextTokenizer.fit(TEXTS, truncation="both", max_length=3)
    yield "ends", TextTokenizer.fit(TEXTS, strip_html=False, **ENDS, **SHORT)
    yield "characters", TextTokenizer.fit(TEXTS, "characters", 20, lowercase=True)
    yield "plain", CharacterTokenizer.fit("".join(TEXTS))
    yield "bpe", TextTokenizer(SubwordTokenizer.fit(TEXTS, "bpe", 270), lowercase=True)
    yield "unigram", TextTokenizer(SubwordTokenizer.fit(TEXTS, "unigram", 270))


def padded(rows):
    width = max(1, *map(len, rows))
    return np.array([np.pad(row, (0, width - len(row))) for row in rows])


@pytest.mark.parametrize(("name", "layer"), list(tokenizers()), ids=lambda each: str(each)[:12])
def test_texts_are_read_as_the_layer_reads_them(name, layer):
    spec = card._text(layer)
    expected = padded([layer.encode(text) for text in TEXTS])
    rows = padded([reader._ids(text, **spec) for text in TEXTS])
    np.testing.assert_array_equal(rows, expected)
    for row in expected:
        assert reader._text(row.tolist(), **spec) == layer.decode(row)
    found = graph.encoder({"table": None, "texts": {"ids": spec}, "inputs": {"ids": {}}})
    if name == "unigram":
        assert found is None  # sub-words but byte pairs stay outside of the graph
    else:
        np.testing.assert_array_equal(found[1]({"ids": np.array(TEXTS)})["ids"], expected)


def test_unknown_characters_are_refused_by_name_and_by_the_graph():
    import tensorflow as tf

    spec = card._text(CharacterTokenizer("abc"))
    with pytest.raises(ValueError, match="does not know 'd'"):
        reader._ids("bad", **spec)
    _, encode, _ = graph.encoder({"table": None, "texts": {"ids": spec}, "inputs": {"ids": {}}})
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not know a character"):
        encode({"ids": np.array(["bad"])})


def test_columns_are_read_as_the_layer_reads_them():
    import tensorflow as tf

    outputs = COLUMNS(inputs := COLUMNS.new_inputs())
    spec = card.described(zoo.saving.keras.Model(inputs, outputs))
    expected = COLUMNS.encode(TABLE)
    found = reader._table(TABLE, **spec["table"])
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    raw = {
        "x": np.float32([1.5, np.nan, -3e38, 4]),
        "kind": np.array(["a", "3", "", "zzz"]),
        "day": np.array([each or "" for each in TABLE["day"]]),
    }
    raw = {name: tf.constant(values) for name, values in raw.items()}
    in_graph = graph.encoder(spec)[1](raw)
    np.testing.assert_array_equal(in_graph["categories"], expected["categories"])
    np.testing.assert_allclose(in_graph["numeric"], expected["numeric"], rtol=2e-7)
    with pytest.raises(ValueError, match=r"Expected the columns \['kind', 'day'\]"):
        reader._table({"x": [1]}, **spec["table"])


def test_the_shipped_file_needs_numpy_alone():
    text = _reader()
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    ours = imported - sys.stdlib_module_names
    assert ours == {"numpy", "onnxruntime", "ai_edge_litert", "tensorflow", "tokenizers"}
    names = {}
    exec(compile(text, "reader.py", "exec"), {"__name__": "reader"}, names)
    assert {"Exported", "category_strings", "date_parts", "split_words"} <= names.keys()
