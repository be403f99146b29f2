"""Windows and batches against plain loops; their order; the memory that they take."""

import tracemalloc

import numpy as np
import pytest

import zoo
from recipes.data.batches import _PyFeed
from recipes.forecast import ForecastConfig
from recipes.forecast.data.series import TimeSeries
from recipes.forecast.data.splits import split_in_time, window_starts
from recipes.forecast.data.windows import WindowBatches, Windows, output_positions
from recipes.forecast.task import ForecastTask

WINDOW, HORIZON = 5, 3


def make_series(lengths=(20, 15), targets=2, past_covariates=1, future_covariates=2, future=0):
    """Every number in it is another one."""
    steps, count = sum(lengths), len(lengths)
    rows = steps + count * future
    channels = targets + past_covariates
    return TimeSeries(
        values=np.arange(steps * channels, dtype=np.float32).reshape(steps, channels),
        targets=tuple(f"y{i}" for i in range(targets)),
        past_covariates=tuple(f"x{i}" for i in range(past_covariates)),
        times=np.concatenate([np.arange(n) for n in lengths]),
        offsets=np.cumsum([0, *lengths]),
        ids=tuple(f"s{i}" for i in range(count)),
        future_covariates=-1
        - np.arange(rows * future_covariates, dtype=np.float32).reshape(rows, future_covariates),
        future_names=tuple(f"k{i}" for i in range(future_covariates)),
        future=future,
        future_times=np.zeros((count, future), np.int64),
    )


def make_windows(**arguments):
    series = make_series(**arguments)
    starts = window_starts(series, WINDOW, HORIZON, kept=0.7)
    return Windows(series, WINDOW, HORIZON, {"train": starts, "validation": starts[::3]})


@pytest.mark.parametrize("future", [0, 4])
def test_inputs_hold_values_and_the_future_covariates(future):
    windows = make_windows(future=future)
    series, starts = windows.series, windows.starts["train"]
    x = windows.inputs(starts)
    assert x.shape == (len(starts), WINDOW, windows.num_features) == (21, 5, 9)
    for row, start in enumerate(starts):
        shift = future * (start >= series.offsets[1])  # the rows beyond the first series' end
        for t in range(start, start + WINDOW):
            ahead = series.future_covariates[t + shift + 1 : t + shift + 1 + HORIZON]
            expected = np.concatenate([series.values[t], ahead.ravel()])
            np.testing.assert_array_equal(x[row, t - start], expected)


def test_windows_of_a_short_series_begin_with_its_first_value():
    windows = make_windows(lengths=(20, 7))
    series, starts = windows.series, windows.starts["train"]
    # Three rows of its own at least, as many as are forecast.
    assert starts[-2:].tolist() == [18, 19]
    assert windows.series_of(starts)[-3:].tolist() == [0, 1, 1]
    x, y = windows.inputs(starts[-2:]), windows.targets(starts[-2:], np.array([0, 4]))
    rows = np.array([[20, 20, 20, 21, 22], [20, 20, 21, 22, 23]])
    np.testing.assert_array_equal(x[..., :3], series.values[rows])
    np.testing.assert_array_equal(y[:, 1], series.values[[[23, 24, 25], [24, 25, 26]], :2])
    np.testing.assert_array_equal(y[0, 0], series.values[[20, 20, 21], :2])


def test_targets_follow_the_step_at_which_the_output_stands():
    windows = make_windows()
    starts = windows.starts["train"]
    y = windows.targets(starts, output_positions(WINDOW, WINDOW))
    last = windows.targets(starts)
    for row, start in enumerate(starts):
        for t in range(WINDOW):
            for step in range(1, HORIZON + 1):
                expected = windows.series.values[start + t + step, :2]
                np.testing.assert_array_equal(y[row, t, step - 1], expected)
        np.testing.assert_array_equal(last[row, 0], y[row, -1])


def test_outputs_of_conv_gru_stand_where_the_book_says():
    model = zoo.conv_gru((50, 1), horizon=10, units=2, filters=2)
    found = output_positions(model.output_shape[1], 50, zoo.output_stride(model))
    np.testing.assert_array_equal(found, np.arange(50)[3::2])


def test_future_covariates_of_a_recursive_forecast():
    windows = make_windows(lengths=(30,), future=HORIZON)
    one_step = Windows(windows.series, WINDOW, 1, windows.starts)
    starts = np.array([0, 30 - WINDOW])  # the second forecasts beyond the end
    ahead = one_step.future_ahead(starts, HORIZON)
    for row, start in enumerate(starts):
        for i in range(HORIZON - 1):  # the last row is never read
            np.testing.assert_array_equal(
                ahead[row, i], windows.series.future_covariates[start + WINDOW + i + 1]
            )


def test_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch, reads=0):
        batches = WindowBatches(make_windows(), "train", 4, np.array([WINDOW - 1]), seed=seed)
        for _ in range(reads):
            batches.order()
        batches.epoch = epoch
        return batches.order().tolist()

    assert order(1, 5) == order(1, 5, reads=3)
    assert order(1, 5) != order(1, 6)
    assert order(1, 5) != order(2, 5)


@pytest.mark.parametrize("batch_size", [1, 4, 7, 1000])
def test_an_epoch_sees_each_window_once(batch_size):
    windows = make_windows()
    batches = WindowBatches(windows, "train", batch_size, np.array([WINDOW - 1]), seed=3)
    starts, order = windows.starts["train"], batches.order()
    assert len(set(order.tolist())) == len(order)
    assert set(order) <= set(starts)
    assert len(starts) - len(order) < min(batch_size, len(starts))
    assert len(order) == len(batches) * batches.batch_size
    in_order = WindowBatches(windows, "train", batch_size, np.array([WINDOW - 1]))
    np.testing.assert_array_equal(in_order.order(), starts)


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("seed", [None, 9])
def test_the_tensorflow_pipeline_equals_the_numpy_one(seed, count):
    windows = make_windows(future_covariates=count, lengths=(20, 15 if count else 7))
    positions = output_positions(2, WINDOW, stride=2)
    batches = WindowBatches(windows, "train", 4, positions, [1.0, 2.0], [3.0, 4.0], seed)
    feed, plain = batches.feed(), _PyFeed(batches)
    assert int(feed.cardinality()) == len(plain) == len(batches)
    seen = []
    for epoch in (0, 1, 2):
        batches.epoch = epoch
        found = [(x.numpy(), y.numpy()) for x, y in feed]
        assert len(found) == len(batches)
        for step, (x, y) in enumerate(found):
            expected = plain[step]
            np.testing.assert_array_equal(x, expected[0])
            np.testing.assert_array_equal(y, expected[1])
            starts = batches.order()[step * 4 : (step + 1) * 4]
            np.testing.assert_array_equal(x, windows.inputs(starts))
            raw = windows.targets(starts, positions)
            np.testing.assert_allclose(y, (raw - [1.0, 2.0]) / [3.0, 4.0], rtol=1e-6)
        seen.append(np.concatenate([x for x, _ in found]))
    assert np.array_equal(seen[0], seen[1]) == (seed is None)


def test_windows_are_never_all_in_memory():
    steps, window = 2_000_000, 50
    series = make_series((steps,), targets=1, past_covariates=0, future_covariates=0)
    tracemalloc.start()
    starts = split_in_time(series, window, 10)
    config = ForecastConfig(model="linear_forecaster", window=window)
    task = ForecastTask(config, Windows(series, window, 10, starts))
    assert len(task.sha256) == 64
    assert task.scaling[0].shape == task.naive_mae.shape[1:] == (1,)
    batches = WindowBatches(task.windows, "train", 32, output_positions(50, 50), seed=1)
    feed = _PyFeed(batches)
    for step in range(5):
        x, y = feed[step]
    assert (x.shape, y.shape) == ((32, 50, 1), (32, 50, 10, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * steps * window * 4  # the inputs alone, copied out, would be 400 MB
