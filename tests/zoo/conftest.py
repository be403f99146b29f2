"""What tests of decoders share."""

import pytest

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
