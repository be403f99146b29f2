"""A small run that draws, which older versions could not save."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def drawing(trainer, tmp_path_factory):
    data = tmp_path_factory.mktemp("data") / "bands.npz"
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 8)).astype(np.uint8)
    np.savez(data, x=x, y=np.arange(60) % 2)
    flags = {"epochs": 1, "progress": "false", "score_samples": 50, "steps_per_execution": 1}
    flags |= {"model": "autoencoder", "model.units": "[8,3]"}
    return trainer("generate_images", data=data, **flags)()
