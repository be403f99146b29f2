"""What `scripts/faults` tries, in a short form."""

import pytest

from recipes.engine.config import read_yaml
from recipes.engine.folder import RunFolder
from recipes.errors import UserError
from recipes.forecast import ForecastConfig
from scripts.fault_tests import fuzz
from scripts.fault_tests.__main__ import main


@pytest.mark.parametrize("reader", fuzz.READERS)
def test_mutated_inputs_are_read_or_refused(reader):
    counts, bad = fuzz.fuzz(reader, 40, seed=1)
    assert counts["clear"]
    assert counts["clear"] + counts["read"] == 40
    assert not bad


def test_findings_are_counted_and_shown(monkeypatch, capsys):
    def fails(path):
        raise ZeroDivisionError(path.read_bytes())

    monkeypatch.setitem(fuzz.READERS, "npz", (lambda: [b"begun"], fails))
    assert main(["--fuzz", "3", "--only", "npz"]) == 1
    said = capsys.readouterr().out
    assert said.splitlines()[1].split() == ["npz", "3", "0", "0", "0", "3"]
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
