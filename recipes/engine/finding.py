"""`zoo find-lr RECIPE`: the learning rate finder on a recipe's model and training batches."""

import itertools
import shlex
from dataclasses import replace
from pathlib import Path

from recipes.engine.folder import RunFolder, timestamp
from recipes.engine.recipe import find_recipe
from recipes.engine.tables import aligned, console
from recipes.errors import RunError, UserError


def find(recipe: str, config, min_rate: float, max_rate: float, steps: int):
    """Runs the learning rate finder, prints its suggestions and writes its folder.

    So many training batches, from one learning rate to the other; those of the configuration, and
    its schedule, play no part. Returns the `RunFolder` and the `callbacks.rate_curve.RateCurve`.

    A `UserError` if the configuration, the range or the data is wrong; nothing is written then. A
    `RunError` if the curve suggests nothing; it is written when there is one.
    """
    from callbacks import find_learning_rate  # here: the flags are checked before Keras loads
    from recipes.engine.compiling import compiled_by
    from recipes.engine.fitting import start_afresh
    from recipes.engine.optimizer import make_optimizer

    config.validate()
    check_range(min_rate, max_rate, steps)
    name = config.name or timestamp(Path(config.logdir, recipe), "find-lr-")
    folder = RunFolder.plan(recipe, replace(config, name=f"find-lr-{name}"))
    config, task = find_recipe(recipe).load(config)
    if config.progress:
        console.print(task.description)
    start_afresh(config)
    built = find_recipe(recipe).build_model(config, task)
    training = task.batches("train", built, seed=config.seed)
    model = built.training_model
    model.compile(
        optimizer=make_optimizer(replace(config, schedule="constant"), total_steps=steps),
        loss=built.loss,
        loss_weights=built.loss_weights,
        jit_compile=compiled_by(config, model, training)["jit_compile"],
    )
    try:
        curve = find_learning_rate(model, endless(training), min_rate, max_rate, steps)
    except ValueError as error:
        raise RunError(f"The learning rate finder failed. {error}") from error
    text = folder.config_text(
        recipe,
        replace(config, name=folder.path.name),
        data_sha256=task.sha256,
        find_lr={"min_rate": min_rate, "max_rate": max_rate, "steps": steps, **curve.suggestions},
    )
    folder.create(config.overwrite, text)
    for empty in (folder.plots, folder.checkpoints):
        empty.rmdir()
    curve.to_csv(folder.path / "find-lr.csv")
    curve.plot().savefig(folder.path / "find-lr.png", dpi=110)
    _show(recipe, folder, curve, steps)
    return folder, curve


def check_range(min_rate, max_rate, steps):
    """Raises a `UserError` for the first of the finder's flags that is out of range."""
    for name, rate in (("min_rate", min_rate), ("max_rate", max_rate)):
        if not 0 < rate < float("inf"):
            raise UserError(f"--{name} must be above 0. Received: {rate}")
    if not min_rate < max_rate:
        raise UserError(f"--min_rate {min_rate:g} must be below --max_rate {max_rate:g}.")
    if steps < 10:
        raise UserError(f"--steps must be at least 10. Received: {steps}")


def endless(training):
    """Yields the training batches of one epoch after the other."""
    feed = training.feed()
    for epoch in itertools.count():
        training.epoch = epoch
        yield from feed


def _show(recipe, folder, curve, steps):
    if curve.stopped:
        reason = {"diverged": "diverged", "not finite": "was no longer a number"}[curve.stopped]
        after = f"after {len(curve.losses)} of {steps} batches"
        console.print(f"The loss {reason} {after}, at the rate {curve.rates[-1]:.2g}.")
    picture = folder.path / "find-lr.png"
    if curve.learning_rate is None:
        raise RunError(
            f"The loss never fell, so no learning rate is suggested. Look at {picture}, "
            "and try a smaller --min_rate or more --steps."
        )
    rows = [["suggestion", "flag", ""]]
    for name, rate in curve.suggestions.items():
        flag = "none" if rate is None else f"--learning_rate {rate:.2g}"
        rows.append([name, flag, "recommended" if name == curve.recommended else ""])
    config = shlex.quote(str(folder.config))
    print(
        f"Learning rates\n\n{aligned(rows)}\n\n"
        f"zoo train {recipe} --config {config} --learning_rate {curve.learning_rate:.2g}\n"
        f"The curve is in {picture} and {picture.with_suffix('.csv')}."
    )
