"""Reads the table that the flags of a run name, decides what its columns are, and splits it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from recipes.classification.splits import FEWEST, SPLIT_SEED, rare_classes, stratified
from recipes.data.columns import Columns, infer_columns
from recipes.data.larger import Rows, open_rows
from recipes.data.table_file import check_columns
from recipes.data.target import Target, read_target
from recipes.errors import UserError
from recipes.tabular.datasets import diabetes, housing, housing_book, titanic
from recipes.tabular.leaks import leaks

READERS = {"diabetes": diabetes, "housing": housing, "titanic": titanic}

#: Groups of equal size, by the target, that a regression's rows are split within: so many, but
#: of so many rows at least.
STRATA, STRATUM = 10, 20


@dataclass(frozen=True)
class Table:
    """The rows of a run.

    Args:
        frame: The columns that the model reads, one row an example.
        columns: Which of them are numeric and which hold categories.
        target: What is to be predicted, one a row.
        numbers: Number of each row in the file, from 1.
        rows: Positions of the rows of each part, by its name.
        source: Name of the file or data set, for messages.
        notes: What was done to the data, in words.
        decided: What was found out about the form of the file; see `TableFile.decided`.
        larger: All rows, where those here are a sample of them.
    """

    frame: pd.DataFrame
    columns: Columns
    target: Target
    numbers: np.ndarray
    rows: dict[str, np.ndarray]
    source: str
    notes: tuple[str, ...] = ()
    decided: Mapping = field(default_factory=dict)
    larger: Rows | None = None


def load_table(config) -> Table:
    """Reads and splits the table of a run: a `Table` with `train`, `validation` and `test`."""
    frame, source, rows, notes, decided, larger = _read(config)
    kept = np.flatnonzero(frame[config.target].notna())
    if len(kept) < len(frame):
        notes.append(f"{len(frame) - len(kept):,} rows without a {config.target} left out")
        frame = frame.iloc[kept].reset_index(drop=True)
    if len(frame) < FEWEST:
        raise UserError(
            f"Expected at least {FEWEST} rows with a target {config.target!r} in {source}. "
            f"Received: {len(frame)}. Add rows: of fewer none can be kept to test on."
        )
    target = read_target(frame[config.target], source, config.task)
    if config.class_weight != "none" and not target.labels:
        raise UserError(
            f"--class_weight {config.class_weight} weighs classes. Received: the target "
            f"{config.target!r} of {source}, which is a number. Leave it out, or say --task "
            "classification."
        )
    frame = frame.drop(columns=[config.target, *config.drop], errors="ignore")
    names = config.numeric, config.categorical
    columns = infer_columns(frame, source, *names, partial(_reader, config, target))
    notes += [*columns.notes, *leaks(frame, columns, target)]
    if rows is None:
        fractions = config.validation_fraction, config.test_fraction
        rows, more = split(target, *fractions, config.split_seed)
        notes += more
    numbers = 1 + (larger.chosen[kept] if larger else kept)
    return Table(
        frame[list(columns.names)], columns, target, numbers, rows, source, tuple(notes), decided,
        larger,
    )  # fmt: skip


def _reader(config, target, text):
    """What learns from a column of free text, in words."""
    if not config.data or not target.labels:
        return ""
    flags = shlex.join([config.data, "--text", text, "--target", config.target])
    return f", which `zoo train text_classification --data {flags}` learns from"


def _read(config):
    """The table, its name, its parts where it brings them, notes, its form, and the other rows."""
    if config.data:
        file, larger = open_rows(config.data, config)
        _check_names(config, file.names, config.data)
        frame = own_frame(file, config)
        return frame, config.data, None, [*file.notes], file.decided, larger
    own = config.dataset == "housing_book"
    frame, rows = housing_book() if own else (READERS[config.dataset](), None)
    _check_names(config, list(frame), config.dataset)
    return frame, config.dataset, rows, [], {}, None


def own_frame(file, config) -> pd.DataFrame:
    """The columns of a file as the flags say, and else as what they look like."""
    columns = {}
    for name in sorted(file.names, key=lambda name: name != config.target):
        if name in config.categorical:
            columns[name] = file.labels(name)
        elif name in config.numeric or (name == config.target and config.task == "regression"):
            columns[name] = file.numbers(name)
        elif name not in config.drop:
            columns[name] = file.column(name, label=name == config.target)
    ordered = {name: columns[name] for name in file.names if name in columns}
    return pd.DataFrame(ordered, copy=False)  # one array of them all were a copy more


def _check_names(config, names, source):
    """Every column at most once in the flags."""
    if config.target is None:
        shown = ", ".join(names[:50]) + (", ..." if len(names) > 50 else "")
        raise UserError(f"Name the column to predict with --target. One of {shown}.")
    flags = {"--target": [config.target]}
    flags |= {f"--{name}": getattr(config, name) for name in ("drop", "numeric", "categorical")}
    check_columns(flags, names, source)


def split(target, validation_fraction, test_fraction, seed=SPLIT_SEED):
    """Splits rows into three parts that are alike in the target.

    Positions of the rows by part, and notes on classes that are not in all of them.
    """
    groups = strata(target)
    rest, test = stratified(groups, test_fraction, seed)
    chosen = stratified(groups[rest], validation_fraction / (1 - test_fraction), seed)
    parts = {"train": rest[chosen[0]], "validation": rest[chosen[1]], "test": test}
    return parts, rare_classes(target, parts, "row")


def strata(target) -> np.ndarray:
    """The group of each row: its class, or in which tenth of the targets its number lies."""
    if target.labels:
        return target.values
    ranks = np.argsort(np.argsort(target.values, kind="stable"), kind="stable")
    return ranks * max(1, min(STRATA, len(ranks) // STRATUM)) // len(ranks)
