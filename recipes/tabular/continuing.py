"""A saved model of tables, to be trained further on other rows."""

from dataclasses import replace

import keras

import zoo
from recipes.data.columns import Columns
from recipes.engine.continuing import before
from recipes.engine.task import Built
from recipes.errors import UserError
from recipes.tabular.neighbors import NEIGHBORS
from recipes.tabular.predictions import columns_of, unknown_values
from recipes.tabular.sizing import UNDECAYED


def continue_from(config, task, model, objective):
    """The task as a saved model sees it, and that model, as a `TabularTask` and a `Built`."""
    table, columns = task.table, columns_of(model)
    groups = columns.categories, columns.dates
    categories, dates = (tuple(name for name, *_ in group) for group in groups)
    kinds = Columns(tuple(columns.numeric), categories, notes=table.columns.notes, dates=dates)
    missing = [name for name in kinds.names if name not in table.frame]
    if missing:
        raise UserError(
            f"The run was trained on columns that {table.source} does not have, or that tell "
            f"nothing there: {', '.join(map(repr, missing[:5]))}."
        )
    frame = table.frame[list(kinds.names)]
    labels = zoo.Predictor(model).labels or []
    target = table.target.among(labels, table.source)
    notes = (*table.notes, *unknown_values(frame, columns))
    table = replace(table, frame=frame, columns=kinds, target=target, notes=notes)
    units = None if labels else model.get_layer("units")
    scaling = units and (units.mean[0], units.scale[0])
    task = replace(task, table=table, known=(columns, scaling))
    outputs = before(model, "mean_of_members", "classes", "units")
    training = keras.Model(model.input, outputs, name=f"{model.name}_training")
    near = "near rows are those of the old run: what it trained or validated on knows its target"
    return task, Built(
        model,
        training,
        **objective(config, task, outputs),
        monitor="val_loss",
        notes=(near,) if any(layer.name == NEIGHBORS for layer in model.layers) else (),
        undecayed=UNDECAYED,
    )
