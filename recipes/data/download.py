"""Published files: found in the folder `ZOO_DATA`, in the Keras cache, or downloaded into it.

Over https alone, up to a size, and used only where the hash is the expected one. (pooch checks a
file as it was published, and of one that was packed or unpacked only the content can be checked.)
"""

import gzip
import hashlib
import http.client
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from filelock import FileLock

from recipes.errors import DAMAGED, UserError

GZIP_MAGIC = b"\x1f\x8b"
#: Bytes of a download at most.
MOST = 1 << 30
#: Where downloads lie in the folder of Keras.
CACHE = "datasets/handson_zoo"
#: What `urllib.request` opens a URL with, besides a publisher on this machine.
_HANDLERS = (
    *("ProxyHandler", "HTTPSHandler", "HTTPRedirectHandler", "HTTPErrorProcessor"),
    *("HTTPDefaultErrorHandler", "FileHandler", "UnknownHandler"),
)


@dataclass(frozen=True)
class Published:
    """One published file, which lies at `path` in the folder `ZOO_DATA`, as it is or gzipped.

    `sha256` is that of the content, uncompressed: gzip's bytes vary with the program that wrote
    them. `md5`, of the bytes as published, is for publishers that state nothing better. `member` is
    the end of the name of the one file wanted in a tar archive.
    """

    url: str
    path: str
    sha256: str | None = None
    md5: str | None = None
    member: str | None = None


_KERAS_DATASETS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_ACL_IMDB = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
_BOOK_DATASETS = "https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/"

FILES: dict[str, Published] = {
    "housing": Published(
        _BOOK_DATASETS + "housing/housing.csv", "housing/housing.csv",
        "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e"),
    "titanic": Published(
        _BOOK_DATASETS + "titanic/train.csv", "tabular/titanic-train.csv",
        "14769fb1850e2d26d8e6db0ee49c213878040432827e39b13caaa15603c6598f"),
    "chorales": Published(
        _BOOK_DATASETS + "jsb_chorales/jsb_chorales.tgz", "jsb_chorales/jsb_chorales.tgz",
        "8b55f5c4e5176035679649036824bd42fd7abae7b232f60772d3b79f6fbd45d1"),
    "shakespeare": Published(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "shakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),
    "spa_eng": Published(
        "https://storage.googleapis.com/download.tensorflow.org/data/spa-eng.zip",
        "spa-eng/spa-eng.zip", "0c4fd7825d3d872488d38c157f784e035edab4f2ff0df25a2a208790ecb5b58f"),
    "imdb": Published(_ACL_IMDB, "imdb/aclImdb_v1.tar.gz", md5="7c2ac02c03563afcf9b574c7e56c153a"),
    "imdb_train": Published(
        _ACL_IMDB, "imdb/imdb_train.csv",
        "bed39017e043f33c2346982d5f075833c44b2d938f2c0483d491c263c67f634e"),
    "imdb_test": Published(
        _ACL_IMDB, "imdb/imdb_test.csv",
        "8ab6f6f976eddd12b2814a92b6c7901791d7db16090f513001492c414dee476b"),
    "ridership": Published(
        "https://github.com/ageron/data/raw/main/ridership.tgz",
        "timeseries/CTA_-_Ridership_-_Daily_Boarding_Totals.csv",
        "34faaba085ca21434b7dd3e0abcbaf8cde5be3a4f170dda1c8caef72c5c4bd06",
        member="CTA_-_Ridership_-_Daily_Boarding_Totals.csv"),
}  # fmt: skip

_IDX = {
    "train_images": "train-images-idx3", "train_labels": "train-labels-idx1",
    "test_images": "t10k-images-idx3", "test_labels": "t10k-labels-idx1",
}  # fmt: skip
for _folder, _base, *_hashes in (
    ("fashion-mnist", _KERAS_DATASETS,
     "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
     "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
     "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
     "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ("mnist", _MNIST,
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
):  # fmt: skip
    for _name, _hash in zip(_IDX, _hashes, strict=True):
        _file = f"{_IDX[_name]}-ubyte.gz"
        _key = f"{_folder}_{_name}".replace("-", "_")
        FILES[_key] = Published(_base + _file, f"{_folder}/{_file}", sha256=_hash)


def open_bytes(path: str | Path) -> BufferedIOBase:
    """Opens a file for reading, through gzip if its first bytes, not its name, say so."""
    with open(path, "rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
    return gzip.open(path) if compressed else open(path, "rb")


def fetch(name: str) -> Path:
    """The path of a published file, downloaded when it is nowhere on this machine.

    It is checked against its hash, and may be compressed: read it with `open_bytes`.
    A `UserError` if it is not the published one, or cannot be downloaded; a `ValueError` for a name
    that is not in `FILES`.
    """
    return find_local(name) or _fetch_cached(name, FILES[name])


def fetch_missing(dataset: str) -> None:
    """Downloads the files of a named dataset that are nowhere on this machine; see `fetch`."""
    stem = dataset.removesuffix("_book")
    for name, row in FILES.items():
        if name == stem or name.startswith(f"{stem}_"):
            forms = [each for each in FILES.values() if each.url == row.url]
            if not any(_find_local(x) or (keras_home() / CACHE / x.path).is_file() for x in forms):
                fetch(name)


def find_local(name: str) -> Path | None:
    """The path of a published file in the folder `ZOO_DATA`, or None without one; see `fetch`."""
    if name not in FILES:
        raise ValueError(f"Expected one of {sorted(FILES)}. Received: name={name!r}")
    row = FILES[name]
    local = _find_local(row)
    if problem := local and _problem(local, row, "sha256"):
        raise UserError(
            f"The file {local} is not the published one: {problem}. Delete it to have it "
            f"downloaded from {row.url}, or point ZOO_DATA at a folder with a good copy."
        )
    return local


def _find_local(row: Published) -> Path | None:
    folder = os.environ.get("ZOO_DATA")
    if not folder:
        return None
    if not os.path.isdir(folder):
        raise UserError(
            f"Expected the environment variable ZOO_DATA to name a folder. Received: {folder!r}. "
            "Create it, correct it, or unset it to download the data."
        )
    plain = row.path.removesuffix(".gz")
    return next(filter(Path.is_file, (Path(folder, plain), Path(folder, plain + ".gz"))), None)


def keras_home() -> Path:
    """The folder of Keras' own cache, where this project's lies, too."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def _fetch_cached(name: str, row: Published) -> Path:
    """Keras' cache holds the file wanted (not its archive), and only after it was checked."""
    target = keras_home() / CACHE / row.path
    if target.is_file() and _problem(target, row, "sha256", "md5") is None:
        return target
    part = target.with_name(f".{target.name}.part")  # what has arrived, until all has
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{part}.lock"):  # a second process would write into the same file
            _download(name, row, part)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                os.replace(_checked(part, row, Path(folder)), target)
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot write the data of {name!r} to {target.parent}: {error}. Set KERAS_HOME to a "
            "folder with room that can be written to."
        ) from error
    return target


def _download(name: str, row: Published, part: Path) -> None:
    """Downloads what is missing of a file, or all of it where the publisher sends no parts."""
    opener = urllib.request.OpenerDirector()
    for kind in _HANDLERS:  # none of them speaks http: no redirect leads there
        opener.add_handler(getattr(urllib.request, kind)())
    print(f"downloading {row.url}", file=sys.stderr)
    start = max(part.stat().st_size - 1, 0) if part.exists() else 0  # some byte is left to ask for
    request = urllib.request.Request(row.url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with opener.open(request, timeout=60) as source, part.open("ab") as out:
            goes_on = source.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            out.truncate(out.seek(start if goes_on else 0))
            while chunk := source.read(1 << 20):
                if out.tell() > MOST:
                    raise OSError(f"it is larger than {MOST:,} bytes")
                out.write(chunk)
            if getattr(source, "length", 0):
                raise OSError(f"it ended {source.length:,} bytes too early")
    except (OSError, ValueError, http.client.HTTPException) as error:
        if getattr(error, "code", 0) == 416 or (part.exists() and part.stat().st_size > MOST):
            part.unlink()
        raise UserError(
            f"Could not download the data of {name!r} from {row.url}: {error}. Another try goes on "
            f"where this one ended. Without a network, copy the file to {row.path} in a folder "
            "that the environment variable ZOO_DATA names, or use the recipe's offline default "
            "(leave --dataset out) or a file of your own (--data)."
        ) from error


def _checked(part: Path, row: Published, folder: Path) -> Path:
    """Returns the file wanted out of a fresh download, or refuses it."""
    try:
        published = _extract(part, row.member, folder / "member") if row.member else part
        problem = _problem(published, row, "sha256", "md5")
    except DAMAGED as error:
        problem = f"it cannot be unpacked ({error})"
    if problem:
        part.unlink()
        raise UserError(
            f"The file downloaded from {row.url} is not the expected one: {problem}. It was "
            "deleted. Try again later; if the publisher has changed the file, put the expected "
            f"one at {row.path} in a folder that the environment variable ZOO_DATA names."
        )
    return published


def _extract(archive: Path, member: str, target: Path) -> Path:
    """Copies one member out of an archive. No path inside the archive is ever used."""
    with tarfile.open(archive) as file:
        found = next((m for m in file if m.isfile() and m.name.endswith(member)), None)
        if found is None or found.size > MOST:
            raise ValueError(f"no file in it is named {member}, or it is too large")
        source = file.extractfile(found)
        assert source is not None  # a regular file
        with source, open(target, "wb") as out:
            shutil.copyfileobj(source, out)
    return target


def _problem(path: Path, row: Published, *hashes: str) -> str | None:
    """In words, why a file is not the published one; None if it is, as far as that is known."""
    for algorithm in hashes:
        expected = getattr(row, algorithm)
        if expected is None:
            continue
        what = "content " if algorithm == "sha256" else ""
        try:
            with open_bytes(path) if what else open(path, "rb") as file:
                actual = hashlib.file_digest(file, algorithm).hexdigest()
        except DAMAGED as error:
            return f"it cannot be uncompressed ({error}), expected content with sha256 {expected}"
        if actual != expected:
            return f"expected {what}{algorithm} {expected}, received {actual}"
    return None
