"""`--from RUN`: training goes on from a saved run, with new data."""

from dataclasses import fields, replace
from typing import Any

from recipes.engine.folder import RunFolder
from recipes.engine.recipe import Recipe
from recipes.engine.task import Built
from recipes.errors import UserError

#: The learning rate is divided by this, unless a flag says it: what was learned is to be kept.
SLOWER = 10


def settings_of(path, recipe: Recipe) -> dict[str, Any]:
    """The settings of a run, with what its flags had left open as it was decided then.

    A `UserError` if it is not a finished run of the recipe.
    """
    folder = RunFolder.open(path)
    saved = folder.read_config()
    run = saved.pop("run")
    if run["recipe"] != recipe.name:
        raise UserError(
            f"--from needs a run of {recipe.name}. Received: {folder.path} of {run['recipe']}."
        )
    if recipe.continue_from is None:
        takers = "forecast, tabular and text_classification"
        raise UserError(f"--from is for runs of {takers}, not of {recipe.name}.")
    saved = recipe.config.renamed(saved)
    for each in fields(recipe.config):
        if saved.get(each.name) in (None, []) and each.name in run:
            saved[each.name] = run[each.name]
    # Where the old data was, and where the run went, is not what the new one is about.
    for name in ("data", "dataset", "preset", "name", "overwrite", "logdir", "start_from"):
        saved.pop(name, None)
    saved["learning_rate"] = float(f"{saved['learning_rate'] / SLOWER:.6g}")
    return saved


def begin(recipe: Recipe, config, task: Any) -> tuple[Any, Built]:
    """The task as the old model sees it, and that model, to be trained further.

    A `UserError` if the data does not fit the model.
    """
    import zoo

    if task.folds():
        flag = "--folds" if hasattr(config, "folds") else "--backtest"
        raise UserError(
            "Folds and backtests begin anew with each model, and the run's settings hold with "
            f"--from: add {flag} 0."
        )
    model = zoo.load(RunFolder(config.start_from).model)
    if recipe.continue_from is None or model.name == "auto":
        raise UserError(
            f"{config.start_from} is a mean of several models (--model auto): training goes on "
            "from a run of one model only."
        )
    task, built = recipe.continue_from(config, task, model)
    note = f"goes on from {config.start_from}, at a learning rate of {config.learning_rate:.3g}"
    return task, replace(built, notes=(*built.notes, note), finish=_or_before(recipe, task, built))


def again(recipe: Recipe, config, task: Any) -> Built:
    """The saved model anew, for a task that is as it sees it."""
    import zoo

    assert recipe.continue_from is not None
    return recipe.continue_from(config, task, zoo.load(RunFolder(config.start_from).model))[1]


def before(model: Any, *names: str) -> Any:
    """What goes into the first layer of these names that a functional model has.

    A `UserError` if it has none of them.
    """
    found = {layer.name: layer for layer in model.layers}
    for name in names:
        if name in found:
            return found[name].input
    raise UserError(f"The model {model.name} cannot be trained further: it has no {names[-1]!r}.")


def _or_before(recipe, task, built):
    """What ends the training: back to the first weights where it made validation no better."""

    def score():
        scores = task.score(task.predict(task.predictor(built.model), "validation"), "validation")
        name = next(name for name in recipe.combined_by if name in scores)
        return -scores[name] if recipe.higher_is_better(name) else scores[name]

    def finish():
        found = built.finish() if built.finish else {}
        if score() < score_before:
            return found
        built.model.set_weights(weights)
        return {**dict.fromkeys(found, 1.0), "trained": 0.0}

    weights, score_before = built.model.get_weights(), score()
    return finish
