"""Texts as ids, and ids as texts, in TensorFlow's graph.

What `zoo.layers.TextTokenizer` does on the host, from the same description that `reader.py` reads.
"""

import json
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from zoo.layers.raw_texts import ALONE

_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " ", "&amp;": "&"}
_HTML = (r"(?s)<!-->|<!--->|<!--.*?-->", r"</?[A-Za-z][^<>]*>|<[!?][^<>]*>")
#: What makes words, in lower case, stand between spaces.
_SPACED = {ALONE.pattern.encode().decode("unicode_escape"): r" \0 ", "['\u2019]": ""}
_SPACED |= {r"[\p{P}\p{S}]": r" \0 ", r"[\s\p{Z}\x{1c}-\x{1f}\x{85}]+": " "}
#: How `ByteLevel` of the tokenizers library cuts texts, by a byte that UTF-8 does not have: before
#: the last of several spaces in front of a word, and behind each word, of 100 bytes at most.
_SPACE, _LONGEST = r"\s\x{0b}\x{85}\p{Z}", 100
_WORDS = rf"'(?:[stmd]|re|ve|ll)| ?\p{{L}}+| ?\p{{N}}+| ?[^{_SPACE}\p{{L}}\p{{N}}]+|[{_SPACE}]+"
_CUTS = {rf"([{_SPACE}])([{_SPACE}][^{_SPACE}])": b"\\1\xff\\2", f"({_WORDS})": b"\\1\xff"}

#: The letter that stands for each byte in a piece of a word.
_LETTERS = [*range(33, 127), *range(161, 173), *range(174, 256)]
_OTHERS = [byte for byte in range(256) if byte not in _LETTERS]
_SYMBOLS = {chr(b): b for b in _LETTERS} | {chr(256 + n): b for n, b in enumerate(_OTHERS)}


def reads(text) -> bool:
    """Whether the graph can make ids of a text: of sub-words, where they are our byte pairs."""
    if text["kind"] != "subwords":
        return True
    found = _subwords(text["vocabulary"])
    cuts = [each["type"] for each in (found["pre_tokenizer"] or {}).get("pretokenizers", ())]
    return (found["model"]["type"], cuts) == ("BPE", ["ByteLevel", "FixedLength"])


def codes(tables, keys, default):
    """A function that looks up at which place strings or numbers stand, as int32."""
    keys = np.asarray(keys, object if isinstance(keys[0], str | bytes) else np.int64)
    pairs = tf.lookup.KeyValueTensorInitializer(keys, tf.range(len(keys), dtype=tf.int64))
    tables.append(tf.lookup.StaticHashTable(pairs, default))
    kind, find = tables[-1].key_dtype, tables[-1].lookup
    return lambda found: tf.cast(find(tf.cast(found, kind)), tf.int32)


def lookup(tables, **spec):
    """A function from texts to padded ids."""
    spec = SimpleNamespace(**spec)
    ids_of = (_byte_pairs if spec.kind == "subwords" else _tokens)(tables, spec)
    limit = spec.max_length
    tail = {"head": 0, "tail": limit, "both": (limit or 0) // 2}[spec.truncation]

    def encode(texts):
        for pattern in _HTML if spec.strip_html else ():
            texts = tf.strings.regex_replace(texts, pattern, " ")
        for entity, character in _ENTITIES.items() if spec.strip_html else ():
            texts = tf.strings.regex_replace(texts, entity, character)
        if spec.lowercase or spec.kind == "words":
            texts = tf.strings.lower(texts, "utf-8")
        ids = ids_of(texts)
        message = "The model does not know a character: leave it out."
        with tf.control_dependencies([tf.debugging.assert_non_negative(ids.flat_values, message)]):
            ids = ids.with_flat_values(ids.flat_values + len(spec.special))
        if limit is not None:
            head, rest = ids[:, : limit - tail], ids[:, limit - tail :]
            ids = tf.concat([head, rest[:, -tail:]], axis=1) if tail else head
        one = tf.ones_like(texts, tf.int32)[:, None]
        if spec.add_ends:
            ids = tf.concat([ids, one * spec.special.index("end")], axis=1)[:, :limit]
            ids = tf.concat([one * spec.special.index("start"), ids], axis=1)
        lengths, ids = ids.row_lengths(), ids.to_tensor(0)
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(0, 1 - tf.shape(ids)[1])]])
        if "empty" in spec.special:
            first = tf.where(lengths == 0, spec.special.index("empty"), ids[:, 0])
            ids = tf.concat([first[:, None], ids[:, 1:]], axis=1)
        return ids

    return encode


def _tokens(tables, spec):
    words = spec.kind == "words"
    keys = spec.vocabulary if words else [*map(ord, spec.vocabulary)]
    ids_of = codes(tables, keys, len(keys) if spec.unknown else -1)
    marks = {} if words and spec.punctuation else {r"[\p{P}\p{S}]": ""}

    def encode(texts):
        for pattern, rewrite in {**_SPACED, **marks}.items() if words else ():
            texts = tf.strings.regex_replace(texts, pattern, rewrite)
        tokens = tf.strings.split(texts) if words else tf.strings.unicode_decode(texts, "UTF-8")
        return tokens.with_flat_values(ids_of(tokens.flat_values))

    return encode


def _byte_pairs(tables, spec):
    """Merges the neighbours in a word whose pair stands first in the list, again and again."""
    model = _subwords(spec.vocabulary)["model"]
    ids, count, last = model["vocab"], len(model["vocab"]), len(model["merges"])
    pairs = [(ids[a] * count + ids[b], ids[a + b]) for a, b in model["merges"]] or [(-2, 0)]
    rank_of = codes(tables, [pair for pair, _ in pairs], last)
    merged = tf.constant([both for _, both in pairs])
    byte_of = codes(tables, [bytes([each]) for each in _SYMBOLS.values()], -1)
    singles = tf.constant([ids[symbol] for symbol in _SYMBOLS])

    def ranks(ids, word):
        pairs = tf.cast(ids[:-1], tf.int64) * count + tf.cast(ids[1:], tf.int64)
        return rank_of(tf.where(word[:-1] == word[1:], pairs, -1))

    def merge(ids, word):
        found = ranks(ids, word)
        at = tf.argmin(found)
        ids = tf.concat([ids[:at], merged[found[at]][None], ids[at + 2 :]], axis=0)
        return ids, tf.concat([word[:at], word[at + 1 :]], axis=0)

    def encode(text):
        for pattern, rewrite in _CUTS.items():
            text = tf.strings.regex_replace(text, pattern, rewrite)
        parts = tf.strings.bytes_split(tf.strings.split(text, b"\xff"))
        word = parts.value_rowids()
        place = tf.range(tf.size(word, tf.int64)) - tf.gather(parts.row_starts(), word)
        start = [tf.gather(singles, byte_of(parts.flat_values)), word * 2**32 + place // _LONGEST]
        left = lambda *now: tf.reduce_min(ranks(*now)) < last  # noqa: E731
        return tf.while_loop(left, merge, start, [tf.TensorShape([None])] * 2)[0]

    row = tf.RaggedTensorSpec([None], tf.int32, ragged_rank=0)
    return lambda texts: tf.map_fn(encode, texts, fn_output_signature=row)


def decoder(kind, vocabulary, special, **_):
    """A function from ids, along the last axis, to texts."""
    if kind == "subwords":
        known = _subwords(vocabulary)["model"]["vocab"]
        pieces = [bytes(map(_SYMBOLS.get, piece)) for piece in sorted(known, key=known.get)]
    else:
        pieces = [" " * (kind == "words") + piece for piece in [*vocabulary, "\ufffd"]]
    pieces = tf.constant([""] * len(special) + pieces)

    def decode(ids):
        text = tf.strings.reduce_join(tf.gather(pieces, ids), axis=-1)
        text = tf.strings.regex_replace(text, "^ ", "") if kind == "words" else text
        return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")

    return decode


def _subwords(vocabulary):
    from tokenizers import Tokenizer

    return json.loads(Tokenizer.from_str(vocabulary).to_str())  # in the form of today
