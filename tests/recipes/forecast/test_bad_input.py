"""What cannot be forecast is refused in one message that names the flag."""

from dataclasses import replace

import numpy as np
import pytest

from recipes.engine.arguments import parse
from recipes.errors import UserError
from recipes.forecast.recipe import default_config, load_data


@pytest.fixture
def read(tmp_path, make_csv, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.csv").write_text(make_csv())
    (tmp_path / "two.csv").write_text(make_csv(rows=9, series=("a", "b")))
    (tmp_path / "sun.csv").write_text(make_csv(rows=50, columns=("sun",)))

    def read(flags):
        config = parse("forecast", ["--target", "y", "--statistics_seconds", "0", *flags.split()])
        config.validate()
        return load_data(config)

    return read


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--data one.csv --horizon 90", ("--horizon", "shorter", "90 rows")),
        ("--data two.csv --series s --horizon 12", ("--horizon", "longest series has 9 rows")),
        ("--data two.csv --series s --horizon 5", ("train split", "0 rows", "more data")),
        ("--data one.csv --period 80", ("--period", "80", "76 rows", "Lower --period")),
        ("--data one.csv --future_covariates sun.csv", ("sun.csv", "40 times missing", "Add")),
        ("--data one.csv --past_covariates price", ("price", "--past_covariates", "columns")),
    ],
)  # fmt: skip
def test_one_message_says_what_is_wrong_and_what_to_do(read, flags, words):
    with pytest.raises(UserError) as caught:
        read(flags)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_season_beyond_the_window_is_said_and_still_a_baseline(read):
    task = read("--data one.csv --window 5 --horizon 3 --period 7")
    assert any("--window 14 shows two" in note for note in task.notes)
    starts = task.windows.starts["test"]
    found = task.baselines()["seasonal_naive"](task.windows, starts).point[:, 0]
    rows = starts + 5 - 7
    np.testing.assert_array_equal(found, task.windows.series.values[rows])


@pytest.mark.parametrize(
    ("name", "value"), [("missing", "guess"), ("resample_rule", "max"), ("schedule", "linear")]
)
def test_a_choice_that_there_is_not_is_refused(name, value):
    with pytest.raises(UserError, match=f"Expected --{name} to be one of .* Received: '{value}'"):
        replace(default_config(), **{name: value}).validate()
