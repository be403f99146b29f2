"""`zoo show` and `zoo compare`: a run's report, and what tells runs apart. Needs no Keras."""

import csv
import json
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from recipes.engine.environment import quiet_start
from recipes.engine.folder import RunFolder, find_run
from recipes.engine.help import as_written
from recipes.engine.recipe import find_recipe
from recipes.engine.tables import aligned, number, terminal_width
from recipes.errors import UserError, printable, reading


def show(run) -> None:
    """Prints the report of a run: rendered in a terminal, as it is written elsewhere.

    A `UserError` if it has none.
    """
    folder = _finished(run)
    with reading(folder.report):
        text = printable(folder.report.read_text())
    console = Console()
    if not console.is_terminal:
        print(text, end="")
        return
    picture = r"!\[(.*)\]\((.*)\)(\n\n\*\1\*)?"
    text = re.sub(picture, lambda m: f"- {m[1]}: `{folder.path / m[2]}`", text)
    # Tables and drawings are set by hand: rich cuts what is wider than the terminal.
    for part in re.split(r"((?:^\|.*\n)+|^```\n(?s:.*?)^```\n)", text, flags=re.MULTILINE):
        if part.startswith("```"):
            print(part.replace("```\n", ""))
        elif part.startswith("|"):
            lines = [re.split(r"(?<!\\)\|", line.strip()[1:-1]) for line in part.splitlines()]
            cells = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line] for line in lines]
            names = 1 + ("part" in cells[0])
            print(aligned([cells[0], *cells[2:]], terminal_width(), names), end="\n\n")
        elif part.strip():
            console.print(Markdown(part), "")


def compare(runs, output=None) -> None:
    """Prints where runs of a recipe differ in settings and scores, and draws their learning curves.

    The picture is `comparison.png` beside the first of them, unless there is an `output`. A
    `UserError` if they cannot be compared.
    """
    folders = [_finished(run) for run in runs]
    if len({folder.path.resolve() for folder in folders}) < max(2, len(folders)):
        raise UserError("Expected two runs or more to compare, each of them once.")
    output = Path(output or folders[0].path.parent / "comparison.png")
    if not output.absolute().parent.is_dir():
        raise UserError(f"Cannot write {output}: there is no folder {output.parent}.")
    if output.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise UserError(f"Expected a picture to write, .png, .pdf or .svg. Received: {output}")
    metrics = [_metrics(folder) for folder in folders]
    kinds = list(dict.fromkeys(each["recipe"] for each in metrics))
    if len(kinds) > 1:
        raise UserError(f"Expected runs of one recipe. Received: runs of {' and '.join(kinds)}.")
    recipe = find_recipe(kinds[0])
    labels = [f"{index}" for index in range(1, len(folders) + 1)]
    for label, folder in zip(labels, folders, strict=True):
        print(f"{label}  {folder.path}")
    print(f"\n{aligned([['setting', *labels], *_settings(recipe, folders)], terminal_width())}\n")
    rows = []
    for part in ("validation", "test"):
        for name in recipe.metrics:
            scores = [each[part].get(name) for each in metrics]
            if any(score is not None for score in scores):
                rows.append([f"{part} {name}", *map(number, scores)])
    costs = ("epochs", "seconds", "parameters")
    rows += [[name, *[f"{each[name]:,}" for each in metrics]] for name in costs]
    print(aligned([["score", *labels], *rows], terminal_width()))
    histories = {}
    for folder in folders:
        if folder.history.exists():
            histories[f"{labels[folders.index(folder)]}  {folder.path.name}"] = _history(folder)
        else:
            print(f"note: {folder.path} has no history.csv: its curve is left out", file=sys.stderr)
    if histories:
        with quiet_start(True):
            from recipes.engine.curves import compared_curves

        compared_curves(histories).savefig(output, dpi=110)
        print(f"\nLearning curves: {output}")


def _finished(run):
    folder = RunFolder.open(find_run(run), finished=False)
    if not folder.metrics.exists():
        raise UserError(
            f"{folder.path} is not finished: it has no {folder.metrics.name}. It goes on with "
            f"zoo train --resume {folder.path}."
        )
    return folder


def _history(folder):
    with reading(folder.history), folder.history.open(newline="") as file:
        header, *rows = csv.reader(file)
        return {n: [float(row[i]) for row in rows] for i, n in enumerate(header) if i}


def _metrics(folder):
    with reading(folder.metrics):
        found = json.loads(folder.metrics.read_text())
        kept = {name: found[name] for name in ("recipe", "epochs", "seconds", "parameters")}
        return {**kept, "validation": dict(found["validation"]), "test": dict(found["test"])}


def _settings(recipe, folders):
    """Rows of the settings that are not the same in all runs."""
    flat = []
    for folder in folders:
        saved = folder.read_config()
        run = saved.pop("run")
        saved = recipe.config.renamed(saved)
        arguments = saved.pop("model_arguments", None) or {}
        decided = {name: run[name] for name in saved if saved[name] in (None, []) and name in run}
        saved |= {f"model.{name}": value for name, value in arguments.items()} | decided
        saved = {k: v for k, v in saved.items() if k not in recipe.config.NOT_LEARNED_FROM}
        flat.append({**saved, "data's hash": str(run.get("data_sha256", ""))[:8]})
    names = dict.fromkeys(name for each in flat for name in each)
    rows = [[name, *[as_written(each.get(name)) for each in flat]] for name in names]
    rows = [row for row in rows if len(set(row[1:])) > 1]
    return rows or [["all are the same", *[""] * len(flat)]]
