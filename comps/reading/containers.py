"""What holds files: a folder, a single file, and what archives have to offer."""

from __future__ import annotations

import io
import os
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol, cast

from comps.reading.refusals import file_errors, hidden, refuse_bomb

# What a file may be unpacked to in memory; more goes to the disk.
_IN_MEMORY = 64 * 1024 * 1024


class Container(Protocol):
    """Files by path, relative and with "/"; hidden ones are left out.

    Attributes:
        where: the path of the container, and within another one, for messages.
    """

    where: Path

    def names(self) -> Sequence[str]:
        """Return the paths, in the order of the container."""
        ...

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            DataError: if it is damaged, has a password, or may not be read.
        """
        ...

    def open(self, name: str) -> IO[bytes]:
        """Return a file that can be read from any place, unpacked; raises as `read`."""
        ...

    def stamp(self, name: str) -> str:
        """Return a text that changes with the content of a file, as cheap as can be."""
        ...


class Folder:
    """The files below a folder; links are followed, and no folder is entered twice."""

    def __init__(self, root: Path) -> None:
        self.where = root

    def names(self) -> list[str]:
        found: list[str] = []
        seen: set[str] = set()
        with file_errors(self.where):
            for folder, folders, names in os.walk(self.where, onerror=_raise, followlinks=True):
                real = os.path.realpath(folder)
                folders[:] = [] if real in seen else sorted(folders)
                inside = Path(folder).relative_to(self.where)
                found += [] if real in seen else [(inside / n).as_posix() for n in sorted(names)]
                seen.add(real)
        return [name for name in found if not hidden(name)]

    def read(self, name: str) -> bytes:
        with file_errors(self.where / name):
            return (self.where / name).read_bytes()

    def open(self, name: str) -> IO[bytes]:
        with file_errors(self.where / name):
            return (self.where / name).open("rb")

    def stamp(self, name: str) -> str:
        with file_errors(self.where / name):
            status = (self.where / name).stat()
        return f"{name} {status.st_size} {status.st_mtime_ns}"


class Single:
    """A single file that is no container."""

    def __init__(self, file: IO[bytes], where: Path, name: str) -> None:
        self._file, self.where, self._name = file, where, name

    def names(self) -> list[str]:
        return [self._name]

    def read(self, name: str) -> bytes:
        with file_errors(self.where / name):
            self._file.seek(0)
            return self._file.read()

    def open(self, name: str) -> IO[bytes]:
        return io.BytesIO(self.read(name))

    def stamp(self, name: str) -> str:
        return content_stamp(name, self.read(name))


def content_stamp(name: str, content: bytes) -> str:
    """Return a text that changes with a name and a content."""
    return f"{name} {len(content)} {zlib.crc32(content)}"


def spooled(packed: IO[bytes], where: Path, size: int) -> IO[bytes]:
    """Unpack a stream into a temporary file.

    Args:
        packed: gives the unpacked bytes.
        where: for messages.
        size: in bytes, packed.

    Raises:
        DataError: where the file gets absurdly large.
    """
    unpacked = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    while block := packed.read(1024 * 1024):
        unpacked.write(block)
        refuse_bomb(where, size, unpacked.tell())
    unpacked.seek(0)
    return cast(IO[bytes], unpacked)


def _raise(error: OSError) -> None:
    raise error
