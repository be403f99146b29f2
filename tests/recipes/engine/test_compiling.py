"""How a training step is compiled where no flag says it."""

import types
from dataclasses import replace
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from recipes.data.batches import ArrayBatches, SortedBatches
from recipes.engine import compiling
from recipes.engine.arguments import parse
from recipes.engine.compiling import STEPS, WORTH, compiled_by, decided, uses_xla
from recipes.engine.config import TrainConfig
from recipes.engine.fitting import fit
from recipes.engine.folder import RunFolder
from recipes.engine.task import Built
from recipes.errors import UserError
from tests.shared import assert_close, every_day

LONG = TrainConfig(epochs=WORTH, backend="tensorflow")
LONG_SEQUENCE = compiling.LONG // (2 * 8)
needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the rule of TensorFlow"
)


def batches(count=64):
    return ArrayBatches(np.zeros((count, 2), "float32"), np.zeros((count, 1)), 1, seed=1)


MODELS = {
    "small": lambda: zoo.mlp((4,), 1, units=(8,)),
    "dropping": lambda: zoo.mlp((4,), 1, units=(8,), dropout=0.1),
    "dropping_states": lambda: keras.Sequential([keras.Input((9, 1)), layers.GRU(4, dropout=0.1)]),
    "wide": lambda: zoo.mlp((784,), 10, units=(300, 100)),
    "waves": lambda: zoo.wavenet_lite((None, 1)),
    "recurrent": lambda: zoo.deep_rnn((None, 1), units=8),
    "gru512": lambda: zoo.char_rnn(30, units=512),
    "images": lambda: zoo.small_resnet((8, 8, 1), 10, filters=(32, 64)),
}


@needs_tensorflow
@pytest.mark.parametrize(
    ("name", "xla"),
    [
        ("small", True),
        ("dropping", False),
        ("dropping_states", False),
        ("wide", False),
        ("waves", True),
        ("recurrent", True),
        ("gru512", False),
        ("images", False),
    ],
)
def test_the_rule_by_model(name, xla):
    model = MODELS[name]()
    found, line = decided(LONG, model, batches())
    assert (found.jit_compile, found.steps_per_execution) == (xla, STEPS)
    assert line.startswith(f"step: XLA {'on' if xla else 'off'} (")
    assert decided(found, model, batches()) == (found, "")  # as a resumed run has it
    short, line = decided(replace(LONG, epochs=1), model, batches(5))
    assert (short.jit_compile, short.steps_per_execution) == (False, 5)
    assert "compiling does not pay for so few steps (5)" in line


@needs_tensorflow
def test_the_rule_by_data_and_device():
    class Sorted(SortedBatches):
        def sorted(self, examples):
            return examples

    model = MODELS["waves"]()
    found, line = decided(LONG, model, Sorted(64, 1, seed=1))
    assert not found.jit_compile
    assert "many shapes" in line
    texts = keras.Sequential([keras.Input((), dtype="string"), layers.Identity()])
    assert not decided(LONG, texts, batches())[0].jit_compile
    moved = keras.Sequential([keras.Input((8, 8, 1)), layers.RandomTranslation(0.1, 0.1)])
    assert "cannot compile a layer" in decided(LONG, moved, batches())[1]
    for length, model, xla in (
        (LONG_SEQUENCE, zoo.char_rnn(5, units=8), True),
        (LONG_SEQUENCE + 1, zoo.char_rnn(5, units=8), False),
        (LONG_SEQUENCE + 1, zoo.char_rnn(5, units=8, stateful=True, batch_size=1), False),
        (LONG_SEQUENCE // 2 + 1, zoo.char_rnn(5, units=16), False),
        (LONG_SEQUENCE + 1, zoo.text_classifier(5, encoder="bigru", units=16), False),
        (LONG_SEQUENCE + 1, MODELS["waves"](), True),
    ):
        x = np.zeros((64, length), "int32")
        found, line = decided(LONG, model, ArrayBatches(x, x, 2, seed=1))
        assert found.jit_compile == xla
        assert ("long sequences" in line) != xla
    with mock.patch.object(compiling, "has_gpu", return_value=True):
        assert decided(LONG, MODELS["wide"](), batches())[0].jit_compile


@pytest.mark.parametrize(("backend", "xla", "steps"), [("jax", True, 32), ("torch", False, 1)])
def test_the_rule_by_backend(backend, xla, steps, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    found, line = decided(LONG, None, batches())
    assert (found.jit_compile, found.steps_per_execution) == (xla, steps)
    assert backend in line.lower()
    assert compiled_by(replace(LONG, jit_compile=False), None, batches())["jit_compile"] is xla


def test_a_flag_wins(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    config = parse("forecast", ["--jit_compile", "true"])
    assert config.jit_compile is True
    assert config.steps_per_execution == "auto"
    found, line = decided(config, MODELS["recurrent"](), batches(7))
    assert uses_xla(found)
    assert "as the flag says" in line
    assert found.steps_per_execution == 7
    config = parse("forecast", ["--steps_per_execution=3", "--jit_compile"])
    assert decided(config, None, batches()) == (config, "")
    assert compiled_by(config, None, batches(2))["steps_per_execution"] == 2
    for wrong in ("--jit_compile=perhaps", "--steps_per_execution=many"):
        with pytest.raises(UserError, match=f"Expected {wrong.partition('=')[0]} to be .* or auto"):
            parse("forecast", [wrong])
    with pytest.raises(UserError, match="--steps_per_execution must be at least 1"):
        replace(config, steps_per_execution=0).validate()


class Outside(layers.Layer):
    """Leaves the graph, where XLA cannot follow."""

    def call(self, inputs):
        import tensorflow as tf

        found = tf.numpy_function(lambda x: x, [inputs], tf.float32)
        return tf.ensure_shape(found, inputs.shape)


def trained(core, folder, x, y, **flags):
    """The model, and the history of a training by `fit` of a task with these arrays."""
    keras.utils.set_random_seed(1)
    model = core()
    config = TrainConfig(epochs=2, batch_size=8, progress=False, **flags)
    built = Built(model, model, "mse", [], monitor="val_loss")
    task = types.SimpleNamespace(
        batches=lambda split, built, seed=None: ArrayBatches(x, y, 8, seed)
    )
    folder = RunFolder(folder)
    folder.create(overwrite=True)
    return model, fit(built, task, config, folder).history


@needs_tensorflow
def test_what_xla_cannot_compile_is_trained_without(tmp_path, capsys):
    def core():
        inputs = keras.Input((2,))
        return keras.Model(inputs, layers.Dense(1)(Outside()(inputs)))

    x, y = np.ones((16, 2), "float32"), np.ones((16, 1), "float32")
    _, history = trained(core, tmp_path / "run", x, y, jit_compile=True)
    assert len(history["loss"]) == 2
    assert capsys.readouterr().err.count("XLA cannot compile this step") == 1


@needs_tensorflow
def test_an_error_of_the_step_itself_is_raised(tmp_path):
    x, y = np.ones((16, 2), "float32"), np.ones((16, 1), "float32")

    def broken(*_, **__):
        raise ValueError("the loss is broken")

    with mock.patch("keras.Model.fit", broken), pytest.raises(ValueError, match="is broken"):
        trained(MODELS["small"], tmp_path / "run", x, y, jit_compile=True)


KINDS = {
    "small": ((4,), MODELS["small"]),
    "waves": ((4, 1), lambda: zoo.wavenet_lite((4, 1), filters=4, num_blocks=1, num_layers=2)),
    "recurrent": ((3, 1), lambda: zoo.deep_rnn((3, 1), cell="simple_rnn", units=4, num_layers=1)),
    "images": ((4, 4, 1), lambda: zoo.small_resnet((4, 4, 1), filters=(4,))),
}


@needs_tensorflow
@pytest.mark.parametrize("kind", every_day(("small", "recurrent"), KINDS))
def test_auto_changes_no_result(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(compiling, "WORTH", 1)  # where XLA is on in long trainings, it is here
    shape, core = KINDS[kind]
    generator = np.random.default_rng(0)
    x = generator.normal(size=(24, *shape)).astype("float32")
    y = generator.normal(size=(24, *core().output_shape[1:])).astype("float32")
    plain, before = trained(core, tmp_path / "1", x, y, jit_compile=False, steps_per_execution=1)
    model, history = trained(core, tmp_path / "2", x, y)
    for name in ("loss", "val_loss"):
        assert_close(history[name], before[name])
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
