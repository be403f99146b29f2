"""The command line: what it answers at once, and what it says to wrong input."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recipes.cli import main
from recipes.engine.arguments import parse
from recipes.errors import UserError
from tests import shared

TOP = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path, monkeypatch, make_csv):
    """A folder, also the current one, with a good file and files that are wrong in some way."""
    monkeypatch.chdir(tmp_path)
    good = make_csv()
    lines = good.splitlines()
    day, value = lines[5].split(",")
    bad = {
        "good.csv": good,
        "two.csv": make_csv(columns=("y", "x")),
        "empty.csv": "",
        "header.csv": "t,y\n",
        "short.csv": "\n".join(lines[:16]),
        "words.csv": "t,y\n2024-01-01,rain\n2024-01-02,sun\n",
        "word.csv": good.replace(f"{day},{value}", f"{day},sun"),
        "infinite.csv": good.replace(f"{day},{value}", f"{day},inf"),
        "missing.csv": good.replace(f"{day},{value}", f"{day},"),
        "twice.csv": "\n".join([*lines[:40], *lines[39:]]),
        "gap.csv": "\n".join([*lines[:30], *lines[33:]]),
        "broken.yaml": "epochs: [1",
        "list.yaml": "- 1",
        "unknown.yaml": "epoch: 3",
        "type.yaml": "epochs: many",
        "model.yaml": "model: {python: 3}",
        "keys.yaml": "null: 1\nx: 2",
    }
    for name, text in bad.items():
        Path(name).write_text(text)
    Path("binary.csv").write_bytes(bytes(range(256)))
    Path("folder").mkdir()
    os.mkfifo("pipe")
    return tmp_path


def visible_files():
    """Hidden ones are other tests' business: hypothesis keeps its examples in one."""
    return sorted(path for path in Path().rglob("*") if not path.parts[0].startswith("."))


def refusal(capsys, *arguments, status=2):
    """The one line that the program prints on refusing its input, and that it writes no file."""
    before = visible_files()
    line = shared.refusal(capsys, *arguments, status=status)
    assert "Traceback" not in line
    assert visible_files() == before
    return line


# Wrong words


def test_arguments_of_models_are_not_flags():
    with pytest.raises(UserError, match=r"no flag --encoder. Did you mean --model.encoder\?"):
        parse("text_classification", ["--data", "t.csv", "--encoder", "gru"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "There is no command 'trian'. Did you mean train?"),
        (["xyz"], "There is no command 'xyz'. Expected one of list, train, "),
        (["train"], "Expected a recipe: zoo train RECIPE. One of forecast, images, tabular, "),
        (["train", "forcast"], "There is no recipe 'forcast'. Did you mean forecast?"),
        (["list", "zzz"], "Nothing matches 'zzz'. Models: "),
        (["list", "a", "b"], "unrecognized arguments: b. `zoo list --help` shows how."),
        (["runs"], "There are no finished runs in logs. `zoo train forecast` makes one."),
        (["runs", "--sort"], "argument --sort: expected one argument."),
        (["tensorboard", "--logdir", "none"], "There is no folder none."),
        (["predict"], "the following arguments are required: run."),
        (["predict", "none"], "There is no run none. `zoo runs` lists them."),
        (["predict", "folder"], "folder is not a finished run: it has no config.yaml."),
    ],
)
def test_wrong_commands(files, capsys, arguments, message):
    assert refusal(capsys, *arguments).startswith(message)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--epoch 3", "There is no flag --epoch. Did you mean --epochs?"),
        ("--learning_rat 3", "There is no flag --learning_rat. Did you mean --learning_rate?"),
        ("--lr 3", "There is no flag --lr. Did you mean --learning_rate?"),
        ("--qqq", "There is no flag --qqq. --help lists them all."),
        ("good.csv", "Expected flags only. Received: good.csv. Your own file goes behind --data."),
        ("--epochs", "argument --epochs: expected one argument."),
        ("--epochs abc", "Expected --epochs to be a whole number. Received: abc"),
        ("--epochs 1.5", "Expected --epochs to be a whole number. Received: 1.5"),
        ("--epochs 0", "--epochs must be at least 1. Received: 0"),
        ("--horizon 0", "--horizon must be at least 1. Received: 0"),
        ("--window=-1", "--window must be at least 1. Received: -1"),
        ("--learning_rate fast", "Expected --learning_rate to be a number. Received: fast"),
        ("--learning_rate 0", "--learning_rate must be above 0. Received: 0"),
        ("--warmup 1", "--warmup must be at least 0 and below 1. Received: 1.0"),
        ("--seed 4294967296", "--seed must be below 2**32. Received: 4294967296"),
        ("--overwrite perhaps", "Expected --overwrite to be true or false. Received: perhaps"),
        ("--overwrite=perhaps", "Expected --overwrite to be true or false. Received: perhaps"),
        ("--head foo", "Expected --head to be one of point, quantile, gaussian. Received: foo"),
        ("--head quantile --quantiles a,b", "Expected --quantiles to be a number. Received: a"),
        ("--head quantile --quantiles .1,1e400", "Expected --quantiles to be finite. Received"),
        ("--statistics_seconds .inf", "Expected --statistics_seconds to be finite. Received: inf"),
        ("--preset ml2-ch15-8", "There is no preset 'ml2-ch15-8'. Did you mean ml2-ch15-8"),
        ("--preset foo", "There is no preset 'foo'. `zoo list` names them."),
        ("--dataset foo", "There is no dataset 'foo'. Expected one of book_series, ridership; "),
        ("--dataset book_series --data good.csv", "Give either --dataset or --data, not both."),
        ("--dataset book_series --window 60", "book_series have windows of 50 at most."),
        ("--dataset book_series --backtest 2", "--backtest needs a series that goes on"),
        ("--config none.yaml", "Cannot read --config none.yaml: "),
        ("--config folder", "Cannot read --config folder: "),
        ("--config binary.csv", "Cannot read --config binary.csv: "),
        ("--config broken.yaml", "--config broken.yaml is not valid YAML, line 2: did not find"),
        ("--config pipe", "Cannot read --config pipe: it is a pipe, expected a file."),
        ("--config /dev/zero", "Cannot read --config /dev/zero: it is larger than 1,000,000 bytes"),
        ("--config list.yaml", "Expected --config list.yaml to hold `setting: value` lines."),
        ("--config unknown.yaml", "unknown.yaml: there is no setting 'epoch'. Did you mean epochs"),
        ("--config keys.yaml", "keys.yaml: there is no setting 'None'."),
        ("--config model.yaml", "--config model.yaml: model cannot be {'python': 3}."),
        ("--config type.yaml", "Expected --epochs to be a whole number. Received: many"),
        (
            "--strategy recursive --past_covariates x",
            "A recursive forecast would need future values",
        ),
        ("--strategy recursive --mc_samples 3", "--strategy recursive and --mc_samples exclude"),
        ("--head gaussian --mc_samples 3", "--head gaussian and --mc_samples exclude each other"),
    ],
)
def test_wrong_flags(files, capsys, flags, message):
    assert refusal(capsys, "train", "forecast", *flags.split()).startswith(message)


def test_settings_come_from_another_process():
    reading, writing = os.pipe()  # as of --config <(sed ... run/config.yaml)
    with open(writing, "w") as file:
        file.write("epochs: 7")
    assert parse("forecast", ["--config", f"/dev/fd/{reading}"]).epochs == 7
    os.close(reading)


def test_what_was_parsed_before_does_not_count():
    plain = parse("forecast", [])
    flags = "--preset ml2-ch15-57 --epochs 3 --model.units [5] --quantiles .2,.5 --seed 9"
    assert parse("forecast", flags.split()) != plain
    assert parse("forecast", []) == plain


def test_a_closed_output_is_none(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)  # `zoo list >&-`
    assert main(["list"]) == 0
    sys.stdout.close()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            "--data none.csv",
            "Expected a table (CSV, Excel, Parquet or JSON lines). Received: none.csv, ",
        ),
        ("--data folder", "Expected the files of a table. Received: folder, which has none"),
        (
            "--data empty.csv",
            "Expected a table (CSV, Excel, Parquet or JSON lines). Received: empty.c",
        ),
        ("--data header.csv", "Expected rows below the header of header.csv. Received: none."),
        ("--data binary.csv", "binary.csv is no table: it holds bytes that no text has"),
        ("--data good.csv --target z", "Expected a column 'z' (--target) in good.csv."),
        ("--data good.csv --time date", "Expected a column 'date' (--time) in good.csv."),
        ("--data good.csv --series s", "Expected a column 's' (--series) in good.csv."),
        (
            "--data good.csv --past_covariates X",
            "Expected a column 'X' (--past_covariates)",
        ),
        (
            "--data good.csv --future_covariates none.csv",
            "Expected a table (CSV, Excel, Parquet or JSON lines). Received: none.csv",
        ),
        ("--data two.csv", "Expected one numeric column in two.csv to forecast. Received several"),
        ("--data words.csv", "Expected one numeric column in words.csv to forecast. Received none"),
        ("--data words.csv --target y", "Expected numbers in column 'y' of words.csv."),
        ("--data word.csv", "Expected numbers in column 'y' of word.csv. Received: 'sun' in row 5"),
        ("--data infinite.csv", "Expected finite numbers in column 'y' of infinite.csv."),
        ("--data missing.csv --missing error", "Expected no missing values in column 'y'"),
        ("--data twice.csv", "Expected every time once in column 't' of twice.csv."),
        ("--data gap.csv", "Expected equal steps in column 't' of gap.csv, 1 day being the usual"),
        ("--data short.csv", "The data has 15 rows, and one window needs --window 14 + --horizon"),
        ("--data good.csv --window 80", "The train split is empty"),
        ("--data good.csv --horizon 40", "The train split is empty"),
        ("--data good.csv --validation_fraction 0.9", "Expected --validation_fraction and "),
        ("--data good.csv --difference 14", "--difference must be below --window (14)."),
        (
            "--data good.csv --datetime_features dow",
            "Expected --datetime_features to list ",
        ),
        ("--data good.csv --resample foo", "Expected --resample to be a pandas frequency such as"),
        ("--data good.csv --backtest 20", "--backtest 20 reaches back too far. The train split"),
        (
            "--data good.csv --mc_samples 3 --model.dropout 0",
            "--mc_samples needs a model with dropout, and wavenet",
        ),
        ("--data good.csv --model wavnet", "The model cannot be built. There is no model named "),
        ("--data good.csv --model.filtres 3", "The model cannot be built. wavenet has no argument"),
        ("--data good.csv --model.filters abc", "The model cannot be built. filters must be a "),
        ("--data good.csv --model.horizon 3", "--model.horizon follows from the other flags"),
        ("--data good.csv --head quantile --quantiles 0.9,0.1", "The model cannot be built. quant"),
        ("--data good.csv --backend jax", "Keras already runs on tensorflow."),
        ("--data good.csv --name ../x", "--name must be a plain name of letters"),
        ("--data good.csv --name ..", "--name must be a plain name of letters"),
        ("--data good.csv --name a/b", "--name must be a plain name of letters"),
        ("--data good.csv --logdir good.csv", "Cannot write runs to good.csv"),
    ],
)
def test_wrong_data_and_models(files, capsys, flags, message):
    # The command line's own defaults for --window and --horizon would hide some of these.
    found = refusal(
        capsys, "train", "forecast", "--progress=false", "--window=14", "--horizon=3",
        "--model=wavenet", "--model.num_layers=2", "--epochs=1", *flags.split(),
    )  # fmt: skip
    assert found.startswith(message)


def test_a_column_that_is_nearly_right_is_suggested(files, capsys):
    found = refusal(capsys, "train", "forecast", "--data=two.csv", "--target=Y")
    assert "Did you mean 'y'?" in found


def test_a_folder_that_cannot_be_written(files, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = refusal(capsys, "train", "forecast", "--data=good.csv")
    assert "is read-only. Choose another --logdir." in found


def test_a_damaged_download(files, capsys, monkeypatch, tmp_path):
    from recipes.data.download import FILES

    copy = tmp_path / FILES["ridership"].path
    copy.parent.mkdir(parents=True)
    copy.write_text("service_date,day_type,bus,rail_boardings\n")
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    found = refusal(capsys, "train", "forecast", "--dataset=ridership")
    assert f"The file {copy} is not the published one: expected content sha256" in found


# Runs


@pytest.fixture(scope="module")
def logs(tmp_path_factory, train, make_csv):
    """A folder of two runs, `one` and `two`."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "data.csv").write_text(make_csv())
    for name, seed in (("one", 1), ("two", 2)):
        train(data=folder / "data.csv", logdir=folder / "logs", name=name, seed=seed, epochs=1)
    return folder / "logs"


def test_a_name_that_is_taken(files, logs, capsys, train):
    flags = ["train", "forecast", "--data=good.csv", f"--logdir={logs}", "--name=one"]
    run = logs / "forecast" / "one"
    before = (run / "metrics.json").read_bytes()
    assert refusal(capsys, *flags) == (
        f"The run {run} exists. Choose another --name, or replace it with --overwrite."
    )
    assert (run / "metrics.json").read_bytes() == before
    (run / "old").touch()
    train("--overwrite", data="good.csv", logdir=logs, name="one", epochs=1, seed=1)
    assert not (run / "old").exists()
    assert json.loads((run / "metrics.json").read_text())["dataset"] == "good.csv"


def test_overwriting_spares_what_is_no_run(files, logs, capsys):
    photos = files / "logs" / "forecast" / "photos"
    photos.mkdir(parents=True)
    (photos / "me.jpg").touch()
    found = refusal(
        capsys, "train", "forecast", "--data=good.csv", "--name=photos", "--overwrite",
    )  # fmt: skip
    assert "is not a run (it has no config.yaml): it is not overwritten." in found


def test_a_run_killed_before_its_first_file_can_be_overwritten(files, logs, train):
    begun = logs / "forecast" / "begun"
    (begun / "plots").mkdir(parents=True)
    (begun / "checkpoints").mkdir()
    (begun / ".config.yaml.part").touch()
    run = train("--overwrite", data="good.csv", logdir=logs, name="begun", epochs=1, seed=1)
    assert (run / "metrics.json").exists()


def test_a_preset_of_the_model_replaces_what_the_recipe_chose_for_it():
    flags = ["--dataset=fashion_mnist", "--model=mlp"]
    assert parse("images", flags).model_arguments["activation"] == "relu"
    chosen = parse("images", [*flags, "--model.preset=self_normalizing"]).model_arguments
    assert not {"activation", "batch_normalization"} & set(chosen)
    assert chosen["preset"] == "self_normalizing"
    both = parse("images", [*flags, "--model.preset=default", "--model.activation=elu"])
    assert both.model_arguments["activation"] == "elu"


def test_a_loss_that_is_lost_is_said_once(files, capsys, train):
    run = train(
        data="good.csv", logdir="logs", name="lost", learning_rate=1e30, clipnorm=0,
        optimizer="sgd", loss="mse", status=1,
    )  # fmt: skip
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("zoo: The loss is no longer a number after epoch ")
    assert (
        "Lower --learning_rate (now 1e+30), set --clipnorm 1, or let --on_nan restore go back"
        in error
    )
    assert error.count("\n") == 1
    assert not (run / "metrics.json").exists()
    assert refusal(capsys, "predict", run).endswith("is not a finished run: it has no model.keras.")
    assert refusal(capsys, "runs").startswith("There are no finished runs")


def test_the_table_of_runs(logs, capsys):
    test_mae = {
        name: json.loads((logs / "forecast" / name / "metrics.json").read_text())["test"]["mae"]
        for name in ("one", "two")
    }
    for arguments in ([], ["--sort", "mae"], ["--sort", "test.mae"], ["--sort", "mase"]):
        assert main(["runs", "--logdir", str(logs), *arguments]) == 0
        out = capsys.readouterr().out
        assert all(f"\n{name}  " in out for name in ("one", "two"))
        if arguments == ["--sort", "test.mae"]:
            first = min(test_mae, key=test_mae.get)
            last = max(test_mae, key=test_mae.get)
            assert out.index(f"\n{first}") < out.index(f"\n{last}")
    assert "Expected one of mae, " in refusal(capsys, "runs", "--logdir", logs, "--sort", "foo")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "There is no file none.csv to predict from."),
        (["folder"], "Expected the files of a table. Received: folder, which has none"),
        (
            ["empty.csv"],
            "Expected a table (CSV, Excel, Parquet or JSON lines). Received: empty.csv",
        ),
        (["words.csv"], "Expected numbers in column 'y' of words.csv. Received: 'rain' in row 1"),
        (["tiny.csv"], "A forecast needs the last 14 steps. Received: the series with 10"),
        (["good.csv", "-o", "none/out.csv"], "Cannot write none/out.csv: there is no folder none."),
        (["good.csv", "-o", "folder"], "Cannot write folder: it is a folder."),
        (["renamed.csv"], "Expected a column 'y' (--target) in renamed.csv. Its columns are"),
    ],
)
def test_wrong_input_to_predict(files, logs, capsys, arguments, message):
    text = Path("good.csv").read_text()
    Path("tiny.csv").write_text("\n".join(text.splitlines()[:11]))
    Path("renamed.csv").write_text(text.replace("t,y", "day,sales"))
    found = refusal(capsys, "predict", logs / "forecast" / "two", *arguments)
    assert found.startswith(message)


def test_a_run_of_another_format(files, logs, capsys):
    run = files / "old"
    shutil.copytree(logs / "forecast" / "two", run)
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("format: 2", "format: 0"))
    assert "has format 0; this version reads 2 and older." in refusal(capsys, "predict", run)
    config.write_text("epochs: [1")
    assert "config.yaml" in refusal(capsys, "predict", run)


# At once


HEAVY = ("keras", "tensorflow", "jax", "pandas", "matplotlib", "sklearn")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["list"], "wavenet_lite"),
        (["list", "presets", "--format=json"], "ml2-ch15-57"),
        (["list", "*net*"], "wavenet"),
        (["runs", "--logdir", "LOGS", "--sort", "mae"], "\ntwo  "),
        (["show", "LOGS/forecast/two"], "## Results"),
        (["--help"], "zoo train RECIPE"),
        (["--version"], "zoo 0."),
        (["train", "--help"], "forecast"),
        (["train", "forecast", "--help"], "--learning_rate"),
        (["predict", "--help"], "--output"),
    ],
)
def test_answers_without_keras_or_pandas(logs, arguments, shown):
    arguments = [argument.replace("LOGS", str(logs)) for argument in arguments]
    code = (
        f"import sys; from recipes.cli import main\ntry: main({arguments})\n"
        f"except SystemExit as end: assert not end.code\n"
        f"print('loaded', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=TOP, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in done.stdout
    assert done.stdout.endswith("loaded []\n")


@pytest.mark.parametrize(
    "command", [["-m", "recipes", "train", "forecast"], ["-m", "recipes.forecast"],
                ["recipes/forecast"]],
)  # fmt: skip
def test_a_recipe_is_a_script(command):
    def call(*flags):
        return subprocess.run(
            [sys.executable, *command, *flags], cwd=TOP, capture_output=True, text=True, timeout=60
        )

    done = call("--epochs", "none")
    message = "zoo: Expected --epochs to be a whole number. Received: none\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
