"""The structure of a CSV file: its delimiter, its header, and that rows have as many fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from comps.base import DataError, counted
from comps.reading.records import Records, csv_rows, records

DELIMITERS = (",", "\t", ";", "|")
# The delimiter is the one that gives so many first rows one number of fields.
_LOOKED_AT = 50
_HEAD = 1024 * 1024
_SHOWN = 5
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True, eq=False)
class Structure:
    """What is known of a CSV file before its cells are read.

    Attributes:
        names: of the columns, to the character; empty where there is none.
        delimiter: between fields.
        width: fields of a row; one more than there are names where each row ends with a delimiter.
        rows: those below the header.
        notes: what was left out or assumed.
    """

    names: tuple[str, ...]
    delimiter: str
    width: int
    rows: Records
    notes: tuple[str, ...]


def checked_structure(text: bytes, name: str, delimiter: str | None = None) -> Structure:
    r"""Find the delimiter and the header, and check that all rows have as many fields.

    Args:
        text: in UTF-8, see `encoding.as_utf8`.
        name: of the file, for messages.
        delimiter: between fields; None finds it.

    Raises:
        DataError: if rows have too few or too many fields, with the first five lines, or there is
            no header.

    >>> found = checked_structure(b"a;b\n1;2;\n3;4;\n", "a.csv")
    >>> found.names, found.delimiter, found.width
    (('a', 'b'), ';', 3)
    """
    delimiter = delimiter or _delimiter(text)
    found = records(text, delimiter)
    if not len(found):
        raise DataError(f"{name} is not a readable CSV file: it is empty.")
    found, comments = _without_comments(found)
    names = found.fields(0, delimiter)
    rows = found[1:]
    _check_header(names, name, found.lines[0])
    names, width, notes = _fitting(names, rows, name)
    if comments:
        said = counted(
            comments,
            f"line of {name} that begins with '#' is",
            f"lines of {name} that begin with '#' are",
        )
        notes = (f"{said} left out.", *notes)
    return Structure(tuple(names), delimiter, width, rows, notes)


def _delimiter(text: bytes) -> str:
    """Return the delimiter that gives the first rows one number of fields, and the most."""
    head = text[:_HEAD].decode(errors="ignore")
    if len(text) > _HEAD:
        head = head[: head.rfind("\n") + 1]
    best, found = (False, 0), DELIMITERS[0]
    for delimiter in DELIMITERS:
        rows = [row for row in islice(csv_rows(head, delimiter), _LOOKED_AT) if any(row)]
        counts = [len(row) for row in rows if not row[0].startswith("#")] or [0]
        quality = (len(set(counts)) == 1 and counts[0] > 1, counts[0])
        if quality > best:
            best, found = quality, delimiter
    return found


def _without_comments(found: Records) -> tuple[Records, int]:
    """Leave out the lines at the beginning and the end that are comments.

    They begin with "#", and have another number of fields than most rows: "#id,x" is a header.
    """
    import numpy as np

    usual = int(np.median(found.counts))
    first, last = 0, len(found)
    while first < last - 1 and found.counts[first] != usual and found.is_comment(first):
        first += 1
    while last > first + 1 and found.counts[last - 1] != usual and found.is_comment(last - 1):
        last -= 1
    return found[first:last], len(found) - (last - first)


def _check_header(names: Sequence[str], name: str, line: int) -> None:
    """Refuse a header of numbers, unless they count columns: 0, 1, 2, ..."""
    if not all(_NUMBER.fullmatch(text) for text in names):
        return
    # What separates lines of old files is white space to an expression, and not to a number.
    numbers = [float(text.strip()) for text in names]
    if [number - numbers[0] for number in numbers] != list(range(len(numbers))):
        shown = ", ".join(names[:_SHOWN])
        raise DataError(
            f"{name} is not a readable CSV file: its first row, line {line}, holds numbers alone "
            f"({shown}), where the names of the columns were expected. Write them into a line "
            "above."
        )


def _fitting(names: list[str], rows: Records, name: str) -> tuple[list[str], int, tuple[str, ...]]:
    """Return the names and the number of fields of each row, and notes.

    Raises:
        DataError: if not all rows have as many fields.
    """
    width = len(names)
    if not len(rows) or (rows.counts == width).all():
        return names, width, ()
    if (rows.counts == width + 1).all() and rows.open_ended.all():
        note = (
            f"Each row of {name} ends with a delimiter, which the header does not; it is left out."
        )
        return names, width + 1, (note,)
    if names[-1] == "" and (rows.counts == width - 1).all():
        note = f"The header of {name} ends with a delimiter, which its rows do not; it is left out."
        return names[:-1], width - 1, (note,)
    raise DataError(f"{name} is not a readable CSV file: {_misfits(rows, width)}")


def _misfits(rows: Records, width: int) -> str:
    bad = rows.counts != width
    if len(rows) > 1 and (rows.counts == width + 1).all():
        return (
            f"its header names {counted(width, 'column')}, and each row has {width + 1} fields. "
            "Name the column that lacks its name; is it the first one?"
        )
    places = zip(rows.lines[bad][:_SHOWN], rows.counts[bad][:_SHOWN], strict=True)
    shown = ", ".join(f"line {line} has {count}" for line, count in places)
    more = int(bad.sum()) - _SHOWN
    of = f"of {counted(len(rows), 'row')}"
    return (
        f"{counted(int(bad.sum()), f'{of} has', f'{of} have')} another number of fields than the "
        f"{width} of the header: {shown}{f' and {more} more' if more > 0 else ''}. A row may be "
        "cut, which a new download mends, or a cell hold the delimiter without quotation marks."
    )
