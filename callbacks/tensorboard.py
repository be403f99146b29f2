"""TensorBoard logs of a run, written without TensorFlow so that every backend has them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tensorboardX import summary

from callbacks import summaries
from callbacks.checks import check_mode
from callbacks.events import EventFile, event_files, rewind
from callbacks.graph import graph_def
from callbacks.norms import measuring
from callbacks.optimizers import momenta
from callbacks.schedules import evaluate


class TensorBoard(keras.callbacks.Callback):
    """Writes a run worth browsing into one folder, each thing once.

    - The curves of each epoch (`epoch/loss`, `epoch/val_loss`, ...; the tab Custom Scalars draws
      both in one chart), and `step/learning_rate` and `step/momentum`. These are computed from the
      optimizer's schedules, so they cost the training loop nothing and are right under
      `steps_per_execution`.
    - What compares runs: the hyperparameters, `best_epoch/val_loss` and so on (all validation
      scores of the epoch that is best by the monitor, so far, for the HParams tab), and
      `epoch/steps_per_second`, validation left out; in the first epoch that counts compiling.
    - The graph of the layers, texts, figures, and on request weight histograms and the norms of
      gradients and updates (`callbacks.with_norms` measures those).

    All of it is one run of TensorBoard, which ticks no run by itself where there are more than 40.

    No hook runs at each batch. With `Checkpoint`, a resumed run goes on in the same folder as if
    it had never stopped.

    Args:
        log_dir: Folder of the run.
        figures: Called as `figures(epoch)` after some epochs; returns `{tag: value}` for the
            validation data, with whatever `callbacks.summaries.to_summary` takes: figures, texts,
            images, PR curves. Defaults to none.
        figure_freq: Epochs between figures. Defaults to 5; the last epoch gets some too.
        texts: `{tag: Markdown}` to write once, such as the configuration.
        hparams: Settings by name, for the HParams tab. Defaults to none: leave them out where
            keras-tuner writes its own.
        monitor: Score that tells which epoch is best. Defaults to `"val_loss"`.
        mode: `"min"` where less of it is better, else `"max"`. Defaults to `"min"`.
        histogram_freq: Epochs between histograms of the weights. Defaults to 0, for none.
        graph: Whether to draw the model. Defaults to True.
        descriptions: What a score of the epochs is, by its name, such as its unit: shown beside its
            curve. Defaults to nothing.

    >>> import tempfile
    >>> from pathlib import Path
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> x = np.ones((8, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = model.fit(x, x, validation_data=(x, x), verbose=0,
    ...                   callbacks=[callbacks.TensorBoard(folder)])
    ...     len(list(Path(folder).iterdir()))
    1
    """

    #: Points of the curves by step; TensorBoard itself shows no more than 1,000.
    MAX_RATE_POINTS = 1000

    #: Fraction of the time that figures may take, those of the first and the last epoch apart.
    MAX_FIGURE_FRACTION = 0.01

    def __init__(
        self,
        log_dir: str | Path,
        figures: Callable[[int], Mapping[str, Any]] | None = None,
        figure_freq: int = 5,
        texts: Mapping[str, str] | None = None,
        hparams: Mapping[str, Any] | None = None,
        monitor: str = "val_loss",
        mode: str = "min",
        histogram_freq: int = 0,
        graph: bool = True,
        descriptions: Mapping[str, str] | None = None,
    ):
        super().__init__()
        check_mode(mode)
        self.log_dir = Path(log_dir)  # keras-tuner sets it to one for each trial, as a text
        self.figures, self.figure_freq = figures, figure_freq
        self.texts, self.descriptions = texts or {}, descriptions or {}
        self.hparams = hparams
        self.monitor, self.mode = monitor, mode
        self.histogram_freq, self.graph = histogram_freq, graph
        self._file: EventFile | None = None
        self._epoch = None
        self._best: float | None = None
        self._write_head = True

    def _writer(self) -> EventFile:
        if self._file is None:
            self._file = EventFile(self.log_dir)
        return self._file

    def _add(self, value, step):
        self._writer().add(value, step)

    def _add_scalar(self, tag, value, step):
        found = summary.scalar(tag, float(value))
        if text := self.descriptions.get(tag.partition("/")[2]):
            metadata = found.value[0].metadata
            metadata.summary_description = text
            metadata.plugin_data.plugin_name = "scalars"
            # `data_class`, a scalar, which tensorboardX does not know; TensorBoard asks for it.
            metadata.MergeFromString(b"\x20\x01")
        self._add(found, int(step))

    def get_state(self) -> dict:
        """What `Checkpoint` saves: how long the event files are, and what they end with."""
        if self._file is not None:
            self._file.flush()
        files = event_files(self.log_dir)
        return {"files": files, "logged_steps": self._logged_steps, "best": self._best}

    def set_state(self, state: dict | None) -> None:
        """Cuts the event files back to a saved state; `None` empties the folder of them."""
        if self._file is not None:
            raise ValueError("The event files are open already: nothing can be cut back.")
        rewind(self.log_dir, state["files"] if state else {})
        self._logged_steps = state["logged_steps"] if state else 0
        self._best = state.get("best") if state else None
        self._write_head = state is None

    def on_train_begin(self, logs=None):
        """Remembers how far the optimizer has come; writes nothing, for that may be cut back."""
        self._logged_steps = int(self.model.optimizer.iterations.numpy())
        self._began = time.perf_counter()
        self._drawing = 0.0
        self._ok = True

    def on_epoch_begin(self, epoch, logs=None):
        """Before the first epoch, writes what does not change."""
        if self._write_head:
            self._write_head = False
            if self.hparams is not None:
                self._add(summaries.session_start(self.hparams), 0)
            for tag, text in self.texts.items():
                self._add(summaries.to_summary(tag, text), 0)
            graph = graph_def(self.model) if self.graph else None
            if graph is not None:
                self._writer().add_graph(graph)
        if measure := measuring(self.model.optimizer):
            measure.reset_norms()
        self._trained = None
        self._epoch_began = time.perf_counter()

    def on_test_begin(self, logs=None):
        """Stops the clock when validation begins."""
        if self._trained is None:
            self._steps = int(self.model.optimizer.iterations.numpy())
            self._trained = time.perf_counter() - self._epoch_began

    def on_epoch_end(self, epoch, logs=None):
        """Writes the scores of the epoch, the rates of its steps and, now and then, figures."""
        self.on_test_begin()
        logs = logs or {}
        self._ok = all(math.isfinite(value) for value in logs.values())
        if epoch == 0:
            self._add(summaries.layout(logs), 0)
        for name, value in logs.items():
            self._add_scalar(f"epoch/{name}", value, epoch)
        self._write_best(epoch, logs)
        measure = measuring(self.model.optimizer)
        for name, value in (measure.norms() if measure else {}).items():
            self._add_scalar(f"epoch/{name}", value, epoch)
        self._write_rates(epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            seen: dict[str, int] = {}
            for variable in self.model.weights:
                count = seen[variable.path] = seen.get(variable.path, 0) + 1
                tag = variable.path if count == 1 else f"{variable.path}_{count}"
                found = summaries.histogram(tag, keras.ops.convert_to_numpy(variable))
                if found is not None:
                    self._add(found, epoch)
        self._epoch = epoch
        most = self.MAX_FIGURE_FRACTION * (time.perf_counter() - self._began)
        in_time = not self._drawing or self._drawing < most
        self._drawn = in_time and bool(self.figure_freq) and epoch % self.figure_freq == 0
        if self._drawn:
            self._write_figures(epoch)
        self._writer().flush()

    def on_train_end(self, logs=None):
        """Writes the last figures and closes the files."""
        if self._epoch is not None and not self._drawn:
            self._write_figures(self._epoch)
        if self.hparams is not None:
            self._add(summaries.session_end(self._ok), 0)
        self.close()

    def close(self) -> None:
        """Closes the event files; needed only where training was left by an exception."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _write_best(self, epoch, logs):
        score, best = float(logs.get(self.monitor, math.nan)), self._best
        better = best is None or (score < best if self.mode == "min" else score > best)
        if not math.isfinite(score) or not better:
            return
        self._best = score
        for name, value in logs.items():
            if name.startswith("val_") or name == self.monitor:
                self._add_scalar(f"best_epoch/{name}", value, epoch)

    def _write_rates(self, epoch):
        first, last = self._logged_steps, self._steps
        if last <= first:
            return
        if self._trained:
            self._add_scalar("epoch/steps_per_second", (last - first) / self._trained, epoch)
        optimizer = self.model.optimizer
        steps = np.arange(first, last)
        epochs = self.params.get("epochs") or 1
        steps = steps[:: max(1, len(steps) * epochs // self.MAX_RATE_POINTS)]
        every = getattr(optimizer, "gradient_accumulation_steps", None)
        positions = (steps + 1) * every - 1 if every else steps  # where schedules are by then
        rates, momentum = learning_rates(optimizer, positions), momenta(optimizer, positions)
        for tag, values in (("learning_rate", rates), ("momentum", momentum)):
            if values is not None:
                for step, value in zip(steps, values, strict=True):
                    self._add_scalar(f"step/{tag}", value, step)
        self._logged_steps = last

    def _write_figures(self, epoch):
        if self.figures is None:
            return
        began = time.perf_counter()
        for tag, value in self.figures(epoch).items():
            self._add(summaries.to_summary(tag, value), epoch)
        self._drawing += time.perf_counter() - began


def learning_rates(
    optimizer: keras.optimizers.Optimizer, steps: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Learning rate of an optimizer at some steps `(n,)`; without a schedule, today's for all."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = keras.optimizers.serialize(optimizer)["config"]["learning_rate"]
    if isinstance(schedule, dict):
        schedule = keras.saving.deserialize_keras_object(schedule)
    return evaluate(schedule, steps)
