"""Reading a weather station's file: times in two spellings, quantities, what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError
from comps.reading.archives import find_tables, open_files
from comps.reading.cells import as_numbers, share_of_numbers
from comps.reading.column import Column
from comps.reading.columns import check_names
from comps.reading.dates import refuse_isolated
from comps.reading.delimited import read_table

if TYPE_CHECKING:
    import pandas as pd

TIME = "Date Time"
TARGET = "T (degC)"
# Stations write -9999 (Jena's wind) or -999 for "no reading"; nothing measured is as low.
_NO_READING = -999.0
# Jena has six readings an hour; a station that has one in so many hours is none.
_SPARSE = 24
_DAY_FIRST = re.compile(r"\s*\d{1,2}\.\d{1,2}\.\d{4} ")


@dataclass(frozen=True, eq=False)
class Readings:
    """A file's rows in the order of time.

    Attributes:
        table: float64, indexed by time, the temperature first; NaN where nothing was read.
        time_format: how the file writes times, for `strftime`.
        notes: what was corrected.
    """

    table: pd.DataFrame
    time_format: str
    notes: tuple[str, ...]


def read_station(path: Path) -> dict[str, bytes]:
    """Return the one table at a path: a CSV file, an archive, or a folder with either.

    Raises:
        DataError: if there is none, or more than one.
    """
    files = open_files(path)
    found = files.names() if path.is_file() and len(files) == 1 else find_tables(files)
    if len(found) != 1:
        names = ", ".join(sorted(found)[:8]) or "none"
        raise DataError(f"One CSV file of weather was expected in {path}. Found: {names}.")
    return {PurePosixPath(found[0]).name: files.read(found[0])}


def parse(content: bytes, name: str) -> Readings:
    r"""Return the readings of a CSV file: times as in Jena's file, or ISO.

    Raises:
        DataError: if the times or the temperature are missing or unreadable, or one time has
            two rows that differ.

    >>> text = b"Date Time,p (mbar),T (degC),wv (m/s)\n01.01.2009 00:10:00,996.52,-8.02,-9999\n"
    >>> parse(text, "jena.csv").table.iloc[0].to_dict()
    {'T (degC)': -8.02, 'p (mbar)': 996.52}
    """
    table = read_table(content, name)
    raw = table.frame.rename(columns=str.strip)
    names = list(map(str, raw.columns))
    check_names(names, [TIME], name)
    temperatures = [column for column in names if column.startswith(TARGET)]
    if not temperatures:
        raise DataError(f"{name} has no column that starts with '{TARGET}'. It has: {_names(raw)}.")
    times, time_format = _times(raw[TIME], name, table.lines)
    others = [column for column in names if column not in (TIME, temperatures[0])]
    columns = [
        Column(column, raw[column], name, table.lines) for column in (temperatures[0], *others)
    ]
    numbers, notes = _numbers(columns)
    numbers.index = times
    ordered, more = _ordered(numbers, name)
    return Readings(ordered, time_format, (*table.notes, *notes, *more))


def _names(raw: pd.DataFrame) -> str:
    return ", ".join(map(repr, list(raw.columns)[:16]))


def _times(texts: pd.Series, name: str, lines: NDArray[np.int64]) -> tuple[pd.DatetimeIndex, str]:
    import pandas as pd

    first = str(texts.iloc[0])
    date = "%d.%m.%Y" if _DAY_FIRST.match(first) else "%Y-%m-%d"
    written = date + ("T" if "T" in first else " ") + "%H:%M:%S"
    how = written if date == "%d.%m.%Y" else "ISO8601"
    try:
        times = pd.to_datetime(texts.astype(str).str.strip(), format=how, errors="coerce")
    except ValueError as error:  # times of several zones
        raise DataError(f"The times of {name} cannot be read: {error}.") from error
    bad = times.isna().to_numpy()
    if bad.any():
        raise DataError(
            f"{int(bad.sum())} times of {name} cannot be read; they should look like "
            f"'2013-01-31 06:00:00' or '31.01.2013 06:00:00', all in one way. "
            f"{Column(TIME, texts, name, lines).shown(np.flatnonzero(bad))}."
        )
    # An offset is as good as a zone: what counts is the time between two rows.
    index = pd.DatetimeIndex(times).tz_localize(None)
    refuse_isolated(index.to_numpy(), texts, f"'{TIME}' of {name}", lines)
    _check_density(index, name)
    return index, written


def _check_density(times: pd.DatetimeIndex, name: str) -> None:
    """Refuse readings that are lost among hours without any, which would take hours to fill."""
    hours = (times.max() - times.min()) / np.timedelta64(1, "h")
    if hours > _SPARSE * len(times):
        raise DataError(
            f"{name} has {len(times)} rows from {times.min()} to {times.max()}, which are "
            f"{hours:,.0f} hours: fewer than one row in {_SPARSE} hours. Are some dates wrong?"
        )


def _numbers(columns: Sequence[Column]) -> tuple[pd.DataFrame, list[str]]:
    """Return float64 columns, and notes; a column of texts alone is left out."""
    import pandas as pd

    found: dict[str, NDArray[np.float64]] = {}
    notes = []
    for column in columns:
        if share_of_numbers(column) == 0:
            notes.append(f"The column {column.name!r} holds no number: left out.")
            continue
        numbers = as_numbers(column)
        low = numbers.train <= _NO_READING
        if low.any():
            notes.append(
                f"{column.name}: {int(low.sum())} cells are {_NO_READING:g} or below, which "
                "stations write for 'no reading': taken as missing."
            )
        found[column.name] = np.where(low, np.nan, numbers.train)
        notes += numbers.notes
    target = columns[0]
    if target.name not in found or np.isnan(found[target.name]).all():
        raise DataError(f"{target.file} has no number in the column {target.name!r}.")
    return pd.DataFrame(found).dropna(axis="columns", how="all"), notes


def _ordered(table: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Sort by time and drop duplicate rows."""
    notes = []
    if not table.index.is_monotonic_increasing:
        notes.append("The rows were not in the order of time; they were sorted.")
        table = table.sort_index(kind="stable")
    again = table.reset_index().duplicated().to_numpy()
    if again.any():
        notes.append(f"{int(again.sum())} duplicate rows were left out.")
        table = table[~again]
    twice = table.index[table.index.duplicated()].unique()
    if len(twice):
        shown = ", ".join(str(time) for time in twice[:5])
        raise DataError(
            f"{name} has {len(twice)} times with more than one row, and the rows differ: {shown}. "
            "Keep one of each."
        )
    return table, tuple(notes)
