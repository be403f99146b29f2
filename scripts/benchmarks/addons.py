"""Beam search against TF-Addons', on the same weights, batch and lengths."""

import time

import numpy as np

from recipes.translation.addons import runner
from recipes.translation.addons.weights import describe, variables


def compare_beam_search(
    model, source, start_id, end_id, max_length, beam_width=5, length_penalty=0.0,
    coverage_penalty=0.0, repeats=10,
) -> dict:  # fmt: skip
    """Times `zoo.decoding.beam_search` and TF-Addons' `BeamSearchDecoder`, one after the other.

    Half of our repeats come before TF-Addons' and half after, so that a machine that becomes
    slower or faster does so for both. Compiling and the transfer of weights are left out.

    Args:
        model: From `zoo.seq2seq`.
        source: Padded ids `(batch, time)`.
        start_id: Id that decoding begins with.
        end_id: Id that ends a sequence.
        max_length: Most ids to decode.
        beam_width: Beams. Defaults to 5.
        length_penalty: Weight of the length penalty. Defaults to 0.0.
        coverage_penalty: Weight of the coverage penalty. Defaults to 0.0.
        repeats: How often each of them decodes. Defaults to 10.

    Returns:
        `{"zoo": median seconds, "addons": median seconds, "same": fraction of rows whose best
        sequences are equal}`.

    Raises:
        UserError: If the extra `addons` is not installed.
    """
    from zoo.decoding import beam_search

    source = np.asarray(source, "int32")

    def search():
        return beam_search(
            model, source, beam_width, max_length, start_id, end_id, length_penalty,
            coverage_penalty,
        )  # fmt: skip

    ours = np.asarray(search().ids)[:, 0]
    seconds = _clock(search, repeats // 2)
    weights = {name: np.asarray(variable) for name, variable in variables(model).items()}
    settings = {
        "description": describe(model), "beam_width": beam_width, "max_length": max_length,
        "start_id": start_id, "end_id": end_id, "length_penalty": length_penalty,
        "coverage_penalty": coverage_penalty, "repeats": repeats,
    }  # fmt: skip
    task = "scripts.benchmarks.addons_timing:time_beam_search"
    answer = runner.run(task, {"source": source, **weights}, settings)
    seconds += _clock(search, repeats - repeats // 2)
    theirs = np.zeros_like(ours)
    best = np.where(
        np.arange(answer["ids"].shape[2]) < answer["lengths"][:, :1], answer["ids"][:, 0], 0
    )
    theirs[:, : best.shape[1]] = best
    return {
        "zoo": float(np.median(seconds)),
        "addons": float(np.median(answer["seconds"])),
        "same": float((ours == theirs).all(axis=1).mean()),
    }


def _clock(function, repeats):
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return seconds
