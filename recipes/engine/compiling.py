"""How the training step is compiled where no flag says it: by model, data and device alone.

Nothing is timed while a run goes on, so that the same seed gives the same bits. The rule is what
steps of the recipes' models took on one core and on two (milliseconds without XLA and with it):
WaveNet 9 and 4.6, GRUs of 20 units 22 and 10, of 128 units 40 and 26, of 512 units 378 and 1,489,
784-300-100 0.69 and 0.74, a small residual network 6.7 and 6.6; and some seconds for each shape of
a batch to compile it. XLA joins small operations, and multiplies large matrices slowly on a CPU.
Many steps in a call were faster than one, or as fast, for all of them.
"""

import math
from dataclasses import replace
from typing import Any

import keras

from recipes.data.batches import Batches, SortedBatches
from recipes.engine.config import AUTO
from recipes.engine.environment import has_gpu

#: Steps in a call; those of a training that pay for compiling; weights of a large matrix.
STEPS, WORTH, WIDE = 32, 1_500, 65_536


def decided(config: Any, model: keras.Model, batches: Batches) -> tuple[Any, str]:
    """The configuration with `auto` replaced, and a line that says so, or nothing."""
    if AUTO not in (config.jit_compile, config.steps_per_execution):
        return config, ""
    xla, why = _xla(model, batches, config.epochs * len(batches))
    steps = min(1 if keras.backend.backend() == "torch" else STEPS, len(batches))
    if config.jit_compile != AUTO:
        xla, why = config.jit_compile, "as the flag says"
    if config.steps_per_execution != AUTO:
        steps = config.steps_per_execution
    line = f"step: XLA {'on' if xla else 'off'} ({why}), --steps_per_execution {steps}"
    return replace(config, jit_compile=xla, steps_per_execution=steps), line


def uses_xla(config: Any) -> bool:
    """Whether a flag, or a run that decided it, asks for XLA; JAX without it would run op by op."""
    return config.jit_compile is True or keras.backend.backend() == "jax"


def compiled_by(config: Any, model: keras.Model, batches: Batches) -> dict[str, Any]:
    """The arguments of `model.compile` that say how a step is compiled."""
    config, _ = decided(config, model, batches)
    most = 1 if keras.backend.backend() == "torch" else len(batches)
    steps = min(config.steps_per_execution, most)
    return {"jit_compile": uses_xla(config), "steps_per_execution": steps}


def _xla(model, batches, steps):
    """Whether to use XLA, and why, in words."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        return backend == "jax", {"jax": "as JAX always does"}.get(backend, f"none on {backend}")
    if isinstance(batches, SortedBatches):
        return False, "batches come in many shapes"
    if any(each.dtype == "string" for each in getattr(model, "inputs", None) or ()):
        return False, "it reads no texts"
    if not all(getattr(layer, "supports_jit", True) for layer in model.layers):
        return False, "it cannot compile a layer"
    if steps < WORTH:
        return False, f"{steps:,} steps do not pay for compiling"
    if has_gpu(backend):
        return True, "on a GPU"
    shapes = [each.shape for each in model.trainable_variables if each.name.endswith("kernel")]
    if any(len(shape) == 4 for shape in shapes):
        return False, "no faster for images on a CPU"
    if max(map(math.prod, shapes), default=0) >= WIDE:
        return False, "slower for wide layers on a CPU"
    return True, "faster for narrow layers"
