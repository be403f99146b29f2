"""The book's chapter 10 models of California housing with its own settings, and what beats them.

`ml2-ch10-73` is cell 73 of the second edition's notebook, `ml3-ch10-84` cell 84 of the third's.
Like the book they standardise the features, leave the target as it is, and keep the best of their
epochs by the validation loss. One thing differs: in the printed run of `ml3-ch10-92` the wide path
was not normalised.

`housing-plain` is a network without embeddings, `housing-ensemble` eight networks with embedded
numbers that share weights (Gorishniy et al., *TabM*, 2024). Their settings, and the recipe's
defaults for the housing data, were chosen on the validation part.
"""

from recipes.engine.config import BOOK

_BOOK = BOOK | {
    "dataset": "housing_book", "neighbors": False, "epochs": 20,
    "normalization": "standard", "target_normalization": "none", "missing": "fill",
}  # fmt: skip
_SGD = {"optimizer": "sgd", "momentum": 0.0}
_ADAM = {"optimizer": "adam"}
_GLOROT = {"activation": "relu", "kernel_initializer": "glorot_uniform"}
#: Features 0 to 4 on the wide path, 2 to 7 on the deep one: three are on both.
_SPLIT = {"wide": [0, 1, 2, 3, 4], "deep": [2, 3, 4, 5, 6, 7]}


def _mlp(optimizer, *units, **flags):
    arguments = _GLOROT | {"units": [*units]}
    return _BOOK | optimizer | {"model": "mlp", "model_arguments": arguments} | flags


def _wide_and_deep(optimizer, **arguments):
    arguments = _GLOROT | {"units": [30, 30]} | arguments
    return _BOOK | optimizer | {"model": "wide_and_deep", "model_arguments": arguments}


_OURS = {
    "dataset": "housing_book", "model": "wide_and_deep", "neighbors": False,
    "learning_rate": 0.003, "schedule": "cosine", "patience": 0,
}  # fmt: skip

#: Hidden layers behind numbers in piecewise linear encoding (Gorishniy et al., 2022).
EMBEDDED = {"units": [256, 256, 256], "numeric_embedding": "piecewise", "embedding_dim": 16}

PRESETS = {
    "housing-plain": _OURS | {
        "epochs": 100, "batch_size": 128, "weight_decay": 0.3, "normalization": "quantile",
        "model_arguments": {"units": [256, 256, 256], "activation": "gelu", "dropout": 0.05},
    },
    "housing-ensemble": _OURS | {
        "epochs": 40, "batch_size": 256, "learning_rate": 0.002, "weight_decay": 0.03, "bins": 64,
        "model_arguments": EMBEDDED | {"dropout": 0.1, "members": 8},
    },
    "ml2-ch10-73": _mlp(_SGD, 30),
    "ml2-ch10-81": _wide_and_deep(_SGD),
    "ml2-ch10-85": _wide_and_deep(_SGD, **_SPLIT),
    "ml2-ch10-90": _wide_and_deep(_SGD, **_SPLIT, auxiliary=True),
    "ml2-ch10-98": _mlp(_SGD, 30, 30, epochs=10),
    "ml2-ch10-108": _mlp(_SGD, 30, 30, epochs=110, patience=10),
    "ml2-ch10-116": _mlp(_SGD, 30, 30, epochs=30),
    "ml3-ch10-84": _mlp(_ADAM, 50, 50, 50),
    "ml3-ch10-92": _wide_and_deep(_ADAM),
    "ml3-ch10-96": _wide_and_deep(_ADAM, **_SPLIT),
    "ml3-ch10-102": _wide_and_deep(_ADAM, **_SPLIT, auxiliary=True),
    "ml3-ch10-139": _mlp(_SGD, 30, 30),
}  # fmt: skip
