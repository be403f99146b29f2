"""Where a run could quietly lose, overwrite or flatter: it does not."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from recipes.cli import main
from recipes.engine.folder import RunFolder
from recipes.errors import UserError
from recipes.forecast.forecasts import Forecasts
from recipes.forecast.scores import score


def test_a_run_begun_by_another_process_is_not_removed(tmp_path):
    config = SimpleNamespace(name="a", logdir=str(tmp_path), overwrite=False)
    first, second = RunFolder.plan("forecast", config), RunFolder.plan("forecast", config)
    first.create()
    first.config.write_text("kept")
    with pytest.raises(UserError, match="begun by another process"):
        second.create()
    assert first.config.read_text() == "kept"


def test_a_run_whose_loss_was_lost_stays_lost(train, tmp_path, make_csv, capsys):
    data = tmp_path / "y.csv"
    data.write_text(make_csv())
    flags = {"optimizer": "sgd", "learning_rate": 1e30, "clipnorm": 0, "loss": "mse", "data": data}
    run = train(status=1, **flags)
    assert "no longer a number after epoch 1" in capsys.readouterr().err
    assert main(["train", "--resume", str(run)]) == 1
    assert "no longer a number after epoch 1" in capsys.readouterr().err
    assert not (run / "metrics.json").exists()


def test_a_run_is_not_resumed_with_other_settings(train, tmp_path, make_csv, capsys):
    (tmp_path / "data.csv").write_text(make_csv())
    run = train(data=tmp_path / "data.csv", epochs=2)
    (run / "metrics.json").unlink()  # as if it had been killed before its end
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("batch_size: ", "batch_size: 1"))
    assert main(["train", "--resume", str(run)]) == 2
    error = capsys.readouterr().err
    assert "are not those that the run began with" in error
    assert f"--config {run / 'config.yaml'}" in error
    (run / "config.yaml").write_text(text.replace("progress: false", "progress: true"))
    assert main(["train", "--resume", str(run)]) == 0


def test_filled_targets_are_not_scored():
    actual = np.array([[[1.0]], [[np.nan]], [[3.0]]])
    forecasts = Forecasts(np.array([[[2.0]], [[99.0]], [[3.0]]]), {80: (actual - 1, actual + 1)})
    found = score(actual, forecasts, np.array([[2.0]]), ("y",))
    assert found == {
        "mse": 0.5,
        "rmse": pytest.approx(0.5**0.5),
        "mae": 0.5,
        "mase": 0.25,
        "smape": pytest.approx(100 / 3),
        "coverage_80": 1.0,
    }


def test_a_gap_in_the_test_part_is_left_out_of_its_scores(train, tmp_path, make_csv):
    lines = make_csv().splitlines()
    lines[-10] = lines[-10].rpartition(",")[0] + ","
    data = tmp_path / "gap.csv"
    data.write_text("\n".join(lines) + "\n")
    run = train(data=data, horizon=1)
    baseline = json.loads((run / "metrics.json").read_text())["baselines"]["naive"]["test"]
    values = [float(line.rpartition(",")[2] or "nan") for line in lines[1:]]
    last = values[-15:-1]
    last = [last[i - 1] if np.isnan(v) else v for i, v in enumerate(last)]
    errors = np.abs(np.array(values[-14:]) - last[-14:])
    assert baseline["mae"] == pytest.approx(np.nanmean(errors), rel=1e-5)


@pytest.mark.parametrize("factor", [1e-9, 1e18])
def test_numbers_beyond_32_bit_floats_are_refused(factor, tmp_path, capsys):
    data = tmp_path / "y.csv"
    values = np.random.default_rng(0).normal(size=90) * factor
    data.write_text("y\n" + "\n".join(f"{value:.6e}" for value in values) + "\n")
    command = ["train", "forecast", "--data", str(data), "--window", "14", "--logdir"]
    assert main([*command, str(tmp_path / "logs")]) == 2
    assert "Multiply the column by a power of ten" in capsys.readouterr().err
    assert not (tmp_path / "logs").exists()


def test_predict_leaves_short_series_out_and_says_so(train, tmp_path, make_csv, capsys):
    data = tmp_path / "two.csv"
    short = "\n".join(f"2024-02-{day:02d},b,1.5" for day in range(1, 3))
    data.write_text(make_csv(series=("a",)) + short + "\n")
    run = train(data=data, series="s")
    assert (
        main(["predict", str(run), str(data), "--backtest", "-o", str(tmp_path / "out.csv")]) == 0
    )
    assert "2, which begins at 2024-02-01: 1 such series left out" in capsys.readouterr().err
    predicted = (tmp_path / "out.csv").read_text()
    assert predicted.startswith((run / "predictions.csv").read_text())
    assert {line.split(",")[0] for line in predicted.splitlines()[1:]} == {"a"}


@pytest.fixture
def dated_run(train, tmp_path, make_csv):
    data = tmp_path / "y.csv"
    data.write_text(make_csv())
    return train(data=data), data


def test_predict_refuses_another_kind_of_time(dated_run, tmp_path, capsys):
    numbered = tmp_path / "numbered.csv"
    numbered.write_text("t,y\n" + "".join(f"{i},{i % 7}.5\n" for i in range(60)))
    assert main(["predict", str(dated_run[0]), str(numbered)]) == 2
    captured = capsys.readouterr()
    assert "trained on dates; the input has steps by number" in captured.err
    assert captured.out == ""


def test_predict_never_overwrites_its_input(dated_run, capsys):
    run, data = dated_run
    before = data.read_text()
    assert main(["predict", str(run), str(data), "-o", str(data)]) == 2
    assert "is the input itself" in capsys.readouterr().err
    assert data.read_text() == before
