"""Runs of every form: their models predict as they did, those of form 1 under the new names.

`record_format.py` made those of form 2; those of form 1 were saved by the version that had it.
"""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from recipes import RECIPES
from recipes.cli import main
from recipes.engine import folder
from recipes.engine.arguments import parse
from recipes.engine.recipe import find_recipe

RUNS = Path(__file__).parent / "format_1"
INPUT = RUNS / "input"
ASKED = {
    "forecast": ([], "forecast.csv"),
    "images": ([INPUT / "photos"], "images.csv"),
    "tabular": ([INPUT / "churn.csv"], "tabular.csv"),
    "language_model": (["--text", "the film", "--length", 20, "--seed", 1], "language_model.txt"),
    "text_classification": (["--text", "a great story"], "text_classification.csv"),
    "translation": (
        ["--text", "the red cat sees the old dog", "--beam", 2, "--n_best", 2],
        "translation.tsv",
    ),
    "generate_images": (["--samples", 2, "--seed", 1], "generate_images.png"),
}
SAVED = [(1, recipe) for recipe in ASKED if recipe != "generate_images"]  # which is younger
SAVED += [(2, recipe) for recipe in ASKED]


def cells(path):
    """The cells of a file, numbers as numbers; of a picture the brightness, from 0 to 1."""
    if path.suffix == ".png":
        return (np.asarray(Image.open(path).convert("L")) / 255).tolist()
    separator = "\t" if path.suffix == ".tsv" else ","
    with path.open(newline="", encoding="utf-8") as file:
        return [[number(cell) for cell in row] for row in csv.reader(file, delimiter=separator)]


def number(cell):
    try:
        return float(cell)
    except ValueError:
        return cell


def test_every_form_and_recipe_has_its_run():
    assert {form for form, _ in SAVED} == {*folder.READABLE, folder.FORMAT}
    assert {recipe for form, recipe in SAVED if form == folder.FORMAT} == set(RECIPES)
    for form, recipe in SAVED:
        run = folder.RunFolder(RUNS.with_name(f"format_{form}") / recipe).read_config()["run"]
        assert (run["format"], run["recipe"]) == (form, recipe)


@pytest.mark.parametrize(("form", "recipe"), SAVED)
def test_it_predicts_as_it_did(form, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(INPUT)
    flags, name = ASKED[recipe]
    runs, found = RUNS.with_name(f"format_{form}"), tmp_path / name
    assert main(["predict", str(runs / recipe), *map(str, flags), "-o", str(found)]) == 0
    rows, expected = cells(found), cells(runs / "expected" / name)
    assert [len(row) for row in rows] == [len(row) for row in expected]
    for row, right in zip(rows, expected, strict=True):
        for cell, value in zip(row, right, strict=True):
            if isinstance(value, float):  # float32 sums in the order of another processor
                value = pytest.approx(value, rel=1e-4, abs=1e-4 if name[-3:] != "png" else 1 / 255)
            assert cell == value


@pytest.mark.parametrize("recipe", [recipe for form, recipe in SAVED if form == 1])
def test_its_settings_have_their_new_names(recipe):
    config = parse(recipe, ["--config", str(RUNS / recipe / "config.yaml")])
    saved = yaml.safe_load((RUNS / recipe / "config.yaml").read_text())
    kind = find_recipe(recipe).config
    for name, value in saved.items():
        if name not in ("run", "name", "overwrite"):
            assert getattr(config, kind.RENAMED.get(name, name)) == value, name
    if recipe == "forecast":
        assert (config.past_covariates, config.future_covariates) == (["price"], "holidays.csv")


def test_flags_of_predict_have_their_new_names(capsys):
    assert main(["predict", str(RUNS / "forecast"), "--known", "next.csv"]) == 2
    assert capsys.readouterr().err == "zoo: --known is called --future_covariates now.\n"


def test_a_run_with_a_missing_file_is_refused(tmp_path, capsys):
    run = tmp_path / "run"
    for file in ("config.yaml", "model.keras"):
        shutil.copytree(RUNS / "tabular", run, dirs_exist_ok=True)
        (run / file).unlink()
        assert main(["predict", str(run)]) == 2
        assert f"is not a finished run: it has no {file}." in capsys.readouterr().err
