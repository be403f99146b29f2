"""How often conformal intervals and sets hold on the test parts of runs that are there.

The runs need not have been asked for any: what `--conformal` would have calibrated on the
validation part is calibrated here.
"""

import statistics
from pathlib import Path

import numpy as np

from recipes.engine.conformal import Conformal
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import find_recipe
from recipes.engine.tables import markdown

#: What is asked, in percent.
LEVELS = (80, 90, 95)


def table(runs: dict[str, list[Path]]) -> str:
    """How often each level held in Markdown, a row a set of data and a last one of their means.

    Args:
        runs: Folders of finished runs of tables or of texts, by the name of their data.
    """
    lines = [["set", "rows calibrated on", "runs", *(f"{level} % asked" for level in LEVELS)]]
    means = []
    for name, folders in runs.items():
        counts, held = zip(*(_held(folder) for folder in folders), strict=True)
        means.append(np.mean(held, axis=0))
        deviations = np.std(held, axis=0, ddof=1) if len(held) > 1 else [None] * len(LEVELS)
        cells = [
            f"{100 * mean:.1f}" + (f" ± {100 * deviation:.1f}" if deviation is not None else "")
            for mean, deviation in zip(means[-1], deviations, strict=True)
        ]
        lines.append([name, f"{statistics.fmean(counts):,.0f}", str(len(folders)), *cells])
    overall = [f"**{100 * value:.1f}**" for value in np.mean(means, axis=0)]
    lines.append(["mean of the sets", "", "", *overall])
    return (
        "Held on the test part, %, and its deviation over the runs:\n\n"
        f"{markdown(lines)}\n\nA promise is about the mean: of n rows to calibrate on, a single "
        "run's percentage deviates by about 100 √(p (1 - p) (1 / n + 1 / tested)). Sets hold a "
        "class at least: a model that is right more often than asked holds more."
    )


def _held(path):
    """Rows that were calibrated on, and the fraction of test rows that each level held for."""
    import keras

    folder = RunFolder.open(path)
    task = task_of(folder)
    predictor = task.predictor(keras.models.load_model(folder.model))
    (known, asked), (actual, found) = (
        (_actual(task, split), task.predict(predictor, split)) for split in ("validation", "test")
    )
    labels = task.table.target.labels if hasattr(task, "table") else task.classes
    conformal = Conformal.fit(LEVELS, known, asked, labels)
    keras.backend.clear_session()
    return len(known), [conformal.held(level, actual, found).mean() for level in LEVELS]


def task_of(folder):
    """The data of a `RunFolder` as its run read them."""
    saved = folder.read_config()
    recipe = find_recipe(saved.pop("run")["recipe"])
    return recipe.load(recipe.config.from_saved(saved, str(folder.config)))[1]


def _actual(task, split):
    if hasattr(task, "table"):
        return task.table.target.values[task.table.rows[split]]
    return task.parts[split].labels
