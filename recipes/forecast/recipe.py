"""Forecast one or many time series (chapter 15): `zoo train forecast`.

zoo train forecast                                      the book's generated series
zoo train forecast --dataset ridership --model deep_rnn
zoo train forecast --data sales.csv --time date --target sales --horizon 14
"""

import warnings
from dataclasses import dataclass, field, replace
from typing import Literal

from recipes.engine.config import TrainConfig, at_least
from recipes.errors import UserError

DATASETS = {
    "book_series": "10,000 generated series of two sine waves and noise (book, 2nd edition)",
    "ridership": "daily boardings of Chicago's trains and buses (book, 3rd edition)",
}


@dataclass
class ForecastConfig(TrainConfig):
    """Settings of a forecasting run.

    Args:
        time: Column of dates or step numbers in --data. Defaults to its first column of dates, if
            it has one.
        target: Columns to forecast, separated by commas. Defaults to the only numeric column.
        series: Column that names the series of a row, where a file holds several; one model learns
            from all of them.
        covariates: Columns that are known up to the forecast's origin only.
        known: A second file of covariates that are known in advance, with the same time column.
        calendar: Features made from the dates, known in advance (dayofweek, dayofyear, month,
            hour, weekend; day_type for ridership).
        missing: What fills a missing value (forward repeats the last known one); error refuses.
        resample: A pandas frequency such as D, to bring irregular times to equal steps.
        resample_rule: How the rows in one step are combined.
        window: Input steps.
        horizon: Steps to forecast.
        validation_fraction: Share of the rows, before the test part, to choose the epoch by.
        test_fraction: Share of the rows, the last ones, to be scored once at the end.
        period: Length of the season in steps, for the seasonal naive baseline and MASE. Defaults
            to the one that is detected.
        difference: Model the change over so many steps (1, or the period) instead of the level; 0
            turns it off. Defaults, for --data, to what makes the changes clearly smaller than the
            level's deviation.
        normalization: Whether inputs and targets are standardised inside the model.
        loss_steps: How many of the last outputs the training loss looks at, for models that
            forecast at every input step; the first ones have seen too little. 0 looks at all.
        strategy: Forecast all steps at once (direct), or train for one step and feed forecasts back
            (iterated).
        head: A single number for each step, quantiles, or the mean and deviation of a Gaussian.
        quantiles: Probabilities of a quantile head.
        mc_samples: Monte-Carlo dropout samples for intervals around point forecasts (give the
            model some dropout).
        backtest: Rolling-origin backtest; so many earlier origins, each with a model of its own.
    """

    time: str | None = None
    target: list[str] = field(default_factory=list)
    series: str | None = None
    covariates: list[str] = field(default_factory=list)
    known: str | None = None
    calendar: list[str] = field(default_factory=list)
    missing: Literal["forward", "zero", "error"] = "forward"
    resample: str | None = None
    resample_rule: Literal["mean", "sum", "last"] = "mean"
    window: int = 50
    horizon: int = 10
    validation_fraction: float = 0.15
    test_fraction: float = 0.15
    period: int | None = None
    difference: int | None = None
    normalization: Literal["standard", "none"] = "standard"
    loss_steps: int = 0
    strategy: Literal["direct", "iterated"] = "direct"
    head: Literal["point", "quantile", "gaussian"] = "point"
    quantiles: list[float] = field(default_factory=lambda: [0.1, 0.5, 0.9])
    mc_samples: int = 0
    backtest: int = 0

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "horizon", "window", "period")
        at_least(self, 0, "difference", "loss_steps", "mc_samples", "backtest")
        if self.dataset not in (None, *DATASETS):
            raise UserError(
                f"There is no dataset {self.dataset!r}. Expected one of {', '.join(DATASETS)}; "
                "for a file of your own, use --data FILE."
            )
        if self.strategy == "iterated" and self.covariates:
            raise UserError(
                "An iterated forecast would need future values of --covariates. Use --strategy "
                "direct, or give covariates known in advance (--known, --calendar)."
            )
        if self.head != "point" and (self.strategy == "iterated" or self.mc_samples):
            other = "--strategy iterated" if self.strategy == "iterated" else "--mc_samples"
            raise UserError(f"--head {self.head} and {other} exclude each other: drop one.")
        if self.strategy == "iterated" and self.mc_samples:
            raise UserError("--strategy iterated and --mc_samples exclude each other: drop one.")
        if self.backtest and self.dataset == "book_series":
            raise UserError("--backtest needs a series that goes on; book_series are short ones.")


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> ForecastConfig:
    """The recipe's defaults for a dataset, or for the user's own data.

    Args:
        dataset: Name of a dataset. Defaults to the offline one, `"book_series"`.
        own_data: Whether the data comes from a file instead.
        model: Name of the model. Defaults to `"wavenet"`.

    Returns:
        A `ForecastConfig` that trains as it is.
    """
    config = ForecastConfig(model=model or "wavenet", dataset=dataset or "book_series")
    is_wavenet = config.model == "wavenet"
    if not own_data and config.dataset == "book_series":
        rate = 0.02 if is_wavenet else 0.005
        return replace(config, epochs=35, learning_rate=rate, loss_steps=26, difference=0)
    # A real series is short and has outliers: a smaller network, dropout, and Huber's loss.
    small = {"filters": 16, "num_blocks": 1, "num_layers": 6, "dropout": 0.2}
    config = replace(
        config,
        model_arguments=small if is_wavenet else {},
        loss="huber",
        learning_rate=0.005,
        epochs=60,
        window=56,
        loss_steps=28,
        horizon=1,
    )
    if own_data:
        return replace(config, dataset=None)
    return replace(config, target=["rail"], covariates=["bus"], calendar=["day_type"], difference=0)


def load_data(config: ForecastConfig):
    """Reads the series and cuts its windows.

    Args:
        config: What to read and how to split it.

    Returns:
        A `recipes.forecast.task.ForecastTask`.

    Raises:
        UserError: If the data is not what the flags say; the message tells what to do.
    """
    from recipes.forecast.loading import load

    return load(config)


def build_model(config: ForecastConfig, data):
    """Puts scaling, differencing and a zoo model together.

    Args:
        config: Which model, with which arguments.
        data: The `ForecastTask` from `load_data`.

    Returns:
        A `Built`: the saved model takes and gives the data's units,
        the training model forecasts scaled targets.

    Raises:
        UserError: If the model or one of its arguments does not exist.
    """
    import keras

    import zoo
    from recipes.engine.fitting import Built
    from recipes.forecast.forecasts import last_step_metrics

    windows = data.training_windows
    lag, channels = data.difference, windows.series.values.shape[1]
    inputs = keras.Input((windows.window, windows.num_features), name="series")
    x = inputs
    if config.normalization == "standard":
        mean, scale = data.scaling
        x = keras.layers.Normalization(mean=mean, variance=scale**2, name="normalization")(x)
    scaled = x
    if lag:
        x = zoo.layers.Difference(lag, channels, name="difference")(x)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        core = _create_core(config, windows, (windows.window - lag, windows.num_features))
    forecast = core(x)
    if lag:
        stride = zoo.output_stride(core)
        residual = zoo.layers.SeasonalResidual(lag, stride, config.head, name="undo_difference")
        forecast = residual([forecast, scaled])
    trained = forecast
    if config.loss_steps:
        trained = zoo.layers.LastSteps(config.loss_steps, name="loss_steps")(forecast)
    mean, scale = data.target_scaling
    outputs = zoo.layers.TargetUnits(mean, scale, config.head, name="units")(forecast)
    probabilistic = {
        "quantile": lambda: zoo.losses.PinballLoss(config.quantiles),
        "gaussian": zoo.losses.GaussianNLL,
    }
    point = {"mse": keras.losses.MeanSquaredError, "huber": keras.losses.Huber}[config.loss]
    error = "mse" if config.loss == "mse" else "mae"
    loss = probabilistic.get(config.head, point)()
    return Built(
        model=keras.Model(inputs, outputs, name=f"{config.model}_forecaster"),
        training_model=keras.Model(inputs, trained, name=f"{config.model}_training"),
        loss=loss,
        metrics=last_step_metrics(config.head, config.quantiles, loss),
        monitor=f"val_last_step_{error if config.head == 'point' else 'loss'}",
        notes=tuple(str(warning.message) for warning in caught),
    )


def search_space(hp) -> dict:
    """Settings worth searching, for a keras-tuner `HyperParameters`.

    Args:
        hp: The tuner's hyperparameters of one trial. A `Fixed` one named `model` names the model;
            without it, that is the default one.

    Returns:
        Overrides of `default_config()`, model arguments as a nested dict. Arguments that the model
        does not have are for the tuner to leave out.

    Example:
        >>> import keras_tuner
        >>> from recipes.forecast import search_space
        >>> sorted(search_space(keras_tuner.HyperParameters()))
        ['batch_size', 'learning_rate', 'model_arguments', 'weight_decay']
    """
    convolves = hp.Fixed("model", default_config().model) in ("wavenet", "wavenet_lite")
    layers = (4, 7) if convolves else (1, 3)
    arguments = {
        "num_layers": hp.Int("num_layers", *layers),
        "dropout": hp.Float("dropout", 0.0, 0.3, step=0.05),
        "filters": hp.Choice("filters", [16, 32, 48, 64]),
    }
    if not convolves:
        arguments["units"] = hp.Choice("units", [16, 32, 64, 128])
    return {
        "learning_rate": hp.Float("learning_rate", 1e-4, 2e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [16, 32, 64, 128]),
        "weight_decay": hp.Float("weight_decay", 1e-5, 1e-1, sampling="log"),
        "model_arguments": arguments,
    }


def _create_core(config, windows, input_shape):
    from recipes.engine.building import check_dropout, create_core

    arguments = {"horizon": windows.horizon, "targets": windows.num_targets}
    if config.head != "point":
        arguments["head"] = config.head
    if config.head == "quantile":
        arguments["quantiles"] = config.quantiles
    core = create_core(
        config, {"input_shape": input_shape, **arguments}, reserved=("head", "quantiles")
    )
    if config.mc_samples:
        check_dropout(
            core,
            "(--model.dropout 0.1, where the model has it), or have intervals from --head "
            "quantile.",
        )
    return core
