"""Learn to write text, one token after the other (chapter 16): `zoo train language_model`.

zoo train language_model                                the help texts of Python itself
zoo train language_model --dataset shakespeare --split 90-10 --lowercase false
zoo train language_model --data novel.txt --tokens bpe --vocabulary_size 2000
zoo train language_model --dataset chorales             writes music: .wav, MIDI, piano rolls
zoo predict logs/language_model/RUN --text "To be"      lets it go on
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from recipes.engine.config import TrainConfig, at_least
from recipes.errors import UserError
from recipes.language_model import chorale_flags

DATASETS = {
    "python_docs": "help texts of Python, 400,000 characters (they vary with its version)",
    "shakespeare": "Tiny Shakespeare, 1,115,394 characters of plays (book, chapter 16)",
    "chorales": "382 of Bach's chorales, four notes a chord (book, chapter 15, exercise 10)",
}


@dataclass
class LanguageModelConfig(TrainConfig):
    """Settings of a language model's run.

    Args:
        data: Your own text file instead of a dataset, gzipped or not.
        encoding: How the characters of that file are written as bytes.
        tokens: What the model reads and writes: characters, or sub-word units, byte-level so that
            they can write any text.
        lowercase: Turn the text into lower case.
        vocabulary_size: Number of sub-word units, at most.
        split: fractions takes what follows for validation and test from the end of the text. book
            is that of the third edition for shakespeare, 1,000,000 characters to train on and
            60,000 for validation. 90-10 validates on the last tenth, as published figures for
            shakespeare do, and has no test part: test is the second half of validation.
        validation_fraction: Share of the characters to choose the epoch by.
        test_fraction: Share of the characters to be scored once at the end.
        window: Tokens that the training model reads at once.
        batching: streams reads the text in --batch_size places at once and goes on from there
            in the next batch, with the state carried over, for recurrent models. random takes
            windows side by side at random places. sliding takes windows that overlap.
        stride: Tokens from one window to the next with --batching sliding; the book has 1.
        transpose: Chorales: move each training window to a key drawn anew in every epoch.
        sample_length: Tokens of the samples in TensorBoard and in the report.
        sample_temperatures: Temperatures of these samples; below 1 they are more likely texts,
            above more surprising ones.
        prompt: What these samples go on from. Defaults to the first words of validation.
    """

    data: str | None = None
    encoding: str = "utf-8"
    tokens: Literal["characters", "bpe", "wordpiece", "unigram"] = "characters"
    lowercase: bool = False
    vocabulary_size: int = 1000
    split: Literal["fractions", "book", "90-10"] = "fractions"
    validation_fraction: float = 0.05
    test_fraction: float = 0.05
    window: int = 100
    batching: Literal["streams", "random", "sliding"] = "streams"
    stride: int = 1
    transpose: bool = False
    sample_length: int = 400
    sample_temperatures: list[float] = field(default_factory=lambda: [0.2, 0.5, 1.0])
    prompt: str | None = None

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "window", "stride", "vocabulary_size", "sample_length")
        if self.dataset not in (None, *DATASETS):
            raise UserError(
                f"There is no dataset {self.dataset!r}. Expected one of {', '.join(DATASETS)}; "
                "for a text of your own, use --data FILE."
            )
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(
                    f"--{name} must be above 0 and below 1. Received: {getattr(self, name)}"
                )
        if self.validation_fraction + self.test_fraction >= 1:
            raise UserError(
                "--validation_fraction and --test_fraction leave nothing to train on: lower them."
            )
        if self.split == "book" and self.dataset != "shakespeare":
            raise UserError("--split book is that of --dataset shakespeare: leave it out.")
        if not self.sample_temperatures:
            raise UserError("--sample_temperatures must name at least one, such as 0.5,1.0.")
        for temperature in self.sample_temperatures:
            if not 0 < temperature < float("inf"):
                raise UserError(f"--sample_temperatures must be above 0. Received: {temperature:g}")
        if self.prompt == "":
            raise UserError("--prompt must not be empty. Leave it out for the text's own words.")
        if self.dataset == "chorales":
            chorale_flags.check(self)
        elif self.transpose:
            raise UserError("--transpose is for music: leave it out, or use --dataset chorales.")


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> LanguageModelConfig:
    """The recipe's defaults for a dataset, or for the user's own text.

    Args:
        dataset: Name of a dataset. Defaults to the offline one, `"python_docs"`.
        own_data: Whether the text comes from a file instead.
        model: Name of the model. Defaults to `"char_rnn"`, for chorales to
            `"conv_lstm_language_model"`.

    Returns:
        A `LanguageModelConfig` that trains as it is.
    """
    dataset = None if own_data else dataset or "python_docs"
    config = LanguageModelConfig(
        model=model or "char_rnn",
        dataset=dataset,
        epochs=16,
        batch_size=64,
        window=64,
        learning_rate=0.004,
        weight_decay=0.01,
        jit_compile=False,  # XLA is slower for recurrent layers on a CPU
    )
    if dataset == "chorales":
        return chorale_flags.defaults(config, model)
    if dataset == "shakespeare":
        config = replace(config, split="book", lowercase=True)
    if config.model == "transformer_language_model":
        model = {"batching": "random", "window": 256, "learning_rate": 0.001}
        return replace(config, jit_compile=True, **model)
    if config.model != "char_rnn":
        return config
    arguments = {"units": 512, "embedding_dim": 64, "dropout": 0.25}
    if dataset != "python_docs":
        return replace(config, model_arguments=arguments)
    # A minute or two, which is enough to be better than the n-grams.
    small = {"units": 128, "embedding_dim": 64}
    return replace(config, model_arguments=small, epochs=12, batch_size=32, learning_rate=0.008)


def load_data(config: LanguageModelConfig):
    """Reads the text, splits it and turns it into tokens.

    Args:
        config: What to read and how to split it.

    Returns:
        A `recipes.language_model.task.LanguageTask`, for chorales a `ChoraleTask`.

    Raises:
        UserError: If the text is not what the flags say; the message tells what to do.
    """
    if config.dataset == "chorales":
        from recipes.language_model.chorale_task import load
    else:
        from recipes.language_model.loading import load

    return load(config)


def build_model(config: LanguageModelConfig, data):
    """Puts the vocabulary and a zoo model together.

    Args:
        config: Which model, with which arguments.
        data: The `LanguageTask` from `load_data`.

    Returns:
        A `Built`: the saved model knows its vocabulary and maps ids
        `(batch, time)` to logits; the training model shares its weights, and for streams it
        carries its state from batch to batch.

    Raises:
        UserError: If the model or one of its arguments does not exist, or the model has no state
            that could be carried.
    """
    import keras

    import zoo
    from callbacks import ResetState
    from recipes.engine.building import create_core
    from recipes.engine.fitting import Built

    core = create_core(
        config, {"vocabulary_size": data.tokens.vocabulary_size}, ("stateful", "batch_size")
    )
    inputs = keras.Input((None,), dtype="int32", name="ids")
    outputs = core(data.tokens(inputs))
    streams = config.batching == "streams"
    try:
        training_model = zoo.to_stateful(core, data.rows) if streams else core
    except ValueError as error:
        raise UserError(
            f"--batching streams carries a state. {error} Use --batching random."
        ) from error
    return Built(
        model=keras.Model(inputs, outputs, name=f"{config.model}_with_tokens"),
        training_model=training_model,
        **zoo.objective("multiclass"),
        monitor="val_loss",
        callbacks=(ResetState(),) if streams else (),
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
        >>> from recipes.language_model import search_space
        >>> sorted(search_space(keras_tuner.HyperParameters()))
        ['batch_size', 'learning_rate', 'model_arguments', 'weight_decay', 'window']
    """
    return {
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [16, 32, 64, 128]),
        "weight_decay": hp.Float("weight_decay", 1e-4, 1e-1, sampling="log"),
        "window": hp.Choice("window", [50, 100, 200]),
        "model_arguments": {
            "units": hp.Choice("units", [128, 256, 384, 512]),
            "num_layers": hp.Int("num_layers", 1, 3),
            "embedding_dim": hp.Choice("embedding_dim", [16, 32, 64, 128]),
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1),
        },
    }
