"""Dates and times in texts: which way of writing they have, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, UsageError
from comps.reading.missing import missing_cells

if TYPE_CHECKING:
    import pandas as pd

    Cells = pd.Series[Any]

ISO = "ISO8601"
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d")
_NAMED = (
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%d-%b-%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
#: The ways to write a date that are known.
FORMATS = (ISO, *(f"{day}{time}" for day in (*_DAYS, *_NAMED) for time in _TIMES))
# So many different cells are looked at first.
_LOOKED_AT = 500
# Cells that may be something else where a column is one of dates.
_STRAYS = 0.01


def formats_of(cells: Cells) -> list[str]:
    """Return the formats in which a column's cells are dates; none where they are something else.

    Args:
        cells: texts, none of them missing.

    >>> import pandas as pd
    >>> formats_of(pd.Series(["31.01.2013", "05.02.2013"]))
    ['%d.%m.%Y']
    >>> formats_of(pd.Series(["01/02/2013"]))
    ['%d/%m/%Y', '%m/%d/%Y']
    """
    different = cells.drop_duplicates()
    first = different.iloc[:_LOOKED_AT]
    # A date has digits and signs between them; a number alone is a number.
    if not first.str.contains(r"\d.*[-./: ].*\d").mean() > 1 - _STRAYS:
        return []
    found = []
    for way in FORMATS:
        if _share_read(first, way) <= 1 - _STRAYS or _share_read(different, way) <= 1 - _STRAYS:
            continue
        found.append(way)
        if way == ISO:
            break
    return found


def parsed(cells: Cells, way: str) -> tuple[Cells, NDArray[np.bool_], int]:
    """Return times without a zone, which cells say something else, and how many say something.

    Args:
        cells: [n] texts.
        way: a format as for `strftime`; an empty one is found.

    Raises:
        DataError: if no format is found.
        UsageError: if the format is none, or may be either of two.

    >>> import pandas as pd
    >>> times, strange, present = parsed(pd.Series(["31.01.2013", "NA", "soon"]), "%d.%m.%Y")
    >>> int(times.dt.day.iloc[0]), strange.tolist(), present
    (31, [False, False, True], 2)
    """
    import pandas as pd

    texts = cells.astype("string").str.strip().reset_index(drop=True)
    texts = texts.mask(missing_cells(texts))
    known = texts.dropna()
    way = way or _only_way(str(cells.name), known.astype(object))
    try:
        times = pd.to_datetime(texts, format=way, errors="coerce", utc=True).dt.tz_localize(None)
    except ValueError as error:
        raise UsageError(f"{way!r} is no way to write dates: {error}.") from error
    strange: NDArray[np.bool_] = (times.isna() & texts.notna()).to_numpy(dtype=bool)
    return times, strange, len(known)


def _only_way(name: str, known: Cells) -> str:
    found = formats_of(known)
    if len(found) == 1:
        return found[0]
    first = ", ".join(repr(str(cell)) for cell in known.iloc[:3])
    if found:
        raise UsageError(
            f"Dates of {name!r} such as {first} can be read as {' or '.join(found)}. Say which, as "
            f"in {name}=date:{found[0]}."
        )
    raise DataError(
        f"The column {name!r} is said to hold dates, and {first} cannot be read in one way. Say "
        f"how they are written, as in --column {name}=date:%d.%m.%Y."
    )


def _share_read(cells: Cells, way: str) -> float:
    import pandas as pd

    times = pd.to_datetime(cells, format=way, errors="coerce", utc=True)
    return float(times.notna().mean())
