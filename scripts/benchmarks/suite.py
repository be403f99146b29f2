"""The defaults of two recipes on tables and texts that they were not made for.

Nothing is said but `--data` and `--target`, or `--dataset`, and which rows are held out.
"""

import math
import os
import statistics
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from recipes.engine.folder import RunFolder
from recipes.engine.tables import markdown
from scripts.benchmarks import coverage, pypi_texts, r_tables
from scripts.benchmarks.runs import Row, mean_and_deviation, train_all

RECIPES = {
    "tables": "tabular",
    "texts": "text_classification",
    "r_tables": "tabular",
    "pypi_texts": "text_classification",
}
NAMES = {"r_tables": "tables of R's packages", "pypi_texts": "texts out of two packages of PyPI"}
#: Rows of a set below which it is split `SPLITS` times instead of once a seed.
SMALL, SPLITS = 2_000, 5
#: Fraction of test rows to training rows with the recipes' own splits, about.
HELD_OUT = {"tables": 0.2 / 0.65, "texts": 0.1 / 0.8, "pypi_texts": 0.1 / 0.8}

_SPENT = ("epochs", "seconds")


@dataclass(frozen=True)
class Set:
    """One set of the suite.

    Args:
        name: Its name.
        kind: One of `RECIPES`.
        flags: What is said about the data.
        rows: Number of its rows.
        published: Whether its test rows are always the same, such as published ones.
    """

    name: str
    kind: str
    flags: tuple[str, ...]
    rows: int
    published: bool = False

    def runs(self, seeds) -> tuple[list[Row], int]:
        """The rows to train, and with how many seeds each."""
        if self.published:
            return [Row(self.name, self.flags)], seeds
        splits = range(1, 1 + (SPLITS if self.rows < SMALL else seeds))
        return [
            Row(f"{self.name}-split-{split}", (*self.flags, "--split_seed", str(split)))
            for split in splits
        ], 1


#: Data sets of the recipes that belong to the suite.
DATASETS = [
    Set("diabetes", "tables", ("--dataset", "diabetes"), 442),
    Set("titanic", "tables", ("--dataset", "titanic"), 891),
    Set("housing", "tables", ("--dataset", "housing"), 20_640),
    Set("housing_book", "tables", ("--dataset", "housing_book"), 20_640, published=True),
    Set("imdb", "texts", ("--dataset", "imdb"), 50_000, published=True),
]


def sets(kind, folder=None) -> list[Set]:
    """The sets of a kind: those of the file `suite.csv`, and those of the recipes.

    Those of `r_tables` and `pypi_texts` are written into a folder; the former are split once.
    """
    if kind == "r_tables":
        return [Set(name, kind, *rest, published=True) for name, *rest in r_tables.tables(folder)]
    if kind == "pypi_texts":
        return [
            Set(name, kind, flags, rows, published="--test_data" in flags)
            for name, flags, rows in pypi_texts.texts(folder)
        ]
    folder = Path(os.environ["ZOO_DATA"]) / "suite"
    found = []
    for row in pd.read_csv(folder / "suite.csv").itertuples():
        if row.file.startswith(f"{kind}/"):
            flags = ("--data", str(folder / row.file), "--target", row.target)
            found.append(Set(row.name, kind, flags, row.rows))
    return [*found, *(each for each in DATASETS if each.kind == kind)]


def measure(only, seeds, folder, fresh, kind, flags=()) -> dict[str, str]:
    """Trains each set with the defaults.

    Args:
        only: Parts of names of sets.
        seeds: Runs of a large set; a small one is split five times.
        folder: Where the runs go.
        fresh: Whether runs that are there are repeated.
        kind: One of `RECIPES`.
        flags: What else is said, such as `--model auto`.

    Returns:
        A section of the report; nothing where there are no sets.
    """
    folder.mkdir(parents=True, exist_ok=True)
    measured = {}
    for each in sets(kind, folder / "data"):
        if any(part in each.name for part in only):
            rows, count = replace(each, flags=(*each.flags, *flags)).runs(seeds)
            found = train_all(RECIPES[kind], rows, count, folder, fresh)
            measured[each] = [run for row in rows for run in found[row.name]]
    if not measured:
        return {}
    said = " ".join(flags) or "Plain defaults"
    sections = {f"{said} on {NAMES.get(kind, f'{kind} of the suite')} (test part)": table(measured)}
    if not flags:
        sections["The same against baselines fitted to validation rows, too"] = refitted(measured)
    if not flags:
        sections["Conformal intervals and sets on the same runs"] = coverage.table(
            {each.name: [run["folder"] for run in runs] for each, runs in measured.items() if runs}
        )
    return sections


def table(measured) -> str:
    """Model and best baseline of each set in Markdown, and the mean of their differences.

    Args:
        measured: The `metrics.json` of the runs of each `Set`.
    """
    header = ["set", "rows", "score", "model", "best baseline", "its score"]
    lines = [[*header, "difference", "95 % interval", "runs", *_SPENT]]
    differences = []
    for each, runs in measured.items():
        if not runs:
            lines.append([each.name, f"{each.rows:,}", "not run: no data", *[""] * 8])
            continue
        metric = "accuracy" if "accuracy" in runs[0]["test"] else "R2"
        model = [_score(run, run["test"]) for run in runs]
        baselines = {
            name: [_score(run, run["baselines"][name]["test"]) for run in runs]
            for name in runs[0]["baselines"]
        }
        best = max(baselines, key=lambda name: statistics.fmean(baselines[name]))
        gains = [mine - its for mine, its in zip(model, baselines[best], strict=True)]
        differences.append(statistics.fmean(gains))
        half = half_interval(gains, 0.0 if each.published else HELD_OUT[each.kind])
        wins = " (baseline wins)" if differences[-1] < 0 else ""
        lines.append(
            [
                each.name, f"{each.rows:,}", metric, f"{statistics.fmean(model):.4f}", best,
                f"{statistics.fmean(baselines[best]):.4f}", f"{differences[-1]:+.4f}{wins}",
                f"± {half:.4f}" if math.isfinite(half) else "", f"{len(runs)}",
                *(f"{statistics.fmean(run[each] for run in runs):.0f}" for each in _SPENT),
            ]
        )  # fmt: skip
    text = markdown(lines)
    if differences:
        text += (
            f"\n\nMean difference over {len(differences)} sets: "
            f"**{statistics.fmean(differences):+.4f}**; the model is better on "
            f"{sum(gain > 0 for gain in differences)}. Sets of less than {SMALL:,} rows are split "
            f"{SPLITS} times, the others once a run; those with a test part of their own vary in "
            "the seed alone. Intervals are Student's t of the runs' differences, widened for "
            "training rows that splits share."
        )
    return text


def refitted(measured) -> str:
    """The runs against their baselines, these fitted to validation rows or texts, too.

    That is what the model does with its own trees, linear model or wide path.

    Args:
        measured: The `metrics.json` of the runs of each `Set`.
    """
    lines, differences = [["set", "model", "best baseline", "its score", "difference"]], []
    for each, runs in measured.items():
        if not runs:
            continue
        found: dict[str, list[float]] = {}
        for run in runs:
            task = coverage.task_of(RunFolder.open(run["folder"]))
            for name, known in _of_all(task).items():
                scores = task.score(task.predict(known, "test"), "test")
                found.setdefault(name, []).append(_score(run, scores))
        best = max(found, key=lambda name: statistics.fmean(found[name]))
        model = statistics.fmean(_score(run, run["test"]) for run in runs)
        its = statistics.fmean(found[best])
        differences.append(model - its)
        lines.append([each.name, f"{model:.4f}", best, f"{its:.4f}", f"{model - its:+.4f}"])
    won = sum(gain > 0 for gain in differences)
    mean = f"**{statistics.fmean(differences):+.4f}**" if differences else "none"
    return f"{markdown(lines)}\n\nMean difference: {mean}; the model is better on {won}."


def _of_all(task):
    """The baselines of a task, fitted to its validation rows or texts, too."""
    if hasattr(task, "table"):
        found = task.baselines().items()
        return {name: each.on_all() if hasattr(each, "on_all") else each for name, each in found}
    train, validation = (task.parts[name] for name in ("train", "validation"))
    both = {k: np.append(getattr(train, k), getattr(validation, k)) for k in ("texts", "labels")}
    return replace(task, parts=task.parts | {"train": replace(train, **both)}).baselines()


def _score(run, scores):
    """Accuracy, or the share of the test part's variance around the training mean."""
    if "accuracy" in scores:
        return scores["accuracy"]
    return 1 - scores["mse"] / run["baselines"]["mean"]["test"]["mse"]


def half_interval(gains, shared) -> float:
    """Half of the 95 % interval of a mean difference over runs.

    Args:
        gains: Difference of each run.
        shared: Fraction of test rows to training rows where the runs split anew, else 0. Splits
            have most of their training rows in common, so their variance is too small by it.

    Returns:
        The half-width; infinite for a single run.

    >>> round(half_interval([0.01, 0.02, 0.03], 0.0), 4)
    0.0248

    Reference:
        Nadeau and Bengio, *Inference for the generalization error*, 2003.
    """
    count = len(gains)
    if count < 2:
        return math.inf
    _, deviation = mean_and_deviation(gains)
    return float(stats.t.ppf(0.975, count - 1)) * deviation * math.sqrt(1 / count + shared)
