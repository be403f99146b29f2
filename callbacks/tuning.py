"""Hyperparameter search over any training function: resumable and parallel.

keras-tuner chooses the settings; this module keeps what it is told and frees what a trial leaves
behind. Importing it imports keras-tuner, so `import callbacks` alone does not.
"""

import contextlib
import math
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus

from callbacks.checks import check_mode
from callbacks.oracles import Optuna, make_oracle


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
        tuner: One of `callbacks.oracles.TUNERS`; `"tpe"` needs Optuna. Defaults to `"random"`.
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
        self._oracle, self._planned = make_oracle(tuner, trials, epochs, start, common)
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
        better = min if self.mode == "min" else max
        scored = [(t.score, t) for t in self.trials if t.score is not None and not t.pruned]
        return better(scored, key=lambda pair: pair[0], default=(None, None))[1]

    def run(self, limit: int | None = None) -> None:
        """Runs the trials that nobody else trains, at most `limit`, until all have ended."""
        self.restore()
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
        running = [t for t in self._oracle.trials.values() if t.status == TrialStatus.RUNNING]
        return next((t.trial_id for t in running if t.message == _process(pid)), None)

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
            with contextlib.suppress(OSError, UnicodeDecodeError):
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
        self.epochs, self.prune = epochs, prune

    def on_epoch_end(self, epoch, logs=None):
        """Stops at the end of the last epoch."""
        pruned = self.prune is not None and self.prune(epoch, logs)
        if pruned or (self.epochs is not None and epoch + 1 >= self.epochs):
            self.model.stop_training = True


class _Enough(Exception):  # noqa: N818 - nothing is wrong
    """Leaves keras-tuner's loop between two trials."""


class _Tuner(BaseTuner):
    """keras-tuner's loop around the training function."""

    def __init__(self, train, limit, **arguments):
        super().__init__(**arguments)
        self.train, self.limit = train, limit
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

        described = replace(_read(trial), prune=prune if isinstance(self.oracle, Optuna) else None)
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
