"""The forecasters that `--model auto` tries."""

from dataclasses import replace

from recipes.engine.task import Candidate
from recipes.errors import UserError

#: Training windows from which on the larger size of a network is tried.
MANY = 5_000
#: Steps in a patch of `patchtst`.
PATCH = 16
#: Steps of training that a network gets at least, if there are enough epochs.
STEPS = 1500


def candidates(config, task, default_config, build_model) -> list[Candidate]:
    """Forecasters of different kinds, the fastest first.

    Window, horizon, covariates and head are those of `config`. A `UserError` if it wants samples,
    or a step at a time.
    """
    if config.strategy == "recursive" or config.mc_samples:
        flag = "--mc_samples" if config.mc_samples else "--strategy recursive"
        raise UserError(f"--model auto forecasts all steps at once, without samples: drop {flag}.")
    large = len(task.windows.starts["train"]) >= MANY
    units, dim = (256, 64) if large else (64, 16)
    mixer = {"num_layers": 2, "units": dim, "feed_forward_dim": dim, "dropout": 0.3}
    future = task.windows.series.future_covariates.shape[1]
    mixer |= {"future_covariates": future} if future else {}
    networks = {"nhits": {"units": units}, "tsmixer": mixer}
    if config.window >= 2 * PATCH:
        heads = {"num_heads": 4, "embedding_dim": dim, "feed_forward_dim": 2 * dim}
        networks["patchtst"] = {"num_layers": 2, **heads}
    if task.windows.num_features > task.windows.num_targets:  # who reads covariates comes first
        networks = {"tsmixer": networks.pop("tsmixer"), **networks}
    linear = default_config(own_data=True, model="nlinear")
    batch = 128 if large else 32
    epochs = min(200, max(10, STEPS * batch // max(1, len(task.windows.starts["train"]))))
    shared = {"loss": "huber", "loss_steps": 0, "schedule": "cosine"}
    first = replace(
        config, model="nlinear", model_arguments=linear.model_arguments,
        learning_rate=linear.learning_rate, epochs=min(config.epochs, linear.epochs),
        patience=linear.patience, **shared,
    )  # fmt: skip
    shared |= {"learning_rate": 0.001, "batch_size": batch}
    shared |= {"epochs": min(10 * config.epochs, epochs), "patience": max(3, epochs // 10)}
    found = [first]
    found += [replace(config, model=n, model_arguments=a, **shared) for n, a in networks.items()]
    return [Candidate(each.model, each, build_model) for each in found]
