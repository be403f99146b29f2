"""What tests of decoders and of TF-Hub modules share."""

import pytest

from tests.hub_modules import save_number_module, save_text_module, save_tf1_module
from zoo.decoding.sources import DecoderLoop


@pytest.fixture
def steps(monkeypatch):
    """How many steps each loop makes, in turn."""
    found, run = [], DecoderLoop.predict_on_batch

    def counted(loop, inputs):
        outputs = run(loop, inputs)
        found.append(int(outputs[0]))
        return outputs

    monkeypatch.setattr(DecoderLoop, "predict_on_batch", counted)
    return found


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """A folder with the three modules; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("modules")
    save_text_module(folder / "text")
    save_number_module(folder / "numbers")
    save_tf1_module(folder / "tf1")
    return folder


@pytest.fixture
def text(modules):
    return str(modules / "text")


@pytest.fixture
def numbers(modules):
    return str(modules / "numbers")
