"""The loss and the metrics that go with a head."""

from typing import Any

import keras

from zoo.checks import HEADS, check_choice, check_fractions
from zoo.losses import SmoothedSparseCrossentropy


def objective(head: str, label_smoothing: float = 0.0) -> dict[str, Any]:
    """The loss and the metrics for a model with this head, from logits.

    Labels are 0 or 1, `(batch, outputs)`, for binary and multilabel heads; class numbers,
    `(batch,)`, for multiclass; numbers, `(batch, outputs)`, for regression.

    Args:
        head: `"regression"` (mean squared error; metric `mae`), `"binary"`, `"multilabel"` (binary
            crossentropy) or `"multiclass"` (sparse categorical crossentropy; metric `accuracy`
            for all three).
        label_smoothing: Fraction of each label that is spread evenly over all classes, in [0, 1):
            keeps a classifier from growing too sure. Defaults to 0.

    Returns:
        `{"loss": ..., "metrics": [...]}`, new objects at each call.

    Raises:
        ValueError: If the head is unknown, or labels of a regression are to be smoothed.

    >>> model = zoo.mlp((28, 28), outputs=10, head="multiclass")
    >>> model.compile("adam", **zoo.objective("multiclass", label_smoothing=0.1))

    Reference: Book, chapter 10, tables 10-1 and 10-2 (architectures for regression and
    classification).
    """
    check_choice(HEADS, head=head)
    check_fractions(label_smoothing=label_smoothing)
    if head == "regression" and label_smoothing:
        raise ValueError(
            "label_smoothing must be 0 for a regression. "
            f"Received: label_smoothing={label_smoothing!r} for a {head} head"
        )
    if head == "regression":
        metric = keras.metrics.MeanAbsoluteError(name="mae")
        return {"loss": keras.losses.MeanSquaredError(), "metrics": [metric]}
    if head == "multiclass":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if label_smoothing:
            loss = SmoothedSparseCrossentropy(label_smoothing)
        metric = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    else:
        loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)
        metric = keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
    return {"loss": loss, "metrics": [metric]}
