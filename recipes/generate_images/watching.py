"""Scores of what is drawn, as training goes on."""

import keras

from recipes.generate_images import features


class FrechetWatch(keras.callbacks.Callback):
    """Adds `val_frechet` to the scores of each epoch: the losses of two players tell no progress.

    Attributes:
        best: The scores of the best epoch.
    """

    def __init__(self, task, model):
        super().__init__()
        self.task = task
        self.drawn = model
        self.best: dict[str, float] = {}

    def on_epoch_end(self, epoch, logs=None):
        """Draws, and scores what was drawn."""
        network, described = self.task.features
        found, _ = self.task.predict(self.task.predictor(self.drawn), "validation")
        logs["val_frechet"] = features.frechet(
            described["validation"].moments, network(found).moments
        )
        if logs["val_frechet"] < self.best.get("val_frechet", float("inf")):
            self.best = {name: float(value) for name, value in logs.items()}

    def get_state(self) -> dict:
        """What `Checkpoint` saves."""
        return {"best": self.best}

    def set_state(self, state) -> None:
        """Takes up what was saved; `None` for a fresh start."""
        self.best = state["best"] if state else {}

    def finished(self) -> dict[str, float]:
        """Losses of both players in the best epoch."""
        return {name: self.best[name] for name in self.best if name.endswith("_loss")}
