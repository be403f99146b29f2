import shutil
import zipfile

import keras
import numpy as np
import pytest

import zoo
from tests.shared import every_day, run_fresh
from zoo.errors import ModelFileError
from zoo.layers import Denormalization, EnsembleDense, EnsembleMean, HubLayer
from zoo.layers.hub_modules import sha256
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


# Keras comes first in test_model_contract.py.
@pytest.mark.slow  # test_model_contract.py loads in a fresh process, too
@pytest.mark.parametrize(
    "order", every_day(["import zoo, keras"], ["import zoo, keras", "import keras, zoo"])
)
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


class Unknown(keras.layers.Layer):
    """One that nobody has registered."""

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (keras.layers.Lambda(lambda x: x), "`Lambda` layer"),  # noqa: TID251
        (Unknown(), "class 'Unknown'"),
    ],
)
def test_layers_that_are_code_are_refused_with_one_message(tmp_path, layer, reason):
    keras.Sequential([keras.Input((1,)), layer]).save(tmp_path / "model.keras")
    with pytest.raises(ModelFileError, match=r"model\.keras is not loaded: ") as caught:
        zoo.load(tmp_path)
    assert reason in str(caught.value)
    assert "safe_mode" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def hub_run(tmp_path):
    """A folder that looks like a run, whose model names a module beside it, and the module."""
    tf = pytest.importorskip("tensorflow")
    module = tf.Module()
    module.__call__ = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([None, 1])])
    tf.saved_model.save(module, str(tmp_path / "module"))
    run = tmp_path / "run"
    run.mkdir()
    keras.Sequential([keras.Input((1,)), HubLayer(tmp_path / "module")]).save(run / "model.keras")
    HubLayer.trusted.clear()  # what another program knows
    yield run, tmp_path / "module"
    HubLayer.trusted.clear()


def test_a_module_that_a_file_names_is_loaded_only_when_it_is_trusted(hub_run):
    run, module = hub_run
    with pytest.raises(ModelFileError, match=r"is a program.*trust_hub=True"):
        zoo.load(run)
    with pytest.raises(ModelFileError, match="is a program"):
        keras.saving.load_model(run / "model.keras")
    assert zoo.load(run, trust_hub=True)(np.ones((1, 1)))[0, 0] == 2
    HubLayer.trusted.clear()
    HubLayer.trusted.add(sha256(module))
    assert zoo.load(run).count_params() == 0
    HubLayer.trusted.remove(str(module))
    (module / "assets" / "more").write_text("changed")
    with pytest.raises(ModelFileError, match="is a program"):
        zoo.load(run)


def test_a_module_inside_of_the_run_is_part_of_it(hub_run):
    run, module = hub_run
    shutil.move(module, run / "module")
    inside = HubLayer(run / "module")
    keras.Sequential([keras.Input((1,)), inside]).save(run / "model.keras")
    HubLayer.trusted.clear()
    with pytest.raises(ModelFileError, match="is a program"):
        zoo.load(run / "model.keras")
    (run / "config.yaml").write_text("run: {recipe: forecast}")
    assert zoo.load(run / "model.keras").count_params() == 0
