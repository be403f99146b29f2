"""The help of a recipe fits a screen, and tells the defaults that hold."""

from dataclasses import fields

import pytest

from recipes import RECIPES
from recipes.cli import main
from recipes.engine.recipe import find_recipe


def help_of(capsys, *arguments):
    assert main(["train", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_common_flags_fit_a_screen(capsys, recipe):
    text = help_of(capsys, recipe, "--help")
    assert len(text.splitlines()) <= 46
    assert max(map(len, text.splitlines())) <= 80
    titles = [line for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == ["data:", "model:", "training:", "output:"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_all_flags_are_explained(capsys, recipe):
    text = help_of(capsys, recipe, "--help-all")
    assert max(map(len, text.splitlines())) <= 80
    shown = {line.split()[0] for line in text.splitlines() if line.startswith("  --")}
    written = {"model_arguments": "model.ARG", "start_from": "from"}
    names = [each.name for each in fields(find_recipe(recipe).config)]
    assert shown == {f"--{written.get(name, name)}" for name in names}


def test_defaults_are_those_of_what_is_trained_on(capsys):
    own = help_of(capsys, "forecast", "-h")
    series = help_of(capsys, "forecast", "--dataset", "ridership", "--help")
    assert "(nlinear)" in own
    assert "over the training data. (20)" in own
    assert "(wavenet)" in series
    assert "over the training data. (60)" in series
    preset = help_of(capsys, "forecast", "--preset", "ml2-ch15-86", "--help")
    assert "(wavenet_lite)" in preset
