"""`zoo tune RECIPE`: searches a recipe's settings, then trains the best ones as an ordinary run.

The folder of the run holds, beside what every run has: `tuning.yaml` (what is searched), `tuner/`
(keras-tuner's state), `trials/` (a TensorBoard run for each trial) and `tuning.csv`.
"""

import importlib
import math
import shutil
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml
from rich.console import Console

from recipes import tuning_report
from recipes.errors import RunError, UserError
from recipes.folder import RunFolder
from recipes.tuning_workers import check_address, serve

#: How far the score of the best trial may be off when it is trained again, as a share of it. On a
#: CPU both are equal; a GPU adds in another order every time.
TOLERANCE = {"cpu": 0.001, "gpu": 0.05}

_console = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Plan:
    """What is to be searched, and how.

    Args:
        recipe: Name of the recipe.
        config: The configuration to start from.
        given: Names of the settings that the user gave, which stay as they are.
        tuner: `"random"`, `"hyperband"` or `"bayesian"`.
        trials: Number of trials beside the defaults.
        workers: Number of processes.
    """

    recipe: str
    config: object
    given: tuple[str, ...]
    tuner: str
    trials: int
    workers: int = 1

    @property
    def module(self):
        """The recipe's module."""
        return importlib.import_module(f"recipes.{self.recipe}")

    def check(self) -> None:
        """Raises a `UserError` for the first flag that is out of range; needs no Keras."""
        self.config.validate()
        for name in ("trials", "workers"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} must be at least 1. Received: {getattr(self, name)}")

    def write(self, folder) -> None:
        """Saves the plan in a run's folder."""
        saved = {**asdict(self), "given": list(self.given), "config": _plain(self.config)}
        partial = TuningFolder(folder.path).plan.with_suffix(".tmp")
        partial.write_text(yaml.safe_dump(saved, sort_keys=False))
        partial.replace(TuningFolder(folder.path).plan)

    @classmethod
    def read(cls, folder):
        """The plan of a run's folder.

        Raises:
            UserError: If it is not one of `zoo tune`.
        """
        try:
            saved = yaml.safe_load(folder.plan.read_text())
        except FileNotFoundError:
            raise UserError(
                f"{folder.path} is not a run of zoo tune: it has no {folder.plan.name}. An "
                "ordinary run goes on with zoo train --resume."
            ) from None
        except (OSError, yaml.YAMLError) as error:
            raise UserError(f"Cannot read {folder.plan}: it is damaged.") from error
        kind = type(importlib.import_module(f"recipes.{saved['recipe']}").default_config())
        return cls(**{**saved, "config": kind(**saved["config"]), "given": tuple(saved["given"])})


class TuningFolder(RunFolder):
    """The folder of a run that was searched for.

    Args:
        path: The folder.
    """

    def __init__(self, path):
        super().__init__(path)
        self.plan = self.path / "tuning.yaml"
        self.table = self.path / "tuning.csv"
        self.state = self.path / "tuner"
        self.trials = self.path / "trials"

    def trial(self, number) -> RunFolder:
        """The folder of a trial."""
        return RunFolder(self.trials / number)


def given_flags(arguments: list[str]) -> tuple[str, ...]:
    """Names of the settings in command-line flags, model arguments as `model.units`.

    Example:
        >>> given_flags(["--batch-size", "32", "--model.units=8", "--model", "mlp"])
        ('batch_size', 'model.units', 'model')
    """
    names = [item[2:].partition("=")[0] for item in arguments if item.startswith("--")]
    names = [name.replace("-", "_").replace("model_arguments.", "model.", 1) for name in names]
    return tuple(dict.fromkeys(names))


def tune(plan: Plan) -> RunFolder | None:
    """Searches, trains the best settings and writes the run folder.

    With keras-tuner's environment variables of a worker, takes part in the search of a chief.

    Args:
        plan: What to search.

    Returns:
        The `TuningFolder`, complete; nothing for a worker.

    Raises:
        UserError: If the flags or the data are wrong; then nothing has been written.
        RunError: If every trial fails, or the best one cannot be repeated.
    """
    from callbacks.tuning import is_chief, is_worker

    plan.check()
    if plan.workers > 1 and (is_chief() or is_worker()):
        raise UserError("Give either --workers or keras-tuner's environment variables, not both.")
    if is_chief() or is_worker():
        check_address(chief=is_chief())
    if is_worker():
        if plan.config.name is None:
            raise UserError("A worker needs the --name that the chief was given.")
        return join(TuningFolder(Path(plan.config.logdir, plan.recipe, plan.config.name)))
    planned = RunFolder.plan(plan.recipe, plan.config)
    folder = TuningFolder(planned.path)
    space, built, task = _prepare(plan)
    check_budget(plan)
    folder.create(plan.config.overwrite)
    config = replace(plan.config, name=folder.path.name, overwrite=False)
    plan = replace(plan, config=config)
    what = {"tuner": plan.tuner, "trials": plan.trials}
    folder.write_config(plan.recipe, config, data_sha256=task.sha256, tuning=what, **task.facts)
    plan.write(folder)
    objective = (built.monitor, built.mode)
    del built, task
    return _search_and_train(plan, folder, space, objective)


def resume(path, workers=None) -> RunFolder | None:
    """Goes on with a search that was cut off.

    Args:
        path: Folder of the run.
        workers: Number of processes. Defaults to what it began with.

    Returns:
        See `tune`.

    Raises:
        UserError: If the folder holds no search, or the data has changed.
        RunError: See `tune`.
    """
    from callbacks.tuning import is_chief, is_worker

    folder, plan = open_search(path, workers)
    plan.check()
    if is_chief() or is_worker():
        check_address(chief=is_chief())
    if is_worker():
        return work(plan, folder)
    if folder.metrics.exists() and tuning_report.is_written(folder):
        print(f"{folder.path} is complete already.", file=sys.stderr)
        return folder
    space, built, task = _prepare(plan)
    if folder.read_config()["run"]["data_sha256"] != task.sha256:
        raise UserError(
            f"The data is not what {folder.path} began with: the search cannot go on. Bring the "
            "old data back, or search anew."
        )
    objective = (built.monitor, built.mode)
    del built, task
    return _search_and_train(plan, folder, space, objective)


def open_search(path, workers=None):
    """The `TuningFolder` and the `Plan` of a search that was begun.

    Raises:
        UserError: If there is none.
    """
    RunFolder.open(path, finished=False)
    folder = TuningFolder(path)
    plan = Plan.read(folder)
    return folder, replace(plan, workers=workers or plan.workers)


def join(folder: TuningFolder) -> None:
    """Takes part in the search of a chief, as soon as that has begun.

    Args:
        folder: Folder of the run, on a disk that the chief sees too.

    Raises:
        RunError: If the chief is lost.
    """
    if not folder.plan.exists():
        _console.print(f"Waiting for the chief to write {folder.plan}")
    while not folder.plan.exists():
        time.sleep(0.5)
    folder, plan = open_search(folder.path)
    work(plan, folder)


def work(plan: Plan, folder: TuningFolder, limit=None) -> None:
    """Trains trials that a chief hands out, until it has no more.

    Args:
        plan: What is searched.
        folder: Folder of the run, which the chief sees too.
        limit: Trials after which to come back all the same. Defaults to none.

    Raises:
        RunError: If the chief is lost.
    """
    import grpc

    space, built, _ = _prepare(plan)
    search = _make_search(plan, folder, space, (built.monitor, built.mode))
    del built
    try:
        search.run(limit)
    except grpc.RpcError as error:
        raise RunError(
            "The chief of the search does not answer. Start it with zoo tune --resume, then the "
            "workers."
        ) from error


def check_budget(plan: Plan) -> None:
    """Raises a `UserError` where there are too few trials or epochs for Hyperband."""
    from callbacks.tuning import hyperband_factor

    if plan.tuner == "hyperband":
        try:
            hyperband_factor(plan.config.epochs, plan.trials)
        except ValueError as error:
            raise UserError(f"{error}. Change --epochs or --trials, or --tuner.") from error


def _prepare(plan):
    """The search space, and a first model: what is wrong with the flags shows before the search."""
    from recipes.fitting import start_afresh
    from recipes.tuning_space import Space

    space = Space(plan.module.search_space, plan.config, plan.given, plan.tuner)
    task = plan.module.load_data(plan.config)
    start_afresh(plan.config)
    return space, plan.module.build_model(plan.config, task), task


def _make_search(plan, folder, space, objective, report=None):
    from callbacks.tuning import Search

    monitor, mode = objective
    return Search(
        lambda trial: _train_trial(plan, folder, space, objective, trial),
        space.hyperparameters,
        monitor,
        folder.state,
        mode=mode,
        tuner=plan.tuner,
        trials=plan.trials,
        epochs=plan.config.epochs,
        seed=plan.config.seed,
        start=space.start_values,
        report=report,
    )


def config_of(plan: Plan, space, trial):
    """The configuration of a trial: the first one's is that of the defaults."""
    is_start = int(trial.number) == 0
    return space.start if is_start else space.config_of(trial.hyperparameters)


def _train_trial(plan, folder, space, objective, trial):
    """Trains a trial as `zoo train` would, and scores it on validation data alone."""
    from callbacks.tuning import StopAfter
    from recipes.fitting import fit, start_afresh

    monitor, mode = objective
    began = time.perf_counter()
    config = replace(config_of(plan, space, trial), progress=False)
    config.validate()
    inside = folder.trial(trial.number)
    goes_on = _take_over(folder, trial)
    task = plan.module.load_data(config)
    start_afresh(config)
    built = plan.module.build_model(config, task)
    history, _ = fit(
        built,
        task.batches("train", built, seed=config.seed),
        task.batches("validation", built),
        config,
        inside,
        resume=goes_on,
        unseen=[StopAfter(trial.epochs)],
    )
    if plan.tuner != "hyperband":
        shutil.rmtree(inside.checkpoints)
    best = min(history[monitor]) if mode == "min" else max(history[monitor])
    seconds = time.perf_counter() - began
    return {monitor: best, "epochs": len(history["loss"]), "seconds": round(seconds, 2)}


def _take_over(folder, trial):
    """Makes a trial's folder, a copy of the one it goes on with where there is one."""
    inside = folder.trial(trial.number)
    shutil.rmtree(inside.path, ignore_errors=True)  # of a trial that was cut off
    before = folder.trial(trial.continues).path if trial.continues else None
    if before and (before / "checkpoints").is_dir():
        shutil.copytree(before, inside.path)
        return True
    inside.checkpoints.mkdir(parents=True)
    return False


def _search_and_train(plan, folder, space, objective):
    table = tuning_report.Trials(plan, space, objective)
    search = _make_search(plan, folder, space, objective, report=table.tell)
    search.restore()
    table.begin(search.trials)
    try:
        serve(search, folder, plan.workers)
    except KeyboardInterrupt:
        _console.print(f"Go on with: zoo tune --resume {folder.path}")
        raise
    if search.best is None:
        raise RunError(_all_failed(search.trials, folder))
    for inside in folder.trials.glob("*/checkpoints"):
        shutil.rmtree(inside)
    table.write(folder.table, search.trials)
    return _train_best(plan, folder, space, objective, search, table)


def _all_failed(trials, folder):
    reason = next((trial.error for trial in trials if trial.error), "no trial was trained")
    return (
        f"All {len(trials)} trials failed. The first: {reason} What is there is in {folder.path}."
    )


def _train_best(plan, folder, space, objective, search, table):
    """Trains the best settings as an ordinary run, and compares it with the trial's record."""
    from callbacks import Checkpoint
    from recipes.run import train

    best = search.best
    config = config_of(plan, space, best)
    if plan.config.progress:
        _console.print(f"Training the best settings, those of trial {best.number}, as a run")
    if not folder.metrics.exists():
        train(plan.recipe, replace(config, name=folder.path.name), resume=folder)
    history = Checkpoint(folder.checkpoints, resume=True).history[objective[0]]
    seen = history[: int(best.metrics["epochs"])]
    again = min(seen) if objective[1] == "min" else max(seen)
    tolerance = TOLERANCE[_device()]
    repeated = math.isclose(again, best.score, rel_tol=tolerance, abs_tol=1e-6)
    table.report(folder, search, best, again, repeated, tolerance)
    if not repeated:
        raise RunError(
            f"Trained again, the best trial scores {again:.6g} where its record says "
            f"{best.score:.6g}: more than {tolerance:.1%} apart. The run in {folder.path} is "
            "complete, but not what the search found."
        )
    return folder


def _device():
    import keras

    try:
        return "gpu" if keras.distribution.list_devices("gpu") else "cpu"
    except Exception:  # where a backend cannot tell
        return "cpu"


def _plain(config):
    """A configuration as YAML knows it."""
    lists = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()}
    arguments = lists["model_arguments"]
    lists["model_arguments"] = {
        k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()
    }
    return lists
