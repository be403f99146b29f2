"""The scikit-learn estimators: their conventions, their scores, what search and pipelines do."""

import copy
import logging
import random

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform, randint, uniform
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import RandomizedSearchCV, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import estimator_checks_generator

import zoo
from recipes.estimator import ZooClassifier, ZooRegressor

QUICK = {"epochs": 20, "learning_rate": 0.02, "random_state": 0}


#: As long as the fit itself is of no consequence.
SHORT = {**QUICK, "epochs": 3}


@pytest.fixture(scope="module")
def trained(quickly):
    """A classifier of rings, for the tests that leave it as it is."""
    with quickly():
        return ZooClassifier(units=(8,), dropout=0.2, **SHORT).fit(*rings())


def rings(count=120, seed=0):
    """Two classes that no line separates."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, 2))
    return x, np.where((x**2).sum(axis=1) > 1.4, "out", "in")


# scikit-learn's own conventions

#: Those that train models; all of them run with the slow tests.
TRAIN_LITTLE = (
    "check_estimator_cloneable", "check_estimator_tags_renamed", "check_valid_tag_types",
    "check_estimator_repr", "check_no_attributes_set_in_init", "check_readonly_memmap_input",
    "check_do_not_raise_errors_in_init_or_set_params", "check_get_params_invariance",
    "check_set_params", "check_parameters_default_constructible", "check_estimators_unfitted",
    "check_mixin_order", "check_estimator_sparse_tag", "check_n_features_in_after_fitting",
    "check_classifiers_one_label", "check_estimators_overwrite_params",
)  # fmt: skip

#: Those of them that train a model or two: of the classifier alone, which has the same code.
TRAIN_MORE = (
    "check_readonly_memmap_input", "check_n_features_in_after_fitting",
    "check_estimators_overwrite_params",
)  # fmt: skip


def checks(kind):
    for _, check in estimator_checks_generator(kind()):
        name = getattr(check, "func", check).__name__
        epochs = 2 if name in TRAIN_LITTLE else 30
        estimator = kind(epochs=epochs, learning_rate=0.02, random_state=0)
        if name == "check_array_api_input":  # skips itself where scipy's switch is off
            continue
        twice = kind is ZooRegressor and name in TRAIN_MORE
        mark = () if name in TRAIN_LITTLE and not twice else pytest.mark.slow
        yield pytest.param(estimator, check, id=f"{kind.__name__}-{name}", marks=mark)


@pytest.mark.parametrize(("estimator", "check"), [*checks(ZooClassifier), *checks(ZooRegressor)])
@pytest.mark.filterwarnings("ignore")  # the checks feed what the estimator warns about
def test_the_conventions_of_scikit_learn(estimator, check, undrawn, quickly):
    with quickly() if estimator.epochs == 2 else undrawn():
        check(clone(estimator))


def test_a_clone_has_the_very_parameters_that_were_given():
    units = (np.int64(30), np.int64(20))
    model = ZooClassifier(units=units, dropout=np.float64(0.1), epochs=np.int64(3), random_state=0)
    copied = clone(model)
    assert copied is not model
    assert copied.get_params() == model.get_params()
    assert copied.get_params()["epochs"] is model.epochs
    assert list(model.get_params())[-2:] == ["units", "dropout"]
    assert repr(ZooClassifier(dropout=0.5, epochs=3)) == "ZooClassifier(dropout=0.5, epochs=3)"


def test_parameters_of_the_model_can_be_set_later():
    model = ZooRegressor().set_params(units=(5,), epochs=1, l2=0.1)
    assert (model.units, model.epochs, model.l2) == ((5,), 1, 0.1)
    with pytest.raises(ValueError, match="Invalid parameter 'unit' for ZooRegressor"):
        model.set_params(unit=3)
    with pytest.raises(ValueError, match="Invalid parameter 'head'"):
        model.set_params(head="binary")


# Training


def test_two_classes_with_names():
    x, y = rings()
    model = ZooClassifier(units=(30, 30), **QUICK).fit(x, y)
    assert list(model.classes_) == ["in", "out"]
    assert model.score(x, y) > 0.9
    probabilities = model.predict_proba(x)
    assert probabilities.shape == (len(x), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(
        model.predict(x), np.where(probabilities[:, 1] > 0.5, "out", "in")
    )
    logits = model.model_.predict(x.astype("float32"), verbose=0)[:, 0]
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert len(model.history_["loss"]) == 20


def test_several_classes():
    x, y = load_iris(return_X_y=True)
    model = ZooClassifier("perceptron", **QUICK).fit(x, y * 10)
    assert list(model.classes_) == [0, 10, 20]
    assert model.score(x, y * 10) > 0.8
    logits = model.model_.predict(x.astype("float32"), verbose=0)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(x), expected, rtol=1e-5, atol=1e-12)


def test_targets_keep_their_units_and_their_shape():
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:150], 1e6 + 1e3 * y[:150]
    model = ZooRegressor(units=(), epochs=75, learning_rate=0.1, random_state=0).fit(x, y)
    expected = LinearRegression().fit(x, y).predict(x)
    assert model.predict(x).shape == (150,)
    assert np.corrcoef(model.predict(x), expected)[0, 1] > 0.99
    assert abs(model.predict(x).mean() - y.mean()) < 1e-2 * y.std()
    both = np.stack([y, -y / 1e6], axis=1)
    several = ZooRegressor(units=(), **QUICK).fit(x, both)
    assert several.predict(x).shape == (150, 2)
    assert several.model_.output_shape == (None, 2)
    np.testing.assert_allclose(several.predict(x).mean(axis=0), both.mean(axis=0), rtol=0.01)


def test_the_same_seed_gives_the_same_model_and_leaves_the_global_ones_alone(trained, quickly):
    x, y = rings()
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.random()
    first = trained.predict_proba(x)
    random.seed(3)
    np.random.seed(3)
    with quickly():
        again = ZooClassifier(units=(8,), dropout=0.2, **SHORT).fit(x, y).predict_proba(x)
    assert (random.random(), np.random.random()) == expected
    np.testing.assert_array_equal(first, again)
    with quickly():
        other = ZooClassifier(units=(8,), dropout=0.2, **{**SHORT, "random_state": 1}).fit(x, y)
    assert np.abs(other.predict_proba(x) - first).max() > 1e-3


def test_columns_are_standardised_inside(trained, quickly):
    x, y = rings()
    with quickly():
        moved = clone(trained).fit(100 + 1e-2 * x, y)
    np.testing.assert_allclose(
        moved.predict_proba(100 + 1e-2 * x), trained.predict_proba(x), atol=0.02
    )
    once = {**QUICK, "epochs": 1}
    constant = np.c_[x, np.full(len(x), 7.0)]
    with quickly():
        found = ZooClassifier(units=(8,), **once).fit(constant, y).predict_proba(constant)
        plain = ZooClassifier(units=(8,), standardize=False, **once).fit(x, y)
    assert np.isfinite(found).all()
    assert not any(layer.name == "scaling" for layer in plain.model_.layers)


def test_patience_stops_early_and_takes_the_best_epoch():
    x, y = rings()
    y[::3] = "in"  # noise, to be learned by heart
    model = ZooClassifier(
        units=(100, 100), epochs=60, learning_rate=0.03, patience=3, validation_fraction=0.3,
        random_state=0,
    ).fit(x, y)  # fmt: skip
    losses = model.history_["val_loss"]
    assert len(losses) < 60
    assert len(losses) - 1 - int(np.argmin(losses)) == 3


# With scikit-learn's tools


@pytest.mark.slow
def test_a_randomized_search_over_distributions(caplog):
    logging.getLogger("tensorflow").addHandler(caplog.handler)
    x, y = rings()
    space = {
        "learning_rate": loguniform(1e-3, 1e-1),
        "dropout": uniform(0, 0.3),
        "batch_size": randint(16, 64),
        "units": [(16,), np.array([16, 16])],
    }
    search = RandomizedSearchCV(
        ZooClassifier(epochs=10, random_state=0), space, n_iter=3, cv=2, random_state=0
    ).fit(x, y)
    assert search.best_score_ > 0.6
    assert isinstance(search.best_params_["batch_size"], int | np.integer)
    assert search.best_estimator_.dropout == search.best_params_["dropout"]
    assert search.score(x, y) > 0.6
    assert "retracing" not in caplog.text  # as TensorFlow warns from the fifth model on


def test_a_pipeline_with_text_columns(quickly):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"size": generator.normal(size=100), "kind": ["a", "b"] * 50})
    y = frame["size"] + 3 * (frame["kind"] == "b")
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough"),
        ZooRegressor(units=(20,), **{**QUICK, "epochs": 8, "learning_rate": 0.05}),
    )
    with quickly():
        assert pipeline.fit(frame, y).score(frame, y) > 0.9
    pipeline.set_params(zooregressor__units=(10,), zooregressor__dropout=0.0)
    halves = ShuffleSplit(1, test_size=0.5, random_state=0)
    with quickly():
        assert cross_val_score(pipeline, frame, y, cv=halves).mean() > 0.5


def test_a_trained_estimator_can_be_copied(trained):
    x, _ = rings()
    np.testing.assert_allclose(copy.deepcopy(trained).predict_proba(x), trained.predict_proba(x))


# What goes wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "mpl"}, "mlp"),
        ({"unit": 3}, "Did you mean 'units'"),
        ({"dropout": 2.0}, "dropout"),
        ({"epochs": 0}, "epochs must be at least 1. Received: 0"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
        ({"model": "wavenet"}, "wavenet has no argument"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ZooClassifier(**arguments).fit(*rings(20))


def test_wrong_data():
    x, y = rings(20)
    with pytest.raises(ValueError, match="one class: 'in'"):
        ZooClassifier().fit(x, np.full(20, "in"))
    with pytest.raises(ValueError, match="NaN"):
        ZooClassifier().fit(np.full((20, 2), np.nan), y)
    with pytest.raises(NotFittedError):
        ZooRegressor().predict(x)
    model = ZooClassifier(epochs=1, random_state=0).fit(x, y)
    with pytest.raises(ValueError, match="3 features"):
        model.predict(np.ones((4, 3)))


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_dates_are_refused_with_the_cure(trained, zone):
    dated = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=20, tz=zone)})
    for frame in (dated, dated.assign(x=1.0)):
        with pytest.raises(ValueError, match=r"dates in column 'day'.*zoo.layers.date_parts"):
            ZooRegressor().fit(frame, np.arange(20.0))
        with pytest.raises(ValueError, match="dates in column 'day'"):
            trained.predict(frame)


def test_a_model_of_ones_own():
    @zoo.register_model
    def twice(input_shape, outputs=1, head="regression", width=4):
        import keras

        inputs = keras.Input(input_shape)
        x = keras.layers.Dense(width, "tanh")(inputs)
        return keras.Model(inputs, keras.layers.Dense(outputs)(x))

    try:
        x, y = rings()
        model = ZooClassifier("twice", width=20, **{**QUICK, "epochs": 40}).fit(x, y)
        assert model.score(x, y) > 0.8
        assert model.set_params(width=3).get_params()["width"] == 3
    finally:
        from zoo.registry import _factories

        del _factories["twice"]
