"""Windows brought to a common level and spread, and forecasts brought back from there."""

from keras import ops

from zoo.checks import check_above_zero, check_choice
from zoo.layers.base import TracedLayer
from zoo.layers.units import shift_and_scale

METHODS = ("last", "standard")


class WindowNormalization(TracedLayer):
    """Normalises each window by what it holds itself: reversible instance normalisation.

    A series whose level drifts leaves the range in which a model was trained. Seen from its own
    mean, or its last value, each window is like those before.

    Args:
        method: `"standard"` subtracts the mean of the window and divides by its standard deviation;
            `"last"` subtracts the last value.
        channels: Number of leading channels to normalise; the others stay. Defaults to all.
        affine: Whether each normalised channel is scaled and shifted by two weights of its own,
            which the way back undoes. Defaults to False.
        epsilon: Added to the variance: what a constant window is divided by. Defaults to 1e-5.
        dtype: Defaults to `"float32"` under every policy: what is subtracted may be large.

    >>> windows = np.array([[[1.0], [3.0]], [[10.0], [30.0]]])
    >>> x, shift, scale = zoo.layers.WindowNormalization("standard")(windows)
    >>> x.numpy()[..., 0].round(2), shift.numpy().ravel()
    (array([[-1.,  1.], [-1.,  1.]], dtype=float32), array([ 2., 20.], dtype=float32))
    >>> forecast = np.full((2, 1, 1, 1), 2.0)  # two deviations above the mean
    >>> zoo.layers.WindowDenormalization()([forecast, shift, scale]).numpy().ravel().round(2)
    array([ 4., 40.], dtype=float32)

    Reference: Kim et al., *Reversible instance normalization for accurate time-series forecasting
    against distribution shift*, 2022, section 2.2; Zeng et al., *Are Transformers effective for
    time series forecasting?*, 2022, section 4 (the last value).
    """

    def __init__(
        self,
        method: str = "standard",
        channels: int | None = None,
        affine: bool = False,
        epsilon: float = 1e-5,
        dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        check_choice(METHODS, method=method)
        check_above_zero(epsilon=epsilon)
        self.method, self.channels = method, channels
        self.affine, self.epsilon = affine, epsilon

    def build(self, input_shape):
        """Makes the weights of the affine map."""
        if self.affine:
            size = (self._cut(input_shape),)
            self.gamma = self.add_weight(shape=size, initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=size, initializer="zeros", name="beta")

    def call(self, inputs):
        """Normalises series `(batch, time, features)`.

        Returns:
            The normalised series, and what `WindowDenormalization` undoes it with: shift and scale,
            each `(batch, 1, channels)`.
        """
        cut = self._cut(inputs.shape)
        x = inputs[..., :cut]
        if self.method == "last":
            shift = x[:, -1:]
            scale = ops.ones_like(shift)
        else:
            shift = ops.mean(x, axis=1, keepdims=True)
            scale = ops.sqrt(ops.var(x, axis=1, keepdims=True) + self.epsilon)
        x = (x - shift) / scale
        if self.affine:
            x = x * self.gamma + self.beta
            scale = scale / self.gamma
            shift = shift - self.beta * scale
        return ops.concatenate([x, inputs[..., cut:]], axis=-1), shift, scale

    def _cut(self, shape):
        return shape[-1] if self.channels is None else self.channels


class WindowDenormalization(TracedLayer):
    """Brings a forecast from a normalised window back to the window's level and spread.

    Args:
        head: Kind of forecast: `"point"`, `"quantile"` or `"gaussian"`. Defaults to `"point"`.
        dtype: As for `WindowNormalization`, which has an example.
    """

    def __init__(self, head: str = "point", dtype: str = "float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.head = head

    def call(self, inputs):
        """Maps `[forecast, shift, scale]`; the targets are the first channels of the last two.

        The forecast is `(batch, time_out, horizon, targets[, values])`.
        """
        forecast, *statistics = inputs
        shift, scale = (ops.expand_dims(part[..., : forecast.shape[3]], 1) for part in statistics)
        return shift_and_scale(forecast, scale, shift, self.head)
