"""Reading a competition's files out of Kaggle's zip or a folder, safely."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError

if TYPE_CHECKING:
    import pandas as pd


# What damage inside a zip makes zipfile and the decompressors raise.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    UnicodeDecodeError,
)


def read_files(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return the content of some files of a zip or a folder.

    In a zip, the files may lie in a folder, as they do when a folder was zipped. Each may be
    zipped by itself, as Kaggle does it: `train.tsv` is then read from `train.tsv.zip`.

    Args:
        path: a zip file, or a folder that holds the files or one zip with them.
        names: file names, all of which must be there.

    Raises:
        DataError: if the path is missing, a zip is unreadable or truncated, holds
            entries that point outside, or lacks a file.
    """
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    try:
        if path.is_file():
            return _from_zip(path, path, names)
        entries = sorted(path.iterdir())
        by_name = {entry.name: entry for entry in entries if entry.is_file()}
        if len(_found(names, by_name, nested=True)) == len(names):
            return {name: _from_folder(path, name, by_name) for name in names}
    except OSError as error:
        raise DataError(f"Cannot read {error.filename or path}: {error.strerror}.") from error
    zips = [entry for entry in entries if entry.suffix == ".zip"]
    if len(zips) == 1:
        return _from_zip(zips[0], zips[0], names)
    raise _lacking(path, names, [entry.name for entry in entries])


def _found(names: Sequence[str], there: Container[str], *, nested: bool) -> dict[str, str]:
    """Return the name in the archive of each file: its own or, if `nested`, with `.zip` behind."""
    suffixes = ("", ".zip") if nested else ("",)
    pairs = [(name, name + suffix) for name in names for suffix in reversed(suffixes)]
    return {name: own for name, own in pairs if own in there}


def _from_folder(path: Path, name: str, by_name: Mapping[str, Path]) -> bytes:
    if name in by_name:
        return by_name[name].read_bytes()
    inner = path / f"{name}.zip"
    return _from_zip(inner, inner, [name], nested=False)[name]


def _from_zip(
    path: Path, file: Path | io.BytesIO, names: Sequence[str], *, nested: bool = True
) -> dict[str, bytes]:
    """Read files of a zip, and of the zips in it unless `nested` says no.

    Args:
        path: what to call it in messages.
        file: the zip.
        names: of the files.
        nested: zips in zips in zips are not Kaggle's way, and one may hold itself.
    """
    with zip_errors(path), zipfile.ZipFile(file) as archive:
        entries = archive.namelist()
        refuse_outside(path, entries)
        files = [entry for entry in entries if not entry.endswith("/")]
        by_name = {PurePosixPath(entry).name: entry for entry in reversed(files)}
        found = _found(names, by_name, nested=nested)
        if len(found) < len(names):
            raise _lacking(path, names, entries)
        content = {name: archive.read(by_name[own]) for name, own in found.items()}
    for name, own in found.items():
        if own != name:
            inner = io.BytesIO(content[name])
            content[name] = _from_zip(path / own, inner, [name], nested=False)[name]
    return content


@contextmanager
def zip_errors(path: Path) -> Iterator[None]:
    """Turn the errors of a damaged, forbidden or encrypted zip into a `DataError` that names it."""
    try:
        yield
    except PermissionError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    except _UNREADABLE as error:
        raise DataError(
            f"{path} is not a readable zip file ({error}). It may be truncated: download it again."
        ) from error
    except RuntimeError as error:  # zipfile's way to say that a password is needed
        raise DataError(f"{path} cannot be unpacked: {error}.") from error


def refuse_outside(path: Path, entries: Sequence[str]) -> None:
    """Refuse a zip with entries that point outside.

    Raises:
        DataError: that names the first one.
    """
    for entry in entries:
        pure = PurePosixPath(entry.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or entry[1:2] == ":":
            raise DataError(
                f"{path} is refused: its entry {entry!r} points outside the archive. "
                "Kaggle's own archives have no such entries."
            )


def _lacking(path: Path, names: Sequence[str], found: Sequence[str]) -> DataError:
    shown = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    return DataError(
        f"{path} does not hold the files of this competition. "
        f"Expected: {', '.join(names)}. Found: {shown or 'nothing'}."
    )


def files_fingerprint(files: Mapping[str, bytes]) -> str:
    """Return a text that is equal for equal content, from a zip or a folder alike."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()[:16]


def read_csv(content: bytes, name: str, **options: object) -> pd.DataFrame:
    """Parse a CSV file. `options` go to `pandas.read_csv`.

    Raises:
        DataError: if it is empty, no text, or its lines differ in length.
    """
    import pandas as pd

    try:
        frame: pd.DataFrame = pd.read_csv(io.BytesIO(content), **options)  # type: ignore[call-overload]
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{name} is not a readable CSV file: {error}.") from error
    if frame.empty:
        raise DataError(f"{name} has no rows.")
    return frame


def check_columns(frame: pd.DataFrame, expected: Sequence[str], name: str) -> None:
    """Check that a table has the columns that it should have; further ones are ignored.

    Raises:
        DataError: that shows the difference.
    """
    missing = [column for column in expected if column not in frame.columns]
    if missing:
        more = [str(column) for column in frame.columns if column not in expected]
        raise DataError(
            f"{name} lacks {_columns(missing)}."
            + (f" It has {_columns(more)} that the competition does not know." if more else "")
        )


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    rest = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"the column{'s' if len(names) > 1 else ''} {shown}{rest}"


def check_ids(ids: pd.Series, name: str) -> NDArray[np.generic]:
    """Return the ids as an array of integers or text.

    Raises:
        DataError: if an id is missing or duplicate.
    """
    if ids.isna().any():
        raise DataError(f"{name} has {int(ids.isna().sum())} rows without an id.")
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        shown = ", ".join(map(str, twice[:5]))
        raise DataError(f"{name} has {len(twice)} duplicate ids: {shown}.")
    if ids.dtype.kind in "iu":
        return ids.to_numpy(dtype=np.int64)
    return np.array([str(value) for value in ids], dtype=np.str_)


def numeric_target(
    values: pd.Series, name: str, is_valid: Callable[[float], bool], requirement: str
) -> NDArray[np.float64]:
    """Return a target as [n] float64.

    Args:
        values: the column as read.
        name: of file and column, for the message.
        is_valid: whether one value may be there.
        requirement: what `is_valid` asks for, in words.

    Raises:
        DataError: that names the first rows whose value is text, missing or not valid.
    """
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    bad = [row for row, number in enumerate(numbers) if not is_valid(float(number))]
    if bad:
        shown = ", ".join(f"line {row + 2}: {values.iloc[row]!r}" for row in bad[:5])
        raise DataError(f"{name} must be {requirement}; {len(bad)} rows are not. {shown}.")
    return numbers
