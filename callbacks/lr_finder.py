"""The learning rate finder: trains a few batches with an ever higher rate, watching the loss."""

import contextlib
import itertools
import math
import numbers
import random
from typing import Any

import keras
import numpy as np

from callbacks.checks import check_below_one, check_rate
from callbacks.rate_curve import WARM_UP, RateCurve, smooth


def find_learning_rate(
    model: keras.Model,
    data: Any,
    min_rate: float = 1e-6,
    max_rate: float = 10.0,
    steps: int | None = 100,
    batch_size: int = 32,
    smoothing: float = 0.9,
    stop_factor: float | None = 4.0,
    seed: int = 42,
) -> RateCurve:
    """Trains over a range of learning rates and returns the loss at each of them.

    The rate grows by the same factor from batch to batch. Each loss is that of its own batch,
    regularisation included, before the update with its rate; Keras' log, by contrast, is a mean
    over the epoch so far.

    Everything is put back afterwards, after an error too: weights, statistics, recurrent state,
    seed generators, metrics, and the random state of Python and NumPy. The model's own optimizer
    is never used: a copy with a settable rate takes its place for the while, so that it does not
    matter whether a schedule drives the rate. The copy begins with empty slots, as training will:
    the momentum of an earlier `fit` belongs to another rate. (It is made from `get_config`, and so
    knows nothing of `exclude_from_weight_decay`.) A model without weights is given them, as by
    `fit`.
    One trace is left: the loss and the metrics of a model that was never trained are built. The
    first `fit` need not do it then, and on JAX draws one order fewer before it shuffles arrays.

    Args:
        model: A compiled Keras model with any loss and optimizer.
        data: `(x, y)` or `(x, y, sample_weight)` arrays, which are shuffled; or batches as `fit`
            takes them: a `tf.data.Dataset`, a `keras.utils.PyDataset`, or any iterable. Data that
            ends early is read again, in the same order if it is a `PyDataset`. (A shuffled
            `tf.data.Dataset` counts its passes, so `fit` will see its next order.)
        min_rate: First rate, above 0.
        max_rate: Last rate.
        steps: Number of batches. `None` takes one pass over the data, whose length must be known.
        batch_size: Examples in a batch of arrays; what does not fill one is left out of the pass.
        smoothing: Weight of the past in the mean that the suggestions look at, in [0, 1).
        stop_factor: Stops when the mean is so many times its lowest value. Where that is less, the
            fall so far or the noise at the start takes its place as the unit of the rise, for
            losses near or below 0. `None` never stops. A loss that is not finite always does, and
            is not kept.
        seed: Seed of the order of arrays.

    Raises:
        ValueError: If the model is not compiled or its optimizer cannot be copied, a number is out
            of range, the data ends early and cannot be read again, its length is needed and
            unknown, or the first loss is not finite.

    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> before = model.get_weights()
    >>> curve = find_learning_rate(model, (x, 3 * x), min_rate=1e-4, max_rate=1.0, steps=20)
    >>> len(curve.losses), curve.rates[0].item(), curve.rates[-1].item()
    (20, 0.0001, 1.0)
    >>> np.array_equal(before[0], model.get_weights()[0])
    True

    Reference: Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017; Géron, chapter
    11, "Learning Rate Scheduling", and the exercises of chapter 10; fastai's `lr_find`.
    """
    if not getattr(model, "compiled", False) or model.optimizer is None:
        raise ValueError("Expected a compiled model: call model.compile(...) first.")
    _check_numbers(min_rate, max_rate, steps, batch_size, smoothing, stop_factor)
    steps = _length(data, batch_size) if steps is None else steps
    if steps < 2:
        raise ValueError(f"Expected at least 2 steps. Received: steps={steps}")
    rates = np.geomspace(min_rate, max_rate, steps)
    with same_randomness():
        batches = _built(model, _endless(data, batch_size, np.random.default_rng(seed)))
        with _untouched(model):
            losses, stopped = _train(model, batches, rates, smoothing, stop_factor)
    return RateCurve(rates[: len(losses)], np.array(losses), smoothing, stopped)


def _train(model, batches, rates, smoothing, stop_factor):
    """True loss of a step at each rate, until there is no more or the loss is lost."""
    losses: list[float] = []
    warm_up = math.ceil(WARM_UP * len(rates))
    for rate in rates:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(next(batches))
        model.optimizer.learning_rate = float(rate)
        # One batch by one: the metrics are reset before each, so the mean is the batch's own loss.
        logs = model.train_on_batch(x, y, sample_weight=sample_weight, return_dict=True)
        if "loss" not in logs:
            raise ValueError(
                "Expected the model's train_step to return a `loss`. "
                f"Received: {', '.join(logs) or 'nothing'}"
            )
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            if not losses:
                raise ValueError(
                    f"The loss of the first batch is {loss}, at the rate {rate:g}: look for "
                    "missing values in the data, or lower min_rate."
                )
            return losses, "not finite"
        losses.append(loss)
        means = smooth(losses, smoothing)
        lowest = int(np.argmin(means))
        fall = means[: lowest + 1].max() - means[lowest]
        unit = max(abs(means[lowest]), fall, np.ptp(losses[:warm_up]))
        if stop_factor and means[-1] - means[lowest] > (stop_factor - 1) * unit:
            return losses, "diverged"
    return losses, None


@contextlib.contextmanager
def same_randomness():
    """Puts the random state of Python and NumPy back: batches may be drawn with it."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _built(model, batches):
    """The same batches, once the model has the weights that `fit` would have given it."""
    if model.built:
        return batches
    first = next(batches)
    inputs = keras.utils.unpack_x_y_sample_weight(first)[0]
    model(  # symbolic: it builds, but computes nothing
        keras.tree.map_structure(
            lambda part: keras.KerasTensor(part.shape, keras.backend.standardize_dtype(part.dtype)),
            inputs,
        )
    )
    return itertools.chain([first], batches)


@contextlib.contextmanager
def _untouched(model):
    """Lends the model a copy of its optimizer, and puts everything back at the end."""
    own = {name: getattr(model, name) for name in _SWAPPED}
    variables = [*model.variables, *model.metrics_variables]
    # True copies: a backend may reuse the memory of what it was given.
    saved = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    strategy = getattr(model, "distribute_strategy", None)  # of `tf.distribute`
    try:
        with contextlib.nullcontext() if strategy is None else strategy.scope():
            model.optimizer = _with_plain_rate(model.optimizer)
            model.train_function = None  # Keras then makes one, for this optimizer
            model.steps_per_execution = 1
            yield
    finally:
        if hasattr(model, "jax_state_sync"):
            model.jax_state_sync()  # a step that failed would otherwise be made up for later
        for name, value in own.items():
            setattr(model, name, value)
        known = {id(variable) for variable in variables}
        for metric in model.metrics:  # those that have just been built
            if any(id(variable) not in known for variable in metric.variables):
                metric.reset_state()
        for variable, value in zip(variables, saved, strict=True):
            variable.assign(value)


_SWAPPED = ("optimizer", "train_function", "steps_per_execution")


def _with_plain_rate(optimizer):
    """A new optimizer of the same settings whose learning rate can be set."""
    config = optimizer.get_config()
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = _with_plain_rate(optimizer.inner_optimizer)
        return keras.optimizers.LossScaleOptimizer(**{**config, "inner_optimizer": inner})
    if "learning_rate" not in config:
        raise ValueError(
            "Expected an optimizer with a learning rate of its own. "
            f"Received: {type(optimizer).__name__}"
        )
    return type(optimizer).from_config({**config, "learning_rate": 1.0})


def _endless(data, batch_size, generator):
    """Batches without end."""
    while True:
        batch = None
        for batch in _one_pass(data, batch_size, generator):
            yield batch
        if batch is None:
            raise ValueError(
                "The data ended and cannot be read again. Pass fewer steps, or data that can be "
                f"iterated over more than once. Received: {type(data).__name__}"
            )


def _one_pass(data, batch_size, generator):
    if not isinstance(data, tuple):
        host = keras.backend.backend() != "tensorflow"
        for batch in data:
            yield keras.tree.map_structure(_to_numpy, batch) if host else batch
        return
    arrays = keras.tree.map_structure(_to_numpy, data)
    count = _num_examples(data)
    size = min(batch_size, count)
    order = generator.permutation(count)
    for first in range(0, count - size + 1, size):
        chosen = order[first : first + size]
        parts = [None if part is None else part[chosen] for part in keras.tree.flatten(arrays)]
        yield keras.tree.pack_sequence_as(arrays, parts)


def _to_numpy(value):
    return None if value is None else np.asarray(value)


def _num_examples(data):
    counts = {len(part) for part in keras.tree.flatten(data) if part is not None}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(
            "Expected (x, y) arrays with the same number of examples, more than 0. "
            f"Received: {sorted(counts)}"
        )
    return counts.pop()


def _length(data, batch_size):
    """Batches of one pass."""
    if isinstance(data, tuple):
        return max(1, _num_examples(data) // batch_size)
    # tf.data raises a TypeError where it cannot tell.
    with contextlib.suppress(TypeError, NotImplementedError):
        count = data.num_batches if isinstance(data, keras.utils.PyDataset) else len(data)
        if count is not None:
            return count
    raise ValueError(
        "Expected data of known length where steps is None. Pass steps=100, or use "
        f"tf.data.experimental.assert_cardinality. Received: {type(data).__name__}"
    )


def _check_numbers(min_rate, max_rate, steps, batch_size, smoothing, stop_factor):
    check_rate(min_rate, "min_rate")
    check_rate(max_rate, "max_rate")
    if not min_rate < max_rate:
        raise ValueError(
            f"min_rate must be below max_rate. Received: min_rate={min_rate}, max_rate={max_rate}"
        )
    for name, count in (("steps", 2 if steps is None else steps), ("batch_size", batch_size)):
        if not isinstance(count, numbers.Integral) or count < 1:
            raise ValueError(f"{name} must be a whole number above 0. Received: {name}={count!r}")
    check_below_one(smoothing, "smoothing")
    if stop_factor is not None and not stop_factor > 1:
        raise ValueError(f"stop_factor must be above 1. Received: stop_factor={stop_factor}")
