"""Classes of texts, by a saved run."""

import numpy as np

import zoo
from recipes.classification.tables import note_unseen
from recipes.data.files import open_table, say_notes
from recipes.engine.conformal import Conformal
from recipes.errors import UserError
from recipes.text_classification import tables
from recipes.text_classification.classifier import TextClassifier
from recipes.text_classification.coding import PlainTexts
from recipes.text_classification.loading import load
from zoo.tokenizers import all_layers


def predict(folder, config, metadata, source, output, text=None, keep=None) -> None:
    """Writes the predicted class of each text as CSV, with the probabilities of all classes.

    The source is a table with the run's column of texts (its classes are copied where they are
    there), or `None` for the run's own test part: its `predictions.csv` to the last digit. A `text`
    may be given instead, and `keep` names columns to copy, separated by commas. An output of `None`
    is standard output.
    """
    classes = metadata["labels"]
    model = folder.load()
    file = None
    if keep and (text is not None or (source is None and config.data is None)):
        raise UserError("--keep copies columns of a table: give it as a file, or leave --keep out.")
    if text is None and source is None:
        part = load(config).parts["test"]
        # By the model's own vocabulary: that of the defaults may have been another one.
        numbers, names = part.numbers, part.names
        inputs = _reader(model, config).encode_list(part.texts)
        own = config.test_data or config.data
        file = open_table(own, config, metadata.get("reading")) if keep else None
    else:
        texts, names = [text], None
        if text is None:
            file = open_table(source, config, metadata.get("reading"))
            texts, names = _read(file, metadata, classes)
        numbers, inputs = np.arange(1, len(texts) + 1), _reader(model, config).encode_list(texts)
    known = file.kept(keep, numbers, ("row", "target")) if file else {}
    found, conformal = TextClassifier(model).of_inputs(inputs), Conformal.load(folder)
    sets = conformal.columns(found) if conformal else {}
    tables.write(output, numbers, names, found, classes, known, sets)


def _reader(model, config):
    """What makes inputs of texts."""
    found = [each for each in all_layers(model) if isinstance(each, zoo.layers.TextTokenizer)]
    return found[0] if found else PlainTexts(config.strip_html, config.lowercase)


def _read(file, metadata, classes):
    """The texts of a file, and the names of their classes where the file has them."""
    text, target = metadata["text"], metadata["target"]
    file.require(text, "the texts that the model reads")
    texts = file.texts(text)
    missing = int(texts.isna().sum())
    say_notes(file.notes)
    if missing:
        say_notes([f"{missing:,} rows without a text count as empty texts"])
    texts = texts.fillna("").astype(str).tolist()
    if target not in file.names:
        return texts, None
    names = file.labels(target).to_list()
    note_unseen(names, classes)
    return texts, names
