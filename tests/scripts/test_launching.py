"""`scripts/launch`: processes that start, meet, die and begin again."""

import os
import re
import shlex
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from recipes.errors import UserError
from scripts import launching

TOP = Path(__file__).parents[2]
GUIDE = TOP / "scripts/documentation/pages/guides/devices.md"


@pytest.fixture
def acting(monkeypatch, tmp_path):
    """Makes functions that run a job whose processes run a few lines in place of a training."""

    def make(code):
        program = tmp_path / "process.py"
        head = "import os, signal, sys, time\nindex = os.environ['KERAS_DISTRIBUTION_PROCESS_ID']\n"
        program.write_text(head + code)
        monkeypatch.setattr(launching, "__file__", str(program))
        monkeypatch.setattr(launching, "GRACE", 0.3)
        monkeypatch.chdir(tmp_path)
        return lambda *more: launching.main([*more, "2", "train", "tabular", "--name", "a"])

    return make


def test_the_first_process_speaks_and_the_others_leave_nothing(acting, capfd, tmp_path):
    run = acting(
        "import tempfile\nprint('here', index, sys.argv[1:], flush=True)\n"
        "if index == '1':\n    open('where', 'w').write(tempfile.mkdtemp())\n"
    )
    assert run() == 0
    said = capfd.readouterr().out.strip()
    assert said == (
        "here 0 ['train', 'tabular', '--name', 'a', '--distribution', 'data_parallel', "
        "'--backend', 'jax']"
    )
    assert not Path((tmp_path / "where").read_text()).exists()


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("time.sleep(60) if index == '0' else os.kill(os.getpid(), 9)", 1, "process 1 of 2 was kill"
         "ed by SIGKILL\nlaunch: all were stopped; it goes on with: scripts/launch 2 train tab"),
        ("time.sleep(60) if index == '0' else sys.exit('no disk')", 1, "failed\n    no disk\n"),
        ("sys.exit(2)", 2, ""),
    ],
    ids=["killed", "failed", "wrong-input"],
)  # fmt: skip
def test_a_process_that_dies_ends_the_job(acting, capfd, code, status, message):
    assert acting(code)() == status
    said = capfd.readouterr().err
    assert message in said
    assert bool(said) == bool(message)


def test_a_job_begins_again_from_its_run(acting, capfd, tmp_path):
    code = (
        "if '--resume' in sys.argv:\n    sys.exit(print(sys.argv[2:], flush=True))\n"
        "os.makedirs('logs/tabular/a', exist_ok=True)\nopen('logs/tabular/a/config.yaml', 'w')\n"
        "time.sleep(60) if index == '0' else os.kill(os.getpid(), 9)\n"
    )
    assert acting(code)("--max_restarts", "1") == 0
    found = capfd.readouterr()
    assert found.out.strip() == "['--resume', 'logs/tabular/a']"
    assert "the job begins again: scripts/launch 2 train --resume logs/tabular/a" in found.err
    (tmp_path / "logs/tabular/a/config.yaml").unlink()
    assert acting("sys.exit(1)")("--max_restarts", "2") == 1  # nothing to resume: anew, each time
    assert capfd.readouterr().err.count("of 2 failed") == 3


@pytest.mark.parametrize(
    ("flags", "visible", "found"),
    [(["--device", "cpu"], "0,1", []), ([], "2,5", ["2", "5"]), ([], "-1", []), ([], "", [])],
    ids=["cpu", "visible", "hidden", "none"],
)
def test_each_process_has_a_gpu_of_its_own(monkeypatch, flags, visible, found):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert launching.devices(flags) == found


def test_more_processes_than_gpus_are_refused(monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(SystemExit):
        launching.main(["3", "train", "tabular"])
    assert (
        "expected N to be at least 1 and at most 2, the number of GPUs" in capsys.readouterr().err
    )


@pytest.fixture
def names(monkeypatch):
    for name in (launching.COUNT, launching.INDEX, "SLURM_NTASKS", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(launching.ADDRESS, "node1:7700,node2:7700")
    return monkeypatch.setenv


def test_a_job_is_what_the_environment_says(names):
    names("SLURM_NTASKS", "4")
    names("SLURM_PROCID", "3")
    assert launching.job() == ("node1", 7700, 4, 3)
    names(launching.INDEX, "0")
    assert launching.job() == ("node1", 7700, 4, 0)
    names(launching.COUNT, "0")
    with pytest.raises(UserError, match=r"=HOST:PORT.*Received: 'node1:7700,.*', '0', '0'"):
        launching.job()


def test_processes_meet(names):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = f"from scripts.launching import call_roll; call_roll('127.0.0.1', {port}, 2, 1)"
    other = subprocess.Popen([sys.executable, "-c", code], cwd=TOP)
    launching.call_roll("127.0.0.1", port, 2, 0)
    assert other.wait(60) == 0


@pytest.mark.parametrize(
    ("index", "message"),
    [(0, "process 0 met 0 of 1 others"), (1, "process 0, which process 1 waits for, does not")],
    ids=["the-others", "the-first"],
)
def test_who_does_not_come_is_named_with_the_address(names, index, message):
    names(launching.TIMEOUT, "0.2")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=rf"0\.2 s.*{message}") as raised:
        launching.call_roll("127.0.0.1", port, 2, index)
    assert f"127.0.0.1:{port}" in str(raised.value)


def test_a_port_in_use_is_named(names):
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        with pytest.raises(UserError, match=rf"Expected 127\.0\.0\.1:{port} to be free"):
            launching.call_roll("127.0.0.1", port, 2, 0)


def test_the_examples_of_the_guide_are_well_formed():
    blocks = dict(re.findall(r"```(bash|yaml)\n(#!.*?|apiVersion.*?)```", GUIDE.read_text(), re.S))
    done = subprocess.run(["bash", "-n"], input=blocks["bash"], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    service, job = yaml.safe_load_all(blocks["yaml"])
    (container,) = job["spec"]["template"]["spec"]["containers"]
    given = {each["name"]: each["value"] for each in container["env"]}
    host, _, port = given[launching.ADDRESS].partition(":")
    assert host == f"{job['metadata']['name']}-0.{service['metadata']['name']}"
    assert port.isdigit()
    assert int(given[launching.COUNT]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]


@pytest.mark.jax
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("jax") is None, reason="needs the jax extra")
def test_a_killed_process_changes_nothing(tmp_path):
    """Two processes, one of which is killed once, end as one process does that is let alone."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    flags = "tabular --model mlp --model.units 8 --epochs 12 --patience 0 --device cpu"
    environment = {**os.environ, "PYTHONPATH": str(TOP), "KERAS_BACKEND": "jax"}
    killing = (
        "import sys; sys.path.insert(0, {top!r})\n"
        "import os, scripts.launching as launching\n"
        "from callbacks import Checkpoint\n"
        "kept, once = Checkpoint.on_epoch_end, {once!r}\n"
        "def on_epoch_end(self, epoch, logs=None):\n"
        "    kept(self, epoch, logs)\n"
        "    if epoch == 5 and os.environ[launching.INDEX] == '1' and not os.path.exists(once):\n"
        "        open(once, 'w').close()\n"
        "        os.kill(os.getpid(), 9)\n"
        "Checkpoint.on_epoch_end = on_epoch_end\n"
        "sys.exit(launching.main())\n"
    ).format(top=str(TOP), once=str(tmp_path / "once"))
    program = tmp_path / "process.py"
    program.write_text(killing)
    start = (
        "import scripts.launching as launching; import sys; "
        f"launching.__file__ = {str(program)!r}; sys.exit(launching.main())"
    )
    where = ["--logdir", str(tmp_path)]
    command = ["--max_restarts", "1", "2", "train", *shlex.split(flags), *where, "--name", "two"]
    how = {"cwd": TOP, "capture_output": True, "text": True, "timeout": 800}
    done = subprocess.run([sys.executable, "-c", start, *command], env=environment, **how)
    assert done.returncode == 0, done.stderr
    assert "process 1 of 2 was killed by SIGKILL" in done.stderr
    alone = [sys.executable, "-m", "recipes", "train", *shlex.split(flags), *where, "--name", "one"]
    done = subprocess.run([*alone, "--backend", "jax"], env=environment, **how)
    assert done.returncode == 0, done.stderr
    one, two = (
        np.loadtxt(tmp_path / "tabular" / name / "history.csv", delimiter=",", skiprows=1)
        for name in ("one", "two")
    )
    np.testing.assert_allclose(two, one, rtol=1e-5)
    assert {path.name for path in (tmp_path / "tabular").iterdir()} == {"one", "two"}
    events = EventAccumulator(str(tmp_path / "tabular" / "two"))
    events.Reload()
    assert [each.step for each in events.Scalars("epoch/loss")] == [*range(12)]
