"""The vectors of words and categories, for TensorBoard's projector."""

import keras

from callbacks import write_projector
from zoo.layers import NoteTokenizer, TableColumns, Tokenizer
from zoo.tokenizers import all_layers

#: Rows of a table at most: tokenizers begin with the most frequent tokens.
MOST = 2000


def write_embeddings(folder, model) -> None:
    """Writes each table of vectors whose rows stand for tokens, or for values of columns."""
    layers = list(all_layers(model))
    tokenizers = [layer for layer in layers if isinstance(layer, Tokenizer)]
    tokenizers = [layer for layer in tokenizers if not isinstance(layer, NoteTokenizer)]
    ids = [[*range(layer.vocabulary_size)] for layer in tokenizers]
    known = [{"value": t.pieces(i), "id": i} for t, i in zip(tokenizers, ids, strict=True)]
    for layer in (each for each in layers if isinstance(each, TableColumns)):
        rows = [(name, v) for name, values in layer.categories for v in ("unknown", *values)]
        known.append({"value": [v for _, v in rows], "column": [name for name, _ in rows]})
    for variable in model.trainable_variables:
        # Not of a wide path, whose numbers are outputs.
        if variable.name != "embeddings" or variable.shape[1] < 3 or "weights" in variable.path:
            continue
        fitting = [columns for columns in known if len(columns["value"]) == variable.shape[0]]
        if fitting:
            # A translator's source comes first, as its words do; one table may be for both.
            columns = fitting[0] if len(fitting) == 1 else known.pop(known.index(fitting[0]))
            vectors = keras.ops.convert_to_numpy(variable)[:MOST]
            labels = {title: column[:MOST] for title, column in columns.items()}
            write_projector(folder, vectors, labels, variable.path.replace("/", "."))
