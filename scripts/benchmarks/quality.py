"""How long training takes until it is as good as the book's at its end: the book's way, and ours.

Ours is trained, on one core, until its score on the validation part is the one that the book prints
for its last epoch; what compiling, validation, checkpoints and TensorBoard take is counted. The
book's way are its own steps, `fit` with its network, its optimizer and batches of 32: the time of
one, out of the turns of `speed`, times the number that the book trains, without its validation.
All by the processor's time.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from recipes.engine.tables import markdown
from scripts.benchmarks.runs import kept, mean_and_deviation
from scripts.benchmarks.speed import STEPS, in_turns
from scripts.benchmarks.start import ALONE, one_core


@dataclass(frozen=True)
class Goal:
    """What the book reaches.

    Args:
        recipe: Recipe of ours.
        flags: Its flags.
        steps: Training steps of the book.
        score: Score that the book prints for its last epoch, of the validation part.
        reached: The score there.
        higher: Whether more of it is better.
        bar: How many times as fast ours is to be.
    """

    recipe: str
    flags: str
    steps: int
    score: str
    reached: float
    higher: bool
    bar: float


#: By the name of the network in `speed_worker`, whose flags are the book's own.
GOALS = {
    "mlp": Goal(
        "images",
        "--dataset fashion_mnist --model mlp --model.units [300,100] --model.dropout 0 "
        "--mirror false --shift 0 --batch_size 128 --learning_rate 0.003 --epochs 5",
        30 * 1719, "val_accuracy", 0.8920, True, 5,
    ),
    "wavenet": Goal(
        "forecast", "--preset ml2-ch15-86 --learning_rate 0.01 --schedule 1cycle --epochs 10",
        20 * 219, "val_last_step_mse", 0.0072, False, 3,
    ),
    "char_rnn": Goal(
        "language_model",
        "--preset ml3-ch16-32 --stride 100 --learning_rate 0.006 --schedule 1cycle --epochs 24",
        10 * 31_247, "val_loss", 1.5477, False, 50,
    ),
}  # fmt: skip
WAYS = ("tensorflow", "jax")


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Measures the networks that `only` names; see `__main__`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["", "until", "book", "ours", "epochs", "times as fast", "bar"]]
    for name, goal in GOALS.items():
        if not any(part in name for part in only):
            continue
        book = kept(folder / f"{name}-book.json", lambda n=name: in_turns(n, ("book",)), fresh)
        book = goal.steps * statistics.median(book["book"]["processor"]) / STEPS[name]
        for way in WAYS:
            path = folder / f"{name}-{way}.json"
            ours = kept(path, lambda n=name, w=way: _ours(n, w, seeds), fresh)
            rows.append([f"{name.replace('_', ' ')}, {way}", *cells(goal, book, ours)])
    return {"Until it is as good as the book's at its end": markdown(rows) + _BELOW}


_BELOW = (
    "\n\nSeconds of one core. The book's: its steps of 32, measured here, times their number; "
    "ours: with their deviation over the seeds, from the start of `fit` on, compiling included."
)


def cells(goal, book, ours) -> list[str]:
    """The cells of a way.

    >>> goal = Goal("images", "", 10, "val_loss", 0.5, False, 5)
    >>> cells(goal, 100.0, [{"epochs": 2, "seconds": 10.0}, {"epochs": 4, "seconds": 15.0}])
    ['val_loss 0.5', '100 s', '12 ± 4 s', '2 to 4', '8.0', '5: yes']
    >>> cells(goal, 100.0, [None, {"epochs": 4, "seconds": 15.0}])[2:]
    ['not reached by 1 of 2 seeds', '', '', '5: **no**']
    """
    head = [f"{goal.score} {goal.reached:g}", f"{book:,.0f} s"]
    if None in ours:
        said = f"not reached by {ours.count(None)} of {len(ours)} seeds"
        return [*head, said, "", "", f"{goal.bar:g}: **no**"]
    mean, deviation = mean_and_deviation([each["seconds"] for each in ours])
    epochs = [each["epochs"] for each in ours]
    span = f"{min(epochs)} to {max(epochs)}" if min(epochs) < max(epochs) else f"{epochs[0]}"
    times = book / mean
    bar = f"{goal.bar:g}: {'yes' if times >= goal.bar else '**no**'}"
    return [*head, f"{mean:.0f} ± {deviation:.0f} s", span, f"{times:.1f}", bar]


def _ours(name, way, seeds):
    """Epochs and seconds of each seed; None where the score was not reached."""
    found = []
    for seed in range(1, seeds + 1):
        worker = [sys.executable, "-m", "scripts.benchmarks.quality", name, str(seed)]
        done = subprocess.run(
            worker, stdout=subprocess.PIPE, check=True, preexec_fn=one_core,
            env=os.environ | ALONE | {"KERAS_BACKEND": way},
        )  # fmt: skip
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def train(name, seed):
    """Trains ours until it is good enough; epochs and seconds, or None if it never is."""
    import keras

    from recipes.engine import fitting
    from recipes.engine.arguments import parse
    from recipes.engine.folder import RunFolder
    from recipes.engine.recipe import find_recipe

    goal = GOALS[name]
    config = parse(goal.recipe, [*goal.flags.split(), "--seed", str(seed)])
    config, task = find_recipe(goal.recipe).load(config)
    fitting.start_afresh(config)
    built = find_recipe(goal.recipe).build_model(config, task)
    found = None

    class Watch(keras.callbacks.Callback):
        """Ends the training when it is good enough."""

        def on_epoch_end(self, epoch, logs=None):
            nonlocal found
            score = logs[goal.score]
            print(epoch + 1, score, time.process_time() - began, file=sys.stderr, flush=True)
            if score >= goal.reached if goal.higher else score <= goal.reached:
                found = {"epochs": epoch + 1, "seconds": time.process_time() - began}
                self.model.stop_training = True

    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        fitting.fit(built, task, config, RunFolder(folder), unseen=[Watch()])
    return found


if __name__ == "__main__":
    print(json.dumps(train(sys.argv[1], int(sys.argv[2]))))
