"""What there is: models, recipes, datasets, presets, runs. Needs no Keras: it answers at once."""

import fnmatch
import json
import math
import sys
import time
from collections import Counter
from pathlib import Path

import zoo
from recipes import RECIPES
from recipes.engine.folder import find_runs
from recipes.engine.recipe import find_recipe, nearest
from recipes.engine.tables import aligned, counted, number, terminal_width, written
from recipes.errors import MISSHAPEN, UserError, printable
from zoo.catalog import CATALOG

#: What `zoo list` can be asked for.
KINDS = ("models", "recipes", "datasets", "presets")


def show_catalog(asked: str = "*", form: str = "table") -> None:
    """Prints the models, recipes, datasets and presets, as `"table"`, `"csv"` or `"json"`.

    What is asked for is one of `KINDS`, or a pattern of names. A `UserError` if nothing matches.
    """
    found = [each for each in _catalog() if fnmatch.fnmatch(each["name"], asked)]
    if asked in KINDS:
        found = [each for each in _catalog() if f"{each['kind']}s" == asked]
    if not found:
        hint = nearest(asked, [*KINDS, *(each["name"] for each in _catalog())])
        models = f"Models: {', '.join(zoo.list_models())}."
        raise UserError(f"Nothing matches {asked!r}. {hint if 'Did' in hint else models}")
    if form != "table":
        print(written(found, form))
        return
    shown: dict[str, list] = {}
    for each in found:
        of = f" of {each['recipe']}" if each["kind"] == "preset" else ""
        shown.setdefault(f"{each['kind'].capitalize()}s{of}", []).append(each)
    for index, (title, records) in enumerate(shown.items()):
        names = [name for name in records[0] if name not in ("kind", "recipe")]
        if records[0]["kind"] == "dataset":
            names.insert(1, "recipe")
        body = [[_text(record[name]) for name in names] for record in records]
        _show(title, [names, *body], index)


def _catalog():
    """All that there is, a record each."""
    recipes = [find_recipe(name) for name in RECIPES]
    found = [
        {"kind": "model", "name": each.name, "recipe": each.task, "chapter": each.chapter,
         "parameters": each.parameters, "description": each.summary}
        for each in CATALOG
    ]  # fmt: skip
    found += [{"kind": "recipe", "name": each.name, "description": _of(each)} for each in recipes]
    lines = [("dataset", each, each.config.DATASETS) for each in recipes]
    lines += [("preset", each, _presets(each.presets)) for each in recipes]
    for kind, recipe, named in lines:
        for name, text in named.items():
            found.append({"kind": kind, "name": name, "recipe": recipe.name, "description": text})
    return found


def _of(recipe):
    return f"{recipe.title} ({recipe.chapter})"


def _presets(presets):
    """A line about each preset: model, data, epochs, and what most of the others do not have."""
    flat = {}
    for name, flags in presets.items():
        arguments = {f"model.{k}": v for k, v in flags.get("model_arguments", {}).items()}
        rest = {k: v for k, v in flags.items() if k not in ("model_arguments", "model", "dataset")}
        flat[name] = {**arguments, **rest}
    counts = Counter((k, str(v)) for flags in flat.values() for k, v in flags.items())
    lines = {}
    for name, flags in flat.items():
        epochs = flags.pop("epochs")
        own = [f"--{k} {_value(v)}" for k, v in flags.items() if counts[k, str(v)] <= len(flat) / 2]
        model, dataset = presets[name]["model"], presets[name]["dataset"]
        what = f"{model} on {dataset}, {counted(epochs, 'epoch')}"
        lines[name] = ": ".join(filter(None, [what, " ".join(own)]))
    return lines


def _value(value):
    """A setting as it is given; of a long list the beginning, and how many there are."""
    if not isinstance(value, list | tuple):
        return str(value)
    more = f",... {len(value)} in all" if len(value) > 8 else ""
    return f"[{','.join(map(str, value[:8]))}{more}]"


def show_runs(logdir: str, sort: str | None = None, form: str = "table") -> None:
    """Prints the finished runs, a table for each recipe. A damaged one is named on standard error.

    They are sorted by a metric such as `mae` (validation) or `test.accuracy`, best first, or by
    time; `"csv"` and `"json"` have all scores. A `UserError` if there are no runs, or none has the
    metric.
    """
    runs = [run for path in find_runs(logdir) if (run := _run(path))]
    if not runs:
        raise UserError(f"There are no finished runs in {logdir}. `zoo train forecast` makes one.")
    by = sort if not sort or "." in sort else f"validation.{sort}"
    if by:
        if not any(by in run for run in runs):
            known = {name.partition(".")[2] for run in runs for name in run if "." in name}
            raise UserError(
                f"No run has the metric {sort!r}. Expected one of {', '.join(sorted(known))}."
            )
        runs.sort(key=lambda run: _order(run, by))
    if form != "table":
        print(written(runs, form))
        return
    recipes = dict.fromkeys(run["recipe"] for run in runs)
    for index, name in enumerate(sorted(recipes, key=list(RECIPES).index)):
        own = [run for run in runs if run["recipe"] == name]
        listed = find_recipe(name).listed
        scores = [f"{part}.{each}" for each in listed for part in ("validation", "test")]
        scores = list(dict.fromkeys([by, *scores] if by else scores))
        scores = [each for each in scores if any(each in run for run in own)]
        _show_runs(f"{Path(logdir) / name}: {_of(find_recipe(name))}", own, scores, index)


def _run(path):
    """What is listed of a run; `None`, and a line about it, where it cannot be read."""
    file = path / "metrics.json"
    try:
        found = json.loads(file.read_text())
        seconds = time.localtime(file.stat().st_mtime)
        scores = {
            f"{part}.{name}": value
            for part in ("validation", "test")
            for name, value in found[part].items()
            if isinstance(value, int | float)
        }
        find_recipe(found["recipe"])
        record = {name: found[name] for name in ("recipe", "model", "dataset", "parameters")}
        Path(record["model"], record["dataset"])  # both are texts
        rest = {name: found[name] for name in ("seed", "epochs", "seconds")}
        date = time.strftime("%Y-%m-%d %H:%M:%S", seconds)
        return {**record, "run": path.name, "folder": str(path), **rest, "date": date, **scores}
    except UserError as error:
        print(f"zoo: {file} is left out. {error}", file=sys.stderr)
    except MISSHAPEN:
        print(f"zoo: Cannot read {file}: it is damaged. The run is left out.", file=sys.stderr)
    return None


def _order(run, key):
    value = run.get(key, math.nan)
    better = find_recipe(run["recipe"]).higher_is_better(key.partition(".")[2])
    return (math.isnan(value), -value if better else value)


def _show_runs(title, runs, scores, index):
    """Prints a line for each run, or two where the terminal is too narrow for that."""
    names = [name.replace("validation.", "val ").replace(".", " ") for name in scores]
    rest = ("epochs", "seconds", "parameters")
    header = [*names, "date", *rest]
    texts = [
        [*map(number, map(run.get, scores)), run["date"][:10], *[_text(run[name]) for name in rest]]
        for run in runs
    ]
    trained = [[run["model"], Path(run["dataset"]).name] for run in runs]
    whole = zip(runs, texts, trained, strict=True)
    rows = [["run", *header, "model", "dataset"], *[[r["run"], *t, *w] for r, t, w in whole]]
    width = terminal_width()
    if not width or max(map(len, aligned(rows).splitlines())) <= width:
        _show(title, rows, index)
        return
    head, *lines = aligned([header, *texts]).splitlines()
    _title(title, index)
    print(f"    {head}")
    for run, line, (model, dataset) in zip(runs, lines, trained, strict=True):
        print(printable(f"{run['run']}  {model} on {dataset}\n    {line}"))


def _title(title, index):
    bold = "\033[1m{}\033[0m" if sys.stdout.isatty() else "{}"
    print("\n" * bool(index) + bold.format(title))


def _show(title, rows, index):
    _title(title, index)
    print(aligned(rows, terminal_width()))


def _text(value):
    return f"{value:,}" if isinstance(value, int | float) else str(value)
