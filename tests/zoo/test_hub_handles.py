"""How handles of TF-Hub modules are found: archives, folders, addresses, the cache."""

import functools
import hashlib
import http.server
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.hub_modules import (
    TEXTS,
    expected,
)
from zoo.layers import HubLayer


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pack(folder, archive, inside="."):
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, inside)
    return archive


def works(handle):
    np.testing.assert_allclose(HubLayer(handle)(TEXTS), expected(TEXTS), atol=1e-6)


def test_archives_are_unpacked_into_the_cache_once(text, cache, tmp_path):
    archive = pack(text, tmp_path / "module.tar.gz")
    works(archive)
    (unpacked,) = cache.iterdir()
    works(f"file://{archive}")
    assert list(cache.iterdir()) == [unpacked]
    works(pack(text, tmp_path / "nested.tgz", inside="folder"))
    works(shutil.make_archive(str(tmp_path / "module"), "zip", text))
    assert len(list(cache.iterdir())) == 3


def test_an_archive_that_changes_is_unpacked_anew(modules, cache, tmp_path):
    archive = pack(modules / "numbers", tmp_path / "module.tar.gz")
    assert not HubLayer(archive).takes_text
    pack(modules / "text", archive)
    assert HubLayer(archive).takes_text
    assert len(list(cache.iterdir())) == 2


def test_folders_by_url_and_relative_to_the_working_directory(text, monkeypatch):
    works(f"file://{text}")
    monkeypatch.chdir(Path(text).parent)
    works("text")


def test_a_url_is_looked_up_in_the_cache(text, cache):
    url = "https://example.com/a/module/1"
    shutil.copytree(text, cache / hashlib.sha1(url.encode()).hexdigest())
    works(url)


def test_a_url_is_downloaded_once(text, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(self.path)

    pack(text, tmp_path / "module.tar.gz")
    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/module.tar.gz"
        works(url)
        works(url)
        with pytest.raises(ValueError, match=r"other\.tar\.gz.*404"):
            HubLayer(url.replace("module", "other"))
        server.shutdown()
    assert len([path for path in requests if path.startswith("/module")]) == 1
    assert (cache / hashlib.sha1(url.encode()).hexdigest() / "saved_model.pb").exists()


def test_handles_that_do_not_resolve(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar.gz").write_text("no archive")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/saved_model.pb").write_bytes(b"no model")
    url = "http://127.0.0.1:9/module"
    for handle, message in [
        (f"{tmp_path}/gone", "there is no file or folder .*gone"),
        (f"{tmp_path}/empty", "contains neither 'saved_model.pb'"),
        (f"{tmp_path}/text.tar.gz", "neither a tar nor a zip archive"),
        (f"{tmp_path}/broken", "SavedModel|parse"),
        ("other://module", "other://module"),
        (url, f"unpack it into {cache}/{hashlib.sha1(url.encode()).hexdigest()}"),
    ]:
        with pytest.raises(ValueError, match=message) as caught:
            HubLayer(handle)
        assert str(caught.value).startswith(f"The TF-Hub module {handle!r} cannot be loaded")
        assert f"HubLayer.handles[{handle!r}]" in str(caught.value)
