"""What is refused of archives, and what is left out of them without a word."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from comps.base import DataError

# Deflate packs at most 1,032 to 1, and real tables at most about 100 to 1.
_LARGEST_RATIO = 500
_SMALL = 256 * 1024 * 1024
# What damage inside an archive makes the libraries that read it raise.
_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    UnicodeDecodeError,
)
# Files that Windows puts into folders by itself.
_OF_THE_SYSTEM = ("Thumbs.db", "desktop.ini")


def hidden(name: str) -> bool:
    """Whether a file is hidden, has no name, or is one that a system adds by itself.

    >>> hidden("__MACOSX/._train.csv"), hidden("a/.DS_Store"), hidden("./a/train.csv")
    (True, True, False)
    """
    parts = PurePosixPath(name).parts
    dotted = any(part.startswith(".") for part in parts)
    return not parts or dotted or "__MACOSX" in parts or parts[-1] in _OF_THE_SYSTEM


def refuse_outside(where: Path, entries: Sequence[str]) -> None:
    """Refuse an archive with entries that point outside.

    Raises:
        DataError: that names the first one.
    """
    for entry in entries:
        pure = PurePosixPath(entry.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or entry[1:2] == ":":
            raise DataError(
                f"{where} is refused: its entry {entry!r} points outside the archive. "
                "Kaggle's own archives have no such entries."
            )


def refuse_bomb(where: Path, packed: int, unpacked: int) -> None:
    """Refuse what would be absurdly larger unpacked: more than 256 MiB, and than 500 to 1.

    Raises:
        DataError: with both sizes.
    """
    if unpacked > _SMALL and unpacked > _LARGEST_RATIO * max(packed, 1):
        raise DataError(
            f"{where} is refused: {packed:,} bytes would be unpacked to {unpacked:,} or more. No "
            "table packs as well as that. If it is what you want, unpack it, and name the folder."
        )


def damaged(where: Path, kind: str, why: object) -> DataError:
    """Return the error of an archive that is not what it should be."""
    return DataError(
        f"{where} is not a readable {kind} file ({why}). It may be truncated: download it again."
    )


def locked(where: Path) -> DataError:
    """Return the error of an archive that has a password."""
    return DataError(
        f"{where} cannot be unpacked: it needs a password. Unpack it, and name the folder."
    )


@contextmanager
def archive_errors(where: Path, kind: str) -> Iterator[None]:
    """Turn the errors of a damaged or forbidden archive into a `DataError` that names it."""
    try:
        yield
    except PermissionError as error:
        raise DataError(f"Cannot read {where}: {error.strerror}.") from error
    except _UNREADABLE as error:
        raise damaged(where, kind, error) from error


@contextmanager
def file_errors(where: Path) -> Iterator[None]:
    """Turn the errors of a file that cannot be read into a `DataError` that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"Cannot read {error.filename or where}: {error.strerror or error}."
        ) from error
