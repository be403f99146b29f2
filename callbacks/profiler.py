"""A profile of a few training steps, for TensorBoard's Profile tab."""

import importlib.util
from pathlib import Path

import keras


class Profiler(keras.callbacks.Callback):
    """Records a few steps with the profiler of TensorFlow or of JAX.

    The first calls of the step are left out: they compile it. A folder has one profile only.

    Args:
        log_dir: Folder of the run, the `log_dir` of its `TensorBoard`.
        first: Calls of the training step before the recording. Defaults to 2.
        count: Calls to record; under `steps_per_execution` each makes several steps. Defaults to 5.

    Raises:
        ValueError: On a backend that has no such profiler.

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     profiler = callbacks.Profiler(folder)
    ...     _ = model.fit(np.ones((8, 1)), np.ones((8, 1)), batch_size=1, verbose=0,
    ...                   callbacks=[profiler])
    ...     len(profiler.profiles())
    1
    """

    #: How to have the tab; the plugin is large, so it is not among the dependencies.
    HINT = "TensorBoard's Profile tab needs a plugin: pip install xprof"

    def __init__(self, log_dir: str | Path, first: int = 2, count: int = 5):
        super().__init__()
        if keras.backend.backend() not in ("tensorflow", "jax"):
            raise ValueError(
                "Expected the TensorFlow or the JAX backend for a profile. "
                f"Received: {keras.backend.backend()}"
            )
        self.log_dir = Path(log_dir)
        self.first, self.count = first, count
        self._calls = 0
        self._recording = False

    @staticmethod
    def plugin_is_installed() -> bool:
        """Whether TensorBoard can show profiles here."""
        return importlib.util.find_spec("xprof") is not None

    def profiles(self) -> list[Path]:
        """The profiles in the folder."""
        return sorted(self.log_dir.glob("plugins/profile/*/*.xplane.pb"))

    def on_train_begin(self, logs=None):
        """Begins to count."""
        self._calls = 0
        self._done = bool(self.profiles())

    def on_train_batch_begin(self, batch, logs=None):
        """Starts the recording when it is time."""
        if not self._done and self._calls == self.first:
            self.log_dir.mkdir(parents=True, exist_ok=True)
            _profiler()[0](str(self.log_dir))
            self._recording = True
        self._calls += 1

    def on_train_batch_end(self, batch, logs=None):
        """Stops it."""
        if self._recording and self._calls >= self.first + self.count:
            self._stop()

    def on_train_end(self, logs=None):
        """Stops it where training was shorter."""
        if self._recording:
            self._stop()

    def _stop(self):
        self.model.optimizer.iterations.numpy()  # waits for the steps on their way
        self._recording, self._done = False, True
        _profiler()[1]()


def _profiler():
    """What starts the backend's profiler for a folder, and what ends it."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.profiler.experimental.start, tf.profiler.experimental.stop
    import jax

    return jax.profiler.start_trace, jax.profiler.stop_trace
