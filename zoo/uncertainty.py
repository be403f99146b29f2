"""Monte-Carlo dropout: what a trained model is unsure of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from zoo.checks import check_counts
from zoo.compiled import kept_on

_RANDOM = (
    layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D,
    layers.GaussianDropout, layers.AlphaDropout, layers.GaussianNoise, layers.Attention,
    layers.AdditiveAttention, layers.MultiHeadAttention, layers.GroupQueryAttention,
)  # fmt: skip


@dataclass(frozen=True)
class MonteCarlo:
    """What `monte_carlo` returns: the samples, and statistics over them.

    Args:
        samples: Outputs of the model, a NumPy array `(samples, batch, ...)`.

    >>> result = MonteCarlo(np.array([[[0.0, 1.0]], [[1.0, 0.0]]]))  # two sure, opposite votes
    >>> result.mean, result.stddev, result.entropy.round(4)
    (array([[0.5, 0.5]]), array([[0.5, 0.5]]), array([0.6931]))
    """

    samples: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean over the samples, `(batch, ...)`: the prediction."""
        return self.samples.mean(axis=0)

    @cached_property
    def stddev(self) -> np.ndarray:
        """Standard deviation over the samples, `(batch, ...)`."""
        return self.samples.std(axis=0)

    @cached_property
    def entropy(self) -> np.ndarray:
        """Entropy, in nats, of the mean class probabilities along the last axis: `(batch, ...)`.

        Raises:
            ValueError: If the outputs are not class probabilities: two or more in the last axis,
                none negative, adding up to 1 in every sample.
        """
        sums = self.samples.sum(axis=-1)
        probabilities = self.samples.min() >= 0 and np.allclose(sums, 1.0, atol=1e-3)
        if self.samples.shape[-1] < 2 or not probabilities:
            raise ValueError(
                "Entropy needs outputs that are class probabilities along the last axis (a softmax "
                f"over two classes or more). Received samples of shape {self.samples.shape} with "
                f"sums from {sums.min():.3g} to {sums.max():.3g}. Use stddev instead."
            )
        p = self.mean
        return -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1)

    def quantile(self, q: float | Sequence[float]) -> np.ndarray:
        """Quantiles over the samples, `(batch, ...)`; for a list, `(len(q), batch, ...)`."""
        return np.quantile(self.samples, q, axis=0)


def monte_carlo(
    model: keras.Model, x: Any, samples: int = 100, batch_size: int = 10, seed: int | None = None
) -> MonteCarlo:
    """Predicts many times with dropout on, in one compiled call for each `batch_size` inputs.

    Only dropout is random: batch normalisation keeps its moving averages and they stay as they
    are. The compiled function is kept on the model, so that the next call with the same `samples`
    and `batch_size` starts at once.

    Args:
        model: Functional or sequential model with dropout.
        x: Inputs, an array `(batch, ...)` or a list or dict of them.
        samples: Number of predictions of each input. Defaults to 100.
        batch_size: Inputs at a time; the device holds all their samples at once. Defaults to 10.
        seed: Makes the samples repeat (for the same `batch_size` and backend), whatever ran
            before, and leaves all random states as they were. Defaults to None: new samples.

    Returns:
        `MonteCarlo` with `samples`, `mean`, `stddev`, `entropy` and `quantile(q)`.

    Raises:
        ValueError: If the model has no dropout or an argument is out of range.

    >>> keras.utils.set_random_seed(42)
    >>> parts = [keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)]
    >>> model = keras.Sequential([*parts, keras.layers.Softmax()])
    >>> result = zoo.monte_carlo(model, np.ones((2, 4)), samples=50, seed=42)
    >>> result.samples.shape, result.mean.shape, result.entropy.shape
    ((50, 2, 3), (2, 3), (2,))

    Reference: Gal and Ghahramani, *Dropout as a Bayesian approximation*, 2016; book, chapter 11.
    """
    check_counts(samples=samples, batch_size=batch_size)
    x = keras.tree.map_structure(np.asarray, x)
    size = len(keras.tree.flatten(x)[0])
    if not size:
        raise ValueError("monte_carlo needs at least one input. Received an empty batch.")
    twin = kept_on(model, ("stochastic twin",), lambda: stochastic_twin(model))
    sampler = kept_on(model, ("monte_carlo", samples), lambda: _Sampler(twin, samples))
    batch_size = min(batch_size, size)
    # Like Layer.variables, but unlike Layer.weights, random states are no weights.
    weights = {id(variable) for variable in sampler.weights}
    states = [variable for variable in sampler.variables if id(variable) not in weights]
    before = [ops.convert_to_numpy(state) for state in states]
    try:
        if seed is not None:
            seeds = np.random.SeedSequence(seed).generate_state(len(states))
            for state, value in zip(states, seeds, strict=True):
                state.assign(np.array([value, 0], "uint32"))
        chunks = []
        for start in range(0, size, batch_size):
            # The last chunk is filled up with its last input: one shape, one compilation.
            rows = np.minimum(np.arange(start, start + batch_size), size - 1)
            chunk = keras.tree.map_structure(lambda a: a[rows], x)  # noqa: B023
            chunks.append(sampler.predict_on_batch(chunk))
    finally:
        if seed is not None:
            for state, value in zip(states, before, strict=True):
                state.assign(value)
    return MonteCarlo(np.moveaxis(np.concatenate(chunks)[:size], 1, 0))


def stochastic_twin(model: keras.Model) -> keras.Model:
    """A model on the same weights whose dropout stays on at inference.

    Only dropout layers (and the dropout inside recurrent and attention layers) become stochastic:
    batch normalisation keeps its moving averages, which calling a model with `training=True` does
    not. The twin ignores the argument `training`.

    Raises:
        ValueError: If nothing in the model is stochastic, or it is a subclassed model.
    """
    found = []

    def share(layer):
        if isinstance(layer, keras.Model):
            return rebuild(layer)
        if not isinstance(layer, layers.Layer) or not _is_stochastic(layer):
            return layer  # the first are operations such as the comparison in a mask
        found.append(layer.name)
        return _AlwaysOn(layer, name=layer.name)

    def rebuild(part):
        try:
            return keras.models.clone_model(part, clone_function=share)
        except ValueError as error:
            raise ValueError(
                f"Monte-Carlo dropout needs a functional or sequential model. {part.name!r} "
                f"cannot be rebuilt: {error}"
            ) from error

    twin = rebuild(model)
    if not found:
        raise ValueError(
            "Monte-Carlo dropout needs a model with dropout. This one has none: "
            f"rebuild {model.name!r} with dropout > 0 and train it."
        )
    return twin


class _AlwaysOn(layers.Layer):
    """Calls a layer in training mode, always.

    A functional model overrides its nodes' argument `training` with its own, so that setting it
    when the layer is called does not last.
    """

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer
        self.back = layers.Dropout(0.0, name="back")  # drops nothing
        self.supports_masking = layer.supports_masking
        self.built = True

    def call(self, *args, **kwargs):
        # Keras hands the last explicit `training` on to the layers that are called next.
        return self.back(self.layer(*args, **kwargs, training=True), training=False)

    def compute_mask(self, inputs, previous_mask=None):
        return self.layer.compute_mask(inputs, previous_mask)


class _Sampler(keras.Model):
    """Maps inputs `(batch, ...)` to outputs `(batch, samples, ...)` of a stochastic model."""

    def __init__(self, twin, samples):
        super().__init__(name="monte_carlo")
        self.twin, self.samples = twin, samples
        self.built = True

    def call(self, inputs):
        repeated = keras.tree.map_structure(lambda x: ops.repeat(x, self.samples, axis=0), inputs)
        outputs = self.twin(repeated, training=False)
        return ops.reshape(outputs, (-1, self.samples, *outputs.shape[1:]))


def _is_stochastic(layer):
    if isinstance(layer, layers.Bidirectional):
        return _is_stochastic(layer.forward_layer)
    if isinstance(layer, layers.Wrapper):
        return _is_stochastic(layer.layer)
    if isinstance(layer, layers.RNN):
        cells = getattr(layer.cell, "cells", [layer.cell])
        rates = [getattr(c, n, 0) for c in cells for n in ("dropout", "recurrent_dropout")]
        return any(isinstance(rate, (int, float)) and rate > 0 for rate in rates)
    own = not type(layer).__module__.startswith("keras.")
    random = len(layer.variables) > len(layer.weights)  # it holds a random state
    if own and random and layer.non_trainable_weights:
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) has dropout and weights that are not "
            "trained (batch normalisation?) inside: running it in training mode would change "
            "them. Call its parts as layers of the functional model instead."
        )
    if isinstance(layer, layers.Dropout) and (layer.noise_shape or (None,))[0] == 1 and random:
        raise ValueError(
            f"Dropout layer {layer.name!r} drops the same values in the whole batch "
            f"(noise_shape={layer.noise_shape}), so that all samples would be equal. Leave the "
            "first entry of noise_shape None."
        )
    return random and (own or isinstance(layer, _RANDOM))
