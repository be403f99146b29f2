"""How fast text is generated, against the book's loop; and what reading the text costs."""

import statistics
import time

import keras
import numpy as np

import zoo
from recipes.language_model import default_config
from scripts.benchmarks.timing import paired_ratio
from zoo.decoding import Temperature, generate

#: Characters of Shakespeare in lower case.
VOCABULARY = 39


def generation_speed(length=1000, points=12, repeats=5) -> dict:
    """Times one stream of `length` characters, and the book's loop on the same network.

    The book's loop (3rd edition, chapter 16, cells 38 and 40) calls `predict` on the whole text so
    far for each new character. It is timed at `points` lengths, evenly spaced, and the sum over all
    lengths is taken from straight lines between them.

    Args:
        length: Characters to generate.
        points: Lengths of the text at which the book's loop is timed.
        repeats: Calls at each length, of which the median counts.

    Returns:
        `book_seconds` (of the whole loop), `seconds` (of `generate`, for the book's network),
        `ratio`, `default_seconds` and `characters_per_second` of the recipe's default model.
    """
    keras.utils.set_random_seed(1)
    book = zoo.char_rnn(VOCABULARY, units=128, embedding_dim=16)
    default = zoo.char_rnn(VOCABULARY, **default_config("shakespeare").model_arguments)
    prompt = np.arange(10)
    seconds = {}
    for name, model in {"seconds": book, "default_seconds": default}.items():
        generate(model, prompt, length, Temperature(1.0))  # compiles
        taken = []
        for seed in range(repeats):
            started = time.perf_counter()
            generate(model, prompt, length, Temperature(1.0), seed=seed)
            taken.append(time.perf_counter() - started)
        seconds[name] = statistics.median(taken)
    book_seconds = _book_loop(book, len(prompt), length, points, repeats)
    return {
        "book_seconds": book_seconds,
        "ratio": book_seconds / seconds["seconds"],
        "characters_per_second": length / seconds["default_seconds"],
        "length": length,
        **seconds,
    }


def _book_loop(model, prompt_length, length, points, repeats):
    lengths = np.linspace(prompt_length, prompt_length + length - 1, points).astype(int)
    medians = []
    for text_length in lengths:
        text = np.random.default_rng(0).integers(VOCABULARY, size=(1, text_length))
        model.predict(text, verbose=0)
        taken = []
        for _ in range(repeats):
            started = time.perf_counter()
            _next_character(model, text)
            taken.append(time.perf_counter() - started)
        medians.append(statistics.median(taken))
    every = np.arange(prompt_length, prompt_length + length)
    return float(np.interp(every, lengths, medians).sum())


def _next_character(model, text):
    logits = model.predict(text, verbose=0)[0, -1:]
    return int(keras.random.categorical(logits, 1)[0, 0])


def pipeline_share(passes=5) -> dict:
    """Which fraction of a training step of the default model is computation.

    The same epochs are run twice, in turn: read and trained on, and only read.

    Args:
        passes: Stretches of 20 steps of each way.

    Returns:
        `compute`, the share in [0, 1], with the half-width of its 95 % `interval`, and the median
        milliseconds of a step, `step_ms`, and of reading its batch, `read_ms`.
    """
    from recipes.language_model import build_model, load_data

    steps = 20
    config = default_config("shakespeare")
    task = load_data(config)
    built = build_model(config, task)
    batches = task.batches("train", built, seed=1)
    model = built.training_model
    model.compile(optimizer="adam", loss=built.loss)
    feed = batches.feed()
    fit = {"steps_per_epoch": steps, "shuffle": False, "verbose": 0}
    model.fit(feed, **fit)
    trained, read = [], []
    for _ in range(passes):
        started = time.perf_counter()
        model.fit(feed, **fit)
        trained.append((time.perf_counter() - started) / steps)
        items = iter(feed) if hasattr(feed, "take") else (feed[step] for step in range(steps))
        started = time.perf_counter()
        for _ in range(steps):
            next(items)
        read.append((time.perf_counter() - started) / steps)
    share, interval = paired_ratio(read, trained)
    return {
        "compute": 1 - share,
        "interval": interval,
        "step_ms": 1e3 * statistics.median(trained),
        "read_ms": 1e3 * statistics.median(read),
    }
