"""Dates and times in texts: which way of writing they have, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comps.base import DataError, UsageError

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
    import pandas as pd

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
    del pd
    return found


def parsed(cells: Cells, way: str) -> Cells:
    """Return times without a zone; missing where a cell says nothing.

    Args:
        cells: texts.
        way: a format as for `strftime`; an empty one is found, month before day where both
            orders are possible.

    Raises:
        DataError: if cells are not dates in this format; the first are named.
    """
    import pandas as pd

    from comps.reading.cells import is_missing_word

    texts = cells.astype("string").str.strip()
    texts = texts.mask(texts.map(is_missing_word, na_action="ignore").fillna(True).astype(bool))
    known = texts.dropna()
    if not way:
        found = formats_of(known.astype(object))
        if not found:
            raise DataError(
                f"The column {cells.name!r} is said to hold dates, and {_examples(known)} cannot "
                "be read. Say how they are written, as in date:%d.%m.%Y."
            )
        way = found[-1]
    try:
        times = pd.to_datetime(texts, format=way, errors="coerce", utc=True).dt.tz_localize(None)
    except ValueError as error:
        raise UsageError(f"{way!r} is no way to write dates: {error}.") from error
    strays = known[times[known.index].isna()]
    if len(strays) > _STRAYS * len(known):
        raise DataError(
            f"{len(strays)} of {len(known)} dates in the column {cells.name!r} cannot be read as "
            f"{way}: {_examples(strays)}."
        )
    return times


def _share_read(cells: Cells, way: str) -> float:
    import pandas as pd

    times = pd.to_datetime(cells, format=way, errors="coerce", utc=True)
    return float(times.notna().mean())


def _examples(cells: Cells) -> str:
    return ", ".join(repr(str(cell)) for cell in cells.iloc[:3])
