"""TF-Hub modules as layers of Keras 3."""

import contextlib
import os
from inspect import signature as python_signature
from pathlib import Path
from typing import Any

import keras

from zoo.errors import ModelFileError
from zoo.layers.base import Layer
from zoo.layers.hub_modules import load_module, local_path, sha256, shared_variables
from zoo.layers.raw_texts import as_texts


class HubLayer(Layer):
    """A TF-Hub module, or any other SavedModel, as a layer; needs the TensorFlow backend.

    The module's variables are the layer's weights: they are counted, frozen or trained
    (`layer.trainable` may be changed any time), and saved with the model. The rest of the module
    is not: a saved model names its handle, which must still resolve when it is loaded. URLs are
    downloaded once, into `TFHUB_CACHE_DIR` or a folder among the temporary files. A module is a
    program: load those of a source that you trust.

    A frozen module runs in inference mode. A trainable one is told whether it is training, if its
    function takes `training`, and its regularisation losses count. Signatures know one mode
    only, and their regularisation and moving averages are not part of the file.

    The book's modules: `"https://tfhub.dev/google/tf2-preview/nnlm-en-dim50/1"` (50 numbers for
    a text, 48 million parameters) and `"https://tfhub.dev/google/universal-sentence-encoder/4"`
    (512 numbers).

    Args:
        handle: URL, folder or archive (.tar, .tar.gz, .tgz, .zip; also as `file://...`).
        trainable: Whether the module's variables are trained. Defaults to False.
        signature: Name of the signature to call. Defaults to None: the module itself when it can
            be called, else `"default"` (the format of TF1-Hub) or `"serving_default"`.
        output_key: Which output to return where there are several by name. Defaults to None: the
            only one, or the one named `"default"` of a signature, or all of them.
        dtype: Defaults to `"float32"` under every policy: a module has its own types.

    Attributes:
        handles: Where modules have moved to, `{old handle: new handle}`, for models saved with
            the old ones. One dictionary for all layers.
        trusted: What saved models may load: handles, SHA-256 of modules as
            `zoo.layers.hub_modules.sha256` computes them, folders with modules, or `"*"` for
            everything. One set for all layers; in it is what the program made a layer of.

    Raises:
        ValueError: If the module cannot be loaded (the message names the handle), or lacks the
            signature or output asked for; or if the backend is not TensorFlow.

    >>> import tempfile, tensorflow as tf
    >>> module = tf.Module()  # stands in for one of the hub
    >>> module.scale = tf.Variable([1.0, 10.0])
    >>> module.__call__ = tf.function(
    ...     lambda text: tf.cast(tf.strings.length(text), "float32")[:, None] * module.scale,
    ...     input_signature=[tf.TensorSpec([None], tf.string)],
    ... )
    >>> folder = tempfile.TemporaryDirectory()
    >>> tf.saved_model.save(module, folder.name)
    >>> layer = HubLayer(folder.name, trainable=True)
    >>> layer(["good", "bad"]).numpy()
    array([[ 4., 40.],
           [ 3., 30.]], dtype=float32)
    >>> model = keras.Sequential([keras.Input((), dtype="string"), layer])
    >>> model.output_shape, model.count_params(), len(model.trainable_weights)
    ((None, 2), 2, 1)
    >>> folder.cleanup()

    Reference: Book, chapter 16, 2nd edition cell 86 (nnlm), 3rd edition cell 83 (Universal Sentence
    Encoder); the interface of reusable SavedModels, tensorflow.org/hub/reusable_saved_models.
    """

    handles: dict[str, str] = {}  # noqa: RUF012 a setting for all layers
    trusted: set[str] = set()  # noqa: RUF012 the same

    def __init__(
        self,
        handle: str,
        trainable: bool = False,
        signature: str | None = None,
        output_key: str | None = None,
        dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(trainable=trainable, dtype=dtype, **kwargs)
        self.handle = os.fspath(handle)
        self.signature, self.output_key = signature, output_key
        self.supports_jit = False  # strings and tables have no XLA
        module, tf1_format = load_module(self.handles.get(self.handle, self.handle))
        self.module = module
        self._signature = self._choose_signature(tf1_format)
        functions = self._functions()
        outputs = functions[0].structured_outputs
        named = isinstance(outputs, dict)
        if output_key is not None and not (named and output_key in outputs):
            known = ", ".join(sorted(outputs)) if named else "it has one, without a name"
            raise ValueError(
                f"Expected one of the outputs of the TF-Hub module {self.handle!r}: {known}. "
                f"Received: output_key={output_key!r}"
            )
        parameters = python_signature(self._function).parameters if not self._signature else ()
        self._has_training = "training" in parameters
        self._input_specs = _input_specs(functions[0], self._signature)
        self._add_variables(functions)
        self.trusted.add(self.handle)
        self.built = True

    @classmethod
    def from_config(cls, config):
        """The layer of a saved model; a module that is not `trusted` is not loaded."""
        handle = config["handle"]
        if handle not in cls.handles and not _is_trusted(handle, cls.trusted):
            raise ModelFileError(
                f"The model needs the TF-Hub module {handle!r}, which is a program. If you trust "
                f"it, say so: zoo.load(RUN, trust_hub=True), zoo predict --trust_hub, or "
                f"zoo.layers.HubLayer.trusted.add({handle!r}) (or its sha256)."
            )
        return super().from_config(config)

    @property
    def takes_text(self) -> bool:
        """Whether the module reads strings."""
        return all(spec.dtype == "string" for spec in self._input_specs.values())

    @property
    def compute_dtype(self):
        """What Keras makes of inputs: strings stay strings."""
        return "string" if self.takes_text else super().compute_dtype

    @property
    def variable_dtype(self):
        """The same, so that Keras casts nothing in between."""
        return "string" if self.takes_text else super().variable_dtype

    def encode(self, texts: Any):
        """Turns texts into what the layer takes, a tensor of strings `(texts,)`.

        Args:
            texts: A string, or a list, NumPy array or pandas Series of strings. Tensors of strings
                are returned as they are.

        Raises:
            ValueError: If one is not a string, such as a missing value; the message names its row.
        """
        import tensorflow as tf

        if tf.is_tensor(texts) or isinstance(texts, keras.KerasTensor):
            if keras.backend.standardize_dtype(texts.dtype) != "string":
                raise ValueError(f"Expected texts. Received: a tensor of {texts.dtype}")
            return texts
        texts = [text.encode(errors="replace") for text in as_texts(texts)]
        return tf.constant(texts, tf.string, shape=(len(texts),))

    def __call__(self, inputs, *args, **kwargs):
        """Calls the layer; texts may also be a str, a list, or an array of strings."""
        if self.takes_text and not isinstance(inputs, dict):
            inputs = self.encode(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs, training=False):
        """Runs the module; `training` reaches it only if the layer is trainable."""
        outputs = self._run(inputs, bool(training) and self.trainable)
        if self.trainable:
            for loss in getattr(self.module, "regularization_losses", ()):
                self.add_loss(loss())
        return self._with_known_shapes(outputs, inputs)

    def load_own_variables(self, store):
        """Loads the weights; says so where they are those of another module."""
        try:
            super().load_own_variables(store)
        except ValueError as error:
            raise ValueError(
                f"The weights of the layer {self.name!r} do not fit the TF-Hub module that "
                f"{self.handle!r} leads to now: was it replaced by another one? ({error})"
            ) from error

    @property
    def _function(self):
        """What is called: the module, or one of its signatures."""
        return self.module.signatures[self._signature] if self._signature else self.module.__call__

    def _choose_signature(self, tf1_format):
        """The name of the signature to call, or None for the module itself."""
        known = sorted(getattr(self.module, "signatures", ()))
        if self.signature is None and not tf1_format and callable(self.module):
            return None
        name = self.signature or ("default" if tf1_format else "serving_default")
        if name not in known:
            raise ValueError(
                f"Expected one of the signatures of the TF-Hub module {self.handle!r}: "
                f"{', '.join(known) or 'it has none, and cannot be called itself'}. "
                f"Received: signature={name!r}"
            )
        return name

    def _functions(self):
        """The concrete functions behind what is called."""
        if self._signature:
            return [self._function]
        functions = getattr(self._function, "concrete_functions", ())
        if not functions:
            raise ValueError(
                f"The TF-Hub module {self.handle!r} was saved without a traced call. Expected a "
                f"function that was called, or has an input signature, before it was saved."
            )
        return list(functions)

    def _add_variables(self, functions):
        """Makes the module's variables weights of this layer."""
        variables = getattr(self.module, "variables", None)
        if variables is None:  # an object without the interface of reusable modules
            variables = [variable for function in functions for variable in function.variables]
        trained = getattr(self.module, "trainable_variables", None)
        trained = None if trained is None else {id(variable) for variable in trained}
        with keras.name_scope(self.name):
            self._shared_variables = shared_variables(variables, trained)  # Keras tracks the list
        for variable in self._shared_variables:
            variable.trainable = variable.trainable and self.trainable

    def _run(self, inputs, training):
        """The module's outputs for tensors."""
        function = self._function
        try:
            if self._signature:
                first = next(iter(self._input_specs))
                outputs = function(**(inputs if isinstance(inputs, dict) else {first: inputs}))
            else:
                outputs = function(inputs, **({"training": training} if self._has_training else {}))
        except (TypeError, ValueError) as error:
            specs, received = (
                ", ".join(f"{s.dtype.name} {tuple(s.shape)}" for s in keras.tree.flatten(some))
                for some in (self._input_specs, inputs)
            )
            raise ValueError(
                f"The TF-Hub module {self.handle!r} takes {specs}. Received: {received}"
            ) from error
        key = self.output_key
        if key is None and self._signature:
            key = next(iter(outputs)) if len(outputs) == 1 else "default"
            return outputs.get(key, outputs)
        return outputs if key is None else outputs[key]

    def _with_known_shapes(self, outputs, inputs):
        """Outputs whose rank and last axis are known, for the layers to come.

        Some modules do not say them. Then two tries on inputs of different sizes tell which axes
        are always the same.
        """
        import tensorflow as tf

        flat = tf.nest.flatten(outputs)
        if any(output.shape.rank is None or None in output.shape[-1:] for output in flat):
            with tf.init_scope():
                tries = [self._run(_example(inputs, size), False) for size in (2, 3)]
            for output, one, other in zip(flat, *map(tf.nest.flatten, tries), strict=True):
                pairs = zip(one.shape, other.shape, strict=True)
                output.set_shape([a if a == b else None for a, b in pairs])
        return outputs


@contextlib.contextmanager
def trusting(what: str | None):
    """Adds something to `HubLayer.trusted` for a while."""
    new = {what} - HubLayer.trusted if what else set()
    HubLayer.trusted.update(new)
    try:
        yield
    finally:
        HubLayer.trusted.difference_update(new)


def _is_trusted(handle, trusted):
    path = local_path(handle)
    if trusted & {"*", handle} or path is None or not path.exists():
        return bool(trusted & {"*", handle})
    inside = {Path(each).resolve() for each in trusted} & {*path.resolve().parents}
    return bool(inside) or (any(len(each) == 64 for each in trusted) and sha256(path) in trusted)


def _input_specs(function, signature):
    """The specs of a function's first argument, or of all of a signature, by name."""
    import tensorflow as tf

    arguments, named = function.structured_input_signature
    if signature:
        return dict(named)
    inputs = arguments[0] if arguments else next(iter(named.values()))
    if isinstance(inputs, dict):
        return dict(inputs)
    return {str(index): spec for index, spec in enumerate(tf.nest.flatten(inputs))}


def _example(inputs, size):
    """Inputs of the same kind, all free axes of this size and texts of so many words."""
    import tensorflow as tf

    def one(tensor):
        shape = [size if length is None else length for length in tensor.shape]
        if tensor.dtype == tf.string:
            return tf.fill(shape, " ".join(["a"] * size))
        return tf.zeros(shape, tensor.dtype)

    return tf.nest.map_structure(one, inputs)
