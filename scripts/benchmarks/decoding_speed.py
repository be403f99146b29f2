"""How much faster compiled decoding is than a loop of `predict`."""

import statistics
import time

import numpy as np

import zoo
from scripts.benchmarks.timing import paired_ratio
from zoo.decoding import decode


def greedy_speed(model, source, steps=10, repeats=20) -> dict:
    """Times `zoo.decoding.decode` and the book's loop on the same model, in turn.

    Args:
        model: Model of a run, with parts named "encoder" and "decoder".
        source: Padded ids `(batch, time)`.
        steps: Ids to write for each row; it should not end earlier.
        repeats: How often each way writes them, after a first time that is not counted.

    Returns:
        Median seconds, `zoo` and `loop`; the mean `ratio` of the loop's time to the other, with
        the half-width of its 95 % `interval`; `same`, the fraction of rows with equal ids.
    """
    target = zoo.tokenizer(model, "target")
    ways = {
        "zoo": lambda: decode(model, source, steps, target.start_id, target.end_id),
        "loop": lambda: predict_loop(model, source, steps),
    }
    written = {way: write() for way, write in ways.items()}
    seconds = {way: [] for way in ways}
    for _ in range(repeats):
        for way, write in ways.items():
            started = time.perf_counter()
            write()
            seconds[way].append(time.perf_counter() - started)
    ratio, interval = paired_ratio(seconds["loop"], seconds["zoo"])
    return {
        **{way: statistics.median(each) for way, each in seconds.items()},
        "ratio": ratio,
        "interval": interval,
        "same": float((written["zoo"] == written["loop"]).all(axis=1).mean()),
        "rows": len(source),
        "steps": steps,
    }


def predict_loop(model, source, steps) -> np.ndarray:
    """Greedy decoding as the book has it: `predict` on all ids so far for each new one.

    Reference:
        Book, chapter 16, 2nd edition cell 191.
    """
    written = np.zeros((len(source), steps + 1), np.int32)
    written[:, 0] = zoo.tokenizer(model, "target").start_id
    for step in range(steps):
        logits = model.predict({"source": source, "target": written[:, :-1]}, verbose=0)
        written[:, step + 1] = logits[:, step].argmax(axis=-1)
    return written[:, 1:]
