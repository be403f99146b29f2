"""The tabular recipe on California housing: the book's rows, boosted trees beside every score."""

from recipes.benchmarks.runs import Row, score_table, train_all

#: The book's best (3rd edition, chapter 10, cell 84), test MSE in (100,000 dollars)^2.
BOOK = 0.2806
ROWS = [
    Row("plain", ("--dataset", "housing_book"), "mse", BOOK, 0.26, part="test"),
    Row("embeddings", ("--preset", "housing-embeddings"), "mse", BOOK, 0.225, part="test"),
    Row("ensemble", ("--preset", "housing-ensemble"), "mse", BOOK, 0.210, part="test"),
]


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `recipes.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [row for row in ROWS if any(part in row.name for part in only)]
    if not chosen:
        return {}
    results = train_all("tabular", chosen, seeds, folder, fresh)
    title = "California housing, the book's features and split (MSE in (100 k$)²)"
    return {title: score_table(chosen, results)}
