"""Tuning: do 20 trials beat the defaults of the images recipe on Fashion-MNIST?"""

import csv
import json
import subprocess
import sys

FLAGS = (
    "--dataset", "fashion_mnist", "--tuner", "random", "--trials", "20", "--epochs", "4",
    "--seed", "1",
)  # fmt: skip


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Searches, unless it was done before; see `scripts.benchmarks.forecast.measure`."""
    del only, seeds  # there is one search
    folder.mkdir(parents=True, exist_ok=True)
    run = folder / "images" / "fashion_mnist"
    if fresh or not (run / "metrics.json").exists():
        where = ("--logdir", str(folder), "--name", run.name, "--overwrite")
        subprocess.run([sys.executable, "-m", "recipes", "tune", "images", *FLAGS, *where])
    with (run / "tuning.csv").open() as file:
        trials = list(csv.DictReader(file))
    metrics = json.loads((run / "metrics.json").read_text())
    return {"20 trials on Fashion-MNIST": _text(trials, metrics)}


def _text(trials, metrics):
    """The defaults, the best trial and what it was set to."""
    scored = [trial for trial in trials if trial["score"]]
    best = max(scored, key=lambda trial: float(trial["score"]))
    default = next(trial for trial in scored if int(trial["trial"]) == 0)
    searched = list(best)[list(best).index("seconds") + 1 : -1]
    settings = ", ".join(f"{name} {best[name]}" for name in searched)
    verdict = (
        f"the best trial reaches {float(best['score']):.4f} ({settings})"
        if best is not default
        else "no trial beat them"
    )
    return (
        f"Random search, 4 epochs a trial. The recipe's defaults, with these 4 epochs, reach "
        f"{float(default['score']):.4f} validation accuracy; {verdict}. Trained again and scored "
        f"once on test: {metrics['test']['accuracy']:.4f}. The best of many trials flatters itself "
        "on validation."
    )
