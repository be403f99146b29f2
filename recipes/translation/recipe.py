"""Learn to translate one text into another (chapter 16).

zoo train translation                          dates such as "April 22, 2019"
zoo train translation --dataset spa_eng        English to Spanish, in sub-words
zoo train translation --preset ml3-ch16-123    1,000 words, with attention
zoo train translation --data pairs.tsv --reverse     your own, the other way
zoo predict logs/translation/RUN --text "How are you?" --beam 5 --n-best 3
"""

from dataclasses import replace

from recipes.engine.config import with_epochs
from recipes.engine.recipe import Flag, Recipe, later
from recipes.engine.task import Built
from recipes.errors import UserError
from recipes.translation.config import TranslationConfig
from recipes.translation.presets import PRESETS


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> TranslationConfig:
    """The recipe's defaults, those of `seq2seq` on the offline `dates`; see `Recipe`."""
    dataset = None if own_data else dataset or "dates"
    config = TranslationConfig(
        model=model or "seq2seq", dataset=dataset, batch_size=64, learning_rate=0.002,
        epochs=10 if dataset else None,
    )  # fmt: skip
    recurrent = config.model == "seq2seq"
    if dataset == "dates":
        arguments = {"units": 128, "embedding_dim": 32, "attention_layer_size": 128}
        return replace(
            config, tokenizer="characters", max_length=20, epochs=5, learning_rate=0.004,
            model_arguments=arguments if recurrent else {"num_heads": 4},
        )  # fmt: skip
    arguments = {"units": 256, "embedding_dim": 128, "attention_layer_size": 256}
    arguments |= {"dropout": 0.2, "input_feeding": False}
    return replace(config, model_arguments=arguments if recurrent else {})


#: Reads the pairs, splits them and turns them into ids, as a `TranslationTask`.
load_data = later("recipes.translation.loading", "load")


def build_model(config: TranslationConfig, data):
    """Puts both vocabularies and a zoo model together.

    The saved model maps ids `{"source": (batch, source), "target": (batch, time)}` to logits and
    has the layers "source_tokenizer", "encoder", "target_tokenizer" and "decoder"; the training
    model is the zoo's, on the same weights.
    """
    import keras

    import zoo
    from recipes.engine.building import create_core
    from recipes.translation.sampling import sampling_probability
    from recipes.translation.translator import check_positions

    sizes = {
        "source_vocabulary_size": data.source_tokenizer.vocabulary_size,
        "target_vocabulary_size": data.target_tokenizer.vocabulary_size,
    }
    size = data.target_tokenizer.tokenizer.vocabulary_size
    if config.beam > size:
        raise UserError(
            f"--beam {config.beam} is more than the {size} tokens of the target. 4 to 10 are "
            "common."
        )
    if config.sampling != "none":
        steps = config.epochs * len(data.batches("train", None, seed=0))
        given = config.sampling_schedule, config.sampling_probability, steps
        sizes |= {"sampling": config.sampling, "sampling_probability": sampling_probability(*given)}
    core = create_core(config, sizes, ("sampling", "sampling_probability"))
    check_positions(core, config.max_length)
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    # The model's own parts, not the model: a decoder finds them by their names in the saved file.
    memory = core.get_layer("encoder")(data.source_tokenizer(source))
    logits = core.get_layer("decoder")(data.target_tokenizer(target), memory)
    inputs = {"source": source, "target": target}
    beside = {}
    if config.engine == "addons":
        from recipes.translation.addons.training import NOTE, Twin

        twin = Twin(data, core)
        beside = {
            "notes": (NOTE,),
            "callbacks": (twin.clock,),
            "baselines": {"TF-Addons": twin},
            "finish": twin.finish,
        }
    return Built(
        model=keras.Model(inputs, logits, name=f"{config.model}_with_tokenizers"),
        training_model=core,
        loss=zoo.losses.MaskedCrossentropy(config.label_smoothing),
        metrics=[zoo.metrics.TokenAccuracy()],
        monitor="val_loss",
        **beside,
    )


def search_space(hp) -> dict:
    """Settings worth searching; see `Recipe`."""
    return {
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        "batch_size": hp.Choice("batch_size", [32, 64, 128]),
        "label_smoothing": hp.Choice("label_smoothing", [0.0, 0.1]),
        "model_arguments": {
            "units": hp.Choice("units", [128, 256, 512]),
            "num_layers": hp.Int("num_layers", 1, 3),
            "embedding_dim": hp.Choice("embedding_dim", [32, 64, 128, 256]),
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1),
        },
    }


RECIPE = Recipe(
    name="translation",
    title="translate one text into another",
    chapter="chapter 16",
    description=str(__doc__),
    presets=PRESETS,
    config=TranslationConfig,
    default_config=default_config,
    load_data=load_data,
    build_model=build_model,
    search_space=search_space,
    sized=lambda config, task: with_epochs(config, len(task.pairs["train"]), 3000),
    predict=later("recipes.translation.predict", "predict"),
    raw_inputs=lambda task, split, examples: {
        "source": [task.pairs[split][example][0] for example in examples]
    },
    check=lambda config: later("recipes.translation.data.pairs", "open_pairs")(
        config.data, config, config.source, config.target
    ),
    metrics={
        "nll": "min",
        "token_accuracy": "max",
        **{f"{by}{key}": "max" for by in ("", "beam_") for key in ("exact_match", "bleu", "chrf")},
        "epoch_seconds": "min",
    },
    listed=("exact_match",),
    predict_flags=(
        Flag("text", "the sentences themselves, instead of an input"),
        Flag("beam", "beams of beam search; 1 is greedy (1)", int, 1),
        Flag("n_best", "translations of each line, after its number and their scores (1)", int, 1),
        Flag(
            "length_penalty", "of beam search: 0 prefers short translations, 1 hardly (0)", float, 0
        ),
    ),
    predict_help="Each line of the input, or of --text, is translated into one line.",
    text_is="A sentence",
    asks=lambda config, metadata: "lines",
    explain=later("recipes.translation.predict", "explain"),
)
