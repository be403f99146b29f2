"""A run's model once more, in the book's TF-Addons pipeline: scores and speed side by side."""

import time
from functools import cached_property

import keras
import numpy as np

from recipes.engine.optimizer import SCHEDULES, make_optimizer
from recipes.translation.addons.runner import run
from recipes.translation.addons.weights import describe, variables
from recipes.translation.metrics import Answers
from recipes.translation.sampling import sampling_probability

#: What a report says about it.
NOTE = (
    "TF-Addons is this model once more, from the same first weights, in the pipeline of the book's "
    "second edition (legacy Keras, all sequences padded to the longest), trained after this one "
    "with the same flags. With Adam and its kin, its embeddings take smaller steps: legacy Keras "
    "adds up the gradients of an id that occurs twice before it squares them, Keras 3 on "
    "TensorFlow does not"
)
#: Settings of an optimizer that are not for legacy Keras, or are set otherwise.
_OWN = ("name", "learning_rate", "loss_scale_factor", "gradient_accumulation_steps")


class Twin:
    """The model of a run, a `zoo.seq2seq` not trained yet, trained and scored by TF-Addons.

    It starts from the model's present weights, and takes the run's flags: batch size, optimizer,
    rate by step, scheduled sampling, dropout, label smoothing, patience, seed. Batches hold
    sequences of any lengths, padded to the longest of all. With SGD, training on all pairs at once
    gives the same weights; with Adam and its kin, embeddings differ (see `NOTE`). The `clock` is to
    be a callback of the run's own training.
    """

    def __init__(self, task, model):
        self.task = task
        self.clock = EpochSeconds()
        self.description = describe(model)
        self.dropout = model.get_layer("decoder").dropout
        self.weights = {
            f"weight/{name}": keras.ops.convert_to_numpy(variable)
            for name, variable in variables(model).items()
        }

    def answers(self, split) -> Answers:
        """What it makes of the sources of a part; trains at the first call, see `runner.run`."""
        found = self.answer

        def texts(name):
            ids = found.get(f"{split}/{name}")
            tokenizer = self.task.target_tokenizer
            return None if ids is None else [tokenizer.decode(each) for each in ids]

        forced = found[f"{split}/log_probs"].astype("float64"), found[f"{split}/right"]
        seconds = {"epoch_seconds": typical(found["seconds"].tolist())}
        return Answers(texts("greedy"), forced, texts("beam"), seconds)

    def finish(self) -> dict[str, float]:
        """The seconds of an epoch of the run's own training, see `clock`."""
        return {"epoch_seconds": typical(self.clock.seconds)}

    @cached_property
    def answer(self) -> dict[str, np.ndarray]:
        """What the child process says, see `book.train`."""
        return run("recipes.translation.addons.book:train", self._arrays(), self._settings())

    def _arrays(self):
        task, arrays = self.task, {**self.weights, **self._tables()}
        for split, (sources, targets) in task.ids.items():
            arrays |= {f"{split}/source": sources, f"{split}/target": targets}
        for split in ("validation", "test"):
            arrays[f"{split}/questions"] = task.source_tokenizer.encode(task.questions(split)[0])
        return arrays

    def _tables(self):
        """Learning rate and probability of scheduled sampling at each step."""
        config = self.task.config
        total = config.epochs * self._steps()
        rate = SCHEDULES[config.schedule](config.learning_rate, total, int(config.warmup * total))
        probability = sampling_probability(
            config.sampling_schedule, config.sampling_probability, total
        )
        return {"rates": _table(rate, total), "probabilities": _table(probability, total)}

    def _steps(self):
        return max(1, len(self.task.pairs["train"]) // self.task.config.batch_size)

    def _settings(self):
        config = self.task.config
        optimizer = make_optimizer(config, config.epochs * self._steps())
        arguments = {k: v for k, v in optimizer.get_config().items() if k not in _OWN}
        names = ("batch_size", "epochs", "patience", "seed", "label_smoothing", "sampling")
        return {
            **{name: getattr(config, name) for name in (*names, "beam", "max_length")},
            "description": self.description,
            "dropout": self.dropout,
            "optimizer": type(optimizer).__name__,
            "optimizer_arguments": arguments,
            "start_id": self.task.target_tokenizer.start_id,
            "end_id": self.task.target_tokenizer.end_id,
        }


class EpochSeconds(keras.callbacks.Callback):
    """Measures the `seconds` of each epoch, validation included."""

    def on_train_begin(self, logs=None):
        """Starts anew."""
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Reads the clock."""
        self.seconds.append(time.perf_counter() - self._started)

    def get_state(self):
        """What `callbacks.Checkpoint` saves."""
        return {"seconds": self.seconds}

    def set_state(self, state):
        """Takes up the seconds of a run that was cut off."""
        self.seconds = list((state or {}).get("seconds", []))


def typical(seconds) -> float:
    """The median of all epochs but the first, in which graphs are traced.

    >>> typical([9.0, 1.0, 3.0]), typical([9.0])
    (2.0, 9.0)
    """
    return float(np.median(seconds[1:] if len(seconds) > 1 else seconds))


def _table(schedule, total):
    """The values of a schedule, or of a number, at each step."""
    values = schedule(np.arange(total)) if callable(schedule) else np.full(total, schedule)
    return np.asarray(values, "float32")
