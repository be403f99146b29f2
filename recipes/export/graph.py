"""Columns and texts as a model's inputs, in TensorFlow's graph: for a SavedModel that takes both.

What `zoo.layers.TableColumns` and `zoo.layers.TextTokenizer` do on the host, from the same
description that `reader.py` reads.
"""

import keyword
import re
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

#: An ISO date in full, and what those that lack the end are given.
_DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"
_MORE = ((r"^(\d{4}-\d\d-\d\d)$", r"\1 00:00:00"), (r"^(.{10})T", r"\1 "))
_MORE += ((r"^(.{10} \d\d:\d\d)$", r"\1:00"),)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " ", "&amp;": "&"}
_HTML = (r"(?s)<!-->|<!--->|<!--.*?-->", r"</?[A-Za-z][^<>]*>|<[!?][^<>]*>")


def encoder(spec):
    """Signature of, and function from, raw inputs by name to the model's arrays; and its tables.

    `None` where the graph cannot what `preprocessing.json` says: an input is no text and no table,
    or a text of sub-words, or there are two texts, one of them what is written.
    """
    tables: list = []
    if spec["table"]:
        return *_table(tables, **spec["table"]), tables
    texts = spec["texts"]
    kinds = {text["kind"] for text in texts.values()}
    if texts.keys() != spec["inputs"].keys() or len(texts) > 1 or "subwords" in kinds:
        return None
    signature = {name: tf.TensorSpec([None], tf.string, name) for name in texts}
    lookups = {name: _lookup(tables, **text) for name, text in texts.items()}
    return signature, lambda raw: {name: lookups[name](raw[name]) for name in texts}, tables


def endpoint(one, example, found):
    """A function of all rows from that of one, and its signature; ids may be any number."""
    sizes = {n: [None] * 2 if x.ndim == 2 else [None, *x.shape[1:]] for n, x in example.items()}
    signature = {n: tf.TensorSpec(sizes[n], x.dtype, n) for n, x in example.items()}
    return lambda rows: tf.map_fn(one, rows, fn_output_signature=found.dtype), [signature]


def plain_names(names) -> dict[str, str]:
    """What columns are called in a signature, whose names TensorFlow wants plain and distinct.

    >>> plain_names(["x", "class", "Total sum", "sum", "SUM"])
    {'x': 'x', 'class': 'column_2', 'Total sum': 'column_3', 'sum': 'sum', 'SUM': 'column_5'}
    """
    plain: dict[str, str] = {}
    for place, name in enumerate(names, start=1):
        fits = re.fullmatch(r"(?!(?i:self|column_\d+)$)[A-Za-z]\w*", name, re.ASCII)
        taken = keyword.iskeyword(name) or name.lower() in map(str.lower, plain.values())
        plain[name] = name if fits and not taken else f"column_{place}"
    return plain


def _table(tables, numeric, categories, dates):
    kinds = dict.fromkeys(numeric, tf.float32) | dict.fromkeys((*dates, *categories), tf.string)
    names = plain_names(kinds)
    signature = {name: tf.TensorSpec([None], kinds[name], names[name]) for name in kinds}
    codes = {name: _codes(tables, ["\0", *categories[name]], 0) for name in categories}

    def encode(columns):
        numbers = [columns[name] for name in numeric]
        numbers = [tf.where(tf.math.is_finite(part), part, np.nan) for part in numbers]
        for name, (newest, parts) in dates.items():
            found = _date_parts(columns[name], newest)
            numbers += [tf.cast(found[part], tf.float32) for part in parts]
        arrays = {"numeric": tf.stack(numbers, axis=1)} if numbers else {}
        if codes:
            found = [codes[name](columns[name]) for name in categories]
            arrays["categories"] = tf.stack(found, axis=1)
        return arrays

    return signature, encode


def _codes(tables, keys, default):
    """A function that looks up at which place strings or numbers stand, as int32."""
    places = tf.range(len(keys), dtype=tf.int64)
    keys = np.asarray(keys, object if isinstance(keys[0], str) else np.int64)
    pairs = tf.lookup.KeyValueTensorInitializer(keys, places)
    tables.append(tf.lookup.StaticHashTable(pairs, default))
    return lambda found, table=tables[-1]: tf.cast(table.lookup(found), tf.int32)


def _date_parts(texts, newest):
    """As `zoo.layers.dates.date_parts`, of ISO 8601; what is no such date is missing."""
    texts = tf.strings.strip(texts)
    for pattern, rewrite in _MORE:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    known = tf.strings.regex_full_match(texts, _DATE)
    texts = tf.where(known, texts, "1970-01-01 00:00:00")

    def number(first, length):
        return tf.strings.to_number(tf.strings.substr(texts, first, length), tf.float64)

    year, month, day = number(0, 4), number(5, 2), number(8, 2)
    hour = number(11, 2) + number(14, 2) / 60 + number(17, 9) / 3600
    # Days since 1970, of years that begin in March: leap days are the last ones.
    moved = year - tf.cast(month <= 2, tf.float64)
    months = (month + 9) % 12
    days = 365 * moved + moved // 4 - moved // 100 + moved // 400
    days += (153 * months + 2) // 5 + day - 1 - 719468
    last = (np.datetime64(newest, "us") - np.datetime64(0, "us")) / np.timedelta64(1, "D")
    found = {"year": year, "month": month, "day": day, "weekday": (days + 3) % 7, "hour": hour}
    found["age"] = last - days - hour / 24
    return {name: tf.where(known, part, np.nan) for name, part in found.items()}


def _lookup(tables, **spec):
    """A function from texts to padded ids."""
    spec = SimpleNamespace(**spec)
    words = spec.kind == "words"
    keys = spec.vocabulary if words else [ord(character) for character in spec.vocabulary]
    ids_of = _codes(tables, keys, len(keys) if spec.unknown else -1)
    limit = spec.max_length
    tail = {"head": 0, "tail": limit, "both": (limit or 0) // 2}[spec.truncation]

    def encode(texts):
        for pattern in _HTML if spec.strip_html else ():
            texts = tf.strings.regex_replace(texts, pattern, " ")
        for entity, character in _ENTITIES.items() if spec.strip_html else ():
            texts = tf.strings.regex_replace(texts, entity, character)
        if spec.lowercase or words:
            texts = tf.strings.lower(texts, "utf-8")
        if words:
            texts = tf.strings.regex_replace(texts, r"[\p{P}\p{S}]", "")
            texts = tf.strings.regex_replace(texts, r"[\s\p{Z}\x{1c}-\x{1f}\x{85}]+", " ")
            tokens = tf.strings.split(texts)
        else:
            tokens = tf.cast(tf.strings.unicode_decode(texts, "UTF-8"), tf.int64)
        ids = tokens.with_flat_values(ids_of(tokens.flat_values))
        message = "The model does not know a character: leave it out."
        check = tf.debugging.assert_non_negative(ids.flat_values, message)
        with tf.control_dependencies([check]):
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
