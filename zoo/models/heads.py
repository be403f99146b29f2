"""What all forecasters share: the output head and the alignment of outputs with inputs.

Outputs have the shape `(batch, time_out, horizon, targets)`; output `j` forecasts the `horizon`
steps that follow its own input step, and the last output always stands at the last input step.
Quantile heads append an axis of quantiles, Gaussian heads one of (mean, standard deviation).
"""

import math
from collections.abc import Iterable
from itertools import pairwise

import keras
from keras import layers

from zoo.checks import check_choice, check_counts
from zoo.layers import GaussianParameters, SortQuantiles

HEADS = ("point", "quantile", "gaussian")


def forecast_head(x, horizon, targets=1, head="point", quantiles=(0.1, 0.5, 0.9)):
    """Turns features into forecasts with one linear layer.

    Args:
        x: Keras tensor `(batch, time_out, channels)`.
        horizon: Number of steps to forecast, at least 1.
        targets: Number of series to forecast at once. Defaults to 1.
        head: `"point"`, `"quantile"` or `"gaussian"`. Defaults to `"point"`.
        quantiles: Increasing probabilities of a quantile head. Defaults to 10, 50 and 90 %.

    Returns:
        Keras tensor `(batch, time_out, horizon, targets)`, with a last axis more for
        probabilistic heads.

    Raises:
        ValueError: If an argument is out of range.
    """
    sizes = head_shape(horizon, targets, head, quantiles)
    x = layers.Dense(math.prod(sizes), name="head")(x)
    return shape_forecast(x, horizon, targets, head, quantiles)


def shape_forecast(x, horizon, targets=1, head="point", quantiles=(0.1, 0.5, 0.9)):
    """Gives `(batch, time_out, outputs)` the shape and the meaning of a forecast."""
    sizes = head_shape(horizon, targets, head, quantiles)
    x = layers.Reshape((-1 if x.shape[1] is None else x.shape[1], *sizes), name="forecast")(x)
    if head == "quantile":
        return SortQuantiles(name="quantiles")(x)
    if head == "gaussian":
        return GaussianParameters(name="gaussian")(x)
    return x


def head_shape(horizon, targets=1, head="point", quantiles=(0.1, 0.5, 0.9)):
    """The axes behind `(batch, time_out)` of a head's output.

    >>> head_shape(10, 2), head_shape(10, 2, "quantile", (0.1, 0.9))
    ((10, 2), (10, 2, 2))
    """
    check_counts(horizon=horizon, targets=targets)
    check_choice(HEADS, head=head)
    if head == "point":
        return (horizon, targets)
    if head == "gaussian":
        return (horizon, targets, 2)
    quantiles = tuple(quantiles) if isinstance(quantiles, Iterable) else (quantiles,)
    inside = all(0 < q < 1 for q in quantiles)
    if not quantiles or not inside or any(a >= b for a, b in pairwise(quantiles)):
        raise ValueError(
            f"quantiles must be increasing numbers between 0 and 1. Received: {quantiles}"
        )
    return (horizon, targets, len(quantiles))


def output_stride(model: keras.Model) -> int:
    """How many input steps lie between two outputs of a sequence-to-sequence forecaster.

    1 for all but models that downsample, such as `conv_gru`: the product of the strides of their
    convolutions. With it, a data pipeline knows which targets belong to which output: output `j`
    of `time_out` stands at input step `time - 1 - stride * (time_out - 1 - j)`.

    Example:
        >>> import zoo
        >>> zoo.output_stride(zoo.conv_gru((50, 1), horizon=10))
        2
    """
    stride = 1
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv1D):
            stride *= layer.strides[0]
        elif isinstance(layer, keras.Model):
            stride *= output_stride(layer)
    return stride
