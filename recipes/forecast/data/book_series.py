"""The book's generated series: two sine waves of random frequency and phase, and noise.

Reference: Hands-On Machine Learning, chapter 15, `generate_time_series`.
"""

import numpy as np

from recipes.forecast.data.series import TimeSeries

NUM_SERIES = 10_000
WINDOW = 50
DATA_SEED = 42  # The data set is one and the same whatever the seed of a run.


def generate(batch_size: int, num_steps: int, random_state: np.random.RandomState) -> np.ndarray:
    """Series `(batch_size, num_steps, 1)` exactly as the book generates them, to the last bit.

    The steps divide the unit of time evenly, so that series of another length lie on another grid.

    >>> generate(2, 3, np.random.RandomState(0)).shape
    (2, 3, 1)
    """
    frequency_1, frequency_2, offset_1, offset_2 = random_state.rand(4, batch_size, 1)
    time = np.linspace(0, 1, num_steps)
    # Summed in the book's order: floating-point addition is not associative.
    series = 0.5 * np.sin((time - offset_1) * (frequency_1 * 10 + 10))
    series += 0.2 * np.sin((time - offset_2) * (frequency_2 * 20 + 20))
    series += 0.1 * (random_state.rand(batch_size, num_steps) - 0.5)
    return series[..., np.newaxis].astype(np.float32)


def book_series(horizon: int = 10) -> TimeSeries:
    """The book's 10,000 series of 50 steps and the `horizon` to forecast, there 1 or 10.

    One target, `value`. Split it by series: 7,000 for training, 2,000 for validation, 1,000 for the
    test. A `ValueError` if `horizon` is below 1.
    """
    if horizon < 1:
        raise ValueError(f"Expected horizon >= 1. Received: horizon={horizon}")
    steps = WINDOW + horizon
    return TimeSeries(
        values=generate(NUM_SERIES, steps, np.random.RandomState(DATA_SEED)).reshape(-1, 1),
        targets=("value",),
        past_covariates=(),
        times=np.tile(np.arange(steps, dtype=np.int64), NUM_SERIES),
        offsets=np.arange(NUM_SERIES + 1, dtype=np.int64) * steps,
        ids=tuple(str(number) for number in range(NUM_SERIES)),
        future_covariates=np.zeros((NUM_SERIES * steps, 0), np.float32),
        future_names=(),
        future=0,
        future_times=np.zeros((NUM_SERIES, 0), np.int64),
        notes=(f"generated: {NUM_SERIES} series of {steps} steps, seed {DATA_SEED}",),
    )
