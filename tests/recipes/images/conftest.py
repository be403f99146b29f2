"""Runs on tiny pictures, shared by the tests of the recipe."""

import contextlib
from unittest import mock

import numpy as np
import pytest

from recipes.images import baselines
from tests.recipes.images.bands import TINY, pictures


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "bands.npz"
    x, y = pictures()
    np.savez(path, x=x, y=y)
    return path


@pytest.fixture(scope="session")
def train(trainer, data):
    """Calls `zoo train images` with a tiny model and returns the folder of the run."""
    run = trainer("images", **TINY, data=data)

    def train(*flags, boost=False, **settings):
        with contextlib.ExitStack() as stack:
            if not boost:  # which takes longer than training here, as drawing does
                stack.enter_context(mock.patch.object(baselines, "MAX_BOOSTING", 0))
            return run(*flags, **settings)

    return train


@pytest.fixture(scope="session")
def run(train):
    """A plain run, pictures, boosting and all."""
    return train(draw=True, boost=True)


@pytest.fixture(scope="session")
def sampled(train):
    """A run with Monte-Carlo dropout."""
    return train(mc_samples=8, compiled=True)
