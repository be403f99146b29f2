"""Training on batches of similar lengths against padding all texts to the longest one."""

import math
from dataclasses import replace

import numpy as np
from scipy import stats

from recipes.data.batches import EpochClock
from recipes.engine.arguments import parse
from recipes.engine.compiling import compiled_by
from recipes.engine.fitting import start_afresh
from recipes.engine.optimizer import make_optimizer
from recipes.engine.tables import markdown
from recipes.text_classification import build_model, load_data
from scripts.benchmarks.runs import mean_and_deviation, spread
from scripts.benchmarks.timing import paired_ratio
from scripts.benchmarks.translation_scores import yes
from scripts.benchmarks.turns import train_in_turn

#: The book's masked network (3rd edition, cell 71) made smaller, to take minutes. The mean of its
#: states learns sooner than the last one.
SETTING = (
    "--preset", "ml3-ch16-71", "--train_size", "2000", "--max_length", "600",
    "--vocabulary_size", "5000", "--model.units", "64", "--model.embedding_dim", "64",
    "--model.pooling", "mean", "--batch_size", "64", "--learning_rate", "0.005", "--epochs", "4",
)  # fmt: skip
#: How many times faster, and training steps after which the other way has its turn.
FASTER, TURN = 2, 4
WAYS = {"bucketed": True, "padded to the longest": False}
CLOCKS = ("wall-clock", "processor")


def bucketing(seeds=3, task=None) -> dict:
    """Trains the same network from the same weights in both ways, in turn.

    The first epoch of each compiles and is not timed.

    Args:
        seeds: Seeds 1, 2, ..., two at least.
        task: Other texts and settings than those of `SETTING`, as a `TextTask`.

    Returns:
        By way, mean `seconds` of an epoch by the wall-clock, `ids` of an epoch with padding, and
        validation `accuracy` of each seed after the last one; by clock, the `ratio` of the padded
        epochs' times to the others with the half-width of its 95 % `interval`; and the setting.
    """
    task = task or load_data(parse("text_classification", list(SETTING)))
    seeds = max(seeds, 2)
    taken, accuracy = {way: [] for way in WAYS}, {way: [] for way in WAYS}
    for seed in range(1, seeds + 1):
        fits, models = {}, {}
        for way, bucketed in WAYS.items():
            config = replace(task.config, bucketing=bucketed, seed=seed)
            start_afresh(config)
            mine = replace(task, config=config)
            built = build_model(config, mine)
            fits[way], models[way] = _training(config, mine, built), built.model
        for way, each in zip(fits, train_in_turn(list(fits.values()), TURN), strict=True):
            taken[way].append(each[1:])
        for way, model in models.items():
            found = task.predict(task.predictor(model), "validation")
            accuracy[way].append(task.score(found, "validation")["accuracy"])
    seconds = {way: np.concatenate(each) for way, each in taken.items()}
    bucketed, padded = (seconds[way] for way in WAYS)
    compared = [paired_ratio(padded[:, clock], bucketed[:, clock]) for clock in range(len(CLOCKS))]
    lengths = [len(ids) for ids in task.parts["train"].inputs]
    return {
        "seconds": {way: float(each[:, 0].mean()) for way, each in seconds.items()},
        "ids": {way: _ids(task, bucketed) for way, bucketed in WAYS.items()},
        "accuracy": accuracy,
        "ratio": {clock: ratio for clock, (ratio, _) in zip(CLOCKS, compared, strict=True)},
        "interval": {clock: half for clock, (_, half) in zip(CLOCKS, compared, strict=True)},
        "texts": len(lengths),
        "mean_length": float(np.mean(lengths)),
        "longest": max(lengths),
        "batch_size": task.config.batch_size,
        "epochs": task.config.epochs,
        "units": task.config.model_arguments["units"],
        "validated": len(task.parts["validation"]),
    }


def bucketing_text(result) -> str:
    """What `bucketing` found, in words."""
    lines = [["batches", "ids an epoch, with padding", "seconds an epoch", "validation accuracy"]]
    for way in WAYS:
        ids, seconds = f"{result['ids'][way]:,}", f"{result['seconds'][way]:.1f}"
        lines.append([way, ids, seconds, spread(result["accuracy"][way])])
    bucketed, padded = (np.array(result["accuracy"][way]) for way in WAYS)
    gain, noise = difference(bucketed, padded)
    ratios = " and ".join(
        f"{result['ratio'][clock]:.2f} ± {result['interval'][clock]:.2f} by the {clock}"
        for clock in CLOCKS
    )
    return (
        f"{markdown(lines)}\n\nA GRU of {result['units']} units on {result['texts']:,} reviews of "
        f"IMDB, cut after {result['longest']} words ({result['mean_length']:.0f} on average), "
        f"batches of {result['batch_size']}, {result['epochs']} epochs, {len(padded)} seeds: the "
        "same weights and settings, trained in turn; first epochs, which compile, do not count. "
        f"Times as fast when bucketed: {ratios} (95 % interval; at least {FASTER}: "
        f"{yes(result['ratio'][CLOCKS[0]] >= FASTER)}). Accuracy of {result['validated']:,} "
        f"validation reviews, bucketed less padded: {gain:+.4f} ± {noise:.4f} (95 % interval of "
        f"the seeds; the same within noise: {yes(abs(gain) <= noise)})."
    )


def difference(scores, others) -> tuple[float, float]:
    """Mean difference, seed by seed, and half the width of its 95 % interval (Student's).

    >>> gain, noise = difference([0.8, 0.82, 0.81], [0.81, 0.8, 0.8])
    >>> print(f"{gain:.4f} ± {noise:.4f}")
    0.0067 ± 0.0379
    """
    mean, deviation = mean_and_deviation(list(np.subtract(scores, others)))
    count = len(scores)
    return float(mean), float(stats.t.ppf(0.975, count - 1) * deviation / math.sqrt(count))


def _training(config, task, built):
    """A function for `train_in_turn` that trains as `zoo train` does, without validation."""
    batches = task.batches("train", built, seed=config.seed)
    built.training_model.compile(
        optimizer=make_optimizer(config, config.epochs * len(batches)),
        loss=built.loss,
        metrics=built.metrics,
        jit_compile=compiled_by(config, built.training_model, batches)["jit_compile"],
    )
    feed, clock = batches.feed(), EpochClock(batches)
    return lambda callbacks: built.training_model.fit(
        feed, epochs=config.epochs, shuffle=False, verbose=0, callbacks=[clock, *callbacks]
    )


def _ids(task, bucketed):
    """Ids of the first epoch, padding included."""
    config = replace(task.config, bucketing=bucketed)
    batches = replace(task, config=config).batches("train", None, seed=1)
    widths = batches.widths[batches.order()].reshape(len(batches), -1)
    return int(widths.max(axis=1).sum()) * batches.batch_size
