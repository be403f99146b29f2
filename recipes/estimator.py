"""Zoo models as scikit-learn estimators, for `Pipeline`, `RandomizedSearchCV` and the like.

Not on top of `keras.wrappers`: there the arguments of a model are one dictionary, whose parts no
search can vary, classifiers have no `predict_proba`, and some checks of `check_estimator` fail.

>>> from recipes.estimator import ZooClassifier
>>> x = np.random.default_rng(0).normal(size=(200, 2))
>>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "different")
>>> model = ZooClassifier(units=(30, 30), epochs=15, learning_rate=0.02, random_state=0)
>>> model.fit(x, y).score(x, y) > 0.9
True
"""

import contextlib
import inspect
import logging

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from recipes.classification.scores import all_classes

#: Examples that are predicted at a time.
_BATCH = 256
#: Parameters that are settings of `zoo train`.
_SETTINGS = (
    "epochs", "batch_size", "learning_rate", "optimizer", "schedule", "weight_decay", "patience",
)  # fmt: skip


@contextlib.contextmanager
def _quiet():
    """Holds back that tracing is expensive: each model of a search is traced, once."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _ZooEstimator(BaseEstimator):
    """What both estimators share: parameters, scaling, training.

    scikit-learn reads parameters from the signature. Those of the model's factory are not in it:
    they are attributes like the others, there once they are given.
    """

    def __init__(
        self, model="mlp", *, epochs=30, batch_size=32, learning_rate=0.001, optimizer="adamw",
        schedule="cosine", weight_decay=0.0, patience=0, validation_fraction=0.1, standardize=True,
        random_state=None, **model_arguments,
    ):  # fmt: skip
        self.model = model
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.optimizer, self.schedule = learning_rate, optimizer, schedule
        self.weight_decay, self.patience = weight_decay, patience
        self.validation_fraction, self.standardize = validation_fraction, standardize
        self.random_state = random_state
        vars(self).update(model_arguments)

    def get_params(self, deep=True):
        """All parameters, the given ones of the model's factory among them."""
        return {**super().get_params(deep), **self._model_arguments()}

    def set_params(self, **params):
        """Sets parameters, also those of the model's factory that were not given before."""
        own = {name: params[name] for name in params if name in self._get_param_names()}
        super().set_params(**own)
        others = {name: value for name, value in params.items() if name not in own}
        new = [name for name in others if name not in self._model_arguments()]
        if new:  # those of the model's factory that are open to be set
            from zoo.registry import get_factory

            given = ("input_shape", "outputs", "head", "name")
            found = inspect.signature(get_factory(self.model)).parameters
            known = [name for name in found if name not in given]
            if unknown := [name for name in new if name not in known]:
                raise ValueError(
                    f"Invalid parameter {unknown[0]!r} for {type(self).__name__}. Expected one of "
                    f"{', '.join([*self._get_param_names(), *known])}."
                )
        vars(self).update(others)
        return self

    def _model_arguments(self):
        own = self._get_param_names()
        return {
            name: value
            for name, value in vars(self).items()
            if name not in own and not name.startswith("_") and not name.endswith("_")
        }

    @_quiet()
    def _train(self, x, y, head, outputs):
        """Builds and trains the model; y as `zoo.objective(head)` wants it."""
        import keras

        import zoo
        from callbacks.lr_finder import same_randomness
        from recipes.engine.config import TrainConfig
        from recipes.engine.folder import plain
        from recipes.engine.optimizer import make_optimizer
        from recipes.errors import UserError

        own = {name: plain(getattr(self, name)) for name in self._get_param_names()}
        x = np.asarray(x, "float32")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        held_out = None
        if own["patience"]:
            labels = y if head in ("binary", "multiclass") else None
            share = {"test_size": own["validation_fraction"], "random_state": seed}
            x, x_out, y, y_out = train_test_split(x, y, stratify=labels, **share)
            held_out = (x_out, y_out)
        config = TrainConfig(**{name: own[name] for name in _SETTINGS})
        try:
            config.validate()
        except UserError as error:  # which names flags
            raise ValueError(str(error).replace("--", "")) from None
        steps = -(-len(x) // config.batch_size)
        with same_randomness():
            keras.utils.set_random_seed(seed)
            inputs = keras.Input(x.shape[1:], name="features")
            scaled = inputs
            if own["standardize"]:
                wide = x.astype("float64")
                known = {"mean": wide.mean(axis=0), "variance": wide.var(axis=0)}
                known["variance"][known["variance"] == 0] = 1.0
                scaled = keras.layers.Normalization(**known, name="scaling")(inputs)
            arguments = plain(self._model_arguments())
            core = zoo.create_model(
                own["model"], input_shape=x.shape[1:], outputs=outputs, head=head, **arguments
            )
            model = keras.Model(inputs, core(scaled))
            calls = 1 if keras.backend.backend() == "torch" else min(32, steps)
            optimizer = make_optimizer(config, config.epochs * steps)
            model.compile(optimizer, **zoo.objective(head), steps_per_execution=calls)
            # Variables that the first step had to make would have it traced twice.
            model.optimizer.build(model.trainable_variables)
            patience = {"patience": config.patience, "restore_best_weights": True}
            stop = [keras.callbacks.EarlyStopping(**patience)] * bool(config.patience)
            how = {"batch_size": config.batch_size, "epochs": config.epochs, "verbose": 0}
            history = model.fit(x, y, validation_data=held_out, callbacks=stop, **how)
        self.model_ = model
        self.history_ = history.history
        return self

    @_quiet()
    def _outputs(self, x):
        check_is_fitted(self)
        _refuse_dates(x)
        x = validate_data(self, x, reset=False)
        # In batches of one size, an answer depends on nothing else that is asked.
        padded = np.pad(x.astype("float32"), [(0, -len(x) % _BATCH), (0, 0)])
        return self.model_.predict(padded, batch_size=_BATCH, verbose=0)[: len(x)].astype("float64")


class ZooClassifier(ClassifierMixin, _ZooEstimator):
    """A zoo model as a scikit-learn classifier.

    Takes numeric columns, standardised inside the model; put a `ColumnTransformer` in front of it
    for others. NumPy scalars, as distributions draw them, are welcome as parameters. It passes all
    of scikit-learn's `check_estimator`; with arguments of the model's factory given, all but
    `check_no_attributes_set_in_init`, as these are not in the signature.

    Args:
        model: Name of a registered model whose factory has the arguments `input_shape`, `outputs`
            and `head`. Defaults to `"mlp"`.
        epochs: Largest number of passes over the training data. Defaults to 30.
        batch_size: Examples in a training step. Defaults to 32.
        learning_rate: Peak learning rate. Defaults to 0.001.
        optimizer: As `--optimizer` of `zoo train`. Defaults to `"adamw"`.
        schedule: As `--schedule` of `zoo train`. Defaults to `"cosine"`.
        weight_decay: Decoupled weight decay. Defaults to 0.
        patience: Epochs without a better validation loss after which to stop and go back to the
            best one. Defaults to 0, which trains to the end on all data.
        validation_fraction: Fraction of the data held out for that. Defaults to 0.1.
        standardize: Whether to scale each column to mean 0 and deviation 1. Defaults to True.
        random_state: Seed, or scikit-learn's `RandomState`. Defaults to none.
        **model_arguments: Arguments of the model's factory, such as `units=(30, 30)`; they are
            parameters like the others.

    Attributes:
        classes_: The labels, in the order of the columns of `predict_proba`.
        model_: The trained Keras model, which gives logits.
        history_: Keras' history of each score by epoch.

    Raises:
        ValueError: In `fit`, for labels of one class, a wrong argument, or a column of dates.

    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import RandomizedSearchCV, ShuffleSplit
    >>> x, y = load_iris(return_X_y=True)
    >>> search = RandomizedSearchCV(
    ...     ZooClassifier(units=(30,), epochs=15, random_state=0),
    ...     {"learning_rate": loguniform(0.003, 0.03), "units": [(30,), (30, 30)]},
    ...     n_iter=2, cv=ShuffleSplit(1, random_state=0), random_state=0,
    ... )
    >>> bool(search.fit(x, y).best_score_ > 0.8)
    True

    Reference: Book, chapter 10, "Fine-Tuning Neural Network Hyperparameters" (2nd edition).
    """

    def fit(self, X, y):  # noqa: N803 - scikit-learn's name
        """Trains a new model on features `(examples, columns)` and labels of any type."""
        _refuse_dates(X)
        X, y = validate_data(self, X, y)  # noqa: N806
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(
                "Expected labels of at least two classes. Received one class: "
                f"{self.classes_.tolist()[0]!r}"
            )
        if count == 2:
            return self._train(X, codes[:, None].astype("float32"), "binary", 1)
        return self._train(X, codes.astype("int32"), "multiclass", count)

    def predict_proba(self, X):  # noqa: N803
        """Probability of each class, `(examples, classes)`, in the order of `classes_`."""
        logits = self._outputs(X)
        return softmax(logits, axis=1) if len(self.classes_) > 2 else all_classes(expit(logits))

    def predict(self, X):  # noqa: N803
        """The most probable label of each example, `(examples,)`."""
        probabilities = self.predict_proba(X)  # first, as it checks whether there are classes
        return self.classes_[probabilities.argmax(axis=1)]


class ZooRegressor(RegressorMixin, _ZooEstimator):
    """A zoo model as a scikit-learn regressor of one or several targets.

    Trained on standardised targets, it predicts in their own units. See `ZooClassifier` for its
    parameters and attributes.

    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = ZooRegressor(units=(30,), epochs=20, learning_rate=0.05, random_state=0)
    >>> model.fit(x, 1000 + 100 * x[:, 0] ** 2).score(x, 1000 + 100 * x[:, 0] ** 2) > 0.95
    True
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y):  # noqa: N803
        """Trains a new model; see `ZooClassifier`. y: `(examples,)` or `(examples, targets)`."""
        _refuse_dates(X)
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)  # noqa: N806
        y = np.asarray(y, "float64")
        self.target_mean_ = y.mean(axis=0)
        deviation = y.std(axis=0)
        self.target_scale_ = np.where(deviation > 0, deviation, 1.0)
        scaled = (y - self.target_mean_) / self.target_scale_
        self._flat = y.ndim == 1
        scaled = scaled.reshape(len(y), -1).astype("float32")
        return self._train(X, scaled, "regression", scaled.shape[1])

    def predict(self, X):  # noqa: N803
        """Targets in their own units, in the shape of those of `fit`."""
        outputs = self._outputs(X)
        outputs = outputs[:, 0] if self._flat else outputs
        return self.target_mean_ + self.target_scale_ * outputs


def _refuse_dates(x):
    """Refuses columns of dates, which scikit-learn may take for nanoseconds."""
    kinds = getattr(x, "dtypes", None)  # of a DataFrame
    kinds = kinds.items() if hasattr(kinds, "items") else [(0, getattr(x, "dtype", None))]
    if dated := [name for name, kind in kinds if getattr(kind, "kind", "") in ("M", "m")]:
        raise ValueError(
            f"Expected numbers. Received: dates in column {dated[0]!r}. Put what matters of them "
            f"into columns of numbers: zoo.layers.date_parts(X[{dated[0]!r}], newest) makes them."
        )
