"""The archives that are read: zip, tar, 7z."""

from __future__ import annotations

import copy
import io
import os
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from comps.base import DataError, MissingPackageError
from comps.reading.containers import Folder, content_stamp, spooled
from comps.reading.refusals import (
    archive_errors,
    damaged,
    hidden,
    locked,
    refuse_bomb,
    refuse_outside,
)

# Methods that zipfile does not know, by PKWARE's number (APPNOTE.TXT, 4.4.5).
_DEFLATE64 = 9
_METHODS = {93: "Zstandard", 95: "xz", 96: "JPEG", 97: "WavPack", 98: "PPMd"}


class Zip:
    """The files of a zip; several threads may read at once."""

    def __init__(self, file: IO[bytes], where: Path) -> None:
        self.where = where
        with archive_errors(where, "zip"):
            self._archive = zipfile.ZipFile(file)
        entries = self._archive.namelist()
        refuse_outside(where, entries)
        if "[Content_Types].xml" in entries:
            raise DataError(
                f"{where} is a document of Excel or Word, which is not read here. Save its tables "
                "as CSV files."
            )
        self._names = [name for name in entries if not name.endswith("/") and not hidden(name)]

    def names(self) -> list[str]:
        return self._names

    def read(self, name: str) -> bytes:
        entry = self._checked(name)
        with archive_errors(self.where, "zip"):
            if entry.compress_type == _DEFLATE64:
                return self._inflate64(entry)
            return self._archive.read(entry)

    def open(self, name: str) -> IO[bytes]:
        entry = self._checked(name)
        if entry.compress_type == _DEFLATE64:
            return io.BytesIO(self.read(name))
        with archive_errors(self.where, "zip"), self._archive.open(entry) as packed:
            return spooled(packed, self.where / name, entry.compress_size)

    def stamp(self, name: str) -> str:
        entry = self._archive.getinfo(name)
        return f"{name} {entry.file_size} {entry.CRC}"

    def _checked(self, name: str) -> zipfile.ZipInfo:
        """Return an entry that can be unpacked."""
        entry = self._archive.getinfo(name)
        if entry.flag_bits & 1:
            raise locked(self.where)
        if (method := _METHODS.get(entry.compress_type)) is not None:
            raise DataError(
                f"{self.where} packs {name!r} by the method {method}, which is not read here. "
                "Unpack it, and name the folder."
            )
        refuse_bomb(self.where / name, entry.compress_size, entry.file_size)
        return entry

    def _inflate64(self, entry: zipfile.ZipInfo) -> bytes:
        """Unpack by deflate64, which Windows' Explorer takes for files above 2 GB."""
        try:
            import inflate64
        except ImportError as error:
            raise DataError(
                f"{self.where} packs {entry.filename!r} by the method deflate64. Unpack it, and "
                f"name the folder. {MissingPackageError('inflate64', 'archives')}"
            ) from error
        # The packed bytes are those of an entry that says that nothing was packed.
        stored = copy.copy(entry)
        stored.compress_type, stored.file_size = zipfile.ZIP_STORED, entry.compress_size
        del stored.CRC
        try:
            content: bytes = inflate64.Inflater().inflate(self._archive.read(stored))
        except ValueError as error:
            raise zipfile.BadZipFile(str(error)) from error
        if len(content) != entry.file_size or zlib.crc32(content) != entry.CRC:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {entry.filename!r}")
        return content


class Tar:
    """The regular files of a tar that is not packed, or no longer."""

    def __init__(self, file: IO[bytes], where: Path) -> None:
        self.where = where
        self._lock = threading.Lock()
        with archive_errors(where, "tar"):
            self._archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115
            members = self._archive.getmembers()
        refuse_outside(where, [member.name for member in members])
        # A sparse file may say that it is any size.
        self._members = {
            member.name: member
            for member in members
            if member.isreg() and not member.issparse() and not hidden(member.name)
        }

    def names(self) -> list[str]:
        return list(self._members)

    def read(self, name: str) -> bytes:
        # A tar has one position.
        with self._lock, archive_errors(self.where, "tar"):
            file = self._archive.extractfile(self._members[name])
            return b"" if file is None else file.read()

    def open(self, name: str) -> IO[bytes]:
        return io.BytesIO(self.read(name))

    def stamp(self, name: str) -> str:
        return content_stamp(name, self.read(name))


class SevenZip:
    """The files of a 7z. It is one block: all are unpacked when the first is read."""

    def __init__(self, file: IO[bytes], where: Path) -> None:
        try:
            import py7zr
        except ImportError as error:
            raise DataError(
                f"{where} is a 7z archive. Unpack it, and name the folder. "
                f"{MissingPackageError('py7zr', 'archives')}"
            ) from error
        self.where = where
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        with self._errors():
            self._archive = py7zr.SevenZipFile(file)
            if self._archive.needs_password():
                raise locked(where)
            files = [entry for entry in self._archive.list() if entry.is_file]
        refuse_outside(where, [entry.filename for entry in files])
        refuse_bomb(where, size, sum(entry.uncompressed for entry in files))
        self._stamps = {
            entry.filename: f"{entry.filename} {entry.uncompressed} {entry.crc32}"
            for entry in files
            if not hidden(entry.filename)
        }

    def names(self) -> list[str]:
        return list(self._stamps)

    def read(self, name: str) -> bytes:
        return self._unpacked().read(name)

    def open(self, name: str) -> IO[bytes]:
        return self._unpacked().open(name)

    def stamp(self, name: str) -> str:
        return self._stamps[name]

    def _unpacked(self) -> Folder:
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="comps-")
                with self._errors():
                    self._archive.extractall(self._folder.name)
            return Folder(Path(self._folder.name))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from py7zr.exceptions import ArchiveError, PasswordRequired

        try:
            with archive_errors(self.where, "7z"):
                yield
        except PasswordRequired as error:
            raise locked(self.where) from error
        except ArchiveError as error:
            raise damaged(self.where, "7z", error) from error
