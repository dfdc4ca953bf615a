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
# Times of a day without one: they are counted from midnight.
_CLOCKS = ("%H:%M", "%H:%M:%S")
#: The ways to write a date that are known.
FORMATS = (ISO, *(f"{day}{time}" for day in (*_DAYS, *_NAMED) for time in _TIMES), *_CLOCKS)
# pandas takes "8730-03" and "1203.5" for months, and "16:9" for a time, too.
_STRICTLY = {
    ISO: r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)|\d{8}T|(?:1[89]|20|21)\d\d-(?:0[1-9]|1[0-2])$",
    **dict.fromkeys(_CLOCKS, r"\d{1,2}:\d\d(?::\d\d)?$"),
}
_LIKE_DATES = r"\d.*[-./: ].*\d"
# So many different cells are looked at first.
_LOOKED_AT = 500
# Cells that may be something else where a column is one of dates.
_STRAYS, _FEW_STRAYS = 0.01, 3
# Cells that are dates, each in some way, where a column is one of dates.
_MOSTLY = 0.9


def formats_of(cells: Cells) -> list[str]:
    """Return the formats in which a column's cells are dates; none where they are something else.

    Args:
        cells: texts, none of them missing.

    >>> import pandas as pd
    >>> formats_of(pd.Series(["31.01.2013", "05.02.2013"]))
    ['%d.%m.%Y']
    >>> formats_of(pd.Series(["01/02/2013"]))
    ['%d/%m/%Y', '%m/%d/%Y']
    >>> formats_of(pd.Series(["06:22", "17:05"])), formats_of(pd.Series(["8730-03", "8731-11"]))
    (['%H:%M'], [])
    """
    different = cells.drop_duplicates()
    first = different.iloc[:_LOOKED_AT]
    # A date has digits and signs between them; a number alone is a number.
    if not len(first) or not _enough(first.str.contains(_LIKE_DATES)):
        return []
    found = []
    for way in FORMATS:
        if not (_enough(_reads(first, way)) and _enough(_reads(different, way))):
            continue
        found.append(way)
        if way == ISO:
            break
    return found


def ways_of(cells: Cells) -> list[str]:
    """Return the formats of dates that are written in several ways; none where they are not.

    Args:
        cells: texts that no format reads alone, none of them missing.

    >>> import pandas as pd
    >>> ways_of(pd.Series(["2020-02-21", "2020-02-22", "23/02/2020", "24/02/2020"]))
    ['ISO8601', '%d/%m/%Y']
    """
    first = cells.drop_duplicates().iloc[:_LOOKED_AT]
    if not first.str.contains(_LIKE_DATES).mean() > _MOSTLY:
        return []
    left, found = first, []
    for way in FORMATS:
        read = _reads(left, way)
        if read.any():
            found.append(way)
            left = left[~read]
    return found if len(found) > 1 and len(left) < (1 - _MOSTLY) * len(first) else []


def _enough(is_date: pd.Series[bool]) -> bool:
    """Whether nearly all cells are dates; of few, some may be something else."""
    n = len(is_date)
    few = min(_FEW_STRAYS, (1 - _MOSTLY) * n)
    return n - int(is_date.sum()) <= max(few, _STRAYS * n)


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


def _reads(cells: Cells, way: str) -> pd.Series[bool]:
    """Return which cells are dates in a way of writing, [n] bool."""
    import pandas as pd

    read = pd.to_datetime(cells, format=way, errors="coerce", utc=True).notna()
    return read & cells.str.match(rf"\s*(?:{_STRICTLY[way]})") if way in _STRICTLY else read
