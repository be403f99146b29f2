"""Trains a recipe several times, each in a process of its own, and gathers the scores."""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of a benchmark table.

    Args:
        name: Name of the row, and of its runs.
        flags: Arguments of `zoo train RECIPE`.
        metric: Score on validation that is compared.
        book: The book's printed figure.
        bar: What must be reached; `None` compares with the book.
        rule: How runs are compared with the bar: `"mean"`, or `"mean - 2 sd"`.
    """

    name: str
    flags: tuple[str, ...]
    metric: str = "mse"
    book: float | None = None
    bar: float | None = None
    rule: str = "mean"


def train_all(recipe, rows, seeds, logdir, fresh=False) -> dict[str, list[dict]]:
    """Trains every row with seeds 1, 2, ...

    Returns:
        The `metrics.json` of each run, by the name of the row.
    """
    results = {}
    for row in rows:
        runs = []
        for seed in range(1, seeds + 1):
            metrics = Path(logdir) / recipe / f"{row.name}-seed-{seed}" / "metrics.json"
            if fresh or not metrics.exists():
                _train(recipe, row, seed, logdir, metrics.parent.name)
            runs.append(json.loads(metrics.read_text()))
        results[row.name] = runs
    return results


def _train(recipe, row, seed, logdir, name):
    where = ("--logdir", str(logdir), "--name", name, "--overwrite", "--progress", "false")
    command = [sys.executable, "-m", "recipes", "train", recipe, *row.flags]
    print(f"{name}: {' '.join(row.flags)}", file=sys.stderr, flush=True)
    subprocess.run([*command, "--seed", str(seed), *where], check=True)


def mean_and_deviation(values) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for a single value)."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def compare(row, runs) -> tuple[float, float, str]:
    """Mean and deviation of a row's metric, and whether it reaches its bar."""
    mean, deviation = mean_and_deviation([run["validation"][row.metric] for run in runs])
    bar = row.book if row.bar is None else row.bar
    reached = (mean - 2 * deviation if row.rule == "mean - 2 sd" else mean) <= bar
    return mean, deviation, "yes" if reached else "**no**"
