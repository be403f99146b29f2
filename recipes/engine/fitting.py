"""Compiles and fits a model as the flags of a run say."""

import math
import sys
from dataclasses import asdict, dataclass, field

import keras

from callbacks import (
    BestWeights,
    Checkpoint,
    Profiler,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
    with_norms,
)
from recipes.data.batches import Batches, EpochClock
from recipes.engine.config import TrainConfig
from recipes.engine.folder import RunFolder
from recipes.engine.optimizer import make_optimizer, plateau_watch
from recipes.engine.progress import Progress
from recipes.engine.task import Built
from recipes.errors import RunError


@dataclass(frozen=True)
class Fitted:
    """What came out of a training.

    Args:
        history: Keras' history of each score by epoch.
        seconds: The training time.
        finished: What `Built.finish` returned.
        first_step: When the first step was done, see `Progress`; `None` if it was not in this call.
    """

    history: dict[str, list[float]]
    seconds: float
    finished: dict[str, float] = field(default_factory=dict)
    first_step: float | None = None


def start_afresh(config) -> None:
    """Sets the seed and the precision of the models that are built next."""
    keras.utils.set_random_seed(config.seed)
    mixed = config.precision == "bfloat16"
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")


def uses_xla(config) -> bool:
    """Whether to compile the training step with XLA; JAX without it would run op by op."""
    return config.jit_compile or keras.backend.backend() == "jax"


def fit(
    built: Built,
    training: Batches,
    validation: Batches,
    config: TrainConfig,
    folder: RunFolder,
    figures=None,
    texts=None,
    resume=False,
    unseen=(),
) -> Fitted:
    """Trains until the last epoch or early stopping, then restores the best epoch's weights.

    `figures` and `texts` are those of `callbacks.TensorBoard`; `resume` goes on from the newest
    checkpoint in the folder, which sees nothing of what the callbacks `unseen` do.

    Raises:
        RunError: If the loss is no longer a number.
    """
    model = built.training_model
    optimizer = make_optimizer(config, total_steps=config.epochs * len(training))
    model.compile(
        optimizer=with_norms(optimizer) if config.norms else optimizer,
        loss=built.loss,
        loss_weights=built.loss_weights,
        metrics=built.metrics,
        jit_compile=uses_xla(config),
        steps_per_execution=1
        if keras.backend.backend() == "torch"
        else min(config.steps_per_execution, len(training)),
    )
    if built.undecayed:
        model.optimizer.exclude_from_weight_decay(var_names=built.undecayed)
    # Variables that the first step had to make would have it traced twice.
    model.optimizer.build(model.trainable_variables)
    guard = TerminateOnNaN()
    board = TensorBoard(
        folder.path,
        figures=figures,
        figure_freq=max(5, config.epochs // 5),  # drawing may cost more than an epoch
        texts=texts,
        hparams=hyperparameters(config, folder.varied),
        monitor=built.monitor,
        mode=built.mode,
        histogram_freq=config.histogram_freq,
    )
    best = BestWeights(built.monitor, built.mode)
    watch = [EpochClock(training), *built.callbacks, guard]
    watch += [SwapEMAWeights()] if config.ema else []
    stop = keras.callbacks.EarlyStopping(built.monitor, mode=built.mode, patience=config.patience)
    watch += [best, *[stop] * bool(config.patience), *plateau_watch(config, built), board]
    unit = " (scaled)" * built.scaled
    progress = Progress(built.monitor, config.progress, built.mode, unit)
    watch += [progress, *_profiler(config, folder)]
    checkpoint = Checkpoint(folder.checkpoints, watch, resume)
    for problem in checkpoint.problems:
        print(problem, file=sys.stderr)
    for callback in (*built.callbacks, best) if checkpoint.finished else ():
        checkpoint.restore(callback)
    try:
        if not checkpoint.finished:
            model.fit(
                training.feed(),
                validation_data=validation.feed(),
                epochs=config.epochs,
                initial_epoch=checkpoint.initial_epoch,
                shuffle=False,  # the batches bring their order with them
                callbacks=[*watch, checkpoint, *unseen],
                verbose=0,
            )
    finally:
        board.close()
    lost = _epoch_of_nan(checkpoint.history)
    if guard.failed_epoch is not None:
        lost = lost or guard.failed_epoch + 1
    if lost:
        raise RunError(
            f"The loss is no longer a number after epoch {lost}. Lower "
            f"--learning_rate (now {config.learning_rate:g}) or set --clipnorm 1. "
            f"What was logged until then is in {folder.path}."
        )
    best.set_model(model)
    best.restore()
    model.compiled = False  # or a model that holds it would be saved with optimizer and loss
    finished = built.finish() if built.finish else {}
    return Fitted(checkpoint.history, checkpoint.seconds, finished, progress.first_step)


def _epoch_of_nan(history):
    """Number, from 1, of the first epoch whose loss is not a number; 0 if there is none."""
    for name in ("loss", "val_loss"):
        for epoch, value in enumerate(history.get(name, []), start=1):
            if not math.isfinite(value):
                return epoch
    return 0


def _profiler(config, folder):
    if config.profile:
        yield Profiler(folder.path)
        if not Profiler.plugin_is_installed():
            print(f"note: {Profiler.HINT}", file=sys.stderr)


def hyperparameters(config, names=None) -> dict:
    """The settings that TensorBoard compares runs by; model arguments as `model.units`.

    Args:
        config: The run's settings.
        names: Those to compare, all of them given a value: the parallel coordinates leave out a run
            that lacks one. Defaults to all that there are.
    """
    settings = {k: v for k, v in asdict(config).items() if k not in config.NOT_LEARNED_FROM}
    arguments = settings.pop("model_arguments")
    settings |= {f"model.{name}": value for name, value in arguments.items()}
    if names is None:
        return settings
    return {name: "none" if settings.get(name) is None else settings[name] for name in names}


def describe(model) -> str:
    """The model's layers, one a line, for the report."""
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text), line_length=80, expand_nested=True)
    return "\n".join(lines)


def best_epoch(history, monitor, mode="min") -> int:
    """Number, counted from 1, of the epoch with the best monitored score.

    >>> best_epoch({"val_loss": [3.0, 1.0, 2.0]}, "val_loss")
    2
    """
    values = history[monitor]
    return values.index(min(values) if mode == "min" else max(values)) + 1
