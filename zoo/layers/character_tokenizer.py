"""From text to ids and back: characters."""

from collections.abc import Sequence

import numpy as np

from zoo.layers.tokenizer import UNKNOWN, Tokenizer, check_ids, check_text


class CharacterTokenizer(Tokenizer):
    r"""The first layer of a saved language model: it knows which character each id stands for.

    Args:
        characters: Different characters, a string or a list; the position of each is its id.
        lowercase: Whether `encode` turns text into lower case first; the characters must be lower
            case, too, then. Defaults to False.
        unknown: Whether there is one more id, the last, for every other character. It decodes to
            `"\ufffd"`. Defaults to False: other characters are an error.

    >>> layer = zoo.layers.CharacterTokenizer.fit("To be, or not to be", lowercase=True)
    >>> layer.characters
    ' ,benort'
    >>> layer.encode("Note")
    array([4, 5, 7, 3], dtype=int32)
    >>> layer.decode([4, 5, 7, 3])
    'note'

    Reference: Book, chapter 16, "Generating Shakespearean text using a character RNN".
    """

    def __init__(
        self,
        characters: str | Sequence[str],
        lowercase: bool = False,
        unknown: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.characters = "".join(characters)
        self.lowercase, self.unknown = lowercase, unknown
        if not self.characters or len(set(self.characters)) < len(self.characters):
            raise ValueError(
                "Expected one or more characters, each once. "
                f"Received: characters={self.characters!r}"
            )
        if lowercase and self.characters != self.characters.lower():
            raise ValueError(
                "With lowercase=True, characters must be in lower case. "
                f"Received: characters={self.characters!r}"
            )
        codes = _codes(self.characters)
        self._ids = np.argsort(codes).astype("int32")
        self._codes = codes[self._ids]  # ascending: `encode` searches it

    @classmethod
    def fit(
        cls, text: str, lowercase: bool = False, unknown: bool = False, **kwargs
    ) -> "CharacterTokenizer":
        """The layer for the characters of a text, sorted; further arguments are the layer's.

        Raises:
            ValueError: If the text is empty or no string.
        """
        check_text(text)
        if not text:
            raise ValueError("Expected a text with characters. Received: an empty one")
        characters = sorted(set(text.lower() if lowercase else text))
        return cls("".join(characters), lowercase=lowercase, unknown=unknown, **kwargs)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the unknown one included."""
        return len(self.characters) + bool(self.unknown)

    @property
    def unknown_id(self) -> int | None:
        """The last id, if all other characters share it."""
        return len(self.characters) if self.unknown else None

    def unknown_characters(self, text: str) -> list[str]:
        """See `Tokenizer`."""
        return list(dict.fromkeys(c for c in self.normalize(text) if c not in self.characters))

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text's characters, int32 `(characters,)`.

        Raises:
            ValueError: If a character is not in the vocabulary, and `unknown` is False.
        """
        codes = _codes(self.normalize(text))
        places = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        known = self._codes[places] == codes
        if not self.unknown and not known.all():
            names = [repr(character) for character in dict.fromkeys(map(chr, codes[~known]))]
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise ValueError(
                f"The vocabulary lacks the character{'s' * (len(names) > 1)} "
                f"{', '.join(names[:5])}{more}. Leave them out, or use a vocabulary with "
                "unknown=True."
            )
        return np.where(known, self._ids[places], np.int32(len(self.characters)))

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text that ids stand for: the inverse of `encode`. See `Tokenizer`."""
        codes = _codes(self.characters + UNKNOWN)[check_ids(ids, self.vocabulary_size)]
        return codes.tobytes().decode("utf-32-le", "surrogatepass")

    def get_config(self):
        """Arguments to rebuild the layer."""
        # JSON would join two surrogates to one.
        return {**super().get_config(), "characters": list(self.characters)}


def _codes(text):
    """Code points, surrogates included: a Python string may hold lone ones."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
