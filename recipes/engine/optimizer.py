"""The optimizer, and the way its rate moves, out of the flags of a run."""

import math
from itertools import pairwise

import keras
from keras.optimizers.schedules import ExponentialDecay, InverseTimeDecay

from callbacks import OneCycle, Phases

#: Schedules by flag: `(learning_rate, total_steps, warmup_steps) -> rate`. Those of the book decay
#: as it has them for its 25 epochs: by 0.1 over four fifths of the run, or as 1 / (1 + 10 t).
SCHEDULES = {
    "constant": lambda rate, total, _: rate,
    "plateau": lambda rate, total, _: rate,
    "cosine": lambda rate, total, warmup: Phases(
        [("linear", warmup, 0.0, rate), ("cosine", total - warmup, rate, 0.0)]
    ),
    "flat_cosine": lambda rate, total, _: Phases(
        [("constant", 3 * total // 4, rate, rate), ("cosine", total - 3 * total // 4, rate, 0.0)]
    ),
    "restarts": lambda rate, total, _: Phases(  # each twice as long as the one before
        [
            ("cosine", round(total * end / 7) - round(total * begin / 7), rate, 0.0)
            for begin, end in pairwise((0, 1, 3, 7))
        ]
    ),
    "exponential": lambda rate, total, _: ExponentialDecay(rate, math.ceil(0.8 * total), 0.1),
    "power": lambda rate, total, _: InverseTimeDecay(rate, math.ceil(total / 10), 1.0),
}


def make_optimizer(config, total_steps):
    """The Keras optimizer that the flags describe, for so many training steps.

    >>> from recipes.engine.config import TrainConfig
    >>> make_optimizer(TrainConfig(optimizer="sgd", schedule="constant"), 100).momentum
    0.9
    """
    arguments = {name: getattr(config, name) or None for name in ("clipnorm", "clipvalue")}
    if config.ema:
        arguments |= {"use_ema": True, "ema_momentum": config.ema}
    name = config.optimizer
    if name == "adamw" and not config.weight_decay:
        name = "adam"  # or each variable has a rate computed, to be diminished by 0
    elif name in ("adamw", "lion", "muon"):
        arguments["weight_decay"] = config.weight_decay
    if config.optimizer == "muon":  # what is no matrix, it leaves to adamw
        arguments["adam_weight_decay"] = config.weight_decay
    if config.optimizer == "sgd":
        arguments["nesterov"] = config.nesterov
    if config.schedule == "1cycle":
        return OneCycle(config.learning_rate, total_steps).optimizer(name, **arguments)
    if config.optimizer == "sgd":
        arguments["momentum"] = config.momentum
    warmup = math.floor(config.warmup * total_steps)
    schedule = SCHEDULES[config.schedule]
    arguments["learning_rate"] = schedule(config.learning_rate, total_steps, warmup)
    return keras.optimizers.get({"class_name": name, "config": arguments})
