"""How sure a difference between two forecasters is: bootstrap intervals of that in MASE."""

import numpy as np
from scipy import special

#: Resamples, how many at once, and from how many series on the series are what is drawn.
RESAMPLES, AT_ONCE, MANY = 2000, 100, 10


def interval(ours, theirs, which, horizon, seed=0) -> tuple[float, float] | None:
    """A 95 % interval of the difference of two mean errors.

    Of ten series or more, series are drawn with replacement: each counts alike, as in MASE. Of
    fewer, blocks of neighbouring origins within each, two horizons long, because forecasts whose
    steps overlap err alike. Like a t interval, it is the wider the fewer series or blocks it has.

    Scaled errors `(n,)` are of the same windows, series by series in time; `which` numbers these.
    `None` where there are not three horizons of origins.

    Reference: Kuensch, *The jackknife and the bootstrap for general stationary observations*, 1989;
    Politis and Romano, *A circular block-resampling procedure for stationary data*, 1992.

    >>> errors = np.linspace(1, 2, 60)
    >>> low, high = interval(errors, errors + 0.5, np.zeros(60, int), 3)
    >>> round(low, 3), round(high, 3)
    (-0.5, -0.5)
    """
    random = np.random.default_rng(seed)
    difference = np.float64(ours) - theirs
    known = ~np.isnan(difference)
    parts = [difference[known & (which == number)] for number in np.unique(which[known])]
    if len(parts) >= MANY:
        means, count = np.array([part.mean() for part in parts]), len(parts)
        drawn = means[random.integers(len(means), size=(RESAMPLES, len(means)))].mean(axis=1)
    else:
        drawn, count = np.zeros(RESAMPLES), 0.0
        for part in parts:
            if len(part) < 3 * max(horizon, 2):
                return None
            length = max(min(2 * horizon, len(part) // 3), round(len(part) ** (1 / 3)))
            count += len(part) / length
            sums = np.cumsum(np.r_[0.0, part, part[: length - 1]])  # a circle
            blocks = (sums[length:] - sums[:-length]) / length
            size = AT_ONCE, -(-len(part) // length)
            some = (random.integers(len(part), size=size) for _ in range(0, RESAMPLES, AT_ONCE))
            drawn += np.concatenate([blocks[places].mean(axis=1) for places in some])
        drawn /= len(parts)
    low, high = np.quantile(drawn, [0.025, 0.975])
    middle = np.mean([part.mean() for part in parts])
    factor = special.stdtrit(count - 1, 0.975) / 1.96 * np.sqrt(count / (count - 1))
    return float(middle + (low - middle) * factor), float(middle + (high - middle) * factor)


def sentence(model, mase, name, other, ends) -> str:
    """Two forecasters side by side, in words: names, MASEs, and what `interval` found.

    >>> sentence("nlinear", 0.9, "theta", 1.0, (-0.15, -0.05))
    'On the test part nlinear has a MASE of 0.900, theta, the best baseline there, 1.000: a
    difference of -0.100 (95 % interval -0.150 to -0.050), so nlinear is better.'
    """
    text = (
        f"On the test part {model} has a MASE of {mase:.3f}, {name}, the best baseline there, "
        f"{other:.3f}: a difference of {mase - other:+.3f}"
    )
    if ends is None:
        return f"{text} (too few origins for an interval)."
    low, high = ends
    better = model if high < 0 else name if low > 0 else None
    verdict = f"{better} is better" if better else "which is better is open"
    return f"{text} (95 % interval {low:+.3f} to {high:+.3f}), so {verdict}."
