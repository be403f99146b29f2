"""Forecasts of a trained model, in the data's units."""

from dataclasses import dataclass, replace
from statistics import NormalDist

import keras
import numpy as np

import zoo

CHUNK = 256


@dataclass(frozen=True)
class Forecasts:
    """Forecasts `(n, horizon, targets)`, made at the end of some windows.

    The `point` is the mean, or the median of a quantile head; intervals have lower and upper bounds
    by nominal coverage in percent, and the `deviation` is that of a Gaussian head.
    """

    point: np.ndarray
    intervals: dict[int, tuple[np.ndarray, np.ndarray]]
    deviation: np.ndarray | None = None

    def __len__(self) -> int:
        """How many windows."""
        return len(self.point)

    @property
    def quantiles(self) -> dict[float, np.ndarray]:
        """By probability, the ends of all intervals, and the point forecast as the median."""
        found = {0.5: self.point}
        for level, (lower, upper) in self.intervals.items():
            found |= {0.5 - level / 200: lower, 0.5 + level / 200: upper}
        return found

    @property
    def widest(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The 80 % interval when there is one, else the widest, else `None`."""
        if not self.intervals:
            return None
        return self.intervals.get(80) or self.intervals[max(self.intervals)]

    def __mul__(self, factor: float) -> "Forecasts":
        """Those times a number, for a weighted mean."""
        bounds = {key: (low * factor, high * factor) for key, (low, high) in self.intervals.items()}
        return Forecasts(self.point * factor, bounds)

    def __add__(self, other: "Forecasts") -> "Forecasts":
        """The sum, with the intervals that both have."""
        both = [key for key in self.intervals if key in other.intervals]
        pairs = {key: zip(self.intervals[key], other.intervals[key], strict=True) for key in both}
        bounds = {key: tuple(a + b for a, b in pair) for key, pair in pairs.items()}
        return Forecasts(self.point + other.point, bounds)

    def take(self, rows) -> "Forecasts":
        """Those at some positions."""
        bounds = {key: (low[rows], high[rows]) for key, (low, high) in self.intervals.items()}
        deviation = None if self.deviation is None else self.deviation[rows]
        return Forecasts(self.point[rows], bounds, deviation)


class Forecaster:
    """Calls a trained model on windows, in chunks of one fixed size.

    The same windows give the same numbers to the last digit, in whatever process they are asked
    for: what a run writes, `zoo predict` repeats. Intervals may be those of samples of Monte-Carlo
    dropout; with `recursive_steps`, a one-step model is rolled forward.
    """

    def __init__(self, model, head="point", quantiles=(), mc_samples=0, recursive_steps=0, seed=0):
        self.model, self.head = model, head
        self.quantiles = tuple(quantiles)
        self.mc_samples, self.recursive_steps, self.seed = mc_samples, recursive_steps, seed

    def __call__(self, windows, starts) -> Forecasts:
        """Forecasts at the end of the windows of a `Windows` that start at the rows `starts`."""
        if not len(starts):
            raise ValueError("There are no windows to forecast from.")
        if self.recursive_steps:  # the model reads what is known one step ahead
            windows = replace(windows, horizon=1)
        parts = []
        for first in range(0, len(starts), CHUNK):
            chunk = starts[first : first + CHUNK]
            padded = np.concatenate([chunk, np.repeat(chunk[-1:], CHUNK - len(chunk))])
            parts.append(self._chunk(windows, padded, first)[: len(chunk)])
        return self._read(np.concatenate(parts))

    def _chunk(self, windows, starts, first):
        inputs = windows.inputs(starts)
        if self.recursive_steps:
            steps = self.recursive_steps
            ahead = windows.future_ahead(starts, steps)
            return zoo.decoding.forecast_recursively(self.model, inputs, steps, ahead)
        if self.mc_samples:
            how = {"samples": self.mc_samples, "seed": self.seed + first}
            sampled = zoo.monte_carlo(self.model, inputs, **how)
            bounds = [sampled.quantile(q)[:, -1] for q in _TAILS]
            return np.stack([sampled.mean[:, -1], *bounds], axis=-1)
        return np.asarray(self.model.predict_on_batch(inputs))[:, -1]

    def _read(self, raw) -> Forecasts:
        if self.mc_samples and not self.recursive_steps:
            low_95, low_80, high_80, high_95 = np.moveaxis(raw[..., 1:], -1, 0)
            return Forecasts(raw[..., 0], {80: (low_80, high_80), 95: (low_95, high_95)})
        if self.recursive_steps or self.head == "point":
            return Forecasts(raw, {})
        if self.head == "gaussian":
            mean, stddev = raw[..., 0], raw[..., 1]
            z = {level: NormalDist().inv_cdf(0.5 + level / 200) for level in (80, 95)}
            bounds = {k: (mean - v * stddev, mean + v * stddev) for k, v in z.items()}
            return Forecasts(mean, bounds, stddev)
        intervals = {}
        for low, q in enumerate(self.quantiles):
            mirrored = [i for i, p in enumerate(self.quantiles) if abs(p + q - 1) < 1e-9 and p > q]
            if mirrored:
                intervals[round(100 * (1 - 2 * q))] = (raw[..., low], raw[..., mirrored[0]])
        return Forecasts(raw[..., median_index(self.quantiles)], intervals)


_TAILS = (0.025, 0.1, 0.9, 0.975)


def median_index(quantiles) -> int:
    """Index of the quantile nearest to the median.

    >>> median_index((0.1, 0.5, 0.9))
    1
    """
    return int(np.argmin(np.abs(np.asarray(quantiles) - 0.5)))


def last_step_metrics(head, quantiles, loss) -> list[keras.metrics.Metric]:
    """What to watch while a forecaster trains: the last output alone, in scaled units."""
    point = {"point": None, "gaussian": 0, "quantile": median_index(quantiles)}[head]
    errors = [zoo.metrics.LastStep(error, point) for error in ("mse", "mae")]
    return errors if head == "point" else [*errors, zoo.metrics.LastStepLoss(loss)]
