"""`zoo train images` and `zoo predict` from end to end, on tiny pictures."""

import contextlib
import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

import zoo
from recipes import images
from recipes.classification.scores import classification_scores
from recipes.cli import main
from recipes.errors import UserError
from recipes.images import baselines
from recipes.images.classifier import Classifier
from recipes.images.presets import PRESETS
from scripts.benchmarks.images import BOOK_ACCURACY
from tests.shared import TIMES, assert_close, shaken

TINY = {
    "epochs": 3, "batch_size": 8, "learning_rate": 0.01, "jit_compile": "false",
    "progress": "false", "model": "mlp", "model.units": "[12,6]",
    "model.dropout": "0.1", "weight_decay": "0",
}  # fmt: skip
NAMES = ("top", "middle", "bottom")


def pictures(count=90, channels=(), seed=0):
    """Pictures with a bright band, whose height is the class; noisy, one in ten mislabelled."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = generator.integers(0, 120, (count, 6, 5, *channels))
    for index, label in enumerate(labels):
        x[index, 2 * label : 2 * label + 2] += 60
    labels = np.where(generator.random(count) < 0.1, generator.integers(0, 3, count), labels)
    return x.astype(np.uint8), np.array(NAMES)[labels]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "bands.npz"
    x, y = pictures()
    np.savez(path, x=x, y=y)
    return path


@pytest.fixture(scope="module")
def train(trainer, data):
    """Calls `zoo train images` with a tiny model and returns the folder of the run."""
    run = trainer("images", **TINY, data=data)

    def train(*flags, boost=False, **settings):
        with contextlib.ExitStack() as stack:
            if not boost:  # which takes longer than training here, as drawing does
                stack.enter_context(mock.patch.object(baselines, "MAX_BOOSTING", 0))
            return run(*flags, **settings)

    return train


@pytest.fixture(scope="module")
def run(train):
    """A plain run, pictures, boosting and all."""
    return train(draw=True, boost=True)


@pytest.fixture(scope="module")
def sampled(train):
    """A run with Monte-Carlo dropout."""
    return train(mc_samples=8, compiled=True)


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def rows_of(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def numbers_of(run):
    """Sources, labels, predictions and class probabilities in a run's table."""
    _, *rows = rows_of(run / "predictions.csv")
    columns = list(zip(*rows, strict=True))
    found = np.float32([row[5:] for row in rows])
    return columns[0], np.array(columns[1]), np.array(columns[2]), found


def predict(run, *arguments):
    output = Path(run).parent / "out.csv"
    assert main(["predict", str(run), *map(str, arguments), "-o", str(output)]) == 0
    return rows_of(output)


def task_and_built(data, **flags):
    """What the recipe makes of the tiny settings, in this process."""
    defaults = {"data": str(data), "dataset": None, "batch_size": 8, "jit_compile": False}
    arguments = {"units": [12, 6], "dropout": 0.1}
    config = replace(
        images.default_config(own_data=True, model="mlp"),
        **{**defaults, "model_arguments": arguments, "epochs": 2, **flags},
    )
    config.validate()
    keras.utils.set_random_seed(1)
    task = images.load_data(config)
    return task, images.build_model(config, task)


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
    assert built.notes == ("mobilenet_0.25_32 frozen",)
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
    assert "frozen for 1 epochs" in built.notes[0]


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


# Predict


def test_predict_repeats_the_run(run):
    assert predict(run) == rows_of(run / "predictions.csv")


def test_predict_from_arrays_folders_and_single_pictures(run, tmp_path):
    x, y = pictures(6, seed=5)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    header, *with_labels = predict(run, tmp_path / "a.npz")
    assert header[:2] == ["index", "label"]
    assert [row[1] for row in with_labels] == y.tolist()
    np.savez(tmp_path / "b.npz", x=x)
    header, *rows = predict(run, tmp_path / "b.npz")
    assert [row[1:] for row in rows] == [row[2:] for row in with_labels]
    deep = tmp_path / "folder" / "deep"
    deep.mkdir(parents=True)
    for index, picture in enumerate(x):
        Image.fromarray(picture).save(deep / f"{index}.png")
    header, *rows = predict(run, tmp_path / "folder")
    assert header[:2] == ["file", "prediction"]
    assert [row[0] for row in rows] == [str(Path("deep", f"{index}.png")) for index in range(6)]
    assert [row[1:] for row in rows] == [row[2:] for row in with_labels]
    (one,) = predict(run, deep / "3.png")[1:]
    assert one == ["3.png", *with_labels[3][2:]]
    table = tmp_path / "named.csv"
    table.write_text(
        "path\n" + "".join(f"{(deep / f'{n}.png').relative_to(tmp_path)}\n" for n in (3, 1))
    )
    named = predict(run, table)[1:]
    assert [row[1:] for row in named] == [with_labels[n][2:] for n in (3, 1)]
    assert named[0][0] == str((deep / "3.png").relative_to(tmp_path))


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((6, 5, 3), np.uint8), "Expected grey images"),
        (b"broken", "Cannot read the image"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(run, tmp_path, capsys, picture, message):
    path = tmp_path / "a.png"
    path.write_bytes(picture) if isinstance(picture, bytes) else Image.fromarray(picture).save(path)
    output = tmp_path / "out.csv"
    assert main(["predict", str(run), str(path), "-o", str(output)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "a.png" in error
    assert not output.exists()


def test_a_folder_of_coloured_pictures(train, tmp_path, capsys):
    x, y = pictures(channels=(3,))
    for index, (picture, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "classes" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "classes" / label / f"{index}.png")
    (tmp_path / "classes" / "notes.txt").write_text("hello")
    flags = {"image_size": "8,4", "class_weight": "balanced", "compiled": True}
    run = train(data=tmp_path / "classes", **flags)
    assert zoo.load(run).input_shape == (None, 8, 4, 3)
    assert "left out: notes.txt" in (run / "report.md").read_text()
    header, *rows = rows_of(run / "predictions.csv")
    assert header[:2] == ["file", "label"]
    assert all(Path(row[0]).parent.name == row[1] for row in rows)
    assert predict(run) == [header, *rows]
    again = {row[0]: row[1:] for row in predict(run, tmp_path / "classes")[1:]}
    assert all(again[row[0]] == row[2:] for row in rows)
    grey = tmp_path / "grey.png"  # of another size, too
    Image.fromarray(x[0, :, :, 0]).save(grey)
    assert predict(run, grey)[1][0] == "grey.png"


def test_photos_of_many_sizes_train_the_default(train, tmp_path, capsys):
    """From the folder to predictions: a residual network, which sees photos and mirror images."""
    generator = np.random.default_rng(3)
    for index in range(24):
        name = ("dark", "light")[index % 2]
        size = (9 + index % 3, 12 + index % 5, 3)
        pixels = generator.integers(0, 120, size) + 120 * (index % 2)
        (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{index}.png")
    (tmp_path / "photos" / "dark" / "torn.png").write_bytes(b"torn")
    flags = {"model.units": None, "model.dropout": None, "model.filters": 4, "epochs": 1}
    run = train(data=tmp_path / "photos", model="small_resnet", skip_broken="true", **flags)
    model = zoo.load(run)
    assert model.input_shape == (None, 10, 10, 3)
    x = generator.integers(0, 255, (3, 10, 10, 3)).astype(np.uint8)
    np.testing.assert_allclose(model(x), model(x[:, :, ::-1]), rtol=1e-4)
    text = (run / "report.md").read_text()
    assert "1 of 25 images cannot be read, left out: " in text
    assert "24 of 24 images resized to 10 x 10 pixels" in text
    assert "training images are mirrored, moved by up to 1 pixels at random" in text
    _, *rows = predict(run, tmp_path / "photos")
    assert len(rows) == 24
    assert "left out: " in capsys.readouterr().err


def test_twelve_bits_are_scaled_alike_in_training_and_prediction(train, tmp_path, capsys):
    x, y = pictures()
    for index, (picture, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "classes" / label).mkdir(parents=True, exist_ok=True)
        deep = picture.astype(np.uint16) * 16 + 5  # up to 2,869
        Image.fromarray(deep).save(tmp_path / "classes" / label / f"{index}.png")
    run = train(data=tmp_path / "classes", compiled=True)
    said = "images of 16 bits or more hold values up to 2,869: read as 12 bits"
    assert said in (run / "report.md").read_text()
    assert yaml.safe_load((run / "config.yaml").read_text())["run"]["image_depth"] == {"bits": 12}
    assert predict(run) == rows_of(run / "predictions.csv")
    dark = tmp_path / "dark"
    dark.mkdir()
    for index, picture in enumerate(x[:12]):
        Image.fromarray(picture.astype(np.uint16)).save(dark / f"{index}.png")
    capsys.readouterr()

    def probabilities(run):
        _, *rows = predict(run, dark)
        assert [row[0] for row in rows] == [f"{index}.png" for index in range(12)]
        return np.array([row[4:] for row in rows], float)

    model = zoo.load(run)
    expected = model.predict(x[:12] >> 4, verbose=0)
    np.testing.assert_allclose(probabilities(run), expected, rtol=1e-5, atol=1e-7)
    top = x[:12].max()
    assert (
        f"note: images of 16 bits or more hold values up to {top}: read" in capsys.readouterr().err
    )
    # Runs of before, which do not say it, took all 16 bits for granted.
    former = tmp_path / "former"
    shutil.copytree(run, former)
    saved = yaml.safe_load((former / "config.yaml").read_text())
    del saved["run"]["image_depth"], saved["run"]["sha256"]
    (former / "config.yaml").write_text(yaml.safe_dump(saved))
    expected = model.predict(np.zeros_like(x[:12]), verbose=0)
    np.testing.assert_allclose(probabilities(former), expected, rtol=1e-5, atol=1e-7)
    sources = [row[0] for row in rows_of(former / "predictions.csv")[1:]]
    _, *rows = predict(former)
    assert [row[0] for row in rows] == sources
    deep = [np.asarray(Image.open(tmp_path / "classes" / source)) >> 8 for source in sources]
    expected = model.predict(np.array(deep, np.uint8), verbose=0)
    found = np.array([row[5:] for row in rows], float)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_other_mistakes_at_prediction(run, tmp_path, capsys):
    x, y = pictures(6)
    np.savez(tmp_path / "a.npz", x=x, y=np.where(y == "top", "left", y))
    assert predict(run, tmp_path / "a.npz")[1][1] == "left"
    assert "classes that the model has never seen ('left')" in capsys.readouterr().err
    np.savez(tmp_path / "b.npz", x=x[:, :4])
    (tmp_path / "empty").mkdir()
    for arguments, message in [
        ([tmp_path / "b.npz"], "Expected images of shape (6, 5)"),
        ([tmp_path / "empty"], "There are no images in"),
        ([tmp_path / "nothing"], "There is no file"),
        ([tmp_path / "b.npz", "--backtest"], "--backtest is for runs of forecast: leave it out"),
    ]:
        assert main(["predict", str(run), *map(str, arguments)]) == 2
        assert message in capsys.readouterr().err


# Transfer and pretraining


def blocks(model):
    return [block[0].get_weights() for block in zoo.transfer.hidden_blocks(model)]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_copied_layers_stay_as_they_are(run, train):
    copied = train("--labels", "top,bottom", transfer_from=run, freeze=1)
    source, found = zoo.load(run), zoo.load(copied)
    assert same(blocks(source)[0], blocks(found)[0])
    assert not same(blocks(source)[1], blocks(found)[1])
    assert zoo.Predictor(found).labels == ["top", "bottom"]
    scaling = [model.get_layer("scaling") for model in (source, found)]
    x = np.float32(np.arange(30).reshape(1, 6, 5))
    np.testing.assert_array_equal(*[np.asarray(layer(x)) for layer in scaling])
    text = (copied / "report.md").read_text()
    assert f"- hidden_0 copied from {run} and frozen\n" in text


def test_all_layers_are_copied_by_default_and_trained_after_a_while(run, data):
    _, built = task_and_built(data, transfer_from=str(run), frozen_epochs=1)
    source = zoo.load(run)
    for theirs, ours in zip(blocks(source), blocks(built.model), strict=True):
        assert same(theirs, ours)
    heads = [m.get_layer("mlp").get_layer("head").get_weights() for m in (source, built.model)]
    assert not same(*heads)
    assert all(layer.trainable for layer in built.model.get_layer("mlp").layers)
    assert "frozen for 1 epoch " in built.notes[0]
    _, still = task_and_built(data, transfer_from=str(run))
    assert [w.path.split("/")[0] for w in still.training_model.trainable_weights] == ["head"] * 2


def test_the_rate_of_the_frozen_epochs(run, data, quickly):
    flags = {"transfer_from": str(run), "frozen_epochs": 1, "learning_rate": 0.01}
    with quickly():
        heads = [
            task_and_built(data, **flags, **more)[1].model.get_layer("mlp").get_layer("head")
            for more in ({}, {"frozen_learning_rate": 0.01}, {"frozen_learning_rate": 0.1})
        ]
    assert same(heads[0].get_weights(), heads[1].get_weights())
    assert not same(heads[0].get_weights(), heads[2].get_weights())


@pytest.mark.parametrize(
    "flags",
    [
        # Tables, language models and forecasts go on every day.
        pytest.param(("--frozen_epochs", 2), marks=pytest.mark.slow),
        pytest.param(("--pretrain", "autoencoder", "--pretrain_epochs", 1), marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_starts_as_it_did(run, train, undrawn, flags):
    if "--frozen_epochs" in flags:
        flags = ("--transfer_from", run, *flags)
    flags = (*flags, "--epochs", 4)
    whole = train(*flags, compiled=True)

    class Cut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with mock.patch("recipes.engine.fitting._profiler", return_value=[Cut()]):
        cut = train(*flags, status=130, compiled=True)
    assert not (cut / "metrics.json").exists()
    with undrawn(), mock.patch.object(baselines, "MAX_BOOSTING", 0):
        assert main(["train", "--resume", str(cut)]) == 0
    results = [metrics_of(folder) for folder in (whole, cut)]
    assert results[0] | TIMES == results[1] | TIMES
    for one, other in zip(*[zoo.load(path).get_weights() for path in (whole, cut)], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"transfer_from": "nowhere"}, "There is no run nowhere"),
        ({"freeze": 3}, "num_layers must be a whole number from 0 to 2"),
        ({"model_arguments": {"units": [12, 7]}}, "Hidden layer 1"),
    ],
)
def test_layers_that_cannot_be_copied(run, data, flags, message):
    with pytest.raises(UserError, match=message):
        task_and_built(data, **{"transfer_from": str(run), **flags})


def test_layers_of_other_pictures_cannot_be_copied(run, tmp_path):
    x, y = pictures()
    np.savez(tmp_path / "a.npz", x=x[:, :4], y=y)
    with pytest.raises(UserError, match=r"trained on images of shape \(6, 5\)"):
        task_and_built(tmp_path / "a.npz", transfer_from=str(run))


def test_an_autoencoder_comes_first(data):
    with mock.patch("zoo.transfer.copy_layers", wraps=zoo.transfer.copy_layers) as copied:
        task, built = task_and_built(data, pretrain="autoencoder", pretrain_epochs=2, train_size=9)
    coder = copied.call_args.args[0]
    assert same(blocks(coder)[0], blocks(built.model)[0])
    assert same(blocks(coder)[1], blocks(built.model)[1])
    assert (len(task.unlabelled), len(task.parts["train"])) == (64, 9)
    assert "pretrained as an autoencoder on 64 images for 2 epochs" in built.notes[0]


@pytest.mark.slow  # test_an_autoencoder_comes_first asks whether it is used
def test_pretraining_learns_to_reproduce(data):
    errors = []
    for epochs in (1, 10):
        _, built = task_and_built(
            data, pretrain="autoencoder", pretrain_epochs=epochs, learning_rate=0.01
        )
        errors.append(float(re.search(r"squared error ([\d.]+)", built.notes[0])[1]))
    assert errors[1] < 0.8 * errors[0]


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
