"""`scripts/faults`: damaged runs and poisoned inputs, and what became of them.

scripts/faults                      every file of a short run of each recipe, damaged in every way
scripts/faults --only tabular       of one of them
scripts/faults --fuzz 1000          so many mutated inputs for each reader that needs no backend
scripts/faults --fuzz 1000 --seed 2 --only npz
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from recipes import RECIPES
from recipes.cli import main as zoo_program
from recipes.engine.tables import aligned
from scripts.fault_tests import damage, fuzz

VERDICTS = ("unharmed", "clear", "no message", "wrong", "traceback")


def main(arguments=None) -> int:
    """Tries all faults; returns 1 where one ended in a traceback, silence or a wrong number."""
    parser = argparse.ArgumentParser("scripts/faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=[*RECIPES, *fuzz.READERS], help="one recipe or reader")
    parser.add_argument("--fuzz", type=int, metavar="N", help="mutated inputs for each reader")
    parser.add_argument("--seed", type=int, default=0, help="seed of the mutations (0)")
    found = parser.parse_args(arguments)
    if found.fuzz:
        return _fuzz([found.only] if found.only else fuzz.READERS, found.fuzz, found.seed)
    rows, bad = [["recipe", "command", "tries", *VERDICTS]], []
    for recipe in [found.only] if found.only else RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            flags = ("--epochs=2", "--progress=false", f"--logdir={folder}/logs", "--name=run")
            if zoo_program(["train", recipe, *flags]):
                raise SystemExit(f"the run of {recipe} failed")
            tried = damage.try_all(Path(folder, "logs", recipe, "run"), Path(folder, "tried"))
        for command in damage.COMMANDS:
            own = [each for each in tried if each.command == command]
            counts = Counter(each.verdict for each in own)
            rows.append([recipe, command, len(own), *(counts[each] for each in VERDICTS)])
        bad += [(recipe, each) for each in tried if each.verdict not in VERDICTS[:2]]
    print(aligned([[str(cell) for cell in row] for row in rows]))
    for recipe, each in bad:
        last = each.said.strip().splitlines()[-1:] or [""]
        print(f"{recipe} {each.command}: {each.file}, {each.damage}: {each.verdict}: {last[0]}")
    return int(bool(bad))


def _fuzz(readers, count, seed):
    """Tries mutated inputs, and prints what became of them."""
    rows, bad = [["reader", "inputs", *fuzz.VERDICTS]], []
    for name in readers:
        counts, found = fuzz.fuzz(name, count, seed)
        rows.append([name, count, *(counts[each] for each in fuzz.VERDICTS)])
        bad += [(name, content, said) for content, said in found]
    print(aligned([[str(cell) for cell in row] for row in rows]))
    for name, content, said in bad:
        print(f"\n{name}: {content[:300]!r}\n{said}")
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main())
