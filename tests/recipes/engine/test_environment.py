"""Which backend a run takes: a flag wins, then KERAS_BACKEND, then the default."""

import keras  # loaded, whichever test comes first
import pytest

from recipes.cli import main
from recipes.engine import environment
from recipes.engine.arguments import parse
from recipes.errors import UserError


@pytest.mark.parametrize(
    ("variable", "flags", "backend"),
    [
        (None, [], "tensorflow"),
        ("", [], "tensorflow"),
        ("jax", [], "jax"),
        ("jax", ["--backend", "torch"], "torch"),
        (None, ["--backend", "jax"], "jax"),
    ],
    ids=["default", "empty", "variable", "flag-wins", "flag"],
)
def test_a_flag_wins_then_the_variable(monkeypatch, variable, flags, backend):
    if variable is None:
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
    else:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    assert parse("forecast", flags).backend == backend


def test_a_variable_that_names_no_backend_is_refused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(UserError, match=r"KERAS_BACKEND to be one of tensorflow, jax, torch\. Rec"):
        parse("images", []).validate()


def test_another_backend_than_the_loaded_one_is_refused(monkeypatch):
    assert keras.backend.backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(UserError, match=r"already runs on tensorflow\. Start a new process"):
        environment.prepare("jax", "auto")
    assert environment.os.environ["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.parametrize(
    ("variable", "trained", "installed", "chosen"),
    [
        ("", "jax", {"jax", "tensorflow"}, "jax"),
        ("tensorflow", "jax", {"jax", "tensorflow"}, "tensorflow"),
        ("", "torch", {"tensorflow"}, "tensorflow"),
        ("", "tensorflow", {"jax"}, "jax"),
        ("", "jax", set(), "jax"),  # nothing will do: the message names what the run needs
    ],
    ids=["its-own", "variable", "not-installed", "only-jax", "none"],
)
def test_a_run_is_used_on_a_backend_that_is_installed(
    monkeypatch, capsys, variable, trained, installed, chosen
):
    monkeypatch.setenv("KERAS_BACKEND", variable)
    monkeypatch.setattr(environment, "find_spec", lambda name: name in installed or None)
    assert environment.choose_for(trained) == chosen
    said = capsys.readouterr().err
    if chosen == trained or variable:
        assert not said
    else:
        assert said == (
            f"note: the run was trained on {trained}, which is not installed; {chosen} is used\n"
        )


def test_a_search_in_a_folder_of_a_recipes_name_is_found(tmp_path, monkeypatch, capsys):
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    for arguments in (["--resume", "images"], ["images", "--resume", "images"]):
        assert main(["tune", *arguments]) == 2
        assert "images is not a run: it has no config.yaml" in capsys.readouterr().err
