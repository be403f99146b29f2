"""What a run tells a reader: the table on the terminal, and `report.md`."""

import statistics

from rich.table import Table

from recipes.engine import curves
from recipes.engine.fitting import best_epoch, describe
from recipes.engine.tables import HIGHER_IS_BETTER, markdown, number

#: Scores shown in tables, in this order, where a run has them; the others are in `metrics.json`.
COLUMNS = (
    "nats", "bits_per_character", "perplexity", "accuracy", "accuracy_windows", "nll",
    "calibration_error",
    "token_accuracy", "exact_match", "bleu", "chrf", "beam_exact_match", "beam_bleu", "beam_chrf",
    "epoch_seconds",
    "roc_auc", "average_precision", "mse", "rmse", "mae", "mase", "coverage_80", "coverage_95",
)  # fmt: skip


def rows(metrics) -> list[list[str]]:
    """The table of results: the model and its baselines, on validation and test.

    Args:
        metrics: The content of `metrics.json`.

    Returns:
        Rows of texts, the header first.
    """
    shown = [name for name in COLUMNS if name in metrics["test"]]
    entries = {metrics["model"]: metrics, **metrics["baselines"]}
    body = [
        [name, split, *[number(entry[split].get(key)) for key in shown]]
        for split in ("validation", "test")
        for name, entry in entries.items()
    ]
    return [["", "part", *shown], *body]


def table(metrics, advice) -> Table:
    """The table of results for the terminal, with some advice below it."""
    header, *body = rows(metrics)
    result = Table(title=f"{metrics['model']} on {metrics['dataset']}", caption=advice)
    for index, name in enumerate(header):
        # Only headers may wrap, between words: a score that is cut off is another score.
        name = name.replace("_", " ")
        width = max(map(len, [*name.split(), *[row[index] for row in body]]))
        justify = "right" if index > 1 else "left"
        result.add_column(name, justify=justify, min_width=width)
    for row in body:
        last = row[:2] == [body[-1][0], "validation"]
        style = "bold" if row[0] == metrics["model"] else ""
        result.add_row(*row, style=style, end_section=last)
    return result


def advice(metrics, criterion, remedies) -> str:
    """What to try where a baseline beats the model on validation; else nothing.

    Args:
        metrics: The content of `metrics.json`.
        criterion: Name of the score to compare by.
        remedies: What is worth a try, in words.
    """
    sign = -1 if criterion in HIGHER_IS_BETTER else 1
    scores = {n: sign * e["validation"][criterion] for n, e in metrics["baselines"].items()}
    best = min(scores, key=scores.get, default=None)
    if best is None or scores[best] >= sign * metrics["validation"][criterion]:
        return ""
    return f"{best} does better than {metrics['model']}. Worth a try: {remedies}."


def write(folder, config, task, built, history, metrics, outputs, folds):
    """Writes `report.md` and the learning curves.

    Args:
        folder: The `RunFolder`.
        config: The run's configuration.
        task: What was trained on.
        built: The `Built` model.
        history: Scores by epoch.
        metrics: The content of `metrics.json`.
        outputs: What `task.write_outputs` returned: by title, the file of a picture in `plots/`, or
            a section in Markdown.
        folds: Scores on each fold, `{fold: {name: scores}}`; empty for none.
    """
    best = best_epoch(history, built.monitor, built.mode)
    curves.learning_curves(history, built.monitor, best).savefig(
        folder.plots / "learning_curves.png", dpi=110
    )
    pictures = {title: file for title, file in outputs.items() if file.endswith(".png")}
    texts = {title: text for title, text in outputs.items() if title not in pictures}
    pictures["Learning curves"] = "learning_curves.png"
    arguments = ", ".join(f"{k}={v}" for k, v in config.model_arguments.items()) or "defaults"
    sections = [
        f"# {config.model} on {metrics['dataset']}",
        f"Trained with `{command(metrics['recipe'], folder)}`: {metrics['epochs']} epochs in "
        f"{metrics['seconds']:.0f} s, the best was epoch {best} by `{built.monitor}`. "
        f"{metrics['parameters']:,} parameters ({arguments}), seed {config.seed}.",
        f"Data: {task.description}.",
        *(f"- {note}" for note in (*task.notes, *built.notes)),
        "## Results",
        markdown(rows(metrics), texts=2),
        *filter(None, [advice(metrics, task.criterion, task.remedies)]),
        "The test part was scored once, after training. Validation scores are those the best "
        "epoch was chosen by, so they flatter a little.",
        *_fold_section(folds, task),
        "## Reading",
        *(f"- {finding}" for finding in _reading(history, built, task, metrics)),
        *(f"## {title}\n\n{text}" for title, text in texts.items()),
        "## Pictures",
        *(f"![{caption}](plots/{file})\n\n*{caption}*" for caption, file in pictures.items()),
        "## Model",
        f"```\n{describe(built.model)}\n```",
    ]
    folder.report.write_text("\n\n".join(sections) + "\n")


def command(recipe, folder) -> str:
    """The command that repeats a run."""
    return f"zoo train {recipe} --config {folder.config} --name AGAIN"


def _reading(history, built, task, metrics):
    parts = (metrics["train"], metrics["validation"])
    falls = task.criterion not in HIGHER_IS_BETTER
    score = task.criterion if falls else "nll"
    rivals = {name: scores["validation"] for name, scores in metrics["baselines"].items()}
    rivals = {name: scores for name, scores in rivals.items() if score in scores}
    monitor = built.monitor if built.mode == "min" else "val_loss"
    return curves.diagnose(history, monitor, *parts, rivals, score)


def _fold_section(folds, task):
    if not folds:
        return []
    score, names = task.criterion, list(next(iter(folds.values())))
    lines = [["fold", *[f"{name} {score}" for name in names]]]
    found = {fold: [scores[name][score] for name in names] for fold, scores in folds.items()}
    lines += [[fold, *map(number, values)] for fold, values in found.items()]
    if len(found) > 1:
        columns = list(zip(*found.values(), strict=True))
        lines.append(["mean", *[number(statistics.fmean(column)) for column in columns]])
        lines.append(["deviation", *[number(statistics.stdev(column)) for column in columns]])
    title, text = task.FOLDS
    return [f"## {title}", text, markdown(lines)]
