"""Windows of a series and their targets, for models that forecast at the last or at every step."""

import numpy as np
import pandas as pd
import pytest

import zoo

MODELS = {
    "last step": lambda: zoo.linear_forecaster((8, 2), horizon=3),
    "every step": lambda: zoo.wavenet_lite((8, 2), horizon=3, filters=2, num_layers=3),
    "every second step": lambda: zoo.conv_gru((8, 2), horizon=3, units=2),
}


@pytest.mark.parametrize("kind", MODELS)
def test_targets_follow_the_step_of_their_output(kind):
    model = MODELS[kind]()
    series = np.stack([np.arange(20.0), -np.arange(20.0)], axis=1)
    x, y = zoo.windows(pd.DataFrame(series, columns=["a", "b"]), model)
    assert x.shape == (10, 8, 2)
    assert y.shape == (10, *model.output_shape[1:])
    stride, outputs = zoo.output_stride(model), model.output_shape[1]
    for output in range(outputs):
        at = x[:, 7 - stride * (outputs - 1 - output), 0]
        np.testing.assert_array_equal(y[:, output, :, 0], at[:, None] + [1, 2, 3])
    model.compile("sgd", "mse")
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    both = zoo.windows(np.stack([series, series + 100]), model)
    np.testing.assert_array_equal(both[0], np.concatenate([x, x + 100]))
    np.testing.assert_array_equal(both[1], np.concatenate([y, y + 100]))


def test_what_does_not_fit_is_refused():
    model = zoo.deep_rnn((None, 1), horizon=2, units=2)
    with pytest.raises(ValueError, match="expected a window"):
        zoo.windows(np.arange(9), model)
    assert zoo.windows(np.arange(9), model, window=5)[1].shape == (3, 5, 2, 1)
    with pytest.raises(ValueError, match=r"at least 7 steps of 1 .*Received: shape \(6,\)"):
        zoo.windows(np.arange(6), model, window=5)
    with pytest.raises(ValueError, match=r"at least 7 steps of 1 .*Received: shape \(9, 2\)"):
        zoo.windows(np.ones((9, 2)), model, window=5)
    with pytest.raises(ValueError, match="Expected a forecaster"):
        zoo.windows(np.arange(9), zoo.mlp((2,)))
