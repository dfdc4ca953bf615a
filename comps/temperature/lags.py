"""Features of the hours before a forecast, as a table, computed for every hour of the series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from comps.base import Windows

if TYPE_CHECKING:
    import pandas as pd

    Columns = dict[str, pd.Series]

_TEMPERATURE_LAGS = (1, 2, 3, 4, 6, 9, 12, 15, 18, 21, 24, 27, 30, 36, 42, 48, 72, 96)
_LAGS = (3, 6, 12, 24)
_MEANS = (6, 12, 24, 48, 72, 119)
# Ten days: what a season is like, of which weather strays for a few days.
_SLOW = 240
_YEAR = np.timedelta64(365, "D")


class LagTable(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Lags, differences, means and phases as float32 [rows, features]; NaN where unknown.

    Every column is made of a series and its own past, so that no row can know what comes
    after its window. Temperatures enter as differences to the last one: the weather after a fall of
    five degrees is alike in January and in June, that after -5 degrees is not. Levels and the phase
    of the year are added once the training rows span a year, in `fit`.
    """

    def fit(self, windows: Windows, y: object = None) -> Self:
        """Learn whether the training rows span all seasons."""
        del y
        times = windows.times[windows.ends]
        self.seasons_ = bool(times.max() - times.min() >= _YEAR)
        return self

    def transform(self, windows: Windows) -> NDArray[np.float32]:
        """Return a row for each window."""
        import pandas as pd

        last = int(windows.ends.max()) + 1 if len(windows) else 0
        table = pd.DataFrame(windows.series[:last], columns=list(windows.names), dtype=np.float64)
        columns = lag_columns(table, windows.times[:last], seasons=self.seasons_)
        rows = [column.to_numpy(dtype=np.float32)[windows.ends] for column in columns.values()]
        return np.stack(rows, axis=1)


def lag_columns(table: pd.DataFrame, times: NDArray[np.datetime64], *, seasons: bool) -> Columns:
    """Return the features of every hour, by name.

    Args:
        table: [hours, quantities], the temperature first.
        times: [hours].
        seasons: whether to add levels and the phase of the year.
    """
    raw = table.iloc[:, 0]
    temperature = raw.ffill()
    columns = _temperature(temperature)
    # How old the last reading is: 0 where nothing is missing.
    columns["age"] = raw.isna().groupby(raw.notna().cumsum()).cumsum().astype(float)
    columns |= _clock(times, table.index, "day", 24.0)
    for name in table.columns[1:]:
        likewise = name.endswith(("(degC)", "(K)"))
        columns |= _quantity(temperature - table[name] if likewise else table[name], name)
    if seasons:
        columns["level"] = temperature
        columns |= _clock(times, table.index, "year", 24 * 365.2425)
    return columns


def _temperature(series: pd.Series) -> Columns:
    columns = {f"T-{lag}": series - series.shift(lag) for lag in _TEMPERATURE_LAGS}
    for hours in _MEANS:
        columns[f"T mean {hours}"] = series - series.rolling(hours, min_periods=1).mean()
    columns["T mean slow"] = series - _slow_mean(series)
    day = series.rolling(24, min_periods=1)
    columns["T above lowest"], columns["T below highest"] = series - day.min(), day.max() - series
    columns["T bend"] = columns["T-24"] - (series.shift(24) - series.shift(48))
    return columns


def _quantity(series: pd.Series, name: str) -> Columns:
    """Return the last value of a quantity, its differences, and its means."""
    known = series.ffill(limit=6)
    columns = {name: known}
    for lag in _LAGS:
        columns[f"{name}-{lag}"] = known - known.shift(lag)
    for hours in (6, 24, 72):
        columns[f"{name} mean {hours}"] = series.rolling(hours, min_periods=1).mean()
    carried = series.ffill()
    columns[f"{name} mean slow"] = carried - _slow_mean(carried)
    return columns


def _slow_mean(series: pd.Series) -> pd.Series:
    """Return the mean of ten days, of those that are there; NaN on the first day."""
    slow: pd.Series = series.rolling(_SLOW, min_periods=24).mean()
    return slow


def _clock(times: NDArray[np.datetime64], index: pd.Index, word: str, hours: float) -> Columns:
    import pandas as pd

    phase = times.astype("datetime64[h]").astype(np.int64) * (2 * np.pi / hours)
    return {
        f"{word} sin": pd.Series(np.sin(phase), index=index),
        f"{word} cos": pd.Series(np.cos(phase), index=index),
    }


def last_known(windows: Windows) -> NDArray[np.float64]:
    """Return the temperature 24 hours before the forecast, or the last one known by then, [n].

    An hour that nothing precedes at all gets the zero of its scale.
    """
    temperature = windows.series[:, 0].astype(np.float64)
    known = np.where(np.isnan(temperature), -1, np.arange(len(temperature)))
    latest = np.maximum.accumulate(known)[windows.ends]
    return np.where(latest < 0, 0.0, temperature[latest])
