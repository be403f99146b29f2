"""What `decode` and `beam_search` share: the parts of a model, memories, the loop.

A model that they can decode has a part named "encoder", from a source to a memory, and a layer
named "decoder". A memory is a dictionary of tensors, batch first. Besides the call that trains it,
`decoder(target_ids, memory)` to logits `(batch, time, vocabulary)`, a decoder has two methods:

- `initial_state(batch_size, max_length, memory)`: the state before the first step, a list of
  tensors, batch first
- `step(ids, state, position, memory)`: logits `(batch, vocabulary)`, the next state, and the
  weights of the attention to the source, `(batch, source_time)` or None

and may have `prepare(memory)`, which adds what is computed once for all steps; `longest`, the
greatest number of steps, or None; and `shares_memory`, whether both take a memory of fewer rows
than ids, each of which serves several neighbours. Steps give what the call gives.
"""

import keras
import numpy as np

from zoo.checks import check_whole, is_whole
from zoo.compiled import Loop, kept_on

_BUCKET = 8  # sources and targets get a multiple of it as their length, so that few compile


class DecoderLoop(Loop):
    """A model's decoder in a loop of `max_length` steps, for one batch size and source length."""

    def __init__(self, name, decoder, max_length):
        super().__init__(name, decoder)
        self.decoder, self.max_length = decoder, max_length

    def prepare(self, memory):
        """The memory with what the decoder computes once for all steps."""
        prepare = getattr(self.decoder, "prepare", None)
        return memory if prepare is None else prepare(memory)

    def check_weights(self, weights, reason):
        """Raises a `ValueError` if the decoder has no attention, which `reason` needs."""
        if weights is None:
            raise ValueError(
                f"{reason} needs a decoder with attention. {self.decoder.name!r} has none."
            )


def decoder_of(model, max_length, start_id, end_id):
    """The decoder of a model, and how many steps its loop should have room for.

    A `ValueError` if there is no such part, or an argument is out of range.
    """
    decoder = _part(model, "decoder")
    check_whole(1, max_length=max_length)
    vocabulary = model.output_shape[-1]
    for name, value in {"start_id": start_id, "end_id": end_id}.items():
        if not is_whole(value) or not 0 < value < vocabulary:
            raise ValueError(
                f"Expected an id of the target in [1, {vocabulary}); 0 is padding. "
                f"Received: {name}={value!r}"
            )
    longest = getattr(decoder, "longest", None)
    if longest is not None and max_length > longest:
        raise ValueError(
            f"{decoder.name!r} knows {longest} positions. Received: max_length={max_length}"
        )
    return decoder, _rounded_up(max_length, longest)


def encode(model, source):
    """Runs the encoder, once: the memory of NumPy arrays, and the length of the source.

    The source is ids `(batch, source_time)`, or what else the encoder takes. Ids are padded to a
    multiple of 8, and the memory with them. A `ValueError` if the source is no array of ids, too
    long, or some lie outside the vocabulary.
    """
    encoder = _part(model, "encoder")
    try:
        source = np.asarray(source)
    except ValueError:
        raise ValueError("Expected rows of equal length, padded with 0. Received: others") from None
    length, shape = None, getattr(encoder, "input_shape", None)
    rank = len(shape) if isinstance(shape, tuple) else source.ndim
    if source.dtype.kind in "iu" and source.ndim == 2:
        size = _attribute(encoder, "input_dim", "vocabulary_size")
        outside = source[(source < 0) | (source >= (np.inf if size is None else size))]
        if outside.size:
            raise ValueError(f"Expected ids in [0, {size}). Received: {outside[0]} in source")
        length = source.shape[1]
        longest = _attribute(encoder, "longest")
        if longest is not None and length > longest:
            raise ValueError(f"{encoder.name!r} reads at most {longest} steps. Received: {length}")
        padding = _rounded_up(length, longest) - length
        source = np.pad(source, [(0, 0), (0, padding)]).astype("int32")
    elif rank != source.ndim or source.ndim < 3:
        raise ValueError(
            "Expected ids, whole numbers (batch, time), or what the encoder takes. Received: a "
            f"source of type {source.dtype} and shape {source.shape}"
        )
    memory = kept_on(model, ("encode",), lambda: _Encoding(encoder)).predict_on_batch(source)
    return memory, memory["outputs"].shape[1] if length is None else length


def shapes(memory):
    """The shapes of a memory, as part of a key."""
    return tuple((name, part.shape) for name, part in sorted(memory.items()))


class _Encoding(keras.Model):
    """The encoder, compiled as it likes: a recurrent one may not compile with XLA on a GPU."""

    def __init__(self, encoder):
        super().__init__(name="encode", autocast=False)
        self.encoder = encoder
        self.built = True

    def call(self, inputs):
        return self.encoder(inputs, training=False)


def _part(model, name):
    try:
        return model.get_layer(name)
    except ValueError:
        raise ValueError(
            "Decoding needs a model with parts named 'encoder' and 'decoder', such as "
            f"zoo.transformer. {model.name!r} has no {name!r}."
        ) from None


def _attribute(encoder, *names):
    """The first attribute of these names that a layer of the encoder has, else None."""
    for layer in getattr(encoder, "layers", [encoder]):
        for name in names:
            if getattr(layer, name, None) is not None:
                return getattr(layer, name)
    return None


def _rounded_up(length, most):
    rounded = max(-(-length // _BUCKET), 1) * _BUCKET
    return rounded if most is None else max(min(rounded, most), length)
