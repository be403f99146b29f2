"""From text to ids and back: sub-words."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.checks import check_choice, check_counts
from zoo.layers.tokenizer import Tokenizer, check_ids, check_text

# Starts the tokens that continue a word in WordPiece; not one of the 256 symbols that stand for
# bytes, so that no text can look like it.
_PREFIX = "\u2581"
_LONGEST_WORD = 100  # WordPiece takes time quadratic in it
# A text in which each byte of UTF-8 occurs.
_CODES = (*range(192), *range(192, 2048, 64), 2048, *range(4096, 55296, 4096), 57344, 61440, 65536)
_BYTES = "".join(map(chr, (*_CODES, *range(1 << 18, 1 << 20 | 1, 1 << 18))))


class SubwordTokenizer(Tokenizer):
    """The first layer of a saved language model: it knows which part of a word each id stands for.

    The ids are those of the bytes of the text: nothing is unknown, and `decode(encode(text))` is
    the text, whatever it holds.

    Args:
        model_json: A tokenizer in the JSON of the `tokenizers` library. `fit` makes one.
        lowercase: Whether `encode` turns text into lower case first. Defaults to False.

    Raises:
        ValueError: If the library cannot read the JSON, or there are texts without ids.

    >>> layer = SubwordTokenizer.fit("low lower lowest " * 9, kind="bpe", vocabulary_size=260)
    >>> ids = layer.encode("slow")
    >>> [layer.decode([id]) for id in ids]
    ['s', 'low']
    >>> layer.decode(layer.encode("naïve \U0001f642"))
    'naïve \U0001f642'

    Reference: Book, chapter 16; Sennrich et al., *Neural machine translation of rare words with
    subword units*, 2016 (byte-pair encoding); Kudo, *Subword regularization*, 2018 (unigram).
    """

    def __init__(self, model_json: str, lowercase: bool = False, **kwargs):
        super().__init__(**kwargs)
        import tokenizers  # `import zoo` stays light

        self.model_json = model_json
        self.lowercase = lowercase
        try:
            model = json.loads(model_json)["model"]
            if "merges" in model and model.get("continuing_subword_prefix"):
                raise ValueError("Byte pairs have a prefix")  # cut off by bytes, which may abort
            self._tokenizer = tokenizers.Tokenizer.from_str(model_json)
            self._tokenizer.encode(" ".join(_BYTES) + _BYTES)  # where some of them fail
            if max(self._tokenizer.get_vocab().values(), default=0) >= self.vocabulary_size:
                raise ValueError("Its ids have gaps")
            _check_pieces(self._tokenizer)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic in Rust is no Exception
            raise ValueError(
                f"Expected a tokenizer in the JSON of the tokenizers library. {error}. "
                f"Received: model_json={str(model_json)[:50]!r}"
            ) from None

    @classmethod
    def fit(
        cls,
        text: str | list[str],
        kind: str = "bpe",
        vocabulary_size: int = 1000,
        lowercase: bool = False,
        **kwargs,
    ) -> "SubwordTokenizer":
        """The layer for a vocabulary learned from a text; the same text gives the same one.

        Args:
            text: A string, or a list of them.
            kind: `"bpe"` (byte-pair encoding), `"wordpiece"` or `"unigram"`. Defaults to `"bpe"`.
            vocabulary_size: Number of ids, at most: a short text may have fewer. Defaults to 1000.
            lowercase: As for the layer.
            **kwargs: Arguments of `keras.layers.Layer`.

        Raises:
            ValueError: If the text is empty or no string, the kind is unknown, or the vocabulary
                is smaller than its bytes: 256, for WordPiece 512 (at the start of a word and
                inside of it).
        """
        from tokenizers import pre_tokenizers

        texts = text if isinstance(text, list) else [text]
        for each in texts:
            check_text(each)
        if not any(texts):
            raise ValueError("Expected a text with characters. Received: an empty one")
        kinds = {"bpe": _byte_pairs, "wordpiece": _word_pieces, "unigram": _unigrams}
        check_choice(kinds, kind=kind)
        least = 512 if kind == "wordpiece" else 256
        check_counts(vocabulary_size=vocabulary_size)
        if vocabulary_size < least:
            raise ValueError(
                f"{kind} needs a vocabulary_size of at least {least}. "
                f"Received: vocabulary_size={vocabulary_size}"
            )
        texts = [_encodable(each.lower() if lowercase else each) for each in texts]
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())  # one symbol a byte
        how = {"vocab_size": vocabulary_size, "initial_alphabet": alphabet}
        tokenizer = kinds[kind](texts, {**how, "show_progress": False})
        return cls(tokenizer.to_str(), lowercase=lowercase, **kwargs)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids."""
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, int32 `(ids,)`.

        Raises:
            ValueError: If the text cannot be encoded: it holds lone surrogates.
        """
        text = _encodable(self.normalize(text))
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, "int32")

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        r"""The text that ids stand for: the inverse of `encode`. See `Tokenizer`.

        An id may stand for a part of a character. Bytes that make no character, as when the ids
        are cut off inside of one, become `"\ufffd"`.
        """
        ids = check_ids(ids, self.vocabulary_size)
        return self._tokenizer.decode(ids.tolist(), skip_special_tokens=False)


def _byte_pairs(texts, how):
    from tokenizers import models, trainers

    return _trained(models.BPE(), trainers.BpeTrainer(**how), texts)


def _word_pieces(texts, how):
    from tokenizers import models, trainers

    # As special tokens, every byte gets its id inside of a word beforehand, whatever the text and
    # in an order of ours: the library would go by that of a hash table.
    inside = [_PREFIX + symbol for symbol in how["initial_alphabet"]]
    prefix: dict[str, Any] = {"continuing_subword_prefix": _PREFIX}
    trainer = trainers.WordPieceTrainer(special_tokens=inside, **prefix, **how)
    known = _trained(models.WordPiece(**prefix), trainer, texts).get_vocab()
    # Special tokens would also be found in the text, before any other: a new model has none.
    return _with_bytes(models.WordPiece(known, max_input_chars_per_word=_LONGEST_WORD, **prefix))


def _check_pieces(tokenizer):
    """Fails where WordPiece would fail with some text: it has no id for a byte, nor an unknown."""
    from tokenizers import models, pre_tokenizers

    pieces, known = tokenizer.model, tokenizer.get_vocab(with_added_tokens=False)
    if isinstance(pieces, models.WordPiece) and pieces.unk_token not in known:
        words = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(_BYTES)
        for symbol in {symbol for word, _ in words for symbol in word}:
            if not {symbol, pieces.continuing_subword_prefix + symbol} <= {*known}:
                raise ValueError("Its pieces lack bytes, and it has no id for the unknown")
        tokenizer.encode("a" * 9999)  # where words are too long


def _unigrams(texts, how):
    from tokenizers import models, trainers

    trained = _trained(models.Unigram(), trainers.UnigramTrainer(**how), texts)
    trained = json.loads(trained.to_str())
    scores = dict(trained["model"]["vocab"])
    # The library adds in the order of a hash table: the last digits differ from run to run, and so
    # do the scores of bytes without one of their own, which are the least one plus up to 255e-4.
    least = min(scores.values())
    bare = {piece for piece in scores if len(piece) == 1 and scores[piece] < least + 0.0256}
    pieces = [(p, round(least if p in bare else score, 4)) for p, score in scores.items()]
    pieces.sort(key=lambda item: (-item[1], item[0]))
    return _with_bytes(models.Unigram(pieces, unk_id=None, byte_fallback=False))


def _trained(model, trainer, texts):
    tokenizer = _with_bytes(model)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _with_bytes(model):
    """A tokenizer that splits text into words and those into bytes, and undoes it."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers

    tokenizer = Tokenizer(model)
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    short = pre_tokenizers.FixedLength(_LONGEST_WORD)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, short])
    tokenizer.decoder = decoders.Sequence([decoders.Replace(_PREFIX, ""), decoders.ByteLevel()])
    return tokenizer


def _encodable(text):
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"Expected a text that UTF-8 can encode. {error}") from None
    return text
