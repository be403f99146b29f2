"""`--distribution`: devices and processes train as one device does."""

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from recipes.cli import main
from tests.shared import run_on_jax, write_small_data

TOP = Path(__file__).parents[3]
on_jax = [
    pytest.mark.jax,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(find_spec("jax") is None, reason="needs the jax extra"),
]

#: Trains recipes for 50 steps in each way that devices share; prints each history.
PROGRAM = """
import json, sys, tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock
from recipes.engine import environment

cases, count, index, port = json.loads(sys.argv[1]), *map(int, sys.argv[2:])
environment.prepare("jax", "cpu")
import jax
if count > 1:
    at = f"127.0.0.1:{port}"
    jax.distributed.initialize(at, count, index, coordinator_bind_address=at)
from recipes.engine import distributing
from recipes.engine.arguments import parse
from recipes.engine.fitting import fit, start_afresh
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import find_recipe

assert jax.device_count() == 2
distributing.LARGE = 16
columns = jax.sharding.PartitionSpec(None, "devices")
for name, flags in cases:
    found = {}
    for distribution in ["data_parallel"] + ["none", "model_parallel"] * (count == 1):
        config = parse(name, [*flags, "--distribution", distribution, "--progress", "false"])
        recipe = find_recipe(name)
        config, task = recipe.load(config)
        start_afresh(config)
        built = recipe.build_model(config, task)
        steps = len(task.batches("train", built, seed=config.seed))
        config = replace(config, epochs=2 + 50 // steps, patience=0)
        with tempfile.TemporaryDirectory() as logs:
            folder = RunFolder(Path(logs) / "run")
            folder.create()
            # On a GPU, Keras brings each batch to a device ahead of its step.
            kind = "gpu" if name == "tabular" else jax.default_backend()
            with (
                mock.patch("jax.default_backend", lambda: kind),
                mock.patch("jax.device_put", wraps=jax.device_put) as put,
            ):
                found[distribution] = fit(built, task, config, folder).history
            kinds = [call.args[1] for call in put.call_args_list if len(call.args) > 1]
            cut = any(getattr(each, "spec", None) == columns for each in kinds)
            assert cut == (distribution == "model_parallel")
            if name == "tabular" and count == 1 and distribution == "data_parallel":
                max(folder.checkpoints.glob("epoch-*")).unlink()  # the last epoch, on one device
                start_afresh(config)
                built = recipe.build_model(config, task)
                alone = replace(config, distribution="none")
                found["resumed"] = fit(built, task, alone, folder, resume=True).history
        found["rest"] = len(task.batches("validation", built).examples) % config.batch_size
        assert all(len(each.value.devices()) == 1 for each in built.model.variables)
    assert "tensorflow" not in sys.modules  # which takes seconds to import
    print(json.dumps(found), flush=True)
"""
SMALL = {
    "tabular": "--data table.csv --target y --model mlp --model.units 8 --batch_size 16",
    "forecast": "--data series.csv --target y --model deep_rnn --model.units 4 --window 12 "
    "--model.num_layers 1 --horizon 2 --statistics_seconds 0 --batch_size 16",
    "images": "--model mlp --model.units 8 --batch_size 64",
    "generate_images": "--model gan --model.units [6] --model.code_size 3 --batch_size 32 "
    "--score_samples 50",
    "language_model": "--data text.txt --model.units 8 --model.embedding_dim 4 --window 16 "
    "--model.dropout 0 --batch_size 4",
    "text_classification": "--data texts.csv --target kind --model.embedding_dim 4 "
    "--model.buckets 100 --batch_size 8",
    "translation": "--data pairs.tsv --tokenizer words --held_out 11 --model.units 8 "
    "--model.embedding_dim 4 --model.attention_layer_size 8 --batch_size 8",
}
CHEAP = ("tabular",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("distributed")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(141, 3))
    rows = [f"{a:.3f},{b:.3f},{c:.3f},{a + b * c:.3f}" for a, b, c in x]
    (path / "table.csv").write_text("\n".join(["a,b,c,y", *rows]) + "\n")
    write_small_data(path, rng, steps=150)
    return path


def histories(folder, names, processes):
    """What `PROGRAM` prints for recipes, in one process of two devices, or two of one."""
    cases = [(name, SMALL[name].split()) for name in names]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": f"{TOP}:{os.environ.get('PYTHONPATH', '')}"}
    cut = f"--xla_force_host_platform_device_count={2 // processes}"
    environment["XLA_FLAGS"] = f"{environment.get('XLA_FLAGS', '')} {cut}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(cases), str(processes), str(i), str(port)],
            cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for i in range(processes)
    ]  # fmt: skip
    answers = [each.communicate(timeout=1700) for each in started]
    for each, (_, said) in zip(started, answers, strict=True):
        assert each.returncode == 0, said
    lines = [[line for line in out.splitlines() if line[0] == "{"] for out, _ in answers]
    return [[json.loads(line) for line in each] for each in lines]


def equal(folder, names):
    (of_devices,) = histories(folder, names, 1)
    first, second = histories(folder, names, 2)
    for name, found, there, other in zip(names, of_devices, first, second, strict=True):
        assert there == other, name  # to the last bit: both stop at the same epoch
        resumed = [found["resumed"]] if name == "tabular" else []
        of_model = found["model_parallel"]
        for history in (found["data_parallel"], there["data_parallel"], of_model, *resumed):
            assert [*history] == [*found["none"]]
            for score, values in found["none"].items():
                np.testing.assert_allclose(history[score], values, rtol=1e-5, err_msg=name)
        assert found["none"]["loss"][0] != found["none"]["loss"][-1]
    return of_devices


#: Runs that are refused, on one device; prints what is said of each.
REFUSED = """
import contextlib, io, sys
from pathlib import Path
from unittest import mock
import jax, numpy as np
from jax.experimental import multihost_utils
from recipes.cli import main

flags = f"train tabular --data {sys.argv[1]} --target y --model mlp --backend jax".split()
flags += ["--progress", "false", "--logdir", sys.argv[2]]
shared = ["--distribution", "data_parallel"]
two = lambda digest: np.stack([digest, 1 + digest])
of_model = ["--distribution", "model_parallel"]
for count, processes, more in (
    (1, 1, shared), (3, 1, [*shared, "--batch_size", "32"]), (2, 2, shared), (2, 2, []),
    (2, 2, [*shared, "--model", "auto"]), (2, 1, [*of_model, "--model.units", "8"]),
    (2, 2, of_model), (2, 1, [*of_model, "--model", "auto"]),
):
    with (
        contextlib.redirect_stderr(io.StringIO()) as said,
        mock.patch("jax.device_count", lambda: count),
        mock.patch("jax.process_count", lambda: processes),
        mock.patch.object(multihost_utils, "process_allgather", two),
    ):
        assert main([*flags, *more]) == 2
    print(said.getvalue().strip())
    assert not Path(sys.argv[2]).exists()
"""


@pytest.mark.usefixtures("folder")
class TestDevices:
    pytestmark = on_jax

    @pytest.mark.slow  # runs on JAX every day are those of one device
    def test_two_devices_and_two_processes_train_as_one(self, folder):
        (tabular,) = equal(folder, CHEAP)
        assert tabular["rest"] % 2  # which the devices cannot share

    def test_what_cannot_be_shared_is_refused_before_anything_is_written(self, folder):
        said = run_on_jax(REFUSED, folder / "table.csv", folder / "logs").splitlines()
        for line, words in zip(
            said,
            (
                "several devices for --distribution data_parallel. Received: one. Leave it out",
                "3 devices cannot share batches of 32: choose a --batch_size that 3 divides, such",
                "Expected the same settings and data in every process",
                *["Several processes need --distribution data_parallel and a named --model"] * 2,
                "Expected matrices of 65,536 weights or more, of columns that 2 devices can share",
                "Several processes need --distribution data_parallel and a named --model",
                "--distribution model_parallel needs a named --model",
            ),
            strict=True,
        ):
            assert words in line

    @pytest.mark.slow
    def test_every_recipe(self, folder):
        equal(folder, [name for name in SMALL if name not in CHEAP])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train tabular --distribution data_parallel", "works on JAX (--backend jax)"),
        ("train tabular --distribution mirrored", "data_parallel, model_parallel. Received: m"),
        ("find-lr tabular --backend jax --distribution data_parallel", "for zoo train alone"),
        ("tune tabular --backend jax --distribution data_parallel", "for zoo train alone"),
    ],
    ids=["tensorflow", "unknown", "find-lr", "tune"],
)
def test_what_is_not_distributed_is_refused(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert main([*arguments.split(), "--logdir", str(tmp_path / "logs")]) == 2
    assert not (tmp_path / "logs").exists()
    assert message in capsys.readouterr().err
