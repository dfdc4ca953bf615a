"""Reading a weather station's file: times in two spellings, quantities, what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

import numpy as np

from comps.base import DataError
from comps.reading.archives import read_files
from comps.reading.columns import read_csv

if TYPE_CHECKING:
    import pandas as pd

TIME = "Date Time"
TARGET = "T (degC)"
# Stations write -9999 (Jena's wind) or -999 for "no reading"; nothing measured is as low.
_NO_READING = -999.0
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
    """Return the one CSV file at a path: a CSV, a zip, or a folder with either.

    Raises:
        DataError: if there is none, or more than one.
    """
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    if path.is_dir():
        return read_station(_only([*path.glob("*.csv")] or [*path.glob("*.zip")], path))
    if path.suffix.lower() == ".zip":
        entries = [Path(name) for name in _entries(path) if "__MACOSX" not in name]
        return read_files(path, [_only([e for e in entries if e.suffix == ".csv"], path).name])
    return read_files(path.parent, [path.name])


def _entries(path: Path) -> list[str]:
    try:
        with ZipFile(path) as archive:
            return [str(PurePosixPath(name)) for name in archive.namelist()]
    except (BadZipFile, OSError) as error:
        raise DataError(f"{path} is not a readable zip file ({error}).") from error


def _only(found: Sequence[Path], where: Path) -> Path:
    if len(found) != 1:
        names = ", ".join(sorted(path.name for path in found)[:8]) or "none"
        raise DataError(f"One CSV file of weather was expected in {where}. Found: {names}.")
    return found[0]


def parse(content: bytes, name: str) -> Readings:
    r"""Return the readings of a CSV file: times as in Jena's file, or ISO.

    Raises:
        DataError: if the times or the temperature are missing or unreadable, or one time has
            two rows that differ.

    >>> text = b"Date Time,p (mbar),T (degC),wv (m/s)\n01.01.2009 00:10:00,996.52,-8.02,-9999\n"
    >>> parse(text, "jena.csv").table.iloc[0].to_dict()
    {'T (degC)': -8.02, 'p (mbar)': 996.52}
    """
    raw = read_csv(content, name).rename(columns=str.strip)
    if TIME not in raw:
        raise DataError(f"{name} lacks the column '{TIME}'. It has: {_names(raw)}.")
    temperatures = [column for column in raw if str(column).startswith(TARGET)]
    if not temperatures:
        raise DataError(f"{name} has no column that starts with '{TARGET}'. It has: {_names(raw)}.")
    times, time_format = _times(raw[TIME], name)
    others = [column for column in raw if column not in (TIME, temperatures[0])]
    table = _numbers(raw[[temperatures[0], *others]], name)
    table.index = times
    return Readings(*_ordered(table, name, time_format))


def _names(raw: pd.DataFrame) -> str:
    return ", ".join(map(repr, list(raw.columns)[:16]))


def _times(texts: pd.Series, name: str) -> tuple[pd.DatetimeIndex, str]:
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
        shown = ", ".join(f"line {row + 2}: {texts.iloc[row]!r}" for row in np.flatnonzero(bad)[:5])
        raise DataError(
            f"{int(bad.sum())} times of {name} cannot be read; they should look like "
            f"'2013-01-31 06:00:00' or '31.01.2013 06:00:00', all in one way. {shown}."
        )
    # An offset is as good as a zone: what counts is the time between two rows.
    return pd.DatetimeIndex(times).tz_localize(None), written


def _numbers(raw: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return float64 columns; a column of text is left out, a stray text is a missing value."""
    import pandas as pd

    table = raw.apply(pd.to_numeric, errors="coerce").astype(np.float64)
    table = table.mask((table <= _NO_READING) | ~np.isfinite(table))
    if table.iloc[:, 0].isna().all():
        raise DataError(f"{name} has no number in the column '{table.columns[0]}'.")
    present: pd.DataFrame = table.dropna(axis="columns", how="all")
    return present


def _ordered(
    table: pd.DataFrame, name: str, time_format: str
) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
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
    return table, time_format, tuple(notes)
