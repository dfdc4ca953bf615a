"""The records of a CSV file: where each begins, and how many fields it has."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 32 * 1024 * 1024
_NEWLINE, _SPACE = 10, 32


@dataclass(frozen=True, eq=False)
class Records:
    """Records of a CSV file, blank lines left out.

    Attributes:
        text: of the file, in UTF-8.
        starts: [n] int64, where each begins in `text`.
        ends: [n] int64, where each ends, behind the end of its line.
        counts: [n] int64, number of fields.
        open_ended: [n] whether the last field is empty.
        lines: [n] int64, the line of the file on which each begins, counted from 1.
    """

    text: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]
    open_ended: NDArray[np.bool_]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, part: slice) -> Records:
        return Records(
            self.text,
            self.starts[part],
            self.ends[part],
            self.counts[part],
            self.open_ended[part],
            self.lines[part],
        )

    def fields(self, row: int, delimiter: str) -> list[str]:
        """Return the fields of a record."""
        record = self.text[self.starts[row] : self.ends[row]].decode()
        return next(csv_rows(record, delimiter))

    def is_comment(self, row: int) -> bool:
        """Whether a record begins with a sign that starts comments."""
        return self.text[self.starts[row] : self.ends[row]].lstrip().startswith(b"#")

    def body(self) -> bytes:
        """Return the records alone, one after the other."""
        if not len(self):
            return b""
        if (self.starts[1:] == self.ends[:-1]).all():
            return self.text[self.starts[0] : self.ends[-1]]
        spans = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return b"".join(self.text[start:end] for start, end in spans)


def records(text: bytes, delimiter: str) -> Records:
    r"""Find the records of a CSV file.

    Args:
        text: in UTF-8.
        delimiter: one ASCII character.

    >>> found = records(b'a,b\n\n1,"x\ny"\n2,\n', ",")
    >>> found.counts.tolist(), found.lines.tolist(), found.open_ended.tolist()
    ([2, 2, 2], [1, 3, 5], [False, False, True])
    """
    if b'"' in text:
        return _quoted(text, delimiter)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _plain(text, ord(delimiter))


def csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a text, as Python's reader divides it."""
    # A text in a table may be longer than the 131,072 characters of the default.
    csv.field_size_limit(2**31 - 1)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _plain(text: bytes, delimiter: int) -> Records:
    """Find the records where each line is one: no field is quoted."""
    found = []
    before = 0
    for start in range(0, len(text), _BLOCK):
        block = np.frombuffer(text, np.uint8, min(_BLOCK, len(text) - start), start)
        newlines = np.flatnonzero(block == _NEWLINE)
        delimiters = np.flatnonzero(block == delimiter)
        found.append((newlines + start + 1, before + np.searchsorted(delimiters, newlines)))
        before += len(delimiters)
    if text and text[-1] != _NEWLINE:
        found.append((np.array([len(text)]), np.array([before])))
    ends, seen = (
        (np.concatenate(parts).astype(np.int64) for parts in zip(*found, strict=True))
        if found
        else (np.zeros(0, np.int64),) * 2
    )
    starts = np.concatenate([[0], ends[:-1]])[: len(ends)]
    counts = np.diff(seen, prepend=0) + 1
    data = np.frombuffer(text + b"\n", np.uint8)
    last = np.where(data[ends - 1] == _NEWLINE, ends - 2, ends - 1)
    kept = last >= starts
    # A line of spaces is blank, too; few lines begin with one.
    for row in np.flatnonzero(kept & (counts == 1) & (data[starts] <= _SPACE)):
        kept[row] = bool(text[starts[row] : ends[row]].strip())
    open_ended = data[np.maximum(last, 0)] == delimiter
    lines = np.arange(1, len(ends) + 1)
    return Records(text, starts[kept], ends[kept], counts[kept], open_ended[kept], lines[kept])


class _Lines:
    """Lines of a text, and where the next one begins."""

    def __init__(self, text: bytes) -> None:
        self._lines = iter(text.splitlines(keepends=True))
        self.position = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.position += len(line)
        return line.decode()


def _quoted(text: bytes, delimiter: str) -> Records:
    """Find the records where quotation marks may hide delimiters and ends of lines."""
    csv.field_size_limit(2**31 - 1)
    source = _Lines(text)
    reader = csv.reader(source, delimiter=delimiter)
    found = []
    start, line = 0, 1
    for record in reader:
        if (
            len(record) > 1
            or (record and record[0].strip())
            or b'"' in text[start : source.position]
        ):
            found.append((start, source.position, len(record), not record[-1], line))
        start, line = source.position, reader.line_num + 1
    table = np.array(found, dtype=np.int64).reshape(-1, 5)
    starts, ends, counts, ended, lines = table.T
    return Records(text, starts, ends, counts, ended.astype(bool), lines)
