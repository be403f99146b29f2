"""A saved model that takes raw tables."""

import keras
import numpy as np


class Predictor:
    """Wraps a model for raw input: a table in, predictions in the data's units out.

    A model whose first layer is `zoo.layers.TableColumns` takes a pandas `DataFrame` or a
    dictionary of columns, in any order; any other one takes arrays. Labels come from its
    `zoo.layers.ClassProbabilities`.

    Args:
        model: A Keras model, such as `zoo.load` returns.

    Example:
        >>> import keras, zoo
        >>> columns = zoo.layers.TableColumns(["age", "fare"])
        >>> inputs = columns.new_inputs()
        >>> logits = zoo.wide_and_deep(2, head="binary")(columns(inputs))
        >>> outputs = zoo.layers.ClassProbabilities(["died", "survived"], "binary")(logits)
        >>> predictor = zoo.Predictor(keras.Model(inputs, outputs))
        >>> predictor.predict({"fare": [7.25, 71.3], "age": [22, 38]}).shape
        (2, 1)
        >>> predictor.labels
        ['died', 'survived']
    """

    def __init__(self, model):
        self.model = model
        found = list(_all_layers(model))
        self._columns = next((layer for layer in found if hasattr(layer, "encode")), None)
        self._classes = next((layer for layer in found if hasattr(layer, "labels")), None)

    @property
    def labels(self):
        """Names of the classes in the order of the outputs; None for a regression."""
        return None if self._classes is None else list(self._classes.labels)

    def predict(self, table, batch_size=1024):
        """Predictions for the rows of a table.

        Args:
            table: A `DataFrame` or a dictionary of columns; arrays for a model without
                `TableColumns`.
            batch_size: Rows at a time. Defaults to 1024.

        Returns:
            What the model puts out, as NumPy: numbers in the data's units or probabilities.

        Raises:
            ValueError: If the table has no rows or does not fit the model, see
                `TableColumns.encode`.
        """
        arrays = table if self._columns is None else self._columns.encode(table)
        if self._columns is not None and not len(next(iter(arrays.values()))):
            raise ValueError("Expected a table with rows. Received: one without")
        return self.model.predict(arrays, batch_size=batch_size, verbose=0)

    def predict_classes(self, table, batch_size=1024):
        """The most probable class of each row of a table.

        Args:
            table: As for `predict`.
            batch_size: Rows at a time. Defaults to 1024.

        Returns:
            An array of labels `(rows,)`. For a multilabel model an array `(rows, labels)` of
            booleans: whether the row has that label.

        Raises:
            ValueError: If the model is no classifier, or the table does not fit it.
        """
        if self._classes is None:
            raise ValueError(
                "Expected a classifier, whose last layer is ClassProbabilities. "
                f"Received: the model {self.model.name!r}, which has none"
            )
        probabilities = self.predict(table, batch_size)
        if self._classes.head == "multilabel":
            return probabilities >= 0.5
        if self._classes.head == "binary":
            return np.array(self.labels)[(probabilities[:, 0] >= 0.5).astype(int)]
        return np.array(self.labels)[probabilities.argmax(axis=-1)]


def _all_layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)
