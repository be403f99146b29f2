"""What a model of tables must beat: boosted trees, a linear model, and a constant."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from recipes.classification.estimators import calmly

#: Codes at most that boosted trees take for categories; columns with more count as numbers.
_MOST_CODES = 255


class Baseline:
    """A scikit-learn model of the same training rows.

    Args:
        estimator: An estimator that is not fitted yet.
        features: Features of all rows of the table, `(n, features)`.
        target: The `Target`.
        train: Positions of the training rows.
    """

    def __init__(self, estimator, features, target, train):
        self.features = features
        self.classes = len(target.labels)
        with calmly():
            self.estimator = estimator.fit(features[train], target.values[train])

    def __call__(self, rows):
        """Predictions for the rows at some positions: `(n,)`, or `(n, classes)` probabilities."""
        if not self.classes:
            return self.estimator.predict(self.features[rows])
        found = np.zeros((len(rows), self.classes))
        found[:, self.estimator.classes_] = self.estimator.predict_proba(self.features[rows])
        return found


def constant(target, train):
    """Predicts the mean of the training rows, or how frequent each class is in them.

    Args:
        target: The `Target`.
        train: Positions of the training rows.

    Returns:
        A function of positions of rows, as a `Baseline` is.
    """
    if not target.labels:
        mean = target.values[train].mean()
        return lambda rows: np.full(len(rows), mean)
    shares = np.bincount(target.values[train], minlength=len(target.labels)) / len(train)
    return lambda rows: np.tile(shares, (len(rows), 1))


def baselines(inputs, target, train, codes) -> dict:
    """Boosted trees with scikit-learn's defaults, a linear model, and a constant.

    The linear one (ridge or logistic regression) reads medians for missing numbers, standardised
    columns, and one column a category.

    Args:
        inputs: Arrays of all rows, from `zoo.layers.TableColumns.encode`.
        target: The `Target`.
        train: Positions of the training rows.
        codes: Number of codes of each column of categories.

    Returns:
        `{name: function of positions of rows}`.
    """
    features, numeric, categories = _features(inputs, len(target.values))
    linear = LogisticRegression(max_iter=1000) if target.labels else Ridge()
    found = {
        "boosted_trees": Baseline(
            _trees(
                target,
                train,
                [n for n, c in zip(categories, codes, strict=True) if c < _MOST_CODES],
            ),
            features,
            target,
            train,
        ),
        "logistic" if target.labels else "ridge": Baseline(
            make_pipeline(_linear_features(numeric, categories), linear), features, target, train
        ),
    }
    found["majority" if target.labels else "mean"] = constant(target, train)
    return found


def _features(inputs, count):
    """Numbers and codes side by side, NaN where missing, and which columns are which."""
    numbers = np.float64(inputs.get("numeric", np.empty((count, 0))))
    codes = np.float64(inputs.get("categories", np.empty((count, 0))))
    codes[codes == 0] = np.nan
    columns = list(range(numbers.shape[1] + codes.shape[1]))
    features = np.concatenate([numbers, codes], axis=1)
    return features, columns[: numbers.shape[1]], columns[numbers.shape[1] :]


def _trees(target, train, categorical):
    arguments = {"categorical_features": categorical, "random_state": 0}
    if not target.labels:
        return HistGradientBoostingRegressor(**arguments)
    rarest = np.bincount(target.values[train])
    # Early stopping holds out a part of every class.
    stopping = "auto" if rarest[rarest > 0].min() > 1 else False
    return HistGradientBoostingClassifier(early_stopping=stopping, **arguments)


def _linear_features(numeric, categories):
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, numeric),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]
    )
