"""Time series as arrays."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TimeSeries:
    """One or several series in one table, every series a block of rows that follow in time.

    A `ValueError` if an array is not as described, or a name or an id is there twice.

    Args:
        values: float32 `(steps, channels)`, finite. First the targets, then the past covariates.
        targets: Names of the first channels: what is forecast.
        past_covariates: Names of the other channels: observed up to a forecast's origin only.
        times: `(steps,)` datetime64[s], or int64 row numbers within each series.
        offsets: int64 `(num_series + 1,)`: series `i` is rows `offsets[i]` to `offsets[i + 1] - 1`.
        ids: One text per series, `("",)` for a single unnamed one.
        future_covariates: float32 `(steps + num_series * future, num_future)`, finite: what is
            known in advance, such as features of the dates. Those of series `i` start at row
            `offsets[i] + i * future`.
        future_names: Names of the columns of `future_covariates`; may be empty.
        future: Rows of `future_covariates` beyond the end of each series.
        future_times: `(num_series, future)`, of the same type as `times`.
        notes: What was done to the data, in words.
        observed: bool `(steps, targets)`, False where a target was missing and has been filled: no
            score counts such a value. `None` where nothing was missing.

    >>> series = TimeSeries(
    ...     values=np.zeros((3, 1), np.float32), targets=("y",), past_covariates=(),
    ...     times=np.array([0, 1, 0]), offsets=np.array([0, 2, 3]), ids=("a", "b"),
    ...     future_covariates=np.zeros((3, 0), np.float32), future_names=(), future=0,
    ...     future_times=np.zeros((2, 0), np.int64), notes=())
    >>> len(series), series.num_series, series.series_of([0, 1, 2]).tolist()
    (3, 2, [0, 0, 1])
    """

    values: np.ndarray
    targets: tuple[str, ...]
    past_covariates: tuple[str, ...]
    times: np.ndarray
    offsets: np.ndarray
    ids: tuple[str, ...]
    future_covariates: np.ndarray
    future_names: tuple[str, ...]
    future: int
    future_times: np.ndarray
    notes: tuple[str, ...] = ()
    observed: np.ndarray | None = None

    def __post_init__(self):
        """Refuses arrays that contradict each other."""
        self._check_arrays()
        names = self.targets + self.past_covariates + self.future_names
        if not self.targets or len(set(names)) < len(names):
            raise ValueError(f"Expected at least one target and distinct names. Received: {names}")
        if len(set(self.ids)) < len(self.ids):
            raise ValueError(f"Expected distinct ids. Received: {self.ids}")
        lengths = np.diff(self.offsets)
        if self.offsets[0] != 0 or self.offsets[-1] != len(self) or (lengths < 1).any():
            raise ValueError(
                f"Expected offsets that rise from 0 to {len(self)}. Received: {self.offsets}"
            )

    def _check_arrays(self):
        if self.times.dtype not in (np.dtype("datetime64[s]"), np.dtype(np.int64)):
            raise ValueError(f"Expected datetime64[s] or int64 times. Received: {self.times.dtype}")
        steps, series = len(self.times), len(self.ids)
        ahead = (steps + series * self.future, len(self.future_names))
        expected = {
            "times": (self.times.dtype, (steps,)),
            "values": ("float32", (steps, len(self.targets) + len(self.past_covariates))),
            "offsets": ("int64", (series + 1,)),
            "future_covariates": ("float32", ahead),
            "future_times": (self.times.dtype, (series, self.future)),
        }
        for name, (dtype, shape) in expected.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"Expected {name} of shape {shape}. Received: {array.shape}")
            if array.dtype != dtype:
                raise ValueError(f"Expected {name} of type {dtype}. Received: {array.dtype}")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(f"Expected finite {name}. Received: NaN or infinity in it.")

    def __len__(self) -> int:
        """Returns the number of rows of all series together."""
        return len(self.times)

    @property
    def num_series(self) -> int:
        """The number of series."""
        return len(self.ids)

    def series_of(self, rows) -> np.ndarray:
        """The index of the series that each of some rows of `values` belongs to, int64."""
        return np.searchsorted(self.offsets, rows, side="right") - 1

    def each_row(self, values) -> np.ndarray:
        """What is said of each series, for each of its rows."""
        return np.repeat(values, np.diff(self.offsets), axis=0)

    def future_rows(self, rows) -> np.ndarray:
        """The rows of `future_covariates` that belong to rows of `values`, int64.

        For times beyond a series' end, add the distance to the row of one of its own values.
        """
        return np.asarray(rows) + self.series_of(rows) * self.future
