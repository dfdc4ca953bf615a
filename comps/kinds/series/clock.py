"""Parts of the calendar at the time that is forecast: as numbers, and on a circle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.kinds.series.grid import Grid

Floats = NDArray[np.float64]

_DAYS_OF_YEAR = 365.2425


@dataclass(frozen=True)
class Part:
    """A part of a date.

    Attributes:
        of: datetime64[us] to numbers.
        period: after which it begins again.
        days: that the training part must span for it to be more than a count of time.
    """

    of: Callable[[NDArray[Any]], Floats]
    period: float
    days: float


def _hour(times: NDArray[Any]) -> Floats:
    return np.asarray((times - times.astype("M8[D]")) / np.timedelta64(1, "h"), np.float64)


def _weekday(times: NDArray[Any]) -> Floats:
    # The first day of 1970 was a Thursday.
    return ((times.astype("M8[D]").astype(np.int64) + 3) % 7).astype(np.float64)


def _day(times: NDArray[Any]) -> Floats:
    return _since(times, "M")


def _month(times: NDArray[Any]) -> Floats:
    return (times.astype("M8[M]").astype(np.int64) % 12).astype(np.float64) + 1


def _day_of_year(times: NDArray[Any]) -> Floats:
    return _since(times, "Y")


def _since(times: NDArray[Any], unit: str) -> Floats:
    """Return the days since the month or the year began, counted from 1."""
    begin = times.astype(f"M8[{unit}]").astype("M8[D]")
    return np.asarray(times.astype("M8[D]") - begin, np.float64) + 1.0


PARTS: Mapping[str, Part] = {
    "hour": Part(_hour, 24.0, 2.0),
    "weekday": Part(_weekday, 7.0, 14.0),
    "day of month": Part(_day, 31.0, 90.0),
    "month": Part(_month, 12.0, 730.0),
    "day of year": Part(_day_of_year, _DAYS_OF_YEAR, 730.0),
}


def clock(grid: Grid, places: NDArray[np.int64], trained: NDArray[np.int64]) -> dict[str, Floats]:
    """Return columns of the calendar, those alone that vary among the times trained on.

    A part that has not come round twice tells how late it is, not which season.

    Args:
        grid: of the places.
        places: [n] that are forecast.
        trained: the places of the training rows.

    >>> hours = Grid("time", 3_600_000_000, 0)
    >>> sorted(clock(hours, np.array([6]), np.arange(100)))
    ['hour', 'hour cos', 'hour sin']
    """
    if grid.unit == "number" or not len(trained):
        return {}
    times = grid.times(places)
    known = grid.times(np.unique(trained))
    span = (known[-1] - known[0]) / np.timedelta64(1, "D")
    found: dict[str, Floats] = {}
    for name, part in PARTS.items():
        if span < part.days or len(np.unique(part.of(known))) < 2:
            continue
        if name == "day of year" and grid.unit == "month":
            continue
        values = part.of(times)
        angle = values * (2 * np.pi / part.period)
        found |= dict(zip(_named(name), (values, np.sin(angle), np.cos(angle)), strict=True))
    return found


def clock_names() -> set[str]:
    """Return the names of all columns of the calendar that there may be."""
    return {column for name in PARTS for column in _named(name)}


def _named(name: str) -> tuple[str, str, str]:
    return name, f"{name} sin", f"{name} cos"
