"""TensorBoard opened in a headless Chromium: each tab of a run shows what was written to it."""

import base64
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from tests.shared import uncompiled

pytestmark = pytest.mark.browser

# For root in a container without a GPU; and nothing that calls home.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--window-size=1500,950",
]

# A reader sees through the shadow trees of components and through frames.
TEXT = """
const seen = [];
const visit = root => root.childNodes.forEach(node => {
  if (node.nodeType === 3) seen.push(node.data.trim());
  if (node.nodeType !== 1 || ['STYLE', 'SCRIPT'].includes(node.tagName)) return;
  if (!node.checkVisibility()) return;
  if (node.shadowRoot) visit(node.shadowRoot);
  if (node.tagName === 'IFRAME') visit(node.contentDocument);
  visit(node);
});
visit(document);
return seen.filter(Boolean).join('\\n');
"""
COUNT = """
const all = root => [...root.querySelectorAll('*')].flatMap(node => [
  node, ...inside(node), ...(node.tagName === 'IFRAME' ? all(node.contentDocument) : [])]);
const inside = node => node.shadowRoot ? all(node.shadowRoot) : [];
const [host, part] = arguments;
return new Set(
  all(document).filter(node => node.matches(host))
    .flatMap(node => [...inside(node), ...all(node)])
    .filter(node => node.matches(part) && node.checkVisibility())
    .filter(node => node.tagName !== 'IMG' || node.naturalWidth > 0)
).size;
"""
PRESS = """
const all = root => [...root.querySelectorAll('*')].flatMap(node => [
  node, ...(node.shadowRoot ? all(node.shadowRoot) : []),
  ...(node.tagName === 'IFRAME' ? all(node.contentDocument) : [])]);
const found = all(document).filter(
  node => !node.childElementCount && node.textContent.trim() === arguments[0]);
found.forEach(node => node.click());
return found.length;
"""
#: Boxes of the charts of the Time Series page, which draws on a canvas.
BOXES = """
return [...document.querySelectorAll('line-chart .series-view')].map(node => {
  const box = node.getBoundingClientRect();
  return [box.top, box.bottom, box.left, box.right].map(Math.round);
}).filter(box => box[1] > box[0] && box[1] < window.innerHeight);
"""
#: Runs, and trials of a search, as people have them.
RUNS, TRIALS = 60, 3


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def server(command, url, log):
    """Runs a server on this machine until the block is left; waits for it to answer."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 90
            while True:
                try:
                    with urllib.request.urlopen(url, timeout=5):
                        break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, f"no answer: {log.read_text()}"
                    time.sleep(0.2)
            yield url
        finally:
            process.terminate()
            process.wait()


class Browser:
    """What these tests need of the WebDriver protocol."""

    def __init__(self, driver, profile):
        self.driver = driver
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options}}
        found = self._send("POST", "/session", {"capabilities": wanted})
        self.session = f"/session/{found['sessionId']}"

    def _send(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.driver + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def open(self, url):
        self._send("POST", f"{self.session}/url", {"url": "about:blank"})
        self._send("POST", f"{self.session}/url", {"url": url})

    def run(self, script, *arguments):
        content = {"script": script, "args": arguments}
        return self._send("POST", f"{self.session}/execute/sync", content)

    def text(self):
        return self.run(TEXT)

    def count(self, host, part):
        """Visible elements that match one selector, at any depth in what matches the other."""
        return self.run(COUNT, host, part)

    def press(self, text):
        """Clicks on what holds just this text."""
        assert self.run(PRESS, text), text

    def picture(self):
        """The pixels that are shown, `(height, width, 3)`."""
        shot = base64.b64decode(self._send("GET", f"{self.session}/screenshot"))
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def save(self, path):
        Image.fromarray(self.picture().astype("uint8")).save(path)

    def close(self):
        self._send("DELETE", self.session)


def flags(folder):
    """What the runs and the trials have in common."""
    return f"""--data {folder / "waves.csv"} --epochs 2 --window 16 --horizon 2 --optimizer sgd
    --jit_compile false --norms --progress false --statistics_seconds 0
    --logdir {folder / "logs"}""".split()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two small runs of the forecast recipe, and many older copies of the first."""
    from callbacks import events, summaries, write_projector
    from recipes.cli import main

    folder = tmp_path_factory.mktemp("browser")
    waves = np.sin(np.arange(300) / 3) + np.random.default_rng(0).normal(0, 0.1, 300)
    (folder / "waves.csv").write_text(
        "wave\n" + "\n".join(f"{value:.4f}" for value in waves) + "\n"
    )
    small = ["--model", "wavenet_lite", "--model.num_layers", "2", "--model.filters", "4"]
    small += ["--histogram_freq", "1"]
    for name, rate in (("a", 0.01), ("b", 0.003)):
        extra = ["--name", name, "--learning_rate", str(rate)]
        with uncompiled():
            assert main(["train", "forecast", *flags(folder), *small, *extra]) == 0
    run = folder / "logs" / "forecast" / "a"
    generator = np.random.default_rng(0)
    write_projector(run, generator.normal(size=(20, 4)), [f"word {i}" for i in range(20)], "words")
    file = events.EventFile(run)
    file.add(summaries.pr_curve(generator.random(50) < 0.5, generator.random(50)), step=2)
    file.close()
    for number in range(RUNS):
        old = run.with_name(f"old_{number:02}")
        old.mkdir()
        for path in (*run.glob("*tfevents*"), run / "config.yaml"):
            shutil.copy(path, old)
        os.utime(old / "config.yaml", (number, number))
    return folder / "logs"


@pytest.fixture(scope="module")
def search(runs):
    from recipes.cli import main

    extra = ["--model", "linear_forecaster", "--trials", str(TRIALS), "--name", "search"]
    with uncompiled():
        assert main(["tune", "forecast", *flags(runs.parent), *extra]) == 0
    return runs / "forecast" / "search"


@pytest.fixture(scope="module")
def tensorboard(runs, tmp_path_factory):
    """Serves runs as `zoo tensorboard` does; all of them, or those that are named."""
    with contextlib.ExitStack() as stack:

        def serve(*names):
            port, log = free_port(), tmp_path_factory.mktemp("log") / "tensorboard.txt"
            command = [sys.executable, "-m", "recipes", "tensorboard", "--port", str(port)]
            url = f"http://localhost:{port}"
            chosen = names or ["--logdir", runs]
            return stack.enter_context(server([*command, *map(str, chosen)], url, log))

        yield serve


@pytest.fixture(scope="module")
def of_all(tensorboard):
    return tensorboard()


@contextlib.contextmanager
def chromium(folder):
    """A `Browser`, whose files go into a folder."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs chromium")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with server(["chromedriver", f"--port={port}"], f"{url}/status", folder / "driver.txt"):
        browser = Browser(url, folder / "profile")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


# What each tab must show: texts, and something drawn (where, what).
TABS = {
    "timeseries": (
        ["forecast/a", "forecast/b", "best_epoch", "epoch", "val_last_step_mae"],
        ("scalar-card", "line-chart canvas, line-chart path"),
    ),
    "scalars": (
        ["epoch/loss", "epoch/val_loss", "best_epoch/val_loss", "step", "forecast/b"],
        ("vz-line-chart2", "path.line[d]"),
    ),
    "custom_scalars": (
        ["training and validation", "last_step_mae"],
        ("vz-line-chart2", "path.line[d]"),
    ),
    "images": (["forecasts", "forecast/a", "forecast/b"], ("body", "img")),
    "text": (["config/text_summary", "learning_rate: 0.01"], ("tf-markdown-view", "code, pre")),
    "graphs": (["series", "wavenet_lite", "Main Graph"], ("body", "g.node ellipse")),
    "hparams": (
        ["forecast/a", "forecast/b", "0.010000", "0.0030000", "best_epoch/val_loss"],
        ("body", "vaadin-grid-cell-content"),
    ),
    "distributions": (["block_0_layer_0_conv/bias"], ("vz-distribution-chart", "path")),
    "histograms": (["block_0_layer_0_conv/bias"], ("vz-histogram-timeseries", "path")),
    "pr_curves": (["pr_curve", "forecast/a"], ("vz-line-chart2", "path")),
    "projector": (["Points:", "20", "Dimension:", "4", "words"], ("body", "canvas")),
}


#: The other tabs are a tour for `scripts/test -m browser`.
EVERYDAY = ("hparams",)
SLOW = [pytest.param(tab, marks=pytest.mark.slow) for tab in TABS if tab not in EVERYDAY]


@pytest.mark.parametrize("tab", [*EVERYDAY, *SLOW])
def test_the_tab_shows_data(browser, of_all, tmp_path, tab):
    texts, (host, part) = TABS[tab]
    browser.open(f"{of_all}/#{tab}")
    deadline = time.monotonic() + 60
    while True:
        shown = browser.text()
        missing = [text for text in texts if text not in shown]
        drawn = browser.count(host, part)
        if drawn and not missing:
            break
        if time.monotonic() > deadline:
            browser.save(tmp_path / f"{tab}.png")
            pytest.fail(f"missing {missing}, {drawn} drawn; see {tmp_path}/{tab}.png:\n{shown}")
        time.sleep(0.5)
    browser.save(tmp_path / f"{tab}.png")


def wait_for(browser, path, question):
    """Asks until the answer is not empty, for a minute; else saves a picture."""
    deadline = time.monotonic() + 60
    while not (answer := question()):
        if time.monotonic() > deadline:
            browser.save(path)
            pytest.fail(f"nothing there; see {path}:\n{browser.text()}")
        time.sleep(0.5)
    browser.save(path)
    return answer


def test_the_page_opens_with_curves(browser, of_all, tmp_path):
    def coloured():
        picture = browser.picture()
        inside = [picture[t:b, left:right] for t, b, left, right in browser.run(BOXES)]
        # Grids are grey, where red, green and blue are alike; the first of TensorBoard's colours,
        # which lines that hide all others may have, is #425066: they differ by 36.
        return inside and all(np.ptp(each, axis=2).max(initial=0) > 20 for each in inside)

    browser.open(of_all)
    assert wait_for(browser, tmp_path / "page.png", coloured)


@pytest.mark.slow  # every day, the tab shows the runs
def test_each_trial_of_a_search_is_a_line(browser, tensorboard, search, tmp_path):
    browser.open(f"{tensorboard(search)}/#hparams")
    wait_for(browser, tmp_path / "table.png", lambda: "trials" in browser.text())
    browser.press("PARALLEL COORDINATES VIEW")
    lines = ("tf-hparams-parallel-coords-plot", ".foreground path[d]")
    assert wait_for(browser, tmp_path / "lines.png", lambda: browser.count(*lines)) == TRIALS + 2
    shown = set(browser.text().split("\n"))
    assert {"learning_rate", "batch_size"} <= shown
    assert not {"window", "horizon", "optimizer", "seed"} & shown
