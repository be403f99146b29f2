"""Ids of sentences: three special ones, then those of a vocabulary."""

import numpy as np

#: Ids that every source and target vocabulary begins with; the tokens' own ids follow.
PADDING, START, END = 0, 1, 2
FIRST = 3


def encode_source(tokens, text, max_length) -> np.ndarray:
    """The ids that an encoder reads.

    Args:
        tokens: A layer with `encode`, see `zoo.layers`.
        text: The sentence.
        max_length: Ids at most; what follows them is cut off.

    Returns:
        int32 array.
    """
    return tokens.encode(text)[:max_length] + np.int32(FIRST)


def encode_target(tokens, text, max_length) -> np.ndarray:
    """The ids that a decoder reads and writes: the start, the sentence, the end.

    Args:
        tokens: A layer with `encode`, see `zoo.layers`.
        text: The sentence.
        max_length: Ids at most after the start; a sentence that is cut off has no end.

    Returns:
        int32 array.

    Example:
        >>> import zoo
        >>> from recipes.translation.coding import encode_target
        >>> encode_target(zoo.layers.CharacterTokens("abc"), "cab", 9)
        array([1, 5, 3, 4, 2], dtype=int32)
    """
    ids = tokens.encode(text) + np.int32(FIRST)
    return np.concatenate([np.int32([START]), ids, np.int32([END])])[: 1 + max_length]


def decode_target(tokens, ids) -> str:
    """The sentence that ids stand for, up to the end; special ids are left out."""
    return tokens.decode(_written(ids) - FIRST)


def pieces(tokens, ids) -> list[str]:
    """What each id stands for, for pictures."""
    names = {PADDING: "", START: "<start>", END: "<end>"}
    return [names.get(int(i), "") if i < FIRST else tokens.decode([int(i) - FIRST]) for i in ids]


def normalized(tokens, text) -> str:
    """A reference as the model could write it at best: as it is, or in the form of its words."""
    normalize = getattr(tokens, "normalize", None)
    return text if normalize is None else normalize(text)


def padded(rows, length=None) -> np.ndarray:
    """Arrays of ids as one, padded with 0: int32 `(rows, length)`."""
    result = np.zeros((len(rows), length or max(1, *map(len, rows), 1)), np.int32)
    for row, ids in zip(result, rows, strict=True):
        row[: len(ids)] = ids
    return result


def _written(ids):
    ids = np.asarray(ids)
    ends = np.flatnonzero(ids == END)
    ids = ids[: ends[0]] if ends.size else ids
    return ids[ids >= FIRST]
