"""Published files are found, checked and never left half done."""

import gzip
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from recipes.data import download
from recipes.data.download import Published, fetch, open_bytes
from recipes.errors import UserError

CONTENT = b"day,riders\n1,2\n"
CONTENT_HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A machine with no data: an empty Keras cache, and a publisher that is a local folder."""
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    published = tmp_path / "published"
    published.mkdir()
    monkeypatch.setattr(download, "FILES", {})
    return published


def add(file, **known):
    known.setdefault("path", "sub/data.csv")
    download.FILES["data"] = Published(url=file.as_uri(), **known)


def tar_of(path, name, content):
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))


def files_below(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.name for path in files if path.suffix != ".lock")


def test_open_bytes_reads_plain_and_gzipped_files_whatever_their_name(tmp_path):
    plain, packed = tmp_path / "a.gz", tmp_path / "b.csv"
    plain.write_bytes(CONTENT)
    packed.write_bytes(gzip.compress(CONTENT))
    for path in (plain, packed):
        with open_bytes(path) as file:
            assert file.read() == CONTENT


@pytest.mark.parametrize("packed", [False, True])
def test_zoo_data_comes_first(place, tmp_path, monkeypatch, packed):
    add(place / "missing.csv", sha256=CONTENT_HASH)
    folder = tmp_path / "own" / "sub"
    folder.mkdir(parents=True)
    path = folder / ("data.csv.gz" if packed else "data.csv")
    path.write_bytes(gzip.compress(CONTENT) if packed else CONTENT)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "own"))
    assert fetch("data") == path


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"other", hashlib.sha256(b"other").hexdigest()),
        (gzip.compress(CONTENT, mtime=0)[:-9], "cannot be uncompressed"),
    ],
)
def test_a_damaged_file_in_zoo_data_is_refused_and_kept(
    place, tmp_path, monkeypatch, content, word
):
    add(place / "missing.csv", sha256=CONTENT_HASH)
    path = tmp_path / "own" / "sub" / "data.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "own"))
    with pytest.raises(UserError) as caught:
        fetch("data")
    for part in (str(path), CONTENT_HASH, word, "Delete it", "ZOO_DATA"):
        assert part in str(caught.value)
    assert path.exists()


def test_zoo_data_must_be_a_folder(place, tmp_path, monkeypatch):
    add(place / "missing.csv")
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="nowhere"):
        fetch("data")


def test_a_download_lands_in_the_cache_once(place, tmp_path, capsys):
    file = place / "data.csv"
    file.write_bytes(CONTENT)
    add(file, sha256=CONTENT_HASH)
    path = fetch("data")
    assert path.read_bytes() == CONTENT
    assert files_below(tmp_path / "keras" / "datasets") == ["data.csv"]
    assert capsys.readouterr().out == ""  # Standard output belongs to results.
    file.unlink()
    assert fetch("data") == path


def test_a_spoilt_file_in_the_cache_is_downloaded_again(place):
    file = place / "data.csv"
    file.write_bytes(CONTENT)
    add(file, md5=hashlib.md5(CONTENT).hexdigest())
    path = fetch("data")
    path.write_bytes(CONTENT[:3])
    assert fetch("data").read_bytes() == CONTENT


def test_one_member_is_taken_out_of_an_archive(place, tmp_path):
    archive = place / "data.tgz"
    tar_of(archive, "../../outside/data.csv", CONTENT)
    add(archive, sha256=CONTENT_HASH, member="data.csv")
    assert fetch("data").read_bytes() == CONTENT
    assert files_below(tmp_path / "keras" / "datasets") == ["data.csv"]
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("known", ["sha256", "md5"])
def test_a_wrong_download_is_refused_and_leaves_nothing(place, tmp_path, known):
    file = place / "data.csv"
    file.write_bytes(b"changed")
    expected = hashlib.new("md5" if known == "md5" else "sha256", CONTENT).hexdigest()
    actual = hashlib.new("md5" if known == "md5" else "sha256", b"changed").hexdigest()
    add(file, **{known: expected})
    with pytest.raises(UserError) as caught:
        fetch("data")
    for part in (file.as_uri(), expected, actual, "ZOO_DATA", "sub/data.csv"):
        assert part in str(caught.value)
    assert files_below(tmp_path / "keras" / "datasets") == []


def test_an_archive_without_the_file_or_cut_short_is_refused(place, tmp_path):
    archive = place / "data.tgz"
    tar_of(archive, "other.csv", CONTENT)
    add(archive, member="data.csv")
    with pytest.raises(UserError, match=r"no file in it is named data\.csv"):
        fetch("data")
    tar_of(archive, "data.csv", bytes(range(256)) * 999)
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(UserError, match="cannot be unpacked"):
        fetch("data")
    assert files_below(tmp_path / "keras" / "datasets") == []


def test_no_network_names_the_file_the_source_and_the_way_out(place, tmp_path):
    add(place / "missing.csv")
    with pytest.raises(UserError) as caught:
        fetch("data")
    for part in ("'data'", (place / "missing.csv").as_uri(), "ZOO_DATA", "sub/data.csv", "--data"):
        assert part in str(caught.value)
    assert files_below(tmp_path / "keras" / "datasets") == []


@pytest.mark.parametrize(
    ("url", "most", "reason"),
    [
        ("http://example.org/data.csv", 99, "unknown url type: http"),
        (None, 0, "larger than 0 bytes"),
    ],
)
def test_only_https_and_only_so_much(place, tmp_path, monkeypatch, url, most, reason):
    monkeypatch.setattr(download, "MOST", most)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    file = place / "data.csv"
    file.write_bytes(bytes(1 << 20) * 2)
    add(file)
    if url:
        download.FILES["data"] = Published(url=url, path="sub/data.csv")
    with pytest.raises(UserError, match=reason):
        fetch("data")
    assert files_below(tmp_path / "keras" / "datasets") == []


@pytest.fixture
def publisher(place, monkeypatch):
    """A server on this machine: `answers` are what it does, one for each request that it `saw`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            saw.append(asked)
            answer = answers.pop(0)
            start = int(asked[6:-1]) if asked and answer != "whole" else 0
            self.send_response(416 if start >= len(LARGE) else 206 if start else 200)
            self.send_header("Content-Length", str(len(LARGE) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(LARGE) - 1}/{len(LARGE)}")
            self.end_headers()
            end = start + answer if isinstance(answer, int) else None
            self.wfile.write(LARGE[start:end])

        def log_message(self, *_):
            pass

    answers, saw = [], []
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(download, "_HANDLERS", (*download._HANDLERS, "HTTPHandler"))
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/data.csv"
    sha256 = hashlib.sha256(LARGE).hexdigest()
    download.FILES["data"] = Published(url=url, path="sub/data.csv", sha256=sha256)
    yield answers, saw
    server.shutdown()
    server.server_close()


LARGE = bytes(range(256)) * 20_000


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([3_000_000, 1_000_000, None], [None, "bytes=2999999-", "bytes=3999998-"]),
        ([3_000_000, "whole"], [None, "bytes=2999999-"]),
        ([len(LARGE) - 1, None], [None, f"bytes={len(LARGE) - 2}-"]),
    ],
)
def test_a_download_goes_on_where_it_ended(publisher, tmp_path, answers, asked):
    publisher[0].extend(answers)
    for _ in answers[1:]:
        with pytest.raises(UserError, match="Another try goes on"):
            fetch("data")
        assert files_below(tmp_path / "keras") == [".data.csv.part"]
    assert fetch("data").read_bytes() == LARGE
    assert publisher[1] == asked
    assert files_below(tmp_path / "keras") == ["data.csv"]


@pytest.mark.parametrize(
    ("part", "message"),
    [(b"x" * 1000, "not the expected one"), (LARGE * 2, "Could not download")],
)
def test_what_arrived_before_and_is_of_another_file_is_forgotten(
    publisher, tmp_path, part, message
):
    folder = tmp_path / "keras" / download.CACHE / "sub"
    folder.mkdir(parents=True)
    (folder / ".data.csv.part").write_bytes(part)
    publisher[0].extend([None, None])
    with pytest.raises(UserError, match=message):
        fetch("data")
    assert fetch("data").read_bytes() == LARGE
    assert publisher[1][1] is None


def test_what_had_arrived_whole_is_taken(publisher, tmp_path):
    folder = tmp_path / "keras" / download.CACHE / "sub"
    folder.mkdir(parents=True)
    (folder / ".data.csv.part").write_bytes(LARGE)
    publisher[0].append(None)
    assert fetch("data").read_bytes() == LARGE
    assert publisher[1] == [f"bytes={len(LARGE) - 1}-"]


def test_a_member_larger_than_the_limit_is_refused(place, monkeypatch):
    archive = place / "data.tgz"
    tar_of(archive, "data.csv", bytes(5_000_000))
    add(archive, member="data.csv")
    monkeypatch.setattr(download, "MOST", 1_000_000)
    with pytest.raises(UserError, match="too large"):
        fetch("data")


def test_published_files_come_over_https_and_have_a_hash():
    assert len(download.FILES) == 17
    for name, row in download.FILES.items():
        assert row.url.startswith("https://"), name
        assert len(row.sha256 or row.md5) in (32, 64), name


def test_a_cache_that_cannot_be_written_is_the_users_to_mend(place, tmp_path, monkeypatch):
    add(place / "data.csv")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="KERAS_HOME"):
        fetch("data")


def test_an_unknown_name_is_a_mistake_of_the_program(place):
    with pytest.raises(ValueError, match="nonsense"):
        fetch("nonsense")
