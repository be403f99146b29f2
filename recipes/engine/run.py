"""The run that all recipes share: read, build, fit, score, save, report."""

import contextlib
import io
import shutil
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from callbacks import write_scores
from recipes.data.memory import give_back
from recipes.data.writing import write_text
from recipes.engine import automatic as auto
from recipes.engine import continuing, report
from recipes.engine.compiling import decided
from recipes.engine.config import AUTO
from recipes.engine.distributing import agreed, apart, in_job
from recipes.engine.embeddings import write_embeddings
from recipes.engine.fitting import fit, start_afresh
from recipes.engine.folder import RunFolder
from recipes.engine.kept_baselines import compared
from recipes.engine.recipe import find_recipe
from recipes.engine.selection import joined
from recipes.engine.tables import console
from recipes.engine.task import Built, Candidate, Figure, Section, Task, Trained
from recipes.errors import RunError, UserError, disk_is_full, out_of_memory, printable

SPLITS = ("train", "validation", "test")


def train(
    name: str, config, resume: RunFolder | None = None, began: float | None = None
) -> RunFolder:
    """Trains a recipe by its resolved configuration and writes its run folder, complete.

    `resume` is a run of that configuration that was cut off, to be taken up where it was;
    `began` says since when the user waits, as `time.perf_counter` counts. A `UserError` if the
    configuration or the data is wrong; then nothing has been written. A `RunError` if training
    fails, or the disk is full.
    """
    with contextlib.ExitStack() as held:
        config, resume = apart(config, resume, held)
        if resume:
            held.enter_context(resume.locked())
        return _train(name, config, resume, began, held)


def _train(name, config, resume, began, held):
    began = time.perf_counter() if began is None else began
    recipe = find_recipe(name)
    config.validate()
    folder = resume or RunFolder.plan(name, config)
    config, task = recipe.load(config)
    automatic, build = config.model == AUTO, recipe.build_model
    start_afresh(config)
    if config.start_from:
        task, built = continuing.begin(recipe, config, task)
        build = partial(continuing.again, recipe)
    _say(config, task.description, *(f"note: {note}" for note in task.notes))
    if automatic:
        tried = auto.candidates(recipe, task)
    else:
        built = built if config.start_from else build(config, task)
        training = task.batches("train", built, seed=config.seed)
        config, line = decided(config, built.training_model, training)
        built = replace(built, notes=(*built.notes, *[line] * bool(line)))
        _say(config, *(f"note: {note}" for note in built.notes))
    if config.distribution != "none" or in_job():
        sizes = {each.config.batch_size for each in tried} if automatic else {training.batch_size}
        model = None if automatic else built.training_model
        _say(config, f"note: {agreed(config, sizes, model, task.sha256, not resume)}")
    overwrite, config = config.overwrite, replace(config, name=folder.path.name)
    text = folder.config_text(name, config, data_sha256=task.sha256, **task.metadata)
    if resume:
        if folder.read_config()["run"]["data_sha256"] != task.sha256:
            raise UserError(
                f"The data is not what {folder.path} began with: it cannot be resumed. Bring the "
                "old data back, or train anew."
            )
        write_text(folder.config, text)
    else:
        folder.create(overwrite, text)
        held.enter_context(folder.locked())
    held.enter_context(_taken_up_later(folder, config))
    baselines = task.baselines() if automatic else None
    if baselines is not None:
        say = partial(_say, config)
        built, fitted, parts = auto.train(recipe, tried, config, task, folder, baselines, say)
    else:
        shown = task.figures(built.model), {"config": f"```yaml\n{text}\n```"}
        give_back()
        fitted = fit(built, task, config, folder, *shown, bool(resume))
        parts = [(1.0, Candidate(config.model, task.config, build), fitted, built)]
    built.model.save(folder.model)
    trained = _ask(task, built, fitted.finished, baselines=baselines)
    give_back()
    folder.write_partners(trained.partners)
    metrics = {
        "recipe": name,
        "model": config.model,
        "dataset": config.dataset or config.data,
        "parameters": built.model.count_params(),
        "seed": config.seed,
        "seconds": round(built.seconds + fitted.seconds, 2),
        "seconds_to_first_step": fitted.first_step and round(fitted.first_step - began, 2),
        "epochs": len(fitted.history["loss"]),
        **_score(recipe, task, trained),
    }
    outputs = [*built.sections, *task.write_outputs(trained, folder)]
    if config.prune:
        outputs.append(_sparse(built.model))
    for output in outputs:
        if isinstance(output, Figure):
            output.drawing.savefig(folder.plots / output.file, dpi=110)
    if config.refits:
        _say(config, "trained once more, on all rows, for what follows the end")
        auto.refit(task, parts, folder)
    folds = _run_folds(recipe, config, task, folder)
    report.write(folder, config, recipe, task, built, fitted.history, metrics, outputs, folds)
    last = len(fitted.history["loss"]) - 1
    write_embeddings(folder.path, built.model)
    # For TensorBoard not those on test data: a table to be sorted would choose runs by them.
    scores = {f"validation/{k}": v for k, v in metrics["validation"].items() if "_step_" not in k}
    write_scores(folder.path, scores, step=last)
    folder.write_metrics(metrics)
    auto.tidy(folder)
    if config.progress:
        advice = report.advice(recipe, metrics, task)
        width = console.width if console.is_terminal else None
        console.print(f"{report.table(recipe, metrics, advice, width)}\n")
        _say(config, *(each.line for each in outputs if isinstance(each, Section) and each.line))
        took = f"{time.perf_counter() - began:.0f} s in all."
        console.print(f"{report.times(metrics, config.epochs)}; {took}")
        console.print(f"Run written to {folder.path}; read {folder.report}")
    return folder


def _sparse(model):
    """How many weights are 0, and what a compressed file makes of it."""
    kernels = [np.array(each) for each in model.trainable_variables if len(each.shape) > 1]
    file = io.BytesIO()
    np.savez_compressed(file, *(np.array(each) for each in model.variables))
    zeros = 1 - sum(map(np.count_nonzero, kernels)) / max(1, sum(each.size for each in kernels))
    size = f"{len(file.getvalue()):,} bytes compressed, of {4 * model.count_params():,} as numbers"
    text = f"{zeros:.1%} of the weights of kernels are 0: {size}"
    return Section("Sparse weights", f"{text}.", text)


@contextlib.contextmanager
def _taken_up_later(folder, config):
    """Says how a run goes on that is interrupted, or whose disk or memory is full."""
    how = f"zoo train --resume {folder.path}"
    try:
        yield
    except KeyboardInterrupt:
        console.print(f"Interrupted. It goes on after its last whole epoch with: {how}")
        raise
    except IsADirectoryError as error:
        name = error.filename2 or error.filename
        raise RunError(
            f"Expected a file, or nothing, at {name}. Received: a folder. Remove it, and go on "
            f"with: {how}"
        ) from error
    except Exception as error:
        if not folder.config.exists():
            raise RunError(
                f"{folder.path} was removed or moved during the training. Train anew."
            ) from error
        if out_of_memory(error):
            raise RunError(
                f"The memory is not enough: {str(error)[:200] or 'out of memory'}. "
                f"Train with less at a time: zoo train {folder.path.parent.name} --config "
                f"{folder.config} --batch_size {max(1, config.batch_size // 2)} --name NEW"
            ) from error
        if "output type bfloat16" in str(error):  # jaxlib, of an LSTM by cuDNN
            raise RunError(
                "JAX computes LSTMs on a GPU in float32 or float64 alone. Train anew with "
                "--precision float32, or with GRUs."
            ) from error
        if not disk_is_full(error):
            raise
        free = shutil.disk_usage(folder.path).free
        newest = max((each.stat().st_size for each in folder.checkpoints.glob("*.npz")), default=0)
        raise RunError(
            f"The disk of {folder.path} is full: {free:,} bytes are free, and a checkpoint of this "
            f"run takes {newest:,}, of which three must fit. Make room, and go on with: {how}"
        ) from error


def _ask(task: Task, built: Built, finished, splits=SPLITS, baselines=None) -> Trained:
    """What the trained model says about the splits."""
    others = [split for split in splits if split != "train"]
    baselines, found = compared(task, others, baselines)
    network, partners = task.predictor(built.model), built.partners
    if not partners and "validation" in splits and hasattr(task, "partners"):
        partners = task.partners(network, {n: each["validation"] for n, each in found.items()})
    predictor = joined(network, partners, baselines)
    for name, each in built.baselines.items():
        found[name] = {split: task.predict(each, split) for split in others}
    baselines = {**baselines, **built.baselines}
    # On the rows of training, partners would be fitted to what little lies before the first.
    predictions = {
        split: task.predict(network if split == "train" else predictor, split) for split in splits
    }
    return Trained(built.model, predictor, predictions, baselines, finished, found, partners)


def _score(recipe, task, trained):
    """Scores of the model on each split, and of the baselines on all but training."""
    joined = {name: v for name, v in trained.finished.items() if name in recipe.metrics}
    found = trained.predictions.items()
    scores = {split: {**task.score(each, split), **joined} for split, each in found}
    scores["baselines"] = {
        name: {split: task.score(found, split) for split, found in parts.items()}
        for name, parts in trained.compared.items()
    }
    return scores


def _run_folds(recipe, config, task, folder):
    """Scores each fold of a backtest or cross-validation: by its own model, or the first one's."""
    results: dict = {}
    built: Any = None
    finished: Any = None
    for index, (name, fold) in enumerate(task.folds().items(), start=1):
        _say(config, f"fold {name}")
        if built is None or getattr(task, "trains_each_fold", True):
            start_afresh(config)
            built = recipe.build_model(config, fold)
            inside = RunFolder(folder.path / "folds" / str(index))
            inside.create(overwrite=True)  # one that a run was killed in is begun again
            finished = fit(built, fold, config, inside).finished
        splits = ["validation"] * hasattr(fold, "partners") + ["test"]
        scores = _score(recipe, fold, _ask(fold, built, finished, splits))
        results[name] = {"model": scores["test"]} | {
            baseline: found["test"] for baseline, found in scores["baselines"].items()
        }
    return results


def _say(config, *lines):
    if config.progress:
        for line in lines:
            console.print(printable(line))
