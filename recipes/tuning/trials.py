"""The trials of a search: each trains a model as `zoo train` would."""

import shutil
import time
from dataclasses import replace

from recipes.engine.recipe import find_recipe
from recipes.tuning.plan import Plan, TuningFolder


def work(plan: Plan, folder: TuningFolder, limit=None) -> None:
    """Trains trials that nobody else trains until all have ended, or so many are trained."""
    make_search(plan, folder, *prepare(plan)[:2]).run(limit)


def prepare(plan):
    """The search space, name and mode of the objective, and the data; builds a first model.

    So what is wrong with the flags shows before the search.
    """
    from recipes.engine.fitting import start_afresh
    from recipes.tuning.space import Space

    space = Space(find_recipe(plan.recipe).search_space, plan.config, plan.given, plan.tuner)
    task = find_recipe(plan.recipe).load_data(plan.config)
    start_afresh(plan.config)
    built = find_recipe(plan.recipe).build_model(plan.config, task)
    return space, (built.monitor, built.mode), task


def make_search(plan, folder, space, objective, report=None):
    """The `callbacks.tuning.Search` of a plan; `report` is told of each trial that has ended."""
    from callbacks.tuning import Search

    monitor, mode = objective
    return Search(
        lambda trial: _train_trial(plan, folder, space, objective, trial), space.hyperparameters,
        monitor, folder.state, mode=mode, tuner=plan.tuner, trials=plan.trials,
        epochs=plan.config.epochs, seed=plan.config.seed, start=space.start_values, report=report,
    )  # fmt: skip


def _train_trial(plan, folder, space, objective, trial):
    """Trains a trial as `zoo train` would, and scores it on validation data alone."""
    from callbacks.tuning import StopAfter
    from recipes.engine.fitting import fit, start_afresh

    monitor, mode = objective
    began = time.perf_counter()
    config = replace(space.config_for(trial), progress=False)
    config.validate()
    inside = folder.trial(trial.number)
    inside.varied = space.searched
    shutil.rmtree(inside.path, ignore_errors=True)  # of a trial that was cut off
    before = folder.trial(trial.continues).path if trial.continues else None
    goes_on = before is not None and (before / "checkpoints").is_dir()
    if goes_on:
        shutil.copytree(before, inside.path)
    else:
        inside.checkpoints.mkdir(parents=True)
    config, task = find_recipe(plan.recipe).load(config)
    start_afresh(config)
    built = find_recipe(plan.recipe).build_model(config, task)
    watch = [StopAfter(trial.epochs, trial.prune)]
    history = fit(built, task, config, inside, resume=goes_on, unseen=watch).history
    if plan.tuner != "hyperband":
        shutil.rmtree(inside.checkpoints)
    best = min(history[monitor]) if mode == "min" else max(history[monitor])
    seconds = time.perf_counter() - began
    return {monitor: best, "epochs": len(history["loss"]), "seconds": round(seconds, 2)}
