"""What `cost` measures: networks, what they do, and the sizes that grow.

A family is one kind of work. Each of its axes lets one size grow while the others stay, and says
with which power of it the architecture's own cost grows: its order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import zoo
from recipes.data.batches import ArrayBatches
from recipes.engine.compiling import compiled_by
from scripts.benchmarks import random_networks as networks
from scripts.benchmarks.random_networks import LongRun
from zoo.layers import NearestTargets


@dataclass(frozen=True)
class Axis:
    """One size that grows.

    Args:
        sizes: Its values, the smallest first.
        order: Power of the largest term of the architecture's time; smaller ones stand below it.
        memory: The same of memory.
    """

    sizes: tuple[int, ...]
    order: float = 1
    memory: float = 1


@dataclass(frozen=True)
class Family:
    """One kind of work.

    Args:
        title: What it is.
        make: Takes all sizes, and returns a function that does the work once.
        sizes: Those of all axes, where they do not grow.
        axes: By the name of the size.
    """

    title: str
    make: Callable[..., Callable[[], Any]]
    sizes: Mapping[str, int]
    axes: Mapping[str, Axis]


def _step(example):
    """A training step, compiled as the recipes do for a long training."""
    batches = ArrayBatches(example.x, example.y, len(example.y), seed=1)
    xla = compiled_by(LongRun(), example.model, batches)["jit_compile"]
    model = example.compiled(jit_compile=xla)
    return lambda: model.train_on_batch(example.x, example.y)


def _char_rnn(length, batch, units):
    return _step(networks.language_model("char_rnn", batch, length, units=units))


def _wavenet(length, batch, filters):
    return _step(networks.forecaster("wavenet_lite", batch, length, filters=filters))


def _transformer(length, batch, channels):
    sizes = {"context": length, "num_layers": 2, "embedding_dim": channels}
    return _step(networks.language_model("transformer_language_model", batch, length, **sizes))


def _decode(name, length, source, batch, beams=None, **arguments):
    example = networks.translator(name, batch, length, source, **arguments)
    model, ids = example.model, example.x["source"]
    ends = length, networks.START, networks.END
    if beams is None:
        return lambda: zoo.decoding.decode(model, ids, *ends)
    return lambda: zoo.decoding.beam_search(model, ids, beams, *ends)


def _attentive(length, source, batch, channels, beams=None):
    sizes = {"embedding_dim": channels, "num_layers": 2, "num_heads": 4, "max_length": 2048}
    return _decode("transformer", length, source, batch, beams, **sizes)


def _recurrent(length, source, batch, units, beams=None):
    return _decode("seq2seq", length, source, batch, beams, units=units)


def _generate(length, batch, units):
    model = networks.language_model("char_rnn", batch, 1, units=units).model
    prompt = np.ones((batch, 1), "int32")
    return lambda: zoo.decoding.generate(model, prompt, length)


def _generate_attentive(length, batch, context):
    sizes = {"num_layers": 2, "embedding_dim": 64, "context": context}
    model = networks.language_model("transformer_language_model", batch, 1, **sizes).model
    prompt = np.ones((batch, 1), "int32")
    return lambda: zoo.decoding.generate(model, prompt, length)


def _forecast(steps, context, batch, filters, cached=True):
    example = networks.forecaster("wavenet_lite", batch, context, 1, filters=filters)
    return lambda: zoo.decoding.forecast_recursively(example.model, example.x, steps, cached=cached)


def _slide(steps, window, batch):
    return _forecast(steps, window, batch, filters=20, cached=False)


def _nearest(rows, features):
    random = np.random.default_rng(42)
    numbers = {"numeric": random.normal(size=(rows, features)).astype("float32")}
    layer = NearestTargets.from_data(numbers, np.ones((rows, 1)), np.ones(features))
    return layer, numbers


def _look_up(rows, questions, features):
    layer, numbers = _nearest(rows, features)
    inputs = {"numeric": keras.Input((features,), name="numeric")}
    model = keras.Model(inputs, layer(inputs))
    asked = {"numeric": numbers["numeric"][np.arange(questions) % rows]}
    return lambda: model.predict_on_batch(asked)


def _draw(steps, pictures, side):
    model = networks.painter("diffusion", 1, side, filters=(8, 16)).model.model
    return lambda: zoo.generate_images(model, pictures, steps=steps, batch_size=pictures)


def _copy(megabytes):
    source = np.ones(megabytes << 18, "float32")
    target = np.empty_like(source)
    return lambda: np.copyto(target, source)


def _doubled(first, count, factor=2):
    return tuple(first * factor**power for power in range(count))


FAMILIES = {
    "gru": Family(
        "GRU (`char_rnn`), a training step", _char_rnn, {"length": 100, "batch": 32, "units": 128},
        {
            "length": Axis(_doubled(50, 5)),
            "batch": Axis(_doubled(16, 5)),
            "units": Axis(_doubled(64, 4), order=2, memory=2),
        },
    ),
    "wavenet": Family(
        "WaveNet, a training step", _wavenet, {"length": 128, "batch": 32, "filters": 20},
        {
            "length": Axis(_doubled(64, 5)),
            "batch": Axis(_doubled(16, 5)),
            # From 256 on it is not XLA's, and TensorFlow's own convolution is slow without oneDNN.
            "filters": Axis(_doubled(20, 4), order=2, memory=2),
        },
    ),
    "transformer": Family(
        "Transformer (language model), a training step", _transformer,
        {"length": 128, "batch": 8, "channels": 64},
        {
            "length": Axis(_doubled(64, 5), order=2, memory=2),
            "batch": Axis(_doubled(4, 4)),
            "channels": Axis(_doubled(64, 4), order=2, memory=2),
        },
    ),
    "greedy": Family(
        "Transformer (translation), greedy decoding", _attentive,
        {"length": 64, "source": 32, "batch": 8, "channels": 64},
        {
            "length": Axis(_doubled(64, 5), order=2),
            "source": Axis(_doubled(64, 5), order=2, memory=2),
            "batch": Axis(_doubled(8, 4)),
            "channels": Axis(_doubled(128, 4), order=2, memory=2),
        },
    ),
    "beam": Family(
        "Transformer (translation), beam search", _attentive,
        {"length": 64, "source": 32, "batch": 4, "channels": 64, "beams": 4},
        {
            "length": Axis(_doubled(64, 5), order=2),
            "batch": Axis(_doubled(4, 5)),
            "beams": Axis(_doubled(4, 5)),
        },
    ),
    "seq2seq": Family(
        "LSTM with attention (translation), beam search", _recurrent,
        {"length": 32, "source": 32, "batch": 4, "units": 128, "beams": 4},
        {
            "length": Axis(_doubled(32, 4)),
            "source": Axis(_doubled(64, 4)),
            "beams": Axis(_doubled(2, 4)),
        },
    ),
    "generate": Family(
        "GRU (`char_rnn`), text with carried state", _generate,
        {"length": 256, "batch": 8, "units": 128},
        {
            "length": Axis(_doubled(256, 5)),
            "batch": Axis(_doubled(8, 5)),
            "units": Axis(_doubled(64, 4), order=2, memory=2),
        },
    ),
    "generate_attentive": Family(
        "Transformer (language model), text with carried state", _generate_attentive,
        {"length": 256, "batch": 8, "context": 128},
        {"length": Axis(_doubled(256, 4)), "context": Axis(_doubled(256, 5))},
    ),
    "forecast": Family(
        "WaveNet, forecast with carried state", _forecast,
        {"steps": 128, "context": 128, "batch": 8, "filters": 20},
        {
            "steps": Axis(_doubled(128, 5)),
            "context": Axis(_doubled(128, 4)),
            "batch": Axis(_doubled(8, 4)),
        },
    ),
    "slide": Family(
        "WaveNet, forecast on sliding windows", _slide,
        {"steps": 32, "window": 128, "batch": 8},
        {"steps": Axis(_doubled(32, 4)), "window": Axis(_doubled(128, 4))},
    ),
    "nearest": Family(
        "Retrieval (`NearestTargets`), an answer", _look_up,
        {"rows": 4096, "questions": 256, "features": 16},
        {
            "rows": Axis(_doubled(4096, 5)),
            "questions": Axis(_doubled(64, 5)),
            "features": Axis(_doubled(16, 4)),
        },
    ),
    "diffusion": Family(
        "Diffusion (DDIM), pictures", _draw, {"steps": 10, "pictures": 8, "side": 16},
        {
            "steps": Axis(_doubled(10, 4)),
            "pictures": Axis(_doubled(8, 4)),
            "side": Axis(_doubled(8, 4), order=2, memory=2),
        },
    ),
    # What the processor's caches alone do to an exponent.
    "copy": Family(
        "For comparison, a copy by NumPy", _copy, {"megabytes": 2},
        {"megabytes": Axis(_doubled(2, 5), memory=0)},
    ),
}  # fmt: skip
