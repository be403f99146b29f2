"""The third edition's networks that translate, as its notebook builds them, but for both ends.

They read ids instead of strings, and give logits: Keras 3 loses the mask of padding on the way
through a Transformer, so that the loss has to know it from the labels.
"""

import keras
from keras import layers, ops

from zoo.layers import SinusoidalPositions


def recurrent(vocabulary_size, units=512, embedding_dim=128):
    """An encoder that reads both ways, a decoder, and attention between their outputs.

    Args:
        vocabulary_size: Number of ids of the source, and of the target; 0 is padding.
        units: Size of the decoder; each direction of the encoder has half of them.
        embedding_dim: Size of both embeddings.

    Returns:
        Uncompiled model: `{"source": (batch, time), "target": (batch, time)}` to logits.

    Reference:
        Book, chapter 16, 3rd edition cell 123.
    """
    (source, x), (target, y) = _embedded(vocabulary_size, embedding_dim, mask_zero=True)
    both = layers.Bidirectional(layers.LSTM(units // 2, return_sequences=True, return_state=True))
    memory, *states = both(x)
    states = [layers.Concatenate()(pair) for pair in (states[::2], states[1::2])]
    y = layers.LSTM(units, return_sequences=True)(y, initial_state=states)
    y = layers.Attention()([y, memory])
    return _model(source, target, y, vocabulary_size)


def transformer(vocabulary_size, units=128, num_heads=8, num_layers=2, dropout=0.1):
    """A Transformer that normalises behind each part.

    Args:
        vocabulary_size: Number of ids of the source, and of the target; 0 is padding.
        units: Size of the embeddings, of each head and of the dense layers.
        num_heads: Number of attention heads.
        num_layers: Number of blocks of the encoder, and of the decoder.
        dropout: Share dropped of the attention weights and behind the dense layers.

    Returns:
        As `recurrent`.

    Reference:
        Book, chapter 16, 3rd edition cell 137.
    """

    def attend(query, value, **options):
        attention = layers.MultiHeadAttention(num_heads, units, dropout=dropout)
        return layers.LayerNormalization()(query + attention(query, value, **options))

    def transform(x):
        change = layers.Dense(units)(layers.Dense(units, activation="relu")(x))
        return layers.LayerNormalization()(x + layers.Dropout(dropout)(change))

    (source, x), (target, y) = _embedded(vocabulary_size, units, mask_zero=False)
    real, read = (ops.not_equal(ids, 0)[:, None] for ids in (source, target))
    x, y = SinusoidalPositions()(x), SinusoidalPositions()(y)
    for _ in range(num_layers):
        x = transform(attend(x, x, attention_mask=real))
    for _ in range(num_layers):
        y = attend(y, y, attention_mask=read, use_causal_mask=True)
        y = transform(attend(y, x, attention_mask=real))
    return _model(source, target, y, vocabulary_size)


#: By the preset of the recipe that has the same sizes.
NETWORKS = {"ml3-ch16-123": recurrent, "ml3-ch16-137": transformer}


def _embedded(vocabulary_size, size, mask_zero):
    for name in ("source", "target"):
        ids = keras.Input((None,), dtype="int32", name=name)
        yield ids, layers.Embedding(vocabulary_size, size, mask_zero=mask_zero)(ids)


def _model(source, target, y, vocabulary_size):
    logits = layers.Dense(vocabulary_size)(y)
    return keras.Model({"source": source, "target": target}, logits)
