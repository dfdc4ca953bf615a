"""Turn readings at any times into one row an hour, from the past alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def hourly(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every hour from the first to the last; NaN where nothing was read.

    An hour has the last reading of each quantity within the hour that ends there, so that a
    row at 07:00 never knows of 07:10. Gaps stay gaps: nothing is interpolated here.

    >>> import pandas as pd
    >>> times = pd.to_datetime(["2013-01-01 06:00", "2013-01-01 06:50", "2013-01-01 09:00"])
    >>> hourly(pd.DataFrame({"T": [1.0, 2.0, 3.0]}, index=times))["T"].tolist()
    [1.0, 2.0, nan, 3.0]
    """
    grid: pd.DataFrame = table.groupby(table.index.ceil("h")).last()  # type: ignore[attr-defined]
    return grid.asfreq("h")


def with_wind(table: pd.DataFrame) -> pd.DataFrame:
    """Replace directions by vectors: 359 and 1 degree are neighbours.

    A column that starts with ``wd (deg)`` becomes its sine and cosine, times the speed if a
    column starts with ``wv (``: the wind from the east and from the north. Calm air, whose
    direction a station may leave out, is a vector of no length.
    """
    directions = [name for name in map(str, table) if name.startswith("wd (deg)")]
    speeds = [name for name in map(str, table) if name.startswith("wv (")]
    out = table.drop(columns=directions)
    for name in directions:
        angle = np.deg2rad(table[name])
        for word, part in (("east", np.sin(angle)), ("north", np.cos(angle))):
            if speeds:
                speed = table[speeds[0]]
                part = (part * speed).mask(speed == 0, 0.0)
            out[f"wind from {word}" + name.removeprefix("wd (deg)")] = part
    return out
