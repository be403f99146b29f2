"""`scripts/faults`: damages every file of a run of each recipe, and prints what became of it.

scripts/faults                      all recipes with a short run of their offline data
scripts/faults --only tabular       one of them
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from recipes import RECIPES
from recipes.cli import main as zoo_program
from recipes.engine.tables import aligned
from scripts.fault_tests import damage

VERDICTS = ("unharmed", "clear", "no message", "wrong", "traceback")


def main(arguments=None) -> int:
    """Tries all faults; returns 1 where one ended in a traceback, silence or a wrong number."""
    parser = argparse.ArgumentParser("scripts/faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=RECIPES, help="one recipe")
    found = parser.parse_args(arguments)
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


if __name__ == "__main__":
    raise SystemExit(main())
