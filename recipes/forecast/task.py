"""The forecasting task: windows, scaling, baselines, and what a trained model is asked for."""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

import zoo
from recipes.data.batches import spread
from recipes.data.dates import show
from recipes.data.files import say_notes
from recipes.data.larger import stored
from recipes.engine.selection import Mixture, likeliest_weights
from recipes.engine.task import Figure, Section, Trained
from recipes.errors import some
from recipes.forecast import baselines, comparing, plots, statistics, tables
from recipes.forecast.config import ForecastConfig
from recipes.forecast.continuing import scaling_of, window_normalization_of
from recipes.forecast.data.larger import Larger, StoredSeries
from recipes.forecast.data.splits import apart, split_in_time, window_starts
from recipes.forecast.data.windows import WindowBatches, WindowPasses, Windows, output_positions
from recipes.forecast.differencing import changes, choose_lag
from recipes.forecast.forecasts import Forecaster, Forecasts
from recipes.forecast.intervals import ConformalIntervals
from recipes.forecast.ridge import LinearStart, find_start, fit_again
from recipes.forecast.scores import by_series, distribution_scores, naive_mae, score, window_errors

#: Windows at most by which the weights of a mean are chosen, and an error that is as good as none.
MAX_WEIGHED, TINY = 2_000, 1e-9
#: Windows at most on which the training scores are computed, evenly spaced.
MAX_TRAIN_SCORED = 20_000


@dataclass(frozen=True)
class ForecastTask:
    """What `load_data` of the forecast recipe returns.

    `decided` is what was found out about the form of the file, see `TableFile.decided`; `each`,
    whether folds split each series at its own end; `known`, a saved model that is trained further;
    `chosen`, the linear forecast that was chosen before, to be fitted again; `larger`, all series,
    where the windows are of a sample; `skip`, that of `split_in_time`; `whole`, whether nothing is
    held back.
    """

    config: ForecastConfig
    windows: Windows
    decided: Mapping = field(default_factory=dict)
    each: bool = False
    chosen: LinearStart | None = None
    known: Any = None
    larger: Larger | None = None
    skip: float = 0.0
    whole: bool = False

    suggestions = (
        "--difference 1 or the length of the season, another --learning_rate, more --epochs"
    )

    @property
    def FOLDS(self) -> tuple[str, str]:  # noqa: N802
        """Title of the folds' section in the report, and what they are."""
        if self.trains_each_fold:
            return "Backtest", "Each row is a model of its own, trained on what came before."
        return "Backtest", "One model, trained before the first row, forecasts all of them."

    @property
    def trains_each_fold(self) -> bool:
        """Whether every fold of a backtest has a model of its own."""
        return self.config.backtest_refit

    @property
    def primary_metric(self) -> str:
        """The score by which the report compares, the one that the loss comes closest to."""
        if self.config.loss == "mse":
            return "mse"
        return "mae" if self.windows.series.num_series == 1 else "mase"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, in words."""
        notes = self.windows.series.notes
        if self.difference and self.config.difference is None:
            notes += (
                f"the model reads changes over {self.difference} steps, much smaller than "
                "those of the level (--difference 0 turns this off)",
            )
        if self.period > self.windows.window:
            notes += (
                f"a season of {self.period} steps is longer than --window {self.windows.window}: "
                f"the model sees no whole one (--window {2 * self.period} shows two)",
            )
        return notes + self.statistics[1]

    @property
    def description(self) -> str:
        """The data in one line."""
        series, counts = self.windows.series, self.windows.starts
        splits = ", ".join(f"{len(counts[name]):,} {name}" for name in counts)
        return (
            f"{len(series):,} steps of {', '.join(series.targets)}, {series.num_series:,} series; "
            f"windows of {self.windows.window} for {self.windows.horizon} ahead: {splits}"
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of the values and times that the run was trained on."""
        series = self.windows.series
        digest = hashlib.sha256()
        for array in (series.values, series.future_covariates, series.times.astype(np.int64)):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def metadata(self) -> dict:
        """What `config.yaml` keeps beside the flags, for `zoo predict`."""
        series, first = self.windows.series, self.windows.starts["test"]
        return {
            "first_test_origin": show(series.times[first + self.windows.window - 1].min()),
            "last_time": show(series.times.max()),
            "period": self.period,
            "window": self.windows.window,
            "difference": self.difference,
            "time": self.config.time,
            "target": list(self.config.target),
            "reading": dict(self.decided),
            "statistics": {name: each.rows for name, each in self.statistics[0].items()},
        }

    @property
    def arrays(self) -> tuple[str, str]:
        """What a model reads, and the axes of what it gives, in words."""
        windows, quantiles = self.training_windows, self.config.quantiles
        names = ", ".join((*windows.series.targets, *windows.series.past_covariates))
        if windows.series.future_names:
            known = ", ".join(windows.series.future_names)
            names += f", and then of the next {windows.horizon}, one by one: {known}"
        last = {"gaussian": ", mean and deviation", "quantile": f", quantiles {quantiles}"}
        axes = "window, step of it (the last one holds the forecast), steps ahead, target"
        return (
            f"The last {windows.window} steps, the oldest first; of each {names}.",
            f"Axes: {axes}{last.get(self.config.head, '')}.",
        )

    @property
    def training_windows(self) -> Windows:
        """The windows that the model reads: one step ahead where the forecast is recursive."""
        return replace(self.windows, horizon=1) if self.recursive else self.windows

    @property
    def recursive(self) -> bool:
        """Whether a one-step model is rolled forward over the horizon."""
        return self.config.strategy == "recursive" and self.windows.horizon > 1

    @cached_property
    def training_rows(self) -> np.ndarray:
        """Mask of the rows that training windows touch."""
        starts = self.windows.starts["train"]
        length = self.windows.window + self.windows.horizon
        change = np.zeros(len(self.windows.series) + 1, np.int64)
        begins = self.windows.begins[starts + self.windows.window - 1]
        np.add.at(change, np.maximum(starts, begins), 1)
        np.add.at(change, starts + length, -1)
        return np.cumsum(change)[:-1] > 0

    @cached_property
    def period(self) -> int:
        """Season of the naive forecast and of MASE, in steps; 1 for none."""
        return self.config.period or baselines.season_of(self.windows.series, self.training_rows)

    @cached_property
    def linear_start(self) -> LinearStart | None:
        """The best linear forecast of validation, where it decides how windows are seen."""
        if self.config.window_normalization != "auto" or self.known is not None:
            return None
        windows = self.training_windows
        normalizations = ("standard", "last") if windows.window > 1 else ("last",)
        if windows.series.num_series == 1 and self.config.normalization == "standard":
            normalizations += ("none",)  # one level for all is that of the one series
        rows = windows.series.values[self.training_rows, : windows.num_targets]
        scaling = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
        scaling = scaling[0], np.where(scaling[1] > 0, scaling[1], 1.0)
        units = self._least_variance, scaling
        if self.chosen is not None:
            return fit_again(self.chosen, windows, self.naive_mae, *units)
        return find_start(windows, self.naive_mae, self.period, normalizations, *units)

    def everything(self) -> "ForecastTask":
        """The same task with nothing held back: all windows are for training.

        What was decided (season, differences, window, linear forecast) stays. The validation part
        is now one of training: it only watches.
        """
        starts = {**self.windows.starts, "train": self._all_starts(self.windows)}
        windows = replace(self.windows, starts=starts)
        config = replace(self.config, period=self.period, difference=self.difference)
        return replace(self, config=config, windows=windows, chosen=self.linear_start, whole=True)

    def _all_starts(self, windows):
        """First rows of windows from the first one of each series on."""
        kept = 1 - self.config.validation_fraction - self.config.test_fraction
        starts = window_starts(windows.series, windows.window, windows.horizon, kept)
        first = np.full(windows.series.num_series, len(windows.series))
        for part in windows.starts.values():
            np.minimum.at(first, windows.series_of(part), part)
        return starts[starts >= first[windows.series_of(starts)]]

    @cached_property
    def difference(self) -> int:
        """The lag that the model differences the series by; 0 for none."""
        if self.config.difference is not None:
            return self.config.difference
        if self.linear_start is not None or self.known is not None:
            return 0  # its map holds what changes there are
        windows = self.windows
        sizes = windows.window, windows.horizon
        return choose_lag(windows.series, self.training_rows, self.period, *sizes)

    @cached_property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of every input feature over the training rows.

        Where the model reads changes, the deviation is that of the changes.
        """
        if self.known is not None:
            return scaling_of(self.known)
        windows = self.training_windows
        series, rows = windows.series, self.training_rows
        used = np.flatnonzero(rows)
        values = series.values[used]
        ahead = series.future_covariates[series.future_rows(used)]
        parts = [values, *[ahead] * windows.horizon]
        mean = np.concatenate([part.mean(axis=0, dtype=np.float64) for part in parts])
        if self.difference:
            found = changes(series, rows, self.difference, values.shape[1])
            parts[0] = found if len(found) else values
        stddev = np.concatenate([part.std(axis=0, dtype=np.float64) for part in parts])
        return mean, np.where(stddev > 1e-7 * np.maximum(np.abs(mean), 1e-30), stddev, 1.0)

    def batches(self, split, built, seed=None):
        """Batches of a split for the training model: shuffled with a seed, in order without."""
        windows = self.training_windows
        weights = self.row_weights if self.window_normalization else None
        if split == "train" and self.larger:
            windows, weights = self.stored
        time_out = built.training_model.output_shape[1]
        stride = zoo.output_stride(built.training_model)
        mean, scale = self.target_scaling
        return WindowBatches(
            windows, split, self.config.batch_size if seed is not None else 1024,
            output_positions(time_out, windows.window, stride), mean, scale, seed,
            self.window_normalization, weights,
        )  # fmt: skip

    @cached_property
    def stored(self) -> tuple[Windows, Any]:
        """The windows to train on of all series, on the disk, and what errors count by row."""
        sample, left = self.windows, []
        config = replace(self.config, period=self.period)

        def read(series, names):
            windows = replace(sample, series=series, starts=self._split(series, sample.series))
            starts = self._all_starts(windows) if self.whole else windows.starts["train"]
            counts = np.bincount(windows.series_of(starts), minlength=series.num_series)
            left.extend(sorted({*names}.difference(np.array(series.ids)[counts > 0])))
            found = {"lengths": np.diff(series.offsets), "counts": counts}
            found["firsts"] = np.append(starts, 0)[np.cumsum(counts) - counts] - series.offsets[:-1]
            found["units"] = replace(self, config=config, windows=windows).naive_mae
            mine = np.isin(series.ids, names)
            found = {name: array[mine] for name, array in found.items()}
            rows = {"values": series.values, "future": series.future_covariates}
            rows = {name: array[series.each_row(mine)] for name, array in rows.items()}
            return found | {name: array for name, array in rows.items() if array.shape[1]}

        files, key = self.larger.stored, (self.skip, self.whole)
        if key not in files:  # by another model of this run
            files[key] = stored(itertools.starmap(read, self.larger.parts()), self.larger.rows.path)
            counts = files[key]["counts"][:]
            what = f"{counts.sum():,} windows of {(counts > 0).sum():,} series"
            fewer = f"; {len(left):,} series with none to train on are left out: {some(left)}"
            say_notes([f"{what} are read from the disk{fewer * bool(left)}"])
        found, counts = files[key], files[key]["counts"][:]
        series = StoredSeries(found, sample.series)
        firsts, least = series.offsets[:-1] + found["firsts"][:], len(sample.starts["train"])
        starts = WindowPasses(firsts, counts, least, config.epochs)
        weights = self._weights(found["units"][:], counts) / self._series_weights[1]
        windows = replace(self.training_windows, series=series, starts={"train": starts})
        return windows, series.each_row(np.float32(weights)) if self.window_normalization else None

    @cached_property
    def row_weights(self) -> np.ndarray:
        """How much errors of a window count, by its last input's row: `(steps, targets)`.

        So much that each series counts alike in MASE, whatever its length and size.
        """
        found, mean = self._series_weights
        return self.windows.series.each_row(np.float32(found / mean))

    @cached_property
    def _series_weights(self):
        """The same of each series, before division by the mean; and the mean, of windows."""
        series, starts, size = self.windows.series, self.windows.starts["train"], 1.0
        counts = np.bincount(self.windows.series_of(starts), minlength=series.num_series)
        found = self._weights(self.naive_mae, counts)
        if self.per_window:  # the errors are in units of the window's deviation
            starts = starts[spread(len(starts), 1000)]
            size = self.windows.inputs(starts)[..., : self.windows.num_targets].std(axis=1)
        return found, (found[self.windows.series_of(starts)] * size).mean()

    def _weights(self, units, counts):
        units = units / self.target_scaling[1]
        return np.nan_to_num(1 / (units * np.maximum(counts, 1)[:, None]))

    @property
    def per_window(self) -> bool:
        """Whether every window is scaled by its own deviation."""
        found = self.window_normalization
        return found is not None and found["method"] == "standard"

    @cached_property
    def window_normalization(self):
        """Arguments of the `zoo.layers.WindowNormalization` in the model; `None` for none."""
        if self.known is not None:
            return window_normalization_of(self.known)
        start, method = self.linear_start, self.config.window_normalization
        method = method if start is None else start.normalization
        if method == "none":
            return None
        targets = self.windows.num_targets
        return {"method": method, "channels": targets, "epsilon": self._least_variance}

    @cached_property
    def _least_variance(self):
        series, targets = self.windows.series, self.windows.num_targets
        deviations = [
            series.values[begin:end, :targets][self.training_rows[begin:end]].std(axis=0)
            for begin, end in itertools.pairwise(series.offsets)
            if self.training_rows[begin:end].any()
        ]
        # What a constant window is divided by: little, beside the series that move least.
        least = 0.1 * np.quantile(np.concatenate(deviations), 0.05, method="lower")
        return max(float(least) ** 2, 1e-12)

    @property
    def target_scaling(self):
        """Mean and scale of the targets that the training model forecasts in."""
        if self.config.normalization == "none" or self.per_window:
            return np.zeros(self.windows.num_targets), np.ones(self.windows.num_targets)
        return tuple(part[: self.windows.num_targets] for part in self.scaling)

    def predictor(self, model) -> Forecaster:
        """Wraps a trained model so that it forecasts windows in the data's units."""
        config = self.config
        return Forecaster(
            model, config.head, config.quantiles, config.mc_samples,
            self.windows.horizon if self.recursive else 0, config.seed,
        )  # fmt: skip

    def predict(self, predictor, split) -> Forecasts:
        """What `predictor(windows, starts)` says about the windows of a split that are scored."""
        starts = self._scored(split)
        found = predictor(self.windows, starts)
        if not self.config.conformal or not isinstance(predictor, Forecaster | Mixture):
            return found
        if split != "test":
            return self._intervals(predictor).around(self.windows, starts, found)
        actual = self._observed(starts)
        return self._intervals(predictor).followed(self.windows, starts, found, actual)[0]

    def _intervals(self, predictor):
        """Those of the model, calibrated on the validation part."""
        levels, starts = self.config.conformal, self.windows.starts["validation"]
        found, actual = predictor(self.windows, starts), self._observed(starts)
        return ConformalIntervals.fit(levels, self.windows, starts, found, actual, self.period)

    def conformal(self, predictor) -> ConformalIntervals | None:
        """What the intervals of later forecasts follow from; `None` where none are asked for."""
        if not self.config.conformal:
            return None
        starts = self.windows.starts["test"]
        found, actual = predictor(self.windows, starts), self._observed(starts)
        return self._intervals(predictor).followed(self.windows, starts, found, actual)[1]

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of the forecasts of a split."""
        starts, series = self._scored(split), self.windows.series
        actual, which = self._observed(starts), self.windows.series_of(starts)
        units, targets = self.naive_mae, series.targets
        compared = score(actual, self.naive2(self.windows, starts), units, targets, which)
        reference = compared["smape"], compared["mase"]
        found = score(actual, predictions, units, targets, which, reference)
        if self.probabilistic:
            found |= distribution_scores(actual, predictions)
        return found

    @property
    def probabilistic(self) -> bool:
        """Whether the model says more than a point, so that distributions are scored."""
        config = self.config
        return config.head != "point" or bool(config.mc_samples or config.conformal)

    def _scored(self, split):
        starts = self.windows.starts[split]
        return starts[spread(len(starts), MAX_TRAIN_SCORED if split == "train" else len(starts))]

    def _observed(self, starts):
        """What the windows should forecast, NaN where the data did not say."""
        actual, observed = self.windows.targets(starts)[:, 0], self.windows.series.observed
        if observed is None:
            return actual
        ahead = np.arange(self.windows.window, self.windows.window + self.windows.horizon)
        seen = observed[starts[:, None] + ahead]
        # A step that was never seen leaves nothing to count but what it was filled with.
        return np.where(seen | ~seen.any(axis=0), actual, np.nan)

    @cached_property
    def naive_mae(self) -> np.ndarray:
        """The units of MASE, `(series, targets)`."""
        series, targets = self.windows.series, self.windows.num_targets
        return naive_mae(series, self.rows_before_test, self.period, targets)

    @cached_property
    def rows_before_test(self) -> np.ndarray:
        """Mask of the rows before the first that a test window forecasts, series by series."""
        series, starts = self.windows.series, self.windows.starts["test"]
        first = series.offsets[1:].copy()
        np.minimum.at(first, self.windows.series_of(starts), starts + self.windows.window)
        return np.arange(len(series)) < np.repeat(first, np.diff(series.offsets))

    @cached_property
    def naive2(self) -> baselines.Naive2:
        """The forecast that OWA compares with."""
        return baselines.Naive2(self.windows.series, self.rows_before_test, self.period)

    def baselines(self) -> dict:
        """What a practitioner would try first: `{name: predictor(windows, starts)}`."""
        found = {"naive": baselines.naive}
        if self.period > 1:
            found["seasonal_naive"] = partial(baselines.naive, period=self.period)
        found["least_squares"] = baselines.LeastSquares(self.windows)
        return found | self.statistics[0]

    @cached_property
    def statistics(self) -> tuple[dict, tuple[str, ...]]:
        """The statistical forecasters that the time suffices for, and a note on the others."""
        seconds, windows = self.config.statistics_seconds, self.windows
        if not seconds:
            return {}, ()
        offsets = windows.series.offsets[:-1]
        lengths = np.add.reduceat(self.rows_before_test, offsets, dtype=np.int64)
        return statistics.affordable(lengths, windows.num_targets, self.period, seconds)

    def partners(self, network, found) -> dict[str, float]:
        """Statistical forecasters in the mean with a network, and their weights there.

        `found` is what the baselines say about the validation part. Errors count in units of MASE,
        as if they were Laplacian, of each target; windows that share steps count as one together.
        """
        config, names = self.config, [name for name in statistics.NAMES if name in found]
        if not (config.average and names) or self.recursive or config.head != "point":
            return {}
        starts = self.windows.starts["validation"]
        rows = spread(len(starts), MAX_WEIGHED)
        count = len(starts) * self.windows.num_targets / self.windows.horizon
        starts, units = starts[rows], self.naive_mae[self.windows.series_of(starts[rows])]
        said = [network(self.training_windows, starts), *(found[name].take(rows) for name in names)]
        actual = self._observed(starts)
        errors = np.stack([(each.point - actual) / units[:, None] for each in said], axis=-1)
        errors = errors[~np.isnan(errors).any(axis=-1)]

        def loss(weights):
            return count * np.log(np.abs(errors @ weights).mean() + TINY)

        weights = likeliest_weights(len(said), loss)
        return {n: float(w) for n, w in zip(names, weights[1:], strict=True) if w}

    def figures(self, model):
        """A function of the epoch that draws forecasts of validation windows, for TensorBoard."""
        starts = self.windows.starts["validation"]
        chosen = starts[spread(len(starts), 4)]
        forecaster = replace(self, config=replace(self.config, mc_samples=0)).predictor(model)
        return lambda epoch: {
            "forecasts": plots.forecasts(self.windows, chosen, forecaster(self.windows, chosen))
        }

    def folds(self) -> dict[str, "ForecastTask"]:
        """Tasks of a rolling-origin backtest: each tests on an earlier part of the series."""
        config, windows, found = self.config, self.windows, {}
        folds = range(1, config.backtest + 1)
        for fold in folds if config.backtest_refit else reversed(folds):  # the earliest first
            task = replace(self, skip=fold * config.test_fraction)
            starts = task._split(windows.series)
            first = windows.series.times[starts["test"][0] + windows.window]
            task = replace(task, windows=replace(windows, starts=starts))
            found[f"{fold}, from {show(first)}"] = task
        return found

    def _split(self, series, like=None):
        """Windows by part; of series other than those `like` which the parts are cut, too."""
        config, sizes = self.config, (self.windows.window, self.windows.horizon)
        fractions = config.validation_fraction, config.test_fraction, self.skip
        return split_in_time(series, *sizes, *fractions, self.each, like)

    def write_outputs(self, trained: Trained, folder) -> list[Figure | Section]:
        """Writes `predictions.csv` and `series.csv`; returns the pictures and a comparison."""
        starts, found = self.windows.starts["test"], trained.predictions["test"]
        sizes = self.windows.window, self.windows.horizon
        few = slice(None) if self.config.overlap else apart(self.windows.series, starts, *sizes)
        written = [(starts[few], found.take(few))]
        tables.write(folder.predictions, self.windows, written, self.config)
        intervals = self.conformal(trained.predictor)
        if intervals is not None:
            intervals.save(folder)
        positions = spread(len(starts), 4)
        chosen, few = starts[positions], found.take(positions)
        drawn = plots.forecasts(self.windows, chosen, few)
        outputs = [Figure("Forecasts of test windows", "forecasts", drawn)]
        if plots.is_continuous(self.windows, starts):
            drawn = plots.test_period(self.windows, starts, found)
            outputs.append(Figure("The test period, one step ahead", "test_period", drawn))
        if self.windows.horizon > 1:
            others = {name: parts["test"] for name, parts in trained.compared.items()}
            actual = self.windows.targets(starts)[:, 0]
            drawn = plots.error_by_step(
                actual, {self.config.model: found, **others}, self.windows.series.targets
            )
            outputs.append(Figure("Error by step ahead, on the test part", "error_by_step", drawn))
        return [*outputs, *self._compare(trained, folder)]

    def _compare(self, trained, folder):
        """Sections: the model beside the best baseline, the baselines, the series."""
        starts = self._scored("test")
        actual, which = self._observed(starts), self.windows.series_of(starts)
        found = {self.config.model: trained.predictions["test"]}
        found |= {name: parts["test"] for name, parts in trained.compared.items()}
        scores = {n: by_series(actual, each, self.naive_mae, which) for n, each in found.items()}
        mase = {name: float(np.nanmean(each["mase"])) for name, each in scores.items()}
        model, *others = mase
        best = min(others, key=mase.get)
        errors = [window_errors(actual, found[n], self.naive_mae, which) for n in (model, best)]
        ends = comparing.interval(*errors, which, self.windows.horizon)
        text = comparing.sentence(model, mase[model], best, mase[best], ends)
        sections = [Section("Beside the best baseline", text, text)]
        if trained.partners:
            parts = {self.config.model: 1 - sum(trained.partners.values()), **trained.partners}
            parts = ", ".join(f"{n} {share:.0%}" for n, share in parts.items() if share > 0.01)
            text = (
                f"Forecasts, and all scores of {self.config.model}, are of the mean of {parts}, as "
                "validation decides (`--average false` leaves the statistical ones out)."
            )
            sections.append(Section("The mean", text, f"the mean of {parts} is what forecasts"))
        about = statistics.describe(trained.baselines)
        if about and self.config.statistics_seconds:
            sections.append(Section("Statistical baselines", about, about))
        series = self.windows.series
        if series.num_series > 1:
            path = folder.path / "series.csv"
            worst = tables.write_series(path, series, scores[model], best, scores[best])
            text = (
                f"`{path.name}` has the scores of each on the test part, the worst first: {worst}."
            )
            sections.append(Section("Series", text))
        return sections
