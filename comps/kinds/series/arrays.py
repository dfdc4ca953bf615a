"""Arrays of [steps, series]: what is known at a step, from that step and those before alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def carried(values: Floats) -> Floats:
    """Return the last known value along the first axis; NaN where nothing is known yet.

    >>> carried(np.array([[np.nan], [1.0], [np.nan]])).ravel().tolist()
    [nan, 1.0, 1.0]
    """
    return np.take_along_axis(values, last_known(values), axis=0)


def last_known(values: Floats) -> Places:
    """Return the place of the last known value along the first axis; 0 where there is none yet."""
    places = np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1))
    found: Places = np.maximum.accumulate(np.where(np.isnan(values), 0, places), axis=0)
    return found


def age(values: Floats) -> Floats:
    """Return how many steps ago the last known value was; NaN where nothing is known yet."""
    places = np.arange(len(values), dtype=np.float64)[:, None]
    return np.where(np.isnan(carried(values)), np.nan, places - last_known(values))


def in_season(values: Floats, season: int) -> Floats:
    """Return the last known value at the same point of the season; NaN where there is none yet.

    >>> in_season(np.array([[1.0], [2.0], [np.nan], [4.0]]), 2).ravel().tolist()
    [1.0, 2.0, 1.0, 4.0]
    """
    steps, series = values.shape
    more = -steps % season
    padded = np.concatenate([values, np.full((more, series), np.nan)])
    return carried(padded.reshape(-1, season, series)).reshape(-1, series)[:steps]


def before(values: Floats, steps: int) -> Floats:
    """Return the values so many steps before; NaN where there are none."""
    found = np.full_like(values, np.nan)
    if steps < len(values):
        found[steps:] = values[: len(values) - steps]
    return found


def rolling(values: Floats, window: int, what: str) -> Floats:
    """Return a statistic of the known values of the last steps; NaN where there are none.

    Args:
        values: [steps, series].
        window: number of steps, the present one among them.
        what: of pandas: "mean", "std", "min" or "max".
    """
    found: Floats = getattr(_table(values).rolling(window, min_periods=1), what)().to_numpy()
    return found


def expanding(values: Floats, what: str) -> Floats:
    """Return the same of all steps up to the present one."""
    found: Floats = getattr(_table(values).expanding(), what)().to_numpy()
    return found


def at(values: Floats, places: Places, series: Places) -> Floats:
    """Return [n] values of places and series; NaN before the first place."""
    found: Floats = np.where(places < 0, np.nan, values[np.maximum(places, 0), series])
    return found


def mean_of_known(values: Floats) -> Floats:
    """Return the mean along the first axis of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    found: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return found


def _table(values: Floats) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(values)
