"""What a search is to do, and the folder that it is kept in.

The folder of the run holds, beside what every run has: `tuning.yaml` (what is searched), `tuner/`
(keras-tuner's state), `trials/` (a TensorBoard run for each trial) and `tuning.csv`.
"""

import os
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec

import yaml

from recipes.engine.config import TrainConfig, at_least, read_yaml
from recipes.engine.folder import RunFolder, plain
from recipes.engine.recipe import find_recipe
from recipes.errors import UserError, reading

#: `callbacks.oracles.TUNERS`, without Keras.
TUNERS = ("random", "hyperband", "bayesian", "tpe")


@dataclass(frozen=True)
class Plan:
    """What is to be searched from a configuration, by so many trials beside the defaults.

    The settings that the user gave stay as they are.
    """

    recipe: str
    config: TrainConfig
    given: tuple[str, ...]
    tuner: str
    trials: int
    workers: int = 1

    def check(self) -> None:
        """Raises a `UserError` for the first flag that is out of range; needs no Keras."""
        self.config.validate()
        at_least(self, 1, "trials", "workers")
        if self.tuner == "tpe" and find_spec("optuna") is None:
            raise UserError("--tuner tpe needs optuna: pip install 'handson-zoo[tune]'.")
        if "KERASTUNER_ORACLE_IP" in os.environ:
            raise UserError(
                "Searches are shared by their folder: unset KERASTUNER_ORACLE_IP, and start zoo "
                "tune --resume RUN on each further machine."
            )

    def text(self) -> str:
        """What `tuning.yaml` holds."""
        return yaml.safe_dump(plain(asdict(self)), sort_keys=False)

    @classmethod
    def read(cls, folder):
        """The plan of a run's folder; a `UserError` if it is not one of `zoo tune`."""
        if not folder.plan.exists():
            raise UserError(
                f"{folder.path} is not a run of zoo tune: it has no {folder.plan.name}. An "
                "ordinary run goes on with zoo train --resume."
            )
        with reading(folder.plan):
            saved = read_yaml(folder.plan)
            kind = find_recipe(saved["recipe"]).config
            config = kind.from_saved(saved["config"], str(folder.plan))
            TUNERS.index(saved["tuner"]), range(saved["trials"], saved["workers"])  # or it raises
            return cls(**{**saved, "config": config, "given": tuple(saved["given"])})


class TuningFolder(RunFolder):
    """The folder of a run that was searched for."""

    def __init__(self, path):
        super().__init__(path)
        self.plan = self.path / "tuning.yaml"
        self.table = self.path / "tuning.csv"
        self.state = self.path / "tuner"
        self.trials = self.path / "trials"

    def trial(self, number) -> RunFolder:
        """The folder of a trial."""
        return RunFolder(self.trials / number)


def given_flags(arguments: list[str]) -> tuple[str, ...]:
    """Names of the settings in command-line flags, model arguments as `model.units`.

    >>> given_flags(["--batch-size", "32", "--model.units=8", "--model", "mlp"])
    ('batch_size', 'model.units', 'model')
    """
    names = [item[2:].partition("=")[0] for item in arguments if item.startswith("--")]
    names = [name.replace("-", "_").replace("model_arguments.", "model.", 1) for name in names]
    return tuple(dict.fromkeys(names))


def open_search(path, workers=None):
    """The `TuningFolder` and the `Plan` of a search that was begun.

    A `UserError` if there is none.
    """
    RunFolder.open(path, finished=False)
    folder = TuningFolder(path)
    plan = Plan.read(folder)
    return folder, replace(plan, workers=workers or plan.workers)
