"""Words that say that a value is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: What is compared, in small letters and without spaces around it, and where it comes from. Those
#: of `SURE` mean nothing else; the others may be a level of a column of levels.
SURE: Mapping[str, str] = {
    "": "an empty cell",
    "na": "R, and pandas' `na_rep`",
    "n/a": "people, and Excel users",
    "n.a.": "people",
    "#n/a": "Excel, a look-up without a result",
    "#n/a n/a": "Bloomberg",
    "#value!": "Excel, an error",
    "#div/0!": "Excel, an error",
    "#ref!": "Excel, an error",
    "#num!": "Excel, an error",
    "#name?": "Excel, an error",
    "nan": "Python, C",
    "-nan": "C",
    "1.#qnan": "Visual C++",
    "-1.#ind": "Visual C++",
    "<na>": "pandas",
    "nat": "pandas, of dates",
    "null": "SQL, JSON",
    "(null)": "SQL Server",
    "\\n": "MySQL, PostgreSQL",
}
UNSURE: Mapping[str, str] = {
    "none": "Python; also a level: there is none",
    "nil": "people; also a level: nothing",
    "-": "people, and tables of statistics",
    "--": "people",
    "---": "people",
    "\u2013": "people, a dash",
    "\u2014": "people, a dash",
    ".": "SAS, Stata",
    "?": "the UCI repository",
    "*": "people",
    "missing": "people; also a level",
    "unknown": "people; also a level",
    "not available": "people; also a level",
    "not applicable": "people; also a level: there is none",
}
#: All of them: in a column of numbers none is anything else.
MISSING: Mapping[str, str] = {**SURE, **UNSURE}


def missing_cells(texts: pd.Series[Any]) -> pd.Series[bool]:
    """Return which texts say that there is no value, or are missing themselves.

    >>> import pandas as pd
    >>> missing_cells(pd.Series(["3", "N/A", None], dtype="string")).tolist()
    [False, True, True]
    >>> missing_cells(pd.Series([None, None], dtype="string")).tolist()
    [True, True]
    """
    found: pd.Series[bool] = texts.isna()
    there = texts[~found]
    found[~found] = there.map(says_missing).astype(bool)
    return found


def says_missing(text: str) -> bool:
    """Whether a text in a column of numbers says that there is no value.

    >>> says_missing(" N/A "), says_missing("0")
    (True, False)
    """
    return text.strip().lower() in MISSING
