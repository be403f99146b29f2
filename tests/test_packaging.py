"""The checkout's shape: what is installed, what files never hold, how the scripts behave."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PACKAGES = ("callbacks", "recipes", "zoo")
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
SOURCES = sorted(path for package in PACKAGES for path in (TOP / package).rglob("*.py"))


def tracked_files() -> list[Path]:
    """What git tracks or would track, relative to the top."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=TOP, capture_output=True, check=True, text=True,
        )  # fmt: skip
    except (FileNotFoundError, subprocess.CalledProcessError):
        if (TOP / ".git").exists():
            raise
        pytest.skip("needs a git checkout")
    return [Path(name) for name in listing.stdout.split("\0") if name and (TOP / name).exists()]


def test_top_level_is_the_agreed_one():
    named = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
    named |= {"SECURITY.md", "CITATION.cff"}  # GitHub reads the latter here alone
    named |= {"zoo", "recipes", "callbacks", "tests", "scripts", "logs", "conftest.py"}
    found = {path.parts[0] for path in tracked_files()}
    assert {name for name in found if not name.startswith(".")} == named


def test_logs_hold_only_their_readme():
    assert [path for path in tracked_files() if path.parts[0] == "logs"] == [Path("logs/README.md")]


def test_packages_listed_are_those_on_disk():
    on_disk = {".".join(path.relative_to(TOP).parent.parts) for path in SOURCES}
    assert sorted(on_disk) == PROJECT["tool"]["setuptools"]["packages"]
    assert [p for p in on_disk if not (TOP / p.replace(".", "/") / "__init__.py").exists()] == []


def test_data_files_in_packages_are_installed():
    patterns = PROJECT["tool"]["setuptools"].get("package-data", {}).get("*", [])
    assert [
        str(path)
        for path in tracked_files()
        if path.parts[0] in PACKAGES and path.suffix != ".py"
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)
    ] == []


def test_constraints_pin_every_dependency_above_its_lower_bound():
    lines = (TOP / "scripts/constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = PROJECT["project"]["dependencies"] + [x for extra in extras.values() for x in extra]
    for requirement in wanted:
        name, bound = re.match(r"([\w-]+)(?:\[[\w,-]+\])?>=([\d.]+)", requirement).groups()
        pin = pins[re.sub(r"[-_.]+", "-", name).lower()]
        numbers = [[int(n) for n in re.findall(r"\d+", version)] for version in (pin, bound)]
        assert numbers[0] >= numbers[1], requirement


def test_every_pin_has_hashes():
    lines = (TOP / "scripts/constraints.txt").read_text().splitlines()
    text = (TOP / "scripts/hashes.txt").read_text()
    found = re.findall(
        r"^([\w.-]+==\S+)(?: \\\n    --hash=sha256:[0-9a-f]{64})+$", text, re.MULTILINE
    )
    pins = [line for line in lines if line and not line.startswith("#")]
    plain = [{re.sub("[-_.]+", "-", each).lower() for each in some} for some in (pins, found)]
    assert plain[0] < plain[1]
    assert [each for each in plain[1] - plain[0] if not each.startswith("uv==")] == []


def test_actions_of_the_workflows_are_pinned_by_commit():
    workflows = sorted((TOP / ".github/workflows").glob("*.yml"))
    used = [re.findall(r"uses: (\S+)", path.read_text()) for path in workflows]
    assert [path.stem for path in workflows] == ["docs", "release", "slow", "tests"]
    assert all(used)
    assert [each for names in used for each in names if not re.search("@[0-9a-f]{40}$", each)] == []


def test_the_citation_names_the_version():
    assert f"version: {PROJECT['project']['version']}\n" in (TOP / "CITATION.cff").read_text()


def test_import_zoo_is_light():
    heavy = ("pandas", "matplotlib", "keras_tuner", "tensorflow_hub", "sklearn")
    code = f"import sys, zoo; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_no_file_holds_a_home_path():
    home = re.compile(r"(?<![\w./])/(home|Users|root|work|mnt)/\w")
    found = []
    for path in tracked_files():
        try:
            text = (TOP / path).read_text()
        except UnicodeDecodeError:
            continue  # a picture or an archive
        found += [f"{path}:{n}" for n, line in enumerate(text.splitlines(), 1) if home.search(line)]
    assert found == []


@pytest.mark.parametrize("name", ["scripts/setup", "scripts/train", "scripts/test", ".ci/run"])
def test_scripts_are_strict_and_executable(name):
    path = TOP / name
    assert path.stat().st_mode & 0o100
    assert "\nset -euo pipefail\n" in path.read_text()


def test_set_up_names_what_it_cannot_use(tmp_path):
    # A copy, so that this checkout's own environment plays no part.
    copy = tmp_path / "a copy"
    (copy / "scripts").mkdir(parents=True)
    for name in ("pyproject.toml", "scripts/setup", "scripts/constraints.txt"):
        (copy / name).write_bytes((TOP / name).read_bytes())
    for variables, arguments, message in [
        ({"PYTHON": "no-such-python"}, [], "PYTHON=no-such-python is not a Python 3.11"),
        ({}, ["devel"], "Received: devel"),
    ]:
        done = subprocess.run(
            ["bash", copy / "scripts/setup", *arguments],
            env={"PATH": "/usr/bin:/bin", **variables}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert not (copy / ".venv").exists()


def test_what_the_readme_points_to_exists():
    pages = (
        "scripts/documentation/"  # whose links are among pages that scripts/docs makes and checks
    )
    texts = [path for path in tracked_files() if path.suffix == ".md"]
    for name in (path for path in texts if not path.as_posix().startswith(pages)):
        targets = re.findall(r"\]\(([^)]+)\)", (TOP / name).read_text())
        for path, _, heading in (each.partition("#") for each in targets if "://" not in each):
            target = (TOP / name).parent / path if path else TOP / name
            assert target.exists(), f"{name} points to {path}"
            if heading:
                found = re.findall("^#+ (.*)", target.read_text().lower(), re.MULTILINE)
                # GitHub keeps words, hyphens and spaces, which are hyphens then.
                anchors = [re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in found]
                assert heading in anchors, f"{name} points to {path}#{heading}"
