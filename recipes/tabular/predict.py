"""Predictions of a saved run for the rows of a file."""

import numpy as np

import zoo
from recipes.classification.tables import note_unseen
from recipes.data.files import open_table, say_notes
from recipes.engine.conformal import Conformal
from recipes.errors import UserError
from recipes.tabular import tables
from recipes.tabular.loading import load_table
from recipes.tabular.predictions import columns_of, encode, read_rows, unknown_values
from recipes.tabular.predictions import predict as predict_arrays
from zoo.layers import category_strings


def predict(folder, config, metadata, source, output, keep=None) -> None:
    """Writes predictions as CSV, one row an input row; an output of `None` is standard output.

    Without a source, those of the run's test part: its `predictions.csv` to the last digit. The
    columns of a file may come in any order; others than the model's are ignored, and the target is
    copied where it is there. `keep` names columns to copy, separated by commas.
    """
    model = folder.load()
    labels = zoo.Predictor(model).labels or ()
    columns = columns_of(model)
    if keep and source is None and not config.data:
        raise UserError("--keep copies columns of a file: give it, or leave --keep out.")
    if source is None:
        part = load_table(config)
        rows, target = part.rows["test"], part.target
        frame, numbers, actual = part.frame.iloc[rows], part.numbers[rows], target.named(rows)
        file = open_table(config.data, config) if keep and config.data else None
        source = config.data or config.dataset
    else:
        file = open_table(source, config, metadata.get("reading"))
        frame, actual = read_rows(file, columns, metadata["target"], labels)
        file.kept(keep, [])  # refuses what is not there
        numbers = np.arange(1, len(frame) + 1)
        say_notes([*file.notes, *unknown_values(frame, columns)])
        if actual is not None and labels:  # empty where the file does not say
            actual = np.array(category_strings(actual), object)
            note_unseen(actual, labels)
    found = predict_arrays(model, encode(columns, frame, source))
    table = tables.predictions(numbers, found, labels, actual)
    conformal = Conformal.load(folder)
    table = table if conformal is None else table.assign(**conformal.columns(found))
    copies = file.kept(keep, numbers, table.columns) if file else {}
    for place, (name, values) in enumerate(copies.items(), start=1):
        table.insert(place, name, values)
    tables.write(output, table)
