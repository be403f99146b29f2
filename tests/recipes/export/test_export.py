"""Runs as files for other runtimes."""

import json
import re
import subprocess
import sys
from importlib import resources
from importlib.util import find_spec
from unittest import mock

import keras
import numpy as np
import pytest

import zoo
from recipes import RECIPES
from recipes.cli import main
from recipes.data.writing import replace_folder
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError
from recipes.export import card, export, reader
from recipes.export.converting import convert
from tests.shared import assert_close, shaken

if find_spec("tf2onnx") is None:
    pytest.skip("needs the export extra, which dev includes", allow_module_level=True)

TABLE = {
    "model": "mlp", "model.units": "[8]", "epochs": 1, "batch_size": 32, "jit_compile": "false",
    "progress": "false",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(trainer, tmp_path_factory):
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("data") / "table.csv"
    kinds = rng.choice(["red", "green, or so", "blue"], 90)
    days = np.arange(90) + np.datetime64("2024-01-01")
    rows = [
        f'{x:.4f},"{kind}",{day},{"yes" if x > 0 else "no"}'
        for x, kind, day in zip(rng.normal(size=90), kinds, days, strict=True)
    ]
    path.write_text("\n".join(["x,class,the day,y", *rows]))
    return trainer("tabular", **TABLE)(data=path, target="y")


def exported(capsys, *arguments):
    capsys.readouterr()
    assert main(["export", *map(str, arguments)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_a_run_says_the_same_in_another_runtime(run, capsys, form):
    out = exported(capsys, run, "--format", form)
    assert "Largest difference from Keras on " in out
    folder = run / "export" / form
    text = (folder / "CARD.md").read_text()
    for part in ("The probability of yes (not no)", "accuracy", "licence", "categories | int32"):
        assert part in text
    # Of columns as people have them, in a process that has seen neither Keras nor zoo.
    code = (
        "import sys; from reader import Exported\n"
        "columns = {'x': [0.5, None], 'class': ['red', 'new'], 'the day': ['2024-01-05', '']}\n"
        "print(Exported('.').predict(columns)[0].ravel().tolist())\n"
        "assert not {'keras', 'tensorflow', 'zoo', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-E", "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    import pandas as pd

    asked = pd.DataFrame(
        {"x": [0.5, None], "class": ["red", "new"], "the day": ["2024-01-05", None]}
    )
    expected = zoo.Predictor(zoo.load(run)).predict(asked)
    assert_close(json.loads(done.stdout), expected[:, 0])


def test_a_savedmodel_takes_columns_as_they_are(run, tmp_path, monkeypatch):
    # The check in this process: importing TensorFlow anew takes longer than all the rest.
    def here(command, **_):
        found = json.dumps(reader.check(command[-1].parent))
        return subprocess.CompletedProcess(command, 0, found, "")

    monkeypatch.setattr(export.subprocess, "run", here)
    folder = export.export(run, "savedmodel", tmp_path / "saved")
    import tensorflow as tf

    raw = json.loads((folder / "example.json").read_text())
    loaded = tf.saved_model.load(str(folder))
    columns = {**raw, "x": np.float32(raw["x"])}
    with np.load(folder / "example.npz") as file:
        assert_close(loaded.serve({n: tf.constant(v) for n, v in columns.items()}), file["y/00"])
    # What is no plain name, such as a keyword of Python, is called by its place.
    assert {*loaded.signatures["serve"].structured_input_signature[1]} == {
        "x",
        "column_2",
        "column_3",
    }
    assert "`column_2` is the day, `column_3` is class" in (folder / "CARD.md").read_text()


@pytest.mark.slow  # whole files are exported every day
def test_quantized_files_are_smaller_and_near(run, capsys, tmp_path):
    whole = exported(capsys, run, "--format", "onnx", "-o", tmp_path / "whole")
    sizes, furthest = [], []
    for kind in ("float16", "int8"):
        out = exported(capsys, run, "--format", "onnx", "--quantize", kind, "-o", tmp_path / kind)
        sizes.append((tmp_path / kind / "model.onnx").stat().st_size)
        furthest.append(float(out.split("test inputs: ")[1].split()[0]))
        assert f"weights in {kind}" in (tmp_path / kind / "CARD.md").read_text()
    assert 0 < furthest[0] < 0.01
    assert 0 < furthest[1] < 0.2
    assert float(whole.split("test inputs: ")[1].split()[0]) < 1e-5


def test_a_saved_model_has_kerass_own_int8(tmp_path):
    import tensorflow as tf

    # One layer inside of the decoder is never built by itself, and stays as it is.
    model = shaken(zoo.seq2seq(12, 9, embedding_dim=8, units=8, num_layers=1))
    shape = np.random.default_rng(0).integers(1, 9, (3, 5)).astype("int32")
    arrays = {"source": shape, "target": shape[:, :4]}
    expected = model.predict_on_batch(arrays)
    spec = {"format": "savedmodel", "raw_endpoint": False, **card.described(model)}
    convert(model, spec, tmp_path, "int8")
    loaded = tf.saved_model.load(str(tmp_path))
    found = loaded.arrays({name: tf.constant(array) for name, array in arrays.items()}).numpy()
    assert 1e-5 < np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    kept = tf.train.load_checkpoint(str(tmp_path / "variables" / "variables"))
    assert tf.int8 in kept.get_variable_to_dtype_map().values()


def test_weights_that_float16_cuts_off_are_refused(tmp_path):
    model = zoo.linear_forecaster((4, 1))
    model.set_weights([np.full_like(weight, 1e5) for weight in model.get_weights()])
    with pytest.raises(UserError, match=r"a weight is larger than float16 holds \(65,504\)"):
        convert(model, {"format": "litert"}, tmp_path, "float16")


def test_what_cannot_be_exported_is_refused_before_anything_is_written(run, capsys, tmp_path):
    def refused(*arguments):
        capsys.readouterr()
        assert main(["export", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    before = sorted(run.rglob("*"))
    assert "--quantize float16 is for onnx and litert" in refused(run, "--quantize", "float16")
    assert "leave --refit out" in refused(run, "--refit")
    (tmp_path / "mine").mkdir()
    assert "is no export" in refused(run, "--format", "onnx", "-o", tmp_path / "mine")
    assert "There is no run" in refused(tmp_path / "none")
    config = (run / "config.yaml").read_text()
    for old, new, message in [
        ("format: 2", "format: 99", "has format 99"),
        ("precision: float32", "precision: bfloat16", "--precision float32"),
    ]:
        assert old in config
        (run / "config.yaml").write_text(config.replace(old, new))
        assert message in refused(run, "--format", "onnx")
    (run / "config.yaml").write_text(config)
    assert sorted(run.rglob("*")) == before


def test_a_package_that_lacks_is_named(run, capsys, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnx" else True)
    assert main(["export", str(run), "--format", "onnx"]) == 2
    assert "needs onnx: pip install 'handson-zoo[export]'" in capsys.readouterr().err


def test_another_answer_than_keras_is_not_kept(run, capsys, monkeypatch, tmp_path):
    original = export._asked

    def other(model, inputs):
        expected, times = original(model, inputs)
        return [part + 0.01 for part in expected], times

    monkeypatch.setattr(export, "_asked", other)
    assert main(["export", str(run), "--format", "onnx", "-o", str(tmp_path / "off")]) == 1
    assert "The export differs from Keras by 1.0e-02" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


class Unheard(keras.layers.Layer):
    """Uses an operator that no format has."""

    def call(self, inputs):
        return keras.ops.erfinv(keras.ops.tanh(inputs))


def converted(model, form, folder):
    spec = {"format": form, "rows": None, "raw_endpoint": False, **card.described(model)}
    spec["rows"] = convert(model, spec, folder)
    (folder / "preprocessing.json").write_text(json.dumps(spec))
    return reader.Exported(folder)


def test_an_operator_that_a_format_lacks_is_named(tmp_path):
    from recipes.errors import UserError

    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, Unheard()(inputs))
    with pytest.raises(UserError, match=r"cannot become litert: 'tf.Erfinv' op.*--format savedm"):
        converted(model, "litert", tmp_path)


@pytest.mark.parametrize(("form", "rows"), [("onnx", None), ("litert", 1)])
def test_recurrent_models(tmp_path, form, rows):
    model = shaken(zoo.char_rnn(9, units=8))
    ids = np.random.default_rng(0).integers(0, 9, (3, 5)).astype("int32")
    expected = model.predict_on_batch(ids)
    found = converted(model, form, tmp_path)
    assert found.spec["rows"] == rows  # LiteRT's lists need a number of rows that is known
    name = next(iter(found.spec["inputs"]))
    assert_close(found({name: ids})[0], expected, ulps=256)


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_operators_that_the_formats_lack_are_put_into_others(tmp_path, form):
    # A search among known n-grams, an arc tangent, and the complement of the error function.
    rng = np.random.default_rng(1)
    texts = rng.integers(1, 9, (6, 7)).astype("int32")
    known = np.unique(zoo.layers.WideNgrams.hashes(list(texts[:4]), 2, ending=3)[0])
    wide = zoo.layers.WideNgrams(len(known), ending=3)
    wide.assign(known, rng.normal(size=(len(known), 1)), [0.5])
    clip = zoo.layers.RobustScaleSmoothClip([0.0, 1.0], [1.0, 2.0])
    inputs = {
        "ids": keras.Input((None,), dtype="int32", name="ids"),
        "columns": keras.Input((2,), name="columns"),
    }
    outputs = [wide(inputs["ids"]), clip(inputs["columns"])]
    model = keras.Model(inputs, [*outputs, keras.layers.Activation("gelu")(inputs["columns"])])
    arrays = {"ids": texts, "columns": rng.normal(0, 9, (6, 2)).astype("float32")}
    expected = model.predict_on_batch(arrays)
    assert len(np.unique(expected[0])) > 3
    for found, each in zip(converted(model, form, tmp_path)(arrays), expected, strict=True):
        assert_close(found, each)


def test_a_card_says_what_is_read_and_given_and_what_is_not_in_the_file(
    train, make_csv, capsys, tmp_path
):
    (tmp_path / "series.csv").write_text(make_csv())
    run = train(data=tmp_path / "series.csv", time="t", target="y")
    exported(capsys, run, "--format", "onnx")
    alone = (run / "export" / "onnx" / "CARD.md").read_text()
    assert "The last 14 steps, the oldest first; of each y." in alone
    assert "(the last one holds the forecast), steps ahead, target." in alone
    assert "Not in the file" not in alone
    assert "Its licence is not known: ask where it comes from" in alone
    (run / "partners.json").write_text('{"theta": 0.75}')
    metrics = json.loads((run / "metrics.json").read_text())
    mae = metrics["test"]["mae"]
    metrics["test"] = dict.fromkeys(metrics["test"], 99.0)  # those of the mean
    (run / "metrics.json").write_text(json.dumps(metrics))
    capsys.readouterr()
    assert main(["export", str(run), "--format", "onnx"]) == 0
    note = "theta (75%), with which the run averages this model (25%)"
    assert f"note: not in the export: {note}; `zoo predict`" in capsys.readouterr().err
    mixed = (run / "export" / "onnx" / "CARD.md").read_text()
    assert note in mixed
    assert f"| mae | {mae:.4g}" in mixed


def test_the_licence_of_every_named_dataset_is_told():
    text = resources.files("recipes").joinpath("export/LICENCES.md").read_text("utf-8")
    named = [name for recipe in RECIPES for name in find_recipe(recipe).config.DATASETS]
    assert {*re.findall(r"(?m)^- `(\w+)`: \w", text)} == {*named}


def test_an_export_is_never_there_in_part(tmp_path):
    for name in ("new", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "CARD.md").write_text(name)
    killed = mock.patch("shutil.rmtree", side_effect=[None, KeyboardInterrupt])
    with killed, pytest.raises(KeyboardInterrupt):
        replace_folder(tmp_path / "new", tmp_path / "out")
    assert (tmp_path / "out" / "CARD.md").read_text() == "new"
