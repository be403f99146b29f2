"""`zoo export`: a run's model as a file for another runtime, checked there before it is kept."""

import json
import platform
import re
import shutil
import subprocess
import sys
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from recipes.engine import environment
from recipes.engine.folder import RunFolder
from recipes.engine.recipe import find_recipe
from recipes.engine.tables import aligned, number
from recipes.errors import RunError, UserError

#: What each format's conversion and check import.
NEEDS = {
    "savedmodel": (),
    "onnx": ("tf2onnx", "onnx", "onnxruntime"),
    "litert": ("ai_edge_litert",),
}
#: Test inputs that are kept beside the file, and how far its outputs may be from Keras'.
EXAMPLES, CLOSE = 64, 1e-4
#: Modules of the zoo that `reader.py` is made of, and what they leave to be imported.
_PARTS = ("zoo/categories.py", "zoo/layers/dates.py", "zoo/layers/raw_texts.py")


def export(run, form="savedmodel", output=None, quantize=None, refit=False) -> Path:
    """Exports a finished run; prints what the check found.

    Args:
        run: Folder of the run.
        form: `"savedmodel"`, `"onnx"` or `"litert"`.
        output: Folder to write; by default `export/FORMAT` in the run's.
        quantize: `"float16"` or `"int8"`: smaller numbers for the weights.
        refit: Whether to export the model that was trained on all rows.

    Returns:
        The folder.

    Raises:
        UserError: If the run, the format or the folder is not one that this works with.
        RunError: If the exported model does not compute what Keras does.
    """
    folder = RunFolder.open(run)
    saved = folder.read_config()
    metadata = saved.pop("run")
    recipe = find_recipe(metadata["recipe"])
    config = recipe.config.from_saved(saved, str(folder.config))
    missing = [name for name in NEEDS[form] if find_spec(name) is None]
    if missing:
        raise UserError(
            f"--format {form} needs {', '.join(missing)}: pip install 'handson-zoo[export]'."
        )
    if quantize and form == "savedmodel":
        raise UserError("--quantize is for onnx and litert: a SavedModel keeps its weights whole.")
    if config.precision != "float32" and form != "savedmodel":
        raise UserError(
            f"The run computes in {config.precision}, which {form} does not take: export it with "
            "--format savedmodel, or train with --precision float32."
        )
    if refit and not folder.refit.exists():
        raise UserError(f"{run} has no model that was trained on all rows: leave --refit out.")
    output = Path(
        output or folder.path / "export" / f"{form}{'-' * bool(quantize)}{quantize or ''}"
    )
    if output.exists() and not (output / "CARD.md").exists():
        raise UserError(
            f"{output} exists and is no export: it is not overwritten. Give another -o."
        )
    # On a processor whatever there is: recurrent layers export the kernels of a GPU otherwise.
    environment.prepare("tensorflow", "cpu")
    import zoo
    from recipes.export import card
    from recipes.export.converting import convert, refusal

    model = zoo.load(folder.path)
    if refit:
        model = zoo.load(folder.refit)
    _, task = recipe.load(config)
    inputs, raw = _examples(recipe, task, model)
    expected, in_keras = _asked(model, inputs)
    spec = {"format": form, "rows": None, "raw_endpoint": False, **card.described(model)}
    partial = output.with_name(f".{output.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        spec["rows"] = convert(model, spec, partial, quantize)
        _write_example(partial, spec, inputs, expected, raw)
        (partial / "reader.py").write_text(_reader(), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-E", partial / "reader.py"], capture_output=True, text=True
        )
        if done.returncode:
            raise UserError(refusal(form, done.stderr))
        found = json.loads(done.stdout.strip().splitlines()[-1])
        found["bytes"] = sum(
            each.stat().st_size
            for each in partial.rglob("*")
            if each.is_file() and each.suffix not in (".py", ".json", ".npz", ".md")
        )
        _judge(found, quantize)
        lines = _lines(form, found, in_keras, folder.model.stat().st_size, spec["rows"])
        text = card.card(folder, recipe, config, task, model, spec, quantize, lines)
        (partial / "CARD.md").write_text(text, encoding="utf-8")
        shutil.rmtree(output, ignore_errors=True)
        partial.rename(output)
    except OSError as error:
        raise UserError(f"Cannot write {output}: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(aligned(lines))
    said = f"{found['difference']:.1e} of the largest output"
    count = len(next(iter(inputs.values())))
    print(f"Largest difference from Keras on {count} test inputs: {said}.")
    print(f"Export written to {output}; read {output / 'CARD.md'}")
    return output


def _examples(recipe, task, model):
    """Test inputs of the run, arrays by name, and what they were made of, if the recipe says."""
    import keras
    import numpy as np

    from recipes.data.arrays import spread

    batches = task.batches("test", SimpleNamespace(model=model, training_model=model))
    order = batches.order()
    chosen = order[spread(len(order), EXAMPLES)]
    arrays, raw = batches.assemble(chosen)[0], None
    if recipe.raw_inputs is not None:
        raw = recipe.raw_inputs(task, "test", chosen)
    if not isinstance(model.input, dict):
        arrays = {model.input.name: arrays}
    kinds = model.input if isinstance(model.input, dict) else {model.input.name: model.input}
    kinds = {name: keras.backend.standardize_dtype(kinds[name].dtype) for name in kinds}
    return {n: np.asarray(arrays[n]).astype(kinds[n]) for n in kinds if n in arrays}, raw


def _asked(model, inputs):
    """Keras' outputs, and its milliseconds for 1 and for 64 rows."""
    import keras
    import numpy as np

    from recipes.export.reader import timed

    def ask(arrays):
        one = not isinstance(model.input, dict)
        found = model.predict_on_batch(next(iter(arrays.values())) if one else arrays)
        return [np.asarray(part) for part in keras.tree.flatten(found)]

    some = {
        rows: {name: np.resize(part, (rows, *part.shape[1:])) for name, part in inputs.items()}
        for rows in (1, EXAMPLES)
    }
    return ask(inputs), {f"ms_{n}": timed(lambda x=x: ask(x)) for n, x in some.items()}


def _write_example(folder, spec, inputs, expected, raw):
    import numpy as np

    arrays = {f"x/{name}": part for name, part in inputs.items()}
    arrays |= {f"y/{number:02d}": part for number, part in enumerate(expected)}
    np.savez_compressed(folder / "example.npz", **arrays)
    for name, content in (("example", raw), ("preprocessing", spec)):
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8", errors="surrogatepass")


def _reader() -> str:
    """`reader.py` as it is shipped: one file that needs NumPy alone."""
    own = (resources.files("recipes") / "export/reader.py").read_text(encoding="utf-8")
    head, _, rest = own.partition("\nfrom zoo.categories")
    above = Path(str(resources.files("zoo"))).parent
    parts = [(above / part).read_text(encoding="utf-8") for part in _PARTS]
    text = "\n\n".join([head, *parts, re.sub(r"\A[^\n]*", "", rest)])
    return re.sub(r"^from zoo\.[^\n]*\n", "", text, flags=re.MULTILINE)


def _judge(found, quantize):
    """Raises a `RunError` unless the exported model says what Keras does."""
    if not found.get("encoded_alike", True):
        raise RunError("The reader beside the export makes other inputs of the test part than zoo.")
    found["difference"] = max(found["difference"], found.get("raw_difference", 0.0))
    if not found["difference"] <= CLOSE and not quantize:
        raise RunError(
            f"The exported model differs from Keras by {found['difference']:.1e} of the largest "
            f"output on the run's own test inputs, more than {CLOSE}: it is not kept."
        )


def _lines(form, found, in_keras, size, rows):
    """What the check measured, as the rows of a table."""
    heading = ["", "bytes", "seconds to load", "ms, 1 row", "p99", f"ms, {EXAMPLES} rows", "p99"]
    lines = [heading]
    for name, each in (("keras", {**in_keras, "bytes": size}), (form, found)):
        times = [number(ms) for count in (1, EXAMPLES) for ms in each[f"ms_{count}"]]
        load = number(each["load_seconds"]) if "load_seconds" in each else "-"
        lines.append([name, f"{each['bytes']:,}", load, *times])
    if rows:
        lines[-1][0] += " (a row at a time)"
    lines[0][0] = platform.machine()
    return lines
