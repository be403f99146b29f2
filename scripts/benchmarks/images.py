"""The images recipe against the book: scores, and transfer learning without picking."""

import math
import os
import statistics
from pathlib import Path

from scipy import stats

from scripts.benchmarks.runs import Row, kept, score_table, train_all

#: The photos that the test suite's folder holds, and the bars of chapter 14's networks.
PHOTOS = Path(os.environ.get("ZOO_DATA", ""), "suite", "photos", "ants_bees")
SMALL = ("--model.filters", "[32,64]")
DENSE = ("--model", "mlp")
ROWS = [
    Row("digits", (), "accuracy", None, 0.99, part="test"),
    Row("fashion_mnist", ("--dataset", "fashion_mnist"), "accuracy", 0.9117, 0.935, part="test"),
    Row("small", ("--dataset", "fashion_mnist", *SMALL), "accuracy", 0.9117, 0.925, part="test"),
    Row("mnist", ("--dataset", "mnist"), "accuracy", 0.9914, 0.995, part="test"),
    Row("ants_bees", ("--data", str(PHOTOS)), "accuracy", None, 0.65, part="test"),
]
DENSE_ROWS = [
    Row(
        "dense_fashion_mnist",
        ("--dataset", "fashion_mnist", *DENSE),
        "accuracy",
        0.8864,
        0.908,
        part="test",
    ),
    Row("dense_mnist", ("--dataset", "mnist", *DENSE), "accuracy", 0.9806, 0.985, part="test"),
]
CIFAR_ROWS = [Row("cifar10", ("--dataset", "cifar10"), "accuracy", None, 0.90)]

#: The book's task (2nd edition, chapter 11, cells 78 to 94): 200 pictures of sandals and shirts,
#: for a network that has learned the eight other classes.
OTHERS = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sneaker,Bag,Ankle boot"
TASK = (
    "--model",
    "mlp",
    "--dataset",
    "fashion_mnist",
    "--labels",
    "Sandal,Shirt",
    "--train_size",
    "200",
)
NETWORK = (
    "--model.preset", "self_normalizing", "--model.units", "[300,100,50,50,50]",
    "--model.dropout", "0",
)  # fmt: skip
BATCHES = ("--batch_size", "32", "--epochs", "20")
DRAWS = 10


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures what `only` names; see `scripts.benchmarks.forecast.measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    groups = {
        "`zoo train images` with its defaults, `small` with `--model.filters [32,64]` (test "
        "accuracy)": ROWS,
        "`zoo train images --model mlp` (test accuracy)": DENSE_ROWS,
        "CIFAR-10 (validation accuracy)": CIFAR_ROWS,
    }
    sections = {}
    for title, rows in groups.items():
        chosen = [row for row in rows if any(part in row.name for part in only)]
        if chosen:
            results = train_all("images", chosen, seeds, folder, fresh)
            sections[title] = score_table(chosen, results)
    if any(part in "transfer" for part in only):
        found = kept(folder / "transfer.json", lambda: transfer(folder, fresh), fresh)
        sections["Transfer: sandals and shirts from 200 pictures"] = _transfer_text(found)
    return sections


def transfer(folder, fresh=False) -> dict:
    """Trains the task from scratch and on copied layers, for each of some draws of its pictures.

    Returns:
        Test errors `scratch` and `transferred`, one of each draw.
    """
    base = Row(
        "transfer-base", ("--dataset", "fashion_mnist", *DENSE, "--labels", OTHERS, *NETWORK)
    )
    train_all("images", [base], 1, folder, fresh)
    source = folder / "images" / "transfer-base-seed-1"
    copied = ("--transfer_from", str(source), "--freeze", "4", "--frozen_epochs", "4")
    rows = [
        Row("transfer-scratch", (*TASK, *NETWORK, *BATCHES)),
        Row("transfer-copied", (*TASK, *NETWORK, *BATCHES[:2], "--epochs", "16", *copied)),
    ]
    results = train_all("images", rows, DRAWS, folder, fresh)
    errors = [[1 - run["test"]["accuracy"] for run in results[row.name]] for row in rows]
    return {"scratch": errors[0], "transferred": errors[1]}


def _transfer_text(result):
    scratch, transferred = result["scratch"], result["transferred"]
    gains = [a - b for a, b in zip(scratch, transferred, strict=True)]
    mean, count = statistics.fmean(gains), len(gains)
    half = stats.t.ppf(0.975, count - 1) * statistics.stdev(gains) / math.sqrt(count)
    verdict = "significantly better" if mean > half else "no significant difference"
    return (
        f"Test error {statistics.fmean(scratch):.2%} from scratch (20 epochs) and "
        f"{statistics.fmean(transferred):.2%} on four layers copied from a network that knows the "
        f"eight other classes (4 epochs frozen, then 16), means over {count} draws of the training "
        f"pictures, none left out. Paired difference {mean:.2%} ± {half:.2%} (95 % interval): "
        f"{verdict}. The book: 2.95 % and 0.60 %, one draw, after trying several."
    )
