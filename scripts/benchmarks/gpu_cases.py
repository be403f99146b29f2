"""What `gpu` measures: a network of each recipe in the book's sizes, and what it writes or draws.

`tests/scripts/test_gpu.py` compares the arguments with those of the presets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import zoo
from scripts.benchmarks import random_networks as networks


@dataclass(frozen=True)
class Writing:
    """What a model writes.

    Args:
        run: Writes, and returns NumPy arrays.
        tokens: Ids, steps or pictures that it writes.
        work: Floating-point operations of its matrix products, about.
    """

    run: Callable[[], Any]
    tokens: int
    work: float


@dataclass(frozen=True)
class Case:
    """A network of a recipe.

    Args:
        recipe: Name of the recipe.
        preset: The preset whose network it is; None for the recipe's own.
        make: Takes batch size, length and the arguments of the model; returns an `Example`.
        arguments: Those of the model, as in the preset.
        length: Of sequences, as in the book; None for what has none.
        writes: By name, functions from an `Example` to a `Writing`.
    """

    recipe: str
    preset: str | None
    make: Callable[..., networks.Example]
    arguments: Mapping[str, Any]
    length: int | None = None
    writes: Mapping[str, Callable[[networks.Example], Writing]] = field(default_factory=dict)

    def example(self, batch, length=None) -> networks.Example:
        """The network and a batch; shorter sequences than the book's on request."""
        length = length and self.length and min(length, self.length)
        sizes = {"length": length or self.length} if self.length else {}
        return self.make(batch=batch, **sizes, **self.arguments)


def _of(maker, name):
    return lambda **sizes: maker(name, **sizes)


def _forecast(example):
    """As many steps as the window has, behind it."""
    batch, steps, _ = example.x.shape

    def run():
        return zoo.decoding.forecast_recursively(example.model, example.x, steps)

    return Writing(run, batch * steps, 2 * example.work)


def _continue(example):
    batch, length = example.x.shape
    prompt = example.x[:, :1]

    def run():
        return zoo.decoding.generate(example.model, prompt, length)

    return Writing(run, batch * length, example.work)


def _translate(example, beams=1):
    batch, length = example.y.shape
    ends = length, networks.START, networks.END

    def run():
        source = example.x["source"]
        if beams > 1:
            return zoo.decoding.beam_search(example.model, source, beams, *ends).ids
        return zoo.decoding.decode(example.model, source, *ends)

    return Writing(run, batch * length, beams * example.work)


def _five_beams(example):
    return _translate(example, 5)


def _draw(example, steps=50):
    count = len(example.x)

    def run():
        return zoo.generate_images(example.model.model, count, steps=steps, batch_size=count)

    return Writing(run, count, steps * example.work)


_DECODERS = {"greedy": _translate, "5 beams": _five_beams}
_GLOROT = {"activation": "relu", "kernel_initializer": "glorot_uniform"}
_GRU = {"encoder": "gru", "units": 128, "embedding_dim": 128}
_SEQ2SEQ = {
    "units": 512, "embedding_dim": 128, "encoder": "bidirectional", "attention": "luong",
    "input_feeding": False,
}  # fmt: skip
_TRANSFORMER = {
    "num_layers": 2, "embedding_dim": 128, "num_heads": 8, "key_dim": 128, "feed_forward_dim": 128,
    "norm": "post", "scale_embeddings": False, "dropout": 0.1, "attention_dropout": 0.1,
}  # fmt: skip
#: Names, and what they stand for.
CASES = {
    "images_mlp": Case("images", "ml2-ch10-57", _of(networks.image_classifier, "mlp"), _GLOROT),
    "images_cnn": Case("images", "ml3-ch14-53", _of(networks.image_classifier, "cnn"), {}),
    # The recipe's default, on pictures like those of CIFAR-10.
    "images_small_resnet": Case(
        "images", None, _of(networks.image_classifier, "small_resnet"), {"shape": (32, 32, 3)}
    ),
    "tabular": Case(
        "tabular", "ml3-ch10-92", networks.regressor, {**_GLOROT, "units": [30, 30]}
    ),
    "forecast_wavenet": Case(
        "forecast", "ml2-ch15-86", _of(networks.forecaster, "wavenet_lite"), {}, 50,
        {"recursive": _forecast},
    ),
    "forecast_gru": Case(
        "forecast", "ml2-ch15-76", _of(networks.forecaster, "deep_rnn"), {"cell": "gru"}, 50,
        {"recursive": _forecast},
    ),
    "language_model_gru": Case(
        "language_model", "ml3-ch16-32", _of(networks.language_model, "char_rnn"),
        {"units": 128, "embedding_dim": 16}, 100, {"continuation": _continue},
    ),
    "language_model_chorales": Case(
        "language_model", "ml2-ch15-138",
        _of(networks.language_model, "conv_lstm_language_model"), {}, 131,
        {"continuation": _continue},
    ),
    "language_model_transformer": Case(
        "language_model", None, _of(networks.language_model, "transformer_language_model"),
        {"num_layers": 4, "embedding_dim": 128}, 128, {"continuation": _continue},
    ),
    "text_classification": Case(
        "text_classification", "ml3-ch16-71", networks.text_classifier, _GRU, 256
    ),
    "translation_seq2seq": Case(
        "translation", "ml3-ch16-123", _of(networks.translator, "seq2seq"), _SEQ2SEQ, 50, _DECODERS
    ),
    "translation_transformer": Case(
        "translation", "ml3-ch16-137", _of(networks.translator, "transformer"), _TRANSFORMER, 50,
        _DECODERS,
    ),
    "generate_images_dcgan": Case(
        "generate_images", "ml3-ch17-107", _of(networks.painter, "dcgan"),
        {"filters": [64, 128], "code_size": 100, "dropout": 0.4},
    ),
    "generate_images_diffusion": Case(
        "generate_images", "ml3-ch17-126", _of(networks.painter, "diffusion"),
        {"filters": [64, 128, 256], "num_blocks": 2, "patch_size": 1}, None, {"pictures": _draw},
    ),
}  # fmt: skip
