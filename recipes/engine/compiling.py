"""How the training step is compiled where no flag says it: by model, data and device alone.

The rule, which `recipes/README.md` explains, is what steps of the recipes' models took on one core
and on two (milliseconds without XLA and with it): WaveNet 9 and 4.6, 784-300-100 0.69 and 0.74, a
small residual network 6.7 and 6.6; of batches of 32, GRUs of 64 units over 100 steps 38 and 24,
over 200 steps 69 and 77, of 128 over 50 steps 34 and 26, over 200 steps 110 and 163; with dropout,
64-64 1.2 and 2.2, and two GRUs of 20 units 20 and 80. Many steps in a call were faster than one, or
as fast, for all of them.
"""

import math
from dataclasses import replace
from typing import Any

import keras

from recipes.data.batches import Batches, SortedBatches
from recipes.engine.config import AUTO
from recipes.engine.environment import has_gpu
from zoo.tokenizers import all_layers

#: Steps in a call, and of a training that pays for compiling; a large matrix; long sequences: the
#: steps of all examples of a batch times the units of a recurrent layer.
STEPS, WORTH, WIDE, LONG = 32, 1_500, 65_536, 2**18


def decided(config: Any, model: keras.Model, batches: Batches) -> tuple[Any, str]:
    """The configuration with `auto` replaced, and a line that says so, or nothing."""
    if AUTO not in (config.jit_compile, config.steps_per_execution):
        return config, ""
    xla, why = _xla(model, batches, config.epochs * len(batches))
    if config.jit_compile != AUTO:
        xla, why = config.jit_compile, "as the flag says"
    steps = config.steps_per_execution
    if steps == AUTO:
        steps = min(1 if keras.backend.backend() == "torch" else STEPS, len(batches))
    line = f"step: XLA {'on' if xla else 'off'} ({why}), --steps_per_execution {steps}"
    return replace(config, jit_compile=xla, steps_per_execution=steps), line


def uses_xla(config: Any) -> bool:
    """Whether a flag, or a run that decided it, asks for XLA; JAX without it would run op by op."""
    return config.jit_compile is True or keras.backend.backend() == "jax"


def compiled_by(config: Any, model: keras.Model, batches: Batches) -> dict[str, Any]:
    """The arguments of `model.compile` that say how a step is compiled."""
    new, _ = decided(config, model, batches)
    most = 1 if keras.backend.backend() == "torch" else len(batches)
    return {"jit_compile": uses_xla(new), "steps_per_execution": min(new.steps_per_execution, most)}


def _xla(model, batches, steps):
    """Whether to use XLA, and why, in words."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        return backend == "jax", {"jax": "as JAX always does"}.get(backend, f"none on {backend}")
    texts = any(each.dtype == "string" for each in getattr(model, "inputs", None) or ())
    compiles = all(getattr(layer, "supports_jit", True) for layer in model.layers)
    shapes = [each.shape for each in model.trainable_variables if each.name.endswith("kernel")]
    inside = [getattr(e, n, None) for e in model.layers for n in ("layer", "forward_layer")]
    found = [each for each in (*model.layers, *inside) if isinstance(each, keras.layers.RNN)]
    units = max(keras.tree.flatten([each.cell.state_size for each in found]), default=0)
    dropped = [getattr(e, n, 0) for e in all_layers(model) for n in ("rate", "dropout")]
    x = keras.tree.flatten(batches.assemble(batches.examples[:1])[0]) if units else []
    length = max((part.shape[1] for part in x if part.ndim > 1), default=0)
    reasons = {
        "batches come in many shapes": isinstance(batches, SortedBatches),
        "it reads no texts": texts,
        "it cannot compile a layer": not compiles,
        f"compiling does not pay for so few steps ({steps:,})": steps < WORTH,
        "on a GPU": has_gpu(backend),
        "no faster for images on a CPU": any(len(shape) == 4 for shape in shapes),
        "slower for wide layers on a CPU": max(map(math.prod, shapes), default=0) >= WIDE,
        "slower for long sequences on a CPU": length * batches.batch_size * units > LONG,
        "slower for dropout on a CPU": any(isinstance(e, float) and e > 0 for e in dropped),
    }
    why = next((why for why, holds in reasons.items() if holds), "faster for narrow layers")
    return why in ("on a GPU", "faster for narrow layers"), why
