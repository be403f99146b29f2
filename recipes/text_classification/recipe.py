"""Classify texts (chapter 16): `zoo train text_classification`.

zoo train text_classification                  strings of a grammar or broken
zoo train text_classification --dataset imdb   does the critic like the film?
zoo train text_classification --data mails.csv --text body --target folder
zoo predict logs/text_classification/RUN --text "What a film!"
"""

import time
from dataclasses import replace
from functools import partial

from recipes.classification.settings import METRICS
from recipes.engine.recipe import KEEP, Flag, Recipe, later
from recipes.engine.task import Built
from recipes.text_classification.config import TextClassificationConfig
from recipes.text_classification.presets import PRESETS

#: The mean of the embeddings of up to three words: nothing reads faster, little else better.
#: `TextTask.sizes` adds the number of embeddings, which follows from the texts.
_AVERAGED = {"encoder": "mean", "num_layers": 0, "ngrams": 3}
#: Said of models whose padding counts.
_UNMASKED = (
    "without a mask the model reads padding as well: the curves are of batches padded as in "
    "training, all other scores and predictions of texts with hardly any padding, which may be "
    "better"
)


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> TextClassificationConfig:
    """The recipe's defaults, those of `text_classifier` on the offline `reber`; see `Recipe`."""
    dataset = None if own_data else dataset or "reber"
    config = TextClassificationConfig(
        model=model or "text_classifier", dataset=dataset, epochs=10, batch_size=32
    )
    own = config.model == "text_classifier"
    if dataset == "reber":
        # One mistake anywhere makes a string wrong, which is what a maximum finds.
        arguments = {"encoder": "bigru", "pooling": "max", "units": 128, "embedding_dim": 16}
        return replace(
            config, tokenizer="characters", wide=0, learning_rate=0.01,
            model_arguments=arguments if own else {},
        )  # fmt: skip
    return replace(
        config, epochs=4 if own else 20, patience=1 if own else 3, batch_size=None,
        learning_rate=0.02 if own else 0.005, max_length=1000, truncation="both",
        model_arguments=dict(_AVERAGED) if own else {},
    )  # fmt: skip


#: Reads the texts, splits them and turns them into ids, as a `TextTask`.
load_data = later("recipes.text_classification.loading", "load")


def build_model(config: TextClassificationConfig, data):
    """Puts the vocabulary, a zoo model and the names of the classes together.

    The saved model maps ids `(batch, time)` to probabilities, and `zoo.load` lets it read texts;
    the training model gives logits.
    """
    import keras

    import zoo
    from recipes.classification.task import objective
    from recipes.engine.building import create_core

    classes, head = data.classes, data.head
    arguments = {"num_classes": 1 if head == "binary" else len(classes), "head": head}
    if data.reads_ids:
        arguments["vocabulary_size"] = data.reader.vocabulary_size
    core = create_core(data.sized(config), arguments)
    inputs = data.reader.new_inputs() if data.reads_ids else keras.Input((), dtype="string")
    ids = data.reader(inputs) if data.reads_ids else inputs
    begin = time.perf_counter()
    logits, wide = core(ids), data.wide_paths[1]
    seconds = time.perf_counter() - begin
    if wide:
        # Not keras.layers.Add: TensorFlow makes one sum of it and the head's, in an order that
        # depends on how much it knows of a batch's shape, and with it the last digit.
        logits = zoo.layers.WeightedSum(name="wide_and_deep")([logits, wide(ids)])
    probabilities = zoo.layers.ClassProbabilities(classes, head, name="probabilities")(logits)
    model = keras.Model(inputs, probabilities, name=f"{config.model}_with_labels")
    return Built(
        model=model,
        training_model=core,
        **objective(head, config.label_smoothing, config.monitor == "loss"),
        notes=(
            *(() if config.model_arguments.get("mask", True) else (_UNMASKED,)),
            *data.sizes_note(config, wide),
        ),
        finish=partial(data.finish, model, core, bool(wide)) if wide or config.calibrate else None,
        seconds=seconds if wide else 0.0,
    )


def search_space(hp) -> dict:
    """Settings worth searching; see `Recipe`."""
    return {
        "learning_rate": hp.Float("learning_rate", 3e-4, 3e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [16, 32, 64, 128]),
        "weight_decay": hp.Float("weight_decay", 1e-4, 1e-1, sampling="log"),
        "model_arguments": {
            "units": hp.Choice("units", [32, 64, 128]),
            "embedding_dim": hp.Choice("embedding_dim", [16, 32, 64, 128]),
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1),
        },
    }


def _check(config):
    from recipes.data.files import open_table
    from recipes.text_classification.data.labelled_texts import find_columns

    for path in filter(None, (config.data, config.validation_data, config.test_data)):
        find_columns(open_table(path, config), config.text, config.target)
    if config.unlabelled:
        open_table(config.unlabelled, config)


RECIPE = Recipe(
    name="text_classification",
    title="classify texts",
    chapter="chapter 16",
    description=str(__doc__),
    presets=PRESETS,
    config=TextClassificationConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    predict=later("recipes.text_classification.predict", "predict"),
    reads=lambda _, run: [run["text"]],
    check=_check,
    metrics=METRICS,
    listed=("accuracy",),
    candidates=later(
        "recipes.text_classification.candidates", "candidates", default_config, build_model
    ),
    raw_inputs=lambda task, split, examples: (
        {"ids": task.parts[split].texts[examples].tolist()} if task.reads_ids else None
    ),
    continue_from=later("recipes.text_classification.continuing", "continue_from"),
    combined_by=("nll",),
    predict_flags=(Flag("text", "the text itself, instead of an input"), KEEP),
    text_is="A text",
    asks=lambda config, metadata: "texts",
    replaced_defaults={
        ("encoder", "mean"): ("num_layers", "ngrams", "buckets", "word_dropout", "embedding_dim")
    },
)
