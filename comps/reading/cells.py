"""What the texts of a column of numbers mean, by one contract for all loaders.

A column whose cells are all written in one way is converted; a note says what was taken off. A few
cells that are no numbers become missing, and a note counts and names them. Everything else that
could change the meaning is refused: two ways to write numbers in one column, or one way in the
training rows and another one in the test rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, counted, some
from comps.reading.column import Column, check_present
from comps.reading.placeholders import find_placeholders
from comps.reading.ways import Part, Way, common_way

# Different values from which a pattern is no chance.
_MANY = 10


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column as numbers.

    Attributes:
        train: [n] float64, NaN where a value is missing.
        test: [m] float64, or None if there is no test column.
        notes: what was taken off, is missing or looks like a placeholder, for the user.
    """

    train: NDArray[np.float64]
    test: NDArray[np.float64] | None
    notes: tuple[str, ...]


def as_numbers(
    train: Column, test: Column | None = None, *, words: Container[str] = ("",)
) -> Numbers:
    """Return a column of numbers, whichever way it is written in.

    Converted, with a note, are signs between thousands, decimal commas, units, currency and
    percent signs (which are taken off: "45%" is 45), if all cells are written so, and numbers below
    zero in brackets, if none has a minus. Missing, with a
    note, are words such as "N/A" (see `missing.MISSING`), infinities, clear placeholders (see
    `placeholders`), and a few cells that are no numbers: at most 3 or 1 %, and never above 10 %.

    Args:
        train: the column in the training rows.
        test: the same in the test rows; None where there are none.
        words: for "missing", in small letters, that are usual here and need no note.

    Raises:
        DataError: if many cells are no numbers, or numbers are written in several ways; lines and
            cells are named.

    >>> import pandas as pd
    >>> prices = pd.Series(["$1,250,000", "n/a", "$950"])
    >>> found = as_numbers(Column("price", prices, "train.csv"))
    >>> found.train.tolist()
    [1250000.0, nan, 950.0]
    >>> print(found.notes[0])
    price: numbers have commas between thousands and the sign '$': '$1,250,000' is 1250000.
    """
    columns = [column for column in (train, test) if column is not None]
    if all(column.cells.dtype.kind in "iuf" for column in columns):
        values = [column.cells.to_numpy(dtype=np.float64) for column in columns]
        check_present([int((~np.isnan(part)).sum()) for part in values], columns)
        notes = [note for found in zip(columns, values, strict=True) for note in _infinite(*found)]
    else:
        values, notes = _read(columns, words)
    values = [np.where(np.isinf(numbers), np.nan, numbers) for numbers in values]
    _check_points(train.name, np.concatenate(values))
    cut = find_placeholders(np.concatenate(values))
    notes += [f"{train.name}: {note}" for note in cut.notes]
    cleaned = [np.where(np.isin(numbers, cut.missing), np.nan, numbers) for numbers in values]
    return Numbers(cleaned[0], cleaned[1] if test is not None else None, tuple(notes))


def all_numbers(column: Column) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the numbers of a column of which every cell is one, and how they are written.

    Raises:
        DataError: if a cell is no number, or numbers are written in several ways; lines and cells
            are named.

    >>> import pandas as pd
    >>> values, notes = all_numbers(Column("x", pd.Series(["1,5", "2,25"]), "train.csv"))
    >>> values.tolist(), notes
    ([1.5, 2.25], ("x: numbers have a decimal comma: '1,5' is 1.5.",))
    """
    part = Part(column)
    way = common_way([part])
    values = part.values(way)
    strange = np.flatnonzero(~np.isfinite(values))
    if len(strange):
        said = column.counted(len(strange), "is no number", "are no numbers")
        as_others = "" if way == Way() else f", or not as the others, which have {way}"
        raise DataError(f"{said}{as_others}: {column.shown(strange)}.")
    return values, tuple(_way_notes(column.name, way, [part]))


def words_note(
    columns: Sequence[Column], missing: Container[str], usual: Container[str]
) -> tuple[str, ...]:
    """Return one note on the words for "missing" in many columns; none if there are none.

    Args:
        columns: of all files.
        missing: the words, in small letters.
        usual: those of them that need no note.

    >>> import pandas as pd
    >>> from comps.reading.missing import MISSING
    >>> cells = pd.Series(["3", "N/A", "N/A", "-"])
    >>> words_note([Column("x", cells, "train.csv")], MISSING, ("",))
    ("3 cells say 'N/A', '-': taken as missing. Columns: x (3).",)
    """
    words: Counter[str] = Counter()
    cells: Counter[str] = Counter()
    texts = [column for column in columns if column.cells.dtype.kind not in "iuf"]
    for column in texts:
        for text, count in column.cells.value_counts().items():
            word = str(text).strip()
            if word.lower() in missing and word.lower() not in usual:
                words[word] += int(count)
                cells[column.name] += int(count)
    if not words:
        return ()
    shown = some(repr(word) for word, _ in words.most_common())
    places = some(f"{name} ({count})" for name, count in cells.most_common())
    said = counted(words.total(), "cell says", "cells say")
    return (f"{said} {shown}: taken as missing. Columns: {places}.",)


def share_of_numbers(column: Column) -> float:
    """Return the share of the cells with a value that are numbers, in whichever way; 0 of none.

    >>> import pandas as pd
    >>> share_of_numbers(Column("x", pd.Series(["1,5", "$3", "big", "NA"]), "train.csv"))
    0.6666666666666666
    """
    return Part(column).share_of_numbers()


def units_of(column: Column) -> set[str]:
    """Return the units and signs beside the numbers of a column.

    >>> import pandas as pd
    >>> sorted(units_of(Column("x", pd.Series(["1. low", "2. high", "3"]), "train.csv")))
    ['high', 'low']
    """
    return {written.unit for written in Part(column).written.values()} - {""}


def mixed_unit(column: Column) -> str | None:
    """Return a cell with a unit or sign, where many cells have one and many none; else None.

    Such a column is refused by `as_numbers`: its cells may well be codes.

    >>> import pandas as pd
    >>> mixed_unit(Column("x", pd.Series(["22423", "21730", "85123A", "84406B"]), "train.csv"))
    '85123A'
    """
    return Part(column).mixed


def _check_points(name: str, values: NDArray[np.float64]) -> None:
    """Refuse 8.450 beside 9600: points between thousands read as decimal ones.

    Nearly all decimals have three digits and are below 1000, and whole numbers are above it.

    Raises:
        DataError: with an example.
    """
    distinct = np.unique(values[np.isfinite(values)])
    whole = distinct == np.floor(distinct)
    decimals = distinct[~whole]
    digits = np.round(decimals * 1000)
    if len(decimals) < _MANY or (distinct[whole] >= 1000).sum() < _MANY:
        return
    exact = np.isclose(decimals * 1000, digits, rtol=1e-9).all()
    inside = ((decimals >= 1) & (decimals < 1000)).all()
    if exact and inside and (digits % 10 != 0).mean() > 0.5:
        raise DataError(
            f"The numbers of {name} seem to be written in two ways: {decimals[0]:.3f} with a point "
            f"between thousands, and {distinct[whole][-1]:g} without. Write plain numbers."
        )


def _read(
    columns: Sequence[Column], words: Container[str]
) -> tuple[list[NDArray[np.float64]], list[str]]:
    """Return the numbers that texts say, and the notes of those that say none."""
    parts = [Part(column) for column in columns]
    check_present([part.present for part in parts], columns)
    way = common_way(parts)
    values = [part.values(way) for part in parts]
    notes = [*_way_notes(columns[0].name, way, parts)]
    for part, numbers in zip(parts, values, strict=True):
        notes += _missing_notes(part, way, numbers, words)
    return values, notes


def _way_notes(name: str, way: Way, parts: Sequence[Part]) -> Iterator[str]:
    if way != Way():
        text, value = next(found for part in parts if (found := part.example(way)) is not None)
        yield f"{name}: numbers have {way}: {text!r} is {value:.10g}."
    bracketed = next((found for part in parts if (found := part.example(way, "("))), None)
    if bracketed is not None:
        text, value = bracketed
        yield f"{name}: numbers in brackets are below zero: {text!r} is {value:.10g}."


def _missing_notes(
    part: Part, way: Way, numbers: NDArray[np.float64], words: Container[str]
) -> Iterator[str]:
    """Yield what counts as missing in a column of a file."""
    column = part.column
    said = {text: count for text, count in part.words().items() if text.lower() not in words}
    if said:
        shown = some(repr(text) for text in said)
        yield f"{column.counted(sum(said.values()), 'says', 'say')} {shown}: taken as missing."
    yield from _infinite(column, numbers)
    strange = part.strange(way)
    if len(strange):
        yield _as_missing(column, strange, "is no number", "are no numbers")


def _infinite(column: Column, numbers: NDArray[np.float64]) -> Iterator[str]:
    """Yield a note if numbers are infinite."""
    rows = np.flatnonzero(np.isinf(numbers))
    if len(rows):
        yield _as_missing(column, rows, "is infinite", "are infinite")


def _as_missing(column: Column, rows: NDArray[np.int64], one: str, many: str) -> str:
    return f"{column.counted(len(rows), one, many)}: taken as missing. {column.shown(rows)}."
