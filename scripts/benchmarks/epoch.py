"""How long an epoch of the book's WaveNet stack takes: plain `fit` against the recipe's way."""

import statistics
import time

import keras

import zoo
from recipes.data.batches import EpochClock
from recipes.engine.compiling import compiled_by
from recipes.forecast import RECIPE, ForecastConfig, load_data
from recipes.forecast.data.windows import WindowBatches, output_positions
from scripts.benchmarks.timing import paired_ratio


class _Clock(keras.callbacks.Callback):
    """Seconds of each epoch, without what `fit` does before and after."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)


def epoch_speed(rounds=40) -> dict:
    """Times epochs of cell 86 (20 filters, 8 layers, 7,000 windows of 50, batch 32), in turn.

    Plain: `compile(optimizer="adam", loss="mse")` and `fit(x, y, batch_size=32)` on arrays. Recipe:
    the recipe's batches, XLA and several steps in each call. Both start from the same weights.

    Args:
        rounds: Epochs of each way after the first, which compiles and is not counted.

    Returns:
        `plain_seconds`, `recipe_seconds` (medians), the mean `ratio` with the half-width of its
        95 % `interval`, `epochs`, and the last training losses.
    """
    config = ForecastConfig(**RECIPE.presets["ml2-ch15-86"])
    task = load_data(config)
    windows = task.windows
    positions = output_positions(config.window, config.window)
    x, y = (
        windows.inputs(windows.starts["train"]),
        windows.targets(windows.starts["train"], positions),
    )
    batches = WindowBatches(windows, "train", config.batch_size, positions, seed=1)
    models, clocks, losses = {}, {"plain": _Clock(), "recipe": _Clock()}, {}
    for way in clocks:
        keras.utils.set_random_seed(1)
        models[way] = zoo.wavenet_lite((None, 1), config.horizon)
        fast = compiled_by(config, models[way], batches)
        models[way].compile(optimizer="adam", loss="mse", **(fast if way == "recipe" else {}))
    feed = batches.feed()
    for epoch in range(rounds + 1):
        span = {"initial_epoch": epoch, "epochs": epoch + 1, "verbose": 0}
        plain = models["plain"].fit(x, y, batch_size=32, callbacks=[clocks["plain"]], **span)
        watch = [EpochClock(batches), clocks["recipe"]]
        recipe = models["recipe"].fit(feed, shuffle=False, callbacks=watch, **span)
        losses = {"plain": plain.history["loss"][-1], "recipe": recipe.history["loss"][-1]}
    seconds = {way: statistics.median(clock.seconds[1:]) for way, clock in clocks.items()}
    ratio, interval = paired_ratio(clocks["recipe"].seconds[1:], clocks["plain"].seconds[1:])
    return {
        "plain_seconds": seconds["plain"],
        "recipe_seconds": seconds["recipe"],
        "ratio": ratio,
        "interval": interval,
        "epochs": rounds,
        "plain_loss": losses["plain"],
        "recipe_loss": losses["recipe"],
    }
