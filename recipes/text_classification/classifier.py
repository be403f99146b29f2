"""Class probabilities of texts, by a trained model."""

import numpy as np

from recipes.classification.scores import all_classes
from zoo.layers.raw_texts import padded, rounded_lengths

#: Texts that are read together, fewer of long ones, so that their ids are so many at most.
ROWS, IDS = 256, 1 << 15


class TextClassifier:
    """Calls a trained model on texts, those of similar lengths together.

    How far a text is padded, and how many others are read with it, follows from its own length
    alone: the same text gives the same numbers to the last digit, whatever it is asked with.

    Args:
        model: Model from ids `(batch, time)`, or strings `(batch,)`, to class probabilities.
    """

    def __init__(self, model):
        self.model = model

    def __call__(self, part) -> np.ndarray:
        """Probabilities `(n, classes)` of a `Part`."""
        return self.of_inputs(part.inputs)

    def of_inputs(self, inputs) -> np.ndarray:
        """Probabilities `(n, classes)` of a list of arrays of ids, or of strings."""
        return all_classes(self.outputs(inputs))

    def outputs(self, inputs) -> np.ndarray:
        """What the model puts out for them, `(n, outputs)`."""
        return self._of_strings(inputs) if isinstance(inputs[0], str) else self._of_ids(inputs)

    def _of_ids(self, ids):
        lengths = rounded_lengths([len(row) for row in ids])
        found = [None] * len(ids)
        for length in np.unique(lengths):
            group = np.flatnonzero(lengths == length)
            size = max(1, min(ROWS, IDS // int(length)))
            for first in range(0, len(group), size):
                chosen = group[first : first + size]
                rows = [ids[row] for row in np.resize(chosen, size)]  # filled up with copies
                outputs = np.asarray(self.model.predict_on_batch(padded(rows, length)))
                for row, output in zip(chosen, outputs, strict=False):
                    found[row] = output
        return np.stack(found)

    def _of_strings(self, texts):
        import tensorflow as tf

        parts = []
        for first in range(0, len(texts), ROWS):
            chunk = texts[first : first + ROWS]
            filled = chunk + [""] * (ROWS - len(chunk))
            outputs = np.asarray(self.model.predict_on_batch(tf.constant(filled)))
            parts.append(outputs[: len(chunk)])
        return np.concatenate(parts)
