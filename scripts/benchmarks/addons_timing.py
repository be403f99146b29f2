"""How long TF-Addons' beam search takes. Runs in the child process only."""

import time

import numpy as np

from recipes.translation.addons.network import Network


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
        asked = [settings[name] for name in ("beam_width", "max_length", "start_id", "end_id")]
        return network.beam_search(
            source,
            *asked,
            length_penalty_weight=settings["length_penalty"],
            coverage_penalty_weight=settings["coverage_penalty"],
        )

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
