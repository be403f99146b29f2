"""How a search chooses settings: keras-tuner's oracles and Optuna's TPE, shared by a folder."""

import json
import math
import time
import warnings
import zlib
from functools import cached_property

import keras_tuner
from filelock import FileLock, Timeout
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial as TunerTrial
from keras_tuner.engine.trial import TrialStatus

#: The ways to choose settings.
TUNERS = ("random", "hyperband", "bayesian", "tpe")

#: So many failures without a single success end a search.
HOPELESS = 3

#: Seconds until a process that found nothing to train looks again.
PAUSE = 0.5

#: Of trials.
ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)


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
        (math.ceil(last / (bracket + 1) * factor**left), math.ceil(epochs / factor**left))
        for bracket in reversed(range(brackets))
        for left in reversed(range(bracket + 1))
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


def make_oracle(tuner, trials, epochs, start, common):
    """The oracle of a tuner's name, and how many trials it makes; see `callbacks.tuning.Search`."""
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
            if self.trials[trial.trial_id].status not in ENDED:
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
        checksum = zlib.crc32(json.dumps(state).encode())
        partial.write_text(json.dumps({"crc32": checksum, **state}))
        partial.replace(self.file)

    def _save_trial(self, trial):
        pass  # `save` does

    def restore(self, tell=True):
        """Takes up what all have done, and tells of it; what nobody trains waits to be repeated."""
        if not self.file.exists():
            return
        with self.lock:
            found = json.loads(self.file.read_text())
            if found.pop("crc32") != zlib.crc32(json.dumps(found).encode()):
                raise ValueError("the checksum of search.json does not fit")
            for number, state in found["trials"].items():
                if state["status"] not in ENDED:
                    state["metrics"] = {"metrics": {}}
                if number not in self._told:
                    self.trials[number] = TunerTrial.from_state(state)
            left = [n for n, trial in self.trials.items() if trial.status not in ENDED]
            waiting = sorted((n for n in left if not self._is_trained(n)), reverse=True)
            ongoing = {self.trials[n].message: n for n in left if n not in waiting}
            self.set_state({**found["oracle"], "ongoing_trials": ongoing, "retry_queue": waiting})
            self.over = found.get("over", False)
        for number in [number for number in self.end_order if number not in self._told]:
            trial = self.trials[number]
            self._told.add(number)
            if tell:
                self.tell(trial)

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


class Optuna(keras_tuner.Oracle):
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
        journal = self.file.with_name("journal.log")
        with self.lock, journal.open("ab+") as file:
            file.seek(0)
            whole, end, _ = file.read().rpartition(b"\n")
            file.truncate(len(whole + end))  # half a line, of one that was killed or had no room
            json.loads(whole.rpartition(b"\n")[2] or "{}")  # Optuna would when it writes on
        backend = JournalFileBackend(str(journal))
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
        with self.lock, warnings.catch_warnings():  # of epochs that a killed process told, too
            warnings.simplefilter("ignore")
            trial.report(logs[self.objective.name], epoch)
        spared = epoch + 1 >= self.epochs or (int(number) == 0 and self.start is not None)
        return not spared and trial.should_prune()

    def end_trial(self, trial):
        """Tells Optuna, too."""
        from optuna.trial import TrialState

        metrics, state, score = self.trials[trial.trial_id].metrics, TrialState.FAIL, None
        if trial.status == TrialStatus.COMPLETED:
            state, score = TrialState.COMPLETE, metrics.get_last_value(self.objective.name)
            if metrics.exists("pruned"):
                state, score = TrialState.PRUNED, None
        with self.lock:
            self.study.tell(self.asked(trial.trial_id), score, state, skip_if_finished=True)
        super().end_trial(trial)


def _choices(hp):
    """The values that have no order."""
    return list(hp.values) if type(hp).__name__ in ("Choice", "Boolean", "Fixed") else []


class _Tpe(_Oracle, Optuna):
    def restore(self, tell=True):
        """What all have done, and the journal, of which damage shows here."""
        super().restore(tell)
        for each in self.study.get_trials(deepcopy=False):  # raises whatever a line is not
            if each.user_attrs and each.state.name == "WAITING":
                raise ValueError("a trial of the journal was given a number and never begun")


class _Random(_Oracle, oracles.RandomSearchOracle):
    pass


class _Bayesian(_Oracle, oracles.BayesianOptimizationOracle):
    pass


class _Hyperband(_Oracle, oracles.HyperbandOracle):
    pass
