"""Networks of keras.applications: their preprocessing, their weights, what is trained."""

import keras
import numpy as np
import pytest

import zoo
from tests.shared import assert_close
from zoo.catalog import CATALOG
from zoo.models import pretrained

SMALL = {"backbone": "MobileNet", "weights": "random", "width": 0.25}
SHAPE = (32, 32, 3)


def test_every_network_of_keras_is_there():
    assert {"MobileNetV2", "ResNet50", "EfficientNetV2B0"} <= set(pretrained.backbones())
    assert len(pretrained.backbones()) > 30


@pytest.mark.parametrize("module", [*pretrained.PREPROCESSING, "efficientnet_v2", "convnext"])
def test_preprocessing_is_that_of_keras(module):
    pixels = np.random.default_rng(1).integers(0, 256, (1, 2, 2, 3)).astype("float32")
    expected = getattr(keras.applications, module).preprocess_input(pixels.copy())
    found = pretrained._preprocessed(keras.ops.convert_to_tensor(pixels), module)
    assert_close(found, expected, least=255.0)


def test_only_the_head_is_trained_until_the_rest_is_thawed():
    model = zoo.pretrained(SHAPE, 3, "multiclass", **SMALL)
    assert [weight.path.split("/")[0] for weight in model.trainable_weights] == ["head"] * 2
    zoo.transfer.unfreeze(model, batch_normalization=False)
    assert len(model.trainable_weights) == 29
    x = np.random.default_rng(2).integers(0, 256, (4, *SHAPE)).astype("float32")
    before = [np.array(w) for w in model.non_trainable_weights if "moving" in w.path]
    model(x, training=True)
    for weight, value in zip(
        [w for w in model.non_trainable_weights if "moving" in w.path], before, strict=True
    ):
        np.testing.assert_array_equal(weight, value)


def test_weights_of_a_file(tmp_path):
    arguments = {"include_top": False, "weights": None, "pooling": "avg", "alpha": 0.25}
    body = keras.applications.MobileNet(input_shape=SHAPE, **arguments)
    path = tmp_path / "own.weights.h5"
    body.save_weights(path)
    model = zoo.pretrained(SHAPE, **{**SMALL, "weights": str(path)})
    x = np.random.default_rng(3).integers(0, 256, (2, *SHAPE)).astype("float32")
    scaled = keras.applications.mobilenet.preprocess_input(x.copy())
    features = keras.Model(model.input, model.get_layer("dropout").output)
    assert_close(features(x), body(scaled))
    with pytest.raises(
        ValueError, match=r"own\.weights\.h5 does not hold the weights of MobileNet"
    ):
        zoo.pretrained(SHAPE, **{**SMALL, "weights": str(path), "width": 0.5})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "ResNet51"}, "Expected one of ConvNeXtBase"),
        ({"weights": "nowhere.h5"}, "There is no file nowhere.h5"),
        ({"backbone": "VGG16"}, "VGG16 has no width to choose"),
        ({"input_shape": (32, 32, 4)}, "1 or 3 channels"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.pretrained(**{"input_shape": SHAPE, **SMALL, **arguments})


@pytest.mark.slow
def test_the_catalogue_counts_the_default_backbone():
    (info,) = [each for each in CATALOG if each.name == "pretrained"]
    model = zoo.pretrained(SHAPE, weights="random")
    assert model.count_params() == info.parameters


@pytest.mark.hub
def test_the_published_weights_know_what_they_see():
    model = zoo.pretrained((96, 96, 3), backbone="MobileNetV2")
    features = keras.Model(model.input, model.get_layer("dropout").output)
    assert float(keras.ops.mean(features(np.full((1, 96, 96, 3), 127.0)))) > 0
