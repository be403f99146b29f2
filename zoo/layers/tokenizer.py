"""What all tokenizers have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.layers.base import TracedLayer

UNKNOWN = "\ufffd"


class Tokenizer(TracedLayer):
    """The base of the layers that turn texts, or music, into ids and back.

    `encode` and `decode` work on the host. In the graph a tokenizer passes ids on as they are, so
    that the vocabulary travels with `model.keras`, where `zoo.tokenizer` finds it. A subclass has
    `vocabulary_size`, `encode` and `decode`, and says which of its ids are special ones.

    >>> layer = zoo.layers.CharacterTokenizer("abc", unknown=True)
    >>> layer.pieces(layer.encode("cab!"))
    ['c', 'a', 'b', '\ufffd']
    >>> layer.unknown_id, layer.padding_id
    (3, None)
    >>> layer.unknown_characters("back to back")
    ['k', ' ', 't', 'o']
    """

    #: Special ids, None where a tokenizer has none such.
    padding_id: int | None = None
    start_id: int | None = None
    end_id: int | None = None
    #: Whether `encode` turns text into lower case first.
    lowercase = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True  # there is nothing to build

    @property
    def unknown_id(self) -> int | None:
        """The id of all that the vocabulary does not have, or None."""
        return None

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""
        raise NotImplementedError

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, an int32 array `(ids,)`."""
        raise NotImplementedError

    def decode(self, ids: Sequence[int] | np.ndarray) -> Any:
        """The text that ids, a one-dimensional array or list, stand for.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        raise NotImplementedError

    def normalize(self, text: str) -> str:
        """A text as `decode` gives it back if nothing in it is unknown."""
        check_text(text)
        return text.lower() if self.lowercase else text

    def unknown_characters(self, text: str) -> list[str]:
        """The characters of a text that no id stands for, each once, in order of appearance.

        None but for vocabularies of characters.
        """
        return []

    def pieces(self, ids: Sequence[int] | np.ndarray) -> list[str]:
        """What each id of a one-dimensional array or list stands for, a list of strings.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        return [self.decode([index]) for index in check_ids(ids, self.vocabulary_size)]

    def call(self, inputs):
        """Passes ids on."""
        return inputs


def check_text(text):
    """Raises a `ValueError` unless the text is a string."""
    if not isinstance(text, str):
        raise ValueError(f"Expected a text of type str. Received: {type(text).__name__}")


def check_ids(ids, vocabulary_size) -> np.ndarray:
    """The ids as a one-dimensional array; a `ValueError` if they cannot be ids."""
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise ValueError(
            "Expected whole numbers in one dimension. "
            f"Received: ids of shape {ids.shape} and type {ids.dtype}"
        )
    ids = ids.astype("int64")
    outside = ids[(ids < 0) | (ids >= vocabulary_size)]
    if outside.size:
        raise ValueError(f"Expected ids in [0, {vocabulary_size}). Received: {outside[0]}")
    return ids
