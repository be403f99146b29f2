"""Training on several devices, on JAX: they share each batch, or embeddings and large kernels.

A step is that of one device, but for rounding. Only `fit` is distributed, and not by Keras' class:
that cuts all batches of a pass as the first, so that the last one of validation fails, and weights
made under it stay there. In a job of several processes all do the same; the run of the first stays.
"""

import contextlib
import math
import shutil
import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from recipes.engine.config import AUTO
from recipes.engine.folder import RunFolder, plain, settings_hash
from recipes.errors import UserError

if keras.backend.backend() == "jax":
    import jax
    from jax.experimental import multihost_utils


#: Weights of a matrix that devices share in `model_parallel`, by its columns.
LARGE = 2**16


def _is_shared(shape):
    return len(shape) == 2 and math.prod(shape) >= LARGE and shape[1] % jax.device_count() == 0


class Distributed(keras.callbacks.Callback):
    """Has the steps of a model run on all devices."""

    def __init__(self, distribution):
        super().__init__()
        mesh = jax.sharding.Mesh(np.array(jax.devices()), ("devices",))
        cuts = (), ("devices",), (None, "devices")
        specs = (jax.sharding.PartitionSpec(*each) for each in cuts)
        kinds = (jax.sharding.NamedSharding(mesh, each) for each in specs)
        self._whole, self._rows, self._columns = kinds
        self._of_model = distribution == "model_parallel"

    def on_train_begin(self, logs=None):
        """Takes the step of training."""
        self.model.train_function = partial(self._step, self.model.train_function)

    def on_test_begin(self, logs=None):
        """Takes that of validation, which is made once for all epochs."""
        if not isinstance(self.model.test_function, partial):
            self.model.test_function = partial(self._step, self.model.test_function)

    def _step(self, function, state, batches):
        parts = (keras.tree.map_structure(self._share, each) for each in batches)
        logs, state = function(keras.tree.map_structure(self._keep, state), parts)
        return logs, keras.tree.map_structure(self._keep, state)  # JAX may have cut them otherwise

    def _keep(self, value):
        kind = self._columns if self._of_model and _is_shared(value.shape) else self._whole
        same = value.sharding.is_equivalent_to(kind, value.ndim)
        return value if same else jax.device_put(value, kind)

    def _share(self, value):
        kind = self._whole if self._of_model or len(value) % jax.device_count() else self._rows
        return jax.make_array_from_callback(value.shape, kind, value.__getitem__)


def in_job() -> bool:
    """Whether this is one of several processes that train together."""
    return keras.backend.backend() == "jax" and jax.process_count() > 1


def apart(config: Any, resume: RunFolder | None, held: contextlib.ExitStack):
    """Settings and the run to resume: silent and in copies, in all processes but the first.

    What those write goes when `held` is closed.
    """
    if not in_job() or jax.process_index() == 0:
        return config, resume
    logs = held.enter_context(tempfile.TemporaryDirectory())
    if resume:
        copy = Path(logs, *resume.path.absolute().parts[-2:])
        resume = RunFolder(shutil.copytree(resume.path, copy, ignore=shutil.ignore_patterns(".*")))
    return replace(config, logdir=logs, progress=False), resume


def agreed(config: Any, sizes: set[int], model: Any, data_sha256: str, new: bool) -> str:
    """What shares `model` or batches of these sizes; a `UserError` if nothing can."""
    count, of_model = jax.device_count(), config.distribution == "model_parallel"
    rest = {size for size in sizes if size % count and not of_model}
    if in_job() and (config.distribution != "data_parallel" or config.model == AUTO):
        raise UserError("Several processes need --distribution data_parallel and a named --model.")
    if of_model and config.model == AUTO:
        raise UserError("--distribution model_parallel needs a named --model.")
    if new and count == 1:
        or_else = "" if of_model else ", or start processes: scripts/launch 2 train RECIPE"
        raise UserError(
            f"Expected several devices for --distribution {config.distribution}. Received: one. "
            f"Leave it out{or_else}."
        )
    if rest:
        raise UserError(
            f"{count} devices cannot share batches of {max(rest)}: choose a --batch_size that "
            f"{count} divides, such as {max(1, max(rest) // count) * count}."
        )
    if of_model:
        shapes = [each.shape for each in model.trainable_variables if _is_shared(each.shape)]
        if not shapes:
            raise UserError(
                f"Expected matrices of {LARGE:,} weights or more, of columns that {count} devices "
                "can share. Received: none. Leave --distribution out, or say data_parallel."
            )
        return f"{count} devices share {sum(map(math.prod, shapes)):,} weights"
    settings = settings_hash(plain(asdict(config)), config.NOT_LEARNED_FROM)
    digest = np.frombuffer(bytes.fromhex(settings + data_sha256), np.uint8)
    if len(np.unique(multihost_utils.process_allgather(digest).reshape(-1, 64), axis=0)) > 1:
        raise UserError("Expected the same settings and data in every process. Received: others.")
    return f"{count} devices, of {jax.process_count()} process(es), share each batch"
