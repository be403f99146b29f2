"""The text classification recipe against the book: scores, what a mask is for, bucketing."""

import os
from pathlib import Path

from scripts.benchmarks import text_classification_scores as scores
from scripts.benchmarks import text_classification_speed as speed
from scripts.benchmarks.runs import Row, kept_text, section, train_all


def _row(name, *flags, **options):
    return Row(name, flags, "accuracy", **options)


REBER = [
    _row("reber-default", "--dataset", "reber", book=1.0),
    _row("reber-ml2-ch16-130", "--preset", "ml2-ch16-130", book=1.0),
]
IMDB = [_row("imdb-default", "--dataset", "imdb", bar=0.92, part="test")]
#: So many labelled reviews, and the words of all others without their labels.
SIZES = (250, 1000, 5000)
#: A part of the training reviews, as 800 steps with each of them take long.
_SOME = ("--preset", "ml3-ch16-68", "--train_size", "5000")
MASK = [
    _row("imdb-unmasked", *_SOME, book=scores.BOOK_ACCURACY["ml3-ch16-68"]),
    _row("imdb-masked", *_SOME, "--model.mask", "true", "--bucketing", "true"),
]
#: The book's recurrent networks on all reviews take the better part of an hour or more: measured
#: only where they are asked for by name.
WHOLE = [
    _row(f"book-{preset}", "--preset", preset, book=scores.BOOK_ACCURACY[preset])
    for preset in ("ml3-ch16-68", "ml3-ch16-71", "ml3-ch16-75")
]
#: By title: rows, seeds at most, and what makes a table of them.
SCORED = {
    "Reber strings": (REBER, None, scores.reber),
    "IMDB (25,000 test reviews)": (IMDB, None, scores.imdb),
    "IMDB with padding that is not masked": (MASK, 1, scores.masks),
    "IMDB, the book's networks on all reviews": (WHOLE, 1, scores.masks),
}


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `scripts.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    sections = {}
    for title, (rows, most, table) in SCORED.items():
        wanted = [part for part in only if part or rows is not WHOLE]
        chosen = [row for row in rows if any(part in row.name for part in wanted)]
        if chosen:
            count = min(seeds, most or seeds)
            results = train_all("text_classification", chosen, count, folder, fresh)
            sections[title] = section(chosen, results, folder / "text_classification", table)
    if any(part in "imdb-unlabelled" for part in only):
        rows = _unlabelled()
        results = train_all(
            "text_classification", [r for both in rows for r in both], seeds, folder, fresh
        )
        sections["IMDB with few labels, and all other reviews without"] = scores.unlabelled(
            rows, results
        )
    if any(part in "bucketing" for part in only):
        sections["Bucketing"] = kept_text(
            folder / "bucketing.json", lambda: speed.bucketing(seeds), speed.bucketing_text, fresh
        )
    return sections


def _unlabelled():
    """For each number of labels, the row without further texts and the row with them."""
    more = Path(os.environ.get("ZOO_DATA", "")) / "imdb" / "imdb_train.csv.gz"
    found = []
    for size in SIZES:
        flags = ("--dataset", "imdb", "--train_size", str(size))
        plain = _row(f"imdb-{size}", *flags)
        found.append((plain, _row(f"imdb-{size}-unlabelled", *flags, "--unlabelled", str(more))))
    return found
