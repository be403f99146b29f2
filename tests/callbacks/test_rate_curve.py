"""The curve of the learning rate finder: closed-form suggestions, its figure, its file."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from callbacks.rate_curve import RULES, RateCurve, minimum, slide, smooth, steepest, valley

RATES = np.geomspace(1e-5, 1.0, 101)  # 20 points a decade
LOG = np.log10(RATES)


def test_the_mean_is_the_weighted_mean_of_what_was_seen():
    losses = [3.0, 1.0, 4.0, 1.5]
    weights = 0.8 ** np.arange(4)[::-1]
    found = smooth(losses, 0.8)
    assert found[-1] == pytest.approx(np.average(losses, weights=weights))
    np.testing.assert_allclose(smooth(np.full(9, 2.5), 0.98), 2.5)
    np.testing.assert_array_equal(smooth(losses, 0.0), losses)


def flat_fall_rise():
    return np.where(LOG < -4, 2.0, np.where(LOG < -2, -2 - LOG, 20 * (LOG + 2) ** 2))


def test_valley_is_two_thirds_down_the_fall():
    losses = flat_fall_rise()  # falls over two decades, from 1e-4
    expected = 10 ** (-4 + 2 * 2 / 3)
    assert valley(RATES, losses) == pytest.approx(expected, rel=0.13)  # to one point
    losses[[30, 45]] += 3.0  # outliers do not end the fall
    assert valley(RATES, losses) == pytest.approx(expected, rel=0.26)


def test_steepest_is_the_turning_point_of_a_sigmoid():
    losses = 1 / (1 + np.exp(4 * (LOG + 3)))
    assert steepest(RATES, losses) == pytest.approx(1e-3)
    blow_up = np.where(LOG > -1, 50.0, losses)
    blow_up[-1] = 0.5  # a steeper fall, behind the minimum
    assert steepest(RATES, blow_up) == pytest.approx(1e-3)


def test_minimum_is_a_tenth_of_the_lowest():
    assert minimum(RATES, (LOG + 2) ** 2) == pytest.approx(1e-3)


def test_slide_is_where_the_fall_begins():
    found = slide(RATES, flat_fall_rise())
    # Inside the straight fall both slopes are alike: the interval's upper end has just left it.
    assert np.interp(np.log10(found), LOG, np.arange(101)) + 15 == pytest.approx(60, abs=1)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("losses", [np.full(101, 2.0), LOG + 9], ids=["flat", "rising"])
def test_no_fall_no_suggestion(rule, losses):
    assert rule(RATES, losses) is None


@given(
    losses=arrays(np.float64, 30, elements=st.integers(0, 1000).map(float)),
    scale=st.sampled_from([0.25, 4.0]),
    shift=st.sampled_from([-512.0, 0.0, 64.0]),
)
def test_suggestions_do_not_depend_on_the_unit_of_the_loss(losses, scale, shift):
    rates = np.geomspace(1e-5, 1.0, 30)
    for rule in RULES.values():
        found = rule(rates, losses)
        assert rule(rates, scale * losses + shift) == found
        assert found is None or rates[0] / 10 <= found <= rates[-1]


def by_definition(losses):
    """Length of the longest falling subsequence, in quadratic time."""
    lengths = []
    for index, loss in enumerate(losses):
        before = [n for n, other in zip(lengths, losses[:index], strict=True) if other > loss]
        lengths.append(1 + max(before, default=0))
    return max(lengths)


@given(arrays(np.float64, st.integers(1, 25), elements=st.integers(0, 9).map(float)))
def test_the_longest_fall_is_longest(losses):
    from callbacks.rate_curve import _longest_fall

    fall = _longest_fall(losses)
    assert len(fall) == by_definition(losses)
    assert np.all(np.diff(fall) > 0)
    assert np.all(np.diff(losses[fall]) < 0)


def test_the_start_of_the_curve_suggests_nothing():
    losses = np.where(np.arange(101) < 11, 9.0 - np.arange(101) / 2, 1 / (1 + np.exp(4 * LOG + 12)))
    curve = RateCurve(RATES, losses, smoothing=0.0)
    assert curve.suggestions["steepest"] == pytest.approx(1e-3)
    assert list(curve.suggestions) == ["valley", "steepest", "minimum", "slide"]
    assert curve.learning_rate == curve.suggestions["valley"]


def test_a_short_curve_suggests_nothing():
    curve = RateCurve(RATES[:4], np.array([4.0, 3.0, 2.0, 1.0]))
    assert set(curve.suggestions.values()) == {None}
    assert curve.learning_rate is None


# Output


def curve_with_everything():
    rng = np.random.default_rng(1)
    return RateCurve(RATES, (LOG + 2) ** 2 + 1 + 0.1 * rng.random(101), smoothing=0.9)


def test_the_figure_shows_the_curve_and_every_suggestion():
    curve = curve_with_everything()
    figure = curve.plot()
    axis = figure.axes[0]
    assert axis.get_xscale() == "log"
    lines = {line.get_label(): line for line in axis.get_lines()}
    np.testing.assert_array_equal(lines["loss of the batch"].get_ydata(), curve.losses)
    for name, rate in curve.suggestions.items():
        label = next(label for label in lines if label.startswith(name))
        assert lines[label].get_xdata()[0] == rate
        assert ("recommended" in label) == (name == "valley")
    figure.canvas.draw()


def test_a_flat_curve_can_be_drawn():
    RateCurve(RATES, np.full(101, 2.0)).plot().canvas.draw()


def test_the_file_holds_every_digit(tmp_path):
    curve = curve_with_everything()
    curve.to_csv(tmp_path / "curve.csv")
    header, *rows = csv.reader((tmp_path / "curve.csv").read_text().splitlines())
    assert header == ["learning_rate", "loss", "smoothed_loss"]
    np.testing.assert_array_equal(
        np.float64(rows), np.stack([curve.rates, curve.losses, curve.smoothed], axis=1)
    )
