"""Settings that follow from the number of training rows, where no flag says them.

The rule, chosen by cross-validation on rows outside the test parts of the suite's tables:

- Few rows (below 2,000): the numbers as they are, dropout 0.4. A linear path is beside the deep one
  in any case.
- Many rows: numbers in pieces by their quantiles, dropout 0.1, and what the nearest training rows
  had for a target as further features (`recipes.tabular.neighbors`).
- Weight decay of 1,000 / rows, at most 1: over an epoch it pulls about alike on every table.
- Batches that make about 10 to 80 steps an epoch, and as many epochs as read 600,000 rows (30 to
  200 of them). Training stops when the validation loss has not improved for 16 epochs (8, of many
  rows), and the best epoch is kept.
- The mean of the network with the baselines, boosted trees and a linear model, where training rows
  show every class (`recipes.tabular.trees`).
- 16 members that share two hidden layers of 256 units (*TabM*); 8 from 10,000 rows on, for time.
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
