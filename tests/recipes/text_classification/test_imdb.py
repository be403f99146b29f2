"""The reviews: the published archive, its download, and the parts that are made of it."""

import functools
import io
import tarfile

import pytest

from recipes.data.download import FILES
from recipes.errors import UserError
from recipes.text_classification.data import imdb as reviews
from recipes.text_classification.data.imdb import imdb, read_archive
from recipes.text_classification.data.text_splits import text_keys


def archive(path, members):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


MEMBERS = {
    "aclImdb/README": b"-",
    "aclImdb/train/unsup/0_0.txt": b"-",
    "aclImdb/train/pos/1_8.txt": b"p1",
    "aclImdb/train/pos/0_9.txt": "p0 \x85 é".encode(),
    "aclImdb/train/neg/1_1.txt": b"n1",
    "aclImdb/train/neg/0_3.txt": b"n0",
    "aclImdb/test/neg/0_2.txt": b"tn0",
    "aclImdb/test/neg/10_2.txt": b"tn10",
    "aclImdb/test/pos/2_10.txt": b"tp2",
    "aclImdb/test/pos/0_7.txt": b"tp0",
}


def test_the_published_archive_gives_the_same_table(tmp_path, monkeypatch):
    monkeypatch.setattr(reviews, "COUNT", 2)
    train, test = read_archive(archive(tmp_path / "a.tar.gz", MEMBERS))
    assert train.to_csv(index=False).split("\n") == [
        "id,rating,label,review", "0,3,0,n0", "0,9,1,p0 \x85 é", "1,1,0,n1", "1,8,1,p1", ""
    ]  # fmt: skip
    assert test["review"].tolist() == ["tn0", "tp0", "tp2", "tn10"]


def test_the_archive_is_downloaded_where_there_are_no_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(reviews, "COUNT", 2)
    (tmp_path / "imdb").mkdir()
    archive(tmp_path / FILES["imdb"].path, MEMBERS)
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    data = imdb("book")
    assert {name: len(rows) for name, rows in data.rows.items()} == {
        "train": 3, "validation": 1, "test": 4
    }  # fmt: skip
    assert data.texts[data.target.values == 1].tolist() == ["p0 \x85 é", "p1", "tp0", "tp2"]


def test_damaged_archives(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.tar.gz", MEMBERS)
    with pytest.raises(
        UserError, match=r"Expected 12,500 reviews .*Received: 2 negative and 2 pos"
    ):
        read_archive(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"Cannot read .*a\.tar\.gz"):
        read_archive(path)


@pytest.fixture(scope="module")
def imdb_parts(zoo_data):
    return functools.cache(imdb)


@pytest.mark.parametrize("split", [pytest.param("random", marks=pytest.mark.slow), "book"])
def test_reviews(imdb_parts, split):
    data = imdb_parts(split)
    sizes = {"random": (22_384, 2_505, 25_000), "book": (22_500, 2_500, 25_000)}
    assert tuple(map(len, data.rows.values())) == sizes[split]
    assert data.target.labels == ("negative", "positive")
    for rows in data.rows.values():
        assert data.target.values[rows].mean() == pytest.approx(0.5, abs=0.015)
    assert data.texts[1].startswith("Bromwell High is a cartoon comedy.")
    assert (data.target.values[1], data.numbers[1], data.numbers[25_000]) == (1, 2, 1)
    keys = {name: set(text_keys(data.texts[rows])) for name, rows in data.rows.items()}
    shared = [len(keys["train"] & keys[name]) for name in ("validation", "test")]
    assert (sum(shared) == 0) == (split == "random")
    assert len(data.notes) == {"random": 2, "book": 1}[split]
