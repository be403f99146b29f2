"""`zoo tune RECIPE`: searches a recipe's settings, then trains the best ones as an ordinary run."""

import math
import shutil
import sys
from dataclasses import replace

from filelock import FileLock

from recipes.engine.environment import has_gpu
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import find_recipe
from recipes.engine.tables import console
from recipes.errors import RunError, UserError, reading
from recipes.tuning import report
from recipes.tuning.plan import Plan, TuningFolder, open_search
from recipes.tuning.trials import make_search, prepare
from recipes.tuning.workers import serve


def tune(plan: Plan) -> RunFolder:
    """Searches, trains the best settings and writes the run folder.

    A `UserError` if the flags or the data are wrong; then nothing has been written. A `RunError` if
    every trial fails, or the best one cannot be repeated.
    """
    plan.check()
    folder = TuningFolder.plan(plan.recipe, plan.config)
    if find_recipe(plan.recipe).sized:
        plan = replace(plan, config=find_recipe(plan.recipe).load(plan.config)[0])
    space, objective, task = prepare(plan)
    if plan.tuner == "hyperband":
        from callbacks.oracles import hyperband_factor

        try:
            hyperband_factor(plan.config.epochs, plan.trials)
        except ValueError as error:
            raise UserError(f"{error}. Change --epochs or --trials, or --tuner.") from error
    config = replace(plan.config, name=folder.path.name, overwrite=False)
    overwrite, plan = plan.config.overwrite, replace(plan, config=config)
    what = {"tuner": plan.tuner, "trials": plan.trials}
    known = {"data_sha256": task.sha256, "tuning": what, **task.metadata}
    folder.create(overwrite, folder.config_text(plan.recipe, config, **known), plan=plan.text())
    del task
    return _search_and_train(plan, folder, space, objective)


def resume(path, workers=None) -> RunFolder:
    """Takes part in a search, or goes on with one that was cut off; see `tune`.

    Workers default to as many as it began with. A `UserError` if the folder holds no search, or the
    data has changed.
    """
    folder, plan = open_search(path, workers)
    plan.check()
    if _is_complete(folder):
        return folder
    space, objective, task = prepare(plan)
    if folder.read_config()["run"]["data_sha256"] != task.sha256:
        raise UserError(
            f"The data is not what {folder.path} began with: the search cannot go on. Bring the "
            "old data back, or search anew."
        )
    del task
    return _search_and_train(plan, folder, space, objective)


def _search_and_train(plan, folder, space, objective):
    table = report.Trials(plan, space, objective)
    search = make_search(plan, folder, space, objective, report=table.tell)
    with reading(search.folder, " Search anew, with --overwrite for the same name."):
        search.restore()
        table.begin(search.trials)
    try:
        serve(search, folder, plan.workers)
    except KeyboardInterrupt:
        console.print(f"Go on with: zoo tune --resume {folder.path}")
        raise
    if search.best is None:
        trials = search.trials
        reason = next((each.error for each in trials if each.error), "no trial was trained")
        failed = f"All {len(trials)} trials failed. The first: {reason}"
        raise RunError(f"{failed} What is there is in {folder.path}.")
    with FileLock(folder.state / "best.lock"):  # who shared the search waits, and finds the run
        if _is_complete(folder):
            return folder
        for inside in folder.trials.glob("*/checkpoints"):
            shutil.rmtree(inside)
        table.write(folder.table, search.trials)
        return _train_best(plan, folder, space, objective, search, table)


def _is_complete(folder):
    if folder.metrics.exists() and report.is_written(folder):
        print(f"{folder.path} is complete already.", file=sys.stderr)
        return True
    return False


def _train_best(plan, folder, space, objective, search, table):
    """Trains the best settings as an ordinary run, and compares it with the trial's record."""
    from callbacks import Checkpoint
    from recipes.engine.run import train

    best = search.best
    config = space.config_for(best)
    if plan.config.progress:
        console.print(f"Training the best settings, those of trial {best.number}, as a run")
    folder.varied = space.searched
    if not folder.metrics.exists():
        train(plan.recipe, replace(config, name=folder.path.name), resume=folder)
    history = Checkpoint(folder.checkpoints, resume=True).history[objective[0]]
    seen = history[: int(best.metrics["epochs"])]
    again = min(seen) if objective[1] == "min" else max(seen)
    # On a CPU both are equal; a GPU adds in another order every time.
    tolerance = 0.05 if has_gpu(plan.config.backend) else 0.001
    repeated = math.isclose(again, best.score, rel_tol=tolerance, abs_tol=1e-6)
    table.report(folder, search, best, again, repeated, tolerance)
    if not repeated:
        raise RunError(
            f"Trained again, the best trial scores {again:.6g} where its record says "
            f"{best.score:.6g}: more than {tolerance:.1%} apart. The run in {folder.path} is "
            "complete, but not what the search found."
        )
    return folder
