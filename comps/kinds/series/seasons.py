"""The seasonal naive forecast: the value one season before, of the season that errs least."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from comps.kinds.series.arrays import at, carried, in_season
from comps.kinds.series.grid import Grid
from comps.kinds.series.panel import Panel, Rows

Floats = NDArray[np.float64]

_DAY = 86_400_000_000
# A year of 52 weeks: the same day of the week, and of the season within a day and a quarter.
_SEASONS = (
    ("hour", 3_600_000_000),
    ("day", _DAY),
    ("week", 7 * _DAY),
    ("year of 52 weeks", 364 * _DAY),
)
# An hour is a season of readings every few seconds alone: of minutes, days and weeks say more.
_FEWEST_IN_HOUR = 120
# Steps among which the best autocorrelation is looked for, where no calendar tells.
_MOST_LAGS = 1000
# The least that is a season.
_CORRELATED = 0.2
# Rows on which seasons can be compared.
_COMPARED = 20


@dataclass(frozen=True)
class Season:
    """A season, and how far off its forecast is.

    Attributes:
        name: "day", say; empty for the last known value.
        steps: its length.
        error: mean absolute error, on the metric's scale; NaN where it is not known.
    """

    name: str
    steps: int
    error: float = np.nan

    def __str__(self) -> str:
        """Return what the forecast is, in words."""
        if self.steps == 1:
            return "the last known value"
        return f"the value one {self.name} before"


def candidates(grid: Grid, values: Floats, learned: int) -> list[Season]:
    """Return the seasons that the past holds twice, the shortest first; the last value is one.

    Args:
        grid: what a step is.
        values: [steps, series] of the training part.
        learned: the last step whose values may decide.
    """
    known = np.flatnonzero((~np.isnan(values)).any(axis=1))
    span = int(known[-1] - known[0]) + 1
    found = _of_calendar(grid)
    if not found:
        past = values[known[0] : min(learned, int(known[-1])) + 1]
        steps = best_lag(past, min(_MOST_LAGS, len(past) // 3))
        found = [Season(f"season of {steps} steps", steps)] if steps > 1 else []
    return [Season("", 1), *(season for season in found if 2 * season.steps <= span)]


def _of_calendar(grid: Grid) -> list[Season]:
    if grid.unit == "number":
        return []
    if grid.unit == "month":
        steps = 12 // int(grid.size)
        return [Season("year", steps)] if steps > 1 else []
    found = []
    for name, length in _SEASONS:
        steps = length // int(grid.size)
        if length % grid.size == 0 and steps > (_FEWEST_IN_HOUR if name == "hour" else 1):
            found.append(Season(name, steps))
    return found


def best_lag(values: Floats, most: int) -> int:
    """Return the number of steps after which values are most alike again; 1 if there is none.

    Autocorrelations of differences, for a level that wanders makes all neighbours alike; the
    highest of those that are above both their neighbours, as a mean over the series.

    >>> wave = np.sin(np.arange(200) * 2 * np.pi / 10)[:, None]
    >>> best_lag(wave, 50)
    10
    """
    filled = carried(values)
    steps = np.diff(np.where(np.isnan(filled), 0.0, filled), axis=0)
    scale = np.sqrt(np.mean(steps**2, axis=0))
    steps = steps[:, scale > 0] / scale[scale > 0]
    if not steps.size or most < 3:
        return 1
    size = 2 * len(steps)
    power = np.abs(np.fft.rfft(steps, n=size, axis=0)) ** 2
    lags = np.arange(most + 1)
    # A lag has fewer pairs the longer it is.
    products = np.fft.irfft(power, n=size, axis=0)[: most + 1].mean(axis=1) / (len(steps) - lags)
    peaks = np.flatnonzero((products[1:-1] > products[:-2]) & (products[1:-1] >= products[2:])) + 1
    peaks = peaks[(peaks > 1) & (products[peaks] > _CORRELATED)]
    if not len(peaks):
        return 1
    # The first of nearly equal ones: multiples of a season are seasons, too.
    near = peaks[products[peaks] >= 0.9 * products[peaks].max()]
    return int(near[0])


def naive(values: Floats, rows: Rows, season: int) -> Floats:
    """Return the latest value at the same point of the season that is known at the origin, [n].

    It is one season before the forecast, or as many as it takes; where it is missing, one more.
    NaN where nothing is known.

    >>> series = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan]])
    >>> rows = Rows(np.array([0, 0]), np.array([3, 2]), np.array([1, 2]))
    >>> naive(series, rows, 2).tolist()
    [3.0, 3.0]
    """
    return at(in_season(values, season), season_ago(rows, season), rows.series)


def season_ago(rows: Rows, season: int) -> NDArray[np.int64]:
    """Return [n] the steps that lie whole seasons before the forecast, and not after the origin."""
    return rows.times - -(-rows.steps // season) * season


def rank(panel: Panel, rows: Rows, seasons: list[Season]) -> list[Season]:
    """Return the seasons with their errors on rows, the best first.

    They are compared where all of them have a value. Of equal ones the longer is first, which has
    the more to say. The longest that too few rows have a value of come last, without an error.

    Args:
        panel: the series.
        rows: those that all folds train on.
        seasons: the shortest first.
    """
    truth = panel.values[rows.times, rows.series]
    forecasts = {season: naive(panel.values, rows, season.steps) for season in seasons}
    together = ~np.isnan(list(forecasts.values())).any(axis=0)
    if together.sum() < _COMPARED and len(seasons) > 1:
        return [*rank(panel, rows, seasons[:-1]), seasons[-1]]
    scored = [
        replace(season, error=float(np.abs(found - truth)[together].mean()))
        for season, found in forecasts.items()
    ]
    return sorted(scored, key=lambda season: (season.error, -season.steps))


def seasonal_naive(values: Floats, rows: Rows, ranked: list[Season]) -> Floats:
    """Return the forecast of the best season that has a value, [n]."""
    found = np.full(len(rows), np.nan)
    for season in ranked:
        found = np.where(np.isnan(found), naive(values, rows, season.steps), found)
    return found
