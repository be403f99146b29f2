"""What is searched, and what a choice means."""

from dataclasses import replace
from unittest import mock

import keras_tuner
import pytest

import zoo
from recipes import RECIPES, forecast
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError
from recipes.tuning.plan import given_flags
from recipes.tuning.space import Space, nearest


def space_of(*given, search_space=forecast.search_space, tuner="random", **settings):
    config = replace(forecast.default_config(), **settings)
    return Space(search_space, config, given_flags(list(given)), tuner)


def test_flags_are_fixed_and_not_searched():
    space = space_of("--learning-rate=0.5", "--model.filters", "8", learning_rate=0.5)
    assert space.fixed == ("model.filters", "learning_rate")
    assert space.searched == ["model.num_layers", "model.dropout", "batch_size", "weight_decay"]
    names = {hp.name for hp in space.hyperparameters.space}
    assert names == {"num_layers", "dropout", "batch_size", "weight_decay"}
    config = space.config_of(space.hyperparameters)
    assert (config.learning_rate, config.model_arguments.get("filters")) == (0.5, None)


@pytest.mark.parametrize(
    ("model", "arguments", "layers"),
    [
        ("wavenet", ("num_layers", "dropout", "filters"), (4, 7)),
        ("wavenet_lite", ("num_layers", "dropout", "filters"), (4, 7)),
        ("deep_rnn", ("num_layers", "dropout", "units"), (1, 3)),
        ("conv_gru", ("num_layers", "dropout", "filters", "units"), (1, 3)),
        ("simple_rnn", ("num_layers", "units"), (1, 3)),
        ("linear_forecaster", (), None),
    ],
)
def test_only_what_the_model_takes_is_searched(model, arguments, layers):
    space = space_of(model=model)
    assert {n.removeprefix("model.") for n in space.searched if "model." in n} == set(arguments)
    ranges = [
        (hp.min_value, hp.max_value)
        for hp in space.hyperparameters.space
        if hp.name == "num_layers"
    ]
    assert ranges == ([layers] if layers else [])
    chosen = space.config_of(space.hyperparameters).model_arguments
    assert zoo.create_model(model, input_shape=(16, 1), **chosen).count_params()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    "end", [pytest.param(0, id="low", marks=pytest.mark.slow), pytest.param(-1, id="high")]
)
def test_models_can_be_built_at_the_corners_of_a_search_space(recipe, end):
    recipe = find_recipe(recipe)
    space = Space(recipe.search_space, recipe.default_config(), (), "random")
    hp = space.hyperparameters.copy()
    for each in space.hyperparameters.space:
        discrete = isinstance(each, keras_tuner.engine.hyperparameters.Choice)
        ends = list(each.values) if discrete else (each.min_value, each.max_value)
        hp.values[each.name] = ends[end]
    config = space.config_of(hp)
    config.validate()
    assert config != space.start
    built = recipe.build_model(config, recipe.load_data(config))
    assert built.model.count_params() > 0


def test_what_has_no_effect_is_left_out():
    space = space_of(optimizer="sgd")
    assert "weight_decay" not in space.searched
    assert space.left_out["weight_decay"] == "acts only with --optimizer adamw or lion or muon"

    def epochs(hp):
        return {"epochs": hp.Int("epochs", 5, 50), "batch_size": hp.Choice("batch", [8, 16])}

    assert space_of(search_space=epochs).searched == ["epochs", "batch_size"]
    assert space_of(search_space=epochs, tuner="hyperband").searched == ["batch_size"]


def test_a_setting_made_of_several_choices():
    def pyramid(hp):
        width, depth = hp.Int("width", 8, 64), hp.Int("depth", 1, 3)
        arguments = {"units": [width] * depth}
        if hp.Boolean("drop"):
            arguments["dropout"] = hp.Float("rate", 0.1, 0.5)
        return {"model_arguments": arguments}

    space = space_of(search_space=pyramid, model="deep_rnn")
    assert [hp.name for hp in space.hyperparameters.space] == ["width", "depth", "drop", "rate"]
    hp = space.hyperparameters.copy()
    hp.values = {"width": 9, "depth": 2, "drop": True, "rate": 0.12345678}
    assert space.config_of(hp).model_arguments == {"units": [9, 9], "dropout": 0.123457}
    fixed = space_of("--model.units=[5]", search_space=pyramid, model="deep_rnn")
    assert [hp.name for hp in fixed.hyperparameters.space] == ["drop", "rate"]
    assert fixed.searched == ["model.dropout"]
    both = ("--model.units=[5]", "--model.dropout=0")
    with pytest.raises(UserError, match=r"you fixed --model\.units, --model\.dropout"):
        space_of(*both, search_space=pyramid, model="deep_rnn")


def test_the_start_is_the_configuration_itself():
    space = space_of(model="deep_rnn", learning_rate=3.0, weight_decay=0.0)
    assert space.start.learning_rate == 3.0
    assert space.start.model_arguments == {"num_layers": 2, "dropout": 0.0, "units": 20}
    values = space.start_values
    assert values["learning_rate"] == 0.02  # the nearest that the search space has
    assert values["weight_decay"] == 1e-5
    assert values["units"] == 16
    trial = mock.Mock(number="00")
    assert space.config_for(trial) == space.start


def test_the_nearest_value():
    hp = keras_tuner.HyperParameters()
    hp.Int("layers", 2, 5)
    hp.Choice("kind", ["relu", "elu"])
    hp.Boolean("deep", default=True)
    hp.Choice("size", [0.1, 0.5])
    layers, kind, deep, size = hp.space
    assert [nearest(layers, value) for value in (1, 9, 3, None)] == [2, 5, 3, 2]
    assert [nearest(kind, value) for value in ("elu", "selu", 3)] == ["elu", "relu", "relu"]
    assert [nearest(deep, value) for value in (False, None)] == [False, True]
    assert nearest(size, 0.4) == 0.5


def test_a_search_space_that_names_no_setting_is_a_mistake():
    with pytest.raises(ValueError, match="does not exist: 'lr'"):
        space_of(search_space=lambda hp: {"lr": hp.Float("lr", 0.1, 1.0)})
