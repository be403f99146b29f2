"""Files appear whole or not at all."""

import os
import stat
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

from recipes.data.writing import opened, write_text
from recipes.generate_images import predict


def test_a_text_that_is_written_as_it_comes_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("old")
    with opened(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    with pytest.raises(ValueError, match="no disk"), opened(path):
        raise ValueError("no disk")
    assert path.read_text() == "new"


def test_a_pipe_stays_one(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    end = os.open(path, os.O_RDWR)  # which lets others write without waiting for a reader
    write_text(path, "read me")
    assert os.read(end, 100) == b"read me"
    os.close(end)
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("ending", [".npy", ".png"])
def test_pictures_appear_when_they_are_whole(tmp_path, ending):
    path = tmp_path / f"grid{ending}"
    folder, config = SimpleNamespace(load=dict), SimpleNamespace(model="gan", seed=1, steps=1)
    found = np.zeros((2, 4, 4), "uint8")
    drawer = mock.patch.object(
        predict, "Drawer", **{"return_value.interpolated.return_value": found}
    )
    with drawer:
        with (
            mock.patch("numpy.save", side_effect=KeyboardInterrupt),
            mock.patch("PIL.Image.Image.save", side_effect=KeyboardInterrupt),
            pytest.raises(KeyboardInterrupt),
        ):
            predict.predict(folder, config, {}, None, path, samples=2)
        assert not path.exists()
        predict.predict(folder, config, {}, None, path, samples=2)
    assert path.read_bytes().startswith(b"\x93NUMPY" if ending == ".npy" else b"\x89PNG")
