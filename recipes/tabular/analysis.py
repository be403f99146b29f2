"""What a run writes about its errors: intervals, importances, the worst rows."""

import numpy as np
import pandas as pd
from scipy import stats

from recipes.classification.scores import SMALLEST, classification_scores, regression_scores
from recipes.classification.task import outputs_of_test
from recipes.data.batches import spread
from recipes.engine.tables import number
from recipes.engine.task import Figure, Section
from recipes.tabular import plots, tables
from recipes.tabular.importances import LEVEL, most_rows, permutation_importances

#: Bootstrap samples of an interval.
RESAMPLES = 1000
#: Rows of the table of the worst ones, and what it says beside their columns.
_SHOWN = 10
_WORST = ("row", "target", "prediction", "probability")


def scores(target, rows, found, interval=False, balanced=False) -> dict[str, float]:
    """Scores of predictions for the rows of a target at some positions.

    With `interval`, also the ends of the 95 % interval of the `rmse` or the `accuracy`, as
    `rmse_low` and `rmse_high`; with `balanced`, every class counts alike.
    """
    actual = target.values[rows]
    if not target.labels:
        result = regression_scores(actual, found)
        ends = rmse_interval(found - actual) if interval else ()
    else:
        result = classification_scores(actual, found, balanced)
        ends = mean_interval(found.argmax(axis=1) == actual) if interval else ()
    name = "accuracy" if target.labels else "rmse"
    return result | {f"{name}_{end}": v for end, v in zip(("low", "high"), ends, strict=False)}


def interval_text(result, metric, rows, name) -> str:
    """The 95 % interval of a test score in words."""
    how = {"rmse": "Student's t of the squared errors", "accuracy": "a bootstrap of the rows"}
    low, high = (number(result[f"{metric}_{end}"]) for end in ("low", "high"))
    return (
        f"On the {rows:,} test rows the {metric} of {name} is {number(result[metric])}; on "
        f"other rows of the same kind it lies between {low} and {high} with 95 % confidence "
        f"({how[metric]})."
    )


def row_losses(target, rows, found) -> np.ndarray:
    """How wrong each prediction is: squared errors, or negative log-likelihoods."""
    actual = target.values[rows]
    if not target.labels:
        return np.square(found - actual)
    return -np.log(np.clip(found[np.arange(len(actual)), actual], SMALLEST, 1))


def importances(predict, task) -> tuple[pd.DataFrame, object]:
    """Permutation importances on test rows: the table and the picture."""
    rows = task.table.rows["test"]
    places, target = task.preprocessing.columns.places, task.table.target
    rows = rows[spread(len(rows), most_rows(len(places)))]
    score = "increase of the nll" if target.labels else "increase of the rmse"
    found = permutation_importances(
        predict, lambda found, some: row_losses(target, rows[some], found), task.take(rows), places,
        float if target.labels else np.sqrt,
    )  # fmt: skip
    return found.rename(columns={"mean": score}), plots.importances(found, score)


def worst_rows(task, rows, found, names) -> pd.DataFrame:
    """The rows with the largest errors, the worst first, with the columns of these names."""
    target, table = task.table.target, task.table
    order = np.argsort(-row_losses(target, rows, found), kind="stable")[:_SHOWN]
    worst = rows[order]
    known = target.named(worst)
    frame = tables.predictions(table.numbers[worst], found[order], target.labels, known)
    frame = frame[[name for name in _WORST if name in frame]]
    return pd.concat([frame, table.frame.iloc[worst][names].reset_index(drop=True)], axis=1)


def error_outputs(task, rows, found) -> list[Figure | Section]:
    """What the report shows of the errors on some rows."""
    target = task.table.target
    actual = target.values[rows]
    if target.labels:
        return outputs_of_test(actual, found, target.labels)
    drawn = plots.residuals(actual, found, target.name)
    return [Figure("Errors of the test part", "residuals", drawn)]


def rmse_interval(errors) -> tuple[float, float]:
    """The interval of a root mean squared error, of two rows or more: Student's t of the squares.

    >>> low, high = rmse_interval([1.0, -2.0, 3.0, -1.0])
    >>> round(low, 3), round(high, 3)
    (0.0, 3.124)

    Reference: Book, chapter 2, at its end.
    """
    # `stats.t.interval` would be NaN where all errors are alike.
    squared = np.square(np.float64(errors))
    half = stats.t.ppf((1 + LEVEL) / 2, len(squared) - 1) * stats.sem(squared)
    low, high = squared.mean() - half, squared.mean() + half
    return float(np.sqrt(max(low, 0.0))), float(np.sqrt(high))


def mean_interval(values) -> tuple[float, float]:
    """The interval of a mean, such as that of right rows, from 1,000 bootstrap samples.

    >>> low, high = mean_interval(np.repeat([1.0, 0.0], [80, 20]))
    >>> 0.70 < low < 0.74 and 0.86 < high < 0.90
    True
    """
    # `stats.bootstrap` is as long, and rounds the last digit of its percentiles otherwise.
    values = np.float64(values)
    generator = np.random.default_rng(0)
    means = [generator.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
