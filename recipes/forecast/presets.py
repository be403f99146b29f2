"""The book's chapter 15 models, with the book's own sizes and epochs, as named sets of flags.

`ml2-ch15-86` is cell 86 of the second edition's notebook. Like the book they read the series as it
is (no standardising) and keep the best of 20 epochs.
"""

from recipes.engine.config import BOOK

_BOOK = {
    **BOOK, "dataset": "book_series", "epochs": 20, "optimizer": "adam", "loss_steps": 0,
    "normalization": "none", "window": 50,
}  # fmt: skip


def _book(model, horizon=10, model_arguments=None, **flags):
    arguments = model_arguments or {}
    return {**_BOOK, "model": model, "horizon": horizon, "model_arguments": arguments, **flags}


PRESETS = {
    "ml2-ch15-18": _book("linear_forecaster", 1),
    "ml2-ch15-23": _book(
        "simple_rnn", 1, {"num_layers": 0, "recurrent_head": True}, learning_rate=0.005
    ),
    "ml2-ch15-28": _book("simple_rnn", 1, {"recurrent_head": True}),
    "ml2-ch15-33": _book("simple_rnn", 1),
    "ml2-ch15-49": _book("linear_forecaster"),
    "ml2-ch15-51": _book("simple_rnn"),
    "ml2-ch15-57": _book("deep_rnn", model_arguments={"cell": "simple_rnn"}, learning_rate=0.01),
    "ml2-ch15-61": _book(
        "deep_rnn", model_arguments={"cell": "simple_rnn", "batch_normalization": True}
    ),
    "ml2-ch15-65": _book("deep_rnn", model_arguments={"cell": "layer_norm"}),
    "ml2-ch15-70": _book("deep_rnn", model_arguments={"cell": "lstm"}),
    "ml2-ch15-76": _book("deep_rnn", model_arguments={"cell": "gru"}),
    "ml2-ch15-83": _book("conv_gru"),
    "ml2-ch15-86": _book("wavenet_lite"),
}
