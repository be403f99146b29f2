"""What a model starts from: scaled pixels, layers copied from another run, an autoencoder."""

import math
from dataclasses import replace

import keras
import numpy as np
from keras import layers

import zoo
from recipes.data.batches import ArrayBatches, EpochClock
from recipes.engine.compiling import compiled_by
from recipes.engine.folder import RunFolder
from recipes.engine.optimizer import make_optimizer
from recipes.engine.tables import counted
from recipes.errors import RunError, UserError
from recipes.images.augmentation import PHOTO

SCALING = "scaling"


def source_model(config):
    """The model of the run to take layers from; `None` where there is none.

    A `UserError` if the folder holds no finished run of the recipe.
    """
    if config.source is None:
        return None
    folder = RunFolder.open(config.source)
    recipe = folder.read_config()["run"]["recipe"]
    flag, wanted = (
        ("transfer_from", "images") if config.transfer_from else ("pretrain", "generate_images")
    )
    if recipe != wanted:
        raise UserError(
            f"--{flag} needs a run of the {wanted} recipe. Received: {folder.path} of {recipe}"
        )
    return zoo.load(folder.model)


def core_on(config, task, source, arguments):
    """The network on the encoder, or discriminator, of a run of generate_images."""
    try:
        core = zoo.transfer.classifier_on(source, arguments["outputs"], arguments["head"])
    except ValueError as error:
        raise UserError(f"--pretrain {config.pretrain}: {error}") from error
    _check_shape(config, task, core)
    core.get_layer("encoder").trainable = config.frozen_epochs is None
    return core


def _check_shape(config, task, model):
    if model.input_shape[1:] != task.shape:
        raise UserError(
            f"{config.source} was trained on images of shape {model.input_shape[1:]}. "
            f"Received: images of shape {task.shape}."
        )


def scaling_layer(config, task, source=None):
    """The layer that scales pixels: that of the source, which its weights were trained behind."""
    if config.transfer_from:
        _check_shape(config, task, source)
        found = source.get_layer(SCALING)
        return type(found).from_config(found.get_config())
    if source is not None:  # players read pixels in [-1, 1], autoencoders in [0, 1]
        scale = (1 / 127.5, -1.0) if isinstance(source.input, dict) else (1 / 255, 0.0)
        return layers.Rescaling(*scale, dtype="float32", name=SCALING)
    if config.normalization in ("rescale", "none"):
        scale = 1 / 255 if config.normalization == "rescale" else 1.0
        return layers.Rescaling(scale, dtype="float32", name=SCALING)
    mean, deviation = task.scaling
    axes = tuple(range(1, len(task.shape) + 1))
    if config.normalization == "channel":  # of a colour, whatever the place
        axes = axes[2:]
        variance = (deviation**2 + mean**2).mean(axis=(0, 1)) - mean.mean(axis=(0, 1)) ** 2
        mean, deviation = mean.mean(axis=(0, 1)), np.sqrt(variance)
    return layers.Normalization(
        axes or None, mean=mean, variance=deviation**2, dtype="float32", name=SCALING
    )


def prepare(config, task, built, core, source=None) -> tuple[str, ...]:
    """Copies or pretrains the lower layers of a `Built` model, as the flags say, and tells what.

    `core` is the zoo model in it, `source` what `source_model` returned. A `UserError` if the
    layers do not fit; a `RunError` if the loss is no longer a number.
    """
    if config.transfer_from:
        try:
            names = zoo.transfer.copy_layers(source, core, config.freeze)
        except ValueError as error:
            raise UserError(f"--transfer_from {config.transfer_from}: {error}") from error
        zoo.transfer.freeze(core, len(names))
        what = f"{', '.join(names)} copied from {config.transfer_from} and frozen"
        return _frozen_first(config, task, built, core, what)
    if config.pretrain == "autoencoder":
        return _pretrain(config, task, built, core)
    body = next((layer for layer in core.layers if isinstance(layer, keras.Model)), None)
    origin = f"the {body.name} of {config.source}" if source is not None else body and body.name
    if body is not None and not body.trainable:
        advice = " (--model small_resnet learns from scratch)" * (config.model == "pretrained")
        return _frozen_first(config, task, built, core, f"{origin} frozen{advice}")
    if source is not None:
        return (f"starts from {origin}, whatever --model says",)
    if len(task.shape) == 3 and min(task.shape[:2]) >= PHOTO and body is None:
        return (
            "trained from scratch: --model pretrained starts from weights of ImageNet, which Keras "
            "downloads once (or --model.weights FILE); photos start from them thereafter",
        )
    return ()


def _frozen_first(config, task, built, core, what):
    """Trains what is not frozen for some epochs, and thaws the rest."""
    if config.frozen_epochs is None:
        return (what,)
    batches = task.batches("train", built, seed=config.seed)
    rate = config.frozen_learning_rate or config.learning_rate
    logs = _fit(built.training_model, batches, config, config.frozen_epochs, rate, built)
    zoo.transfer.unfreeze(core, batch_normalization=config.model != "pretrained")
    return (
        f"{what} for {counted(config.frozen_epochs, 'epoch')} (loss {logs['loss']:.4g}), now "
        "trained with the rest",
    )


def _pretrain(config, task, built, core):
    """Trains an autoencoder on the scaled pixels and copies its encoder."""
    units = [block[0].units for block in zoo.transfer.hidden_blocks(core)]
    try:
        arguments = {**config.model_arguments, "units": units}
        coder = zoo.create_model("autoencoder", input_shape=task.shape, **arguments)
    except ValueError as error:
        raise UserError(
            f"--pretrain autoencoder needs a model like mlp. Received: --model {config.model}. "
            f"{error}"
        ) from error
    inputs = keras.Input(task.shape)
    scaled = built.model.get_layer(SCALING)(inputs)
    error = layers.Subtract(dtype="float32")([coder(scaled), scaled])
    model = keras.Model(inputs, error)
    images = task.unlabelled
    batches = ArrayBatches(images, np.zeros(len(images), np.int32), config.batch_size, config.seed)
    objective = replace(built, loss=lambda _, error: error**2, metrics=[])
    logs = _fit(model, batches, config, config.pretrain_epochs, config.learning_rate, objective)
    names = zoo.transfer.copy_layers(coder, core)
    return (
        f"{', '.join(names)} pretrained as an autoencoder on {len(images):,} images for "
        f"{counted(config.pretrain_epochs, 'epoch')} (mean squared error {logs['loss']:.4g} of the "
        "scaled pixels)",
    )


def _fit(model, batches, config, epochs, rate, objective):
    """Trains before the run proper begins, and returns the last epoch's scores."""
    config = replace(config, epochs=epochs, learning_rate=rate)
    model.compile(
        optimizer=make_optimizer(config, total_steps=epochs * len(batches)),
        loss=objective.loss,
        metrics=objective.metrics,
        **compiled_by(config, model, batches),
    )
    model.optimizer.build(model.trainable_variables)  # or the first step is traced twice
    history = model.fit(
        batches.feed(), epochs=epochs, shuffle=False, callbacks=[EpochClock(batches)], verbose=0
    ).history
    logs = {name: values[-1] for name, values in history.items()}
    if not math.isfinite(logs["loss"]):
        raise RunError(
            f"The loss is no longer a number before the run proper begins. Lower the learning rate "
            f"(now {rate:g}) or set --clipnorm 1."
        )
    return logs
