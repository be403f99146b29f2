"""Texts with a label each: files of the user's own."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recipes.classification.splits import FEWEST
from recipes.data.files import column_names, read_columns, refuse_column
from recipes.data.memory import check_size
from recipes.data.target import Target, read_target
from recipes.errors import UserError
from recipes.text_classification.data.text_splits import split_texts, without_shared
from zoo.layers import category_strings
from zoo.layers.raw_texts import as_texts

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
    """

    texts: np.ndarray
    target: Target
    numbers: np.ndarray
    rows: dict[str, np.ndarray]
    source: str
    notes: tuple[str, ...] = ()


def read_labelled_texts(
    path,
    text=None,
    target=None,
    validation_fraction=0.1,
    test_fraction=0.1,
    validation=None,
    test=None,
) -> LabelledTexts:
    """Reads texts and their classes from a table, and splits them.

    Empty texts are kept; rows without a label are left out. Parts that have no file of their own
    are drawn from the first one, class by class, with texts that occur twice in one part.

    Args:
        path: CSV (gzipped or not) or Parquet file.
        text: Column of the texts. Defaults to `"text"`, or the only column that holds any.
        target: Column of the labels. Defaults to `"target"`, `"label"`, or the only other one.
        validation_fraction: Fraction of the validation part, where it has no file.
        test_fraction: Fraction of the test part, where it has no file.
        validation: File of the validation part, with the same columns.
        test: File of the test part, with the same columns.

    Returns:
        A `LabelledTexts` with the parts `train`, `validation` and `test`.

    Raises:
        UserError: If a file is not what the arguments say.
    """
    text, target = find_columns(path, text, target)
    files = {"train": path, "test": test, "validation": validation}
    files = {name: file for name, file in files.items() if file}
    frames, notes = {}, ()
    for name, file in files.items():
        frames[name], more = _read(file, text, target)
        notes += more
    train = frames["train"]
    if len(train) < FEWEST:
        raise UserError(
            f"Expected at least {FEWEST} rows with a {target} in {path}. Received: {len(train)}."
        )
    classes = _classes(train[target], path)
    fractions = {"test": test_fraction, "validation": validation_fraction}
    fractions = {name: share for name, share in fractions.items() if name not in files}
    rows, more = split_texts(train[text], classes, fractions)
    notes += more
    values, seen = [classes.values], len(train)
    for name in [name for name in files if name != "train"]:
        values.append(_numbers(frames[name][target], classes, files[name], path))
        rows[name] = np.arange(seen, seen + len(frames[name]))
        seen += len(frames[name])
    texts = np.concatenate([frame[text].to_numpy(object) for frame in frames.values()])
    held_out = np.concatenate([rows[name] for name in rows if name != "train"])
    rows["train"], more = without_shared(texts, rows["train"], held_out)
    return LabelledTexts(
        texts,
        Target(target, np.concatenate(values), classes.labels),
        np.concatenate([frame.index.to_numpy() for frame in frames.values()]) + 1,
        {name: rows[name] for name in ("train", "validation", "test")},
        str(path),
        notes + more,
    )


def find_columns(path, text=None, target=None) -> tuple[str, str]:
    """The columns of texts and of labels, where the flags do not name them.

    Args:
        path: CSV or Parquet file.
        text: The column of texts, if it is known.
        target: The column of labels, if it is known.

    Returns:
        Both names; see `read_labelled_texts` for the rule.

    Raises:
        UserError: If a column is not there, or several could be meant.
    """
    names = column_names(path)
    for flag, name in (("--text", text), ("--target", target)):
        if name is not None and names.count(name) != 1:
            refuse_column(path, name, flag, names)
    if text is None:
        text = _only_texts(path, [name for name in names if name != target])
    if target is None:
        others = [name for name in names if name != text]
        named = [name for name in TARGETS if name in others]
        if names.count(text) > 1:
            refuse_column(path, text, "--text", names)
        if not others:
            raise UserError(
                f"Expected a column of labels beside that of the texts in {path}. Received: only "
                f"{text!r}."
            )
        if not named and len(others) != 1:
            raise UserError(
                f"Name the column of labels in {path} with --target. One of {_some(others)}."
            )
        target = (named or others)[0]
    if text == target:
        raise UserError(f"Expected two columns. Received: {text!r} as --text and as --target.")
    return text, target


def _only_texts(path, names):
    """The column named "text", or the only one that has spaces in most of its values."""
    if "text" in names:
        return "text"
    frame = read_columns(path, dict.fromkeys(names, "--text")) if names else pd.DataFrame()
    found = [name for name in names if _has_spaces(frame[name].dropna())]
    if len(found) != 1:
        what = f"several: {_some(found)}" if found else f"none among {_some(names)}"
        raise UserError(
            f"Expected one column of texts in {path}. Received {what}. Name it with --text."
        )
    return found[0]


def _has_spaces(column):
    return not _no_texts(column) and bool(
        column.astype(str).str.strip().str.contains(r"\s").mean() > 0.5
    )


def _no_texts(column):
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)


def _read(path, text, target):
    """The texts and labels of a file, without rows that lack a label, and notes."""
    check_size(path)
    frame = read_columns(path, {text: "--text", target: "--target"}, text)
    if _no_texts(frame[text]):
        raise UserError(
            f"Expected texts in the column {text!r} of {path}. Received: values such as "
            f"{frame[text].iloc[0]}. Name the column of texts with --text."
        )
    try:
        texts = as_texts(frame[text].astype(object).where(frame[text].notna(), ""))
    except ValueError as error:
        raise UserError(f"The column {text!r} of {path} holds more than texts. {error}") from error
    frame = pd.DataFrame({text: pd.Series(texts, dtype=object), target: frame[target]})
    missing = int(frame[target].isna().sum())
    if not missing:
        return frame, ()
    return frame.dropna(subset=target), (f"{missing:,} rows of {path} without a {target} left out",)


def _classes(column, path):
    """The classes that a column of labels names."""
    if pd.api.types.is_float_dtype(column) and (column % 1 != 0).any():
        raise UserError(
            f"Expected classes in the column {column.name!r} of {path}. Received: numbers such as "
            f"{column[column % 1 != 0].iloc[0]:.6g}. Put names of ranges of them into the column."
        )
    return read_target(column, path, "classification")


def _numbers(column, classes, path, train):
    """The labels of another part as numbers of the classes."""
    labels = category_strings(column)
    numbers = pd.Index(classes.labels).get_indexer(labels)
    unseen = np.flatnonzero(numbers < 0)
    if unseen.size:
        raise UserError(
            f"Expected labels in {path} that {train} has, too. Received: {labels[unseen[0]]!r} in "
            f"row {column.index[unseen[0]] + 1}, one of {unseen.size:,} such rows. Add texts of "
            f"this class to {train}, or delete them here."
        )
    return numbers


def _some(names):
    return ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
