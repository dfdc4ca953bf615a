"""From the bytes of a text file to UTF-8, whatever the file is written in."""

from __future__ import annotations

import codecs

from comps.base import DataError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def as_utf8(content: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a text in UTF-8 without a byte order mark, and notes.

    UTF-8 is taken unless it is none; UTF-16 is known by its byte order mark. Everything else is
    read as Windows-1252, the usual encoding of old files, with a note that names the first line
    that is no UTF-8.

    Raises:
        DataError: if it is no text.

    >>> as_utf8("café".encode("cp1252"), "a.csv")[0].decode()
    'café'
    """
    notes: tuple[str, ...] = ()
    if content[:512].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise _no_text(name, "it is a web page, perhaps one that asks to sign in")
    if content.startswith(_UTF16):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise _no_text(name, f"its byte {error.start} is no UTF-16") from error
    content = content.removeprefix(codecs.BOM_UTF8)
    if (zero := content.find(b"\0")) >= 0:
        raise _no_text(name, f"line {_line(content, zero)} has a byte that is zero")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = _line(content, error.start)
        notes = (
            f"{name} is not in UTF-8 (the first letter that shows it is in line {line}); it is "
            "read as Windows-1252.",
        )
        try:
            content = content.decode("cp1252").encode()
        except UnicodeDecodeError as other:
            line = _line(content, other.start)
            raise _no_text(name, f"line {line} is neither UTF-8 nor Windows-1252") from other
    return content, notes


def _line(content: bytes, place: int) -> int:
    """Return the line of a byte, counted from 1."""
    return content.count(b"\n", 0, place) + 1


def _no_text(name: str, why: str) -> DataError:
    return DataError(
        f"{name} is not a readable CSV file: {why}. It may be damaged or of another kind; save it "
        "as a CSV file in UTF-8."
    )
