"""The language-model recipe against the book: scores, speed of generation, cost of the input."""

from recipes.engine.tables import markdown
from scripts.benchmarks.runs import Row, kept, mean_and_deviation, score_table, spread, train_all
from scripts.benchmarks.writing import generation_speed, pipeline_share

#: What the third edition prints: its best validation loss in nats per character.
BOOK_NATS = {"ml3-ch16-32": 1.5477, "ml3-ch16-54": 1.4786}
#: What the second edition prints for chorales: accuracy on the test part's windows.
BOOK_ACCURACY = {"ml2-ch15-138": 0.8164}
#: What the second edition prints: the training loss of the last epoch, with dropout.
BOOK_LOSS = {"ml2-ch16-30": 1.3105, "ml2-ch16-49": 1.5620}
#: One GRU of 128 units, as the book's best (3rd edition, cell 54): small, so without dropout.
SMALL = (
    "--dataset", "shakespeare", "--model.units", "128", "--model.dropout", "0", "--window", "32",
    "--batch_size", "32", "--epochs", "22", "--learning_rate", "0.008",
)  # fmt: skip
CASED = (
    "--dataset", "shakespeare", "--lowercase", "false", "--split", "90-10", "--epochs", "12",
)  # fmt: skip
TEXT = [
    Row("shakespeare-gru-128", SMALL, "nats", BOOK_NATS["ml3-ch16-54"], 1.4786),
    Row("shakespeare", ("--dataset", "shakespeare"), "nats", BOOK_NATS["ml3-ch16-54"], 1.38),
    Row("shakespeare-cased", CASED, "nats", None, 1.55),
]
#: On the book's windows, as its figure.
MUSIC = [
    Row(
        "chorales",
        ("--dataset", "chorales"),
        "accuracy_windows",
        BOOK_ACCURACY["ml2-ch15-138"],
        0.82,
        part="test",
    )
]
#: Validation nats of others on the 65 cased characters, split 90-10, beside their sources.
PUBLISHED = {
    "nanoGPT, 10.7 million parameters, A100": 1.4697,
    "Transformer of 3 layers, 384 wide (arXiv 2410.01201)": 1.547,
    "minGRU (arXiv 2410.01201)": 1.548,
    "minLSTM (arXiv 2410.01201)": 1.555,
}


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `scripts.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    sections = {}
    groups = {
        "Shakespeare (nats a character, validation)": TEXT,
        "Chorales (accuracy on the book's windows)": MUSIC,
    }
    for title, rows in groups.items():
        chosen = [row for row in rows if any(part in row.name for part in only)]
        if chosen:
            results = train_all("language_model", chosen, seeds, folder, fresh)
            notes = _bits(chosen, results) if rows is TEXT else _copied(folder, chosen, results)
            sections[title] = f"{score_table(chosen, results)}\n\n{notes}"
    for name, (title, measured, text) in _SPEEDS.items():
        if any(part in name for part in only):
            sections[title] = text(kept(folder / f"{name}.json", measured, fresh))
    return sections


def _bits(rows, results):
    lines = [["row", "validation", "test"]]
    for row in rows:
        parts = [
            [run[part]["bits_per_character"] for run in results[row.name]]
            for part in ("validation", "test")
        ]
        if all(parts):
            lines.append([row.name, *[f"{mean_and_deviation(each)[0]:.3f}" for each in parts]])
    found = ", ".join(f"{name} {nats}" for name, nats in PUBLISHED.items())
    return (
        f"Bits per character:\n\n{markdown(lines)}\n\nThe cased row validates on the last tenth, "
        f"as these published figures do (nats): {found}. It has no test part: `test` is the second "
        "half of validation."
    )


def _copied(folder, rows, results):
    """Accuracy on whole pieces, and what the first run's report says about copying."""
    runs = results[rows[0].name]
    accuracy = spread([run["test"]["accuracy"] for run in runs])
    report = folder / "language_model" / f"{rows[0].name}-seed-1" / "report.md"
    (table,) = [part for part in report.read_text().split("\n\n") if "longest copy |" in part]
    return (
        f"On whole test pieces, each note predicted from all before it: {accuracy}. "
        "Continuations, and the longest run of chords that also stands in a training piece:\n\n"
        f"{table}"
    )


def _generation_text(result):
    return (
        f"{result['length']:,} characters of one stream: {result['seconds']:.2f} s with "
        f"`zoo.decoding.generate`, {result['book_seconds']:.0f} s with the book's loop on the same "
        f"network (GRU 128), {result['ratio']:.0f} times as long. The recipe's default model "
        f"writes {result['characters_per_second']:,.0f} characters a second."
    )


def _pipeline_text(result):
    return (
        f"{100 * result['compute']:.1f} % ± {100 * result['interval']:.1f} % of a training step "
        f"({result['step_ms']:.0f} ms) is computation; reading its batch takes "
        f"{result['read_ms']:.2f} ms."
    )


_SPEEDS = {
    "generation": ("Generation", generation_speed, _generation_text),
    "pipeline": ("Input", pipeline_share, _pipeline_text),
}
