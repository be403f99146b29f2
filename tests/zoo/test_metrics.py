import keras
import numpy as np
import pytest

from zoo.metrics import LastStep, TokenAccuracy

RNG = np.random.default_rng(42)


@pytest.mark.parametrize(("error", "function"), [("mse", np.square), ("mae", np.abs)])
def test_only_the_last_step_counts_over_all_batches(error, function):
    metric = LastStep(error)
    y_true, y_pred = RNG.normal(size=(2, 5, 7, 3, 2))
    metric.update_state(y_true[:3], y_pred[:3])
    metric.update_state(y_true[3:], y_pred[3:])  # a smaller batch weighs less
    expected = function(y_true[:, -1] - y_pred[:, -1]).mean()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    metric.update_state(y_true, y_true)
    assert float(metric.result()) == 0.0


def test_the_point_of_a_probabilistic_forecast():
    y_true, y_pred = np.zeros((1, 2, 1, 1)), np.zeros((1, 2, 1, 1, 3))
    y_pred[..., 1] = 4.0
    assert float(LastStep("mae", point=1)(y_true, y_pred)) == 4.0
    assert float(LastStep("mae", point=0)(y_true, y_pred)) == 0.0


def test_name_and_wrong_error():
    assert LastStep().name == "last_step_mse"
    assert LastStep("mae", name="mine").name == "mine"
    with pytest.raises(ValueError, match=r"one of mse, mae.*error='rmse'"):
        LastStep("rmse")


def test_config_round_trip():
    metric = LastStep("mae", point=1, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert isinstance(again, LastStep)
    assert again.get_config() == metric.get_config()


def test_token_accuracy_leaves_padding_out():
    metric = TokenAccuracy()
    labels = np.array([[2, 1, 0, 0], [1, 0, 0, 0]])
    answers = np.array([[2, 2, 0, 1], [1, 0, 1, 0]])
    metric.update_state(labels, np.eye(3)[answers])
    assert float(metric.result()) == pytest.approx(2 / 3)
    metric.update_state(labels, np.eye(3)[answers], np.array([0.0, 3.0]))
    assert float(metric.result()) == pytest.approx(5 / 6)
    metric.reset_state()
    assert float(metric(np.zeros((1, 2)), np.ones((1, 2, 3)))) == 0.0
    assert TokenAccuracy.from_config(metric.get_config()).name == "token_accuracy"
