"""What learning curves are said to say."""

import pytest

from recipes.engine.curves import diagnose, learning_curves

FINE = [1.0, 0.5, 0.3, 0.22, 0.2, 0.195, 0.192, 0.19, 0.19, 0.19]


def read(loss=FINE, val_loss=FINE, train=0.19, validation=0.2, rival=0.5):
    history = {"loss": list(loss), "val_loss": list(val_loss)}
    baselines = {"naive": {"mae": rival}}
    return diagnose(history, "val_loss", {"mae": train}, {"mae": validation}, baselines)


@pytest.mark.parametrize(
    ("arguments", "word", "figures"),
    [
        ({"loss": [1.0, 0.2, 0.5, 3.0]}, "Diverging", ("3", "0.2", "epoch 2")),
        ({"train": 0.1, "validation": 0.2}, "Overfitting", ("0.2", "2.0 times", "0.1")),
        ({"val_loss": [1.0, 0.5, 0.2, 0.3, 0.4]}, "Overfitting after", ("0.2", "epoch 3", "0.4")),
        ({"rival": 0.1}, "Underfitting", ("0.19", "naive", "0.1")),
        (
            {"loss": [1.0, 0.9, 0.8, 0.7, 0.6, 0.5], "val_loss": [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]},
            "Not finished",
            ("0.6", "0.5", "last 1 epoch"),
        ),
    ],
)
def test_each_finding_rests_on_its_figures(arguments, word, figures):
    findings = read(**arguments)
    assert findings[0].startswith(word)
    assert all(figure in findings[0] for figure in figures)


def test_a_model_is_not_told_to_be_larger_and_smaller():
    assert [each.split(":")[0] for each in read(train=2e-5, validation=6e-5, rival=1e-9)] == [
        "Underfitting"
    ]


def test_a_good_run_is_said_to_be_one():
    assert read() == [
        "Nothing stands out: the validation mae, 0.2, is close to the training mae, 0.19, and the "
        "loss has settled."
    ]


def test_a_few_epochs_are_not_said_to_have_settled():
    found = read(loss=[1.0, 0.9], val_loss=[1.0, 0.9])
    assert found[0].endswith("and 2 epochs cannot tell whether the loss falls on.")


def test_the_training_curve_is_half_an_epoch_earlier():
    figure = learning_curves({"loss": FINE, "val_loss": FINE}, "val_loss", 10)
    train, validation = figure.axes[0].lines[:2]
    assert list(train.get_xdata()[:2]) == [0.5, 1.5]
    assert list(validation.get_xdata()[:2]) == [1, 2]


def test_a_run_of_one_epoch_is_drawn_as_points():
    lines = learning_curves({"loss": [1.0], "val_loss": [0.9]}, "val_loss", 1).axes[0].lines
    assert [line.get_marker() for line in lines[:2]] == ["o", "o"]
