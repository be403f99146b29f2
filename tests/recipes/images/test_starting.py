"""What a network of pictures begins with: layers of another run, an autoencoder's."""

import re
import sys
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest

import zoo
from recipes.cli import main
from recipes.data.download import keras_home
from recipes.engine import checking
from recipes.errors import UserError
from recipes.images import RECIPE, ImagesConfig, baselines, default_config, starting
from recipes.images.recipe import WEIGHTS
from tests.recipes.images.bands import metrics_of, pictures, task_and_built
from tests.shared import TIMES


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


@pytest.fixture(scope="module")
def drawers(trainer, data):
    """Runs of generate_images on the same pictures."""
    tiny = {"epochs": 1, "batch_size": 32, "progress": "false", "score_samples": 50, "data": data}
    run = trainer("generate_images", **tiny)
    return {
        "autoencoder": run(**{"model": "autoencoder", "model.units": "[8,3]"}),
        "gan": run(**{"model": "gan", "model.units": "[6]", "model.code_size": 3}),
    }


@pytest.mark.parametrize("name", ["autoencoder", "gan"])
def test_a_network_is_made_of_an_encoder_or_a_discriminator(drawers, data, name):
    _, built = task_and_built(data, pretrain=str(drawers[name]), model_arguments={})
    source = zoo.load(drawers[name])
    part = source if name == "autoencoder" else source.get_layer("discriminator")
    learned = [weight for layer in part.layers for weight in layer.get_weights()]
    encoder = built.model.get_layer("classifier").get_layer("encoder").get_weights()
    assert encoder
    assert same(encoder, learned[: len(encoder)])
    scaled = built.model.get_layer("scaling")(np.float32([[0, 255]]))
    np.testing.assert_allclose(scaled, [[0 if name == "autoencoder" else -1, 1]])
    assert built.notes[0] == f"starts from the encoder of {drawers[name]}, whatever --model says"
    frozen = task_and_built(data, pretrain=str(drawers[name]), frozen_epochs=1)[1]
    assert "frozen for 1 epoch " in frozen.notes[0]
    assert same(encoder, frozen.model.get_layer("classifier").get_layer("encoder").get_weights())


def test_a_run_on_an_encoder_from_end_to_end(drawers, train):
    folder = train("--pretrain", drawers["gan"], **{"model.units": None, "model.dropout": None})
    assert metrics_of(folder)["test"]["accuracy"] > 0
    assert metrics_of(folder)["model"] == "gan"
    assert main(["predict", str(folder), "-o", str(folder / "out.csv")]) == 0


def test_runs_that_cannot_be_built_on(drawers, run, data, tmp_path):
    x, y = pictures()
    np.savez(tmp_path / "a.npz", x=x[:, :4], y=y)
    for source, path, message in (
        (run, data, "--pretrain needs a run of the generate_images recipe. Received: .* of images"),
        ("nowhere", data, "There is no run nowhere"),
        (drawers["gan"], tmp_path / "a.npz", r"trained on images of shape \(6, 5\)"),
    ):
        with pytest.raises(UserError, match=message):
            task_and_built(path, pretrain=str(source))
    arguments = {"outputs": 3, "head": "multiclass"}
    with pytest.raises(UserError, match=r"--pretrain RUN: Expected an autoencoder.*'diffusion'"):
        starting.core_on(SimpleNamespace(pretrain="RUN"), None, zoo.diffusion((4, 4)), arguments)


@pytest.mark.parametrize(("flag", "hint"), [("pretrain", True), ("transfer_from", False)])
def test_a_way_to_start_that_is_misspelt_is_known(tmp_path, monkeypatch, flag, hint):
    monkeypatch.chdir(tmp_path)  # where no runs are
    monkeypatch.delitem(sys.modules, "keras")  # before which it is looked for
    config = ImagesConfig(model="mlp", dataset="digits", **{flag: "autoencodr"})
    with pytest.raises(UserError, match="There is no run autoencodr") as caught:
        checking.check("images", config)
    assert ("Did you mean autoencoder?" in str(caught.value)) == hint


# A network that knows ImageNet


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """The weights lie where Keras keeps what it has downloaded."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = tmp_path / "models" / WEIGHTS
    file.parent.mkdir()
    file.touch()
    return file


def sized(side=64, model=None, **flags):
    task = SimpleNamespace(shape=(side, side, 3), parts={"train": range(100)})
    config = replace(default_config(None, True, model), **flags)
    config.validate()
    return RECIPE.sized(config, task)


def test_photos_start_from_weights_that_are_here(cached):
    assert sized() == default_config(None, True, "pretrained")
    found = sized(learning_rate=0.1, epochs=3, augment="none")
    assert (found.model, found.normalization) == ("pretrained", "none")
    assert (found.learning_rate, found.epochs, found.augment) == (0.1, 3, "none")
    assert sized(side=63).model == "small_resnet"
    cached.unlink()
    assert sized() == replace(sized(model="small_resnet"), pretrain="none")


@pytest.mark.parametrize(
    "flags",
    [
        {"model": "small_resnet"},
        {"pretrain": "none"},
        {"model_arguments": {"num_blocks": 1}},
        {"transfer_from": "run"},
    ],
    ids=str,
)
def test_what_flags_say_is_not_replaced(cached, flags):
    found = sized(**flags)
    assert (found.model, found.pretrain, found.normalization) == ("small_resnet", "none", "channel")


def test_keras_calls_the_weights_so(capsys):
    if (keras_home() / "models" / WEIGHTS).is_file():
        assert zoo.pretrained((32, 32, 3)).get_layer("efficientnetv2-b0")
    else:  # no test reaches the network
        with pytest.raises(ValueError, match="cannot be downloaded"):
            zoo.pretrained((32, 32, 3))
        assert f"/{WEIGHTS}\n" in capsys.readouterr().out
