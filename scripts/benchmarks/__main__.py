"""`scripts/benchmark NAME`: measures, writes a report, and on request the tables of the READMEs.

    scripts/benchmark forecast             everything about the forecast recipe (about an hour)
    scripts/benchmark training             1cycle on Fashion-MNIST, overheads (a quarter of an hour)
    scripts/benchmark images               Fashion-MNIST, MNIST, CIFAR-10, transfer (half an hour)
    scripts/benchmark generate_images      autoencoders, GAN, diffusion on clothes (two hours)
    scripts/benchmark tabular              California housing (half an hour)
    scripts/benchmark tune                 20 trials on Fashion-MNIST against the defaults
    scripts/benchmark language_model      Shakespeare, chorales, generation (two hours)
    scripts/benchmark translation          dates, Spanish, epoch and decoding (several hours)
    scripts/benchmark text_classification  Reber strings, IMDB, masks, bucketing (an hour)
    scripts/benchmark reading              a million rows beside pandas (two minutes)
    scripts/benchmark start                small runs of one's own data (some minutes)
    scripts/benchmark speed                the book's way, ours, PyTorch's (half an hour)
    scripts/benchmark quality              time to the book's scores (an hour)
    scripts/benchmark scaling              two processes here, many on paper (half an hour)
    scripts/benchmark cost                 how time and memory grow with a size (ten minutes)
    scripts/benchmark gpu                  steps and decoders on an accelerator, where there is one
    scripts/benchmark small                pruned and quantized models (a quarter of an hour)
    scripts/benchmark serve                zoo serve under load (three minutes)
    scripts/benchmark series               the defaults on series of the suite (three minutes)
    scripts/benchmark large                memory and start on large files (half an hour)
    scripts/benchmark parts                20 GB of a table, 2 GB of series (half an hour)
    scripts/benchmark few                  the defaults on few images, letters and pairs (an hour)
    scripts/benchmark suite                the defaults on tables and texts of the suite (hours)
    scripts/benchmark suite --kind tables --only pima,wine
    scripts/benchmark suite --kind pypi_texts   short texts that no default was made on
    scripts/benchmark series --auto 2m     the same with --model auto --time_limit 2m
    scripts/benchmark gpu --device cpu     small, to see that it runs
    scripts/benchmark forecast --only wavenet,epoch
    scripts/benchmark forecast --readme    and put the tables into recipes/forecast/README.md

Runs that a former call finished are kept, so an interrupted benchmark goes on where it stopped;
`--fresh` starts over.
"""

import argparse
import importlib
import re
import shutil
import sys
from pathlib import Path

from scripts.benchmarks import runs

TOP = Path(__file__).parents[2]
BENCHMARKS = (
    "forecast", "training", "images", "generate_images", "tabular", "tune", "language_model",
    "translation", "text_classification", "reading", "series", "suite", "start", "small",
    "serve", "speed", "quality", "scaling", "cost", "gpu", "few", "large", "parts",
)  # fmt: skip
#: Kinds of data of a benchmark that has several; each has tables, and a place for them, of its own.
KINDS = {"suite": ("tables", "texts", "r_tables", "pypi_texts"), "parts": ("tables", "series")}
#: Benchmarks of plain defaults, which may be those of `--model auto`.
AUTO = ("series", "suite")
#: The benchmark that asks for an accelerator.
DEVICES = ("gpu",)
_DEVICE = "cpu: gpu runs small without an accelerator (default: auto)"


def main(arguments=None) -> int:
    """Runs benchmarks; returns the exit status."""
    parser = argparse.ArgumentParser("scripts/benchmark", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+", choices=BENCHMARKS, metavar="NAME")
    parser.add_argument("--only", help="rows or sections whose name contains one of these, a,b,c")
    parser.add_argument("--kind", help="one kind of data of a benchmark that has several")
    parser.add_argument("--auto", metavar="TIME", help="train with --model auto, so long a run")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto", help=_DEVICE)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row (default: 3)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time (default: 1)")
    parser.add_argument("--logdir", default="logs/benchmark", help="where runs and report land")
    parser.add_argument("--fresh", action="store_true", help="repeat runs that are there already")
    parser.add_argument("--readme", action="store_true", help="put the tables into the READMEs")
    found = parser.parse_args(arguments)
    if found.jobs < 1:
        parser.error(f"--jobs must be at least 1. Received: {found.jobs}")
    runs.JOBS = found.jobs
    for name in found.names:
        kinds = KINDS.get(name, ())
        if found.auto and name not in AUTO:
            parser.error(f"--auto is for {' and '.join(AUTO)}. Received: {name}")
        if found.device == "cpu" and (name not in DEVICES or found.readme):
            parser.error("--device cpu is for gpu, and not for --readme.")
        if found.kind and found.kind not in kinds:
            parser.error(f"Expected --kind to be one of {kinds or 'none'}. Received: {found.kind}")
        for kind in (found.kind,) if found.kind else kinds or ("",):
            _measure(name, kind, found)
    return 0


def _measure(name, kind, found):
    module = importlib.import_module(f"scripts.benchmarks.{name}")
    only = found.only.split(",") if found.only else [""]
    folder = Path(found.logdir) / (f"{name}-auto" if found.auto else name) / kind
    folder /= "cpu" if found.device == "cpu" else ""
    of_kind = (kind,) if kind else ()
    if found.device == "cpu":
        sections = module.measure(only, found.seeds, folder, found.fresh, device="cpu")
    elif found.auto:
        flags = ("--model", "auto", "--time_limit", found.auto)
        sections = module.measure(only, found.seeds, folder, found.fresh, *of_kind, flags=flags)
    else:
        sections = module.measure(only, found.seeds, folder, found.fresh, *of_kind)
    if not sections:
        return
    text = "\n\n".join(f"### {title}\n\n{body}" for title, body in sections.items())
    report = folder / "report.md"
    report.write_text(f"# Benchmark: {name}\n\n{text}\n")
    print(f"{text}\n\nWritten to {report}", file=sys.stderr)
    if found.readme:
        for picture in folder.glob("*.png"):
            shutil.copy(picture, TOP / ".github/images")
        _into_readme(" ".join(filter(None, [name, kind, found.auto and "auto"])), text)


def _into_readme(name, text):
    """Replaces what stands between the benchmark's two markers, in the README that has them."""
    begin, end = f"<!-- benchmark {name} -->", "<!-- end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    for path in sorted((TOP / "recipes").rglob("README.md")):
        before = path.read_text()
        if pattern.search(before):
            path.write_text(pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", before))
            return
    sys.exit(f"Expected {begin} ... {end} in a README.md of recipes/. Found it in none.")


if __name__ == "__main__":
    sys.exit(main())
