"""A few predictions, and what in the texts they rest on."""

import keras
import numpy as np

from callbacks.drawing import isolated, shortened
from recipes.data.batches import spread as evenly
from recipes.text_classification import plots
from recipes.text_classification.importances import ngram_importances, token_importances

#: Texts that are explained, and ids of the longest: gradients of long texts take long.
EXAMPLES, LONGEST = 6, 1000
TEXT = (
    "For a few test texts, the tokens that speak most for the predicted class and against it: the "
    "gradient of its logit times the token's embedding, which is to first order what the logit "
    "would lose without the token; in the wide path, the weights of the n-grams that it is part of."
)
CAPTION = "What it reads: red speaks for the predicted class, blue against it"


def explain(model, reader, part, probabilities, spread=False) -> list:
    """What some predictions rest on: `(title, pieces, importances)` of each.

    With `spread`, of texts from the beginning to the end of the part, the same each time; otherwise
    of the most confident errors, the surest right prediction of each class, and the least sure
    ones. A model without a layer "embedding" tells nothing.
    """
    core = deep_path(model)
    if core is None or "embedding" not in {layer.name for layer in core.layers}:
        return []
    chosen = evenly(len(part), EXAMPLES) if spread else _telling(part, probabilities)
    chosen = [i for i in chosen if len(part.inputs[i]) <= LONGEST]
    if not chosen:
        return []
    ids = [part.inputs[i] for i in chosen]
    predicted = probabilities[chosen].argmax(axis=1)
    head = "binary" if core.output_shape[-1] == 1 else "multiclass"
    found = token_importances(core, ids, predicted, head)
    wide = next((layer for layer in model.layers if layer.name == "wide_path"), None)
    if wide is not None:
        terms = ngram_importances(wide.get_layer("wide"), ids, predicted, head)
        shares = model.get_layer("wide_and_deep").get_weights()[0]
        found = [shares[0] * d + shares[1] * w for d, w in zip(found, terms, strict=True)]
    return [
        (_title(part, i, k, probabilities), reader.pieces(row), values)
        for i, k, row, values in zip(chosen, predicted, ids, found, strict=True)
    ]


def deep_path(model):
    """The zoo model in a saved model, which gives logits; None if there is none."""
    cores = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return next((core for core in cores if core.name != "wide_path"), None)


def figure(examples, reader):
    """A picture of what `explain` returned."""
    return plots.importances(examples, gap=int(hasattr(reader.tokenizer, "words")))


def _title(part, row, predicted, probabilities):
    true, found = (isolated(shortened(part.classes[k], 30)) for k in (part.labels[row], predicted))
    sure = f"{100 * probabilities[row, predicted]:.1f} %"
    if predicted == part.labels[row]:
        return f"{true}, and predicted so ({sure})"
    return f"{true}, but predicted {found} ({sure})"


def _telling(part, probabilities):
    """Some of the most confident errors, the surest right prediction of each class, unsure ones."""
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    wrong = [i for i in order if predicted[i] != part.labels[i]][: EXAMPLES // 2]
    right = {}
    for i in order:
        if predicted[i] == part.labels[i]:
            right.setdefault(predicted[i], i)
    chosen = [*wrong, *list(right.values())[: EXAMPLES - len(wrong)]]
    chosen += [i for i in order[::-1] if i not in chosen][: EXAMPLES - len(chosen)]
    return [int(i) for i in chosen]
