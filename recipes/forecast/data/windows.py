"""Forecast windows: cut from a series when they are needed, never stored.

A window that starts at row `s` has the inputs `s ... s + window - 1`. The output that stands at
input step `t` has the targets `s + t + 1 ... s + t + horizon`. A window of a short series may start
before the series does (`s` is then a row of the one before, or negative): it begins with the first
value of its own, repeated.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recipes.data.batches import Batches, Passes, epochs_of
from recipes.forecast.data.series import TimeSeries


@dataclass(frozen=True)
class Windows:
    """Windows over a `TimeSeries`.

    Each input step holds the values of the series at that step, followed by the future covariates
    of the `horizon` steps ahead of it. `starts` has the first row of each window, by split.
    """

    series: TimeSeries
    window: int
    horizon: int
    starts: dict[str, np.ndarray]

    @property
    def num_targets(self) -> int:
        """Number of series to forecast at once."""
        return len(self.series.targets)

    @property
    def num_features(self) -> int:
        """Number of values in each input step."""
        return self.series.values.shape[1] + self.horizon * self.series.future_covariates.shape[1]

    @cached_property
    def begins(self) -> np.ndarray:
        """First row of the series of each row."""
        return self.series.each_row(self.series.offsets[:-1])

    def series_of(self, starts) -> np.ndarray:
        """The index of the series that each window belongs to: that of its last input."""
        return self.series.series_of(starts + self.window - 1)

    def rows(self, starts, ops=np):
        """Rows `(batch, window)` of the inputs of windows, within their series."""
        steps = starts[:, None] + np.arange(self.window)
        if self.series.num_series == 1:
            return steps
        begins = ops.take(self.begins, starts + (self.window - 1), axis=0)[:, None]
        return ops.where(steps < begins, begins, steps)

    def inputs(self, starts, ops=np):
        """Inputs `(batch, window, num_features)` of the windows at `starts`, `(batch,)` int64.

        `ops` is that of `Batches.assemble`; but for `numpy`, the series must not have rows beyond
        its end.
        """
        steps = self.rows(starts, ops)
        x = ops.take(self.series.values, steps, axis=0)
        num_future = self.series.future_covariates.shape[1]
        if not num_future:
            return x
        rows = self.series.future_rows(steps) if self.series.future else steps
        ahead = rows[:, :, None] + np.arange(1, self.horizon + 1)
        future = ops.take(self.series.future_covariates, ahead, axis=0)
        future = ops.reshape(future, (-1, self.window, self.horizon * num_future))
        return ops.concatenate([x, future], axis=-1)

    def targets(self, starts, positions=None, ops=np):
        """Targets `(batch, len(positions), horizon, num_targets)` of the windows at `starts`.

        The outputs stand at the positions, input steps, by default at the last one.
        """
        positions = np.array([self.window - 1]) if positions is None else positions
        ahead = positions[:, None] + np.arange(1, self.horizon + 1)
        steps = starts[:, None, None] + ahead
        if self.series.num_series > 1 and len(positions) > 1:
            begins = ops.take(self.begins, starts + (self.window - 1), axis=0)[:, None, None]
            steps = ops.where(steps < begins, begins, steps)
        return ops.take(self.series.values, steps, axis=0)[..., : self.num_targets]

    def future_ahead(self, starts, steps):
        """Future covariates of forecasts that are fed back: `(batch, steps, num_future)`.

        Row `i` belongs to the input step `i + 1` beyond the window, and so holds the future
        covariates of the step after it. The last row is never read and repeats the one before.
        """
        ahead = np.minimum(np.arange(2, steps + 2), steps)
        rows = self.series.future_rows(starts + self.window - 1)[:, None] + ahead
        return self.series.future_covariates[rows]


class WindowBatches(Batches):
    """Batches of windows with scaled targets, by a mean and a scale of each.

    The model's outputs stand at some positions, input steps. With a `normalization`, arguments of
    the `zoo.layers.WindowNormalization` by which the model sees its windows, it sees the targets
    so, too; an error may then count as the `weights` `(steps, targets)` say of the last input.
    """

    def __init__(
        self,
        windows,
        split,
        batch_size,
        positions,
        mean=0.0,
        scale=1.0,
        seed=None,
        normalization=None,
        weights=None,
    ):
        super().__init__(windows.starts[split], batch_size, seed)
        self.windows, self.positions = windows, positions
        self.mean = np.float32(mean)
        self.scale = np.float32(scale)
        self.normalization = normalization
        self.weights = weights

    def assemble(self, examples, ops=np):
        """Inputs and scaled targets of the windows that start at `examples`."""
        targets = self.windows.targets(examples, self.positions, ops)
        inputs = self.windows.inputs(examples, ops)
        targets = (targets - self.mean) / self.scale
        if self.normalization is None:
            return inputs, targets
        x = (inputs[..., : targets.shape[-1]] - self.mean) / self.scale
        counts = None
        if self.weights is not None:
            counts = ops.take(self.weights, examples + (self.windows.window - 1), axis=0)
        if self.normalization["method"] == "last":
            targets = targets - x[:, -1:, None]
        else:
            epsilon = np.float32(self.normalization["epsilon"])
            deviation = ops.sqrt(ops.var(x, axis=1, keepdims=True) + epsilon)
            targets = (targets - ops.mean(x, axis=1, keepdims=True)[:, None]) / deviation[:, None]
            counts = None if counts is None else counts * deviation[:, 0]
        if counts is None:
            return inputs, targets
        return inputs, targets, ops.reshape(ops.mean(counts, axis=-1), (-1, 1, 1))


class WindowPasses(Passes):
    """Windows in the order of `Passes`, named by their first rows.

    The first one of each series begins in row `firsts`, and `counts` follow row by row; see
    `epochs_of` for the rest.

    >>> passes = WindowPasses(np.array([0, 9]), np.array([2, 3]), least=1, epochs=1)
    >>> sorted(passes.order(seed=1, epoch=0).tolist())
    [0, 1, 9, 10, 11]
    """

    def __init__(self, firsts, counts, least, epochs):
        self.ends = np.cumsum(counts)
        super().__init__(self.ends[-1], epochs_of(self.ends[-1], least, epochs).size)
        self.shifts = firsts - (self.ends - counts)

    def order(self, seed, epoch):
        """First rows of the windows of an epoch, int64."""
        numbers = super().order(seed, epoch)
        return numbers + self.shifts[np.searchsorted(self.ends, numbers, side="right")]


def output_positions(time_out: int, window: int, stride: int = 1) -> np.ndarray:
    """Input steps at which a model's outputs stand; the last one is the last input step.

    >>> output_positions(24, 50, stride=2)[[0, 1, -1]]
    array([ 3,  5, 49])
    """
    return window - 1 - stride * np.arange(time_out - 1, -1, -1)
