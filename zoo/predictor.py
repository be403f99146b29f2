"""A saved model that takes raw tables or raw texts."""

from typing import Any

import keras
import numpy as np

from zoo.layers import HubLayer, TableColumns, TextTokenizer
from zoo.layers.raw_texts import padded, rounded_lengths
from zoo.tokenizers import all_layers

# Ids of texts in a batch at most: what a long text leaves no room for in memory comes later.
_MOST_IDS = 2**17


class Predictor:
    """Wraps a model for raw input: a table or texts in, predictions in the data's units out.

    A model whose first layer is `zoo.layers.TableColumns` takes a pandas `DataFrame` or a
    dictionary of columns, in any order; one whose first layer is `zoo.layers.TextTokenizer` takes
    texts, see its `encode`, and so does one with a `zoo.layers.HubLayer` that reads them; any other
    one takes arrays. Labels come from its `zoo.layers.ClassProbabilities`.

    Args:
        model: A Keras model, such as `zoo.load` returns.

    >>> columns = zoo.layers.TableColumns(["age", "fare"])
    >>> inputs = columns.new_inputs()
    >>> logits = zoo.wide_and_deep(2, head="binary")(columns(inputs))
    >>> outputs = zoo.layers.ClassProbabilities(["died", "survived"], "binary")(logits)
    >>> predictor = zoo.Predictor(keras.Model(inputs, outputs))
    >>> predictor.predict({"fare": [7.25, 71.3], "age": [22, 38]}).shape
    (2, 1)
    >>> predictor.labels
    ['died', 'survived']
    >>> tokenizer = zoo.layers.TextTokenizer.fit(["A good film.", "A bad film!"])
    >>> inputs = tokenizer.new_inputs()
    >>> logits = zoo.text_classifier(tokenizer.vocabulary_size)(tokenizer(inputs))
    >>> outputs = zoo.layers.ClassProbabilities(["bad", "good"], "binary")(logits)
    >>> zoo.Predictor(keras.Model(inputs, outputs)).predict("So <b>good</b>!").shape
    (1, 1)
    """

    def __init__(self, model: keras.Model):
        self.model = model
        found = list(all_layers(model))
        self._columns = next((layer for layer in found if isinstance(layer, TableColumns)), None)
        texts = {layer.name: layer for layer in found if isinstance(layer, TextTokenizer)}
        # A translator has two; the models of a mean have the same one each.
        self._tokenizer = next(iter(texts.values())) if len(texts) == 1 else None
        hubs = (layer for layer in found if isinstance(layer, HubLayer) and layer.takes_text)
        self._hub = next(hubs, None)
        self._classes = next((layer for layer in found if hasattr(layer, "labels")), None)

    @property
    def labels(self) -> list[str] | None:
        """Names of the classes in the order of the outputs; None for a regression."""
        return None if self._classes is None else list(self._classes.labels)

    def predict(self, table: Any, batch_size: int = 1024) -> Any:
        """Predictions for the rows of a table, or for texts.

        Args:
            table: A `DataFrame` or a dictionary of columns for a model with `TableColumns`; a
                text, or a list, array or tensor of them for one with `TextTokenizer` or a
                `HubLayer` of texts; arrays otherwise.
            batch_size: Rows at a time, of long texts fewer. Defaults to 1024.

        Returns:
            What the model puts out, as NumPy: numbers in the data's units or probabilities, by row.

        Raises:
            ValueError: If there are no rows, or they do not fit the model, see
                `TableColumns.encode` and `TextTokenizer.encode`.
        """
        if self._tokenizer is not None:
            return self._predict_texts(self._tokenizer.encode_list(table), batch_size)
        if self._hub is not None:
            table = self._hub.encode(table)
            if not len(table):
                raise ValueError("Expected one or more texts. Received: none")
        arrays = table if self._columns is None else self._columns.encode(table)
        if self._columns is not None and not len(next(iter(arrays.values()))):
            raise ValueError("Expected a table with rows. Received: one without")
        return self.model.predict(arrays, batch_size=batch_size, verbose=0)

    def predict_classes(self, table: Any, batch_size: int = 1024) -> np.ndarray:
        """The most probable class of each row of a table, or of each text.

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

    def _predict_texts(self, ids, batch_size):
        """Predicts texts of similar lengths together, and puts the results back in order."""
        if not ids:
            raise ValueError("Expected one or more texts. Received: none")
        lengths = rounded_lengths([len(each) for each in ids])
        order = np.argsort(lengths, kind="stable")
        outputs, first = [], 0
        while first < len(order):
            rows = order[first : first + batch_size]
            sizes = np.arange(1, len(rows) + 1) * lengths[rows]  # of ever larger batches
            rows = rows[: max(1, (sizes <= _MOST_IDS).sum())]
            batch = padded([ids[row] for row in rows], lengths[rows[-1]])
            outputs.append(self.model.predict_on_batch(batch))
            first += len(rows)
        places = np.argsort(order)
        return keras.tree.map_structure(lambda *parts: np.concatenate(parts)[places], *outputs)
