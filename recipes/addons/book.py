"""The book's TF-Addons models of dates, trained. Runs in the child process only."""

import time

import numpy as np


def train(arrays, settings) -> dict[str, np.ndarray]:
    """Trains with teacher forcing or scheduled sampling; decodes greedily.

    Args:
        arrays: `source`, `target` and `validation_source`: padded ids, 0 behind the end.
        settings: See `training.DEFAULTS`; and `source_size`, `target_size`: numbers of ids, 0
            included and the start id, which is the next one, not.

    Returns:
        `ids` that the model decodes from `validation_source`, and the `seconds` of each epoch.
    """
    import tensorflow as tf

    keras = tf.keras
    keras.utils.set_random_seed(settings["seed"])
    target = arrays["target"]
    model = _model(keras, target.shape[1], settings)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.Nadam())
    read = np.roll(target, 1, axis=1)
    read[:, 0] = settings["target_size"]
    clock = _Clock()
    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_begin=clock.start, on_epoch_end=clock.stop)
    ]
    if settings["sampling"]:
        ramp = max(settings["epochs"] - 10, 1)  # the last ten epochs see no target

        def sample_more(epoch, logs):
            model.sampling_probability.assign(min(1.0, epoch / ramp))

        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_begin=sample_more))
    model.fit(
        [arrays["source"], read], target, epochs=settings["epochs"],
        batch_size=settings["batch_size"], callbacks=callbacks, verbose=0,
    )  # fmt: skip
    source = arrays["validation_source"]
    ids = np.zeros((len(source), target.shape[1]), "int64")
    for start in range(0, len(source), 500):
        rows = source[start : start + 500]
        found = model.predict_on_batch([rows, np.zeros((len(rows), 1), "int32")]).argmax(axis=-1)
        ids[start : start + 500, : found.shape[1]] = found  # a batch stops when all rows have ended
    return {"ids": ids, "seconds": np.array(clock.seconds)}


def _model(keras, max_length, settings):
    """Encoder, attention or none, and one decoder each to train and to answer.

    As in the book, neither the loss nor attention knows which ids are padding.
    """
    import tensorflow as tf
    import tensorflow_addons as tfa

    seq2seq, units, size = tfa.seq2seq, settings["units"], settings["embedding_dim"]
    kinds = {"luong": seq2seq.LuongAttention, "bahdanau": seq2seq.BahdanauAttention}

    class Translator(keras.Model):
        def __init__(self):
            super().__init__()
            self.source_embedding = keras.layers.Embedding(settings["source_size"], size)
            self.target_embedding = keras.layers.Embedding(settings["target_size"] + 1, size)
            self.encoder = keras.layers.LSTM(units, return_sequences=True, return_state=True)
            self.sampling_probability = tf.Variable(0.0, trainable=False)
            self.attention, self.cell = None, keras.layers.LSTMCell(units)
            if settings["attention"] is not None:
                self.attention = kinds[settings["attention"]](units)
                self.cell = seq2seq.AttentionWrapper(self.cell, self.attention)
            head = keras.layers.Dense(settings["target_size"])
            sampler = seq2seq.TrainingSampler()
            if settings["sampling"]:
                sampler = seq2seq.ScheduledEmbeddingTrainingSampler(
                    0.0, embedding_fn=self.target_embedding
                )
                sampler.sampling_probability = self.sampling_probability
            self.teacher = seq2seq.BasicDecoder(self.cell, sampler, output_layer=head)
            self.writer = seq2seq.BasicDecoder(
                self.cell,
                seq2seq.GreedyEmbeddingSampler(embedding_fn=self.target_embedding),
                output_layer=head,
                maximum_iterations=max_length,
            )

        def call(self, inputs, training=None):
            source, read = inputs
            memory, *state = self.encoder(self.source_embedding(source), training=training)
            embedded = self.target_embedding(read)
            if self.attention is not None:
                self.attention(memory, setup_memory=True)
                state = self.cell.get_initial_state(embedded).clone(cell_state=state)
            if training:
                outputs, _, _ = self.teacher(embedded, initial_state=state, training=True)
            else:
                first = tf.fill([tf.shape(source)[0]], settings["target_size"])
                outputs, _, _ = self.writer(
                    embedded, initial_state=state, start_tokens=first, end_token=0
                )
            return tf.nn.softmax(outputs.rnn_output)

    return Translator()


class _Clock:
    def __init__(self):
        self.seconds = []

    def start(self, epoch, logs):
        self._started = time.perf_counter()

    def stop(self, epoch, logs):
        self.seconds.append(time.perf_counter() - self._started)
