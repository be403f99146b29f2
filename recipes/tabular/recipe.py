"""Predict a column of a table (chapter 10): `zoo train tabular`.

zoo train tabular                                       442 patients, inside scikit-learn
zoo train tabular --dataset housing --folds 5
zoo train tabular --data churn.csv --target left --drop customer_id
"""

import inspect
from dataclasses import replace

from recipes.engine.recipe import KEEP, Recipe
from recipes.engine.task import Built
from recipes.errors import UserError
from recipes.tabular.config import TabularConfig
from recipes.tabular.presets import EMBEDDED, PRESETS

_TARGETS = {
    "diabetes": "target",
    "housing": "median_house_value",
    "housing_book": "MedHouseVal",
    "titanic": "Survived",
}


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> TabularConfig:
    """The recipe's defaults for a dataset, or for the user's own data.

    Args:
        dataset: Name of a dataset. Defaults to the offline one, `"diabetes"`.
        own_data: Whether the data comes from a file instead.
        model: Name of the model. Defaults to `"wide_and_deep"`.

    Returns:
        A `TabularConfig` that trains as it is.
    """
    dataset = None if own_data else dataset or "diabetes"
    model = model or "wide_and_deep"
    arguments = {"units": [64, 64], "dropout": 0.2} if model in ("wide_and_deep", "mlp") else {}
    config = TabularConfig(
        model=model,
        model_arguments=arguments | ({"members": 16} if model == "wide_and_deep" else {}),
        dataset=dataset,
        target=_TARGETS.get(dataset),
        epochs=60,
        batch_size=64 if own_data else 32,
        learning_rate=0.003,
        weight_decay=0.01,
        patience=20,
    )
    if dataset not in ("housing", "housing_book"):
        return config
    config = replace(
        config, batch_size=256, learning_rate=0.002, patience=0, epochs=40, jit_compile=False
    )
    if model != "wide_and_deep":
        return config
    arguments = EMBEDDED | {"dropout": 0.3}
    return replace(config, model_arguments=arguments, bins=128, weight_decay=1.0)


def load_data(config: TabularConfig):
    """Reads the table, decides what its columns are, and splits its rows.

    Args:
        config: What to read and how to split it.

    Returns:
        A `recipes.tabular.task.TabularTask`.

    Raises:
        UserError: If the data is not what the flags say; the message tells what to do.
    """
    from recipes.tabular.loading import load_table
    from recipes.tabular.task import TabularTask

    task = TabularTask(config, load_table(config))
    task.folds()  # what is too small for them shows before the training
    return task


def build_model(config: TabularConfig, data):
    """Puts preprocessing, a zoo model and the target's units together.

    Args:
        config: Which model, with which arguments.
        data: The `TabularTask` from `load_data`.

    Returns:
        A `Built`: the saved model takes encoded columns as they come, and gives the target's units
        or probabilities; the training model gives scaled targets or logits.

    Raises:
        UserError: If the model or one of its arguments does not exist.
    """
    import keras

    import zoo

    target, preprocessing = data.table.target, data.preprocessing
    inputs = preprocessing.columns.new_inputs()
    outputs = _call_core(config, data, preprocessing(inputs))
    main = outputs["main"] if isinstance(outputs, dict) else outputs
    objective = _objective(config, target, main)
    mean = main
    if len(main.shape) == 3:
        mean = zoo.layers.EnsembleMean(target.head, name="mean_of_members")(main)
    if target.labels:
        answer = zoo.layers.ClassProbabilities(target.labels, target.head, name="classes")
    else:
        shift, scale = data.target_scaling
        answer = zoo.layers.Denormalization([shift], [scale], name="units")
    built = Built(
        model=keras.Model(inputs, answer(mean), name=f"{config.model}_predictor"),
        training_model=keras.Model(inputs, outputs, name=f"{config.model}_training"),
        **objective,
        monitor="val_loss",
    )
    if not isinstance(outputs, dict):
        return built
    return replace(
        built,
        loss=dict.fromkeys(outputs, objective["loss"]),
        loss_weights={"main": 1 - config.auxiliary_weight, "auxiliary": config.auxiliary_weight},
        metrics={"main": objective["metrics"]},
        monitor="val_main_loss",
    )


def search_space(hp) -> dict:
    """Settings worth searching, for a keras-tuner `HyperParameters`.

    Args:
        hp: The tuner's hyperparameters of one trial.

    Returns:
        Overrides of `default_config()`, model arguments as a nested dict.

    Example:
        >>> import keras_tuner
        >>> from recipes.tabular import search_space
        >>> sorted(search_space(keras_tuner.HyperParameters()))
        ['batch_size', 'learning_rate', 'model_arguments', 'normalization', 'weight_decay']
    """
    layers = hp.Int("layers", 1, 4)
    return {
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [32, 64, 128, 256]),
        "weight_decay": hp.Float("weight_decay", 1e-5, 1e-1, sampling="log"),
        "normalization": hp.Choice("normalization", ["robust", "quantile"]),
        "model_arguments": {
            "units": [hp.Choice("units", [32, 64, 128, 256])] * layers,
            "dropout": hp.Float("dropout", 0.0, 0.4, step=0.1),
            "numeric_embedding": hp.Choice("numeric_embedding", ["none", "piecewise", "periodic"]),
        },
    }


def _call_core(config, data, features):
    """The zoo model's outputs, symbolic, for preprocessed features."""
    import zoo
    from zoo.registry import get_factory

    target, preprocessing = data.table.target, data.preprocessing
    sizes = preprocessing.columns.category_sizes
    given = {"outputs": max(1, len(target.labels)), "head": target.head}
    if target.head == "binary":
        given["outputs"] = 1
    try:
        flat = "input_shape" in inspect.signature(get_factory(config.model)).parameters
        if flat:  # a model of one array: categories embedded, everything side by side
            features = _flatten(features, sizes)
            given["input_shape"] = features.shape[1:]
        else:
            given |= {"num_numeric": preprocessing.num_numeric, "category_sizes": sizes}
            given["feature_names"] = preprocessing.names
        clash = set(config.model_arguments) & {*given}
        if clash:
            raise UserError(f"--model.{min(clash)} follows from the data: leave it out.")
        arguments = {**given, **config.model_arguments}
        if arguments.get("numeric_embedding") == "piecewise" and preprocessing.num_numeric:
            arguments.setdefault("bin_edges", preprocessing.bin_edges(config.bins))
        return zoo.create_model(config.model, **arguments)(features)
    except (ValueError, TypeError) as error:
        raise UserError(f"The model cannot be built. {error}") from error


def _flatten(features, sizes):
    """All features in one array `(batch, features)`, each category as a vector of 8."""
    from keras import layers

    import zoo

    parts = [features["numeric"]] if "numeric" in features else []
    if sizes:
        vectors = zoo.layers.CategoryEmbedding(sizes, 8, name="category_embedding")
        parts.append(layers.Flatten(name="category_vectors")(vectors(features["categories"])))
    return layers.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]


def _objective(config, target, outputs):
    """Loss and metrics of a training model with these outputs."""
    import keras

    import zoo

    objective = zoo.objective(target.head)
    if config.loss == "huber" and not target.labels:
        objective["loss"] = keras.losses.Huber()
    if len(outputs.shape) == 3:  # an ensemble: every member learns from its own errors
        objective = {"loss": zoo.losses.PerMemberLoss(objective["loss"]), "metrics": []}
    return objective


def _continue_from(config, data, model):
    from recipes.tabular.continuing import continue_from

    return continue_from(config, data, model, _objective)


def _candidates(config, data):
    from recipes.tabular.candidates import candidates

    return candidates(config, data, default_config, build_model)


def _predict(*arguments, **flags):
    from recipes.tabular.predict import predict

    predict(*arguments, **flags)


RECIPE = Recipe(
    name="tabular",
    title="predict a column of a table",
    chapter="chapter 10",
    description=str(__doc__),
    presets=PRESETS,
    config=TabularConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    predict=_predict,
    metrics={
        "balanced_accuracy": "max",
        "accuracy": "max",
        "nll": "min",
        "roc_auc": "max",
        "average_precision": "max",
        "mse": "min",
        "rmse": "min",
        "mae": "min",
    },
    listed=(
        "mae",
        "accuracy",
    ),
    candidates=_candidates,
    continue_from=_continue_from,
    combined_by=("balanced_accuracy", "nll", "rmse"),
    predict_flags=(KEEP,),
    replaced_defaults={
        ("preset", None): ("activation", "batch_normalization", "kernel_initializer"),
    },
)
