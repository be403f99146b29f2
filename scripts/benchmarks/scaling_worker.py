"""One process of `scaling`, or of a job of them: prints the seconds of a training step."""

import json
import os
import sys

from recipes.engine.environment import prepare
from scripts.benchmarks.gpu_worker import Size, step_seconds
from scripts.launching import ADDRESS, COUNT, INDEX


def main(case, batch, steps):
    """Times steps of a case, of so many examples for all processes of the job together."""
    prepare("jax", "cpu")
    callbacks = []
    if ADDRESS in os.environ:
        import jax

        count, index = int(os.environ[COUNT]), int(os.environ[INDEX])
        jax.distributed.initialize(os.environ[ADDRESS], count, index)
        from recipes.engine.distributing import Distributed

        callbacks = [Distributed("data_parallel")]
    import keras

    from scripts.benchmarks.gpu_cases import CASES

    keras.utils.set_random_seed(1)  # the same weights in all processes
    size = Size((batch,), steps, repeats=3, matrix=0)
    print(json.dumps(step_seconds(CASES[case].example(batch), batch, size, callbacks)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
