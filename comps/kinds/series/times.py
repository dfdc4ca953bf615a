"""A column of times: dates, numbers, or texts in the ways that tables know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import AmbiguousError
from comps.kinds.table import dates

if TYPE_CHECKING:
    import pandas as pd


# After an hour: Z, UTC, or how far it is from UTC.
_ZONE = r"\d:\d\d.*?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)\s*$"


def read_times(cells: pd.Series[Any], way: str, name: str) -> NDArray[Any]:
    """Return [n] datetime64[us] or float64, NaT or NaN where a time is missing or unreadable.

    Args:
        cells: dates, numbers, periods, or texts.
        way: how texts are written, as for `strftime`; an empty one is found.
        name: of the column.

    Raises:
        WorkbenchError: if texts are no dates, or may be either of two.

    >>> import pandas as pd
    >>> read_times(pd.Series([20240131, 20240229]), "", "day").astype("M8[D]").tolist()
    [datetime.date(2024, 1, 31), datetime.date(2024, 2, 29)]
    """
    import pandas as pd
    from pandas.api import types

    if isinstance(cells.dtype, pd.PeriodDtype):
        cells = cells.dt.start_time
    if types.is_datetime64_any_dtype(cells) or types.infer_dtype(cells) in ("date", "datetime"):
        found = pd.to_datetime(cells, utc=True).dt.tz_localize(None)
        return found.to_numpy().astype("M8[us]")
    if types.is_numeric_dtype(cells) and not way:
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        if not _are_days(numbers):
            return numbers
        cells, way = cells.astype("Int64"), "%Y%m%d"
    cells = cells.astype("string").rename(name)
    ways: Sequence[str] = [way] if way else dates.formats_of(cells.dropna().astype(object))
    if len(ways) > 1:
        raise AmbiguousError(
            f"Times of {name!r} such as {cells.dropna().iloc[0]} can be read in two ways.",
            [f"{name}=date:{found}" for found in ways],
            "--column",
        )
    return dates.parsed(cells, ways[0] if ways else "")[0].to_numpy().astype("M8[us]")


def has_zone(cells: pd.Series[Any]) -> bool:
    """Whether any time says how far it is from UTC.

    >>> import pandas as pd
    >>> [has_zone(pd.Series([text])) for text in ("2024-01-01 06:00+01:00", "2024-01-01 06:00")]
    [True, False]
    """
    import pandas as pd
    from pandas.api import types

    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return True
    if not (types.is_object_dtype(cells.dtype) or types.is_string_dtype(cells.dtype)):
        return False
    return bool(cells.dropna().astype(str).str.contains(_ZONE).any())


def _are_days(numbers: NDArray[np.float64]) -> bool:
    """Whether all numbers are days as in 20240131."""
    known = numbers[~np.isnan(numbers)]
    if not len(known) or np.any((known < 19000101) | (known > 21001231)):
        return False
    month, day = known // 100 % 100, known % 100
    return bool(np.all((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)))
