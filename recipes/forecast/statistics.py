"""Statistical forecasters beside a model: Theta, exponential smoothing and ARIMA.

AutoETS and AutoARIMA choose their form and fit it by statsforecast (the extra `statistics`), once a
series, to the last rows before the first origin that is asked for. `recursions` then carries them
to all later origins with what was fitted, so that a forecast never reads past its origin.
"""

import importlib.util
import time
import warnings

import numpy as np

from recipes.forecast import recursions
from recipes.forecast.baselines import seasonal_factors
from recipes.forecast.forecasts import Forecasts

NAMES = ("theta", "auto_ets", "auto_arima")
HINT = (
    "AutoETS and AutoARIMA stand beside the model where statsforecast is installed "
    "(`pip install 'handson-zoo[statistics]'`)."
)
#: Rows that are fitted to, as far as the time suffices.
ROWS = (1000, 300)
#: Longest season that is modelled; a longer one is taken out before, by its averages.
LONGEST = {"theta": 0, "auto_ets": 24, "auto_arima": 12}
#: Seconds a fit and a fit's row take about, without and with a season: a rule, not a measurement,
#: so that the same command leaves out the same forecasters on every machine.
_COSTS = {
    "theta": ((1e-3, 2e-6), (1e-3, 2e-6)),
    "auto_ets": ((1e-2, 6e-5), (5e-2, 8e-4)),
    "auto_arima": ((0.2, 1.2e-3), (0.3, 4e-3)),
}


def installed() -> bool:
    """Whether statsforecast is."""
    return importlib.util.find_spec("statsforecast") is not None


def affordable(lengths, targets: int, season: int, seconds: float) -> tuple[dict, tuple[str, ...]]:
    """The forecasters whose fits take about so many seconds at most, and what to say of the others.

    The seconds are for all of them, with two fits each: before validation, and before the test
    part, whose lengths are the rows before it. The note is empty where all are there, to the most
    rows.

    >>> found, notes = affordable([2000] * 359, 1, 1, 30)
    >>> {name: each.rows for name, each in found.items()}
    {'theta': 1000, 'auto_ets': 300}
    >>> notes
    ('auto_ets is fitted to 300 rows of a series at most, auto_arima left out: more would take
    over 30 s by estimate (--statistics_seconds)',)
    """
    found, said, left = {}, [], seconds
    for name in NAMES if installed() else NAMES[:1]:
        each, row = _COSTS[name][1 < season <= LONGEST[name]]
        for rows in ROWS:
            estimate = 2 * targets * float((each + row * np.minimum(lengths, rows)).sum())
            if estimate <= left:
                found[name] = Statistical(name, season, rows)
                left -= estimate
                break
        if name not in found:
            said.append(f"{name} left out")
        elif found[name].rows < min(np.max(lengths), ROWS[0]):
            said.append(f"{name} is fitted to {rows:,} rows of a series at most")
    if not said:
        return found, ()
    why = f"more would take over {seconds:g} s by estimate (--statistics_seconds)"
    return found, (f"{', '.join(said)}: {why}",)


def describe(baselines) -> str:
    """What the statistical forecasters among the baselines took, in words; else how to have them.

    None where they were not wanted.
    """
    found = [each for each in baselines.values() if isinstance(each, Statistical)]
    if not found:
        return ""
    spent = ", ".join(f"{s.name} {s.seconds:.1f} s (to {s.rows:,} rows at most)" for s in found)
    odd = {each.name: each.unfitted for each in found if each.unfitted}
    naive = "".join(f"; {name} is naive in {n:,} that it does not fit" for name, n in odd.items())
    text = f"Fitted to each series by itself, before the first origin of a part: {spent}{naive}."
    return text if installed() else f"{text} {HINT}"


class Statistical:
    """Forecasts of each series by itself, from all of its rows up to the origin.

    It is fitted to so many `rows` before the first origin; a season of 1 is none. `unfitted`
    counts the series, in the last call, too short or odd to be fitted, with the naive forecast.
    """

    def __init__(self, name, season, rows=ROWS[0]):
        self.name, self.season, self.rows = name, season, rows
        self.seconds, self.unfitted = 0.0, 0

    def __call__(self, windows, starts) -> Forecasts:
        """Forecasts at the end of the windows that start at `starts`."""
        began = time.perf_counter()
        series, self.unfitted = windows.series, 0
        point = np.empty((len(starts), windows.horizon, windows.num_targets), np.float32)
        origins = starts + windows.window - 1
        which = windows.series_of(starts)
        for number in np.unique(which):
            mine = np.flatnonzero(which == number)
            first = int(origins[mine].min()) + 1
            begin = max(int(series.offsets[number]), first - self.rows)
            block = np.float64(series.values[begin : origins[mine].max() + 1])
            for target in range(windows.num_targets):
                point[mine, :, target] = self._forecast(
                    block[:, target], first - begin, origins[mine] - begin, windows.horizon
                )
        self.seconds += time.perf_counter() - began
        return Forecasts(point, {})

    def _forecast(self, values, rows, origins, horizon):
        """Forecasts of one series; the first `rows` values are fitted to."""
        season = self.season
        naive = np.repeat(values[origins][:, None], horizon, axis=1)
        if rows < max(10, 2 * season if season <= LONGEST[self.name] else 0):
            self.unfitted += 1
            return naive
        if not np.ptp(values[:rows]) > 0:
            return naive
        additive = self.name != "theta" or values[:rows].min() <= 0  # its own season is a factor
        factors = np.zeros(1) if additive else np.ones(1)
        if season > LONGEST[self.name]:
            factors = seasonal_factors(values[:rows], season, additive)
            season = 1
        remove, undo = (np.subtract, np.add) if additive else (np.divide, np.multiply)
        places = np.arange(len(values)) % len(factors)
        ahead = (origins[:, None] + np.arange(1, horizon + 1)) % len(factors)
        try:
            rest = remove(values, factors[places])
            found = _METHODS[self.name](rest, rows, origins, horizon, season)
        except (ValueError, ZeroDivisionError, np.linalg.LinAlgError):
            found = np.full(naive.shape, np.nan)
        if not np.isfinite(found).all():
            self.unfitted += 1
            return naive
        return undo(found, factors[ahead])


def _auto(model, values, season, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of optimizers that stop early, and numba's
        from statsforecast import models

        return getattr(models, model)(season_length=season, **arguments).fit(values).model_


def _ets(values, rows, origins, horizon, season):
    model = _auto("AutoETS", values[:rows], season)
    alpha, beta, gamma, phi = (0.0 if np.isnan(part) else part for part in model["par"][:4])
    _, trend, seasonal, damped = model["components"]
    return recursions.exponential_smoothing(
        values, origins, horizon, trend, seasonal, season, (alpha, beta, gamma),
        phi if damped == "D" else 1.0, model["states"][0],
    )  # fmt: skip


def _arima(values, rows, origins, horizon, season):
    # The approximation only shortens the search: the chosen model is fitted by its likelihood.
    model = _auto("AutoARIMA", values[:rows], season, approximation=True)
    p, q, seasonal_p, seasonal_q, period, d, seasonal_d = model["arma"]
    coefficients = {name: float(value) for name, value in model["coef"].items()}

    def named(kind, count):
        return [coefficients[f"{kind}{lag}"] for lag in range(1, count + 1)]

    ar, ma = recursions.polynomials(
        named("ar", p), named("sar", seasonal_p), named("ma", q), named("sma", seasonal_q),
        d, seasonal_d, period,
    )  # fmt: skip
    return recursions.arima(
        values, origins, horizon, ar, ma,
        coefficients.get("intercept", 0.0), coefficients.get("drift", 0.0),
    )  # fmt: skip


_METHODS = {
    "theta": lambda *given: recursions.theta(*given[:-1]),  # it knows no season
    "auto_ets": _ets,
    "auto_arima": _arima,
}
