"""Compiles and fits a model as the flags of a run say."""

import sys
from dataclasses import asdict, dataclass, field, replace

import keras
import numpy as np

from callbacks import (
    BestWeights,
    Checkpoint,
    MagnitudePruning,
    Profiler,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
    with_norms,
)
from recipes.data.batches import EpochClock
from recipes.engine.compiling import compiled_by
from recipes.engine.config import TrainConfig
from recipes.engine.distributing import Distributed, in_job
from recipes.engine.folder import RunFolder
from recipes.engine.optimizer import make_optimizer
from recipes.engine.progress import Progress
from recipes.engine.task import Built, Task
from recipes.errors import RunError

#: What TensorBoard says of a loss that is not in the data's units.
_SCALED = "In units of the scaled targets, not of the data."
#: How often `--on_nan restore` halves the rate.
_MOST_HALVED = 10
#: Losses that are named where they are lost, if a model has several.
_PLAYERS = ("discriminator_loss", "generator_loss")


@dataclass(frozen=True)
class Fitted:
    """What came out of a training: Keras' history, and what `Built.finish` returned.

    `first_step` is when that was done, see `Progress`; `None` if it was not in this call.
    """

    history: dict[str, list[float]]
    seconds: float
    finished: dict[str, float] = field(default_factory=dict)
    first_step: float | None = None


def start_afresh(config) -> None:
    """Sets the seed and the precision of the models that are built next."""
    modules: dict = sys.modules
    # Keras would import TensorFlow to seed it, too, which takes seconds.
    hidden = keras.backend.backend() != "tensorflow" and modules.setdefault("tensorflow") is None
    keras.utils.set_random_seed(config.seed)
    if hidden:
        del modules["tensorflow"]
    keras.config.set_dtype_policy("mixed_bfloat16" if config.precision == "bfloat16" else "float32")


def fit(
    built: Built,
    task: Task,
    config: TrainConfig,
    folder: RunFolder,
    figures=None,
    texts=None,
    resume=False,
    unseen=(),
) -> Fitted:
    """Trains on a task until the last epoch or early stopping, then restores the best epoch.

    `figures` and `texts` are those of `callbacks.TensorBoard`; `resume` goes on from the newest
    checkpoint in the folder, which sees nothing of what the callbacks `unseen` do. A `RunError` if
    the loss is no longer a number.
    """
    training = task.batches("train", built, seed=config.seed)
    validation = task.batches("validation", built)
    model = built.training_model
    halved = len([*folder.checkpoints.glob("halved-*")])  # the rate, by --on_nan restore
    rate = config.learning_rate / 2**halved
    start = [np.array(each) for each in model.variables] if config.on_nan == "restore" else []
    epochs: int = config.epochs  # type: ignore[assignment] # decided when the data were read
    optimizer = make_optimizer(replace(config, learning_rate=rate), epochs * len(training))
    model.compile(
        optimizer=with_norms(optimizer) if config.norms else optimizer,
        loss=built.loss,
        loss_weights=built.loss_weights,
        metrics=built.metrics,
        **compiled_by(config, model, training),
    )
    if built.undecayed:
        model.optimizer.exclude_from_weight_decay(var_names=built.undecayed)
    # Variables that the first step had to make would have it traced twice.
    model.optimizer.build(model.trainable_variables)
    devices = [Distributed(config.distribution)] if config.distribution != "none" else []
    guard = TerminateOnNaN()
    board = TensorBoard(
        folder.path,
        figures=None if in_job() else figures,  # drawn by the clock, and clocks differ
        figure_freq=max(5, epochs // 5),  # drawing may cost more than an epoch
        texts=texts,
        hparams=hyperparameters(config, folder.varied),
        monitor=built.monitor,
        mode=built.mode,
        histogram_freq=config.histogram_freq,
        descriptions=dict.fromkeys(("loss", "val_loss"), _SCALED) if built.scaled else None,
    )
    first = config.first_kept
    best = BestWeights(built.monitor, built.mode, start_from_epoch=first)
    watch = [EpochClock(training), *built.callbacks, guard]
    if config.prune:
        end = (first + 1) * len(training) - 1
        watch.append(MagnitudePruning(config.prune, end // 4, end, every=max(1, end // 20)))
    watch += [SwapEMAWeights()] if config.ema else []
    stop = keras.callbacks.EarlyStopping(
        built.monitor, mode=built.mode, patience=config.patience, start_from_epoch=first
    )
    halving = keras.callbacks.ReduceLROnPlateau(built.monitor, 0.5, 5, mode=built.mode)
    watch += [best, *[stop] * bool(config.patience), *[halving] * (config.schedule == "plateau")]
    progress = Progress(built.monitor, config.progress, built.mode, " (scaled)" * built.scaled)
    watch += [board, progress, *_profiler(config, folder)]
    checkpoint = Checkpoint(folder.checkpoints, watch, resume)
    for problem in checkpoint.problems:
        print(problem, file=sys.stderr)
    for callback in (*built.callbacks, best) if checkpoint.finished else ():
        checkpoint.restore(callback)
    if halved and config.schedule in ("constant", "plateau"):  # a checkpoint holds the rate

        def lower(_):
            model.optimizer.learning_rate = min(float(model.optimizer.learning_rate), rate)

        unseen = [keras.callbacks.LambdaCallback(on_train_begin=lower), *unseen]
    try:
        if not checkpoint.finished:
            model.fit(
                training.feed(),
                validation_data=validation.feed(),
                epochs=epochs,
                initial_epoch=checkpoint.initial_epoch,
                steps_per_epoch=len(training),  # said, an iterator is made once an epoch, not twice
                validation_steps=len(validation),
                shuffle=False,  # the batches bring their order with them
                callbacks=[*devices, *watch, checkpoint, *unseen],
                verbose=0,
            )
    except Exception as error:
        if progress.first_step or not (model.jit_compile and "XLA" in str(error)):
            raise
        progress.on_train_end()
        print("note: XLA cannot compile this step: trained without it", file=sys.stderr)
        config = replace(config, jit_compile=False)
        return fit(built, task, config, folder, figures, texts, resume, unseen)
    finally:
        board.close()
    if guard.failed_epoch is not None:
        lost = f"after epoch {guard.failed_epoch + 1} (step {guard.failed_step:,})"
        if config.on_nan == "restore" and halved < _MOST_HALVED:
            (folder.checkpoints / f"halved-{halved + 1}").touch()
            good = sorted(folder.checkpoints.glob("epoch-*.npz"))
            if halved and good:  # the newest was not good enough
                good.pop().unlink()
            back = f"back to epoch {int(good[-1].stem[6:])}" if good else "back to the beginning"
            note = f"note: the loss is no longer a number {lost}: {back}"
            print(f"{note}, and on at half the learning rate, {rate / 2:.3g}", file=sys.stderr)
            for variable, value in zip(model.variables, start, strict=True):
                variable.assign(value)  # for a run that has no checkpoint yet
            return fit(built, task, config, folder, figures, texts, True, unseen)
        players = [name for name in _PLAYERS if name in guard.failed_losses]
        raise RunError(
            f"The {' and the '.join(players) or 'loss'} is no longer a number {lost}. "
            f"Lower --learning_rate (now {rate:g}), set --clipnorm 1, or let --on_nan restore go "
            "back and halve the rate. "
            f"What was logged until then is in {folder.path}."
        )
    best.set_model(model)
    best.restore()
    model.compiled = False  # or a model that holds it would be saved with optimizer and loss
    finished = built.finish() if built.finish else {}
    return Fitted(checkpoint.history, checkpoint.seconds, finished, progress.first_step)


def _profiler(config, folder):
    if config.profile:
        yield Profiler(folder.path)
        if not Profiler.plugin_is_installed():
            print(f"note: {Profiler.HINT}", file=sys.stderr)


def hyperparameters(config, names=None) -> dict:
    """The settings that TensorBoard compares runs by; model arguments as `model.units`.

    Those of `names` are all given a value: the parallel coordinates leave out a run that lacks one.
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


def best_epoch(history, monitor, mode="min", first=0) -> int:
    """Number, counted from 1, of the epoch with the best monitored score, those before `first` out.

    >>> best_epoch({"val_loss": [3.0, 1.0, 2.0]}, "val_loss")
    2
    """
    values = history[monitor][first:]
    return first + values.index(min(values) if mode == "min" else max(values)) + 1
