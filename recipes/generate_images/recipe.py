"""Generate images (chapter 17): `zoo train generate_images`.

zoo train generate_images                  digits, by a variational autoencoder
zoo train generate_images --model dcgan --dataset fashion_mnist  a GAN
zoo train generate_images --data photos --image_size 32,32       your photos
"""

import time
from dataclasses import replace

from recipes.engine.recipe import Flag, Recipe, later
from recipes.engine.task import Built
from recipes.generate_images.config import GenerateConfig
from recipes.generate_images.pixels import PLAYERS, UNIT, scaled
from recipes.generate_images.presets import PRESETS

MODELS = (*UNIT, *PLAYERS, "diffusion")
_SIGMOID = {"output_activation": "sigmoid"}
#: What a model is built with, where neither the user nor its factory says otherwise.
_ARGUMENTS = {
    "autoencoder": {"units": [512, 256, 30], "activation": "silu", **_SIGMOID},
    "convolutional_autoencoder": _SIGMOID,
    "recurrent_autoencoder": _SIGMOID,
    "variational_autoencoder": {"units": [512, 256], "activation": "silu", **_SIGMOID},
}


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> GenerateConfig:
    """The recipe's defaults, those of a variational autoencoder on `digits`; see `Recipe`."""
    dataset = None if own_data else dataset or "digits"
    model = model or "variational_autoencoder"
    small = dataset in (None, "digits")
    config = GenerateConfig(
        model=model, dataset=dataset, model_arguments=dict(_ARGUMENTS.get(model, {})),
        epochs=100 if small else 20, batch_size=32 if small else 128, learning_rate=0.002,
    )  # fmt: skip
    if model in (*PLAYERS, "diffusion"):
        config.epochs, config.batch_size = (150, 32) if small else (20, 64)
    if model in PLAYERS:
        config.optimizer, config.schedule = "rmsprop", "constant"
        config.learning_rate, config.clipnorm = 0.0005, 0.0
    elif model == "diffusion":
        config.loss, config.ema = "huber", 0.99 if small else 0.999
    return config


#: Reads the images and splits them, as a `recipes.generate_images.task.GenerateTask`.
load_data = later("recipes.generate_images.loading", "load")


def build_model(config: GenerateConfig, data):
    """A zoo model, and what trains it; it reads scaled pixels, see `pixels.scaled`."""
    import zoo
    from recipes.engine.building import create_core
    from recipes.errors import UserError

    if config.model not in MODELS:
        raise UserError(f"Expected --model to be one of {', '.join(MODELS)}: not {config.model}.")
    core = create_core(config, {"input_shape": data.shape})
    common = {"model": core, "loss": "mse", "metrics": [], "monitor": "val_loss"}
    if config.pretrain == "greedy":
        begin = time.perf_counter()
        losses = zoo.transfer.pretrain_greedily(
            core, scaled(data.parts["train"].images[:], config.model), config.pretrain_epochs,
            config.batch_size, config.learning_rate,
        )  # fmt: skip
        found = ", ".join(f"{loss:.4g}" for loss in losses)
        common["notes"] = (f"layers pretrained one by one, squared errors: {found}",)
        common["seconds"] = time.perf_counter() - begin
    if config.model in UNIT:
        return Built(**common, training_model=core)
    if config.model == "diffusion":
        training = zoo.Denoising(core, seed=config.seed)
        return Built(**common | {"loss": config.loss}, training_model=training)
    from recipes.generate_images.watching import FrechetWatch

    watch = FrechetWatch(data, core)
    return Built(
        **common | {"loss": None, "monitor": "val_frechet"},
        training_model=zoo.Adversarial(core, config.seed, config.gradient_penalty),
        callbacks=(watch,),
        finish=watch.finished,
    )


def _sized(config, task):
    """The weight of a variational autoencoder's divergence, where no flag or preset says it.

    With a squared error it is twice the variance of a pixel around its reconstruction (1 means a
    half, with which pictures blur into their mean): here what PCA leaves, with as large a code.
    """
    from recipes.generate_images.baselines import left_over

    known = config.model_arguments
    if config.model != "variational_autoencoder" or config.preset or "beta" in known:
        return config
    size = known.get("code_size", 10)
    if not isinstance(size, int) or size < 1:
        return config  # the factory will say what is wrong
    beta = max(1e-3, round(2 * left_over(task.parts["train"], size, config.seed), 4))
    return replace(config, model_arguments={**known, "beta": beta})


def search_space(hp) -> dict:
    """Settings worth searching; see `Recipe`."""
    return {
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [32, 64, 128]),
        "model_arguments": {"code_size": hp.Int("code_size", 8, 128, sampling="log")},
    }


RECIPE = Recipe(
    name="generate_images",
    title="generate images",
    chapter="chapter 17",
    description=str(__doc__),
    presets=PRESETS,
    config=GenerateConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    sized=_sized,
    predict=later("recipes.generate_images.predict", "predict"),
    metrics={
        "frechet": "min",
        **dict.fromkeys(("precision", "recall", "elbo", "coverage"), "max"),
        "mse": "min",
    },
    listed=("frechet", "mse"),
    predict_flags=(
        Flag("samples", "pictures to draw (64)", int, 1),
        Flag("seed", "seed of the drawing (that of the run)", int, 0),
        Flag("steps", "steps of a diffusion model (those of the run)", int, 1),
        Flag("between", "pictures after each that lead to the next (0)", int, 0),
    ),
    asks=lambda config, metadata: "samples",
    predict_help="Draws pictures into -o grid.png, or as an array into -o pictures.npy.",
)
