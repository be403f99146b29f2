"""The models that the recipe builds: preprocessing on every path, units, ensembles, presets."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from recipes.errors import UserError
from recipes.tabular import (
    TabularConfig,
    build_model,
    default_config,
    load_data,
    preprocessing,
    search_space,
)
from recipes.tabular.presets import PRESETS
from recipes.tabular.task import TabularTask
from tests.shared import assert_close, every_day, traced_once

pytestmark = pytest.mark.usefixtures("few_trees")
ROWS = 300


def mixed(target="price"):
    generator = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "size": generator.normal(50, 10, ROWS),
            "age": generator.exponential(20, ROWS),
            "color": generator.choice(["red", "green", "blue"], ROWS),
        }
    )
    frame.loc[::9, "age"] = np.nan
    price = 3 * frame["size"] + 20 * (frame["color"] == "red")
    choices = {
        "price": price,
        "sold": price > 155,
        "kind": np.array(["a", "b", "c"])[np.arange(ROWS) % 3],
    }
    return frame.assign(**{target: choices[target]})


@pytest.fixture(scope="module")
def task_of(tmp_path_factory):
    """A function that makes the task of a frame."""
    folder = tmp_path_factory.mktemp("tables")

    def make(frame, target="price", model="wide_and_deep", arguments=None, **flags):
        path = folder / f"{len(list(folder.iterdir()))}.csv"
        frame.to_csv(path, index=False)
        arguments = {"units": [4]} if arguments is None else arguments
        config = TabularConfig(
            model=model, model_arguments=arguments, data=str(path), target=target, **flags
        )
        return load_data(config)

    return make


def build(task: TabularTask, seed=3):
    keras.utils.set_random_seed(seed)
    return build_model(task.config, task)


ARGUMENTS = {
    "wide and deep": {"units": [4]},
    "wide alone, but for a category": {"units": [4], "deep": ["color"]},
    "deep alone": {"units": [4], "wide": []},
    "members": {"units": [4], "members": 3},
    "piecewise": {"units": [4], "numeric_embedding": "piecewise"},
    "periodic": {"units": [4], "numeric_embedding": "periodic"},
}
#: Every scaling, every path, and where the values of one are cut.
EVERY_DAY = {
    ("piecewise", "robust"), ("periodic", "standard"), ("wide and deep", "quantile")
}  # fmt: skip
PATHS_AND_SCALINGS = [
    pytest.param(
        name,
        scaling,
        marks=() if (name, scaling) in EVERY_DAY else pytest.mark.slow,
    )
    for scaling in ("robust", "quantile", "standard")
    for name in ARGUMENTS
]


@pytest.mark.parametrize(("name", "normalization"), PATHS_AND_SCALINGS)
def test_no_path_sees_the_units_of_a_column(task_of, name, normalization):
    """Other units, another zero: the same predictions, on every path."""
    frame, arguments = mixed(), ARGUMENTS[name]
    other = frame.assign(size=frame["size"] * 1000 + 77_000, age=frame["age"] / 100)
    tasks = [
        task_of(each, arguments=arguments, normalization=normalization) for each in (frame, other)
    ]
    first, second = (task.predictor(build(task).model)(np.arange(ROWS)) for task in tasks)
    assert np.ptp(first) > 0
    assert second == pytest.approx(first, rel=1e-3)


@pytest.mark.parametrize("name", every_day(("piecewise",), ARGUMENTS))
def test_an_outlier_moves_no_path_far(task_of, name):
    task = task_of(mixed(), arguments=ARGUMENTS[name])
    model = zoo.Predictor(build(task).model)
    row = {"size": [55.0] * 3, "age": [10.0] * 3, "color": ["red"] * 3}
    usual, far, farther = model.predict({**row, "size": [55.0, 1e4, 1e9]})[:, 0]
    # The robust scaling ends at 3: what lies beyond is all the same.
    assert abs(farther - far) < 0.05 * task.target_scaling[1]
    assert np.isfinite([usual, far, farther]).all()


def test_the_model_is_its_core_on_scaled_features_in_the_targets_units(task_of):
    arguments = {"units": [4], "members": 1}
    task = task_of(mixed(), arguments=arguments, normalization="standard", average=False)
    built = build(task)
    core = built.model.get_layer("wide_and_deep")
    train = task.table.frame.iloc[task.table.rows["train"]]
    numeric = train[["size", "age"]].to_numpy()
    mean, deviation = np.nanmean(numeric, axis=0), np.nanstd(numeric, axis=0)
    scaled = (numeric - mean) / deviation
    missing = np.isnan(scaled[:, 1])
    scaled[missing, 1] = 0.0
    codes = 1 + np.searchsorted(["blue", "green", "red"], train["color"])
    features = {
        "numeric": np.concatenate([scaled, missing[:, None]], axis=1).astype("float32"),
        "categories": codes[:, None].astype("int32"),
    }
    shift, scale = task.target_scaling
    expected = np.asarray(core(features))[:, 0] * scale + shift
    found = task.predictor(built.model)(task.table.rows["train"])
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("target", ["price", "sold", "kind"])
@pytest.mark.parametrize("members", [1, 3])
def test_the_score_of_an_epoch_is_that_of_the_answers_in_target_units(task_of, target, members):
    frame = mixed(target)
    task = task_of(frame, target, arguments={"units": [4], "members": members}, average=False)
    built, rows = build(task), np.arange(ROWS)
    (metric,) = built.metrics
    true = task._scaled_target(task.table.target.values)
    metric.update_state(true, built.training_model(task.take(rows)))
    found = task.predictor(built.model)(rows)
    if target == "price":
        expected = np.abs(found - frame["price"]).mean()
    else:
        expected = (found.argmax(axis=1) == task.table.target.values).mean()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_preprocessing_knows_training_rows_alone(task_of):
    frame = mixed()
    first = task_of(frame)
    outside = np.setdiff1d(np.arange(ROWS), first.table.rows["train"])
    changed = frame.copy()
    changed.loc[outside, "size"] = 1e6
    changed.loc[outside, "color"] = "violet"
    second = task_of(changed)
    layers = [task.preprocessing for task in (first, second)]
    assert layers[0].columns.get_config() == layers[1].columns.get_config()
    models = [build(task).model for task in (first, second)]
    configs = [model.get_layer("scaling").get_config() for model in models]
    assert configs[0] == configs[1]
    assert layers[0].bin_edges(8) == layers[1].bin_edges(8)


def test_missing_numbers_are_flagged_or_only_filled(task_of):
    flagged, filled = (task_of(mixed(), missing=missing) for missing in ("flag", "fill"))
    assert flagged.preprocessing.names == ["size", "age", "age is missing", "color"]
    assert filled.preprocessing.names == ["size", "age", "color"]
    for task in (flagged, filled):
        assert np.isfinite(task.predictor(build(task).model)(np.arange(ROWS))).all()


def test_dates_are_read_as_parts_of_training_rows_with_one_flag(task_of, tmp_path):
    days = pd.date_range("2024-03-01", periods=ROWS, freq="D")
    frame = mixed().assign(day=days.strftime("%d/%m/%Y")).drop(columns="size")
    frame.loc[::7, "day"] = None
    task = task_of(frame, drop=["age"])
    parts = [f"day: {name}" for name in ("month", "day", "weekday", "age")]
    assert task.preprocessing.names == [*parts, "day is missing", "color"]
    newest = days[task.table.rows["train"]].where(task.table.rows["train"] % 7 > 0).max()
    ages = task.inputs["numeric"][:, 3]
    present = np.arange(ROWS) % 7 > 0
    assert (ages[present] == (newest - days).days[present]).all()
    assert np.isnan(ages[~present]).all()
    assert any("'day' holds dates: read as month, day, weekday, age in" in n for n in task.notes)
    model = build(task).model
    model.save(tmp_path / "model.keras")
    test = task.table.rows["test"]
    found = task.predictor(model)(test)
    assert np.isfinite(found).all()
    again = zoo.Predictor(zoo.load(tmp_path)).predict(frame.assign(day=days.where(present)))
    assert again[test, 0] == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("extra", [{}, {"members": 3}, {"auxiliary": True}], ids=str)
@pytest.mark.parametrize(("target", "classes"), [("sold", 2), ("kind", 3)])
def test_balanced_classes_count_alike_in_every_loss(task_of, target, classes, extra):
    frame = mixed(target)
    rare = frame[target] == frame[target].max()
    frame = frame[~rare | (np.arange(ROWS) % 4 == 0)]
    task = task_of(frame, target, arguments={"units": [4], **extra}, class_weight="balanced")
    built = build(task)
    batches = task.batches("train", built, seed=1)
    x, y, weights = batches.assemble(batches.examples)
    labels = task.table.target.values[task.table.rows["train"]]
    each = weights["main"] if "auxiliary" in extra else weights
    sums = np.bincount(labels, each)
    assert sums == pytest.approx(np.full(classes, len(labels) / classes))
    training = built.training_model
    training.compile("sgd", built.loss, loss_weights=built.loss_weights, run_eagerly=True)
    model, loss = training, built.loss
    outputs = model.predict_on_batch(x)
    logs = training.test_on_batch(x, y, sample_weight=weights, return_dict=True)
    mean = logs["main_loss"] if "auxiliary" in extra else logs["loss"]
    if "auxiliary" in extra:
        outputs, y, loss = outputs["main"], y["main"], loss["main"]
    assert mean == pytest.approx(float(loss(y, outputs, sample_weight=each)), rel=1e-5)
    assert mean != pytest.approx(float(loss(y, outputs)), rel=1e-3)


@pytest.mark.slow  # test_balanced_classes_count_alike_in_every_loss is of the weights alone
def test_a_rare_class_is_found_if_classes_are_balanced(task_of):
    generator = np.random.default_rng(0)
    score = generator.normal(size=ROWS)
    rare = score + generator.normal(size=ROWS) > 2.2
    frame = pd.DataFrame({"score": score, "noise": generator.normal(size=ROWS), "rare": rare})
    found = {}
    for weight in ("none", "balanced"):
        task = task_of(frame, "rare", class_weight=weight, batch_size=64)
        built = build(task)
        built.training_model.compile(keras.optimizers.Adam(0.05), built.loss)
        traced_once(built.training_model)
        feed = task.batches("train", built, 0).feed()
        built.training_model.fit(feed, epochs=10, shuffle=False, verbose=0)
        predictors = {"model": task.predictor(built.model), **task.baselines()}
        for name, predictor in predictors.items():
            found[weight, name] = predictor(np.arange(ROWS))[:, 1]
    for name in ("model", "boosted_trees", "logistic"):
        recalls = [(found[weight, name][rare] > 0.5).mean() for weight in ("none", "balanced")]
        assert recalls[1] > recalls[0] + 0.2, name
        # The probabilities are those of classes that are equally frequent.
        assert found["balanced", name].mean() > 1.5 * found["none", name].mean(), name
    rows = task.table.rows["validation"]
    scores = task.score(predictors["model"](rows), "validation")
    said = found["balanced", "model"][rows] > 0.5
    recalls = [(said == k)[rare[rows] == k].mean() for k in (False, True)]
    assert task.primary_metric == "balanced_accuracy"
    assert scores["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert found["none", "majority"][0] == pytest.approx(rare.mean(), abs=0.01)
    assert found["balanced", "majority"][0] == 0.5


def test_bin_edges_are_quantiles_of_scaled_training_rows(task_of):
    task = task_of(mixed(), arguments=ARGUMENTS["piecewise"], bins=4)
    built = build(task)
    scaled = np.asarray(
        built.model.get_layer("scaling")(task.take(task.table.rows["train"])["numeric"])
    )
    layer = built.model.get_layer("wide_and_deep").get_layer("piecewise_linear")
    assert layer.bin_edges[0] == pytest.approx(np.quantile(scaled[:, 0], np.linspace(0, 1, 5)))
    assert layer.bin_edges[2].tolist() == [0.0, 1.0]  # the flag of missing ages


def test_many_rows_are_scaled_in_parts(task_of, monkeypatch):
    task = task_of(mixed())
    features, edges = task.preprocessing.features(task.inputs), task.preprocessing.bin_edges(4)
    monkeypatch.setattr(preprocessing, "AT_ONCE", 7)
    assert_close(task.preprocessing.features(task.inputs)["numeric"], features["numeric"])
    for one, other in zip(task.preprocessing.bin_edges(4), edges, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_members_learn_apart_and_predict_together(task_of):
    task = task_of(mixed(), arguments=ARGUMENTS["members"], average=False)
    built = build(task)
    rows = np.arange(ROWS)
    each = np.asarray(built.training_model.predict_on_batch(task.take(rows)))
    assert each.shape == (ROWS, 3, 1)
    assert np.ptp(each, axis=1).max() > 0
    shift, scale = task.target_scaling
    assert task.predictor(built.model)(rows) == pytest.approx(
        each.mean(axis=(1, 2)) * scale + shift, rel=1e-5
    )
    y = np.zeros((ROWS, 1), "float32")
    assert float(built.loss(y, each)) == pytest.approx(float(np.mean(each**2)), rel=1e-5)


@pytest.mark.parametrize("model", every_day(["wide_and_deep"], ["wide_and_deep", "mlp"]))
@pytest.mark.parametrize("dropped", [["size", "age"], ["color"]], ids=["categories", "numbers"])
def test_tables_of_one_kind_of_column(task_of, tmp_path, model, dropped):
    task = task_of(mixed(), model=model, drop=dropped)
    built = build(task)
    assert len(task.preprocessing.columns.new_inputs()) == 1
    found = task.predictor(built.model)(np.arange(ROWS))
    assert np.isfinite(found).all()
    built.model.save(tmp_path / "model.keras")
    assert np.array_equal(task.predictor(zoo.load(tmp_path))(np.arange(ROWS)), found)
    assert list(task.baselines()) == ["boosted_trees", "ridge", "mean"]


@pytest.mark.parametrize(
    ("target", "shape", "members"),
    [
        ("sold", 2, 1),
        ("kind", 3, 3),
        pytest.param("sold", 2, 3, marks=pytest.mark.slow),
        pytest.param("kind", 3, 1, marks=pytest.mark.slow),
    ],
)
def test_classifiers_give_probabilities_of_named_classes(task_of, target, shape, members):
    task = task_of(mixed(target), target, arguments={"units": [4], "members": members})
    model = build(task).model
    found = task.predictor(model)(np.arange(ROWS))
    assert found.shape == (ROWS, shape)
    assert found.sum(axis=1) == pytest.approx(np.ones(ROWS))
    assert tuple(zoo.Predictor(model).labels) == task.table.target.labels


@pytest.mark.parametrize("model", ["wide_and_deep", "mlp"])
@pytest.mark.parametrize("target", ["price", "sold", "kind"])
def test_every_weight_gets_a_gradient(task_of, model, target):
    task = task_of(mixed(target), target, model)
    built = build(task)
    training = built.training_model
    training.compile("sgd", loss=built.loss, run_eagerly=True)
    before = [np.array(weight) for weight in training.trainable_weights]
    x, y = task.batches("train", built, seed=0).assemble(np.arange(100))
    for _ in range(3):  # what starts at 0 is no way back in the first step
        training.train_on_batch(x, y)
    still = [
        weight.path
        for old, weight in zip(before, training.trainable_weights, strict=True)
        if np.array_equal(old, np.array(weight))
    ]
    assert still == []


def test_a_saved_model_reads_a_raw_table_in_any_order(task_of, tmp_path):
    frame = mixed("kind")
    task = task_of(frame, "kind")
    model = build(task).model
    model.save(tmp_path / "model.keras")
    predictor = zoo.Predictor(zoo.load(tmp_path))
    found = predictor.predict(frame[["color", "kind", "age", "size"]])
    assert np.array_equal(found, zoo.Predictor(model).predict(frame))
    assert set(predictor.predict_classes(frame)) <= {"a", "b", "c"}


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("wide_and_dep", {}, "The model cannot be built. There is no model named 'wide_and_dep'"),
        ("mlp", {"unit": 3}, "The model cannot be built. mlp has no argument 'unit'"),
        (
            "mlp",
            {"outputs": 3},
            "--model.outputs follows from the other flags and the data: leave it out.",
        ),
        ("wide_and_deep", {"num_numeric": 3}, "--model.num_numeric follows from the other flags"),
        ("wide_and_deep", {"wide": ["sise"]}, "wide names features: expected one of ['size', "),
        ("wavenet", {}, "The model cannot be built. wavenet has no argument 'outputs'"),
    ],
)
def test_models_that_cannot_be_built(task_of, model, arguments, message):
    with pytest.raises(UserError) as error:
        build(task_of(mixed(), model=model, arguments=arguments))
    assert message in str(error.value)


def test_an_auxiliary_output_counts_as_the_flag_says(task_of):
    task = task_of(mixed(), arguments={"units": [4], "auxiliary": True}, auxiliary_weight=0.25)
    built = build(task)
    assert built.model.output_shape == (None, 1)
    training = built.training_model
    weights = {"loss_weights": built.loss_weights, "metrics": built.metrics}
    training.compile("sgd", built.loss, **weights, run_eagerly=True)
    x, y = task.batches("train", built, seed=0).assemble(np.arange(50))
    found = training.predict_on_batch(x)
    losses = {name: np.mean((found[name] - y[name]) ** 2) for name in ("main", "auxiliary")}
    logs = training.test_on_batch(x, y, return_dict=True)
    assert logs["loss"] == pytest.approx(0.75 * losses["main"] + 0.25 * losses["auxiliary"])
    assert built.monitor.removeprefix("val_") in logs


@pytest.mark.parametrize(
    "name",
    every_day(
        ["ml2-ch10-73", "ml2-ch10-85", "ml3-ch10-84", "ml3-ch10-139"],
        [name for name in PRESETS if name.startswith("ml")],
    ),
)
def test_the_books_models_are_as_large_as_in_the_book(zoo_data, name):
    sizes = {
        "73": 301, "81": 1239, "85": 1176, "90": 1207, "98": 1231, "108": 1231, "116": 1231,
        "84": 5601, "92": 1239, "96": 1176, "102": 1207, "139": 1231,
    }  # fmt: skip
    config = TabularConfig(**{**default_config("housing_book").__dict__, **PRESETS[name]})
    config.preset = name
    config.validate()
    task = load_data(config)
    core = build(task).model.get_layer(config.model)
    assert core.count_params() == sizes[name.rpartition("-")[2]]
    assert task.target_scaling == (0.0, 1.0)


def test_the_search_space_makes_configurations_that_build(task_of):
    import keras_tuner

    found = search_space(keras_tuner.HyperParameters())
    task = task_of(mixed())
    assert build(replace(task, config=replace(task.config, **found))).model.output_shape == (
        None,
        1,
    )
