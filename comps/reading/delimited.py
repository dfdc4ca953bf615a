"""Tables from CSV files whose structure is checked first, so that no cell changes its column.

A column of plain numbers alone comes as numbers. Every other column comes as the text that the
file has, to the character; an empty cell is a missing value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted, some
from comps.reading.encoding import as_utf8
from comps.reading.structure import Structure, checked_structure

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = b"PAR1"
# Above, not every whole number is a float64.
_EXACT = 2.0**53
_BLOCK = 32 * 1024 * 1024


class _Every:
    def __contains__(self, item: object) -> bool:
        return True


#: All columns come as text.
ALL: Container[str] = _Every()


@dataclass(frozen=True, eq=False)
class Table:
    """A table as a file has it.

    Attributes:
        frame: [n] rows with the columns of the file.
        notes: what was left out or assumed, for the user.
        lines: [n] int64, the line of the file on which each row begins, counted from 1; of
            Parquet, the row.
        name: of the file, for messages.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    lines: NDArray[np.int64]
    name: str


def read_table(
    content: bytes,
    name: str,
    *,
    text: Container[str] = (),
    rename: bool = False,
    delimiter: str | None = None,
) -> Table:
    r"""Read a CSV file (or Parquet), and refuse what could be read in two ways.

    Fields are divided by commas, tabs, semicolons or bars; the encoding is UTF-8, UTF-16 or, with
    a note, Windows-1252. Numbers with leading zeros, and those that 64 bits do not hold, stay text.

    Args:
        content: of the file.
        name: of the file, for messages.
        text: columns that come as text even if they hold numbers, such as ids: "007", "1466.0";
            `ALL` for all columns.
        rename: call further columns of one name `x.1`, `x.2` instead of refusing them.
        delimiter: between fields; None finds it.

    Raises:
        DataError: if it is no text, a row has too few or too many fields, two columns that differ
            have one name, or it has no header or no rows. Lines are named.
        MissingPackageError: if it is Parquet and pyarrow is not installed.

    >>> table = read_table(b"id,x,note\n007,1.5,a\n008,,NA\n", "a.csv", text=["id"])
    >>> table.frame.to_dict("list"), table.lines.tolist()
    ({'id': ['007', '008'], 'x': [1.5, nan], 'note': ['a', 'NA']}, [2, 3])
    >>> read_table(b"a,b\n1,2\n3\n", "a.csv")
    Traceback (most recent call last):
    comps.base.errors.DataError: a.csv is not a readable CSV file: 1 of 2 rows has another ...
    """
    if content.startswith(_PARQUET):
        from comps.reading.parquet import parquet_frame

        frame = parquet_frame(content, name, text)
        table = Table(frame, (), np.arange(1, len(frame) + 1), name)
        _check_rows(table.lines, name)
    else:
        table = _read_text(content, name, text, delimiter)
    return _one_column_a_name(_without_empty(table), rename)


def _read_text(content: bytes, name: str, text: Container[str], delimiter: str | None) -> Table:
    decoded, notes = as_utf8(content, name)
    found = checked_structure(decoded, name, delimiter)
    _check_rows(found.rows.lines, name)
    body = found.rows.body()
    as_text = [place for place, column in enumerate(found.names) if column in text]
    frame = _parsed(body, found, name, range(len(found.names)), as_text)
    hidden = [place for place in _altered(frame, body) if place not in as_text]
    if hidden:
        texts = _parsed(body, found, name, hidden, hidden)
        for place in hidden:
            if not _is_exact(texts[place], frame[place]):
                frame[place] = texts[place]
    frame.columns = list(found.names)
    return Table(frame, (*notes, *found.notes), found.rows.lines, name)


def _check_rows(lines: NDArray[np.int64], name: str) -> None:
    """Refuse a table without rows; the parser does not take columns as text there.

    Raises:
        DataError: that says so.
    """
    if not len(lines):
        raise DataError(
            f"{name} has no rows: it holds the names of its columns alone. It may be cut: download "
            "it again, or leave it out."
        )


def _parsed(
    body: bytes, found: Structure, name: str, places: Sequence[int], as_text: Sequence[int]
) -> pd.DataFrame:
    """Return columns by their place, those of `as_text` as text."""
    import pandas as pd

    options: dict[str, Any] = {
        "header": None,
        "names": range(found.width),
        "usecols": list(places),
        "dtype": dict.fromkeys(as_text, str),
        "quoting": csv.QUOTE_MINIMAL if b'"' in body else csv.QUOTE_NONE,
    }
    try:
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(body),
            sep=found.delimiter,
            index_col=False,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
            low_memory=False,
            **options,
        )
        return frame
    except pd.errors.ParserError as error:
        raise DataError(
            f"{name} is not a readable CSV file: the quotation mark that opens in line "
            f"{found.rows.lines[-1]} or after is never closed."
        ) from error


def _altered(frame: pd.DataFrame, body: bytes) -> list[int]:
    """Return the columns in which the parser may have altered the text of a cell."""
    import pandas as pd

    padded = _is_padded(body)
    found = []
    for place, dtype in zip(map(int, frame.columns), frame.dtypes, strict=True):
        if dtype.kind in "iuf":
            altered = padded or (dtype.kind == "f" and _is_large(frame[place].to_numpy()))
        else:
            texts = dtype.kind != "O" or pd.api.types.infer_dtype(frame[place]) == "string"
            altered = not texts or dtype.kind == "b"
        if altered:
            found.append(place)
    return found


def _is_large(values: NDArray[np.float64]) -> bool:
    """Whether one of the numbers may stand for another whole number."""
    return bool((np.abs(values) >= _EXACT).any())


def _is_padded(body: bytes) -> bool:
    """Whether a field may begin with a zero and another digit."""
    before = np.zeros(256, dtype=bool)
    before[list(b'\n\r,;|\t" +-')] = True
    for start in range(0, len(body), _BLOCK):
        # One more byte at each end, for a field on the border of two blocks.
        block = np.frombuffer(b"\n" + body[max(start - 1, 0) : start + _BLOCK + 1], np.uint8)
        zeros = np.flatnonzero(block[1:-1] == ord("0")) + 1
        found = zeros[before[block[zeros - 1]] & (block[zeros + 1] - ord("0") < 10)]
        # A sign or blank in the middle of a field, as in 2015-01-31 05:00, begins none.
        signed = np.isin(block[found - 1], list(b"+- ")) & ~before[block[found - 2]]
        if not signed.all():
            return True
    return False


def _is_exact(texts: pd.Series, numbers: pd.Series) -> bool:
    """Whether a column is numbers, and says the same as the texts."""
    if numbers.dtype.kind not in "iuf":
        return False
    unpadded = ~texts.str.match(r"\s*[+-]?0\d", na=False)
    if numbers.dtype.kind != "f":
        return bool(unpadded.all())
    whole = texts[(numbers.abs() >= _EXACT) & texts.str.fullmatch(r"\s*[+-]?\d+\s*", na=False)]
    return bool(unpadded.all()) and all(int(text) == int(float(text)) for text in whole)


def _without_empty(table: Table) -> Table:
    """Leave out columns that have neither a name nor a value, and name those without a name."""
    names = list(table.frame.columns)
    nameless = [place for place, column in enumerate(names) if not str(column).strip()]
    if not nameless:
        return table
    empty = {place for place in nameless if table.frame.iloc[:, place].isna().all()}
    kept = [place for place in range(len(names)) if place not in empty]
    renamed = [f"Unnamed: {p}" if p in nameless else names[p] for p in kept]
    notes = list(table.notes)
    has = (f"column of {table.name} has", f"columns of {table.name} have")
    if empty:
        notes.append(f"{counted(len(empty), *has)} no name and no value; left out.")
    if len(empty) < len(nameless):
        others = [f"Unnamed: {place}" for place in nameless if place not in empty]
        notes.append(f"{counted(len(others), *has)} no name: called {some(others)}.")
    frame = table.frame.iloc[:, kept].set_axis(renamed, axis="columns")
    return replace(table, frame=frame, notes=tuple(notes))


def _one_column_a_name(table: Table, rename: bool) -> Table:
    """Leave out columns that are equal to one of the same name, and refuse or rename others.

    Raises:
        DataError: if two columns of one name differ.
    """
    names = list(map(str, table.frame.columns))
    if len(set(names)) == len(names):
        return table
    first: dict[str, list[int]] = {}
    again, differ = [], []
    for place, column in enumerate(names):
        same = first.setdefault(column, [])
        if any(table.frame.iloc[:, place].equals(table.frame.iloc[:, p]) for p in same):
            again.append(place)
        else:
            same.append(place)
            if len(same) > 1:
                differ.append(column)
    if differ and not rename:
        raise DataError(
            f"{table.name} has several columns called {some(dict.fromkeys(map(repr, differ)))}, "
            "and they differ. Rename or delete all but one; or is the line of names missing?"
        )
    notes = list(table.notes)
    if again:
        shown = some(dict.fromkeys(repr(names[place]) for place in again))
        notes.append(f"{table.name} has the same column again: {shown}; it is left out.")
    if differ:
        shown = some(dict.fromkeys(map(repr, differ)))
        notes.append(f"{table.name} has several columns called {shown}; further ones get a number.")
    kept = [place for place in range(len(names)) if place not in again]
    called = _numbered([names[place] for place in kept])
    frame = table.frame.iloc[:, kept].set_axis(called, axis="columns")
    return replace(table, frame=frame, notes=tuple(notes))


def _numbered(names: Sequence[str]) -> list[str]:
    """Return names of which further ones have a number: x, x.1, x.2.

    >>> _numbered(["x", "x", "x.1"])
    ['x', 'x.2', 'x.1']
    """
    called: list[str] = []
    taken = set(names)
    for name in names:
        new, number = name, 0
        while new in called or (number and new in taken):
            number += 1
            new = f"{name}.{number}"
        called.append(new)
    return called
