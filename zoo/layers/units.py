"""From the data's units to the network's and back: differencing and target scaling."""

from collections.abc import Sequence

from keras import ops

from zoo.layers.base import SameShapeLayer, TracedLayer


def shift_and_scale(forecast, scale, shift, head):
    """`forecast * scale + shift`, where a standard deviation is scaled but not shifted."""
    if head == "point":
        return forecast * scale + shift
    scale, shift = ops.expand_dims(scale, -1), ops.expand_dims(shift, -1)
    if head == "quantile":
        return forecast * scale + shift
    mean, stddev = ops.split(forecast, 2, axis=-1)
    return ops.concatenate([mean * scale + shift, stddev * scale], axis=-1)


class Denormalization(SameShapeLayer):
    """Turns a forecast of standardised targets into the data's units.

    Args:
        mean: Mean of each target in the training data, a list of `targets` numbers.
        scale: Standard deviation of each target, a list of `targets` numbers.
        head: Kind of forecast: `"point"`, `"quantile"` or `"gaussian"`.

    >>> layer = zoo.layers.Denormalization(mean=[100.0], scale=[10.0], head="gaussian")
    >>> layer(np.array([[[[[2.0, 0.5]]]]])).numpy().ravel()  # mean 2, stddev 0.5
    array([120.,   5.], dtype=float32)
    """

    def __init__(
        self, mean: Sequence[float], scale: Sequence[float], head: str = "point", **kwargs
    ):
        super().__init__(**kwargs)
        self.mean = [float(value) for value in mean]
        self.scale = [float(value) for value in scale]
        self.head = head

    def call(self, inputs):
        """Scales forecasts of shape `(batch, time_out, horizon, targets[, values])`."""
        scale, shift = (ops.convert_to_tensor(v, inputs.dtype) for v in (self.scale, self.mean))
        return shift_and_scale(inputs, scale, shift, self.head)


class Difference(TracedLayer):
    """The change of each series over `lag` steps: `x[t] - x[t - lag]`.

    The first `lag` steps have no earlier value and are dropped.

    Args:
        lag: Number of steps to look back: 1, or the seasonal period.
        channels: Number of leading channels to difference; the others (datetime features, say)
            only lose their first `lag` steps. Defaults to all.

    >>> zoo.layers.Difference(lag=1)(np.array([[[1.0], [4.0], [9.0]]])).numpy().ravel()
    array([3., 5.], dtype=float32)
    """

    def __init__(self, lag: int, channels: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.lag, self.channels = lag, channels

    def call(self, inputs):
        """Differences a series of shape `(batch, time, channels)` along time."""
        cut = inputs.shape[-1] if self.channels is None else self.channels
        change = inputs[:, self.lag :, :cut] - inputs[:, : -self.lag, :cut]
        return ops.concatenate([change, inputs[:, self.lag :, cut:]], axis=-1)


class LastSteps(TracedLayer):
    """Keeps the last steps of a sequence.

    A sequence-to-sequence forecaster has seen little when it makes its first outputs. Trained on
    the later ones only, it spends its capacity on forecasts that are asked of it.

    Args:
        count: Number of steps to keep; shorter sequences are kept whole.

    >>> zoo.layers.LastSteps(2)(np.array([[1.0, 2.0, 3.0]])).numpy().ravel()
    array([2., 3.], dtype=float32)
    """

    def __init__(self, count: int, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, inputs):
        """Cuts a sequence of shape `(batch, time, ...)`."""
        return inputs[:, -self.count :]


class SeasonalResidual(SameShapeLayer):
    """Adds to a forecast the last value known at the same point of the season.

    The undoing of `Difference(lag)`: a model that reads changes forecasts, `h` steps ahead, the
    change from the newest input value that lies a multiple of `lag` steps before it.

    Args:
        lag: The lag of the `Difference` layer.
        stride: Input steps between two outputs, see `zoo.output_stride`. Defaults to 1.
        head: Kind of forecast: `"point"`, `"quantile"` or `"gaussian"`.

    >>> series = np.arange(6.0).reshape(1, 6, 1)
    >>> no_change = np.zeros((1, 1, 3, 1))
    >>> SeasonalResidual(lag=2)([no_change, series]).numpy().ravel()  # 4, 5, then 4 again
    array([4., 5., 4.], dtype=float32)
    """

    def __init__(self, lag: int, stride: int = 1, head: str = "point", **kwargs):
        super().__init__(**kwargs)
        self.lag, self.stride, self.head = lag, stride, head

    def call(self, inputs):
        """Adds the base of `series` `(batch, time, channels)` to the forecast (first input)."""
        forecast, series = inputs
        time_out, horizon, targets = forecast.shape[1:4]
        steps = series.shape[1] - 1 - self.stride * ops.arange(time_out - 1, -1, -1, dtype="int32")
        ahead = ops.arange(1, horizon + 1, dtype="int32")
        back = -(-ahead // self.lag) * self.lag  # the smallest multiple of lag >= ahead
        base = ops.take(series[..., :targets], steps[:, None] + ahead - back, axis=1)
        return shift_and_scale(forecast, ops.ones_like(base), base, self.head)
