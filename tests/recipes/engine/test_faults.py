"""Runs whose files are damaged, whose disk is full, that are ended, or that two processes want."""

import json
import os
import re
import shutil
import signal
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from filelock import FileLock

from callbacks.events import EventFile, event_files
from recipes.cli import main
from recipes.tuning.plan import TuningFolder
from scripts.fault_tests import damage


@pytest.fixture(scope="module")
def run(trainer, tmp_path_factory, make_csv):
    folder = tmp_path_factory.mktemp("faults")
    (folder / "data.csv").write_text(make_csv())
    return trainer("forecast")(
        data=folder / "data.csv", epochs=3, logdir=folder / "logs", model="linear_forecaster"
    )


@pytest.fixture(autouse=True)
def _quick(quickly):
    with quickly():
        yield


@pytest.fixture
def cut(run, tmp_path):
    """A run that was cut off before its end."""
    copy = tmp_path / "logs" / "forecast" / "cut"
    shutil.copytree(run, copy)
    (copy / "metrics.json").unlink()
    return copy


@pytest.fixture
def interruptible():
    """SIGINT interrupts, also in what a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def scores(folder):
    found = json.loads((folder / "metrics.json").read_text())
    return found["validation"], found["test"], found["epochs"]


def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(run, cut, capsys):
    newest = max(cut.glob("checkpoints/epoch-*.npz"))
    newest.write_bytes(damage.flipped(newest.read_bytes()))
    assert main(["train", "--resume", str(cut)]) == 0
    assert f"{newest} cannot be read" in capsys.readouterr().err
    assert scores(cut) == scores(run)


def test_a_checkpoint_of_another_version_is_not_used(run, cut, capsys):
    with mock.patch("callbacks.checkpoint._VERSION", 1):
        assert main(["train", "--resume", str(cut)]) == 0
    assert "(another version wrote it): not used" in capsys.readouterr().err
    assert scores(cut) == scores(run)


def test_only_one_process_trains_in_a_folder(cut, capsys):
    with FileLock(cut / "checkpoints" / ".lock"):
        (cut / "checkpoints" / ".holder").write_text("process 1 on there")
        assert main(["train", "--resume", str(cut)]) == 2
    assert "is being trained by process 1 on there. Wait for its end" in capsys.readouterr().err
    assert main(["train", "--resume", str(cut)]) == 0  # its holder is dead


def test_a_full_disk_is_said_and_nothing_is_lost(run, cut, capsys):
    for checkpoint in cut.glob("checkpoints/epoch-*.npz"):
        checkpoint.unlink()
    real, calls = np.savez, []

    def full(file, **arrays):
        calls.append(file)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(file, **arrays)

    with mock.patch("numpy.savez", full):
        assert main(["train", "--resume", str(cut)]) == 1
    error = capsys.readouterr().err
    assert f"The disk of {cut} is full" in error
    assert f"go on with: zoo train --resume {cut}" in error
    assert main(["train", "--resume", str(cut)]) == 0
    assert scores(cut) == scores(run)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.usefixtures("interruptible")
def test_a_run_that_is_ended_says_how_it_goes_on(run, cut, capsys, number, status):
    for checkpoint in cut.glob("checkpoints/epoch-*.npz"):
        checkpoint.unlink()
    with mock.patch("numpy.savez", side_effect=lambda *_, **__: os.kill(os.getpid(), number)):
        assert main(["train", "--resume", str(cut)]) == status
    assert f"goes on after its last whole epoch with: zoo train --resume {cut}" in (
        capsys.readouterr().err
    )
    assert main(["train", "--resume", str(cut)]) == 0
    assert scores(cut) == scores(run)


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    folder = TuningFolder(tmp_path / "logs" / "forecast" / "a")
    killed = mock.patch("pathlib.Path.write_text", side_effect=[None, KeyboardInterrupt])
    with killed, pytest.raises(KeyboardInterrupt):
        folder.create(config="epochs: 1\n", plan="trials: 1\n")
    assert not folder.path.exists()
    folder.create(config="epochs: 1\n", plan="trials: 1\n")
    assert folder.plan.read_text() == "trials: 1\n"
    shutil.rmtree(folder.path)
    folder.create(config="epochs: 1\n")
    folder.create(overwrite=True, config="epochs: 2\n")
    assert folder.config.read_text() == "epochs: 2\n"
    assert [path.name for path in folder.path.parent.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "files",
    [("metrics.json",), pytest.param(("config.yaml", "model.keras"), marks=pytest.mark.slow)],
    ids=lambda files: files[0],
)
def test_damaged_files_end_in_one_message(run, tmp_path, files):
    tried = damage.try_all(run, tmp_path, files=files)
    wrong = [each for each in tried if each.verdict not in ("clear", "unharmed")]
    assert not wrong, wrong
    assert {each.verdict for each in tried} == {"clear", "unharmed"}


def test_a_lost_loss_goes_back_at_half_the_rate(trainer, make_csv, tmp_path, capsys):
    (tmp_path / "data.csv").write_text(make_csv())
    flags = {"data": tmp_path / "data.csv", "logdir": tmp_path / "logs", "epochs": 5, "name": "a"}
    flags |= {"optimizer": "sgd", "learning_rate": 1e4, "clipnorm": 0, "momentum": 0, "loss": "mse"}
    run = trainer("forecast")(schedule="constant", on_nan="restore", **flags)
    said = capsys.readouterr().err
    assert re.search(
        r"no longer a number after epoch 4 \(step \d+\): back to epoch 3, .* 5e\+03", said
    )
    epochs = [int(found) for found in re.findall(r"back to epoch (\d), and on at half", said)]
    count = said.count("and on at half")
    assert epochs[1] == 2, "the second time not to the newest"
    assert 2 <= count <= 10
    assert (run / f"checkpoints/halved-{count}").exists()
    assert scores(run)[2] == 5
    assert np.isfinite(list(scores(run)[0].values())).all()


def test_what_a_device_lacks_is_told_with_the_cure(run, cut, capsys):
    for checkpoint in cut.glob("checkpoints/epoch-*.npz"):
        checkpoint.unlink()
    error = type("ResourceExhaustedError", (Exception,), {})("OOM when allocating")
    with mock.patch("keras.Model.fit", side_effect=error):
        assert main(["train", "--resume", str(cut)]) == 1
    assert f"--config {cut / 'config.yaml'} --batch_size 16 --name NEW" in capsys.readouterr().err
    error = ValueError("Unknown output type bfloat16")  # as jaxlib 0.11 says it on an H100
    with mock.patch("keras.Model.fit", side_effect=error):
        assert main(["train", "--resume", str(cut)]) == 1
    assert "Train anew with --precision float32, or with GRUs." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "x" * 300], "File name too long: xxx"),
        (["train", "forecast", "--name", "n" * 300], "200 at most"),
        (["train", "forecast", "--logdir", "l" * 300], "File name too long: lll"),
        (["train", "tabular", "--target", "y", "--data", "d" * 300], "File name too long: ddd"),
    ],
)
def test_names_that_no_system_takes(capsys, arguments, message):
    assert main(arguments) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_that_is_removed_during_training(cut, capsys):
    for checkpoint in cut.glob("checkpoints/epoch-*.npz"):
        checkpoint.unlink()
    with mock.patch("numpy.savez", side_effect=lambda *_, **__: shutil.rmtree(cut)):
        assert main(["train", "--resume", str(cut)]) == 1
    assert f"{cut} was removed or moved during the training" in capsys.readouterr().err


def test_event_files_are_in_order_when_the_clock_goes_back(tmp_path):
    first = EventFile(tmp_path)
    with mock.patch("time.time", return_value=1.0):
        second = EventFile(tmp_path)
    names = [Path(each._file.name).name for each in (first, second)]
    assert names == sorted(event_files(tmp_path))
    first.close()
    second.close()
