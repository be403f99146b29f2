"""`zoo predict` of runs on tiny pictures."""

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import zoo
from recipes.cli import main
from recipes.engine.predict import SavedRun
from tests.recipes.images.bands import (
    pictures,
    predict,
    rows_of,
)


def test_predict_repeats_the_run(run):
    assert predict(run) == rows_of(run / "predictions.csv")


def test_predict_from_arrays_folders_and_single_pictures(run, tmp_path):
    x, y = pictures(6, seed=5)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    header, *with_labels = predict(run, tmp_path / "a.npz")
    assert header[:2] == ["index", "label"]
    assert [row[1] for row in with_labels] == y.tolist()
    np.savez(tmp_path / "b.npz", x=x)
    header, *rows = predict(run, tmp_path / "b.npz")
    assert [row[1:] for row in rows] == [row[2:] for row in with_labels]
    deep = tmp_path / "folder" / "deep"
    deep.mkdir(parents=True)
    for index, picture in enumerate(x):
        Image.fromarray(picture).save(deep / f"{index}.png")
    header, *rows = predict(run, tmp_path / "folder")
    assert header[:2] == ["file", "prediction"]
    assert [row[0] for row in rows] == [str(Path("deep", f"{index}.png")) for index in range(6)]
    assert [row[1:] for row in rows] == [row[2:] for row in with_labels]
    (one,) = predict(run, deep / "3.png")[1:]
    assert one == ["3.png", *with_labels[3][2:]]
    table = tmp_path / "named.csv"
    table.write_text(
        "path\n" + "".join(f"{(deep / f'{n}.png').relative_to(tmp_path)}\n" for n in (3, 1))
    )
    named = predict(run, table)[1:]
    assert [row[1:] for row in named] == [with_labels[n][2:] for n in (3, 1)]
    assert named[0][0] == str((deep / "3.png").relative_to(tmp_path))


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((6, 5, 3), np.uint8), "Expected grey images"),
        (b"broken", "Cannot read the image"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(run, tmp_path, capsys, picture, message):
    path = tmp_path / "a.png"
    path.write_bytes(picture) if isinstance(picture, bytes) else Image.fromarray(picture).save(path)
    output = tmp_path / "out.csv"
    assert main(["predict", str(run), str(path), "-o", str(output)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "a.png" in error
    assert not output.exists()


def test_a_folder_of_coloured_pictures(train, tmp_path, capsys):
    x, y = pictures(channels=(3,))
    for index, (picture, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "classes" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "classes" / label / f"{index}.png")
    (tmp_path / "classes" / "notes.txt").write_text("hello")
    flags = {"image_size": "8,4", "class_weight": "balanced", "compiled": True}
    run = train(data=tmp_path / "classes", **flags)
    assert zoo.load(run).input_shape == (None, 8, 4, 3)
    assert "left out: notes.txt" in (run / "report.md").read_text()
    header, *rows = rows_of(run / "predictions.csv")
    assert header[:2] == ["file", "label"]
    assert all(Path(row[0]).parent.name == row[1] for row in rows)
    assert predict(run) == [header, *rows]
    again = {row[0]: row[1:] for row in predict(run, tmp_path / "classes")[1:]}
    assert all(again[row[0]] == row[2:] for row in rows)
    grey = tmp_path / "grey.png"  # of another size, too
    Image.fromarray(x[0, :, :, 0]).save(grey)
    assert predict(run, grey)[1][0] == "grey.png"


def test_photos_of_many_sizes_train_the_default(train, tmp_path, capsys):
    """From the folder to predictions: a residual network, which sees photos and mirror images."""
    generator = np.random.default_rng(3)
    for index in range(24):
        name = ("dark", "light")[index % 2]
        size = (9 + index % 3, 12 + index % 5, 3)
        pixels = generator.integers(0, 120, size) + 120 * (index % 2)
        (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{index}.png")
    (tmp_path / "photos" / "dark" / "torn.png").write_bytes(b"torn")
    flags = {"model.units": None, "model.dropout": None, "model.filters": 4, "epochs": 1}
    run = train(data=tmp_path / "photos", model="small_resnet", skip_broken="true", **flags)
    model = zoo.load(run)
    assert model.input_shape == (None, 10, 10, 3)
    x = generator.integers(0, 255, (3, 10, 10, 3)).astype(np.uint8)
    np.testing.assert_allclose(model(x), model(x[:, :, ::-1]), rtol=1e-4)
    text = (run / "report.md").read_text()
    assert "1 of 25 images cannot be read, left out: " in text
    assert "24 of 24 images resized to 10 x 10 pixels" in text
    assert "training images are mirrored, moved by up to 1 pixels at random" in text
    _, *rows = predict(run, tmp_path / "photos")
    assert len(rows) == 24
    assert "left out: " in capsys.readouterr().err


def test_twelve_bits_are_scaled_alike_in_training_and_prediction(train, tmp_path, capsys):
    x, y = pictures()
    for index, (picture, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "classes" / label).mkdir(parents=True, exist_ok=True)
        deep = picture.astype(np.uint16) * 16 + 5  # up to 2,869
        Image.fromarray(deep).save(tmp_path / "classes" / label / f"{index}.png")
    run = train(data=tmp_path / "classes", compiled=True)
    said = "images of 16 bits or more hold values up to 2,869: read as 12 bits"
    assert said in (run / "report.md").read_text()
    assert yaml.safe_load((run / "config.yaml").read_text())["run"]["image_depth"] == {"bits": 12}
    assert predict(run) == rows_of(run / "predictions.csv")
    dark = tmp_path / "dark"
    dark.mkdir()
    for index, picture in enumerate(x[:12]):
        Image.fromarray(picture.astype(np.uint16)).save(dark / f"{index}.png")
    capsys.readouterr()

    def probabilities(run):
        _, *rows = predict(run, dark)
        assert [row[0] for row in rows] == [f"{index}.png" for index in range(12)]
        return np.array([row[4:] for row in rows], float)

    model = zoo.load(run)
    expected = model.predict(x[:12] >> 4, verbose=0)
    np.testing.assert_allclose(probabilities(run), expected, rtol=1e-5, atol=1e-7)
    top = x[:12].max()
    assert (
        f"note: images of 16 bits or more hold values up to {top}: read" in capsys.readouterr().err
    )
    # Runs of before, which do not say it, took all 16 bits for granted.
    former = tmp_path / "former"
    shutil.copytree(run, former)
    saved = yaml.safe_load((former / "config.yaml").read_text())
    del saved["run"]["image_depth"], saved["run"]["sha256"]
    (former / "config.yaml").write_text(yaml.safe_dump(saved))
    expected = model.predict(np.zeros_like(x[:12]), verbose=0)
    np.testing.assert_allclose(probabilities(former), expected, rtol=1e-5, atol=1e-7)
    sources = [row[0] for row in rows_of(former / "predictions.csv")[1:]]
    _, *rows = predict(former)
    assert [row[0] for row in rows] == sources
    deep = [np.asarray(Image.open(tmp_path / "classes" / source)) >> 8 for source in sources]
    expected = model.predict(np.array(deep, np.uint8), verbose=0)
    found = np.array([row[5:] for row in rows], float)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_other_mistakes_at_prediction(run, tmp_path, capsys):
    x, y = pictures(6)
    np.savez(tmp_path / "a.npz", x=x, y=np.where(y == "top", "left", y))
    assert predict(run, tmp_path / "a.npz")[1][1] == "left"
    assert "classes that the model has never seen ('left')" in capsys.readouterr().err
    np.savez(tmp_path / "b.npz", x=x[:, :4])
    (tmp_path / "empty").mkdir()
    for arguments, message in [
        ([tmp_path / "b.npz"], "Expected images of shape (6, 5)"),
        ([tmp_path / "empty"], "There are no images in"),
        ([tmp_path / "nothing"], "There is no file"),
        ([tmp_path / "b.npz", "--backtest"], "--backtest is for runs of forecast: leave it out"),
    ]:
        assert main(["predict", str(run), *map(str, arguments)]) == 2
        assert message in capsys.readouterr().err


def test_where_a_class_is_seen_in_a_picture(run, train, tmp_path):
    small = {"model": "small_resnet", "model.filters": "[4,8]", "model.units": None}
    pooled = train(**small, **{"model.dropout": None, "epochs": 1})
    picture = pictures(1)[0][0]
    Image.fromarray(picture).save(tmp_path / "a.png")
    found = {}
    for name, path in (("pooled", pooled), ("dense", run)):
        saved = SavedRun(path)
        found[name] = saved.recipe.explain(
            saved.folder, saved.config, (tmp_path / "a.png").read_bytes()
        )
    assert found["dense"] is None
    assert found["pooled"]["class"] == predict(pooled, tmp_path / "a.png")[1][1]
    with Image.open(io.BytesIO(base64.b64decode(found["pooled"]["picture"]))) as drawn:
        colours = np.asarray(drawn.convert("RGB")).astype(int)
    assert colours.shape == (300, 300, 3)
    assert np.ptp(colours, axis=2).max() > 50  # the picture is grey, the map is not
