"""N-HiTS and N-BEATS: blocks that each explain a part of the past and forecast what follows."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_choice, check_counts, check_sizes
from zoo.layers import TimeBasis
from zoo.models.heads import series_outputs, shape_series, target_series
from zoo.models.mlp import dropped
from zoo.registry import register_model

STACKS = ("trend", "seasonality", "generic")


@register_model
def nhits(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    pooling: Sequence[int] = (2, 2, 1),
    downsampling: Sequence[int] = (4, 2, 1),
    num_blocks: int = 1,
    num_layers: int = 2,
    units: int = 512,
    dropout: float = 0.0,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "nhits",
) -> keras.Model:
    """N-HiTS: from the slow movements of a series to the fast ones.

    A block reads what is left of the window, more or less coarsely (max pooling), and says by dense
    layers what it sees in a few values, between which straight lines are drawn: one curve over the
    window, which is subtracted from what the next block reads, and one over the horizon. The
    forecast is the sum of the latter. All series share the weights.

    Args:
        input_shape: As for `nlinear`.
        pooling: Steps that each stack's blocks pool into one.
        downsampling: Steps for each value that a stack's blocks put out, as many as `pooling`.
        num_blocks: Number of blocks in a stack. Defaults to 1.
        num_layers: Number of hidden layers in a block. Defaults to 2.
        units: Size of each hidden layer. Defaults to 512.
        dropout: Fraction of the hidden units dropped, in [0, 1). Defaults to 0.
        horizon, targets, head, quantiles, name: As for `linear_forecaster`, as is the result.

    >>> zoo.nhits((480, 7), horizon=96, targets=7, downsampling=(24, 12, 1)).output_shape
    (None, 1, 96, 7)

    Reference: Challu et al., *N-HiTS: neural hierarchical interpolation for time series
    forecasting*, 2022, section 3.
    """
    pooling, downsampling = check_sizes(pooling=pooling), check_sizes(downsampling=downsampling)
    if len(pooling) != len(downsampling):
        raise ValueError(
            "Expected as many numbers of pooling as of downsampling, one a stack. Received: "
            f"pooling={pooling}, downsampling={downsampling}"
        )
    inputs, series = target_series(input_shape, targets, name)
    stacks = [
        ("interpolation" if steps > 1 else "generic", pool, steps)
        for pool, steps in zip(pooling, downsampling, strict=True)
    ]
    values = series_outputs(horizon, head, quantiles) // horizon
    x = _doubly_residual(series, stacks, num_blocks, num_layers, units, dropout, horizon, values)
    return keras.Model(inputs, shape_series(x, horizon, targets, head, quantiles), name=name)


@register_model
def nbeats(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    stacks: Sequence[str] = STACKS,
    num_blocks: int = 1,
    num_layers: int = 4,
    units: int = 512,
    degree: int = 2,
    dropout: float = 0.0,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "nbeats",
) -> keras.Model:
    """N-BEATS: the blocks of `nhits` that read every step, with curves of given kinds.

    With generic stacks only it is `nhits` without pooling and downsampling. Stacks of trend and
    seasonality can be interpreted: their layers `stack_0_block_0_forecast` and so on hold their
    parts of the forecast. (The paper's blocks of these kinds share their weights, these do not.)

    Args:
        input_shape: As for `nlinear`.
        stacks: Kind of each stack: `"trend"` (polynomials), `"seasonality"` (sines and cosines), or
            `"generic"` (any curve). Defaults to one of each.
        num_layers: Number of hidden layers in a block. Defaults to 4.
        degree: Highest power of a trend. Defaults to 2.
        horizon, targets, head, quantiles, name: As for `linear_forecaster`, as is the result.
        num_blocks, units, dropout: As for `nhits`.

    >>> zoo.nbeats((50, 1), horizon=10, stacks=["trend"], units=64).output_shape
    (None, 1, 10, 1)

    Reference: Oreshkin et al., *N-BEATS: neural basis expansion analysis for interpretable time
    series forecasting*, 2020, section 3.
    """
    check_counts(degree=degree)
    for stack in stacks:
        check_choice(STACKS, stacks=stack)
    inputs, series = target_series(input_shape, targets, name)
    kinds = [(kind, 1, degree) for kind in stacks]
    values = series_outputs(horizon, head, quantiles) // horizon
    x = _doubly_residual(series, kinds, num_blocks, num_layers, units, dropout, horizon, values)
    return keras.Model(inputs, shape_series(x, horizon, targets, head, quantiles), name=name)


def _doubly_residual(x, stacks, num_blocks, num_layers, units, dropout, horizon, values):
    """The sum of all blocks' forecasts, `(batch, targets * values, horizon)`.

    Each stack is a kind of curve, the steps pooled into one, and the detail of the curves.
    """
    check_counts(num_blocks=num_blocks, num_layers=num_layers, units=units)
    if not stacks:
        raise ValueError("Expected at least one stack. Received: none")
    blocks = [
        (f"stack_{stack}_block_{block}", *kind)
        for stack, kind in enumerate(stacks)
        for block in range(num_blocks)
    ]
    time, forecasts = x.shape[1], []
    for prefix, kind, pool, detail in blocks:
        y = layers.MaxPooling1D(pool, padding="same", name=f"{prefix}_pool")(x) if pool > 1 else x
        y = layers.Permute((2, 1), name=f"{prefix}_series_first")(y)
        for index in range(num_layers):
            y = layers.Dense(units, activation="relu", name=f"{prefix}_dense_{index}")(y)
            y = dropped(y, dropout, f"{prefix}_dropout_{index}")
        forecasts.append(_curves(y, values, kind, horizon, detail, f"{prefix}_forecast"))
        if prefix != blocks[-1][0]:  # nothing would read what the last one leaves
            y = _curves(y, 1, kind, time, detail, f"{prefix}_backcast")
            y = layers.Permute((2, 1), name=f"{prefix}_backcast_time_first")(y)
            x = layers.Subtract(name=f"{prefix}_residual")([x, y])
    return layers.Add(name="sum")(forecasts) if len(forecasts) > 1 else forecasts[0]


def _curves(x, values, kind, length, detail, name):
    """Curves `(batch, targets * values, length)` of what the hidden layers see."""
    count = {
        "generic": length,
        "interpolation": -(-length // detail),
        "trend": detail + 1,
        "seasonality": max(1, length // 2 * 2 - 1),
    }[kind]
    x = layers.Dense(values * count, name=f"{name}_coefficients")(x)
    if values > 1:
        x = layers.Reshape((x.shape[1] * values, count), name=f"{name}_values")(x)
    return x if kind == "generic" else TimeBasis(kind, length, name=name)(x)
