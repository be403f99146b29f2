import zipfile

import keras
import numpy as np
import pytest

import zoo
from tests.shared import run_fresh
from zoo.layers import Denormalization, EnsembleDense, EnsembleMean
from zoo.losses import PerMemberLoss

OLD = {
    b"EachMember": b"PerMemberLoss",
    b"MembersMean": b"EnsembleMean",
    b"TargetUnits": b"Denormalization",
}


@pytest.fixture
def old_file(tmp_path):
    """A model with a weight in it, and its file as an earlier version would have written it."""
    inputs = keras.Input((1, 3))
    x = EnsembleMean()(EnsembleDense(1, 2)(inputs))
    model = keras.Model(inputs, Denormalization([10.0], [2.0])(keras.layers.Reshape((1, 1, 1))(x)))
    model.compile("sgd", PerMemberLoss(keras.losses.MeanSquaredError()))
    model.save(tmp_path / "new.keras")
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "model.keras", "w") as old,
    ):
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                for before, now in OLD.items():
                    content = content.replace(now, before)
            old.writestr(name, content)
    return model, tmp_path / "model.keras"


def test_old_names_of_classes_are_loaded(old_file):
    model, path = old_file
    loaded = keras.saving.load_model(path)
    assert isinstance(loaded.loss, PerMemberLoss)
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    x = np.arange(6.0).reshape(2, 1, 3)
    np.testing.assert_array_equal(zoo.load(path.parent)(x), model(x))


@pytest.mark.parametrize("order", ["import zoo, keras", "import keras, zoo"])
def test_importing_zoo_is_enough_for_keras_to_load(old_file, order):
    path = old_file[1].parent / "new.keras"
    code = "import sys; print(keras.models.load_model(sys.argv[1]).loss.name)"
    assert run_fresh(f"{order}; {code}", path).strip() == "per_member_loss"


def test_a_name_that_is_nearly_one_is_understood():
    with pytest.raises(AttributeError, match=r"no attribute 'wavnet'\. Did you mean 'wavenet'\?"):
        zoo.wavnet  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'qqqqq'$"):
        zoo.qqqqq  # noqa: B018


def test_a_run_without_a_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no saved model .*model\.keras"):
        zoo.load(tmp_path)


def test_half_a_model_is_refused(old_file):
    _, path = old_file
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"whole file that Keras saved. Received: .*model\.keras"):
        zoo.load(path)
