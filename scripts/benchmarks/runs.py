"""Trains a recipe several times, each in a process of its own, and compares the scores."""

import json
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from recipes.engine.recipe import find_recipe
from recipes.engine.tables import markdown
from recipes.errors import UserError

#: How many runs train at a time: on an accelerator several may, but their seconds are no measure.
JOBS = 1


@dataclass(frozen=True)
class Row:
    """One line of a benchmark table.

    Args:
        name: Name of the row, and of its runs.
        flags: Arguments of `zoo train RECIPE`.
        metric: Score that is compared.
        book: The book's printed figure.
        bar: What must be reached; `None` compares with the book.
        rule: How runs are compared with the bar: `"mean"`, or `"mean - 2 sd"` (for a score of
            which more is better, plus).
        part: Part of the data that is compared.
        program: The module that runs as `zoo`, and what it wants first.
    """

    name: str
    flags: tuple[str, ...]
    metric: str = "mse"
    book: float | None = None
    bar: float | None = None
    rule: str = "mean"
    part: str = "validation"
    program: tuple[str, ...] = ("recipes",)

    @property
    def goal(self) -> float | None:
        """What must be reached."""
        return self.book if self.bar is None else self.bar


def train_all(recipe, rows, seeds, logdir, fresh=False) -> dict[str, list[dict]]:
    """Trains every row with seeds 1, 2, ..., `JOBS` at a time.

    Returns:
        The `metrics.json` of each run and its `folder`, by the name of the row; nothing for a row
        whose data cannot be had.
    """

    def trained(row, seed):
        metrics = Path(logdir) / recipe / f"{row.name}-seed-{seed}" / "metrics.json"
        there = metrics.exists() and not fresh
        if there or _train(recipe, row, seed, logdir, metrics.parent.name):
            return json.loads(metrics.read_text()) | {"folder": metrics.parent}
        return None

    with ThreadPoolExecutor(JOBS) as pool:
        waiting = [
            (row.name, pool.submit(trained, row, seed))
            for seed in range(1, seeds + 1)
            for row in rows
        ]
    results: dict[str, list[dict]] = {row.name: [] for row in rows}
    for name, each in waiting:
        results[name] += filter(None, [each.result()])
    return results


def _train(recipe, row, seed, logdir, name):
    """Trains in a process of its own; false where its data could not be downloaded."""
    where = ("--logdir", str(logdir), "--name", name, "--overwrite", "--progress", "false")
    command = [sys.executable, "-m", *row.program, "train", recipe, *row.flags]
    print(f"{name}: {' '.join(row.flags)}", file=sys.stderr, flush=True)
    done = subprocess.run([*command, "--seed", str(seed), *where], stderr=subprocess.PIPE)
    message = done.stderr.decode()
    sys.stderr.write(message)
    if done.returncode == 2 and "Could not download" in message:
        return False
    done.check_returncode()
    return True


def kept(path, measured, fresh=False):
    """What an earlier call measured and wrote to `path`, or else what `measured()` finds now."""
    if fresh or not path.exists():
        path.write_text(json.dumps(measured(), indent=2))
    return json.loads(path.read_text())


def kept_text(path, measured, text, fresh=False) -> str:
    """The same in words, by `text(found)`; where its data or an extra is missing, that."""
    try:
        return text(kept(path, measured, fresh))
    except UserError as error:  # another call may have it
        return f"`{path.stem}` was not run. {error}"


def kept_of_runs(row, runs, logdir, name, measured) -> list:
    """What `measured(folder)` finds in the folder of each run of a row, kept there as `name`."""
    folders = [logdir / f"{row.name}-seed-{seed}" for seed in range(1, 1 + len(runs))]
    return [kept(folder / name, lambda folder=folder: measured(folder)) for folder in folders]


def section(rows, results, logdir, table) -> str:
    """A table of the rows that ran, and a note of those that did not.

    Args:
        rows: The `Row`s.
        results: What `train_all` gave for them.
        logdir: The folder that their runs lie in.
        table: Makes Markdown of rows, results and that folder.
    """
    there = [row for row in rows if results[row.name]]
    missing = [row.name for row in rows if not results[row.name]]
    note = f"Not run, as the data could not be downloaded: {', '.join(missing)}."
    parts = [table(there, results, logdir)] if there else []
    return "\n\n".join([*parts, note] if missing else parts)


def mean_and_deviation(values) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for a single value)."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def compare(row, runs) -> tuple[float, float, str]:
    """Mean and deviation of a row's metric, and whether it reaches its bar."""
    mean, deviation = mean_and_deviation([run[row.part][row.metric] for run in runs])
    sign = -1 if find_recipe(runs[0]["recipe"]).higher_is_better(row.metric) else 1
    slack = 2 * deviation if row.rule == "mean - 2 sd" else 0.0
    if row.goal is None:
        return mean, deviation, ""
    return mean, deviation, "yes" if sign * mean - slack <= sign * row.goal else "**no**"


def score_table(rows, results) -> str:
    """A Markdown table of rows: scores with their spread beside the book, the bar and baselines.

    Args:
        rows: The `Row`s.
        results: What `train_all` gave for them.
    """
    part = rows[0].part
    header = ["row", "model", "parameters", "validation", "test", f"book ({part})", f"bar ({part})"]
    header += ["reached", f"best baseline ({part})", "seconds"]
    return markdown([header, *[_line(row, results[row.name]) for row in rows]], texts=2)


def _line(row, runs):
    if not runs:
        return [row.name, "not run: the data could not be downloaded", *[""] * 8]
    scores = {}
    for part in ("validation", "test"):
        scores[part] = spread([run[part][row.metric] for run in runs])
    baselines = {name: each[row.part][row.metric] for name, each in runs[0]["baselines"].items()}
    higher = find_recipe(runs[0]["recipe"]).higher_is_better(row.metric)
    choose = max if higher else min
    baselines.pop("training_pictures", None)  # nothing can do better
    best = choose(baselines, key=baselines.get)
    bar = "" if row.goal is None else show(row.goal)
    return [
        row.name,
        runs[0]["model"],
        f"{runs[0]['parameters']:,}",
        scores["validation"],
        scores["test"],
        "" if row.book is None else show(row.book),
        bar + (f" ({row.rule})" if row.rule != "mean" else ""),
        compare(row, runs)[2],
        f"{best} {show(baselines[best])}",
        f"{mean_and_deviation([run['seconds'] for run in runs])[0]:.0f}",
    ]


def spread(values) -> str:
    """Mean and deviation of a score in words; of a single run, the score.

    >>> spread([0.5, 0.75]), spread([0.5])
    ('0.625000 ± 0.176777', '0.500000')
    """
    mean, deviation = mean_and_deviation(values)
    return f"{show(mean)} ± {show(deviation)}" if len(values) > 1 else show(mean)


def show(value) -> str:
    """A score of a benchmark: whole where it is large.

    >>> show(0.00129812), show(22062.3)
    ('0.001298', '22,062')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.6f}"
