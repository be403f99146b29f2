"""Predict a column of a table (chapter 10): `zoo train tabular`.

zoo train tabular                              442 patients, in scikit-learn
zoo train tabular --dataset housing --folds 5
zoo train tabular --data churn.csv --target left --drop customer_id
"""

from dataclasses import replace
from functools import partial

from recipes.classification.settings import METRICS
from recipes.engine.recipe import KEEP, Recipe, later
from recipes.engine.task import Built
from recipes.errors import UserError
from recipes.tabular.config import TabularConfig
from recipes.tabular.presets import PRESETS
from recipes.tabular.sizing import UNDECAYED

_TARGETS = {
    "diabetes": "target",
    "housing": "median_house_value",
    "housing_book": "MedHouseVal",
    "titanic": "Survived",
}


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> TabularConfig:
    """The recipe's defaults, those of `wide_and_deep` on the offline `diabetes`; see `Recipe`.

    What is `None` in it, and the size of the model, follow from the rows
    (`recipes.tabular.sizing`).
    """
    dataset = None if own_data else dataset or "diabetes"
    model = model or "wide_and_deep"
    return TabularConfig(
        model=model, dataset=dataset, target=_TARGETS.get(dataset), learning_rate=0.002,
        schedule="constant",
    )  # fmt: skip


def load_data(config: TabularConfig):
    """Reads the table, decides what its columns are, and splits its rows.

    As a `recipes.tabular.task.TabularTask`.
    """
    from recipes.tabular.loading import load_table
    from recipes.tabular.sizing import sized
    from recipes.tabular.task import TabularTask

    table = load_table(config)
    if table.larger and config.neighbors:
        raise UserError(
            "--neighbors true looks for all rows to train on in memory. Leave it out, or raise "
            "--in_memory."
        )
    task = TabularTask(sized(config, table), table)
    task.folds()  # what is too small for them shows before the training
    return task


def build_model(config: TabularConfig, data):
    """Puts preprocessing, a zoo model and the target's units together.

    The saved model takes encoded columns as they come, and gives the target's units or
    probabilities; the training model gives scaled targets or logits.
    """
    import keras
    import numpy as np

    import zoo
    from recipes.tabular import linear, trees
    from recipes.tabular.neighbors import NEIGHBORS

    target, preprocessing, config = data.table.target, data.preprocessing, data.sized(config)
    inputs = preprocessing.columns.new_inputs()
    features, training_inputs = preprocessing(inputs), dict(inputs)
    if config.neighbors:
        layer, known = data.neighbors
        training_inputs[NEIGHBORS] = keras.Input(known.shape[1:], name=NEIGHBORS)
        sought, given = layer(features), trees.beside(features, training_inputs[NEIGHBORS])
        core = _core(config, data, given)
        outputs, answers = core(given), core(trees.beside(features, sought))
    else:
        outputs = answers = _core(config, data, features)(features)
    main = answers["main"] if isinstance(answers, dict) else answers
    objective = _objective(config, data, main)
    single = main
    if len(main.shape) == 3:
        single = zoo.layers.EnsembleMean(target.head, name="mean_of_members")(main)
    if target.labels:
        answer = zoo.layers.ClassProbabilities(target.labels, target.head, name="classes")
    else:
        shift, scale = data.target_scaling
        answer = zoo.layers.Denormalization([shift], [scale], name="units")
    answered, finish = answer(single), None
    if config.average:
        mean, table = zoo.layers.WeightedSum(name=trees.MEAN), preprocessing.columns(inputs)
        boosted = data.fitted_baselines["boosted_trees"]
        parts = [answered, trees.answer(data, table, boosted.on_all()), linear.answer(data, table)]
        if config.neighbors:
            near = data.near_trees.on_all()
            parts.append(trees.answer(data, trees.beside(table, sought), near, "near"))
        answered = mean(parts)
        mean.set_weights([np.array(trees.EXPECTED[len(parts)])])
    model = keras.Model(inputs, answered, name=f"{config.model}_predictor")
    if config.average:
        finish = partial(trees.mix, data, model, mean)
    built = Built(
        model=model,
        training_model=keras.Model(training_inputs, outputs, name=f"{config.model}_training"),
        **objective,
        monitor="val_loss",
        undecayed=UNDECAYED,
        scaled=not target.labels and config.target_normalization == "standard",
        finish=finish,
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
    """Settings worth searching; see `Recipe`."""
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


def _core(config, data, features):
    """A function of preprocessed features that gives the zoo model's outputs, all symbolic."""
    from recipes.engine.building import create_core
    from recipes.engine.checking import parameters_of

    target, preprocessing = data.table.target, data.preprocessing
    sizes = preprocessing.columns.category_sizes
    outputs = 1 if target.head == "binary" else max(1, len(target.labels))
    given = {"outputs": outputs, "head": target.head}
    flat = "input_shape" in parameters_of(config.model)
    before = _flattening(sizes) if flat else lambda features: features
    if flat:  # a model of one array: categories embedded, everything side by side
        given["input_shape"] = before(features).shape[1:]
    else:
        count, names = preprocessing.num_numeric, preprocessing.names
        more = features["numeric"].shape[-1] - count if "numeric" in features else 0
        names = [*names[:count], *(f"neighbors {n}" for n in range(more)), *names[count:]]
        given |= {"num_numeric": count + more, "category_sizes": sizes, "feature_names": names}
    arguments = dict(config.model_arguments)
    if arguments.get("numeric_embedding") == "piecewise" and preprocessing.num_numeric:
        arguments.setdefault("bin_edges", data.bin_edges(config))
    model = create_core(replace(config, model_arguments=arguments), given)
    return lambda features: model(before(features))


def _flattening(sizes):
    """A function of features to one array `(batch, features)`, each category as a vector of 8."""
    from keras import layers

    import zoo

    vectors = zoo.layers.CategoryEmbedding(sizes, 8, name="category_embedding") if sizes else None
    flatten = layers.Flatten(name="category_vectors")
    join = layers.Concatenate(name="features")

    def flat(features):
        parts = [features["numeric"]] if "numeric" in features else []
        if sizes:
            parts.append(flatten(vectors(features["categories"])))
        return join(parts) if len(parts) > 1 else parts[0]

    return flat


def _objective(config, data, outputs):
    """Loss of a training model with these outputs, and the score of its answer in target units."""
    import keras

    import zoo

    head, ensemble = data.table.target.head, len(outputs.shape) == 3
    objective = zoo.objective(head)
    if config.loss == "huber" and head == "regression":
        objective["loss"] = keras.losses.Huber()
    if ensemble:  # every member learns from its own errors
        objective["loss"] = zoo.losses.PerMemberLoss(objective["loss"])
    mean = zoo.layers.EnsembleMean(head) if ensemble else keras.layers.Identity()

    def score(true, found):
        if head == "multiclass":
            return keras.metrics.sparse_categorical_accuracy(true, mean(found))
        if head == "binary":
            return keras.metrics.binary_accuracy(true, mean(found), threshold=0.0)
        return data.target_scaling[1] * keras.metrics.mean_absolute_error(true, mean(found))

    name = "mae" if head == "regression" else "accuracy"
    return {**objective, "metrics": [keras.metrics.MeanMetricWrapper(score, name=name)]}


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
    predict=later("recipes.tabular.predict", "predict"),
    check=later("recipes.tabular.loading", "load_table"),
    reads=lambda _, run: [*run["numeric"], *run.get("dates", []), *run["categorical"]],
    metrics={**METRICS, "mse": "min", "rmse": "min", "mae": "min"},
    listed=("mae", "accuracy"),
    sized=lambda _, task: task.config,
    candidates=later("recipes.tabular.candidates", "candidates", default_config, build_model),
    raw_inputs=lambda task, *chosen: task.raw_inputs(*chosen),
    continue_from=later("recipes.tabular.continuing", "continue_from", _objective),
    combined_by=("balanced_accuracy", "nll", "rmse"),
    predict_flags=(KEEP,),
    replaced_defaults={
        ("preset", None): ("activation", "batch_normalization", "kernel_initializer")
    },
)
