"""The book's generator, to the last bit."""

import numpy as np
import pytest

from recipes.forecast.data.book_series import book_series, generate
from recipes.forecast.data.splits import split_by_series


def grid(horizon):
    series = book_series(horizon)
    assert series.num_series == 10_000
    return series.values.reshape(10_000, 50 + horizon)


def test_the_one_step_set_has_the_books_fingerprint():
    values = grid(1)
    # Half a unit of the last digit printed.
    np.testing.assert_allclose(
        values[0, :3], [0.4596948, 0.31486678, 0.12497123], rtol=0, atol=5e-9
    )
    assert values[-1, -1] == pytest.approx(0.050528232, abs=5e-10)
    assert values.std() == pytest.approx(0.38156, abs=5e-6)
    naive = np.mean((values[7000:9000, 50] - values[7000:9000, 49]) ** 2)
    assert naive == pytest.approx(0.020211367, rel=1e-6)


def test_the_naive_forecast_of_ten_steps_scores_as_printed():
    values = grid(10)[7000:9000]
    naive = np.mean((values[:, 50:] - values[:, 49:50]) ** 2)
    assert naive == pytest.approx(0.25697407, rel=1e-6)


def test_the_seed_of_a_run_changes_nothing():
    np.random.seed(7)
    first = book_series(1).values
    np.random.seed(8)
    np.testing.assert_array_equal(first, book_series(1).values)


def test_generate_moves_the_state_it_is_given():
    state = np.random.RandomState(0)
    first, second = generate(3, 5, state), generate(3, 5, state)
    assert first.shape == (3, 5, 1)
    assert first.dtype == np.float32
    assert not np.array_equal(first, second)


def test_the_books_split_has_one_window_a_series():
    splits = split_by_series(book_series(10), 50, 10)
    assert {name: len(rows) for name, rows in splits.items()} == {
        "train": 7000,
        "validation": 2000,
        "test": 1000,
    }
    assert splits["validation"][0] == 7000 * 60


def test_a_horizon_below_one_is_refused():
    with pytest.raises(ValueError, match="horizon=0"):
        book_series(0)
