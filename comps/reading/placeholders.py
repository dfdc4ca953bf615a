"""Numbers that stand for "no value": -9999, 999.9, 1e30."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import counted

# Nines alone, with or without a point; powers of ten from 1e9 on; the ends of the types of C.
_NINES = re.compile(r"-?9{2,}(\.9+|\.0+)?")
_LARGE = 1e9
_ENDS = {
    *(float(sign * 2 ** (bits - 1) - (sign > 0)) for bits in (16, 32, 64) for sign in (-1, 1)),
    *(sign * float(np.finfo(kind).max) for kind in (np.float32, np.float64) for sign in (-1, 1)),
}
# How often the span of all other values a placeholder lies away from them at least: any; one that
# comes again; one that comes again below zero, where nobody puts the highest value that is told.
_FAR, _AGAIN, _BELOW = 10.0, 4.0, 2.0
# Other values, different ones, that a span is believed of.
_FEWEST = 5
# What looks like any number is suspected only where so many others are known.
_MANY = 20


@dataclass(frozen=True, eq=False)
class Placeholders:
    """Placeholders among numbers.

    Attributes:
        missing: values that clearly stand for "no value".
        notes: on these, and on values that are only suspected.
    """

    missing: NDArray[np.float64]
    notes: tuple[str, ...]


def looks_like_placeholder(value: float) -> bool:
    """Whether people or programs write a number for "no value".

    >>> [looks_like_placeholder(value) for value in (-9999, 999.9, 1e30, 2147483647, 990, 8450)]
    [True, True, True, True, False, False]
    """
    if value in _ENDS:
        return True
    size = abs(value)
    if np.isfinite(size) and size >= _LARGE:
        return bool(np.isclose(size, 10.0 ** round(np.log10(size)), rtol=1e-6))
    return size >= 99 and _NINES.fullmatch(f"{value:.10g}") is not None


def find_placeholders(values: NDArray[np.float64]) -> Placeholders:
    """Find values at the ends that stand for "no value".

    A value that looks like a placeholder and lies ten times the span of all other values away from
    them, or more, is taken for missing; if it comes three times, from four times the span on, and
    below zero from twice on. A value is named, and kept, if it looks like one, comes
    again, and is the only one of its sign or farther from the others than their span. So is any
    other value that lies ten times the span of 20 others away.

    Args:
        values: [n], of training and test rows; NaN is missing.

    >>> found = find_placeholders(np.array([-9999.0, 3, 7, 5, 4, 6, -9999]))
    >>> found.missing.tolist(), found.notes
    ([-9999.0], ('2 cells hold -9999, far from all others (3 to 7): taken as missing.',))
    """
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    first, last = 0, len(distinct)
    while first < last and looks_like_placeholder(float(distinct[first])):
        first += 1
    while last > first and looks_like_placeholder(float(distinct[last - 1])):
        last -= 1
    if last - first < _FEWEST:
        return Placeholders(np.zeros(0), ())
    missing, notes = [], []
    for place in [*range(first), *range(last, len(distinct)), first, last - 1]:
        others = (
            np.delete(distinct[first:last], place - first)
            if first <= place < last
            else (distinct[first:last])
        )
        value, count = float(distinct[place]), int(counts[place])
        if len(others) >= (_FEWEST if looks_like_placeholder(value) else _MANY):
            kept, note = _judged(value, count, float(others[0]), float(others[-1]))
            notes += note
            missing += [] if kept else [value]
    return Placeholders(np.array(missing), tuple(notes))


def _judged(value: float, count: int, low: float, high: float) -> tuple[bool, list[str]]:
    """Return whether a value is kept, and a note if it is suspected; all others are in a range."""
    gap, span = max(low - value, value - high), high - low
    looks = looks_like_placeholder(value)
    far = gap >= _FAR * span
    cells = counted(count, "cell holds", "cells hold")
    clear = (_BELOW if value < 0 else _AGAIN) if count > 2 else _FAR
    where = f"{cells} {value:.10g}, far from all others ({low:.10g} to {high:.10g})"
    if looks and gap >= clear * span:
        return False, [f"{where}: taken as missing."]
    if far or (looks and count > 1 and (gap > span or value < 0 <= low)):
        return True, [f"{where}; kept as a number, though it may be wrong or stand for 'no value'."]
    return True, []
