"""How long TF-Addons' beam search takes. Runs in the child process only."""

import time

import numpy as np

from recipes.addons.network import Network


def time_beam_search(arrays, settings) -> dict[str, np.ndarray]:
    """Decodes the same batch several times in one compiled graph, as TF-Addons is meant to be used.

    Args:
        arrays: `source`: padded ids; and weights, named as in `weights.variables`.
        settings: `description` (see `weights.describe`), `beam_width`, `max_length`, `start_id`,
            `end_id`, `length_penalty`, `coverage_penalty` and `repeats`.

    Returns:
        `seconds` of each repeat, tracing left out; `ids` `(batch, beam_width, time)` and their
        `lengths`.
    """
    import tensorflow as tf

    source = tf.constant(arrays.pop("source"))
    network = Network(settings["description"], arrays)

    @tf.function
    def search(source):
        width = settings["beam_width"]
        history = {} if network.mechanism is None else {"alignment_history": False}
        cell, state = network.start(source, width, **history)
        decoder = network.seq2seq.BeamSearchDecoder(
            cell,
            width,
            embedding_fn=lambda ids: tf.nn.embedding_lookup(network.target_embedding, ids),
            output_layer=network.output_layer,
            length_penalty_weight=settings["length_penalty"],
            coverage_penalty_weight=settings["coverage_penalty"],
            maximum_iterations=settings["max_length"],
        )
        first = tf.fill([tf.shape(source)[0]], settings["start_id"])
        outputs, state, _ = decoder(
            None, start_tokens=first, end_token=settings["end_id"], initial_state=state
        )
        return outputs.predicted_ids, state.lengths

    search(source)
    seconds = []
    for _ in range(settings["repeats"]):
        started = time.perf_counter()
        ids, lengths = (tensor.numpy() for tensor in search(source))
        seconds.append(time.perf_counter() - started)
    return {
        "seconds": np.array(seconds),
        "ids": np.swapaxes(ids, 1, 2),
        "lengths": lengths,
    }
