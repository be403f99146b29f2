"""Reads the texts that the flags of a run name, and turns them into ids."""

import re
import shlex

import numpy as np
import pandas as pd

from callbacks.drawing import shortened
from recipes.classification.splits import train_sample
from recipes.classification.task import MAX_TRAIN_SCORED
from recipes.data.batches import spread
from recipes.engine.tables import percent
from recipes.errors import UserError
from recipes.text_classification.coding import encoded, reads_ids
from recipes.text_classification.data.imdb import imdb
from recipes.text_classification.data.labelled_texts import read_labelled_texts, with_unlabelled
from recipes.text_classification.data.reber import reber_dataset
from recipes.text_classification.data.text_splits import fold_rows
from recipes.text_classification.task import TextTask
from zoo.layers.raw_texts import spaced

#: Shares of validation and of the test part, where nothing else is said.
FRACTION = 0.1
#: Classes at most whose names are looked for in the texts, and in how many texts they say it all.
MOST_NAMES, NEARLY_ALL = 50, 0.98


def load(config) -> TextTask:
    """The texts of a run, split and turned into ids, as a `TextTask`."""
    labelled = read(config)
    if config.unlabelled:
        labelled = with_unlabelled(labelled, config.unlabelled, config)
    if labelled.larger and not (reads_ids(config) and config.bucketing and not config.train_size):
        raise UserError(
            "Texts of which only some are in memory (--in_memory) are for models that read ids, "
            f"with --bucketing true and without --train_size. Received: --model {config.model}."
        )
    rows, notes = dict(labelled.rows), tuple(labelled.notes)
    if config.train_size is not None:
        labels, count = labelled.target.values[rows["train"]], len(labelled.target.labels)
        chosen, note = train_sample(config, labels, count, "texts")
        rows["train"] = rows["train"][chosen]
        notes += note
    parts, reader = encoded(config, labelled, rows)
    notes += _telling(config, labelled, parts["train"])
    part = parts["train"]
    shares = np.bincount(part.labels, minlength=len(part.classes)) / len(part)
    named = zip(part.classes, shares, strict=True)
    shown = [f"{shortened(label, 40)} ({percent(share)})" for label, share in named]
    notes += (f"classes: {', '.join(shown[:10])}{', ...' if shown[10:] else ''}",)
    notes += _ids(config, parts) if reads_ids(config) else ()
    folds = {}
    if config.folds:
        pool = np.sort(np.concatenate([rows["train"], rows["validation"]]))
        share = config.validation_fraction or FRACTION
        folds = fold_rows(labelled, pool, config.folds, share, config.split_seed)
        extra = {name: rows[name] for name in ("unlabelled",) if name in rows}
        folds = {name: {**parts_of, **extra} for name, parts_of in folds.items()}
    return TextTask(config, labelled, parts, reader, notes, folds)


def read(config):
    """The `LabelledTexts` of a run; a `UserError` if they cannot be read."""
    if config.data:
        return read_labelled_texts(
            config.data, config.text, config.target, config.validation_fraction or FRACTION,
            config.test_fraction or FRACTION, config.validation_data, config.test_data, config,
            config.split_seed,
        )  # fmt: skip
    if config.dataset == "imdb":
        return imdb(config.split, config.validation_fraction or FRACTION, config.split_seed)
    return reber_dataset()


def _telling(config, labelled, part):
    """Notes on texts that name their class, and on those of one word."""
    if not config.data:
        return ()
    part = part.take(spread(len(part), MAX_TRAIN_SCORED))  # enough of them to tell
    notes, texts = (), pd.Series(part.texts).str.lower()
    text, target = labelled.columns
    classes = [rf"(?<!\w){re.escape(label.lower())}(?!\w)" for label in part.classes]
    if len(classes) <= MOST_NAMES:
        named = np.stack([texts.str.contains(name) for name in classes], axis=1)
        own = named[np.arange(len(part)), part.labels] & (named.sum(axis=1) == 1)
        if own.mean() > NEARLY_ALL:
            notes += (
                f"column {text!r} gives {target} away: {100 * own.mean():.0f} % of {len(part):,} "
                "training texts hold the name of their class, and of no other",
            )
    words = texts.map(spaced).str.split().str.len()
    if config.tokenizer == "words" and words[words > 0].median() == 1:
        notes += (
            f"most texts are of one word: --tokenizer characters reads its letters, and `zoo train "
            f"tabular {shlex.join(['--data', config.data, '--target', target])}` takes words "
            "that repeat for categories",
        )
    return notes


def _ids(config, parts):
    """Texts of which the ids say nothing, or not all."""
    everything = [ids for part in parts.values() for ids in part.inputs]
    empty = sum(len(ids) == 1 and ids[0] == 1 for ids in everything)
    notes = (f"{empty:,} texts are empty, or hold nothing that is read",) * bool(empty)
    cut = sum(len(ids) == config.max_length for ids in everything)
    kept = {"head": "the head", "tail": "the tail", "both": "half from each end"}
    if cut:
        notes += (
            f"{cut:,} of {len(everything):,} texts fill --max_length {config.max_length} or are "
            f"longer: {kept[config.truncation]} of each is read",
        )
    return notes
