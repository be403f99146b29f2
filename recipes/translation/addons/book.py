"""The book's TF-Addons pipeline: trains, answers. Runs in the child process only."""

import time

import numpy as np

from recipes.translation.addons.network import Network

#: Rows that are decoded together.
ROWS = 128


def train(arrays, settings) -> dict[str, np.ndarray]:
    """Trains with `fit`, goes back to the best epoch, and answers what the run is scored by.

    As in the book, decoding is `BasicDecoder`'s, training reads the target or samples
    (`ScheduledEmbeddingTrainingSampler`), attention comes in an `AttentionWrapper`, and all
    sequences are padded to the longest. Padding is masked, which the book left out for dates.

    Args:
        arrays: For `train`, `validation` and `test`, padded ids `train/source` and `train/target`;
            `validation/questions` and `test/questions`, source ids to decode; the first weights,
            `weight/...`; and by training step `rates`, of learning, and `probabilities`, of
            scheduled sampling.
        settings: See `training.Twin`.

    Returns:
        The `seconds` of each epoch, validation included, and the number of `parameters`. For
        `validation` and `test`: of each real token in turn the log-probability, `test/log_probs`,
        and whether it was the likeliest, `test/right`; decoded ids, `test/greedy`, and with more
        than one beam `test/beam`.
    """
    import tensorflow as tf

    keras = tf.keras
    keras.utils.set_random_seed(settings["seed"])
    weights = {k.removeprefix("weight/"): v for k, v in arrays.items() if k.startswith("weight/")}
    network = Network(settings["description"], weights, settings["dropout"])
    model = _pipeline(network, arrays["probabilities"], settings)
    model.compile(_optimizer(keras, arrays["rates"], settings), _loss(settings["label_smoothing"]))
    best = keras.callbacks.EarlyStopping(
        patience=settings["patience"] or settings["epochs"], restore_best_weights=True
    )
    began, ended = [], []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: began.append(time.perf_counter()),
        on_epoch_end=lambda *_: ended.append(time.perf_counter()),
    )
    inputs, labels = _examples(arrays, "train")
    model.fit(
        inputs,
        labels,
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        validation_data=_examples(arrays, "validation"),
        callbacks=[clock, best],
        verbose=0,
    )
    found = {"seconds": np.subtract(ended, began), "parameters": np.array(model.count_params())}
    for split in ("validation", "test"):
        answers = _answers(network, model, arrays, split, settings)
        found |= {f"{split}/{name}": array for name, array in answers.items()}
    return found


def _examples(arrays, split):
    """What the model reads and what it learns to write, which are one step apart."""
    source, target = arrays[f"{split}/source"], arrays[f"{split}/target"]
    return (source, target[:, :-1]), target[:, 1:]


def _pipeline(network, probabilities, settings):
    """The Keras model of a network: source ids and target ids read to logits."""
    import tensorflow as tf

    seq2seq = network.seq2seq

    class Pipeline(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = network.variables
            self.probability = tf.Variable(0.0, trainable=False)
            self.probabilities = tf.constant(probabilities)
            self.head = network.output_layer
            if settings["dropout"]:
                dropout = tf.keras.layers.Dropout(settings["dropout"])
                self.head = tf.keras.Sequential([dropout, network.output_layer])
                self.head.build((None, network.output_layer.kernel.shape[0]))

        def train_step(self, data):
            self.probability.assign(_at(self.probabilities, self.optimizer.iterations))
            return super().train_step(data)

        def call(self, inputs, training=False):
            source, read = inputs
            cell, state = network.start(source, training=training, alignment_history=False)
            sampler = self.sampler() if training else seq2seq.TrainingSampler()
            decoder = seq2seq.BasicDecoder(cell, sampler, self.head)
            embedded = network.drop(network.embed(read), training)
            outputs, _, _ = decoder(embedded, initial_state=state, training=training)
            return outputs.rnn_output

        def sampler(self):
            if settings["sampling"] == "embedding":
                return seq2seq.ScheduledEmbeddingTrainingSampler(self.probability, network.embed)
            if settings["sampling"] == "output":
                return seq2seq.ScheduledOutputTrainingSampler(
                    self.probability, next_inputs_fn=self.mean_embedding
                )
            return seq2seq.TrainingSampler()

        def mean_embedding(self, logits):
            return tf.matmul(tf.nn.softmax(logits), network.target_embedding)

    return Pipeline()


def _loss(label_smoothing):
    """Crossentropy in nats for each real token."""
    import tensorflow as tf

    def loss(labels, logits):
        log_probs = tf.nn.log_softmax(logits)
        labels = tf.cast(labels, tf.int32)
        right = tf.gather(log_probs, labels, batch_dims=2)
        mixed = (1 - label_smoothing) * right + label_smoothing * tf.reduce_mean(log_probs, -1)
        real = tf.cast(labels != 0, mixed.dtype)
        return -tf.reduce_sum(mixed * real) / tf.maximum(tf.reduce_sum(real), 1)

    return loss


def _optimizer(keras, rates, settings):
    """An optimizer of legacy Keras that takes its rate from a table."""
    import tensorflow as tf

    class Rate(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return _at(tf.constant(rates), step)

    create = getattr(keras.optimizers, settings["optimizer"])
    return create(learning_rate=Rate(), **settings["optimizer_arguments"])


def _at(table, step):
    """The entry of a step, or the last one."""
    import tensorflow as tf

    return table[tf.minimum(tf.cast(step, tf.int32), table.shape[0] - 1)]


def _answers(network, model, arrays, split, settings):
    """Rated tokens and decoded ids of a split."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def rate(inputs, labels):
        log_probs = tf.nn.log_softmax(model(inputs, training=False))
        right = tf.equal(tf.argmax(log_probs, axis=-1, output_type=tf.int32), labels)
        return tf.gather(log_probs, labels, batch_dims=2)[labels != 0], right[labels != 0]

    @tf.function(reduce_retracing=True)
    def greedy(source):
        return network.greedy(source, *asked)

    @tf.function(reduce_retracing=True)
    def search(source):
        return network.beam_search(source, settings["beam"], *asked)[0][:, :, 0]

    asked = [settings[name] for name in ("max_length", "start_id", "end_id")]
    (source, read), labels = _examples(arrays, split)
    slices = _slices(len(source), settings["batch_size"])
    rated = [rate((source[rows], read[rows]), labels[rows]) for rows in slices]
    log_probs, right = (np.concatenate(part) for part in zip(*rated, strict=True))
    found = {"log_probs": log_probs, "right": right}
    found["greedy"] = _decoded(greedy, arrays[f"{split}/questions"], ROWS, settings)
    if settings["beam"] > 1:
        rows = max(1, ROWS // settings["beam"])
        found["beam"] = _decoded(search, arrays[f"{split}/questions"], rows, settings)
    return found


def _decoded(decode, questions, size, settings):
    """Ids of all questions, `(rows, max_length)`: batches stop when all of their rows have."""
    ids = np.zeros((len(questions), settings["max_length"]), "int32")
    for rows in _slices(len(questions), size):
        found = decode(questions[rows]).numpy()
        ids[rows, : found.shape[1]] = found
    return ids


def _slices(count, size):
    return [slice(first, first + size) for first in range(0, count, size)]
