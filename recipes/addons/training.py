"""The book's TF-Addons pipeline, to put its scores and its speed beside this project's."""

import numpy as np

from recipes.addons.runner import run

#: The book's: an LSTM each way, Luong attention, Nadam, 25 epochs (2nd edition, cell 210).
DEFAULTS = {
    "attention": "luong",  # or "bahdanau"; None for cells 181 and 197
    "sampling": False,  # scheduled sampling, as in cell 197
    "epochs": 25,
    "batch_size": 32,
    "units": 128,
    "embedding_dim": 32,
    "seed": 42,
}


def train_addons(train_pairs, validation_pairs, settings=None):
    """Trains the book's model in a child process with TF-Addons; takes minutes.

    Characters are its ids, sources and targets are padded, and nothing is masked: as in the book.

    Args:
        train_pairs: Pairs of strings, source and target.
        validation_pairs: Pairs to decode greedily afterwards.
        settings: Some of `DEFAULTS`, changed. Defaults to None: the book's model with attention.

    Returns:
        Scores on the validation pairs, `{"token_accuracy": ..., "exact_match": ...}` (the first
        one over the characters and the end, if there is room for it), and the list of the seconds
        that each epoch of training took. The first one includes the tracing.

    Raises:
        ValueError: If a setting has no such name.
        UserError: If the extra `addons` is not installed.
        RunError: If the child fails.
    """
    unknown = set(settings or {}) - set(DEFAULTS)
    if unknown:
        raise ValueError(f"Expected settings among {list(DEFAULTS)}. Received: {sorted(unknown)}")
    settings = {**DEFAULTS, **(settings or {})}
    sources, targets = zip(*train_pairs, strict=True)
    unseen, expected = zip(*validation_pairs, strict=True)
    source_ids, target_ids = _Characters(sources), _Characters(targets)
    length = max(map(len, targets))
    answer = run(
        "train",
        {
            "source": source_ids.encode(sources),
            "target": target_ids.encode(targets),
            # Padding is not masked: it must be as long as in training.
            "validation_source": source_ids.encode(unseen, max(map(len, sources))),
        },
        {
            **settings,
            "source_size": source_ids.size,
            "target_size": target_ids.size,
        },
    )
    return _scores(answer["ids"], target_ids.encode(expected, length)), answer["seconds"].tolist()


def _scores(found, expected):
    """Token accuracy up to the end, and the share of rows in which all of that is right."""
    ends = np.cumsum(expected == 0, axis=1)
    counts = ends <= 1  # the characters, and the first 0
    right = found == expected
    return {
        "token_accuracy": float(right[counts].mean()),
        "exact_match": float((right | ~counts).all(axis=1).mean()),
    }


class _Characters:
    """Ids of the characters of some strings, from 1; 0 behind the end, the last for all others."""

    def __init__(self, strings):
        characters = sorted(set().union(*strings))
        self.ids = {character: index for index, character in enumerate(characters, 1)}
        self.size = len(characters) + 2

    def encode(self, strings, length=None):
        length = length or max(map(len, strings))
        ids = np.zeros((len(strings), length), "int32")
        for row, string in enumerate(strings):
            found = [self.ids.get(character, self.size - 1) for character in string[:length]]
            ids[row, : len(found)] = found
        return ids
