"""Small models: what pruning and quantizing save, and what they cost."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np

from recipes.engine.tables import markdown, number, percent
from scripts.benchmarks.runs import Row, kept, train_all

#: Fractions of the weights that are pruned.
SPARSITIES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98)
_CHARACTERS = "--dataset shakespeare --tokenizer characters --model char_rnn --model.units 128"
#: Runs that `--prune` makes sparse, of one recipe each.
PRUNED = {
    "images": Row("cnn", ("--dataset", "digits", "--model", "cnn", "--epochs", "30"), "accuracy"),
    "language_model": Row("char_rnn", (*_CHARACTERS.split(), "--epochs", "4"), "perplexity"),
}
#: Runs that are exported, of one recipe each.
RUNS = {
    "images": Row("mlp", ("--dataset", "digits", "--model", "mlp")),
    "tabular": Row("titanic", ("--dataset", "titanic")),
}
EXPORTS = (("onnx", None), ("onnx", "float16"), ("onnx", "int8"))
EXPORTS += (("litert", None), ("litert", "float16"), ("litert", "int8"))


def measure(only, seeds, folder, fresh) -> dict[str, str]:
    """Trains and exports, unless it was done before; see `scripts.benchmarks.forecast.measure`."""
    del only, seeds  # one seed shows it
    folder.mkdir(parents=True, exist_ok=True)
    pruned = kept(folder / "pruning.json", pruning, fresh)
    sections = {"Pruning the MLP of Fashion-MNIST (300-100, 10 epochs)": table(pruned, "accuracy")}
    for recipe, row in PRUNED.items():
        rows = [
            replace(row, name=f"{row.name}-{each}", flags=(*row.flags, "--prune", str(each)))
            for each in SPARSITIES
        ]
        found = train_all(recipe, rows, 1, folder, fresh)
        runs = [found[each.name][0] for each in rows if found[each.name]]
        title = f"`zoo train {recipe} {' '.join(row.flags)}` with `--prune`, validation"
        sections[title] = table([sparse(run, row.metric) for run in runs], row.metric)
    head = ["file", "bytes", "ms, 1 row", "p99", "ms, 64 rows", "p99", "largest difference"]
    for recipe, row in RUNS.items():
        train_all(recipe, [row], 1, folder, fresh)
        run = folder / recipe / f"{row.name}-seed-1"
        found = kept(run / "exports.json", lambda run=run: exported(run), fresh)
        lines = [[*head, "test accuracy"]]
        for each in found:
            times = [number(ms) for rows in (1, 64) for ms in each[f"ms_{rows}"]]
            last = [f"{each['difference']:.1e}", f"{each['accuracy']:.4f}"]
            lines.append([each["name"], f"{each['bytes']:,}", *times, *last])
        sections[f"Exports of {recipe}, {row.name}"] = markdown(lines)
    return sections


def table(found, metric) -> str:
    """Score and size of ever sparser models, in Markdown; the first one is whole."""
    rows = [["zeros", metric, "compressed weights", "fraction of the whole"]]
    for each in found:
        zeros = percent(each["zeros"]) if each["zeros"] else "none"
        size = f"{each['bytes']:,} bytes"
        share = percent(each["bytes"] / found[0]["bytes"])
        rows.append([zeros, f"{each[metric]:.4f}", size, share])
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


def pruning(epochs=10, batch_size=128) -> list[dict]:
    """The MLP with ever more zeros: validation accuracy, and bytes of compressed weights."""
    import keras

    import zoo
    from callbacks import MagnitudePruning
    from recipes.images import default_config, load_data

    parts = load_data(replace(default_config(), dataset="fashion_mnist")).parts
    data = {name: (parts[name].images / np.float32(255), parts[name].labels) for name in parts}
    steps, found = epochs * (len(data["train"][0]) // batch_size), []
    for sparsity in SPARSITIES:
        keras.utils.set_random_seed(1)
        model = zoo.mlp((28, 28), 10, "multiclass", units=(300, 100))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss=loss, metrics=["accuracy"])
        watch = [MagnitudePruning(sparsity, steps // 8, 6 * steps // 10)] if sparsity else []
        model.fit(*data["train"], batch_size, epochs, verbose=0, callbacks=watch)
        accuracy = model.evaluate(*data["validation"], batch_size=1000, verbose=0)[1]
        found.append({"accuracy": accuracy, **size_of(model.get_weights())})
    return found


def exported(run) -> list[dict]:
    """Each export of a run of a classifier: size, latency, difference, and accuracy on test."""
    from types import SimpleNamespace

    import zoo
    from recipes.engine.folder import RunFolder
    from recipes.engine.recipe import find_recipe
    from recipes.export.export import export
    from recipes.export.reader import Exported

    folder = RunFolder.open(run)
    saved = folder.read_config()
    recipe = find_recipe(saved.pop("run")["recipe"])
    _, task = recipe.load(recipe.config.from_saved(saved, str(folder.config)))
    model = zoo.load(run)
    batches = task.batches("test", SimpleNamespace(model=model, training_model=model))
    inputs, labels, *_ = batches.assemble(batches.order())
    inputs = inputs if isinstance(inputs, dict) else {model.input.name: inputs}
    found = []
    for form, quantize in EXPORTS:
        path = export(run, form, quantize=quantize)
        file = next(each for each in path.iterdir() if each.stem == "model")
        read = Exported(path)
        types = {name: each["dtype"] for name, each in read.spec["inputs"].items()}
        outputs = read({name: np.asarray(inputs[name]).astype(types[name]) for name in types})[0]
        told = outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        command = [sys.executable, "-E", path / "reader.py"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(
            {
                "name": " ".join(filter(None, [form, quantize])),
                "bytes": file.stat().st_size,
                "accuracy": float((told == np.ravel(labels)).mean()),
                **json.loads(done.stdout.strip().splitlines()[-1]),
            }
        )
    return found
