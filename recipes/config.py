"""The flags that all recipes share, as a typed dataclass.

Each recipe extends `TrainConfig` with its own. The dataclass is the command line (one flag a
field, its help text from the docstring), the YAML file of a run, and what the four functions of a
recipe read.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from recipes.errors import UserError


@dataclass
class TrainConfig:
    """Settings of a training run.

    Args:
        model: Name of a zoo model (`zoo list` prints them).
        model_arguments: Arguments of the model's factory; on the command line `--model.units 64`.
        dataset: A named dataset. Defaults to the recipe's offline one.
        data: Your own file, instead of a dataset.
        preset: A named set of flags, such as a model of the book; see `zoo list`.
        epochs: Largest number of passes over the training data.
        batch_size: Examples in a training step.
        loss: Training loss of point forecasts: squared error, or Huber's, which outliers do not
            dominate.
        optimizer: Keras optimizer.
        learning_rate: Its rate; the peak of a schedule.
        schedule: How the rate moves: `cosine` warms up linearly and then falls to zero; `1cycle`
            rises, falls and moves the momentum against it.
        warmup: Share of all steps that warm up, with the cosine schedule.
        weight_decay: Decoupled weight decay of adamw.
        momentum: Momentum of sgd.
        clipnorm: Gradients with a larger norm are scaled down to it; 0 turns it off.
        patience: Stop when the monitored validation score has not improved for so many epochs; 0
            never stops early. The best epoch's weights are kept either way.
        seed: Seed of everything random. The same seed gives the same result on the same machine.
        logdir: Folder of all runs.
        name: Name of this run. Defaults to the time.
        overwrite: Replace a run of the same name.
        backend: Keras backend.
        device: Where to compute; `auto` takes a GPU when there is one.
        jit_compile: Compile the training step with XLA.
        steps_per_execution: Training steps for each call into the backend. Larger is faster for
            small models.
        norms: Log the norms of gradients and updates, by epoch.
        histogram_freq: Epochs between histograms of the weights in TensorBoard; 0 for none.
        profile: Record a few training steps for TensorBoard's Profile tab (pip install xprof).
        progress: Show a progress bar.
    """

    model: str = ""
    model_arguments: dict[str, Any] = field(default_factory=dict)
    dataset: str | None = None
    data: str | None = None
    preset: str | None = None
    epochs: int = 20
    batch_size: int = 32
    loss: Literal["mse", "huber"] = "mse"
    optimizer: Literal["adamw", "adam", "nadam", "rmsprop", "sgd"] = "adamw"
    learning_rate: float = 0.001
    schedule: Literal["cosine", "1cycle", "constant"] = "cosine"
    warmup: float = 0.05
    weight_decay: float = 0.0
    momentum: float = 0.9
    clipnorm: float = 1.0
    patience: int = 0
    seed: int = 42
    logdir: str = "logs"
    name: str | None = None
    overwrite: bool = False
    backend: Literal["tensorflow", "jax", "torch"] = "tensorflow"
    device: Literal["auto", "cpu", "gpu"] = "auto"
    jit_compile: bool = True
    steps_per_execution: int = 32
    norms: bool = False
    histogram_freq: int = 0
    profile: bool = False
    progress: bool = True

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        at_least(self, 1, "epochs", "batch_size", "steps_per_execution")
        at_least(self, 0, "weight_decay", "clipnorm", "patience", "seed", "histogram_freq")
        if self.seed >= 2**32:
            raise UserError(f"--seed must be below 2**32. Received: {self.seed}")
        if not self.learning_rate > 0:
            raise UserError(f"--learning_rate must be above 0. Received: {self.learning_rate}")
        for name in ("warmup", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(
                    f"--{name} must be at least 0 and below 1. Received: {getattr(self, name)}"
                )
        if self.profile and self.backend == "torch":
            raise UserError("--profile needs --backend tensorflow or jax.")
        if self.schedule == "1cycle" and self.optimizer == "rmsprop":
            raise UserError(
                "--schedule 1cycle moves a momentum, and rmsprop has none: use sgd or adam."
            )
        if self.dataset and self.data:
            raise UserError("Give either --dataset or --data, not both.")


def at_least(config, minimum, *names) -> None:
    """Raises a `UserError` for the first of the named settings below `minimum`."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not value >= minimum:
            raise UserError(f"--{name} must be at least {minimum}. Received: {value}")
