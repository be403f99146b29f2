"""Texts of one's own, in any of the usual forms, as ids: the first layer of a text classifier."""

import re
from collections import Counter

import keras
import numpy as np

from zoo.layers.raw_texts import as_texts, padded, without_html
from zoo.layers.subwords import SubwordTokens
from zoo.layers.tokens import CharacterTokens, check_ids
from zoo.layers.words import WordTokens
from zoo.layers.words import split as split_words

PADDING, EMPTY, FIRST = 0, 1, 2
KINDS = ("words", "characters", "bpe", "wordpiece", "unigram")
TRUNCATIONS = ("head", "tail", "both")

_SURROGATE = re.compile("[\ud800-\udfff]")
# The tokens before such a space and those after it do not depend on each other.
_BOUNDARY = re.compile(r"(?<=\S) (?=\S)")
_WITH_BOUNDARIES = (CharacterTokens, SubwordTokens, WordTokens)
_CHARACTERS_A_TOKEN = 16  # more than the usual ones have, so that a first try is mostly enough


@keras.saving.register_keras_serializable(package="zoo")
class TextIds(keras.layers.Layer):
    """The first layer of a saved text classifier: it knows how a text becomes ids.

    `encode` works on the host. In the graph the layer passes ids on as they are, so that the
    vocabulary and the rules travel with `model.keras`. Id 0 is padding, after a text's end; id 1
    stands for a text without tokens; the ids of `tokens` follow.

    Args:
        tokens: A layer that encodes one text, such as `WordTokens`, `CharacterTokens` or
            `SubwordTokens`.
        max_length: Ids of a text at most. Defaults to None: all of them.
        truncation: What is kept of a text with more: its `"head"`, its `"tail"`, or `"both"`, half
            of the ids each. Defaults to `"head"`.
        strip_html: Whether tags and comments become spaces and entities the characters that they
            stand for. Defaults to True.
        lowercase: Whether text is turned into lower case first. Defaults to False.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `max_length` is below 1, or `truncation` or `tokens` is something else.

    Example:
        >>> from zoo.layers import TextIds
        >>> layer = TextIds.fit(["A good film.", "A bad film!"], kind="words", max_length=3)
        >>> layer.tokens.words
        ['a', 'film', 'bad', 'good']
        >>> layer.encode(["<i>Good</i> film &amp; good popcorn", ""])
        array([[5, 3, 5],
               [1, 0, 0]], dtype=int32)
        >>> layer.decode([5, 3])
        'good film'

    Reference:
        Book, chapter 16, "Sentiment analysis" (2nd edition cells 71 to 78).
    """

    def __init__(
        self,
        tokens,
        max_length=None,
        truncation="head",
        strip_html=True,
        lowercase=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not all(hasattr(tokens, name) for name in ("encode", "decode", "vocabulary_size")):
            raise ValueError(
                "Expected tokens to be a layer such as WordTokens, CharacterTokens or "
                f"SubwordTokens. Received: tokens={tokens!r}"
            )
        whole = isinstance(max_length, int | np.integer) and not isinstance(max_length, bool)
        if max_length is not None and not (whole and max_length >= 1):
            raise ValueError(
                f"Expected a whole number from 1, or None. Received: max_length={max_length!r}"
            )
        if truncation not in TRUNCATIONS:
            raise ValueError(
                f"Expected one of {', '.join(TRUNCATIONS)}. Received: truncation={truncation!r}"
            )
        self.tokens = tokens
        self.max_length = None if max_length is None else int(max_length)
        self.truncation = truncation
        self.strip_html = strip_html
        self.lowercase = lowercase
        self.built = True  # there is nothing to build, inside of `tokens` neither

    @classmethod
    def fit(cls, texts, kind="words", vocabulary_size=10_000, **kwargs):
        """The layer for a vocabulary learned from texts.

        Args:
            texts: As for `encode`.
            kind: `"words"`, `"characters"`, `"bpe"`, `"wordpiece"` or `"unigram"`. Words and
                characters are the most frequent ones, and all others share one id more. Defaults
                to `"words"`.
            vocabulary_size: Number of ids at most, all of them counted. Defaults to 10,000.
            **kwargs: Further arguments of the layer.

        Returns:
            The layer.

        Raises:
            ValueError: If the texts have no token, the kind is unknown, or `vocabulary_size` is
                too small for it.
        """
        if kind not in KINDS:
            raise ValueError(f"Expected a kind out of {', '.join(KINDS)}. Received: kind={kind!r}")
        # What a text is cleaned of does not depend on the tokens.
        cleaner = cls(CharacterTokens(" "), **kwargs)
        cleaned = [cleaner.clean(text) for text in as_texts(texts)]
        if not any(cleaned):
            raise ValueError("Expected texts with characters. Received: none")
        if kind in ("words", "characters"):
            tokens = _most_frequent(cleaned, kind, vocabulary_size - FIRST)
        else:
            tokens = SubwordTokens.fit(cleaned, kind, vocabulary_size - FIRST)
        return cls(tokens, **kwargs)

    @property
    def vocabulary_size(self):
        """Number of ids, padding and the empty text included."""
        return self.tokens.vocabulary_size + FIRST

    def new_inputs(self):
        """A new symbolic input for ids, `(batch, time)` int32."""
        return keras.Input((None,), dtype="int32", name="ids")

    def encode(self, texts):
        """The ids of texts, as one array.

        Args:
            texts: A string, a list of strings, an array of them (NumPy, pandas), or a tensor of
                strings (TensorFlow). Bytes are read as UTF-8.

        Returns:
            int32 array `(texts, longest)`, padded with 0 at the end.

        Raises:
            ValueError: If there is something else among the texts, such as None; the message names
                its row, from 0.
        """
        return padded(self.encode_list(texts))

    def encode_list(self, texts):
        """The ids of each text.

        Args:
            texts: As for `encode`.

        Returns:
            A list of int32 arrays `(ids,)`, one a text, of at least one id each.

        Raises:
            ValueError: See `encode`.
        """
        return [self._encode(text) for text in as_texts(texts)]

    def decode(self, ids):
        """The text that ids stand for; those of padding and of empty texts are left out.

        Args:
            ids: One-dimensional array or list of ids.

        Returns:
            A string.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        ids = check_ids(ids, self.vocabulary_size)
        return self.tokens.decode(ids[ids >= FIRST] - FIRST)

    def pieces(self, ids):
        """What each id stands for.

        Args:
            ids: One-dimensional array or list of ids.

        Returns:
            A list of strings, empty ones for padding and for an empty text.

        Raises:
            ValueError: If an id is not in the vocabulary.
        """
        return [self.decode([index]) for index in check_ids(ids, self.vocabulary_size)]

    def clean(self, text):
        r"""A text as the tokens see it.

        Args:
            text: A string.

        Returns:
            A string: without HTML, in lower case, each as the layer's arguments say; half of a
            surrogate pair, which no encoding has, becomes `"\ufffd"`.
        """
        if self.strip_html:
            text = without_html(text)
        if not text.isascii():
            text = _SURROGATE.sub("\ufffd", text)
        return text.lower() if self.lowercase else text

    def call(self, inputs):
        """Passes ids on."""
        return inputs

    def compute_output_shape(self, input_shape):
        """The shape of the inputs."""
        return input_shape

    def get_config(self):
        """Arguments to rebuild the layer."""
        return {
            **super().get_config(),
            "tokens": keras.saving.serialize_keras_object(self.tokens),
            "max_length": self.max_length,
            "truncation": self.truncation,
            "strip_html": self.strip_html,
            "lowercase": self.lowercase,
        }

    @classmethod
    def from_config(cls, config):
        """The layer with a configuration that `get_config` returned."""
        tokens = keras.saving.deserialize_keras_object(config["tokens"])
        return cls(**{**config, "tokens": tokens})

    def _encode(self, text):
        ids = self._kept(self.clean(text)) + np.int32(FIRST)
        return ids if len(ids) else np.array([EMPTY], "int32")

    def _kept(self, text):
        """Ids of the tokens that truncation keeps, of a long text without encoding all of it."""
        if self.max_length is None:
            return self.tokens.encode(text)
        tail = {"head": 0, "tail": self.max_length, "both": self.max_length // 2}[self.truncation]
        head = self.max_length - tail
        size = _CHARACTERS_A_TOKEN * self.max_length
        while isinstance(self.tokens, _WITH_BOUNDARIES) and 2 * size < len(text):
            first, last = self._ends(text, size, head, tail)
            if len(first) >= head and len(last) >= tail:
                return np.concatenate([first[:head], last[len(last) - tail :]])
            size *= 4
        ids = self.tokens.encode(text)
        if len(ids) <= self.max_length:
            return ids
        return np.concatenate([ids[:head], ids[len(ids) - tail :]])

    def _ends(self, text, size, head, tail):
        """Ids of about `size` characters at either end, none of one that is not wanted."""
        middle = len(text) // 2
        before = _BOUNDARY.search(text, size, middle) if head else None
        after = _BOUNDARY.search(text, max(middle, len(text) - size)) if tail else None
        first = text[: before.start()] if before else ""
        last = text[after.start() :] if after else ""
        return self.tokens.encode(first), self.tokens.encode(last)


def _most_frequent(texts, kind, size):
    """Tokens of all but one of `size` ids; the last one is that of unknown ones."""
    if size < 2:
        raise ValueError(
            f"Expected room for one of the {kind} beside three special ids. "
            f"Received: vocabulary_size={size + FIRST}"
        )
    counts = Counter()
    for text in texts:  # one at a time: the list of all words may not fit into memory
        counts.update(split_words(text) if kind == "words" else text)
    if not counts:
        raise ValueError(f"Expected texts with {kind}. Received: none")
    ordered = sorted(counts, key=lambda token: (-counts[token], token))[: size - 1]
    return WordTokens(ordered) if kind == "words" else CharacterTokens(ordered, unknown=True)
