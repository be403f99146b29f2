"""Exact resume: the whole state of training, saved at the end of epochs."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

_OF_CALLBACKS = "callbacks/"
#: Of what a checkpoint holds: since 2 the best weights, too.
_VERSION = 2
#: What Keras' own callbacks remember from epoch to epoch.
_REMEMBERED = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ModelCheckpoint: ("best",),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch in memory, and with `Checkpoint` in each checkpoint.

    No file of its own can be lost or damaged: a run that goes on from a checkpoint has the best
    weights of that moment.

    Args:
        monitor: Name of a score, such as `"val_loss"`.
        mode: `"min"` or `"max"`.
        start_from_epoch: Epochs that count for nothing, as while weights are pruned. Defaults to 0.

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD(2.0), loss="mse")  # diverges
    >>> best = callbacks.BestWeights("loss")
    >>> losses = model.fit(np.ones((8, 1)), np.ones((8, 1)), epochs=3, verbose=0,
    ...                    callbacks=[best]).history["loss"]
    >>> best.restore()
    >>> best.best == min(losses) < losses[-1]
    True
    """

    def __init__(self, monitor: str, mode: str = "min", start_from_epoch: int = 0):
        super().__init__()
        self.monitor, self.mode = monitor, mode
        self.start_from_epoch = start_from_epoch
        self.best: float
        self.weights: list[np.ndarray]
        self.set_state(None)

    def on_epoch_end(self, epoch, logs=None):
        """Keeps the weights if the score is better than all before."""
        score = float(logs[self.monitor])
        better = score < self.best if self.mode == "min" else score > self.best
        if better and epoch >= self.start_from_epoch:
            self.best = score
            # A copy: NumPy's view of a variable may change with it.
            self.weights = [np.array(v) for v in self.model.variables]

    def restore(self) -> None:
        """Gives the model its best weights, if there has been an epoch."""
        for variable, value in zip(self.model.variables, self.weights, strict=bool(self.weights)):
            variable.assign(value)

    def get_state(self):
        """The best score and the weights, for `Checkpoint`."""
        return {"best": self.best, "weights": list(self.weights)}

    def set_state(self, state):
        """Takes up what `get_state` returned; without it, the start."""
        start = np.inf if self.mode == "min" else -np.inf
        self.best, self.weights = (state["best"], state["weights"]) if state else (start, [])


class Checkpoint(keras.callbacks.Callback):
    """Saves everything that the next epoch depends on, and takes it up again.

    A killed run that is built again in the same way, with the same folder, goes on from its last
    checkpoint and ends as if nothing had happened: weights, optimizer (and with it the position of
    a schedule), seed generators, stateful layers, early stopping and plateau, and the event files
    of `TensorBoard`, which are cut back to the checkpoint. The data must come in an order that
    depends on the epoch alone; start with `fit(initial_epoch=checkpoint.initial_epoch)`.

    Each checkpoint is written whole or not at all. The two newest are kept; a damaged one is
    reported in `problems` and the one before it is used.

    Args:
        folder: Folder of the checkpoints.
        callbacks: The other callbacks of the run, in the order given to `fit`, where this one comes
            last. Keras' `EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau` are known; any
            other that has `get_state()` and `set_state(state)` is saved too, with plain values and
            lists of arrays.
        resume: Whether to go on from the newest checkpoint, if there is one. Defaults to False.

    Attributes:
        initial_epoch: Number of finished epochs.
        finished: Whether training had come to its end.
        history: Scores by name, one value an epoch, those before the resume included.
        seconds: Time spent in training, likewise.
        problems: What was wrong with damaged checkpoints, in words.

    Raises:
        ValueError: If `EarlyStopping(restore_best_weights=True)` is among the callbacks. In `fit`,
            if the checkpoint belongs to another model or optimizer; the model is left as it was.

    >>> import tempfile
    >>> def train(folder, epochs, resume):
    ...     keras.utils.set_random_seed(0)
    ...     model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    ...     model.compile(optimizer="adam", loss="mse")
    ...     checkpoint = callbacks.Checkpoint(folder, resume=resume)
    ...     model.fit(np.ones((8, 1)), np.ones((8, 1)), shuffle=False, epochs=epochs, verbose=0,
    ...               callbacks=[checkpoint], initial_epoch=checkpoint.initial_epoch)
    ...     return checkpoint.history["loss"]
    >>> with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as cut:
    ...     _ = train(cut, 2, resume=False)
    ...     train(cut, 5, resume=True) == train(whole, 5, resume=False)
    True
    """

    KEPT = 2

    def __init__(
        self,
        folder: str | Path,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        resume: bool = False,
    ):
        super().__init__()
        for other in callbacks:
            if getattr(other, "restore_best_weights", False):
                raise ValueError(
                    "Checkpoint does not keep EarlyStopping's best weights. Drop "
                    "restore_best_weights and use ModelCheckpoint(save_best_only=True) beside it."
                )
        self.folder = Path(folder)
        self.others = list(callbacks)
        self.problems: list[str] = []
        self._resume = resume
        self._arrays, self._state = self._read_newest() if resume else (None, {})
        self.initial_epoch = self._state.get("epochs", 0)
        self.finished = self._state.get("finished", False)
        self.history = self._state.get("history", {})
        self.seconds = self._state.get("seconds", 0.0)

    def on_train_begin(self, logs=None):
        """Restores the newest checkpoint, after the other callbacks have made their own start."""
        self._started = time.perf_counter() - self.seconds
        if self._arrays is None:
            for other in self.others if self._resume else ():  # killed early: nothing of it counts
                self.restore(other)
            for old in self._found():  # damaged, or of a run that is not wanted any more
                old.unlink()
            return
        self.model.optimizer.build(self.model.trainable_variables)
        self._restore_variables()
        for other in self.others:
            self.restore(other)

    def on_epoch_end(self, epoch, logs=None):
        """Saves a checkpoint, but for an epoch whose loss is no number: the last good one stays."""
        losses = [(logs or {}).get(name, 0.0) for name in ("loss", "val_loss")]
        if not np.isfinite(losses).all():
            return
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self.seconds = time.perf_counter() - self._started
        self.finished = self.model.stop_training or epoch + 1 == self.params["epochs"]
        arrays = {key: keras.ops.convert_to_numpy(v) for key, v in self._variables().items()}
        states = {str(i): _get_state(other) for i, other in enumerate(self.others)}
        state = {
            "version": _VERSION, "epochs": epoch + 1, "finished": self.finished,
            "history": self.history, "seconds": self.seconds,
            "callbacks": {index: _without_arrays(s, index, arrays) for index, s in states.items()},
        }  # fmt: skip
        _write(self.folder / f"epoch-{epoch + 1:06d}.npz", arrays, state)
        for old in self._found()[self.KEPT :]:
            old.unlink()

    def restore(self, callback: keras.callbacks.Callback) -> None:
        """Gives one of `callbacks` the checkpoint's state, where `fit` has nothing left to do."""
        index = self.others.index(callback)
        state = self._state.get("callbacks", {}).get(str(index))
        _set_state(callback, _with_arrays(state, str(index), self._arrays))

    def _found(self):
        """Checkpoint files, newest first."""
        return sorted(self.folder.glob("epoch-*.npz"), reverse=True)

    def _read_newest(self):
        for path in self._found():
            try:
                return _read(path)
            except Exception as error:  # of zip, its decompressors, NumPy or JSON
                self.problems.append(f"The checkpoint {path} cannot be read ({error}): not used.")
        return None, {}

    def _variables(self):
        """Every variable that training changes, by its place (layer names vary by process)."""
        model = {f"model/{i}/{v.name}": v for i, v in enumerate(self.model.variables)}
        optimizer = self.model.optimizer
        name = type(optimizer).__name__
        return model | {f"{name}/{i}": v for i, v in enumerate(optimizer.variables)}

    def _restore_variables(self):
        variables = self._variables()
        arrays = self._arrays.items()
        found = {k: v.shape for k, v in arrays if not k.startswith(_OF_CALLBACKS)}
        wanted = {key: tuple(variable.shape) for key, variable in variables.items()}
        if found != wanted:
            strange = sorted(set(found.items()) ^ set(wanted.items()))[0][0]
            raise ValueError(
                f"The checkpoint in {self.folder} belongs to another model or optimizer: they "
                f"differ in {strange!r}. Build the same model, or start without resuming."
            )
        for key, variable in variables.items():
            variable.assign(self._arrays[key])


def _get_state(callback):
    if hasattr(callback, "get_state"):
        return callback.get_state()
    for kind, names in _REMEMBERED.items():
        if isinstance(callback, kind):
            return {name: getattr(callback, name) for name in names}
    return None


def _set_state(callback, state):
    if hasattr(callback, "set_state"):
        callback.set_state(state)
    elif state is not None:
        for name, value in state.items():
            setattr(callback, name, value)


def _without_arrays(state, index, arrays):
    """A state whose lists of arrays are moved to `arrays`; their number stays behind."""
    plain = dict(state or {})
    for name, value in plain.items():
        if isinstance(value, list) and all(isinstance(each, np.ndarray) for each in value):
            arrays |= {f"{_OF_CALLBACKS}{index}/{name}/{i}": a for i, a in enumerate(value)}
            plain[name] = {"arrays": len(value)}
    return plain or state


def _with_arrays(state, index, arrays):
    """What `_without_arrays` was given."""
    found = dict(state or {})
    for name, value in found.items():
        if isinstance(value, dict) and [*value] == ["arrays"]:
            keys = [f"{_OF_CALLBACKS}{index}/{name}/{i}" for i in range(value["arrays"])]
            found[name] = [arrays[key] for key in keys]
    return found or state


def _write(path, arrays, state):
    """Writes a checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".tmp")
    with partial.open("wb") as file:
        text = np.array(json.dumps(state, default=np.generic.item))
        np.savez(file, state=text, **{f"v/{k}": v for k, v in arrays.items()})
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _read(path):
    with path.open("rb") as opened, np.load(opened) as file:  # plain arrays: nothing is unpickled
        arrays = {key.removeprefix("v/"): file[key] for key in file.files if key != "state"}
        state = json.loads(str(file["state"]))
    if state.get("version") != _VERSION:
        raise ValueError("another version wrote it")
    return arrays, state
