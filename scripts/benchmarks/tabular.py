"""The tabular recipe on California housing: the book's rows, boosted trees beside every score."""

import pandas as pd

from scripts.benchmarks.runs import Row, score_table, train_all

#: The book's best (3rd edition, chapter 10, cell 84), test MSE in (100,000 dollars)^2.
BOOK = 0.2806
#: What it prints for its presets, of the main output where there are two.
BOOK_TEST_MSE = {
    "ml2-ch10-73": 0.4212,
    "ml2-ch10-81": 0.4032,
    "ml2-ch10-85": 0.4219,
    "ml2-ch10-90": 0.4178,
    "ml2-ch10-98": 0.4382,
    "ml2-ch10-108": 0.3310,
    "ml3-ch10-84": BOOK,
    "ml3-ch10-92": 0.5723,
    "ml3-ch10-96": 0.3388,
    "ml3-ch10-102": 0.3381,
}
ROWS = [
    Row("plain", ("--preset", "housing-plain"), "mse", BOOK, 0.26, part="test"),
    Row("default", ("--dataset", "housing_book"), "mse", BOOK, 0.225, part="test"),
    Row("ensemble", ("--preset", "housing-ensemble"), "mse", BOOK, 0.210, part="test"),
]


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `scripts.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [row for row in ROWS if any(part in row.name for part in only)]
    if not chosen:
        return {}
    results = train_all("tabular", chosen, seeds, folder, fresh)
    title = "California housing, the book's features and split (MSE in (100 k$)²)"
    text = score_table(chosen, results)
    if len(results.get("default", ())) > 1:
        text += f"\n\n{_seeds_ensemble(folder, len(results['default']))}"
    return {title: text}


def _seeds_ensemble(folder, seeds):
    """The mean of the forecasts of the default row's runs, scored like one model."""
    runs = [folder / "tabular" / f"default-seed-{seed}" for seed in range(1, seeds + 1)]
    tables = [pd.read_csv(run / "predictions.csv") for run in runs]
    target = tables[0]["target"]
    mean = sum(table["prediction"] for table in tables) / seeds
    error = float(((mean - target) ** 2).mean())
    return (
        f"The mean prediction of the {seeds} `default` runs has a test MSE of {error:.4f} (bar for "
        "an ensemble of seeds 0.2100; lightly tuned gradient boosting 0.199)."
    )
