"""Classify images (chapters 10 and 11): `zoo train images`.

zoo train images                                        8 x 8 handwritten digits
zoo train images --dataset fashion_mnist --mc_samples 50 --model.dropout 0.2
zoo train images --data photos --image_size 32,32       a folder with one folder a class
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from recipes.engine.config import TrainConfig, at_least
from recipes.errors import UserError

DATASETS = {
    "digits": "1,797 handwritten digits of 8 x 8 pixels, inside scikit-learn",
    "fashion_mnist": "70,000 grey pictures of clothes, 28 x 28 pixels (book, chapter 10)",
    "mnist": "70,000 handwritten digits, 28 x 28 pixels (book, chapter 10)",
    "cifar10": "60,000 coloured pictures of ten things, 32 x 32 pixels (book, chapter 11)",
}


#: What reads the large sets of pictures: chosen on the validation part of Fashion-MNIST.
_WIDE = {
    "units": [768, 384],
    "activation": "relu",
    "batch_normalization": "before",
    "dropout": 0.1,
}


@dataclass
class ImagesConfig(TrainConfig):
    """Settings of an image classification run.

    Args:
        data: Your own images instead of a dataset: a folder with one folder of images for each
            class, or an .npz file with the arrays x and y (or x_train, y_train, x_test, y_test).
        labels: Use the images of these classes only.
        train_size: Use so many of the training images only, with each class keeping its share.
        validation_fraction: Share of the images to choose the epoch by. Defaults to 0.15, of each
            class alike; for published sets to the book's first 5,000 training images.
        test_fraction: Share of the images to be scored once at the end. Defaults to 0.15, or to
            the published test part.
        image_size: Height and width in pixels that the images of a folder are resized to.
        normalization: How pixels are scaled inside the model: each by its mean and deviation over
            the training images, or all from 0..255 to 0..1.
        mirror: Show half of the training images mirrored left to right (clothes, not digits).
        shift: Move training images by up to so many pixels in each direction.
        class_weight: With balanced, every class counts alike in the loss, however rare.
        label_smoothing: Share of each label that is spread over all classes.
        mc_samples: Predictions with dropout on to average (give the model some dropout); 0 for a
            single one without.
        calibrate: Divide the logits, after training, by the temperature that suits the validation
            part best, so that probabilities mean what they say.
        transfer_from: Folder of a run of this recipe, to copy its lower hidden layers and its
            scaling of pixels. The model needs the same arguments there.
        freeze: How many hidden layers to copy and freeze. Defaults to all.
        frozen_epochs: Epochs with these layers frozen, before --epochs with all of them trained.
            Without it they stay frozen to the end.
        frozen_learning_rate: Learning rate of those epochs. Defaults to --learning_rate, which is
            best lowered for what follows.
        pretrain: Train an autoencoder first, on all training images (also those that --train_size
            leaves out), and start from its encoder.
        pretrain_epochs: Epochs of that.
    """

    data: str | None = None
    labels: list[str] = field(default_factory=list)
    train_size: int | None = None
    validation_fraction: float | None = None
    test_fraction: float | None = None
    image_size: list[int] = field(default_factory=list)
    normalization: Literal["standard", "rescale"] = "standard"
    mirror: bool = False
    shift: int = 0
    class_weight: Literal["none", "balanced"] = "none"
    label_smoothing: float = 0.0
    mc_samples: int = 0
    calibrate: bool = True
    transfer_from: str | None = None
    freeze: int | None = None
    frozen_epochs: int | None = None
    frozen_learning_rate: float | None = None
    pretrain: Literal["none", "autoencoder"] = "none"
    pretrain_epochs: int = 10

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 0, "mc_samples", "shift")
        at_least(self, 1, "train_size", "freeze", "frozen_epochs", "pretrain_epochs")
        if self.dataset not in (None, *DATASETS):
            raise UserError(
                f"There is no dataset {self.dataset!r}. Expected one of {', '.join(DATASETS)}; "
                "for images of your own, use --data FOLDER."
            )
        for name in ("validation_fraction", "test_fraction"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise UserError(f"--{name} must be above 0 and below 1. Received: {value}")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(
                f"--label_smoothing must be at least 0 and below 1. Received: "
                f"{self.label_smoothing}"
            )
        if self.image_size and (len(self.image_size) != 2 or min(self.image_size) < 1):
            raise UserError(
                "--image_size must be a height and a width, such as 32,32. Received: "
                f"{','.join(map(str, self.image_size))}"
            )
        if self.image_size and not self.data:
            raise UserError("--image_size resizes the images of a folder: give one with --data.")
        for name in ("freeze", "frozen_epochs", "frozen_learning_rate"):
            if getattr(self, name) is not None and not self.transfer_from:
                raise UserError(f"--{name} is about layers copied with --transfer_from RUN.")
        if self.frozen_learning_rate is not None and not self.frozen_learning_rate > 0:
            raise UserError(
                f"--frozen_learning_rate must be above 0. Received: {self.frozen_learning_rate}"
            )
        if self.transfer_from and self.pretrain != "none":
            raise UserError("--transfer_from and --pretrain exclude each other: drop one.")


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> ImagesConfig:
    """The recipe's defaults for a dataset, or for the user's own data.

    Args:
        dataset: Name of a dataset. Defaults to the offline one, `"digits"`.
        own_data: Whether the data comes from files instead.
        model: Name of the model. Defaults to `"mlp"`.

    Returns:
        An `ImagesConfig` that trains as it is.
    """
    dataset = None if own_data else dataset or "digits"
    config = ImagesConfig(
        model=model or "mlp",
        dataset=dataset,
        model_arguments={"dropout": 0.2} if model in (None, "mlp") else {},
        epochs=30,
        weight_decay=0.01,
    )
    if dataset in (None, "digits"):
        return config
    config = replace(
        config,
        epochs=50,
        batch_size=256,
        learning_rate=0.003,
        weight_decay=0.05,
        mirror=dataset != "mnist",
        shift=1 if dataset == "fashion_mnist" else 2,
        jit_compile=False,
    )
    return replace(config, model_arguments=_WIDE) if model in (None, "mlp") else config


def load_data(config: ImagesConfig):
    """Reads the images and splits them.

    Args:
        config: What to read and how to split it.

    Returns:
        A `recipes.images.task.ImageTask`.

    Raises:
        UserError: If the data is not what the flags say; the message tells what to do.
    """
    from recipes.images.loading import load

    return load(config)


def build_model(config: ImagesConfig, data):
    """Puts the scaling of pixels, a zoo model and the names of the classes together.

    Where the flags ask for it, layers are pretrained or copied here, so that a run that is resumed
    begins as it did.

    Args:
        config: Which model, with which arguments.
        data: The `ImageTask` from `load_data`.

    Returns:
        A `Built`: the saved model takes pixels from 0 to 255 and gives class
        probabilities, the training model gives logits.

    Raises:
        UserError: If the model or one of its arguments does not exist.
    """
    import keras

    import zoo
    from recipes.engine.fitting import Built
    from recipes.images import starting

    source = starting.source_model(config)
    core = _create_core(config, data)
    inputs = keras.Input(data.shape, name="images")
    logits = core(starting.scaling_layer(config, data, source)(inputs))
    probabilities = zoo.layers.ClassProbabilities(data.classes, name="probabilities")(logits)
    model = keras.Model(inputs, probabilities, name=f"{config.model}_classifier")
    # The epoch is chosen by what is reported: the loss rises before the accuracy falls, because
    # sure mistakes weigh most in it. Where rare classes are to count, accuracy would forget them.
    watch = ("val_accuracy", "max") if config.class_weight == "none" else ("val_loss", "min")
    built = Built(
        model=model,
        training_model=keras.Model(inputs, logits, name=f"{config.model}_training"),
        **zoo.objective("multiclass", config.label_smoothing),
        monitor=watch[0],
        mode=watch[1],
        finish=partial(data.calibrate, model, _head(core)) if config.calibrate else None,
    )
    return replace(built, notes=starting.prepare(config, data, built, core, source))


def search_space(hp) -> dict:
    """Settings worth searching, for a keras-tuner `HyperParameters`.

    Args:
        hp: The tuner's hyperparameters of one trial.

    Returns:
        Overrides of `default_config()`, model arguments as a nested dict.

    Example:
        >>> import keras_tuner
        >>> from recipes.images import search_space
        >>> sorted(search_space(keras_tuner.HyperParameters()))
        ['batch_size', 'learning_rate', 'model_arguments', 'weight_decay']
    """
    layers = hp.Int("num_layers", 1, 4)
    return {
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [32, 64, 128, 256]),
        "weight_decay": hp.Float("weight_decay", 1e-4, 1e-1, sampling="log"),
        "model_arguments": {
            "units": [hp.Choice("units", [64, 128, 256, 512])] * layers,
            "activation": hp.Choice("activation", ["relu", "elu", "selu", "gelu"]),
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1),
        },
    }


def _create_core(config, data):
    from recipes.engine.building import check_dropout, create_core

    arguments = {"input_shape": data.shape, "outputs": len(data.classes), "head": "multiclass"}
    core = create_core(config, arguments, reserved=("output_activation",))
    if config.mc_samples:
        check_dropout(core, "(--model.dropout 0.2), or leave --mc_samples out.")
    return core


def _head(core):
    """The linear layer that gives the logits."""
    try:
        return core.get_layer("head")
    except ValueError as error:
        raise UserError(
            f"{core.name} has no linear last layer named head to calibrate. Use --calibrate false."
        ) from error
