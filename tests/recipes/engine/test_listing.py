"""`zoo list`, `zoo runs`, `zoo show` and `zoo compare` on run folders written by hand."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import yaml
from rich.cells import cell_len

from recipes.cli import main
from recipes.engine import browsing, listing, showing

LONG = "the-run-of-the-twenty-sixth-of-November-with-a-very-long-name-and-more-words-than-fit-80"
REPORT = """# mlp on houses

Prose that is longer than the eighty columns of a terminal, and so is set in several lines there.

## Results

|  | part | a\\|b | rmse of everything | mae of everything | something else | and more of it |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| mlp | validation | 12,345,678 | 0.1234 | 0.5678 | 0.9012 | 0.3456789 |

![Errors](plots/errors.png)

*Errors*

```
a drawing that is wider than the terminal with its eighty columns, and that is left as it is
```
"""


def write(logs, recipe, name, when, history=(3.0, 2.0), settings=(), **changes):
    run = logs / recipe / name
    run.mkdir(parents=True)
    score = "mae" if recipe == "forecast" else "accuracy"
    scores = {"validation": {score: 0.25}, "test": {score: 12345.6}}
    metrics = {
        "recipe": recipe, "model": "transformer_language_model", "dataset": "data/houses.csv",
        "parameters": 1234567, "seed": 1, "seconds": 12.5, "epochs": 2, "baselines": {},
        **scores, **changes,
    }  # fmt: skip
    (run / "metrics.json").write_text(json.dumps(metrics))
    config = {"epochs": 2, "model_arguments": {"units": [3, 4]}, "name": name, **dict(settings)}
    config["run"] = {"recipe": recipe, "format": 2, "data_sha256": "abcdefghij"}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    rows = [f"{epoch},{loss},{loss + 1}" for epoch, loss in enumerate(history, start=1)]
    (run / "history.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]) + "\n")
    (run / "report.md").write_text(REPORT)
    os.utime(run / "metrics.json", (when, when))
    os.utime(run / "config.yaml", (when, when))
    return run


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logs = tmp_path / "logs"
    write(logs, "forecast", "first", 1e9, validation={"mae": 0.5})
    write(logs, "forecast", LONG, 2e9, settings={"epochs": 7, "model_arguments": {"units": [9]}})
    write(logs, "images", "photos", 1.5e9)
    return logs


def out_of(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


@pytest.fixture
def terminal(monkeypatch):
    """Eighty columns."""
    monkeypatch.setattr(listing, "terminal_width", lambda: 80)


def test_runs_in_a_pipe_are_a_line_each(logs, capsys):
    lines = out_of(capsys, "runs").splitlines()
    assert len(lines) == 8
    assert lines[0] == "logs/forecast: forecast one or many time series (chapter 15)"
    assert lines[1].split("  ")[0].strip() == "run"
    assert lines[2].split() == [
        "first", "0.5", "12,346", "2001-09-09", "2", "12.5", "1,234,567",
        "transformer_language_model", "houses.csv",
    ]  # fmt: skip
    assert lines[3].startswith(f"{LONG}  ")
    assert not lines[4]
    assert "\t" not in "".join(lines)


def test_no_name_and_no_number_is_cut_in_a_narrow_terminal(logs, capsys, terminal):
    out = out_of(capsys, "runs")
    lines = out.splitlines()
    assert f"{LONG}  transformer_language_model on houses.csv" in lines
    assert {"12,346", "1,234,567", "2001-09-09", "0.25"} <= set(out.split())
    assert all(cell_len(line) <= 80 for line in lines if LONG not in line)
    header, number = next(
        (above, line) for above, line in zip(lines, lines[2:], strict=False) if "0.5 " in line
    )
    assert header.index("val mae") + len("val mae") == number.index("0.5") + len("0.5")


def test_runs_as_csv_and_json_hold_everything(logs, capsys):
    rows = list(csv.DictReader(io.StringIO(out_of(capsys, "runs", "--format", "csv"))))
    assert [row["run"] for row in rows] == ["first", "photos", LONG]
    assert (rows[0]["test.mae"], rows[0]["test.accuracy"]) == ("12345.6", "")
    found = json.loads(out_of(capsys, "runs", "--format=json", "--sort=mae"))
    assert [run["run"] for run in found] == [LONG, "first", "photos"]
    assert found[0]["validation.mae"] == 0.25
    assert found[0]["folder"] == f"logs/forecast/{LONG}"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"recipe": "other"}', None])
def test_a_damaged_run_is_named_and_the_others_are_listed(logs, capsys, text):
    if text is None:
        found = json.loads((logs / "images" / "photos" / "metrics.json").read_text())
        text = json.dumps({**found, "dataset": float("inf")})
    (logs / "images" / "photos" / "metrics.json").write_text(text)
    assert main(["runs"]) == 0
    out, error = capsys.readouterr()
    assert "first" in out
    assert "photos" not in out
    assert "logs/images/photos/metrics.json" in error
    assert error.count("\n") == 1


def test_pipes_in_the_place_of_files_are_not_waited_for(logs, capsys):
    for name in ("metrics.json", "config.yaml"):
        (logs / "forecast" / name).mkdir()
        os.mkfifo(logs / "forecast" / name / name)
        (logs / "forecast" / f"zero-{name}").mkdir()
        (logs / "forecast" / f"zero-{name}" / name).symlink_to("/dev/zero")
    assert main(["runs", f"--logdir={logs}"]) == 0
    for name in ("config.yaml", "zero-config.yaml"):
        assert main(["show", str(logs / "forecast" / name)]) == 2
        assert main(["predict", str(logs / "forecast" / name)]) == 2
    assert "it has no config.yaml" in capsys.readouterr().err


def test_the_catalogue_fits_a_terminal_and_cuts_nothing(capsys, terminal):
    out = out_of(capsys, "list")
    assert all(cell_len(line) <= 80 for line in out.splitlines())
    names = {each["name"] for each in listing._catalog()}
    assert names <= set(out.split())


def test_kinds_and_patterns(capsys):
    found = {
        asked: json.loads(out_of(capsys, "list", asked, "--format", "json"))
        for asked in (*listing.KINDS, "*net*")
    }
    for kind in listing.KINDS:
        assert {f"{each['kind']}s" for each in found[kind]} == {kind}
    assert all("net" in each["name"] for each in found["*net*"])
    about = {each["name"]: each["description"] for each in found["presets"]}
    assert about["ml2-ch15-57"] == (
        "deep_rnn on book_series, 20 epochs: --model.cell simple_rnn --learning_rate 0.01"
    )
    assert "--model.units [300,100,100,100,100,100,100,100,... 100 in all]" in about["ml2-ch11-48"]


def test_a_report_in_a_pipe_is_as_it_was_written(logs, capsys):
    assert out_of(capsys, "show", "first") == REPORT
    assert out_of(capsys, "show", logs / "forecast" / "first") == REPORT


def test_a_report_in_a_terminal(logs, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    lines = out_of(capsys, "show", "first").splitlines()
    assert any(line.split() == ["mlp", "validation", "12,345,678", "0.1234", "0.5678", "0.9012",
                                "0.3456789"] for line in lines)  # fmt: skip
    assert any(line.split()[:2] == ["part", "a|b"] for line in lines)
    assert REPORT.splitlines()[-2] in lines
    assert "logs/forecast/first/plots/errors.png" in "".join(lines)
    assert REPORT.splitlines()[2] not in lines  # prose is wrapped


def test_runs_are_compared(logs, capsys):
    lines = out_of(capsys, "compare", "first", LONG).splitlines()
    assert lines[:2] == ["1  logs/forecast/first", f"2  logs/forecast/{LONG}"]
    rows = {line.split("  ")[0]: line.split()[-2:] for line in lines[3:] if line}
    assert rows["epochs"] == ["2", "2"]  # trained; the setting stands above it
    assert next(line.split() for line in lines if "epochs" in line) == ["epochs", "2", "7"]
    assert rows["model.units"] == ["3,4", "9"]
    assert rows["validation mae"] == ["0.5", "0.25"]
    assert rows["test mae"] == ["12,346", "12,346"]
    assert "data's hash" not in rows
    assert lines[-1] == "Learning curves: logs/forecast/comparison.png"
    assert (logs / "forecast" / "comparison.png").stat().st_size > 1000


def test_compared_curves_draw_each_run_once():
    from recipes.engine.curves import compared_curves

    one = {"loss": [3.0, 2.0], "mae": [1.0, 0.5], "val_loss": [4.0, 3.0], "val_mae": [2.0, 1.0]}
    figure = compared_curves({"a": one, "b": {**one, "val_mae": [9.0, 8.0]}})
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "mae"]
    drawn = [list(line.get_ydata()) for line in figure.axes[1].lines]
    assert drawn == [[2.0, 1.0], [1.0, 0.5], [9.0, 8.0], [1.0, 0.5]]
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b"]
    many = compared_curves({f"{index}": one for index in range(12)}).axes[0].lines
    assert len({str(line.get_color()) for line in many}) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "frist"], "There is no run frist. `zoo runs` lists them. Did you mean first?"),
        (["compare", "first"], "Expected two runs or more"),
        (["compare", "first", "logs/forecast/first"], "Expected two runs or more"),
        (["compare", "first", "photos"], "Expected runs of one recipe. Received: runs of forecast"),
        (["compare", "first", LONG, "-o", "a.txt"], "Expected a picture to write"),
        (["compare", "first", LONG, "-o", "none/a.png"], "Cannot write none/a.png"),
        (["tensorboard", "--last", "0"], "--last must be at least 1"),
        (["tensorboard", "first", "--last", "1"], "Name runs, or give --last, not both."),
        (["tensorboard", "frist"], "There is no run frist."),
        (["list", "model"], "Nothing matches 'model'. Did you mean models?"),
    ],
)
def test_mistakes(logs, capsys, arguments, message):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"zoo: {message}")


def test_a_name_that_two_runs_have(logs, capsys):
    write(logs, "images", "first", 3e9)
    assert main(["show", "first"]) == 2
    assert "Several runs are called first: logs/forecast/first, " in capsys.readouterr().err
    assert out_of(capsys, "show", "images/first") == REPORT


def test_runs_without_curves_are_compared_all_the_same(logs, capsys):
    (logs / "forecast" / "first" / "history.csv").unlink()
    out = out_of(capsys, "compare", "first", LONG, "-o", "curves.svg")
    assert out.endswith("Learning curves: curves.svg\n")


def test_settings_that_are_all_the_same():
    class Same:
        @staticmethod
        def read_config():
            return {"epochs": 1, "run": {}}

    from recipes.engine.recipe import find_recipe

    assert showing._settings(find_recipe("images"), [Same, Same]) == [["all are the same", "", ""]]


def test_tensorboard_serves_the_runs_chosen_and_ends_when_it_is_ended(logs):
    from tensorboardX import SummaryWriter

    for name in ("first", LONG):
        with SummaryWriter(str(logs / "forecast" / name / "train")) as writer:
            writer.add_scalar("loss", 1.0, 1)
    code = (
        "import sys; from recipes.cli import main\n"
        "try: main(['tensorboard', '--port', '0', '--last', '1'])\n"
        "finally: sys.exit('tensorflow' in sys.modules)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip()
            for _ in range(100):
                with urllib.request.urlopen(f"{url}data/runs", timeout=30) as answer:
                    runs = json.load(answer)
                if runs or process.poll() is not None:
                    break
                time.sleep(0.1)
        finally:
            process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=30)
    assert runs == [f"forecast/{LONG}/train"]
    assert (process.returncode, out) == (0, "")
    assert error == "note: for browsers on this machine alone (localhost)\n"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


def test_as_many_runs_are_opened_as_tensorboard_draws(tmp_path, capsys):
    newest = [tmp_path / "forecast" / f"run{number}" for number in range(30)]
    for run in newest:
        for inside in (run, run / "trials" / "0"):
            inside.mkdir(parents=True)
            (inside / "events.out.tfevents.1").touch()
    assert browsing._ticked(newest[:20]) == []
    assert capsys.readouterr().err == ""
    assert browsing._ticked(newest) == newest[:20]
    assert "the newest 20 of 30 runs" in capsys.readouterr().err
    for number in range(50):
        (newest[0] / "trials" / f"{number}-").mkdir()
        (newest[0] / "trials" / f"{number}-" / "events.out.tfevents.1").touch()
    assert browsing._ticked(newest) == newest[:1]
