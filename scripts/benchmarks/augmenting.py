"""What each way of changing training pictures gains, those that the recipe leaves out included.

    python -m scripts.benchmarks.augmenting cutmix train images --data photos

is `zoo train images --data photos` with CutMix. MixUp, CutMix and RandAugment gained nothing where
they were measured, so the recipe does without.
"""

import sys
from dataclasses import replace
from unittest import mock

import keras
import numpy as np

from scripts.benchmarks.runs import Row, mean_and_deviation, show

#: What each is called, what `main` adds to the recipe, and flags of the recipe.
NONE = ("--augment", "none", "--mirror", "false", "--tta", "false")
WAYS = {
    "none": ("", NONE),
    "mirrored, also when tested": ("", ("--augment", "none", "--mirror", "true")),
    "moved": ("", ("--mirror", "false", "--tta", "false", "--augment", "light")),
    "mirrored and moved": ("", ("--augment", "light", "--mirror", "true")),
    "the default": ("", ()),
    "the default, partly erased": ("", ("--erase", "0.25")),
    "the default, RandAugment": ("randaugment", ()),
    "the default, MixUp": ("mixup", ()),
    "the default, CutMix": ("cutmix", ()),
}
FEW = 5_000


def rows(photos) -> dict[str, dict[str, Row]]:
    """The `Row` of each way of each set; `photos` is a folder of them, which may be missing."""
    sets = {"few": ("--dataset", "fashion_mnist", "--train_size", str(FEW))}
    if photos.exists():
        sets["photos"] = ("--data", str(photos))
    found: dict[str, dict[str, Row]] = {}
    for name, data in sets.items():
        for number, (way, (mixed, flags)) in enumerate(WAYS.items()):
            row = Row(f"augment-{name}-{number}", (*data, *flags), "accuracy", part="test")
            if mixed:
                row = replace(row, program=("scripts.benchmarks.augmenting", mixed))
            found.setdefault(name, {})[way] = row
    return found


def table(found) -> list[list[str]]:
    """Lines of a table: test accuracy of each way, and its gain over none with the same seeds.

    Args:
        found: By way, the metrics of the runs of one set, seed after seed.
    """
    lines = [["training pictures are", "validation", "test", "gain on none (test)"]]
    none = [run["test"]["accuracy"] for run in found["none"]]
    for way, runs in found.items():
        scores = {part: [run[part]["accuracy"] for run in runs] for part in ("validation", "test")}
        gains = [a - b for a, b in zip(scores["test"], none, strict=True)]
        texts = [f"{show(m)} ± {show(d)}" for m, d in map(mean_and_deviation, scores.values())]
        mean, deviation = mean_and_deviation(gains)
        lines.append([way, *texts, "" if way == "none" else f"{mean:+.4f} ± {deviation:.4f}"])
    return lines


def mixed_batches(kind, base):
    """A subclass of `ArrayBatches` whose training pictures, and their labels, are mixed in pairs.

    MixUp (Zhang et al., 2018, alpha 0.2) adds a picture and its neighbour in the batch; CutMix (Yun
    et al., 2019, alpha 1, of every second batch) pastes a rectangle of the neighbour.
    """

    class Mixed(base):
        def assemble(self, examples, ops=np):
            x, y = super().assemble(examples)
            if self.seed is None:
                return x, y
            random = np.random.default_rng([self.seed, self.epoch, *examples[[0, -1]]])
            other, label = np.roll(x, 1, axis=0), np.roll(y, 1, axis=0)
            if kind == "mixup":
                part = random.beta(0.2, 0.2)
                x = (part * x + (1 - part) * other).astype("float32")
            elif random.random() < 0.5:
                return x, y
            else:
                x, half = x.copy(), np.sqrt(1 - random.beta(1.0, 1.0)) / 2
                sides = [slice(*_cut(random, side, half)) for side in x.shape[1:3]]
                x[:, *sides] = other[:, *sides]
                area = np.prod([each.stop - each.start for each in sides])
                part = 1 - area / np.prod(x.shape[1:3])
            return x, (part * y + (1 - part) * label).astype("float32")

        def feed(self):
            from recipes.data.batches import _PyFeed

            return _PyFeed(self)  # NumPy mixes on every backend

    return Mixed


def _cut(random, side, half):
    centre = random.integers(side)
    return max(int(centre - half * side), 0), min(int(centre + half * side), side)


def main(kind, arguments) -> int:
    """`zoo` with these arguments; `kind` is `mixup`, `cutmix` or `randaugment`."""
    from recipes.classification import task as shared
    from recipes.cli import main as zoo
    from recipes.images import augmentation, task

    mixed, layers = mixed_batches(kind, task.ArrayBatches), augmentation._layers
    classes = []  # of the training part, which comes first and has all

    def batches(x, y, size, seed=None, weights=None):
        if y.ndim == 1:
            classes.append(y.max() + 1)
            y = np.eye(classes[0])[y]
        return mixed(x, y.astype("float32"), size, seed, weights)

    def objective(head, label_smoothing, by_loss, of=shared.objective):
        found = of(head, label_smoothing, by_loss)
        if head == "multiclass":
            loss = keras.losses.CategoricalCrossentropy(True, label_smoothing)
            found |= {"loss": loss, "metrics": [keras.metrics.CategoricalAccuracy("accuracy")]}
        return found

    def more_layers(config, shape):
        return [*layers(config, shape), _RandAugment((0, 255), factor=0.3, dtype="float32")]

    if kind == "randaugment":
        with mock.patch.object(augmentation, "_layers", more_layers):
            return zoo(arguments)
    with (
        mock.patch.object(task, "ArrayBatches", batches),
        mock.patch.object(shared, "objective", objective),
    ):
        return zoo(arguments)


class _RandAugment(keras.layers.RandAugment):
    """Keras' own, which JAX may compile, as the recipe says of its others."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if isinstance(value, keras.layers.Layer) and keras.backend.backend() == "jax":
            value.supports_jit = True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
