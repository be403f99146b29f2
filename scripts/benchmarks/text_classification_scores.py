"""Tables of what text classifiers score, beside the book's figures, the bars and the baselines.

Each takes rows, what `train_all` gave for them, and the folder that their runs lie in.
"""

import numpy as np

import zoo
from recipes.engine.arguments import parse
from recipes.engine.tables import markdown
from recipes.text_classification import load_data
from recipes.text_classification.data.reber import TRICKY
from scripts.benchmarks.runs import compare, kept_of_runs, mean_and_deviation, show, spread
from scripts.benchmarks.translation_scores import seconds_of, yes

#: What the book prints: its best validation accuracy.
BOOK_ACCURACY = {
    "ml2-ch16-130": 1.0,
    "ml3-ch16-68": 0.5008,
    "ml3-ch16-71": 0.8696,
    "ml3-ch16-75": 0.8700,
    "ml3-ch16-181": 1.0,
}
#: Epochs of the book's network of Reber strings, and at most of the recipe's.
BOOK_EPOCHS, MOST_EPOCHS = 20, 10
#: Probabilities of being valid that the book's network gives the tricky strings (2nd edition,
#: cell 132).
BOOK_TRICKY = (0.0040, 0.9996)
#: Most minutes of training on IMDB.
MINUTES = 10
#: What others print for IMDB on reviews that they did not train on.
PUBLISHED = {
    "the book's GRU with masking, on validation": 0.870,
    "keras.io's bidirectional LSTM": 0.843,
    "keras.io's Transformer": 0.8745,
}
#: The book's network without a mask.
UNMASKED = "ml3-ch16-68"
#: Validation accuracy up to which a network has learned nothing: near the half that chance gets.
NOTHING = 0.55


def reber(rows, results, folder) -> str:
    """Accuracy, epochs, and what the saved models say of the two tricky strings."""
    header = (
        "row|parameters|epochs|most|validation|test|tricky: corrupted|valid|right|reached|seconds"
    )
    lines = [header.split("|")]
    for row in rows:
        runs = results[row.name]
        found = np.array(kept_of_runs(row, runs, folder, "tricky.json", _tricky))
        right = (found[:, 0] < 0.5) & (found[:, 1] >= 0.5)
        most = BOOK_EPOCHS if "--preset" in row.flags else MOST_EPOCHS
        epochs = max(run["epochs"] for run in runs)
        reached = compare(row, runs)[2] == "yes" and epochs <= most and right.all()
        lines.append(
            [
                row.name,
                f"{runs[0]['parameters']:,}",
                str(epochs),
                str(most),
                _accuracy(runs, "validation"),
                _accuracy(runs, "test"),
                f"{found[:, 0].max():.2%}",
                f"{found[:, 1].min():.2%}",
                f"{right.sum()} of {len(right)}",
                yes(reached),
                seconds_of(runs),
            ]
        )
    seeds = max(len(results[row.name]) for row in rows)
    for name, each in results[rows[0].name][0]["baselines"].items():
        both = [show(each[part]["accuracy"]) for part in ("validation", "test")]
        lines.append([name, "", "", "", *both, *[""] * 5])
    return (
        f"{markdown(lines)}\n\nAccuracy, {_seeds(seeds)}. Reached: 100 % on validation and both "
        "tricky strings right with every seed, in at most so many epochs (half the book's "
        f"{BOOK_EPOCHS} for the recipe's defaults). Tricky: the probability of being valid that "
        f"the saved models give to `{TRICKY[0]}`, the highest, and to `{TRICKY[1]}`, the lowest "
        f"(the book's: {BOOK_TRICKY[0]:.2%} and {BOOK_TRICKY[1]:.2%})."
    )


def imdb(rows, results, folder) -> str:
    """Accuracy on the test reviews and the time of training, beside the baselines."""
    lines = [
        ["model", "parameters", "validation", "test", "bar (test)", "reached", "epochs", "seconds"]
    ]
    notes = []
    for row in rows:
        runs = results[row.name]
        slowest = max(run["seconds"] for run in runs)
        reached = compare(row, runs)[2] == "yes" and slowest < 60 * MINUTES
        lines.append(
            [
                row.name,
                f"{runs[0]['parameters']:,}",
                _accuracy(runs, "validation"),
                _accuracy(runs, "test"),
                f"{row.goal:g}",
                yes(reached),
                str(max(run["epochs"] for run in runs)),
                seconds_of(runs),
            ]
        )
        notes.append(_winner(row, runs))
    runs = results[rows[0].name]
    for name, each in runs[0]["baselines"].items():
        both = [show(each[part]["accuracy"]) for part in ("validation", "test")]
        lines.append([name, "", *both, *[""] * 4])
    published = ", ".join(f"{name} {accuracy:g}" for name, accuracy in PUBLISHED.items())
    return (
        f"{markdown(lines)}\n\nAccuracy, {_seeds(len(runs))}. Reached: the bar, with less than "
        f"{MINUTES} minutes of training. {' '.join(notes)}\n\nOthers' accuracy: {published}."
    )


def unlabelled(rows, results) -> str:
    """Test accuracy with so many labels, without and with texts that have none."""
    lines = [["labels", "without other texts", "with them", "gain", "seconds", "best baseline"]]
    for plain, more in rows:
        runs = results[plain.name], results[more.name]
        with_it, without = (
            np.array([run["test"]["accuracy"] for run in each]) for each in reversed(runs)
        )
        baselines = runs[0][0]["baselines"]
        best = {
            name: np.mean([run["baselines"][name]["test"]["accuracy"] for run in runs[0]])
            for name in baselines
        }
        name = max(best, key=best.get)
        lines.append(
            [
                f"{int(plain.flags[-1]):,}",
                spread(without.tolist()),
                spread(with_it.tolist()),
                spread((with_it - without).tolist()),
                seconds_of(runs[1]),
                f"{name} {show(best[name])}",
            ]
        )
    return (
        f"{markdown(lines)}\n\nAccuracy on the 25,000 test reviews, {_seeds(len(runs[0]))}; each "
        "draws other labelled reviews. The others are the words of the 25,000 training reviews, "
        "without those held out for validation. Baselines know the labelled ones alone."
    )


def masks(rows, results, folder) -> str:
    """Validation accuracy of networks without and with a mask, padded as in training."""
    lines = [["row", "mask", "texts", "validation", "book", "as expected", "epochs", "seconds"]]
    for row in rows:
        runs = results[row.name]
        checks = kept_of_runs(row, runs, folder, "padded.json", _padded)
        accuracy = [check["accuracy"] for check in checks]
        mean = mean_and_deviation(accuracy)[0]
        masked, goal = checks[0]["mask"], row.goal
        expected = mean >= (goal or NOTHING) if masked else mean <= NOTHING
        lines.append(
            [
                row.name,
                "yes" if masked else "no",
                f"{checks[0]['texts']:,}",
                spread(accuracy),
                "" if goal is None else show(goal),
                yes(expected),
                str(max(run["epochs"] for run in runs)),
                seconds_of(runs),
            ]
        )
    return (
        f"{markdown(lines)}\n\nAccuracy on the book's validation part, its last tenth, padded as "
        "in training: without a mask to the longest review of at most 800 words, otherwise to the "
        "longest of a batch of similar lengths, which changes nothing there. As expected: without "
        f"a mask nothing is learned (at most {NOTHING:g}), as in the book, whose network scores "
        f"{BOOK_ACCURACY[UNMASKED]:g}; with one, the book's figure, or at least more than that. "
        "Texts: those trained on; the book has 22,500."
    )


def _winner(row, runs):
    """Plainly, whether a baseline is better on the test part."""
    baselines = {name: each["test"]["accuracy"] for name, each in runs[0]["baselines"].items()}
    best = max(baselines, key=baselines.get)
    mean = mean_and_deviation([run["test"]["accuracy"] for run in runs])[0]
    figures = f"{show(baselines[best])} against {show(mean)}"
    if baselines[best] > mean:
        return f"The baseline {best} beats `{row.name}` on the test part: {figures}."
    if baselines[best] == mean:
        return f"The baseline {best} and `{row.name}` are equal on the test part: {figures}."
    return f"`{row.name}` beats the best baseline, {best}, which scores {figures}."


def _tricky(run):
    """Probabilities of being valid of the tricky strings."""
    predictor = zoo.Predictor(zoo.load(run))
    found = predictor.predict(list(TRICKY))[:, 0]
    return [float(each if predictor.labels[1] == "valid" else 1 - each) for each in found]


def _padded(run):
    """Validation accuracy of a saved model on batches that are padded as in training.

    The run's own score is that of texts with hardly any padding.
    """
    config = parse("text_classification", ["--config", str(run / "config.yaml")])
    task = load_data(config)
    batches = task.batches("validation", None)
    found = zoo.load(run).predict(batches.feed(), verbose=0)[:, 0]
    labels = task.parts["validation"].labels[batches.order()]
    return {
        "accuracy": float(((found >= 0.5) == (labels == 1)).mean()),
        "mask": config.model_arguments.get("mask", True),
        "texts": len(task.parts["train"]),
    }


def _accuracy(runs, part):
    return spread([run[part]["accuracy"] for run in runs])


def _seeds(count):
    return f"mean and deviation of {count} seeds" if count > 1 else "one seed"
