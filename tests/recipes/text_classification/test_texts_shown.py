"""What texts, and what went wrong with them, look like: pictures, tables and messages."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from callbacks.drawing import ISOLATE, POP
from recipes.classification.plots import class_table
from recipes.engine import report
from recipes.engine.building import create_core
from recipes.engine.folder import RunFolder
from recipes.engine.predict import SavedRun
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError
from recipes.text_classification import baselines, plots
from recipes.text_classification.coding import Part
from recipes.text_classification.explaining import _title
from recipes.translation import default_config
from recipes.translation.task import SAMPLES, TranslationTask


def test_hebrew_is_drawn_and_takes_the_room_it_needs():
    figure = plots.importances([("t", ["שלום", "day"], np.array([1.0, -1.0]))], gap=1)
    figure.savefig(io.BytesIO(), dpi=20)
    texts = {text.get_text(): text.get_position()[0] for text in figure.axes[0].texts}
    assert {name: texts.get(name) for name in ("t", "שלום", "day")} == {"t": 0, "שלום": 0, "day": 9}
    assert [box.get_width() for box in figure.axes[0].patches][-2:] == [8, 3]


def test_titles_keep_their_order_whatever_the_names():
    part = Part(np.array(["a"]), np.array([0]), ("שלום", "yes " * 20), np.array([1]), [])
    title = _title(part, 0, 1, np.array([[0.25, 0.75]]))
    assert title == f"{ISOLATE}שלום{POP}, but predicted yes yes yes yes yes …s yes yes (75.0 %)"


def test_names_of_classes_cannot_break_a_table():
    table = class_table([0, 1], [0, 1], ["a\nb|c", "<script>"])
    names = [line.split(" | 1 |")[0] for line in table.splitlines()[2:]]
    assert names == [r"| a b\|c", r"| \<script\>"]


def test_translations_that_differ_are_shown_once():
    task = TranslationTask(replace(default_config(), dataset=None), {}, {}, None, None)
    sources, references = [f"s{n}" for n in range(20)], [["right"]] * 20
    shown = task._section(sources, references, ["wrong"] * 20)
    assert [shown.count(f"| s{n} |") for n in range(20)] == [1] * 20
    assert "Others that differ" not in task._section(
        sources, references, ["wrong"] * SAMPLES + ["right"] * (20 - SAMPLES)
    )


def test_tfidf_answers_for_classes_without_training_texts():
    texts = np.array(["tea cup", "sea ship", "tea pot", "sea sand"], object)
    part = Part(texts, np.array([0, 2, 0, 2]), ("a", "b", "c"), np.arange(4), [])
    found = baselines.fit(part, str)["tfidf_logistic_regression"](part)
    assert found.shape == (4, 3)
    assert found.argmax(axis=1).tolist() == [0, 2, 0, 2]


def test_headers_of_results_are_cut_off_nowhere():
    scores = {"accuracy": 0.5, "nll": 1.0, "calibration_error": 0.1, "roc_auc": 0.5}
    scores["average_precision"] = 0.5
    metrics = {"model": "text_classifier", "dataset": "t.csv", "validation": scores, "test": scores}
    metrics = {**metrics, "baselines": {"tfidf_logistic_regression": metrics}}
    lines = report.table(find_recipe("text_classification"), metrics, "", 84).splitlines()
    assert max(map(len, lines)) <= 84
    assert lines[2].split() == ["calibration_", "roc_", "average_"]
    assert lines[3].split() == ["part", "accuracy", "nll", "error", "auc", "precision"]
    narrow = report.table(find_recipe("text_classification"), metrics, "", 60).splitlines()
    assert max(map(len, narrow)) <= 60
    assert sum("tfidf_logistic_regression" in line for line in narrow) == 6


def test_a_model_that_lacks_an_argument_says_which():
    config = replace(default_config(), model="hub_text_classifier", model_arguments={})
    with pytest.raises(UserError, match=r"needs an argument more: give it with --model.handle"):
        create_core(config, {"head": "binary", "num_classes": 1})
    with pytest.raises(UserError, match=r"The model cannot be built. hub_text_classifier has no"):
        create_core(config, {"horizon": 3})


def test_standard_input_is_called_so(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.config.write_text(folder.config_text("translation", default_config()))
    zipfile.ZipFile(folder.model, "w").close()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("имя".encode("cp1251"))))
    with pytest.raises(UserError, match=r"Expected standard input to be text in UTF-8"):
        SavedRun(tmp_path).write("-")
