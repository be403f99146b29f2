"""Small models: what pruning and quantizing save, and what they cost."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from recipes.engine.tables import markdown, number, percent
from scripts.benchmarks.runs import Row, kept, train_all

#: Fractions of the weights that are pruned, and the backends that do it.
SPARSITIES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98)
FEWER = {"images": (0.0, 0.5, 0.9), "language_model": (0.0, 0.9)}  # of runs, which take longer
BACKENDS = ("tensorflow", "jax")
#: Factor of the penalty in the row of weights that are pushed to 0 by L1, and cut off at the end.
L1 = 1e-4
_CHARACTERS = "--dataset shakespeare --tokenizer characters --model char_rnn --model.units 128"
_CHAR_RNN = Row("char_rnn", (*_CHARACTERS.split(), "--epochs", "4"), "perplexity")
#: Runs that `--prune` makes sparse, of one recipe each.
PRUNED = {
    "images": Row("cnn", ("--dataset", "digits", "--model", "cnn", "--epochs", "20"), "accuracy"),
    "language_model": Row("short", (*_CHARACTERS.split(), "--epochs", "2"), "perplexity"),
}
_DRAWING = "--dataset digits --model autoencoder --epochs 20"
_DATES = "--dataset dates --model.units 64 --epochs 3"
#: Runs that are exported, of one recipe each; each short, since files are compared, not models.
RUNS = {
    "forecast": Row("wavenet", ("--dataset", "book_series", "--epochs", "3"), "mse"),
    "images": Row("mlp", ("--dataset", "digits", "--model", "mlp"), "accuracy"),
    "generate_images": Row("autoencoder", tuple(_DRAWING.split()), "mse"),
    "tabular": Row("titanic", ("--dataset", "titanic"), "accuracy"),
    "language_model": _CHAR_RNN,
    "text_classification": Row("reber", ("--dataset", "reber", "--epochs", "3"), "accuracy"),
    "translation": Row("dates", tuple(_DATES.split()), "nll"),
}
EXPORTS = (("savedmodel", None), ("savedmodel", "int8"))
EXPORTS += (("onnx", None), ("onnx", "float16"), ("onnx", "int8"))
EXPORTS += (("litert", None), ("litert", "float16"), ("litert", "int8"))


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Trains and exports, unless it was done before; see `scripts.benchmarks.forecast.measure`."""
    del seeds  # one seed shows it
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"mlp": _mlps, "pruned": _runs, "exports": _exports}
    chosen = [part for name, part in parts.items() if any(each in name for each in only)]
    return {title: text for part in chosen for title, text in part(folder, fresh).items()}


def _mlps(folder, fresh):
    """The MLP by hand: with masks on each backend, and cut at the end, with L1 and without."""
    found = {name: kept(folder / f"pruning-{name}.json", lambda name=name: _on(name), fresh)
             for name in BACKENDS}  # fmt: skip
    text = table(found, "accuracy")
    cut = kept(folder / "cut.json", cutting, fresh)
    rows = [["zeros", *cut]]
    rows += [[percent(each) if each else "none", *[f"{cut[name][place]:.4f}" for name in cut]]
             for place, each in enumerate(SPARSITIES)]  # fmt: skip
    said = (
        "The same, trained as usual or with `--model.l1`, whose smallest weights become 0 when the "
        "training is over; validation accuracy:"
    )
    title = "Pruning the MLP of Fashion-MNIST (300-100, 10 epochs)"
    return {title: f"{text}\n\n{said}\n\n{markdown(rows)}"}


def _runs(folder, fresh):
    """Runs with `--prune`, on each backend."""
    sections = {}
    for recipe, row in PRUNED.items():
        found = {}
        for backend in BACKENDS:
            named = {
                f"{row.name}-{backend}-{each}": ("--prune", str(each)) for each in FEWER[recipe]
            }
            rows = [
                replace(row, name=name, flags=(*row.flags, *more, "--backend", backend))
                for name, more in named.items()
            ]
            runs = train_all(recipe, rows, 1, folder, fresh)
            found[backend] = [sparse(runs[each.name][0], row.metric) for each in rows]
        title = f"`zoo train {recipe} {' '.join(row.flags)}` with `--prune`, validation"
        sections[title] = table(found, row.metric)
    return sections


def _exports(folder, fresh):
    """A run of each recipe in each format."""
    rows = [["recipe", "file", "bytes", "ms, 1 row", "ms, 64 rows", "test score", "lost"]]
    for recipe, row in RUNS.items():
        train_all(recipe, [row], 1, folder, fresh)
        run = folder / recipe / f"{row.name}-seed-1"
        first, *others = kept(run / "exports.json", lambda run=run: exported(run), fresh)
        whole = first["scores"][row.metric]
        for each in (first, *others):
            start = [f"{recipe}, {row.name}" if each is first else "", each["name"]]
            if "refused" in each:
                rows.append([*start, *[""] * 4, each["refused"]])
                continue
            score = each["scores"][row.metric]
            sign = -1 if row.metric == "accuracy" else 1
            lost = f"{100 * sign * (score - whole) / whole:.2f} %" if each is not first else ""
            times = [number(each[f"ms_{rows}"][0]) for rows in (1, 64)]
            told = f"{row.metric} {number(score)}"
            rows.append([*start, f"{each['bytes']:,}", *times, told, lost.replace("-0.00", "0.00")])
    return {"A run of each recipe as a file, whole and quantized": markdown(rows, texts=2)}


def table(found, metric) -> str:
    """Score and size of ever sparser models by backend, in Markdown; the first one is whole."""
    rows = [
        ["zeros", *[f"{metric}, {name}" for name in found], "compressed weights", "of the whole"]
    ]
    first, *_ = found.values()
    for place, each in enumerate(first):
        zeros = percent(each["zeros"]) if place else "none"
        scores = [f"{every[place][metric]:.4f}" for every in found.values()]
        share = percent(each["bytes"] / first[0]["bytes"])
        rows.append([zeros, *scores, f"{each['bytes']:,} bytes", share])
    return markdown(rows)


def sparse(run, metric) -> dict:
    """Score of a run, share of zeros in its kernels, and bytes of its compressed weights."""
    import zoo

    return {metric: run["validation"][metric], **size_of(zoo.load(run["folder"]).get_weights())}


def size_of(weights) -> dict:
    """Share of zeros in kernels, and bytes of compressed weights."""
    file = io.BytesIO()
    np.savez_compressed(file, *weights)
    kernels = [each for each in weights if each.ndim > 1 and each.dtype.kind == "f"]
    zeros = 1 - sum(map(np.count_nonzero, kernels)) / sum(each.size for each in kernels)
    return {"zeros": zeros, "bytes": len(file.getvalue())}


def _on(backend):
    """What `pruning` finds in a process of its own, on a backend."""
    code = "import json; from scripts.benchmarks import small; print(json.dumps(small.pruning()))"
    settings = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def pruning(epochs=10, batch_size=128) -> list[dict]:
    """The MLP with ever more zeros: validation accuracy, and bytes of compressed weights."""
    from callbacks import MagnitudePruning

    data, found = _clothes(), []
    steps = epochs * (len(data["train"][0]) // batch_size)
    for sparsity in SPARSITIES:
        watch = [MagnitudePruning(sparsity, steps // 8, 6 * steps // 10)] if sparsity else []
        model = _mlp(data, epochs, batch_size, callbacks=watch)
        found.append({"accuracy": _accuracy(model, data), **size_of(model.get_weights())})
    return found


def cutting(epochs=10, batch_size=128) -> dict[str, list[float]]:
    """Validation accuracy where the smallest weights become 0 at the end, without and with L1."""
    data, found = _clothes(), {}
    for name, l1 in (("plain", 0.0), (f"L1 of {L1:g}", L1)):
        model = _mlp(data, epochs, batch_size, l1=l1)
        whole, found[name] = model.get_weights(), []
        for sparsity in SPARSITIES:
            model.set_weights([
                np.where(np.abs(w) <= np.quantile(np.abs(w), sparsity), 0, w)
                if sparsity and w.ndim > 1 else w for w in whole
            ])  # fmt: skip
            found[name].append(_accuracy(model, data))
    return found


def _clothes():
    from recipes.images import default_config, load_data

    parts = load_data(replace(default_config(), dataset="fashion_mnist")).parts
    return {name: (parts[name].images / np.float32(255), parts[name].labels) for name in parts}


def _mlp(data, epochs, batch_size, l1=0.0, callbacks=()):
    import keras

    import zoo

    keras.utils.set_random_seed(1)
    model = zoo.mlp((28, 28), 10, "multiclass", units=(300, 100), l1=l1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=loss, metrics=["accuracy"])
    model.fit(*data["train"], batch_size, epochs, verbose=0, callbacks=list(callbacks))
    return model


def _accuracy(model, data):
    found = model.evaluate(*data["validation"], batch_size=1000, verbose=0, return_dict=True)
    return found["accuracy"]


def exported(run) -> list[dict]:
    """A run in Keras, and each export of it: size, latency, and scores on its test part."""
    import zoo
    from recipes.engine.folder import RunFolder
    from recipes.engine.recipe import find_recipe
    from recipes.errors import UserError
    from recipes.export.export import export
    from recipes.export.reader import Exported, timed

    folder = RunFolder.open(run)
    saved = folder.read_config()
    recipe = find_recipe(saved.pop("run")["recipe"])
    _, task = recipe.load(recipe.config.from_saved(saved, str(folder.config)))
    found = []
    for form, quantize in EXPORTS:
        name = " ".join(filter(None, [form, quantize]))
        print(f"{run.name}: {name}", file=sys.stderr, flush=True)
        try:
            path = export(run, form, quantize=quantize)
        except UserError as error:
            found.append({"name": name, "refused": str(error)})
            continue
        read = Exported(path)
        if not found:
            model = zoo.load(run)
            with np.load(path / "example.npz") as file:
                inputs = {each[2:]: file[each] for each in file if each.startswith("x/")}
            whole = {"name": "keras", "bytes": folder.model.stat().st_size}
            for rows in (1, 64):
                some = {n: np.resize(part, (rows, *part.shape[1:])) for n, part in inputs.items()}
                arrays = some if isinstance(model.input, dict) else next(iter(some.values()))
                whole[f"ms_{rows}"] = timed(lambda m=model, a=arrays: m.predict_on_batch(a))
            found.append(whole | {"scores": scores(task, model)})
        command = [sys.executable, "-E", path / "reader.py"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        own = (".json", ".npz", ".py", ".md")
        sizes = [
            e.stat().st_size for e in Path(path).rglob("*") if e.is_file() and e.suffix not in own
        ]
        found.append({
            "name": name, "bytes": sum(sizes), "scores": scores(task, zoo.load(run), read),
            **json.loads(done.stdout.strip().splitlines()[-1]),
        })  # fmt: skip
    return found


def scores(task, model, read=None) -> dict[str, float]:
    """Scores of a run's task on its test part; of a file that is asked in its model's place.

    Translations are scored token by token, given the right ones before: their loop is no part of
    every file.
    """
    from zoo.compiled import kept_on

    def ask(inputs, **_):
        inputs = inputs if isinstance(inputs, dict) else {model.input.name: inputs}
        types = {name: each["dtype"] for name, each in read.spec["inputs"].items()}
        return read({name: np.asarray(inputs[name]).astype(types[name]) for name in types})[0]

    def rated(inputs):
        inputs, labels = inputs
        logits = np.float64(ask(inputs))
        likely = logits - logits.max(axis=-1, keepdims=True)
        likely = likely - np.log(np.exp(likely).sum(axis=-1, keepdims=True))
        of_labels = np.take_along_axis(likely, labels[..., None], axis=-1)[..., 0]
        return of_labels, logits.argmax(axis=-1) == labels

    if read is not None:
        model.predict_on_batch = model.predict = ask
        kept_on(model, ("forced",), lambda: SimpleNamespace(predict_on_batch=rated))
    predictor = task.predictor(model)
    if not hasattr(predictor, "forced"):
        return task.score(task.predict(predictor, "test"), "test")
    from recipes.translation.metrics import token_scores

    return token_scores(*predictor.forced(task.batches("test", None)))
