"""Starts every epoch of a stateful model afresh."""

import keras


class ResetState(keras.callbacks.Callback):
    """Resets a stateful model at the begin of every epoch and of every evaluation.

    Every layer with a method `reset_state` is reset, nested ones too: those of `zoo.to_stateful`
    and Keras' own stateful layers.

    >>> model = zoo.char_rnn(3, units=4, stateful=True, batch_size=2)
    >>> model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> ids = np.array([[0, 1, 2, 0], [1, 2, 0, 1]])
    >>> _ = model.fit(ids[:, :-1], ids[:, 1:], batch_size=2, epochs=2, verbose=0,
    ...               callbacks=[callbacks.ResetState()])

    Reference: Book, chapter 16, 2nd edition cell 48.
    """

    def on_epoch_begin(self, epoch, logs=None):
        """Forgets the epoch before, or its evaluation."""
        _reset(self.model)

    def on_test_begin(self, logs=None):
        """Forgets the training data, or the evaluation before."""
        _reset(self.model)


def _reset(model):
    for layer in model.layers:
        if hasattr(layer, "reset_state"):
            layer.reset_state()
        elif isinstance(layer, keras.Model):
            _reset(layer)
