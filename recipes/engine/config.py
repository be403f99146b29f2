"""The flags that all recipes share, as a typed dataclass.

Each recipe extends `TrainConfig` with its own. The dataclass is the command line (one flag a
field, its help text from the docstring), the YAML file of a run, and what the four functions of a
recipe read. Ranges are checked in `validate`, not by restricted types of jsonargparse: these do not
check configurations made in Python, and their messages speak of types.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

import docstring_parser
import yaml

from recipes.errors import DAMAGED, UserError

BACKENDS = ("tensorflow", "jax", "torch")
_LARGEST = 1_000_000  # bytes of a file of settings
#: The name that stands for a choice and mean of several models.
AUTO = "auto"


def _backend():
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


@dataclass
class TrainConfig:
    """Settings of a training run.

    Args:
        model: Name of a zoo model (see `zoo list models`). `auto` trains several, where a recipe
            has them, and averages those that validation chooses.
        start_from: A run to go on from, with new data. Its model is trained further; its settings
            are the defaults then, at a tenth of its learning rate.
        time_limit: Time for --model auto, such as 90s, 10m or 1h.
        model_arguments: An argument of the model, such as units.
        dataset: A named dataset (see `zoo list datasets`). Defaults to the recipe's offline one.
        data: Your own file, instead of a dataset.
        preset: A named set of flags (see `zoo list presets`). Such are the models of the book.
        epochs: Largest number of passes over the training data; without one, the data decide.
        batch_size: Examples in a training step.
        loss: Training loss of point forecasts: squared error, or Huber's, not ruled by outliers.
        optimizer: Keras optimizer.
        learning_rate: Rate of the optimizer; the peak of a schedule.
        schedule: How the rate moves: `cosine` warms up linearly and then falls to zero; `1cycle`
            rises, falls and moves the momentum against it; `plateau` halves the rate when the
            monitored score has not improved for 5 epochs; `restarts` are three cosines, each twice
            as long as the one before; `flat_cosine` falls in the last quarter; `exponential`
            divides by 10 over four fifths of the run; `power` is 1 / (1 + 10 t).
        warmup: Fraction of all steps that warm up, with the cosine schedule.
        weight_decay: Decoupled weight decay of adamw, lion and muon.
        momentum: Momentum of sgd.
        nesterov: Nesterov's form of the momentum of sgd.
        clipnorm: Gradients with a larger norm are scaled down to it; 0 turns it off.
        clipvalue: Components of gradients beyond it are cut off (set clipnorm to 0); 0 for none.
        ema: Decay of a moving average of the weights, which is what is validated and kept; 0 for
            none, else 0.9 to 0.9999.
        prune: Fraction of the smallest weights of each kernel that is set to 0 in the first half of
            the epochs; the best epoch is one of the others.
        precision: Numbers of the layers' computations; `bfloat16` is mixed precision, fast on
            recent GPUs and slow on most CPUs.
        patience: Stop after so many epochs without progress. The monitored validation score tells;
            0 never stops early. The best epoch's weights are kept either way.
        seed: Seed of everything random. The same seed gives the same result on the same machine.
        logdir: Folder of all runs.
        name: Name of this run. Defaults to the time.
        overwrite: Replace a run of the same name.
        backend: Keras backend. Defaults to KERAS_BACKEND of the environment, else tensorflow.
        device: Where to compute. `auto` takes a GPU when there is one.
        distribution: `data_parallel` cuts each batch among all devices, on JAX; `model_parallel`
            embeddings and other large matrices.
        jit_compile: Compile the training step with XLA, as JAX always does. `auto` decides by
            model, data and device, and a run keeps what it decided.
        steps_per_execution: Training steps for each call into the backend. Larger is faster for
            small models; `auto` takes up to 32.
        on_nan: What to do where the loss is no longer a number: stop, or go back to the last good
            epoch, and on at half the rate (and where that fails, further back).
        norms: Log the norms of gradients and updates, by epoch.
        histogram_freq: Epochs between histograms of the weights in TensorBoard; 0 for none.
        profile: Record a few training steps for TensorBoard's Profile tab (pip install xprof).
        progress: Show a progress bar.
    """

    #: Flags that `--help` shows, by group; `--help-all` has the others, too.
    COMMON: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "data": ("data", "dataset", "preset"),
        "model": ("model", "model_arguments", "start_from", "time_limit"),
        "training": ("epochs", "batch_size", "learning_rate", "patience", "seed"),
        "output": ("name", "overwrite", "device"),
    }
    #: Named datasets, with a line about each, and what to use for the user's own data.
    DATASETS: ClassVar[Mapping[str, str]] = {}
    OWN_DATA: ClassVar[str] = "a file of your own, use --data FILE"
    #: Flags that say where a run goes and what it shows, not what it learns.
    NOT_LEARNED_FROM: ClassVar[tuple[str, ...]] = (
        "logdir", "name", "overwrite", "device", "distribution", "progress", "norms",
        "histogram_freq", "profile",
    )  # fmt: skip
    #: What flags, or values `flag=value` of them, were called in runs of format 1.
    RENAMED: ClassVar[dict[str, str]] = {}

    model: str = ""
    start_from: str | None = None
    time_limit: str = "10m"
    model_arguments: dict[str, Any] = field(default_factory=dict)
    dataset: str | None = None
    data: str | None = None
    preset: str | None = None
    epochs: int | None = 20
    batch_size: int = 32
    loss: Literal["mse", "huber"] = "mse"
    optimizer: Literal[
        "adamw", "adam", "nadam", "adamax", "adagrad", "rmsprop", "sgd", "lion", "muon"
    ] = "adamw"
    learning_rate: float = 0.001
    schedule: Literal[
        "cosine", "1cycle", "constant", "plateau", "flat_cosine", "restarts", "exponential", "power"
    ] = "cosine"
    warmup: float = 0.05
    weight_decay: float = 0.0
    momentum: float = 0.9
    nesterov: bool = False
    clipnorm: float = 1.0
    clipvalue: float = 0.0
    ema: float = 0.0
    prune: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    patience: int = 0
    seed: int = 42
    logdir: str = "logs"
    name: str | None = None
    overwrite: bool = False
    backend: Literal["tensorflow", "jax", "torch"] = field(default_factory=_backend)
    device: Literal["auto", "cpu", "gpu"] = "auto"
    distribution: Literal["none", "data_parallel", "model_parallel"] = "none"
    jit_compile: bool | Literal["auto"] = "auto"
    steps_per_execution: int | Literal["auto"] = "auto"
    on_nan: Literal["stop", "restore"] = "stop"
    norms: bool = False
    histogram_freq: int = 0
    profile: bool = False
    progress: bool = True

    @property
    def refits(self) -> bool:
        """Whether a second model is trained on all data; the recipe's own flag says so."""
        return False

    @classmethod
    def from_saved(cls, saved: dict[str, Any], source: str = "config.yaml") -> Self:
        """The configuration in a run's `config.yaml`, of this format or an older one.

        A `UserError` if there is a setting that the recipe does not have, or one of another type.
        """
        settings = cls.renamed(saved)
        if unknown := sorted({*settings} - {each.name for each in fields(cls)}, key=str):
            raise UserError(f"{source}: there is no setting {unknown[0]!r}.")
        return cls(**settings).typed(source)

    def typed(self, source: str) -> Self:
        """Itself; a `UserError` for the first setting of another type than it should have."""
        hints = get_type_hints(type(self))
        for name, value in vars(self).items():
            if not _fits(value, hints[name]):
                raise UserError(f"{source}: {name} cannot be {str(value)[:60]!r}.")
        return self

    @classmethod
    def renamed(cls, saved: dict[str, Any]) -> dict[str, Any]:
        """Settings under their present names.

        >>> from recipes.forecast import ForecastConfig
        >>> ForecastConfig.renamed({"known": "f.csv", "strategy": "iterated"})
        {'future_covariates': 'f.csv', 'strategy': 'recursive'}
        """
        found = {cls.RENAMED.get(name, name): value for name, value in saved.items()}
        return {name: cls.RENAMED.get(f"{name}={value}", value) for name, value in found.items()}

    @property
    def first_kept(self) -> int:
        """The first epoch, from 0, that may be the best: the last one that prunes weights."""
        return max(1, (self.epochs or 0) // 2) - 1 if self.prune else 0

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        for name, hint in get_type_hints(type(self)).items():
            choices, value = get_args(hint), getattr(self, name)
            numbers = value if isinstance(value, list | tuple) else [value]
            if any(isinstance(each, float) and not math.isfinite(each) for each in numbers):
                raise UserError(f"Expected --{name} to be finite. Received: {value}")
            if get_origin(hint) is Literal and value not in choices:
                flag = "KERAS_BACKEND" if name == "backend" else f"--{name}"
                raise UserError(
                    f"Expected {flag} to be one of {', '.join(choices)}. Received: {value!r}"
                )
        if self.distribution != "none" and self.backend != "jax":
            raise UserError(
                f"--distribution works on JAX (--backend jax). Received: --backend {self.backend}"
            )
        seconds_of(self.time_limit)
        if self.model == AUTO and self.model_arguments:
            raise UserError(
                f"--model.{min(self.model_arguments)} belongs to one model: name it with --model, "
                "or leave the argument out."
            )
        at_least(self, 1, "epochs", "batch_size")
        if self.steps_per_execution != AUTO:
            at_least(self, 1, "steps_per_execution")
        at_least(self, 0, "weight_decay", "clipnorm", "clipvalue", "patience", "seed")
        at_least(self, 0, "histogram_freq")
        if self.seed >= 2**32:
            raise UserError(f"--seed must be below 2**32. Received: {self.seed}")
        if not self.learning_rate > 0:
            raise UserError(f"--learning_rate must be above 0. Received: {self.learning_rate}")
        below_one(self, "warmup", "momentum", "ema", "prune", zero=True)
        if self.profile and self.backend == "torch":
            raise UserError("--profile needs --backend tensorflow or jax.")
        if self.prune and self.ema:
            raise UserError("Averages of pruned weights are not 0: with --prune say --ema 0.")
        if self.clipnorm and self.clipvalue:
            raise UserError("Give either --clipnorm or --clipvalue and set the other to 0.")
        if self.schedule == "1cycle" and self.optimizer not in ("sgd", "adam", "adamw", "nadam"):
            raise UserError(
                f"--schedule 1cycle moves a momentum, and {self.optimizer} has none that can be "
                "moved: use sgd, adam, adamw or nadam."
            )
        if self.nesterov and (self.optimizer != "sgd" or not self.momentum):
            raise UserError("--nesterov is a form of momentum: use --optimizer sgd --momentum 0.9.")
        if self.dataset and self.data:
            raise UserError("Give either --dataset or --data, not both.")
        if self.dataset not in (None, *self.DATASETS):
            raise UserError(
                f"There is no dataset {self.dataset!r}. Expected one of "
                f"{', '.join(self.DATASETS)}; for {self.OWN_DATA}."
            )


def read_yaml(path, what: str = "") -> Any:
    """The values in a YAML file, as they stand: no tags, and no aliases, which can make gigabytes.

    A `UserError` if it cannot be read; `what` stands before its name.
    """
    kind, depth = getattr(yaml, "CSafeLoader", yaml.SafeLoader), 0
    try:
        if Path(path).is_fifo() and not str(path).startswith("/dev/"):  # that of <(...) is there
            raise OSError("it is a pipe, expected a file")
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:  # a device may never end
            raise OSError(f"it is larger than {_LARGEST:,} bytes")
        text = content.decode()
        for event in yaml.parse(text, kind):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > 99:
                why = "write values out, in place of *, and in fewer than 100 levels"
                raise yaml.MarkedYAMLError(problem=why, problem_mark=event.start_mark)
        return yaml.load(text, kind)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read {what}{path}: {error}.") from error
    except (*DAMAGED, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "unreadable"
        raise UserError(f"{what}{path} is not valid YAML{where}: {reason}.") from error


def _fits(value, hint):
    """Whether a value that YAML knows is of a type."""
    kind = get_origin(hint)
    if kind is Literal:
        return value in get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if kind in (list, tuple):
        inner = get_args(hint)
        parts = value if isinstance(value, list | tuple) else [object]
        return all(any(_fits(part, each) for each in inner) for part in parts)
    kind = kind or hint
    return kind is Any or isinstance(value, int | float if kind is float else kind)


#: How the book trains where it says nothing else, which is how Keras does, as flags of presets.
BOOK = {
    "batch_size": 32, "learning_rate": 0.001, "schedule": "constant", "weight_decay": 0.0,
    "clipnorm": 0.0, "patience": 0,
}  # fmt: skip


def descriptions(kind: type) -> dict[str, str]:
    """What the docstrings of a configuration and its bases say of each flag."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        documented = docstring_parser.parse(each.__doc__ or "").params
        found |= {item.arg_name: " ".join(str(item.description).split()) for item in documented}
    return found


def common(**more: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """`TrainConfig.COMMON` with more flags, by group."""
    return {group: (*names, *more.get(group, ())) for group, names in TrainConfig.COMMON.items()}


def seconds_of(text: str) -> float:
    """The seconds of a time limit; a `UserError` if it is none.

    >>> seconds_of("90"), seconds_of("10m"), seconds_of("1.5h")
    (90.0, 600.0, 5400.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([smh]?)", text.strip())
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    if not seconds:
        raise UserError(f"--time_limit must be a time such as 90s, 10m or 1h. Received: {text!r}")
    return seconds


def with_epochs(config, examples: int, factor: float):
    """A configuration with `epochs`, where no flag says them, that follow from the examples.

    There are as many as `factor` divided by the root of the examples, 10 to 300: few examples make
    few steps an epoch, and a network learns nothing in a few hundred steps.

    >>> [with_epochs(TrainConfig(epochs=None), n, 3000).epochs for n in (50, 250, 1000, 100_000)]
    [300, 190, 95, 10]
    """
    epochs = min(max(round(factor / examples**0.5), 10), 300)
    return config if config.epochs else replace(config, epochs=epochs)


def at_least(config, minimum, *names) -> None:
    """Raises a `UserError` for the first of the named settings below `minimum`."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not value >= minimum:
            raise UserError(f"--{name} must be at least {minimum}. Received: {value}")


def below_one(config, *names, zero=False) -> None:
    """Raises a `UserError` for the first of the named settings that is no fraction (or None)."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not (0 < value < 1 or (zero and value == 0)):
            least = "at least" if zero else "above"
            raise UserError(f"--{name} must be {least} 0 and below 1. Received: {value}")


def check_levels(config) -> None:
    """Raises a `UserError` for the first of `--conformal` that is no percentage."""
    for level in config.conformal:
        if not 1 <= level <= 99:
            raise UserError(f"--conformal takes percentages from 1 to 99. Received: {level}")
