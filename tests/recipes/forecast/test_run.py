"""`zoo train forecast` and `zoo predict` from end to end, on tiny files."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

import zoo
from callbacks import Phases
from recipes.cli import main
from recipes.engine.arguments import parse
from recipes.errors import UserError
from recipes.forecast import build_model, load_data
from tests.shared import TIMES, assert_close, run_on_jax
from zoo.catalog import CATALOG

TOP = Path(__file__).parents[3]
HEADER = ["t", "origin", "step", "target", "forecast", "lower", "upper"]
KEYS = (
    "recipe model dataset parameters seed seconds seconds_to_first_step epochs train validation "
    "test baselines"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def data(folder, make_csv):
    path = folder / "daily.csv"
    path.write_text(make_csv())
    return path


@pytest.fixture(scope="module")
def run(train, data):
    """A plain run, pictures and all."""
    return train(data=data, epochs=3, draw=True, overlap=True)


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def events(path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()


def plain():
    """The environment as a user has it, without what the tests set."""
    return {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "MPLBACKEND")}


def predict(run, *arguments):
    """What `zoo predict` writes with `-o`."""
    output = Path(run).parent / "out.csv"
    assert main(["predict", str(run), *map(str, arguments), "-o", str(output)]) == 0
    return output.read_bytes()


# Models


@pytest.mark.parametrize("rows", [90, 300])
def test_a_wavenet_sees_its_whole_window(folder, make_csv, rows):
    path = folder / f"{rows}.csv"
    path.write_text(make_csv(rows))
    config = parse("forecast", ["--data", str(path), "--model", "wavenet", "--horizon", "7"])
    task = load_data(config)
    built = build_model(task.config, task)
    window = task.windows.inputs(task.windows.starts["train"][:1])
    changed = window.copy()
    changed[:, 0] += 1000  # the first step that it is given, behind a difference the second
    changed[:, task.difference] += 500
    before, after = (built.model.predict(x, verbose=0)[0, -1] for x in (window, changed))
    assert np.abs(before - after).max() > 0


# Trained once more on all rows


def test_a_second_model_has_seen_all_rows_and_changes_no_score(train, data, folder):
    held_back, refitted = (train(data=data, refit=refit) for refit in ("false", "true"))
    assert not (held_back / "refit.keras").exists()
    first, second = metrics_of(held_back), metrics_of(refitted)
    assert first | TIMES == second | TIMES
    assert predict(refitted, "--backtest").startswith(
        predict(held_back, "--backtest")[: (held_back / "predictions.csv").stat().st_size]
    )
    ahead = [rows_of(predict(run, data).decode())[1:] for run in (held_back, refitted)]
    assert [row[0] for row in ahead[0]] == [row[0] for row in ahead[1]]
    assert all(one[1] != other[1] for one, other in zip(*ahead, strict=True))
    # A file that ends before the run's own rows is not forecast by a model that has seen them.
    short = folder / "short.csv"
    short.write_text("\n".join(data.read_text().splitlines()[:60]) + "\n")
    earlier = [predict(run, short) for run in (held_back, refitted)]
    assert earlier[0] == earlier[1]


# The folder


def test_a_run_holds_everything(run):
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    logs = {path for path in found if "tfevents" in path}
    assert {str(Path(path).parent) for path in logs} == {"."}
    checkpoints = {path for path in found if path.startswith("checkpoints/")}
    assert found - logs - checkpoints == {
        "config.yaml", "metrics.json", "model.keras", "predictions.csv", "report.md", "history.csv",
        "plots/forecasts.png", "plots/test_period.png",
        "plots/error_by_step.png", "plots/learning_curves.png",
    }  # fmt: skip
    for picture in run.glob("plots/*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_metrics_have_the_agreed_keys(run, data):
    metrics = metrics_of(run)
    assert list(metrics) == KEYS.split()
    assert (metrics["recipe"], metrics["model"]) == ("forecast", "linear_forecaster")
    assert (metrics["dataset"], metrics["seed"], metrics["epochs"]) == (str(data), 42, 3)
    assert metrics["parameters"] == 14 * 3 + 3
    assert list(metrics["baselines"]) == ["naive", "seasonal_naive", "least_squares"]
    splits = [metrics[name] for name in ("train", "validation", "test")]
    splits += [part for each in metrics["baselines"].values() for part in each.values()]
    steps = [f"{name}_step_{k}" for k in (1, 2, 3) for name in ("mse", "mae")]
    for scores in splits:
        assert list(scores) == ["mse", "rmse", "mae", "mase", "smape", "owa", *steps]
        assert all(np.isfinite(value) for value in scores.values())


def test_predictions_hold_every_test_window(run, data):
    header, *rows = rows_of((run / "predictions.csv").read_text())
    assert header == HEADER
    # 0.15 of 90 rows are 13.5, so that 14 are for the test, and 12 windows of 3 end in them.
    assert len(rows) == 12 * 3
    values = {day: float(value) for day, value in rows_of(data.read_text())[1:]}
    error = [float(row[4]) - values[row[0]] for row in rows]
    assert np.abs(error).mean() == pytest.approx(metrics_of(run)["test"]["mae"], rel=1e-5)
    for time, origin, step, target, _, lower, upper in rows:
        assert np.datetime64(origin) + np.timedelta64(int(step), "D") == np.datetime64(time)
        assert (target, lower, upper) == ("y", "", "")
    assert rows[0][:3] == ["2024-03-17", "2024-03-16", "1"]
    assert rows[-1][0] == "2024-03-30"


def test_windows_that_overlap_are_written_on_request(run, data, tmp_path):
    few = rows_of(predict(run, "--overlap").decode())[1:]
    assert len(few) == 12 * 3 + 3  # and what follows the end
    config = (run / "config.yaml").read_text()
    assert "overlap: true" in config
    (run / "config.yaml").write_text(config.replace("overlap: true", "overlap: false"))
    try:
        apart = rows_of(predict(run, "--backtest").decode())[1:]
    finally:
        (run / "config.yaml").write_text(config)
    test = [row for row in apart if row[0] <= "2024-03-30"]
    assert [row[1] for row in test[::3]] == ["2024-03-16", "2024-03-19", "2024-03-22", "2024-03-25"]
    assert all(row in few for row in test)


def test_the_model_answers_in_the_units_of_the_data(run, data):
    model = zoo.load(run)
    assert not model.compiled
    values = [float(row[1]) for row in rows_of(data.read_text())[1:]]
    first = rows_of((run / "predictions.csv").read_text())[1:4]
    window = np.float32(values[90 - 14 - 14 : 90 - 14]).reshape(1, 14, 1)
    forecast = model.predict_on_batch(window)[0, -1, :, 0]
    np.testing.assert_allclose(forecast, [float(row[4]) for row in first], rtol=1e-5)


def test_the_model_of_a_run_forecasts_a_data_frame(run, data):
    model, frame = zoo.load(run), pd.read_csv(data, parse_dates=["t"])
    assert repr(model).startswith(f"<forecast run {run}: linear_forecaster")
    found = model.predict(frame)
    expected = pd.read_csv(io.BytesIO(predict(run, data)), parse_dates=["t"])
    pd.testing.assert_frame_equal(found, expected)
    assert list(found) == ["t", "y"]
    assert found["t"].iloc[-1] == frame["t"].iloc[-1] + pd.Timedelta(days=3)
    series = frame.set_index("t").iloc[:, 0]
    pd.testing.assert_frame_equal(model.predict(series), expected)
    with pytest.raises(UserError, match=r"column .* in data in memory|data in memory has no"):
        model.predict(frame.drop(columns=list(frame)[1]))
    with pytest.raises(UserError, match=r"column 't' .* Its columns are: 'y'\."):
        model.predict(frame[["y"]])


def test_config_says_what_ran(run, data):
    saved = yaml.safe_load((run / "config.yaml").read_text())
    facts = saved["run"]
    assert (saved["data"], saved["window"], saved["seed"]) == (str(data), 14, 42)
    assert (facts["recipe"], facts["format"], facts["period"]) == ("forecast", 2, 7)
    assert len(facts["data_sha256"]) == 64
    assert facts["first_test_origin"] == "2024-03-16"
    assert {"python", "keras", "numpy", "handson-zoo"} <= set(facts["versions"])


def test_report_is_readable(run, data):
    text = (run / "report.md").read_text()
    assert text.startswith(f"# linear_forecaster on {data}\n")
    for line in ("| linear_forecaster | test | ", "| seasonal_naive | validation | ", "seed 42"):
        assert line in text
    for picture in run.glob("plots/*.png"):
        assert f"](plots/{picture.name})" in text


def test_tensorboard_reads_the_curves(run):
    log = events(run)
    for tag in ("epoch/loss", "epoch/val_loss"):
        assert [event.step for event in log.Scalars(tag)] == [0, 1, 2]
    steps = 3 * (46 // 16)
    rates = log.Scalars("step/learning_rate")
    assert [event.step for event in rates] == list(range(steps))
    schedule = Phases([("cosine", steps, 0.001, 0.0)])
    expected = [float(schedule(step)) for step in range(steps)]
    np.testing.assert_allclose([event.value for event in rates], expected, rtol=1e-5, atol=1e-9)
    assert [image.step for image in log.Images("forecasts")] == [0, 2]
    assert log.Images("forecasts")[0].encoded_image_string.startswith(b"\x89PNG")
    assert b"window: 14" in log.Tensors("config/text_summary")[0].tensor_proto.string_val[0]


# Repeating


def test_a_saved_config_repeats_the_run(run, train):
    again = train("--config", run / "config.yaml", epochs=None, compiled=True)
    first, second = metrics_of(run), metrics_of(again)
    assert first | TIMES == second | TIMES
    assert (again / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    before, after = (yaml.safe_load((r / "config.yaml").read_text()) for r in (run, again))
    assert [k for k in before if before[k] != after[k]] == ["name"]


def test_flags_override_a_config(run, train):
    other = train("--config", run / "config.yaml", "--seed", 7, epochs=1)
    assert metrics_of(other)["seed"] == 7
    assert metrics_of(other)["test"] != metrics_of(run)["test"]


@pytest.mark.parametrize("patience", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_scores_are_those_of_the_best_epoch(train, data, patience):
    run = train(
        data=data, epochs=6, learning_rate=0.1, schedule="constant", patience=patience, seed=3
    )
    scores = [e.value for e in events(run).Scalars("epoch/val_last_step_mse")]
    assert min(scores) < 0.98 * scores[-1], "the last epoch must not be the best one here"
    assert metrics_of(run)["epochs"] == len(scores)
    assert (len(scores) < 6) == bool(patience)
    values = [float(row[1]) for row in rows_of(data.read_text())[1:]]
    scale = np.std(values[:63])  # the training rows: all but 0.3 of 90
    found = metrics_of(run)["validation"]["mse"] / scale**2
    assert found == pytest.approx(min(scores), rel=1e-3)


# Predicting


@pytest.mark.slow  # test_kinds_of_runs predicts in the process that trained
def test_a_fresh_process_predicts_the_same_and_beyond(run, data, tmp_path, make_csv):
    longer = tmp_path / "longer.csv"
    longer.write_text(make_csv(rows=95))
    assert longer.read_text().startswith(data.read_text())
    done = subprocess.run(
        [sys.executable, "-m", "recipes", "predict", run, longer, "--backtest"],
        cwd=TOP, capture_output=True, text=True, timeout=250, env=plain(),
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr.startswith(f"note: {longer}: 95 rows; encoding utf-8")
    assert "Warning" not in done.stderr
    saved = (run / "predictions.csv").read_text()
    assert done.stdout.startswith(saved)
    more = rows_of(done.stdout[len(saved) :])
    assert len(more) == (5 + 1) * 3
    assert [row[:3] for row in more[-3:]] == [
        ["2024-04-05", "2024-04-04", "1"],
        ["2024-04-06", "2024-04-04", "2"],
        ["2024-04-07", "2024-04-04", "3"],
    ]


def test_predict_reads_files_standard_input_and_its_own_data(
    run, data, capfd, monkeypatch, tmp_path
):
    expected = predict(run, data)
    assert predict(run) == expected
    assert main(["predict", str(run), str(data)]) == 0
    assert capfd.readouterr().out.encode() == expected
    with data.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert predict(run, "-") == expected
    # One row a step, the same numbers as at the end of a backtest.
    header, *rows = rows_of(expected.decode())
    assert header == ["t", "y"]
    last = rows_of(predict(run, data, "--backtest").decode())[-3:]
    assert rows == [[row[0], row[4]] for row in last]
    # The last window alone is enough to forecast what follows it.
    names, *lines = data.read_text().splitlines()
    (tmp_path / "end.csv").write_text("\n".join([names, *lines[-14:]]))
    assert predict(run, tmp_path / "end.csv") == expected
    only = rows_of(predict(run, tmp_path / "end.csv", "--backtest").decode())
    assert only[1:] == last


# Kinds of runs


SEVERAL_SERIES = {"series": ("b", "a"), "columns": ("y", "x")}
TWO_COLUMNS = {"columns": ("y", "x")}
KINDS = {
    "several series": (
        "--model=deep_rnn --model.units=3 --series=s --target=y --past_covariates=x "
        "--datetime_features=dayofweek --head=quantile --difference=7",
        SEVERAL_SERIES,
        [80],
    ),
    "several targets": (
        "--model=conv_gru --model.units=3 --target=y,x --future_covariates=known.csv "
        "--head=gaussian --difference=1",
        TWO_COLUMNS,
        [80, 95],
    ),
    "monte carlo": (
        "--model=wavenet_lite --model.filters=2 --model.num_layers=1 --model.dropout=0.2 "
        "--mc_samples=3 --loss=huber",
        {},
        [80, 95],
    ),
    "recursive": ("--strategy=recursive --datetime_features=weekend --difference=1", {}, []),
    "backtest": ("--backtest=2 --window=7", {}, []),
}
#: The same for the slow run.
MORE_KINDS = {
    "backtest-once": ("--backtest=2 --window=7 --backtest_refit=false", {}, []),
    "as it is": (
        "--model=simple_rnn --model.units=3 --normalization=none "
        "--datetime_features=month,hour,dayofyear",
        {},
        [],
    ),
    "nlinear": (
        "--model=nlinear --head=quantile --quantiles=0.025,0.5,0.975",
        {},
        [95],
    ),
    "wavenet": (
        "--model=wavenet --model.filters=2 --model.num_layers=2 --head=quantile "
        "--quantiles=0.025,0.5,0.975",
        {},
        [95],
    ),
    "dlinear": ("--model=dlinear --model.kernel_size=5", {}, []),
    "nhits": ("--model=nhits --model.units=4 --head=gaussian", {}, [80, 95]),
    "nbeats": ("--model=nbeats --model.units=4", {}, []),
    "tsmixer": (
        "--model=tsmixer --model.units=4 --target=y,x --future_covariates=known.csv",
        TWO_COLUMNS,
        [],
    ),
    "patchtst": (
        "--model=patchtst --model.patch_length=4 --model.stride=2 --model.num_layers=1 "
        "--model.num_heads=2 --model.embedding_dim=4 --model.feed_forward_dim=4",
        {},
        [],
    ),
}


def test_every_zoo_model_is_trained_below():
    flags = " ".join(flags for flags, _, _ in (KINDS | MORE_KINDS).values())
    forecasters = {info.name for info in CATALOG if info.task == "forecast"}
    assert set(re.findall(r"--model=(\w+)", flags)) | {"linear_forecaster"} == forecasters


@pytest.mark.parametrize(
    "compiled", [pytest.param(True, marks=pytest.mark.slow), False], ids=["compiled", "eager"]
)
@pytest.mark.parametrize(
    "kind", [*KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE_KINDS)]
)
def test_kinds_of_runs(kind, compiled, train, undrawn, quickly, tmp_path, make_csv, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags, file, levels = (KINDS | MORE_KINDS)[kind]
    Path("data.csv").write_text(make_csv(**file))
    Path("known.csv").write_text(make_csv(rows=93, columns=("sun",), seed=5))
    run = train(*flags.split(), data="data.csv", epochs=1, compiled=compiled)
    metrics, saved = metrics_of(run), (run / "predictions.csv").read_bytes()
    for scores in (metrics["validation"], metrics["test"]):
        assert all(np.isfinite(value) for value in scores.values())
        assert [key for key in scores if "coverage" in key] == [f"coverage_{k}" for k in levels]
    header, *rows = rows_of(saved.decode())
    ids = sorted(file.get("series", [""]))
    assert header == (["s"] if len(ids) > 1 else []) + HEADER
    for row in rows:
        forecast, lower, upper = row[-3:]
        assert bool(lower) == bool(upper) == bool(levels)
        assert not levels or float(lower) <= float(forecast) <= float(upper)

    with undrawn() if compiled else quickly():  # as it was trained, for the last digit
        predicted = predict(run, "data.csv", "--backtest")
        ahead, *steps = rows_of(predict(run, "data.csv").decode())
    assert predicted.startswith(saved)
    more = rows_of(predicted[len(saved) :].decode())
    targets = ["y", "x"] if "--target=y,x" in flags else ["y"]
    days = ["2024-03-31", "2024-04-01", "2024-04-02"]
    name = len(ids) > 1
    assert [[*([""], row[:1])[name], row[name], row[name + 3]] for row in more] == [
        [one, day, target] for one in ids for day in days for target in targets
    ]
    # The same in a row a step, with columns of intervals where there are any.
    ends = ("", "_lower", "_upper") if levels else ("",)
    assert ahead == [*["s"][: int(name)], "t", *[f"{t}{end}" for t in targets for end in ends]]
    assert [cell for row in steps for cell in row[1 + name :]] == [
        cell for row in more for cell in row[-3:] if cell
    ]
    assert [row[: 1 + name] for row in steps] == [row[: 1 + name] for row in more[:: len(targets)]]
    if kind == "backtest-once":
        section = (run / "report.md").read_text().partition("## Backtest")[2]
        assert "One model" in section
        assert section.index("| 2, from") < section.index("| 1, from")
        assert {path.name for path in (run / "folds").iterdir()} == {"1"}
    if kind == "backtest":
        assert "## Backtest" in (run / "report.md").read_text()
        assert {path.name for path in (run / "folds").iterdir()} == {"1", "2"}


def test_recursive_forecasts_feed_back(train, data):
    run = train(data=data, strategy="recursive", epochs=1)
    model = zoo.load(run)
    assert model.output_shape == (None, 1, 1, 1)
    values = [float(row[1]) for row in rows_of(data.read_text())[1:]]
    past = values[90 - 14 - 14 : 90 - 14]
    for row in rows_of((run / "predictions.csv").read_text())[1:4]:
        window = np.float32(past[-14:]).reshape(1, 14, 1)
        past.append(float(model.predict_on_batch(window)[0, 0, 0, 0]))
        assert float(row[4]) == pytest.approx(past[-1], rel=1e-5)


def test_missing_values_and_uneven_times_are_mended_and_reported(train, tmp_path, make_csv):
    lines = make_csv().splitlines()
    del lines[40]  # a day
    lines[20] = lines[20].split(",")[0] + ","  # a value
    path = tmp_path / "gaps.csv"
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    run = train(data=path, resample="D", epochs=1, compiled=True)
    report = (run / "report.md").read_text()
    assert "- resampled to D by mean: 89 rows in, 90 out" in report
    assert "- y: 2 missing values, filled with the last known value" in report
    assert predict(run, path, "--backtest").startswith((run / "predictions.csv").read_bytes())


def test_book_series_and_a_preset(train):
    run = train("--preset", "ml2-ch15-49", model=None, window=None, horizon=None, epochs=1,
                batch_size=256, compiled=True)  # fmt: skip
    metrics = metrics_of(run)
    assert (metrics["dataset"], metrics["parameters"]) == ("book_series", 510)
    assert metrics["baselines"]["least_squares"]["validation"]["mse"] == pytest.approx(
        0.015488, rel=0.01
    )
    assert predict(run) == (run / "predictions.csv").read_bytes()


@pytest.mark.slow  # test_book_series_and_a_preset is a run on a data set, too
def test_ridership(train, zoo_data):
    run = train(dataset="ridership", epochs=1, window=28, horizon=2, compiled=True)
    metrics = metrics_of(run)
    assert metrics["baselines"]["seasonal_naive"]["validation"]["mae"] > 1000  # riders
    predicted = predict(run, "--backtest")
    assert predicted.startswith((run / "predictions.csv").read_bytes())
    assert rows_of(predicted.decode())[-1][:3] == ["2021-12-02", "2021-11-30", "2"]


@pytest.mark.jax
def test_on_jax(data, tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    command = "import sys; from recipes.cli import main; assert main(sys.argv[1:]) == 0"
    flags = f"--data={data} --window=14 --horizon=3 --epochs=2 --backend=jax --logdir={tmp_path}"
    flags += " --model=wavenet_lite --model.filters=2 --name=j --statistics_seconds=0"
    run_on_jax(command, "train", "forecast", *flags.split())
    run = tmp_path / "forecast" / "j"
    printed = run_on_jax(command, "predict", run, data, "--backtest")
    kept = rows_of((run / "predictions.csv").read_text())
    found = rows_of(printed)[: len(kept)]
    assert [row[:4] for row in found] == [row[:4] for row in kept]
    # Not to the last digit: how XLA's threads share the work of a sum on a busy CPU is not said.
    assert_close(*(np.float32([row[4] for row in rows[1:]]) for rows in (found, kept)))


@pytest.mark.parametrize(("mse", "words"), [(3.0, ""), (9.0, "naive does better than wavenet.")])
def test_a_model_that_loses_to_a_baseline_says_so(mse, words):
    from recipes.engine.report import advice
    from recipes.forecast import RECIPE, ForecastConfig

    baselines = {"naive": {"validation": {"mse": 4.0}}, "mean": {"validation": {"mse": 8.0}}}
    metrics = {"model": "wavenet", "validation": {"mse": mse}, "baselines": baselines}
    metrics |= {"epochs": 20, "seconds": 30}
    config = ForecastConfig(model="wavenet", difference=7)
    suggestions = "--difference 1 or the season, more --epochs"
    task = SimpleNamespace(primary_metric="mse", suggestions=suggestions, config=config)
    found = advice(RECIPE, metrics, task)
    assert found.startswith(words)
    assert found.endswith(" Worth a try: more --epochs (twice: 60 s)." if words else "")
    assert bool(found) == bool(words)
