"""The forecast recipe against the book: scores, time, and the speed of training and generation."""

from scripts.benchmarks import sarima
from scripts.benchmarks.runs import Row, kept, score_table, train_all

#: What the book prints for each: validation MSE, of the last step where there are several.
BOOK_MSE = {
    "ml2-ch15-18": 0.004168,
    "ml2-ch15-23": 0.010882,
    "ml2-ch15-28": 0.002911,
    "ml2-ch15-33": 0.002624,
    "ml2-ch15-49": 0.0187,
    "ml2-ch15-51": 0.0085,
    "ml2-ch15-57": 0.0096,
    "ml2-ch15-61": 0.0164,
    "ml2-ch15-65": 0.0121,
    "ml2-ch15-70": 0.008561,
    "ml2-ch15-76": 0.010263,
    "ml2-ch15-83": 0.0080,
    "ml2-ch15-86": 0.0072,
}
BOOK_ROWS = [
    Row(name, ("--preset", name), book=mse, rule="mean - 2 sd") for name, mse in BOOK_MSE.items()
]
BEST_ROWS = [
    Row("wavenet-10-steps", ("--dataset", "book_series"), book=0.0072, bar=0.0022),
    Row(
        "wavenet-1-step", ("--dataset", "book_series", "--horizon", "1"), book=0.002624, bar=0.0015
    ),
]
RIDERSHIP_ROWS = [
    Row("ridership-multivariate", ("--dataset", "ridership"), "mae", book=22062.3),
    Row(
        "ridership-univariate",
        ("--dataset", "ridership", "--past_covariates", "[]", "--datetime_features", "[]"),
        "mae",
        book=29015.0,
    ),
]


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names.

    Args:
        only: Parts of names; a row or section is measured if one of them is in its name.
        seeds: Runs of each row.
        folder: Where the runs land.
        fresh: Whether to repeat runs that are there already.

    Returns:
        Markdown by section title.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = {
        "`wavenet` with the recipe's defaults (book_series, validation MSE)": BEST_ROWS,
        "Chicago ridership, next day (validation MAE in riders)": RIDERSHIP_ROWS,
        "The book's models with its sizes and epochs (book_series, validation MSE)": BOOK_ROWS,
    }
    sections = {}
    for title, rows in groups.items():
        chosen = [row for row in rows if any(part in row.name for part in only)]
        if chosen:
            results = train_all("forecast", chosen, seeds, folder, fresh)
            sections[title] = score_table(chosen, results)
    speeds = {"sarima": sarima.ridership_errors, "epoch": _epoch, "generation": _generation}
    chosen = {name: speed for name, speed in speeds.items() if any(p in name for p in only)}
    for name, speed in chosen.items():
        found = kept(folder / f"{name}.json", speed, fresh)
        sections[_TITLES[name]] = _SENTENCES[name](found)
    return sections


def _epoch():
    from scripts.benchmarks.epoch import epoch_speed

    return epoch_speed()


def _generation():
    from scripts.benchmarks.generation import generation_speed

    return generation_speed()


_TITLES = {
    "sarima": "Chapter 15's SARIMA on ridership (riders)",
    "epoch": "An epoch of the book's WaveNet stack",
    "generation": "Cached generation",
}
_SENTENCES = {
    "sarima": sarima.table,
    "epoch": lambda r: (
        f"{r['plain_seconds']:.2f} s with plain `fit` and Keras' defaults, "
        f"{r['recipe_seconds']:.2f} s as the recipe trains: {r['ratio']:.2f} ± "
        f"{r['interval']:.2f} of the time (95 % interval, {r['epochs']} epochs each, taken in "
        f"turn, compilation not counted). Final training loss {r['plain_loss']:.5f} and "
        f"{r['recipe_loss']:.5f}."
    ),
    "generation": lambda r: (
        f"{r['ratio']:.0f} times faster than recomputing the receptive field at each of "
        f"{r['steps']} steps (10 layers, {r['cached_seconds']:.2f} s against "
        f"{r['recomputed_seconds']:.2f} s, largest difference {r['largest_difference']:.1e})."
    ),
}
