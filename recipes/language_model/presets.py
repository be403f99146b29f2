"""The book's language models as named sets of flags, with its sizes and epochs.

`ml2-ch16-30` is cell 30 of the second edition's notebook; `ml3` is the third edition. Where they
differ from the book: a run keeps the weights of its best epoch; the second edition has no
validation part, here it is the last tenth of the text; dropout acts between the layers (in the
book on the one-hot inputs of the first one, too); streams begin somewhere else in each epoch.
"""

from recipes.language_model.chorale_flags import STRIDE, WINDOW

_BOOK = {
    "dataset": "shakespeare",
    "model": "char_rnn",
    "tokenizer": "characters",
    "lowercase": True,
    "window": 100,
    "stride": 1,
    "epochs": 10,
    "batch_size": 32,
    "learning_rate": 0.001,
    "schedule": "constant",
    "weight_decay": 0.0,
    "clipnorm": 0.0,
    "patience": 0,
}
_SECOND = {
    "split": "90-10",
    "optimizer": "adam",
    "model_arguments": {"units": 128, "num_layers": 2, "dropout": 0.2},
}
_THIRD = {"optimizer": "nadam", "model_arguments": {"units": 128, "embedding_dim": 16}}

_CHORALES = {
    **_BOOK,
    "dataset": "chorales",
    "model": "conv_lstm_language_model",
    "model_arguments": {},
    "lowercase": False,
    "batching": "sliding",
    "window": WINDOW,
    "stride": STRIDE,
    "transpose": False,
    "optimizer": "nadam",
    "epochs": 20,
}

PRESETS = {
    "ml2-ch15-138": _CHORALES,
    "ml2-ch16-30": {**_BOOK, **_SECOND, "batching": "sliding"},
    "ml2-ch16-49": {**_BOOK, **_SECOND, "batching": "streams", "epochs": 50},
    "ml3-ch16-32": {**_BOOK, **_THIRD, "batching": "sliding"},
    "ml3-ch16-54": {**_BOOK, **_THIRD, "batching": "streams", "batch_size": 1},
}

#: What the third edition prints: its best validation loss in nats per character.
BOOK_NATS = {"ml3-ch16-32": 1.5477, "ml3-ch16-54": 1.4786}
#: What the second edition prints for chorales: accuracy on the test part's windows.
BOOK_ACCURACY = {"ml2-ch15-138": 0.8164}
#: What the second edition prints: the training loss of the last epoch, with dropout.
BOOK_LOSS = {"ml2-ch16-30": 1.3105, "ml2-ch16-49": 1.5620}
