"""The book's translation models as named sets of flags, with its sizes and epochs.

`ml2-ch16-*` are cells of the second edition's notebook (dates), `ml3-ch16-*` of the third's
(English to Spanish, 1,000 words). Where they differ from the book: padding is masked; batches hold
sentences of similar lengths; a run keeps the weights of its best epoch; Luong's attention has a
matrix where the third edition's has none; text is lowered beyond ASCII.
"""

from recipes.engine.config import BOOK

_BOOK = {**BOOK, "optimizer": "nadam"}
_DATES = {**_BOOK, "dataset": "dates", "model": "seq2seq", "tokenizer": "characters"}
_DATES_MODEL = {"units": 128, "embedding_dim": 32, "encoder": "plain", "attention": "none"}
_SPANISH = {
    **_BOOK, "dataset": "spa_eng", "tokenizer": "words", "source_vocabulary_size": 1000,
    "target_vocabulary_size": 1000, "split": "book", "max_length": 50, "longer": "cut",
    "epochs": 10,
}  # fmt: skip
_PLAIN = {"units": 512, "embedding_dim": 128, "encoder": "plain", "attention": "none"}
_ATTENTION = {"attention": "luong", "input_feeding": False}


def _seq2seq(**arguments):
    return {**_SPANISH, "model": "seq2seq", "model_arguments": {**_PLAIN, **arguments}}


PRESETS = {
    "ml2-ch16-173": {**_DATES, "epochs": 10, "model_arguments": _DATES_MODEL},
    "ml2-ch16-197": {
        **_DATES, "epochs": 20, "sampling": "embedding", "sampling_probability": 1.0,
        "model_arguments": _DATES_MODEL,
    },
    "ml2-ch16-210": {
        **_DATES, "epochs": 25,
        "model_arguments": {**_DATES_MODEL, "attention": "luong", "attention_layer_size": 128},
    },
    "ml3-ch16-98": _seq2seq(),
    "ml3-ch16-108": _seq2seq(encoder="bidirectional"),
    "ml3-ch16-123": _seq2seq(encoder="bidirectional", **_ATTENTION),
    "ml3-ch16-137": {
        **_SPANISH, "model": "transformer",
        "model_arguments": {
            "num_layers": 2, "embedding_dim": 128, "num_heads": 8, "key_dim": 128,
            "feed_forward_dim": 128, "norm": "post", "scale_embeddings": False,
            "dropout": 0.1, "attention_dropout": 0.1,
        },
    },
}  # fmt: skip
