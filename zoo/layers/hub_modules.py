"""From a TF-Hub handle to a loaded module: folders, archives, URLs and the cache.

TensorFlow and tensorflow-hub are imported when a module is asked for, not before.
"""

import hashlib
import os
import re
import sys
import tarfile
import tempfile
import types
import urllib.parse
import urllib.request
import warnings
import zipfile
from pathlib import Path

import keras

MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
TF1_FORMAT_FILE = "tfhub_module.pb"


def load_module(handle):
    """Loads the module of a handle (see `HubLayer`), and says whether it has the format of TF1-Hub.

    A `ValueError`, which names the handle, if the backend is not TensorFlow or there is no module.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "TF-Hub modules run on TensorFlow alone: set KERAS_BACKEND=tensorflow. "
            f"Received: the backend {keras.backend.backend()!r} for the module {handle!r}"
        )
    hub = tensorflow_hub()
    try:
        folder = resolve(handle, hub)
        module = hub.load(folder)
    except Exception as error:  # of sockets, archives, TensorFlow, ...: whatever was in the way
        message = (
            f"The TF-Hub module {handle!r} cannot be loaded ({type(error).__name__}: {error}). "
            "Correct the handle if it is new; of a saved model, put the module back, or say where "
            f'it is now: zoo.layers.HubLayer.handles[{handle!r}] = "...".'
        )
        if local_path(handle) is None:
            name = hashlib.sha1(handle.encode()).hexdigest()
            message += f" Without a network, unpack it into {os.path.join(cache_folder(), name)}."
        raise ValueError(message) from error
    import tensorflow as tf

    return module, tf.io.gfile.exists(f"{folder}/{TF1_FORMAT_FILE}")


def resolve(handle, hub):
    """The folder of a handle's module, downloaded or unpacked into the cache when needed."""
    path = local_path(handle)
    if path is None:
        return hub.resolve(handle)
    if path.is_file():
        path = _unpacked(path)
    if not path.is_dir():
        raise FileNotFoundError(f"there is no file or folder {path.absolute()}")
    # The folder itself, or its only folder with a model, as some archives have it.
    inner = [child.parent for name in MODEL_FILES for child in path.glob(f"*/{name}")]
    here = any((path / name).exists() for name in MODEL_FILES)
    return str(inner[0] if len(inner) == 1 and not here else path)


def tensorflow_hub():
    """The package tensorflow-hub, also where its own import fails.

    It asks `pkg_resources`, which setuptools 82 took away, for one function; a stand-in is there
    while it is imported, and no longer.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")
        try:
            import tensorflow_hub as hub
        except ModuleNotFoundError as error:
            if error.name != "pkg_resources":
                raise
            from packaging.version import parse  # TensorFlow and Keras need it too

            module = types.ModuleType("pkg_resources")
            vars(module)["parse_version"] = parse
            sys.modules["pkg_resources"] = module
            try:
                import tensorflow_hub as hub
            finally:
                del sys.modules["pkg_resources"]
    return hub


def shared_variables(variables, trained):
    """Keras variables on the storage of a module's, which are of TensorFlow; each counts once.

    `trained` holds the `id` of each that may be trained, or is None for those that say so
    themselves. Their names differ, and are free of the characters (":", "/") that may not stand in
    the names of an optimizer's slots.
    """
    shared: dict[int, keras.Variable] = {}
    names: dict[str, int] = {}
    for variable in variables:
        if id(variable) in shared:
            continue
        trainable = variable.trainable if trained is None else id(variable) in trained
        name = re.sub(r"\W+", "_", variable.name.removesuffix(":0"))
        names[name] = names.get(name, -1) + 1
        name += f"_{names[name]}" if names[name] else ""
        shared[id(variable)] = shared_variable(variable, trainable, name)
    return list(shared.values())


def shared_variable(variable, trainable, name):
    """A Keras variable on the storage of a TensorFlow variable: what one learns, both know."""
    shared = keras.Variable(variable, trainable=trainable, autocast=False, name=name)
    if shared.value is not variable:
        raise RuntimeError(
            "Expected a keras.Variable that wraps a tf.Variable. Received: a copy from Keras "
            f"{keras.__version__}, with which a TF-Hub module would not train"
        )
    return shared


def sha256(path) -> str:
    """SHA-256 of a module: of an archive's bytes, or of a folder's files and their names."""
    files = sorted(each for each in Path(path).rglob("*") if each.is_file())
    lines = []
    for each in files or [Path(path)]:
        with each.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{found}  {each.relative_to(path).as_posix()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest() if files else lines[0][:64]


def local_path(handle):
    """The path that a handle names, or None if it is a URL."""
    if "://" not in handle:
        return Path(handle).expanduser()
    parts = urllib.parse.urlsplit(handle)
    return Path(urllib.request.url2pathname(parts.path)) if parts.scheme == "file" else None


def _unpacked(archive):
    """Unpacks an archive into the cache, once for each state of the file."""
    status = archive.stat()
    state = f"{archive.resolve()} {status.st_size} {status.st_mtime_ns}"
    cache = Path(cache_folder())
    target = cache / hashlib.sha1(state.encode()).hexdigest()
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        fresh = Path(work) / "module"
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                file.extractall(fresh)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as file:
                file.extractall(fresh, filter="data")
        else:
            raise ValueError(f"{archive} is neither a tar nor a zip archive")
        try:
            fresh.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another process was faster
                raise
    return target


def cache_folder() -> str:
    """Where modules are kept: TFHUB_CACHE_DIR, or a folder among the temporary files."""
    return os.environ.get("TFHUB_CACHE_DIR") or os.path.join(tempfile.gettempdir(), "tfhub_modules")
