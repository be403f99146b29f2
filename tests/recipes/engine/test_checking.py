"""Mistakes are found before Keras is imported: each of the first ones that people make."""

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from recipes import RECIPES
from recipes.engine import checking
from recipes.engine.config import TrainConfig
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError
from zoo.catalog import CATALOG

#: Commands, and how the answer begins.
MISTAKES = {
    "train forecast --data none.csv": "Expected a table",
    "train forecast --data series.csv --target z": "Expected a column 'z' (--target)",
    "train forecast --data series.csv --series s": "Expected a column 's' (--series)",
    "train forecast --data wide.csv": "Expected one numeric column in wide.csv",
    "train forecast --data series.csv --future_covariates none.csv": "Expected a table",
    "train forecast --data series.csv --model wavnet": "The model cannot be built. There is no",
    "train forecast --data series.csv --name old": "The run logs/forecast/old exists.",
    "train forecast --preset ml2-ch15-8": "There is no preset 'ml2-ch15-8'. Did you mean",
    "train forecast --from none --data series.csv": "There is no run none.",
    "train --resume none": "There is no run none.",
    "tune --resume none": "There is no run none.",
    "find-lr tabular --data wide.csv --target z": "Expected a column 'z' (--target)",
    "tune tabular --data none.csv --target z": "Expected a table",
    "train tabular --data wide.csv": "Name the column to predict with --target.",
    "train tabular --data wide.csv --target y": "Expected at least",
    "train text_classification --data wide.csv --text words": "Expected a column 'words' (--text)",
    "train translation --data none.tsv": "Expected a table",
    "train language_model --data none.txt": "Expected a text file. Received: none.txt",
    "train images --data none": "There is no file or folder none.",
    "train images --data wide.csv": "Expected wide.csv to have one column of the files",
    "train images --transfer_from none": "There is no run none.",
    "predict none": "There is no run none.",
    "predict RUNS/tabular wide.csv": "Expected a column 'age' (the model reads it)",
    "predict RUNS/forecast wide.csv": "Expected a column 'date' (the model reads it)",
    "predict RUNS/text_classification wide.csv": "Expected a column 'body' (the model reads it)",
    "predict RUNS/tabular empty.csv": "Expected a table",
    "train forecast --device gpu": "--device gpu: tensorflow finds no GPU.",
    "train tabular --data rare.csv --target y --device gpu": "--device gpu: tensorflow finds no",
    "tune tabular --device gpu": "--device gpu: tensorflow finds no GPU.",
    "show none": "There is no run none.",
    "train forecast --data series.csv --model wavenet --model.filtres 3": "wavenet has no argument "
    "'filtres'. Did you mean filters?",
    "tune tabular --model mlp --model.dropout high": "--model.dropout takes a number. Received: "
    "'high'",
    "find-lr tabular --model mlp --model.units [a,8]": "--model.units takes a whole number or a "
    "list of them. Received: ['a', 8]",
    "train forecast --data series.csv --horizon 9999": "Expected --horizon to be shorter than",
    "predict RUNS/language_model": "A prompt is missing: give a file, - (standard input) or",
    "predict RUNS/language_model wide.csv --text a": "Give the input either as a file or with --te",
    "predict RUNS/translation": "A sentence is missing: give a file",
    "predict pictures": "Give a file for the pictures, such as -o grid.png. Received: None",
    "train tabular --dataset titanic": "Could not download the data of 'titanic' from https://",
    "train images --dataset mnist": "Could not download the data of 'mnist_train_images' from",
    "train --resume RUNS/forecast --epochs 3": "A resumed run keeps its settings: say --resume "
    "alone. With others train anew: zoo train forecast --config RUNS/forecast/config.yaml --epochs",
}
CODE = """
import io, json, sys
from contextlib import redirect_stderr
from recipes.cli import main
found = {}
for command in json.loads(sys.argv[1]):
    with redirect_stderr(io.StringIO()) as said:
        status = main(command.split())
    heavy = ("keras", "tensorflow", "sklearn", "matplotlib")
    loaded = [name for name in heavy if name in sys.modules]
    found[command] = [status, loaded, said.getvalue()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory, make_csv):
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "series.csv").write_text(make_csv())
    (folder / "wide.csv").write_text("y,x\n1,2\n3,4\n")
    (folder / "rare.csv").write_text("y,x\n" + "a,1\nb,2\n" * 30 + "c,3\n")
    (folder / "empty.csv").touch()
    (folder / "RUNS").symlink_to(Path(__file__).parent / "format_1")
    (folder / "logs" / "forecast" / "old").mkdir(parents=True)
    shutil.copytree(folder / "RUNS" / "tabular", folder / "pictures")
    (folder / "pictures" / "config.yaml").write_text("run: {recipe: generate_images, format: 2}\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, json.dumps(list(MISTAKES))],
        cwd=folder, capture_output=True, text=True, timeout=120,
        env={
            **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CUDA_VISIBLE_DEVICES": "-1",
            "KERAS_BACKEND": "tensorflow", "ZOO_DATA": "", "KERAS_HOME": str(folder),
            "https_proxy": "http://127.0.0.1:9",
        },
    )  # fmt: skip
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_found_before_keras_is_imported(answers, command):
    status, loaded, said = answers[command]
    assert f"\nzoo: {MISTAKES[command]}" in f"\n{said}"
    assert (status, loaded) == (2, [])


@pytest.mark.parametrize("name", [each.name for each in CATALOG])
def test_the_head_of_a_factory_is_read_as_python_reads_it(monkeypatch, name):
    """Each argument is known, and what a factory does by default is never refused."""
    found = inspect.signature(getattr(zoo, name)).parameters.values()
    defaults = {each.name: each.default for each in found if each.default is not each.empty}
    monkeypatch.delitem(sys.modules, "keras")
    checking.check("forecast", TrainConfig(model=name, model_arguments=defaults))
    with pytest.raises(UserError, match="has no argument 'nothing'"):
        checking.check("forecast", TrainConfig(model=name, model_arguments={"nothing": 1}))


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_recipe_itself_gives_a_model_is_never_refused(monkeypatch, recipe):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    for preset in find_recipe(recipe).presets.values():
        default = find_recipe(recipe).default_config(preset.get("dataset"), False, None)
        model = preset.get("model", default.model)
        given = preset.get("model_arguments", default.model_arguments)
        checking.check(recipe, TrainConfig(model=model, model_arguments=given))


def test_a_one_stands_for_a_number_and_a_truth_but_not_for_a_text():
    kinds = [{"int"}, {"float"}, {"bool"}, {"str"}, {"Sequence", "int"}]
    for value, fits in ((1, [1, 1, 1, 0, 1]), (True, [0, 0, 1, 0, 0]), ([1], [0, 0, 0, 0, 1])):
        assert [bool(checking._may_be(value, each)) for each in kinds] == fits


def test_large_files_and_pipes_are_left_to_the_run(tmp_path, monkeypatch):
    small, pipe = tmp_path / "a.csv", tmp_path / "pipe"
    small.write_text("t,y\n")
    os.mkfifo(pipe)
    assert [checking._is_light(path) for path in (small, pipe, tmp_path, tmp_path / "no")] == [
        True, False, True, True,
    ]  # fmt: skip
    monkeypatch.setattr(checking, "LIGHT", 3)
    assert not checking._is_light(small)
    small.write_bytes(b"PK\x03\x04 and more")
    monkeypatch.setattr(checking, "LIGHT", 100)
    assert checking._is_light(small)
    monkeypatch.setattr(checking, "LIGHT_ARCHIVE", 10)
    assert not checking._is_light(small)
