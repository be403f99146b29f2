"""Learn to write text, one token after the other (chapter 16).

zoo train language_model                       the help texts of Python itself
zoo train language_model --dataset chorales    writes music: .wav, MIDI
zoo train language_model --data novel.txt --tokenizer bpe
zoo predict logs/language_model/RUN --text "To be"
"""

from dataclasses import replace

from recipes.engine.recipe import Flag, Recipe, later
from recipes.engine.task import Built
from recipes.errors import UserError
from recipes.language_model import chorale_flags
from recipes.language_model.config import LanguageModelConfig
from recipes.language_model.presets import PRESETS


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> LanguageModelConfig:
    """The recipe's defaults, those of `char_rnn` on the offline `python_docs`; see `Recipe`.

    For chorales the model is `"conv_lstm_language_model"`.
    """
    dataset = None if own_data else dataset or "python_docs"
    config = LanguageModelConfig(
        model=model or "char_rnn", dataset=dataset, epochs=16, batch_size=64, window=64,
        learning_rate=0.004, weight_decay=0.01,
    )  # fmt: skip
    if dataset == "chorales":
        return chorale_flags.defaults(config, model)
    if dataset == "shakespeare":
        config = replace(config, split="book", lowercase=True)
    if config.model == "transformer_language_model":
        return replace(config, batching="random", window=256, learning_rate=0.001)
    if config.model != "char_rnn":
        return config
    if dataset != "python_docs":
        return replace(config, model_arguments={"units": 512, "embedding_dim": 64, "dropout": 0.25})
    # A minute or two, which is enough to be better than the n-grams.
    small = {"units": 128, "embedding_dim": 64}
    return replace(config, model_arguments=small, epochs=12, batch_size=32, learning_rate=0.008)


def load_data(config: LanguageModelConfig):
    """Reads the text, splits it and turns it into tokens.

    As a `recipes.language_model.task.LanguageTask`, for chorales a `ChoraleTask`.
    """
    if config.dataset == "chorales":
        from recipes.language_model.chorale_task import load
    else:
        from recipes.language_model.loading import load

    return load(config)


def build_model(config: LanguageModelConfig, data):
    """Puts the vocabulary and a zoo model together.

    The saved model knows its vocabulary and maps ids `(batch, time)` to logits; the training model
    shares its weights, and for streams it carries its state from batch to batch.
    """
    import keras

    import zoo
    from callbacks import ResetState
    from recipes.engine.building import create_core

    given = {"vocabulary_size": data.tokenizer.vocabulary_size}
    core = create_core(config, given, ("stateful", "batch_size"))
    inputs = keras.Input((None,), dtype="int32", name="ids")
    outputs = core(data.tokenizer(inputs))
    streams = config.batching == "streams"
    try:
        training_model = zoo.to_stateful(core, data.rows) if streams else core
    except ValueError as error:
        raise UserError(
            f"--batching streams carries a state. {error} Use --batching random."
        ) from error
    return Built(
        model=keras.Model(inputs, outputs, name=f"{config.model}_with_tokenizer"),
        training_model=training_model,
        **zoo.objective("multiclass"),
        monitor="val_loss",
        callbacks=(ResetState(),) if streams else (),
    )


def search_space(hp) -> dict:
    """Settings worth searching; see `Recipe`."""
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


def _predict(folder, config, *arguments, **flags):
    if config.dataset == "chorales":
        from recipes.language_model.chorale_predict import predict
    else:
        from recipes.language_model.predict import predict

    predict(folder, config, *arguments, **flags)


RECIPE = Recipe(
    name="language_model",
    title="learn to write text, or music",
    chapter="chapter 16",
    description=str(__doc__),
    presets=PRESETS,
    config=LanguageModelConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    predict=_predict,
    raw_inputs=lambda task, split, examples: (
        {"ids": [*map(task.tokenizer.decode, task.batches(split, None).assemble(examples)[0])]}
        if hasattr(task.tokenizer, "characters")  # of others a window may begin inside of a token
        else None
    ),
    check=lambda config: later("recipes.data.texts", "read_noted_text")(
        config.data, config.encoding
    ),
    metrics={
        **dict.fromkeys(("nats", "bits_per_character", "perplexity"), "min"),
        **dict.fromkeys(("accuracy", "accuracy_windows"), "max"),
    },
    listed=("nats",),
    predict_flags=(
        Flag("text", "the prompt (or sentence, or text) itself, instead of an input"),
        Flag("encoding", "how the characters of the input are written"),
        Flag("length", "tokens to write (500), or chords (128)", int, 1),
        Flag("temperature", "below 1 likelier, above wilder (0.8)", float),
        Flag("top_k", "draw from the k likeliest tokens only", int, 1),
        Flag("top_p", "draw from the likeliest tokens with this probability together", float),
        Flag("min_p", "draw from tokens at least this fraction as likely as the likeliest", float),
        Flag("samples", "number of continuations (1)", int, 1),
        Flag("seed", "seed of the drawing (that of the run)", int, 0),
        Flag("tempo", "chorales: beats a minute; four chords are one beat (80)", float),
    ),
    predict_help="They go on from a prompt: the input, without the newline at its end. Music goes "
    "on from a CSV file of chords, or the opening of a test piece, and -o may end in .csv, .mid, "
    ".png or .wav.",
    text_is="A prompt",
    asks=lambda config, metadata: "chords" if config.dataset == "chorales" else "prompt",
    stream=later("recipes.language_model.predict", "stream"),
)
