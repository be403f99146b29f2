"""A saved forecaster, to be trained further on other series."""

from dataclasses import replace

import keras
import numpy as np

import zoo
from recipes.engine.continuing import before
from recipes.engine.task import Built
from recipes.errors import UserError


def continue_from(config, task, model, objective):
    """The task as a saved model sees it, and that model, as a `ForecastTask` and a `Built`."""
    windows = task.training_windows
    expected, found = model.input_shape[1:], (windows.window, windows.num_features)
    horizon, targets = model.output_shape[2:4]
    if expected != found or (horizon, targets) != (windows.horizon, windows.num_targets):
        raise UserError(
            f"{config.start_from} forecasts {targets} columns for {horizon} steps from windows of "
            f"{expected[0]} steps and {expected[1]} features. Received: {windows.num_targets} "
            f"columns, {windows.horizon} steps, {found[0]} steps and {found[1]} features."
        )
    task = replace(task, known=model)
    if task.per_window or task.window_normalization:
        trained = before(model, "window_denormalization")
        trained = trained[0] if isinstance(trained, list) else trained
    else:
        trained = before(model, "units")
    if config.loss_steps:
        trained = zoo.layers.LastSteps(config.loss_steps, name="loss_steps")(trained)
    training = keras.Model(model.input, trained, name=f"{model.name}_training")
    return task, Built(model, training, **objective(config, task))


def scaling_of(model) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation by which a saved model scales its inputs, the targets first."""
    names = {layer.name: layer for layer in model.layers}
    if "normalization" not in names:
        count = model.input_shape[-1]
        return np.zeros(count), np.ones(count)
    layer = names["normalization"]
    mean, variance = (np.asarray(part).reshape(-1) for part in (layer.mean, layer.variance))
    return np.float64(mean), np.sqrt(np.float64(variance))


def window_normalization_of(model):
    """Arguments of the `zoo.layers.WindowNormalization` of a saved model; `None` for none."""
    for layer in model.layers:
        if isinstance(layer, zoo.layers.WindowNormalization):
            config = layer.get_config()
            return {name: config[name] for name in ("method", "channels", "epsilon")}
    return None
