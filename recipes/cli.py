"""The program `zoo`: trains models, and uses what came out.

    zoo list [KIND or PATTERN]      models, recipes, datasets and presets
    zoo train RECIPE [flags]        train; the run lands in logs/RECIPE/NAME
    zoo train --resume RUN          take up a run exactly where it was cut off
    zoo find-lr RECIPE [flags]      learning rates to try, from a short run
    zoo tune RECIPE [flags]         search settings, then train the best ones
    zoo tune --resume RUN           take up a search that was cut off
    zoo predict RUN [INPUT] [-o F]  predictions of a run, printed or in a file
    zoo export RUN --format onnx    its model for another runtime, checked there
    zoo serve RUN [RUN...]          predictions over HTTP, a page to try them
    zoo runs [--sort METRIC]        the finished runs, a table a recipe
    zoo show RUN                    the report of a run
    zoo compare RUN RUN...          settings that differ, scores, curves
    zoo tensorboard [RUN...]        browse all runs, or these

`zoo COMMAND --help` explains a command, `zoo train RECIPE --help` the common
flags of a recipe, `--help-all` all of them.
Exit status: 0 done, 1 the run failed, 2 the input is wrong.
"""

import argparse
import contextlib
import inspect
import os
import re
import shlex
import signal
import sys
import threading
import time

import docstring_parser

from recipes import RECIPES
from recipes.engine.config import BACKENDS
from recipes.engine.recipe import dialect_flags, find_recipe, nearest
from recipes.errors import RunError, UserError, disk_is_full, out_of_memory, printable
from zoo.errors import ModelFileError


def main(arguments: list[str] | None = None) -> int:
    """Runs the program, by default with the arguments of the process; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 closed by `>&-`
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        with _terminating():
            return _dispatch(arguments)
    except SystemExit as end:  # of what only asked for help
        return int(end.code or 0)
    except (UserError, RunError, ModelFileError) as error:
        print(f"zoo: {printable(error)}", file=sys.stderr)
        return 1 if isinstance(error, RunError) or disk_is_full(error) else 2
    except BrokenPipeError:  # the reader of the output has had enough, such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        print("zoo: interrupted", file=sys.stderr)
        return 143 if isinstance(stop, _Terminated) else 130
    except Exception as error:
        if out_of_memory(error):
            reason = "The memory is not enough: leave rows or columns of the data out"
        elif disk_is_full(error):
            reason = f"The disk is full: {error}. Make room"
        elif isinstance(error, OSError) and error.filename:  # names too long, rights, lost folders
            reason = f"{error.strerror}: {error.filename!s:.200}. Mend that"
        else:
            raise
        print(f"zoo: {printable(reason)}, and try again.", file=sys.stderr)
        return 1


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run as Ctrl-C does."""


@contextlib.contextmanager
def _terminating():
    """Ends with `_Terminated` at the first SIGTERM, and at once at the second."""

    def end(number, frame):
        signal.signal(number, signal.SIG_DFL)
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def recipe_main(recipe: str) -> None:
    """What `python -m recipes.RECIPE` does: `zoo train RECIPE`, and the end of the program."""
    sys.exit(main(["train", recipe, *sys.argv[1:]]))


def _dispatch(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"zoo {version('handson-zoo')}")
        return 0
    command, *rest = arguments
    if command not in _COMMANDS:
        raise UserError(f"There is no command {command!r}. {nearest(command, _COMMANDS)}")
    return _COMMANDS[command](rest) or 0


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are `UserError`s."""

    def __init__(self, command, description):
        super().__init__(prog=f"zoo {command}", description=description, allow_abbrev=False)

    def error(self, message):
        for recipe in map(find_recipe, RECIPES):
            for old, new in recipe.config.RENAMED.items():
                if re.search(rf"unrecognized arguments: --{old}\b", message):
                    raise UserError(f"--{old} is called --{new} now.")
        raise UserError(f"{message}. `{self.prog} --help` shows how.")


def _list(arguments):
    parser = _Parser("list", "Models, recipes, datasets and presets.")
    kinds = "models, recipes, datasets, presets, or a pattern of names such as '*net*'"
    parser.add_argument("asked", metavar="KIND or PATTERN", nargs="?", default="*", help=kinds)
    _add_format(parser)
    found = parser.parse_args(arguments)
    from recipes.engine.listing import show_catalog

    show_catalog(found.asked, found.format)


def _add_format(parser):
    choices = ("table", "csv", "json")
    parser.add_argument("--format", choices=choices, default="table", help="(default: table)")


def _train(arguments):
    began = time.perf_counter()
    if resumed := _resumed("train", arguments):
        return _resume(resumed)
    recipe, rest = _split_recipe("train", arguments)
    from recipes.engine import arguments as parsing

    config = parsing.parse(recipe, rest)
    _prepare(recipe, config)
    from recipes.engine.run import train

    train(recipe, config, began=began)


def _resumed(command, arguments):
    """The arguments of `--resume`, without a recipe in front; `None` where nothing is resumed."""
    if all(item.partition("=")[0] != "--resume" for item in arguments):
        return None
    return arguments if arguments[0].startswith("-") else _split_recipe(command, arguments)[1]


def _prepare(recipe, config, new=True):
    """Checks what can be checked at once, then lets Keras and its backend be imported."""
    from recipes.engine import checking, environment

    checking.check(recipe, config, new)
    environment.prepare(config.backend, config.device)


def _split_recipe(command, arguments):
    """The recipe and the flags that follow it; exits where only help was wanted."""
    if not arguments or arguments[0].startswith("-"):
        if {"-h", "--help"} & set(arguments):
            found = map(find_recipe, RECIPES)
            recipes = "\n".join(f"    {r.name:22}{r.title} ({r.chapter})" for r in found)
            print(
                f"zoo {command} RECIPE [flags]\n\n{recipes}\n\n"
                f"`zoo {command} RECIPE --help` shows the common flags, --help-all all of them."
            )
            raise SystemExit(0)
        raise UserError(f"Expected a recipe: zoo {command} RECIPE. One of {', '.join(RECIPES)}.")
    recipe, *rest = arguments
    return find_recipe(recipe).name, rest


def _own_and_shared(parser, recipe, rest):
    """What a parser finds, the recipe's configuration out of the other flags, and these."""
    from recipes.engine import arguments as parsing

    if parsing.HELP & {*rest}:
        parser.print_help()
        print()
        parsing.parse(recipe, rest)
    found, rest = parser.parse_known_args(rest)
    config = parsing.parse(recipe, rest)
    if config.distribution != "none":
        raise UserError("--distribution is for zoo train alone: leave it out.")
    return found, config, rest


def _find_lr(arguments):
    recipe, rest = _split_recipe("find-lr", arguments)
    parser = _Parser(
        f"find-lr {recipe}",
        "Trains for a few batches at an ever higher learning rate and suggests which one to use. "
        "Also takes the flags of `zoo train`; --learning_rate and --schedule play no part.",
    )
    parser.add_argument("--min_rate", type=float, default=1e-6, help="first rate (1e-6)")
    parser.add_argument("--max_rate", type=float, default=10.0, help="last rate (10)")
    parser.add_argument("--steps", type=int, default=100, help="training batches (100)")
    from recipes.engine import finding

    found, config, _ = _own_and_shared(parser, recipe, rest)
    finding.check_range(found.min_rate, found.max_rate, found.steps)
    _prepare(recipe, config, new=False)
    finding.find(recipe, config, found.min_rate, found.max_rate, found.steps)


def _tune(arguments):
    if resumed := _resumed("tune", arguments):
        return _resume_search(resumed)
    recipe, rest = _split_recipe("tune", arguments)
    parser = _Parser(
        f"tune {recipe}",
        "Trains with many settings, compares them on the validation part, and trains the best ones "
        "as an ordinary run. Also takes the flags of `zoo train`; what you give stays as it is, "
        "and the rest of the recipe's search space is searched. `zoo tune --resume RUN` goes on "
        "with a search that was cut off.",
    )
    how = "how settings are chosen (random); tpe also ends trials that are no good"
    from recipes.tuning import search as tuning
    from recipes.tuning.plan import TUNERS, Plan, given_flags

    parser.add_argument("--tuner", choices=TUNERS, default=TUNERS[0], help=how)
    parser.add_argument("--trials", type=int, default=20, help="trials beside the defaults (20)")
    parser.add_argument("--workers", type=int, default=1, help="processes that train trials (1)")
    found, config, rest = _own_and_shared(parser, recipe, rest)
    plan = Plan(recipe, config, given_flags(rest), found.tuner, found.trials, found.workers)
    plan.check()
    _prepare(recipe, config)
    tuning.tune(plan)


def _resume_search(arguments):
    parser = _Parser("tune", "Takes up a search that was cut off, or shares one that runs.")
    parser.add_argument("--resume", metavar="RUN", required=True, help="folder of the run")
    parser.add_argument("--workers", type=int, help="processes (default: as many as it began with)")
    found, others = parser.parse_known_args(arguments)
    if others:
        kept = "A search that goes on keeps its settings, but for --workers"
        raise UserError(f"{kept}. Received: {shlex.join(others)}")
    from recipes.engine import environment
    from recipes.engine.folder import find_run
    from recipes.tuning import search as tuning
    from recipes.tuning.plan import open_search

    run = find_run(found.resume)
    _, plan = open_search(run, found.workers)
    plan.check()
    environment.prepare(plan.config.backend, plan.config.device)
    tuning.resume(run, found.workers)


def _resume(arguments):
    began = time.perf_counter()
    parser = _Parser("train RECIPE", "Takes up a run where it was cut off.")
    parser.add_argument("--resume", metavar="RUN", required=True, help="folder of the run")
    found, others = parser.parse_known_args(arguments)
    from recipes.engine.folder import RunFolder, find_run, settings_hash

    folder = RunFolder.open(find_run(found.resume), finished=False)
    saved = folder.read_config()
    run = saved.pop("run")
    if others:
        raise UserError(
            "A resumed run keeps its settings: say --resume alone. With others train anew: zoo "
            f"train {run['recipe']} --config {folder.config} {shlex.join(others)}"
        )
    if folder.metrics.exists():
        print(f"{folder.path} is complete already.", file=sys.stderr)
        return
    if "find_lr" in run:
        raise UserError(f"{folder.path} holds a learning-rate curve: there is nothing to resume.")
    if (folder.path / "tuning.yaml").exists():
        raise UserError(f"{folder.path} holds a search. It goes on with zoo tune --resume.")
    recipe = run["recipe"]
    kind = find_recipe(recipe).config
    config = kind.from_saved(saved, str(folder.config))
    settings = settings_hash(saved, kind.NOT_LEARNED_FROM)
    if run.get("settings_sha256", settings) != settings:
        raise UserError(
            f"The settings in {folder.config} are not those that the run began with: it cannot be "
            f"resumed. Undo the change, or train anew with zoo train {recipe} --config "
            f"{folder.config}."
        )
    _prepare(recipe, config, new=False)
    from recipes.engine.run import train

    train(recipe, config, resume=folder, began=began)


def _predict(arguments):
    parser = _Parser("predict", "Predictions of a saved run.")
    parser.add_argument("run", help="folder of the run, or its name in logs")
    what = "file (for images a folder, too), - for standard input; by default the run's own data"
    parser.add_argument("input", nargs="?", help=what)
    parser.add_argument("-o", "--output", help="file to write; by default standard output")
    parser.add_argument("--backend", choices=BACKENDS, help="Keras backend; by default the run's")
    trust = "load any TF-Hub module that the model names: such a module is a program"
    parser.add_argument("--trust_hub", "--trust-hub", action="store_true", help=trust)
    known = set()
    groups = [("how the input is written, where it is not found out", None, dialect_flags())]
    for recipe in map(find_recipe, RECIPES):
        groups.append((f"runs of {recipe.name}", recipe.predict_help, recipe.predict_flags))
    for title, description, flags in groups:
        group = parser.add_argument_group(title, description or None)
        for flag in flags:
            if flag.name in known:  # two recipes share it
                continue
            known.add(flag.name)
            names = dict.fromkeys([f"--{flag.name}", f"--{flag.name.replace('_', '-')}"])
            how = {"action": "store_true"} if flag.type is bool else {"type": flag.type}
            group.add_argument(*names, help=flag.help.replace("%", "%%"), **how)
    options = vars(parser.parse_intermixed_args(arguments))  # the input may come last
    from recipes.engine.folder import find_run
    from recipes.engine.predict import SavedRun

    run = SavedRun(find_run(options.pop("run")))
    run.write(options.pop("input"), options.pop("output"), **options)


def _export(arguments):
    parser = _Parser(
        "export",
        "Writes the model of a run for another runtime, with a reader that needs NumPy alone and a "
        "card; checks in a process without Keras that it says the same on test inputs.",
    )
    parser.add_argument("run", help="folder of the run, or its name in logs")
    forms = ("savedmodel", "onnx", "litert")
    parser.add_argument("--format", choices=forms, default=forms[0], help="(default: savedmodel)")
    parser.add_argument("-o", "--output", help="folder to write; by default RUN/export/FORMAT")
    parser.add_argument("--quantize", choices=("float16", "int8"), help="smaller weights")
    parser.add_argument("--refit", action="store_true", help="the model trained on all rows")
    found = parser.parse_args(arguments)
    from recipes.engine.folder import find_run
    from recipes.export.export import export

    export(find_run(found.run), found.format, found.output, found.quantize, found.refit)


def _serve(arguments):
    from recipes.serving.serve import serve

    parser = _Parser(
        "serve",
        "Answers over HTTP what zoo predict answers, until it is ended: /predict of the first run, "
        "/runs/NAME/predict of each, /generate as a text comes; /openapi.json says what they take, "
        "and / is a page to try them.",
    )
    documented = docstring_parser.parse(str(serve.__doc__)).params
    helps = {each.arg_name: each.description for each in documented}
    parser.add_argument("runs", metavar="RUN", nargs="+", help=helps.pop("runs"))
    for name, text in helps.items():
        each = inspect.signature(serve).parameters[name]
        how = {"type": each.annotation, "default": each.default}
        how = {"action": "store_true"} if each.default is False else how
        how |= {"type": str, "choices": BACKENDS} if name == "backend" else {}
        shown = f" (default: {each.default})" if each.default else ""
        parser.add_argument(f"--{name}", help=f"{text}{shown}", **how)
    serve(**vars(parser.parse_intermixed_args(arguments)))


def _runs(arguments):
    parser = _Parser("runs", "The finished runs, a table a recipe; csv and json hold all scores.")
    parser.add_argument("--logdir", default="logs", help="folder of all runs (default: logs)")
    parser.add_argument("--sort", metavar="METRIC", help="e.g. mae (on validation) or test.mae")
    _add_format(parser)
    found = parser.parse_args(arguments)
    from recipes.engine.listing import show_runs

    show_runs(found.logdir, found.sort, found.format)


def _show(arguments):
    parser = _Parser("show", "The report of a run.")
    parser.add_argument("run", help="folder of the run, or its name in logs")
    found = parser.parse_args(arguments)
    from recipes.engine.showing import show

    show(found.run)


def _compare(arguments):
    about = "Settings in which runs of a recipe differ, scores, and curves in one picture."
    parser = _Parser("compare", about)
    parser.add_argument("runs", nargs="+", help="folders of runs, or their names in logs")
    parser.add_argument("-o", "--output", help="picture; by default comparison.png beside the runs")
    found = parser.parse_args(arguments)
    from recipes.engine.showing import compare

    compare(found.runs, found.output)


def _tensorboard(arguments):
    parser = _Parser("tensorboard", "Browse the runs in TensorBoard.")
    parser.add_argument("--logdir", default="logs", help="folder of all runs (default: logs)")
    parser.add_argument("--last", type=int, metavar="N", help="only the N runs begun last")
    parser.add_argument("--port", type=int, default=6006, help="port on this machine (6006)")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="only these (default: all)")
    found = parser.parse_intermixed_args(arguments)
    from recipes.engine.browsing import open_tensorboard

    open_tensorboard(found.logdir, found.port, found.runs, found.last)


_COMMANDS = {
    "list": _list, "train": _train, "find-lr": _find_lr, "tune": _tune, "predict": _predict,
    "export": _export, "serve": _serve, "runs": _runs, "show": _show, "compare": _compare,
    "tensorboard": _tensorboard,
}  # fmt: skip
