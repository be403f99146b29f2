"""Random models and inputs on which TF-Addons and this project are to agree.

All from a seed, in NumPy: the same on both sides, and nothing but answers needs to be recorded.
"""

import dataclasses
import itertools

import numpy as np

START, END = 1, 2
#: Factor of the logits that makes a random choice by them a choice of the largest; exact.
SHARPNESS = 2.0**17


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One comparison: a model's shape, and the seed of its weights and of its inputs.

    Args:
        cell: `"lstm"` or `"gru"`.
        attention: `"luong"`, `"bahdanau"` or None.
        score_scale: Whether Luong's scores are scaled.
        normalize: Whether Bahdanau's are normalized.
        monotonic: Whether attention is monotonic.
        attention_layer_size: Size of the attention vector; None: the context itself.
        input_feeding: Whether the attention vector is an input of the next step.
        encoder: `"plain"` or `"bidirectional"`.
        num_layers: Recurrent layers of encoder and decoder each.
        units: Units of the decoder's cells.
        embedding_dim: Size of both embeddings.
        source_vocabulary_size: Source ids, 0 for padding included.
        target_vocabulary_size: Target ids, 0 for padding, `START` and `END` included.
        batch_size: Number of sequences.
        source_length: Longest source sequence.
        target_length: Length of the target sequences.
        beam_width: Beams.
        max_length: Most ids to decode.
        length_penalty: Weight of the beam search's length penalty.
        coverage_penalty: Weight of its coverage penalty.
        seed: Seed of weights and inputs.

    Example:
        >>> from tests.parity.configurations import Configuration, inputs, weights
        >>> configuration = Configuration(attention="luong")
        >>> inputs(configuration)["source"].shape
        (3, 5)
        >>> weights(configuration)["memory_kernel"].shape
        (6, 6)
    """

    cell: str = "lstm"
    attention: str | None = None
    score_scale: bool = False
    normalize: bool = False
    monotonic: bool = False
    attention_layer_size: int | None = None
    input_feeding: bool = True
    encoder: str = "plain"
    num_layers: int = 1
    units: int = 6
    embedding_dim: int = 4
    source_vocabulary_size: int = 9
    target_vocabulary_size: int = 11
    batch_size: int = 3
    source_length: int = 5
    target_length: int = 5
    beam_width: int = 3
    max_length: int = 7
    length_penalty: float = 0.0
    coverage_penalty: float = 0.0
    seed: int = 0

    @property
    def model_arguments(self) -> dict:
        """Arguments of `zoo.seq2seq` for the same model."""
        names = (
            "source_vocabulary_size", "target_vocabulary_size", "units", "cell", "encoder",
            "num_layers", "attention", "score_scale", "normalize", "attention_layer_size",
            "input_feeding", "monotonic", "embedding_dim",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


def shapes(seed: int) -> list[Configuration]:
    """Every kind of model, each with random sizes; all of seed 0, no penalties.

    Args:
        seed: Seed of the sizes. What has LSTM cells with an even one has GRU cells with an odd one.

    Example:
        >>> from tests.parity.configurations import shapes
        >>> {shape.attention for shape in shapes(0)} == {None, "luong", "bahdanau"}
        True
    """
    random = np.random.RandomState(seed)
    kinds = [Configuration()]
    for scaled, size in itertools.product((False, True), (None, 1)):  # sizes are drawn below
        kinds += [
            Configuration(attention="luong", score_scale=scaled, attention_layer_size=size),
            Configuration(attention="bahdanau", normalize=scaled, attention_layer_size=size),
        ]
    luong = Configuration(attention="luong", attention_layer_size=1)
    bahdanau = Configuration(attention="bahdanau")
    change = dataclasses.replace
    kinds += [
        change(luong, monotonic=True, score_scale=True, attention_layer_size=None),
        change(bahdanau, monotonic=True, normalize=True, attention_layer_size=1),
    ]
    kinds += [
        change(luong, input_feeding=False),
        change(bahdanau, input_feeding=False),
        change(luong, num_layers=2),
        change(bahdanau, num_layers=2, normalize=True),
        change(luong, encoder="bidirectional"),
        change(bahdanau, encoder="bidirectional", num_layers=2),
    ]
    return [
        _sized(random, change(kind, cell=("lstm", "gru")[(pair // 2 + seed) % 2]))
        for pair, kind in enumerate(kinds, 1)
    ]


def _sized(random, kind):
    attention_layer_size = int(random.randint(3, 9))
    return dataclasses.replace(
        kind,
        attention_layer_size=kind.attention_layer_size and attention_layer_size,
        units=2 * int(random.randint(2, 5)),  # a bidirectional encoder needs even ones
        embedding_dim=int(random.randint(3, 6)),
        source_vocabulary_size=int(random.randint(6, 12)),
        target_vocabulary_size=int(random.randint(8, 15)),
        batch_size=int(random.randint(2, 4)),
        source_length=int(random.randint(4, 8)),
        target_length=int(random.randint(4, 6)),
        beam_width=int(random.randint(2, 6)),
        max_length=int(random.randint(6, 9)),
    )


def draws(shape: Configuration, seed: int):
    """Endless configurations of a shape, with weights, inputs and penalties of their own.

    Args:
        shape: Model and sizes.
        seed: Seed of the seeds and of the penalties.

    Example:
        >>> from tests.parity.configurations import Configuration, draws
        >>> first, second = itertools.islice(draws(Configuration(), seed=0), 2)
        >>> first.seed == second.seed
        False
    """
    random = np.random.RandomState(seed)
    for count in itertools.count():
        # Every fourth without a penalty, and the others with one of them or both.
        length = round(random.uniform(0.2, 1.5), 3) if count % 4 in (1, 3) else 0.0
        coverage = round(random.uniform(0.1, 1.0), 3) if count % 4 in (2, 3) else 0.0
        yield dataclasses.replace(
            shape,
            seed=int(random.randint(2**31 - 1)),
            length_penalty=length,
            coverage_penalty=coverage if shape.attention else 0.0,
        )


def inputs(configuration: Configuration) -> dict[str, np.ndarray]:
    """Padded source ids, and target ids that begin with the start id.

    Args:
        configuration: Sizes and seed.

    Example:
        >>> from tests.parity.configurations import Configuration, inputs
        >>> inputs(Configuration())["target"][:, 0]
        array([1, 1, 1], dtype=int32)
    """
    random = np.random.RandomState(configuration.seed)
    rows, longest = configuration.batch_size, configuration.source_length
    source = random.randint(1, configuration.source_vocabulary_size, (rows, longest))
    lengths = random.randint(2, longest + 1, rows)
    lengths[0] = longest
    source[np.arange(longest) >= lengths[:, None]] = 0
    shape = rows, configuration.target_length
    target = random.randint(END + 1, configuration.target_vocabulary_size, shape)
    target[:, 0] = START
    return {"source": source.astype("int32"), "target": target.astype("int32")}


def weights(configuration: Configuration) -> dict[str, np.ndarray]:
    """The model's weights; large enough that attention and ends differ from row to row.

    Args:
        configuration: Model, sizes and seed.

    Example:
        >>> from tests.parity.configurations import Configuration, weights
        >>> sorted(weights(Configuration()))[:3]
        ['decoder_0_bias', 'decoder_0_kernel', 'decoder_0_recurrent_kernel']
    """
    random = np.random.RandomState(configuration.seed ^ 0x5EED)
    return {
        name: _output_bias(random, shape)
        if name == "output_bias"
        else np.asarray(random.normal(mean, 1.5 if "embedding" in name else 0.8, shape), "float32")
        for name, (shape, mean) in _weight_shapes(configuration).items()
    }


def _output_bias(random, shape):
    bias = random.normal(0, 0.5, shape)
    bias[[0, START]] = -20.0  # padding and the start are nobody's answer
    bias[END] += 1.8
    return bias.astype("float32")


def _weight_shapes(c):
    """Shape and mean of every weight, in a fixed order."""
    gates = {"lstm": 4, "gru": 3}[c.cell]
    sides = 2 if c.encoder == "bidirectional" else 1
    found = {"source_embedding": ((c.source_vocabulary_size, c.embedding_dim), 0)}
    memory, own = c.units, c.units // sides
    for index in range(c.num_layers):
        for side in ("encoder", "backward")[:sides]:
            size = memory if index else c.embedding_dim
            found.update(_cell_shapes(c.cell, gates, f"{side}_{index}", size, own))
    found["target_embedding"] = ((c.target_vocabulary_size, c.embedding_dim), 0)
    attention = (c.attention_layer_size or memory) if c.attention else 0
    for index in range(c.num_layers):
        size = c.units if index else c.embedding_dim + (attention if c.input_feeding else 0)
        found.update(_cell_shapes(c.cell, gates, f"decoder_{index}", size, c.units))
    if c.attention:
        found["memory_kernel"] = ((memory, c.units), 0)
        if c.attention == "bahdanau":
            found["query_kernel"] = ((c.units, c.units), 0)
            found["attention_v"] = ((c.units,), 0)
        if c.score_scale or c.normalize:
            found["attention_g"] = ((), 1)
        if c.normalize:
            found["attention_b"] = ((c.units,), 0)
        if c.monotonic:
            found["score_bias"] = ((), 0)
        if c.attention_layer_size:
            found["attention_layer_kernel"] = ((c.units + memory, attention), 0)
    found["output_kernel"] = ((attention or c.units, c.target_vocabulary_size), 0)
    found["output_bias"] = ((c.target_vocabulary_size,), 0)
    return found


def _cell_shapes(cell, gates, name, size, units):
    bias = (gates * units,) if cell == "lstm" else (2, gates * units)
    return {
        f"{name}_kernel": ((size, gates * units), 0),
        f"{name}_recurrent_kernel": ((units, gates * units), 0),
        f"{name}_bias": (bias, 0),
    }
