"""Texts as people have them: in lists, arrays and tensors, of all lengths, with HTML in them."""

import html
import re
import unicodedata

import numpy as np

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[!?][^<>]*>")
# Scripts without spaces between words: Thai, Lao, Tibetan, Burmese; Khmer; kana; Chinese.
ALONE = re.compile(
    r"[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]"
)


def as_texts(texts):
    """Texts in any of the usual forms as a list of strings; a `ValueError` if they are none."""
    if isinstance(texts, str | bytes):
        texts = [texts]
    elif hasattr(texts, "numpy"):  # a tensor
        texts = np.atleast_1d(texts.numpy())
    elif not isinstance(texts, list | tuple):
        texts = np.atleast_1d(np.asarray(texts, object))
    if getattr(texts, "ndim", 1) != 1:
        raise ValueError(f"Expected texts in one dimension. Received: shape {texts.shape}")
    return [_as_text(text, row) for row, text in enumerate(texts)]


def padded(rows, length=None):
    """Arrays of ids as one, int32 `(rows, length)`, padded with 0 to a length or to the longest."""
    result = np.zeros((len(rows), length or max([1, *map(len, rows)])), "int32")
    for row, ids in zip(result, rows, strict=True):
        row[: len(ids)] = ids
    return result


def rounded_lengths(lengths):
    """Lengths rounded up to ones of which there are few, by a quarter at most (and to 8 at least).

    Batches that are padded to these come in few shapes, each of which a backend may compile.

    >>> rounded_lengths([1, 9, 31, 33, 1000]).tolist()
    [8, 10, 32, 40, 1024]
    """
    lengths = np.maximum(np.asarray(lengths, "int64"), 8)
    steps = 2 ** np.maximum(np.ceil(np.log2(lengths)).astype("int64") - 3, 0)
    return -(-lengths // steps) * steps


def _as_text(text, row):
    if isinstance(text, bytes):
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"Expected a text in UTF-8 in row {row}. {error}") from None
    if not isinstance(text, str):
        raise ValueError(
            f"Expected a text of type str in row {row}. "
            f"Received: {text!r} of type {type(text).__name__}"
        )
    return text


def without_html(text):
    """A text with spaces for tags, without comments, and with characters for entities."""
    if "<" in text:
        parts, start = [], 0
        while (begin := text.find("<!--", start)) >= 0:
            end = text.find("-->", begin + 2)
            if end < 0:
                break
            parts.append(text[start:begin])
            start = end + 3
        text = _TAG.sub(" ", " ".join([*parts, text[start:]]))
    return html.unescape(text) if "&" in text else text


def split_words(text, punctuation=False):
    """The words of a text, in lower case; punctuation is left out, or words as well. See `spaced`.

    >>> split_words("¿Qué tal, Don't-worry?")
    ['qué', 'tal', 'dontworry']
    >>> split_words("Don't-worry?", punctuation=True)
    ['dont', '-', 'worry', '?']
    """
    return spaced(text.lower()).translate(_APART if punctuation else _KEPT).split()


def spaced(text):
    """A text in which each letter of a script without spaces, such as Chinese, is a word.

    >>> spaced("我喜欢 tea").split()
    ['我', '喜', '欢', 'tea']
    """
    return text if text.isascii() else ALONE.sub(r" \g<0> ", text)


class _Kept(dict):
    """For `str.translate`: takes out punctuation and symbols."""

    form = ""

    def __missing__(self, code):
        mark = unicodedata.category(chr(code))[0] in "PS"
        self[code] = self.form.format(chr(code)) if mark else code
        return self[code]


class _Apart(_Kept):
    form = " {} "


_KEPT, _APART = _Kept(), _Apart.fromkeys(map(ord, "'\u2019"))
