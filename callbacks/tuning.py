"""Hyperparameter search over any training function: resumable and parallel.

keras-tuner chooses the settings; this module keeps what it is told and frees what a trial leaves
behind. Importing it imports keras-tuner, so `import callbacks` alone does not.
"""

import contextlib
import json
import math
import os
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from keras_tuner import oracles
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial as TunerTrial
from keras_tuner.engine.trial import TrialStatus

from callbacks.checks import check_mode

#: The ways to choose settings.
TUNERS = ("random", "hyperband", "bayesian")

#: So many failures without a single success end a search.
HOPELESS = 3


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
    """

    number: str
    hyperparameters: keras_tuner.HyperParameters
    epochs: int | None = None
    continues: str | None = None
    score: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""


class Search:
    """Searches the settings with which a function scores best.

    Each trial calls `train`, with Keras' memory cleared before the next one. TensorFlow keeps a few
    megabytes of each model it trained all the same: give `run` a limit and start a new process now
    and then. What has been tried is saved whole or not at all after every step, so a search that
    was killed goes on where it was: the same arguments and the same folder, and complete trials are
    kept while the one cut off is repeated.

    Several processes share one search through keras-tuner's own environment variables. One of
    them has `KERASTUNER_TUNER_ID=chief` and hands out trials; the others have an id each and
    train; all have the chief's `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT`. A worker that
    is started anew with its old id repeats the trial it was in.

    Args:
        train: Called as `train(trial)` with a `Trial`; returns `{name: number}` with the objective
            among the names. What it raises fails the trial, not the search.
        space: keras-tuner's `HyperParameters` to be searched.
        objective: Name of the score to compare by, such as `"val_loss"`.
        folder: Where the state of the search is kept.
        mode: `"min"` where less of the objective is better, else `"max"`. Defaults to `"min"`.
        tuner: `"random"`, `"hyperband"` or `"bayesian"`. Defaults to `"random"`.
        trials: Number of trials, the starting point not counted; Hyperband makes as many full
            sweeps of it as fit.
        epochs: Hyperband's largest number of epochs for a trial; the others ignore it.
        seed: Seed of the choice. Defaults to 1.
        start: Values of a trial to begin with, by name, such as the defaults; trained to the end
            by Hyperband, too. Defaults to none.
        report: Called with each ended `Trial`, where trials are handed out. Defaults to nothing.

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
        """Whether no trial is left to hand out and none is being trained."""
        return self._oracle.over and not self._oracle.ongoing_trials

    @property
    def ending(self) -> bool:
        """Whether no new trial will be handed out."""
        return self._oracle.over

    @property
    def remaining(self) -> int:
        """Number of trials that have not ended, at most."""
        return self._planned - len(self._oracle.end_order)

    @property
    def waiting_for(self) -> set[str]:
        """Ids of the workers that have not been told yet that the search is over."""
        return set(self._oracle.tuner_ids)

    @property
    def trials(self) -> list[Trial]:
        """All trials so far, in the order of their numbers."""
        return [self._describe(trial) for _, trial in sorted(self._oracle.trials.items())]

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best score, the first of equals; `None` without one."""
        sign = 1 if self.mode == "min" else -1
        complete = [(sign * trial.score, trial) for trial in self.trials if trial.score is not None]
        return min(complete, key=lambda pair: pair[0], default=(None, None))[1]

    def run(self, limit: int | None = None) -> None:
        """Runs the trials that are left, or the process's part of them, at most `limit`.

        A chief comes back when all workers know that the search is over, which keras-tuner looks
        for every 20 seconds.
        """
        worker = is_worker()
        self.folder.mkdir(parents=True, exist_ok=True)
        # keras-tuner would reload its own files, which a kill may have left half-written.
        name = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
        (self.folder / f"{name}.json").unlink(missing_ok=True)
        tuner = _Tuner(
            self._train, limit, oracle=self._oracle, directory=str(self.folder.parent),
            project_name=self.folder.name,
        )  # fmt: skip
        if not worker:
            self._oracle.restore()
        with contextlib.suppress(_Enough):
            tuner.search(verbose=0)

    def restore(self) -> None:
        """Reads what was tried before, without going on."""
        self._oracle.restore()

    def running(self, worker: str) -> str | None:
        """Number of the trial that a worker is in."""
        trial = self._oracle.ongoing_trials.get(worker)
        return trial and trial.trial_id

    def give_up(self, worker: str, reason: str) -> None:
        """Fails the trial that a worker is in, which it does not survive.

        Args:
            worker: Its id.
            reason: What to say about the trial.
        """
        trial = self._oracle.ongoing_trials.get(worker)
        if trial is not None:
            _error_file(self.folder, trial.trial_id).write_text(f"{reason}\n")
            trial.status = TrialStatus.FAILED
            self._oracle.end_trial(trial)

    def _tell(self, trial):
        if self._report:
            with contextlib.suppress(OSError):  # keras-tuner would hold its lock for ever
                self._report(self._describe(trial))

    def _describe(self, trial):
        found = _read(trial)
        if trial.status == TrialStatus.COMPLETED:
            last = trial.metrics.get_last_value
            metrics = {name: float(last(name)) for name in trial.metrics.metrics}
            return replace(found, score=float(trial.score), metrics=metrics)
        if trial.status == TrialStatus.FAILED:
            error = "it failed on another machine"
            with contextlib.suppress(OSError):
                error = _error_file(self.folder, trial.trial_id).read_text().partition("\n")[0]
            return replace(found, error=error)
        return found


def is_worker() -> bool:
    """Whether keras-tuner's environment variables make this process a worker of a chief."""
    name = os.environ.get("KERASTUNER_TUNER_ID", "")
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" not in name


def is_chief() -> bool:
    """Whether keras-tuner's environment variables make this process the chief."""
    name = os.environ.get("KERASTUNER_TUNER_ID", "")
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" in name


class StopAfter(keras.callbacks.Callback):
    """Ends training after an epoch. Put it behind `Checkpoint`, which then sees a run cut off.

    Args:
        epochs: Number of epochs after which to stop; `None` never does.

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> x = np.ones((8, 1))
    >>> len(model.fit(x, x, epochs=9, verbose=0, callbacks=[StopAfter(2)]).epoch)
    2
    """

    def __init__(self, epochs: int):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        """Stops at the end of the last epoch."""
        if self.epochs is not None and epoch + 1 >= self.epochs:
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
    if tuner == "random":
        return _Random(max_trials=planned, **common), planned
    # keras-tuner's own 3 random points a dimension would be all of a short search.
    points = min(3 * len(common["hyperparameters"].space), max(3, trials // 3))
    return _Bayesian(max_trials=planned, num_initial_points=points, **common), planned


class _Oracle(keras_tuner.Oracle):
    """What the three ways to choose settings have in common here."""

    def begin_with(self, start, file, tell):
        """Sets the starting point, the file of the state and whom to tell of ended trials."""
        self.start, self.file, self.tell = start, file, tell
        self.over = False

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

    @keras_tuner.synchronized
    def create_trial(self, tuner_id):
        """Hands out a trial."""
        trial = super().create_trial(tuner_id)
        self.over = self.over or trial.status == TrialStatus.STOPPED
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial):
        """Takes in a trial."""
        super().end_trial(trial)
        self.tell(self.trials[trial.trial_id])

    def save(self):
        """Saves everything at once: keras-tuner's many files may be cut off anywhere."""
        super().save()
        trials = {number: trial.get_state() for number, trial in self.trials.items()}
        partial = self.file.with_suffix(".tmp")
        partial.write_text(json.dumps({"oracle": self.get_state(), "trials": trials}))
        partial.replace(self.file)

    def restore(self):
        """Takes up a saved state; what was being trained then waits to be repeated."""
        if not self.file.exists():
            return
        found = json.loads(self.file.read_text())
        ended = (TrialStatus.COMPLETED, TrialStatus.FAILED)
        for number, state in found["trials"].items():
            if state["status"] not in ended:
                state["metrics"] = {"metrics": {}}
            self.trials[number] = TunerTrial.from_state(state)
        waiting = [number for number, trial in self.trials.items() if trial.status not in ended]
        self.set_state(
            {**found["oracle"], "ongoing_trials": {}, "retry_queue": sorted(waiting, reverse=True)}
        )


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

    #: Seconds between two requests for a trial, where a chief may have none at the moment.
    PAUSE = 0.2

    def __init__(self, train, limit, **arguments):
        super().__init__(**arguments)
        self.train = train
        self.limit = limit
        self.done = 0
        self.failed = False

    def pre_create_trial(self):
        """Waits a moment: Hyperband's workers ask again and again while others finish a round."""
        if self.limit is not None and self.done >= self.limit:
            raise _Enough
        if is_worker():
            time.sleep(self.PAUSE)

    def run_trial(self, trial, **_):
        """Trains, notes why that failed if it does, and frees the memory."""
        objective = self.oracle.objective
        self.failed = False
        try:
            found = self.train(_read(trial))
            if math.isfinite(found[objective.name]):
                return found
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

    def on_trial_end(self, trial):
        """Hands the trial back."""
        if self.failed:
            trial.status = TrialStatus.FAILED
        super().on_trial_end(trial)


def _error_file(folder, number):
    file = Path(folder) / f"trial_{number}" / "error.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _read(trial):
    """A `Trial` before its training, out of keras-tuner's."""
    values = trial.hyperparameters.values
    epochs, continues = values.get("tuner/epochs"), values.get("tuner/trial_id")
    return Trial(trial.trial_id, trial.hyperparameters, epochs, continues)
