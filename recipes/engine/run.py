"""The run that all recipes share: read, build, fit, score, save, report.

A recipe's `load_data` returns a task: an object with `description`, `notes`, `sha256`, `facts`,
`batches(split, built, seed)`, `forecaster(model)`, `score(forecast, split)`, `baselines()`,
`folds()`, `pictures(model)` and `write_outputs(model, folder)`, which returns what the report
shows: by title, the file of a picture in `plots/` or a section in Markdown. Also, for the report,
the `criterion` (the score by which it compares), the `remedies` (what to try where a baseline is
better) and `FOLDS` (title and text of the table of folds). Follow `recipes.forecast.task`.
"""

import importlib
from dataclasses import replace

from rich.console import Console

from callbacks import write_scores
from recipes.engine import report
from recipes.engine.fitting import fit, start_afresh
from recipes.engine.folder import RunFolder
from recipes.errors import UserError

SPLITS = ("validation", "test")
_console = Console(stderr=True, highlight=False, soft_wrap=True)


def train(recipe: str, config, resume: RunFolder | None = None) -> RunFolder:
    """Trains a recipe and writes its run folder.

    Args:
        recipe: Name of the recipe.
        config: Its resolved configuration.
        resume: A run of that configuration that was cut off, to be taken up where it was.

    Returns:
        The `RunFolder`, complete.

    Raises:
        UserError: If the configuration or the data is wrong; then nothing has been written.
        RunError: If training fails.
    """
    config.validate()
    folder = resume or RunFolder.plan(recipe, config)
    module = importlib.import_module(f"recipes.{recipe}")
    task = module.load_data(config)
    _say(config, task.description, *(f"note: {note}" for note in task.notes))
    start_afresh(config)
    built = module.build_model(config, task)
    _say(config, *(f"note: {note}" for note in built.notes))
    if resume:
        _check_same_data(folder, task)
    else:
        folder.create(config.overwrite)
    config = replace(config, name=folder.path.name)
    text = folder.write_config(recipe, config, data_sha256=task.sha256, **task.facts)
    training = task.batches("train", built, seed=config.seed)
    validation = task.batches("validation", built)
    texts = {"config": f"```yaml\n{text}\n```"}
    history, seconds = fit(
        built, training, validation, config, folder, task.pictures(built.model), texts, bool(resume)
    )
    built.model.save(folder.model)
    metrics = _score(recipe, config, task, built, history, seconds)
    outputs = task.write_outputs(built.model, folder)
    folds = _run_folds(module, config, task, folder)
    report.write(folder, config, task, built, history, metrics, outputs, folds)
    write_scores(folder.path, _compared(metrics["validation"]), step=len(history["loss"]) - 1)
    folder.write_metrics(metrics)
    if config.progress:
        advice = report.advice(metrics, task.criterion, task.remedies)
        _console.print(report.table(metrics, advice))
        _console.print(f"Run written to {folder.path}; read {folder.report}")
    return folder


def _check_same_data(folder, task):
    if folder.read_config()["run"]["data_sha256"] != task.sha256:
        raise UserError(
            f"The data is not what {folder.path} began with: it cannot be resumed. Bring the old "
            "data back, or train anew."
        )


def _run_folds(module, config, task, folder):
    """Trains and scores a model of its own for each fold of a backtest or cross-validation."""
    results = {}
    for index, (name, fold) in enumerate(task.folds().items(), start=1):
        _say(config, f"fold {name}")
        start_afresh(config)
        built = module.build_model(config, fold)
        inside = RunFolder(folder.path / "folds" / str(index))
        inside.create(overwrite=True)  # one that a run was killed in is begun again
        fit(
            built,
            fold.batches("train", built, seed=config.seed),
            fold.batches("validation", built),
            config,
            inside,
        )
        rivals = {"model": fold.forecaster(built.model), **fold.baselines()}
        results[name] = {rival: fold.score(found, "test") for rival, found in rivals.items()}
    return results


def _compared(scores):
    """Validation scores for TensorBoard, without those of single steps.

    Those on test data stay in `metrics.json`: a table to be sorted would choose runs by them.
    """
    return {f"validation/{name}": v for name, v in scores.items() if "_step_" not in name}


def _say(config, *lines):
    if config.progress:
        for line in lines:
            _console.print(line)


def _score(recipe, config, task, built, history, seconds):
    forecast = task.forecaster(built.model)
    baselines = {
        name: {split: task.score(baseline, split) for split in SPLITS}
        for name, baseline in task.baselines().items()
    }
    return {
        "recipe": recipe,
        "model": config.model,
        "dataset": config.dataset or config.data,
        "parameters": built.model.count_params(),
        "seed": config.seed,
        "seconds": round(seconds, 2),
        "epochs": len(history["loss"]),
        **{split: task.score(forecast, split) for split in ("train", *SPLITS)},
        "baselines": baselines,
    }
