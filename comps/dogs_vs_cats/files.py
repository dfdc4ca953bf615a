"""Finds the competition's files: in an archive of archives, in a folder of these, or unpacked.

An archive within an archive is unpacked to a temporary file, in memory while it is small: Kaggle's
own are 600 MB. Images are read one at a time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from comps.base import DataError, some
from comps.kinds.images.decoded import ImageFile, is_image
from comps.reading.containers import Container, Folder
from comps.reading.formats import contained, opened, unpacked_name

# The redux edition's names, then those of the original competition.
TRAIN = ("train",)
TEST = ("test", "test1")
SAMPLES = ("sample_submission.csv", "sampleSubmission.csv")


@dataclass(frozen=True)
class CompetitionFiles:
    """The files of the competition.

    Attributes:
        train: photographs of cats, then of dogs, by number.
        test: by number.
        sample: content of the sample submission.
        others: files among the photographs that are not called as images are.
    """

    train: Sequence[ImageFile]
    test: Sequence[ImageFile]
    sample: bytes
    others: Sequence[str] = ()


@dataclass(frozen=True)
class _Parts:
    """The paths of the three parts; `train` and `test` are files, or the one archive with them."""

    train: Sequence[str]
    test: Sequence[str]
    sample: str

    def all(self) -> list[str]:
        return [*self.train, *self.test, self.sample]


def source_key(path: Path) -> str:
    """Return 16 hexadecimal digits that change when the files do, without unpacking a zip.

    They cover name, size and CRC-32 of each entry of a zip; a zip within it is one entry. Loose
    files are known by name, size and time of change.

    Raises:
        DataError: as `open_files`.
    """
    digest = hashlib.sha256()
    tree, parts = _locate(path)
    for name in sorted(parts.all()):
        inner = _inner(tree, name) if isinstance(tree, Folder) and _is_archive(name) else None
        stamps = [tree.stamp(name)] if inner is None else map(inner.stamp, sorted(inner.names()))
        digest.update("\n".join(stamps).encode() + b"\n")
    return digest.hexdigest()[:16]


@contextmanager
def open_files(path: Path) -> Iterator[CompetitionFiles]:
    """Open the competition's files; they can be read while the context lasts.

    Args:
        path: Kaggle's zip; or a folder with it, with the zips in it, or with what these hold; or
            other archives of these.

    Raises:
        DataError: if a part is missing, an archive is damaged or has entries that point outside, a
            photograph of the training part is called neither `cat.N` nor `dog.N`, one of the
            test part no number, or two have one name.
    """
    tree, parts = _locate(path)
    train, strange = _photographs(tree, parts.train)
    test, others = _photographs(tree, parts.test)
    yield CompetitionFiles(
        _ordered(train, _training_order, "cat.N.jpg or dog.N.jpg"),
        _ordered(test, _test_order, "N.jpg with a whole number N"),
        tree.read(parts.sample),
        [*strange, *others],
    )


def _locate(path: Path) -> tuple[Container, _Parts]:
    """Return the files below a path, and where the parts are among them."""
    tree = contained(path)
    paths = tree.names()
    archives = [name for name in paths if _is_archive(name)] if isinstance(tree, Folder) else []
    # What a user unpacked is taken rather than the archive that it came from and lies beside.
    parts = _parts(tree, paths, required=len(archives) != 1)
    if all((parts.train, parts.test, parts.sample)):
        return tree, parts
    return _locate(path / archives[0])


def _parts(tree: Container, paths: Sequence[str], *, required: bool) -> _Parts:
    train, test = _part(paths, TRAIN), _part(paths, TEST)
    samples = [path for path in paths if PurePosixPath(path).name in SAMPLES]
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
        shown = ", ".join(sorted(paths)[:8]) + (" ..." if len(paths) > 8 else "")
        raise DataError(
            f"{tree.where} does not hold the files of this competition. "
            f"Missing: {'; '.join(missing)}. Found: {shown or 'nothing'}."
        )
    return _Parts(train, test, min(samples, default=""))


def _part(paths: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the files in a folder of one of the names with images, else the archive so called."""
    for name in names:
        files = [path for path in paths if name in PurePosixPath(path).parts[:-1]]
        archives = [path for path in paths if _bare(PurePosixPath(path).name) == name]
        if any(map(is_image, files)):
            return files
        if archives:
            return [min(archives, key=len)]
    return []


def _is_archive(path: str) -> bool:
    return unpacked_name(path) is not None


def _bare(name: str) -> str | None:
    """Return the name of an archive without its endings; None if it is none."""
    found = unpacked_name(name)
    return found if found is None else (unpacked_name(found) or found)


def _inner(tree: Container, path: str) -> Container:
    """Open an archive among the files."""
    found = opened(tree.open(path), tree.where / path)
    assert found is not None
    return found


def _photographs(tree: Container, paths: Sequence[str]) -> tuple[list[ImageFile], list[str]]:
    """Return the photographs of a part, and the other files among them."""
    if len(paths) == 1 and _is_archive(paths[0]):
        tree = _inner(tree, paths[0])
        paths = tree.names()
        if not any(map(is_image, paths)):
            raise DataError(f"{tree.where} holds no images. Found: {some(paths) or 'nothing'}.")
    found = [
        ImageFile(PurePosixPath(path).stem, str(tree.where / path), _reader(tree, path))
        for path in paths
        if is_image(path)
    ]
    return found, [path for path in paths if not is_image(path)]


def _reader(tree: Container, path: str) -> Callable[[], bytes]:
    return lambda: tree.read(path)


def _ordered(
    photographs: Sequence[ImageFile],
    order: Callable[[str], tuple[str, int] | None],
    expected: str,
) -> list[ImageFile]:
    keyed = [(order(photograph.name), photograph) for photograph in photographs]
    bad = [photograph for key, photograph in keyed if key is None]
    if bad:
        raise DataError(
            f"{len(bad)} photographs are not called {expected}. The first: {bad[0].where}."
        )
    by_key: dict[tuple[str, int], ImageFile] = {}
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
