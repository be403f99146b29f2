"""Classify images (chapters 10, 11 and 14): `zoo train images`.

zoo train images                                   8 x 8 handwritten digits
zoo train images --dataset fashion_mnist --model mlp    chapter 11's network
zoo train images --data photos                     a folder with one a class
"""

from dataclasses import replace
from functools import partial

from recipes.classification.settings import METRICS
from recipes.engine.config import with_epochs
from recipes.engine.recipe import Recipe, later
from recipes.engine.task import Built
from recipes.images.config import PHOTO, ImagesConfig
from recipes.images.presets import PRESETS

#: Models that read pixels one by one, each with its own mean and deviation.
DENSE = ("mlp", "perceptron", "autoencoder")
#: What Keras calls the weights of `pretrained`, which are in its cache once they were asked for.
WEIGHTS = "efficientnetv2-b0_notop.h5"
#: The dense network for large sets of pictures: chosen on the validation part of Fashion-MNIST.
_WIDE = {"units": [768, 384], "activation": "relu", "batch_normalization": "before", "dropout": 0.1}


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> ImagesConfig:
    """The recipe's defaults, those of `small_resnet` on the offline `digits`; see `Recipe`."""
    dataset = None if own_data else dataset or "digits"
    pretrain = "auto" if own_data and model is None else "none"
    model = model or "small_resnet"
    if model in DENSE:
        return _dense_config(dataset, model)
    config = ImagesConfig(
        model=model, dataset=dataset, schedule="1cycle", weight_decay=0.05, label_smoothing=0.1,
        epochs={None: None, "digits": 40, "mnist": 8}.get(dataset, 16), normalization="channel",
        batch_size={None: 16, "digits": 32}.get(dataset, 64), augment="auto", tta=True,
        pretrain=pretrain, learning_rate={None: 0.002, "digits": 0.004}.get(dataset, 0.01),
    )  # fmt: skip
    if model == "pretrained":  # a head learns in few epochs
        return replace(config, epochs=15, normalization="none", weight_decay=0.0)
    return replace(config, mirror=dataset in ("fashion_mnist", "cifar10") or None)


def _dense_config(dataset, model):
    """What dense networks are trained by."""
    config = ImagesConfig(
        model=model, dataset=dataset, model_arguments={"dropout": 0.2} if model == "mlp" else {},
        epochs=30, weight_decay=0.01,
    )  # fmt: skip
    if dataset in (None, "digits"):
        return config
    config = replace(
        config, epochs=50, batch_size=256, learning_rate=0.003, weight_decay=0.05,
        mirror=dataset != "mnist", shift=1 if dataset == "fashion_mnist" else 2,
    )  # fmt: skip
    return replace(config, model_arguments=_WIDE) if model == "mlp" else config


#: Reads the images and splits them, as a `recipes.images.task.ImageTask`.
load_data = later("recipes.images.loading", "load")


def build_model(config: ImagesConfig, data):
    """Puts the scaling of pixels, a zoo model and the names of the classes together.

    The saved model takes pixels from 0 to 255 and gives class probabilities, the training model
    gives logits. Where the flags ask for it, layers are pretrained or copied here, so that a run
    that is resumed begins as it did.
    """
    import keras

    import zoo
    from recipes.classification.task import head_of, objective
    from recipes.engine.building import check_dropout, create_core
    from recipes.images import augmentation, starting

    source, head = starting.source_model(config), data.parts["train"].head
    arguments = {"input_shape": data.shape, "outputs": len(data.classes), "head": head}
    if source is None or config.transfer_from:
        core = create_core(config, arguments, reserved=("output_activation",))
    else:
        core = starting.core_on(config, data, source, arguments)
    if config.mc_samples:
        check_dropout(core, "(--model.dropout 0.2), or leave --mc_samples out.")
    inputs = keras.Input(data.shape, name="images")
    scaling = starting.scaling_layer(config, data, source)
    logits = core(scaling(inputs))
    shown = core(scaling(augmentation.augmented(inputs, config)))
    if config.tta and augmentation.resolved(config, data.shape)[0]:
        other = core(scaling(keras.ops.flip(inputs, axis=2)))
        logits = keras.layers.Average(dtype="float32", name="mean_of_mirrored")([logits, other])
    probabilities = zoo.layers.ClassProbabilities(data.classes, head, name="probabilities")(logits)
    model = keras.Model(inputs, probabilities, name=f"{config.model}_classifier")
    # The epoch is chosen by what is reported: the loss rises before the accuracy falls, because
    # sure mistakes weigh most in it. Not where labels are smoothed: there it says more than the
    # accuracy of few pictures. Where rare classes are to count, accuracy would forget them, as it
    # would rare ones of several labels.
    by_loss = config.label_smoothing or data.primary_metric != "accuracy"
    built = Built(
        model=model,
        training_model=keras.Model(inputs, shown, name=f"{config.model}_training"),
        **objective(head, config.label_smoothing, by_loss),
        finish=partial(data.calibrate, model, head_of(core)) if config.calibrate else None,
    )
    return replace(built, notes=starting.prepare(config, data, built, core, source))


def _sized(config, task):
    """How often pictures are read, and the model, where these or another run decide it."""
    from recipes.data.download import keras_home
    from recipes.engine.folder import RunFolder

    if config.pretrain == "auto":
        own, known = default_config(None, True), default_config(None, True, "pretrained")
        here = min(task.shape[:2]) >= PHOTO and (keras_home() / "models" / WEIGHTS).is_file()
        takes = here and not (config.model_arguments or config.transfer_from)
        for name, value in vars(own).items():
            if takes and getattr(config, name) == value:
                config = replace(config, **{name: getattr(known, name)})
        config = replace(config, pretrain="none")
    if config.source and not config.transfer_from:
        model = RunFolder.open(config.source).read_config()["model"]
        config = replace(config, model=model, model_arguments={})
    # Fewer epochs of photos, whose steps are slow.
    often = 3000 if min(task.shape[:2]) < PHOTO else 1300
    return with_epochs(config, len(task.parts["train"]), often)


def search_space(hp) -> dict:
    """Settings worth searching; see `Recipe`."""
    return {
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [32, 64, 128, 256]),
        "weight_decay": hp.Float("weight_decay", 1e-4, 1e-1, sampling="log"),
        "label_smoothing": hp.Choice("label_smoothing", [0.0, 0.1]),
        "erase": hp.Choice("erase", [0.0, 0.25]),
        "model_arguments": {
            "num_blocks": hp.Int("num_blocks", 1, 3),
            "squeeze_excitation": hp.Choice("squeeze_excitation", [False, True]),
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1),
        },
    }


RECIPE = Recipe(
    name="images",
    title="classify images",
    chapter="chapters 10, 11 and 14",
    description=str(__doc__),
    presets=PRESETS,
    config=ImagesConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    sized=_sized,
    predict=later("recipes.images.predict", "predict"),
    explain=later("recipes.images.predict", "explain"),
    check=lambda config: later("recipes.data.images.image_files", "check")(config.data),
    metrics=METRICS,
    listed=("accuracy",),
    predict_folders=True,
    asks=lambda config, metadata: "pictures",
    replaced_defaults={
        ("preset", None): ("activation", "batch_normalization", "kernel_initializer"),
    },
)
