"""The page of `zoo serve` in a headless Chromium, for a run of each recipe, with the keyboard."""

import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.test_browser import chromium, free_port, wait_for

pytestmark = pytest.mark.browser
if find_spec("fastapi") is None:
    pytest.skip("needs the serve extra, which dev includes", allow_module_level=True)

RUNS = Path(__file__).parents[1] / "engine" / "format_1"
INPUT = RUNS / "input"
TAB, ENTER = "\ue004", "\ue007"
#: The field that a label names.
FIELD = """
const labels = [...document.querySelectorAll("label")];
const own = label => [...label.childNodes].filter(each => each.nodeType === 3);
return labels.find(label => own(label).some(each => each.data.includes(arguments[0]))).control;
"""
#: What a reader of the page hears of a field, and whether it can be told apart.
UNNAMED = """
return [...document.querySelectorAll("input, select, textarea, button")]
  .filter(each => !(each.labels?.length || each.textContent.trim())).length;
"""


@pytest.fixture(scope="module")
def served(drawing, tmp_path_factory):
    """The address of a server, in a process of its own, that ends well."""
    names = ["tabular", "forecast", "images", "language_model", "text_classification"]
    runs = [*(RUNS / name for name in [*names, "translation"]), drawing]
    log = tmp_path_factory.mktemp("log") / "serve.txt"
    command = [
        sys.executable,
        "-m",
        "recipes",
        "serve",
        *map(str, runs),
        "--port",
        str(free_port()),
    ]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, cwd=INPUT, stdout=subprocess.PIPE, stderr=errors)
    try:
        url = process.stdout.readline().decode().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url), log.read_text()
        yield url
    finally:
        process.terminate()
        left = process.stdout.read()
        process.stdout.close()
        assert (process.wait(30), left) == (0, b""), log.read_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory, served):
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        browser.open(served)
        yield browser


def choose(page, run, path):
    """Opens the form of a run."""
    count = "return document.querySelectorAll('#run option').length"
    wait_for(page, path / "form.png", lambda: page.run(count))
    script = "const run = document.getElementById('run'); run.value = arguments[0]; run.onchange()"
    page.run(script, run)
    assert page.run(UNNAMED) == 0


def keys(page, label, text):
    """Types into the field that a label names, as a person does."""
    element = next(iter(page.run(FIELD, label).values()))
    page._send("POST", f"{page.session}/element/{element}/value", {"text": text})


def answered(page, path, selector, count=1):
    """Waits for something in the answer, and that it is no error."""
    script = "return document.querySelectorAll('#answer ' + arguments[0]).length"
    found = wait_for(page, path, lambda: page.run(script, selector) or page.run(script, ".error"))
    assert not page.run(script, ".error"), page.text()
    assert found >= count
    return page.run("return document.getElementById('answer').textContent")


def test_a_row_is_filled_in(page, tmp_path):
    choose(page, "tabular", tmp_path)
    keys(page, "age", "41")
    keys(page, "plan", "pro")
    keys(page, "income", f"27000{TAB}")
    keys(page, "age", ENTER)
    assert "probability" in answered(page, tmp_path / "row.png", "td", 3)


def test_a_series_is_continued(page, tmp_path):
    choose(page, "forecast", tmp_path)
    keys(page, "A CSV file", str(INPUT / "sales.csv"))
    keys(page, "future_covariates", str(INPUT / "holidays.csv"))
    page.press("Ask")
    answered(page, tmp_path / "series.png", "svg path.ahead[d^=M]")
    assert page.run("return document.querySelector('path.line').getAttribute('d').length") > 100


def test_texts_are_classified(page, tmp_path):
    choose(page, "text_classification", tmp_path)
    keys(page, "Texts", "a great story\ndull")
    page.press("Ask")
    answered(page, tmp_path / "texts.png", "tbody tr", 2)


def test_a_sentence_is_translated_with_its_attention(page, tmp_path):
    choose(page, "translation", tmp_path)
    keys(page, "Texts", "the red cat")
    page.press("Ask")
    shown = answered(page, tmp_path / "attention.png", "rect.cell", 3)
    assert "red" in shown


def test_a_text_appears(page, tmp_path):
    choose(page, "language_model", tmp_path)
    keys(page, "How the text begins", "the film")
    keys(page, "length", "80")
    page.press("Continue")
    answered(page, tmp_path / "text.png", "pre")
    length = "return document.querySelector('#answer pre').textContent.length"
    assert wait_for(page, tmp_path / "text.png", lambda: page.run(length) > 40)


def test_pictures_are_classified(page, tmp_path):
    choose(page, "images", tmp_path)
    keys(page, "Pictures", str(INPUT / "photos" / "00.png"))
    page.press("Ask")
    answered(page, tmp_path / "pictures.png", "img")
    assert "probability" in answered(page, tmp_path / "pictures.png", "td")
    assert "does not tell where it looked" in answered(page, tmp_path / "pictures.png", "p")


def test_pictures_are_drawn(page, drawing, tmp_path):
    choose(page, drawing.name, tmp_path)
    keys(page, "samples", "4")
    page.press("Ask")
    answered(page, tmp_path / "drawn.png", "img.sheet")
    wide = "return document.querySelector('img.sheet').naturalWidth"
    assert wait_for(page, tmp_path / "drawn.png", lambda: page.run(wide))


def test_what_is_wrong_is_shown(page, tmp_path):
    choose(page, "forecast", tmp_path)
    keys(page, "or its text", "a,b\n1,2")
    page.press("Ask")
    said = "return document.querySelector('[role=alert]')?.textContent"
    shown = wait_for(page, tmp_path / "wrong.png", lambda: page.run(said))
    assert "a column" in shown


def test_a_late_answer_is_not_shown_in_another_form(page, tmp_path):
    late = """
    window.soon = window.fetch;
    const later = new Promise(done => setTimeout(done, 500));
    window.fetch = (...asked) => later.then(() => soon(...asked));
    """
    choose(page, "language_model", tmp_path)
    keys(page, "How the text begins", "the film")
    page.run(late)
    page.press("Continue")
    assert page.run("return document.getElementById('answer').textContent") == "Asked …"
    choose(page, "text_classification", tmp_path)
    keys(page, "Texts", "a great story")
    page.press("Ask")
    answered(page, tmp_path / "late.png", "tbody tr")
    time.sleep(1)
    page.run("window.fetch = window.soon")
    assert page.run("return document.querySelectorAll('#answer pre').length") == 0
    assert page.run("return document.querySelectorAll('#answer tbody tr').length") == 1


def test_light_and_dark(page):
    seen = []
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        command = {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}}
        page._send("POST", f"{page.session}/goog/cdp/execute", command)
        seen.append(np.median(page.picture()))
    assert seen[0] > 200 > 60 > seen[1]
