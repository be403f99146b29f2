"""Reads the texts that the flags of a run name, and turns them into ids."""

import numpy as np

import zoo
from recipes.classifying.parts import Part
from recipes.classifying.task import TextTask
from recipes.data.reber import reber_dataset
from recipes.errors import UserError
from recipes.supervised.splits import stratified_sample

#: Shares of validation and of the test part, where nothing else is said.
FRACTION = 0.1
#: Ids at most where no flag says how many.
SIZES = {"words": 20_000, "characters": 10_000, "bpe": 8_000, "wordpiece": 8_000, "unigram": 8_000}


def load(config) -> TextTask:
    """The texts of a run, split and turned into ids.

    Args:
        config: A `TextClassificationConfig`.

    Returns:
        A `TextTask`.

    Raises:
        UserError: If the data is not what the flags say.
    """
    labelled = read(config)
    rows, notes = dict(labelled.rows), tuple(labelled.notes)
    if config.train_size is not None:
        rows["train"], note = _sample(labelled, config)
        notes += note
    text_ids = fit(config, labelled.texts[rows["train"]], labelled.source)
    parts = {}
    for name, chosen in rows.items():
        texts = labelled.texts[chosen]
        ids = text_ids.encode_list(texts)
        target = labelled.target
        numbers = labelled.numbers[chosen]
        parts[name] = Part(texts, target.values[chosen], target.labels, numbers, ids)
    return TextTask(config, parts, text_ids, notes + _notes(config, parts, text_ids))


def read(config):
    """The `LabelledTexts` of a run.

    Raises:
        UserError: If they cannot be read.
    """
    if config.data:
        from recipes.data.labelled_texts import read_labelled_texts

        return read_labelled_texts(
            config.data,
            config.text,
            config.target,
            config.validation_fraction or FRACTION,
            config.test_fraction or FRACTION,
            config.validation_data,
            config.test_data,
        )
    return reber_dataset()


def fit(config, texts, source):
    """What turns texts into ids, fitted on the training part.

    Args:
        config: A `TextClassificationConfig`.
        texts: The training texts.
        source: Where they come from, for messages.

    Returns:
        A `zoo.layers.TextIds`.

    Raises:
        UserError: If the vocabulary cannot be made.
    """
    try:
        return zoo.layers.TextIds.fit(
            texts,
            config.tokens,
            config.vocabulary_size or SIZES[config.tokens],
            max_length=config.max_length,
            truncation=config.truncation,
            strip_html=config.strip_html,
            lowercase=config.lowercase,
            name="text_ids",
        )
    except ValueError as error:
        raise UserError(
            f"There is no such vocabulary for the texts of {source}. {error}"
        ) from error


def _sample(labelled, config):
    rows, size = labelled.rows["train"], config.train_size
    classes = len(labelled.target.labels)
    if not classes <= size <= len(rows):
        raise UserError(
            f"--train_size must lie between {classes}, the number of classes, and {len(rows):,}, "
            f"that of the training texts. Received: {size}"
        )
    chosen = rows[stratified_sample(labelled.target.values[rows], size, config.seed)]
    return chosen, (f"{size:,} of {len(rows):,} training texts used",)


def _notes(config, parts, text_ids):
    """What the ids know of the texts, and leave out."""
    train, notes = parts["train"], ()
    shares = np.bincount(train.labels, minlength=len(train.classes)) / len(train)
    named = zip(train.classes, shares, strict=True)
    shown = [f"{label} ({100 * share:.0f} %)" for label, share in named]
    notes += (f"classes: {', '.join(shown[:10])}{', ...' if len(shown) > 10 else ''}",)
    empty = sum(len(ids) == 1 and ids[0] == 1 for part in parts.values() for ids in part.ids)
    if empty:
        notes += (f"{empty:,} texts are empty, or hold nothing that is read",)
    if config.max_length is not None:
        cut = sum(len(ids) == config.max_length for part in parts.values() for ids in part.ids)
        total = sum(len(part) for part in parts.values())
        kept = {"head": "its head", "tail": "its tail", "both": "half of it from each end"}
        notes += (
            f"{cut:,} of {total:,} texts fill --max_length {config.max_length} or are longer: of "
            f"each, {kept[config.truncation]} is read",
        ) * bool(cut)
    return notes
