"""What TensorBoard's projector is given of a model."""

import keras
import numpy as np

from recipes.engine.embeddings import write_embeddings
from zoo.layers import CategoryEmbedding, CharacterTokenizer, TableColumns, TextTokenizer


def test_vectors_of_tokens_and_of_values_with_their_names(tmp_path):
    source = TextTokenizer(CharacterTokenizer("ab"), special=("padding",), name="source_tokenizer")
    target = TextTokenizer(CharacterTokenizer("xy"), special=("padding",), name="target_tokenizer")
    columns = TableColumns(["size"], {"color": ["red", "blue"], "kind": ["a"]})
    table = columns.new_inputs()
    categories = columns(table)["categories"]
    read, written = (keras.Input((None,), dtype="int32", name=name) for name in "st")
    size = source.vocabulary_size
    outputs = [
        keras.layers.Embedding(size, 3, name="first")(source(read)),
        keras.layers.Embedding(size, 3, name="second")(target(written)),
        CategoryEmbedding([3, 2], 3, name="values")(categories),
        CategoryEmbedding([3, 2], 3, "sum", name="wide_weights")(categories),
        keras.layers.Embedding(size, 2, name="narrow")(source(read)),
    ]
    model = keras.Model([read, written, *table.values()], outputs)
    write_embeddings(tmp_path, model)
    stems = {path.name.removesuffix(".tsv") for path in tmp_path.glob("*embeddings.tsv")}
    assert stems == {f"{name}.embeddings" for name in ("first", "second", "values")}
    labels = {stem: (tmp_path / f"{stem}_labels.tsv").read_text().splitlines() for stem in stems}
    assert [line.partition("\t")[0] for line in labels["first.embeddings"]][2:4] == ["a", "b"]
    assert [line.partition("\t")[0] for line in labels["second.embeddings"]][2:4] == ["x", "y"]
    assert labels["values.embeddings"][1:] == [
        "unknown\tcolor", "red\tcolor", "blue\tcolor", "unknown\tkind", "a\tkind",
    ]  # fmt: skip
    vectors = np.loadtxt(tmp_path / "values.embeddings.tsv")
    np.testing.assert_allclose(vectors, model.get_layer("values").embeddings.numpy(), rtol=1e-5)
    assert (tmp_path / "projector_config.pbtxt").read_text().count("tensor_path") == 3
