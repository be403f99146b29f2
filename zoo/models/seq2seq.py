"""The recurrent encoder-decoder, with attention."""

from collections.abc import Callable

import keras
from keras import layers, ops

from zoo.checks import check_choice, check_counts
from zoo.layers import AttentionDecoder, BahdanauAttention, LuongAttention, PaddingMask
from zoo.models.mlp import dropped
from zoo.registry import register_model

_CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}
_ENCODERS = ("bidirectional", "plain")
_ATTENTIONS = ("luong", "bahdanau", None, "none")  # `create_model` leaves None out


@register_model
def seq2seq(
    source_vocabulary_size: int,
    target_vocabulary_size: int,
    units: int = 256,
    cell: str = "lstm",
    encoder: str = "bidirectional",
    num_layers: int = 1,
    attention: str = "luong",
    score_scale: bool = False,
    normalize: bool = False,
    attention_layer_size: int | None = None,
    input_feeding: bool = True,
    monotonic: bool = False,
    embedding_dim: int = 128,
    dropout: float = 0.0,
    sampling: str | None = None,
    sampling_probability: float | Callable = 0.0,
    name: str = "seq2seq",
) -> keras.Model:
    """A recurrent encoder, and a recurrent decoder that attends to it.

    Id 0 is padding, behind the last real id of a row: it changes no output at a real position.

    Args:
        source_vocabulary_size: Number of ids of the source, padding included.
        target_vocabulary_size: Number of ids of the target, padding and start id included.
        units: Size of each layer; even with a bidirectional encoder, where each direction has
            half of them. Defaults to 256.
        cell: `"lstm"` or `"gru"`. Defaults to `"lstm"`.
        encoder: `"bidirectional"` or `"plain"`. Defaults to `"bidirectional"`.
        num_layers: Number of recurrent layers of the encoder, and of the decoder. Each layer of
            the decoder starts from the last state of the encoder's. Defaults to 1.
        attention: `"luong"`, `"bahdanau"`, or None or `"none"`. Defaults to `"luong"`.
        score_scale: Whether Luong's score has a trained factor. Defaults to False.
        normalize: Whether Bahdanau's score is normalized. Defaults to False.
        attention_layer_size: Size of the attention vector, a linear layer on the decoder's output
            and the context. Defaults to None: the context itself, so that the logits depend on
            the decoder's output through the attention only.
        input_feeding: Whether the decoder reads the attention vector of the step before. Training
            is faster without. Defaults to True.
        monotonic: Whether attention only moves forwards. Defaults to False.
        embedding_dim: Size of both embeddings. Defaults to 128.
        dropout: Fraction dropped behind embeddings, between recurrent layers and before the head,
            in [0, 1). Defaults to 0.
        sampling: Scheduled sampling: `"embedding"`, `"output"` or None, see
            `zoo.layers.AttentionDecoder`. Defaults to None.
        sampling_probability: Number, or a schedule such as `zoo.layers.LinearSampling`. Defaults
            to 0.0.

    Returns:
        Uncompiled model: `{"source": (batch, source), "target": (batch, time)}` to logits `(batch,
        time, target_vocabulary_size)`. The target starts with a start id; `logits[:, t]` are about
        its id `t + 1`. Its parts `model.get_layer("encoder")` and `model.get_layer("decoder")`
        decode, see `zoo.decoding`.

    >>> model = zoo.seq2seq(source_vocabulary_size=39, target_vocabulary_size=13, units=8)
    >>> source, target = np.array([[5, 3, 7, 0]]), np.array([[12, 4, 9]])
    >>> model({"source": source, "target": target}).shape
    TensorShape([1, 3, 13])

    Reference: Book, chapter 16: 2nd edition cells 90-92 and 152-210, 3rd edition cells 98, 108 and
    123; Luong et al., 2015; Bahdanau et al., 2014.
    """
    check_counts(source_vocabulary_size=source_vocabulary_size)
    check_counts(target_vocabulary_size=target_vocabulary_size)
    check_counts(units=units, num_layers=num_layers, embedding_dim=embedding_dim)
    check_choice(_CELLS, cell=cell)
    check_choice(_ENCODERS, encoder=encoder)
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encode = recurrent_encoder(
        source_vocabulary_size, units, cell, encoder, num_layers, embedding_dim, dropout
    )
    decode = AttentionDecoder(
        target_vocabulary_size, units=units, cell=cell, num_layers=num_layers,
        attention=attention_layer(attention, units, score_scale, normalize, monotonic),
        attention_layer_size=attention_layer_size, input_feeding=input_feeding,
        embedding_dim=embedding_dim, dropout=dropout, sampling=sampling,
        sampling_probability=sampling_probability, name="decoder",
    )  # fmt: skip
    logits = decode(target, encode(source))
    return keras.Model({"source": source, "target": target}, logits, name=name)


def recurrent_encoder(vocabulary_size, units, cell, encoder, num_layers, embedding_dim, dropout):
    """Ids `(batch, source)` to a memory: outputs, mask and the last state of every layer."""
    if encoder == "bidirectional" and units % 2:
        raise ValueError(f"A bidirectional encoder needs even units. Received: units={units}")
    source = keras.Input((None,), dtype="int32", name="source")
    mask = PaddingMask(name="mask")(source)
    x = layers.Embedding(vocabulary_size, embedding_dim, name="embedding")(source)
    states = []
    for index in range(num_layers):
        x = dropped(x, dropout, f"dropout_{index}")
        size = units // 2 if encoder == "bidirectional" else units
        layer = _CELLS[cell](size, return_sequences=True, return_state=True, name=f"{cell}_{index}")
        if encoder == "bidirectional":
            layer = layers.Bidirectional(layer, name=f"bidirectional_{index}")
        x, *last = layer(x, mask=mask)
        if encoder == "bidirectional":
            half = len(last) // 2  # the states of the forward layer, then those of the other
            pairs = zip(last[:half], last[half:], strict=True)
            last = [ops.concatenate(pair, axis=-1) for pair in pairs]
        states += last
    memory = {"outputs": x, "mask": mask}
    memory |= {f"state_{index}": state for index, state in enumerate(states)}
    return keras.Model(source, memory, name="encoder")


def attention_layer(attention, units, score_scale, normalize, monotonic=False):
    """The attention layer of a name, or None."""
    check_choice(_ATTENTIONS, attention=attention)
    if attention == "luong":
        return LuongAttention(units, scale=score_scale, monotonic=monotonic, name="attention")
    if attention == "bahdanau":
        return BahdanauAttention(units, normalize=normalize, monotonic=monotonic, name="attention")
    return None
