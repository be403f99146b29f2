"""What the flags of a run on chorales are, and may be."""

from dataclasses import replace

from recipes.errors import UserError

#: Ids of a chord.
VOICES = 4
#: The book's windows: 33 chords less the last note, which is only a target, and 16 chords on.
WINDOW, STRIDE = 33 * VOICES - 1, 16 * VOICES
#: Chords of a test piece that samples go on from, and chords of a sample.
OPENING, LENGTH = 8, 128

_DEFAULTS = {
    "batching": "sliding", "window": WINDOW, "stride": STRIDE, "transpose": True, "epochs": 16,
    "batch_size": 32, "optimizer": "nadam", "learning_rate": 0.002,
    "sample_length": LENGTH * VOICES, "sample_temperatures": [0.5, 0.8, 1.0],
}  # fmt: skip

_MODEL = "conv_lstm_language_model"
_TEXT_FLAGS = (
    "encoding", "tokenizer", "lowercase", "vocabulary_size", "split", "validation_fraction",
    "test_fraction", "prompt",
)  # fmt: skip


def defaults(config, model=None):
    """The defaults for chorales, out of those for texts; without a `model` the book's."""
    arguments = {"dropout": 0.3} if model in (None, _MODEL, "char_rnn") else {}
    return replace(config, model=model or _MODEL, model_arguments=arguments, **_DEFAULTS)


def check(config) -> None:
    """Raises a `UserError` for the first flag that does not go with chorales."""
    plain = type(config)()
    for name in _TEXT_FLAGS:
        if getattr(config, name) != getattr(plain, name):
            raise UserError(f"--{name} is about texts: leave it out for --dataset chorales.")
    if config.batching != "sliding":
        raise UserError(
            "--dataset chorales needs --batching sliding: every piece has a beginning and an end. "
            f"Received: {config.batching}"
        )
    for name in ("stride", "sample_length"):
        if getattr(config, name) % VOICES:
            raise UserError(
                f"--{name} must be a multiple of {VOICES} for chorales: a chord has {VOICES} "
                f"notes. Received: {getattr(config, name)}"
            )
