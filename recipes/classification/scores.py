"""Scores of classifiers, from the probabilities that they give, and of regressions."""

import numpy as np
from sklearn import metrics

#: Probabilities below this count as this: one sure mistake must not make the mean infinite.
SMALLEST = 1e-7


def classification_scores(labels, probabilities, balanced=False) -> dict[str, float]:
    """Scores of class probabilities `(n, classes)`; of two classes also `(n,)` of class 1.

    Labels are whole numbers from 0, `(n,)`; with `balanced`, every class counts alike.

    Returns:
        `balanced_accuracy`, the mean recall of the classes, where that is so; `accuracy`; `nll`,
        the mean negative log-likelihood in nats; `roc_auc` and `average_precision`, of class 1
        where there are two classes, else the mean over the classes, each against the rest. The last
        two are left out where a class has no example.

    >>> scores = classification_scores([0, 1, 1], [0.2, 0.9, 0.4])
    >>> {name: round(value, 3) for name, value in scores.items()}
    {'accuracy': 0.667, 'nll': 0.415, 'roc_auc': 1.0, 'average_precision': 1.0}
    """
    labels, found = np.asarray(labels).ravel(), all_classes(probabilities)
    # Scikit-learn's `log_loss` has another limit, and warns where float32 does not sum to 1.
    own = np.clip(found[np.arange(len(labels)), labels], SMALLEST, 1.0)
    scores = {}
    if balanced:
        present, chosen = np.unique(labels), found.argmax(axis=1)
        recall = metrics.recall_score(labels, chosen, labels=present, average="macro")
        scores["balanced_accuracy"] = float(recall)
    scores |= {
        "accuracy": float(np.mean(found.argmax(axis=1) == labels)),
        "nll": float(-np.log(own).mean()),
    }
    classes = found.shape[1]
    if len(np.unique(labels)) < classes:
        return scores
    judged = [1] if classes == 2 else range(classes)
    for name in ("roc_auc", "average_precision"):
        score = getattr(metrics, f"{name}_score")
        scores[name] = float(np.mean([score(labels == k, found[:, k]) for k in judged]))
    return scores


def regression_scores(targets, predictions) -> dict[str, float]:
    """`mse`, `rmse` and `mae` of predicted numbers, `(n,)` or `(n, targets)`.

    >>> regression_scores([1.0, 2.0], [1.0, 4.0])
    {'mse': 2.0, 'rmse': 1.4142135623730951, 'mae': 1.0}
    """
    targets = np.asarray(targets, np.float64)
    error = np.asarray(predictions, np.float64).reshape(targets.shape) - targets
    mse = float(np.mean(error**2))
    return {"mse": mse, "rmse": mse**0.5, "mae": float(np.abs(error).mean())}


def all_classes(probabilities) -> np.ndarray:
    """Probabilities as `(n, classes)` float64, also where only those of class 1 were given.

    >>> all_classes([0.25, 1.0]).tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    found = np.asarray(probabilities, np.float64)
    if found.ndim == 2 and found.shape[1] > 1:
        return found
    found = found.reshape(-1, 1)
    return np.concatenate([1 - found, found], axis=1)


def per_class(labels, predictions, count) -> list[dict[str, float]]:
    """Precision, recall and F1 of each class.

    One dict a class with `precision` (0 where it was never predicted), `recall` (0 where it has no
    example), `f1` and the number of `examples`.

    >>> per_class([0, 1, 1], [0, 1, 0], 2)[1]
    {'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'examples': 2}
    """
    names, classes = ("precision", "recall", "f1", "examples"), list(range(count))
    how = {"labels": classes, "zero_division": 0.0}
    columns = metrics.precision_recall_fscore_support(labels, predictions, **how)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]
