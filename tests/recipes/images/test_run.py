"""`zoo train images` and `zoo predict` from end to end, on tiny pictures."""

import re
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import yaml
from PIL import Image

import zoo
from recipes import images
from recipes.classification.scores import classification_scores
from recipes.errors import UserError
from recipes.images import baselines
from recipes.images.classifier import Classifier
from recipes.images.presets import PRESETS
from scripts.benchmarks.images import BOOK_ACCURACY
from tests.recipes.images.bands import (
    metrics_of,
    numbers_of,
    pictures,
    predict,
    rows_of,
    task_and_built,
)
from tests.shared import assert_close, shaken

# The folder


def test_a_run_holds_everything(run):
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    logs = {path for path in found if "tfevents" in path}
    assert {str(Path(path).parent) for path in logs} == {"."}
    kept = {path for path in found if path.startswith("checkpoints/")}
    names = ("confusion_matrix", "precision_recall", "roc", "calibration", "most_wrong")
    assert found - logs - kept == {
        "config.yaml", "metrics.json", "model.keras", "predictions.csv", "report.md", "history.csv",
        "plots/learning_curves.png", *(f"plots/{name}.png" for name in names),
    }  # fmt: skip
    for picture in run.glob("plots/*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_metrics_have_the_agreed_keys(run):
    metrics = metrics_of(run)
    assert (metrics["recipe"], metrics["model"], metrics["epochs"]) == ("images", "mlp", 3)
    assert metrics["parameters"] == 31 * 12 + 13 * 6 + 7 * 3
    assert list(metrics["baselines"]) == ["majority", "logistic_regression", "gradient_boosting"]
    splits = [metrics[name] for name in ("train", "validation", "test")]
    splits += [part for each in metrics["baselines"].values() for part in each.values()]
    for scores in splits:
        assert list(scores) == ["accuracy", "nll", "roc_auc", "average_precision"]
        assert all(np.isfinite(value) for value in scores.values())
    assert metrics["baselines"]["logistic_regression"]["test"]["accuracy"] > 0.5


def test_the_majority_baseline_says_the_shares_of_training(data):
    task, _ = task_and_built(data)
    part = task.parts["train"]
    found = task.baselines()["majority"](part.images[:2])
    np.testing.assert_allclose(found[1], np.bincount(part.labels) / len(part))


def test_predictions_are_those_of_the_saved_model(run, data):
    header, *_ = rows_of(run / "predictions.csv")
    assert header == [
        "index", "label", "prediction", "probability", "entropy",
        "probability:bottom", "probability:middle", "probability:top",
    ]  # fmt: skip
    sources, labels, predictions, found = numbers_of(run)
    x, y = pictures()
    rows = [int(source) for source in sources]
    assert (y[rows] == labels).all()
    model = zoo.load(run)
    assert not model.compiled
    np.testing.assert_allclose(model.predict(x[rows], verbose=0), found, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert np.mean(labels == predictions) == pytest.approx(metrics_of(run)["test"]["accuracy"])
    predictor = zoo.Predictor(model)
    assert predictor.labels == ["bottom", "middle", "top"]
    assert (predictor.predict_classes(x[rows]) == predictions).all()


def test_the_model_of_a_run_names_the_classes_of_pictures(run, data):
    found = zoo.load(run).predict(list(pictures()[0][:5]))
    header, *rows = predict(run, data)
    assert list(found) == [name for name in header if name != "label"]
    assert found["prediction"].tolist() == [row[2] for row in rows[:5]]
    assert found["probability"].tolist() == [float(row[3]) for row in rows[:5]]


def test_the_model_of_a_run_takes_paths_of_pictures(run, tmp_path, capsys):
    files = [tmp_path / f"{index}.png" for index in range(3)]
    for file, x in zip(files, pictures()[0], strict=False):
        Image.fromarray(x).save(file)
    model = zoo.load(run)
    found = model.predict([str(file) for file in files])
    assert found["prediction"].tolist() == model.predict(tmp_path)["prediction"].tolist()
    assert not capsys.readouterr().err


def test_the_report_is_readable(run):
    text = (run / "report.md").read_text()
    for line in (
        "| mlp | test | ", "| logistic_regression | validation | ", "## Classes",
        "| class | precision | recall | F1 | examples |", "## Uncertainty",
        "| one prediction, temperature ", "![Confusion matrix, on the test part]",
    ):  # fmt: skip
        assert line in text
    for target in re.findall(r"\]\((plots/[^)]+)\)", text):
        assert (run / target).exists()


def test_config_says_what_ran(run):
    facts = yaml.safe_load((run / "config.yaml").read_text())["run"]
    assert facts["labels"] == ["bottom", "middle", "top"]
    assert (facts["image_shape"], facts["recipe"]) == ([6, 5], "images")


def test_tensorboard_has_matrices_and_curves(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = EventAccumulator(str(run)).Reload().Tags()
    assert "confusion_matrix" in tags["images"]
    assert [tag for tag in tags["tensors"] if "pr_curve" in tag] == [
        f"pr_curve/{name}" for name in ("bottom", "middle", "top")
    ]


@pytest.mark.slow  # tables and forecasts ask the same every day
def test_the_same_seed_gives_the_same_run(run, train):
    again = metrics_of(train(compiled=True))
    for name in ("train", "validation", "test"):
        assert again[name] == metrics_of(run)[name]
    assert metrics_of(train(seed=7))["test"] != metrics_of(run)["test"]


# Scaling, weights, what is watched


def test_pixels_are_standardised_inside(data):
    task, built = task_and_built(data)
    x = task.parts["train"].images
    found = np.asarray(built.model.get_layer("scaling")(x.astype("float32")))
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-3)
    _, built = task_and_built(data, normalization="rescale")
    found = np.asarray(built.model.get_layer("scaling")(np.float32(255 * np.ones((1, 6, 5)))))
    np.testing.assert_allclose(found, 1)


def test_a_pixel_that_never_changes_stays_small(data):
    task, _ = task_and_built(data)
    part = task.parts["train"]
    part.images[:, 0, 0] = 3
    mean, deviation = replace(task, remarks=()).scaling
    assert (mean[0, 0], deviation[0, 0]) == (3, 2)
    np.testing.assert_allclose(deviation[1:], part.images[:, 1:].std(axis=0))


def test_balanced_classes_weigh_alike_and_are_chosen_by_the_loss(tmp_path):
    x, y = pictures()
    keep = (y != "top") | (np.arange(90) % 2 == 0)
    np.savez(tmp_path / "a.npz", x=x[keep], y=y[keep])
    task, built = task_and_built(tmp_path / "a.npz", class_weight="balanced")
    assert (built.monitor, built.mode) == ("val_loss", "min")
    batches = task.batches("train", built)
    _, labels, weights = batches.assemble(batches.order())
    totals = np.bincount(labels, weights)
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)
    _, plain = task_and_built(tmp_path / "a.npz")
    assert (plain.monitor, plain.mode) == ("val_accuracy", "max")
    assert len(task.batches("train", plain).assemble(np.arange(2))) == 3


def test_label_smoothing_reaches_the_loss(data):
    _, plain = task_and_built(data)
    _, smooth = task_and_built(data, label_smoothing=0.3)
    label, sure = np.array([0]), np.float32([[9.0, -9.0, -9.0]])
    assert float(plain.loss(label, sure)) < 1e-4
    assert float(smooth.loss(label, sure)) == pytest.approx(0.2 * 18, rel=1e-3)


# Pictures of what a convolutional network does


def test_class_maps_add_up_to_the_logits(data):
    from recipes.images import plots

    flags = {"model": "small_resnet", "model_arguments": {"filters": [4, 5]}}
    task, built = task_and_built(data, **flags)
    core = shaken(built.model.get_layer("small_resnet"))
    part = task.parts["test"]
    classes = np.arange(len(part)) % 3
    maps = plots.class_maps(built.model, part.images, classes)
    assert maps.shape == (len(part), 2, 2)
    logits = np.asarray(built.training_model(part.images))
    bias = np.asarray(core.get_layer("head").bias)
    assert_close(maps.mean(axis=(1, 2)) + bias[classes], logits[np.arange(len(part)), classes])
    probabilities = np.asarray(built.model(part.images))
    drawn = [
        axis for axis in plots.where_seen(built.model, part, probabilities).axes if axis.images
    ]
    assert all(len(axis.images) == 2 for axis in drawn)
    assert len([a for a in plots.first_filters(built.model).axes if a.images]) == 4
    _, dense = task_and_built(data)
    assert plots.class_maps(dense.model, part.images, classes) is None
    assert plots.first_filters(dense.model) is None


def test_a_pretrained_network_is_frozen_at_first(tmp_path):
    x, y = pictures(30, channels=(3,))
    np.savez(tmp_path / "a.npz", x=x.repeat(6, axis=1).repeat(7, axis=2)[:, :32, :32], y=y)
    small = {"backbone": "MobileNet", "weights": "random", "width": 0.25}
    flags = {"model": "pretrained", "normalization": "none", "model_arguments": small}
    _, built = task_and_built(tmp_path / "a.npz", **flags)
    assert len(built.training_model.trainable_weights) == 2
    assert built.notes[0].startswith("mobilenet_0.25_32 frozen (--model small_resnet ")
    with pytest.raises(UserError, match="There is no file nowhere"):
        task_and_built(
            tmp_path / "a.npz", **{**flags, "model_arguments": {**small, "weights": "nowhere"}}
        )


@pytest.mark.slow
def test_a_pretrained_network_is_thawed(tmp_path):
    x, y = pictures(30, channels=(3,))
    np.savez(tmp_path / "a.npz", x=x.repeat(6, axis=1).repeat(7, axis=2)[:, :32, :32], y=y)
    small = {"backbone": "MobileNet", "weights": "random", "width": 0.25}
    flags = {"model": "pretrained", "normalization": "none", "model_arguments": small}
    _, built = task_and_built(tmp_path / "a.npz", frozen_epochs=1, **flags)
    assert len(built.training_model.trainable_weights) == 29
    assert "frozen for 1 epoch " in built.notes[0]


# Calibration and Monte-Carlo dropout


def test_calibration_divides_the_logits(data):
    task, built = task_and_built(data)
    x = task.parts["validation"].images
    labels = task.parts["validation"].labels
    head = built.model.get_layer("mlp").get_layer("head")
    head.set_weights([8 * weight for weight in head.get_weights()])  # far too sure
    before = built.training_model.predict_on_batch(x)
    scores = classification_scores(labels, built.model.predict_on_batch(x))
    temperature = built.finish()["temperature"]
    assert temperature > 1.5
    after = built.training_model.predict_on_batch(x)
    np.testing.assert_allclose(after * temperature, before, rtol=1e-4, atol=1e-5)
    better = classification_scores(labels, built.model.predict_on_batch(x))
    assert better["accuracy"] == scores["accuracy"]
    assert better["nll"] < scores["nll"]


def test_calibration_can_be_left_out(data):
    assert task_and_built(data, calibrate=False)[1].finish is None


def test_samples_are_averaged_and_repeat(data, sampled):
    x, _ = pictures()
    sources, _, _, found = numbers_of(sampled)
    rows = [int(source) for source in sources]
    model = zoo.load(sampled)
    classify = Classifier(model, mc_samples=8, seed=42)
    np.testing.assert_allclose(classify(x[rows]), found, rtol=1e-6)
    samples = classify.samples(x[rows])
    assert samples.shape == (8, len(rows), 3)
    np.testing.assert_allclose(samples.mean(axis=0), found, rtol=1e-6)
    assert samples.std(axis=0).max() > 0
    softer = classify.tempered(x[rows], 2.0)
    by_hand = np.sqrt(samples) / np.sqrt(samples).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(softer, by_hand.mean(axis=0), rtol=1e-5)
    assert predict(sampled) == rows_of(sampled / "predictions.csv")
    text = (sampled / "report.md").read_text()
    assert "| mean of 8 with dropout | " in text
    assert "| mean of 8 with dropout, temperature " in text


def test_samples_need_dropout(train, capsys):
    folder = train(status=2, mc_samples=5, **{"model.dropout": 0})
    assert "--mc_samples needs a model with dropout" in capsys.readouterr().err
    assert not folder.exists()


# Flags


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"model.output_activation": "softmax"}, "--model.output_activation follows"),
        ({"model.unit": 3}, "mlp has no argument 'unit'"),
        ({"model": "autoencoder"}, "autoencoder has no argument"),
        ({"model": "lenet5", "model.dropout": None}, "lenet5 needs pictures of 28 pixels"),
        ({"model": "wavenet", "model.dropout": None}, "The model cannot be built"),
        ({"dataset": "digits"}, "Give either --dataset or --data, not both"),
        ({"labels": "top,botom"}, "Did you mean bottom"),
        ({"image_size": "4"}, "a height and a width"),
        ({"data": "nowhere"}, "There is no file or folder nowhere"),
    ],
)
def test_mistakes_end_with_status_2_and_write_nothing(train, capsys, flags, message):
    if flags.get("model"):
        flags = {**flags, "model.units": None}
    folder = train(status=2, **flags)
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_large_sets_get_smaller_baselines(data):
    task, _ = task_and_built(data)
    part = task.parts["train"]
    assert baselines.notes(part) == ()
    with (
        mock.patch.object(baselines, "MAX_LOGISTIC", 30 * 20),
        mock.patch.object(baselines, "MAX_BOOSTING", 10),
    ):
        first, second = baselines.notes(part)
        found = baselines.fit(part)
    assert first == "logistic_regression is fitted on 20 of 64 training images"
    assert second.startswith("gradient_boosting is left out")
    assert list(found) == ["majority", "logistic_regression"]
    assert found["logistic_regression"](part.images).shape == (64, 3)
    with mock.patch.object(baselines, "MAX_BOOSTING", 60 * 30 * 3):
        assert baselines.notes(part) == ("gradient_boosting is fitted on 60 of 64 training images",)
        assert baselines.fit(part)["gradient_boosting"](part.images).shape == (64, 3)


@pytest.mark.parametrize("name", [n for n in PRESETS if "48" not in n and "53" not in n])
def test_presets_are_flags_of_models_that_can_be_built(name):
    from recipes.engine.arguments import parse

    config = parse("images", ["--preset", name])
    config.validate()
    assert config.model in ("mlp", "cnn")
    if config.model == "cnn":
        model = zoo.cnn((28, 28), 10, "multiclass", **config.model_arguments)
        assert model.count_params() == {"53": 1_413_834, "102": 1_625_866}[name.split("-")[-1]]
    elif len(config.model_arguments.get("units", ())) < 50:
        model = zoo.mlp((28, 28), 10, "multiclass", **config.model_arguments)
        if name == "ml2-ch10-57":
            assert model.count_params() == 266_610
        if name == "ml3-ch11-80":
            assert model.count_params() == 99_710


def test_the_book_prints_what_presets_are_named_after():
    assert set(BOOK_ACCURACY) <= set(PRESETS)


def test_the_search_space_can_be_built(data):
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    found = images.search_space(hp)
    assert {"num_blocks", "dropout"} <= set(hp.values)
    task_and_built(data, model="small_resnet", **found)
