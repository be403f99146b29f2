"""TensorBoard logs of a run, written without TensorFlow so that every backend has them."""

from pathlib import Path

import keras
import numpy as np

from callbacks.events import EventFile, event_files, rewind


class TensorBoard(keras.callbacks.Callback):
    """Writes the curves of a run: `train/` and `validation/` event files in one folder.

    Epoch scalars carry Keras' own tags (`epoch_loss`, ...). The learning rate of every step is
    computed from the optimizer's schedule, so it costs the training loop nothing and is right
    under `steps_per_execution`.

    Args:
        log_dir: Folder of the run.
        pictures: Called as `pictures(epoch)` after some epochs; returns `{tag: figure}` with
            Matplotlib figures, which it may close afterwards. Defaults to none.
        picture_freq: Epochs between pictures. Defaults to 5; the last epoch gets one too.
        texts: `{tag: Markdown}` to write once, such as the configuration.

    Example:
        >>> import keras, numpy as np, tempfile
        >>> from pathlib import Path
        >>> from callbacks import TensorBoard
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> x = np.ones((8, 1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = model.fit(x, x, validation_data=(x, x), verbose=0,
        ...                   callbacks=[TensorBoard(folder)])
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['train', 'validation']
    """

    #: Points of the learning-rate curve; TensorBoard itself shows no more than 1,000.
    MAX_RATE_POINTS = 1000

    def __init__(self, log_dir, pictures=None, picture_freq=5, texts=None):
        super().__init__()
        self.log_dir = Path(log_dir)
        self.pictures = pictures
        self.picture_freq = picture_freq
        self.texts = texts or {}
        self._writers = {}
        self._epoch = None

    def _writer(self, split):
        if split not in self._writers:
            self._writers[split] = EventFile(self.log_dir / split)
        return self._writers[split]

    def get_state(self):
        """What `Checkpoint` saves: how long the event files are, and the last step in them."""
        for writer in self._writers.values():
            writer.flush()
        return {"files": event_files(self.log_dir), "logged_steps": self._logged_steps}

    def set_state(self, state):
        """Cuts the event files back to a saved state; `None` empties the folder of them."""
        if self._writers:
            raise ValueError("The event files are open already: nothing can be cut back.")
        rewind(self.log_dir, state["files"] if state else {})
        self._logged_steps = state["logged_steps"] if state else 0
        self._write_texts = state is None

    def on_train_begin(self, logs=None):
        """Remembers how far the optimizer has come."""
        self._logged_steps = int(self.model.optimizer.iterations.numpy())
        self._write_texts = True

    def on_epoch_end(self, epoch, logs=None):
        """Writes the scalars of the epoch, the rates of its steps and, now and then, pictures."""
        from tensorboardX import summary

        if self._write_texts:
            for tag, text in self.texts.items():
                self._writer("train").add(summary.text(tag, text), 0)
            self._write_texts = False
        for name, value in (logs or {}).items():
            split = "validation" if name.startswith("val_") else "train"
            tag = f"epoch_{name.removeprefix('val_')}"
            self._writer(split).add(summary.scalar(tag, float(value)), epoch)
        self._write_rates()
        self._epoch = epoch
        if self.picture_freq and epoch % self.picture_freq == 0:
            self._write_pictures(epoch)

    def on_train_end(self, logs=None):
        """Writes the last pictures and closes the files."""
        if self._epoch is not None and (not self.picture_freq or self._epoch % self.picture_freq):
            self._write_pictures(self._epoch)
        self.close()

    def close(self):
        """Closes the event files; needed only where training was left by an exception."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _write_rates(self):
        from tensorboardX import summary

        first, last = self._logged_steps, int(self.model.optimizer.iterations.numpy())
        if last == first:
            return
        steps = np.arange(first, last)
        epochs = self.params.get("epochs") or 1
        stride = max(1, len(steps) * epochs // self.MAX_RATE_POINTS)
        steps = steps[::stride]
        for step, rate in zip(steps, learning_rates(self.model.optimizer, steps), strict=True):
            self._writer("train").add(summary.scalar("learning_rate", float(rate)), int(step))
        self._logged_steps = last

    def _write_pictures(self, epoch):
        if self.pictures is None:
            return
        from tensorboardX import summary

        for tag, figure in self.pictures(epoch).items():
            image = summary.image(tag, _pixels(figure), dataformats="HWC")
            self._writer("validation").add(image, epoch)


def _pixels(figure):
    """The pixels of a Matplotlib figure, `(height, width, 3)` uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def learning_rates(optimizer, steps):
    """Learning rate of an optimizer at each of some steps.

    Args:
        optimizer: A Keras optimizer, driven by a schedule or by a variable.
        steps: Step numbers, `(n,)`.

    Returns:
        float array `(n,)`. Without a schedule, today's rate for every step.
    """
    schedule = keras.optimizers.serialize(optimizer)["config"]["learning_rate"]
    if not isinstance(schedule, dict):
        return np.full(len(steps), float(schedule))
    schedule = keras.saving.deserialize_keras_object(schedule)
    if getattr(schedule, "accepts_arrays", False):
        return keras.ops.convert_to_numpy(schedule(keras.ops.convert_to_tensor(steps, "float32")))
    return np.array([float(schedule(step)) for step in steps])
