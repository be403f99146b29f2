"""The translation recipe against the book and TF-Addons: scores, time, speed of decoding."""

from recipes.errors import UserError
from scripts.benchmarks import translation_scores as scores
from scripts.benchmarks import translation_speed as speed
from scripts.benchmarks.runs import Row, kept_text, section, train_all

#: What the third edition prints: its best validation token accuracy, under teacher forcing.
BOOK_TOKEN_ACCURACY = {
    "ml3-ch16-98": 0.6829,
    "ml3-ch16-108": 0.7025,
    "ml3-ch16-123": 0.7111,
    "ml3-ch16-137": 0.7281,
}
_LUONG, _BAHDANAU = ("--model.attention", "luong"), ("--model.attention", "bahdanau")
#: For what is slower to learn: at most half of the book's 25 epochs for dates with attention.
_LONGER = ("--epochs", "12")
_MONOTONIC = ("--model.monotonic", "true", *_LONGER)
KINDS = {
    "luong": _LUONG,
    "luong-scaled": (*_LUONG, "--model.score_scale", "true"),
    "luong-monotonic": (*_LUONG, *_MONOTONIC),
    "bahdanau": _BAHDANAU,
    "bahdanau-normalized": (*_BAHDANAU, "--model.normalize", "true"),
    "bahdanau-monotonic": (*_BAHDANAU, *_MONOTONIC),
}


def _dates(name, *flags):
    return Row(
        f"dates-{name}", ("--dataset", "dates", *flags), "exact_match", None, 1.0, part="test"
    )


DATES = [
    # Its last state alone carries the date: 128 units are too few.
    _dates("none", "--model.attention", "none", "--model.units", "256", "--batch_size", "32"),
    *(_dates(name, *flags) for name, flags in KINDS.items()),
    _dates("luong-unfed", *_LUONG, "--model.input_feeding", "false"),
    _dates("transformer", "--model", "transformer", *_LONGER),
]
PRESETS = ("ml3-ch16-123", "ml3-ch16-137")


def _book(name, preset, flags):
    flags = ("--preset", preset, *flags.split(), "--schedule", "cosine", "--batch_size", "64")
    return Row(f"spa_eng-{name}", flags, "token_accuracy", BOOK_TOKEN_ACCURACY[preset])


#: The sizes, vocabulary and split of the book's cells, trained better, in half of its ten epochs.
BOOK = [
    _book(
        "attention",
        PRESETS[0],
        "--model.attention_layer_size 512 --model.dropout 0.2 --learning_rate 0.002 --epochs 5",
    ),
    _book(
        "transformer",
        PRESETS[1],
        "--model.norm pre --model.scale_embeddings true --learning_rate 0.0015 --epochs 5",
    ),
]
SUB_WORDS = Row(
    "sub-words",
    ("--dataset", "spa_eng", "--epochs", "6", "--beam", str(scores.BEAM)),
    "bleu",
    None,
    30.0,
    part="test",
)
#: Most seeds of rows that take the better part of an hour or more.
LONG = 1
SCORED = {
    "Dates (2,000 unseen ones, greedy decoding)": (DATES, None, scores.dates),
    "English to Spanish, the book's 1,000 words and split (token accuracy)": (
        BOOK,
        LONG,
        scores.book,
    ),
    "English to Spanish, sub-words (2,000 unseen sentences)": (
        [SUB_WORDS],
        LONG,
        scores.sub_words,
    ),
}
_LUONG_DATES, _TRANSFORMER_DATES = DATES[1], DATES[-1]


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `scripts.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    sections = {}
    for title, (rows, most, table) in SCORED.items():
        chosen = [row for row in rows if any(part in row.name for part in only)]
        if chosen:
            results = train_all("translation", chosen, min(seeds, most or seeds), folder, fresh)
            sections[title] = section(chosen, results, folder / "translation", table)
    for title, parts in _speeds(folder).items():
        chosen = {name: part for name, part in parts.items() if any(each in name for each in only)}
        if chosen:
            texts = [
                kept_text(folder / f"{name}.json", *part, fresh) for name, part in chosen.items()
            ]
            sections[title] = "\n\n".join(texts)
    return sections


def _speeds(folder):
    """By title and name, what to measure and how to say it."""
    luong, transformer, sub_words = (
        lambda row=row: _trained(row, folder)
        for row in (_LUONG_DATES, _TRANSFORMER_DATES, SUB_WORDS)
    )
    return {
        "An epoch of the book's translation": {
            f"epoch-{preset}": (lambda preset=preset: speed.epoch(preset), speed.epoch_text)
            for preset in PRESETS
        },
        "Decoding": {
            "decoding-greedy": (lambda: speed.greedy(luong(), transformer()), speed.greedy_text),
            "decoding-beam-characters": (lambda: speed.beam(luong()), speed.beam_text),
            "decoding-beam-bpe": (lambda: speed.beam(sub_words()), speed.beam_text),
        },
    }


def _trained(row, folder):
    """The folder of a row's first run. Dates are trained if need be, as it takes a minute."""
    run = folder / "translation" / f"{row.name}-seed-1"
    if row in DATES:
        train_all("translation", [row], 1, folder)
    if not (run / "metrics.json").exists():
        raise UserError(f"It needs the model of --only {row.name}, which is not trained yet.")
    return run
