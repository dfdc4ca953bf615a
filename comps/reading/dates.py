"""Dates that are far from all others: a slip of the pen, most often in the year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 5
# Fewer dates have no span that one could trust.
_FEWEST = 20


def isolated(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the rows whose date is far from all others.

    They are the first or the last ones in time, at most one in a hundred (but one of 20). The gap
    to the next date is longer than the time that all dates beyond it span; or than a tenth of it,
    and twenty times any gap between these. Rows without a date are not looked at; of fewer than
    20 dates, none is isolated.

    Args:
        times: [n] dates, NaT where there is none.

    >>> days = np.arange("2020-01-01", "2020-02-01", dtype="datetime64[D]")
    >>> isolated(np.append(days, np.datetime64("2031-01-07"))).tolist()
    [31]
    """
    known = np.flatnonzero(~np.isnat(times))
    if len(known) < _FEWEST:
        return np.zeros(0, dtype=np.int64)
    # As float: the years 1 and 9999 are farther apart than 64 bits of nanoseconds.
    seconds = times[known].astype("datetime64[s]").astype(np.float64)
    order = np.argsort(seconds, kind="stable")
    ordered = seconds[order]
    few = max(1, len(known) // 100)
    gaps = np.diff(ordered)
    usual = gaps[few : len(gaps) - few].max(initial=0.0)
    first, last = 0, len(known)
    for place in range(1, few + 1):
        if _is_wide(gaps[place - 1], ordered[-1 - few] - ordered[place], usual):
            first = place
        if _is_wide(gaps[-place], ordered[-1 - place] - ordered[few], usual):
            last = len(known) - place
    return np.sort(known[np.append(order[:first], order[last:])])


def _is_wide(gap: float, span: float, usual: float) -> bool:
    return gap > span or gap > max(span / 10, 20 * usual)


def refuse_isolated(
    times: NDArray[np.datetime64],
    texts: pd.Series,
    name: str,
    lines: Sequence[int] | NDArray[np.int64] | None = None,
) -> None:
    """Refuse dates that are far from all others, see `isolated`.

    Args:
        times: [n] dates.
        texts: [n] as the file has them.
        name: of column and file, for messages.
        lines: [n] of the file; None counts rows below a header.

    Raises:
        DataError: that names the first lines.
    """
    rows = isolated(times)
    if not len(rows):
        return
    shown = ", ".join(
        f"line {row + 2 if lines is None else lines[row]}: {texts.iloc[row]!r}"
        for row in rows[:_SHOWN]
    )
    others = np.delete(times, rows)
    low, high = (str(edge)[:10] for edge in (np.nanmin(others), np.nanmax(others)))
    raise DataError(
        f"{counted(len(rows), f'date in {name} is', f'dates in {name} are')} far from all others, "
        f"which lie from {low} to {high}: {shown}. Mend them, or leave these rows out."
    )
