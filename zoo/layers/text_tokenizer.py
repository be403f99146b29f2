"""Texts of one's own, in any of the usual forms, as ids: special ones, cleaning and truncation."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.checks import check_choice, check_whole
from zoo.layers.character_tokenizer import CharacterTokenizer
from zoo.layers.raw_texts import as_texts, padded, split_words, without_html
from zoo.layers.subword_tokenizer import SubwordTokenizer
from zoo.layers.tokenizer import Tokenizer, check_ids
from zoo.layers.word_tokenizer import WordTokenizer

KINDS = ("words", "characters", "bpe", "wordpiece", "unigram")
TRUNCATIONS = ("head", "tail", "both")

# What special ids decode to, one at a time.
_PIECES = {"padding": "", "empty": "", "start": "<start>", "end": "<end>"}
_SURROGATE = re.compile("[\ud800-\udfff]")
# The tokens before such a space and those after it do not depend on each other.
_BOUNDARY = re.compile(r"(?<=\S) (?=\S)")
_WITH_BOUNDARIES = (CharacterTokenizer, SubwordTokenizer, WordTokenizer)
_CHARACTERS_A_TOKEN = 16  # more than the usual ones have, so that a first try is mostly enough


class TextTokenizer(Tokenizer):
    """How a saved model reads or writes texts: special ids, and what surrounds a tokenizer.

    Special ids come first, `"padding"` as 0; the ids of `tokenizer` follow. A classifier has one
    for an `"empty"` text, which has no tokens; a translator has a `"start"` and an `"end"`.

    Args:
        tokenizer: What encodes one text: a `WordTokenizer`, `CharacterTokenizer` or
            `SubwordTokenizer`.
        max_length: Ids of a text, 1 or more, its end included, its start not. Defaults to all.
        truncation: What is kept of a text with more: its `"head"`, its `"tail"`, or `"both"`, half
            of the ids each. Defaults to `"head"`.
        strip_html: Whether tags and comments become spaces and entities the characters that they
            stand for. Defaults to True.
        lowercase: Whether text is turned into lower case first. Defaults to False.
        special: Names of the special ids in their order, out of `"padding"`, which is the first,
            `"empty"`, `"start"` and `"end"`. Defaults to `("padding", "empty")`.
        add_ends: Whether `encode` puts the start in front of each text, and the end behind it
            unless `max_length` leaves no room. Defaults to False.

    >>> from zoo.layers import CharacterTokenizer, TextTokenizer
    >>> layer = TextTokenizer.fit(["A good film.", "A bad film!"], kind="words", max_length=3)
    >>> layer.tokenizer.words
    ['a', 'film', 'bad', 'good']
    >>> layer.encode("A <i>good</i> &amp; bad film")
    array([2, 5, 4], dtype=int32)
    >>> layer.encode(["Good film, good popcorn", ""])
    array([[5, 3, 5],
           [1, 0, 0]], dtype=int32)
    >>> layer.decode([5, 3])
    'good film'
    >>> ends = TextTokenizer(
    ...     CharacterTokenizer("abc"), special=("padding", "start", "end"), add_ends=True
    ... )
    >>> ends.encode("cab")
    array([1, 5, 3, 4, 2], dtype=int32)
    >>> ends.decode([1, 5, 3, 2, 5, 0])
    'ca'

    Reference: Book, chapter 16, "Sentiment analysis" (2nd edition cells 71 to 78) and, for start
    and end, 3rd edition cells 91 to 95.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        max_length: int | None = None,
        truncation: str = "head",
        strip_html: bool = True,
        lowercase: bool = False,
        special: Sequence[str] = ("padding", "empty"),
        add_ends: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(tokenizer, Tokenizer):
            raise ValueError(
                "Expected tokenizer to be a layer such as WordTokenizer, CharacterTokenizer or "
                f"SubwordTokenizer. Received: tokenizer={tokenizer!r}"
            )
        if max_length is not None:
            check_whole(1, max_length=max_length)
        check_choice(TRUNCATIONS, truncation=truncation)
        special = tuple(special)
        known = len({*special} & {*_PIECES}) == len(special)
        if not known or special[:1] != ("padding",):
            raise ValueError(
                f"Expected some of {', '.join(_PIECES)}, each once, the padding first. "
                f"Received: special={special!r}"
            )
        if add_ends and not {"start", "end"} <= {*special}:
            raise ValueError(
                "With add_ends=True, special must name a start and an end. "
                f"Received: special={special!r}"
            )
        self.tokenizer = tokenizer
        self.max_length = None if max_length is None else int(max_length)
        self.truncation = truncation
        self.strip_html, self.lowercase = strip_html, lowercase
        self.special, self.add_ends = special, add_ends
        ids = {name: index for index, name in enumerate(special)}
        self.padding_id, self.empty_id, self.start_id, self.end_id = map(ids.get, _PIECES)

    @classmethod
    def fit(
        cls, texts: Any, kind: str = "words", vocabulary_size: int = 10_000,
        punctuation: bool = False, **kwargs,
    ) -> "TextTokenizer":  # fmt: skip
        """The layer for a vocabulary learned from texts.

        Args:
            texts: As for `encode`.
            kind: `"words"`, `"characters"`, `"bpe"`, `"wordpiece"` or `"unigram"`. Words and
                characters are the most frequent ones, and all others share one id more. Defaults
                to `"words"`.
            vocabulary_size: Number of ids at most, all of them counted. Defaults to 10,000.
            punctuation: That of `WordTokenizer`, for words. Defaults to False.
            **kwargs: Further arguments of the layer.

        Raises:
            ValueError: If the texts have no token, the kind is unknown, or `vocabulary_size` is
                too small for it.
        """
        check_choice(KINDS, kind=kind)
        # What a text is cleaned of, and how many ids are special, is the same for every tokenizer.
        cleaner = cls(CharacterTokenizer(" "), **kwargs)
        cleaned = [cleaner.clean(text) for text in as_texts(texts)]
        special = len(cleaner.special)
        if not any(cleaned):
            raise ValueError("Expected texts with characters. Received: none")
        if kind in ("words", "characters"):
            tokenizer = _most_frequent(cleaned, kind, vocabulary_size, special, punctuation)
        else:
            tokenizer = SubwordTokenizer.fit(cleaned, kind, vocabulary_size - special)
        return cls(tokenizer, **kwargs)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""
        return len(self.special) + self.tokenizer.vocabulary_size

    @property
    def unknown_id(self) -> int | None:
        """The id of what `tokenizer` does not know, or None."""
        unknown = self.tokenizer.unknown_id
        return None if unknown is None else len(self.special) + unknown

    def new_inputs(self) -> keras.KerasTensor:
        """A new symbolic input for ids, `(batch, time)` int32."""
        return keras.Input((None,), dtype="int32", name="ids")

    def encode(self, texts: Any) -> np.ndarray:
        """The ids of a text, or of several as one array.

        Args:
            texts: A string, a list of strings, an array of them (NumPy, pandas), or a tensor of
                strings (TensorFlow). Bytes are read as UTF-8.

        Returns:
            int32 array `(ids,)` of one text; of several `(texts, longest)`, with padding behind.

        Raises:
            ValueError: If there is something else among the texts, such as None; the message names
                its row, from 0.
        """
        rows = self.encode_list(texts)
        one = isinstance(texts, str | bytes) or getattr(texts, "shape", None) == ()
        return rows[0] if one else padded(rows)

    def encode_list(self, texts: Any, truncate: bool = True) -> list[np.ndarray]:
        """The ids of each text, int32 `(ids,)`; see `encode`.

        Args:
            texts: As for `encode`.
            truncate: Whether `max_length` holds. Defaults to True.
        """
        limit = self.max_length if truncate else None
        return [self._encode(text, limit) for text in as_texts(texts)]

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text that ids stand for, up to the first end; special ones are left out."""
        ids = check_ids(ids, self.vocabulary_size)
        over = np.logical_or.accumulate(ids == self.end_id)
        return self.tokenizer.decode(ids[~over & (ids >= len(self.special))] - len(self.special))

    def pieces(self, ids: Sequence[int] | np.ndarray) -> list[str]:
        """What each id stands for: nothing for padding and for an empty text. See `Tokenizer`."""
        names, first = [_PIECES[name] for name in self.special], len(self.special)
        return [
            names[index] if index < first else self.tokenizer.decode([index - first])
            for index in check_ids(ids, self.vocabulary_size)
        ]

    def normalize(self, text: str) -> str:
        """See `Tokenizer`."""
        return self.tokenizer.normalize(self.clean(text))

    def unknown_characters(self, text: str) -> list[str]:
        """See `Tokenizer`."""
        return self.tokenizer.unknown_characters(self.clean(text))

    def clean(self, text: str) -> str:
        r"""A text as `tokenizer` sees it.

        Without HTML, in lower case, each as the layer's arguments say; half of a surrogate pair,
        which no encoding has, becomes `"\ufffd"`.
        """
        if self.strip_html:
            text = without_html(text)
        if not text.isascii():
            text = _SURROGATE.sub("\ufffd", text)
        return text.lower() if self.lowercase else text

    @classmethod
    def from_config(cls, config):
        """The layer with a configuration that `get_config` returned."""
        inner = config.pop("tokens", None) or config["tokenizer"]  # the first is of format 1
        return cls(**{**config, "tokenizer": keras.saving.deserialize_keras_object(inner)})

    def _encode(self, text, limit):
        ids = self._kept(self.clean(text), limit) + np.int32(len(self.special))
        if self.add_ends:
            ids = np.concatenate([ids, np.array([self.end_id], "int32")])[:limit]
            return np.concatenate([np.array([self.start_id], "int32"), ids])
        return np.array([self.empty_id], "int32") if self.empty_id and not len(ids) else ids

    def _kept(self, text, limit):
        """Ids of the tokens that truncation keeps, of a long text without encoding all of it."""
        if limit is None:
            return self.tokenizer.encode(text)
        tail = {"head": 0, "tail": limit, "both": limit // 2}[self.truncation]
        head = limit - tail
        size = _CHARACTERS_A_TOKEN * limit
        while isinstance(self.tokenizer, _WITH_BOUNDARIES) and 2 * size < len(text):
            first, last = self._ends(text, size, head, tail)
            if len(first) >= head and len(last) >= tail:
                return np.concatenate([first[:head], last[len(last) - tail :]])
            size *= 4
        ids = self.tokenizer.encode(text)
        return ids if len(ids) <= limit else np.concatenate([ids[:head], ids[len(ids) - tail :]])

    def _ends(self, text, size, head, tail):
        """Ids of about `size` characters at either end, none of one that is not wanted."""
        middle = len(text) // 2
        before = _BOUNDARY.search(text, size, middle) if head else None
        after = _BOUNDARY.search(text, max(middle, len(text) - size)) if tail else None
        first = text[: before.start()] if before else ""
        last = text[after.start() :] if after else ""
        return self.tokenizer.encode(first), self.tokenizer.encode(last)


def _most_frequent(texts, kind, size, special, punctuation):
    """What knows as many tokens as `size` leaves room for beside special and unknown ones."""
    room = size - special - 1
    if room < 1:
        raise ValueError(
            f"Expected room for one of the {kind} beside {special + 1} special ids. "
            f"Received: vocabulary_size={size}"
        )
    counts: Counter[str] = Counter()
    for text in texts:  # one at a time: the list of all words may not fit into memory
        counts.update(split_words(text, punctuation) if kind == "words" else text)
    if not counts:
        raise ValueError(f"Expected texts with {kind}. Received: none")
    ordered = sorted(counts, key=lambda token: (-counts[token], token))[:room]
    if kind == "words":
        return WordTokenizer(ordered, punctuation)
    return CharacterTokenizer(ordered, unknown=True)
