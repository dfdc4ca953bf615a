"""Finds the competition's files: in a zip of zips, in a folder of zips, or unpacked.

A zip within a zip is unpacked to a temporary file, in memory while it is small: Kaggle's own are
600 MB. Images are read one at a time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from comps.base import DataError
from comps.reading.refusals import archive_errors, refuse_outside

# The redux edition's names, then those of the original competition.
TRAIN = ("train",)
TEST = ("test", "test1")
SAMPLES = ("sample_submission.csv", "sampleSubmission.csv")

_IMAGES = (".jpg", ".jpeg")
_IN_MEMORY = 64 * 1024 * 1024


@dataclass(frozen=True)
class Photograph:
    """A JPEG file that is still to be read.

    Attributes:
        name: without folder and ending: "cat.0" in the training part, "1" in the test part.
        where: file and path within it, for messages.
        read: returns the content.
    """

    name: str
    where: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class CompetitionFiles:
    """The files of the competition.

    Attributes:
        train: photographs of cats, then of dogs, by number.
        test: by number.
        sample: content of the sample submission.
    """

    train: Sequence[Photograph]
    test: Sequence[Photograph]
    sample: bytes


class _Tree(Protocol):
    """Files under one root, by path relative to it."""

    where: Path

    def paths(self) -> list[str]: ...

    def stamp(self, path: str) -> str:
        """Return a text that changes with the file and is cheap to compute."""
        ...

    def read(self, path: str) -> bytes: ...

    def inner(self, path: str, stack: ExitStack) -> _Tree:
        """Open a zip among the files."""
        ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = self.where = root

    def paths(self) -> list[str]:
        return [
            (Path(folder) / name).relative_to(self.root).as_posix()
            for folder, _, names in os.walk(self.root)
            for name in names
        ]

    def stamp(self, path: str) -> str:
        if path.endswith(".zip"):
            with ExitStack() as stack:
                tree = self.inner(path, stack)
                return "\n".join(map(tree.stamp, sorted(tree.paths())))
        with _file_errors():
            status = (self.root / path).stat()
        return f"{path} {status.st_size} {status.st_mtime_ns}"

    def read(self, path: str) -> bytes:
        with _file_errors():
            return (self.root / path).read_bytes()

    def inner(self, path: str, stack: ExitStack) -> _Tree:
        return _Zip(self.root / path, self.root / path, stack)


class _Zip:
    def __init__(self, source: Path | IO[bytes], where: Path, stack: ExitStack) -> None:
        self.where = where
        with archive_errors(where, "zip"):
            self.archive = stack.enter_context(zipfile.ZipFile(source))
        refuse_outside(where, self.archive.namelist())

    def paths(self) -> list[str]:
        return [entry for entry in self.archive.namelist() if not entry.endswith("/")]

    def stamp(self, path: str) -> str:
        entry = self.archive.getinfo(path)
        return f"{path} {entry.file_size} {entry.CRC}"

    def read(self, path: str) -> bytes:
        with archive_errors(self.where, "zip"):
            return self.archive.read(path)

    def inner(self, path: str, stack: ExitStack) -> _Tree:
        unpacked = stack.enter_context(
            tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        )
        with archive_errors(self.where, "zip"), self.archive.open(path) as packed:
            shutil.copyfileobj(packed, unpacked, 1024 * 1024)
        return _Zip(cast(IO[bytes], unpacked), self.where / path, stack)


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"Cannot read {error.filename}: {error.strerror}.") from error


@dataclass(frozen=True)
class _Parts:
    """The paths of the three parts; `train` and `test` are images, or the one zip with them."""

    train: Sequence[str]
    test: Sequence[str]
    sample: str

    def all(self) -> list[str]:
        return [*self.train, *self.test, self.sample]


def source_key(path: Path) -> str:
    """Return 16 hexadecimal digits that change when the files do, without unpacking anything.

    They cover name, size and CRC-32 of each entry of a zip; a zip within it is one entry. Loose
    files are known by name, size and time of change.

    Raises:
        DataError: as `open_files`.
    """
    digest = hashlib.sha256()
    with ExitStack() as stack:
        tree, parts = _locate(path, stack)
        for name in sorted(parts.all()):
            digest.update(tree.stamp(name).encode() + b"\n")
    return digest.hexdigest()[:16]


@contextmanager
def open_files(path: Path) -> Iterator[CompetitionFiles]:
    """Open the competition's files; they can be read while the context lasts.

    Args:
        path: Kaggle's zip; or a folder with it, with the zips in it, or with what these hold.

    Raises:
        DataError: if a part is missing, a zip is damaged or has entries that point outside, a
            photograph of the training part is called neither `cat.N` nor `dog.N`, one of the
            test part no number, or two have one name.
    """
    with ExitStack() as stack:
        tree, parts = _locate(path, stack)
        train = _photographs(tree, parts.train, stack)
        test = _photographs(tree, parts.test, stack)
        yield CompetitionFiles(
            _ordered(train, _training_order, "cat.N.jpg or dog.N.jpg"),
            _ordered(test, _test_order, "N.jpg with a whole number N"),
            tree.read(parts.sample),
        )


def _locate(path: Path, stack: ExitStack) -> tuple[_Tree, _Parts]:
    """Return the files below a path, and where the parts are among them."""
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    if path.is_file():
        tree: _Tree = _Zip(path, path, stack)
        return tree, _parts(tree, tree.paths(), required=True)
    tree = _Folder(path)
    paths = tree.paths()
    zips = [name for name in paths if name.endswith(".zip")]
    # What a user unpacked is taken rather than the zip that it came from and lies beside.
    parts = _parts(tree, paths, required=len(zips) != 1)
    if all((parts.train, parts.test, parts.sample)):
        return tree, parts
    return _locate(path / zips[0], stack)


def _parts(tree: _Tree, paths: Sequence[str], *, required: bool) -> _Parts:
    visible = [path for path in paths if not _hidden(path)]
    train, test = _part(visible, TRAIN), _part(visible, TEST)
    samples = [path for path in visible if PurePosixPath(path).name in SAMPLES]
    missing = [
        expected
        for found, expected in (
            (train, "train.zip (or a folder train/) with cat.N.jpg and dog.N.jpg"),
            (test, "test.zip or test1.zip (or such a folder) with N.jpg"),
            (samples, " or ".join(SAMPLES)),
        )
        if not found
    ]
    if missing and required:
        shown = ", ".join(sorted(visible)[:8]) + (" ..." if len(visible) > 8 else "")
        raise DataError(
            f"{tree.where} does not hold the files of this competition. "
            f"Missing: {'; '.join(missing)}. Found: {shown or 'nothing'}."
        )
    return _Parts(train, test, min(samples, default=""))


def _part(paths: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the images in a folder of one of the names, else the zip of that name."""
    for name in names:
        images = [
            path
            for path in paths
            if path.lower().endswith(_IMAGES) and name in PurePosixPath(path).parts[:-1]
        ]
        zips = [path for path in paths if PurePosixPath(path).name == f"{name}.zip"]
        if images or zips:
            return images or [min(zips, key=len)]
    return []


def _hidden(path: str) -> bool:
    """Whether a file is hidden, or one that macOS adds to a zip."""
    parts = PurePosixPath(path).parts
    return "__MACOSX" in parts or parts[-1].startswith(".")


def _photographs(tree: _Tree, paths: Sequence[str], stack: ExitStack) -> list[Photograph]:
    if len(paths) == 1 and paths[0].endswith(".zip"):
        tree = tree.inner(paths[0], stack)
        paths = [
            path for path in tree.paths() if path.lower().endswith(_IMAGES) and not _hidden(path)
        ]
        if not paths:
            raise DataError(f"{tree.where} holds no JPEG files.")
    return [
        Photograph(PurePosixPath(path).stem, str(tree.where / path), _reader(tree, path))
        for path in paths
    ]


def _reader(tree: _Tree, path: str) -> Callable[[], bytes]:
    return lambda: tree.read(path)


def _ordered(
    photographs: Sequence[Photograph],
    order: Callable[[str], tuple[str, int] | None],
    expected: str,
) -> list[Photograph]:
    keyed = [(order(photograph.name), photograph) for photograph in photographs]
    bad = [photograph for key, photograph in keyed if key is None]
    if bad:
        raise DataError(
            f"{len(bad)} photographs are not called {expected}. The first: {bad[0].where}."
        )
    by_key: dict[tuple[str, int], Photograph] = {}
    for key, photograph in keyed:
        assert key is not None
        if key in by_key:
            raise DataError(f"There are two of {photograph.name!r}: {photograph.where}.")
        by_key[key] = photograph
    return [by_key[key] for key in sorted(by_key)]


def _training_order(name: str) -> tuple[str, int] | None:
    match = re.fullmatch(r"(cat|dog)\.(\d+)", name)
    return (match[1], int(match[2])) if match else None


def _test_order(name: str) -> tuple[str, int] | None:
    return ("", int(name)) if re.fullmatch(r"\d+", name) else None
