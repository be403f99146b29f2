"""Compiles and fits a model as the flags of a run say."""

import math
import sys
from dataclasses import dataclass

import keras

from callbacks import Checkpoint, NaNGuard, TensorBoard, WarmupCosine
from recipes.data.batches import EpochClock
from recipes.errors import RunError
from recipes.progress import Progress


@dataclass(frozen=True)
class Built:
    """What `build_model` of a recipe returns.

    Args:
        model: The model that is saved: raw inputs, outputs in the data's units.
        training_model: The model that is trained, on the same weights: scaled outputs.
        loss: Keras loss of the training model.
        metrics: Keras metrics to watch.
        monitor: Name of the validation score, lower is better, that picks the best epoch.
        notes: What the user should know about the model, in words.
    """

    model: keras.Model
    training_model: keras.Model
    loss: object
    metrics: list
    monitor: str
    notes: tuple[str, ...] = ()


def fit(built, training, validation, config, folder, pictures=None, texts=None, resume=False):
    """Trains until the last epoch or early stopping, then restores the best epoch's weights.

    Args:
        built: A `Built`.
        training: Training `Batches`.
        validation: Validation `Batches`.
        config: A `TrainConfig`.
        folder: The `RunFolder`.
        pictures: See `callbacks.TensorBoard`.
        texts: See `callbacks.TensorBoard`.
        resume: Whether to go on from the newest checkpoint in the folder.

    Returns:
        `(history, seconds)`: Keras' history of each score by epoch, and the training time.

    Raises:
        RunError: If the loss is no longer a number.
    """
    model = built.training_model
    model.compile(
        optimizer=make_optimizer(config, total_steps=config.epochs * len(training)),
        loss=built.loss,
        metrics=built.metrics,
        jit_compile=config.jit_compile,
        steps_per_execution=1
        if keras.backend.backend() == "torch"
        else min(config.steps_per_execution, len(training)),
    )
    best = folder.checkpoints / "best.weights.h5"
    guard = NaNGuard()
    watch = [
        EpochClock(training),
        guard,
        keras.callbacks.ModelCheckpoint(
            best, monitor=built.monitor, mode="min", save_best_only=True, save_weights_only=True
        ),
        TensorBoard(folder.path, pictures=pictures, texts=texts),
        Progress(built.monitor, visible=config.progress),
    ]
    if config.patience:
        stopping = keras.callbacks.EarlyStopping(
            built.monitor, mode="min", patience=config.patience
        )
        watch.insert(2, stopping)
    checkpoint = Checkpoint(folder.checkpoints, watch, resume)
    for problem in checkpoint.problems:
        print(problem, file=sys.stderr)
    if not checkpoint.finished:
        model.fit(
            training.feed(),
            validation_data=validation.feed(),
            epochs=config.epochs,
            initial_epoch=checkpoint.initial_epoch,
            shuffle=False,  # the batches bring their order with them
            callbacks=[*watch, checkpoint],
            verbose=0,
        )
    if guard.failed_epoch is not None:
        raise RunError(
            f"The loss is no longer a number after epoch {guard.failed_epoch + 1}. Lower "
            f"--learning_rate (now {config.learning_rate:g}) or set --clipnorm 1. "
            f"What was logged until then is in {folder.path}."
        )
    model.load_weights(best)
    return checkpoint.history, checkpoint.seconds


def make_optimizer(config, total_steps):
    """The Keras optimizer that the flags describe."""
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate = WarmupCosine(rate, total_steps, warmup_steps=math.floor(config.warmup * total_steps))
    arguments = {"learning_rate": rate, "clipnorm": config.clipnorm or None}
    if config.optimizer == "adamw":
        arguments["weight_decay"] = config.weight_decay
    if config.optimizer == "sgd":
        arguments["momentum"] = config.momentum
    return keras.optimizers.get({"class_name": config.optimizer, "config": arguments})


def describe(model) -> str:
    """The model's layers, one a line, for the report."""
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text), line_length=80, expand_nested=True)
    return "\n".join(lines)


def best_epoch(history, monitor) -> int:
    """Number, counted from 1, of the epoch with the lowest monitored score."""
    values = history[monitor]
    return min(range(len(values)), key=values.__getitem__) + 1
