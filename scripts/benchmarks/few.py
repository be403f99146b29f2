"""The defaults on few data of one's own: small parts of the book's sets, as files.

Nothing is said but `--data`.
"""

import numpy as np

from recipes.data.images.pictures import published
from recipes.data.texts import shakespeare
from recipes.engine.recipe import find_recipe
from recipes.engine.tables import markdown
from recipes.translation.data.pairs import spa_eng
from scripts.benchmarks.runs import Row, mean_and_deviation, show, spread, train_all

#: How many there are of the images, characters and pairs; what they are chosen by.
IMAGES, CHARACTERS, PAIRS, SEED = (150, 300, 1000, 3000), (30_000, 100_000), (1000, 4000), 5
#: The score that is compared.
METRICS = {"images": "accuracy", "language_model": "nats", "translation": "bleu"}

_SPENT = ("epochs", "seconds")


def rows(folder) -> dict[str, list[Row]]:
    """Writes the files into a folder; the rows to train on them, by recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    found = {recipe: [] for recipe in METRICS}
    for name in ("fashion_mnist", "mnist"):
        training, test = published(name)
        order = rng.permutation(len(training))
        for count in IMAGES:
            path, chosen = folder / f"{name}_{count}.npz", order[:count]
            parts = {"x_train": training.images[chosen], "y_train": training.labels[chosen]}
            np.savez(path, **parts, x_test=test.images, y_test=test.labels)
            found["images"].append(_row(path))
    text = shakespeare()
    for count in CHARACTERS:
        path = folder / f"shakespeare_{count}.txt"
        path.write_text(text[:count])
        found["language_model"].append(_row(path))
    pairs = spa_eng()
    order = rng.permutation(len(pairs))
    for count in PAIRS:
        path = folder / f"spa_eng_{count}.tsv"
        path.write_text("".join("\t".join(pairs[place]) + "\n" for place in order[:count]))
        found["translation"].append(_row(path))
    return found


def _row(path):
    return Row(path.stem, ("--data", str(path)))


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Trains each set with the defaults; see `scripts.benchmarks.forecast.measure`."""
    lines = [["data", "score", "model", "best baseline", "its score", "epochs", "seconds"]]
    for recipe, some in rows(folder / "data").items():
        chosen = [row for row in some if any(part in row.name for part in only)]
        for name, runs in train_all(recipe, chosen, seeds, folder, fresh).items():
            lines.append(_line(name, runs, METRICS[recipe]))
    return {"Plain defaults on few data (test part)": markdown(lines)}


def _line(name, runs, metric):
    scores = {
        each: mean_and_deviation([run["baselines"][each]["test"][metric] for run in runs])[0]
        for each in runs[0]["baselines"]
    }
    higher = find_recipe(runs[0]["recipe"]).higher_is_better(metric)
    best = (max if higher else min)(scores, key=scores.get)
    mean = mean_and_deviation([run["test"][metric] for run in runs])[0]
    model = spread([run["test"][metric] for run in runs])
    wins = " (baseline wins)" if (scores[best] > mean) == higher else ""
    spent = [f"{mean_and_deviation([run[key] for run in runs])[0]:.0f}" for key in _SPENT]
    return [name, metric, model + wins, best, show(scores[best]), *spent]
