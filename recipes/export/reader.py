"""Uses an exported model with NumPy and its runtime alone; lies beside each export as `reader.py`.

`python reader.py` checks the export against what Keras said, and measures it.
`reader.Exported("folder").predict(...)` takes a dictionary of columns, or a list of texts.
"""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from zoo.categories import category_strings
from zoo.layers.dates import date_parts
from zoo.layers.raw_texts import as_texts, padded, split_words, without_html


class Exported:
    """A model in a folder that `zoo export` wrote."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.spec = json.loads((self.folder / "preprocessing.json").read_text(encoding="utf-8"))
        runtimes = {"savedmodel": _savedmodel, "onnx": _onnx, "litert": _litert}
        self.run = runtimes[self.spec["format"]](self.folder)

    def __call__(self, arrays):
        """Outputs, a list of arrays, for a dictionary of the model's input arrays."""
        if not self.spec["rows"]:
            return self.run(arrays)
        rows = zip(*arrays.values(), strict=True)  # one at a time
        parts = [self.run({n: v[None] for n, v in zip(arrays, row, strict=True)}) for row in rows]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def predict(self, raw):
        """Outputs for what `encode` takes."""
        return self(self.encode(raw))

    def write(self, texts, loop, **more):
        """Lists of texts, the best first, that a loop of a SavedModel makes of texts."""
        (first, *_), spec = self.spec["texts"], [*self.spec["texts"].values()][-1]
        found = self.run(self.encode({first: texts}) | more, loop)[0]
        rows = found.reshape(len(found), -1, found.shape[-1]).tolist()
        return [[_text(ids, **spec) for ids in row] for row in rows]

    def encode(self, raw):
        """The model's input arrays for columns by name, texts by the input's name, or texts."""
        if isinstance(raw, str | list | tuple):
            raw = {next(iter(self.spec["texts"])): raw}
        if self.spec["table"]:
            return _table(raw, **self.spec["table"])
        known = self.spec["texts"]
        return {
            name: padded([_ids(text, **known[name]) for text in as_texts(values)])
            for name, values in raw.items()
        }


def _table(columns, numeric, categories, dates):
    """The arrays that `zoo.layers.TableColumns` makes of a table."""
    columns = {name: list(values) for name, values in columns.items()}
    missing = [name for name in (*numeric, *categories, *dates) if name not in columns]
    if missing:
        raise ValueError(f"Expected the columns {missing}. Received: {list(columns)}")
    numbers = [
        np.float32([float("nan" if v in (None, "") else v) for v in columns[name]])
        for name in numeric
    ]
    numbers = [np.where(np.isfinite(part), part, np.float32(np.nan)) for part in numbers]
    for name, (newest, parts) in dates.items():
        times = np.array([v or "NaT" for v in category_strings(columns[name])], "datetime64[us]")
        found = date_parts(times, newest)
        numbers += [np.float32(found[part]) for part in parts]
    arrays = {"numeric": np.stack(numbers, axis=1)} if numbers else {}
    codes = []
    for name, values in categories.items():
        known = {value: code for code, value in enumerate(values, 1)}
        codes.append([known.get(value, 0) for value in category_strings(columns[name])])
    return arrays | ({"categories": np.int32(codes).T} if codes else {})


def _ids(text, **spec):
    """The ids that `zoo.layers.TextTokenizer`, or a plain tokenizer, makes of a text."""
    spec = SimpleNamespace(**spec)
    text = without_html(text) if spec.strip_html else text
    if not text.isascii():
        text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    text = text.lower() if spec.lowercase else text
    if spec.kind == "subwords":
        from tokenizers import Tokenizer  # sub-words need this package; NumPy is not enough

        ids = Tokenizer.from_str(spec.vocabulary).encode(text, add_special_tokens=False).ids
    else:
        known = {token: number for number, token in enumerate(spec.vocabulary)}
        tokens = split_words(text, spec.punctuation) if spec.kind == "words" else text
        ids = [known.get(token, len(spec.vocabulary) if spec.unknown else None) for token in tokens]
        if None in ids:
            raise ValueError(f"The model does not know {tokens[ids.index(None)]!r}: leave it out.")
    if spec.max_length is not None and len(ids) > spec.max_length:
        tail = {"head": 0, "tail": spec.max_length, "both": spec.max_length // 2}[spec.truncation]
        ids = [*ids[: spec.max_length - tail], *ids[len(ids) - tail :]]
    ids = [number + len(spec.special) for number in ids]
    if spec.add_ends:
        return [spec.special.index("start"), *[*ids, spec.special.index("end")][: spec.max_length]]
    return [spec.special.index("empty")] if not ids and "empty" in spec.special else ids


def _text(ids, kind, vocabulary, special, **_):
    """The text that ids stand for."""
    ids = [number - len(special) for number in ids if number >= len(special)]
    if kind != "subwords":
        return (" " * (kind == "words")).join([*vocabulary, "\ufffd"][number] for number in ids)
    from tokenizers import Tokenizer

    return Tokenizer.from_str(vocabulary).decode(ids, skip_special_tokens=False)


def _savedmodel(folder):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))

    def run(arrays, endpoint="arrays"):
        arrays = {name: tf.constant(array) for name, array in arrays.items()}
        return [np.asarray(part) for part in tf.nest.flatten(getattr(loaded, endpoint)(arrays))]

    return run


def _onnx(folder):
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return lambda arrays: session.run(None, arrays)


def _litert(folder):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(folder / "model.tflite")).get_signature_runner()
    return lambda arrays: [part for _, part in sorted(runner(**arrays).items())]


def timed(call, seconds=1.0, most=200):
    """Median and 99th percentile of the milliseconds that a call takes, after three others."""
    for _ in range(3):
        call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or (len(times) < most and time.perf_counter() < end):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return [float(np.percentile(times, each)) for each in (50, 99)]


def check(folder):
    """How far the outputs are from Keras', as a fraction of the largest, and what the model costs.

    `example.npz` holds inputs, and outputs of Keras; `example.json` what the inputs were made of.
    """
    began = time.perf_counter()
    model = Exported(folder)
    found = {"load_seconds": time.perf_counter() - began}
    with np.load(model.folder / "example.npz") as file:
        inputs = {name[2:]: file[name] for name in file if name.startswith("x/")}
        expected = [file[name] for name in sorted(file) if name.startswith("y/")]
    found["difference"] = _furthest(model(inputs), expected)
    raw = json.loads((model.folder / "example.json").read_text(encoding="utf-8"))
    for name, array in model.encode(raw).items() if raw else ():
        width = max(array.shape[-1], inputs[name].shape[-1])  # padding may be longer
        pair = [np.pad(x, [(0, 0), (0, width - x.shape[-1])]) for x in (array, inputs[name])]
        if not np.array_equal(*pair, equal_nan=array.dtype.kind == "f"):
            found["difference"] = float("inf")
    if raw and model.spec["raw_endpoint"]:
        numeric = (model.spec["table"] or {}).get("numeric", ())
        strings = {n: np.array([v or "" for v in category_strings(raw[n])]) for n in raw}
        strings |= {n: np.float32([np.nan if v is None else v for v in raw[n]]) for n in numeric}
        found["difference"] += _furthest(model.run(strings, "serve"), expected)
    for path in model.folder.glob("loop_*.npz"):
        given = dict(np.load(path))
        wanted = given.pop("found")
        difference = np.abs(model.run(given, path.stem[5:])[0] - wanted)
        off = difference > 1e-4 * max(1, np.abs(wanted).max())
        # Rounding may choose another id, and all that follow it: in one row of eight at most.
        if np.sum(off.reshape(len(off), -1).any(axis=1)) > len(off) // 8:
            found["difference"] = float("inf")
        if model.spec.get("text_loops"):
            for row in range(len(wanted)):
                some = {name: part[row : row + 1] for name, part in given.items()}
                name, spec = next(iter(model.spec["texts"].items()))
                texts, loop = [_text(some.pop(name)[0].tolist(), **spec)], path.stem[5:]
                lines = model.run({"texts": texts, **some}, f"{loop}_texts")[0].ravel()
                if [[line.decode() for line in lines]] != model.write(texts, loop, **some):
                    found["difference"] = float("inf")
    for rows in (1, 64):
        some = {name: np.resize(part, (rows, *part.shape[1:])) for name, part in inputs.items()}
        found[f"ms_{rows}"] = timed(lambda some=some: model(some))
    return found


def _furthest(found, expected):
    return max(
        float(np.abs(np.float64(a) - b).max() / max(1.0, np.abs(b).max()))
        for a, b in zip(found, expected, strict=True)
    )


if __name__ == "__main__":
    print(json.dumps(check(sys.argv[1] if sys.argv[1:] else Path(__file__).parent)))
