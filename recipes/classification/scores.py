"""Scores of classifiers, from the probabilities that they give, and of regressions."""

import numpy as np
from sklearn import metrics

#: Probabilities below this count as this: one sure mistake must not make the mean infinite.
SMALLEST = 1e-7


def classification_scores(labels, probabilities, balanced=False) -> dict[str, float]:
    """Scores of class probabilities `(n, classes)`; of two classes also `(n,)` of class 1.

    Labels are whole numbers from 0, `(n,)`; with `balanced`, every class counts alike. Or they are
    several an example, 0 or 1, `(n, classes)`: the first scores are of each of them, then.

    Returns:
        `balanced_accuracy`, the mean recall of the classes, where that is so; `accuracy`; `nll`,
        the mean negative log-likelihood in nats; of several labels `f1_micro`; `roc_auc` and
        `average_precision`, of class 1 where there are two classes, else the mean over the classes,
        each against the rest. The last two are left out where a class has no example.

    >>> scores = classification_scores([0, 1, 1], [0.2, 0.9, 0.4])
    >>> {name: round(value, 3) for name, value in scores.items()}
    {'accuracy': 0.667, 'nll': 0.415, 'roc_auc': 1.0, 'average_precision': 1.0}
    """
    judged = against_rest(labels, probabilities)
    several, (labels, found) = np.ndim(labels) == 2, decisions(labels, probabilities)
    # Scikit-learn's `log_loss` has another limit, and warns where float32 does not sum to 1.
    own = np.clip(found[np.arange(len(labels)), labels], SMALLEST, 1.0)
    scores = {}
    if balanced:
        present, chosen = np.unique(labels), found.argmax(axis=1)
        recall = metrics.recall_score(labels, chosen, labels=present, average="macro")
        scores["balanced_accuracy"] = float(recall)
    scores["accuracy"] = float(np.mean(found.argmax(axis=1) == labels))
    scores["nll"] = float(-np.log(own).mean())
    if several:
        scores["f1_micro"] = float(metrics.f1_score(labels, found[:, 1] >= 0.5, zero_division=0.0))
    if not all(0 < own.sum() < len(own) for own, _ in judged.values()):
        return scores
    for name in ("roc_auc", "average_precision"):
        score = getattr(metrics, f"{name}_score")
        scores[name] = float(np.mean([score(*each) for each in judged.values()]))
    return scores


def against_rest(labels, probabilities) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Which examples are of a class, and its probabilities: of class 1 of two, else of each.

    Labels are as for `classification_scores`.

    >>> {k: own.tolist() for k, (own, _) in against_rest([0, 2], np.eye(3)[:2]).items()}
    {0: [True, False], 1: [False, False], 2: [False, True]}
    """
    labels, found, first = np.asarray(labels), all_classes(probabilities), 0
    if labels.ndim == 1:
        labels, first = labels[:, None] == np.arange(found.shape[1]), int(found.shape[1] == 2)
    return {k: (labels[:, k], found[:, k]) for k in range(first, found.shape[1])}


def decisions(labels, probabilities) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of classes, of several labels each as an example of no or yes.

    >>> labels, found = decisions([[0, 1]], [[0.25, 0.5]])
    >>> labels.tolist(), found.tolist()
    ([0, 1], [[0.75, 0.25], [0.5, 0.5]])
    """
    labels, found = np.asarray(labels), np.asarray(probabilities, np.float64)
    if labels.ndim == 1:
        return labels, all_classes(found)
    pairs = np.stack([1 - found, found], axis=-1)
    return labels.ravel().astype(int), pairs.reshape(*found.shape[:-2], -1, 2)


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
    if found.ndim > 1 and found.shape[-1] > 1:
        return found
    found = found.reshape(-1, 1)
    return np.concatenate([1 - found, found], axis=1)
