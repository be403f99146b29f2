"""Recipes declare themselves: a seventh one is a folder and one line, and all commands know it."""

import json
import re
import sys
from dataclasses import fields

import numpy as np
import pytest
import yaml

from recipes import RECIPES
from recipes.cli import main
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError

#: A whole recipe: which of two numbers is larger.
SOURCE = '''
"""Tell the larger of two numbers: `zoo train larger`."""

from dataclasses import dataclass

import numpy as np

from recipes.data.batches import ArrayBatches
from recipes.engine.config import TrainConfig, at_least
from recipes.engine.recipe import Flag, Recipe
from recipes.engine.task import Built, Section


@dataclass
class LargerConfig(TrainConfig):
    """Settings of a run.

    Args:
        examples: Pairs of numbers.
    """

    DATASETS = {"pairs": "generated pairs"}
    RENAMED = {"pairs": "examples"}

    examples: int = 60

    def validate(self):
        super().validate()
        at_least(self, 30, "examples")


class LargerTask:
    description, notes, metadata = "pairs of numbers", (), {"digits": 1}
    sha256, primary_metric, suggestions, FOLDS = "0", "accuracy", "more --examples", ()

    def __init__(self, config):
        self.config = config
        x = np.random.default_rng(0).normal(size=(config.examples, 2)).astype("float32")
        y = (x[:, 0] > x[:, 1]).astype("float32")[:, None]
        cuts = [0, config.examples // 2, 3 * config.examples // 4, config.examples]
        self.parts = {
            name: (x[a:b], y[a:b])
            for name, a, b in zip(("train", "validation", "test"), cuts, cuts[1:])
        }
        self.config = config

    def batches(self, split, built, seed=None):
        return ArrayBatches(*self.parts[split], self.config.batch_size, seed)

    def predictor(self, model):
        return lambda x: np.asarray(model.predict_on_batch(x))

    def baselines(self):
        return {"first": lambda x: np.ones((len(x), 1))}

    def predict(self, predictor, split):
        return predictor(self.parts[split][0])

    def score(self, predictions, split):
        right = (predictions > 0) == self.parts[split][1]
        return {"accuracy": float(right.mean()), "nll": float(1 - right.mean())}

    def folds(self):
        return {}

    def figures(self, model):
        return lambda epoch: {}

    def write_outputs(self, trained, folder):
        return [Section("Pairs", f"{len(trained.predictions['test'])} of them")]


def default_config(dataset=None, own_data=False, model=None):
    return LargerConfig(model=model or "mlp", dataset=dataset or "pairs", epochs=2)


def load_data(config):
    return LargerTask(config)


def build_model(config, data):
    import zoo

    core = zoo.create_model(
        config.model, input_shape=(2,), outputs=1, head="binary", **config.model_arguments
    )
    return Built(core, core, **zoo.objective("binary"), monitor="val_loss")


def search_space(hp):
    return {"learning_rate": hp.Float("learning_rate", 1e-3, 1e-2)}


def predict(folder, config, metadata, source, output, first=0.0):
    import zoo

    pair = np.array([[first, metadata["digits"]]], "float32")
    print("first" if np.asarray(zoo.load(folder.path)(pair))[0, 0] > 0 else "second")


RECIPE = Recipe(
    name="larger",
    title="tell the larger of two numbers",
    chapter="no chapter",
    description=__doc__,
    presets={"wide": {"model": "mlp", "dataset": "pairs", "epochs": 1}},
    config=LargerConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    predict=predict,
    metrics={"accuracy": "max", "nll": "min"},
    listed=("accuracy",),
    predict_flags=(Flag("first", "the first number", float),),
)
'''


QUICK = ["--jit_compile", "false", "--steps_per_execution", "1", "--progress", "false"]


@pytest.fixture
def larger(tmp_path, monkeypatch):
    """The seventh recipe in a folder of its own, and the one line that names it."""
    (tmp_path / "larger_recipe").mkdir()
    (tmp_path / "larger_recipe" / "__init__.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(RECIPES, "larger", "larger_recipe")
    yield tmp_path / "logs"
    sys.modules.pop("larger_recipe", None)


def call(*arguments, status=0):
    assert main([str(each) for each in arguments]) == status


def test_a_seventh_recipe_needs_one_line(larger, capsys):
    own = ("--logdir", larger, "--model.units", "[4]", *QUICK)
    call("train", "larger", "--name", "one", "--learning_rate", "0.01", *own)
    metrics = json.loads((larger / "larger/one/metrics.json").read_text())
    assert metrics["baselines"]["first"]["test"]["accuracy"] < 1
    report = (larger / "larger/one/report.md").read_text()
    assert "## Pairs\n\n15 of them" in report
    assert re.search(r"\| part \| accuracy \| nll \|", report)
    capsys.readouterr()

    call("predict", larger / "larger/one", "--first", "5")
    assert capsys.readouterr().out in ("first\n", "second\n")
    call("predict", larger / "larger/one", "--beam", "2", status=2)
    assert "--beam is for runs of translation: leave it out for larger" in capsys.readouterr().err

    (larger / "larger/one/metrics.json").unlink()  # as if it had been killed before its end
    call("train", "--resume", larger / "larger/one")
    again = json.loads((larger / "larger/one/metrics.json").read_text())
    assert again["test"] == metrics["test"]

    call("tune", "larger", "--name", "two", "--trials", "1", *own)
    assert "## Tuning" in (larger / "larger/two/report.md").read_text()
    call("find-lr", "larger", "--name", "three", "--steps", "12", *own)
    capsys.readouterr()

    call("list", "*")
    shown = capsys.readouterr().out
    for words in ("tell the larger of two numbers", "generated pairs", "wide"):
        assert words in shown
    call("runs", "--logdir", larger, "--sort", "accuracy")
    assert "\none  " in capsys.readouterr().out
    call("train", "--help")
    assert "tell the larger of two numbers (no chapter)" in capsys.readouterr().out


def test_old_names_of_settings(larger, capsys):
    own = ("--logdir", larger, "--name", "old", "--epochs", "1", *QUICK)
    call("train", "larger", "--pairs", "40", *own, status=2)
    assert capsys.readouterr().err == "zoo: --pairs is called --examples now.\n"
    call("train", "larger", "--pair", "40", *own, status=2)
    assert capsys.readouterr().err == "zoo: There is no flag --pair. Did you mean --examples?\n"
    call("train", "larger", "--examples", "40", *own)
    config = larger / "larger/old/config.yaml"
    saved = yaml.safe_load(config.read_text())
    saved["pairs"] = saved.pop("examples")  # as an older version wrote it
    saved["run"]["format"] = 1
    config.write_text(yaml.safe_dump(saved))
    call("predict", larger / "larger/old")
    call("train", "larger", "--config", config, "--logdir", larger, "--name", "again")
    assert "examples: 40" in (larger / "larger/again/config.yaml").read_text()
    saved["colour"] = "red"
    config.write_text(yaml.safe_dump(saved))
    capsys.readouterr()
    call("predict", larger / "larger/old", status=2)
    assert "there is no setting 'colour'" in capsys.readouterr().err


def test_a_package_that_is_no_recipe_is_named(tmp_path, monkeypatch):
    (tmp_path / "not_a_recipe.py").write_text("RECIPE = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    for package, has in (("not_a_recipe", "It has a int"), ("recipes.data", "It has none")):
        monkeypatch.setitem(RECIPES, "odd", package)
        with pytest.raises(UserError, match=f"hold a Recipe named RECIPE. {has}"):
            find_recipe("odd")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_declare_what_they_have(name):
    recipe = find_recipe(name)
    assert (recipe.name, RECIPES[name]) == (name, f"recipes.{name}")
    assert set(recipe.metrics.values()) <= {"min", "max"}
    assert set(recipe.listed) <= set(recipe.metrics)
    settings = {each.name for each in fields(recipe.config)}
    assert not settings & set(recipe.config.RENAMED)
    assert {flag for preset in recipe.presets.values() for flag in preset} <= settings
    defaults = recipe.default_config()
    assert type(defaults) is recipe.config
    assert defaults.dataset in recipe.config.DATASETS
    defaults.validate()
    assert not np.any([flag.help.endswith(".") for flag in recipe.predict_flags])
