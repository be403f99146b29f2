"""Scheduled sampling: a decoder that may read its own output while it trains."""

import contextlib

from keras import ops

from zoo.samplers import Temperature


class SamplingCell:
    """The step of scheduled sampling, for `keras.layers.RNN`: it may read its own output.

    Its inputs are packed into one tensor: the embedding of the target's id, whether to replace it,
    the random number of the step, and, where features are dropped, the factors of the input and
    of the output. Its state is the embedding that could replace the next input, and the decoder's
    own state. It is no layer: it owns no weights.

    Args:
        decoder: `zoo.layers.AttentionDecoder`.
    """

    compute_dtype = "float32"

    def __init__(self, decoder):
        self.decoder = decoder
        self.memory = self.masks = None

    @contextlib.contextmanager
    def attending(self, memory, masks=None):
        """Sets the memory inside the `with` block, see `AttentionDecoderCell.attending`."""
        self.memory, self.masks = memory, masks
        try:
            yield
        finally:
            self.memory = self.masks = None

    @property
    def state_size(self):
        """Sizes of the states."""
        return [self.decoder.embedding_dim, *self.decoder.cell.state_size]

    @property
    def output_size(self):
        """Number of logits."""
        return self.decoder.vocabulary_size

    def __call__(self, inputs, states):
        """One step: logits and the next states."""
        decoder = self.decoder
        sizes = [decoder.embedding_dim, 1, 1, decoder.embedding_dim]
        x, replace, uniform, *dropped = _split(inputs, sizes)
        own, *states = states
        x = ops.where(replace > 0.5, own, x)
        dropout = inputs.shape[-1] > sum(sizes[:3])
        if dropout:
            x = x * dropped[0]
        states = [ops.cast(state, decoder.compute_dtype) for state in states]
        x = ops.cast(x, decoder.compute_dtype)
        outputs, states, _ = decoder.cell.step(x, states, self.memory, self.masks)
        if dropout:
            outputs = ops.cast(outputs, "float32") * dropped[1]
        logits = decoder.head(outputs)
        states = [ops.cast(state, "float32") for state in states]
        return logits, [self._embedded(logits, uniform[:, 0]), *states]

    call = __call__

    def _embedded(self, logits, uniform):
        """What an input made of the logits is: an id drawn from them, or their mean embedding."""
        embedding = self.decoder.embedding
        if self.decoder.sampling == "output":
            table = ops.cast(embedding.embeddings, "float32")
            return ops.matmul(ops.softmax(logits), table)
        ids = Temperature(1.0).sample(ops.stop_gradient(logits), uniform)
        return ops.cast(embedding(ids), "float32")


def _split(x, sizes):
    """Parts of the last axis, the last one of which takes the rest."""
    parts, start = [], 0
    for size in sizes:
        parts.append(x[..., start : start + size])
        start += size
    return [*parts, x[..., start:]]
