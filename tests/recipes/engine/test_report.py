"""What is worth a try: never what the run has, or its model cannot take."""

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
    assert untried(suggestions, config) == kept


def test_a_mean_of_models_is_told_of_no_arguments():
    config = ImagesConfig(model="auto")
    assert untried("more --epochs, --model.dropout 0.2", config) == "more --epochs"
