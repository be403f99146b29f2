"""Small modules that stand in for those of TF-Hub."""

import numpy as np
import tensorflow as tf

WORDS = ("good", "bad", "film", "dull")
EMBEDDING = np.linspace(-1.0, 1.0, 5 * 3, dtype="float32").reshape(5, 3)  # the last row: unknown


class TextModule(tf.Module):
    """Texts to the sum of their words' embeddings, with what reusable modules may have."""

    def __init__(self, words=WORDS):
        super().__init__()
        keys = tf.lookup.KeyValueTensorInitializer(words, tf.range(len(words), dtype=tf.int64))
        self.words = tf.lookup.StaticVocabularyTable(keys, 1)
        # Equal names, and characters that Keras does not take: hub modules have both.
        self.embedding = tf.Variable(EMBEDDING[: len(words) + 1], name="embedding/part_0")
        self.shift = tf.Variable([0.5, 0.0, -0.5], name="embedding/part_0")
        self.calls = tf.Variable(0.0, trainable=False, name="calls")
        self.regularization_losses = [self.penalty]

    @tf.function(input_signature=[])
    def penalty(self):
        return 0.01 * tf.reduce_sum(self.embedding**2)

    @tf.function
    def __call__(self, texts, training=False):
        embedded = tf.gather(self.embedding, self.words.lookup(tf.strings.split(texts)))
        outputs = tf.reduce_sum(embedded.to_tensor(), axis=1) + self.shift
        if training:
            self.calls.assign_add(1.0)
            return 2.0 * outputs
        return outputs


def save_text_module(folder, words=WORDS):
    """Saves a `TextModule`; returns the folder's path."""
    module = TextModule(words)
    for training in (False, True):
        module.__call__.get_concrete_function(tf.TensorSpec([None], tf.string), training=training)
    tf.saved_model.save(module, str(folder))
    return str(folder)


def save_number_module(folder):
    """Saves numbers `(batch, 2)` to two outputs, with what reusable modules declare.

    No shape of the output `"sum"` is known; the signature `"doubled"` has another input name.
    """
    spec = tf.TensorSpec([None, 2], tf.float32, name="numbers")
    kernel = tf.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], name="kernel")
    unused = tf.Variable([7.0], name="unused")

    @tf.function(input_signature=[spec])
    def call(numbers):
        outputs = numbers @ kernel
        return {
            "sequence": outputs[:, None] * tf.ones([1, tf.shape(numbers)[0], 1]),
            "sum": tf.raw_ops.PlaceholderWithDefault(input=outputs, shape=None),
        }

    @tf.function(input_signature=[spec])
    def doubled(numbers):
        return {"outputs": 2.0 * (numbers @ kernel)}

    module = tf.train.Checkpoint(call=call)
    module.__call__ = call
    module.variables = [kernel, unused]
    module.trainable_variables = [kernel]
    tf.saved_model.save(module, str(folder), signatures={"doubled": doubled})
    return str(folder)


def save_tf1_module(folder):
    """Saves a module in the format of TF1-Hub: a graph with a signature, and no object."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        kernel = v1.get_variable("kernel", initializer=[[1.0, 2.0], [3.0, 4.0]], use_resource=True)
        texts = v1.placeholder(tf.string, [None], name="text")
        lengths = tf.cast(tf.strings.length(texts), tf.float32)
        outputs = tf.stack([lengths, tf.ones_like(lengths)], axis=1) @ kernel
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"text": texts}, {"default": outputs})
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, [], signature_def_map={"default": signature})
        builder.save()
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")  # what marks the format
    return str(folder)


SHIFT = np.array([0.5, 0.0, -0.5], "float32")
TEXTS = ["good film", "bad film", "dull dull other", ""]


def expected(texts, embedding=EMBEDDING, shift=SHIFT):
    """What the text module answers outside training."""
    known = {word: row for row, word in enumerate(WORDS)}
    rows = [[known.get(word, 4) for word in text.split()] for text in texts]
    return np.stack([embedding[row].sum(axis=0) for row in rows]) + shift
