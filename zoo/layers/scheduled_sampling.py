"""Scheduled sampling: a decoder that may read its own output while it trains, ever more often."""

import math

from keras import ops

from zoo.checks import check_above_zero, check_probabilities
from zoo.configured import Configured
from zoo.samplers import Temperature


class SamplingCell:
    """The step of scheduled sampling, for `keras.layers.RNN`: it may read its own output.

    Its inputs are packed into one tensor: the embedding of the target's id, whether to replace it,
    the random number of the step, and, where features are dropped, the factors of the input and
    of the output. Its state is the embedding that could replace the next input, and the decoder's
    own state. It is no layer: it owns no weights.
    """

    compute_dtype = "float32"

    def __init__(self, decoder):
        self.decoder = decoder

    @property
    def state_size(self):
        """Sizes of the states."""
        return [self.decoder.embedding_dim, *self.decoder.cell.state_size]

    @property
    def output_size(self):
        """Number of logits."""
        return self.decoder.vocabulary_size

    def __call__(self, inputs, states):
        """One step, inside of the decoder's `cell.attending`: logits and the next states."""
        decoder = self.decoder
        size = decoder.embedding_dim
        own, *states = states
        replace, uniform = inputs[:, size : size + 1], inputs[:, size + 1]
        x = ops.where(replace > 0.5, own, inputs[:, :size])
        dropout = inputs.shape[-1] > size + 2
        if dropout:
            x = x * inputs[:, size + 2 : 2 * size + 2]
        states = [ops.cast(state, decoder.compute_dtype) for state in states]
        x = ops.cast(x, decoder.compute_dtype)
        outputs, states = decoder.cell.call(x, states)
        if dropout:
            outputs = ops.cast(outputs, "float32") * inputs[:, 2 * size + 2 :]
        logits = decoder.head(outputs)
        states = [ops.cast(state, "float32") for state in states]
        return logits, [self._embedded(logits, uniform), *states]

    call = __call__

    def _embedded(self, logits, uniform):
        """What an input made of the logits is: an id drawn from them, or their mean embedding."""
        embedding = self.decoder.embedding
        if self.decoder.sampling == "output":
            return ops.matmul(ops.softmax(logits), ops.cast(embedding.embeddings, "float32"))
        ids = Temperature(1.0).sample(ops.stop_gradient(logits), uniform)
        return ops.cast(embedding(ids), "float32")


class _Schedule(Configured):
    """A probability as a function of the training step; called in the compiled step."""

    def __init__(self, end: float):
        check_probabilities(end=end)
        self.end = end


class LinearSampling(_Schedule):
    """A probability that grows in a straight line, then stays.

    Args:
        steps: Number of training steps until it reaches its end.
        start: Probability at the first step. Defaults to 0.0.
        end: Probability from then on. Defaults to 1.0.

    >>> schedule = zoo.layers.LinearSampling(steps=100)
    >>> [float(schedule(step)) for step in (0, 25, 1000)]
    [0.0, 0.25, 1.0]

    Reference: Bengio et al., *Scheduled sampling for sequence prediction with recurrent neural
    networks*, 2015, section 2.4; book, chapter 16, exercise 9 (2nd edition, cell 197).
    """

    def __init__(self, steps: float, start: float = 0.0, end: float = 1.0):
        super().__init__(end)
        check_probabilities(start=start)
        check_above_zero(steps=steps)
        self.steps, self.start = steps, start

    def __call__(self, step):
        """The probability at a step, counted from 0."""
        share = ops.clip(ops.cast(step, "float32") / self.steps, 0.0, 1.0)
        return self.start + (self.end - self.start) * share


class ExponentialSampling(_Schedule):
    """A probability that comes close to its end exponentially: `end (1 - exp(-step / steps))`.

    Args:
        steps: Number of training steps until it is 63 % of its end.
        end: Its limit. Defaults to 1.0.

    >>> round(float(zoo.layers.ExponentialSampling(steps=100)(100)), 4)
    0.6321

    Reference: Bengio et al., 2015, section 2.4, with `k = exp(-1 / steps)`.
    """

    def __init__(self, steps: float, end: float = 1.0):
        super().__init__(end)
        check_above_zero(steps=steps)
        self.steps = steps

    def __call__(self, step):
        """The probability at a step, counted from 0."""
        return -self.end * ops.expm1(-ops.cast(step, "float32") / self.steps)


class InverseSigmoidSampling(_Schedule):
    """A probability that grows slowly, fast, slowly: `end (1 - k / (k + exp(step / k)))`.

    Half of the end is reached after `k log(k)` steps.

    Args:
        k: How slow it is, at least 1.
        end: Its limit. Defaults to 1.0.

    >>> schedule = zoo.layers.InverseSigmoidSampling(k=100)
    >>> [round(float(schedule(step)), 3) for step in (0, 460.517, 2000)]
    [0.01, 0.5, 1.0]

    Reference: Bengio et al., 2015, section 2.4.
    """

    def __init__(self, k: float, end: float = 1.0):
        super().__init__(end)
        if not k >= 1:
            raise ValueError(f"Expected a number of at least 1. Received: k={k!r}")
        self.k = k

    def __call__(self, step):
        """The probability at a step, counted from 0."""
        return self.end * ops.sigmoid(ops.cast(step, "float32") / self.k - math.log(self.k))
