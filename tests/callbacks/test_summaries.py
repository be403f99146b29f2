"""What is written for TensorBoard: histograms, curves of precision and recall, images."""

import numpy as np
import pytest

from callbacks import summaries as show


def test_histograms_hold_the_finite_values():
    value = show.histogram("w", [1.0, np.nan, 3.0, np.inf]).value[0].histo
    assert (value.num, value.min, value.max, value.sum) == (2, 1.0, 3.0, 4.0)
    assert show.histogram("w", [np.nan]) is None


def test_pr_curve_equals_counting():
    generator = np.random.default_rng(0)
    labels, scores = generator.random(200) < 0.3, generator.random(200)
    tensor = show.pr_curve(labels, scores, num_thresholds=11).value[0].tensor
    found = np.reshape(tensor.float_val, (6, 11))
    for index, threshold in enumerate(np.linspace(0, 1, 11)):
        chosen = scores >= threshold - 1e-12
        true, false = (labels & chosen).sum(), (~labels & chosen).sum()
        assert found[:2, index].tolist() == [true, false]
        assert found[4, index] == pytest.approx(true / max(true + false, 1))
        assert found[5, index] == pytest.approx(true / labels.sum())


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1], [0.5], "Received: 2 labels and 1 scores"),
        ([], [], "at least one"),
        ([0, 1], [0.5, 3.0], r"in \[0, 1\].*from 0.5 to 3"),
    ],
)
def test_pr_curve_refuses_what_is_no_probability(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        show.pr_curve(labels, scores)


def test_what_cannot_be_shown_is_named():
    with pytest.raises(TypeError, match=r"for 'x'\. Received: float"):
        show.to_summary("x", 0.5)


def test_arrays_are_images():
    image = show.to_summary("x", np.zeros((2, 3, 3), "uint8")).value[0].image
    assert (image.height, image.width) == (2, 3)
