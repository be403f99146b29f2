"""`zoo train text_classification` and `zoo predict` from end to end, on a few dozen texts."""

import io
import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.special import softmax

import zoo
from callbacks import Checkpoint
from recipes import text_classification
from recipes.classification.calibration import PRIOR, shifted, tempered
from recipes.classification.scores import classification_scores
from recipes.cli import main
from recipes.engine.arguments import parse
from recipes.engine.automatic import combine
from recipes.text_classification import baselines, explaining, plots, tables
from recipes.text_classification import task as text_task
from recipes.text_classification.classifier import TextClassifier
from recipes.text_classification.coding import Part, PlainTexts
from recipes.text_classification.importances import token_importances
from recipes.text_classification.loading import load
from recipes.text_classification.presets import PRESETS
from scripts.benchmarks.text_classification_scores import BOOK_ACCURACY
from tests.hub_modules import save_text_module

TINY = {
    "epochs": 3, "batch_size": 8, "learning_rate": 0.02, "model.units": 6, "model.embedding_dim": 4,
    "model.encoder": "mean", "jit_compile": "false", "progress": "false",
}  # fmt: skip
WORDS = {"bad": ("dull", "awful"), "good": ("great", "fine"), "odd": ("weird", "queer")}


def reviews(classes=2, count=80, seed=0):
    """Different texts, each with a word that tells its class."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        label = list(WORDS)[number % classes]
        words = [str(generator.choice(WORDS[label])), *generator.choice(["film", "plot", "a"], 3)]
        rows.append((f"{' '.join(generator.permutation(words))} {number}!", label))
    return pd.DataFrame(rows, columns=["text", "target"])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    reviews().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def train(trainer, data, undrawn):
    return trainer("text_classification", undrawn, data=data, **TINY)  # more steps than to trace


@pytest.fixture(scope="module")
def run(train):
    """A plain run, with pictures, compiled by XLA."""
    return train(draw=True, jit_compile="true")


@pytest.fixture(scope="module")
def loaded(run):
    """The model of the plain run, which is loaded once."""
    model = zoo.load(run)
    original = zoo.load
    with mock.patch.object(zoo, "load", lambda p: model if Path(p) == run else original(p)):
        yield model


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def predict(capsys, run, *arguments, status=0):
    """What the program prints on standard output and on standard error."""
    capsys.readouterr()
    assert main(["predict", str(run), *map(str, arguments)]) == status
    return capsys.readouterr()


def config_of(path=None, **flags):
    """The recipe's configuration with tiny settings, of a file or of the Reber strings."""
    arguments = {"encoder": "mean", "units": 6, "embedding_dim": 4}
    settings = {"batch_size": 8, "model_arguments": arguments, **flags}
    config = text_classification.default_config(own_data=path is not None)
    config = replace(config, data=str(path) if path else None, **settings)
    config.validate()
    return config


def task_and_built(path=None, **flags):
    """What the recipe makes of the tiny settings, in this process."""
    config = config_of(path, **flags)
    keras.utils.set_random_seed(1)
    task = text_classification.load_data(config)
    return task, text_classification.build_model(config, task)


def write(path, frame):
    frame.to_csv(path, index=False)
    return path


# The folder


def test_a_run_holds_everything(run):
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    kept = {path for path in found if "tfevents" in path or path.startswith("checkpoints/")}
    drawn = ("learning_curves", "confusion_matrix", "precision_recall", "roc", "calibration",
             "importances")  # fmt: skip
    assert found - kept == {
        "config.yaml", "metrics.json", "model.keras", "predictions.csv", "report.md", "history.csv",
        *(f"plots/{name}.png" for name in drawn),
    }  # fmt: skip
    saved = yaml.safe_load((run / "config.yaml").read_text())["run"]
    assert saved["texts"] == {"train": 64, "validation": 8, "test": 8}
    assert (saved["text"], saved["target"]) == ("text", "target")
    assert saved["labels"] == ["bad", "good"]


def test_metrics_have_the_agreed_keys(run):
    metrics = metrics_of(run)
    assert (metrics["recipe"], metrics["model"]) == ("text_classification", "text_classifier")
    names = ["accuracy", "nll", "roc_auc", "average_precision", "calibration_error"]
    assert list(metrics["train"]) == list(metrics["test"]) == names
    learned = [f"{name}_logistic_regression" for name in ("tfidf", "naive_bayes")]
    assert list(metrics["baselines"]) == ["majority", *learned]
    for entry in metrics["baselines"].values():
        assert list(entry["validation"]) == names


def test_scores_are_those_of_the_saved_model_and_of_each_text_alone(run, loaded, data):
    part = load(config_of(data)).parts["test"]
    layer = zoo.tokenizer(loaded)
    found = [np.asarray(loaded(layer.encode([text])))[0, 0] for text in part.texts]
    expected = classification_scores(part.labels, found)
    scores = metrics_of(run)["test"]
    assert {name: scores[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    rows = pd.read_csv(run / "predictions.csv")
    np.testing.assert_allclose(rows["probability:good"], found, atol=1e-6)
    assert rows["target"].tolist() == part.names.tolist()
    texts = pd.read_csv(data)["text"]
    assert texts[rows["row"] - 1].tolist() == part.texts.tolist()


def test_a_saved_run_reads_texts(loaded, data):
    texts = pd.read_csv(data)["text"].tolist()[:5]
    predictor = zoo.Predictor(loaded)
    found = predictor.predict(texts)[:, 0]
    classifier = TextClassifier(loaded)
    ids = zoo.tokenizer(loaded).encode_list(texts)
    np.testing.assert_allclose(classifier.of_inputs(ids)[:, 1], found, atol=1e-6)
    assert set(predictor.predict_classes(texts)) <= {"bad", "good"}


def test_the_model_of_a_run_names_the_classes_of_texts(loaded, data):
    frame = pd.read_csv(data)
    found = loaded.predict(frame)
    assert found["target"].tolist() == frame.iloc[:, 1].tolist()
    texts = loaded.predict(frame["text"].tolist())
    pd.testing.assert_frame_equal(texts, found.drop(columns="target"))
    assert loaded.predict(frame["text"][0])["prediction"][0] in ("bad", "good")


def test_the_report_shows_texts_and_what_is_read(run):
    text = (run / "report.md").read_text()
    for line in (
        "|  | part | accuracy | nll | calibration_error | roc_auc | average_precision |",
        "| tfidf_logistic_regression | test |", "- classes: bad (50 %), good (50 %)",
        "## Uncertainty", "## What it reads", "(plots/importances.png)",
        "| class | precision | recall | F1 | examples |",
    ):  # fmt: skip
        assert line in text


def test_tensorboard_has_importances_as_picture_and_as_text(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = EventAccumulator(str(run)).Reload().Tags()
    assert {"confusion_matrix", "importances"} <= set(tags["images"])
    assert {"importances_text/text_summary", "pr_curve/good"} <= set(tags["tensors"])


@pytest.mark.slow  # tables, images and language models do it every day
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(train, run, undrawn):
    def killed(self, epoch, logs=None):
        original(self, epoch, logs)
        if epoch == 0:
            raise KeyboardInterrupt

    original = Checkpoint.on_epoch_end
    with mock.patch.object(Checkpoint, "on_epoch_end", killed):
        cut = train(status=130, jit_compile="true")
    with undrawn():
        assert main(["train", "--resume", str(cut)]) == 0
    assert metrics_of(cut)["test"] == metrics_of(run)["test"]
    assert (cut / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()


@pytest.mark.slow  # the run of a TF-Hub module has to learn as much every day
def test_a_run_learns(train):
    run = train(epochs=12, learning_rate=0.05, calibrate="false")
    assert metrics_of(run)["test"]["accuracy"] == 1
    assert "## Uncertainty" not in (run / "report.md").read_text()


@pytest.mark.parametrize(("classes", "wide"), [(2, 2), (3, 0), (3, 2)])
def test_calibration_moves_the_prior(tmp_path, monkeypatch, classes, wide):
    deviations = []
    monkeypatch.setattr(text_task, "fit_prior_shift", lambda *a: deviations.append(a[3]) or -0.5)
    frame = reviews(classes, 160)
    frame = frame[(frame["target"] != "good") | (frame.index % 4 == 1)]
    task, built = task_and_built(write(tmp_path / "skewed.csv", frame), wide=wide)
    part, core = task.parts["validation"], built.training_model
    assert task.shares.sum() == pytest.approx(1)
    mixing = replace(task, config=replace(task.config, calibrate=False))
    mixing.finish(built.model, core, bool(wide))
    for mixes in (bool(wide), False):  # as a run ends, and one that goes on from it
        before = task.predictor(built.model)(part)
        found = task.finish(built.model, core, mixes)
        assert found["prior_shift"] == -0.5
        moved = shifted(before, -0.5 * np.log(task.shares))
        after = task.predictor(built.model)(part)
        np.testing.assert_allclose(after, tempered(moved, found["temperature"]), rtol=1e-4)
    # A wide path of these texts is calibrated before; that of a run before this one may not be.
    assert deviations == [PRIOR / 2 if wide else PRIOR, PRIOR]
    weighted = replace(task, config=replace(task.config, class_weight="balanced"))
    assert "prior_shift" not in weighted.finish(built.model, core)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_wide_path_learns_from_validation_texts_which_do_not_know_it(tmp_path, classes):
    task, built = task_and_built(write(tmp_path / "own.csv", reviews(classes, 90)), wide=2)
    part = task.parts["validation"]
    built.model.get_layer("wide_and_deep").set_weights([np.float32([0, 1])])
    unseen, seen = map(task.predictor(built.model), (part, replace(part, whole=None)))
    other = (part.labels + 1) % classes
    wrong = replace(task, parts=task.parts | {"validation": replace(part, labels=other)})
    said = []
    for path in (*task.wide_paths, *wrong.wide_paths):
        logits = TextClassifier(path).outputs(part.inputs)
        logits = np.hstack([0 * logits, logits]) if classes == 2 else logits
        said.append(softmax(logits, axis=1))
    np.testing.assert_allclose(unseen, said[0], rtol=1e-4)
    np.testing.assert_allclose(seen, said[1], rtol=1e-4)
    built.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(task.predictor(loaded)(part), unseen)
    mean = combine([built.model, loaded], [0.3, 0.7])  # as --model auto does
    for _ in range(2):
        np.testing.assert_allclose(task.predictor(mean)(part), unseen, rtol=1e-5)
    np.testing.assert_array_equal(said[2], said[0])
    rows = np.arange(len(part))
    assert np.all(said[3][rows, other] > seen[rows, other])
    assert not any(task.parts[name].whole for name in ("train", "test"))


@pytest.mark.parametrize(("tokenizer", "wide"), [("words", 1), ("words", 0), ("characters", 1)])
def test_validation_texts_are_read_without_what_training_texts_lack(tmp_path, tokenizer, wide):
    (tmp_path / "t.csv").write_text(
        "text,label\n" + "".join(f"bad film {i},a\ngood film {i},b\n" for i in range(20))
    )
    (tmp_path / "v.csv").write_text("text,label\ngood quiz 3,b\nzzz,a\n")
    flags = ["--data", f"{tmp_path}/t.csv", "--validation_data", f"{tmp_path}/v.csv"]
    flags += ["--tokenizer", tokenizer, "--wide", str(wide)]
    task = load(parse("text_classification", flags))
    part, reader = task.parts["validation"], task.reader
    read, whole = ([reader.decode(ids) for ids in found] for found in (part.inputs, part.whole))
    if tokenizer == "words":
        assert read == ["good \ufffd 3", "\ufffd"]
        assert part.inputs[0].dtype == np.int32
        assert whole == (["good quiz 3", "zzz"] if wide else read)
    else:  # unknown letters have an id of their own
        assert (read, part.inputs) == (whole, part.whole)
        assert read[0] == "good \ufffd\ufffdi\ufffd 3"
    assert part.take([1]).whole == part.whole[1:]


def test_calibration_divides_the_logits(data):
    task, built = task_and_built(data, wide=0)
    part = task.parts["validation"]
    head = built.training_model.get_layer("head")
    head.set_weights([50 * weight for weight in head.get_weights()])
    before = task.predictor(built.model)(part)[:, 1]
    temperature = built.finish()["temperature"]
    after = task.predictor(built.model)(part)[:, 1]
    logits = [np.log(found / (1 - found)) for found in (before, after)]
    np.testing.assert_allclose(logits[0] / temperature, logits[1], rtol=1e-3)
    assert temperature > 1  # it was sure of nothing for a reason
    scores = [classification_scores(part.labels, found) for found in (before, after)]
    assert scores[1]["nll"] < scores[0]["nll"]


# Data


def test_three_classes_weights_and_folds(train, quickly, tmp_path):
    rare = reviews(classes=3, count=90)
    rare = rare[(rare["target"] != "odd") | (rare.index % 2 == 0)]
    path = write(tmp_path / "three.csv", rare.rename(columns={"text": "body", "target": "tone"}))
    flags = {"data": path, "text": "body", "target": "tone", "class_weight": "balanced"}
    with quickly():
        run = train(**flags, folds=2, epochs=1)
    text = (run / "report.md").read_text()
    assert "## Cross-validation" in text
    assert "| 2 of 2 |" in text
    saved = yaml.safe_load((run / "config.yaml").read_text())["run"]
    assert (saved["text"], saved["target"], saved["labels"]) == ("body", "tone", list(WORDS))
    majority = metrics_of(run)["baselines"]["majority"]["test"]
    assert majority["nll"] == pytest.approx(np.log(3))  # all classes count alike


def test_weights_of_classes_reach_the_batches(tmp_path):
    frame = reviews(count=120).iloc[30:]
    frame = frame[(frame["target"] == "good") | (frame.index % 4 == 0)]
    task, built = task_and_built(write(tmp_path / "a.csv", frame), class_weight="balanced")
    batches = task.batches("train", built, seed=1)
    _, labels, weights = batches.assemble(batches.examples)
    assert weights[labels[:, 0] == 0].sum() == pytest.approx(weights[labels[:, 0] == 1].sum())


def test_folds_share_no_text_and_leave_the_test_part_out(tmp_path):
    frame = reviews(count=60)
    twins = frame.iloc[:20].assign(text=frame["text"].iloc[:20].str.upper())
    path = write(tmp_path / "twins.csv", pd.concat([frame, twins]))
    task = load(config_of(path, folds=3))
    held_out = {text.lower() for text in task.parts["test"].texts}
    tested = []
    for fold in task.folds().values():
        parts = {name: {t.lower() for t in part.texts} for name, part in fold.parts.items()}
        for one, other in itertools.combinations([held_out, *parts.values()], 2):
            assert not one & other
        tested += fold.parts["test"].numbers.tolist()
    rest = set(range(1, 81)) - set(task.parts["test"].numbers.tolist())
    assert sorted(tested) == sorted(rest)


def test_validation_and_test_from_files_of_their_own(data, tmp_path):
    files = {
        f"{name}_data": str(write(tmp_path / f"{name}.csv", reviews(count=20, seed=seed)))
        for seed, name in enumerate(("validation", "test"), start=1)
    }
    task = load(config_of(data, **files))
    assert [len(task.parts[name]) for name in ("validation", "test")] == [20, 20]
    expected = pd.read_csv(files["test_data"])["text"].tolist()
    assert task.parts["test"].texts.tolist() == expected


def test_odd_texts_are_read(tmp_path):
    odd = ["", "<br/>", "\U0001f600\U0001f44d", "\u05e9\u05dc\u05d5\u05dd film", "a" * 100_000,
           "film " * 3000, "?!", "caf\u00e9 \u4f60\u597d"]  # fmt: skip
    frame = reviews(count=60)
    frame = pd.concat([frame, pd.DataFrame({"text": odd, "target": ["bad", "good"] * 4})])
    path = write(tmp_path / "odd.csv", frame)
    task, built = task_and_built(path, max_length=12, truncation="both")
    assert any("are empty, or hold nothing that is read" in note for note in task.notes)
    assert any("half from each end of each is read" in note for note in task.notes)
    for split in task.parts:
        found = task.predictor(built.model)(task.parts[split])
        assert np.isfinite(found).all()


@pytest.mark.parametrize("tokens", ["characters", "bpe"])
def test_other_tokens(data, tokens):
    task, built = task_and_built(data, tokenizer=tokens, vocabulary_size=300, lowercase=True)
    assert task.reader.decode(task.reader.encode("A film")).strip() == "a film"
    found = task.predictor(built.model)(task.parts["test"])
    assert found.shape == (8, 2)
    shown = explaining.explain(built.model, task.reader, task.parts["test"], found)
    assert shown


def test_train_size_is_a_share_of_each_class(data):
    task = load(config_of(data, train_size=10))
    assert np.bincount(task.parts["train"].labels).tolist() == [5, 5]
    assert "10 of 64 training texts used" in task.notes


def test_reber_strings_have_the_tricky_ones_in_the_report():
    task, built = task_and_built(tokenizer="characters", train_size=20)
    assert len(task.parts["validation"]) == len(task.parts["test"]) == 2000
    shown = task._tricky(built.model)
    assert shown.count("| valid |") == shown.count("| corrupted |") == 1


@pytest.mark.slow  # test_hub.py trains on modules
def test_a_tf_hub_module_reads_the_texts_themselves(train, tmp_path, capsys):
    handle = save_text_module(tmp_path / "module", ("great", "fine", "dull", "awful"))
    flags = {"model": "hub_text_classifier", "model.handle": handle, "model.trainable": "true"}
    flags |= {"model.embedding_dim": None, "model.encoder": None, "lowercase": "true"}
    run = train(**flags, calibrate="false", epochs=20, learning_rate=0.05)
    assert metrics_of(run)["test"]["accuracy"] > 0.9
    assert "the model reads them as they are" in (run / "report.md").read_text()
    assert not (run / "plots/importances.png").exists()
    assert predict(capsys, run)[0] == (run / "predictions.csv").read_text()
    out = predict(capsys, run, "--text", "<i>GREAT</i> film")[0]
    assert out == predict(capsys, run, "--text", " great  film")[0]
    assert PlainTexts(False, False).clean("film <b> \ud800") == "film <b> ?"


# Importances


@pytest.mark.parametrize("ngrams", [1, 2])
def test_importances_of_a_linear_model_sum_to_its_logit(ngrams):
    model = zoo.text_classifier(
        12, 3, "multiclass", "mean", num_layers=0, ngrams=ngrams, embedding_dim=4, buckets=50
    )
    ids = [[5, 3, 5, 7], [4], [9, 2]]
    found = token_importances(model, ids, [0, 2, 1], "multiclass")
    for row, values, k in zip(ids, found, (0, 2, 1), strict=True):
        assert values.shape == (len(row),)
        assert values.sum() == pytest.approx(float(model(np.array([row]))[0, k]), abs=1e-6)


def test_importances_are_gradient_times_input_and_padding_changes_nothing():
    model = zoo.text_classifier(12, encoder="gru", units=5, embedding_dim=4)
    alone = token_importances(model, [[5, 3, 7]], [0], "binary")[0]
    found, _ = token_importances(model, [[5, 3, 7], [2] * 9], [0, 1], "binary")
    np.testing.assert_allclose(found, alone, atol=1e-6)
    table = model.get_layer("embedding").get_weights()[0]
    for place, index in enumerate([5, 3, 7]):
        total, step = 0.0, 1e-2
        ends = []
        for sign in (1, -1):  # along the embedding itself: its product with the gradient
            moved = table.copy()
            moved[index] *= 1 + sign * step
            model.get_layer("embedding").set_weights([moved])
            ends.append(float(model(np.array([[5, 3, 7]]))[0, 0]))
        total = (ends[0] - ends[1]) / (2 * step)
        model.get_layer("embedding").set_weights([table])
        assert found[place] == pytest.approx(-total, abs=1e-4)


def test_importances_leave_the_model_as_it_was(tmp_path):
    model = zoo.text_classifier(12, encoder="bigru", units=4, embedding_dim=4)
    token_importances(model, [[5, 3]], [1], "binary")
    model.save(tmp_path / "model.keras")
    same = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(same(np.array([[5, 3]])), model(np.array([[5, 3]])), atol=1e-6)


def test_long_texts_are_drawn_where_they_say_most():
    pieces = ["word"] * 500 + ["great"] + ["word"] * 500
    values = np.zeros(1001)
    values[500] = 3.0
    figure = plots.importances([("a $title$ \u4f60", pieces, values)], gap=1)
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert drawn[1:4] == ["for it", "against it", "a $title$ \u25a1"]
    assert "great" in drawn
    assert len(drawn) < 120


def test_the_strongest_tokens_are_named_once():
    table = tables.importances([("t", ["a", "b|", "a", "c"], np.array([1.0, 2.0, 3.0, -0.5]))])
    assert table.splitlines()[-1] == "| t | a 3, b\\| 2 | c 0.5 |"


# Predict


def test_predictions_of_a_file_of_texts_and_of_the_run(run, loaded, data, capsys, monkeypatch):
    out, error = predict(capsys, run)
    assert (out, error) == ((run / "predictions.csv").read_text(), "")
    rows = pd.read_csv(io.StringIO(out))
    everything = predict(capsys, run, data)[0]
    again = pd.read_csv(io.StringIO(everything)).iloc[rows["row"] - 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, again, check_exact=True)
    with data.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        noted = "note: standard input: 80 rows; encoding utf-8; separator ','\n"
        assert predict(capsys, run, "-") == (everything, noted)
    text = pd.read_csv(data)["text"][0]
    one = pd.read_csv(io.StringIO(predict(capsys, run, "--text", text)[0]))
    assert list(one) == ["row", "prediction", "probability", "entropy",
                         "probability:bad", "probability:good"]  # fmt: skip
    first = pd.read_csv(io.StringIO(everything)).iloc[0]
    assert one["probability:good"][0] == first["probability:good"]


def test_predictions_of_odd_files(run, loaded, tmp_path, capsys):
    frame = pd.DataFrame({"other": [1, 2, 3], "target": ["good", "awful", None]})
    path = write(tmp_path / "odd.csv", frame.assign(text=["great film", None, "NA"]))
    out, error = predict(capsys, run, path, "-o", tmp_path / "out.csv")
    assert out == ""
    assert error == (
        f"note: {path}: 3 rows; encoding utf-8; separator ','\n"
        "note: 1 rows without a text count as empty texts\n"
        "note: the target has classes that the model has never seen ('awful'): it cannot predict "
        "them\n"
    )
    rows = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert rows["target"].tolist() == ["good", "awful", ""]
    empty = pd.read_csv(io.StringIO(predict(capsys, run, "--text", "")[0]))
    assert float(rows["probability:bad"][1]) == empty["probability:bad"][0]


def test_columns_of_the_input_are_copied(run, loaded, tmp_path, capsys):
    frame = pd.DataFrame({"text": ["great film", "dull"], "id": ["007", "008"], "row": ["a", "b"]})
    path = write(tmp_path / "in.csv", frame.assign(target=["good", "bad"]))
    out = predict(capsys, run, path, "--keep", "id,row,target,text")[0]
    rows = pd.read_csv(io.StringIO(out), dtype=str)
    assert list(rows)[:7] == [
        "row", "id", "input:row", "input:target", "text", "target", "prediction"
    ]  # fmt: skip
    assert rows["row"].tolist() == ["1", "2"]
    for name in ("id", "text"):
        assert rows[name].tolist() == frame[name].tolist()
    assert rows["input:row"].tolist() == ["a", "b"]
    assert rows["input:target"].tolist() == ["good", "bad"]
    message = predict(capsys, run, path, "--keep", "ID", status=2)[1]
    assert "Expected a column 'ID' (--keep) in" in message
    assert "Did you mean 'id'" in message


def test_columns_of_the_test_part_are_copied(run, loaded, data, train, tmp_path, capsys):
    rows = pd.read_csv(io.StringIO(predict(capsys, run, "--keep", "text")[0]))
    expected = load(config_of(data)).parts["test"]
    assert rows["text"].tolist() == expected.texts.tolist()
    assert rows["row"].tolist() == expected.numbers.tolist()
    held = reviews(count=20, seed=5).assign(number=[f"{n:03d}" for n in range(20)])
    path = write(tmp_path / "test.csv", held)
    out = predict(capsys, train(test_data=path, epochs=1), "--keep", "number")[0]
    assert pd.read_csv(io.StringIO(out), dtype=str)["number"].tolist() == held["number"].tolist()


def test_files_written_in_other_ways_than_that_of_training(run, loaded, data, tmp_path, capsys):
    expected, _ = predict(capsys, run, data)
    text = data.read_text().replace(",", ";")
    (tmp_path / "in.csv").write_text(text, "utf-16")
    out, error = predict(capsys, run, tmp_path / "in.csv")
    assert out == expected
    assert error == f"note: {tmp_path / 'in.csv'}: 80 rows; encoding utf-16; separator ';'\n"
    (tmp_path / "in.csv").write_text(f"Reviews\n\n{text}")
    flags = ["--separator", ";", "--encoding", "ascii", "--skip_rows", 2]
    assert predict(capsys, run, tmp_path / "in.csv", *flags)[0] == expected
    error = predict(capsys, run, tmp_path / "in.csv", *flags[:-1], 3, status=2)[1]
    assert "Expected a column 'text' (the texts that the model reads)" in error
    assert predict(capsys, run, "--separator", ";", status=2)[1] == (
        "zoo: --separator says how an input is written: give the input, too.\n"
    )


def test_classes_that_look_missing_are_predicted(train, tmp_path, capsys):
    frame = reviews().replace({"target": {"bad": "None", "good": "N/A"}})
    run = train(data=write(tmp_path / "none.csv", frame), epochs=12, learning_rate=0.05)
    saved = yaml.safe_load((run / "config.yaml").read_text())["run"]
    assert saved["labels"] == ["N/A", "None"]
    assert "'N/A', 'None' count as values like others" in (run / "report.md").read_text()
    out, error = predict(capsys, run, tmp_path / "none.csv")
    rows = pd.read_csv(io.StringIO(out), keep_default_na=False)
    assert rows["target"].tolist() == frame["target"].tolist()
    assert (rows["prediction"] == rows["target"]).mean() > 0.9
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "a", "--keep", "id"], "--keep copies columns of a table: give it as a file,"),
        (["none.csv"], "There is no file none.csv to predict from. A text itself goes behind --te"),
        (["--text", "a", "bad.csv"], "Give the input either as a file or with --text, not both."),
        (["bad.csv"], "Expected a column 'text' (the texts that the model reads) in bad.csv. Did"),
        (["--text", "a", "--backtest"], "--backtest is for runs of forecast: leave it out"),
        (["--text", "a", "--beam", "2"], "--beam is for runs of translation: leave it out for"),
    ],
)
def test_wrong_input_to_predict(run, loaded, capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("bad.csv").write_text("texts,target\na,b\n")
    out, error = predict(capsys, run, *arguments, status=2)
    assert out == ""
    assert error.startswith(f"zoo: {message}")
    assert error.count("\n") == 1


# Flags


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"max_length": 0}, "--max_length must be at least 1. Received: 0"),
        ({"vocabulary_size": 3}, "--vocabulary_size must be at least 4. Received: 3"),
        ({"train_size": 1}, "--train_size must lie between 2, the number of classes, and 64"),
        ({"test_fraction": 1}, "--test_fraction must be above 0 and below 1. Received: 1.0"),
        ({"data": None, "test_fraction": 0.1}, "--dataset reber has parts of its own: leave --te"),
        ({"split": "book"}, "--split book is that of --dataset imdb: leave it out."),
        ({"label_smoothing": 1}, "--label_smoothing must be at least 0 and below 1."),
        ({"folds": 1}, "--folds must be at least 2, or 0 for none. Received: 1"),
        ({"folds": 50}, "--folds 50 needs 50 different texts of every class outside the test"),
        (
            {"tokenizer": "syllables"},
            "Expected --tokenizer to be one of words, characters, bpe, word",
        ),
        (
            {"tokenizer": "bpe", "vocabulary_size": 99},
            "There is no such vocabulary for the texts of",
        ),
        ({"dataset": "novel", "data": None}, "There is no dataset 'novel'. Expected one of reber"),
        ({"data": None, "text": "a"}, "--text belongs to a table of your own: give it with --data"),
        (
            {"data": "nowhere.csv"},
            "Expected a table (CSV, Excel, Parquet or JSON lines). Received: "
            "nowhere.csv, which is nothing of that name.",
        ),
        ({"target": "class"}, "Expected a column 'class' (--target) in"),
        ({"model.head": "binary"}, "--model.head follows from the other flags and the data"),
        ({"model.vocabulary_size": 9}, "--model.vocabulary_size follows from the other flags"),
        ({"model.encoder": "magic"}, "The model cannot be built."),
        ({"model": "nothing"}, "The model cannot be built."),
        (
            {"test_data": "a.csv", "test_fraction": 0.2},
            "Give either --test_data or --test_fraction, not both.",
        ),
    ],
)
def test_mistakes_end_with_status_2_and_write_nothing(train, capsys, flags, message):
    folder = train(status=2, **flags)
    error = capsys.readouterr().err
    assert error.startswith(f"zoo: {message}")
    assert error.count("\n") == 1
    assert not folder.exists()


def test_presets_are_flags_of_models_that_can_be_built():
    assert set(BOOK_ACCURACY) < set(PRESETS)
    for name in PRESETS:
        config = parse("text_classification", ["--preset", name])
        config.validate()
        size = config.vocabulary_size or 9
        model = zoo.create_model(config.model, vocabulary_size=size, **config.model_arguments)
        assert "head" in {layer.name for layer in model.layers}
    gru = zoo.create_model("text_classifier", vocabulary_size=1000, **PRESETS[
        "ml3-ch16-71"]["model_arguments"])  # fmt: skip
    assert gru.count_params() == 1000 * 128 + 3 * 128 * (128 + 128 + 2) + 129  # book: 227,201


def test_defaults_follow_data_and_model():
    reber = parse("text_classification", [])
    assert (reber.dataset, reber.tokenizer, reber.model) == (
        "reber",
        "characters",
        "text_classifier",
    )
    assert parse("text_classification", ["--dataset=imdb"]).tokenizer == "words"
    other = parse("text_classification", ["--model=hub_text_classifier"])
    assert other.model_arguments == {}


def test_it_is_said_that_padding_counts_without_a_mask(data):
    arguments = {"encoder": "gru", "units": 4, "embedding_dim": 4}
    _, masked = task_and_built(data, wide=0, model_arguments=arguments)
    _, unmasked = task_and_built(
        data, wide=0, bucketing=False, model_arguments={**arguments, "mask": False}
    )
    assert masked.notes == ()
    assert "reads padding as well" in unmasked.notes[0]


def test_the_search_space_can_be_built(data):
    import keras_tuner

    found = text_classification.search_space(keras_tuner.HyperParameters())
    task_and_built(data, **found)


def test_baselines_of_many_texts_count_what_repeats(monkeypatch):
    """The same n-grams and predictions, by another way to them."""
    generator = np.random.default_rng(0)
    words = np.array([f"w{place}" for place in range(300)])
    written = [" ".join(generator.choice(words, 9)) for _ in range(10_000)]
    labels = np.array([text.count("w1") > 1 for text in written]).astype(int)
    part = Part(np.array(written, object), labels, ("a", "b"), np.arange(10_000), [])
    found = []
    for many in (10_001, 10_000):
        monkeypatch.setattr(baselines, "MANY", many)
        fitted = baselines.fit(part, str)
        found.append({name: each(part) for name, each in fitted.items()})
    for name, each in found[0].items():
        np.testing.assert_allclose(found[1][name], each, atol=1e-3)  # as the solver ends
