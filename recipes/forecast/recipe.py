"""Forecast one or many time series (chapter 15): `zoo train forecast`.

zoo train forecast                             the book's generated series
zoo train forecast --dataset ridership --model deep_rnn
zoo train forecast --data sales.csv --time date --target sales --horizon 14
"""

import math
import warnings
from dataclasses import replace
from pathlib import Path

from recipes.engine.config import AUTO
from recipes.engine.recipe import Flag, Recipe, later
from recipes.engine.task import Built
from recipes.forecast.config import ForecastConfig
from recipes.forecast.presets import PRESETS


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> ForecastConfig:
    """The recipe's defaults, those of `wavenet` on the offline `book_series`; see `Recipe`.

    For the user's own data the model is `"nlinear"`, in a mean with statistical forecasters.
    """
    average = own_data and model is None
    model = model or ("nlinear" if own_data else "wavenet")
    config = ForecastConfig(model=model, dataset=dataset or "book_series")
    is_wavenet = config.model == "wavenet"
    if not own_data and config.dataset == "book_series":
        rate = 0.02 if is_wavenet else 0.005
        return replace(  # 10,000 series are too many to fit one by one
            config, epochs=35, learning_rate=rate, loss_steps=26, difference=0, statistics_seconds=0
        )
    # A real series is short and has outliers: a smaller network, dropout, and Huber's loss.
    small = {"filters": 16, "num_blocks": 1, "num_layers": 6, "dropout": 0.2}
    if own_data and config.model in ("nlinear", AUTO):
        return replace(
            config, dataset=None, average=average,
            model_arguments=dict(_LINEAR) if config.model == "nlinear" else {}, loss="huber",
            learning_rate=0.0002, epochs=20, patience=5, window=None,
            window_normalization="auto", horizon=1,
        )  # fmt: skip
    config = replace(
        config, model_arguments=small if is_wavenet else {}, loss="huber", learning_rate=0.005,
        epochs=60, window=56, loss_steps=28, horizon=1,
    )  # fmt: skip
    if own_data:
        small.pop("num_layers")  # as many as its window needs
        return replace(config, dataset=None, window=None)
    columns = {"target": ["rail"], "past_covariates": ["bus"], "datetime_features": ["day_type"]}
    return replace(config, **columns, difference=0)


#: Reads the series and cuts its windows, as a `recipes.forecast.task.ForecastTask`.
load_data = later("recipes.forecast.loading", "load")


def build_model(config: ForecastConfig, data):
    """Puts scaling, differencing and a zoo model together.

    The saved model takes and gives the data's units, the training model forecasts scaled targets.
    """
    import keras

    import zoo

    windows = data.training_windows
    lag, channels = data.difference, windows.series.values.shape[1]
    inputs = keras.Input((windows.window, windows.num_features), name="series")
    x = inputs
    if config.normalization == "standard":
        mean, scale = data.scaling
        if data.per_window:
            mean, scale = mean.copy(), scale.copy()
            mean[: windows.num_targets], scale[: windows.num_targets] = 0, 1
        x = keras.layers.Normalization(mean=mean, variance=scale**2, name="normalization")(x)
    per_window = data.window_normalization
    if per_window is not None:
        normalize = zoo.layers.WindowNormalization(**per_window, name="window_normalization")
        x, shift, spread = normalize(x)
    scaled = x
    if lag:
        x = zoo.layers.Difference(lag, channels, name="difference")(x)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        core = _create_core(config, windows, (windows.window - lag, windows.num_features))
    forecast, said = core(x), [str(warning.message) for warning in caught]
    begins = config.model == "nlinear" and _start_linear(core, data.linear_start, config)
    if lag:
        stride = zoo.output_stride(core)
        residual = zoo.layers.SeasonalResidual(lag, stride, config.head, name="undo_difference")
        forecast = residual([forecast, scaled])
    if per_window is not None:  # earlier outputs would know of what comes
        forecast = zoo.layers.LastSteps(1, name="last_forecast")(forecast)
    trained = forecast
    if config.loss_steps:
        trained = zoo.layers.LastSteps(config.loss_steps, name="loss_steps")(forecast)
    if per_window is not None:
        undo = zoo.layers.WindowDenormalization(config.head, name="window_denormalization")
        forecast = undo([forecast, shift, spread])
    mean, scale = data.target_scaling
    outputs = zoo.layers.Denormalization(mean, scale, config.head, name="units")(forecast)
    model = keras.Model(inputs, outputs, name=f"{config.model}_forecaster")
    return Built(
        model=model,
        training_model=keras.Model(inputs, trained, name=f"{config.model}_training"),
        **_objective(config, data),
        notes=tuple(text + _READERS * ("never used" in text) for text in said),
        scaled=config.normalization == "standard" or per_window is not None,
        finish=(lambda: _keep_better(model, core, data)) if begins else None,
    )


def _objective(config, data):
    """Loss, metrics and monitor of a training model."""
    import keras

    import zoo
    from recipes.forecast.forecasts import last_step_metrics

    probabilistic = {
        "quantile": lambda: zoo.losses.PinballLoss(config.quantiles),
        "gaussian": zoo.losses.GaussianNLL,
    }
    point = {"mse": keras.losses.MeanSquaredError, "huber": keras.losses.Huber}[config.loss]
    error = "mse" if config.loss == "mse" else "mae"
    loss = probabilistic.get(config.head, point)()
    # With weights, the loss counts every series alike; the metrics know no weights.
    monitor = f"val_last_step_{error if config.head == 'point' else 'loss'}"
    return {
        "loss": loss,
        "metrics": last_step_metrics(config.head, config.quantiles, loss),
        "monitor": monitor if data.window_normalization is None else "val_loss",
    }


def search_space(hp) -> dict:
    """Settings worth searching; see `Recipe`.

    A `Fixed` hyperparameter named `model` names the model; without it, that is the default one.

    >>> import keras_tuner
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


def _start_linear(core, start, config) -> bool:
    """Begins with the linear map in closed form, where the model is one; whether it is."""
    if start is None:
        return False
    layer = core.get_layer("linear")
    plain = not {"individual", "subtract_last"} & {
        name for name, value in config.model_arguments.items() if value != _LINEAR.get(name)
    }
    weights = start.weights(config.head, config.quantiles)
    fits = plain and layer.kernel.shape == weights[0].shape
    if fits:
        layer.set_weights(weights)
    return fits


def _keep_better(model, core, data):
    """Goes back to the linear map in closed form if training made validation no better.

    With `data.chosen` there is no validation to tell: what was trained stays.
    """
    if data.chosen is not None:
        return {}
    layer, config = core.get_layer("linear"), data.config
    start = data.linear_start.weights(config.head, config.quantiles)
    trained, errors = layer.get_weights(), []
    for weights in (start, trained):
        layer.set_weights(weights)
        scores = data.score(data.predict(data.predictor(model), "validation"), "validation")
        errors.append(scores["mase"] if config.head == "point" else scores["crps"])
    if errors[0] <= errors[1]:
        layer.set_weights(start)
    return {"trained": float(errors[0] > errors[1])}


#: Arguments of `nlinear` for windows that are normalised already.
_LINEAR = {"subtract_last": False}
#: Said of columns that a model passes over.
_READERS = " (--model tsmixer, wavenet or linear_forecaster reads them)"


def _create_core(config, windows, input_shape):
    from recipes.engine.building import check_dropout, create_core

    arguments = {"horizon": windows.horizon, "targets": windows.num_targets}
    if config.head != "point":
        arguments["head"] = config.head
    if config.head == "quantile":
        arguments["quantiles"] = config.quantiles
    if config.data and config.model in ("wavenet", "wavenet_lite"):
        # As many layers as it takes to see the whole window.
        given = config.model_arguments
        reach = (given.get("kernel_size", 2) - 1) * given.get("num_blocks", 2)
        layers = 1 + math.ceil(math.log2(max(1, (input_shape[0] - 1) / max(1, reach))))
        config = replace(config, model_arguments={"num_layers": min(layers, 12), **given})
    arguments["input_shape"] = input_shape
    core = create_core(config, arguments, reserved=("head", "quantiles"))
    if config.mc_samples:
        advice = "(--model.dropout 0.1, where the model has it), or have intervals from --head "
        check_dropout(core, f"{advice}quantile.")
    return core


def _reads(config, run):
    if config.wide or not config.data:  # its columns are found as in training
        return []
    single = [name for name in (run["time"], config.series) if "," not in (name or "")]
    names = [*single, *run["target"], *config.past_covariates]  # several are joined later
    return [name for name in names if name not in (None, "none")]


_POINT_SCORES = ("mse", "rmse", "mae", "mase", "smape", "owa")
_INTERVAL_SCORES = ("crps", "wql", "coverage_80", "coverage_95")

RECIPE = Recipe(
    name="forecast",
    title="forecast one or many time series",
    chapter="chapter 15",
    description=str(__doc__),
    presets=PRESETS,
    config=ForecastConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    predict=later("recipes.forecast.predict", "predict"),
    check=later("recipes.forecast.loading", "check"),
    predict_folders=True,
    asks=lambda config, metadata: "series",
    reads=_reads,
    metrics=dict.fromkeys((*_POINT_SCORES, *_INTERVAL_SCORES), "min"),
    listed=("mae",),
    candidates=later("recipes.forecast.candidates", "candidates", default_config, build_model),
    continue_from=later("recipes.forecast.continuing", "continue_from", _objective),
    combined_by=("mase",),
    # Not the naive ones: nlinear's closed form holds them, chosen by more than validation.
    lasting_baselines=("theta", "auto_ets", "auto_arima"),
    predict_flags=(
        Flag("future_covariates", "future covariates, for other times than the run's", Path),
        Flag("backtest", "the run's test part again, origin by origin, too", bool),
        Flag("overlap", "a backtest of all origins, whether or not their forecasts overlap", bool),
    ),
)
