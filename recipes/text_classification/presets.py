"""The book's text classifiers as named sets of flags, with its sizes and epochs.

`ml2-ch16-*` are cells of the second edition's notebook, `ml3-ch16-*` of the third's. Where they
differ from the book: the first 300 characters of a review are its first 55 words; words lose all
punctuation and share one unknown id; batches hold texts of similar lengths where padding is masked;
a run keeps the weights of its best epoch. `ml3-ch16-68` is the book's failure on purpose: without a
mask, a network that reads hundreds of padding ids last forgets what came before them; all reviews
are padded to 800 words here, about the longest of 32 in the book.
"""

from recipes.engine.config import BOOK

_BOOK = {**BOOK, "model": "text_classifier", "wide": 0, "calibrate": False}
_REVIEWS = {
    **_BOOK, "dataset": "imdb", "split": "book", "tokenizer": "words", "vocabulary_size": 1000,
    "max_length": None, "optimizer": "nadam", "epochs": 5,
}  # fmt: skip
_GRU = {"encoder": "gru", "units": 128, "embedding_dim": 128}
_REBER = {
    **_BOOK,
    "dataset": "reber",
    "tokenizer": "characters",
    "bucketing": False,  # strings of one length in a batch are too much alike for this momentum
    "optimizer": "sgd",
    "learning_rate": 0.02,
    "momentum": 0.95,
    "nesterov": True,
    "epochs": 20,
    "model_arguments": {"encoder": "gru", "units": 30, "embedding_dim": 5},
}

PRESETS = {
    "ml2-ch16-78": {
        **_REVIEWS,
        "vocabulary_size": 10_000,
        "max_length": 55,
        "optimizer": "adam",
        "model_arguments": {**_GRU, "num_layers": 2},
    },
    "ml2-ch16-130": _REBER,
    "ml3-ch16-68": {
        **_REVIEWS,
        "epochs": 2,
        "bucketing": False,
        "max_length": 800,
        "model_arguments": {**_GRU, "mask": False},
    },
    "ml3-ch16-71": {**_REVIEWS, "model_arguments": _GRU},
    "ml3-ch16-75": {**_REVIEWS, "model_arguments": {**_GRU, "dropout": 0.2}},
    "ml3-ch16-181": _REBER,
}
