"""Chooses backend and device, before Keras is imported."""

import contextlib
import hashlib
import importlib
import logging
import os
import platform
import re
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from recipes.data.download import keras_home
from recipes.engine.config import BACKENDS
from recipes.errors import UserError


def prepare(backend: str, device: str) -> None:
    """Sets what Keras and its backend read when they are imported.

    The backend is `"tensorflow"`, `"jax"` or `"torch"`, the device `"auto"`, `"cpu"` or `"gpu"`. A
    `UserError` if the backend is not installed, cannot be changed any more, or there is no GPU.
    """
    loaded = sys.modules.get("keras")
    if loaded is not None and loaded.backend.backend() != backend:
        raise UserError(
            f"Keras already runs on {loaded.backend.backend()}. Start a new process for {backend}."
        )
    missing = f"--device gpu: {backend} finds no GPU. Use --device cpu or auto."
    # It may show without a backend: no files of NVIDIA, AMD, or those that Windows lends.
    files = [each for kind in ("nvidia[0-9]*", "kfd", "dxg") for each in Path("/dev").glob(kind)]
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not files
    if device == "gpu" and sys.platform == "linux" and hidden:
        raise UserError(missing)
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # GPU memory grows on demand
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # Compiled steps are shared by all runs on processors that know the same instructions.
    cpu = Path("/proc/cpuinfo")
    flags = re.search(r"(?m)^(flags|Features)\b.*", cpu.read_text()) if cpu.exists() else None
    known = hashlib.sha256(f"{platform.processor()} {flags and flags[0]}".encode()).hexdigest()
    kept = keras_home() / "handson_zoo" / "jax" / known[:16]
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(kept))
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(1 << 30))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    # A backtest's models each trace anew, and a lost loss is reported once, by the run itself.
    for chatty in ("tensorflow", "tensorboardX.x2num"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    try:
        with quiet_start(loaded is None):
            if not find_spec(backend):  # at once: Keras would import other things first
                raise ModuleNotFoundError(name=backend)
            importlib.import_module("keras")
            if backend == "tensorflow":  # it complains about missing devices now
                import tensorflow as tf

                tf.config.list_physical_devices()
                tf.zeros(())
    except ModuleNotFoundError as error:
        raise UserError(
            f"--backend {backend} needs the package {error.name!r}, which is not installed. "
            f"Install it (pip install {backend}), or use --backend tensorflow."
        ) from error
    if device == "gpu" and not has_gpu(backend):
        raise UserError(missing)


def choose_for(trained: str) -> str:
    """The backend to use a run on that was trained on another one, perhaps.

    The environment variable KERAS_BACKEND wins, then the run's own backend, then one that is
    installed, which is said.
    """
    wanted = os.environ.get("KERAS_BACKEND") or trained
    if wanted != trained or find_spec(wanted):
        return wanted
    for other in filter(find_spec, BACKENDS):
        why = f"the run was trained on {trained}, which is not installed"
        print(f"note: {why}; {other} is used", file=sys.stderr)
        return other
    return trained


def has_gpu(backend: str) -> bool:
    """Whether a backend finds a GPU."""
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return any(device.platform == "gpu" for device in jax.devices())
    import torch

    return torch.cuda.is_available()


#: What its lines hold.
_BANNER = re.compile(
    "absl::InitializeLog|oneDNN custom operations|cudart_stub|cpu_feature_guard|TF-TRT Warning"
    "|rebuild TensorFlow|failed call to cuInit|cuda_(?:dnn|fft|blas)"
)


@contextlib.contextmanager
def quiet_start(active, held=_BANNER):
    """Holds back the banner that TensorFlow's C++ code prints when it is imported.

    Whatever else is printed meanwhile is passed on, but for lines in which the pattern `held` is.
    """
    if not active:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file.read().decode(errors="replace").splitlines():
                if not held.search(line):
                    print(line, file=sys.stderr)
