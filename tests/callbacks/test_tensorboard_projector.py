"""Projections in the form that TensorBoard loads."""

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from callbacks import write_projector


def config(folder):
    text = (folder / "projector_config.pbtxt").read_text()
    return list(text_format.Parse(text, ProjectorConfig()).embeddings)


def test_each_vector_has_its_label(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 2))
    write_projector(tmp_path, vectors, ["a\tb", "c\nd", ""])
    (embedding,) = config(tmp_path)
    np.testing.assert_allclose(np.loadtxt(tmp_path / embedding.tensor_path), vectors, rtol=1e-5)
    labels = (tmp_path / embedding.metadata_path).read_text(encoding="utf-8")
    assert labels.split("\n") == ["a b", "c d", " ", ""]


def test_several_columns_have_titles(tmp_path):
    write_projector(tmp_path, np.eye(2), {"word": ["ä", "b"], "count": [3, 4]})
    text = (tmp_path / "embedding_labels.tsv").read_text(encoding="utf-8")
    assert text == "word\tcount\nä\t3\nb\t4\n"


def test_a_folder_holds_several_and_one_of_the_same_name_is_replaced(tmp_path):
    for name in ("words", "classes", "words"):
        write_projector(tmp_path, np.eye(2), ["a", "b"], name=name)
    assert sorted(embedding.tensor_name for embedding in config(tmp_path)) == ["classes", "words"]
    for damaged in (b"embeddings {", b"\xff"):
        (tmp_path / "projector_config.pbtxt").write_bytes(damaged)
        write_projector(tmp_path, np.eye(2), ["a", "b"], name="words")
        assert [embedding.tensor_name for embedding in config(tmp_path)] == ["words"]


@pytest.mark.parametrize(
    ("vectors", "labels", "name", "message"),
    [
        (np.eye(2), ["a"], "x", r"shape \(2, 2\) and \[1\] labels"),
        (np.ones(2), ["a", "b"], "x", "Expected vectors"),
        (np.eye(2), ["a", "b"], "a/b", "Received: 'a/b'"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, vectors, labels, name, message):
    with pytest.raises(ValueError, match=message):
        write_projector(tmp_path, vectors, labels, name)
    assert list(tmp_path.iterdir()) == []
