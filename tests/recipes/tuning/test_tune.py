"""`zoo tune` from end to end, on a tiny file."""

import json
import shutil
import time
import urllib.request
from collections import Counter
from unittest import mock

import pytest
import yaml

import zoo
from callbacks import Checkpoint
from recipes import forecast
from recipes.cli import main
from recipes.errors import RunError
from recipes.tuning.plan import open_search
from recipes.tuning.space import Space
from tests.recipes.tuning.programs import program, rows, scores, wait_for
from tests.shared import refusal

SEARCHED = ["learning_rate", "batch_size", "weight_decay"]


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


# A search and the run that comes out of it


@pytest.fixture(scope="module")
def search(tune):
    return tune(trials=3)


def test_the_folder_holds_a_complete_run_and_the_search(search):
    found = {path.name for path in search.iterdir() if "tfevents" not in path.name}
    assert found == {
        "config.yaml", "metrics.json", "model.keras", "predictions.csv", "report.md", "plots",
        "history.csv", "checkpoints", "tuning.yaml", "tuning.csv", "tuner",
        "trials",
    }  # fmt: skip
    assert zoo.load(search).output_shape == (None, 1, 3, 1)
    assert sorted(path.name for path in (search / "trials").iterdir()) == list("0123")
    for trial in (search / "trials").iterdir():
        found = {path.name for path in trial.iterdir() if "tfevents" not in path.name}
        assert not found


def test_the_table_has_a_row_for_each_trial(search):
    found = rows(search)
    assert list(found[0]) == ["trial", "score", "epochs", "seconds", *SEARCHED, "error"]
    assert [row["trial"] for row in found] == list("0123")
    assert {row["epochs"] for row in found} == {"2"}
    assert all(float(row["seconds"]) > 0 for row in found)
    assert {row["error"] for row in found} == {""}
    defaults = forecast.default_config(own_data=True, model="linear_forecaster")
    assert [float(found[0][name]) for name in SEARCHED] == [
        defaults.learning_rate, defaults.batch_size, defaults.weight_decay,
    ]  # fmt: skip
    for row in found[1:]:
        assert 1e-4 <= float(row["learning_rate"]) <= 2e-2
        assert int(row["batch_size"]) in (16, 32, 64, 128)
        assert 1e-5 <= float(row["weight_decay"]) <= 1e-1


def test_the_run_has_the_settings_and_the_score_of_the_best_trial(search):
    best = min(rows(search), key=lambda row: float(row["score"]))
    config = yaml.safe_load((search / "config.yaml").read_text())
    for name in SEARCHED:
        assert config[name] == float(best[name])
    assert (config["epochs"], config["name"]) == (2, search.name)
    history = Checkpoint(search / "checkpoints", resume=True).history
    assert min(history["val_last_step_mae"]) == pytest.approx(float(best["score"]), rel=1e-6)
    curve = scalars(search / "trials" / best["trial"])
    assert curve["epoch/val_last_step_mae"] == scalars(search)["epoch/val_last_step_mae"]
    assert len(curve["epoch/val_last_step_mae"]) == 2


def test_the_defaults_are_trained_as_zoo_train_does(search, flags, tune):
    tune(command="train", name="plain")
    history = Checkpoint(search.parent / "plain" / "checkpoints", resume=True).history
    assert min(history["val_last_step_mae"]) == pytest.approx(float(rows(search)[0]["score"]))


def test_the_report_compares_with_the_defaults(search):
    report = (search / "report.md").read_text()
    assert report.count("## Tuning\n") == 1
    assert "4 trials by random search" in report
    found = rows(search)
    best = min(found, key=lambda row: float(row["score"]))
    assert f"| learning_rate | {found[0]['learning_rate']} | {best['learning_rate']} |" in report
    assert "equal to the trial's" in report
    assert "## Results" in report


def test_each_trial_is_a_session_of_the_hparams_tab(search, recwarn):
    from tensorboard import program

    board = program.TensorBoard()
    board.configure(
        argv=[None, "--logdir", str(search / "trials"), "--port", "0", "--load_fast", "false"]
    )
    url = board.launch()
    tag = "best_epoch/val_last_step_mae"
    order = [{"hparam": name} for name in SEARCHED] + [{"metric": {"tag": tag, "group": ""}}]
    wanted = {
        "experimentName": "", "startIndex": 0, "sliceSize": 100, "colParams": order,
        "allowedStatuses": ["STATUS_SUCCESS"],
    }  # fmt: skip
    deadline = time.monotonic() + 60
    while True:
        request = urllib.request.Request(
            f"{url}data/plugin/hparams/session_groups",
            data=json.dumps(wanted).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            groups = json.load(answer).get("sessionGroups", [])
        if len(groups) == 4 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    sessions = {}
    for group in groups:
        metrics = {m["name"]["tag"]: m["value"] for m in group["metricValues"]}
        name = group["sessions"][0]["name"].split("/")[-1]
        sessions[name] = ([group["hparams"][key] for key in SEARCHED], metrics[tag])
    for row in rows(search):
        settings, score = sessions[row["trial"]]
        assert settings == [float(row[name]) for name in SEARCHED]
        assert score == pytest.approx(float(row["score"]), rel=1e-6)


#: A rate at which the last score is not the best.
ROUGH = ("--optimizer=sgd", "--momentum=0.99", "--schedule=constant", "--learning_rate=0.5")


@pytest.fixture(scope="module")
def rough(tune):
    return tune(*ROUGH, trials=1, epochs=4)


def test_the_best_score_counts_and_not_the_last(rough):
    worse = 0
    for row in rows(rough):
        curve = scalars(rough / "trials" / row["trial"])["epoch/val_last_step_mae"]
        values = [value for _, value in curve]
        assert float(row["score"]) == pytest.approx(min(values), rel=1e-6)
        worse += values[-1] > min(values)
    assert worse


def test_trials_see_no_test_data(tune, rough, data, tmp_path):
    lines = data.read_text().splitlines()
    other = [f"{line.partition(',')[0]},{i}" for i, line in enumerate(lines[-14:])]
    changed = tmp_path / "changed.csv"
    changed.write_text("\n".join([*lines[:-14], *other]) + "\n")
    second = tune(*ROUGH, trials=1, epochs=4, data=changed)
    assert scores(rough) == scores(second)
    results = [json.loads((path / "metrics.json").read_text()) for path in (rough, second)]
    assert results[0]["test"] != results[1]["test"]
    assert results[0]["validation"]["mae"] == results[1]["validation"]["mae"]


@pytest.mark.slow
def test_the_terminal_gets_a_line_for_each_trial(tune, capsys):
    folder = tune(trials=2, progress="true", tuner="bayesian")
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert lines[0].startswith("searched: learning_rate 0.0001 to 0.02 (log scale); batch_size 16,")
    assert "linear_forecaster has no such argument" in lines[1]
    trials = [line for line in lines if line.startswith("trial ")]
    assert [line.split(":")[0] for line in trials] == ["trial 0 (defaults)", "trial 1", "trial 2"]
    assert f"learning_rate={rows(folder)[2]['learning_rate']}" in trials[2]
    tune(trials=1, progress="false")
    assert capsys.readouterr() == ("", "")


# Hyperband


@pytest.mark.slow
def test_hyperband_goes_on_with_what_it_promotes(tune):
    folder = tune(tuner="hyperband", trials=8, epochs=4)
    found = rows(folder)
    assert Counter(row["epochs"] for row in found[1:]) == {"1": 4, "4": 3}
    assert found[0]["epochs"] == "4"
    (promoted,) = [row for row in found if row["continues"]]
    first = [row for row in found if row["epochs"] == "1"]
    assert promoted["continues"] == min(first, key=lambda row: float(row["score"]))["trial"]
    curves = scalars(folder / "trials" / promoted["trial"])
    before = scalars(folder / "trials" / promoted["continues"])
    assert [step for step, _ in curves["epoch/val_loss"]] == [0, 1, 2, 3]
    assert curves["epoch/val_loss"][:1] == before["epoch/val_loss"]
    assert not list(folder.glob("trials/*/checkpoints"))
    _, plan = open_search(folder)
    space = Space(forecast.search_space, plan.config, plan.given, plan.tuner)
    assert space.searched == SEARCHED
    straight = tune(*(f"--{name}={promoted[name]}" for name in SEARCHED), command="train", epochs=4)
    history = Checkpoint(straight / "checkpoints", resume=True).history
    assert min(history["val_last_step_mae"]) == pytest.approx(float(promoted["score"]), rel=1e-6)


# TPE


def test_tpe_lists_what_it_pruned(tune):
    pytest.importorskip("optuna")

    def train(plan, folder, space, objective, trial):
        number = int(trial.number)
        folder.trial(trial.number).path.mkdir(parents=True)
        told = [{objective[0]: 1.0 + number - 0.1 * epoch} for epoch in range(4)]
        epochs = next((e + 1 for e, logs in enumerate(told) if trial.prune(e, logs)), 4)
        return {objective[0]: told[epochs - 1][objective[0]], "epochs": epochs, "seconds": 1.0}

    with (
        mock.patch("recipes.tuning.trials._train_trial", train),
        mock.patch("recipes.tuning.search._train_best") as trained,
    ):
        folder = tune(tuner="tpe", trials=7, epochs=4)
    found = rows(folder)
    assert list(found[0])[-2:] == ["pruned", "error"]
    assert [(row["epochs"], row["pruned"]) for row in found] == [
        *[("4", "")] * 5, *[("2", "True")] * 3,
    ]  # fmt: skip
    assert trained.call_args.args[4].best.number == "0"


# What goes wrong


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--tuner", "grid"], "invalid choice: 'grid'"),
        (["--trials", "0"], "--trials must be at least 1. Received: 0"),
        (["--trials", "many"], "invalid int value: 'many'"),
        (["--workers", "0"], "--workers must be at least 1. Received: 0"),
        (["--epochs", "0"], "--epochs must be at least 1"),
        (["--trial", "3"], "There is no flag --trial."),
        (["--tuner", "hyperband", "--epochs", "1"], "Hyperband needs at least 2 epochs"),
        (["--tuner", "hyperband", "--epochs", "35", "--trials", "9"], "at least 14 trials"),
        (["--learning_rate=1", "--batch_size=8", "--weight_decay=0"], "Nothing is left to be"),
        (["--model", "wavenett"], "wavenet"),
        (["--data", "nowhere.csv"], "nowhere.csv"),
        (["--name", "a/b"], "--name must be a plain name"),
        (["--workers", "2", "--window", "500"], "window"),
    ],
)
def test_wrong_flags_are_one_message_and_nothing_written(capsys, flags, tmp_path, more, message):
    arguments, _ = flags(*more, logdir=tmp_path)
    assert message in refusal(capsys, *arguments)
    assert not any(tmp_path.iterdir())


def test_a_name_that_exists_is_refused(capsys, flags, search):
    arguments, _ = flags(name=search.name)
    before = sorted(search.rglob("*"))
    assert "exists. Choose another --name" in refusal(capsys, *arguments)
    assert sorted(search.rglob("*")) == before


def test_what_cannot_be_resumed(capsys, flags, search, tune, tmp_path):
    assert "There is no run nowhere" in refusal(capsys, "tune", "--resume", "nowhere")
    plain = tune(command="train")
    assert "is not a run of zoo tune" in refusal(capsys, "tune", "--resume", plain)
    assert main(["tune", "forecast", "--resume", str(search)]) == 0
    assert "is complete already" in capsys.readouterr().err
    (search / "metrics.json").rename(tmp_path / "metrics.json")
    try:
        message = refusal(capsys, "train", "--resume", search)
    finally:
        (tmp_path / "metrics.json").rename(search / "metrics.json")
    assert "goes on with zoo tune --resume" in message
    trials = refusal(capsys, "tune", "--resume", search, "--trials", "30")
    assert "keeps its settings, but for --workers. Received: --trials 30" in trials
    workers = refusal(capsys, "tune", "--resume", search, "--workers", "-1")
    assert "--workers must be at least 1" in workers


def test_what_tpe_and_old_variables_need(capsys, flags, monkeypatch, tmp_path):
    arguments, _ = flags("--tuner=tpe", logdir=tmp_path)
    monkeypatch.setattr("recipes.tuning.plan.find_spec", lambda name: None)
    assert refusal(capsys, *arguments) == (
        "--tuner tpe needs optuna: pip install 'handson-zoo[tune]'."
    )
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    arguments, _ = flags(logdir=tmp_path)
    assert "unset KERASTUNER_ORACLE_IP" in refusal(capsys, *arguments)
    assert not any(tmp_path.iterdir())


def test_a_search_in_which_all_trials_fail(capsys, flags, quickly):
    arguments, folder = flags(
        "--optimizer=sgd", "--schedule=constant", "--clipnorm=0", trials=6, learning_rate="1e39"
    )
    with quickly():
        message = refusal(capsys, *arguments, status=1)
    assert message.startswith("All 3 trials failed. The first: The loss is no longer a number")
    assert not (folder / "metrics.json").exists()


@pytest.mark.slow
def test_a_trial_that_fails_is_in_the_table(tune):
    from recipes.tuning.trials import _train_trial as train_trial

    def fail(plan, folder, space, objective, trial):
        if trial.number == "1":
            raise RunError("Out of luck.")
        return train_trial(plan, folder, space, objective, trial)

    with mock.patch("recipes.tuning.trials._train_trial", fail):
        folder = tune(trials=2)
    assert [(row["score"] == "", row["error"]) for row in rows(folder)] == [
        (False, ""), (True, "Out of luck."), (False, ""),
    ]  # fmt: skip
    assert "1 trials failed, the first: Out of luck." in (folder / "report.md").read_text()


@pytest.mark.slow  # every day, the report compares with the defaults
def test_it_says_that_tuning_did_not_help(tune):
    from recipes.tuning.trials import _train_trial as train_trial

    def spoil(plan, folder, space, objective, trial):
        found = train_trial(plan, folder, space, objective, trial)
        return {**found, objective[0]: found[objective[0]] + (trial.number != "0")}

    with mock.patch("recipes.tuning.trials._train_trial", spoil):
        folder = tune(trials=1)
    assert "did not beat the defaults" in (folder / "report.md").read_text()
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["learning_rate"] == float(rows(folder)[0]["learning_rate"])


@pytest.mark.slow
def test_a_score_that_cannot_be_repeated_is_loud(capsys, flags, undrawn):
    from recipes.tuning.trials import _train_trial as train_trial

    def lie(plan, folder, space, objective, trial):
        found = train_trial(plan, folder, space, objective, trial)
        return {**found, objective[0]: found[objective[0]] * 0.99}

    arguments, folder = flags(trials=1)
    with mock.patch("recipes.tuning.trials._train_trial", lie), undrawn():
        message = refusal(capsys, *arguments, status=1)
    assert "more than 0.1% apart" in message
    assert "**not equal to**" in (folder / "report.md").read_text()


# Kills and workers


def interrupt_in_trial_2(arguments, folder, context):
    def interrupted(self, epoch, logs=None):
        if (folder / "trials" / "2").exists():
            raise KeyboardInterrupt
        end_epoch(self, epoch, logs)

    end_epoch = Checkpoint.on_epoch_end
    with context(), mock.patch.object(Checkpoint, "on_epoch_end", interrupted):
        assert main(arguments) == 130
    assert len(list(folder.glob("trials/2/events*"))) == 1


def kill_in_trial_2(arguments, folder, context):
    process = program(arguments)
    wait_for((folder / "trials" / "2").exists, process)
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("stop", "context", "whole"),
    [
        (interrupt_in_trial_2, "quickly", "search"),
        pytest.param(kill_in_trial_2, "undrawn", "compiled_search", marks=pytest.mark.kill),
    ],
)
def test_a_search_that_was_cut_off_goes_on(request, flags, stop, context, whole):
    search, context = map(request.getfixturevalue, (whole, context))
    arguments, folder = flags(trials=3)
    stop(arguments, folder, context)
    kept = [path.stat().st_mtime_ns for path in sorted(folder.glob("trials/[01]/events*"))]
    assert len(kept) == 2
    with context():
        assert main(["tune", "--resume", str(folder)]) == 0
    assert scores(folder) == scores(search)[:4]
    again = [path.stat().st_mtime_ns for path in sorted(folder.glob("trials/[01]/events*"))]
    assert again == kept
    assert (
        len(list(folder.glob("trials/2/events*"))) == 1
    )  # nothing is left of the one that was cut off


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"oracle": {}, "trials": {"0": 1}}', "\xff"], ids=range(5)
)
def test_a_damaged_state_is_one_message(capsys, search, tmp_path, content):
    shutil.copytree(search, tmp_path / "forecast/cut")
    (tmp_path / "forecast/cut/metrics.json").unlink()
    (tmp_path / "forecast/cut/tuner/search.json").write_text(content, encoding="latin-1")
    assert main(["tune", "--resume", str(tmp_path / "forecast/cut")]) == 2
    error = capsys.readouterr().err
    assert "tuner: it is damaged" in error
    assert "Search anew" in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_the_last_training_is_taken_up_too(flags, search, quickly):
    arguments, folder = flags(trials=3)
    with (
        quickly(),
        mock.patch("recipes.engine.run.fit", side_effect=KeyboardInterrupt),
    ):
        assert main(arguments) == 130
    assert not (folder / "metrics.json").exists()
    with quickly():
        assert main(["tune", "--resume", str(folder)]) == 0
    assert scores(folder) == scores(search)
    results = [json.loads((path / "metrics.json").read_text()) for path in (folder, search)]
    assert results[0]["validation"] == results[1]["validation"]
    assert len(list(folder.glob("trials/*/events*"))) == 4
