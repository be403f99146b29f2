"""How long an epoch of the third edition's translation takes: its loop against the recipe's way."""

import math

import numpy as np

import zoo
from recipes.engine.arguments import parse
from recipes.engine.compiling import uses_xla
from recipes.engine.fitting import start_afresh
from recipes.engine.optimizer import make_optimizer
from recipes.translation import build_model, load_data
from scripts.benchmarks.notebook import NETWORKS
from scripts.benchmarks.timing import paired_ratio
from scripts.benchmarks.turns import train_in_turn

#: The notebook pads every sentence to so many tokens, and takes so many sentences in a step.
WIDTH, BATCH = 50, 32
#: Steps that are timed together, and after which another one has its turn.
STRETCH, TURN = 20, 4


def epoch_speed(preset, steps=200, task=None) -> dict:
    """Times training steps on spa_eng with the book's split and sizes, in turn, after some more.

    Four ways, from the same ids: "notebook", its network (see `scripts.benchmarks.notebook`) with
    Keras' defaults in `compile` and `fit` on arrays padded to 50; "notebook without XLA", the same
    but for `jit_compile`; "padded", the recipe's network in the notebook's loop without XLA;
    "recipe", as `zoo train translation` does, with batches of sentences of similar lengths.

    Args:
        preset: Name of a preset of the recipe.
        steps: Training steps of each way, at least 40.
        task: Other sentences than the preset's, as a `TranslationTask`.

    Returns:
        By way, mean `seconds` of a step, the number of steps of an `epoch`, and the `weights`;
        `fastest`, the faster of the notebook's ways; by way, the `ratio` of a recipe's epoch to one
        of it, with the half-width of its 95 % `interval`; `steps`.
    """
    config = parse("translation", ["--preset", preset])
    task = task or load_data(config)
    x, y = padded_arrays(*task.ids["train"])
    start_afresh(config)
    built = {way: build_model(config, task) for way in ("padded", "recipe")}
    batches = task.batches("train", built["recipe"], seed=1)
    models = {way: each.training_model for way, each in built.items()}
    size = max(task.source_tokenizer.vocabulary_size, task.target_tokenizer.vocabulary_size)
    models |= {way: NETWORKS[preset](size) for way in ("notebook", "notebook without XLA")}
    compiled = dict.fromkeys(models, uses_xla(config)) | {"notebook": "auto"}
    optimizers = dict.fromkeys(models, "nadam")
    optimizers["recipe"] = make_optimizer(config, config.epochs * len(batches))
    for way, model in models.items():
        model.compile(
            optimizers[way],
            zoo.losses.MaskedCrossentropy(),
            metrics=[zoo.metrics.TokenAccuracy()],
            jit_compile=compiled[way],
        )
    fits = [_training(model, (x, y), steps, batch_size=BATCH) for model in models.values()]
    fits[list(models).index("recipe")] = _training(
        models["recipe"], (batches.feed(),), steps, shuffle=False
    )
    taken = train_in_turn(fits, TURN)
    epochs = dict.fromkeys(models, math.ceil(len(y) / BATCH)) | {"recipe": len(batches)}
    seconds = {way: each[1:, 0] / STRETCH for way, each in zip(models, taken, strict=True)}
    whole = {way: each * epochs[way] for way, each in seconds.items()}
    recipe = whole.pop("recipe")
    compared = {way: paired_ratio(recipe, each) for way, each in whole.items()}
    return {
        "seconds": {way: float(each.mean()) for way, each in seconds.items()},
        "epoch": epochs,
        "parameters": {way: model.count_params() for way, model in models.items()},
        "fastest": min((way for way in whole if way != "padded"), key=lambda way: whole[way].sum()),
        "ratio": {way: ratio for way, (ratio, _) in compared.items()},
        "interval": {way: interval for way, (_, interval) in compared.items()},
        "steps": steps,
    }


def _training(model, data, steps, **options):
    """A function for `train_in_turn`: a stretch that compiles and does not count, then the rest."""
    span = {"steps_per_epoch": STRETCH, "epochs": 1 + steps // STRETCH, "verbose": 0}
    return lambda callbacks: model.fit(*data, callbacks=callbacks, **span, **options)


def padded_arrays(sources, targets):
    """What the notebook passes to `fit`.

    Args:
        sources: Ids of the sources, `(n, time)`.
        targets: Ids of the targets, `(n, 1 + time)`, the start id first.

    Returns:
        `({"source": ..., "target": ...}, labels)`, each `(n, 50)`, padded with 0.
    """
    written = _wide(targets[:, 1:])
    read = np.where(written != 0, _wide(targets[:, :-1]), 0)
    return {"source": _wide(sources), "target": read}, written


def _wide(ids):
    wide = np.zeros((len(ids), WIDTH), np.int32)
    wide[:, : ids.shape[1]] = ids[:, :WIDTH]
    return wide
