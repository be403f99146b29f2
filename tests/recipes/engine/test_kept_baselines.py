"""What baselines predict is kept, and read again only for the same data and settings."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from recipes.engine import kept_baselines
from recipes.engine.config import TrainConfig
from recipes.engine.kept_baselines import compared

SPLITS = ["validation", "test"]


@dataclass
class Config(TrainConfig):
    clean: bool = True


@dataclass
class Task:
    """Counts how often its baselines are fitted."""

    config: Config = field(default_factory=Config)
    sha256: str = "a"
    keeps_baselines: bool = True
    fits: int = 0

    def baselines(self):
        self.fits += 1
        return {"b/one": lambda split: np.float32([len(split)]), "a": lambda split: np.zeros(2)}

    def predict(self, predictor, split):
        return predictor(split)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(kept_baselines, "WORTH", -1.0)
    return tmp_path / "handson_zoo" / "baselines"


def asked(task):
    fitted, found = compared(task, SPLITS)
    assert [*found] == ["b/one", "a"]
    assert [*found["a"]] == SPLITS
    assert found["b/one"]["test"] == 4
    assert found["b/one"]["test"].dtype == np.float32
    return fitted


def test_the_second_run_fits_none(folder):
    assert [*asked(Task())] == ["b/one", "a"]
    again = Task(Config(model="mlp", learning_rate=0.1, epochs=7, name="other", backend="jax"))
    assert asked(again) == {}
    assert again.fits == 0
    assert len([*folder.glob("*")]) == 1


@pytest.mark.parametrize(
    "other",
    [
        Task(sha256="b"),
        Task(Config(seed=1)),
        Task(Config(clean=False)),
        Task(keeps_baselines=False),
    ],
    ids=["data", "seed", "setting", "not-kept"],
)
def test_other_data_and_settings_are_fitted(other):
    asked(Task())
    asked(other)
    assert other.fits == 1


def test_a_damaged_entry_is_ignored_with_a_note(folder, capsys):
    asked(Task())
    (file,) = folder.glob("*")
    content = bytearray(file.read_bytes())
    for damaged in (b"", bytes(content[: len(content) // 2]), b"no archive"):
        file.write_bytes(damaged)
        task = Task()
        asked(task)
        assert task.fits == 1
        assert "fitted anew" in capsys.readouterr().err
    asked(Task())
    assert not capsys.readouterr().err


def test_what_is_quick_is_not_kept_and_old_files_go(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(kept_baselines, "WORTH", 60.0)
    asked(Task())
    assert not folder.exists()
    monkeypatch.setattr(kept_baselines, "WORTH", -1.0)
    monkeypatch.setattr(kept_baselines, "MOST", 2)
    for seed in range(4):
        asked(Task(Config(seed=seed)))
    assert len([*folder.glob("*")]) == 2
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")  # nothing can be kept there
    task = Task()
    asked(task)
    assert task.fits == 1
