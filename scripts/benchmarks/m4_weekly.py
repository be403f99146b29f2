"""M4 weekly as the competition scored it: 359 series, the 13 weeks after the end of each.

One global model with the recipe's defaults learns from the training file; the last weeks of each
series are its validation and test parts (2 %, 13 weeks at least), so that it knows what is recent.
Nothing is chosen by the official test file, which is read for this table only.

Reference: Makridakis, Spiliotis and Assimakopoulos, *The M4 competition: 100,000 time series and 61
forecasting methods*, 2020: on weekly series the OWA of the winner is about .85, of the best entry
about .74 (Darin and Stellwagen); the naive forecast has an sMAPE of 9.161 and a MASE of 2.777.
"""

import contextlib
import csv
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd

from recipes.cli import main
from recipes.engine.tables import markdown
from recipes.forecast import baselines, statistics
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.windows import Windows

HORIZON = 13
FLAGS = "--wide true --horizon 13 --period 1 --validation_fraction 0.02 --test_fraction 0.02"
PUBLISHED = {"the winner (Smyl)": "0.85", "the best entry on weekly series": "0.74"}


def table(folder, fresh) -> str:
    """Trains, forecasts the official test part, and scores it.

    Args:
        folder: Where the run goes.
        fresh: Whether a run that is there is repeated.
    """
    files = [Path(os.environ["ZOO_DATA"]) / f"suite/series/m4_weekly_{part}.csv.gz"
             for part in ("train", "test")]  # fmt: skip
    known, actual = (_read(file) for file in files)
    run = folder / "forecast" / "M4_official"
    if fresh or not (run / "metrics.json").exists():
        where = ["--logdir", str(folder), "--name", run.name, "--overwrite"]
        main(["train", "forecast", "--data", str(files[0]), *FLAGS.split(), *where])
    rows = [["forecaster", "sMAPE", "MASE", "OWA"]]
    naive = None
    for name, found in {
        **_baselines(known),
        "ours, one global model": _ours(run, files[0]),
    }.items():
        scores = _scores(known, actual, found)
        naive = naive or scores
        owa = (scores[0] / naive[0] + scores[1] / naive[1]) / 2
        rows.append([name, f"{scores[0]:.3f}", f"{scores[1]:.3f}", f"{owa:.3f}"])
    rows += [[f"{name}, published", "", "", owa] for name, owa in PUBLISHED.items()]
    return markdown(rows, 1)


def _read(file):
    rows = pd.read_csv(file).to_numpy()
    return {row[0]: np.float64(row[1:])[~np.isnan(np.float64(row[1:]))] for row in rows}


def _baselines(known):
    values = np.concatenate(list(known.values()))
    lengths = [len(part) for part in known.values()]
    series = TimeSeries(
        np.float32(values)[:, None], ("value",), (),
        np.concatenate([np.arange(length) for length in lengths]), np.cumsum([0, *lengths]),
        tuple(known), np.zeros((len(values), 0), np.float32), (), 0,
        np.zeros((len(known), 0), np.int64),
    )  # fmt: skip
    windows = Windows(series, HORIZON, HORIZON, {})
    starts = series.offsets[1:] - HORIZON
    predictors = {"naive (Naive 2)": baselines.naive}
    names = statistics.NAMES[: 2 if statistics.installed() else 1]
    predictors |= {name: statistics.Statistical(name, 1) for name in names}
    return {
        name: dict(zip(known, predictor(windows, starts).point[..., 0], strict=True))
        for name, predictor in predictors.items()
    }


def _ours(run, file):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main(["predict", str(run), str(file)])
    found = {}
    for row in csv.DictReader(io.StringIO(text.getvalue())):
        found.setdefault(next(iter(row.values())), []).append(float(row["value"]))
    return found


def _scores(known, actual, found):
    """Means over the series of sMAPE and MASE."""
    scores = []
    for name, before in known.items():
        error = np.abs(np.subtract(found[name], actual[name]))
        relative = 200 * error / (np.abs(found[name]) + np.abs(actual[name]))
        scores.append((relative.mean(), error.mean() / np.abs(np.diff(before)).mean()))
    return tuple(np.mean(scores, axis=0))
