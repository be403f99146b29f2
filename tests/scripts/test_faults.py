"""What `scripts/faults` tries, in a short form."""

import random
import zipfile

import pytest

from recipes import RECIPES
from recipes.engine import arguments, checking
from recipes.engine.config import read_yaml
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError
from recipes.forecast import ForecastConfig
from recipes.tuning.plan import Plan, TuningFolder
from scripts.fault_tests import fuzz, kills, made_up, processes, runs
from scripts.fault_tests.__main__ import main

#: Readers that take a second for each input.
SLOW = ("search.json", "journal.log")


@pytest.mark.parametrize("count", [12, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "reader",
    [pytest.param(r, marks=[pytest.mark.slow] * (r in SLOW)) for r in fuzz.READERS],
)
def test_mutated_inputs_are_read_or_refused(reader, count):
    counts, bad = fuzz.fuzz(reader, count, seed=1)
    assert counts["clear"]
    assert counts["clear"] + counts["read"] == count
    assert not bad


@pytest.mark.parametrize("count", [12, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", made_up.KINDS)
def test_made_up_tables_are_read_right_or_refused(kind, count):
    counts, bad = fuzz.make_up(kind, count, seed=1)
    assert counts["read"] > count / 2
    assert counts["clear"] + counts["read"] == count, bad


def test_findings_are_counted_and_shown(monkeypatch, capsys, tmp_path):
    def fails(path):
        raise ZeroDivisionError(path.read_bytes())

    readme = tmp_path / "README.md"
    table = "| reader |" + " n |" * 6 + "\n| - |" + " -: |" * 6
    readme.write_text(
        f"A\n<!-- fuzzing -->\n{table}\n| npz | 2 | 1 | 1 | 0 | 0 | 0 |\n<!-- end -->\nB\n"
    )
    monkeypatch.setattr("scripts.fault_tests.__main__.README", readme)
    monkeypatch.setitem(fuzz.READERS, "npz", (lambda: [b"begun"], fails))
    assert main(["--fuzz", "3", "--only", "npz", "--add"]) == 1
    assert "| npz | 5 | 1 | 1 | 0 | 0 | 3 |" in readme.read_text()
    said = capsys.readouterr().out
    assert said.splitlines()[1].split() == ["npz", "3", "0", "0", "0", "0", "3"]
    assert said.count("\nZeroDivisionError") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: &a [1]\nb: *a", "line 2: write values out"),
        ("a: " + "[" * 3000, "not valid YAML"),
        (b"\xff", "Cannot read"),
    ],
)
def test_yaml_holds_values_alone(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message):
        read_yaml(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", None), ("epochs", "3"), ("schedule", "x"), ("quantiles", ["a"]), ("time", 5)],
)
def test_settings_of_a_run_have_their_types(name, value):
    with pytest.raises(UserError, match=f"c.yaml: {name} cannot be "):
        ForecastConfig.from_saved({name: value}, "c.yaml")


def test_settings_that_were_saved_are_read(tmp_path):
    text = RunFolder.config_text("forecast", ForecastConfig())
    (tmp_path / "config.yaml").write_text(text)
    saved = RunFolder(tmp_path).read_config()
    del saved["run"]
    assert ForecastConfig.from_saved(saved) == ForecastConfig()


def test_what_a_run_says_of_itself_is_as_it_was_written(tmp_path):
    text = RunFolder.config_text("forecast", ForecastConfig(), last_time="2024-01-31", window=[7])
    for changed in (text, text.replace("epochs: 20", "epochs: 7")):
        (tmp_path / "config.yaml").write_text(changed)
        assert RunFolder(tmp_path).read_config()["run"]["last_time"] == "2024-01-31"
    (tmp_path / "config.yaml").write_text(text.replace("2024-01-31", "2024-01-30"))
    with pytest.raises(UserError, match="what follows `run:` is damaged"):
        RunFolder(tmp_path).read_config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run:\n  recipe: {}\n  format: 1", "There is no recipe {}"),
        ("run:\n  1900-01-01: 1\n  format: 2\n  at: 1900-01-01\n  sha256: x", "`run:` is damaged"),
    ],
)
def test_a_run_says_what_it_is_in_texts(tmp_path, text, message):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        find_recipe(RunFolder(tmp_path).read_config()["run"]["recipe"])


@pytest.mark.parametrize("text", ["[1]", '{"auto_ets": "x"}', "{"])
def test_weights_of_partners_are_numbers(tmp_path, text):
    (tmp_path / "partners.json").write_text(text)
    with pytest.raises(UserError, match="it is damaged"):
        RunFolder(tmp_path).read_partners()


@pytest.mark.parametrize("line", ["trials: many", "workers: []", "tuner: other", "trials: 3.5"])
def test_a_plan_has_its_types(tmp_path, line):
    plan = Plan("forecast", ForecastConfig(), (), "random", 3).text()
    kept = [each for each in plan.splitlines() if each.split(":")[0] != line.split(":")[0]]
    (tmp_path / "tuning.yaml").write_text("\n".join([*kept, line]))
    with pytest.raises(UserError, match=r"tuning.yaml: it is damaged"):
        Plan.read(TuningFolder(tmp_path))


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_has_a_short_run(recipe, tmp_path):
    flags = runs.flags(recipe, tmp_path, epochs=2)
    config = arguments.parse(recipe, flags)
    config.validate()
    checking.check(recipe, config)
    assert config.epochs == 2


def test_runs_are_equal_that_differ_in_time_alone(tmp_path):
    for name, seconds in (("whole", 1), ("cut", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(f'{{"seconds": {seconds}, "mae": 1}}')
        (tmp_path / name / "predictions.csv").write_text("a,b\n1,2\n")
    assert kills._equal(tmp_path / "whole", tmp_path / "cut")
    (tmp_path / "cut" / "predictions.csv").write_text("a,b\n1,3\n")
    assert not kills._equal(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_copy_dies_before_a_file_is_changed(tmp_path):
    folder, left = tmp_path / "folder", tmp_path / "left"
    folder.mkdir()
    (folder / "a").write_text("a")
    hook = processes._dying(folder, left, 1.0, random.Random(0))
    for event, *found in (
        ("open", str(folder / "a"), "r", 0),
        ("open", str(tmp_path / "b"), "w", 1),
        ("os.rename", folder / "a", folder / "b", -1, -1),
    ):
        hook(event, found)
    assert [path.relative_to(left).as_posix() for path in left.rglob("*")] == ["0001", "0001/a"]


def test_what_is_half_written_is_seen(tmp_path):
    run = tmp_path / "train" / "tabular" / "run"
    assert not kills._is_half(run)
    run.mkdir(parents=True)
    assert kills._is_half(run)
    (run / "config.yaml").write_text("run: {}")
    assert not kills._is_half(run)
    (run / "metrics.json").write_text("{}")
    assert kills._is_half(run)
    zipfile.ZipFile(run / "model.keras", "w").close()
    (run / "report.md").write_text("")
    assert not kills._is_half(run)
