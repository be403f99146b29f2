"""Reads the pairs that the flags of a run name, splits them and turns them into ids."""

import itertools

import numpy as np

import zoo
from recipes.data.larger import store
from recipes.errors import UserError, some
from recipes.translation.data.date_pairs import date_pairs
from recipes.translation.data.pair_batches import laid_out
from recipes.translation.data.pairs import open_pairs, pairs_of, spa_eng
from recipes.translation.task import TranslationTask
from zoo.layers.raw_texts import padded
from zoo.layers.raw_texts import split_words as words

#: Dates to train on, of validation and of test, as in the book.
DATES = (10_000, 2_000, 2_000)
#: Pairs of the third edition's training part.
BOOK_TRAIN = 100_000
#: One share in so many is the most that validation, and the test part, may be each.
MOST_HELD_OUT = 10
#: Vocabulary sizes where no flag gives one: of words; and the least and largest of sub-words, of
#: which there is one for so many characters: one that is hardly ever read is never learned.
WORDS, FEWEST, MOST, CHARACTERS = 1000, 600, 8000, 100


def load(config) -> TranslationTask:
    """The pairs of a run, split and turned into ids, as a `TranslationTask`."""
    pairs, decided, larger = read(config)
    parts, notes = split(config, _asked(config, pairs))
    notes = decided + notes
    sides = list(zip(*parts["train"], strict=True))
    others = [pair for name in ("validation", "test") for pair in parts[name]]
    unseen = list(zip(*others, strict=True))
    sizes = config.source_vocabulary_size, config.target_vocabulary_size
    options = {"max_length": config.max_length, "lowercase": config.lowercase}
    tokenizers = []
    for name, texts, rest, size in zip(("source", "target"), sides, unseen, sizes, strict=True):
        fitted, more = fit_tokenizer(config.tokenizer, texts, rest, size, name, **options)
        tokenizers.append(fitted)
        notes += more
    held_out = {key_of(source) for source, _ in others}
    all_ids = _stored(config, *larger, held_out, tokenizers) if larger else ()
    parts, ids, more = _encoded(config, parts, *tokenizers)
    return TranslationTask(config, parts, ids, *tokenizers, notes + more, all_ids)


def read(config):
    """The pairs, notes, and those not in memory; see `open_pairs`."""
    if config.data:
        return open_pairs(config.data, config, config.source, config.target)
    return (date_pairs(sum(DATES)) if config.dataset == "dates" else spa_eng()), (), None


def _asked(config, pairs):
    if config.reverse:
        pairs = [(target, source) for source, target in pairs]
    return [(s.lower(), t.lower()) for s, t in pairs] if config.lowercase else pairs


def _stored(config, rows, columns, held_out, tokenizers):
    """The ids of all pairs to train on, on the disk."""

    def read(file, kept):
        pairs = [p for p in _asked(config, pairs_of(file, columns)) if key_of(p[0]) not in held_out]
        found, fits = _ids(config, pairs, tokenizers) if pairs else ((), ())
        found = [*itertools.compress(found, fits)] if config.longer == "drop" else found
        if not found:
            return {}
        sources, targets = zip(*found, strict=True)
        ids = padded(sources), padded(targets, 1 + config.max_length)
        return dict(enumerate(laid_out(*ids, 8, config.max_length)))

    return tuple(store(rows, [], read).values())


def split(config, pairs):
    """The pairs of each part, and notes; a `UserError` if there are too few."""
    if config.dataset == "dates":
        first, last = DATES[0], DATES[0] + DATES[1]
        return {"train": pairs[:first], "validation": pairs[first:last], "test": pairs[last:]}, ()
    if config.split == "book":
        return book_split(pairs)
    return disjoint_split(pairs, config.held_out)


def book_split(pairs):
    """The third edition's, shuffled as there: 100,000 pairs to train on, the rest for validation.

    Reference: Book, chapter 16, 3rd edition cells 90 and 95.
    """
    shuffled = list(pairs)
    np.random.RandomState(42).shuffle(shuffled)
    validation = shuffled[BOOK_TRAIN:]
    known = {source for source, _ in shuffled[:BOOK_TRAIN]}
    shared = sum(source in known for source, _ in validation) / len(validation)
    test = validation[len(validation) // 2 :]
    return {"train": shuffled[:BOOK_TRAIN], "validation": validation, "test": test}, (
        "the book's split has no test part: what is called test here is the second half of "
        "validation, by which the epoch was chosen",
        f"in the book's split, {shared:.0%} of the validation pairs have a source that training "
        "has, too, with this or another translation",
    )


def disjoint_split(pairs, held_out):
    """Validation and test sources that training does not have, whatever their case and signs.

    So many sources of validation, and of the test part, are held out; a tenth each at most. Returns
    the parts, and notes. A `UserError` if there are fewer than ten sources.
    """
    groups = {}
    for pair in pairs:
        groups.setdefault(key_of(pair[0]), []).append(pair)
    count = min(held_out, len(groups) // MOST_HELD_OUT)
    if count < 1:
        raise UserError(
            f"Expected pairs of at least {MOST_HELD_OUT} different sources, to train on some and "
            f"test on others. Received: {len(groups)}."
        )
    note = f"--held_out {held_out:,} is lowered to {count:,}, a tenth of the sources"
    order = np.random.default_rng(0).permutation(len(groups))  # the same for every --seed
    listed = list(groups.values())
    validation, test, train = np.split(order, [count, 2 * count])
    cuts = {"train": np.sort(train), "validation": validation, "test": test}
    parts = {name: [p for index in chosen for p in listed[index]] for name, chosen in cuts.items()}
    return parts, (note,) * (count < held_out)


def key_of(text) -> str:
    """What two sources share if they differ in case, punctuation and spaces alone.

    >>> key_of("Go on!") == key_of("go  on."), key_of("?!")
    (True, '?!')
    """
    return " ".join(words(text)) or text


def fit_tokenizer(kind, texts, others, size, side, **options):
    """What turns sentences into ids, fitted on the training part: a `TextTokenizer`, and notes.

    It is of `"words"`, `"characters"`, `"bpe"`, `"wordpiece"` or `"unigram"`; `others` are the
    sentences of validation and test. The size is the number of ids at most, special ones included,
    and None the kind's own; the side is `"source"` or `"target"`, the options are of
    `zoo.layers.TextTokenizer`. A `UserError` if the vocabulary cannot be made.
    """
    options |= {"name": f"{side}_tokenizer", "add_ends": side == "target", "strip_html": False}
    options["special"] = ("padding", "start", "end")
    try:
        if kind == "characters":
            notes = (f"every character of the {side} has an id: no vocabulary size plays a part",)
            known = set("".join(texts))
            new = sorted(set("".join(others)) - known)
            lacks = f"characters that training lacks ({some(new)})"
            more = (f"the {side} has an unknown id for {lacks}",) * bool(new)
            fitted = zoo.layers.CharacterTokenizer(sorted(known), unknown=bool(new))
            return zoo.layers.TextTokenizer(fitted, **options), more + notes * bool(size)
        text = "\n".join(texts)
        subwords = min(max(len(text) // CHARACTERS, FEWEST), MOST)
        size = size or (WORDS if kind == "words" else subwords)
        fitted = zoo.layers.TextTokenizer.fit(text, kind, size, **options)
    except ValueError as error:
        raise UserError(
            f"There is no such {side} vocabulary (three of its ids are special ones). {error}"
        ) from error
    if kind != "words":
        return fitted, ()
    tokenizer = fitted.tokenizer
    ids = np.concatenate([tokenizer.encode(text) for text in others])
    known = np.mean(ids != tokenizer.unknown_id) if len(ids) else 1.0
    return fitted, (
        f"the {side} vocabulary of {len(tokenizer.words):,} words knows {known:.1%} of the words "
        "of validation and test; references are scored in lower case and without punctuation",
    )


def _ids(config, pairs, tokenizers):
    """The ids of both sides of each pair, cut to the length allowed, and whether they fitted."""
    most = config.max_length
    sides = zip(tokenizers, zip(*pairs, strict=True), strict=True)
    sides = [tokenizer.encode_list(side, truncate=False) for tokenizer, side in sides]
    rows = list(zip(*sides, strict=True))
    fits = [len(source) <= most and len(target) <= 1 + most for source, target in rows]
    return [(source[:most], target[: 1 + most]) for source, target in rows], fits


def _encoded(config, parts, *tokenizers):
    """The parts, their ids, and notes: what is too long is left out of training, or cut off."""
    most, ids, notes = config.max_length, {}, ()
    kept = dict(parts)
    for name, pairs in parts.items():
        rows, fits = _ids(config, pairs, tokenizers)
        long = len(fits) - sum(fits)
        drop = name == "train" and config.longer == "drop"
        if long:
            done = "left out" if drop else "cut off"
            notes += (f"{long:,} {name} pairs longer than {most} tokens: {done}",)
        if drop:
            rows = [*itertools.compress(rows, fits)]
            kept[name] = [*itertools.compress(pairs, fits)]
        if not rows:
            raise UserError(
                f"All training pairs are longer than --max_length {most}: raise it, or cut them "
                "off with --longer cut."
            )
        ids[name] = tuple(padded(side) for side in zip(*rows, strict=True))
    return kept, ids, notes
