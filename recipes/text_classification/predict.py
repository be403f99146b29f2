"""Classes of texts, by a saved run."""

import sys

import numpy as np

import zoo
from recipes.data.files import column_names, read_columns
from recipes.data.memory import check_size
from recipes.errors import UserError
from recipes.text_classification import tables
from recipes.text_classification.classifier import TextClassifier
from recipes.text_classification.coding import PlainTexts
from recipes.text_classification.loading import load
from zoo.layers import category_strings


def predict(folder, config, metadata, source, output, text=None) -> None:
    """Writes the predicted class of each text as CSV, with the probabilities of all classes.

    Args:
        folder: The `RunFolder`.
        config: The run's `TextClassificationConfig`.
        metadata: What the run says about itself in `config.yaml`.
        source: A table with the run's column of texts (its classes are copied where they are
            there), or `None` for the run's own test part: its `predictions.csv` to the last digit.
        output: File to write, or `None` for standard output.
        text: A text, instead of a table.

    Raises:
        UserError: If the input does not fit the run.
    """
    if text is not None and source is not None:
        raise UserError("Give the texts either as a file or with --text, not both.")
    classes = metadata["labels"]
    model = zoo.load(folder.path)
    if text is None and source is None:
        part = load(config).parts["test"]
        numbers, names, inputs = part.numbers, part.names, part.inputs
    else:
        texts, names = ([text], None) if text is not None else _read(source, metadata, classes)
        numbers, inputs = np.arange(1, len(texts) + 1), _reader(model, config).encode_list(texts)
    tables.write(output, numbers, names, TextClassifier(model).of_inputs(inputs), classes)


def _reader(model, config):
    """What makes inputs of texts."""
    found = [layer for layer in model.layers if isinstance(layer, zoo.layers.TextTokenizer)]
    return found[0] if found else PlainTexts(config.strip_html, config.lowercase)


def _read(path, metadata, classes):
    """The texts of a file, and the names of their classes where the file has them."""
    check_size(path)
    text, target = metadata["text"], metadata["target"]
    wanted = {text: "the texts that the model reads"}
    if column_names(path).count(target) == 1:
        wanted[target] = "the target"
    frame = read_columns(path, wanted, text=text)
    missing = np.flatnonzero(frame[text].isna())
    texts = frame[text].fillna("").astype(str).tolist()
    if len(missing):
        print(f"note: {len(missing):,} rows without a text count as empty texts", file=sys.stderr)
    if target not in wanted:
        return texts, None
    names = category_strings(frame[target])
    unknown = sorted({name for name in names if name is not None} - {*classes})
    if unknown:
        shown = ", ".join(map(repr, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        print(
            f"note: the target has classes that the model has never seen ({shown}): it cannot "
            "predict them",
            file=sys.stderr,
        )
    return texts, names
