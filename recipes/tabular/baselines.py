"""What a model of tables must beat: boosted trees, a linear model, and a constant.

The first two are tuned as a practitioner would: a small grid, and the validation part decides.
"""

from copy import copy

import numpy as np
from scipy import stats
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from recipes.classification.estimators import calmly
from recipes.data.batches import spread

#: Codes at most that boosted trees take for categories; columns with more count as numbers.
_MOST_CODES = 255
#: Grid of boosted trees: rate, leaves of a tree, rows of a leaf at least, and L2 penalty. The first
#: is scikit-learn's default; small trees with large leaves suit small tables.
TREES = ((0.1, 31, 20, 0.0), (0.05, 31, 20, 5.0), (0.05, 8, 20, 1.0), (0.05, 15, 5, 1.0))
#: Rounds at least and at most, and trees at most: each of more than two classes has its own.
FEWEST_ROUNDS, MOST_ROUNDS, MOST_TREES = 50, 1000, 2000
#: After how many rounds without progress on validation, which is this part of what a constant
#: loses, no more are added.
NO_PROGRESS, PROGRESS = 20, 1e-4
#: Training rows by which a grid is chosen from, at most; the best is then fitted to all.
CHOSEN_ON = 50_000
#: Grid of the linear models: the penalty, for standardised columns.
PENALTIES = (0.1, 1.0, 10.0, 100.0)


class Baseline:
    """The best of some scikit-learn models of the same training rows.

    Args:
        estimators: Estimators, not fitted. Those that stop early do it by the validation part.
        features: Features of all rows of the table, `(n, features)`.
        target: The `Target`.
        rows: Positions of the rows of the parts `"train"` and `"validation"`; the latter decides.
        weights: Weight of each class on validation, where the estimators are balanced, too.
    """

    def __init__(self, estimators, features, target, rows, weights=None):
        self.features = features
        self.classes, self.column = len(target.labels), target
        self.target, self.weights = target.values, weights
        train, known = rows["train"], rows["validation"]
        few = train[spread(len(train), CHOSEN_ON)]
        if self.classes:  # what no training row shows cannot be scored
            known = known[np.isin(self.target[known], self.target[few])]
        with calmly():
            fitted = [self._fit(estimator, few, known) for estimator in estimators]
            best = fitted[int(np.argmin([self._loss(estimator, known) for estimator in fitted]))]
            self.estimator = best if len(few) == len(train) else self._fit(best, train, known)
        self.train, self.known = train, known

    def __call__(self, rows):
        """Predictions for the rows at some positions: `(n,)`, or `(n, classes)` probabilities."""
        if not self.classes:
            return self.estimator.predict(self.features[rows])
        found = np.zeros((len(rows), self.classes))
        found[:, self.estimator.classes_] = self.estimator.predict_proba(self.features[rows])
        return found

    def reading(self, more, place) -> "Baseline":
        """Boosted trees of the same settings that read more features, inserted at a place."""
        features = np.concatenate([self.features[:, :place], more, self.features[:, place:]], 1)
        codes = [c + more.shape[1] for c in self.estimator.categorical_features]
        estimator = clone(self.estimator).set_params(categorical_features=codes)
        rows = {"train": self.train, "validation": self.known}
        return Baseline([estimator], features, self.column, rows, self.weights)

    def on_all(self) -> "Baseline":
        """The same with its best estimator fitted to the validation rows, too.

        Where these said when to stop, it has so many more rounds as there are more rows.
        """
        rows, found, again = np.append(self.train, self.known), copy(self), clone(self.estimator)
        if hasattr(self.estimator, "n_iter_"):
            rounds = self.estimator.n_iter_ * len(rows) // len(self.train)
            again.set_params(early_stopping=False, max_iter=rounds)
        with calmly():
            found.estimator = self._fit(again, rows, None)
        return found

    def _fit(self, estimator, train, known):
        held_out = {}
        if getattr(estimator, "early_stopping", False):
            held_out = {"X_val": self.features[known], "y_val": self.target[known]}
            if self.weights is not None:
                held_out["sample_weight_val"] = self.weights[self.target[known]]
        return estimator.fit(self.features[train], self.target[train], **held_out)

    def _loss(self, estimator, known):
        actual, features = self.target[known], self.features[known]
        if not self.classes:
            return mean_squared_error(actual, estimator.predict(features))
        weights = None if self.weights is None else self.weights[actual]
        found = estimator.predict_proba(features)
        return log_loss(actual, found, labels=estimator.classes_, sample_weight=weights)


def constant(target, train, balanced=False):
    """Predicts the mean of the training rows, or how frequent each class is in them.

    A function of positions of rows, as a `Baseline` is; with `balanced`, every class counts alike.
    """
    if not target.labels:
        mean = target.values[train].mean()
        return lambda rows: np.full(len(rows), mean)
    shares = np.bincount(target.values[train], minlength=len(target.labels)) / len(train)
    shares = np.full(len(shares), 1 / len(shares)) if balanced else shares
    return lambda rows: np.tile(shares, (len(rows), 1))


def baselines(inputs, target, rows, codes, weights=None) -> dict:
    """Boosted trees, a linear model, and a constant: `{name: function of positions of rows}`.

    The linear one (ridge or logistic regression) reads medians for missing numbers, standardised
    columns, and one column a category.
    """
    features, numeric, categories = _features(inputs, len(target.values))
    few = [n for n, c in zip(categories, codes, strict=True) if c < _MOST_CODES]
    balanced = {} if weights is None else {"class_weight": "balanced"}
    values = target.values[rows["train"]]
    loss = stats.entropy(np.bincount(values)) if target.labels else np.var(values) / 2
    common = {"categorical_features": few, "tol": PROGRESS * loss, **balanced}
    trees = [_trees(target, *setting, **common) for setting in TREES]
    medians = SimpleImputer(strategy="median", keep_empty_features=True)
    columns = make_column_transformer(
        (make_pipeline(medians, StandardScaler()), numeric),
        (OneHotEncoder(handle_unknown="ignore"), categories),
    )
    linear = [Ridge(alpha=penalty) for penalty in PENALTIES]
    if target.labels:
        linear = [LogisticRegression(C=1 / p, max_iter=1000, **balanced) for p in PENALTIES]
    linear = [make_pipeline(clone(columns), each) for each in linear]
    return {
        "boosted_trees": Baseline(trees, features, target, rows, weights),
        "logistic" if target.labels else "ridge": Baseline(linear, features, target, rows, weights),
        "majority" if target.labels else "mean": constant(target, rows["train"], bool(balanced)),
    }


def _features(inputs, count):
    """Numbers and codes side by side, NaN where missing, and which columns are which."""
    numbers = np.float64(inputs.get("numeric", np.empty((count, 0))))
    codes = np.float64(inputs.get("categories", np.empty((count, 0))))
    codes[codes == 0] = np.nan
    columns = list(range(numbers.shape[1] + codes.shape[1]))
    features = np.concatenate([numbers, codes], axis=1)
    return features, columns[: numbers.shape[1]], columns[numbers.shape[1] :]


def _trees(target, rate, leaves, rows_of_leaf, penalty, **common):
    rounds = MOST_TREES // max(2, len(target.labels))
    kind = HistGradientBoostingClassifier if target.labels else HistGradientBoostingRegressor
    return kind(
        learning_rate=rate, max_iter=max(FEWEST_ROUNDS, min(rounds, MOST_ROUNDS)),
        max_leaf_nodes=leaves, min_samples_leaf=rows_of_leaf, l2_regularization=penalty,
        early_stopping=True, n_iter_no_change=NO_PROGRESS, random_state=0, **common,
    )  # fmt: skip
