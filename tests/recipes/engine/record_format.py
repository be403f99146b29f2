"""Records a small run of each recipe in the form that runs have today, and what it predicts.

    python -m tests.recipes.engine.record_format tests/recipes/engine/format_2

Done once a form, when it is new; later versions must predict the same from these files.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from recipes.cli import main
from tests.recipes.conftest import quick
from tests.recipes.engine.test_formats import ASKED, INPUT

COMMON = {"name": "saved", "epochs": 2, "batch_size": 32, "seed": 42, "logdir": "logs",
          "jit_compile": "false", "steps_per_execution": 1, "progress": "false"}  # fmt: skip
#: Files of a run that predictions need.
KEPT = ("config.yaml", "model.keras", "conformal.npz")
#: Flags of each recipe: what a form keeps in the model and in `config.yaml`, all at small sizes.
FLAGS = {
    "forecast": {"data": "sales.csv", "target": "sales", "past_covariates": "price",
                 "future_covariates": "holidays.csv", "datetime_features": "dayofweek",
                 "window": 14, "horizon": 3, "model": "linear_forecaster", "head": "quantile",
                 "conformal": 80, "statistics_seconds": 0},
    "images": {"data": "photos", "image_size": "8,8", "model": "mlp", "model.units": 4},
    "generate_images": {"data": "bands.npz", "model": "autoencoder", "model.units": "[8,3]",
                        "score_samples": 50},
    "tabular": {"data": "people.csv", "target": "left", "model": "wide_and_deep",
                "model.units": 4, "conformal": 80},
    "language_model": {"data": "novel.txt", "model": "char_rnn", "model.units": 8,
                       "model.embedding_dim": 4, "window": 20},
    "text_classification": {"data": "mails.csv", "text": "body", "target": "folder",
                            "model": "text_classifier", "model.embedding_dim": 4},
    "translation": {"data": "pairs.tsv", "model": "seq2seq", "model.units": 8,
                    "model.embedding_dim": 4, "model.attention_layer_size": 8},
}  # fmt: skip


def write_data(folder: Path, rng) -> None:
    """Writes what the runs are trained on."""
    from PIL import Image

    for name in ("sales.csv", "holidays.csv"):
        shutil.copy(INPUT / name, folder)
    rows = [
        f"{i},{rng.integers(18, 80)},{rng.choice(['basic', 'plus', 'pro'])},"
        f"{rng.choice(['N', 'E', 'S', 'W'])},{rng.integers(9, 60)}000,{rng.choice(['no', 'yes'])}"
        for i in range(200)
    ]
    header = (INPUT / "churn.csv").read_text().partition("\n")[0]
    (folder / "people.csv").write_text("\n".join([header, *rows]))
    for index in range(60):
        path = folder / "photos" / ("box", "disc")[index % 2] / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(path)
    x = rng.integers(0, 256, (60, 4, 8)).astype(np.uint8)
    np.savez(folder / "bands.npz", x=x, y=np.arange(60) % 2)
    words = ["the", "a", "red", "blue", "old", "new", "cat", "dog", "film", "book", "sees", "finds"]
    sentences = [" ".join(rng.choice(words, 6)) for _ in range(400)]
    (folder / "novel.txt").write_text("\n".join(sentences))
    mails = [f"{('a great ', 'a dull ')[i % 2]}{text},{('good', 'bad')[i % 2]}"
             for i, text in enumerate(sentences[:200])]  # fmt: skip
    (folder / "mails.csv").write_text("\n".join(["body,folder", *mails]))
    pairs = [f"{text}\t{' '.join(reversed(text.upper().split()))}" for text in sentences]
    (folder / "pairs.tsv").write_text("\n".join(pairs))


def record(target: Path) -> None:
    """Trains the runs and keeps their settings, models and predictions."""
    (target / "expected").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work, contextlib.chdir(work):
        write_data(Path(work), np.random.default_rng(2))
        shutil.copy("bands.npz", INPUT)  # which `predict` reads again
        for recipe, flags in FLAGS.items():
            given = [f"--{name}={value}" for name, value in {**COMMON, **flags}.items()]
            with quick():
                assert main(["train", recipe, *given]) == 0
            (target / recipe).mkdir()
            for name in KEPT:
                path = Path("logs", recipe, "saved", name)
                if path.exists():
                    shutil.copy(path, target / recipe)
    os.chdir(INPUT)
    for recipe, (asked, name) in ASKED.items():
        output = ["-o", str(target / "expected" / name)]
        assert main(["predict", str(target / recipe), *map(str, asked), *output]) == 0


if __name__ == "__main__":
    record(Path(sys.argv[1]).resolve())
