"""PatchTST: a Transformer that reads patches of a series as if they were words."""

from collections.abc import Sequence

import keras
from keras import layers

from zoo.checks import check_counts
from zoo.layers import LearnedPositions, Patches, WindowDenormalization, WindowNormalization
from zoo.models.heads import series_outputs, shape_series, target_series
from zoo.models.mlp import dropped
from zoo.registry import register_model


@register_model
def patchtst(
    input_shape: Sequence[int | None],
    horizon: int = 1,
    targets: int = 1,
    patch_length: int = 16,
    stride: int = 8,
    num_layers: int = 3,
    num_heads: int = 16,
    embedding_dim: int = 128,
    feed_forward_dim: int = 256,
    dropout: float = 0.2,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    name: str = "patchtst",
) -> keras.Model:
    """PatchTST: attention between the patches of each series, with the same weights for all.

    Each window is normalised by its own mean and deviation and cut into patches that overlap. Each
    becomes a vector that knows its position; Transformer blocks with batch normalisation behind
    each residual path let the vectors of a series attend to each other, and one linear map of them
    all is the forecast.

    Args:
        input_shape: As for `nlinear`.
        patch_length: Steps of a patch, the whole window at most. Defaults to 16.
        stride: Steps from one patch to the next. Defaults to 8.
        num_layers: Number of blocks. Defaults to 3.
        num_heads: Number of attention heads. Defaults to 16.
        embedding_dim: Size of the vectors, a multiple of `num_heads`. Defaults to 128.
        feed_forward_dim: Size of the hidden dense layer of a block. Defaults to 256.
        dropout: Fraction of the channels dropped, in [0, 1). Defaults to 0.2.
        horizon, targets, head, quantiles, name: As for `linear_forecaster`, as is the result.

    >>> model = zoo.patchtst((336, 7), horizon=96, targets=7)
    >>> model.get_layer("patches").output.shape  # the paper's 42 patches
    (None, 7, 42, 16)
    >>> model.output_shape
    (None, 1, 96, 7)

    Reference: Nie et al., *A time series is worth 64 words: long-term forecasting with
    Transformers*, 2023, section 3.1.
    """
    check_counts(patch_length=patch_length, num_layers=num_layers, num_heads=num_heads)
    check_counts(embedding_dim=embedding_dim, feed_forward_dim=feed_forward_dim)
    if embedding_dim % num_heads:
        raise ValueError(
            "Expected embedding_dim to be a multiple of num_heads. Received: "
            f"embedding_dim={embedding_dim}, num_heads={num_heads}"
        )
    inputs, x = target_series(input_shape, targets, name)
    x, mean, stddev = WindowNormalization("standard", name="window_normalization")(x)
    x = Patches(min(patch_length, x.shape[1]), stride, name="patches")(x)
    x = layers.Dense(embedding_dim, name="embedding")(x)
    x = LearnedPositions(x.shape[2], name="positions")(x)
    x = dropped(x, dropout, "embedding_dropout")
    for index in range(num_layers):
        prefix = f"block_{index}"
        attention = layers.MultiHeadAttention(
            num_heads,
            embedding_dim // num_heads,
            attention_axes=(2,),  # the patches, of each series apart
            name=f"{prefix}_attention",
        )
        y = dropped(attention(x, x), dropout, f"{prefix}_attention_dropout")
        x = _add_and_normalize(x, y, f"{prefix}_attention")
        y = layers.Dense(feed_forward_dim, activation="gelu", name=f"{prefix}_hidden")(x)
        y = dropped(y, dropout, f"{prefix}_hidden_dropout")
        y = layers.Dense(embedding_dim, name=f"{prefix}_dense")(y)
        y = dropped(y, dropout, f"{prefix}_dense_dropout")
        x = _add_and_normalize(x, y, f"{prefix}_dense")
    x = layers.Reshape((targets, x.shape[2] * embedding_dim), name="flatten")(x)
    x = layers.Dense(series_outputs(horizon, head, quantiles), name="head")(x)
    x = shape_series(x, horizon, targets, head, quantiles)
    outputs = WindowDenormalization(head, name="window_denormalization")([x, mean, stddev])
    return keras.Model(inputs, outputs, name=name)


def _add_and_normalize(x, y, prefix):
    x = layers.Add(name=f"{prefix}_add")([x, y])
    return layers.BatchNormalization(momentum=0.9, name=f"{prefix}_norm")(x)
