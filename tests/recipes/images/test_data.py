"""Published pictures, and how pictures are split."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from recipes.data.images import pictures
from recipes.errors import UserError
from recipes.images import RECIPE, ImagesConfig, default_config, load_data
from tests.recipes.images.sources import X, Y, arrays, settings

# Public sets


def test_cifar10_comes_from_keras(monkeypatch, capsys):
    import keras

    labels = np.arange(10, dtype=np.uint8)[:, None]
    x = np.ones((10, 32, 32, 3), np.uint8)

    def load_data():
        print("a progress bar")
        return (x, labels), (x, labels)

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    train, test = pictures.published("cifar10")
    assert (train.images.shape, test.images.max()) == (x.shape, 1)
    assert train.labels.tolist() == list(range(10))
    assert train.classes[3] == "cat"
    assert capsys.readouterr().out == ""


def test_a_failed_download_says_what_to_do(monkeypatch):
    import keras

    def load_data():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    with pytest.raises(UserError, match=r"Could not download cifar10 .* URL fetch failure"):
        pictures.published("cifar10")


def test_digits_need_nothing():
    found = pictures.digits()
    assert (found.images.shape, found.images.max(), len(found.classes)) == ((1797, 8, 8), 255, 10)


# Splits


def test_digits_are_split_by_class():
    task = load_data(settings())
    counts = {name: np.bincount(part.labels) for name, part in task.parts.items()}
    assert {name: int(count.sum()) for name, count in counts.items()} == {
        "train": 1259,
        "validation": 269,
        "test": 269,
    }
    for name in ("validation", "test"):
        assert counts[name].max() - counts[name].min() <= 2
    sources = [set(part.sources.tolist()) for part in task.parts.values()]
    assert len(set.union(*sources)) == 1797


def test_published_parts_are_kept_and_validation_is_the_books(zoo_data):
    task = load_data(settings(dataset="fashion_mnist"))
    train, test = pictures.published("fashion_mnist")
    np.testing.assert_array_equal(task.parts["validation"].images, train.images[:5000])
    np.testing.assert_array_equal(task.parts["train"].sources, np.arange(5000, 60_000))
    np.testing.assert_array_equal(task.parts["test"].labels, test.labels)
    chosen = load_data(
        settings(dataset="fashion_mnist", labels=["Sandal", "Shirt"], train_size=200)
    )
    part = chosen.parts["train"]
    assert (len(part), part.classes) == (200, ("Sandal", "Shirt"))
    assert (train.labels[part.sources] == np.where(part.labels, 6, 5)).all()
    assert (part.sources >= 5000).all()
    assert len(chosen.unlabelled) == np.isin(train.labels[5000:], (5, 6)).sum()
    assert len(chosen.parts["test"]) == 2000


def test_fractions_are_shares_of_all_pictures():
    task = load_data(settings(validation_fraction=0.1, test_fraction=0.3))
    assert {name: round(len(part) / 1797, 2) for name, part in task.parts.items()} == {
        "train": 0.6,
        "validation": 0.1,
        "test": 0.3,
    }


def test_the_split_follows_the_seed():
    first, again, other = (load_data(settings(seed=seed)).sha256 for seed in (1, 1, 2))
    assert first == again != other


def test_a_test_part_in_the_file_is_used(tmp_path):
    path = arrays(tmp_path / "a.npz", x_train=X, y_train=Y % 2, x_test=X[:2] + 5, y_test=[0, 1])
    task = load_data(settings(data=str(path)))
    assert task.parts["test"].images.max() == 5
    with pytest.raises(UserError, match="has a test part of its own"):
        load_data(settings(data=str(path), test_fraction=0.2))
    arrays(path, x_train=X, y_train=Y % 2, x_test=X[:2], y_test=[0, 3])
    with pytest.raises(UserError, match="The class '1' has 2 images, which leaves none for test"):
        load_data(settings(data=str(path)))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"labels": ["1", "x"]}, "There is no class 'x'"),
        ({"labels": ["1"]}, "two classes or more"),
        ({"labels": ["1", "1"]}, "two classes or more"),
        ({"train_size": 9}, "between 10, the number of classes, and 1,259"),
        ({"train_size": 2000}, "Received: 2000"),
        ({"validation_fraction": 0.6, "test_fraction": 0.5}, "nothing to train on"),
        ({"data": "nowhere"}, "There is no file or folder nowhere"),
    ],
)
def test_splits_that_are_refused(flags, message):
    with pytest.raises(UserError, match=message):
        load_data(settings(**flags))


def test_a_rare_class_is_named(tmp_path):
    path = arrays(tmp_path / "a.npz", x=X, y=[0, 0, 0, 0, 1, 1])
    with pytest.raises(UserError, match="The class '1' has 2 images, which leaves none for"):
        load_data(settings(data=str(path)))
    path = arrays(tmp_path / "a.npz", x=X, y=[0, 0, 0, 0, 0, 0])
    with pytest.raises(UserError, match="All images are of one class, 0"):
        load_data(settings(data=str(path)))


def test_a_file_that_is_neither(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(UserError, match="which is neither"):
        load_data(settings(data=str(tmp_path / "a.txt")))


# Flags


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"dataset": "imagenet"}, "There is no dataset 'imagenet'"),
        ({"validation_fraction": 0.0}, "--validation_fraction must be above 0"),
        ({"test_fraction": 1.0}, "--test_fraction must be above 0 and below 1"),
        ({"image_size": [3], "data": "x"}, "a height and a width, such as 32,32. Received: 3"),
        ({"image_size": [3, 0], "data": "x"}, "Received: 3,0"),
        ({"image_size": [3, 3]}, "--image_size resizes the images of a folder"),
        ({"label_smoothing": 1.0}, "--label_smoothing must be"),
        ({"freeze": 1}, "--freeze is about layers of --transfer_from RUN, --pretrain"),
        ({"frozen_epochs": 1}, "--frozen_epochs is about"),
        ({"frozen_learning_rate": 0.0, "transfer_from": "x"}, "--frozen_learning_rate must be"),
        ({"transfer_from": "x", "pretrain": "autoencoder"}, "exclude each other"),
        ({"mc_samples": -1}, "--mc_samples must be at least 0"),
    ],
)
def test_flags_out_of_range(flags, message):
    with pytest.raises(UserError, match=message):
        ImagesConfig(model="mlp", **flags).validate()


@pytest.mark.parametrize(("size", "flags", "epochs"), [
    ((28, 28), {}, 150), ((64, 80, 3), {}, 65), ((28, 28), {"epochs": 7}, 7),
])  # fmt: skip
def test_few_images_are_read_often(size, flags, epochs):
    task = SimpleNamespace(parts={"train": range(400)}, shape=size)
    config = replace(default_config(own_data=True), **flags)
    assert RECIPE.sized(config, task).epochs == epochs
