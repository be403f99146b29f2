"""The benchmark of the time to the book's scores: what it prints, and what it trains."""

import doctest

import numpy as np
import pytest

from recipes.engine.arguments import parse
from recipes.engine.checking import parameters_of
from scripts.benchmarks import quality, speed_worker


def test_examples():
    assert doctest.testmod(quality).failed == 0


@pytest.mark.parametrize("name", quality.GOALS)
def test_the_network_is_the_books(name):
    goal = quality.GOALS[name]
    recipe, flags = speed_worker.CASES[name]
    ours, book = parse(recipe, goal.flags.split()), parse(recipe, flags.split())
    assert (goal.recipe, ours.dataset, ours.model) == (recipe, book.dataset, book.model)
    defaults = {name: each.default for name, each in parameters_of(ours.model).items()}
    own, its = ({**defaults, **each.model_arguments} for each in (ours, book))
    for argument in {"units", "filters", "num_layers", "embedding_dim"} & {*defaults}:
        assert np.array_equal(own[argument], its[argument]), argument


@pytest.mark.slow
def test_ours_is_trained_until_it_is_good_enough(monkeypatch):
    goal = quality.Goal("tabular", "--epochs 3 --batch_size 256", 1, "val_loss", 9.0, False, 1)
    monkeypatch.setitem(quality.GOALS, "small", goal)
    assert quality.train("small", 1)["epochs"] == 1
