"""What a file of a model says about itself: the reader's description, and the card for people."""

import json
import re
from importlib import resources

import keras

from recipes.engine.tables import cell, markdown, number
from zoo.layers import CharacterTokenizer, SubwordTokenizer, TableColumns, TextTokenizer, Tokenizer
from zoo.layers.word_tokenizer import WordTokenizer
from zoo.tokenizers import all_layers

_OUTSIDE = {
    "conformal.json": "the intervals, or sets of classes, around the predictions",
    "conformal.npz": "the intervals around the predictions",
}

_LOOPS = {
    "translation": "greedy and beam search: `translate`, `beam_search` (4 beams), of ids `source`",
    "generation": "generation: `generate`, of ids, `uniforms` (rows, steps) and a `temperature`",
    "recursive": "the recursive forecast: `forecast`, of `series`, with `future` known ahead",
}


def named_inputs(model) -> dict:
    """The symbolic inputs of a model by name, of one without names as well."""
    return model.input if isinstance(model.input, dict) else {model.input.name: model.input}


def described(model) -> dict:
    """What `preprocessing.json` says of a model: its inputs, columns, vocabularies and classes."""
    layers = list(all_layers(model))
    inputs = named_inputs(model)
    columns = next((layer for layer in layers if isinstance(layer, TableColumns)), None)
    table = columns and {
        "numeric": list(columns.numeric),
        "categories": {name: list(values) for name, values in columns.categories},
        "dates": {name: [newest, list(parts)] for name, newest, parts in columns.dates},
    }
    texts = {}
    for layer in layers:
        name = layer.name.removesuffix("_tokenizer") if len(inputs) > 1 else next(iter(inputs))
        if isinstance(layer, Tokenizer) and name in inputs:
            texts[name] = _text(layer)
    classes = next((layer for layer in layers if hasattr(layer, "labels")), None)
    loop = "generation" if texts and len(model.output.shape) == 3 else ""
    return {
        "inputs": {
            name: {"shape": list(each.shape), "dtype": each.dtype, "name": name}
            for name, each in inputs.items()
        },
        "outputs": [list(each.shape) for each in keras.tree.flatten(model.output)],
        "table": table,
        "texts": {name: text for name, text in texts.items() if text},
        "labels": list(classes.labels) if classes else [],
        "head": classes.head if classes else "",
        "loop": "translation" if len(texts) > 1 else loop,
    }


def _text(layer):
    """Arguments of the reader's `_ids`; empty for what is no tokenizer of texts."""
    inner = layer.tokenizer if isinstance(layer, TextTokenizer) else layer
    names = {"special": (), "max_length": None, "truncation": "head"}
    names |= {"strip_html": False, "add_ends": False}
    outer = {name: getattr(layer, name, default) for name, default in names.items()}
    outer["lowercase"] = layer.lowercase or inner.lowercase
    if isinstance(inner, WordTokenizer):
        known = {"vocabulary": inner.words, "unknown": True, "punctuation": inner.punctuation}
        return {"kind": "words", **known, **outer}
    if isinstance(inner, CharacterTokenizer):
        known = {"vocabulary": list(inner.characters), "unknown": inner.unknown}
        return {"kind": "characters", **known, **outer}
    if isinstance(inner, SubwordTokenizer):
        return {"kind": "subwords", "vocabulary": inner.model_json, "unknown": False, **outer}
    return {}


def averaged(partners) -> str:
    """What the model is averaged with, if the run does that, and how much it counts itself.

    >>> averaged({"theta": 0.3, "auto_ets": 0.2})
    'theta (30%), auto_ets (20%), with which the run averages this model (50%)'
    """
    shares = ", ".join(f"{name} ({share:.0%})" for name, share in partners.items())
    own = f", with which the run averages this model ({1 - sum(partners.values()):.0%})"
    return shares + own * bool(partners)


def card(folder, recipe, config, task, model, spec, quantize, lines, refit=False) -> str:
    """The text of `CARD.md`."""
    partners, (reads, gives) = folder.read_partners(), spec["words"]
    shown = [each["shape"] for each in spec["inputs"].values()] + spec["outputs"]
    shapes = [str(shape).replace("None", "any") for shape in shown]
    types = [(name, each["dtype"]) for name, each in spec["inputs"].items()]
    inputs = [["input", "type", "shape"], *([*x, s] for x, s in zip(types, shapes, strict=False))]
    target, labels = task.metadata.get("target"), list(map(str, spec["labels"]))
    outputs = gives or "Logits of the next token, by its id."
    if labels and spec["outputs"][0][-1] == 1:
        outputs = f"The probability of {labels[1]} (not {labels[0]})."
    elif labels:
        kind = {"multilabel": "labels, each by itself"}.get(spec["head"], "classes")
        outputs = f"Probabilities, of these {kind}: {', '.join(labels)}."
    elif target:
        names = [target] if isinstance(target, str) else target
        outputs = f"{', '.join(names)}, in the data's units. {gives}".strip()
    kept = [averaged(partners)] * bool(partners)
    kept += ["the mean over samples of dropout"] * bool(getattr(config, "mc_samples", 0))
    kept += [text for file, text in _OUTSIDE.items() if (folder.path / file).exists()]
    loop, held = _LOOPS.get(spec["loop"], ""), spec["format"] == "savedmodel" and not quantize
    also = f"\n\nIn the file, too, {loop}." * bool(held and loop)
    if also and spec["texts"]:
        also += " `reader.py` gives texts: `Exported(folder).write(texts, name, ...)`."
        also += " Names with `_texts` read and give them, too." * ("text_loops" in spec)
    kept += [f"{loop.split(':')[0]} (`--format savedmodel` has it)"] * bool(loop and not held)
    rows = "One row at a time. " * bool(spec["rows"])
    use = "`reader.py` makes them of columns or texts: `Exported(folder).predict(...)`."
    if not spec["table"] and not spec["texts"]:
        use = f"{reads} `reader.py` runs it: `Exported(folder)({{name: array}})`.".strip()
    if spec["raw_endpoint"]:
        use = "`tf.saved_model.load(folder)` has `serve` for columns as they are (numbers as "
        use += "floats, all else as strings) or texts, and `arrays` for these."
        called = {name: plain for name, plain in spec["served"].items() if name != plain}
        renamed = ", ".join(f"`{plain}` is {name}" for name, plain in called.items())
        use += f" In its signature (TF-Serving), {renamed}." * bool(called)
    scores = json.loads(folder.metrics.read_text())["test"] if folder.metrics.exists() else {}
    if partners:  # those of the run are the mean's
        scores = task.score(task.predict(task.predictor(folder.load()), "test"), "test")
    table = markdown([["score", "value"], *([name, number(v)] for name, v in scores.items())])
    weights = f", weights in {quantize}" * bool(quantize)
    rounded = " (before its weights were rounded)" * bool(quantize)
    rounded += " (of the model that was not trained on it)" if refit else ""
    known = (resources.files("recipes") / "export/LICENCES.md").read_text("utf-8")
    stated = re.search(rf"(?m)^- `{config.dataset}`: (.*)", "" if config.data else known)
    licence = stated[1] if stated else "Its licence is not known: ask where it comes from."
    parts = [
        f"# {recipe.title}: {model.name}",
        f"{spec['format']}{weights}, from the run `{folder.path.name}` of `zoo train "
        f"{recipe.name}`; {model.count_params():,} parameters.",
        f"## Inputs\n\n{markdown(inputs, texts=3)}\n\n{rows}{use}",
        f"## Outputs\n\n{outputs} Shapes: {', '.join(shapes[len(types) :])}.{also}",
        f"## Data\n\n{cell(config.data or config.dataset)}: {task.description}. {licence}",
        f"## Scores on the test part{rounded}\n\n{table}",
        f"## Measured here, beside Keras\n\n{markdown(lines)}\n\n`python reader.py` checks again.",
    ]
    if kept:
        parts.append(f"## Not in the file\n\n{'; '.join(kept)}. `zoo predict` has all of it.")
    return "\n\n".join(parts) + "\n"
