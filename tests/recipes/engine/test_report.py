"""What is worth a try: never what the run has, or its model cannot take."""

import re

import pytest

from recipes.engine.config import TrainConfig
from recipes.engine.report import untried
from recipes.images import ImagesConfig


@pytest.mark.parametrize(
    ("suggestions", "arguments", "kept"),
    [
        ("--model.members 16, more --epochs", {"members": 16}, "more --epochs"),
        ("--model.members 16, more --epochs", {"members": 32}, "more --epochs"),
        ("--model.members 16, more --epochs", {"members": 8}, "--model.members 16, more --epochs"),
        ("--model.units 64; --epochs 20", {"units": [64, 32]}, ""),  # 20 epochs are the default
        ("--model.dropout 0.2.", {}, "--model.dropout 0.2."),  # the factory's own default is 0
        ("--model wide_and_deep, another --learning_rate", {}, "another --learning_rate"),
        ("--model.kernel_size 3; a larger --model.units", {}, "a larger --model.units"),
        ("--model.activation relu --model.units 9", {"activation": "relu"},
         "--model.activation relu --model.units 9"),
    ],
)  # fmt: skip
def test_suggestions_leave_out_what_the_run_has(suggestions, arguments, kept):
    config = TrainConfig(model="wide_and_deep", model_arguments={"units": [8], **arguments})
    found = untried(suggestions, config, {"epochs": 20, "seconds": 50})
    assert re.sub(r" \([a-z]+:? [\d.]+ s\)", "", found) == kept


def test_more_epochs_are_not_for_a_run_that_stopped_early():
    suggestions = "more --epochs, another --learning_rate"
    assert untried(suggestions, TrainConfig(model="mlp"), {"epochs": 12, "seconds": 50}) == (
        "another --learning_rate (about 50 s)"
    )


@pytest.mark.parametrize(
    ("suggestion", "cost"),
    [
        ("--model.members 16", "about 80 s"),  # of 4
        ("a larger --model.units", "twice: 40 s"),
        ("--model.dropout 0.5", "about 20 s"),
    ],
)
def test_suggestions_say_what_they_cost(suggestion, cost):
    config = TrainConfig(model="wide_and_deep", model_arguments={"members": 4})
    found = untried(suggestion, config, {"epochs": 20, "seconds": 20.0})
    assert found == f"{suggestion} ({cost})"


def test_what_another_model_costs_is_not_guessed():
    config = TrainConfig(model="text_classifier")
    trained = {"epochs": 20, "seconds": 20.0}
    assert untried("--model.encoder conv", config, trained) == "--model.encoder conv"


def test_a_mean_of_models_is_told_of_no_arguments():
    config = ImagesConfig(model="auto")
    found = untried("more --epochs, --model.dropout 0.2", config, {"epochs": 40, "seconds": 9})
    assert found == "more --epochs (twice: 18 s)"
