"""Learn to translate one text into another (chapter 16): `zoo train translation`.

zoo train translation                                   dates: "April 22, 2019" to "2019-04-22"
zoo train translation --dataset spa_eng                 English to Spanish, in parts of words
zoo train translation --preset ml3-ch16-123             the book's 1,000 words, with attention
zoo train translation --data pairs.tsv --reverse        pairs of your own, the other way around
zoo train translation --preset ml2-ch16-210 --engine addons     TensorFlow Addons beside it
zoo predict logs/translation/RUN --text "How are you?" --beam 5 --n-best 3 --length-penalty 0.6
"""

from dataclasses import dataclass, replace
from typing import Literal

from recipes.engine.config import TrainConfig, at_least
from recipes.errors import UserError

DATASETS = {
    "dates": "14,000 generated dates, in words and in digits (book, chapter 16, exercise 9)",
    "spa_eng": "118,964 English sentences and their Spanish translations (book, chapter 16)",
}


@dataclass
class TranslationConfig(TrainConfig):
    """Settings of a translation model's run.

    Args:
        data: Your own file instead of a dataset, gzipped or not: source, tab, target in each line.
        encoding: How the characters of that file are written as bytes.
        reverse: Translate from the second column to the first.
        tokens: What the model reads and writes: words (those of the book: lower case, without
            punctuation), characters, or sub-word units, byte-level so that they can write any text.
        lowercase: Turn sources and targets into lower case. Words always are.
        source_vocabulary_size: Ids of the source at most, three special ones included. Defaults to
            1,000 for words and 8,000 for sub-word units.
        target_vocabulary_size: The same for the target.
        max_length: Tokens of a source and of a target (with its end) at most.
        longer: What becomes of longer training pairs: left out, or cut off. In validation and
            test, sources and the targets whose tokens are scored are cut off, and references are
            not.
        split: disjoint holds out sources, with all of their translations: whatever their case and
            punctuation, validation and test have none that training has. book is that of the third
            edition for spa_eng: 100,000 shuffled pairs to train on, the rest for validation.
        held_out: Sources of validation, and of the test part; of your own file, at most a tenth
            each.
        label_smoothing: Share of each target that is spread evenly over all tokens.
        sampling: Scheduled sampling, for seq2seq: in training, some tokens that the decoder reads
            are not the right ones but its own, drawn from its output (embedding) or averaged by it
            (output).
        sampling_probability: Share of them at the end.
        sampling_schedule: How this share grows: all but constant begin near 0 and are at their end
            by the middle of the run.
        beam: Beams of a second set of scores, by beam search; 1 for greedy scores alone.
        engine: keras trains the model. addons trains it a second time, as the book did with
            TensorFlow Addons, and puts these scores, and the seconds of an epoch, beside the
            model's. It is for seq2seq, takes much longer, and needs the extra addons (Python 3.11).
    """

    data: str | None = None
    encoding: str = "utf-8"
    reverse: bool = False
    tokens: Literal["words", "characters", "bpe", "wordpiece", "unigram"] = "bpe"
    lowercase: bool = False
    source_vocabulary_size: int | None = None
    target_vocabulary_size: int | None = None
    max_length: int = 50
    longer: Literal["drop", "cut"] = "drop"
    split: Literal["disjoint", "book"] = "disjoint"
    held_out: int = 2000
    label_smoothing: float = 0.0
    sampling: Literal["none", "embedding", "output"] = "none"
    sampling_probability: float = 0.5
    sampling_schedule: Literal["constant", "linear", "exponential", "inverse_sigmoid"] = "linear"
    beam: int = 1
    engine: Literal["keras", "addons"] = "keras"

    def validate(self) -> None:
        """Raises a `UserError` for the first setting that is out of range."""
        super().validate()
        at_least(self, 1, "held_out", "beam")
        at_least(self, 2, "max_length")
        at_least(self, 5, "source_vocabulary_size", "target_vocabulary_size")
        if self.dataset not in (None, *DATASETS):
            raise UserError(
                f"There is no dataset {self.dataset!r}. Expected one of {', '.join(DATASETS)}; "
                "for pairs of your own, use --data FILE."
            )
        if self.split == "book" and self.dataset != "spa_eng":
            raise UserError("--split book is that of --dataset spa_eng: leave it out.")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(
                "--label_smoothing must be at least 0 and below 1. "
                f"Received: {self.label_smoothing}"
            )
        if not 0 <= self.sampling_probability <= 1:
            raise UserError(
                f"--sampling_probability must lie in [0, 1]. Received: {self.sampling_probability}"
            )
        if self.sampling != "none" and self.model != "seq2seq":
            raise UserError(f"--sampling is for seq2seq: leave it out for {self.model}.")
        if self.engine == "addons":
            self._check_addons()

    def _check_addons(self):
        from recipes.translation.addons.runner import check_installed

        if self.model != "seq2seq":
            raise UserError(f"--engine addons is for seq2seq: leave it out for {self.model}.")
        unknown = {
            "optimizer": ("muon",),
            "schedule": ("1cycle", "plateau"),
            "precision": ("bfloat16",),
        }
        wrong = [name for name, values in unknown.items() if getattr(self, name) in values]
        wrong += ["ema"] if self.ema else []
        if wrong:
            raise UserError(
                f"--engine addons knows no --{wrong[0]} {getattr(self, wrong[0])}: choose another, "
                "or leave the engine out."
            )
        check_installed()


def default_config(
    dataset: str | None = None, own_data: bool = False, model: str | None = None
) -> TranslationConfig:
    """The recipe's defaults for a dataset, or for the user's own pairs.

    Args:
        dataset: Name of a dataset. Defaults to the offline one, `"dates"`.
        own_data: Whether the pairs come from a file instead.
        model: Name of the model. Defaults to `"seq2seq"`.

    Returns:
        A `TranslationConfig` that trains as it is.
    """
    dataset = None if own_data else dataset or "dates"
    config = TranslationConfig(
        model=model or "seq2seq",
        dataset=dataset,
        epochs=10,
        batch_size=64,
        learning_rate=0.002,
        jit_compile=False,  # batches come in many shapes
        steps_per_execution=1,
    )
    recurrent = config.model == "seq2seq"
    if dataset == "dates":
        arguments = {"units": 128, "embedding_dim": 32, "attention_layer_size": 128}
        return replace(
            config,
            tokens="characters",
            max_length=20,
            epochs=5,
            learning_rate=0.004,
            model_arguments=arguments if recurrent else {"num_heads": 4},
        )
    arguments = {"units": 256, "embedding_dim": 128, "attention_layer_size": 256}
    arguments |= {"dropout": 0.2, "input_feeding": False}
    return replace(config, model_arguments=arguments if recurrent else {})


def load_data(config: TranslationConfig):
    """Reads the pairs, splits them and turns them into ids.

    Args:
        config: What to read and how to split it.

    Returns:
        A `recipes.translation.task.TranslationTask`.

    Raises:
        UserError: If the pairs are not what the flags say; the message tells what to do.
    """
    from recipes.translation.loading import load

    return load(config)


def build_model(config: TranslationConfig, data):
    """Puts both vocabularies and a zoo model together.

    Args:
        config: Which model, with which arguments.
        data: The `TranslationTask` from `load_data`.

    Returns:
        A `Built`: the saved model maps ids `{"source": (batch, source), "target": (batch, time)}`
        to logits and has the layers "source_tokens", "encoder", "target_tokens"
        and "decoder"; the training model is the zoo's, on the same weights.

    Raises:
        UserError: If the model or one of its arguments does not exist.
    """
    import keras

    import zoo
    from recipes.engine.building import create_core
    from recipes.engine.fitting import Built
    from recipes.translation.coding import FIRST
    from recipes.translation.translator import check_positions

    sizes = {
        "source_vocabulary_size": FIRST + data.source_tokens.vocabulary_size,
        "target_vocabulary_size": FIRST + data.target_tokens.vocabulary_size,
    }
    if config.beam > data.target_tokens.vocabulary_size:
        raise UserError(
            f"--beam {config.beam} is more than the {data.target_tokens.vocabulary_size} tokens of "
            "the target. 4 to 10 are common."
        )
    core = create_core(
        config, {**sizes, **_sampling(config, data)}, ("sampling", "sampling_probability")
    )
    check_positions(core, config.max_length)
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    # The model's own parts, not the model: a decoder finds them by their names in the saved file.
    memory = core.get_layer("encoder")(data.source_tokens(source))
    logits = core.get_layer("decoder")(data.target_tokens(target), memory)
    inputs = {"source": source, "target": target}
    notes, callbacks = (), ()
    if config.engine == "addons":
        from recipes.translation.addons.training import NOTE, Twin

        twin = data.rivals["TF-Addons"] = Twin(data, core)
        notes, callbacks = (NOTE,), (twin.clock,)
    return Built(
        model=keras.Model(inputs, logits, name=f"{config.model}_with_tokens"),
        training_model=core,
        loss=zoo.losses.MaskedCrossentropy(config.label_smoothing),
        metrics=[zoo.metrics.TokenAccuracy()],
        monitor="val_loss",
        notes=notes,
        callbacks=callbacks,
    )


def _sampling(config, data):
    """The model's arguments for scheduled sampling."""
    from recipes.translation.sampling import sampling_probability

    if config.sampling == "none":
        return {}
    steps = config.epochs * max(1, len(data.pairs["train"]) // config.batch_size)
    end, schedule = config.sampling_probability, config.sampling_schedule
    return {
        "sampling": config.sampling,
        "sampling_probability": sampling_probability(schedule, end, steps),
    }


def search_space(hp) -> dict:
    """Settings worth searching, for a keras-tuner `HyperParameters`.

    Args:
        hp: The tuner's hyperparameters of one trial.

    Returns:
        Overrides of `default_config()`, model arguments as a nested dict. Arguments that the model
        does not have are for the tuner to leave out.

    Example:
        >>> import keras_tuner
        >>> from recipes.translation import search_space
        >>> sorted(search_space(keras_tuner.HyperParameters()))
        ['batch_size', 'label_smoothing', 'learning_rate', 'model_arguments']
    """
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
