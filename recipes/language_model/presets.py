"""The book's language models as named sets of flags, with its sizes and epochs.

`ml2-ch16-30` is cell 30 of the second edition's notebook; `ml3` is the third edition. Where they
differ from the book: a run keeps the weights of its best epoch; the second edition has no
validation part, here it is the last tenth of the text; dropout acts between the layers (in the
book on the one-hot inputs of the first one, too); streams begin somewhere else in each epoch.
"""

from recipes.engine.config import BOOK
from recipes.language_model.chorale_flags import STRIDE, WINDOW

_BOOK = {
    **BOOK, "dataset": "shakespeare", "model": "char_rnn", "tokenizer": "characters",
    "lowercase": True, "window": 100, "stride": 1, "epochs": 10,
}  # fmt: skip
_SECOND = {
    "split": "90-10",
    "optimizer": "adam",
    "model_arguments": {"units": 128, "num_layers": 2, "dropout": 0.2},
}
_THIRD = {"optimizer": "nadam", "model_arguments": {"units": 128, "embedding_dim": 16}}

_CHORALES = {
    **_BOOK, "dataset": "chorales", "model": "conv_lstm_language_model", "model_arguments": {},
    "lowercase": False, "batching": "sliding", "window": WINDOW, "stride": STRIDE,
    "transpose": False, "optimizer": "nadam", "epochs": 20,
}  # fmt: skip

PRESETS = {
    "ml2-ch15-138": _CHORALES,
    "ml2-ch16-30": {**_BOOK, **_SECOND, "batching": "sliding"},
    "ml2-ch16-49": {**_BOOK, **_SECOND, "batching": "streams", "epochs": 50},
    "ml3-ch16-32": {**_BOOK, **_THIRD, "batching": "sliding"},
    "ml3-ch16-54": {**_BOOK, **_THIRD, "batching": "streams", "batch_size": 1},
}
