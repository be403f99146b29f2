"""Records what TF-Addons answers, for the tests that compare this project's layers with it.

    python -m tests.parity.record [FOLDER]

Takes minutes. Needs the extra `addons`; the tests read the files with or without it.
"""

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from recipes.translation.addons import runner
from tests.parity.configurations import Configuration, draws, shapes

FOLDER = runner.TOP / "tests/parity/recorded"
#: Configurations of each shape.
DRAWS = 13
#: Decisions closer than this may fall otherwise elsewhere, so such configurations are left out.
MARGIN = 1e-4
#: Rows that scheduled sampling is averaged over.
REPEATS = 20_000


def main(arguments=None) -> int:
    """Writes the folder anew; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m tests.parity.record", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="default: %(default)s")
    folder = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.npz"):
        old.unlink()
    models = shapes(seed=0)
    for index, pairs in enumerate(chosen(models, seed=0)):
        name = f"{index:02}_{models[index].attention or 'none'}_{models[index].cell}.npz"
        write(folder / name, *zip(*pairs, strict=True))
    answer = runner.run("tests.parity.answers:expectation", settings=expectation_settings())
    np.savez_compressed(folder / "scheduled.npz", **answer)
    return 0


def chosen(models, seed: int, number: int = DRAWS) -> list[list[tuple]]:
    """Configurations in which no decision is close, with TF-Addons' answers.

    Args:
        models: Shapes, see `configurations.shapes`.
        seed: Of the draws.
        number: How many to choose of each shape. Defaults to 13.

    Returns:
        For each shape a list of pairs, a configuration and a dict of arrays.
    """
    endless = [draws(shape, seed + index) for index, shape in enumerate(models)]
    kept = [[] for _ in models]
    while missing := [index for index, pairs in enumerate(kept) if len(pairs) < number]:
        asked = [
            (index, configuration)
            for index in missing
            for configuration in itertools.islice(endless[index], number - len(kept[index]))
        ]
        answers = ask([configuration for _, configuration in asked])
        for (index, configuration), answer in zip(asked, answers, strict=True):
            if answer.pop("margin") > MARGIN:
                kept[index].append((configuration, answer))
    return kept


def ask(configurations) -> list[dict[str, np.ndarray]]:
    """TF-Addons' answers for each of the configurations."""
    settings = {"configurations": [vars(configuration) for configuration in configurations]}
    found = runner.run("tests.parity.answers:answers", settings=settings)
    answers = [{} for _ in configurations]
    for name, array in found.items():
        index, _, name = name.partition("/")
        answers[int(index)][name] = array
    return answers


def write(path: Path, configurations, answers) -> None:
    """Writes configurations of one shape and their answers, stacked."""
    text = json.dumps([vars(configuration) for configuration in configurations])
    stacked = {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}
    for name in stacked:
        if stacked[name].dtype.kind == "i":
            stacked[name] = stacked[name].astype("int8")
    np.savez_compressed(path, configurations=np.array(text), **stacked)


def read(path: Path) -> list[tuple[Configuration, dict[str, np.ndarray]]]:
    """What `write` wrote: pairs of a configuration and its answers."""
    with np.load(path) as arrays:
        stacked = dict(arrays)
    configurations = json.loads(str(stacked.pop("configurations")))
    return [
        (Configuration(**fields), {name: array[index] for name, array in stacked.items()})
        for index, fields in enumerate(configurations)
    ]


def expectation_settings() -> dict:
    """Small models, of one row and three steps, whose scheduled sampling is averaged."""
    small = {"batch_size": 1, "target_length": 3, "target_vocabulary_size": 6}
    models = [
        {"attention": "luong", "attention_layer_size": 5},
        {"attention": "bahdanau", "normalize": True, "cell": "gru"},
    ]
    cases = [
        {"configuration": {**small, **model, "seed": seed}, "kind": kind, "probability": share}
        for seed, model in enumerate(models, 7)
        for kind in ("embedding", "output")
        for share in (0.3, 0.8)
    ]
    return {"cases": cases, "repeats": REPEATS, "seed": 0}


if __name__ == "__main__":
    sys.exit(main())
