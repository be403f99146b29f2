"""Exact resume: a cut run ends bit for bit where an uninterrupted one does."""

import keras
import numpy as np
import pytest
from keras import layers

from callbacks import Checkpoint, Phases, TensorBoard
from callbacks.events import event_files

EPOCHS, STEPS = 6, 3


def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(63, 8)).astype("float32")
    return x, x[:, :1] * 2 + 1


class Stop(keras.callbacks.Callback):
    """Stands for a kill: leaves `fit` in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.current == self.epoch and batch >= 1:
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch, logs=None):
        self.current = epoch


def build(optimizer="adamw", units=4):
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(units, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    if optimizer == "adamw":
        rate = Phases([("linear", 2, 0.0, 0.05), ("cosine", EPOCHS * STEPS - 2, 0.05, 0.0)])
        optimizer = keras.optimizers.AdamW(rate, use_ema=True)
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"], run_eagerly=True)
    return model


def train(folder, resume=False, stop=None, others=(), **arguments):
    model = build(**arguments)
    board = TensorBoard(folder / "logs", texts={"config": "x"})
    watch = [*others, board]
    checkpoint = Checkpoint(folder / "checkpoints", watch, resume)
    x, y = data()
    try:
        if not checkpoint.finished:
            model.fit(
                x,
                y,
                batch_size=len(x) // STEPS,
                shuffle=False,
                validation_data=(x[:16], y[:16]),
                epochs=EPOCHS,
                initial_epoch=checkpoint.initial_epoch,
                verbose=0,
                callbacks=[*watch, checkpoint, *([Stop(stop)] if stop is not None else [])],
            )
    finally:
        board.close()
    return model, checkpoint


def cut_then_resume(folder, stops, **arguments):
    for index, stop in enumerate(stops):
        with pytest.raises(KeyboardInterrupt):
            train(folder, resume=index > 0, stop=stop, **arguments)
    return train(folder, resume=True, **arguments)


def variables(model):
    return [np.array(v) for v in [*model.variables, *model.optimizer.variables]]


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "logs"), size_guidance={"scalars": 0}).Reload()
    tags = {*events.Tags()["scalars"]} - {"epoch/steps_per_second"}
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was left alone: its folder, model and checkpoint."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *train(folder)


@pytest.mark.parametrize(
    "stops", [[2, 2], *(pytest.param(each, marks=pytest.mark.slow) for each in ([1], [0, 2, 2, 5]))]
)
def test_a_cut_run_equals_a_whole_one(tmp_path, whole, stops):
    folder, whole, whole_checkpoint = whole
    cut, checkpoint = cut_then_resume(tmp_path / "cut", stops)
    for expected, actual in zip(variables(whole), variables(cut), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert checkpoint.history == whole_checkpoint.history
    assert checkpoint.finished
    assert scalars(tmp_path / "cut") == scalars(folder)


def test_early_stopping_and_plateau_remember(tmp_path):
    def others():
        return [
            keras.callbacks.EarlyStopping("val_loss", patience=2, min_delta=10),
            keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=10),
        ]

    _, whole = train(tmp_path / "whole", others=others(), optimizer="sgd")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", stop=2, others=others(), optimizer="sgd")
    cut, checkpoint = train(tmp_path / "cut", resume=True, others=others(), optimizer="sgd")
    assert len(whole.history["loss"]) < EPOCHS  # it did stop early
    assert checkpoint.history == whole.history
    assert float(cut.optimizer.learning_rate.numpy()) < 0.01  # and the plateau was seen
    # What has stopped stays stopped.
    assert train(tmp_path / "cut", resume=True, others=others(), optimizer="sgd")[1].finished


def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_used(tmp_path, whole):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", stop=4)
    newest, before = sorted((tmp_path / "cut" / "checkpoints").glob("*.npz"), reverse=True)
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    model, checkpoint = train(tmp_path / "cut", resume=True)
    assert newest.name in checkpoint.problems[0]
    assert checkpoint.finished
    for expected, actual in zip(variables(whole[1]), variables(model), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert before.name == "epoch-000003.npz"


def test_a_flipped_byte_is_damage(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=2)
    newest = max((tmp_path / "checkpoints").glob("*.npz"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    newest.write_bytes(content)
    checkpoint = Checkpoint(tmp_path / "checkpoints", resume=True)
    assert len(checkpoint.problems) == 1
    assert checkpoint.initial_epoch == 1


def test_two_checkpoints_are_kept_and_none_is_half_written(whole):
    names = sorted(path.name for path in (whole[0] / "checkpoints").iterdir())
    assert names == ["epoch-000005.npz", "epoch-000006.npz"]


def test_a_checkpoint_of_another_model_is_refused_and_the_model_left_alone(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=2)
    model = build(units=5)
    before = [np.array(v) for v in model.variables]
    x, y = data()
    checkpoint = Checkpoint(tmp_path / "checkpoints", resume=True)
    with pytest.raises(ValueError, match="another model or optimizer"):
        model.fit(x, y, verbose=0, callbacks=[checkpoint])
    for expected, actual in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(np.array(actual), expected)


def test_a_fresh_start_leaves_other_event_files_alone(tmp_path):
    board = TensorBoard(tmp_path / "logs")
    other = tmp_path / "logs" / "other" / "events.out.tfevents.1.host"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"kept")
    model = build()
    x, y = data()
    checkpoint = Checkpoint(tmp_path / "checkpoints", [board])
    model.fit(x, y, verbose=0, callbacks=[board, checkpoint])
    assert other.read_bytes() == b"kept"
    assert len(event_files(tmp_path / "logs")) == 1


def test_a_fresh_start_forgets_the_checkpoints_of_another_run(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=2)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=1)
    assert Checkpoint(tmp_path / "checkpoints", resume=True).initial_epoch == 1


def test_weights_that_keras_would_forget_are_refused(tmp_path):
    stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
    with pytest.raises(ValueError, match="use ModelCheckpoint"):
        Checkpoint(tmp_path, [stopping])
