"""Kinds of files that hold others, told by their first bytes and never by their name."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from comps.base import DataError
from comps.reading.containers import Container, Folder, Single, spooled
from comps.reading.packed import SevenZip, Tar, Zip
from comps.reading.refusals import archive_errors, damaged, file_errors


@dataclass(frozen=True)
class Format:
    """A kind of file that holds others.

    Attributes:
        name: in messages.
        endings: of names that promise one.
        magic: what one may begin with, at `offset`.
        open: `(file, where) -> Container`.
        offset: of the magic bytes.
    """

    name: str
    endings: tuple[str, ...]
    magic: tuple[bytes, ...]
    open: Callable[[IO[bytes], Path], Container]
    offset: int = 0


def _closing(container: Container, file: IO[bytes]) -> Container:
    """Return a container that closes its file when it is no longer used."""
    weakref.finalize(container, file.close)
    return container


def _stream(
    kind: str, unpack: Callable[[IO[bytes]], object]
) -> Callable[[IO[bytes], Path], Container]:
    """Return what opens a packed stream: a tar in it, or the single file that it is."""

    def open_stream(file: IO[bytes], where: Path) -> Container:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        with archive_errors(where, kind):
            content = spooled(cast(IO[bytes], unpack(file)), where, size)
        if (found := _format(content)) is not None and found.open is Tar:
            return _closing(Tar(content, where), content)
        name = unpacked_name(where.name) or where.name
        return _closing(Single(content, where, name), content)

    return open_stream


FORMATS: tuple[Format, ...] = (
    Format("zip", (".zip",), (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), Zip),
    Format("7z", (".7z",), (b"7z\xbc\xaf\x27\x1c",), SevenZip),
    Format("gzip", (".gz", ".tgz"), (b"\x1f\x8b",), _stream("gzip", gzip.open)),
    Format(
        "bzip2",
        (".bz2", ".tbz2"),
        tuple(b"BZh%d1AY&SY" % level for level in range(1, 10)),
        _stream("bzip2", bz2.open),
    ),
    Format("xz", (".xz", ".txz"), (b"\xfd7zXZ\0",), _stream("xz", lzma.open)),
    Format("tar", (".tar",), (b"ustar",), Tar, offset=257),
)
_PROMISED = {ending: format for format in FORMATS for ending in format.endings}
# What is told, and not read.
_FOREIGN: Mapping[bytes, str] = {
    b"Rar!": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard",
    b"\xd0\xcf\x11\xe0": "a document of an old Excel or Word",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF",
}


def contained(path: Path) -> Container:
    """Return what a path holds: the files of a folder or an archive, or the single file itself.

    Raises:
        DataError: if there is nothing, it cannot be read, is damaged or of a kind that is not
            read, has a password, or points outside.
    """
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    if path.is_dir():
        return Folder(path)
    with file_errors(path):
        file = path.open("rb")
    return opened(file, path) or _closing(Single(file, path, path.name), file)


def opened(file: IO[bytes], where: Path) -> Container | None:
    """Open a file as a container; None if it is a file of another kind.

    Args:
        file: can be read from any place.
        where: its path, whose ending may promise what it is; also within another container.

    Raises:
        DataError: as `contained`.
    """
    with file_errors(where):
        if (found := _format(file)) is not None:
            try:
                return _closing(found.open(file, where), file)
            except BaseException:
                file.close()
                raise
        file.seek(0)
        head = file.read(512)
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(f"{where} is {what}, which is not read here. Make CSV files of it.")
    if (promised := _PROMISED.get(where.suffix.lower())) is not None:
        page = head.lstrip().lower().startswith((b"<!doctype", b"<html"))
        raise damaged(
            where, promised.name, "it is a web page" if page else f"it begins with {head[:8]!r}"
        )
    return None


def unpacked_name(name: str) -> str | None:
    """Return a name without the ending that promises an archive; None if it has none.

    >>> unpacked_name("a/train.csv.zip"), unpacked_name("train.csv")
    ('a/train.csv', None)
    """
    ending = PurePosixPath(name).suffix
    return name[: -len(ending)] if ending.lower() in _PROMISED else None


def is_packed(content: bytes) -> bool:
    """Whether a content begins as one of `FORMATS` does."""
    return any(content.startswith(magic, f.offset) for f in FORMATS for magic in f.magic)


def _format(file: IO[bytes]) -> Format | None:
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    return next(
        (f for f in FORMATS if any(head.startswith(magic, f.offset) for magic in f.magic)), None
    )
