"""Settings that follow from the number of training rows, where no flag says them.

The rule, of which the README has a table, was chosen by cross-validation on rows outside the test
parts of the suite's tables. The weight decay pulls about alike on every table over an epoch; there
are fewer members (*TabM*) for large tables to save time.
"""

from dataclasses import replace

import numpy as np

from recipes.tabular.neighbors import MOST_CLASSES

#: Training rows from which on there are many, and from which on time is short.
MANY, LARGE = 2_000, 10_000
#: Parts of names of what weight decay leaves alone: scales of members begin at 1, not at 0.
UNDECAYED = ("bias", "_scale")
#: Rows that are read in a training at most, and the bounds of the number of epochs.
READ, EPOCHS = 600_000, (30, 200)


def sized(config, table):
    """A `TabularConfig` with everything decided that the number of rows of a split table decides.

    What is not `None` in it stays, and a preset's model is left as it is.
    """
    rows, labels = len(table.rows["train"]), table.target.labels
    values = table.target.values[table.rows["train"]]
    many, wide_and_deep = rows >= MANY, config.model == "wide_and_deep"
    named = {"auxiliary", "wide", "deep", "crosses"} & {*config.model_arguments}
    ours = wide_and_deep and config.preset is None and not named
    near = bool(table.columns.numeric) and table.larger is None
    found = {
        "batch_size": batch_size(rows),
        "epochs": min(max(READ // rows, EPOCHS[0]), EPOCHS[1]),
        "patience": 8 if many else 16,
        "weight_decay": min(1.0, round(1000 / rows, 3)),
        "average": ours and len(np.unique(values)) >= len(labels),
        "neighbors": near and many and ours and len(labels) <= MOST_CLASSES,
    }
    settings = {name: value for name, value in found.items() if getattr(config, name) is None}
    arguments = {}
    if config.preset is None and config.model in ("wide_and_deep", "mlp"):
        arguments = {"units": [256, 256], "dropout": 0.1 if many else 0.4}
    if ours:
        arguments["members"] = 16 if rows < LARGE else 8
        if many and table.columns.numeric:
            arguments |= {"numeric_embedding": "piecewise", "embedding_dim": 12}
    return replace(config, model_arguments={**arguments, **config.model_arguments}, **settings)


def batch_size(rows) -> int:
    """Rows in a step.

    >>> [batch_size(rows) for rows in (131, 650, 3_183, 13_410)]
    [32, 64, 128, 256]
    """
    sizes = {500: 32, MANY: 64, LARGE: 128}
    return next((size for limit, size in sizes.items() if rows < limit), 256)
