"""What a run's event files hold, read back as TensorBoard reads them."""

import copy
import inspect
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import Checkpoint, OneCycle, Phases, Profiler, TensorBoard, with_norms
from callbacks import summaries as show
from tests.shared import uncompiled

EPOCHS, STEPS = 5, 4


def data():
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    return x, x[:, :1] * 2 + 1


def build(optimizer=None, **arguments):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((3,), name="x"), layers.Dense(4, name="hidden"), layers.Dense(1, name="out")],
        name="tiny",
    )
    arguments = arguments or {"run_eagerly": True}  # quicker than to trace so few steps
    model.compile(optimizer or keras.optimizers.SGD(0.01), "mse", metrics=["mae"], **arguments)
    return model


def fit(model, callbacks, epochs=EPOCHS, **arguments):
    x, y = data()
    return model.fit(
        x, y, batch_size=8, validation_data=(x[:8], y[:8]), shuffle=False, epochs=epochs,
        verbose=0, callbacks=callbacks, **arguments,
    )  # fmt: skip


def read(folder):
    """The events of a run, and its scalars as `{tag: [(step, value)]}`."""
    sizes = {"scalars": 0, "images": 0, "tensors": 0, "histograms": 0}
    events = EventAccumulator(str(folder), size_guidance=sizes).Reload()
    scalars = {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
    return events, scalars


def sessions(events):
    """The hyperparameters of a run and how it ended, from the HParams plugin's own protos."""
    from tensorboard.plugins.hparams import metadata

    content = events.summary_metadata
    start = content[metadata.SESSION_START_INFO_TAG].plugin_data.content
    end = content[metadata.SESSION_END_INFO_TAG].plugin_data.content
    hparams = metadata.parse_session_start_info_plugin_data(start).hparams
    values = {name: getattr(v, v.WhichOneof("kind")) for name, v in hparams.items()}
    return values, metadata.parse_session_end_info_plugin_data(end).status


def figures(epoch):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, epoch])
    return {
        "figure": figure,
        "sample": f"epoch {epoch}",
        "pr": show.pr_curve([0, 1, 1], [0.1, 0.4, 0.8]),
    }


HPARAMS = {"learning_rate": 0.01, "model": "tiny", "jit": False, "lags": [1, 7], "data": None}


def board_for(folder, **arguments):
    arguments = {"texts": {"config": "seed: 3"}, "hparams": HPARAMS, **arguments}
    arguments["descriptions"] = {"val_loss": "in square metres"}
    board = TensorBoard(folder, figures=figures, histogram_freq=2, **arguments)
    board.MAX_FIGURE_FRACTION = 1e9
    return board


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with everything on, and its history."""
    folder = tmp_path_factory.mktemp("run")
    # The rate is so high at first that some later epoch is not the best.
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([12, 16], [0.02, 0.6, 0.01])
    model = build(with_norms(keras.optimizers.SGD(rate, momentum=0.5)), steps_per_execution=4)
    history = fit(model, [board_for(folder, figure_freq=2)]).history
    return folder, history, rate


# Curves


def test_each_epoch_has_its_scores_once(run):
    folder, history, _ = run
    _, scalars = read(folder)
    for name, values in history.items():
        expected = [(epoch, np.float32(value)) for epoch, value in enumerate(values)]
        assert scalars[f"epoch/{name}"] == expected, name


def test_scores_are_described_beside_their_curves(run):
    metadata = read(run[0])[0].summary_metadata
    assert metadata["epoch/val_loss"].summary_description == "in square metres"
    assert "epoch/loss" not in metadata


def test_a_run_is_one_run_for_tensorboard_with_charts_of_both_parts(run):
    from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

    folder, _, _ = run
    assert {path.parent for path in folder.rglob("*tfevents*")} == {folder}
    events, scalars = read(folder)
    (event,) = events.Tensors("custom_scalars__config__")
    (category,) = Layout.FromString(event.tensor_proto.string_val[0]).category
    charts = {chart.title: list(chart.multiline.tag) for chart in category.chart}
    assert charts == {n: [f"epoch/{n}", f"epoch/val_{n}"] for n in ("loss", "mae")}
    assert {tag for tags in charts.values() for tag in tags} <= set(scalars)


def test_each_step_has_its_rate_and_momentum(run):
    folder, _, rate = run
    _, scalars = read(folder)
    expected = [(step, np.float32(rate(step))) for step in range(EPOCHS * STEPS)]
    assert scalars["step/learning_rate"] == expected
    assert scalars["step/momentum"] == [(step, 0.5) for step in range(EPOCHS * STEPS)]


def test_a_scheduled_momentum_is_written_and_none_where_there_is_none(tmp_path):
    cycle = OneCycle(0.05, total_steps=2 * STEPS)
    fit(build(cycle.optimizer("sgd")), [TensorBoard(tmp_path / "cycle")], epochs=2)
    momentum = dict(read(tmp_path / "cycle")[1]["step/momentum"])
    assert sorted(momentum) == list(range(2 * STEPS))
    assert momentum[0] == pytest.approx(0.95)
    assert min(momentum.values()) < 0.87
    fit(build(keras.optimizers.Adagrad()), [TensorBoard(tmp_path / "none")], epochs=1)
    assert "step/momentum" not in read(tmp_path / "none")[1]


def test_rates_under_accumulation_and_loss_scaling_are_those_that_were_used(tmp_path):
    schedule = Phases([("cosine", 8, 0.1, 0.0)])
    optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=2)
    fit(build(optimizer), [TensorBoard(tmp_path / "a")], epochs=2)
    found = read(tmp_path / "a")[1]["step/learning_rate"]
    assert found == [(k, pytest.approx(float(schedule(2 * k + 1)))) for k in range(4)]
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25))
    fit(build(scaled), [TensorBoard(tmp_path / "b")], epochs=1)
    assert {value for _, value in read(tmp_path / "b")[1]["step/learning_rate"]} == {0.25}


def test_long_runs_have_no_more_points_than_tensorboard_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(TensorBoard, "MAX_RATE_POINTS", 5)
    fit(build(), [TensorBoard(tmp_path)])
    assert len(read(tmp_path)[1]["step/learning_rate"]) == EPOCHS


def test_speed_is_counted_in_steps(run):
    folder, _, _ = run
    speeds = read(folder)[1]["epoch/steps_per_second"]
    assert [epoch for epoch, _ in speeds] == list(range(EPOCHS))
    # The first epoch compiles.
    assert all(speed > 0 for _, speed in speeds)
    assert speeds[0][1] < max(speed for _, speed in speeds[1:])


def test_validation_does_not_count_as_training_time(tmp_path, monkeypatch):
    clock = iter(np.arange(0.0, 100.0))
    board = TensorBoard(tmp_path, graph=False)
    model = build()
    board.set_model(model)
    board.set_params({"epochs": 1})
    model.optimizer.build(model.trainable_variables)
    board.on_train_begin()
    monkeypatch.setattr("callbacks.tensorboard.time.perf_counter", lambda: next(clock))
    board.on_epoch_begin(0)  # at 0 s
    model.optimizer.iterations.assign(6)
    board.on_test_begin()  # at 1 s
    next(clock)
    board.on_epoch_end(0, {"loss": 1.0})
    board.on_train_end()
    assert read(tmp_path)[1]["epoch/steps_per_second"] == [(0, 6.0)]


def test_nothing_is_done_at_a_batch():
    hooks = [name for name in dir(TensorBoard) if "batch" in name]
    assert hooks
    for name in hooks:
        hook, default = (getattr(kind, name) for kind in (TensorBoard, keras.callbacks.Callback))
        assert hook is default, name


# What compares runs


def test_the_best_epoch_is_reported_not_the_last(run):
    folder, history, _ = run
    best = int(np.argmin(history["val_loss"]))
    assert best < EPOCHS - 1
    found = read(folder)[1]
    for name in ("loss", "mae"):
        assert found[f"best_epoch/val_{name}"][-1] == (
            best,
            np.float32(history[f"val_{name}"][best]),
        )
    losses = [value for _, value in found["best_epoch/val_loss"]]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize(("mode", "best"), [("min", 0.5), ("max", 3.0)])
def test_best_knows_which_way_is_better_and_skips_what_is_no_number(tmp_path, mode, best):
    board = TensorBoard(tmp_path, monitor="val_score", mode=mode, graph=False)
    board.set_model(build())
    board.set_params({"epochs": 4})
    board.on_train_begin()
    for epoch, score in enumerate([1.0, float("nan"), 3.0, 0.5]):
        board.on_epoch_begin(epoch)
        board.on_epoch_end(epoch, {"val_score": score})
    board.on_train_end()
    assert read(tmp_path)[1]["best_epoch/val_score"][-1][1] == best


def test_a_wrong_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: mode='least'"):
        TensorBoard(tmp_path, mode="least")


def test_hyperparameters_are_those_given_and_the_session_is_closed(run):
    folder, _, _ = run
    from tensorboard.plugins.hparams.api_pb2 import Status

    hparams, status = sessions(read(folder)[0])
    assert hparams == {"learning_rate": 0.01, "model": "tiny", "jit": False, "lags": "1, 7"}
    assert status == Status.Value("STATUS_SUCCESS")


def test_a_lost_run_is_a_failure(tmp_path):
    from tensorboard.plugins.hparams.api_pb2 import Status

    fit(build(keras.optimizers.SGD(1e30)), [TensorBoard(tmp_path, hparams=HPARAMS)], epochs=2)
    assert sessions(read(tmp_path)[0])[1] == Status.Value("STATUS_FAILURE")


def test_scores_are_replaced_and_those_that_are_no_numbers_left_out(tmp_path):
    show.write_scores(tmp_path, {"validation/mae": 1.0})
    show.write_scores(tmp_path, {"validation/mae": 0.5, "validation/mase": float("nan")}, step=3)
    assert read(tmp_path)[1] == {"validation/mae": [(3, 0.5)]}


# Figures, texts, histograms


def test_figures_come_at_their_epochs_and_at_the_last(run):
    folder, _, _ = run
    events = read(folder)[0]
    epochs = [0, 2, 4]
    images = events.Images("figure")
    assert [image.step for image in images] == epochs
    assert (images[0].width, images[0].height) == (100, 100)
    assert images[0].encoded_image_string.startswith(b"\x89PNG")
    samples = [event.tensor_proto.string_val[0] for event in events.Tensors("sample/text_summary")]
    assert samples == [b"epoch 0", b"epoch 2", b"epoch 4"]
    assert [event.step for event in events.Tensors("pr")] == epochs
    assert events.SummaryMetadata("pr").plugin_data.plugin_name == "pr_curves"


def test_the_last_epoch_has_figures_even_off_beat_and_slow_ones_are_rare(tmp_path):
    board = board_for(tmp_path, figure_freq=1)
    board.MAX_FIGURE_FRACTION = 0.0
    fit(build(), [board])
    images = read(tmp_path)[0].Images("figure")
    assert [image.step for image in images] == [0, EPOCHS - 1]


def test_texts_are_written_once(run):
    folder, _, _ = run
    (event,) = read(folder)[0].Tensors("config/text_summary")
    assert event.tensor_proto.string_val[0] == b"seed: 3"


def test_weights_have_histograms_every_other_epoch(run):
    folder, _, _ = run
    events = read(folder)[0]
    tags = {f"tiny/{layer}/{kind}" for layer in ("hidden", "out") for kind in ("kernel", "bias")}
    assert set(events.Tags()["histograms"]) == tags
    found = events.Histograms("tiny/hidden/kernel")
    assert [event.step for event in found] == [0, 2, 4]
    assert all(
        event.histogram_value.num == sum(event.histogram_value.bucket) == 12 for event in found
    )


# The graph
def test_the_graph_is_written_once(run):
    folder, _, _ = run
    graph = read(folder)[0].Graph()
    assert [node.name for node in graph.node] == ["x", "hidden", "out"]


# Norms


def test_norms_are_written_by_epoch(run):
    folder, _, _ = run
    found = read(folder)[1]
    for tag in ("gradient_norm", "gradient_norm_max", "update_norm"):
        assert [epoch for epoch, _ in found[f"epoch/{tag}"]] == list(range(EPOCHS))
    assert all(
        0 < mean <= largest
        for (_, mean), (_, largest) in zip(
            found["epoch/gradient_norm"], found["epoch/gradient_norm_max"], strict=True
        )
    )


def test_nothing_is_doubled_by_a_resume(tmp_path):
    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def train(folder, resume=False, others=()):
        model = build(with_norms("adam"))
        board = board_for(folder / "logs", figure_freq=1)
        checkpoint = Checkpoint(folder / "checkpoints", [board], resume)
        try:
            callbacks = [board, checkpoint, *others]
            fit(model, callbacks, initial_epoch=checkpoint.initial_epoch)
        finally:
            board.close()

    train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", others=[Killed()])
    train(tmp_path / "cut", resume=True)
    (whole, expected), (cut, found) = read(tmp_path / "whole/logs"), read(tmp_path / "cut/logs")
    for scalars in (expected, found):
        speeds = scalars.pop("epoch/steps_per_second")
        assert [epoch for epoch, _ in speeds] == list(range(EPOCHS))
    assert found == expected
    assert [event.step for event in cut.Images("figure")] == list(range(EPOCHS))
    assert len(cut.Tensors("config/text_summary")) == 1
    assert [event.step for event in cut.Histograms("tiny/out/bias")] == [0, 2, 4]
    assert sessions(cut) == sessions(whole)
    starts = b"".join(path.read_bytes() for path in (tmp_path / "cut/logs").glob("events*"))
    assert starts.count(b"_hparams_/session_start_info") == 1
    assert starts.count(b"InputLayer") == 1


def test_a_second_fit_goes_on_where_the_first_ended(tmp_path):
    model, board = build(), board_for(tmp_path)
    fit(model, [board], epochs=2)
    fit(model, [board], epochs=4, initial_epoch=2)
    events, scalars = read(tmp_path)
    assert [epoch for epoch, _ in scalars["epoch/loss"]] == [0, 1, 2, 3]
    assert [step for step, _ in scalars["step/learning_rate"]] == list(range(4 * STEPS))
    assert len(events.Tensors("config/text_summary")) == 1


# Other tools


def test_a_copy_of_the_callback_writes_elsewhere(tmp_path):
    board = board_for(tmp_path / "first")
    other = copy.deepcopy(board)
    other.log_dir = str(tmp_path / "second")
    fit(build(), [other], epochs=1)
    assert [path.parent for path in tmp_path.rglob("*tfevents*")] == [tmp_path / "second"]
    assert type(other).__name__ == "TensorBoard"


def test_keras_tuner_writes_a_session_for_each_trial(tmp_path):
    import keras_tuner

    def make(hp):
        return build(keras.optimizers.SGD(hp.Float("rate", 0.001, 0.1)))

    x, y = data()
    tuner = keras_tuner.RandomSearch(
        make, objective="val_loss", max_trials=2, seed=1, directory=tmp_path, project_name="search"
    )
    with uncompiled():
        tuner.search(
            x,
            y,
            validation_data=(x, y),
            epochs=2,
            verbose=0,
            callbacks=[TensorBoard(tmp_path / "logs")],
        )
    trials = sorted((tmp_path / "logs").glob("*/execution0"))
    assert len(trials) == 2
    for trial in trials:
        events, scalars = read(trial)
        assert len(scalars["epoch/loss"]) == 2
        assert scalars["best_epoch/val_loss"]
        assert set(sessions(events)[0]) == {"rate"}


def test_a_profile_is_recorded_once(tmp_path):
    for _ in range(2):
        profiler = Profiler(tmp_path, first=1, count=2)
        fit(build(), [profiler, TensorBoard(tmp_path)], epochs=1)
    assert len(profiler.profiles()) == 1
    assert profiler.profiles()[0].stat().st_size > 0


def test_a_profile_needs_a_profiler(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="Received: torch"):
        Profiler(tmp_path)


def jax_run(folder):
    """What the test below runs in a process of its own."""
    cycle = OneCycle(0.05, total_steps=2 * STEPS)
    model = build(with_norms(cycle.optimizer("adam")), jit_compile=True, steps_per_execution=2)
    fit(model, [board_for(folder), Profiler(folder, first=1, count=2)], epochs=2)


@pytest.mark.slow  # test_on_jax of the forecasts writes for TensorBoard, too
@pytest.mark.jax
def test_all_of_it_on_jax_without_tensorflow(tmp_path):
    pytest.importorskip("jax", reason="needs the jax extra")
    program = """
import sys
sys.modules["tensorflow"] = None
sys.path[:0] = sys.argv[1:3]
import test_tensorboard
test_tensorboard.jax_run(sys.argv[3])
"""
    here = Path(inspect.getfile(jax_run)).parent
    subprocess.run(
        [sys.executable, "-c", program, here, here.parents[1], tmp_path], check=True,
        env={"PATH": "/usr/bin:/bin", "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}, timeout=200,
    )  # fmt: skip
    events, scalars = read(tmp_path)
    assert {"epoch/loss", "step/learning_rate", "epoch/gradient_norm"} <= set(scalars)
    assert [step for step, _ in scalars["step/momentum"]] == list(range(2 * STEPS))
    assert {"best_epoch/val_loss", "epoch/steps_per_second"} <= set(scalars)
    assert sessions(events)[0]["model"] == "tiny"
    assert events.Tags()["graph"]
    assert events.Tags()["images"] == ["figure"]
    assert list(tmp_path.glob("plugins/profile/*/*.xplane.pb"))
