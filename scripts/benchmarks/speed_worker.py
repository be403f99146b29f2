"""One way of training one network, in a process of its own: `speed` starts it and gives it turns.

It prints a line of JSON about its start; then each line of standard input is a turn, which trains
an epoch of the same examples and prints how long it took.
"""

import time

BEGAN = time.perf_counter()  # before what is imported below

import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402

#: Recipe and flags of each network: the book's own sizes, optimizers and batches of 32.
CASES = {
    "mlp": ("images", "--preset ml2-ch10-57 --mirror false --shift 0 --tta false"),
    "cnn": ("images", "--preset ml3-ch14-53"),
    "small_resnet": (
        "images",
        "--dataset fashion_mnist --batch_size 32 --augment none --mirror false --tta false",
    ),
    "wavenet": ("forecast", "--preset ml2-ch15-86"),
    "char_rnn": ("language_model", "--preset ml3-ch16-32"),
    "translation": ("translation", "--preset ml3-ch16-123"),
    "text_classification": (
        "text_classification",
        "--preset ml3-ch16-71 --batch_size 32 --train_size 2000 --max_length 600",
    ),
}
#: Whose backend each way is on.
BACKENDS = {"book": "tensorflow", "tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def main(case, way, steps):
    """Says when the first step is done, then how long each turn takes."""
    os.environ["KERAS_BACKEND"] = BACKENDS[way]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    turn, facts = _prepared(case, way, steps)
    print(json.dumps({"first": time.perf_counter() - BEGAN, **facts}), flush=True)
    for _ in sys.stdin:
        before, began = time.process_time(), time.perf_counter()
        turn()
        said = {"seconds": time.perf_counter() - began, "processor": time.process_time() - before}
        said["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(said), flush=True)


def _prepared(case, way, steps):
    """A function that trains a turn, and facts; its first step is done."""
    import numpy as np

    from recipes.data.batches import EpochClock
    from recipes.engine.arguments import parse
    from recipes.engine.compiling import compiled_by
    from recipes.engine.fitting import start_afresh
    from recipes.engine.optimizer import make_optimizer
    from recipes.engine.recipe import find_recipe

    name, flags = CASES[case]
    recipe = find_recipe(name)
    config, task = recipe.load(parse(name, flags.split()))
    start_afresh(config)
    built = recipe.build_model(config, task)
    model = built.training_model
    batches = task.batches("train", built, seed=config.seed)
    compiled = compiled_by(config, model, batches)  # as the whole training is
    count = steps * batches.batch_size
    spread = np.linspace(0, len(batches.examples) - 1, count).astype(int)
    batches.examples = batches.examples[spread]
    facts = {"examples": count, **_work(model, batches)}
    if way == "torch":
        from scripts.benchmarks.speed_torch import training

        return training(case, model, *_arrays(batches), batches.batch_size), facts
    if way == "book":
        import keras

        x, y = _arrays(batches)
        model.compile(config.optimizer, loss=built.loss, metrics=built.metrics)
        model.optimizer.learning_rate = config.learning_rate
        assert isinstance(model.optimizer, keras.optimizers.Optimizer)

        def turn():
            model.fit(x, y, batch_size=32, verbose=0)

    else:
        model.compile(
            make_optimizer(config, 10_000), loss=built.loss, metrics=built.metrics, **compiled
        )
        model.optimizer.build(model.trainable_variables)
        feed, clock = batches.feed(), EpochClock(batches)

        def turn():
            model.fit(feed, shuffle=False, verbose=0, callbacks=[clock, *built.callbacks])

    turn()
    return turn, facts


def _arrays(batches):
    """All examples at once, padded to the longest: what a notebook trains on."""
    return batches.assemble(batches.examples)


def _work(model, batches):
    """Billions of floating-point operations of matrix products for all examples, forth and back.

    Each weight of a matrix is multiplied and added once for every example, and at every real
    position of a sequence or a map; the way back costs twice as much. Padding is no work.
    """
    import numpy as np

    from zoo.tokenizers import all_layers

    maps = {
        layer.kernel.path: layer.output.shape[1:-1]
        for layer in all_layers(model)
        if len(getattr(layer, "kernel", np.empty(0)).shape) == 4
    }
    x, _ = batches.assemble(batches.examples)
    total = 0
    for weight in model.trainable_variables:
        if not weight.name.endswith("kernel"):
            continue
        read = x
        if isinstance(x, dict):
            read = x["target" if "decoder" in weight.path or "head" in weight.path else "source"]
        positions = len(read)
        if read.ndim == 2 and read.dtype == np.int32:
            whole = "head" in weight.path and not isinstance(x, dict) and "classifier" in model.name
            positions = len(read) if whole else np.count_nonzero(read)
        elif read.ndim == 3 and len(model.output_shape) > 2:  # a series, not an image
            positions = read.shape[0] * read.shape[1]
        positions *= math.prod(maps.get(weight.path, ()))
        total += 6 * positions * int(np.prod(weight.shape))
    return {"gigaflop": total / 1e9}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
