"""`scripts/faults`: damaged runs and poisoned inputs, and what became of them.

scripts/faults                      every file of a short run of each recipe, damaged in every way
scripts/faults --only tabular       of one of them
scripts/faults --sample 9           so many of the damages alone, for each command
scripts/faults --kills 9            so many kills of short runs of each recipe, each resumed, and
                                    more of predict, serve, tune and export
scripts/faults --fuzz 1000          so many mutated inputs for each reader that needs no backend
scripts/faults --fuzz 1000 --seed 2 --only npz
scripts/faults --fuzz 100000 --seconds 60 --seed 3 --add
                                    a minute of each reader, added to its row in README.md
"""

import argparse
import sys
import tempfile
from collections import Counter
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from recipes import RECIPES
from recipes.cli import main as zoo_program
from recipes.engine.tables import aligned, markdown
from scripts.fault_tests import damage, fuzz, kills, made_up, runs

README = Path(__file__).with_name("README.md")
#: Epochs of runs that are killed, and the recipe whose searches and exports are, too.
EPOCHS, SEARCHED = 2, "tabular"
VERDICTS = ("unharmed", "clear", "no message", "wrong", "traceback")


def main(arguments=None) -> int:
    """Tries all faults; returns 1 where one ended in a traceback, silence or a wrong number."""
    parser = argparse.ArgumentParser("scripts/faults", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", choices=[*RECIPES, *fuzz.READERS, *made_up.KINDS], help="one recipe or reader"
    )
    parser.add_argument("--fuzz", type=int, metavar="N", help="mutated inputs for each reader")
    parser.add_argument(
        "--made-up", type=int, metavar="N", help="tables of known content, each kind"
    )
    parser.add_argument("--kills", type=int, metavar="N", help="kills for each recipe")
    parser.add_argument("--seconds", type=float, help="of the processor, for each reader at most")
    parser.add_argument("--command", choices=damage.COMMANDS, help="what is tried after a damage")
    parser.add_argument("--sample", type=int, metavar="N", help="damages for each command")
    parser.add_argument("--readme", action="store_true", help="put the rows into README.md")
    parser.add_argument(
        "--add", action="store_true", help="add what --fuzz counts to the rows of README.md"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is drawn (0)")
    found = parser.parse_args(arguments)
    if found.fuzz or found.made_up:
        names = fuzz.READERS if found.fuzz else made_up.KINDS
        attempt = fuzz.fuzz if found.fuzz else fuzz.make_up
        names = [found.only] if found.only else names
        attempt = partial(attempt, seed=found.seed, seconds=found.seconds)
        return _fuzz(attempt, names, found.fuzz or found.made_up, found)
    recipes = [found.only] if found.only else [*RECIPES]
    if found.kills:
        return _kill(recipes, found.kills, found.seed, found.readme)
    rows, bad = [["recipe", "command", "tries", *VERDICTS]], []
    commands = [found.command] if found.command else [*damage.COMMANDS]
    for recipe in recipes:
        with tempfile.TemporaryDirectory() as folder:
            logs = Path(folder, "logs")
            flags = runs.flags(recipe, Path(folder, "data"), epochs=2)
            if zoo_program(["train", recipe, *flags, f"--logdir={logs}", "--name=run"]):
                raise SystemExit(f"the run of {recipe} failed")
            sample = (found.sample, found.seed) if found.sample else None
            tried = damage.try_all(
                logs / recipe / "run", Path(folder, "tried"), None, commands, sample
            )
        for command in commands:
            own = [each for each in tried if each.command == command]
            counts = Counter(each.verdict for each in own)
            rows.append([recipe, command, len(own), *(counts[each] for each in VERDICTS)])
        bad += [(recipe, each) for each in tried if each.verdict not in VERDICTS[:2]]
    _show("damage", rows, found.readme)
    for recipe, each in bad:
        last = each.said.strip().splitlines()[-1:] or [""]
        print(f"{recipe} {each.command}: {each.file}, {each.damage}: {each.verdict}: {last[0]}")
    return int(bool(bad))


def _show(kind, rows, readme):
    """Prints a table; on request its rows take the place of their like in the README, too."""
    rows = [[str(cell) for cell in row] for row in rows]
    print(aligned(rows))
    if readme:
        _write(kind, rows)


def _write(kind, rows, add=False):
    """Puts rows into the README, in the place of their like, or added to these."""
    begin, end = f"<!-- {kind} -->", "<!-- end -->"
    before, _, rest = README.read_text().partition(begin)
    keys = 1 if kind in ("fuzzing", "made-up") else 2
    _, _, *old = [line for line in rest.partition(end)[0].splitlines() if line[:1] == "|"]
    found = {}
    for row in [
        *([cell.strip() for cell in line.strip("|").split("|")] for line in old),
        *rows[1:],
    ]:
        key = tuple(row[:keys])
        if add and key in found:
            pairs = zip(found[key], row[keys:], strict=True)
            row = [*key, *(str(int(a) + int(b)) for a, b in pairs)]
        found[key] = row[keys:]
    table = markdown([rows[0], *([*key, *row] for key, row in found.items())], keys)
    README.write_text(f"{before}{begin}\n\n{table}\n\n{end}{rest.partition(end)[2]}")


def _kill(recipes, count, seed, readme):
    """Kills runs, and prints what became of them."""
    rows = []
    for recipe in recipes:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            flags = runs.flags(recipe, folder / "data", EPOCHS)
            run = folder / "train" / recipe / "whole"
            tries = {"train": partial(kills.try_kills, recipe, flags, folder, count, 0.6)}
            tries["predict"] = partial(kills.try_writes, "predict", run, count, 1)
            if recipe in kills.REQUESTS and find_spec("fastapi"):
                tries["serve"] = partial(kills.try_servers, run, 2 * count)
            if recipe == SEARCHED and find_spec("tf2onnx"):
                tries["export"] = partial(kills.try_writes, "export", run, count, 1)
            if recipe == SEARCHED:
                search = partial(kills.try_kills, recipe, flags, folder, count, 0.6)
                tries["tune"] = partial(search, tune=["--trials=2"])
            for command, tried in tries.items():
                try:
                    found = tried(seed=seed)
                except SystemExit as error:  # it fails without any kill
                    print(f"{recipe} {command}: {error}", file=sys.stderr)
                    found = kills.counts() | {"failed": 1}
                rows.append({"recipe": recipe, "command": command} | found)
                print(*rows[-1].values(), file=sys.stderr, flush=True)
    total = Counter()
    for row in rows:
        total.update({name: row[name] for name in kills.counts()})
    _show("kills", [[*rows[0]], *[row.values() for row in rows]], readme)
    print("all", dict(total))
    return int(any(total[name] for name in ("differ", "half", "failed")))


def _fuzz(attempt, names, count, flags):
    """Tries mutated or made-up inputs, and prints what became of them."""
    kind = "fuzzing" if flags.fuzz else "made-up"
    rows, bad = [["reader" if flags.fuzz else "made up", "inputs", *fuzz.VERDICTS]], []
    for name in names:
        counts, found = attempt(name, count)
        numbers = [counts.total(), *(counts[each] for each in fuzz.VERDICTS)]
        rows.append([name, *map(str, numbers)])
        print(*rows[-1], file=sys.stderr, flush=True)
        if flags.readme or flags.add:  # at once, as the others may take hours
            _write(kind, [rows[0], rows[-1]], flags.add)
        for content, said in found:
            bad.append(f"\n{name}: {content[:300]!r}\n{said}")
            print(bad[-1], file=sys.stderr, flush=True)
    print(aligned(rows), *bad, sep="\n")
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main())
