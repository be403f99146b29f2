"""The zoo model at the heart of a run, out of its flags; what is wrong with them, in words."""

import zoo
from recipes.engine.checking import parameters_of
from recipes.errors import UserError
from zoo.uncertainty import stochastic_twin


def create_core(config, arguments, reserved=()):
    """Creates the zoo model that the flags name, with arguments that the recipe itself tells it.

    These, and those `reserved`, are not for `--model.NAME` to set. A `UserError` if the model or
    one of its arguments does not exist, or is not the user's to set.

    >>> from recipes.engine.config import TrainConfig
    >>> config = TrainConfig(model="mlp", model_arguments={"units": [5]})
    >>> create_core(config, {"input_shape": (3,)}).count_params()
    26
    """
    clash = set(config.model_arguments) & {*arguments, *reserved}
    if clash:
        name = f"--model.{min(clash)}"
        raise UserError(f"{name} follows from the other flags and the data: leave it out.")
    try:
        return zoo.create_model(config.model, **arguments, **config.model_arguments)
    except (ValueError, TypeError) as error:
        parameters, given = parameters_of(config.model), {*arguments, *config.model_arguments}
        needed = [name for name, each in parameters.items() if each.default is each.empty]
        missing = [name for name in needed if name not in given]
        if missing and given <= {*parameters}:
            message = f"{config.model} needs an argument more: give it with --model.{missing[0]}."
            raise UserError(message) from error
        raise UserError(f"The model cannot be built. {error}") from error


def check_dropout(core, advice) -> None:
    """Raises a `UserError` that ends in `advice` if a model has no dropout to sample."""
    try:
        stochastic_twin(core)
    except ValueError as error:
        raise UserError(
            f"--mc_samples needs a model with dropout, and {core.name} has none. Give it some "
            f"{advice}"
        ) from error
