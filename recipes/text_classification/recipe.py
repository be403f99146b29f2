"""Classify texts (chapter 16): `zoo train text_classification`.

zoo train text_classification                           strings of a grammar, and broken ones
zoo train text_classification --dataset imdb            reviews: does the critic like the film?
zoo train text_classification --data mails.csv --text body --target folder
zoo predict logs/text_classification/RUN --text "What a film!"
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from recipes.engine.config import TrainConfig, at_least
from recipes.errors import UserError

DATASETS = {
    "reber": "14,000 strings, half of them by a grammar's rules (book, chapter 16, exercise 8)",
    "imdb": "50,000 film reviews that praise or pan (book, chapter 16)",
}

#: The mean of the embeddings of words and pairs of words: nothing reads faster, little else better.
_AVERAGED = {
    "encoder": "mean",
    "num_layers": 0,
    "ngrams": 2,
    "embedding_dim": 64,
    "word_dropout": 0.2,
    "buckets": 50_000,
}
#: Pairs of words of 20,000 reviews seldom share an id here, and few words of a review say much.
_REVIEWS = {"embedding_dim": 16, "buckets": 800_000, "word_dropout": 0.7}
#: Said of models whose padding counts.
_UNMASKED = (
    "without a mask the model reads padding as well: the curves are of batches padded as in "
    "training, all other scores and predictions of texts with hardly any padding, which may be "
    "better"
)


@dataclass
class TextClassificationConfig(TrainConfig):
    """Settings of a text classification run.

    Args:
        data: Your own table instead of a dataset: CSV (gzipped or not) or Parquet, a text a row.
        text: Its column of texts. Found by itself where only one column holds texts.
        target: Its column of classes.
        validation_data: A second table, with the same columns, to choose the epoch by.
        test_data: A table of the texts to be scored once at the end.
        validation_fraction: Share of the texts to choose the epoch by. Defaults to 0.1.
        test_fraction: Share of the texts to be scored once at the end. Defaults to 0.1, or to the
            published test part.
        train_size: Use so many of the training texts only, with each class keeping its share.
        split: random holds out texts of each class alike, and keeps those that occur twice in one
            part. book, for imdb, is the third edition's: the last tenth of the training reviews.
        tokens: What the model reads: words (in lower case, without punctuation), characters, or
            parts of words.
        vocabulary_size: Different ids at most, with padding and unknown ones. Defaults to 20,000
            for words and 8,000 for parts of words.
        lowercase: Turn texts into lower case. Words always are.
        strip_html: Leave out tags, and write entities such as &amp; as what they stand for.
        max_length: Tokens of a text at most; without it, texts are read to their end.
        truncation: What is kept of longer ones: the head, the tail, or half of each.
        bucketing: Train on batches of texts of similar lengths. Without, all texts are padded to
            the longest one.
        class_weight: With balanced, every class counts alike in the loss, however rare.
        label_smoothing: Share of each label that is spread over all classes.
        monitor: What the best epoch is chosen by, on validation.
        calibrate: Divide the logits, after training, by the temperature that suits the validation
            part best, so that probabilities mean what they say.
        folds: Cross-validate on so many parts of all but the test texts, after training; 0 for no
            such thing.
    """

    data: str | None = None
    text: str | None = None
    target: str | None = None
    validation_data: str | None = None
    test_data: str | None = None
    validation_fraction: float | None = None
    test_fraction: float | None = None
    train_size: int | None = None
    split: Literal["random", "book"] = "random"
    tokens: Literal["words", "characters", "bpe", "wordpiece", "unigram"] = "words"
    vocabulary_size: int | None = None
    lowercase: bool = False
    strip_html: bool = True
    max_length: int | None = None
    truncation: Literal["head", "tail", "both"] = "head"
    bucketing: bool = True
    class_weight: Literal["none", "balanced"] = "none"
    label_smoothing: float = 0.0
    monitor: Literal["loss", "accuracy"] = "loss"
    calibrate: bool = True
    folds: int = 0

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "train_size", "max_length")
        at_least(self, 4, "vocabulary_size")
        if self.dataset not in (None, *DATASETS):
            raise UserError(
                f"There is no dataset {self.dataset!r}. Expected one of {', '.join(DATASETS)}; "
                "for texts of your own, use --data FILE."
            )
        for name in ("text", "target", "validation_data", "test_data"):
            if getattr(self, name) is not None and not self.data:
                raise UserError(f"--{name} belongs to a table of your own: give it with --data.")
        for part in ("validation", "test"):
            if getattr(self, f"{part}_data") and getattr(self, f"{part}_fraction"):
                raise UserError(f"Give either --{part}_data or --{part}_fraction, not both.")
        for name in ("validation_fraction", "test_fraction"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise UserError(f"--{name} must be above 0 and below 1. Received: {value}")
        own = {"imdb": ("test_fraction",), "reber": ("test_fraction", "validation_fraction")}
        for name in own.get(self.dataset, ()):
            if getattr(self, name) is not None:
                raise UserError(
                    f"--dataset {self.dataset} has parts of its own: leave --{name} out."
                )
        if self.split == "book" and self.dataset != "imdb":
            raise UserError("--split book is that of --dataset imdb: leave it out.")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(
                "--label_smoothing must be at least 0 and below 1. "
                f"Received: {self.label_smoothing}"
            )
        if self.folds == 1 or self.folds < 0:
            raise UserError(f"--folds must be 0 or at least 2. Received: {self.folds}")


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> TextClassificationConfig:
    """The recipe's defaults for a dataset, or for the user's own texts.

    Args:
        dataset: Name of a dataset. Defaults to the offline one, `"reber"`.
        own_data: Whether the texts come from a file instead.
        model: Name of the model. Defaults to `"text_classifier"`.

    Returns:
        A `TextClassificationConfig` that trains as it is.
    """
    dataset = None if own_data else dataset or "reber"
    config = TextClassificationConfig(
        model=model or "text_classifier",
        dataset=dataset,
        epochs=10,
        jit_compile=False,  # batches come in many shapes
        steps_per_execution=1,
    )
    own = config.model == "text_classifier"
    if dataset == "reber":
        # One mistake anywhere makes a string wrong, which is what a maximum finds.
        arguments = {"encoder": "bigru", "pooling": "max", "units": 128, "embedding_dim": 16}
        return replace(
            config,
            tokens="characters",
            learning_rate=0.01,
            model_arguments=arguments if own else {},
        )
    config = replace(
        config,
        epochs=20,
        batch_size=32,
        learning_rate=0.005,
        max_length=400,
        truncation="both",
        model_arguments=dict(_AVERAGED) if own else {},
    )
    if dataset is None:
        return config
    return replace(
        config,
        epochs=6,
        batch_size=64,
        learning_rate=0.008 if own else 0.005,
        max_length=800,
        model_arguments={**_AVERAGED, **_REVIEWS} if own else {},
    )


def load_data(config: TextClassificationConfig):
    """Reads the texts, splits them and turns them into ids.

    Args:
        config: What to read and how to split it.

    Returns:
        A `recipes.text_classification.task.TextTask`.

    Raises:
        UserError: If the data is not what the flags say; the message tells what to do.
    """
    from recipes.text_classification.loading import load

    return load(config)


def build_model(config: TextClassificationConfig, data):
    """Puts the vocabulary, a zoo model and the names of the classes together.

    Args:
        config: Which model, with which arguments.
        data: The `TextTask` from `load_data`.

    Returns:
        A `Built`: the saved model maps ids `(batch, time)` to probabilities,
        and `zoo.load` lets it read texts; the training model gives logits.

    Raises:
        UserError: If the model or one of its arguments does not exist.
    """
    import keras

    import zoo
    from recipes.engine.building import create_core
    from recipes.engine.fitting import Built

    classes, head = data.classes, data.head
    arguments = {"num_classes": 1 if head == "binary" else len(classes), "head": head}
    if data.reads_ids:
        arguments["vocabulary_size"] = data.reader.vocabulary_size
    core = create_core(config, arguments)
    inputs = data.reader.new_inputs() if data.reads_ids else keras.Input((), dtype="string")
    logits = core(data.reader(inputs) if data.reads_ids else inputs)
    probabilities = zoo.layers.ClassProbabilities(classes, head, name="probabilities")(logits)
    model = keras.Model(inputs, probabilities, name=f"{config.model}_with_labels")
    watch = ("val_loss", "min") if config.monitor == "loss" else ("val_accuracy", "max")
    return Built(
        model=model,
        training_model=core,
        **zoo.objective(head, config.label_smoothing),
        monitor=watch[0],
        mode=watch[1],
        notes=() if config.model_arguments.get("mask", True) else (_UNMASKED,),
        finish=partial(data.calibrate, model, _head(core)) if config.calibrate else None,
    )


def search_space(hp) -> dict:
    """Settings worth searching, for a keras-tuner `HyperParameters`.

    Args:
        hp: The tuner's hyperparameters of one trial.

    Returns:
        Overrides of `default_config()`, model arguments as a nested dict. Arguments that the model
        does not have are for the tuner to leave out.

    Example:
        >>> import keras_tuner
        >>> from recipes.text_classification import search_space
        >>> sorted(search_space(keras_tuner.HyperParameters()))
        ['batch_size', 'learning_rate', 'model_arguments', 'weight_decay']
    """
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


def _head(core):
    """The linear layer that gives the logits."""
    try:
        return core.get_layer("head")
    except ValueError as error:
        raise UserError(
            f"{core.name} has no linear last layer named head to calibrate. Use --calibrate false."
        ) from error
