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

from recipes.data.writing import replace_folder
from recipes.engine import environment
from recipes.engine.predict import SavedRun
from recipes.engine.tables import aligned, number, terminal_width
from recipes.errors import RunError, UserError

#: What each format's conversion and check import.
NEEDS = {"onnx": ("tf2onnx", "onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}
#: Test inputs that are kept beside the file, and how far its outputs may be from Keras'.
EXAMPLES, CLOSE = 64, 1e-4
#: Modules of the zoo that `reader.py` is made of, and what they leave to be imported.
_PARTS = ("zoo/categories.py", "zoo/layers/dates.py", "zoo/layers/raw_texts.py")


def export(run, form="savedmodel", output=None, quantize=None, refit=False) -> Path:
    """Exports a finished run to a folder and prints what the check found; see `zoo export --help`.

    A `UserError` if the run, the format or the folder is not one that this works with; a `RunError`
    if the exported model does not compute what Keras does.
    """
    saved = SavedRun(run)
    folder, recipe, config = saved.folder, saved.recipe, saved.config
    missing = ", ".join(name for name in NEEDS.get(form, ()) if find_spec(name) is None)
    name = f"{form}-{quantize}" if quantize else form
    output = Path(output or folder.path / "export" / name)
    saved_whole, narrow = form == "savedmodel", config.precision != "float32"
    taken = output.exists() and not (output / "CARD.md").exists()
    for wrong, message in (
        (missing, f"--format {form} needs {missing}: pip install 'handson-zoo[export]'."),
        (quantize == "float16" and saved_whole, "--quantize float16 is for onnx and litert."),
        (
            narrow and not saved_whole,
            f"{form} does not take a run that computes in {config.precision}: export it with "
            "--format savedmodel, or train with --precision float32.",
        ),
        (
            refit and not folder.refit.exists(),
            f"{run} has no model that was trained on all rows: leave --refit out.",
        ),
        (taken, f"{output} exists and is no export: it is not overwritten. Give another -o."),
    ):
        if wrong:
            raise UserError(message)
    # On a processor whatever there is: recurrent layers export the kernels of a GPU otherwise.
    environment.prepare("tensorflow", "cpu")
    import zoo
    from recipes.export import card
    from recipes.export.converting import convert, refusal
    from recipes.export.loops import loops

    model = zoo.load(folder.refit if refit else folder.path)
    _, task = recipe.load(config)
    model, inputs, raw, words = _examples(recipe, task, model)
    expected, in_keras = _asked(model, inputs)
    in_keras["bytes"] = folder.model.stat().st_size
    spec = {"format": form, "rows": None, "raw_endpoint": False, **card.described(model)}
    spec |= {"words": words, "loop": spec["loop"] or getattr(config, "strategy", "")}
    kept = list(loops(model, config, spec, inputs)) if saved_whole and not quantize else []
    partial = output.with_name(f".{output.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        spec["rows"] = convert(model, spec, partial, quantize, kept)
        _write_beside(partial, spec, inputs, expected, raw, kept)
        command = [sys.executable, "-E", partial / "reader.py"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UserError(refusal(form, done.stderr))
        found = json.loads(done.stdout.strip().splitlines()[-1])
        if not found["difference"] <= (1.0 if quantize else CLOSE):
            raise RunError(
                f"The export differs from Keras by {found['difference']:.1e} of the largest output "
                "on the run's own test inputs, too much: it is not kept."
            )
        own = (".json", ".npz", ".py")
        files = [each for each in partial.rglob("*") if each.is_file() and each.suffix not in own]
        found["bytes"] = sum(each.stat().st_size for each in files)
        lines = _lines(form, found, in_keras, spec["rows"])
        text = card.card(folder, recipe, config, task, model, spec, quantize, lines, refit)
        (partial / "CARD.md").write_text(text, encoding="utf-8")
        replace_folder(partial, output)
    except OSError as error:
        raise UserError(f"Cannot write {output}: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(aligned(lines, terminal_width()))
    said = f"test inputs: {found['difference']:.1e} of the largest output."
    print(f"Largest difference from Keras on {len(next(iter(inputs.values())))} {said}")
    if partners := card.averaged(folder.read_partners()):
        print(f"note: not in the export: {partners}; `zoo predict` has all of it", file=sys.stderr)
    print(f"Export written to {output}; read {output / 'CARD.md'}")
    return output


def _examples(recipe, task, model):
    """What is exported of a model, test inputs of the run, and what they are, if the task says.

    That is arrays by name, what they were made of, and words for what is read and given.
    """
    import keras
    import numpy as np

    from recipes.data.batches import spread
    from recipes.export.card import named_inputs

    if hasattr(task, "exported"):
        model, arrays, words = task.exported(model)
        raw = None
    else:
        batches = task.batches("test", SimpleNamespace(model=model, training_model=model))
        order = batches.order()
        chosen = order[spread(len(order), EXAMPLES)]
        arrays, words = batches.assemble(chosen)[0], getattr(task, "arrays", ("", ""))
        raw = recipe.raw_inputs(task, "test", chosen) if recipe.raw_inputs else None
    named = named_inputs(model)
    arrays = arrays if isinstance(arrays, dict) else dict.fromkeys(named, arrays)
    kinds = {name: keras.backend.standardize_dtype(each.dtype) for name, each in named.items()}
    return model, {n: np.asarray(arrays[n]).astype(kinds[n]) for n in named}, raw, words


def _asked(model, inputs):
    """Keras' outputs, and its milliseconds for 1 and for 64 rows."""
    import keras
    import numpy as np

    from recipes.export.reader import timed

    def ask(rows):
        some = {name: np.resize(part, (rows, *part.shape[1:])) for name, part in inputs.items()}
        arrays = some if isinstance(model.input, dict) else next(iter(some.values()))
        return lambda: keras.tree.flatten(model.predict_on_batch(arrays))

    times = {f"ms_{rows}": timed(ask(rows)) for rows in (1, EXAMPLES)}
    return [np.asarray(part) for part in ask(len(next(iter(inputs.values()))))()], times


def _write_beside(folder, spec, inputs, expected, raw, loops):
    import numpy as np

    arrays = {f"x/{name}": part for name, part in inputs.items()}
    arrays |= {f"y/{number:02d}": part for number, part in enumerate(expected)}
    for name, _, example, found in loops:
        np.savez_compressed(folder / f"loop_{name}.npz", **example, found=found)
    np.savez_compressed(folder / "example.npz", **arrays)
    for name, content in (("example", raw), ("preprocessing", spec)):
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    (folder / "reader.py").write_text(_reader(), encoding="utf-8")


def _reader() -> str:
    """`reader.py` as it is shipped: one file that needs NumPy alone."""
    own = (resources.files("recipes") / "export/reader.py").read_text(encoding="utf-8")
    head, _, rest = own.partition("\nfrom zoo.categories")
    above = Path(str(resources.files("zoo"))).parent
    parts = [(above / part).read_text(encoding="utf-8") for part in _PARTS]
    text = "\n\n".join([head, *parts, re.sub(r"\A[^\n]*", "", rest)])
    return re.sub(r"^from zoo\.[^\n]*\n", "", text, flags=re.MULTILINE)


def _lines(form, found, in_keras, rows):
    """What the check measured, as the rows of a table."""
    lines = [["", "bytes", "seconds to load", "ms, 1 row", "p99", f"ms, {EXAMPLES} rows", "p99"]]
    for name, each in ((f"keras on {platform.machine()}", in_keras), (form, found)):
        times = [number(ms) for count in (1, EXAMPLES) for ms in each[f"ms_{count}"]]
        load = number(each["load_seconds"]) if "load_seconds" in each else "-"
        lines.append([name, f"{each['bytes']:,}", load, *times])
    lines[-1][0] += " (a row at a time)" if rows else ""
    return lines
