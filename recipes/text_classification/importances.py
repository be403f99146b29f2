"""What a classifier reads in a text: the gradient times the input, token by token.

(Scikit-learn's `permutation_importance` is for the columns of a table.)

Reference: Shrikumar et al., *Not just a black box: learning important features through propagating
activation differences*, 2016; Ancona et al., *Towards better understanding of gradient-based
attribution methods for deep neural networks*, 2018.
"""

import keras
import numpy as np
from keras import ops

from zoo.layers.raw_texts import padded


def token_importances(model, ids, classes, head) -> list[np.ndarray]:
    """By how much each token speaks for a class.

    The logit of the class is differentiated by the embedding of each token, and multiplied by it:
    to first order, what the logit would lose without the token. An embedding of several tokens
    counts for each of them in equal shares.

    The zoo model leads from ids, of which there are lists, to logits, and has a layer "embedding";
    the head is `"binary"` or `"multiclass"`. Returns float64 `(tokens,)` of each text, above 0 for
    what speaks for the class.

    >>> model = zoo.text_classifier(9, encoder="mean", num_layers=0)
    >>> found, = token_importances(model, [[5, 3, 5]], [1], "binary")
    >>> bool(abs(found.sum() - model(np.array([[5, 3, 5]]))[0, 0]) < 1e-6)
    True
    """
    # A copy, since models cut out of another one leave traces in it that cannot be saved.
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    model, values = copy, copy.get_layer("embedding").output
    embed = keras.Model(model.input, values)
    rest = keras.Model([model.input, values], model.output)
    chosen = ops.convert_to_tensor(np.asarray(classes)[:, None], "int32")

    inputs = ops.convert_to_tensor(padded(ids))

    def score(vectors):
        logits = ops.cast(rest([inputs, vectors], training=False), "float32")
        if head == "binary":
            return ops.sum(logits * ops.cast(2 * chosen - 1, "float32"))
        return ops.sum(ops.take_along_axis(logits, chosen, axis=1))

    # Copied, since Keras attaches a mask to what it returns, and would pass it on.
    vectors = ops.convert_to_tensor(ops.convert_to_numpy(embed(inputs, training=False)))
    products = ops.sum(vectors * _gradient(score, vectors), axis=-1)
    return _shared(np.asarray(ops.convert_to_numpy(products), np.float64), ids)


def ngram_importances(layer, ids, classes, head) -> list[np.ndarray]:
    """By how much each token speaks for a class in the wide path; see `token_importances`.

    The weight of an n-gram, which is what the logit would lose without it, counts for its tokens in
    equal shares, and for all places where a text has it. With the bias, they sum to its logit.
    """
    kernel = np.float64(ops.convert_to_numpy(layer.kernel))
    everything = ops.convert_to_numpy(layer.places(padded(ids)))
    found = np.zeros(everything.shape)
    for values, places, k in zip(found, everything, classes, strict=True):
        _, inverse, counts = np.unique(places, return_inverse=True, return_counts=True)
        once = np.where(places > 0, 1 / counts[inverse], 0.0)
        weights = kernel[np.maximum(places - 1, 0), 0 if head == "binary" else k]
        values[:] = once * weights / np.sqrt(max(once.sum(), 1.0))
        values *= -1 if head == "binary" and k == 0 else 1
    runs = layer.ngrams * max(map(len, ids))  # and as many of the ending
    return _shared(found.reshape(len(ids), -1, runs).sum(axis=1), ids)


def _shared(found, ids):
    """What runs of tokens say, behind what single ones do, spread over the tokens of each text."""
    length = max(map(len, ids))
    total = np.zeros((len(found), length))
    for run in range(found.shape[1] // length):
        part = found[:, run * length : (run + 1) * length] / (run + 1)
        for step in range(run + 1):
            total[:, step:] += part[:, : length - step]
    return [values[: len(each)] for values, each in zip(total, ids, strict=True)]


def _gradient(function, values):
    """The gradient of a function of one tensor, on every backend."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(values)
            result = function(values)
        return tape.gradient(result, values)
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(values)
    values = values.detach().requires_grad_()
    function(values).backward()
    return values.grad
