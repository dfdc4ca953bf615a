"""The grid of a series' times: steps of equal length, months, or steps of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted

Places = NDArray[np.int64]

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
# Microseconds of the units by which a step is called, the longest first.
_UNITS = (
    ("week", 7 * _DAY),
    ("day", _DAY),
    ("hour", 3600 * _SECOND),
    ("minute", 60 * _SECOND),
    ("second", _SECOND),
    ("millisecond", 1_000),
    ("microsecond", 1),
)
# Units that times are written to, the longest first.
_WRITTEN: tuple[Literal["D", "s", "ms", "us"], ...] = ("D", "s", "ms", "us")
# Steps that people choose, where no two distances of times are quite alike.
_USUAL = [n * _SECOND for n in (1, 2, 5, 10, 15, 20, 30)]
_USUAL += [n * 60 * _SECOND for n in (1, 2, 5, 10, 15, 20, 30)]
_USUAL += [n * 3600 * _SECOND for n in (1, 2, 3, 4, 6, 8, 12)]
_USUAL += [_DAY, 7 * _DAY]
# Of months, quarters and years: the months, and the fewest and most days.
_CALENDAR = ((1, 28, 31), (3, 89, 92), (12, 365, 366))
# A reading that is late by this part of a step is on time.
_LATE = 0.1
# The part of the times that decides what is usual.
_MOST, _NEARLY_ALL = 0.5, 0.9
# A series that has fewer readings than one in so many steps is none.
_SPARSE = 50


@dataclass(frozen=True)
class Grid:
    """Places on a line of time, counted from 0.

    Attributes:
        unit: "time" for steps of equal length, "month", or "number".
        size: of a step, in microseconds, months or numbers.
        start: time of the place 0: microseconds since 1970, months since 1970, or a number.
        day: of the month, for months; 0 is the last one.

    >>> times = np.array(["2024-01-01T06:00", "2024-01-01T07:40", "2024-01-01T08:00"], "M8[us]")
    >>> Grid("time", 3_600_000_000, 1704088800000000).places(times).tolist()
    [0, 2, 2]
    """

    unit: str
    size: float
    start: float
    day: int = 1

    def places(self, times: NDArray[Any]) -> Places:
        """Return the step that ends at or after each time, [n]; of months the one it lies in."""
        if self.unit == "month":
            found: Places = (_months(times) - int(self.start)) // int(self.size)
            return found
        values = times.astype("M8[us]").astype(np.int64) if times.dtype.kind == "M" else times
        # In whole numbers first: float64 has no microseconds of today.
        distance = (values - np.asarray(self.start, values.dtype)).astype(np.float64)
        return np.ceil(distance / self.size - _LATE).astype(np.int64)

    def times(self, places: Places) -> NDArray[Any]:
        """Return the times of places: datetime64[us], or float64."""
        if self.unit == "number":
            return self.start + places * self.size
        if self.unit == "time":
            return (int(self.start) + places * int(self.size)).astype("M8[us]")
        months = (int(self.start) + places * int(self.size)).astype("M8[M]")
        last = (months + 1).astype("M8[D]") - 1
        # The 31st of a short month is its last day.
        days = np.minimum(months.astype("M8[D]") + (self.day - 1), last) if self.day else last
        return days.astype("M8[us]")

    def texts(self, places: Places) -> NDArray[np.str_]:
        """Return times as people write them, down to the unit that all of them need.

        >>> Grid("time", 500_000, 0).texts(np.array([0, 1])).tolist()
        ['1970-01-01 00:00:00.000', '1970-01-01 00:00:00.500']
        """
        times = self.times(places)
        if self.unit == "number":
            whole = np.all(times == np.floor(times))
            return (times.astype(np.int64) if whole else times).astype(np.str_)
        unit = next(unit for unit in _WRITTEN if np.all(times == times.astype(f"M8[{unit}]")))
        texts = np.datetime_as_string(times, unit=unit)
        return np.char.replace(texts, "T", " ")

    @property
    def name(self) -> str:
        """The length of a step in words."""
        if self.unit == "number":
            return f"{self.size:g}"
        if self.unit == "month":
            return {1: "1 month", 3: "1 quarter", 12: "1 year"}[int(self.size)]
        if self.size == 7 * _DAY:
            return "1 week"
        unit, length = next(pair for pair in _UNITS[1:] if self.size % pair[1] == 0)
        return counted(int(self.size // length), unit) if length < self.size else f"1 {unit}"


def find_grid(times: NDArray[Any], series: Places, name: str) -> tuple[Grid, str]:
    """Return the grid of the commonest step, and the reason.

    Args:
        times: [n] datetime64[us] or float64, none missing.
        series: [n] the series of each row.
        name: of the column, for messages.

    Raises:
        DataError: if no series has two times.
    """
    order = np.lexsort((times, series))
    ordered, own = times[order], series[order]
    distances = np.diff(ordered)[np.diff(own) == 0]
    zero = np.zeros(1, distances.dtype)[0]
    distances = distances[distances > zero]
    if not len(distances):
        raise DataError(
            f"No series has two times, so that there is nothing to forecast from: {name!r} holds "
            f"{counted(len(np.unique(times)), 'time')}."
        )
    if times.dtype.kind != "M":
        size, share = _commonest(distances)
        return Grid("number", size, float(times.min())), _said(share)
    months = _monthly(ordered, distances)
    if months is not None:
        return months, "times lie on one day of the month"
    values = distances.astype(np.int64)
    size, share = _commonest(values)
    if share < _MOST:
        middle = float(np.median(values))
        size = min(_USUAL, key=lambda usual: abs(np.log(usual / middle)))
        reason = "times are irregular; it is nearest to their usual distance"
    else:
        reason = _said(share)
    micro = times.astype("M8[us]").astype(np.int64)
    phase, often = _commonest(micro % int(size))
    phase = phase if often >= _MOST else 0
    grid = Grid("time", int(size), int((micro.min() - phase) // size * size + phase))
    return grid, reason


def check_density(places: Places, series: Places, name: str) -> None:
    """Refuse readings that are lost among steps without any.

    Raises:
        DataError: that gives the figures.
    """
    steps = int(places.max() - places.min()) + 1
    most = int(np.bincount(series).max())
    if steps > _SPARSE * most:
        raise DataError(
            f"{name!r} spans {steps:,} steps, and no series has more than {most:,} rows: fewer "
            f"than one in {_SPARSE} steps. Are some times wrong?"
        )


def _said(share: float) -> str:
    return f"the commonest distance of two times ({share:.0%})"


def _commonest(values: NDArray[Any]) -> tuple[Any, float]:
    found, counts = np.unique(values, return_counts=True)
    best = int(counts.argmax())
    return found[best].item(), float(counts[best] / counts.sum())


def _months(times: NDArray[Any]) -> Places:
    return times.astype("M8[M]").astype(np.int64)


def _monthly(times: NDArray[Any], distances: NDArray[Any]) -> Grid | None:
    """Return a grid of months, quarters or years; None where times lie otherwise."""
    days = distances.astype("m8[us]").astype(np.int64) / _DAY
    dates = times.astype("M8[D]")
    months = times.astype("M8[M]")
    numbers = (dates - months.astype("M8[D]")).astype(np.int64) + 1
    last = dates == (months + 1).astype("M8[D]") - 1
    number, share = _commonest(numbers)
    for size, least, most in _CALENDAR:
        if np.mean((days >= least) & (days <= most)) < _MOST:
            continue
        if last.mean() >= _NEARLY_ALL or share >= _NEARLY_ALL:
            return Grid("month", size, int(_months(times).min()), 0 if last.all() else int(number))
    return None
