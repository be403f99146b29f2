"""The benchmark of accelerators, small and on the CPU; and what it says where there is none."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import keras
import pytest

import zoo
from recipes.engine.recipe import find_recipe
from scripts.benchmarks import __main__ as program
from scripts.benchmarks import gpu, gpu_worker
from scripts.benchmarks import random_networks as networks
from scripts.benchmarks.gpu_cases import CASES
from tests.shared import TOP, uncompiled


def test_cases_are_the_presets_of_every_recipe():
    assert tuple(CASES) == gpu.NAMES
    assert {case.recipe for case in CASES.values()} == {
        "images", "tabular", "forecast", "language_model", "text_classification", "translation",
        "generate_images",
    }  # fmt: skip
    for name, case in CASES.items():
        if case.preset:
            preset = find_recipe(case.recipe).presets[case.preset]
            assert preset["model_arguments"] == case.arguments, name
            if "window" in preset:
                assert preset["window"] == case.length


def test_work_is_counted_where_it_is_done():
    dense = networks.image_classifier("mlp", 3, shape=(4, 4), units=(5, 6))
    assert dense.work == 3 * 2 * (16 * 5 + 5 * 6 + 6 * 10)
    recurrent = networks.text_classifier(2, 7, 50, encoder="gru", units=4, embedding_dim=6)
    assert recurrent.work == 2 * 2 * (7 * (6 + 4) * 12 + 4)
    waves = networks.forecaster("wavenet_lite", 1, 9, 2, filters=3, num_blocks=1, num_layers=2)
    assert waves.work == 2 * 9 * (2 * 3 + 2 * 3 * 3 + 3 * 2)
    attentive = networks.language_model(
        "transformer_language_model", 1, 5, 11, num_layers=1, embedding_dim=8, num_heads=2
    )
    assert attentive.work == 2 * 5 * (3 * 64 + 64 + 2 * 8 * 32 + 8 * 11) + 4 * 25 * 8


@pytest.mark.slow  # the next three, too: what is made of their lines is tested every day
def test_a_step_and_a_forecast_are_timed(monkeypatch):
    small = {"filters": 2, "num_blocks": 1, "num_layers": 1}
    monkeypatch.setitem(CASES, "small", replace(CASES["forecast_wavenet"], arguments=small))
    with uncompiled():
        found = [*gpu_worker.measured("small", 2, gpu_worker.SIZES["small"])]
    assert [each["kind"] for each in found] == ["step", "recursive"]
    assert [each["tokens"] for each in found] == [16, 16]
    assert all(each["seconds"] > 0 and each["gigaflop"] > 0 for each in found)


@pytest.mark.slow
def test_translators_do_not_stop_early():
    example = CASES["translation_seq2seq"].make(batch=2, length=3, units=4)
    with uncompiled():
        source, ends = example.x["source"], (networks.START, networks.END)
        ids = zoo.decoding.decode(example.model, source, 8, *ends)
    assert (ids > networks.END).all()


@pytest.mark.slow
def test_what_fails_is_told_and_the_rest_goes_on(monkeypatch, capsys):
    def measured(name, batch, size):
        yield {"kind": "step", "seconds": 1.0, "tokens": 2, "gigaflop": 3.0}
        if name == "tabular":
            raise ValueError("no memory")

    monkeypatch.setattr(gpu_worker, "measured", measured)
    policy = keras.config.dtype_policy()
    try:
        gpu_worker.main("cpu", "small", ["float32"], ["tabular", "images_mlp"])
    finally:
        keras.config.set_dtype_policy(policy)
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        os.environ.pop("JAX_PLATFORMS", None)
    device, peak, step, failed, done, *rest = map(json.loads, capsys.readouterr().out.splitlines())
    assert device["device"].startswith("CPU")
    assert peak["peak"] > 0
    assert (step["kind"], step["gigaflop"]) == ("step", 3)
    assert (failed["kind"], failed["error"]) == ("what follows", "ValueError: no memory")
    assert done == {"done": "tabular"}
    assert rest[0]["gigaflop"] == 3


@pytest.mark.slow
def test_every_batch_is_computed_in_its_precision(monkeypatch, capsys):
    def measured(name, batch, size):
        yield {"kind": keras.config.dtype_policy().name, "seconds": 1.0}

    monkeypatch.setattr(gpu_worker, "measured", measured)
    two = replace(gpu_worker.SIZES["small"], batches=(1, 2))
    monkeypatch.setitem(gpu_worker.SIZES, "small", two)
    policy = keras.config.dtype_policy()
    try:
        gpu_worker.main("cpu", "small", ["float32", "bfloat16"], ["tabular"])
    finally:
        keras.config.set_dtype_policy(policy)
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        os.environ.pop("JAX_PLATFORMS", None)
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(each["batch"], each["kind"]) for each in lines if "case" in each] == [
        (1, "float32"), (2, "float32"), (1, "mixed_bfloat16"), (2, "mixed_bfloat16"),
    ]  # fmt: skip


def line(case="tabular", kind="step", batch=32, precision="float32", **more):
    found = {"case": case, "kind": kind, "batch": batch, "precision": precision}
    return found | {"seconds": 0.5, "tokens": 100, "gigaflop": 40.0} | more


def test_the_table():
    lines = [
        {"precision": "float32", "peak": 800.0}, {"precision": "bfloat16", "peak": 1600.0},
        line(seconds=9.0), line(), line(batch=512, tokens=1600),
        line(precision="bfloat16", error="ValueError: a|b"),
    ]  # fmt: skip
    text = gpu.table(lines, [line(seconds=5.0)])
    assert "| tabular: step | 32 | 500 | 200 | 10 % | 10.0 | failed: ValueError: a\\|b |" in text
    assert "| tabular: step | 512 | 500 | 3,200 | 10 % | 160.0 |  |" in text
    assert "(TFLOP/s: float32 0.8, bfloat16 1.6)" in text


def test_without_an_accelerator_it_says_so(tmp_path, monkeypatch, capsys):
    def run(command, check, stdout):
        asked.append(command[3])
        stdout.write('{"device": null}\n')

    asked = []
    monkeypatch.setattr(gpu.subprocess, "run", run)
    monkeypatch.setattr(program, "TOP", tmp_path)
    readme = tmp_path / "recipes/README.md"
    readme.parent.mkdir()
    readme.write_text("<!-- benchmark gpu -->\n\nold\n\n<!-- end -->\n")
    assert program.main(["gpu", "--logdir", str(tmp_path / "logs"), "--readme"]) == 0
    assert asked == ["gpu"]  # the CPU is not measured for itself
    said = "not measured: no accelerator found"
    assert said in readme.read_text()
    assert said in (tmp_path / "logs/gpu/report.md").read_text()
    assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        program.main(["gpu", "--device", "cpu", "--readme"])
    with pytest.raises(SystemExit):
        program.main(["tune", "--device", "cpu"])


def test_what_was_finished_is_kept(tmp_path, monkeypatch):
    (tmp_path / "cpu.jsonl").write_text(
        '{"device": "CPU"}\n{"precision": "float32", "peak": 1.0}\n'
        f'{json.dumps(line())}\n{{"done": "tabular"}}\n{json.dumps(line("images_mlp"))}\n{{"case": '
    )
    asked = []
    monkeypatch.setattr(gpu.subprocess, "run", lambda command, **_: asked.append(command[-1]))
    names = ["tabular", "images_mlp"]
    device, lines = gpu._lines("cpu", "small", ["float32"], names, tmp_path, False)
    assert (device, asked) == ("CPU", ["images_mlp"])
    assert [each["case"] for each in lines if "case" in each] == ["tabular"]


@pytest.mark.slow  # it is timed here on TensorFlow; test_tensorboard.py does without
@pytest.mark.jax
def test_it_runs_on_jax_where_tensorflow_is_not_installed(tmp_path):
    (tmp_path / "sitecustomize.py").write_text('import sys\nsys.modules["tensorflow"] = None\n')
    environment = os.environ | {
        "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join([str(tmp_path), str(TOP)]),
    }  # fmt: skip
    command = [sys.executable, "-m", "scripts.benchmarks", "gpu", "--device", "cpu"]
    command += ["--only", "tabular,forecast_wavenet", "--logdir", str(tmp_path / "logs")]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "logs/gpu/cpu/report.md").read_text()
    assert "| tabular: step | 2 |" in text
    assert "| forecast wavenet: recursive | 2 |" in text
    assert "failed" not in text
