"""Networks for pictures against the published ones, and what is special to them."""

import keras
import numpy as np
import pytest

import zoo
from tests.shared import assert_close, shaken
from zoo.models.resnet import residual_unit

PHOTOS = {"input_shape": (None, None, 3), "outputs": 1000, "head": "multiclass"}
DIGITS = {"input_shape": (28, 28), "outputs": 10, "head": "multiclass"}


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.slow  # to draw so many weights; the catalogue's counts are asked for every day
@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("cnn", DIGITS, 1_413_834),  # book, chapter 14, third edition cell 53
        ("lenet5", DIGITS, 61_706),
        ("resnet", {**PHOTOS, "depth": 18}, 11_689_512),  # torchvision
        ("resnet", PHOTOS, 21_797_672),
        ("resnet", {**PHOTOS, "depth": 50}, 25_557_032),
        ("resnet", {**PHOTOS, "depth": 50, "squeeze_excitation": True}, 28_088_024),  # timm
        ("xception", PHOTOS, 22_855_952),  # keras.applications
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_parameters_are_the_published_ones(name, arguments, count):
    assert trainable(zoo.create_model(name, **arguments)) == count


def test_the_small_network_has_the_stages_that_a_picture_allows():
    def filters(side):
        model = zoo.small_resnet((side, side, 3))
        return [layer.filters for layer in model.layers if layer.name.endswith("conv_1")]

    assert filters(8) == [32, 64]
    assert filters(28) == [32, 64, 128]
    assert filters(256) == [32, 64, 128, 256, 256]
    assert zoo.small_resnet((28, 28), filters=(32, 64)).count_params() < 100_000


def test_a_residual_network_starts_with_units_that_change_nothing():
    inputs = keras.Input((6, 6, 4))
    unit = keras.Model(inputs, residual_unit(inputs, 4))
    x = np.random.default_rng(1).uniform(size=(2, 6, 6, 4)).astype("float32")
    np.testing.assert_array_equal(unit(x), x)


def test_a_classifier_slides_over_a_larger_picture():
    """Global pooling makes it fully convolutional: its head, applied at each place, is a map."""
    model = shaken(zoo.cnn((None, None, 1), 3, filters=((4,), (5,)), units=(), pooling="average"))
    picture = np.random.default_rng(2).normal(size=(1, 16, 24, 1)).astype("float32")
    features = model.get_layer("features")
    places = keras.Model(model.input, model.get_layer("head")(features.input))(picture)
    assert places.shape == (1, 4, 6, 3)
    assert_close(keras.ops.mean(places, axis=(1, 2)), model(picture))


def test_grey_pictures_need_no_axis_of_channels():
    one = shaken(zoo.small_resnet((8, 8), 2, filters=4))
    other = zoo.small_resnet((8, 8, 1), 2, filters=4)
    other.set_weights(one.get_weights())
    x = np.random.default_rng(3).normal(size=(2, 8, 8)).astype("float32")
    np.testing.assert_array_equal(one(x), other(x[..., None]))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cnn", {"input_shape": (8,)}, "height, width"),
        ("cnn", {"input_shape": (None, 8)}, "height, width"),
        ("cnn", {"input_shape": (4, 4)}, "halved 3 times"),
        ("cnn", {"input_shape": (1, 1), "filters": 8}, "halved 1 times"),
        ("cnn", {"input_shape": (None, None, 3)}, 'pooling="average"'),
        ("cnn", {"input_shape": (8, 8), "pooling": "max"}, "flatten, average"),
        ("lenet5", {"input_shape": (27, 28)}, "28 pixels"),
        ("resnet", {"input_shape": (8, 8, 3), "depth": 35}, "18, 34, 50"),
        ("small_resnet", {"input_shape": (8, 8), "num_blocks": 0}, "num_blocks"),
        ("xception", {"input_shape": (8, 8), "dropout": 1.0}, "dropout"),
    ],
)
def test_wrong_arguments_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.create_model(name, **arguments)
