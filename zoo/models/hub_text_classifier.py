"""A classifier of raw texts on a pretrained TF-Hub module."""

from collections.abc import Sequence

import keras

from zoo.checks import CLASSIFIERS, check_choice, check_sizes
from zoo.layers import HubLayer
from zoo.models.mlp import HiddenLayers, dense_head, dropped
from zoo.registry import register_model


@register_model
def hub_text_classifier(
    handle: str,
    num_classes: int = 1,
    head: str = "binary",
    units: int | Sequence[int] = (128,),
    dropout: float = 0.0,
    trainable: bool = False,
    signature: str | None = None,
    output_key: str | None = None,
    name: str = "hub_text_classifier",
) -> keras.Model:
    """Dense layers on the vector that a TF-Hub module makes of each text.

    Needs the TensorFlow backend. Train it with `zoo.objective(head)`; a module that learns too
    wants a small rate, such as 1e-4.

    Args:
        handle: The module: URL, folder or archive, see `zoo.layers.HubLayer`.
        units: Size of each hidden ReLU layer, or of a single one; `()` for none. Defaults to
            `(128,)`.
        dropout: Fraction dropped of the vector and of each hidden layer, in [0, 1). Defaults to 0.
        trainable: Whether the module learns, too. Defaults to False.
        signature: Signature of the module to call. Defaults to its own choice.
        output_key: Which of several outputs is the vector. Defaults to the only one.
        num_classes, head, name: As for `text_classifier`.

    Returns:
        Uncompiled model: strings `(batch,)` to float32 logits `(batch, 1)` for a binary head,
        `(batch, num_classes)` otherwise. Keras takes strings as tensors: `tf.constant(texts)`.

    Raises:
        ValueError: If an argument is out of range, the module cannot be loaded, or it does not
            make one vector of each text.

    The book's models, the second of which trains the whole module:

    ```python
    nnlm = "https://tfhub.dev/google/tf2-preview/nnlm-en-dim50/1"
    model = zoo.hub_text_classifier(nnlm)
    model.compile("adam", **zoo.objective("binary"))
    model.fit(tf.constant(texts), labels, epochs=5)  # labels: 0 or 1, (texts, 1)

    sentences = "https://tfhub.dev/google/universal-sentence-encoder/4"
    model = zoo.hub_text_classifier(sentences, units=64, trainable=True)
    ```

    >>> zoo.hub_text_classifier("no/such/module")
    Traceback (most recent call last):
    ...
    ValueError: The TF-Hub module 'no/such/module' cannot be loaded ...

    Reference: Book, chapter 16, 2nd edition cell 86 (nnlm-en-dim50, frozen), 3rd edition cell 83
    (Universal Sentence Encoder, trained).
    """
    check_choice(CLASSIFIERS, head=head)
    units = check_sizes(units=units)
    hidden = HiddenLayers(len(units), activation="relu", dropout=dropout)
    texts = keras.Input((), dtype="string", name="text")
    x = HubLayer(handle, trainable, signature, output_key, name="encoder")(texts)
    if isinstance(x, dict | list | tuple) or len(x.shape) != 2:
        received = sorted(x) if isinstance(x, dict) else x
        raise ValueError(
            f"Expected a module that makes one vector of each text; where it has several outputs, "
            f"output_key names one. Received: {received} from {handle!r}"
        )
    x = dropped(x, dropout, "dropout")
    return keras.Model(texts, dense_head(hidden(x, units), num_classes, head), name=name)
