"""The folder of a run: everything about it in one place."""

import contextlib
import difflib
import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import time
import zipfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from recipes.data.writing import replace_folder, write_text
from recipes.engine.config import read_yaml
from recipes.errors import DAMAGED, UserError, reading

#: Raised when the content of a run folder changes; older runs are read or refused by it.
FORMAT = 2
#: Older ones that are read.
READABLE = (1,)

_VERSIONS = ("handson-zoo", "keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn")


class RunFolder:
    """`logs/<recipe>/<name>/` and the files in it."""

    #: Names of the settings by which TensorBoard compares it with others; `None` for all.
    varied: list[str] | None = None

    def __init__(self, path):
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.metrics = self.path / "metrics.json"
        self.partners = self.path / "partners.json"
        self.model = self.path / "model.keras"
        self.refit = self.path / "refit.keras"
        self.predictions = self.path / "predictions.csv"
        self.report = self.path / "report.md"
        self.history = self.path / "history.csv"
        self.plots = self.path / "plots"
        self.checkpoints = self.path / "checkpoints"
        self._models = {}

    @classmethod
    def plan(cls, recipe, config):
        """Chooses the folder of a new run and checks that it can be written; writes nothing.

        A `UserError` if the name is not a plain one, is taken, or the folder is read-only.
        """
        name = config.name or timestamp(Path(config.logdir) / recipe)
        if not re.fullmatch(r"[\w.+-]{1,200}", name) or name.strip(".") == "":
            raise UserError(
                f"--name must be a plain name of letters, digits, '.', '_', '+' and '-', 200 at "
                f"most. Received: {name!r}"
            )
        path = Path(config.logdir) / recipe / name
        if path.exists() and not config.overwrite:
            raise UserError(
                f"The run {path} exists. Choose another --name, or replace it with --overwrite."
            )
        begun = any(item.is_file() and item.name != ".config.yaml.part" for item in path.rglob("*"))
        if begun and not (path / "config.yaml").exists():
            raise UserError(f"{path} is not a run (it has no config.yaml): it is not overwritten.")
        parent = next(p for p in [path, *path.parents] if p.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise UserError(
                f"Cannot write runs to {path}: {parent} is "
                f"{'read-only' if parent.is_dir() else 'not a folder'}. Choose another --logdir."
            )
        return cls(path)

    def create(self, overwrite=False, config="", **others):
        """Makes the folder with its `config.yaml` and other texts, by the names of its attributes.

        All at once; `overwrite` replaces another one.

        A `UserError` if it cannot be made, or another process was faster.
        """
        partial = self.path.with_name(f".{self.path.name}.part")
        try:
            shutil.rmtree(partial, ignore_errors=True)  # of one that was killed here
            for name in (self.plots.name, self.checkpoints.name):
                (partial / name).mkdir(parents=True)
            for name, text in {**({"config": config} if config else {}), **others}.items():
                (partial / getattr(self, name).name).write_text(text, encoding="utf-8")
            replace_folder(partial, self.path, overwrite)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            if self.path.exists():
                raise UserError(
                    f"The run {self.path} was begun by another process meanwhile. Give each a "
                    "--name."
                ) from error
            raise UserError(f"Cannot write {self.path}: {error.strerror}.") from error

    @contextlib.contextmanager
    def locked(self):
        """Keeps other processes from training in the folder meanwhile, until this one ends.

        A `UserError` if another one does; it is named.
        """
        self.checkpoints.mkdir(exist_ok=True)
        lock = FileLock(self.checkpoints / ".lock", timeout=0, is_singleton=True)
        holder = self.checkpoints / ".holder"
        try:
            lock.acquire()
        except Timeout:
            found = holder.read_text(errors="replace") if holder.exists() else "another process"
            raise UserError(
                f"{self.path} is being trained by {found}. Wait for its end, or end it."
            ) from None
        try:
            holder.write_text(f"process {os.getpid()} on {platform.node()}")
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    @classmethod
    def open(cls, path, finished=True, words=()):
        """An existing run; if it is to be `finished`, with a trained model.

        A `UserError` if there is no such run of a format that this version reads.
        """
        folder = cls(path)
        if not folder.path.is_dir():
            known = [*words, *(run.name for run in _begun())]  # what else the flag takes, and runs
            near = difflib.get_close_matches(folder.path.name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UserError(f"There is no run {path}. `zoo runs` lists them.{hint}")
        for file in (folder.config, folder.model) if finished else (folder.config,):
            if not (file.is_file() or file.is_dir()):
                kind = "finished run" if finished else "run"
                raise UserError(f"{path} is not a {kind}: it has no {file.name}.")
        run = folder.read_config()["run"]
        if finished and not _is_whole(folder.model):
            raise UserError(
                f"Cannot read {folder.model}: it is damaged. Bring it back from a copy, or train "
                f"again: zoo train {run.get('recipe')} --config {folder.config} --name NEW."
            )
        found = run.get("format")
        if found != FORMAT and found not in READABLE:
            raise UserError(
                f"The run {path} has format {found}; this version reads {FORMAT} and older. "
                "Train it again, or use the version in its config.yaml."
            )
        return folder

    @staticmethod
    def config_text(recipe, config, **metadata) -> str:
        """What `config.yaml` holds: the resolved flags and where they run."""
        run = {"recipe": recipe, "format": FORMAT, "versions": versions(), **metadata}
        settings = plain(asdict(config))
        run["settings_sha256"] = settings_hash(settings, config.NOT_LEARNED_FROM)
        run["machine"] = {"processors": os.cpu_count(), "system": platform.system()}
        run = plain(run)
        run["sha256"] = settings_hash(run, ())
        return yaml.safe_dump({**settings, "run": run}, sort_keys=False)

    def read_config(self) -> dict:
        """The content of `config.yaml`; a `UserError` if it is damaged, or not that of a run."""
        found = read_yaml(self.config)
        if not isinstance(found, dict) or not isinstance(found.get("run"), dict):
            raise UserError(f"Cannot read {self.config}: it is not the config.yaml of a run.")
        run, kept = found["run"], found["run"].pop("sha256", None)
        if run.get("format") == FORMAT and kept not in (None, settings_hash(plain(run), ())):
            raise UserError(f"Cannot read {self.config}: what follows `run:` is damaged.")
        return found

    def write_partners(self, partners):
        """Writes the weights of baselines that predict together with the model, if there are."""
        if partners:
            self.partners.write_text(json.dumps(partners, indent=2) + "\n")

    def read_partners(self) -> dict[str, float]:
        """What `write_partners` wrote."""
        with reading(self.partners):
            found = json.loads(self.partners.read_text()) if self.partners.exists() else {}
            return {name: float(share) for name, share in found.items()}

    def load(self, refit=False):
        """The trained model, or that trained on all rows; read once."""
        import zoo

        path = self.refit if refit else self.path
        if path not in self._models:
            self._models[path] = zoo.load(path)
        return self._models[path]

    def write_metrics(self, metrics):
        """Writes `metrics.json`, last of all: its presence says that the run is complete."""
        write_text(self.metrics, json.dumps(metrics, indent=2) + "\n")


def _is_whole(archive):
    """Whether a zip file can be read, with the checksums of all that is in it."""
    with contextlib.suppress(*DAMAGED), zipfile.ZipFile(archive) as file:
        return file.testzip() is None
    return False


def settings_hash(settings, without) -> str:
    """Hash of the settings in a `config.yaml`, but for those that nothing is learned from."""
    settings = {name: value for name, value in settings.items() if name not in without}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def find_runs(logdir) -> list[Path]:
    """Folders of the finished runs below `logdir`, oldest first."""
    found = [p for p in Path(logdir).glob("*/[!.]*/metrics.json") if p.is_file() or p.is_dir()]
    return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime)]


def find_run(name) -> Path:
    """The folder of a run by its path, or its name where just one run below `logs` has it.

    A `UserError` if several runs have the name, `NAME` or `RECIPE/NAME`.
    """
    if Path(name).is_dir():
        return Path(name)
    parts = Path(name).parts
    found = [path for path in _begun() if path.parts[-len(parts) :] == parts]
    if len(found) > 1:
        paths = ", ".join(map(str, found))
        raise UserError(f"Several runs are called {name}: {paths}. Give the path of one.")
    return found[0] if found else Path(name)


def _begun():
    return sorted(path.parent for path in Path("logs").glob("*/[!.]*/config.yaml"))


def timestamp(parent, prefix="") -> str:
    """The time as a name, with a number where `prefix` and the name are taken in `parent`."""
    now = time.strftime("%Y-%m-%d_%H-%M-%S")
    names = itertools.chain([now], (f"{now}_{count}" for count in itertools.count(2)))
    return next(name for name in names if not (Path(parent) / f"{prefix}{name}").exists())


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a run depends on."""
    found = {"python": platform.python_version()}
    for package in _VERSIONS:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def plain(value):
    """A value with tuples and arrays as lists, which is all that YAML knows."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    value = value.tolist() if hasattr(value, "tolist") else value
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
