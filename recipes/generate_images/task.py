"""The task of drawing, or compressing, pictures: data, baselines, scores and what is shown."""

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from callbacks import write_projector
from recipes.classification.pictures import PicturesTask
from recipes.data.batches import ArrayBatches, spread
from recipes.data.images.depth import BYTES, Depth
from recipes.data.images.pictures import Pictures
from recipes.engine.task import Figure, OneTestPart, Section
from recipes.generate_images import baselines, features, plots
from recipes.generate_images.config import GenerateConfig
from recipes.generate_images.pixels import RECONSTRUCTING, UNIT, Drawer, Reconstructor, scaled
from zoo.generating_images import drawing_part

#: Pictures on a sheet, training ones to compare them with, pictures compressed, those on a map.
SHOWN, COMPARED, COMPRESSED, MAPPED = 32, 10_000, 5_000, 1_000
#: Below these, the report warns.
FEW_RECALLED, FEW_CLASSES, WON = 0.1, 0.9, 0.1


@dataclass(frozen=True)
class GenerateTask(PicturesTask, OneTestPart):
    """What `load_data` of the recipe returns; see `recipes.images.task.ImageTask`."""

    config: GenerateConfig
    parts: dict[str, Pictures]
    remarks: tuple[str, ...] = ()
    depth: Depth = BYTES

    limits = ("training_pictures",)
    suggestions = "--model diffusion, --model dcgan, more --epochs, another --learning_rate"

    @property
    def reconstructs(self) -> bool:
        """Whether the model gives pictures back and draws none."""
        return self.config.model in RECONSTRUCTING

    @property
    def primary_metric(self) -> str:
        """The score by which the report compares."""
        return "mse" if self.reconstructs else "frechet"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, in words."""
        if self.reconstructs or len(np.unique(self.parts["train"].labels)) > 1:
            return self.remarks
        return (*self.remarks, "no classes: scores are by features that tell clusters apart")

    @property
    def metadata(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        return {"image_shape": list(self.shape), "image_depth": self.depth.metadata}

    def batches(self, split, built, seed=None):
        """Batches of a split: pictures as inputs, and as targets where they are to come back."""
        x = scaled(self.parts[split].images[:], self.config.model)
        y = x if built.loss == "mse" and built.monitor == "val_loss" else np.zeros(len(x))
        return ArrayBatches(x, y, self.config.batch_size if seed is not None else 256, seed)

    def exported(self, model):
        """What `zoo export` takes of a model, some of what it reads, and what both are."""
        pixels = f"pixels from {0 if self.config.model in UNIT else -1} to 1"
        if self.reconstructs:
            images = scaled(self.sample("test")[:64], self.config.model)
            return model, images, (f"Pictures, {pixels}.", f"The same pictures again, {pixels}.")
        part, shape = drawing_part(model)
        inputs = np.random.default_rng(0).standard_normal((64, *shape), "float32")
        words = ("Noise of the standard normal distribution.", f"Pictures, {pixels}.")
        if part is model:
            inputs = {"images": inputs, "time": np.linspace(0, 1, 64, dtype="float32")[:, None]}
            words = (f"Pictures in noise, {pixels}, and how much of it, 0 to 1.", "The noise.")
        return part, inputs, words

    def predictor(self, model):
        """Wraps a trained model: a number of pictures, or pictures, to pictures."""
        if self.reconstructs:
            return Reconstructor(model)
        return Drawer(model, self.config.model, self.config.seed, self.config.steps)

    def baselines(self) -> dict:
        """What does the same without a neural network, by name."""
        part = self.parts["train"]
        if not self.reconstructs:
            return baselines.drawn(part, self.config.seed)
        arguments = self.config.model_arguments
        units = arguments.get("units", 30)
        size = arguments.get("code_size", units[-1] if isinstance(units, list | tuple) else units)
        return baselines.compressed(part, size, self.config.seed)

    def predict(self, predictor, split):
        """What a predictor makes of the pictures of a split; or what it draws, and its `bound`."""
        images = self.sample(split)
        if self.reconstructs:
            return predictor(images)
        bound = predictor.bound(images) if isinstance(predictor, Drawer) else {}
        return predictor(len(images)), bound

    def sample(self, split) -> np.ndarray:
        """The pictures of a split that are scored, or beside which so many are drawn."""
        most = COMPRESSED if self.reconstructs else self.config.score_samples
        part = self.parts[split]
        return np.asarray(part.images[spread(len(part), most)])

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of what `predict` returned for a split."""
        if self.reconstructs:
            wanted = self.sample(split).astype(np.float32) / 255
            return {"mse": float(np.square(wanted - predictions).mean())}
        network, described = self.features
        drawn, bound = predictions
        return features.scores(described[split], network(drawn), network.classes) | bound

    @cached_property
    def features(self):
        """The network for features, and what it sees in each part."""
        part = self.parts["train"]
        network = features.fit(part.images, part.labels, self.config.seed)
        return network, {name: network(self.sample(name)) for name in self.parts}

    def figures(self, model):
        """A function of the epoch that draws a sheet of pictures, for TensorBoard."""
        return lambda epoch: {
            "samples": plots.drawing(self.sheet(self.predictor(model), "validation"))
        }

    def sheet(self, predictor, split):
        """Pictures that show what a model can do."""
        if not self.reconstructs:
            return predictor(SHOWN)
        images = self.sample(split)[: SHOWN // 2]
        return plots.beside(images, predictor.pixels(images))

    def codes(self, model):
        """Some test pictures, and the codes of them, `(n, size)`."""
        part = self.parts["test"].part(spread(len(self.parts["test"]), MAPPED))
        if self.reconstructs:
            encoder = keras.Model(model.input, model.get_layer("code").output)
        else:  # random codes, of a mean and a variance
            encoder = keras.Model(model.input, model.get_layer("encoder")(model.input)[0])
        return part, encoder.predict(scaled(part.images, self.config.model), verbose=0)

    def write_outputs(self, trained, folder) -> list[Figure | Section]:
        """Returns what the report shows."""
        predictor, outputs = trained.predictor, []
        sheet = self.sheet(predictor, "test")
        if self.config.model in UNIT:
            part, codes = self.codes(predictor.model)
            write_projector(folder.path, codes, part.names, "codes")
            drawn = plots.code_map(codes, part.images, part.names, self.config.seed)
            outputs.append(Figure("Codes of test pictures, near ones near (t-SNE)", "codes", drawn))
        if self.reconstructs:
            title = "Test pictures, and below each what the autoencoder makes of it"
            return [Figure(title, "reconstructions", plots.drawing(sheet)), *outputs]
        pairs = sheet[: SHOWN // 2]
        closest = plots.nearest(pairs, self.parts["train"].images[:COMPARED])
        title = f"Drawn pictures, and below each the nearest of {COMPARED:,} training pictures"
        between = plots.drawing(predictor.interpolated(4, 7))
        outputs = [
            Figure("Drawn pictures", "samples", plots.drawing(sheet)),
            Figure(title, "nearest", plots.drawing(plots.beside(pairs, closest))),
            Figure("From one drawn picture to the next, row by row", "between", between),
            *outputs,
        ]
        found = self.score(trained.predictions["validation"], "validation")
        finished = {} if self.config.gradient_penalty is not None else trained.finished
        lines = warnings(found, finished)  # of players, whose losses are logarithms
        outputs += [Section("What to look at", line, f"note: {line}") for line in lines]
        nats = trained.predictions["test"][1].get("elbo")
        if nats is not None:
            size = predictor.model.get_layer("decoder").input_shape[-1]
            other = baselines.log_likelihood(
                self.parts["train"], self.sample("test"), size, self.config.seed
            )
            line = (
                f"The logarithm of the density of a test picture is {nats:.1f} nats at least (ELBO)"
                f"; that of a normal distribution, PCA with as large a code, is {other:.1f}."
            )
            outputs.append(Section("Likelihood", line, line))
        return outputs


def warnings(scores, finished) -> list[str]:
    """What is wrong with drawn pictures, or with the players, in words.

    >>> warnings({"recall": 0.4, "coverage": 1.0}, {"discriminator_loss": 0.01})
    ['The discriminator won: its loss is 0.01. Lower --learning_rate, or raise ...dropout.']
    """
    found = []
    if scores["recall"] < FEW_RECALLED or scores["coverage"] < FEW_CLASSES:
        found.append(
            f"The pictures are too much alike (mode collapse): {scores['recall']:.0%} of real "
            f"ones lie among them, and they cover {scores['coverage']:.0%} of the classes. Train "
            "longer, or lower --learning_rate."
        )
    loss = finished.get("discriminator_loss", 1.0)
    if loss < WON:
        found.append(
            f"The discriminator won: its loss is {loss:.2g}. Lower --learning_rate, or raise "
            "--model.dropout."
        )
    return found
