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
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-dev-shm-usage --disable-background-networking --disable-component-update --hide-scrollbars
--enable-unsafe-swiftshader --window-size=1500,950""".split()

# Everything that a reader sees, those parts included that components hide in shadow trees.
TEXT = """
const seen = [];
const visit = root => root.childNodes.forEach(node => {
  if (node.nodeType === 3) seen.push(node.data.trim());
  if (node.nodeType !== 1 || node.tagName === 'STYLE' || node.tagName === 'SCRIPT') return;
  if (!node.checkVisibility()) return;
  if (node.shadowRoot) visit(node.shadowRoot);
  visit(node);
});
visit(document.body);
return seen.filter(Boolean).join('\\n');
"""

FIND_ALL = """
const find = root => [...root.querySelectorAll('*')].flatMap(
  node => [...(node.matches(SELECTOR) ? [node] : []),
           ...(node.shadowRoot ? find(node.shadowRoot) : [])]);
return find(document).filter(node => node.checkVisibility())
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

    def run(self, script):
        return self._send("POST", f"{self.session}/execute/sync", {"script": script, "args": []})

    def text(self):
        return self.run(TEXT)

    def count(self, selector):
        script = FIND_ALL.replace("SELECTOR", json.dumps(selector))
        return self.run(f"{script.rstrip()}.length")

    def save(self, path):
        path.write_bytes(base64.b64decode(self._send("GET", f"{self.session}/screenshot")))

    def close(self):
        self._send("DELETE", self.session)
