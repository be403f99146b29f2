"""TSMixer: dense layers over time and over features, in turn."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_counts, check_series_input, check_whole
from zoo.layers import LastSteps, SelectColumns
from zoo.models.heads import series_outputs, shape_forecast, shape_series
from zoo.models.mlp import dropped
from zoo.registry import register_model


@register_model
def tsmixer(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    num_layers: int = 2,
    feed_forward_dim: int = 64,
    units: int = 64,
    dropout: float = 0.1,
    future_covariates: int = 0,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "tsmixer",
) -> keras.Model:
    """TSMixer: each block mixes the steps of every feature, then the features of every step.

    All features are read. The first `targets` of them go through one linear map from the window to
    the horizon. With `future_covariates` it is the paper's extended model, which aligns the past
    with the horizon first: blocks then mix, at every step ahead, the past and what is known of it.

    For long horizons the paper normalises each window: `zoo.normalize_windows(model)` does.

    Args:
        input_shape: `(time, features)`; both must be known. The series to forecast come first; each
            step ends with the future covariates of the `horizon` steps that follow it.
        num_layers: Number of blocks. Defaults to 2.
        feed_forward_dim: Size of the hidden layer that mixes features. Defaults to 64.
        units: Channels of the extended model's blocks. Defaults to 64.
        dropout: Fraction of the channels dropped behind dense layers, in [0, 1). Defaults to 0.1.
        future_covariates: How many future covariates there are, each of which makes up `horizon`
            features. Defaults to 0: any there are count as features of the past.
        horizon, targets, head, quantiles, name: As for `linear_forecaster`, as is the result.

    >>> zoo.tsmixer((512, 7), horizon=96, targets=7).output_shape
    (None, 1, 96, 7)
    >>> zoo.tsmixer((56, 2 + 14 * 3), horizon=14, future_covariates=3).output_shape
    (None, 1, 14, 1)

    Reference: Chen et al., *TSMixer: an all-MLP architecture for time series forecasting*, 2023,
    sections 4.1 and 4.2 (extended), with layer normalisation.
    """
    time, features = check_series_input(input_shape, needs_time=True)
    check_counts(targets=targets, num_layers=num_layers)
    check_counts(feed_forward_dim=feed_forward_dim, units=units)
    check_whole(0, future_covariates=future_covariates)
    size = series_outputs(horizon, head, quantiles)
    past = features - horizon * future_covariates
    if past < targets:
        raise ValueError(
            f"Expected at least {targets} features of the past (targets) in front of those of the "
            f"future (horizon * future_covariates). Received: input_shape={tuple(input_shape)}, "
            f"horizon={horizon}, future_covariates={future_covariates}"
        )
    inputs = keras.Input((time, features), name="series")
    x, channels = inputs, features
    if future_covariates:
        x, channels = SelectColumns(range(past), name="past")(inputs), units
        x = _dense_over_time(x, horizon, None, "past_align")
        x = _mix_features(x, units, feed_forward_dim, dropout, "past")
        y = LastSteps(1, name="known_last")(inputs)
        y = SelectColumns(range(past, features), name="future")(y)
        y = layers.Reshape((horizon, future_covariates), name="future_align")(y)
        y = _mix_features(y, units, feed_forward_dim, dropout, "future")
        x = layers.Concatenate(name="past_and_future")([x, y])
    for index in range(num_layers):
        prefix = f"block_{index}_time"
        y = layers.LayerNormalization(axis=(-2, -1), name=f"{prefix}_norm")(x)
        y = dropped(_dense_over_time(y, x.shape[1], "relu", prefix), dropout, f"{prefix}_dropout")
        x = layers.Add(name=f"{prefix}_add")([x, y])
        x = _mix_features(x, channels, feed_forward_dim, dropout, f"block_{index}")
    if future_covariates:
        x = layers.Dense(targets * size // horizon, name="head")(x)
        x = layers.Reshape((1, targets * size), name="last_step")(x)
        outputs = shape_forecast(x, horizon, targets, head, quantiles)
    else:
        if features > targets:
            x = SelectColumns(range(targets), name="targets")(x)
        x = layers.Permute((2, 1), name="series_first")(x)
        x = layers.Dense(size, name="head")(x)
        outputs = shape_series(x, horizon, targets, head, quantiles)
    return keras.Model(inputs, outputs, name=name)


def _mix_features(x, channels, feed_forward_dim, dropout, prefix):
    prefix = f"{prefix}_features"
    y = layers.LayerNormalization(axis=(-2, -1), name=f"{prefix}_norm")(x)
    y = layers.Dense(feed_forward_dim, activation="relu", name=f"{prefix}_hidden")(y)
    y = dropped(y, dropout, f"{prefix}_hidden_dropout")
    y = layers.Dense(channels, name=f"{prefix}_dense")(y)
    y = dropped(y, dropout, f"{prefix}_dropout")
    if x.shape[-1] != channels:
        x = layers.Dense(channels, name=f"{prefix}_project")(x)
    return layers.Add(name=f"{prefix}_add")([x, y])


def _dense_over_time(x, units, activation, prefix):
    x = layers.Permute((2, 1), name=f"{prefix}_series_first")(x)
    x = layers.Dense(units, activation=activation, name=f"{prefix}_dense")(x)
    return layers.Permute((2, 1), name=f"{prefix}_time_first")(x)
