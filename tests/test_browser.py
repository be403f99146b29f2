"""TensorBoard opened in a headless Chromium: each tab of a run shows what was written to it."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

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
            yield
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

    def save(self, path):
        path.write_bytes(base64.b64decode(self._send("GET", f"{self.session}/screenshot")))

    def close(self):
        self._send("DELETE", self.session)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two small runs of the forecast recipe, with all that TensorBoard has a tab for."""
    from callbacks import events, summaries, write_projector
    from recipes.cli import main

    folder = tmp_path_factory.mktemp("browser")
    data = folder / "waves.csv"
    waves = np.sin(np.arange(300) / 3) + np.random.default_rng(0).normal(0, 0.1, 300)
    data.write_text("wave\n" + "\n".join(f"{value:.4f}" for value in waves) + "\n")
    flags = f"""--data {data} --model wavenet_lite --model.num_layers 2 --model.filters 4 --epochs 3
    --window 16 --horizon 2 --optimizer sgd --jit_compile false --norms --histogram_freq 1
    --progress false --statistics_seconds 0 --logdir {folder / "logs"}"""
    for name, rate in (("a", 0.01), ("b", 0.003)):
        extra = ["--name", name, "--learning_rate", str(rate)]
        assert main(["train", "forecast", *flags.split(), *extra]) == 0
    run = folder / "logs" / "forecast" / "a"
    generator = np.random.default_rng(0)
    write_projector(run, generator.normal(size=(20, 4)), [f"word {i}" for i in range(20)], "words")
    file = events.EventFile(run / "validation")
    file.add(summaries.pr_curve(generator.random(50) < 0.5, generator.random(50)), step=2)
    file.close()
    return folder / "logs"


@pytest.fixture(scope="module")
def tensorboard(runs, tmp_path_factory):
    port, log = free_port(), tmp_path_factory.mktemp("log") / "tensorboard.txt"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", runs, "--host", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}"
    with server([*map(str, command), "--port", str(port)], url, log):
        yield url


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs chromium")
    port, folder = free_port(), tmp_path_factory.mktemp("chromium")
    url = f"http://127.0.0.1:{port}"
    with server(["chromedriver", f"--port={port}"], f"{url}/status", folder / "driver.txt"):
        browser = Browser(url, folder / "profile")
        yield browser
        browser.close()


# What each tab must show: texts, and something drawn (where, what).
TABS = {
    "timeseries": (
        ["forecast/a", "forecast/b/validation", "best_val_loss"],
        ("scalar-card", "line-chart canvas, line-chart path"),
    ),
    "scalars": (
        ["epoch_loss", "learning_rate", "momentum", "gradient_norm", "steps_per_second"],
        ("vz-line-chart2", "path"),
    ),
    "images": (["forecasts", "forecast/a/validation", "forecast/b/validation"], ("body", "img")),
    "text": (["config/text_summary", "learning_rate: 0.01"], ("tf-markdown-view", "code, pre")),
    "graphs": (["series", "wavenet_lite", "Main Graph"], ("body", "g.node ellipse")),
    "hparams": (
        ["forecast/a", "forecast/b", "0.010000", "0.0030000", "best_val_loss"],
        ("body", "vaadin-grid-cell-content"),
    ),
    "distributions": (["block_0_layer_0_conv/kernel"], ("vz-distribution-chart", "path")),
    "histograms": (["block_0_layer_0_conv/kernel"], ("vz-histogram-timeseries", "path")),
    "pr_curves": (["pr_curve", "forecast/a/validation"], ("vz-line-chart2", "path")),
    "projector": (["Points:", "20", "Dimension:", "4", "words"], ("body", "canvas")),
}


#: The other tabs are a tour for `scripts/test -m browser`.
EVERYDAY = ("scalars", "hparams")
SLOW = [pytest.param(tab, marks=pytest.mark.slow) for tab in TABS if tab not in EVERYDAY]


@pytest.mark.parametrize("tab", [*EVERYDAY, *SLOW])
def test_the_tab_shows_data(browser, tensorboard, tmp_path, tab):
    texts, (host, part) = TABS[tab]
    browser.open(f"{tensorboard}/#{tab}")
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
