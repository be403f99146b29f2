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
    **_BOOK, "dataset": "imdb", "split": "book", "tokenizer": "words", "punctuation": False,
    "vocabulary_size": 1000, "max_length": None, "optimizer": "nadam", "epochs": 5,
}  # fmt: skip
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


def _gru(arguments=None, **flags):
    """A recurrent network on reviews."""
    arguments = {"encoder": "gru", "units": 128, "embedding_dim": 128, **(arguments or {})}
    return {**_REVIEWS, "model_arguments": arguments, **flags}


PRESETS = {
    "ml2-ch16-78": _gru({"num_layers": 2}, vocabulary_size=10_000, max_length=55, optimizer="adam"),
    "ml2-ch16-130": _REBER,
    "ml3-ch16-68": _gru({"mask": False}, epochs=2, bucketing=False, max_length=800),
    "ml3-ch16-71": _gru(),
    "ml3-ch16-75": _gru({"dropout": 0.2}),
    "ml3-ch16-181": _REBER,
}
