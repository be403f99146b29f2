"""Embeddings for TensorBoard's projector."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike


def write_projector(
    folder: str | Path,
    vectors: ArrayLike,
    labels: Sequence | Mapping[str, Sequence],
    name: str = "embedding",
) -> None:
    """Writes vectors and what they stand for in the form that TensorBoard's projector loads.

    Args:
        folder: Folder of the run, the `log_dir` of its `TensorBoard`; TensorBoard looks for
            projections only where there are event files.
        vectors: One for each point, `(n, dimensions)`.
        labels: Text of each point, `(n,)`; or several columns, `{title: (n,)}`.
        name: Plain name of the embedding: a folder may have several. One of that name is replaced.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     callbacks.write_projector(folder, [[0.0, 1.0], [1.0, 0.0]], ["cat", "dog"])
    ...     print(Path(folder, "projector_config.pbtxt").read_text())
    embeddings {
      tensor_name: "embedding"
      metadata_path: "embedding_labels.tsv"
      tensor_path: "embedding.tsv"
    }
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    folder, vectors = Path(folder), np.asarray(vectors, "float32")
    columns = labels if isinstance(labels, dict) else {"": labels}
    lengths = {len(column) for column in columns.values()}
    if vectors.ndim != 2 or lengths != {len(vectors)}:
        raise ValueError(
            "Expected vectors (n, dimensions) and a label for each. Received: vectors of shape "
            f"{vectors.shape} and {sorted(lengths)} labels"
        )
    if not re.fullmatch(r"[\w.-]+", name):
        raise ValueError(f"Expected a name of letters, digits, '.', '_', '-'. Received: {name!r}")
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / f"{name}.tsv", vectors, fmt="%.6g", delimiter="\t")
    rows = list(zip(*columns.values(), strict=True))
    # The projector expects a line of titles only where there are several columns.
    lines = ([columns] if len(columns) > 1 else []) + rows
    # A label is one line; an empty one would end the file for the projector.
    cells = ([re.sub(r"\s", " ", str(label)) or " " for label in line] for line in lines)
    text = "\n".join(map("\t".join, cells))
    (folder / f"{name}_labels.tsv").write_text(text + "\n", encoding="utf-8")
    path = folder / "projector_config.pbtxt"
    config = ProjectorConfig()
    with contextlib.suppress(OSError, ValueError, text_format.ParseError):  # none, or damaged
        config = text_format.Parse(path.read_text(), ProjectorConfig())
    others = [embedding for embedding in config.embeddings if embedding.tensor_name != name]
    config = ProjectorConfig(embeddings=others)
    config.embeddings.add(
        tensor_name=name, tensor_path=f"{name}.tsv", metadata_path=f"{name}_labels.tsv"
    )
    path.write_text(text_format.MessageToString(config))
