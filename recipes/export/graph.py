"""Columns and texts as a model's inputs, in TensorFlow's graph: for a SavedModel that takes both.

What `zoo.layers.TableColumns` does on the host, from the description that `reader.py` reads.
"""

import keyword
import re

import numpy as np
import tensorflow as tf

from recipes.export import texts

#: An ISO date in full, and what those that lack the end are given.
_DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"
_MORE = ((r"^(\d{4}-\d\d-\d\d)$", r"\1 00:00:00"), (r"^(.{10})T", r"\1 "))
_MORE += ((r"^(.{10} \d\d:\d\d)$", r"\1:00"),)


def encoder(spec):
    """Signature of, and function from, raw inputs by name to the model's arrays; and its tables.

    `None` where the graph cannot what `preprocessing.json` says: an input is no text and no table,
    or a text that `texts.reads` not, or there are two texts, one of them what is written.
    """
    tables: list = []
    if spec["table"]:
        return *_table(tables, **spec["table"]), tables
    (name, text), *more = spec["texts"].items() or [("", None)]
    if more or [name] != [*spec["inputs"]] or not texts.reads(text):
        return None
    lookup = texts.lookup(tables, **text)
    signature = {name: tf.TensorSpec([None], tf.string, name)}
    return signature, lambda raw: {name: lookup(raw[name])}, tables


def endpoint(one, example, found):
    """A function of all rows from that of one, and its signature; ids may be any number."""
    sizes = {n: [None] * 2 if x.ndim == 2 else [None, *x.shape[1:]] for n, x in example.items()}
    signature = {n: tf.TensorSpec(sizes[n], x.dtype, n) for n, x in example.items()}
    return lambda rows: tf.map_fn(one, rows, fn_output_signature=found.dtype), [signature]


def of_texts(tables, spec, one, example):
    """The same of `texts` in the place of ids, to texts; `None` where the graph reads no such."""
    if not spec or not texts.reads(next(iter(spec.values()))):
        return None
    (name, first), *_, last = *spec.items(), [*spec.values()][-1]
    encode, decode = texts.lookup(tables, **first), texts.decoder(**last)

    def row(given):
        return decode(one({**given, name: encode(given["texts"][None])[0]}))

    example = {n: x for n, x in example.items() if n != name} | {"texts": np.array([""])}
    return endpoint(row, example, example["texts"])


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
    codes = {name: texts.codes(tables, ["\0", *categories[name]], 0) for name in categories}

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
