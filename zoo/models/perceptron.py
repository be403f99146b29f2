"""The perceptron: one layer, and what it cannot do."""

from collections.abc import Sequence

import keras

from zoo.checks import check_dense_input
from zoo.models.mlp import dense_head, flatten
from zoo.registry import register_model


@register_model
def perceptron(
    input_shape: Sequence[int], outputs: int = 1, head: str = "binary", name: str = "perceptron"
) -> keras.Model:
    """One dense layer: each output is a weighted sum of the inputs.

    With the loss of `zoo.objective(head)` it is logistic regression (binary and multilabel heads),
    softmax regression (multiclass) or linear regression.

    Args:
        head: `"regression"`, `"binary"`, `"multilabel"` or `"multiclass"`. Defaults to
            `"binary"`.
        input_shape, outputs, name: As for `mlp`, as is the result.

    No perceptron computes XOR, whatever its weights: its logits on opposite corners of the
    square have equal sums, whereas XOR needs both negative on one diagonal and both positive
    on the other.

    >>> corners = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])  # XOR is 0, 0, 1, 1
    >>> model = zoo.perceptron((2,))
    >>> a, b, c, d = model(corners).numpy().ravel()
    >>> np.allclose(a + b, c + d)
    True

    Two hidden units are enough: one counts the ones, the other notices the second.

    >>> model = zoo.mlp((2,), head="binary", units=2, activation="relu")
    >>> count = [np.ones((2, 2)), np.array([0.0, -1.0])]  # relu(x + y), relu(x + y - 1)
    >>> model.set_weights([*count, np.array([[1.0], [-2.0]]), np.array([-0.5])])
    >>> (model(corners).numpy().ravel() > 0).astype(int)
    array([0, 0, 1, 1])

    Reference: Book, chapter 10, 2nd edition cell 6; Minsky and Papert, *Perceptrons*, 1969.
    """
    inputs = keras.Input(check_dense_input(input_shape), name="inputs")
    return keras.Model(inputs, dense_head(flatten(inputs), outputs, head), name=name)
