"""Searches over functions that cost nothing: what is tried, kept, repeated and told."""

import gc
import itertools
import json
import math
import os
import weakref
import zlib
from collections import Counter
from importlib.util import find_spec

import keras
import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callbacks import Checkpoint
from callbacks.oracles import TUNERS, hyperband_factor, hyperband_sweep
from callbacks.tuning import Search, StopAfter

START = {"rate": 0.1, "units": 16}
SIZES = {"random": 8, "bayesian": 8, "hyperband": 14, "tpe": 8}

WAYS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "tpe" and not find_spec("optuna"), reason="needs the tune extra"
        ),
    )
    for name in TUNERS
]


@pytest.fixture(autouse=True)
def _quick(request, monkeypatch):
    """Collecting the garbage of nothing takes half a second."""
    if "memory" not in request.node.name:
        monkeypatch.setattr("keras.utils.clear_session", lambda: None)
    monkeypatch.setattr("callbacks.oracles.PAUSE", 0.01)


def space():
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-3, 1.0, sampling="log")
    hp.Choice("units", [16, 32, 64])
    return hp


def loss(trial):
    """Best at a rate of 0.01 with 64 units, and better with every epoch."""
    hp = trial.hyperparameters
    distance = abs(math.log10(hp.get("rate")) + 2) + 64 / hp.get("units")
    return {"val_loss": distance + 1 / (trial.epochs or 35), "seconds": 1.5}


def make(folder, train=loss, tuner="random", **arguments):
    arguments = {"trials": SIZES[tuner], "epochs": 35, "start": START, **arguments}
    return Search(train, space(), "val_loss", folder / "tuner", tuner=tuner, **arguments)


def write(file, state):
    """A state as if a search had written it."""
    state = {name: value for name, value in state.items() if name != "crc32"}
    file.write_text(json.dumps({"crc32": zlib.crc32(json.dumps(state).encode()), **state}))


def tried(search):
    return [(t.number, t.hyperparameters.values, t.epochs, t.score) for t in search.trials]


@pytest.mark.parametrize("tuner", WAYS)
def test_a_search_begins_at_the_start_and_finds_better(tmp_path, tuner):
    told = []
    search = make(tmp_path, tuner=tuner, report=told.append)
    assert search.remaining == SIZES[tuner] + 1
    search.run()
    assert search.over
    assert search.remaining == 0
    trials = search.trials
    assert len(trials) == SIZES[tuner] + 1
    assert int(trials[0].number) == 0
    assert trials[0].hyperparameters.values == START
    assert trials[0].epochs is None
    assert trials[0].score == pytest.approx(1 + 4 + 1 / 35)
    assert trials[0].metrics["seconds"] == 1.5
    assert search.best.score == min(trial.score for trial in trials) < trials[0].score
    assert told == trials
    for trial in trials:
        assert trial.score == pytest.approx(loss(trial)["val_loss"])
        assert 1e-3 <= trial.hyperparameters.get("rate") <= 1
    assert len({str(t.hyperparameters.values) for t in trials}) == len(trials)


@pytest.mark.parametrize("tuner", WAYS)
def test_a_search_that_is_cut_off_goes_on(tmp_path, tuner):
    whole = make(tmp_path / "whole", tuner=tuner)
    whole.run()
    calls = []

    def cut_off(trial):
        calls.append(trial.number)
        if len(calls) in (3, 7):
            raise KeyboardInterrupt
        return loss(trial)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "cut", cut_off, tuner).run()
        for file in (tmp_path / "cut" / "tuner").glob("**/*.json"):
            if file.name != "search.json":
                file.write_text("{")  # what a kill in the middle of a write would leave
    search = make(tmp_path / "cut", cut_off, tuner)
    search.restore()
    assert search.remaining == SIZES[tuner] + 1 - 5
    search.run()
    again = {number: count for number, count in Counter(calls).items() if count > 1}
    assert list(again.values()) == [2, 2]  # the two that were cut off, nothing else
    if tuner == "bayesian":  # which draws anew where it was cut off
        assert len(search.trials) == len(whole.trials)
    else:
        assert tried(search) == tried(whole)


def test_a_kill_between_the_end_of_a_trial_and_the_next_keeps_it(tmp_path):
    search = make(tmp_path)
    search.run()
    file = tmp_path / "tuner" / "search.json"
    state = json.loads(file.read_text())
    last = search.trials[-1].number
    state["oracle"]["ongoing_trials"] = {"worker-1": last}  # keras-tuner removes it last of all
    write(file, state)
    calls = []
    again = make(tmp_path, calls.append)
    again.run()
    assert calls == []
    assert tried(again) == tried(search)


def test_the_seed_decides(tmp_path):
    searches = [make(tmp_path / str(index), seed=seed) for index, seed in enumerate((7, 7, 8, 0))]
    for search in searches:
        search.run()
    first, same, other, zero = map(tried, searches)
    assert first == same
    assert first[1:] != other[1:]
    again = make(tmp_path / "again", seed=0)  # which keras-tuner would take for none
    again.run()
    assert tried(again) == zero


def test_more_may_be_better(tmp_path):
    search = make(
        tmp_path, lambda trial: {"val_loss": trial.hyperparameters.get("rate")}, mode="max"
    )
    search.run()
    assert search.best.score == max(trial.score for trial in search.trials)


def test_hyperband_goes_on_with_the_best_of_each_round(tmp_path):
    search = make(tmp_path, tuner="hyperband")
    search.run()
    trials = {trial.number: trial for trial in search.trials}
    rounds = Counter(trial.epochs for trial in search.trials[1:])
    assert rounds == {6: 9, 35: 5}
    first = sorted((t for t in trials.values() if t.epochs == 6), key=lambda t: t.score)
    went_on = [trial for trial in trials.values() if trial.continues]
    assert [trial.continues for trial in went_on] == [trial.number for trial in first[:2]]
    for trial in went_on:
        assert trial.epochs == 35
        before = trials[trial.continues].hyperparameters
        assert trial.hyperparameters.get("rate") == before.get("rate")


@pytest.mark.parametrize(("epochs", "factor"), [(9, 3), (35, 6), (10, 2), (2, 2), (30, 4)])
def test_a_sweep_is_what_keras_tuner_trains(epochs, factor):
    oracle = keras_tuner.oracles.HyperbandOracle(
        keras_tuner.Objective("val_loss", "min"),
        max_epochs=epochs,
        factor=factor,
        hyperparameters=space(),
        seed=1,
    )
    oracle.save, oracle._save_trial, oracle.verbose = lambda: None, lambda _: None, 0
    found = Counter()
    while (trial := oracle.create_trial("tuner0")).status == "RUNNING":
        found[trial.hyperparameters.values["tuner/epochs"]] += 1
        oracle.update_trial(trial.trial_id, {"val_loss": float(trial.trial_id)})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    expected = Counter()
    for count, epochs_of_round in hyperband_sweep(epochs, factor):
        expected[epochs_of_round] += count
    assert found == expected


@settings(max_examples=50, deadline=None)
@given(epochs=st.integers(2, 60), trials=st.integers(1, 100))
def test_the_factor_makes_the_most_of_the_trials(epochs, trials):
    def size(factor):
        return sum(count for count, _ in hyperband_sweep(epochs, factor))

    sizes = [size(factor) for factor in range(2, epochs + 1)]
    if min(sizes) > trials:
        with pytest.raises(ValueError, match=f"at least {min(sizes)} trials"):
            hyperband_factor(epochs, trials)
    else:
        found = size(hyperband_factor(epochs, trials))
        assert found == max(size for size in sizes if size <= trials)


def test_processes_share_a_folder(tmp_path, monkeypatch):
    ids = itertools.count()
    monkeypatch.setattr("callbacks.tuning._process", lambda pid: f"process {next(ids)}")
    calls, told = [], []

    def train(trial):
        calls.append(trial.number)
        if trial.number in "01":  # another one joins, and a third
            make(tmp_path, train).run(limit=5 if trial.number == "0" else 1)
        return loss(trial)

    search = make(tmp_path, train, report=told.append)
    search.run()
    assert search.over
    assert sorted(calls) == sorted(trial.number for trial in search.trials)
    assert len(calls) == len(told) == 9
    assert {trial.number for trial in told} == set(calls)
    whole = make(tmp_path / "whole")
    whole.run()
    assert tried(search) == tried(whole)


def test_a_trial_that_kills_is_given_up(tmp_path):
    def kill(trial):
        if trial.number == "2":
            raise KeyboardInterrupt
        return loss(trial)

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, kill).run()
    search = make(tmp_path)
    search.restore()
    assert search.running(os.getpid()) == "2"
    assert search.running(1) is None
    assert not search.over
    search.give_up("2", "the worker died")
    assert search.running(os.getpid()) is None
    search.run()
    assert [trial.error for trial in search.trials] == ["", "", "the worker died", *[""] * 6]


def test_tpe_prunes_what_is_worse_than_the_median(tmp_path):
    pytest.importorskip("optuna")

    def train(trial):
        first = loss(trial)["val_loss"]
        scores = [first - 0.1 * epoch for epoch in range(8)]
        if trial.number == "6":  # as good as can be, but late
            scores = [9.0] * 7 + [-9.0]
        told = (trial.prune(epoch, {"val_loss": score}) for epoch, score in enumerate(scores))
        epochs = next((epoch + 1 for epoch, end in enumerate(told) if end), 8)
        return {"val_loss": min(scores[:epochs]), "epochs": epochs}

    search = make(tmp_path, train, "tpe", trials=11, epochs=8)
    search.run()
    trials = search.trials
    assert not any(trial.pruned for trial in trials[:5])  # no median of less than five
    assert trials[6].pruned
    for trial in trials:
        assert (trial.metrics["epochs"] < 8) == trial.pruned
        assert trial.metrics["epochs"] >= 3  # a quarter is spared
        assert "pruned" not in trial.metrics
    assert not search.best.pruned
    again = make(tmp_path / "again", train, "tpe", trials=11, epochs=8)
    again.run()
    assert tried(again) == tried(search)


# What fails


def test_a_damaged_journal_or_state_shows_before_the_search_goes_on(tmp_path):
    pytest.importorskip("optuna")
    make(tmp_path, tuner="tpe").run(2)
    journal, state = (tmp_path / "tuner" / name for name in ("journal.log", "search.json"))
    lines = journal.read_text().splitlines()
    for line in ("[1]", '{"op_code": 99}', "{", '{"op_code": 0, "worker_id": "a"}'):
        journal.write_text("\n".join([*lines[:3], line, *lines[3:], ""]))
        with pytest.raises((ValueError, KeyError, TypeError, AttributeError, AssertionError)):
            make(tmp_path, tuner="tpe").restore()
    journal.write_text("\n".join([*lines[:2], lines[3], ""]))  # without the begin of a trial
    with pytest.raises(ValueError, match="never begun"):
        make(tmp_path, tuner="tpe").restore()
    journal.write_text("\n".join([*lines, ""]))
    make(tmp_path, tuner="tpe").restore()
    found = json.loads(state.read_text())
    found["oracle"]["end_order"] = ["../x"]
    write(state, found)
    with pytest.raises(KeyError):
        make(tmp_path, tuner="tpe").restore()


@pytest.mark.parametrize(
    ("old", "new"),
    [('"score": ', '"score": 1'), ("false", "true"), ('"seed": 1', '"seed": 2'), ("crc32", "x")],
)
def test_a_state_that_changed_on_the_disk_is_not_gone_on_with(tmp_path, old, new):
    make(tmp_path).run(3)
    file = tmp_path / "tuner" / "search.json"
    text = file.read_text()
    make(tmp_path).restore()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises((ValueError, KeyError), match=r"crc32|checksum"):
        make(tmp_path).restore()


def test_a_journal_that_ends_in_half_a_line_goes_on(tmp_path):
    pytest.importorskip("optuna")
    make(tmp_path, tuner="tpe").run(2)
    journal = tmp_path / "tuner" / "journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"wor')  # as a full disk leaves it
    search = make(tmp_path, tuner="tpe")
    search.run(2)
    assert journal.read_bytes().startswith(whole + b"{")
    assert len(search.trials) == 4
    journal.write_bytes(whole[:-3] + b"\n")
    with pytest.raises(ValueError, match="line 1 column"):
        make(tmp_path, tuner="tpe").restore()


def test_a_trial_that_fails_says_why_and_the_search_goes_on(tmp_path, capsys):
    def train(trial):
        if int(trial.number) == 1:
            raise RuntimeError("Out of\nmemory.")
        if int(trial.number) == 2:
            return {"val_loss": float("nan")}
        return loss(trial)

    search = make(tmp_path, train)
    search.run()
    trials = search.trials
    assert [trial.error for trial in trials[1:4]] == [
        "Out of memory.", "val_loss is not a finite number.", "",
    ]  # fmt: skip
    assert trials[1].score is trials[2].score is None
    assert trials[1].metrics == {}
    assert len(trials) == 9
    assert capsys.readouterr() == ("", "")
    assert "Traceback" in (tmp_path / "tuner" / "trial_1" / "error.txt").read_text()


def test_a_search_without_hope_ends(tmp_path):
    def train(trial):
        raise ValueError

    search = make(tmp_path, train)
    search.run()
    assert search.over
    assert search.best is None
    assert [trial.error for trial in search.trials] == ["ValueError"] * 3


def test_a_limit_leaves_the_rest_for_later(tmp_path):
    search = make(tmp_path)
    search.run(limit=4)
    assert len(search.trials) == 4
    assert not search.over
    make(tmp_path).run(limit=3)
    last = make(tmp_path)
    last.run()
    whole = make(tmp_path / "whole")
    whole.run()
    assert tried(last) == tried(whole)


def test_a_space_that_is_exhausted_ends_the_search(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Boolean("deep")
    search = Search(
        lambda trial: {"val_loss": 1.0}, hp, "val_loss", tmp_path / "tuner", start={"deep": False}
    )
    search.run()
    assert [t.hyperparameters.values for t in search.trials] == [{"deep": False}, {"deep": True}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tuner": "grid"}, "Received: tuner='grid'"),
        ({"trials": 0}, "Received: trials=0"),
        ({"mode": "less"}, "Received: mode='less'"),
        ({"tuner": "hyperband", "epochs": 1}, "at least 2 epochs"),
        ({"tuner": "hyperband", "trials": 13}, "at least 14 trials"),
    ],
)
def test_wrong_arguments(tmp_path, arguments, message):
    arguments = {"epochs": 35, **arguments}
    with pytest.raises(ValueError, match=message):
        Search(loss, space(), "val_loss", tmp_path / "tuner", **arguments)
    assert not any(tmp_path.iterdir())


# Around a trial


def test_memory_the_model_of_a_trial_is_gone_before_the_next(tmp_path):
    models = []

    def train(trial):
        assert all(model() is None for model in models)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.circle = model  # which only a collection of garbage removes
        models.append(weakref.ref(model))
        return loss(trial)

    search = make(tmp_path, train, trials=3)
    gc.disable()
    try:
        search.run()
    finally:
        gc.enable()
    assert [trial.error for trial in search.trials] == [""] * 4
    assert len(models) == 4


def test_the_checkpoint_sees_a_run_cut_off(tmp_path):
    x = np.linspace(-1, 1, 16)[:, None]

    def fit(stop, resume):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        checkpoint = Checkpoint(tmp_path / "checkpoints", resume=resume)
        callbacks = [checkpoint, StopAfter(stop)]
        model.fit(
            x, 2 * x, shuffle=False, epochs=6, verbose=0, callbacks=callbacks,
            initial_epoch=checkpoint.initial_epoch,
        )  # fmt: skip
        return checkpoint

    whole = fit(None, resume=False).history
    part = fit(2, resume=False)
    assert (len(part.history["loss"]), part.finished) == (2, False)
    rest = fit(6, resume=True)
    assert rest.history == whole
    assert rest.finished
