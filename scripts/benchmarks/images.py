"""The images recipe against the book: scores, and transfer learning without picking."""

import math
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from scipy import stats

from recipes.engine.tables import markdown
from scripts.benchmarks import augmenting
from scripts.benchmarks.runs import Row, kept, score_table, train_all

#: What the book prints for its presets: the best validation accuracy, as far as that can be seen.
BOOK_ACCURACY = {
    "ml2-ch10-57": 0.8976,
    "ml2-ch10-177": 0.9862,
    "ml2-ch11-23": 0.8396,
    "ml2-ch11-27": 0.8398,
    "ml2-ch11-48": 0.8218,
    "ml2-ch11-53": 0.7380,
    "ml2-ch11-61": 0.8750,
    "ml2-ch11-65": 0.8660,
    "ml2-ch11-117": 0.8948,
    "ml2-ch11-129": 0.8910,
    "ml2-ch11-139": 0.8952,
    "ml2-ch11-142": 0.8914,
    "ml2-ch11-151": 0.8962,
    "ml2-ch11-155": 0.8382,
    "ml2-ch11-161": 0.8760,
    "ml2-ch11-184": 0.8674,
    "ml2-ch11-206": 0.5398,
    "ml2-ch11-209": 0.4792,
    "ml3-ch11-37": 0.8046,
    "ml3-ch11-42": 0.7054,
    "ml3-ch11-51": 0.8676,
    "ml3-ch11-55": 0.8652,
    "ml3-ch11-80": 0.8726,
    "ml3-ch11-86": 0.8720,
    "ml3-ch11-89": 0.8424,
    "ml3-ch11-92": 0.8856,
    "ml3-ch11-95": 0.8818,
    "ml3-ch11-98": 0.8854,
    "ml3-ch11-101": 0.8830,
    "ml3-ch11-105": 0.8856,
    "ml3-ch11-130": 0.8802,
    "ml3-ch11-143": 0.8878,
    "ml3-ch11-160": 0.8922,
    "ml3-ch11-167": 0.8182,
    "ml3-ch11-171": 0.8732,
    "ml3-ch11-190": 0.8578,
    "ml3-ch14-53": 0.9188,
}
#: And the test accuracy, where there is no other.
BOOK_TEST_ACCURACY = {"ml3-ch14-102": 0.9914}

#: The photos that the test suite's folder holds, and the bars of chapter 14's networks.
PHOTOS = Path(os.environ.get("ZOO_DATA", ""), "suite", "photos", "ants_bees")
SMALL = ("--model.filters", "[32,64]", "--epochs", "30")
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
AUGMENTED = {
    "few": f"Changing {augmenting.FEW:,} training pictures of Fashion-MNIST",
    "photos": "Changing 397 photos of ants and bees",
}
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
        "`zoo train images` with its defaults, `small` with `--model.filters [32,64] --epochs 30` "
        "(test accuracy)": ROWS,
        "`zoo train images --model mlp` (test accuracy)": DENSE_ROWS,
        "CIFAR-10 (validation accuracy)": CIFAR_ROWS,
    }
    sections = {}
    for title, rows in groups.items():
        there = [row for row in rows if row.name != "ants_bees" or PHOTOS.exists()]
        chosen = [row for row in there if any(part in row.name for part in only)]
        if chosen:
            results = train_all("images", chosen, seeds, folder, fresh)
            sections[title] = score_table(chosen, results)
    for name, ways in augmenting.rows(PHOTOS).items():
        if any(part in f"augment_{name}" for part in only):
            results = train_all("images", ways.values(), seeds, folder, fresh)
            found = {way: results[row.name] for way, row in ways.items() if results[row.name]}
            if found:
                sections[AUGMENTED[name]] = markdown(augmenting.table(found))
    if any(part in "transfer" for part in only):
        found = kept(folder / "transfer.json", lambda: transfer(folder, fresh), fresh)
        sections["Transfer: sandals and shirts from 200 pictures"] = _transfer_text(found)
    if any(part in "input" for part in only):
        found = kept(folder / "input.json", input_share, fresh)
        sections["Input: photos of 256 pixels"] = (
            f"A step of the default network on 16 photos takes {found['step']:.0f} ms, of which "
            f"reading the batch takes {found['read']:.1f} ms: "
            f"{1 - found['read'] / found['step']:.1%} of the step is computation (photos are "
            "decoded once, before training)."
        )
    return sections


def input_share(photos=256, side=256, epochs=2) -> dict:
    """Milliseconds of a training step on photos, and of reading its batch."""
    import numpy as np

    from recipes.engine.optimizer import make_optimizer
    from recipes.images import build_model, default_config, load_data

    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        x = generator.integers(0, 256, (photos, side, side, 3)).astype(np.uint8)
        np.savez(f"{folder}/photos.npz", x=x, y=np.arange(photos) % 2)
        config = replace(default_config(own_data=True), data=f"{folder}/photos.npz", tta=False)
        task = load_data(config)
    built = build_model(config, task)
    batches = task.batches("train", built, seed=1)
    model = built.training_model
    model.compile(make_optimizer(config, 100), built.loss, jit_compile=False)
    model.fit(batches.feed(), shuffle=False, verbose=0)  # traces
    found = {}
    feed = batches.feed()
    work = {"step": lambda: model.fit(feed, shuffle=False, verbose=0), "read": lambda: list(feed)}
    for name, once in work.items():
        started = time.perf_counter()
        for _ in range(epochs):
            once()
        found[name] = (time.perf_counter() - started) / epochs / len(batches) * 1000
    return found


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
