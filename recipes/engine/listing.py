"""What there is: models, recipes, datasets, presets, runs. Needs no Keras: it answers at once."""

import fnmatch
import json
import subprocess
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

import zoo
from recipes import RECIPES
from recipes.engine.folder import find_runs
from recipes.engine.recipe import find_recipe
from recipes.engine.tables import number
from recipes.errors import UserError
from zoo.catalog import CATALOG


def show_catalog(pattern: str = "*") -> None:
    """Prints the models, recipes, datasets and presets whose name matches.

    Raises:
        UserError: If nothing matches.
    """
    recipes = [find_recipe(name) for name in RECIPES]
    datasets = [(k, r.name, v) for r in recipes for k, v in r.config.DATASETS.items()]
    presets = [
        (k, r.name, v["model"], v["dataset"], v["epochs"])
        for r in recipes
        for k, v in r.presets.items()
    ]
    tables = [
        _table(
            "Models",
            ("name", "chapter", "parameters", ""),
            [(i.name, i.chapter, f"{i.parameters:,}", i.summary) for i in CATALOG],
            pattern,
        ),
        _table(
            "Recipes",
            ("name", ""),
            [(r.name, f"{r.title} ({r.chapter})") for r in recipes],
            pattern,
        ),
        _table("Datasets", ("name", "recipe", ""), datasets, pattern),
        _table("Presets", ("name", "recipe", "model", "dataset", "epochs"), presets, pattern),
    ]
    tables = [table for table in tables if table.row_count]
    if not tables:
        raise UserError(f"Nothing matches {pattern!r}. Models: {', '.join(zoo.list_models())}.")
    for table in tables:
        Console(markup=False).print(table)


def show_runs(logdir: str, sort: str | None = None) -> None:
    """Prints a table of the finished runs.

    Args:
        logdir: Folder of all runs.
        sort: A metric such as `mae` (validation) or `test.accuracy`, best first. Defaults to the
            time.

    Raises:
        UserError: If there are no runs, or none has the metric.
    """
    runs = {path: json.loads((path / "metrics.json").read_text()) for path in find_runs(logdir)}
    if not runs:
        raise UserError(f"There are no finished runs in {logdir}. `zoo train forecast` makes one.")
    recipes = [find_recipe(name) for name in dict.fromkeys(run["recipe"] for run in runs.values())]
    shown = [
        f"{split}.{name}"
        for name in dict.fromkeys(name for recipe in recipes for name in recipe.listed)
        for split in ("validation", "test")
        if any(_metric(run, f"{split}.{name}") is not None for run in runs.values())
    ]
    if sort:
        key = sort if "." in sort else f"validation.{sort}"
        shown = list(dict.fromkeys([key, *shown]))
        if all(_metric(run, key) is None for run in runs.values()):
            names = sorted({name for run in runs.values() for name in run["validation"]})
            raise UserError(f"No run has the metric {sort!r}. Expected one of {', '.join(names)}.")
        metric = key.partition(".")[2]
        sign = -1 if any(recipe.higher_is_better(metric) for recipe in recipes) else 1
        runs = dict(sorted(runs.items(), key=lambda item: _sort_key(_metric(item[1], key), sign)))
    table = _table(
        f"Runs in {logdir}",
        ("run", "model", "dataset", "parameters", *map(_header, shown)),
        [
            (
                f"{path.parent.name}/{path.name}",
                run["model"],
                Path(run["dataset"]).name,
                f"{run['parameters']:,}",
                *[number(_metric(run, key)) for key in shown],
            )
            for path, run in runs.items()
        ],
    )
    Console(markup=False).print(table)


def open_tensorboard(logdir: str, port: int) -> int:
    """Runs TensorBoard on the folder of runs until it is interrupted.

    Raises:
        UserError: If the folder does not exist.
    """
    if not Path(logdir).is_dir():
        raise UserError(f"There is no folder {logdir}. `zoo train forecast` makes the first run.")
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--port", str(port)]
    return subprocess.call(command)


def _header(key):
    return key.replace("validation.", "val ").replace(".", " ")


def _metric(run, key):
    split, name = key.split(".", 1)
    return run.get(split, {}).get(name) if isinstance(run.get(split), dict) else None


def _sort_key(value, sign):
    return (value is None, sign * (value or 0.0))


def _table(title, columns, rows, pattern="*"):
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    texts = ("name", "run", "model", "dataset", "recipe", "")
    for column in columns:
        table.add_column(column, justify="left" if column in texts else "right", overflow="fold")
    for row in rows:
        if fnmatch.fnmatch(str(row[0]), pattern):
            table.add_row(*map(str, row))
    return table
