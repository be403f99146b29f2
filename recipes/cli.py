"""The program `zoo`: list, train, find-lr, tune, predict, runs, tensorboard.

    zoo list [PATTERN]              models, recipes, datasets and presets
    zoo train RECIPE [flags]        train; the run lands in logs/RECIPE/NAME
    zoo train --resume RUN          take up a run that was cut off, exactly where it was
    zoo find-lr RECIPE [flags]      learning rates to try, from a short run over many of them
    zoo tune RECIPE [flags]         search settings, then train the best ones as a run
    zoo tune --resume RUN           take up a search that was cut off
    zoo predict RUN [INPUT] [-o F]  predictions of a saved run, to standard output or a file
    zoo runs [--sort METRIC]        a table of all runs
    zoo tensorboard [--logdir L]    browse them

`zoo COMMAND --help` explains a command, `zoo train RECIPE --help` all flags of a recipe.
Exit status: 0 done, 1 the run failed, 2 the input is wrong.
"""

import argparse
import difflib
import os
import sys

from recipes import RECIPES
from recipes.errors import RunError, UserError


def main(arguments: list[str] | None = None) -> int:
    """Runs the program.

    Args:
        arguments: Command-line arguments. Defaults to those of the process.

    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _dispatch(arguments)
    except UserError as error:
        print(f"zoo: {error}", file=sys.stderr)
        return 2
    except RunError as error:
        print(f"zoo: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of the output has had enough, such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("zoo: interrupted", file=sys.stderr)
        return 130


def recipe_main(recipe: str) -> int:
    """What `python -m recipes.RECIPE` does: `zoo train RECIPE`."""
    return main(["train", recipe, *sys.argv[1:]])


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
        raise UserError(f"There is no command {command!r}. {_nearest(command, _COMMANDS)}")
    return _COMMANDS[command](rest)


def _nearest(name, choices):
    near = difflib.get_close_matches(name, choices, n=1)
    return f"Did you mean {near[0]}?" if near else f"Expected one of {', '.join(choices)}."


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are `UserError`s."""

    def __init__(self, command, description):
        super().__init__(prog=f"zoo {command}", description=description, allow_abbrev=False)

    def error(self, message):
        raise UserError(f"{message}. `{self.prog} --help` shows how.")


def _list(arguments):
    parser = _Parser("list", "Models, recipes, datasets and presets.")
    parser.add_argument("pattern", nargs="?", default="*", help="e.g. '*net*'")
    from recipes.engine.listing import show_catalog

    show_catalog(parser.parse_args(arguments).pattern)
    return 0


def _train(arguments):
    resumes = any(item.partition("=")[0] == "--resume" for item in arguments)
    if resumes and arguments[0].startswith("-"):
        return _resume(arguments)
    recipe, rest = _split_recipe("train", arguments)
    if recipe is None:
        return 0
    if resumes:
        return _resume(rest)
    from recipes.engine import arguments as parsing
    from recipes.engine import environment

    config = parsing.parse(recipe, rest)
    config.validate()
    environment.prepare(config.backend, config.device)
    from recipes.engine.run import train

    train(recipe, config)
    return 0


def _split_recipe(command, arguments):
    """The recipe and the flags that follow it; no recipe where only help was wanted."""
    if not arguments or arguments[0].startswith("-"):
        if {"-h", "--help"} & set(arguments):
            recipes = "\n".join(f"    {name:22}{text}" for name, text in RECIPES.items())
            print(
                f"zoo {command} RECIPE [flags]\n\n{recipes}\n\n"
                f"`zoo {command} RECIPE --help` lists flags."
            )
            return None, []
        raise UserError(f"Expected a recipe: zoo {command} RECIPE. One of {', '.join(RECIPES)}.")
    recipe, *rest = arguments
    if recipe not in RECIPES:
        raise UserError(f"There is no recipe {recipe!r}. {_nearest(recipe, RECIPES)}")
    return recipe, rest


def _find_lr(arguments):
    recipe, rest = _split_recipe("find-lr", arguments)
    if recipe is None:
        return 0
    parser = _Parser(
        f"find-lr {recipe}",
        "Trains for a few batches at an ever higher learning rate and suggests which one to use. "
        "Also takes the flags of `zoo train`; --learning_rate and --schedule play no part.",
    )
    parser.add_argument("--min_rate", type=float, default=1e-6, help="first rate (1e-6)")
    parser.add_argument("--max_rate", type=float, default=10.0, help="last rate (10)")
    parser.add_argument("--steps", type=int, default=100, help="training batches (100)")
    from recipes.engine import arguments as parsing
    from recipes.engine import environment, finding

    if {"-h", "--help"} & set(rest):
        parser.print_help()
        print()
        parsing.parse(recipe, rest, "find-lr")
    found, rest = parser.parse_known_args(rest)
    config = parsing.parse(recipe, rest, "find-lr")
    config.validate()
    finding.check_range(found.min_rate, found.max_rate, found.steps)
    environment.prepare(config.backend, config.device)
    finding.find(recipe, config, found.min_rate, found.max_rate, found.steps)
    return 0


def _tune(arguments):
    if any(item.partition("=")[0] == "--resume" for item in arguments):
        return _resume_search([item for item in arguments if item not in RECIPES])
    recipe, rest = _split_recipe("tune", arguments)
    if recipe is None:
        return 0
    parser = _Parser(
        f"tune {recipe}",
        "Trains with many settings, compares them on the validation part, and trains the best ones "
        "as an ordinary run. Also takes the flags of `zoo train`; what you give stays as it is, "
        "and the rest of the recipe's search space is searched. `zoo tune --resume RUN` goes on "
        "with a search that was cut off.",
    )
    parser.add_argument(
        "--tuner",
        choices=("random", "hyperband", "bayesian"),
        default="random",
        help="how settings are chosen (random)",
    )
    parser.add_argument("--trials", type=int, default=20, help="trials beside the defaults (20)")
    parser.add_argument("--workers", type=int, default=1, help="processes that train trials (1)")
    from recipes.engine import arguments as parsing
    from recipes.engine import environment
    from recipes.tuning import search as tuning
    from recipes.tuning.plan import Plan, given_flags

    if {"-h", "--help"} & set(rest):
        parser.print_help()
        print()
        parsing.parse(recipe, rest, "tune")
    found, rest = parser.parse_known_args(rest)
    config = parsing.parse(recipe, rest, "tune")
    given = given_flags(rest)
    plan = Plan(recipe, config, given, found.tuner, found.trials, found.workers)
    plan.check()
    environment.prepare(config.backend, config.device)
    tuning.tune(plan)
    return 0


def _resume_search(arguments):
    parser = _Parser("tune", "Takes up a search where it was cut off.")
    parser.add_argument("--resume", metavar="RUN", required=True, help="folder of the run")
    parser.add_argument("--workers", type=int, help="processes (default: as many as it began with)")
    found = parser.parse_args(arguments)
    from recipes.engine import environment
    from recipes.tuning import search as tuning
    from recipes.tuning.plan import open_search

    _, plan = open_search(found.resume, found.workers)
    plan.check()
    environment.prepare(plan.config.backend, plan.config.device)
    tuning.resume(found.resume, found.workers)
    return 0


def _resume(arguments):
    parser = _Parser("train RECIPE", "Takes up a run where it was cut off.")
    parser.add_argument("--resume", metavar="RUN", required=True, help="folder of the run")
    found = parser.parse_args(arguments)
    import importlib

    from recipes.engine import environment
    from recipes.engine.folder import RunFolder

    folder = RunFolder.open(found.resume, finished=False)
    if folder.metrics.exists():
        print(f"{folder.path} is complete already.", file=sys.stderr)
        return 0
    saved = folder.read_config()
    run = saved.pop("run")
    if "find_lr" in run:
        raise UserError(f"{folder.path} holds a learning-rate curve: there is nothing to resume.")
    if (folder.path / "tuning.yaml").exists():
        raise UserError(f"{folder.path} holds a search. It goes on with zoo tune --resume.")
    recipe = run["recipe"]
    config = type(importlib.import_module(f"recipes.{recipe}").default_config())(**saved)
    environment.prepare(config.backend, config.device)
    from recipes.engine.run import train

    train(recipe, config, resume=folder)
    return 0


def _predict(arguments):
    parser = _Parser("predict", "Predictions of a saved run.")
    parser.add_argument("run", help="folder of the run")
    parser.add_argument(
        "input",
        nargs="?",
        help="file to read (for images a folder, too), - for standard input; by default the data "
        "that the run was trained on",
    )
    parser.add_argument("-o", "--output", help="file to write; by default standard output")
    parser.add_argument(
        "--known", help="covariates known in advance, for other times than the run's"
    )
    parser.add_argument(
        "--last", action="store_true", help="only what follows the end of the input"
    )
    group = parser.add_argument_group(
        "language models", "They go on from a prompt: the input, without the newline at its end."
    )
    group.add_argument(
        "--text", help="the prompt (or sentence, or text) itself, instead of an input"
    )
    group.add_argument("--encoding", help="how the characters of the input are written (utf-8)")
    group.add_argument("--length", type=int, help="tokens to write (500)")
    group.add_argument("--temperature", type=float, help="below 1 likelier, above wilder (0.8)")
    group.add_argument("--top_k", "--top-k", type=int, help="draw from the k likeliest tokens only")
    group.add_argument(
        "--top_p",
        "--top-p",
        type=float,
        help="draw from the likeliest tokens with this probability together",
    )
    group.add_argument(
        "--min_p",
        "--min-p",
        type=float,
        help="draw from tokens this share as likely as the likeliest",
    )
    group.add_argument("--samples", type=int, help="number of continuations (1)")
    group.add_argument("--seed", type=int, help="seed of the drawing (that of the run)")
    group = parser.add_argument_group(
        "chorales",
        "Music goes on from a CSV file of chords, or the opening of a test piece. -o may end in "
        ".csv, .mid, .png or .wav, and --length counts chords (128).",
    )
    group.add_argument("--tempo", type=float, help="beats a minute; four chords are one beat (80)")
    group = parser.add_argument_group(
        "translations", "Each line of the input, or of --text, is translated into one line."
    )
    group.add_argument("--beam", type=int, help="beams of beam search; 1 is greedy (1)")
    group.add_argument(
        "--n_best",
        "--n-best",
        type=int,
        help="translations of each line, after its number and their scores (1)",
    )
    group.add_argument(
        "--length_penalty",
        "--length-penalty",
        type=float,
        help="of beam search: 0 prefers short translations, 1 hardly (0)",
    )
    options = vars(parser.parse_intermixed_args(arguments))  # the input may come last
    from recipes.engine.predict import predict

    predict(options.pop("run"), options.pop("input"), options.pop("output"), **options)
    return 0


def _runs(arguments):
    parser = _Parser("runs", "A table of the finished runs.")
    parser.add_argument("--logdir", default="logs", help="folder of all runs (default: logs)")
    parser.add_argument("--sort", metavar="METRIC", help="e.g. mae (on validation) or test.mae")
    found = parser.parse_args(arguments)
    from recipes.engine.listing import show_runs

    show_runs(found.logdir, found.sort)
    return 0


def _tensorboard(arguments):
    parser = _Parser("tensorboard", "Browse the runs in TensorBoard.")
    parser.add_argument("--logdir", default="logs", help="folder of all runs (default: logs)")
    parser.add_argument("--port", type=int, default=6006, help="port on this machine")
    found = parser.parse_args(arguments)
    from recipes.engine.listing import open_tensorboard

    return open_tensorboard(found.logdir, found.port)


_COMMANDS = {
    "list": _list,
    "train": _train,
    "find-lr": _find_lr,
    "tune": _tune,
    "predict": _predict,
    "runs": _runs,
    "tensorboard": _tensorboard,
}
