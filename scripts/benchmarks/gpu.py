"""Training steps and decoders of every recipe on the accelerator that Keras' backend finds.

No network and no data: random inputs of the book's shapes. It runs on TensorFlow or JAX, whichever
`KERAS_BACKEND` names, and imports TensorFlow on neither but the first.
"""

import contextlib
import json
import subprocess
import sys

from recipes.engine.tables import cell, markdown, percent
from scripts.benchmarks.gpu_worker import PRECISIONS

NOT_MEASURED = "not measured: no accelerator found"
#: Recipe and network of each case of `scripts.benchmarks.gpu_cases`, which needs Keras.
NAMES = (
    "images_mlp", "images_cnn", "images_small_resnet", "tabular", "forecast_wavenet",
    "forecast_gru", "language_model_gru", "language_model_chorales", "language_model_transformer",
    "text_classification", "translation_seq2seq", "translation_transformer",
    "generate_images_dcgan", "generate_images_diffusion",
)  # fmt: skip


def measure(only, seeds, folder, fresh, device="auto") -> dict[str, str]:
    """Measures the cases that `only` names; see `scripts.benchmarks.forecast.measure`.

    Args:
        only: Parts of names of cases.
        seeds: Not used.
        folder: Where what was measured is kept.
        fresh: Whether it is measured again.
        device: `"auto"`, or `"cpu"` for a small run that proves that everything runs.

    Returns:
        A section of the report, which says so where there is no accelerator.
    """
    del seeds
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in NAMES if any(part in name for part in only)]
    if device == "cpu":
        card, lines = _lines("cpu", "small", PRECISIONS, names, folder, fresh)
        title = f"Small, on a CPU: shows that it runs, and nothing of speed ({card})"
        return {title: table(lines, lines)}
    card, lines = _lines("gpu", "card", PRECISIONS, names, folder, fresh)
    title = "Training steps and decoders on an accelerator"
    if card is None:
        return {title: NOT_MEASURED}
    cpu, beside = _lines("cpu", "beside", ["float32"], names, folder, fresh)
    text = (
        f"{card}, beside the CPU in the same run ({cpu}, float32, batches of 32).\n\n"
        f"{table(lines, beside)}"
    )
    return {title: text}


def _lines(device, size, precisions, names, folder, fresh):
    """The device's name, or None, and what a worker found, which is kept case by case."""
    path = folder / f"{device}.jsonl"
    if fresh or not path.exists():
        path.write_text("")
    done = {line.get("done") for line in _read(path)}
    missing = [name for name in names if name not in done]
    if missing:
        command = [sys.executable, "-m", "scripts.benchmarks.gpu_worker", device, size]
        command += [",".join(precisions), ",".join(missing)]
        print(f"{device}: {', '.join(missing)}", file=sys.stderr, flush=True)
        with path.open("a") as file:
            subprocess.run(command, check=True, stdout=file)
    lines = _read(path)
    devices = [line["device"] for line in lines if "device" in line]
    return (devices[-1] if devices else None), lines


def _read(path):
    """The lines of cases that were finished, and of devices; the last may have been broken off."""
    lines = []
    for line in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(line))
    done = {line.get("done") for line in lines}
    return [line for line in lines if line.get("case", None) in done or "case" not in line]


def table(lines, beside) -> str:
    """What was measured in Markdown, a row for each kind of work and batch.

    Args:
        lines: Of the device.
        beside: Of the CPU, in float32; its smallest batch is what others are compared with.
    """
    peaks = {line["precision"]: line["peak"] for line in lines if "peak" in line}
    head = ["", "batch"]
    for precision in PRECISIONS:
        head += [f"{precision}, ms", "tokens a second", "of peak", "times the CPU"]
    # A case that was measured again counts as it was last.
    found = {_key(line): line for line in lines if "case" in line}
    slow = {
        _key(line)[:2]: line["tokens"] / line["seconds"]
        for line in reversed(beside)
        if "seconds" in line and line["precision"] == "float32"
    }
    rows = {}
    for (case, kind, batch, precision), line in found.items():
        row = rows.setdefault((case, kind, batch), {})
        if "error" in line:
            row[precision] = [f"failed: {cell(line['error'])}", "", "", ""]
            continue
        speed = line["tokens"] / line["seconds"]
        times = f"{speed / slow[case, kind]:.1f}" if (case, kind) in slow else ""
        part = line["gigaflop"] / line["seconds"] / peaks[precision]
        row[precision] = [f"{1e3 * line['seconds']:.3g}", f"{speed:,.0f}", percent(part), times]
    body = [
        [f"{case.replace('_', ' ')}: {kind}", f"{batch}", *(
            text for precision in PRECISIONS for text in row.get(precision, [""] * 4)
        )]
        for (case, kind, batch), row in rows.items()
    ]  # fmt: skip
    shown = ", ".join(f"{name} {value / 1e3:,.3g}" for name, value in peaks.items())
    return (
        f"{markdown([head, *body])}\n\nMedians by the clock; a step as `zoo train` makes it, with "
        "its feed. bfloat16 is Keras' mixed precision. Tokens are ids, steps of a series, examples "
        "or pictures. Of peak: operations of the matrix products that the model needs, beside "
        f"those of a large product of this precision on the same device (TFLOP/s: {shown}). Times "
        "the CPU: tokens a second beside those of the CPU in float32."
    )


def _key(line):
    return line["case"], line["kind"], line["batch"], line["precision"]
