"""From text to ids and back: whole words."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from zoo.layers.raw_texts import split_words as split
from zoo.layers.tokenizer import UNKNOWN, Tokenizer, check_ids, check_text


class WordTokenizer(Tokenizer):
    r"""The first layer of a saved model that reads words: it knows which word each id stands for.

    Words are in lower case, without punctuation and symbols, and what lies between spaces: "Don't!"
    is the word "dont". In scripts without spaces, such as Chinese, each letter is a word. All words
    that are not in the vocabulary share one id, the last, which decodes to `"\ufffd"`.

    Args:
        words: List of different words, as texts are cut into; the position of each is its id.
        punctuation: Whether punctuation and symbols, but for apostrophes, are words, too: "Don't!"
            are "dont" and "!". Defaults to False.

    >>> layer = WordTokenizer.fit("I like apples. Do you like pears?", vocabulary_size=4)
    >>> layer.words
    ['like', 'apples', 'do']
    >>> layer.encode("Do you LIKE it?")
    array([2, 3, 0, 3], dtype=int32)
    >>> layer.decode([2, 0])
    'do like'

    Reference: Book, chapter 16, 3rd edition cells 91 to 93 (`TextVectorization`, which lowers and
    strips ASCII characters only).
    """

    def __init__(self, words: Sequence[str], punctuation: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.words, self.punctuation = list(words), punctuation
        self._ids = {word: index for index, word in enumerate(self.words)}
        if len(self._ids) < len(self.words):
            raise ValueError(f"Expected each word once. Received: words={self.words[:10]}, ...")
        for word in self.words:
            if "".join(split(word, punctuation)) != word:  # saved models may have words of Chinese
                raise ValueError(
                    "Expected words in lower case, without spaces and punctuation. "
                    f"Received: {word!r}"
                )

    @classmethod
    def fit(cls, text: str, vocabulary_size: int = 1000, **kwargs) -> "WordTokenizer":
        """The layer for the most frequent words of a text.

        Args:
            text: A string.
            vocabulary_size: Number of ids at most, 2 or more, with that of unknown words. Of words
                that are equally frequent, the first in the alphabet come first. Defaults to 1000.
            **kwargs: `punctuation`, and arguments of `keras.layers.Layer`.
        """
        check_text(text)
        if vocabulary_size < 2:
            raise ValueError(
                "Expected room for a word beside the unknown ones. "
                f"Received: vocabulary_size={vocabulary_size}"
            )
        counts = Counter(split(text, kwargs.get("punctuation", False)))
        if not counts:
            raise ValueError("Expected a text with words. Received: one without")
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(ordered[: vocabulary_size - 1], **kwargs)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the unknown one included."""
        return len(self.words) + 1

    @property
    def unknown_id(self) -> int | None:
        """The last id, which all words share that are not in the vocabulary."""
        return len(self.words)

    def normalize(self, text: str) -> str:
        """The words of a text, separated by single spaces."""
        check_text(text)
        return " ".join(split(text, self.punctuation))

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text's words, int32 `(words,)`."""
        check_text(text)
        words = split(text, self.punctuation)
        return np.array([self._ids.get(word, self.unknown_id) for word in words], "int32")

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The words that ids stand for, separated by spaces. See `Tokenizer`."""
        words = [*self.words, UNKNOWN]
        return " ".join(words[index] for index in check_ids(ids, self.vocabulary_size))
