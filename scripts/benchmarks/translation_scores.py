"""Tables of what translation models score, beside the book's figures and the bars.

Each takes rows, what `train_all` gave for them, and the folder that their runs lie in.
"""

import zoo
from recipes.engine.arguments import parse
from recipes.engine.tables import markdown
from recipes.translation import load_data
from recipes.translation.metrics import sentence_scores
from recipes.translation.translator import Translator
from scripts.benchmarks.padding import padding_check
from scripts.benchmarks.runs import compare, kept_of_runs, mean_and_deviation, show, spread

#: Epochs of the book's models of dates (2nd edition): teacher forcing alone (cell 173), and
#: Luong's attention (cell 210).
BOOK_EPOCHS = {"dates-none": 10, "dates-luong": 25}
BEAM, LENGTH_PENALTY = 5, 0.6
#: Most minutes of training.
MINUTES = 60


def dates(rows, results, folder) -> str:
    """Exact match on test dates, epochs, and whether padding changes an answer."""
    header = "model|epochs|book's|most|exact match|bar|same answers|difference|reached|seconds"
    lines = [header.split("|")]
    for row in rows:
        runs = results[row.name]
        checks = kept_of_runs(row, runs, folder, "padding.json", _padding)
        most = BOOK_EPOCHS.get(row.name, BOOK_EPOCHS["dates-luong"]) // 2
        epochs = max(run["epochs"] for run in runs)
        same = min(check["same"] for check in checks)
        reached = compare(row, runs)[2] == "yes" and epochs <= most and same == 1
        lines.append(
            [
                row.name.removeprefix("dates-"),
                str(epochs),
                str(BOOK_EPOCHS.get(row.name, "")),
                str(most),
                spread([run["test"]["exact_match"] for run in runs]),
                f"{row.goal:g}",
                f"{same:.2%}",
                f"{max(check['difference'] for check in checks):.0e}",
                yes(reached),
                seconds_of(runs),
            ]
        )
    seeds = max(len(results[row.name]) for row in rows)
    return (
        f"{markdown(lines)}\n\n{seeds} seeds, mean and deviation. `-unfed`: without input feeding. "
        "Most: half the book's epochs, and half of 25 where the book has no such model for "
        "dates. Same answers: the fraction of test dates, in the worst run, whose answer is one "
        "and the same alone, together and padded to 18, 24 and 40 ids, and by a call on ids that "
        "nothing pads. Difference: the largest of a logit, nothing padded against padded to 40."
    )


def book(rows, results, folder) -> str:
    """Validation token accuracy of the book's models beside its best epoch's."""
    lines = [["model", "parameters", "validation", "book and bar", "reached", "epochs", "seconds"]]
    for row in rows:
        runs = results[row.name]
        lines.append(
            [
                row.name.removeprefix("spa_eng-"),
                f"{runs[0]['parameters']:,}",
                spread([run["validation"]["token_accuracy"] for run in runs]),
                show(row.goal),
                compare(row, runs)[2],
                str(max(run["epochs"] for run in runs)),
                seconds_of(runs),
            ]
        )
    return (
        f"{markdown(lines)}\n\nThe book's figure is that of the best of its ten epochs. Sizes, "
        "vocabulary and split are those of its cells 123 and 137; the attention has a layer behind "
        "it and dropout, the Transformer normalises first, and the rate decays."
    )


def sub_words(rows, results, folder) -> str:
    """BLEU and chrF on test sentences, greedy and by beam search, and the time of training."""
    (row,) = rows
    runs = results[row.name]
    names = ("bleu", "chrf", "exact_match")
    penalty = f"beam-{LENGTH_PENALTY}.json"
    ways = {
        "greedy": [run["test"] for run in runs],
        f"beam {BEAM}": [{name: run["test"][f"beam_{name}"] for name in names} for run in runs],
        f"beam {BEAM}, length penalty {LENGTH_PENALTY}": kept_of_runs(
            row, runs, folder, penalty, _penalized
        ),
    }
    means = [mean_and_deviation([each["bleu"] for each in ways[way]])[0] for way in ways]
    for name in runs[0]["baselines"]:
        ways[name] = [run["baselines"][name]["test"] for run in runs]
    lines = [["test", "BLEU", "chrF", "exact match"]]
    for way, scores in ways.items():
        lines.append([way, *(spread([each[name] for each in scores]) for name in names)])
    slowest = max(run["seconds"] for run in runs)
    return (
        f"{markdown(lines)}\n\nTraining: {seconds_of(runs)} s, {runs[0]['epochs']} epochs, "
        f"{runs[0]['parameters']:,} parameters (at most {MINUTES} minutes: "
        f"{yes(slowest <= 60 * MINUTES)}). Aim BLEU {row.goal:g}: {yes(max(means) >= row.goal)}. "
        f"Beam search no worse than greedy, in BLEU: {yes(means[1] >= means[0])}; with the length "
        f"penalty: {yes(means[2] >= means[0])}."
    )


def questions(run):
    """The settings of a run, and the sources and references of its test part."""
    config = parse("translation", ["--config", str(run / "config.yaml")])
    return config, *load_data(config).questions("test")


def yes(reached) -> str:
    """Whether a bar is reached, for a table."""
    return "yes" if reached else "**no**"


def seconds_of(runs) -> str:
    """Mean and deviation of training times.

    >>> seconds_of([{"seconds": 61.2}, {"seconds": 64.0}])
    '63 ± 2'
    """
    mean, deviation = mean_and_deviation([run["seconds"] for run in runs])
    return f"{mean:,.0f} ± {deviation:,.0f}" if len(runs) > 1 else f"{mean:,.0f}"


def _padding(run):
    config, sources, _ = questions(run)
    return padding_check(zoo.load(run), sources, config.max_length)


def _penalized(run):
    config, sources, references = questions(run)
    translator = Translator(zoo.load(run), config.max_length)
    best = translator.search(sources, BEAM, length_penalty=LENGTH_PENALTY)
    return sentence_scores([each[0][0] for each in best], references)
