"""Series larger than memory: what is trained on is all but what the sample's times hold back."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recipes import forecast
from recipes.data import larger
from recipes.errors import UserError
from recipes.forecast.config import ForecastConfig
from recipes.forecast.data.splits import split_in_time
from recipes.forecast.data.windows import Windows
from tests.shared import assert_close

WINDOW, HORIZON = 10, 3


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(larger, "BLOCK", 1 << 12)
    monkeypatch.setattr(larger, "BLOCK_ROWS", 300)


def panel(count=40, steps=80):
    """Shops that open on different days, some for so short a time that windows begin before."""
    generator, days, frames = np.random.default_rng(0), pd.date_range("2024-01-01", periods=90), []
    for shop in range(count):
        length, first = generator.integers(8, steps), generator.integers(0, 10)
        values = (1 + shop) * (5 + generator.normal(size=length))
        frames.append(pd.DataFrame({
            "day": days[first : first + length], "shop": f"{shop:03}",
            "sold": values.round(2), "price": generator.integers(1, 9, length) / 4,
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def config(path, **settings):
    plain = {
        "model": "nlinear", "model_arguments": {"subtract_last": False}, "data": str(path),
        "dataset": None, "series": "shop", "target": ["sold"], "in_memory": 500,
        "horizon": HORIZON, "window": WINDOW, "epochs": 2, "batch_size": 16, "loss": "huber",
        "statistics_seconds": 0, "window_normalization": "auto",
    }  # fmt: skip
    return ForecastConfig(**{**plain, **settings})


def one_file(frame, path):
    frame.to_csv(path / "all.csv", index=False)
    return path / "all.csv"


def by_month(frame, path):
    for month, part in frame.groupby(frame["day"].dt.month):
        part.sample(frac=1, random_state=0).to_csv(path / f"{month}.csv", index=False)
    return path


def by_series(frame, path):
    for number, (_, part) in enumerate(frame.groupby(frame["shop"].astype(int) % 3)):
        part.to_parquet(path / f"part-{2 - number}.parquet")
    return f"{path}/part-*.parquet"


def batches_of(path, **settings):
    task = forecast.load_data(config(path, **settings))
    built = forecast.build_model(task.config, task)
    return task, task.batches("train", built, seed=1)


def all_windows(batches):
    """The windows of all epochs together, each once, by what is in them."""
    passes = batches.examples
    numbers = np.arange(passes.count)
    starts = numbers + passes.shifts[np.searchsorted(passes.ends, numbers, side="right")]
    return batches.assemble(starts)


def rows_of(*arrays):
    flat = [np.float64(array).reshape(len(array), -1) for array in arrays]
    rows = np.concatenate(flat, axis=1)
    return rows[np.lexsort(rows.T[::-1])]


SETTINGS = {
    "plain": {},
    "covariates": {"past_covariates": ["price"], "datetime_features": ["dayofweek"]},
    "each": {"split": "each", "model_arguments": {}, "window_normalization": "none"},
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_windows_are_those_of_all_series_in_memory_but_of_what_is_held_back(tmp_path, kind):
    path = one_file(panel(), tmp_path)
    task, batches = batches_of(path, **SETTINGS[kind])
    sample = task.windows.series
    assert 2 < sample.num_series < 20
    whole = forecast.load_data(config(path, in_memory=None, **SETTINGS[kind]))
    assert whole.larger is None
    series = whole.windows.series
    assert set(sample.ids) < set(series.ids)
    starts = split_in_time(series, WINDOW, HORIZON, each=task.each, like=sample)
    cut = sample.times[task.windows.starts["validation"] + WINDOW].min()
    last = series.times[starts["train"] + WINDOW + HORIZON - 1]
    assert task.each or (last < cut).all()
    assert task.each or (last == cut - np.timedelta64(1, "D")).any()
    assert (starts["train"] < series.offsets[series.series_of(starts["train"] + WINDOW - 1)]).any()
    windows = Windows(series, WINDOW, HORIZON, starts)
    alike = replace(whole, windows=windows, config=replace(task.config, period=task.period))
    normalization = {name: task.__dict__[name] for name in ("window_normalization", "scaling")}
    alike.__dict__.update(normalization)
    built = forecast.build_model(task.config, task)
    expected = alike.batches("train", built, seed=1).assemble(starts["train"])
    found = all_windows(batches)
    assert len(found[0]) == len(starts["train"]) > 500
    if len(found) == 3:  # relative to each other
        ratio = found[2].sum() / expected[2].sum()
        assert 0.5 < ratio < 2
        expected = (*expected[:2], expected[2] * ratio)
    assert_close(rows_of(*found), rows_of(*expected))


def test_batches_are_the_same_however_the_rows_are_stored(tmp_path):
    found = []
    for kind in (one_file, by_month, by_series):
        folder = tmp_path / kind.__name__
        folder.mkdir()
        task, batches = batches_of(kind(panel(), folder))
        epochs = []
        for batches.epoch in range(2):
            epochs += [*batches.assemble(batches.order())]
        found.append((task.windows.series.ids, *epochs))
    for each in found[1:]:
        assert each[0] == found[0][0]
        for one, other in zip(found[0][1:], each[1:], strict=True):
            assert np.array_equal(one, other)


def test_epochs_read_all_windows(tmp_path):
    _, batches = batches_of(one_file(panel(), tmp_path))
    orders = []
    for batches.epoch in range(2):
        orders.append(batches.order())
    assert len(np.unique(np.concatenate(orders))) >= batches.examples.count - 2 * 16
    inputs = batches.assemble(orders[1][:16])
    for one, other in zip(next(iter(batches.feed())), inputs, strict=True):
        assert_close(np.asarray(one), other)


def test_folds_and_the_whole_hold_back_their_own(tmp_path, capsys):
    path = one_file(panel(), tmp_path)
    task = forecast.load_data(config(path, backtest=1))
    (fold,) = task.folds().values()
    counts = []
    for each in (fold, task, task.everything()):
        counts.append(each.stored[0].starts["train"].count)
    series = forecast.load_data(config(path, in_memory=None)).windows.series
    for skip, count in zip((0.15, 0), counts, strict=False):
        starts = split_in_time(series, WINDOW, HORIZON, skip=skip, like=task.windows.series)
        assert len(starts["train"]) == count
    assert counts[0] < counts[1] < counts[2] - 400
    capsys.readouterr()
    assert replace(task, config=replace(task.config, epochs=9)).stored
    assert not capsys.readouterr().err  # what another model of the run wrote


@pytest.mark.parametrize("kind", [one_file, by_month])
def test_rows_that_fit_are_held_in_memory(tmp_path, kind):
    task = forecast.load_data(config(kind(panel(), tmp_path), in_memory=10_000))
    assert task.larger is None
    whole = forecast.load_data(config(one_file(panel(), tmp_path / ".."), in_memory=None))
    assert task.sha256 == whole.sha256


def test_one_series_in_several_files(tmp_path):
    frame = panel(count=1, steps=9).iloc[:0]
    days = pd.date_range("2024-01-01", periods=90)
    frame = pd.DataFrame({"day": days, "sold": np.arange(90) % 7, "shop": "a"})
    by_month(frame, tmp_path)
    assert len(forecast.load_data(config(tmp_path, series=None)).windows.series) == 90
    one_file(pd.concat([frame] * 2), tmp_path)
    said = "in 100 rows, several. Received: longer ones. Raise --in_memory; or say with --series"
    assert said in refused(tmp_path, in_memory=100, series=None)
    one_file(pd.concat([frame, frame.assign(shop="b")]), tmp_path)
    assert "whole series of" in refused(tmp_path / "all.csv", in_memory=100)


def test_numbers_as_times_and_several_columns(tmp_path):
    frame = panel()
    frame["year"], frame["month"] = frame["day"].dt.year, frame["day"].dt.day
    frame["region"] = "north"
    frame["day"] = frame["day"].dt.strftime("%Y%m%d").astype(int)
    path = one_file(frame.drop(columns=["year", "month"]), tmp_path)
    task, batches = batches_of(path, series="region,shop", time="day")
    assert task.windows.series.times.dtype.kind == "M"
    assert len(all_windows(batches)[0]) > 500


def dated(form):
    def change(frame):
        return frame.assign(day=frame["day"].dt.strftime(form))

    return change


def monthly(frame):
    """A row a month and shop, by year and month."""
    order = frame.groupby("shop").cumcount()
    months = pd.Timestamp("2020-01-01").to_period("M") + order
    years, months = months.map(lambda month: month.year), months.map(lambda month: month.month)
    return frame.drop(columns="day").assign(year=years, month=months)


#: How a table of `panel` is changed, how its parts are written, and what is said of it.
FORMS = {
    "day first": (dated("%d/%m/%Y"), "csv", {}),
    "days as numbers": (dated("%Y%m%d"), "csv", {}),
    "a zone": (dated("%Y-%m-%dT13:00:00+02:00"), "json", {}),
    "times in two columns": (monthly, "csv", {"time": "year,month"}),
    "parts of years": (
        lambda frame: monthly(frame).assign(
            year=lambda table: (table["year"] + (table["month"] - 1) / 12).round(3)
        ),
        "csv", {"time": "year"},
    ),
    "steps": (lambda f: f.assign(day=f.groupby("shop").cumcount()), "parquet", {}),
    "no times": (lambda f: f.drop(columns="day"), "csv", {"time": "none"}),
    "gaps": (lambda f: f.drop(index=f.index[5::50]), "parquet", {"resample": "D"}),
    "missing values": (lambda f: f.assign(sold=f["sold"].mask(f["price"] > 2)), "csv", {}),
    "money": (lambda f: f.assign(sold=f["sold"].map("${:,.2f}".format)), "csv", {}),
    "numbers as names": (lambda f: f.assign(shop=f["shop"].astype(float)), "parquet", {}),
    "features": (
        lambda f: f, "csv", {"datetime_features": ["month"], "past_covariates": ["price"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_forms_mean_the_same_as_in_memory(tmp_path, form):
    change, kind, settings = FORMS[form]
    frame = change(panel())
    for number in range(3):
        part, path = frame.iloc[number::3], tmp_path / f"{number}"
        if kind == "csv":
            part.to_csv(path, index=False)
        elif kind == "json":
            part.to_json(path, orient="records", lines=True)
        else:
            part.to_parquet(path)
    whole = forecast.load_data(config(tmp_path, in_memory=10_000, **settings)).windows.series
    found = forecast.load_data(config(tmp_path, **settings)).stored[0].series
    assert found.num_series == whole.num_series
    for name in ("values", "future_covariates"):
        rows = [
            sorted(block.tobytes() for block in np.split(getattr(series, name)[:], cuts))
            for series, cuts in ((whole, whole.offsets[1:-1]), (found, found.offsets[1:-1]))
            if getattr(series, name).shape[1]
        ]
        assert rows[:1] == rows[1:]


def test_a_disk_without_room(tmp_path, monkeypatch):
    task = forecast.load_data(config(one_file(panel(), tmp_path)))

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(UserError, match=r"No space left on device. Name a folder with more room"):
        _ = task.stored


def refused(path, **settings):
    with pytest.raises(UserError) as caught:
        _ = forecast.load_data(config(path, **settings)).stored
    return str(caught.value)


def shop_outside(path, frame):
    """The name of a series that the sample does not hold."""
    sample = forecast.load_data(config(path)).windows.series
    return next(name for name in frame["shop"].unique() if name not in sample.ids)


def test_series_that_do_not_fit(tmp_path, capsys):
    frame = panel()
    path = one_file(frame, tmp_path)
    name = shop_outside(path, frame)
    mine = np.flatnonzero(frame["shop"] == name)
    one_file(frame.drop(index=mine[4]), tmp_path)
    assert re.search(rf"steps in column 'day' of .*all.csv.* of series '{name}'", refused(path))
    one_file(pd.concat([frame, frame.iloc[mine[:1]]]), tmp_path)
    assert re.search(rf"1 repeated, the first .* of series '{name}'", refused(path))
    other = frame.copy()
    other.loc[mine, "sold"] = np.nan
    other.loc[mine[-3], "shop"] = "short"
    one_file(other, tmp_path)
    capsys.readouterr()
    assert forecast.load_data(config(path)).stored
    said = capsys.readouterr().err
    assert re.search(r"windows of \d+ series are read from the disk; \d series with none", said)
    assert f"'{name}'" in said
    other.loc[mine[3], "shop"] = None
    one_file(other, tmp_path)
    assert "Expected a series name in every row" in refused(path)


def test_files_that_do_not_fit(tmp_path):
    by_month(panel(), tmp_path)
    assert "column 'amount' (--target) in rows 1 to" in refused(tmp_path, target=["amount"])
    assert "--wide true reads one file" in refused(tmp_path, wide=True, target=[])
    second = tmp_path / "2.csv"
    kept = second.read_text()
    second.write_text(kept.replace("price", "cost", 1))
    assert "2.csv: day, shop, sold, cost" in refused(tmp_path)
    second.write_text("")
    assert "2.csv" in refused(tmp_path)
    second.write_text(kept)
    task = forecast.load_data(config(tmp_path))
    second.write_text("".join(kept.splitlines(keepends=True)[:-9]))
    with pytest.raises(UserError, match="has changed"):
        _ = task.stored
    second.unlink()
    with pytest.raises(UserError, match=r"2\.csv"):
        _ = task.stored


def test_what_is_no_time_outside_the_sample(tmp_path):
    frame = panel()
    path = one_file(frame, tmp_path)
    row = int(np.argmax(frame["shop"] == shop_outside(path, frame)))
    frame["day"] = frame["day"].dt.strftime("%Y-%m-%d")
    frame.loc[row, "day"] = "soon"
    one_file(frame, tmp_path)
    assert re.search(r"in column 'day' of rows .*Received: 'soon'", refused(path))
