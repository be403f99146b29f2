"""Scores, splits, weights and calibration: closed forms and properties."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from recipes.classification.calibration import (
    expected_calibration_error,
    fit_prior_shift,
    fit_temperature,
    reliability,
    shifted,
    tempered,
)
from recipes.classification.estimators import calmly
from recipes.classification.plots import calibration, class_table, precision_recall, roc
from recipes.classification.scores import (
    SMALLEST,
    classification_scores,
    regression_scores,
)
from recipes.classification.splits import balanced_weights, stratified, stratified_sample
from recipes.classification.tables import class_columns
from recipes.data.writing import write_csv
from recipes.errors import UserError


def probabilities(labels, classes, seed=0):
    """Noisy guesses that lean to the right class."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += 1
    found = np.exp(logits)
    return found / found.sum(axis=1, keepdims=True)


# Scores


def test_binary_scores_are_those_of_class_one():
    scores = classification_scores([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.8])
    assert scores["accuracy"] == 0.5
    assert scores["nll"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.8])))
    assert scores["roc_auc"] == 0.75  # three of the four pairs are in order
    assert scores["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_are_there():
    found = np.eye(3)[[0, 0, 0, 1, 1, 2]]
    scores = classification_scores([0, 0, 0, 0, 1, 1], found, balanced=True)
    assert next(iter(scores)) == "balanced_accuracy"
    assert scores["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert "balanced_accuracy" not in classification_scores([0, 1, 2], np.eye(3))


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_probabilities_of_class_one_alone_say_as_much_as_both(shape):
    labels = np.arange(40) % 2
    both = probabilities(labels, 2)
    one = classification_scores(labels, both[:, 1].reshape(shape))
    assert one == pytest.approx(classification_scores(labels, both))


def test_multiclass_areas_are_means_over_each_class_against_the_rest():
    labels = np.arange(60) % 3
    found = probabilities(labels, 3)
    scores = classification_scores(labels, found)
    areas = []
    for k in range(3):
        inside, outside = found[labels == k, k], found[labels != k, k]
        areas.append(np.mean(inside[:, None] > outside[None]))
    assert scores["roc_auc"] == pytest.approx(np.mean(areas))


def test_a_class_without_examples_leaves_areas_out():
    assert list(classification_scores([0, 0, 1], np.full((3, 3), 1 / 3))) == ["accuracy", "nll"]
    assert list(classification_scores([1, 1], [0.2, 0.9])) == ["accuracy", "nll"]


def test_a_sure_mistake_has_a_finite_likelihood():
    assert classification_scores([0, 1], [1.0, 1.0])["nll"] == pytest.approx(-np.log(SMALLEST) / 2)


def test_regression_scores_by_hand():
    found = regression_scores(np.array([[1.0], [2.0], [5.0]]), [1.0, 4.0, 4.0])
    assert found == pytest.approx({"mse": 5 / 3, "rmse": (5 / 3) ** 0.5, "mae": 1.0})


def test_per_class_scores_by_hand():
    table = class_table([0, 0, 1, 1, 1], [0, 1, 1, 1, 1], ["a", "b", "c"])
    assert table.splitlines()[2:] == [
        "| a | 1 | 0.5 | 0.6667 | 2 |", "| b | 0.75 | 1 | 0.8571 | 3 |", "| c | 0 | 0 | 0 | 0 |",
    ]  # fmt: skip
    several = class_table(np.array([[1, 0], [1, 1]]), np.array([[1, 1], [0, 1]]), ["a", "b"])
    assert several.splitlines()[2:] == [
        "| a | 1 | 0.5 | 0.6667 | 2 |",
        "| b | 0.5 | 1 | 0.6667 | 1 |",
    ]


# Splits and weights

labels_of_many = st.lists(st.integers(0, 4), min_size=2, max_size=80)


@given(labels_of_many, st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_stratified_split_loses_nothing_and_keeps_the_classes(labels, fraction, seed):
    labels = np.array(labels)
    first, second = stratified(labels, fraction, seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    for name, count in zip(*np.unique(labels, return_counts=True), strict=True):
        taken = np.sum(labels[second] == name)
        if count == 1:
            assert taken == 0
        else:
            assert 1 <= taken <= count - 1
            # Within one example of the fraction, or at the bounds above.
            assert abs(taken - fraction * count) <= 0.5 or taken in (1, count - 1)


def test_splits_follow_the_seed_only():
    labels = np.arange(100) % 3
    again, other = stratified(labels, 0.2, 1), stratified(labels, 0.2, 2)
    np.testing.assert_array_equal(stratified(labels, 0.2, 1)[1], again[1])
    assert not np.array_equal(again[1], other[1])


@given(labels_of_many, st.data())
def test_a_stratified_sample_has_its_size_and_every_class(labels, data):
    labels = np.array(labels)
    classes = len(np.unique(labels))
    size = data.draw(st.integers(classes, len(labels)))
    chosen = stratified_sample(labels, size, seed=3)
    assert len(set(chosen.tolist())) == size
    assert len(np.unique(labels[chosen])) == classes


def test_a_stratified_sample_keeps_shares():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    chosen = stratified_sample(labels, 100, seed=1)
    assert np.bincount(labels[chosen]).tolist() == [60, 30, 10]


@given(labels_of_many)
def test_balanced_weights_give_every_class_the_same_total(labels):
    weights = balanced_weights(labels, 6)
    counts = np.bincount(labels, minlength=6)
    totals = (weights * counts)[counts > 0]
    np.testing.assert_allclose(totals, len(labels) / len(totals), rtol=1e-5)
    assert (weights[counts == 0] == 1).all()


# Calibration


def test_calibration_error_by_hand():
    found = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    # One bin holds two that are 0.9 sure and half right, the other two that are 0.6 sure and right.
    assert expected_calibration_error([0, 1, 0, 1], found, bins=5) == pytest.approx(
        0.5 * 0.4 + 0.5 * 0.4
    )
    np.testing.assert_allclose(
        reliability([0, 1, 0, 1], found, bins=5), [[0.5, 0.6, 1.0], [0.5, 0.9, 0.5]]
    )


def test_a_temperature_undoes_what_was_multiplied():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 3))
    true = tempered(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 1.0)
    labels = (generator.random((4000, 1)) > true.cumsum(axis=1)).sum(axis=1)
    overconfident = tempered(true, 1 / 3)  # logits times three
    assert fit_temperature(labels, overconfident) == pytest.approx(3, rel=0.1)
    assert fit_temperature(labels, true) == pytest.approx(1, rel=0.1)
    before = expected_calibration_error(labels, overconfident)
    after = expected_calibration_error(
        labels, tempered(overconfident, fit_temperature(labels, overconfident))
    )
    assert after < 0.25 * before


def test_a_temperature_of_samples_is_that_of_their_mean():
    labels = np.arange(50) % 2
    found = probabilities(labels, 2)
    assert fit_temperature(labels, np.stack([found, found])) == fit_temperature(labels, found)


def test_several_labels_are_each_a_decision_of_two_classes():
    generator = np.random.default_rng(1)
    true = expit(generator.normal(size=(2000, 3)))
    labels = generator.random(true.shape) < true
    sure = tempered(true, 0.5, "multilabel")
    np.testing.assert_allclose(sure, expit(2 * logit(true)))
    assert fit_temperature(labels, sure) == pytest.approx(2, rel=0.1)
    assert fit_temperature(labels, np.stack([sure, sure])) == fit_temperature(labels, sure)
    pairs = np.stack([1 - sure.ravel(), sure.ravel()], axis=1)
    expected = expected_calibration_error(labels.ravel(), pairs)
    assert expected_calibration_error(labels, sure) == pytest.approx(expected)
    assert calibration(labels, sure).get_suptitle() == f"expected calibration error {expected:.3f}"


def test_a_few_right_predictions_do_not_make_entirely_sure():
    found = np.full((5, 2), [0.8, 0.2])
    expected, closer = (fit_temperature([0] * 5, found, deviation) for deviation in (0.5, 0.25))
    assert 0.3 < expected < closer < 1
    shifts = [abs(fit_prior_shift([0] * 5, found, [0.6, 0.4], each)) for each in (0.5, 0.25)]
    assert 0 < shifts[1] < shifts[0]


def test_a_prior_that_counted_twice_counts_once():
    rng = np.random.default_rng(3)
    shares = np.array([0.6, 0.3, 0.1])
    labels = rng.choice(3, 5000, p=shares)
    logits = rng.normal(size=(5000, 3)) + 2 * np.eye(3)[labels]
    true = shifted(np.full((5000, 3), 1 / 3), 2 * logits + np.log(shares))
    assert fit_prior_shift(labels, true, shares) == pytest.approx(0, abs=0.1)
    twice = shifted(true, np.log(shares))
    assert fit_prior_shift(labels, twice, shares) == pytest.approx(-1, abs=0.1)
    assert abs(fit_prior_shift(labels[:3], twice[:3], shares)) < 1
    alike = np.log(np.full(3, 1 / 3))
    moves = fit_prior_shift(labels, twice, np.exp(alike)) * alike
    np.testing.assert_allclose(shifted(twice, moves), twice)  # nothing to shift between
    nothing = shifted(np.full((5000, 3), 1 / 3), 2 * rng.normal(size=(5000, 3)) + np.log(shares))
    moved = shifted(nothing, fit_prior_shift(labels, nothing, shares) * np.log(shares))
    told = tempered(moved, fit_temperature(labels, moved))
    np.testing.assert_allclose(told.mean(axis=0), shares, atol=0.03)
    assert (told.argmax(axis=1) == 0).mean() > 0.95


@given(st.floats(0.2, 5))
def test_temperatures_change_no_decision_and_can_be_undone(temperature):
    found = probabilities(np.arange(20) % 4, 4)
    changed = tempered(found, temperature)
    np.testing.assert_allclose(changed.sum(axis=1), 1)
    assert (changed.argmax(axis=1) == found.argmax(axis=1)).all()
    np.testing.assert_allclose(tempered(changed, 1 / temperature), found, rtol=1e-6)


# Pictures and tables


def test_curves_name_the_classes_that_do_worst():
    labels = np.arange(480) % 12
    names = [f"class {k}" for k in range(12)]
    found = probabilities(labels, 12)
    for figure in (precision_recall(labels, found, names), roc(labels, found, names)):
        texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        assert len(texts) == 10
        assert figure.axes[0].get_legend().get_title().get_text().startswith("worst 10 of 12")


def test_curves_of_two_classes_are_those_of_the_second():
    labels = np.array([0, 0, 1, 1])
    figure = roc(labels, [0.1, 0.6, 0.4, 0.8], ["no", "yes"])
    (text,) = figure.axes[0].get_legend().get_texts()
    assert text.get_text() == "yes (0.750)"
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(np.trapezoid(line.get_ydata(), line.get_xdata()), 0.75)


def test_curves_leave_out_a_class_without_examples():
    figure = precision_recall([0, 1, 0], np.full((3, 3), 1 / 3), ["a", "b", "c"])
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [text.split()[0] for text in texts] == ["a", "b"]


def test_the_calibration_picture_says_the_error():
    found = np.array([[0.75, 0.25]] * 4)
    figure = calibration([0, 0, 0, 1], found)
    assert figure.get_suptitle() == "expected calibration error 0.000"


def test_class_tables_keep_their_columns_whatever_a_class_is_called():
    table = class_table([0, 1], [0, 1], ["a|b", "c"])
    assert "| a\\|b | 1 | 1 | 1 | 1 |" in table


def test_tables_read_back_exactly(tmp_path):
    found = probabilities(np.arange(5) % 3, 3).astype(np.float32)
    header, rows = class_columns(found, ["x", "y, z", "é"])
    write_csv(tmp_path / "t.csv", header, rows)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        first, *body = csv.reader(file)
    assert first[3:] == ["probability:x", "probability:y, z", "probability:é"]
    np.testing.assert_array_equal(np.float32([row[3:] for row in body]), found)
    assert [row[0] for row in body] == [["x", "y, z", "é"][k] for k in found.argmax(axis=1)]
    for row, values in zip(body, found, strict=True):
        assert float(row[2]) == pytest.approx(-np.sum(values * np.log(values)), rel=1e-5)


def test_a_sure_prediction_has_no_entropy():
    assert str(class_columns(np.array([[1.0, 0.0]]), ["a", "b"])[1][0][2]) == "0.0"


def test_a_table_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(UserError, match="Cannot write"):
        write_csv(tmp_path / "no" / "t.csv", ["a"], [])


def test_estimators_run_on_one_thread_and_without_warnings():
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_info

    x = np.random.default_rng(0).normal(size=(50, 3))
    with calmly():
        LogisticRegression(max_iter=1).fit(x, x[:, 0] > 0)  # warns outside, which fails here
        threads = [i["num_threads"] for i in threadpool_info() if i["user_api"] == "openmp"]
    assert set(threads) <= {1}
