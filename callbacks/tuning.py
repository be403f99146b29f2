"""Hyperparameter search over any training function: resumable and parallel.

keras-tuner chooses the settings; this module keeps what it is told and frees what a trial leaves
behind. Importing it imports keras-tuner, so `import callbacks` alone does not.
"""

import contextlib
import json
import math
import os
import socket
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from filelock import FileLock, Timeout
from keras_tuner import oracles
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial as TunerTrial
from keras_tuner.engine.trial import TrialStatus

from callbacks.checks import check_mode

#: The ways to choose settings.
TUNERS = ("random", "hyperband", "bayesian", "tpe")

#: So many failures without a single success end a search.
HOPELESS = 3

#: Seconds until a process that found nothing to train looks again.
PAUSE = 0.5

_ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)


@dataclass(frozen=True)
class Trial:
    """One set of settings, before and after it was trained.

    Args:
        number: Its number, as text (`"00"` is the starting point, where there is one).
        hyperparameters: keras-tuner's `HyperParameters` with the chosen `values`.
        epochs: Epoch to stop after (Hyperband); `None` trains to the end.
        continues: Number of the trial whose training this one goes on with (Hyperband).
        score: Value of the objective; `None` while there is none.
        metrics: Whatever else the training function returned.
        error: Why it failed; empty where it did not.
        prune: For `StopAfter` (TPE): takes the score of an epoch, says whether to end with it.
        pruned: Whether it said so; the score is the best until then.
    """

    number: str
    hyperparameters: keras_tuner.HyperParameters
    epochs: int | None = None
    continues: str | None = None
    score: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""
    prune: Callable[[int, Any], bool] | None = None
    pruned: bool = False


class Search:
    """Searches the settings with which a function scores best.

    Each trial calls `train`, with Keras' memory cleared before the next one. TensorFlow keeps a few
    megabytes of each model it trained all the same: give `run` a limit and start a new process now
    and then. What has been tried is saved whole or not at all after every step, so a search that
    was killed goes on where it was: the same arguments and the same folder, and complete trials are
    kept while the one cut off is repeated.

    Processes and machines that share the folder share the search: each has the same arguments and
    runs. Who trains a trial holds the lock of its file, which the system frees when the process
    ends, however it ends; the next one that asks repeats that trial.

    Args:
        train: Called as `train(trial)` with a `Trial`; returns `{name: number}` with the objective
            among the names. What it raises fails the trial, not the search.
        space: keras-tuner's `HyperParameters` to be searched.
        objective: Name of the score to compare by, such as `"val_loss"`.
        folder: Where the state of the search is kept.
        mode: `"min"` where less of the objective is better, else `"max"`. Defaults to `"min"`.
        tuner: One of `TUNERS`; `"tpe"` needs Optuna. Defaults to `"random"`.
        trials: Number of trials, the starting point not counted; Hyperband makes as many full
            sweeps of it as fit.
        epochs: Most epochs of a trial, for Hyperband's rounds and TPE's pruning.
        seed: Seed of the choice. Defaults to 1.
        start: Values of a trial to begin with, by name, such as the defaults; trained to the end
            by Hyperband, too. Defaults to none.
        report: Called with each `Trial` that ends, here or elsewhere. Defaults to nothing.

    Raises:
        ValueError: If the tuner is unknown, or the trials or epochs are too few for it.

    >>> import keras_tuner, tempfile
    >>> def train(trial):
    ...     rate = trial.hyperparameters.get("rate")
    ...     return {"val_loss": (rate - 0.3) ** 2}
    >>> space = keras_tuner.HyperParameters()
    >>> _ = space.Float("rate", 0.0, 1.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     search = Search(train, space, "val_loss", folder, trials=4, start={"rate": 0.5})
    ...     search.run()
    >>> len(search.trials), round(search.trials[0].score, 4), search.best.score <= 0.04
    (5, 0.04, True)

    Reference: O'Malley et al., *KerasTuner*; Li et al., *Hyperband*, 2018; book, chapter 10,
    "Fine-Tuning Neural Network Hyperparameters".
    """

    def __init__(
        self,
        train: Callable,
        space: keras_tuner.HyperParameters,
        objective: str,
        folder: str | Path,
        mode: str = "min",
        tuner: str = "random",
        trials: int = 20,
        epochs: int | None = None,
        seed: int = 1,
        start: Mapping[str, Any] | None = None,
        report: Callable[[Trial], None] | None = None,
    ):
        check_mode(mode)
        self.mode = mode
        self.folder = Path(folder)
        self._train = train
        self._objective = keras_tuner.Objective(objective, mode)
        common = {"objective": self._objective, "hyperparameters": space, "seed": seed or 1}
        common["max_consecutive_failed_trials"] = None  # here, hopelessness ends a search
        self._oracle, self._planned = _make_oracle(tuner, trials, epochs, start, common)
        self._oracle.begin_with(start, self.folder / "search.json", self._tell)
        self._report = report

    @property
    def over(self) -> bool:
        """Whether no trial is left in the folder, and none is being trained."""
        oracle = self._oracle
        oracle.restore()
        return oracle.over and not oracle.ongoing_trials and not oracle._retry_queue

    @property
    def remaining(self) -> int:
        """Number of trials that have not ended, at most."""
        return self._planned - len(self._oracle.end_order)

    @property
    def trials(self) -> list[Trial]:
        """All trials so far, in the order of their numbers."""
        return [self._describe(trial) for _, trial in sorted(self._oracle.trials.items())]

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best score, the first of equals; `None` without one."""
        sign = 1 if self.mode == "min" else -1
        complete = [
            (sign * trial.score, trial)
            for trial in self.trials
            if trial.score is not None and not trial.pruned
        ]
        return min(complete, key=lambda pair: pair[0], default=(None, None))[1]

    def run(self, limit: int | None = None) -> None:
        """Runs the trials that nobody else trains, at most `limit`, until all have ended."""
        self.restore()
        (self.folder / "tuner0.json").unlink(missing_ok=True)  # of keras-tuner, before 0.1.0
        tuner = _Tuner(
            self._train, limit, oracle=self._oracle, directory=str(self.folder.parent),
            project_name=self.folder.name,
        )  # fmt: skip
        tuner.tuner_id = _process(os.getpid())
        try:
            with contextlib.suppress(_Enough):
                tuner.search(verbose=0)
        finally:
            self._oracle.let_go()

    def restore(self) -> None:
        """Reads what was tried before, without going on; `report` is not told of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._oracle.restore(tell=False)

    def running(self, pid: int) -> str | None:
        """Number of the trial that a process of this machine trains, or did when it died."""
        for number, trial in self._oracle.trials.items():
            if trial.status == TrialStatus.RUNNING and trial.message == _process(pid):
                return number
        return None

    def give_up(self, number: str, reason: str) -> None:
        """Fails a trial that processes do not survive, for a reason that is told."""
        _error_file(self.folder, number).write_text(f"{reason}\n")
        trial = self._oracle.trials[number]
        trial.status = TrialStatus.FAILED
        self._oracle.end_trial(trial)

    def _tell(self, trial):
        if self._report:
            with contextlib.suppress(OSError):  # of a terminal that is gone
                self._report(self._describe(trial))

    def _describe(self, trial):
        found = _read(trial)
        if trial.status == TrialStatus.COMPLETED:
            last = trial.metrics.get_last_value
            metrics = {name: float(last(name)) for name in trial.metrics.metrics}
            pruned = bool(metrics.pop("pruned", False))
            return replace(found, score=float(trial.score), metrics=metrics, pruned=pruned)
        if trial.status == TrialStatus.FAILED:
            error = "it failed on another machine"
            with contextlib.suppress(OSError):
                error = _error_file(self.folder, trial.trial_id).read_text().partition("\n")[0]
            return replace(found, error=error)
        return found


class StopAfter(keras.callbacks.Callback):
    """Ends training after an epoch. Put it behind `Checkpoint`, which then sees a run cut off.

    Args:
        epochs: Number of epochs after which to stop; `None` never does.
        prune: The `prune` of a `Trial`, which may stop it, too.

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> x = np.ones((8, 1))
    >>> len(model.fit(x, x, epochs=9, verbose=0, callbacks=[StopAfter(2)]).epoch)
    2
    """

    def __init__(self, epochs: int | None, prune: Callable[[int, Any], bool] | None = None):
        super().__init__()
        self.epochs = epochs
        self.prune = prune

    def on_epoch_end(self, epoch, logs=None):
        """Stops at the end of the last epoch."""
        pruned = self.prune is not None and self.prune(epoch, logs)
        if pruned or (self.epochs is not None and epoch + 1 >= self.epochs):
            self.model.stop_training = True


def hyperband_sweep(epochs: int, factor: int) -> list[tuple[int, int]]:
    """What keras-tuner's Hyperband trains in one sweep.

    One trial in `factor` goes on, for so many times the epochs.

    Returns:
        `(trials, epochs)` of each round, bracket after bracket; a later round of a bracket goes on
        with trials of the one before.

    >>> hyperband_sweep(9, 3)
    [(9, 1), (3, 3), (1, 9), (5, 3), (2, 9), (3, 9)]

    Reference: Li et al., *Hyperband*, 2018, table 1, with keras-tuner's rounding.
    """
    brackets, left = 0, float(epochs)
    while left >= 1:
        left, brackets = left / factor, brackets + 1
    last = math.ceil(1 + math.log(epochs, factor))
    return [
        (
            math.ceil(last / (bracket + 1) * factor ** (bracket - number)),
            math.ceil(epochs / factor ** (bracket - number)),
        )
        for bracket in reversed(range(brackets))
        for number in range(bracket + 1)
    ]


def hyperband_factor(epochs: int, trials: int) -> int:
    """The factor, at least 2, whose sweep makes the most of a number of trials.

    A `ValueError` if no sweep is that short; the message names the shortest.

    >>> factor = hyperband_factor(epochs=35, trials=14)
    >>> factor, hyperband_sweep(35, factor)
    (6, [(9, 6), (2, 35), (3, 35)])
    """
    if epochs < 2:
        raise ValueError(f"Hyperband needs at least 2 epochs. Received: epochs={epochs}")
    sizes = {f: sum(count for count, _ in hyperband_sweep(epochs, f)) for f in range(2, epochs + 1)}
    fitting = {factor: size for factor, size in sizes.items() if size <= trials}
    if not fitting:
        raise ValueError(
            f"Hyperband over {epochs} epochs needs at least {min(sizes.values())} trials. "
            f"Received: trials={trials}"
        )
    return max(fitting, key=lambda factor: (fitting[factor], -factor))


def _make_oracle(tuner, trials, epochs, start, common):
    if tuner not in TUNERS:
        raise ValueError(f"Expected a tuner of {', '.join(TUNERS)}. Received: tuner={tuner!r}")
    if trials < 1:
        raise ValueError(f"Expected at least 1 trial. Received: trials={trials}")
    planned = trials if start is None else trials + 1
    if tuner == "hyperband":
        factor = hyperband_factor(epochs, trials)
        sweep = sum(count for count, _ in hyperband_sweep(epochs, factor))
        common |= {"max_epochs": epochs, "factor": factor, "hyperband_iterations": trials // sweep}
        return _Hyperband(**common), trials // sweep * sweep + planned - trials
    if tuner == "tpe":
        return _Tpe(epochs=epochs, max_trials=planned, **common), planned
    if tuner == "random":
        return _Random(max_trials=planned, **common), planned
    # keras-tuner's own 3 random points a dimension would be all of a short search.
    points = min(3 * len(common["hyperparameters"].space), max(3, trials // 3))
    return _Bayesian(max_trials=planned, num_initial_points=points, **common), planned


class _Oracle(keras_tuner.Oracle):
    """What the ways to choose settings have in common here: a state that processes share."""

    def begin_with(self, start, file, tell):
        """Sets the starting point, the file of the state and whom to tell of ended trials."""
        self.start, self.file, self.tell, self.verbose = start, file, tell, 0
        self.over, self._told, self._held = False, set(), {}
        self.lock = FileLock(file.with_suffix(".lock"))

    def populate_space(self, trial_id):
        """The starting point, then the oracle's own choice; nothing more where all is lost."""
        if not self.trials and self.start is not None:
            return {"status": TrialStatus.RUNNING, "values": dict(self.start)}
        statuses = [trial.status for trial in self.trials.values()]
        if TrialStatus.COMPLETED not in statuses and statuses.count("FAILED") >= HOPELESS:
            return {"status": TrialStatus.STOPPED, "values": None}
        with warnings.catch_warnings():  # of the Gaussian process, about its own convergence
            warnings.simplefilter("ignore")
            return super().populate_space(trial_id)

    def create_trial(self, tuner_id):
        """Hands out a trial; none as long as others, whose process may die, train the last ones."""
        with self.lock:
            self.restore()
            trial = super().create_trial(tuner_id)
            if trial.status == TrialStatus.RUNNING:
                trial.message = tuner_id
                self._held[trial.trial_id] = self._lock_of(trial.trial_id)
                self._held[trial.trial_id].acquire()
            elif trial.status == TrialStatus.STOPPED:
                self.over = True
            self.save()
        if trial.status == TrialStatus.STOPPED and self.ongoing_trials:
            trial.status = TrialStatus.IDLE
        if trial.status == TrialStatus.IDLE:
            time.sleep(PAUSE)
        return trial

    def end_trial(self, trial):
        """Takes in a trial, unless it was given up in the meantime."""
        mine = self.trials[trial.trial_id]
        with self.lock:
            self.restore()
            if self.trials[trial.trial_id].status not in _ENDED:
                self.trials[trial.trial_id] = mine
                super().end_trial(trial)
            self.let_go()
            self.restore()

    def let_go(self):
        """Leaves what this process trains to others."""
        while self._held:
            self._held.popitem()[1].release()

    def save(self):
        """Saves everything at once: keras-tuner's many files may be cut off anywhere."""
        trials = {number: trial.get_state() for number, trial in self.trials.items()}
        partial = self.file.with_suffix(".tmp")
        state = {"oracle": self.get_state(), "trials": trials, "over": self.over}
        partial.write_text(json.dumps(state))
        partial.replace(self.file)

    def _save_trial(self, trial):
        pass  # `save` does

    def restore(self, tell=True):
        """Takes up what all have done, and tells of it; what nobody trains waits to be repeated."""
        if not self.file.exists():
            return
        with self.lock:
            found = json.loads(self.file.read_text())
            for number, state in found["trials"].items():
                if state["status"] not in _ENDED:
                    state["metrics"] = {"metrics": {}}
                if number not in self._told:
                    self.trials[number] = TunerTrial.from_state(state)
            left = [n for n, trial in self.trials.items() if trial.status not in _ENDED]
            waiting = sorted((n for n in left if not self._is_trained(n)), reverse=True)
            ongoing = {self.trials[n].message: n for n in left if n not in waiting}
            self.set_state({**found["oracle"], "ongoing_trials": ongoing, "retry_queue": waiting})
            self.over = found.get("over", False)
        for number in [number for number in self.end_order if number not in self._told]:
            self._told.add(number)
            if tell:
                self.tell(self.trials[number])

    def _lock_of(self, number):
        return FileLock(self.file.with_name(f"trial_{number}.lock"), timeout=0)

    def _is_trained(self, number):
        if number in self._held:
            return True
        try:
            with self._lock_of(number):
                return False
        except Timeout:
            return True


class _Optuna(keras_tuner.Oracle):
    """Optuna's TPE and its pruning, on its journal in the folder."""

    def __init__(self, epochs, **arguments):
        super().__init__(**arguments)
        self.epochs = epochs or 1

    @cached_property
    def study(self):
        """Optuna's, in the folder's journal."""
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        backend = JournalFileBackend(str(self.file.with_name("journal.log")))
        direction = optuna.study.StudyDirection[f"{self.objective.direction.upper()}IMIZE"]
        return optuna.create_study(
            storage=optuna.storages.JournalStorage(backend), study_name="search",
            direction=direction, load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_warmup_steps=self.epochs // 4),
        )  # fmt: skip

    def asked(self, number):
        """Optuna's trial of a number, begun where it is new; its draws depend on the number."""
        import optuna

        with self.lock:
            self.study.sampler = optuna.samplers.TPESampler(
                seed=(1_000_003 * self.seed + int(number)) % 2**32,
                n_startup_trials=max(3, self.max_trials // 3),  # its 10 are half of a short search
            )
            for each in self.study.get_trials(deepcopy=False):
                if each.user_attrs.get("number") == number:
                    return optuna.trial.Trial(self.study, each._trial_id)
            if int(number) == 0 and self.start is not None:
                numeric = [hp for hp in self.hyperparameters.space if not _choices(hp)]
                near = {hp.name: hp.value_to_prob(self.start[hp.name]) for hp in numeric}
                self.study.enqueue_trial({**self.start, **near})
            trial = self.study.ask()
            trial.set_user_attr("number", number)
            return trial

    def populate_space(self, trial_id):
        """Optuna's choice; numbers go through keras-tuner's own scale of them."""
        trial = self.asked(trial_id)
        values = {
            hp.name: trial.suggest_categorical(hp.name, _choices(hp))
            if _choices(hp)
            else hp.prob_to_value(trial.suggest_float(hp.name, 0.0, 1.0))
            for hp in self.hyperparameters.space
        }
        return {"status": TrialStatus.RUNNING, "values": values}

    def prune(self, number, epoch, logs):
        """Whether a trial, but the starting point, is worse than the median at an epoch."""
        trial = self.asked(number)
        with warnings.catch_warnings():  # of epochs that a process told before it was killed
            warnings.simplefilter("ignore")
            trial.report(logs[self.objective.name], epoch)
        spared = epoch + 1 >= self.epochs or (int(number) == 0 and self.start is not None)
        return not spared and trial.should_prune()

    def end_trial(self, trial):
        """Tells Optuna, too."""
        from optuna.trial import TrialState

        metrics, state, score = self.trials[trial.trial_id].metrics, TrialState.FAIL, None
        if trial.status == TrialStatus.COMPLETED:
            score = metrics.get_last_value(self.objective.name)
            state = TrialState.COMPLETE
            if metrics.exists("pruned"):
                state, score = TrialState.PRUNED, None
        self.study.tell(self.asked(trial.trial_id), score, state, skip_if_finished=True)
        super().end_trial(trial)


def _choices(hp):
    """The values that have no order."""
    return list(hp.values) if type(hp).__name__ in ("Choice", "Boolean", "Fixed") else []


class _Tpe(_Oracle, _Optuna):
    pass


class _Random(_Oracle, oracles.RandomSearchOracle):
    pass


class _Bayesian(_Oracle, oracles.BayesianOptimizationOracle):
    pass


class _Hyperband(_Oracle, oracles.HyperbandOracle):
    pass


class _Enough(Exception):  # noqa: N818 - nothing is wrong
    """Leaves keras-tuner's loop between two trials."""


class _Tuner(BaseTuner):
    """keras-tuner's loop around the training function."""

    def __init__(self, train, limit, **arguments):
        super().__init__(**arguments)
        self.train = train
        self.limit = limit
        self.done = 0
        self.failed = False

    def pre_create_trial(self):
        """Ends the loop at the limit."""
        if self.limit is not None and self.done >= self.limit:
            raise _Enough

    def run_trial(self, trial, **_):
        """Trains, notes why that failed if it does, and frees the memory."""
        objective = self.oracle.objective
        self.failed, pruned = False, []

        def prune(epoch, logs):
            pruned.append(self.oracle.prune(trial.trial_id, epoch, logs))
            return pruned[-1]

        described = replace(_read(trial), prune=prune if isinstance(self.oracle, _Optuna) else None)
        try:
            found = self.train(described)
            if math.isfinite(found[objective.name]):
                return found | dict.fromkeys(["pruned"] * any(pruned), 1.0)
            raise ValueError(f"{objective.name} is not a finite number.")
        except Exception as error:  # which keras-tuner itself would print
            reason = " ".join(str(error).split()) or type(error).__name__
            file = _error_file(Path(self.project_dir), trial.trial_id)
            file.write_text(f"{reason}\n\n{traceback.format_exc()}")
            self.failed = True
            return {objective.name: math.inf if objective.direction == "min" else -math.inf}
        finally:
            self.done += 1
            keras.utils.clear_session()  # collects garbage too

    def save(self):
        """The oracle has saved everything."""

    def on_trial_end(self, trial):
        """Hands the trial back."""
        if self.failed:
            trial.status = TrialStatus.FAILED
        super().on_trial_end(trial)


def _process(pid):
    """What tells the processes of all machines apart."""
    return f"{socket.gethostname()}-{pid}"


def _error_file(folder, number):
    file = Path(folder) / f"trial_{number}" / "error.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _read(trial):
    """A `Trial` before its training, out of keras-tuner's."""
    values = trial.hyperparameters.values
    epochs, continues = values.get("tuner/epochs"), values.get("tuner/trial_id")
    return Trial(trial.trial_id, trial.hyperparameters, epochs, continues)
