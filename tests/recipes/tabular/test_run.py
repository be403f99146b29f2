"""`zoo train tabular` and `zoo predict` from end to end, on tiny tables."""

import csv
import io
import json
import shutil
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import yaml

import zoo
from recipes.cli import main
from tests.shared import TIMES, uncompiled

TINY = {
    "epochs": 2, "batch_size": 32, "model.units": 4, "model.members": 1, "jit_compile": "false",
    "progress": "false",
}  # fmt: skip


def passengers(rows=150, seed=0):
    """A table of numbers, categories, names and missing values."""
    generator = np.random.default_rng(seed)
    age = generator.normal(35, 12, rows).round(1)
    cabin = generator.choice([1, 2, 3], rows)
    port = generator.choice(["C", "Q", "S"], rows)
    fare = 90 - 20 * cabin + 0.3 * age + generator.normal(0, 4, rows)
    frame = pd.DataFrame(
        {
            "name": [f"passenger {i}" for i in range(rows)],
            "age": age,
            "class": cabin,
            "port": port,
            "fare": fare.round(2),
            "alive": np.where(fare + generator.normal(0, 10, rows) > 60, "yes", "no"),
        }
    )
    frame.loc[::11, "age"] = np.nan
    frame.loc[::13, "port"] = None
    return frame


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "passengers.csv"
    passengers().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def train(trainer):
    """Calls `zoo train tabular` with a tiny model and returns the folder of the run."""
    return trainer("tabular", **TINY)


@pytest.fixture(scope="module")
def regression(train, data):
    """A plain run, pictures and all."""
    return train(data=data, target="fare", drop="alive", draw=True)


@pytest.fixture(scope="module")
def classification(train, data):
    with uncompiled():
        return train(data=data, target="alive", drop="fare", folds=2, draw=True)


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def predict(run, *arguments):
    """What `zoo predict` writes with `-o`."""
    output = Path(run).parent / "out.csv"
    assert main(["predict", str(run), *map(str, arguments), "-o", str(output)]) == 0
    return output.read_text()


def table(text):
    return pd.read_csv(io.StringIO(text))


# The folder


def test_a_regression_leaves_everything(regression):
    found = {path.name for path in regression.glob("*") if path.is_file()}
    for_tensorboard = {name for name in found if "tfevents" in name or "embedding" in name}
    assert found - for_tensorboard - {"projector_config.pbtxt"} == {
        "config.yaml", "metrics.json", "model.keras", "predictions.csv", "report.md", "history.csv",
        "importances.csv", "worst_rows.csv",
    }  # fmt: skip
    assert {path.name for path in (regression / "plots").iterdir()} == {
        "residuals.png", "importances.png", "learning_curves.png"
    }  # fmt: skip


def test_a_classification_draws_what_it_gets_wrong(classification):
    assert {path.name for path in (classification / "plots").iterdir()} == {
        "confusion_matrix.png", "precision_recall.png", "roc.png", "calibration.png",
        "importances.png", "learning_curves.png",
    }  # fmt: skip


def test_metrics_are_in_the_targets_units_beside_the_baselines(regression):
    metrics = metrics_of(regression)
    assert list(metrics["baselines"]) == ["boosted_trees", "ridge", "mean"]
    for scores in (metrics, *metrics["baselines"].values()):
        assert set(scores["validation"]) == {"mse", "rmse", "mae"}
        assert set(scores["test"]) == {"mse", "rmse", "mae", "rmse_low", "rmse_high"}
        test = scores["test"]
        assert test["rmse_low"] < test["rmse"] < test["rmse_high"]
    found = table((regression / "predictions.csv").read_text())
    error = found["prediction"] - found["target"]
    assert metrics["test"]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))


def test_metrics_of_a_classification(classification):
    metrics = metrics_of(classification)
    assert list(metrics["baselines"]) == ["boosted_trees", "logistic", "majority"]
    names = {"accuracy", "nll", "roc_auc", "average_precision"}
    assert set(metrics["validation"]) == names
    assert set(metrics["test"]) == names | {"accuracy_low", "accuracy_high"}
    found = table((classification / "predictions.csv").read_text())
    right = found["prediction"] == found["target"]
    assert metrics["test"]["accuracy"] == pytest.approx(right.mean())
    share = metrics["baselines"]["majority"]["test"]["accuracy"]
    assert share == pytest.approx(found["target"].value_counts(normalize=True).max())


def test_predictions_are_those_of_the_test_rows(regression, classification, data):
    frame = pd.read_csv(data)
    found = table((regression / "predictions.csv").read_text())
    assert list(found) == ["row", "target", "prediction"]
    assert found["target"].tolist() == frame["fare"].iloc[found["row"] - 1].tolist()
    found = table((classification / "predictions.csv").read_text())
    assert list(found) == [
        "row", "target", "prediction", "probability", "entropy", "probability:no", "probability:yes"
    ]  # fmt: skip
    assert found["target"].tolist() == frame["alive"].iloc[found["row"] - 1].tolist()
    assert (found["probability"] >= 0.5).all()


def test_the_report_says_what_the_columns_are_and_how_sure_the_score_is(regression):
    report = (regression / "report.md").read_text()
    metrics = metrics_of(regression)["test"]
    for part in (
        "fare (a number) from 3 columns; 150 rows: ",
        "- numeric columns: age",
        "- columns of categories: class (3 values), port (3 values)",
        "- column 'name' left out: 150 of its 150 texts differ",
        f"lies between {metrics['rmse_low']:,.4g} and {metrics['rmse_high']:,.4g} with 95 %",
        "## Permutation importances",
        "## Worst test rows",
        "| boosted_trees | validation |",
    ):
        assert part in report, part


def test_importances_and_worst_rows_are_tables(regression):
    found = table((regression / "importances.csv").read_text())
    assert set(found["column"]) == {"age", "class", "port"}
    assert found["increase of the rmse"].is_monotonic_decreasing
    worst = table((regression / "worst_rows.csv").read_text())
    errors = table((regression / "predictions.csv").read_text()).set_index("row")
    errors = (errors["prediction"] - errors["target"]).abs().sort_values(ascending=False)
    assert worst["row"].tolist() == errors.index[:10].tolist()
    assert list(worst)[3:] == found["column"].tolist()


def test_cross_validation_is_in_the_report(classification):
    report = (classification / "report.md").read_text()
    assert "## Cross-validation" in report
    assert "| 2 of 2 |" in report
    assert "the test part stays out of all of them" in report


def test_the_configuration_keeps_what_was_decided(classification):
    saved = yaml.safe_load((classification / "config.yaml").read_text())
    assert saved["target"] == "alive"
    facts = {
        "target": "alive",
        "labels": ["no", "yes"],
        "numeric": ["age"],
        "categorical": ["class", "port"],
    }
    assert {name: saved["run"][name] for name in facts} == facts


def test_the_same_seed_gives_the_same_run(train, data, regression):
    again = train(data=data, target="fare", drop="alive", compiled=True)
    first, second = metrics_of(regression), metrics_of(again)
    assert first | TIMES == second | TIMES
    assert (again / "predictions.csv").read_bytes() == (regression / "predictions.csv").read_bytes()


def test_a_run_cut_off_goes_on_to_the_same_end(regression, undrawn, tmp_path):
    run = tmp_path / "logs" / "tabular" / "cut"
    shutil.copytree(regression, run)
    for file in ("metrics.json", "model.keras", "predictions.csv"):
        (run / file).unlink()
    newest = max((run / "checkpoints").glob("epoch-*"), key=lambda path: path.stat().st_mtime)
    shutil.rmtree(newest) if newest.is_dir() else newest.unlink()
    with undrawn():
        assert main(["train", "--resume", str(run)]) == 0
    first, second = metrics_of(regression), metrics_of(run)
    assert first | TIMES == second | TIMES
    assert (run / "predictions.csv").read_bytes() == (regression / "predictions.csv").read_bytes()


@pytest.mark.slow  # test_a_run_cut_off_goes_on_to_the_same_end has no folds
def test_a_run_killed_in_its_folds_resumes(classification, quickly, tmp_path):
    run = tmp_path / "tabular" / classification.name
    shutil.copytree(classification, run)
    (run / "metrics.json").unlink()
    with quickly():
        assert main(["train", "--resume", str(run)]) == 0
    assert metrics_of(run)["test"] == metrics_of(classification)["test"]
    reports = [(folder / "report.md").read_text() for folder in (classification, run)]
    tables = [text.partition("## Cross-validation")[2].partition("## ")[0] for text in reports]
    assert tables[0]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    "compiled", [pytest.param(True, marks=pytest.mark.slow), False], ids=["compiled", "eager"]
)
@pytest.mark.parametrize(
    "flags",
    [
        pytest.param({"model": "mlp", "model.members": None}, marks=pytest.mark.slow),
        {"model.members": 3, "model.numeric_embedding": "piecewise", "bins": 8},
        {"model.auxiliary": "true", "model.crosses": "[[class,port]]", "loss": "huber"},
    ],
    ids=["mlp", "members and bins", "auxiliary"],
)
def test_other_models_train(train, undrawn, quickly, data, flags, compiled):
    columns = {"target": "fare", "drop": "alive"}
    run = train(data=data, **columns, epochs=1, compiled=compiled, **flags)
    assert metrics_of(run)["test"]["rmse"] > 0
    with undrawn() if compiled else quickly():  # as it was trained, for the last digit
        predicted = predict(run)
    assert predicted == (run / "predictions.csv").read_text()


# Predicting


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_predict_repeats_the_test_part_to_the_last_digit(kind, request):
    run = request.getfixturevalue(kind)
    assert predict(run) == (run / "predictions.csv").read_text()


def test_predict_takes_reordered_and_further_columns(regression, data, tmp_path):
    frame = pd.read_csv(data)
    other = frame[["fare", "port", "age", "class"]].assign(more=1)
    other.to_csv(tmp_path / "other.csv", index=False)
    found = table(predict(regression, tmp_path / "other.csv"))
    assert found.equals(table(predict(regression, data)))
    assert found["row"].tolist() == list(range(1, 151))
    own = table((regression / "predictions.csv").read_text()).set_index("row")
    assert np.allclose(found.set_index("row").loc[own.index, "prediction"], own["prediction"])
    assert found["target"].tolist() == frame["fare"].tolist()


def test_predict_without_the_target(classification, tmp_path, capsys):
    passengers(12, seed=5).drop(columns=["alive", "fare", "name"]).to_csv(
        tmp_path / "new.csv", index=False
    )
    found = table(predict(classification, tmp_path / "new.csv"))
    assert list(found)[:3] == ["row", "prediction", "probability"]
    assert len(found) == 12
    assert capsys.readouterr().err.endswith("new.csv: 12 rows; encoding utf-8; separator ','\n")


def test_predict_from_standard_input_to_standard_output(regression, data, capsys, monkeypatch):
    stream = mock.Mock(buffer=io.BytesIO(Path(data).read_bytes()))
    monkeypatch.setattr("sys.stdin", stream)
    capsys.readouterr()
    assert main(["predict", str(regression), "-"]) == 0
    assert capsys.readouterr().out == predict(regression, data)


def test_unknown_categories_and_classes_are_noted_and_predicted_all_the_same(
    classification, tmp_path, capsys
):
    frame = passengers(10, seed=5)
    frame.loc[[2, 3], "port"] = "X"
    frame.loc[4, "alive"] = "perhaps"
    frame.loc[5, "alive"] = None
    frame.to_csv(tmp_path / "new.csv", index=False)
    capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(predict(classification, tmp_path / "new.csv"))))
    error = capsys.readouterr().err
    assert "column 'port': 2 rows with values that the model does not know ('X')" in error
    assert "classes that the model has never seen ('perhaps')" in error
    assert [row["target"] for row in rows[4:6]] == ["perhaps", ""]
    frame.loc[[2, 3], "port"] = None
    frame.to_csv(tmp_path / "missing.csv", index=False)
    missing = list(csv.DictReader(io.StringIO(predict(classification, tmp_path / "missing.csv"))))
    assert missing == rows


def refusal(capsys, run, frame, tmp_path):
    frame.to_csv(tmp_path / "bad.csv", index=False)
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "bad.csv")]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="age"), "Expected a column 'age' (the model reads it)"),
        (lambda frame: frame.drop(columns="port"), "Expected a column 'port' (the model reads it)"),
        (
            lambda frame: frame.rename(columns={"age": "Age"}),
            "bad.csv. Did you mean 'Age'?",
        ),
        (lambda frame: frame.assign(age=["old"] + [1] * 9), "Received: 'old' in row 1"),
        (lambda frame: frame.assign(age=[1] * 9 + [np.inf]), "Received: inf in row 10"),
        (lambda frame: frame.iloc[:0], "Expected rows below the header"),
    ],
    ids=["no number", "no category", "another name", "text", "infinite", "no rows"],
)
def test_what_does_not_fit_the_model_is_named(regression, tmp_path, capsys, change, message):
    assert message in refusal(capsys, regression, change(passengers(10)), tmp_path)


def test_flags_for_forecasts_are_refused(regression, capsys):
    assert main(["predict", str(regression), "--backtest"]) == 2
    assert "--backtest is for runs of forecast: leave it out for tabular" in capsys.readouterr().err


def test_the_saved_model_takes_a_raw_table(regression, data):
    frame = pd.read_csv(data)
    found = zoo.Predictor(zoo.load(regression)).predict(frame)[:, 0]
    assert np.allclose(found, table(predict(regression, data))["prediction"], rtol=1e-5)


def test_the_model_of_a_run_predicts_a_data_frame(regression, data):
    model = zoo.load(regression)
    found = model.predict(pd.read_csv(data).set_axis(range(150, 0, -1)), keep="age")
    expected = table(predict(regression, data, "--keep", "age"))
    pd.testing.assert_frame_equal(found, expected)
    assert "test" in (regression / "report.md").read_text()
    own = pd.read_csv(regression / "predictions.csv")
    pd.testing.assert_frame_equal(model.predict(), own)


def test_dates_are_read_alike_in_a_run_and_its_predictions(train, tmp_path, capsys):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(150) * 5, unit="h")
    frame = passengers().assign(when=days.strftime("%d/%m/%Y %H:%M"))
    frame.loc[::17, "when"] = None
    frame.to_csv(tmp_path / "trips.csv", index=False)
    run = train(data=tmp_path / "trips.csv", target="fare", drop="alive", compiled=False)
    assert yaml.safe_load((run / "config.yaml").read_text())["run"]["dates"] == ["when"]
    report = (run / "report.md").read_text()
    assert "'when' holds dates: read as month, day, weekday, hour, age in days at the" in report
    assert set(table((run / "importances.csv").read_text())["column"]) >= {"when", "age"}
    expected = table((run / "predictions.csv").read_text()).set_index("row")
    other = frame.assign(when=days.where(frame["when"].notna()))
    other.to_parquet(tmp_path / "typed.parquet")
    ambiguous = frame.loc[expected.index - 1]
    for path, rows in ((tmp_path / "trips.csv", frame), (tmp_path / "typed.parquet", other)):
        found = table(predict(run, path)).set_index("row")
        assert len(found) == len(rows)
        assert np.allclose(found.loc[expected.index, "prediction"], expected["prediction"])
    ambiguous.iloc[:1].assign(when="01/02/2024 10:00").to_csv(tmp_path / "one.csv", index=False)
    capsys.readouterr()
    predict(run, tmp_path / "one.csv")
    assert "read day first" in capsys.readouterr().err
    assert "'soon' in row 1" in refusal(capsys, run, ambiguous.assign(when="soon"), tmp_path)


# Refusals leave nothing behind


BAD = {
    "no target": ("", "Name the column to predict with --target."),
    "no such target": ("--target prize", "Expected a column 'prize' (--target)"),
    "one class": ("--target one --drop mixed", "'one' of bad.csv, which is 'x' in every row"),
    "dates": ("--target when --drop mixed", "The target 'when' of bad.csv holds dates"),
    "classes": ("--target fare --drop mixed --class_weight balanced", "weighs classes"),
    "a mistake": ("--target fare --drop when", "Received: 'a lot' in row 8"),
    "as a number": ("--target fare --drop when,mixed --numeric one", "Received: 'x' in row 1"),
    "one fold": ("--target fare --folds 1", "--folds must be at least 2, or 0 for none."),
    "fraction": ("--target fare --test_fraction 1", "--test_fraction must be above 0 and below 1."),
    "all rows": (
        "--target fare --test_fraction 0.9",
        "must leave a tenth of the rows for training.",
    ),
    "scaling": ("--target fare --normalization z", "to be one of robust, quantile, standard."),
    "data set": ("--dataset iris", "There is no dataset 'iris'. Expected one of diabetes, "),
    "bins": ("--target fare --bins 0", "--bins must be at least 1."),
}


@pytest.mark.parametrize(("flags", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_and_nothing_written(tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    frame = passengers(60).assign(
        one="x", when="2024-01-31", mixed=[*["1.5"] * 7, "a lot", *["2.5"] * 52]
    )
    frame["when"] = ["2024-01-31", "2024-02-29"] * 30
    frame.to_csv("bad.csv", index=False)
    source = [] if "--dataset" in flags else ["--data", "bad.csv"]
    capsys.readouterr()
    assert main(["train", "tabular", *source, *flags.split()]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert message in error
    assert [path.name for path in Path().iterdir()] == ["bad.csv"]


def test_columns_of_the_input_are_copied(classification, tmp_path, capsys):
    frame = passengers(12, seed=5).assign(id=[f"{n:03d}" for n in range(12)], prediction="old")
    frame.to_csv(tmp_path / "new.csv", index=False)
    found = predict(classification, tmp_path / "new.csv", "--keep", "id,prediction")
    header, *rows = [line.split(",") for line in found.splitlines()]
    assert header[:5] == ["row", "id", "input:prediction", "target", "prediction"]
    assert [row[1] for row in rows] == [f"{n:03d}" for n in range(12)]
    assert main(["predict", str(classification), str(tmp_path / "new.csv"), "--keep", "ID"]) == 2
    assert "Expected a column 'ID' (--keep)" in capsys.readouterr().err


def test_predictions_read_another_form_of_the_same_rows(regression, data, tmp_path, capsys):
    expected = predict(regression, data)
    frame = pd.read_csv(data)
    frame.to_csv(tmp_path / "german.csv", index=False, sep=";", decimal=",", encoding="utf-16")
    assert predict(regression, tmp_path / "german.csv") == expected
    frame.to_excel(tmp_path / "book.xlsx", index=False)
    assert predict(regression, tmp_path / "book.xlsx") == expected
