"""The recipe generate_images on Fashion-MNIST, beside what chapter 17 prints; its speed."""

import csv
import time

import numpy as np

from recipes.engine.tables import markdown
from scripts.benchmarks.runs import Row, kept, score_table, show, train_all

CLOTHES = ("--dataset", "fashion_mnist", "--model")
#: The offline default, with plain defaults.
DIGITS = ("--dataset", "digits", "--model")
#: Networks half as wide as the defaults, and fewer epochs, for two cores.
SMALL = ("--model.filters", "[32,64]")
ROWS = [
    Row("autoencoder", (*CLOTHES, "autoencoder"), "mse", 0.0132, 0.0090),
    Row("variational_autoencoder", (*CLOTHES, "variational_autoencoder"), "frechet"),
    Row("book_loss", (*CLOTHES, "variational_autoencoder", "--model.beta", "1"), "frechet"),
    Row("digits-autoencoder", (*DIGITS, "autoencoder"), "mse"),
    Row("digits-vae", (*DIGITS, "variational_autoencoder"), "frechet"),
    Row("digits-dcgan", (*DIGITS, "dcgan"), "frechet"),
    Row("digits-diffusion", (*DIGITS, "diffusion"), "frechet"),
    Row("dcgan", (*CLOTHES, "dcgan", *SMALL, "--epochs", "10"), "frechet"),
    Row("diffusion", (*CLOTHES, "diffusion", *SMALL, "--epochs", "12"), "frechet"),
    Row("greedy", (*CLOTHES, "autoencoder", "--pretrain", "greedy"), "mse", 0.0132, 0.0090),
    Row(
        "wasserstein",
        (*CLOTHES, "dcgan", *SMALL, "--epochs", "10", "--gradient_penalty", "10"),
        "frechet",
    ),
]
#: What the book prints for its presets of autoencoders.
BOOK_VALIDATION_MSE = {
    "ml3-ch17-30": 0.0132,
    "ml3-ch17-44": 0.0133,
    "ml3-ch17-57": 0.0121,
    "ml3-ch17-62": 0.0104,
    "ml3-ch17-66": 0.0166,
    "ml3-ch17-71": 0.0111,
    "ml3-ch17-78": 0.0099,
}
#: The loss of its other presets that print one: see `LOSSES`.
BOOK_VALIDATION_LOSS = {"ml3-ch17-86": 0.0311, "ml3-ch17-126": 0.0379}
#: Steps of the book's loop, and how many of them are timed.
BOOK_STEPS, TIMED = 4000, 40
#: Classifiers that see few labels, from nothing or on what a row above has learned without labels.
LABELS = ("--dataset", "digits", "--train_size", "100")
#: The loss of the chosen epoch on validation, what the book prints, and the bar.
LOSSES = {
    "book_loss": ("mse + divergence / 784", 0.0311, 0.0295),
    "diffusion": ("Huber", 0.0375, 0.0375),
}


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `scripts.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [row for row in ROWS if any(part in row.name for part in only)]
    results = train_all("generate_images", chosen, seeds, folder, fresh)
    sections = {}
    for metric, title in (("mse", "Squared error"), ("frechet", "Fréchet distance")):
        rows = [row for row in chosen if row.metric == metric]
        if rows:
            sections[f"{title} (validation)"] = score_table(rows, results)
    there = [row.name for row in chosen if row.name in LOSSES and results[row.name]]
    if there:
        lines = [["row", "loss", "validation", "book", "bar"]]
        for name in there:
            what, book, bar = LOSSES[name]
            best = _best_loss(folder / "generate_images" / f"{name}-seed-1")
            lines.append([name, what, *map(show, (best, book, bar))])
        sections["Losses of the chosen epoch (seed 1)"] = markdown(lines, texts=2)
    if any(part in "few_labels" for part in only):
        sections["Classifiers of 100 labelled digits (accuracy)"] = few_labels(seeds, folder, fresh)
    if any(part in "drawing" for part in only):
        found = kept(folder / "drawing.json", drawing, fresh)
        lines = [["model", "first call, s", "next call, s"]]
        lines += [[name, *(f"{value:.2f}" for value in values)] for name, values in found.items()]
        title = "64 pictures of 28 x 28, untrained models, diffusion in 50 steps"
        times = found["the book's loop"][0] / found["diffusion"][1]
        sections[title] = (
            f"{markdown(lines)}\n\nDiffusion is {times:.0f} times as fast as the book."
        )
    return sections


def few_labels(seeds, folder, fresh):
    """The table of classifiers from nothing, and on what models learned without labels."""
    names = ("digits-autoencoder", "digits-vae", "digits-dcgan")
    without = [row for row in ROWS if row.name in names]
    train_all("generate_images", without, 1, folder, fresh)
    runs = {row.name: folder / "generate_images" / f"{row.name}-seed-1" for row in without}
    rows = [Row("labels-alone", LABELS, "accuracy")]
    rows += [Row("labels-alone-mlp", (*LABELS, "--model", "mlp"), "accuracy")]
    rows += [
        Row(f"labels-{n}", (*LABELS, "--pretrain", str(p)), "accuracy") for n, p in runs.items()
    ]
    return score_table(rows, train_all("images", rows, seeds, folder, fresh))


def drawing():
    """Seconds for 64 pictures, the first time and once compiled."""
    import zoo

    found = {}
    for name in ("variational_autoencoder", "dcgan", "diffusion"):
        model, seconds = zoo.create_model(name, input_shape=(28, 28)), []
        for seed in (0, 1):
            start = time.perf_counter()
            zoo.generate_images(model, 64, seed)
            seconds.append(time.perf_counter() - start)
        found[name] = seconds
    seconds = _book_loop(model)
    return found | {"the book's loop": [BOOK_STEPS * seconds] * 2}


def _book_loop(model):
    """Seconds of one of the book's steps for 64 pictures (cell 128): a call from Python each."""
    import keras

    x = keras.random.normal((64, 28, 28), seed=1)
    start = time.perf_counter()
    for step in range(TIMED, 0, -1):
        alpha = 1 - 0.5 * step / TIMED  # whatever it is: the work is the same
        noise = model({"images": x, "time": keras.ops.full((64, 1), step / TIMED)})
        x = (x - 0.1 * noise) / alpha**0.5 + 0.1 * keras.random.normal((64, 28, 28), seed=step)
    np.asarray(x)
    return (time.perf_counter() - start) / TIMED


def _best_loss(folder):
    with (folder / "history.csv").open() as file:
        return min(float(row["val_loss"]) for row in csv.DictReader(file))
