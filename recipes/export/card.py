"""What a file of a model says about itself: the reader's description, and the card for people."""

import json
import shlex

import keras
import numpy as np

from recipes.engine.tables import markdown, number
from zoo.layers import CharacterTokenizer, SubwordTokenizer, TableColumns, TextTokenizer, Tokenizer
from zoo.layers.word_tokenizer import WordTokenizer
from zoo.tokenizers import all_layers

_OUTSIDE = {
    "partners.json": "the baselines that the run averages the model with",
    "conformal.json": "the intervals, or sets of classes, around the predictions",
    "conformal.npz": "the intervals around the predictions",
}


def described(model) -> dict:
    """What `preprocessing.json` says of a model: its inputs, columns, vocabularies and classes."""
    layers = list(all_layers(model))
    one = not isinstance(model.input, dict)
    inputs = {model.input.name: model.input} if one else model.input
    columns = next((layer for layer in layers if isinstance(layer, TableColumns)), None)
    table = columns and {
        "numeric": list(columns.numeric),
        "categories": {name: list(values) for name, values in columns.categories},
        "dates": {name: [newest, list(parts)] for name, newest, parts in columns.dates},
    }
    texts = {}
    for layer in layers:
        name = next(iter(inputs)) if one else layer.name.removesuffix("_tokenizer")
        if isinstance(layer, Tokenizer) and name in inputs:
            texts[name] = _text(layer)
    classes = next((layer for layer in layers if hasattr(layer, "labels")), None)
    return {
        "inputs": {
            name: {"shape": list(each.shape), "dtype": each.dtype, "name": name}
            for name, each in inputs.items()
        },
        "outputs": [list(each.shape) for each in keras.tree.flatten(model.output)],
        "table": table,
        "texts": {name: text for name, text in texts.items() if text},
        "labels": list(classes.labels) if classes else [],
    }


def _text(layer):
    """Arguments of the reader's `_ids`; empty for what is no tokenizer of texts."""
    inner = layer.tokenizer if isinstance(layer, TextTokenizer) else layer
    names = {"special": (), "max_length": None, "truncation": "head"}
    names |= {"strip_html": False, "add_ends": False}
    outer = {name: getattr(layer, name, default) for name, default in names.items()}
    outer["lowercase"] = layer.lowercase or inner.lowercase
    if isinstance(inner, WordTokenizer):
        return {"kind": "words", "vocabulary": inner.words, "unknown": True, **outer}
    if isinstance(inner, CharacterTokenizer):
        known = {"vocabulary": list(inner.characters), "unknown": inner.unknown}
        return {"kind": "characters", **known, **outer}
    if isinstance(inner, SubwordTokenizer):
        return {"kind": "subwords", "vocabulary": inner.model_json, "unknown": False, **outer}
    return {}


def card(folder, recipe, config, task, model, spec, quantize, lines) -> str:
    """The text of `CARD.md`."""
    form, data = spec["format"], config.data or config.dataset
    target = task.metadata.get("target")
    inputs = [["input", "type", "shape"]]
    inputs += [
        [
            name,
            each["dtype"],
            f"({', '.join('any' if n is None else str(n) for n in each['shape'])})",
        ]
        for name, each in spec["inputs"].items()
    ]
    if spec["labels"]:
        outputs = f"Probabilities, of these classes: {', '.join(map(str, spec['labels']))}."
        if spec["outputs"][0][-1] == 1 and len(spec["labels"]) == 2:
            outputs = f"The probability of {spec['labels'][1]} (not {spec['labels'][0]})."
    elif target:
        names = ", ".join(target if isinstance(target, list | tuple) else [target])
        outputs = f"{names}, in the units of the data."
    else:
        outputs = "Logits of the next token, by its id." if spec["texts"] else "Scores."
    scores = json.loads(folder.metrics.read_text())["test"] if folder.metrics.exists() else {}
    kept = [text for file, text in _OUTSIDE.items() if (folder.path / file).exists()]
    if any(each["kind"] == "subwords" for each in spec["texts"].values()):
        kept.append("the tokenizer of sub-words, whose JSON lies in `preprocessing.json`")
    if getattr(config, "strategy", "") == "recursive":
        kept.append("the loop of a recursive forecast: the model forecasts one step")
    raw = "columns" if spec["table"] else "texts"
    use = (
        f"`tf.saved_model.load(folder).serve` takes {raw} as they are (numbers as floats, all "
        "else as strings), `.arrays` the inputs above."
        if spec["raw_endpoint"]
        else f"`reader.py` makes the inputs of {raw}: `Exported(folder).predict(...)`."
        if spec["table"] or spec["texts"]
        else "`reader.py` runs it: `Exported(folder)({name: array})` returns the outputs."
    )
    rows = "One row at a time. " if spec["rows"] else ""
    parts = [
        f"# {recipe.title}: {model.name}",
        f"{form}{', weights in ' + quantize if quantize else ''}, from the run "
        f"`{folder.path.name}` of `zoo train {recipe.name}`; {model.count_params():,} parameters.",
        f"## Inputs\n\n{markdown(inputs, texts=3)}\n\n{rows}{use}",
        f"## Outputs\n\n{outputs} Shape{'s' * (len(spec['outputs']) > 1)}: "
        f"{', '.join(str(shape).replace('None', 'any') for shape in spec['outputs'])}.",
        f"## Data\n\n{shlex.quote(str(data))}: {task.description}. Its licence is not known to "
        "the program: ask where it comes from before passing the model on.",
        "## Scores on the test part\n\n"
        + markdown([["score", "value"], *([name, number(v)] for name, v in scores.items())]),
    ]
    if quantize:
        parts[-1] += "\n\nThese are of the model before its weights were rounded."
    if kept:
        parts.append(f"## Not in the file\n\n{'; '.join(kept)}. `zoo predict` has all of it.")
    parts.append(f"## Measured here, beside Keras\n\n{markdown(lines)}\n")
    parts.append(f"`python reader.py` checks the file again (NumPy {np.__version__} and {form}).\n")
    return "\n\n".join(parts)
