"""Runs that are killed with SIGKILL and resumed end like runs that were left alone."""

import json
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import zoo
from recipes.cli import main
from tests.shared import TIMES


def command(folder, name, epochs, layers=3):
    generator = np.random.default_rng(0)
    series = np.sin(np.arange(900) / 5) + generator.normal(scale=0.1, size=900)
    data = folder / "series.csv"
    data.write_text("value\n" + "\n".join(f"{value:.6f}" for value in series) + "\n")
    program = [sys.executable, "-m", "recipes", "train"]
    flags = f"--data {data} --model wavenet_lite --model.num_layers {layers} --model.dropout 0.2"
    flags += f" --window 16 --horizon 2 --epochs {epochs} --patience 50 --learning_rate 0.01"
    flags += " --statistics_seconds 0"
    flags += f" --jit_compile false --progress false --logdir {folder / 'logs'} --name {name}"
    return [*program, "forecast", *flags.split()]


def epochs_done(run):
    return max((int(path.stem[6:]) for path in run.glob("checkpoints/epoch-*.npz")), default=0)


def wait_for_the_moment(process, run, chance):
    """Returns in the middle of an epoch, or in the middle of a save."""
    goal = epochs_done(run) + chance.randint(0, 3)
    in_a_save = chance.random() < 0.5
    while process.poll() is None:
        if epochs_done(run) > goal and (not in_a_save or list(run.glob("checkpoints/*.tmp"))):
            time.sleep(0 if in_a_save else chance.uniform(0, 0.1))
            return
        time.sleep(0.001)


def end_in_a_process(arguments):
    subprocess.run(arguments, check=True, capture_output=True)


def kill_and_resume(folder, kills, seed, epochs, end=end_in_a_process, **model):
    """Trains one run whole and one with kills; returns both folders and the kills that struck."""
    end(command(folder, "whole", epochs, **model))
    run, chance, struck = folder / "logs" / "forecast" / "cut", random.Random(seed), 0
    arguments = command(folder, "cut", epochs, **model)
    for _ in range(kills):
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_the_moment(process, run, chance)
        struck += process.poll() is None
        process.kill()
        process.wait()
        arguments = [sys.executable, "-m", "recipes", "train", "--resume", str(run)]
    end(arguments)
    return run.with_name("whole"), run, struck


def scalars(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if "second" not in tag]
    assert "epoch/val_loss" in tags
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


def check_equal(whole, cut):
    results = [json.loads((run / "metrics.json").read_text()) for run in (whole, cut)]
    assert results[0] | TIMES == results[1] | TIMES
    weights = [zoo.load(run).get_weights() for run in (whole, cut)]
    for expected, actual in zip(*weights, strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert (whole / "predictions.csv").read_bytes() == (cut / "predictions.csv").read_bytes()
    assert scalars(whole) == scalars(cut)


@pytest.fixture
def _optimized_graphs():
    """Graphs are optimized, as in a process of its own: it changes the last bits."""
    import tensorflow as tf

    options, name = tf.config.optimizer, "disable_meta_optimizer"
    before = options.get_experimental_options().get(name, False)
    options.set_experimental_options({name: False})
    yield
    options.set_experimental_options({name: before})


@pytest.mark.slow  # test_checkpoint.py and each recipe cut runs off within one process
@pytest.mark.usefixtures("_optimized_graphs")
def test_a_kill(tmp_path, undrawn):
    def end_here(arguments):
        """Another process would begin by importing TensorFlow, which takes longer than the run."""
        with undrawn():
            assert main(arguments[3:]) == 0

    whole, cut, struck = kill_and_resume(
        tmp_path, kills=1, seed=1, epochs=9, end=end_here, layers=1
    )
    assert struck == 1
    check_equal(whole, cut)


@pytest.mark.kill
@pytest.mark.timeout(1800)
def test_twenty_kills(tmp_path):
    whole, cut, struck = kill_and_resume(tmp_path, kills=20, seed=2, epochs=60)
    assert struck >= 15  # the last lives may be too short for another
    check_equal(whole, cut)
