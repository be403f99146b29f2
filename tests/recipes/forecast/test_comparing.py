"""Intervals of a difference, and scores of whole distributions, against closed forms."""

from statistics import NormalDist

import numpy as np
import pytest

from recipes.forecast.comparing import interval, sentence
from recipes.forecast.forecasts import Forecasts
from recipes.forecast.scores import by_series, distribution_scores, window_errors


def test_interval_of_many_series_is_that_of_their_mean():
    random = np.random.default_rng(0)
    which = np.repeat(np.arange(200), 5)
    ours = random.normal(1.0, 0.3, 200)[which]
    low, high = interval(ours, np.ones(1000), which, 4)
    mean, error = (ours - 1).mean(), ours[::5].std() / np.sqrt(200)
    assert (low, high) == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=0.1 * error)


def test_interval_is_wider_where_neighbouring_origins_err_alike():
    noise = np.random.default_rng(0).normal(size=600)
    alike = np.repeat(noise[:60], 10)
    which, zero = np.zeros(600, int), np.zeros(600)
    ends = [interval(errors, zero, which, 20) for errors in (noise, alike)]
    narrow, wide = (high - low for low, high in ends)
    assert narrow == pytest.approx(2 * 1.96 / np.sqrt(600), rel=0.3)
    assert wide > 2 * narrow


def test_the_interval_holds_the_truth_as_often_as_it_says():
    random, held = np.random.default_rng(1), 0
    for seed in range(100):
        # Errors of forecasts of ten steps that overlap.
        errors = np.convolve(random.normal(size=209), np.ones(10) / 10, "valid")
        low, high = interval(errors, np.zeros(200), np.zeros(200, int), 10, seed)
        held += low <= 0 <= high
    assert held == pytest.approx(95, abs=7)  # three standard deviations of 100 draws


def test_too_few_origins_have_no_interval():
    assert interval(np.ones(20), np.zeros(20), np.zeros(20, int), 7) is None
    assert "too few origins" in sentence("nlinear", 1.0, "naive", 1.1, None)
    assert sentence("nlinear", 1.0, "naive", 1.1, (-0.2, 0.1)).endswith("better is open.")
    assert sentence("nlinear", 1.2, "naive", 1.1, (0.05, 0.2)).endswith("naive is better.")


def test_crps_of_a_gaussian_is_the_integral_of_its_definition():
    actual, mean, deviation = np.array([[[0.3]], [[-2.0]]]), np.zeros((2, 1, 1)), 1.5
    found = distribution_scores(actual, Forecasts(mean, {}, np.full((2, 1, 1), deviation)))["crps"]
    grid = np.linspace(-30, 30, 60_001)
    cdf = np.array([NormalDist(0, deviation).cdf(x) for x in grid[::10]])
    squares = [np.square(cdf - (grid[::10] >= y)) for y in (0.3, -2.0)]
    assert found == pytest.approx(np.mean([s.sum() * 0.01 for s in squares]), abs=0.01)


def test_crps_of_many_quantiles_is_nearly_that_of_the_distribution():
    actual, normal = np.array([[[0.4, np.nan]]]), NormalDist()
    levels = [round(100 * k / 50) for k in range(1, 50)]
    bounds = {
        k: tuple(np.full((1, 1, 2), normal.inv_cdf(0.5 + sign * k / 200)) for sign in (-1, 1))
        for k in levels
    }
    few = Forecasts(np.zeros((1, 1, 2)), bounds)
    exact = distribution_scores(actual, Forecasts(few.point, {}, np.ones((1, 1, 2))))["crps"]
    assert distribution_scores(actual, few)["crps"] == pytest.approx(exact, rel=0.01)


def test_weighted_quantile_loss_by_hand():
    actual = np.array([[[10.0], [20.0]]])
    bounds = {80: (actual - 2, actual + 2)}
    found = distribution_scores(actual, Forecasts(actual + 1, bounds))
    losses = {0.1: 2 * 0.1 * 2, 0.5: 1.0, 0.9: 2 * 0.1 * 2}
    assert found["wql"] == pytest.approx(np.mean(list(losses.values())) / 15)
    assert found["crps"] == pytest.approx(0.3 * losses[0.1] + 0.4 * losses[0.5] + 0.3 * losses[0.9])


def test_errors_by_window_and_by_series_leave_out_what_is_unknown():
    actual = np.array([[[1.0], [np.nan]], [[2.0], [4.0]]])
    forecasts, which = Forecasts(np.zeros((2, 2, 1)), {}), np.array([0, 2])
    units = np.array([[0.5], [1.0], [2.0]])
    assert window_errors(actual, forecasts, units, which).tolist() == [2.0, 1.5]
    found = by_series(actual, forecasts, units, which)
    np.testing.assert_array_equal(found["mase"], [2.0, np.nan, 1.5])
    np.testing.assert_array_equal(found["mae"], [1.0, np.nan, 3.0])
