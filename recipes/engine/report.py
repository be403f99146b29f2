"""What a run tells a reader: the table on the terminal, and `report.md`."""

import inspect
import re
import statistics

import pandas as pd

from recipes.engine import curves
from recipes.engine.config import AUTO, TrainConfig
from recipes.engine.fitting import best_epoch, describe
from recipes.engine.recipe import Recipe
from recipes.engine.tables import aligned, counted, escaped, markdown, number
from recipes.engine.task import Built, Figure, Section, Task
from zoo.registry import get_factory


def rows(recipe: Recipe, metrics) -> list[list[str]]:
    """The table of results, rows of texts: the model and its baselines, on validation and test.

    The recipe's metrics are shown; the others are in `metrics.json`.
    """
    shown = [name for name in recipe.metrics if name in metrics["test"]]
    body = [
        [name, split, *[number(entry[split].get(key)) for key in shown]]
        for split in ("validation", "test")
        for name, entry in {metrics["model"]: metrics, **metrics["baselines"]}.items()
    ]
    return [["", "part", *shown], *body]


def table(recipe: Recipe, metrics, advice, width) -> str:
    """The table of results for a terminal of some width, with some advice below it."""
    found = rows(recipe, metrics)
    found.insert(1 + len(found) // 2, [""] * len(found[0]))
    title = f"{metrics['model']} on {metrics['dataset']}"
    return "\n\n".join(filter(None, [title, aligned(found, width, names=2), advice]))


def advice(recipe: Recipe, metrics, task: Task) -> str:
    """What to try where a baseline beats the model on validation; else nothing."""
    name = task.primary_metric
    sign = -1 if recipe.higher_is_better(name) else 1
    scores = {n: sign * e["validation"][name] for n, e in _rivals(metrics, task).items()}
    best = min(scores, key=lambda each: scores[each], default=None)
    ours = sign * metrics["validation"][name]
    if best is None or scores[best] >= ours - 1e-4 * abs(ours):  # the same but for rounding
        return ""
    worth = untried(task.suggestions, task.config, metrics)
    loses = f"{best} does better than {metrics['model']}."
    return f"{loses} Worth a try: {worth}." if worth else loses


def _rivals(metrics, task):
    """Scores of the baselines that can be beaten: not of those that are `task.limits`."""
    limits = getattr(task, "limits", ())
    return {name: found for name, found in metrics["baselines"].items() if name not in limits}


def untried(suggestions: str, config: TrainConfig, metrics) -> str:
    """Suggestions without those that a run has already, and those that are not for its model.

    Commas or semicolons are between them; behind each stands about how long its training would
    take, as far as the run's `epochs` and `seconds` tell.

    >>> config = TrainConfig(model="wide_and_deep", model_arguments={"members": 16})
    >>> suggestions = "--model.members 8, --model.dropout 0.2, more --epochs"
    >>> untried(suggestions, config, {"epochs": 20, "seconds": 50})
    '--model.dropout 0.2 (about 50 s), more --epochs (twice: 100 s)'
    """
    own = {} if config.model == AUTO else inspect.signature(get_factory(config.model)).parameters
    found = {f"model.{name}": each.default for name, each in own.items()}
    found |= {f"model.{name}": value for name, value in config.model_arguments.items()}
    found |= vars(config)
    first, *rest = re.split(r"([,;] )", suggestions)
    items = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
    kept: list[str] = []
    for separator, item in items:
        flags = re.findall(r"--([\w.]+) ([\w.]+\w|\w)", item)
        flags = [(name, value) for name, value in flags if name in found or "model." in name]
        foreign = any(name not in found for name, _ in flags)
        foreign |= "--epochs" in item and metrics["epochs"] < (config.epochs or 0)  # it stopped
        if not foreign and not (flags and all(_has(found[n], v) for n, v in flags)):
            cost = _cost(item, dict(flags), found, metrics["seconds"])
            kept += [separator * bool(kept), item, cost]
    return "".join(kept)


#: What makes training longer in proportion, and what may change its time in any way.
_GROWING = ("epochs", "model.members", "model.units", "model.embedding_dim", "max_length")
_OTHER = ("model", "model.encoder", "model.numeric_embedding", "tokenizer")


def _cost(item, values, found, seconds):
    """About how long training would take with a suggestion, in words."""
    names = re.findall(r"--([\w.]+)", item)
    if any(name in _OTHER for name in names):
        return ""
    times, twice = 1.0, False
    for name in names:
        present = found.get(name)
        present = max(present, default=0) if isinstance(present, list | tuple) else present
        if name in _GROWING and name in values and present:
            times *= float(values[name]) / present
        elif name in _GROWING:
            times, twice = 2 * times, True
    return f" ({'twice:' if twice else 'about'} {number(float(f'{times * seconds:.2g}'))} s)"


def _has(present, wanted):
    """Whether a setting is a suggested one, or a number beyond it."""
    present = max(present, default=0) if isinstance(present, list | tuple) else present
    try:
        return float(present) >= float(wanted)
    except (TypeError, ValueError):
        return str(present) == wanted


def write(
    folder, config, recipe: Recipe, task: Task, built: Built, history, metrics, outputs, folds
):
    """Writes `report.md`, and the learning curves as a picture and as `history.csv`.

    `outputs` are what `task.write_outputs` returned; `folds` scores, `{fold: {name: scores}}`.
    """
    best = best_epoch(history, built.monitor, built.mode, config.first_kept)
    curves.learning_curves(history, built.monitor, best, built.scaled).savefig(
        folder.plots / "learning_curves.png", dpi=110
    )
    epochs = pd.RangeIndex(1, len(history["loss"]) + 1, name="epoch")
    pd.DataFrame(history, epochs).to_csv(folder.history, na_rep="nan", lineterminator="\n")
    files = {output.title: output.file for output in outputs if isinstance(output, Figure)}
    files["Learning curves"] = "learning_curves.png"
    sections = [output for output in outputs if isinstance(output, Section)]
    arguments = ", ".join(f"{k}={v}" for k, v in config.model_arguments.items()) or "defaults"
    text = [
        f"# {config.model} on {escaped(metrics['dataset'])}",
        f"Trained with `{command(metrics['recipe'], folder)}`, the best was epoch {best} by "
        f"`{built.monitor}`{' (of scaled targets)' * built.scaled}. "
        f"{times(metrics, config.epochs)}. {metrics['parameters']:,} parameters "
        f"({escaped(arguments)}), seed {config.seed}.",
        f"Data: {escaped(task.description)}.",
        *(f"- {escaped(note)}" for note in (*task.notes, *built.notes)),
        "## Results",
        markdown(rows(recipe, metrics), texts=2),
        *filter(None, [advice(recipe, metrics, task)]),
        "The test part was scored once, after training. Validation scores are those the best "
        "epoch was chosen by, so they flatter a little.",
        *_fold_section(folds, task),
        "## Reading",
        *(f"- {finding}" for finding in _reading(recipe, history, built, task, metrics)),
        *(f"## {section.title}\n\n{section.text}" for section in sections),
        "## Figures",
        *(f"![{caption}](plots/{file})\n\n*{caption}*" for caption, file in files.items()),
        "## Model",
        f"```\n{describe(built.model)}\n```",
    ]
    folder.report.write_text("\n\n".join(text) + "\n")


def times(metrics, most) -> str:
    """How long a run of so many epochs at most took to train, in words.

    >>> times({"epochs": 1, "seconds": 2.52, "seconds_to_first_step": 7.2}, 1)
    '1 epoch in 2.52 s, the first step 7.2 s after the start'
    >>> times({"epochs": 22, "seconds": 41.0, "seconds_to_first_step": None}, 60)
    '22 epochs of 60, stopped early, in 41 s'
    """
    epochs = counted(metrics["epochs"], "epoch")
    if metrics["epochs"] < (most or 0):  # boosted trees have none
        epochs += f" of {most}, stopped early,"
    trained = f"{epochs} in {metrics['seconds']:.3g} s"
    first = metrics["seconds_to_first_step"]
    return f"{trained}, the first step {first:.1f} s after the start" if first else trained


def command(recipe, folder) -> str:
    """The command that repeats a run."""
    return f"zoo train {recipe} --config {folder.config} --name AGAIN"


def _reading(recipe, history, built, task, metrics):
    parts = (metrics["train"], metrics["validation"])
    score = "nll" if recipe.higher_is_better(task.primary_metric) else task.primary_metric
    baselines = {name: found["validation"] for name, found in _rivals(metrics, task).items()}
    baselines = {name: scores for name, scores in baselines.items() if score in scores}
    monitor = built.monitor if built.mode == "min" else "val_loss"
    return curves.diagnose(history, monitor, *parts, baselines, score)


def _fold_section(folds, task):
    if not folds:
        return []
    score, names = task.primary_metric, list(next(iter(folds.values())))
    lines = [["fold", *[f"{name} {score}" for name in names]]]
    found = {fold: [scores[name][score] for name in names] for fold, scores in folds.items()}
    lines += [[fold, *map(number, values)] for fold, values in found.items()]
    if len(found) > 1:
        columns = list(zip(*found.values(), strict=True))
        for name, of in (("mean", statistics.fmean), ("deviation", statistics.stdev)):
            lines.append([name, *map(number, map(of, columns))])
    title, text = task.FOLDS
    return [f"## {title}", text, markdown(lines)]
