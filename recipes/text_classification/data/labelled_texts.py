"""Texts with a label each: files of the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from recipes.classification.splits import FEWEST, SPLIT_SEED
from recipes.data.files import open_table
from recipes.data.larger import Rows, open_rows
from recipes.data.table_file import UNNAMED, TableFile
from recipes.data.target import Target, read_target
from recipes.errors import UserError, some
from recipes.text_classification.data.text_splits import split_texts, text_keys, without_shared

#: What the column of labels is called where no flag names it.
TARGETS = ("target", "label")


@dataclass(frozen=True)
class LabelledTexts:
    """The texts of a run.

    Args:
        texts: Strings, `(n,)` objects.
        target: The class of each.
        numbers: Number of each text in its file, from 1.
        rows: Positions of the texts of each part, by its name.
        source: Name of the file or data set, for messages.
        notes: What was done to the data, in words.
        decided: What was found out about the form of the file; see `TableFile.decided`.
        columns: Names of the columns of texts and of classes.
        larger: All rows, where those to train on here are a sample of them.
    """

    texts: np.ndarray
    target: Target
    numbers: np.ndarray
    rows: dict[str, np.ndarray]
    source: str
    notes: tuple[str, ...] = ()
    decided: Mapping = field(default_factory=dict)
    columns: tuple[str, str] = ("text", "target")
    larger: Rows | None = None


def read_labelled_texts(
    path, text=None, target=None, validation_fraction=0.1, test_fraction=0.1, validation=None,
    test=None, dialect=None, split_seed=SPLIT_SEED,
) -> LabelledTexts:  # fmt: skip
    """Reads texts and their classes from a table, and splits them into train, validation, test.

    Empty texts are kept; rows without a label are left out. Parts that have no file of their own
    are drawn from the first one, class by class, with texts that occur twice in one part. The
    arguments are the settings of `TextClassificationConfig` by their names; the column of texts
    defaults to `"text"`, or the only one that holds any, that of labels to `"target"`, `"label"`,
    or the only other one. A `UserError` if a file is not what the arguments say.
    """
    first, larger = open_rows(path, dialect)
    text, target = find_columns(first, text, target)
    files = {"train": path, "test": test, "validation": validation}
    files = {name: file for name, file in files.items() if file}
    frames = {}
    notes = (f"the texts are the column {text!r}, the classes {target!r}",)
    for name, file in files.items():
        table = first if name == "train" else open_table(file, dialect, first.decided)
        frames[name], more = _read(table, text, target)
        notes += (*table.notes, *more)
    train = frames["train"]
    if len(train) < FEWEST:
        raise UserError(
            f"Expected at least {FEWEST} rows with a {target} in {path}. Received: {len(train)}. "
            "Add some: of fewer none can be kept to test on."
        )
    if not train[text].str.strip().any():
        raise UserError(
            f"Expected texts in the column {text!r} of {path}. Received: {len(train):,} that are "
            "empty. Name the column of texts with --text."
        )
    classes = read_target(train[target], path, "classification")
    fractions = {"test": test_fraction, "validation": validation_fraction}
    fractions = {name: share for name, share in fractions.items() if name not in files}
    rows, more = split_texts(train[text], classes, fractions, split_seed)
    notes += more
    values, seen = [classes.values], len(train)
    for name in [name for name in files if name != "train"]:
        values.append(_numbers(frames[name][target], classes, files[name], path))
        rows[name] = np.arange(seen, seen + len(frames[name]))
        seen += len(frames[name])
    texts = np.concatenate([frame[text].to_numpy(object) for frame in frames.values()])
    held_out = np.concatenate([rows[name] for name in rows if name != "train"])
    rows["train"], more = without_shared(texts, rows["train"], held_out)
    numbers = {name: frame.index.to_numpy() for name, frame in frames.items()}
    if larger:
        numbers["train"] = larger.chosen[numbers["train"]]
    return LabelledTexts(
        texts, Target(target, np.concatenate(values), classes.labels),
        np.concatenate([*numbers.values()]) + 1,
        {name: rows[name] for name in ("train", "validation", "test")}, str(path), notes + more,
        first.decided, (text, target), larger,
    )  # fmt: skip


def with_unlabelled(labelled, path, dialect=None) -> LabelledTexts:
    """Adds texts without labels as the part `unlabelled`, but for those that are held out.

    The path is that of a table with a column of texts: of the same name, or the only one. A
    `UserError` if there are no texts that are not held out.
    """
    table, column = open_table(path, dialect), labelled.columns[0]
    column = column if column in table.names else _only_texts(table, table.names)
    texts = table.texts(column).fillna("").to_numpy(object)
    rows = labelled.rows
    known = set(text_keys(labelled.texts[np.concatenate([rows["validation"], rows["test"]])]))
    kept = np.array([key not in known for key in text_keys(texts)], bool)
    if not kept.any():
        raise UserError(
            f"Expected texts in {path} that are not held out for validation or the test. Received: "
            f"{len(texts):,} that all are. Leave --unlabelled out."
        )
    note = f"{kept.sum():,} texts of the column {column!r} of {path} learned from without labels"
    note += f"; {(~kept).sum():,} left out, which are held out" if not kept.all() else ""
    start, size = len(labelled.texts), int(kept.sum())
    target = labelled.target
    return replace(
        labelled,
        texts=np.concatenate([labelled.texts, texts[kept]]),
        target=replace(target, values=np.concatenate([target.values, np.full(size, -1)])),
        numbers=np.concatenate([labelled.numbers, np.flatnonzero(kept) + 1]),
        rows={**rows, "unlabelled": np.arange(start, start + size)},
        notes=(*labelled.notes, *table.notes, note),
    )


def find_columns(table: TableFile, text=None, target=None) -> tuple[str, str]:
    """The columns of texts and of labels, where the flags do not name them.

    The rule of `read_labelled_texts`. A `UserError` for a missing column, or several possible ones.
    """
    path, names = table.source, table.names
    for flag, name in (("--text", text), ("--target", target)):
        if name is not None:
            table.require(name, flag)
    if text is None:
        text = _only_texts(table, [name for name in names if name != target])
    if target is None:
        others = [name for name in names if name != text]
        others = [name for name in others if not name.startswith(UNNAMED)] or others
        named = [name for name in TARGETS if name in others]
        if not others:
            raise UserError(
                f"Expected a column of labels beside that of the texts in {path}. Received: only "
                f"{text!r}."
            )
        if not named and len(others) != 1:
            raise UserError(
                f"Name the column of labels in {path} with --target. One of {some(others, 20)}."
            )
        target = (named or others)[0]
    if text == target:
        raise UserError(f"Expected two columns. Received: {text!r} as --text and as --target.")
    return text, target


def _only_texts(table, names):
    """The column named "text", or the only one that has several words in most of its values."""
    if "text" in names:
        return "text"
    found = [name for name in names if _has_spaces(table, name)]
    if len(found) != 1:
        what = f"several: {some(found, 20)}" if found else f"none among {some(names, 20)}"
        raise UserError(
            f"Expected one column of texts in {table.source}. Received {what}. Name it with --text."
        )
    return found[0]


def _has_spaces(table, name):
    if not table.is_text(name) or table.holds_times(name):
        return False
    texts = table.texts(name).dropna()
    # Or letters in a row of scripts that have no spaces: Thai to Burmese, Khmer, Japanese, Chinese.
    words = r"\s|[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{5}"
    return bool(texts.astype(str).str.strip().str.contains(words).mean() > 0.5)


def _read(table, text, target):
    """The texts and labels of a file, without rows that lack a label, and notes."""
    if table.is_typed(text):
        raise UserError(
            f"Expected texts in the column {text!r} of {table.source}. Received: values such as "
            f"{table.texts(text).iloc[0]}. Name the column of texts with --text."
        )
    if table.is_numeric(target):
        values = table.numbers(target) if table.is_typed(target) else table.read(target).values
        values = values[np.isfinite(values)]
        if (values % 1 != 0).any():
            raise UserError(
                f"Expected classes in the column {target!r} of {table.source}. Received: numbers "
                f"such as {values[values % 1 != 0][0]:.6g}. Put names of ranges of them there."
            )
    table.note_words(target)
    frame = pd.DataFrame({text: table.texts(text).fillna(""), target: table.labels(target)})
    missing = int(frame[target].isna().sum())
    if not missing:
        return frame, ()
    note = f"{missing:,} rows of {table.source} without a {target} left out"
    return frame.dropna(subset=target), (note,)


def _numbers(column, classes, path, train):
    """The labels of another part as numbers of the classes."""
    labels = column.to_numpy()
    numbers = pd.Index(classes.labels).get_indexer(labels)
    unseen = np.flatnonzero(numbers < 0)
    if unseen.size:
        raise UserError(
            f"Expected labels in {path} that {train} has, too. Received: {labels[unseen[0]]!r} in "
            f"row {column.index[unseen[0]] + 1}, one of {unseen.size:,} such rows. Add texts of "
            f"this class to {train}, or delete them here."
        )
    return numbers
